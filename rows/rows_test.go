package rows_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/rows"
)

type span struct{ start, end int }

func spans(l rows.Layout, of func(*rows.Layout, int) (int, int)) []span {
	var s []span
	for i := range l.Rows() {
		a, b := of(&l, i)
		s = append(s, span{a, b})
	}
	return s
}

func TestRagged(t *testing.T) {
	want := []span{{2, 5}, {5, 5}, {5, 9}}
	a, err := rows.Ragged([]int64{2, 5, 5, 9})
	require.NoError(t, err)
	b, err := rows.Ragged32([]int32{2, 5, 5, 9})
	require.NoError(t, err)
	for _, l := range []rows.Layout{a, b} {
		assert.Equal(t, want, spans(l, (*rows.Layout).Row))
		assert.Equal(t, want, spans(l, (*rows.Layout).Storage))
		assert.Equal(t, 9, l.Size())
	}
}

func TestPadded(t *testing.T) {
	l, err := rows.Padded(3, 4, 6, []int32{4, 0, 2})
	require.NoError(t, err)
	assert.Equal(t, []span{{0, 4}, {6, 6}, {12, 14}}, spans(l, (*rows.Layout).Row))
	assert.Equal(t, []span{{0, 4}, {6, 10}, {12, 16}}, spans(l, (*rows.Layout).Storage))
	assert.Equal(t, 16, l.Size())

	l, err = rows.Padded(2, 3, 3, nil)
	require.NoError(t, err)
	assert.Equal(t, []span{{0, 3}, {3, 6}}, spans(l, (*rows.Layout).Row))

	l, err = rows.Padded(0, 5, 5, nil)
	require.NoError(t, err)
	assert.Zero(t, l.Size())
}

func TestBadLayouts(t *testing.T) {
	ragged := func(o ...int64) error { _, err := rows.Ragged(o); return err }
	padded := func(r, w, s int, n ...int32) error { _, err := rows.Padded(r, w, s, n); return err }
	for _, c := range []struct {
		name string
		err  error
		says string
	}{
		{"no offsets", ragged(), "n+1"},
		{"negative offset", ragged(-1, 2), "offset 0 is -1"},
		{"falling offset", ragged(0, 5, 4), "offset 2 is 4"},
		{"negative rows", padded(-1, 2, 2), "[-1, 2]"},
		{"short stride", padded(2, 4, 3), "stride 3"},
		{"wrong number of lengths", padded(2, 4, 4, 1), "1 lengths for 2 rows"},
		{"length beyond width", padded(2, 4, 4, 1, 5), "row 1 has length 5"},
		{"negative length", padded(1, 4, 4, -1), "row 0 has length -1"},
		{"overflow", padded(math.MaxInt, 4, 4), "address space"},
	} {
		require.ErrorIs(t, c.err, rows.ErrLayout, c.name)
		assert.ErrorContains(t, c.err, c.says, c.name)
	}
}

func ExampleRagged() {
	// Two answers of 3 and 2 tokens, one after the other in every array.
	layout, err := rows.Ragged([]int64{0, 3, 5})
	if err != nil {
		panic(err)
	}
	for i := range layout.Rows() {
		fmt.Println(layout.Row(i))
	}
	// Output:
	// 0 3
	// 3 5
}
