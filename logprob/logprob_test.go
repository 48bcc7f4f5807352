package logprob_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/internal/kernel/kerneltest"
	"github.com/trueup-rl/trueup/logprob"
)

var (
	inf32 = float32(math.Inf(1))
	nan32 = float32(math.NaN())
)

// row returns n logits as language models have them: a few far above the rest.
func row(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64()*2.5 - 3)
	}
	for range 10 {
		x[rng.IntN(n)] = float32(10 + 5*rng.Float64())
	}
	return x
}

// oracle works a row out in float64, with compensated sums.
func oracle(x []float32, token int, a float32) logprob.Row {
	z := func(i int) float64 { return float64(x[i]) * float64(a) }
	largest := math.Inf(-1)
	for i := range x {
		largest = max(largest, z(i))
	}
	var mass, energy neumaier
	for i := range x {
		if e := math.Exp(z(i) - largest); e > 0 {
			mass.add(e)
			energy.add(e * (z(i) - largest))
		}
	}
	lse := largest + math.Log(mass.total())
	return logprob.Row{LogProb: z(token) - lse, LogSumExp: lse, Entropy: math.Log(mass.total()) - energy.total()/mass.total()}
}

type neumaier struct{ sum, rest float64 }

func (s *neumaier) add(x float64) {
	t := s.sum + x
	if math.Abs(s.sum) >= math.Abs(x) {
		s.rest += (s.sum - t) + x
	} else {
		s.rest += (x - t) + s.sum
	}
	s.sum = t
}

func (s *neumaier) total() float64 { return s.sum + s.rest }

func encode(x []float32) (enc []bf16.BF16, values []float32) {
	enc, values = make([]bf16.BF16, len(x)), make([]float32, len(x))
	for i, v := range x {
		enc[i] = bf16.FromFloat32(v)
		values[i] = enc[i].Float32()
	}
	return enc, values
}

// TestOf holds log-sum-exp of 150,000 logits to a sixth of the 3e-7 asked for, on
// rows like a language model's.
func TestOf(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 1))
		rows, n := 40, 150_000
		if testing.Short() {
			rows = 4
		}
		var worstLSE, worstEntropy float64
		for range rows {
			for _, a := range []float32{1, 1 / float32(0.7)} {
				x := row(rng, n)
				token := rng.IntN(n)
				want, got := oracle(x, token, a), logprob.Of(x, token, a)
				worstLSE = max(worstLSE, math.Abs(want.LogSumExp-got.LogSumExp), math.Abs(want.LogProb-got.LogProb))
				worstEntropy = max(worstEntropy, math.Abs(want.Entropy-got.Entropy))
			}
		}
		t.Logf("worst error of log-sum-exp %.2g, of entropy %.2g", worstLSE, worstEntropy)
		assert.Less(t, worstLSE, 5e-8)
		assert.Less(t, worstEntropy, 2e-7)
	})
}

// TestOfHardRows has rows made to add up rounding errors of one sign.
func TestOfHardRows(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		rows := map[string]func(i int) float32{
			"flat":                    func(i int) float32 { return 3.3 },
			"one above equals":        func(i int) float32 { return peak(i, -8.1) },
			"equals below half a ulp": func(i int) float32 { return peak(i, -17.33) },
			"equals near 12":          func(i int) float32 { return peak(i, -11.9) },
			"steep":                   func(i int) float32 { return -float32(i) * 0.37 },
			"wide":                    func(i int) float32 { return float32(i%977) - 400.3 },
			"far off":                 func(i int) float32 { return 5e4 + float32(i%89)*0.01 },
		}
		for name, f := range rows {
			x := make([]float32, 40_000)
			for i := range x {
				x[i] = f(i)
			}
			for _, a := range []float32{1, 0.3, 1.9} {
				want, got := oracle(x, 1, a), logprob.Of(x, 1, a)
				assert.InDelta(t, want.LogSumExp, got.LogSumExp, 5e-7, name)
				assert.InDelta(t, want.LogProb, got.LogProb, 5e-7, name)
				assert.InDelta(t, want.Entropy, got.Entropy, 5e-6, name)
			}
		}
	})
}

// peak is 0 once in a chunk and x elsewhere.
func peak(i int, x float32) float32 {
	if i%4096 == 5 {
		return 0
	}
	return x
}

func TestBF16(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(2, 2))
		for _, n := range []int{1, 100, 4096, 20_001} {
			enc, x := encode(row(rng, n))
			assert.Equal(t, logprob.Of(x, n/2, 0.8), logprob.Of(enc, n/2, 0.8))
		}
	})
}

func TestInvalidLogits(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(3, 3))
		for _, n := range []int{5, 5000} {
			for count, bad := range [][]float32{{nan32}, {inf32, nan32}, {inf32, 3e9, -nan32}} {
				x := row(rng, n)
				copy(x[1:], bad)
				got := logprob.Of(x, 0, 1)
				assert.Equal(t, count+1, got.NonFinite)
				for _, v := range []float64{got.LogProb, got.LogSumExp, got.Entropy} {
					assert.True(t, math.IsNaN(v))
				}
				got = logprob.Of(x, 1, 1)
				assert.Equal(t, count+1, got.NonFinite, "the fault is the token's")
			}
		}
		// The bound is on the scaled logit.
		assert.Equal(t, 1, logprob.Of([]float32{0, 1e5}, 0, 1e5).NonFinite)
		assert.Zero(t, logprob.Of([]float32{0, 1e5}, 0, 1e4).NonFinite)
	})
}

// TestMasks leaves out tokens by any of the usual masks, whole chunks among
// them: the figures are those of a row without them.
func TestMasks(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(4, 4))
		for _, mask := range []float32{-inf32, -math.MaxFloat32, -1e30, -2e9} {
			for _, n := range []int{7, 12_000} {
				x := row(rng, n)
				kept := x[:1:1]
				for i := 1; i < n; i++ {
					if i >= 4096 && i < 2*4096 || rng.IntN(3) == 0 {
						x[i] = mask
					} else {
						kept = append(kept, x[i])
					}
				}
				want, got := oracle(kept, 0, 1), logprob.Of(x, 0, 1)
				assert.InDelta(t, want.LogProb, got.LogProb, 1e-7)
				assert.InDelta(t, want.Entropy, got.Entropy, 1e-6)
				assert.Equal(t, math.Inf(-1), logprob.Of(append(x, mask), n, 1).LogProb)
			}
			all := []float32{mask, mask, mask}
			assert.Equal(t, logprob.Row{LogProb: math.Inf(-1), LogSumExp: math.Inf(-1)}, logprob.Of(all, 1, 1))
		}
		got := logprob.Of([]float32{-inf32, 42.5, -inf32}, 1, 1)
		assert.Equal(t, logprob.Row{LogSumExp: 42.5}, got)
	})
}

func TestPanics(t *testing.T) {
	x := []float32{1, 2}
	for _, token := range []int{-1, 2, math.MaxInt, math.MinInt} {
		assert.PanicsWithValue(t, "logprob: token outside of the row", func() { logprob.Of(x, token, 1) })
	}
	assert.PanicsWithValue(t, "logprob: token outside of the row", func() { logprob.Of([]float32{}, 0, 1) })
	for _, a := range []float32{0, -1, nan32, inf32, -inf32, 0x1p-65, 0x1p65} {
		msg := "logprob: inverse temperature outside of 2^-64 … 2^64"
		assert.PanicsWithValue(t, msg, func() { logprob.Of(x, 0, a) })
		assert.PanicsWithValue(t, msg, func() { logprob.PartialOf(x, 0, 0, a) })
		assert.PanicsWithValue(t, msg, func() { logprob.Between(x, x, a) })
		m := logprob.Matrix[float32]{Logits: x, Cols: 2, Stride: 2}
		assert.PanicsWithValue(t, msg, func() { logprob.Rows(make([]logprob.Row, 1), m, []int32{0}, a, 1) })
		assert.PanicsWithValue(t, msg, func() { logprob.BetweenRows(make([]logprob.Divergence, 1), m, m, a, 1) })
	}
}

func TestRows(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(5, 5))
		const rows, cols, stride = 9, 4500, 4608
		m := logprob.Matrix[float32]{Logits: row(rng, (rows-1)*stride+cols), Cols: cols, Stride: stride}
		tokens := make([]int32, rows)
		want := make([]logprob.Row, rows)
		wantPartials := make([]logprob.Partial, rows)
		for i := range tokens {
			tokens[i] = int32(rng.IntN(cols))
			want[i] = logprob.Of(m.Logits[i*stride:i*stride+cols], int(tokens[i]), 1.25)
			wantPartials[i] = logprob.PartialOf(m.Logits[i*stride:i*stride+cols], 8192, int(tokens[i]), 1.25)
		}
		for _, workers := range []int{1, 2, 3, 8, 100} {
			got := make([]logprob.Row, rows)
			logprob.Rows(got, m, tokens, 1.25, workers)
			assert.Equal(t, want, got)
			partials := make([]logprob.Partial, rows)
			logprob.Partials(partials, m, 8192, tokens, 1.25, workers)
			assert.Equal(t, wantPartials, partials)
		}
	})
}

func TestRowsPanics(t *testing.T) {
	dst, tokens := make([]logprob.Row, 2), []int32{0, 1}
	good := logprob.Matrix[float32]{Logits: make([]float32, 5), Cols: 2, Stride: 3}
	run := func(dst []logprob.Row, m logprob.Matrix[float32], tokens []int32, workers int) func() {
		return func() { logprob.Rows(dst, m, tokens, 1, workers) }
	}
	assert.NotPanics(t, run(dst, good, tokens, 1))
	assert.NotPanics(t, run(nil, logprob.Matrix[float32]{}, nil, 1))
	for name, f := range map[string]func(){
		"logprob: lengths of dst and tokens differ":   run(dst, good, tokens[:1], 1),
		"logprob: fewer than one worker":              run(dst, good, tokens, 0),
		"logprob: token outside of the row":           run(dst, good, []int32{0, 2}, 1),
		"logprob: stride below the number of columns": run(dst, logprob.Matrix[float32]{Logits: good.Logits, Cols: 2, Stride: 1}, tokens, 1),
		"logprob: too few logits for the rows":        run(dst, logprob.Matrix[float32]{Logits: good.Logits[:4], Cols: 2, Stride: 3}, tokens, 1),
		"logprob: negative offset or token":           func() { logprob.PartialOf(good.Logits, 0, -1, 1) },
		"logprob: no partial holds the token":         func() { new(logprob.Partial).Row() },
	} {
		assert.PanicsWithValue(t, name, f)
	}
	assert.Panics(t, func() { logprob.Partials(make([]logprob.Partial, 2), good, -1, tokens, 1, 1) })
	assert.Panics(t, func() { logprob.Partials(make([]logprob.Partial, 2), good, 0, []int32{0, -1}, 1, 1) })
}

func TestNoAllocation(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	enc, x := encode(row(rng, 9000))
	m, mb := logprob.Matrix[float32]{Logits: x, Cols: 4500, Stride: 4500}, logprob.Matrix[bf16.BF16]{Logits: enc, Cols: 4500, Stride: 4500}
	dst, partials, divs := make([]logprob.Row, 2), make([]logprob.Partial, 2), make([]logprob.Divergence, 2)
	tokens := []int32{3, 4}
	assert.Zero(t, testing.AllocsPerRun(5, func() {
		logprob.Of(x, 1, 1)
		logprob.Of(enc, 1, 1)
		logprob.Rows(dst, m, tokens, 1, 1)
		logprob.Rows(dst, mb, tokens, 1, 1)
		logprob.Partials(partials, mb, 0, tokens, 1, 1)
		logprob.BetweenRows(divs, m, mb, 1, 1)
	}))
}

func FuzzOf(f *testing.F) {
	f.Add([]byte{0x80, 0x3F, 0x80, 0xFF, 0x00, 0x41}, uint16(3), float32(1), uint16(1))
	f.Add([]byte{0xC0, 0x7F, 0x80, 0x7F, 0x12, 0xC1, 0x00}, uint16(5000), float32(0.5), uint16(4096))
	f.Fuzz(func(t *testing.T, data []byte, n uint16, a float32, cut uint16) {
		if len(data) < 2 || n == 0 || !(a >= 0x1p-20 && a <= 0x1p20) {
			return
		}
		enc := make([]bf16.BF16, n)
		for i := range enc {
			enc[i] = bf16.FromBits(uint16(data[(2*i)%len(data)]) | uint16(data[(2*i+1+i/len(data))%len(data)])<<8)
		}
		token := int(cut) % len(enc)
		whole := logprob.PartialOf(enc, 0, token, a)
		r := whole.Row()
		if r.NonFinite == 0 {
			require.False(t, math.IsNaN(r.LogProb) || math.IsNaN(r.LogSumExp) || math.IsNaN(r.Entropy), "%+v", r)
			require.LessOrEqual(t, r.LogProb, 0.0)
			require.GreaterOrEqual(t, r.Entropy, 0.0)
			// Rounding of z itself may add 2⁻⁵² of it.
			require.LessOrEqual(t, r.Entropy, math.Log(float64(n))+1e-5+math.Abs(r.LogSumExp)*0x1p-50)
		}
		if at := 4096 * (1 + int(cut)%3); at < len(enc) {
			p := logprob.PartialOf(enc[at:], at, token, a)
			q := logprob.PartialOf(enc[:at], 0, token, a)
			p.Merge(&q)
			require.Equal(t, whole, p)
		}
		d := logprob.Between(enc, enc, a)
		require.Equal(t, logprob.Divergence{NonFinite: d.NonFinite}, orZero(d))
	})
}

// orZero replaces the figures of rows without a distribution by 0.
func orZero(d logprob.Divergence) logprob.Divergence {
	if d.NonFinite > 0 {
		return logprob.Divergence{NonFinite: d.NonFinite}
	}
	return d
}
