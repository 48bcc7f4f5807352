package kernel_test

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/internal/kernel"
	"github.com/trueup-rl/trueup/internal/kernel/kerneltest"
)

// hadamardSum is the transform as its documentation has it.
func hadamardSum(x []float32, in, out uint16) []float32 {
	y := make([]float32, 16)
	for j := range y {
		var sum float32
		for i := range 16 {
			h := float32(0.25)
			if (bits.OnesCount(uint(i&j))+int(in>>i))%2 != 0 {
				h = -h
			}
			t := float32(x[i] * h)
			sum += t
		}
		if out>>j&1 != 0 {
			sum = -sum
		}
		y[j] = sum
	}
	return y
}

func equalFloats(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(a, b float32) bool {
		return math.Float32bits(a) == math.Float32bits(b) || a != a && b != b
	})
}

// hadamardInput returns values of all kinds.
func hadamardInput(rng *rand.Rand, n int) []float32 {
	special := []float32{0, float32(math.Copysign(0, -1)), math.SmallestNonzeroFloat32, 0x1.8p-126, math.MaxFloat32,
		float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN())}
	x := make([]float32, 16*n)
	for i := range x {
		switch kind := i / 16 % 8; {
		case kind == 0:
			x[i] = special[rng.IntN(len(special))]
		case kind == 1:
			x[i] = special[rng.IntN(3)]
		case kind == 2:
			x[i] = math.Float32frombits(rng.Uint32N(1<<24)<<8>>8 | rng.Uint32()<<31) // subnormal
		default:
			x[i] = float32(rng.NormFloat64() * 3)
		}
	}
	return x
}

func TestHadamard(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 2))
		const guard = 7
		for n := range 40 {
			signs := uint16(rng.Uint32())
			x := hadamardInput(rng, n)
			for _, c := range []struct {
				f       func(dst, x []float32, signs uint16)
				in, out uint16
			}{{kernel.Hadamard, signs, 0}, {kernel.HadamardInverse, 0, signs}} {
				y := slices.Repeat([]float32{guard}, len(x)+2)
				c.f(y[1:len(y)-1], x, signs)
				assert.Equal(t, []float32{guard, guard}, []float32{y[0], y[len(y)-1]})
				inPlace := slices.Clone(x)
				c.f(inPlace, inPlace, signs)
				for b := range n {
					want := hadamardSum(x[16*b:][:16], c.in, c.out)
					require.True(t, equalFloats(want, y[1+16*b:][:16]), "block %d of %d: got %v, want %v", b, n, y[1+16*b:][:16], want)
					require.True(t, equalFloats(want, inPlace[16*b:][:16]))
				}
			}
		}
		long := make([]float32, 16*5000)
		long[0], long[len(long)-1] = 4, 4
		kernel.Hadamard(long, long, 0)
		assert.Equal(t, float32(1), long[0])
		assert.Equal(t, []float32{1, -1}, []float32{long[len(long)-16], long[len(long)-15]})
		assert.Zero(t, testing.AllocsPerRun(5, func() { kernel.Hadamard(long, long, 0xD7E8) }))
	})
}

func FuzzHadamard(f *testing.F) {
	f.Add(uint64(1), uint16(0xD7E8))
	f.Fuzz(func(t *testing.T, seed uint64, signs uint16) {
		x := hadamardInput(rand.New(rand.NewPCG(seed, 3)), 5)
		for i := range x {
			x[i] = math.Float32frombits(math.Float32bits(x[i]) ^ uint32(seed>>(i%32)))
		}
		for _, level := range kernel.Levels() {
			restore := kernel.Use(level)
			y := make([]float32, len(x))
			kernel.Hadamard(y, x, signs)
			restore()
			for b := range 5 {
				require.True(t, equalFloats(hadamardSum(x[16*b:][:16], signs, 0), y[16*b:][:16]), level)
			}
		}
	})
}
