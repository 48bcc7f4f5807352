package nvfp4

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/fp4"
)

// TestPhilox holds the known answers of Random123.
func TestPhilox(t *testing.T) {
	const ones = math.MaxUint32
	assert.Equal(t, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}, philox([4]uint32{}, [2]uint32{}))
	assert.Equal(t, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
		philox([4]uint32{ones, ones, ones, ones}, [2]uint32{ones, ones}))
	assert.Equal(t, [4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
		philox([4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, [2]uint32{0xa4093822, 0x299f31d0}))
}

// neighbours returns the values of the format at and below mag, and above it.
func neighbours(mag float32) (down, up float32) {
	for c := range fp4.E2M1(8) {
		if v := c.Float32(); v <= mag {
			down = v
		} else {
			return down, v
		}
	}
	return fp4.Max, fp4.Max
}

// TestStochasticMean: over all bytes, the codes are the two neighbours and their mean is the value,
// less than a 256th of a step above it.
func TestStochasticMean(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range 4000 {
		mag := float32(rng.Float64() * 6)
		if n < 769 {
			mag = float32(n) / 128 // exact
		}
		down, up := neighbours(mag)
		for _, v := range []float32{mag, -mag} {
			var sum float64
			for r := range 256 {
				c := fp4.FromBits(e2m1Stochastic(v, uint8(r)))
				got := float32(math.Abs(float64(c.Float32())))
				if c.Signbit() != math.Signbit(float64(v)) || got != down && got != up {
					t.Fatalf("%v gave %v", v, c.Float32())
				}
				sum += float64(got)
			}
			low := float64(mag) - sum/256
			require.True(t, low >= -1e-7 && low <= float64(up-down)/256, "%v: mean %v", v, sum/256)
			if n < 769 {
				require.Zero(t, low, "%v", v)
			}
		}
	}
	for _, v := range []float32{6, 7, 1e30, float32(math.Inf(1))} {
		assert.Equal(t, uint8(7), e2m1Stochastic(v, 255))
		assert.Equal(t, uint8(0xF), e2m1Stochastic(-v, 0))
	}
	assert.Equal(t, uint8(7), e2m1Stochastic(float32(math.NaN()), 3))
	assert.Equal(t, uint8(8), e2m1Stochastic(float32(math.Copysign(0, -1)), 255))
	assert.Equal(t, uint8(0), e2m1Stochastic(math.SmallestNonzeroFloat32, 255))
}

// TestStochasticWords: given words are used in the stated order, and those of the generator are its.
func TestStochasticWords(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	const rows, cols, seed, row = 35, 40, 0x0123456789ABCDEF, 7
	blocks := RowScales(cols)
	x := make([]float32, rows*cols)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	var words []uint32
	for i := range rows * blocks {
		w := philox([4]uint32{uint32(row*blocks + i)}, [2]uint32{0x89ABCDEF, 0x01234567})
		words = append(words, w[:]...)
	}
	for _, r := range Recipes() {
		a, b, nearest := New(rows, cols, r), New(rows, cols, r), New(rows, cols, r)
		QuantizeStochastic(a, x, AMax(x), seed, row)
		QuantizeStochasticWords(b, x, AMax(x), words)
		assert.Equal(t, a, b, r)
		Quantize(nearest, x, AMax(x))
		assert.Equal(t, nearest.Scales, a.Scales, r)
		assert.NotEqual(t, nearest.Codes, a.Codes, r)

		// A shard that says where it begins gets the bytes of the whole.
		if r.PerRow() {
			assert.Equal(t, nearest.TensorScales, a.TensorScales)
		}
		shard := New(rows-16, cols, r)
		QuantizeStochastic(shard, x[16*cols:], AMax(x), seed, row+16)
		assert.Equal(t, a.Codes[16*RowBytes(cols):], shard.Codes, r)
	}

	// One byte of a known place: value 5 of block 1 of row 1 has byte 1 of word 1.
	v := make([]float32, 2*32)
	v[0], v[32+16], v[32+16+5] = 2688, 6, 2.5
	words = make([]uint32, 16)
	q := New(2, 32, Default)
	QuantizeStochasticWords(q, v, 2688, words)
	assert.Equal(t, byte(4), q.Codes[3*8+2]>>4)
	words[3*4+1] = 0x80 << 8
	QuantizeStochasticWords(q, v, 2688, words)
	assert.Equal(t, byte(5), q.Codes[3*8+2]>>4)
}

// TestStochasticTensor: the mean over seeds comes near to the values.
func TestStochasticTensor(t *testing.T) {
	x, y := make([]float32, 64), make([]float32, 64)
	for i := range x {
		x[i] = float32(i%16-8) / 2.5 // blocks of equal maxima
	}
	q, mean := New(2, 32, TransformerEngine), make([]float64, len(x))
	const seeds = 4000
	for seed := range uint64(seeds) {
		QuantizeStochastic(q, x, AMax(x), seed, 0)
		Dequantize(y, q)
		for i, v := range y {
			mean[i] += float64(v) / seeds
		}
	}
	for i, m := range mean {
		assert.InDelta(t, x[i], m, 0.04, "value %d", i)
	}
}
