package names_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/internal/names"
)

type Colour uint8

const (
	Red Colour = iota
	Green
)

var colours = names.Of[Colour]{Red: "red", Green: "green"}

func TestNames(t *testing.T) {
	assert.Equal(t, []Colour{Red, Green}, colours.All())
	for _, c := range colours.All() {
		text, err := colours.Marshal(c)
		require.NoError(t, err)
		assert.Equal(t, colours.String(c), string(text))
		back := Colour(9)
		require.NoError(t, colours.Unmarshal(&back, text))
		assert.Equal(t, c, back)
	}
	assert.Equal(t, "green", colours.String(Green))
	assert.Equal(t, "Colour(2)", colours.String(2))
	_, err := colours.Marshal(2)
	assert.EqualError(t, err, "names_test: no colour 2")
	_, err = colours.Parse("Red")
	assert.EqualError(t, err, `names_test: unknown colour "Red", want one of ["red" "green"]`)
	kept := Green
	assert.Error(t, colours.Unmarshal(&kept, []byte("")))
	assert.Equal(t, Green, kept)
}
