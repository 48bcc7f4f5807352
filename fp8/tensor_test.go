package fp8_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/x448/float16"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/fp8"
	"github.com/trueup-rl/trueup/internal/golden"
	"github.com/trueup-rl/trueup/internal/kernel"
	"github.com/trueup-rl/trueup/internal/kernel/kerneltest"
)

func TestCheck(t *testing.T) {
	assert.NoError(t, fp8.Default.Check(fp8.Tile1x32, fp8.FormatE5M2))
	assert.EqualError(t, fp8.ModelOpt.Check(fp8.Tile1x32, fp8.FormatE4M3),
		"fp8: recipe modelopt has no scales for tiles 1x32, but for [tensor row 1x128 128x128]")
	assert.EqualError(t, fp8.DeepGEMM.Check(fp8.Tile1x128, fp8.FormatE5M2), "fp8: recipe deepgemm does not give e5m2, but [e4m3]")
	assert.EqualError(t, fp8.Recipe(99).Check(0, 0), "fp8: no recipe 99")
	assert.Error(t, fp8.Default.Check(fp8.Tile(9), 0))
	assert.Error(t, fp8.Default.Check(0, fp8.Format(9)))
}

func TestTileScales(t *testing.T) {
	for _, c := range []struct {
		tile                     fp8.Tile
		rows, cols, down, across int
	}{
		{fp8.PerTensor, 3, 5, 1, 1}, {fp8.PerTensor, 0, 0, 1, 1},
		{fp8.PerRow, 3, 5, 3, 1}, {fp8.PerRow, 3, 0, 3, 1}, {fp8.PerRow, 0, 5, 0, 1},
		{fp8.Tile1x32, 3, 64, 3, 2}, {fp8.Tile1x32, 3, 65, 3, 3}, {fp8.Tile1x32, 3, 0, 3, 0},
		{fp8.Tile1x128, 3, 1, 3, 1}, {fp8.Tile1x128, 0, 129, 0, 2},
		{fp8.Tile128x128, 150, 200, 2, 2}, {fp8.Tile128x128, 0, 200, 0, 2}, {fp8.Tile128x128, 200, 0, 2, 0},
		{fp8.Tile128x128, math.MaxInt, math.MaxInt, math.MaxInt/128 + 1, math.MaxInt/128 + 1},
	} {
		down, across := c.tile.Scales(c.rows, c.cols)
		assert.Equal(t, [2]int{c.down, c.across}, [2]int{down, across}, "%v of %d × %d", c.tile, c.rows, c.cols)
	}
	for _, tile := range fp8.Tiles() {
		height, width := tile.Size(300, 400)
		down, across := tile.Scales(300, 400)
		assert.Equal(t, [2]int{(300 + height - 1) / height, (400 + width - 1) / width}, [2]int{down, across})
	}
	assert.Len(t, fp8.Tiles(), 5)
	assert.Panics(t, func() { fp8.Tile(9).Size(1, 1) })
	assert.Panics(t, func() { fp8.Tile(9).Scales(1, 1) })
	assert.Panics(t, func() { fp8.PerRow.Scales(-1, 1) })
}

func TestMisuse(t *testing.T) {
	x := make([]float32, 6)
	tensor := func(change func(*fp8.Tensor)) *fp8.Tensor {
		t := fp8.New(2, 3, fp8.Default, fp8.PerRow, fp8.FormatE4M3)
		change(t)
		return t
	}
	good := tensor(func(*fp8.Tensor) {})
	for i, call := range []func(){
		func() { fp8.New(math.MaxInt, 3, fp8.Default, fp8.PerRow, fp8.FormatE4M3) },
		func() { fp8.New(-1, 3, fp8.Default, fp8.PerRow, fp8.FormatE4M3) },
		func() { fp8.New(1, -3, fp8.Default, fp8.PerRow, fp8.FormatE4M3) },
		func() { fp8.New(1, 3, fp8.TorchAOTraining, fp8.Tile1x128, fp8.FormatE4M3) },
		func() { fp8.New(1, 3, fp8.Default, fp8.Tile(77), fp8.FormatE4M3) },
		func() { fp8.Quantize(good, x[:5], 1) },
		func() { fp8.QuantizeBF16(good, make([]bf16.BF16, 7), 1) },
		func() { fp8.QuantizeFP16(good, make([]float16.Float16, 7), 1) },
		func() { fp8.Quantize(good, x, -1) },
		func() { fp8.Dequantize(x[:5], good) },
		func() { fp8.DequantizeBF16(make([]bf16.BF16, 5), good) },
		func() { fp8.FakeQuantize(x, x[:5], 2, 3, fp8.Default, fp8.PerRow, 0, 1) },
		func() { fp8.FakeQuantize(x[:5], x, 2, 3, fp8.Default, fp8.PerRow, 0, 1) },
		func() { fp8.FakeQuantize(x, x, 2, 3, fp8.DeepGEMM, fp8.PerRow, 0, 1) },
		func() { fp8.FakeQuantize(x, x, 2, 3, fp8.Default, fp8.PerRow, 0, -1) },
		func() { fp8.FakeQuantize(x, x, -2, -3, fp8.Default, fp8.PerRow, 0, 1) },
		func() { fp8.Quantize(tensor(func(t *fp8.Tensor) { t.Codes = t.Codes[:5] }), x, 1) },
		func() { fp8.Quantize(tensor(func(t *fp8.Tensor) { t.Scales = t.Scales[:1] }), x, 1) },
		func() { fp8.Dequantize(x, tensor(func(t *fp8.Tensor) { t.Recipe = 99 })) },
		func() { fp8.Dequantize(x, tensor(func(t *fp8.Tensor) { t.Format = 99 })) },
		func() { fp8.Dequantize(x, tensor(func(t *fp8.Tensor) { t.Rows = 3 })) },
		func() { fp8.Dequantize(nil, &fp8.Tensor{Rows: math.MaxInt/2 + 1, Cols: 4, Scales: make([]float32, 1)}) },
	} {
		assert.Panics(t, call, i)
	}
}

// TestEmpty quantizes matrices without elements.
func TestEmpty(t *testing.T) {
	forEachKind(func(r fp8.Recipe, tile fp8.Tile, format fp8.Format) {
		for _, size := range [][2]int{{0, 0}, {0, 300}, {300, 0}} {
			q := fp8.New(size[0], size[1], r, tile, format)
			fp8.Quantize(q, nil, 0)
			fp8.QuantizeBF16(q, nil, 0)
			fp8.QuantizeFP16(q, nil, 0)
			fp8.Dequantize(nil, q)
			fp8.DequantizeBF16(nil, q)
			fp8.FakeQuantize(nil, nil, size[0], size[1], r, tile, format, 0)
		}
	})
}

// TestBadInput holds each recipe to what its documentation says of tiles that cannot be carried.
func TestBadInput(t *testing.T) {
	const n = 30 // one tile of any kind
	forEachKind(func(r fp8.Recipe, tile fp8.Tile, format fp8.Format) {
		run := func(fill, odd float32) (scale float32, decoded []float32) {
			x, q := make([]float32, n), fp8.New(1, n, r, tile, format)
			for i := range x {
				x[i] = fill
			}
			x[3] = odd
			fp8.Quantize(q, x, fp8.AMax(x))
			fp8.Dequantize(x, q)
			return q.Scales[0], x
		}
		isNaN := func(f float32) bool { return f != f }
		t.Run(fmt.Sprintf("%v/%v/%v", r, tile, format), func(t *testing.T) {
			// One NaN: all of the tile.
			scale, y := run(1, nan)
			switch r {
			case fp8.TransformerEnginePow2, fp8.DeepGEMMUE8M0: // the scale of nothing
				assert.False(t, isNaN(scale))
				assert.True(t, isNaN(y[3]))
			default:
				for _, f := range y {
					assert.True(t, isNaN(f))
				}
			}
			// One infinity: no number of the tile stays what it is.
			_, y = run(1, -inf)
			for i, f := range y {
				assert.True(t, isNaN(f) || i != 3 && f == 0 || i == 3 && f < 0, "%v", y)
			}
			// Zeros: zeros, or NaN where the implementation divides 0 by 0.
			_, y = run(0, 0)
			for _, f := range y {
				switch r {
				case fp8.ModelOpt, fp8.TorchAO, fp8.TorchAOE8M0:
					assert.True(t, isNaN(f))
				default:
					assert.Zero(t, f)
				}
			}
			// Subnormal numbers only: never larger than they are, but for rounding, except where their
			// scale underflows to 0 or the format's largest value times it is the least there is.
			scale, y = run(0x1p-140, -0x1p-141)
			if scale != 0 {
				for _, f := range y {
					assert.LessOrEqual(t, math.Abs(float64(f)), 0x1p-130)
				}
			}
		})
	})
}

// TestParts quantizes a matrix in parts of whole tiles.
func TestParts(t *testing.T) {
	const rows, cols, cut = 300, 260, 128
	x := nastyMatrix(rand.New(rand.NewPCG(2, 2)), rows, cols, false)
	forEachKind(func(r fp8.Recipe, tile fp8.Tile, format fp8.Format) {
		whole := fp8.New(rows, cols, r, tile, format)
		amax := fp8.AMax(x)
		fp8.Quantize(whole, x, amax)
		upper, lower := *whole, *whole
		upper.Rows, lower.Rows = cut, rows-cut
		upper.Codes, lower.Codes = make([]uint8, cut*cols), make([]uint8, (rows-cut)*cols)
		scales := func(rows int) []float32 {
			down, across := tile.Scales(rows, cols)
			return make([]float32, down*across)
		}
		upper.Scales, lower.Scales = scales(cut), scales(rows-cut)
		fp8.Quantize(&lower, x[cut*cols:], amax)
		fp8.Quantize(&upper, x[:cut*cols], amax)
		require.Equal(t, whole.Codes, append(upper.Codes, lower.Codes...), "%v %v", r, tile)
		if tile == fp8.PerTensor {
			require.Equal(t, whole.Scales, upper.Scales)
			require.Equal(t, whole.Scales, lower.Scales)
		} else {
			require.Equal(t, whole.Scales, append(upper.Scales, lower.Scales...), "%v %v", r, tile)
		}
	})
}

// TestSharedAMax quantizes one part of a fused group: its scale is that of the group.
func TestSharedAMax(t *testing.T) {
	q, k := []float32{1, -2, 3}, []float32{7, 0, 0}
	got := fp8.New(1, 3, fp8.Default, fp8.PerTensor, fp8.FormatE4M3)
	fp8.Quantize(got, q, max(fp8.AMax(q), fp8.AMax(k)))
	assert.Equal(t, float32(7.0/448), got.Scales[0])
	fp8.Quantize(got, q, 1) // too small: saturates
	assert.Equal(t, []uint8{0x7E, 0xFE, 0x7E}, got.Codes)
}

// TestDequantize compares values, in float32 and BF16, and those of FakeQuantize with the definition.
func TestDequantize(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for _, size := range sizes {
		x := nastyMatrix(rng, size.rows, size.cols, true)
		forEachKind(func(r fp8.Recipe, tile fp8.Tile, format fp8.Format) {
			kerneltest.EachLevel(t, func(t *testing.T) {
				q := fp8.New(size.rows, size.cols, r, tile, format)
				amax := fp8.AMax(x)
				fp8.Quantize(q, x, amax)
				y, half, fake := make([]float32, len(x)), make([]bf16.BF16, len(x)), append([]float32(nil), x...)
				fp8.Dequantize(y, q)
				fp8.DequantizeBF16(half, q)
				fp8.FakeQuantize(fake, fake, size.rows, size.cols, r, tile, format, amax)
				for i, c := range q.Codes {
					v := fp8.E4M3(c).Float32()
					if format == fp8.FormatE5M2 {
						v = fp8.E5M2(c).Float32()
					}
					s := q.Scales[tileOf(tile, size.rows, size.cols, i)]
					want := v * s
					if r == fp8.TorchAOTraining || r == fp8.TorchAOTrainingPow2 {
						want = v / s
					}
					if !golden.SameFloat(want, y[i]) || !golden.SameFloat(want, fake[i]) || !golden.SameFloat(bf16.FromFloat32(want).Float32(), half[i].Float32()) {
						t.Fatalf("%v %v: element %d: %v, %v, %v, want %v", r, tile, i, y[i], fake[i], half[i].Float32(), want)
					}
				}
			})
		})
	}
}

func TestTensorAllocs(t *testing.T) {
	const rows, cols = 130, 260
	x := nastyMatrix(rand.New(rand.NewPCG(4, 4)), rows, cols, false)
	half, ieee := make([]bf16.BF16, len(x)), make([]float16.Float16, len(x))
	packed := make([]int32, rows)
	forEachKind(func(r fp8.Recipe, tile fp8.Tile, format fp8.Format) {
		q := fp8.New(rows, cols, r, tile, format)
		assert.Zero(t, testing.AllocsPerRun(1, func() {
			fp8.Quantize(q, x, 1)
			fp8.QuantizeBF16(q, half, 1)
			fp8.QuantizeFP16(q, ieee, 1)
			fp8.FakeQuantize(x, x, rows, cols, r, tile, format, 1)
			fp8.DequantizeBF16(half, q)
		}), "%v %v %v", r, tile, format)
	})
	q := fp8.New(rows, cols, fp8.DeepGEMMUE8M0, fp8.Tile1x128, fp8.FormatE4M3)
	fp8.Quantize(q, x, 0)
	assert.Zero(t, testing.AllocsPerRun(1, func() {
		if err := fp8.PackUE8M0(packed, q.Scales, 3); err != nil {
			panic(err)
		}
		fp8.UnpackUE8M0(q.Scales, packed, 3)
	}))
}

// FuzzDequantize decodes any codes under any scales.
func FuzzDequantize(f *testing.F) {
	f.Add([]byte{0x7E, 0xFF, 0, 1, 2, 3, 4, 5, 6, 7}, uint8(5), uint8(3))
	f.Add(make([]byte, 1200), uint8(31), uint8(100))
	f.Fuzz(func(t *testing.T, data []byte, kind, cols uint8) {
		width := int(cols) + 1
		rows := min(len(data)/width, 200)
		i := 0
		forEachKind(func(r fp8.Recipe, tile fp8.Tile, format fp8.Format) {
			if i++; i%16 != int(kind%16) {
				return
			}
			q := fp8.New(rows, width, r, tile, format)
			copy(q.Codes, data)
			for i := range q.Scales {
				if at := 4 * i; at+4 <= len(data) {
					q.Scales[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[at:]))
				}
			}
			fp8.Dequantize(make([]float32, rows*width), q)
			fp8.DequantizeBF16(make([]bf16.BF16, rows*width), q)
		})
	})
}

// FuzzQuantize holds the levels to the same bits.
func FuzzQuantize(f *testing.F) {
	f.Add([]byte{0, 0, 0x80, 0x3F, 1, 0, 0xC0, 0x7F, 0, 0, 0xF8, 0x43}, uint8(5), uint8(3))
	f.Add(make([]byte, 4000), uint8(7), uint8(200))
	f.Fuzz(func(t *testing.T, data []byte, kind, cols uint8) {
		width := int(cols) + 1
		x := make([]float32, min(len(data)/4, 4096)/width*width)
		for i := range x {
			x[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		}
		rows, i := len(x)/width, 0
		forEachKind(func(r fp8.Recipe, tile fp8.Tile, format fp8.Format) {
			if i++; i%16 != int(kind%16) {
				return
			}
			var first *fp8.Tensor
			for _, level := range kernel.Levels() {
				restore := kernel.Use(level)
				q := fp8.New(rows, width, r, tile, format)
				fp8.Quantize(q, x, fp8.AMax(x))
				restore()
				if first == nil {
					first = q
				}
				if !bytes.Equal(first.Codes, q.Codes) {
					t.Fatalf("%v %v %v: codes of level %v differ", r, tile, format, level)
				}
				for i, s := range q.Scales {
					if !golden.SameFloat(first.Scales[i], s) {
						t.Fatalf("%v %v %v: scale %d of level %v differs", r, tile, format, i, level)
					}
				}
			}
		})
	})
}
