package kernel_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/internal/kernel"
	"github.com/trueup-rl/trueup/internal/kernel/kerneltest"
)

// swizzling is a pair of kernels and the offset formula that both obey, as cuBLAS
// and FlashInfer print it.
type swizzling struct {
	name     string
	do, undo func(dst, src []uint8, rows, cols int)
	rows     int // of a tile
	offset   func(m, k, tiles int) int
}

var swizzlings = []swizzling{
	{"128x4", kernel.Swizzle128x4, kernel.Unswizzle128x4, 128, func(m, k, tiles int) int {
		return m/128*tiles*512 + k/4*512 + m%32*16 + m%128/32*4 + k%4
	}},
	{"8x4", kernel.Swizzle8x4, kernel.Unswizzle8x4, 8, func(m, k, tiles int) int {
		return m/8*tiles*32 + k/4*32 + m%8*4 + k%4
	}},
}

// check swizzles random bytes, between guards, and brings them back.
func (s swizzling) check(t *testing.T, rng *rand.Rand, rows, cols int) {
	t.Helper()
	const guard = 64
	at := rng.IntN(32)
	buffer := func(n int) []uint8 {
		b := bytes.Repeat([]byte{0xA5}, guard+at+n+guard)
		return b
	}
	tiles := (cols + 3) / 4
	size := (rows + s.rows - 1) / s.rows * s.rows * tiles * 4
	src := make([]uint8, rows*cols)
	for i := range src {
		src[i] = uint8(rng.Uint32())
	}
	want := buffer(size)
	clear(want[guard+at:][:size])
	for m := range rows {
		for k := range cols {
			want[guard+at+s.offset(m, k, tiles)] = src[m*cols+k]
		}
	}
	got := buffer(size)
	s.do(got[guard+at:][:size], src, rows, cols)
	if !bytes.Equal(want, got) {
		t.Fatalf("%s of %d×%d differs from the formula", s.name, rows, cols)
	}
	back := buffer(len(src))
	s.undo(back[guard+at:][:len(src)], got[guard+at:][:size], rows, cols)
	require.Equal(t, src, back[guard+at:][:len(src)], "%s of %d×%d and back", s.name, rows, cols)
	for i, b := range back {
		if (i < guard+at || i >= guard+at+len(src)) && b != 0xA5 {
			t.Fatalf("%s of %d×%d: undoing it wrote outside", s.name, rows, cols)
		}
	}
}

func TestSwizzle(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 1))
		for _, s := range swizzlings {
			for _, rows := range []int{0, 1, 7, 8, 9, 127, 128, 129, 256, 300} {
				for cols := range 68 {
					s.check(t, rng, rows, cols)
				}
			}
			s.check(t, rng, 130, 1111) // more than a call of assembly takes
		}
	})
}

func FuzzSwizzle(f *testing.F) {
	f.Add(uint16(128), uint16(64), uint64(1))
	f.Fuzz(func(t *testing.T, rows, cols uint16, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 0))
		for _, l := range kernel.Levels() {
			restore := kernel.Use(l)
			for _, s := range swizzlings {
				s.check(t, rng, int(rows%400), int(cols%400))
			}
			restore()
		}
	})
}
