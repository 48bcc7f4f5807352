package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestProgressWaitsForASecond(t *testing.T) {
	var seen bytes.Buffer
	p := &progress{out: &lateWriter{&seen, time.Now().Add(time.Hour)}}
	p.update(1, 2)
	p.finish()
	assert.Empty(t, seen.String())

	p = &progress{out: &lateWriter{&seen, time.Now()}}
	p.update(1, 2)
	p.finish()
	assert.Contains(t, seen.String(), "reading")
}

func TestProgressIsQuietWhenPiped(t *testing.T) {
	var seen bytes.Buffer
	p := newProgress(&seen)
	p.update(1, 2)
	p.finish()
	assert.Empty(t, seen.String())
}
