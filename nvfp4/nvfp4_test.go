package nvfp4_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/x448/float16"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/fp8"
	"github.com/trueup-rl/trueup/internal/golden"
	"github.com/trueup-rl/trueup/internal/kernel"
	"github.com/trueup-rl/trueup/internal/kernel/kerneltest"
	"github.com/trueup-rl/trueup/nvfp4"
)

var (
	recipes = nvfp4.Recipes()
	inf     = float32(math.Inf(1))
	nan     = float32(math.NaN())
)

func TestSizes(t *testing.T) {
	for cols, blocks := range map[int]int{0: 0, 1: 1, 15: 1, 16: 1, 17: 2, 32: 2, 250: 16} {
		assert.Equal(t, blocks, nvfp4.RowScales(cols))
		assert.Equal(t, 8*blocks, nvfp4.RowBytes(cols))
		q := nvfp4.New(3, cols, nvfp4.ModelOpt)
		assert.Equal(t, nvfp4.ModelOpt, q.Recipe)
		assert.Len(t, q.Codes, 3*8*blocks)
		assert.Len(t, q.Scales, 3*blocks)
	}
}

// TestPeersDiffer holds inputs on which the implementations part, one block each, with the bytes
// that running them gave, the sign of NaN aside: the scale and the first two codes.
func TestPeersDiffer(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		for _, c := range []struct {
			name         string
			x            [2]float32
			amax         float32
			modelOpt, te []uint8
		}{
			{"zero block", [2]float32{}, 2688, []uint8{0x38, 0, 0}, []uint8{0x00, 0, 0}},
			{"subnormal scale", [2]float32{6 * 0x1p-7, -3 * 0x1p-7}, 2688, []uint8{0x04, 7, 0xD}, []uint8{0x04, 7, 0xD}},
			{"scale underflow", [2]float32{6 * 0x1p-12, -3 * 0x1p-12}, 2688, []uint8{0x01, 2, 9}, []uint8{0x00, 7, 0xF}},
			{"tie 1", [2]float32{1.7109375}, 4.5625, []uint8{0x72, 7, 0}, []uint8{0x73, 7, 0}},
			{"tie 2", [2]float32{3.328125}, 4.4375, []uint8{0x7B, 7, 0}, []uint8{0x7A, 7, 0}},
			{"tie 3", [2]float32{1.953125, -0.58984375}, 4.71875, []uint8{0x74, 7, 0xB}, []uint8{0x74, 7, 0xC}},
			{"negative zero", [2]float32{6, float32(math.Copysign(0, -1))}, 2688, []uint8{0x38, 7, 0}, []uint8{0x38, 7, 0}},
			{"rounds to negative zero", [2]float32{6, -0.1}, 2688, []uint8{0x38, 7, 8}, []uint8{0x38, 7, 8}},
			{"all zero", [2]float32{}, 0, []uint8{0x7F, 7, 7}, []uint8{0x00, 0, 0}},
			{"infinity", [2]float32{inf, 1}, inf, []uint8{0x7F, 7, 7}, []uint8{0x7E, 7, 0}},
			{"NaN", [2]float32{1, nan}, nan, []uint8{0x7F, 7, 7}, []uint8{0x7F, 0, 0}},
		} {
			t.Run(c.name, func(t *testing.T) {
				const blocks = 25 // whole groups of a kernel, and a rest
				x := make([]float32, 16*blocks)
				for i := range blocks {
					copy(x[16*i:], c.x[:])
				}
				for r, want := range map[nvfp4.Recipe][]uint8{nvfp4.ModelOpt: c.modelOpt, nvfp4.TransformerEngine: c.te} {
					q := nvfp4.New(1, 16*blocks, r)
					nvfp4.Quantize(q, x, c.amax)
					for i, s := range q.Scales {
						assert.Equal(t, want, []uint8{s.Bits(), q.Codes[8*i] & 15, q.Codes[8*i] >> 4}, r)
					}
				}
			})
		}
	})
}

// TestDefault covers what Default does where ModelOpt writes NaN, and that nothing is hidden.
func TestDefault(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		x, y := make([]float32, 2*17), make([]float32, 2*17)
		q := nvfp4.New(2, 17, nvfp4.Default)

		t.Run("all zero", func(t *testing.T) {
			x[3] = float32(math.Copysign(0, -1))
			nvfp4.Quantize(q, x, nvfp4.AMax(x))
			assert.Equal(t, float32(1), q.TensorScale)
			assert.Equal(t, []fp8.E4M3{0x38, 0x38, 0x38, 0x38}, q.Scales)
			assert.Equal(t, make([]byte, 32), q.Codes)
			nvfp4.Dequantize(y, q)
			assert.Equal(t, make([]float32, 34), y)
		})
		t.Run("tensor scale underflows", func(t *testing.T) {
			x[0] = math.SmallestNonzeroFloat32
			nvfp4.Quantize(q, x, nvfp4.AMax(x))
			assert.Equal(t, []fp8.E4M3{0x7E, 0x38, 0x38, 0x38}, q.Scales)
			nvfp4.Dequantize(y, q)
			assert.Equal(t, make([]float32, 34), y)
		})
		for _, bad := range []float32{nan, inf, -inf} {
			t.Run("non-finite", func(t *testing.T) {
				x[0] = bad
				nvfp4.Quantize(q, x, nvfp4.AMax(x))
				nvfp4.Dequantize(y, q)
				for _, f := range y {
					assert.True(t, f != f)
				}
			})
		}
	})
}

// TestFiniteAMax: with an amax of a number, a NaN spoils its block alone and an infinity saturates,
// but for ggml, which takes both for 0, and fouroversix, which has code B for an infinity.
func TestFiniteAMax(t *testing.T) {
	infinities := map[nvfp4.Recipe][2]float32{
		nvfp4.GGML:                              {0, 0},
		nvfp4.TransformerEngine4Over6MSE256:     {4704, -4704}, // 448*6 * 2688/1536
		nvfp4.TransformerEngine4Over6MAE256:     {4704, -4704},
		nvfp4.TransformerEngine4Over6MSE256Tile: {4704, -4704},
		nvfp4.FourOverSixMSE:                    {-1176, -1176}, // 448*-1.5 * 2688/1536
		nvfp4.FourOverSixMAE:                    {-1176, -1176},
		nvfp4.FourOverSixAbsMax:                 {-1176, -1176},
		nvfp4.FourOverSixMSETile:                {-1176, -1176},
		nvfp4.FourOverSixStatic6:                {-672, -672},
		nvfp4.FourOverSixStatic6Tile:            {-672, -672},
		nvfp4.FourOverSixStatic4:                {-1008, -1008}, // 448*-1.5 * 2688/1792
	}
	kerneltest.EachLevel(t, func(t *testing.T) {
		for _, r := range recipes {
			if r.PerRow() {
				continue // the amax is the row's, and NaN
			}
			x, y := make([]float32, 48), make([]float32, 48)
			x[0], x[16], x[17], x[32] = nan, inf, -inf, 6
			nvfp4.FakeQuantize(y, x, 1, 48, r, 2688)
			for _, f := range y[:16] {
				assert.Equal(t, r != nvfp4.GGML, f != f, r)
			}
			want, ok := infinities[r]
			if !ok {
				want = [2]float32{2688, -2688}
			}
			assert.Equal(t, want[:], y[16:18], r)
			if r != nvfp4.GGML {
				assert.Zero(t, y[18], r)
			}
			assert.InDelta(t, 6, y[32], 0.1, r)
			assert.Zero(t, y[33], r)
		}
	})
}

// TestRagged: a ragged row is the row filled up with zeros.
func TestRagged(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 2))
		for _, r := range recipes {
			for _, cols := range []int{1, 2, 15, 17, 33, 250} {
				const rows = 3
				wide := nvfp4.RowScales(cols) * nvfp4.BlockSize
				x, padded := make([]float32, rows*cols), make([]float32, rows*wide)
				for i := range x {
					x[i] = float32(rng.NormFloat64())
					padded[i/cols*wide+i%cols] = x[i]
				}
				amax := nvfp4.AMax(x)
				got, want := nvfp4.New(rows, cols, r), nvfp4.New(rows, wide, r)
				nvfp4.Quantize(got, x, amax)
				nvfp4.Quantize(want, padded, amax)
				requireSame(t, want, got)

				y, z := make([]float32, rows*cols), make([]float32, rows*wide)
				nvfp4.Dequantize(y, got)
				nvfp4.Dequantize(z, want)
				for i := range y {
					require.True(t, golden.SameFloat(z[i/cols*wide+i%cols], y[i]))
				}
			}
		}
	})
}

// TestInputTypes: BF16 and FP16 inputs give what their exact float32 values give, except by
// compressed-tensors, which computes in the type of the input.
func TestInputTypes(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		const rows, cols = 16, 40
		b, h := make([]bf16.BF16, rows*cols), make([]float16.Float16, rows*cols)
		fromB, fromH := make([]float32, rows*cols), make([]float32, rows*cols)
		rng := rand.New(rand.NewPCG(3, 4))
		for i := range b {
			f := float32(rng.NormFloat64())
			b[i], h[i] = bf16.FromFloat32(f), float16.Fromfloat32(f)
			fromB[i], fromH[i] = b[i].Float32(), h[i].Float32()
		}
		for _, r := range recipes {
			got, want := nvfp4.New(rows, cols, r), nvfp4.New(rows, cols, r)
			nvfp4.QuantizeBF16(got, b, nvfp4.AMaxBF16(b))
			nvfp4.Quantize(want, fromB, nvfp4.AMax(fromB))
			same := requireSame
			if r == nvfp4.CompressedTensors {
				same = func(t *testing.T, want, got *nvfp4.Tensor) { assert.NotEqual(t, want.TensorScale, got.TensorScale) }
			}
			same(t, want, got)
			nvfp4.QuantizeFP16(got, h, nvfp4.AMaxFP16(h))
			nvfp4.Quantize(want, fromH, nvfp4.AMax(fromH))
			same(t, want, got)

			wide, narrow := make([]float32, rows*cols), make([]bf16.BF16, rows*cols)
			nvfp4.Dequantize(wide, got)
			nvfp4.DequantizeBF16(narrow, got)
			for i := range wide {
				require.Equal(t, bf16.FromFloat32(wide[i]), narrow[i])
			}
		}
	})
}

// TestFusedParts: matrices quantized with the maximum of their AMax equal the rows of one matrix.
func TestFusedParts(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(5, 6))
		x := make([]float32, 6*32)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		q, k := x[:2*32], x[2*32:]
		for _, r := range recipes {
			all, part := nvfp4.New(6, 32, r), nvfp4.New(4, 32, r)
			nvfp4.Quantize(all, x, nvfp4.AMax(x))
			nvfp4.Quantize(part, k, max(nvfp4.AMax(q), nvfp4.AMax(k)))
			assert.Equal(t, all.TensorScale, part.TensorScale)
			if r.Tiled() {
				continue // the cut is within a tile
			}
			assert.Equal(t, all.Codes[2*nvfp4.RowBytes(32):], part.Codes)
			assert.Equal(t, all.Scales[2*nvfp4.RowScales(32):], part.Scales)
		}
		assert.True(t, math.IsNaN(float64(max(nvfp4.AMax([]float32{nan}), nvfp4.AMax(k)))))
	})
}

// TestGuards: nothing is written outside of the destination, and inputs are left alone.
func TestGuards(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		const rows, cols, guard = 3, 21, 0xA5
		x := make([]float32, rows*cols)
		for i := range x {
			x[i] = float32(i) - 30
		}
		before := slices.Clone(x)
		codes := slices.Repeat([]byte{guard}, rows*nvfp4.RowBytes(cols)+2)
		scales := slices.Repeat([]fp8.E4M3{guard}, rows*nvfp4.RowScales(cols)+2)
		y := slices.Repeat([]float32{guard}, rows*cols+2)
		z := slices.Repeat([]bf16.BF16{guard}, rows*cols+2)
		for _, r := range recipes {
			q := &nvfp4.Tensor{Rows: rows, Cols: cols, Recipe: r, Codes: codes[1 : len(codes)-1], Scales: scales[1 : len(scales)-1]}
			perRow := slices.Repeat([]float32{guard}, rows+2)
			if r.PerRow() {
				q.TensorScales = perRow[1 : len(perRow)-1]
			}
			nvfp4.Quantize(q, x, nvfp4.AMax(x))
			nvfp4.Dequantize(y[1:len(y)-1], q)
			nvfp4.DequantizeBF16(z[1:len(z)-1], q)
			nvfp4.FakeQuantize(y[1:len(y)-1], x, rows, cols, r, nvfp4.AMax(x))
			assert.Equal(t, []byte{guard, guard}, []byte{codes[0], codes[len(codes)-1]})
			assert.Equal(t, []fp8.E4M3{guard, guard}, []fp8.E4M3{scales[0], scales[len(scales)-1]})
			assert.Equal(t, []float32{guard, guard}, []float32{y[0], y[len(y)-1]})
			assert.Equal(t, []bf16.BF16{guard, guard}, []bf16.BF16{z[0], z[len(z)-1]})
			assert.Equal(t, before, x)
			assert.Equal(t, []float32{guard, guard}, []float32{perRow[0], perRow[len(perRow)-1]})
			if !r.PerRow() {
				nvfp4.QuantizeTransposed(q, x, nvfp4.AMax(x))
			}
			nvfp4.QuantizeStochastic(q, x, nvfp4.AMax(x), 1, 0)
			assert.Equal(t, []byte{guard, guard}, []byte{codes[0], codes[len(codes)-1]})
			assert.Equal(t, []fp8.E4M3{guard, guard}, []fp8.E4M3{scales[0], scales[len(scales)-1]})
		}
	})
}

func TestPanics(t *testing.T) {
	x := make([]float32, 32)
	q := func(edit func(*nvfp4.Tensor)) *nvfp4.Tensor {
		q := nvfp4.New(2, 16, nvfp4.Default)
		edit(q)
		return q
	}
	same := func(*nvfp4.Tensor) {}
	for want, calls := range map[string][]func(){
		"nvfp4: negative size": {
			func() { nvfp4.New(-1, 16, nvfp4.Default) },
			func() { nvfp4.New(1, -16, nvfp4.Default) },
			func() { nvfp4.FakeQuantize(x, x, -2, -16, nvfp4.Default, 1) },
		},
		"nvfp4: number of values is not rows × columns": {
			func() { nvfp4.Quantize(q(same), x[:31], 1) },
			func() { nvfp4.Dequantize(x[:31], q(same)) },
			func() { nvfp4.Quantize(q(func(q *nvfp4.Tensor) { q.Cols = 0 }), x, 1) },
			func() { nvfp4.FakeQuantize(x[:16], x, 2, 16, nvfp4.Default, 1) },
			func() { nvfp4.FakeQuantize(x, x[:16], 2, 16, nvfp4.Default, 1) },
			func() { nvfp4.FakeQuantize(nil, nil, math.MaxInt/2+1, 4, nvfp4.Default, 1) },
		},
		"nvfp4: length of Codes or Scales does not fit Rows and Cols": {
			func() { nvfp4.Quantize(q(func(q *nvfp4.Tensor) { q.Codes = q.Codes[1:] }), x, 1) },
			func() { nvfp4.Dequantize(x, q(func(q *nvfp4.Tensor) { q.Scales = q.Scales[1:] })) },
		},
		"nvfp4: length of TensorScales is not Rows": {
			func() { nvfp4.Quantize(q(func(q *nvfp4.Tensor) { q.Recipe = nvfp4.FlashInferTEPerToken }), x, 1) },
			func() { nvfp4.Dequantize(x, q(func(q *nvfp4.Tensor) { q.Recipe = nvfp4.FlashInferTEPerToken })) },
		},
		"nvfp4: recipe scales rows, not columns": {
			func() { nvfp4.QuantizeTransposed(nvfp4.New(2, 16, nvfp4.TransformerEngineRowScaled), x, 1) },
		},
		"nvfp4: negative row": {
			func() { nvfp4.QuantizeStochastic(q(same), x, 1, 0, -1) },
		},
		"nvfp4: number of words is not four for each block": {
			func() { nvfp4.QuantizeStochasticWords(q(same), x, 1, make([]uint32, 7)) },
		},
		"nvfp4: lengths of dst and x differ": {
			func() { nvfp4.Hadamard(x[:16], x, 0) },
			func() { nvfp4.HadamardInverse(x[:16], x, 0) },
		},
		"nvfp4: length is not a multiple of 16": {
			func() { nvfp4.Hadamard(x[:8], x[:8], 0) },
			func() { nvfp4.HadamardBF16(make([]bf16.BF16, 17), make([]bf16.BF16, 17), 0) },
			func() { nvfp4.HadamardTransposed(x, make([]float32, 32), 8, 4, 0) },
			func() { nvfp4.HadamardInverseBF16(make([]bf16.BF16, 1), make([]bf16.BF16, 1), 0) },
		},
		"nvfp4: numbers of names and tensors differ": {
			func() { _ = nvfp4.CheckFused([]string{"a"}, nil) },
		},
		"nvfp4: negative amax": {
			func() { nvfp4.Quantize(q(same), x, -1) },
			func() { nvfp4.FakeQuantize(x, x, 2, 16, nvfp4.Default, -1) },
		},
		"nvfp4: unknown recipe": {
			func() { nvfp4.Quantize(q(func(q *nvfp4.Tensor) { q.Recipe = 200 }), x, 1) },
			func() { nvfp4.Dequantize(x, q(func(q *nvfp4.Tensor) { q.Recipe = 200 })) },
			func() { nvfp4.New(1, 16, 200) },
			func() { nvfp4.Recipe(200).Tiled() },
		},
	} {
		for i, call := range calls {
			assert.PanicsWithValue(t, want, call, "%d", i)
		}
	}
}

// TestEmpty: matrices without rows or columns are no error.
func TestEmpty(t *testing.T) {
	for _, r := range recipes {
		for _, size := range [][2]int{{0, 16}, {3, 0}, {0, 0}} {
			q := nvfp4.New(size[0], size[1], r)
			nvfp4.Quantize(q, nil, 0)
			nvfp4.QuantizeBF16(q, nil, 0)
			nvfp4.QuantizeFP16(q, nil, 0)
			nvfp4.QuantizeStochastic[float32](q, nil, 0, 1, 0)
			if !r.PerRow() {
				nvfp4.QuantizeTransposed[float32](q, nil, 0)
			}
			nvfp4.Dequantize(nil, q)
			nvfp4.FakeQuantize(nil, nil, size[0], size[1], r, 0)
		}
	}
}

// TestNothing: an all-zero tensor decodes to zeros, but to NaN by the two recipes that say so; a block
// of subnormals decodes to finite numbers.
func TestNothing(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		for _, r := range recipes {
			x := make([]float32, 17*40)
			q := nvfp4.New(17, 40, r)
			nvfp4.Quantize(q, x, 0)
			nvfp4.Dequantize(x, q)
			for _, f := range x {
				if nan := f != f; nan != (r == nvfp4.ModelOpt || r == nvfp4.TorchAOTwoLevel) || !nan && f != 0 {
					t.Fatalf("%v: %v", r, f)
				}
			}
			for i := range x {
				x[i] = math.Float32frombits(uint32(i + 1))
			}
			x[5] = 1
			nvfp4.Quantize(q, x, 1)
			nvfp4.Dequantize(x, q)
			for i, f := range x {
				if !(math.Abs(float64(f)) < 1.1) || i > 17 && math.Abs(float64(f)) > 1e-3 {
					t.Fatalf("%v: value %d is %v", r, i, f)
				}
			}
		}
	})
}

func TestAllocs(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		const rows, cols = 4, 40
		x, b, h := make([]float32, rows*cols), make([]bf16.BF16, rows*cols), make([]float16.Float16, rows*cols)
		words, y := make([]uint32, 4*rows*nvfp4.RowScales(cols)), make([]float32, 160)
		for _, r := range recipes {
			q := nvfp4.New(rows, cols, r)
			assert.Zero(t, testing.AllocsPerRun(10, func() {
				nvfp4.Quantize(q, x, nvfp4.AMax(x))
				nvfp4.QuantizeBF16(q, b, nvfp4.AMaxBF16(b))
				nvfp4.QuantizeFP16(q, h, nvfp4.AMaxFP16(h))
				nvfp4.Dequantize(x, q)
				nvfp4.DequantizeBF16(b, q)
				nvfp4.FakeQuantize(x, x, rows, cols, r, 1)
				nvfp4.QuantizeStochastic(q, b, 1, 1, 0)
				nvfp4.QuantizeStochasticWords(q, x, 1, words)
				if !r.PerRow() {
					nvfp4.QuantizeTransposed(q, x, 1)
					nvfp4.QuantizeTransposed(q, b, 1)
				}
			}), r)
		}
		assert.Zero(t, testing.AllocsPerRun(10, func() {
			nvfp4.Hadamard(x, x, nvfp4.RandomSigns)
			nvfp4.HadamardInverse(x, x, nvfp4.RandomSigns)
			nvfp4.HadamardBF16(b, b, nvfp4.RandomSigns)
			nvfp4.HadamardInverseBF16(b, b, nvfp4.RandomSigns)
			nvfp4.HadamardTransposed(y, x[:len(y)], 16, len(y)/16, nvfp4.RandomSigns)
			nvfp4.FusedAMax(x, x)
			nvfp4.FusedAMax(b, b)
		}))
	})
}

// FuzzFakeQuantize: FakeQuantize is Dequantize after Quantize to the bit, in place too, on any bit
// patterns.
func FuzzFakeQuantize(f *testing.F) {
	f.Add([]byte("some sixteen values of four bytes, with any bits"), uint8(5), uint32(0x40A00000))
	f.Add([]byte{0, 0, 0xC0, 0x7F, 0, 0, 0x80, 0xFF, 1, 0, 0, 0}, uint8(1), uint32(0x7F800000))
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0x80}, uint8(2), uint32(0))
	rng := rand.New(rand.NewPCG(7, 8))
	for range 20 {
		data := make([]byte, 4*rng.IntN(200))
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		f.Add(data, uint8(rng.Uint32()), rng.Uint32()>>1)
	}
	f.Fuzz(func(t *testing.T, data []byte, columns uint8, amaxBits uint32) {
		cols := int(columns)%70 + 1
		rows := len(data) / 4 / cols
		x := make([]float32, rows*cols)
		for i := range x {
			x[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		}
		for _, level := range kernel.Levels() {
			restore := kernel.Use(level)
			for _, amax := range []float32{nvfp4.AMax(x), math.Float32frombits(amaxBits &^ (1 << 31))} {
				for _, r := range recipes {
					q, want, got := nvfp4.New(rows, cols, r), make([]float32, len(x)), make([]float32, len(x))
					nvfp4.Quantize(q, x, amax)
					nvfp4.Dequantize(want, q)
					nvfp4.FakeQuantize(got, x, rows, cols, r, amax)
					inPlace := slices.Clone(x)
					nvfp4.FakeQuantize(inPlace, inPlace, rows, cols, r, amax)
					for i := range x {
						if !golden.SameFloat(want[i], got[i]) || !golden.SameFloat(want[i], inPlace[i]) {
							t.Fatalf("%v, %v: %v: got %v, in place %v, want %v", level, r, x[i], got[i], inPlace[i], want[i])
						}
					}
				}
			}
			restore()
		}
	})
}
