package figures

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// sample returns differences of many sizes, some of them on bin edges.
func sample(n int) []float64 {
	rng := rand.New(rand.NewPCG(3, 4))
	d := []float64{0, 0.5, -0.5, 1, -1, 2, math.Ln2, 0x1p-14, -0x1p-15, 50, -50}
	for len(d) < n {
		d = append(d, rng.NormFloat64()*math.Exp(3*rng.NormFloat64()-2))
	}
	for i := range d {
		d[i] = max(-maxDelta, min(d[i], maxDelta))
	}
	return d
}

func TestDeltas(t *testing.T) {
	var h deltas
	ds := sample(5000)
	for _, d := range ds {
		h.add(d)
	}
	for _, c := range []struct {
		width float64
		half  int
	}{{0.25, 127}, {0x1p-10, 127}, {0x1p-13, 100}, {1, 70}} {
		want := make([]int64, 2*c.half+1)
		for _, d := range ds {
			j := int(math.Copysign(math.Floor(math.Abs(d)/c.width+0.5), d))
			if -c.half <= j && j <= c.half {
				want[c.half+j]++
			}
		}
		require.Equal(t, want, h.grid(c.width, c.half), "width %v", c.width)
	}
}

func TestDeltasReach(t *testing.T) {
	var h deltas
	const n = 10_000
	for i := range n {
		h.add(float64(i) / n)
	}
	require.InDelta(t, 1-tailShare, h.reach(0, n), 1e-2)
	require.Equal(t, 0x1p-14, h.reach(1, n))
	h.add(-maxDelta)
	require.Equal(t, 64.0, h.reach(1, 1))
}

func TestJoint(t *testing.T) {
	var h joint
	h.add(0, 1)
	h.add(0.5, 0.25)
	h.add(0.51, 0.26)
	h.add(1e30, math.Inf(1))
	var want joint
	want[0][jointSide-1] = 1
	want[jointSide/2][jointSide/4] = 2
	want[jointSide-1][jointSide-1] = 1
	require.Equal(t, want, h)

	require.Equal(t, 0, shadeOf(1, 100_000))
	require.Equal(t, 1, shadeOf(11, 100_000))
	require.Equal(t, 2, shadeOf(32, 100_000))
	require.Equal(t, len(shades)-1, shadeOf(1, 1))
	require.Len(t, shadeLabels, len(shades))
}

func TestPositions(t *testing.T) {
	var h positions
	h.add(0, 1)
	h.add(1, -2)
	h.add(math.MaxInt32-1, 0)
	require.EqualValues(t, 1, h[0].n)
	require.EqualValues(t, 1, h[4].n)
	require.EqualValues(t, 1, h[len(h)-1].n)
	require.InDelta(t, 1+math.Exp(-2), h[4].k3, 1e-15)

	// 100 rows of 40 tokens: every bin has its point, and the mean is exact.
	h = positions{}
	for range 100 {
		for i := range 40 {
			h.add(i, float64(i))
		}
	}
	absDelta, k3 := h.means()
	require.Len(t, k3, len(absDelta))
	require.Equal(t, 0.0, absDelta[0].X)
	require.Equal(t, 1.0, absDelta[1].X)
	require.Equal(t, 1.0, absDelta[1].Y)
	require.InDelta(t, math.E-2, k3[1].Y, 1e-14)

	// One row: the points that there are stand for enough tokens.
	h = positions{}
	for i := range 100 {
		h.add(i, 0.5)
	}
	absDelta, _ = h.means()
	require.Len(t, absDelta, 2)
	for _, p := range absDelta {
		require.Equal(t, 0.5, p.Y)
	}
	h = positions{}
	h.add(7, 0.5)
	absDelta, _ = h.means()
	require.Len(t, absDelta, 1)
	require.Equal(t, 3.0, absDelta[0].X)
}

func TestWeights(t *testing.T) {
	var h weights
	ds := sample(3000)
	var above int64
	for _, d := range ds {
		h.add(d)
		if d >= math.Ln2 {
			above++
		}
	}
	require.Equal(t, above, h.above())
	after := h.truncated()
	var n, m int64
	for i := range h {
		n += h[i]
		m += after[i]
		if i < truncateBin {
			require.Equal(t, h[i], after[i])
		} else if i > truncateBin {
			require.Zero(t, after[i])
		}
	}
	require.EqualValues(t, len(ds), n)
	require.Equal(t, n, m)
}

func TestCaps(t *testing.T) {
	var h caps
	ds := sample(3000)
	for _, d := range ds {
		h.add(math.Exp(d))
	}
	ess, lost := h.curves()
	require.Len(t, ess, numCaps)
	for i := range numCaps {
		c := capAt(i)
		var total, sum, sqr float64
		for _, d := range ds {
			w := min(math.Exp(d), c)
			total += math.Exp(d)
			sum += w
			sqr += w * w
		}
		require.InEpsilon(t, sum*sum/(float64(len(ds))*sqr), ess[i].Y, 1e-9)
		require.InDelta(t, 1-sum/total, lost[i].Y, 1e-9)
		require.InDelta(t, math.Log2(c), ess[i].X, 1e-12)
	}
	require.Equal(t, 1.0, capAt(0))
	require.Equal(t, 1024.0, capAt(numCaps-1))
}

func TestTicks(t *testing.T) {
	labels := func(low, high float64) (s []string) {
		for _, tick := range (linear{}).Ticks(low, high) {
			s = append(s, tick.Label)
		}
		return s
	}
	require.Equal(t, []string{"0", "0.2", "0.4", "0.6", "0.8", "1.0"}, labels(0, 1))
	require.Equal(t, []string{"−10", "−5", "0", "5", "10"}, labels(-11, 12))
	require.Equal(t, []string{"−0.0004", "−0.0002", "0", "0.0002"}, labels(-0.0005, 0.0003))
	require.Equal(t, "1/4K", powerLabel(-12))
	require.Equal(t, "512", powerLabel(9))
	require.Equal(t, "0.001", decadeLabel(-3))
	require.Equal(t, "10⁻¹²", decadeLabel(-12))
}
