package kernel_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/internal/kernel"
	"github.com/trueup-rl/trueup/internal/kernel/kerneltest"
)

// The kernels that take a factor for each tile are compared with those that take
// one, which convert_test.go compares with their twins.

// tiled is a kernel of tiles, and the same of one.
type tiled[D, S any] struct {
	name  string
	tiles func(dst []D, src []S, factors []float32)
	one   func(dst []D, src []S, factor float32)
}

var (
	tiledFloat32 = []tiled[uint8, float32]{
		{"ScaleE4M3", kernel.ScaleE4M3Tiles, kernel.ScaleE4M3},
		{"ScaleE5M2", kernel.ScaleE5M2Tiles, kernel.ScaleE5M2},
		{"QuantizeE4M3", kernel.QuantizeE4M3Tiles, kernel.QuantizeE4M3},
		{"QuantizeE5M2", kernel.QuantizeE5M2Tiles, kernel.QuantizeE5M2},
	}
	tiledBF16 = []tiled[uint8, uint16]{
		{"ScaleE4M3BF16", kernel.ScaleE4M3BF16Tiles, kernel.ScaleE4M3BF16},
		{"QuantizeE4M3BF16", kernel.QuantizeE4M3BF16Tiles, kernel.QuantizeE4M3BF16},
		{"QuantizeE4M3InBF16", kernel.QuantizeE4M3InBF16Tiles, kernel.QuantizeE4M3InBF16},
	}
	tiledDecode = []tiled[float32, uint8]{
		{"DecodeE4M3", kernel.DecodeE4M3Tiles, kernel.DecodeE4M3},
		{"DecodeE5M2", kernel.DecodeE5M2Tiles, kernel.DecodeE5M2},
	}
)

// tileSizes are widths and numbers of tiles, those of one call and of more.
var tileSizes = []struct{ width, tiles int }{
	{1, 5}, {16, 3}, {32, 1}, {32, 7}, {48, 2}, {64, 5}, {96, 3}, {100, 2}, {128, 1}, {128, 9}, {128, 700}, {129, 3}, {70_000, 2},
}

func sameTiles[D, S any](t *testing.T, kernels []tiled[D, S], src []S) {
	t.Helper()
	for _, size := range tileSizes {
		factors := make([]float32, size.tiles)
		for i := range factors {
			factors[i] = []float32{3.703125, -0.25, 0x1.8p-20}[i%3]
			if size.width == 64 { // some of all kinds, as BF16 values
				factors[i] = math.Float32frombits(math.Float32bits(multipliers[i%len(multipliers)]) &^ 0xFFFF)
			}
		}
		x := make([]S, size.width*size.tiles)
		for i := range x {
			x[i] = src[i%len(src)]
		}
		for _, k := range kernels {
			name := fmt.Sprintf("%s of %d × %d", k.name, size.tiles, size.width)
			want := make([]D, len(x))
			for i, f := range factors {
				at := i * size.width
				k.one(want[at:at+size.width], x[at:at+size.width], f)
			}
			const guard = 64
			got := make([]D, guard+len(x)+guard)
			k.tiles(got[guard:guard+len(x)], x, factors)
			require.Equal(t, raw(want), raw(got[guard:guard+len(x)]), name)
			require.Equal(t, raw(make([]D, guard)), raw(got[:guard]), name)
			require.Equal(t, raw(make([]D, guard)), raw(got[guard+len(x):]), name)
		}
	}
}

func TestFP8Tiles(t *testing.T) {
	words := allWords()
	rand.New(rand.NewPCG(4, 4)).Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
	kerneltest.EachLevel(t, func(t *testing.T) {
		sameTiles(t, tiledFloat32, trickyFloats())
		sameTiles(t, tiledBF16, words)
		sameTiles(t, tiledDecode, allBytes())
		assert.Panics(t, func() { kernel.ScaleE4M3Tiles(make([]uint8, 5), make([]float32, 5), make([]float32, 2)) })
	})
}

func TestAMaxTiles(t *testing.T) {
	floats, words := trickyFloats(), allWords()
	rand.New(rand.NewPCG(5, 5)).Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
	kerneltest.EachLevel(t, func(t *testing.T) {
		for _, size := range tileSizes {
			x, h := make([]float32, size.width*size.tiles), make([]uint16, size.width*size.tiles)
			for i := range x {
				x[i], h[i] = floats[i%len(floats)], words[i%len(words)]
				if i/size.width%2 == 0 { // without infinities and NaNs
					x[i], h[i] = math.Float32frombits(math.Float32bits(x[i])&^(1<<30)), h[i]&^(1<<14)
				}
			}
			amax, amaxBF16 := make([]float32, size.tiles+1), make([]float32, size.tiles+1)
			kernel.AMaxTiles(amax[:size.tiles], x)
			kernel.AMaxTilesBF16(amaxBF16[:size.tiles], h)
			for i := range size.tiles {
				at := i * size.width
				require.Equal(t, kernel.AMax(x[at:at+size.width]), math.Float32bits(amax[i]), "%v", size)
				require.Equal(t, uint32(kernel.AMaxBF16(h[at:at+size.width]))<<16, math.Float32bits(amaxBF16[i]), "%v", size)
			}
			require.Zero(t, amax[size.tiles])
			require.Zero(t, amaxBF16[size.tiles])
		}
	})
}

func TestTilesAllocs(t *testing.T) {
	const tiles, width = 4, 128
	f, h, q := make([]float32, tiles*width), make([]uint16, tiles*width), make([]uint8, tiles*width)
	kerneltest.EachLevel(t, func(t *testing.T) {
		assert.Zero(t, testing.AllocsPerRun(10, func() {
			factors := [tiles]float32{1, 2, 3, 4}
			var amax [tiles]float32
			kernel.AMaxTiles(amax[:], f)
			kernel.AMaxTilesBF16(amax[:], h)
			for _, k := range tiledFloat32 {
				k.tiles(q, f, f[:tiles])
			}
			kernel.ScaleE4M3Tiles(q, f, factors[:])
			kernel.QuantizeE5M2Tiles(q, f, factors[:])
			kernel.QuantizeE4M3InBF16Tiles(q, h, factors[:])
			kernel.DecodeE4M3Tiles(f, q, factors[:])
			kernel.DecodeE5M2Tiles(f, q, factors[:])
		}))
	})
}
