package kernel_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/internal/kernel"
	"github.com/trueup-rl/trueup/internal/kernel/kerneltest"
)

var (
	inf32 = float32(math.Inf(1))
	nan32 = float32(math.NaN())
)

// logits returns n values of a peaked distribution, one in cut of them -Inf.
func logits(rng *rand.Rand, n int, spread float64, cut int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64() * spread)
		if cut > 0 && rng.IntN(cut) == 0 {
			x[i] = -inf32
		}
	}
	return x
}

// halves returns x's upper halves, and as float32 what they stand for.
func halves(x []float32) (bits []uint16, values []float32) {
	bits, values = make([]uint16, len(x)), make([]float32, len(x))
	for i, v := range x {
		b := math.Float32bits(v)
		bits[i], values[i] = uint16(b>>16), math.Float32frombits(b&^0xFFFF)
	}
	return bits, values
}

// oracle returns the largest of x, Σ e^z and Σ (x−max)·e^z with z = a·(x−max) in
// float64.
func oracle(x []float32, a float32) (largest float32, sum, weighted float64) {
	largest = -inf32
	for _, v := range x {
		largest = max(largest, v)
	}
	for _, v := range x {
		if d := float64(v) - float64(largest); v > -inf32 {
			e := math.Exp(float64(a) * d)
			sum += e
			weighted += d * e
		}
	}
	return largest, sum, weighted
}

func sameBits(t *testing.T, want, got kernel.LogitSums, args ...any) {
	t.Helper()
	if math.IsNaN(want.Weighted) && math.IsNaN(got.Weighted) {
		return
	}
	require.Equal(t, math.Float32bits(want.Max), math.Float32bits(got.Max), args...)
	require.Equal(t, math.Float64bits(want.Sum), math.Float64bits(got.Sum), args...)
	require.Equal(t, math.Float64bits(want.Weighted), math.Float64bits(got.Weighted), args...)
}

func generic(f func()) {
	defer kernel.Use(kernel.Generic)()
	f()
}

func TestLogitChunk(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 2))
		for _, n := range []int{1, 2, 31, 33, 255, 256, 257, 2000, 4095, 4096} {
			for _, spread := range []float64{0.01, 1, 5, 100} {
				for _, a := range []float32{1, 0.7, 3} {
					x := logits(rng, n, spread, 7)
					x[rng.IntN(n)] = float32(spread)
					wantMax, sum, weighted := oracle(x, a)
					got := kernel.LogitChunk(x, a)
					require.Equal(t, wantMax, got.Max)
					require.InEpsilon(t, sum, got.Sum, 1e-7)
					require.InDelta(t, weighted, got.Weighted, 1e-6*(sum-weighted))
				}
			}
		}
	})
}

func TestLogitChunkBF16(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 3))
		for _, n := range []int{0, 1, 31, 255, 256, 257, 1000, 4096} {
			bits, x := halves(logits(rng, n, 4, 9))
			sameBits(t, kernel.LogitChunk(x, 0.9), kernel.LogitChunkBF16(bits, 0.9), n)
		}
	})
}

// TestLogitChunkEdges has the inputs for which the documentation makes promises.
func TestLogitChunkEdges(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		empty := kernel.LogitSums{Max: -inf32}
		assert.Equal(t, empty, kernel.LogitChunk(nil, 1))
		assert.Equal(t, empty, kernel.LogitChunkBF16(nil, 1))
		for _, n := range []int{1, 256, 300, 4096} {
			x := make([]float32, n)
			for i := range x {
				x[i] = -inf32
			}
			bits, _ := halves(x)
			assert.Equal(t, empty, kernel.LogitChunk(x, 1))
			assert.Equal(t, empty, kernel.LogitChunkBF16(bits, 1))

			// One finite logit has all the mass, whatever its size.
			for _, v := range []float32{0, -5, 1e30, math.MaxFloat32, -math.MaxFloat32} {
				x[n/2] = v
				for _, a := range []float32{1, 0x1p-64, 0x1p64} {
					got := kernel.LogitChunk(x, a)
					assert.Equal(t, v, got.Max)
					assert.Equal(t, 1.0, got.Sum)
					assert.InDelta(t, 0, got.Weighted*float64(a), 1e-31)
				}
			}
			// NaN of both signs, a payload, and +Inf, at every kind of place.
			for _, u := range []uint32{0x7FC00000, 0xFFC00000, 0x7F810000, 0xFFFFFFFF, 0x7F800000} {
				for _, i := range []int{0, n / 2, n - 1} {
					y := append([]float32(nil), x...)
					y[i] = math.Float32frombits(u)
					bits, _ := halves(y)
					assert.True(t, math.IsNaN(kernel.LogitChunk(y, 1).Weighted), "%x at %d of %d", u, i, n)
					assert.True(t, math.IsNaN(kernel.LogitChunkBF16(bits, 1).Weighted), "%x at %d of %d", u, i, n)
				}
			}
			for i := range x { // all alike
				x[i] = -7.5
			}
			got := kernel.LogitChunk(x, 2)
			assert.Equal(t, float32(-7.5), got.Max)
			assert.Equal(t, float64(n), got.Sum)
			assert.InDelta(t, 0, got.Weighted, 1e-31)
		}
		// −0 and +0 are one maximum.
		zeros := []float32{float32(math.Copysign(0, -1)), 0, -1}
		got := kernel.LogitChunk(zeros[:1], 1)
		assert.Equal(t, uint32(0), math.Float32bits(got.Max))
		sameBits(t, kernel.LogitChunk(zeros, 1), kernel.LogitChunk([]float32{0, zeros[0], -1}, 1))
	})
}

// TestLogitKernels compares every level with generic Go, lane by lane, over
// lengths, starts and special values, between guards.
func TestLogitKernels(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(5, 5))
		special := []float32{0, float32(math.Copysign(0, -1)), -inf32, math.SmallestNonzeroFloat32, -1e-40, -math.MaxFloat32, -87, -87.5, -86.99, -50, 1e-20}
		for blocks := range 4 {
			for start := range 9 {
				n := blocks * kernel.LogitBlock
				memory := logits(rng, start+n+40, 3, 5)
				for range 20 {
					memory[rng.IntN(len(memory))] = special[rng.IntN(len(special))]
				}
				for i := range memory[:start] {
					memory[i] = nan32
				}
				for i := start + n; i < len(memory); i++ {
					memory[i] = nan32
				}
				bits, _ := halves(memory)
				x, b := memory[start:start+n], bits[start:start+n]
				a := []float32{1, 0.6, 1.7, 0x1p-64, 0x1p64}[rng.IntN(5)]
				shift := []float32{20, 30.5, 1e7}[rng.IntN(3)]

				var want, got, wantBF16, gotBF16 kernel.LogitLanes
				var wantMax, wantMaxBF16 float32
				generic(func() {
					wantMax, wantMaxBF16 = kernel.MaxLogit(x), kernel.MaxLogitBF16(b)
					kernel.AddLogits(&want, x, shift, a)
					kernel.AddLogitsBF16(&wantBF16, b, shift, a)
				})
				kernel.AddLogits(&got, x, shift, a)
				kernel.AddLogitsBF16(&gotBF16, b, shift, a)
				require.Equal(t, wantMax, kernel.MaxLogit(x))
				require.Equal(t, wantMaxBF16, kernel.MaxLogitBF16(b))
				require.Equal(t, want, got, "%d blocks from %d, a = %v", blocks, start, a)
				require.Equal(t, wantBF16, gotBF16, "%d blocks from %d, a = %v", blocks, start, a)
			}
		}
	})
}

// TestLogitTerms compares single terms: a lane that sees one finite logit holds
// its exponential.
func TestLogitTerms(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		n := 200_000
		if testing.Short() {
			n = 20_000
		}
		rng := rand.New(rand.NewPCG(6, 6))
		x := make([]float32, kernel.LogitBlock)
		for range n / kernel.Lanes {
			for i := range x {
				x[i] = -inf32
			}
			row := rng.IntN(kernel.LogitBlock/kernel.Lanes) * kernel.Lanes
			for i := range kernel.Lanes {
				x[row+i] = -float32(math.Ldexp(rng.Float64(), rng.IntN(12)-5))
			}
			var lanes kernel.LogitLanes
			kernel.AddLogits(&lanes, x, 0, 1)
			want := lanes
			generic(func() { want = kernel.LogitLanes{}; kernel.AddLogits(&want, x, 0, 1) })
			require.Equal(t, want, lanes)
		}
	})
}

func TestLogitChunkLengths(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(7, 7))
		memory := logits(rng, 3*kernel.LogitBlock+8, 4, 6)
		bits, _ := halves(memory)
		step := 1
		if testing.Short() {
			step = 7
		}
		for n := 0; n <= 3*kernel.LogitBlock; n += step {
			x, b := memory[n%8:n%8+n], bits[n%8:n%8+n]
			var want, wantBF16 kernel.LogitSums
			generic(func() { want, wantBF16 = kernel.LogitChunk(x, 1.1), kernel.LogitChunkBF16(b, 1.1) })
			sameBits(t, want, kernel.LogitChunk(x, 1.1), n)
			sameBits(t, wantBF16, kernel.LogitChunkBF16(b, 1.1), n)
		}
	})
}

// TestLogitSameBits locks the results themselves.
func TestLogitSameBits(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		h := uint64(14695981039346656037)
		put := func(s kernel.LogitSums) {
			for _, b := range []uint64{uint64(math.Float32bits(s.Max)), math.Float64bits(s.Sum), math.Float64bits(s.Weighted)} {
				h = (h ^ b) * 1099511628211
			}
		}
		x := make([]float32, kernel.Chunk)
		state := uint32(1)
		for n := 1; n <= len(x); n = 2*n + 1 {
			for i := range x {
				state = state*1664525 + 1013904223
				x[i] = float32(int32(state)) * 0x1p-27 // ±16
			}
			bits, _ := halves(x)
			put(kernel.LogitChunk(x[:n], 0.75))
			put(kernel.LogitChunkBF16(bits[:n], 1.5))
		}
		assert.Equal(t, uint64(0xe79e57f13a40f07b), h)
	})
}

func TestLogitChunkDoesNotAllocate(t *testing.T) {
	x := make([]float32, 4000)
	bits := make([]uint16, 4000)
	assert.Zero(t, testing.AllocsPerRun(10, func() { kernel.LogitChunk(x, 1); kernel.LogitChunkBF16(bits, 1) }))
}

// FuzzLogitChunk compares the fastest level with generic Go.
func FuzzLogitChunk(f *testing.F) {
	f.Add([]byte("\x00\x00\x80\x3f\x00\x00\x80\xff\x00\x00\xc0\x7f\x00\x00\x80\x7f"), uint16(300), float32(1))
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 0xBF}, uint16(4096), float32(0.5))
	f.Fuzz(func(t *testing.T, data []byte, n uint16, a float32) {
		if len(data) < 4 || !(a >= 0x1p-64 && a <= 0x1p64) {
			return
		}
		x := make([]float32, n%(kernel.Chunk+1))
		for i := range x { // the data over and over, shifted by a byte each time
			var u uint32
			for j := range 4 {
				u = u<<8 | uint32(data[(i*4+i/len(data)+j)%len(data)])
			}
			x[i] = math.Float32frombits(u)
		}
		bits, values := halves(x)
		var want, wantBF16 kernel.LogitSums
		generic(func() { want, wantBF16 = kernel.LogitChunk(x, a), kernel.LogitChunk(values, a) })
		sameBits(t, want, kernel.LogitChunk(x, a))
		sameBits(t, wantBF16, kernel.LogitChunkBF16(bits, a))
	})
}
