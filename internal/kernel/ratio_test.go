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
	blocks  []byte
	sums    kernel.RowSums
	weights []byte
	wSums   kernel.WeightSums
	stored  []float32
}

func compute(trainer, rollout []float32, mask []uint8, bounds *kernel.Bounds) result {
	var out result
	var acc kernel.RowAcc
	var weights kernel.WeightAcc
	acc.Reset()
	weights.Reset()
	var block kernel.Block
	var y [kernel.BlockLen]float64
	for at := 0; at < len(trainer); at += block.N {
		var m []uint8
		if mask != nil {
			m = mask[at:]
		}
		block.Load(trainer[at:], rollout[at:], m)
		block.Exp()
		acc.Add(&block, trainer[at:], rollout[at:])
		weights.Weigh(&y, &block, bounds)
		out.blocks = append(out.blocks, memory(&block)...)
		out.weights = append(out.weights, memory(&y)...)
		stored := make([]float32, block.N)
		kernel.StoreWeights(stored, &y, 1)
		out.stored = append(out.stored, stored...)
	}
	out.blocks = append(out.blocks, memory(&acc)...)
	out.weights = append(out.weights, memory(&weights)...)
	out.sums, out.wSums = acc.Sums(), weights.Sums()
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
	lengths := []int{0, 1, 7, 8, 9, 15, 16, 17, 24, 25, 511, 512, 513, 520, 1500}
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
		assert.InDelta(t, wantD, s.D, 1e-12)
		assert.InEpsilon(t, wantW, s.Ratio, 1e-14)
		assert.Equal(t, count, s.N)
		assert.Equal(t, nonFinite, s.NonFinite)
		assert.Positive(t, nonFinite)
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
	trainer := []float32{-1, nan, inf, inf, nan, math.MaxFloat32, -1, -2, -3}
	rollout := []float32{-3, 0, inf, 0, nan, -math.MaxFloat32, -1, 0, -2}
	mask := []uint8{1, 1, 1, 255, 0, 1, 0, 1, 1}
	kerneltest.EachLevel(t, func(t *testing.T) {
		var b kernel.Block
		assert.Equal(t, 9, b.Load(trainer, rollout, mask))
		assert.Equal(t, 3, b.NonFinite)
		assert.Equal(t, 4, b.Count)
		assert.True(t, b.Wild)
		assert.Equal(t, []uint8{255, 0, 0, 0, 0, 255, 0, 255, 255}, b.Valid[:9])
		assert.Equal(t, []float64{2, 0, 0, 0, 0, 2 * math.MaxFloat32, 0, -2, -1}, b.D[:9])
		b.Load(trainer, rollout, nil)
		assert.Equal(t, 4, b.NonFinite, "no mask: all tokens")
	})
}
