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

// noisy returns x with noise, and one in cut values -Inf in both.
func noisy(rng *rand.Rand, x []float32, spread float64, cut int) []float32 {
	y := make([]float32, len(x))
	for i := range y {
		y[i] = x[i] + float32(spread*rng.NormFloat64())
		if cut > 0 && rng.IntN(cut) == 0 {
			x[i], y[i] = -inf32, -inf32
		}
	}
	return y
}

func TestExpParts32(t *testing.T) {
	worst, worstRest := 0.0, 0.0
	for i := -88_000; i <= 88_000; i++ {
		z := float32(i) / 1000
		scale, r, k := kernel.ExpParts32(z)
		if z > -87 {
			got := float64(scale) * (1 + float64(r+k))
			worst = max(worst, math.Abs(got/math.Exp(float64(z))-1))
		}
		if want := math.Expm1(float64(r)) - float64(r); r*r > 0.01 {
			worstRest = max(worstRest, math.Abs(float64(k)/want-1))
		}
	}
	assert.Less(t, worst, 0x1p-23)
	assert.Less(t, worstRest, 0x1p-22)
	scale, _, _ := kernel.ExpParts32(-127 * math.Ln2)
	assert.Zero(t, scale)
}

// TestPairChunk compares with the sums in float64.
func TestPairChunk(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 5))
		for _, n := range []int{1, 31, 511, 512, 513, 2000, 4096} {
			for _, spread := range []float64{0, 1e-4, 0.1, 1, 4, 30} {
				for _, a := range []float32{1, 0.6} {
					x := logits(rng, n, 5, 0)
					y := noisy(rng, x, spread, 9)
					s := kernel.NewPairScale(a, 9, 9.25)
					var want kernel.PairSums
					for i := range x {
						if x[i] < -math.MaxFloat32 {
							continue
						}
						p := math.Exp(float64(a)*float64(x[i]) - 9)
						d := float64(a)*(float64(y[i])-float64(x[i])) - 0.25
						e := math.Expm1(d)
						want.Mass += p
						want.Signed += math.Copysign(p, d)
						want.Net += p * e
						want.Gross += p * math.Abs(e)
						want.KL += p * (e - d)
						want.Reverse += p * (d*e - (e - d))
						want.Square += p * e * e
					}
					got := kernel.PairChunk(x, y, &s)
					require.InDelta(t, want.Mass, got.Mass, 1e-6*want.Mass)
					require.InDelta(t, want.Signed, got.Signed, 1e-6*want.Mass)
					require.InDelta(t, want.Net, got.Net, 1e-6*want.Gross)
					require.InDelta(t, want.Gross, got.Gross, 1e-6*want.Gross)
					require.InDelta(t, want.KL, got.KL, 1e-6*want.KL)
					require.InDelta(t, want.Reverse, got.Reverse, 1e-6*want.Reverse)
					require.InDelta(t, want.Square, got.Square, 1e-6*want.Square)
				}
			}
		}
	})
}

// TestPairKernels compares every level with generic Go, lane by lane, over starts
// and special values, between guards.
func TestPairKernels(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(2, 5))
		special := []float32{0, float32(math.Copysign(0, -1)), -inf32, math.SmallestNonzeroFloat32, -1e-40, -math.MaxFloat32, -87, -87.5, -88.1, 1e-20, -1e9, -3e9}
		near, far := 0, 0
		for round := range 200 {
			start := round % 17
			memX := logits(rng, start+kernel.PairBlock+17, 5, 0)
			memY := noisy(rng, memX, []float64{0, 1e-3, 0.5, 3, 9}[round%5], 9)
			for range round % 7 {
				i := rng.IntN(len(memX))
				memX[i] = special[rng.IntN(len(special))]
				if memY[i] = memX[i]; round%3 == 0 {
					memY[i] = special[rng.IntN(len(special))]
				}
			}
			for i := range memX {
				if i < start || i >= start+kernel.PairBlock {
					memX[i], memY[i] = nan32, nan32
				}
			}
			x, y := (*[kernel.PairBlock]float32)(memX[start:]), (*[kernel.PairBlock]float32)(memY[start:])
			s := kernel.NewPairScale([]float32{1, 0.6, 1.7, 0x1p-64}[rng.IntN(4)], 4, []float64{4, 3, 30}[round%3])
			var lanes [3]kernel.PairLanes // guards on both sides
			var want kernel.PairLanes
			lanes[1][0][5], want[0][5] = 1, 1
			ok := kernel.AddPairsGeneric(&want, x, y, &s)
			require.Equal(t, ok, kernel.AddPairs(&lanes[1], x, y, &s))
			require.Equal(t, [3]kernel.PairLanes{1: want}, lanes, "round %d", round)
			if ok {
				near++
			} else {
				far++
			}
		}
		assert.Greater(t, near, 50)
		assert.Greater(t, far, 10)
	})
}

func TestPairChunkLengths(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(3, 5))
		memory := logits(rng, 3*kernel.PairBlock+8, 4, 0)
		noise := noisy(rng, memory, 0.3, 6)
		bitsX, x := halves(memory)
		bitsY, y := halves(noise)
		s := kernel.NewPairScale(1.1, 8, 8.5)
		step := 13
		if testing.Short() {
			step = 97
		}
		for n := 0; n <= 3*kernel.PairBlock; n += step {
			x, y := x[n%8:n%8+n], y[n%8:n%8+n]
			var want kernel.PairSums
			generic(func() { want = kernel.PairChunk(x, y, &s) })
			require.Equal(t, want, kernel.PairChunk(x, y, &s), n)
			require.Equal(t, want, kernel.PairChunk(bitsX[n%8:n%8+n], y, &s), n)
			require.Equal(t, want, kernel.PairChunk(x, bitsY[n%8:n%8+n], &s), n)
			require.Equal(t, want, kernel.PairChunk(bitsX[n%8:n%8+n], bitsY[n%8:n%8+n], &s), n)
		}
		assert.Equal(t, kernel.PairSums{}, kernel.PairChunk([]float32{}, []uint16{}, &s))
	})
}

// TestPairChunkEdges has tokens that one row alone can choose, or hardly.
func TestPairChunkEdges(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		s := kernel.NewPairScale(1, 0, 0)
		inf := math.Inf(1)
		one := func(x, y float32) kernel.PairSums { return kernel.PairChunk([]float32{x}, []float32{y}, &s) }
		assert.Equal(t, kernel.PairSums{}, one(-inf32, -inf32))
		assert.Equal(t, kernel.PairSums{}, one(-inf32, -2e9))
		assert.Equal(t, kernel.PairSums{Mass: 1, Signed: 1}, one(0, 0))
		assert.Equal(t, kernel.PairSums{Mass: 1, Signed: -1, Net: -1, Gross: 1, KL: inf, Reverse: 1, Square: 1}, one(0, -inf32))
		assert.Equal(t, kernel.PairSums{Net: 1, Gross: 1, KL: 1, Reverse: inf, Square: inf}, one(-inf32, 0))
		assert.InEpsilon(t, math.Exp(2*-300+500), one(-500, -300).Square, 1e-12)
		assert.InEpsilon(t, math.Exp(2*-80+95), one(-95, -80).Square+math.Exp(2*-80+95), 1e-12)
		// References too large for float32.
		s = kernel.NewPairScale(0.7, 1e8, 1e8+1)
		got := kernel.PairChunk([]float32{1.0 / 7e-9}, []float32{1.0 / 7e-9}, &s)
		assert.Greater(t, got.KL, 0.0)
	})
}

// TestPairSameBits locks the results themselves.
func TestPairSameBits(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		h := uint64(14695981039346656037)
		x, y := make([]float32, kernel.Chunk), make([]float32, kernel.Chunk)
		state := uint32(1)
		next := func() float32 {
			state = state*1664525 + 1013904223
			return float32(int32(state)) * 0x1p-31
		}
		for n := 1; n <= len(x); n = 2*n + 1 {
			for i := range x {
				x[i] = 16 * next()
				y[i] = x[i] + 2*next()
			}
			s := kernel.NewPairScale(0.75, 9, 8.5)
			sums := kernel.PairChunk(x[:n], y[:n], &s)
			for _, v := range []float64{sums.Mass, sums.Signed, sums.Net, sums.Gross, sums.KL, sums.Reverse, sums.Square} {
				h = (h ^ math.Float64bits(v)) * 1099511628211
			}
		}
		assert.Equal(t, uint64(0x12b86b0a1f77d8c9), h)
	})
}

func TestPairChunkDoesNotAllocate(t *testing.T) {
	x, bits := make([]float32, 4000), make([]uint16, 4000)
	s := kernel.NewPairScale(1, 8, 8)
	assert.Zero(t, testing.AllocsPerRun(10, func() {
		kernel.PairChunk(x, x, &s)
		kernel.PairChunk(bits, x, &s)
	}))
}

// FuzzPairChunk compares the fastest level with generic Go.
func FuzzPairChunk(f *testing.F) {
	f.Add([]byte("\x00\x00\x80\x3f\x00\x00\x80\xff\x00\x00\xc0\x7f\x00\x00\x80\x7f"), uint16(300), float32(1), 4.0, 5.0)
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 0xBF}, uint16(4096), float32(0.5), -1e9, 1e3)
	f.Fuzz(func(t *testing.T, data []byte, n uint16, a float32, logP, logQ float64) {
		if len(data) < 4 || !(a >= 0x1p-64 && a <= 0x1p64) || !(math.Abs(logP)+math.Abs(logQ) < 1e10) {
			return
		}
		x, y := make([]float32, n%(kernel.Chunk+1)), make([]float32, n%(kernel.Chunk+1))
		for i := range x { // the data over and over, shifted by a byte each time
			var u uint32
			for j := range 4 {
				u = u<<8 | uint32(data[(i*4+i/len(data)+j)%len(data)])
			}
			x[i], y[i] = math.Float32frombits(u), math.Float32frombits(u^u<<20>>12)
			for _, v := range []*float32{&x[i], &y[i]} { // no faults
				if z := float64(*v) * float64(a); !(z <= kernel.MaxScaled) {
					*v = 0
				}
			}
		}
		s := kernel.NewPairScale(a, logP, logQ)
		var want kernel.PairSums
		generic(func() { want = kernel.PairChunk(x, y, &s) })
		got := kernel.PairChunk(x, y, &s)
		same := func(want, got float64) {
			if want == want || got == got {
				require.Equal(t, math.Float64bits(want), math.Float64bits(got))
			}
		}
		same(want.Mass, got.Mass)
		same(want.Signed, got.Signed)
		same(want.Net, got.Net)
		same(want.Gross, got.Gross)
		same(want.KL, got.KL)
		same(want.Reverse, got.Reverse)
		same(want.Square, got.Square)
	})
}
