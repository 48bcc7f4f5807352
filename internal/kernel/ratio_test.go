package kernel_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"

	"github.com/trueup-rl/trueup/internal/kernel"
	"github.com/trueup-rl/trueup/internal/kernel/kerneltest"
)

// memory returns the bytes of *v, so that comparing them tells 0 from −0.
func memory[T any](v *T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v))
}

// row returns log-probabilities and a mask of n tokens. One in eight rows has
// non-finite values, one in eight log-ratios beyond every bound.
func row(rng *rand.Rand, n int) (trainer, rollout []float32, mask []uint8) {
	// One element in front, so that the slices are not aligned.
	trainer, rollout, mask = make([]float32, n+1)[1:], make([]float32, n+1)[1:], make([]uint8, n+1)[1:]
	odd := rng.IntN(8)
	spread := math.Pow(10, -float64(rng.IntN(7)))
	for t := range n {
		trainer[t] = float32(-rng.ExpFloat64())
		rollout[t] = trainer[t] + float32(spread*rng.NormFloat64())
		mask[t] = uint8(rng.IntN(3))
		if rng.IntN(16) > 0 {
			continue
		}
		switch {
		case rng.IntN(4) == 0:
			rollout[t] = trainer[t]
		case rng.IntN(4) == 0:
			trainer[t], rollout[t] = float32(math.Copysign(0, -1)), 0
		case odd == 0:
			trainer[t] = []float32{float32(math.NaN()), float32(math.Inf(-1)), float32(math.Inf(1)), math.Float32frombits(0xFFC12345)}[rng.IntN(4)]
		case odd == 1:
			trainer[t] = []float32{25, -25, 70, -70, 2000, -math.MaxFloat32, 20, -20}[rng.IntN(8)]
		}
	}
	return trainer, rollout, mask
}

// result is all that the kernels make of a row.
type result struct {
	blocks    []byte
	sums      kernel.RowSums
	weights   []byte
	wSums     kernel.WeightSums
	kept      kernel.WeightSums
	filters   [3]kernel.FilterSums
	keep      []uint8
	histogram kernel.Histogram
}

func compute(trainer, rollout []float32, mask []uint8, bounds *kernel.Bounds) result {
	var out result
	var block kernel.Block
	var y [kernel.BlockLen]float32
	for at := 0; at < len(trainer); at += block.N {
		var m []uint8
		if mask != nil {
			m = mask[at:]
		}
		block.Load(trainer[at:], rollout[at:], m)
		out.sums.Add(&block)
		out.sums.AddSpread(&block, &out.histogram)
		out.wSums.Add(&y, &block, bounds)
		keep := make([]uint8, block.N)
		block.Keep(keep)
		for i, r := range []kernel.Range{{Lo: -0.1, Hi: 0.2}, {Hi: 0.01, Square: true}, {Hi: 0.3}} {
			x := &block.D
			if i == 2 {
				x = &block.K3
			}
			out.filters[i].Add(keep, x, &block, &r)
		}
		out.kept.AddKept(&y, keep)
		out.keep = append(out.keep, keep...)
		out.blocks = append(out.blocks, memory(&block)...)
		out.weights = append(out.weights, memory(&y)...)
	}
	return out
}

var someBounds = []*kernel.Bounds{
	{Hi: 2, Low: 0.5},
	{Lo: 0.5, Hi: 5, Low: 0.5},
	{Lo: 0.5, Hi: 5, Low: 0.5, Zero: true},
	{Hi: math.Inf(1)},
	{Hi: 1.5, Zero: true},
}

// TestRatioLevels compares every level with the portable code, to the bit, on
// rows of every length around a group and around a block.
func TestRatioLevels(t *testing.T) {
	lengths := []int{0, 1, 7, 8, 15, 16, 17, 31, 32, 33, 48, 49, 511, 512, 513, 520, 1500}
	kerneltest.EachLevel(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(3, 3))
		for range 12 {
			for _, n := range lengths {
				trainer, rollout, mask := row(rng, n)
				bounds := someBounds[rng.IntN(len(someBounds))]
				if rng.IntN(4) == 0 {
					mask = nil
				}
				got := compute(trainer, rollout, mask, bounds)
				restore := kernel.Use(kernel.Generic)
				want := compute(trainer, rollout, mask, bounds)
				restore()
				if !assert.Equal(t, want, got, "%d tokens", n) {
					return
				}
			}
		}
	})
}

func FuzzRatioLevels(f *testing.F) {
	f.Add(uint64(1), uint16(100), true)
	f.Fuzz(func(t *testing.T, seed uint64, n uint16, masked bool) {
		rng := rand.New(rand.NewPCG(seed, 0))
		trainer, rollout, mask := row(rng, int(n)%2000)
		if !masked {
			mask = nil
		}
		bounds := someBounds[rng.IntN(len(someBounds))]
		got := compute(trainer, rollout, mask, bounds)
		restore := kernel.Use(kernel.Generic)
		want := compute(trainer, rollout, mask, bounds)
		restore()
		assert.Equal(t, want, got)
	})
}

// TestRowSums compares with sums in big.Float; the other figures are checked by
// package mismatch.
func TestRowSums(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(2, 2))
		const n = 1500
		trainer, rollout, mask := make([]float32, n), make([]float32, n), make([]uint8, n)
		d, w := new(big.Float).SetPrec(200), new(big.Float).SetPrec(200)
		count, nonFinite := 0, 0
		for i := range n {
			trainer[i], rollout[i] = -rng.Float32(), -rng.Float32()
			mask[i] = uint8(rng.IntN(2))
			switch {
			case i%100 == 7:
				rollout[i] = float32(math.Inf(-1))
				nonFinite += int(mask[i])
			case mask[i] != 0:
				count++
				x := float64(trainer[i]) - float64(rollout[i])
				d.Add(d, bigF(x))
				w.Add(w, bigExp(x))
			}
		}
		s := compute(trainer, rollout, mask, someBounds[0]).sums
		wantD, _ := d.Float64()
		wantW, _ := w.Float64()
		assert.InDelta(t, wantD, s.D, 1e-9)
		assert.InEpsilon(t, wantW, s.Ratio, 1e-7)
		assert.Equal(t, count, s.N)
		assert.Equal(t, nonFinite, s.NonFinite)
		assert.Positive(t, nonFinite)
	})
}

// TestFilterSums counts what one filter does to a row by hand.
func TestFilterSums(t *testing.T) {
	trainer := []float32{0.5, -1, 2, 0, 7, -0.25}
	mask := []uint8{1, 1, 1, 1, 0, 9}
	kerneltest.EachLevel(t, func(t *testing.T) {
		var b kernel.Block
		b.Load(trainer, make([]float32, 6), mask)
		keep := make([]uint8, 6)
		b.Keep(keep)
		assert.Equal(t, []uint8{1, 1, 1, 1, 0, 1}, keep)
		assert.Equal(t, 5, kernel.CountKept(keep))
		var s kernel.FilterSums
		s.Add(keep, &b.D, &b, &kernel.Range{Lo: -0.5, Hi: 1})
		assert.Equal(t, kernel.FilterSums{
			N: 5, Sum: 1.25, SumSq: 5.3125, Clamped: 0.75, ClampedSq: 1.5625, Min: -1, Max: 2, High: 1, Low: 1,
		}, s)
		assert.Equal(t, []uint8{1, 0, 0, 1, 0, 1}, keep)
		s = kernel.FilterSums{}
		s.Add(nil, &b.D, &b, &kernel.Range{Hi: 1, Square: true})
		assert.Equal(t, kernel.FilterSums{
			N: 5, Sum: 2.65625, SumSq: 4.2666015625, Clamped: 1.65625, ClampedSq: 1.2666015625, Max: 2, High: 1,
		}, s)
	})
}

// TestWeightsInPlace compares with the loops that the names stand for.
func TestWeightsInPlace(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		for n := range 70 {
			for _, f := range []struct {
				run  func(w []float32)
				want func(x float32) float32
			}{
				{func(w []float32) { kernel.DivideWeights(w, 1.7) }, func(x float32) float32 { return x / 1.7 }},
				{func(w []float32) { kernel.FillWeights(w, 0.3) }, func(x float32) float32 {
					if x != 0 {
						return 0.3
					}
					return 0
				}},
			} {
				w, want := make([]float32, n+3), make([]float32, n+3)
				for i := range w {
					w[i] = float32(i % 5)
					want[i] = w[i]
				}
				for i := range n { // the first element and the last two are guards
					want[1+i] = f.want(w[1+i])
				}
				f.run(w[1 : 1+n])
				assert.Equal(t, want, w)
			}
		}
	})
}

// TestMasks checks every length around a group, with guards.
func TestMasks(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	kerneltest.EachLevel(t, func(t *testing.T) {
		for n := range 100 {
			mask, want, count := make([]uint8, n), make([]uint8, n+2), 0
			want[0], want[n+1] = 77, 77
			for i := range mask {
				mask[i] = uint8(rng.IntN(256)) & -uint8(rng.IntN(2))
				if mask[i] != 0 {
					want[1+i] = 1
					count++
				}
			}
			var b kernel.Block
			b.Load(make([]float32, n), make([]float32, n), mask)
			assert.Equal(t, count, b.Count)
			keep := make([]uint8, n+2)
			keep[0], keep[n+1] = 77, 77
			b.Keep(keep[1 : 1+n])
			assert.Equal(t, want, keep)
			assert.Equal(t, count, kernel.CountKept(keep[1:1+n]))
		}
	})
}

// TestNothingIsAllocated covers what runs for every row.
func TestNothingIsAllocated(t *testing.T) {
	trainer, rollout, mask := row(rand.New(rand.NewPCG(1, 7)), 600)
	var b kernel.Block
	var h kernel.Histogram
	var y [kernel.BlockLen]float32
	kerneltest.EachLevel(t, func(t *testing.T) {
		assert.Zero(t, testing.AllocsPerRun(5, func() {
			var s kernel.RowSums
			var w kernel.WeightSums
			var f kernel.FilterSums
			b.Load(trainer, rollout, mask)
			s.Add(&b)
			s.AddSpread(&b, &h)
			w.Add(&y, &b, someBounds[0])
			f.Add(nil, &b.D, &b, &kernel.Range{Hi: 1})
		}))
	})
}

// TestRowSum compares with the order written out.
func TestRowSum(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{0, 1, 7, 8, 9, 500} {
		var sum kernel.RowSum
		var lane [8]float64
		for i := range n {
			if x := rng.NormFloat64(); rng.IntN(4) > 0 {
				sum.Add(i, x)
				lane[i%8] += x
			}
		}
		for half := 4; half > 0; half /= 2 {
			for i := range half {
				lane[i] += lane[i+half]
			}
		}
		assert.Equal(t, lane[0], sum.Total(), "%d terms", n)
	}
}

func TestLoad(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	trainer := []float32{-1, nan, inf, inf, nan, math.MaxFloat32, -1, -2, -3, -25}
	rollout := []float32{-3, 0, inf, 0, nan, -math.MaxFloat32, -1, 0, -2, 0}
	mask := []uint8{1, 1, 1, 255, 0, 1, 0, 1, 1, 1}
	kerneltest.EachLevel(t, func(t *testing.T) {
		var b kernel.Block
		assert.Equal(t, 10, b.Load(trainer, rollout, mask))
		assert.Equal(t, 4, b.NonFinite)
		assert.Equal(t, 4, b.Count)
		assert.Equal(t, []uint8{0, 255, 255, 255, 255, 255, 255, 0, 0, 0}, b.Invalid[:10])
		assert.Equal(t, []float32{2, 0, 0, 0, 0, 0, 0, -2, -1, -20}, b.D[:10])
		b.Load(trainer, rollout, nil)
		assert.Equal(t, 5, b.NonFinite, "no mask: all tokens")
	})
}
