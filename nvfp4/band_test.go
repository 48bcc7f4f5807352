package nvfp4_test

import (
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
	"github.com/trueup-rl/trueup/nvfp4"
)

func normal(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

// TestTransposed: columns quantize as the rows of the transpose, whatever the type and the size.
func TestTransposed(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(11, 1))
		for _, size := range [][2]int{{1, 1}, {16, 16}, {35, 300}, {130, 17}, {15, 128}} {
			rows, cols := size[0], size[1]
			x := normal(rng, rows*cols)
			b, h := make([]bf16.BF16, len(x)), make([]float16.Float16, len(x))
			for i, v := range x {
				b[i], h[i] = bf16.FromFloat32(v), float16.Fromfloat32(v)
			}
			amax := nvfp4.AMax(x)
			for _, r := range recipes {
				if r.PerRow() {
					continue
				}
				got, want := nvfp4.New(rows, cols, r), nvfp4.New(rows, cols, r)
				nvfp4.QuantizeTransposed(got, transpose(x, rows, cols), amax)
				nvfp4.Quantize(want, x, amax)
				requireSame(t, want, got)
				nvfp4.QuantizeTransposed(got, transpose(b, rows, cols), amax)
				nvfp4.QuantizeBF16(want, b, amax)
				requireSame(t, want, got)
				nvfp4.QuantizeTransposed(got, transpose(h, rows, cols), amax)
				nvfp4.QuantizeFP16(want, h, amax)
				requireSame(t, want, got)
			}
		}
	})
}

// TestParts: parts of a matrix, cut at multiples of 16 rows, give the bytes of the whole.
func TestParts(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		const rows, cols = 70, 300
		x := normal(rand.New(rand.NewPCG(12, 1)), rows*cols)
		amax := nvfp4.AMax(x)
		for _, r := range recipes {
			whole := nvfp4.New(rows, cols, r)
			nvfp4.Quantize(whole, x, amax)
			for _, cut := range [][2]int{{0, 16}, {16, 64}, {64, 70}} {
				part := nvfp4.New(cut[1]-cut[0], cols, r)
				nvfp4.Quantize(part, x[cut[0]*cols:cut[1]*cols], amax)
				assert.Equal(t, whole.TensorScale, part.TensorScale)
				assert.Equal(t, whole.Scales[cut[0]*nvfp4.RowScales(cols):cut[1]*nvfp4.RowScales(cols)], part.Scales, r)
				assert.Equal(t, whole.Codes[cut[0]*nvfp4.RowBytes(cols):cut[1]*nvfp4.RowBytes(cols)], part.Codes, r)
				if r.PerRow() {
					assert.Equal(t, whole.TensorScales[cut[0]:cut[1]], part.TensorScales)
				}
			}
		}
	})
}

// TestTiles: a tile's rows repeat its scale, and the transpose of the values has the transpose of the
// codes.
func TestTiles(t *testing.T) {
	const rows, cols = 32, 48
	x := normal(rand.New(rand.NewPCG(13, 1)), rows*cols)
	for _, r := range recipes {
		if !r.Tiled() {
			continue
		}
		q, qt := nvfp4.New(rows, cols, r), nvfp4.New(cols, rows, r)
		nvfp4.Quantize(q, x, nvfp4.AMax(x))
		nvfp4.QuantizeTransposed(qt, x, nvfp4.AMax(x))
		y, yt := make([]float32, rows*cols), make([]float32, rows*cols)
		nvfp4.Dequantize(y, q)
		nvfp4.Dequantize(yt, qt)
		if r != nvfp4.FourOverSixMSETile && r != nvfp4.TransformerEngine4Over6MSE256Tile { // their sums have an order
			assert.Equal(t, y, transpose(yt, cols, rows), r)
		}
		for i, s := range q.Scales {
			assert.Equal(t, q.Scales[i/3/16*16*3+i%3], s, fmt.Sprint(r, i))
		}
	}
}

// FuzzDequantize: any codes and scales decode, to what the documentation says, and to BF16 as through
// float32.
func FuzzDequantize(f *testing.F) {
	f.Add([]byte("\x7f\xff\x80\x00 some scales, and codes after them ....................."), uint8(19), uint32(0x3F800000))
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9}, uint8(0), uint32(0))
	f.Fuzz(func(t *testing.T, data []byte, columns uint8, scaleBits uint32) {
		cols := int(columns)%50 + 1
		blocks := len(data) / 9
		rows := blocks / nvfp4.RowScales(cols)
		blocks = rows * nvfp4.RowScales(cols)
		scale := math.Float32frombits(scaleBits)
		for _, r := range recipes {
			q := &nvfp4.Tensor{Rows: rows, Cols: cols, Recipe: r, TensorScale: scale, Scales: make([]fp8.E4M3, blocks), Codes: data[blocks : 9*blocks]}
			for i := range q.Scales {
				q.Scales[i] = fp8.E4M3(data[i])
			}
			if r.PerRow() {
				for range rows {
					q.TensorScales = append(q.TensorScales, scale)
				}
			}
			var first []float32
			for _, level := range kernel.Levels() {
				restore := kernel.Use(level)
				y, z := make([]float32, rows*cols), make([]bf16.BF16, rows*cols)
				nvfp4.Dequantize(y, q)
				nvfp4.DequantizeBF16(z, q)
				restore()
				if first == nil {
					first = y
				}
				for i := range y {
					require.True(t, golden.SameFloat(first[i], y[i]), "%v: %v", r, level)
					require.True(t, bf16.FromFloat32(y[i]) == z[i] || y[i] != y[i] && z[i].IsNaN(), r)
				}
			}
		}
	})
}
