package sim

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestCache(t *testing.T) {
	c := newCache(100)
	a := c.hold(1)
	assert.True(t, c.room(60))
	c.grow(a, 60)
	b := c.hold(2)
	assert.False(t, c.room(50), "what is in use stays")
	c.release(a)
	assert.True(t, c.room(50))
	assert.Equal(t, int64(50), a.tokens, "its tail goes")
	c.grow(b, 50)
	c.release(b)
	again := c.hold(1)
	assert.Same(t, a, again)
	c.release(again)
	d := c.hold(3)
	assert.True(t, c.room(60))
	c.grow(d, 60)
	assert.Equal(t, int64(40), a.tokens, "the other was used less recently, and is gone")
	assert.NotContains(t, c.entries, 2)
	assert.Equal(t, int64(100), c.used)
}
