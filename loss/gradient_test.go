package loss_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/loss"
)

// The losses once more, as plainly as their papers have them, as functions of the
// current policy's log-probabilities x. What a method holds constant for
// differentiation it reads from fixed, the same log-probabilities before the
// central difference moves one of them.

// sample is one token of a reference computation.
type sample struct {
	x, fixed            float64 // log π_θ, moving and constant
	old, rollout, ref   float64
	adv, weight, reward float64
	kept                bool // by M2PO
}

func (s *sample) ratio() float64      { return math.Exp(s.x - s.old) }
func (s *sample) fixedRatio() float64 { return math.Exp(s.fixed - s.old) }
func (s *sample) moved() float64      { return math.Exp(s.fixed) - math.Exp(s.old) }

func between(x, lo, hi float64) float64 { return math.Min(math.Max(x, lo), hi) }

func when(b bool, x float64) float64 {
	if b {
		return x
	}
	return 0
}

func bySign(a, positive, other float64) float64 {
	if a > 0 {
		return positive
	}
	return other
}

func clippedSurrogate(r, a, low, high, dual float64) float64 {
	l := math.Max(-a*r, -a*between(r, 1-low, 1+high))
	if a < 0 && dual > 0 {
		l = math.Min(l, -a*dual)
	}
	return l
}

func keepsKL(s *sample, delta float64) bool {
	q, p := math.Exp(s.old), math.Exp(s.fixed)
	kl := q*(s.old-s.fixed) + (1-q)*math.Log((1-q+1e-8)/(1-p+1e-8))
	return kl <= delta || s.adv > 0 && p <= q || s.adv <= 0 && p >= q
}

func keepsTV(s *sample, low, high float64) bool {
	return s.adv > 0 && s.moved() <= high || s.adv <= 0 && s.moved() >= -low
}

// perToken are the losses of one token, without its weight.
var perToken = map[string]func(s *sample) float64{
	"ppo:0.2..0.28, dual:3": func(s *sample) float64 { return clippedSurrogate(s.ratio(), s.adv, 0.2, 0.28, 3) },
	"cispo:0.2..0.28":       func(s *sample) float64 { return -between(s.fixedRatio(), 0.8, 1.28) * s.adv * s.x },
	"dppo-tv:0.02..0.03, cap:1.2": func(s *sample) float64 {
		return when(keepsTV(s, 0.02, 0.03), -s.adv*math.Min(s.fixedRatio(), 1.2)*s.x)
	},
	"dppo-tv:0.02, form:ratio": func(s *sample) float64 { return when(keepsTV(s, 0.02, 0.02), -s.adv*s.ratio()) },
	"dppo-kl:0.002, cap:1.2": func(s *sample) float64 {
		return when(keepsKL(s, 0.002), -s.adv*math.Min(s.fixedRatio(), 1.2)*s.x)
	},
	"sapo:1..1.05": func(s *sample) float64 {
		tau := bySign(s.adv, 1, 1.05)
		return -s.adv * 4 / tau / (1 + math.Exp(-tau*(s.ratio()-1)))
	},
	"reinforce, tis:1.1": func(s *sample) float64 { return -math.Min(s.fixedRatio(), 1.1) * s.adv * s.x },
	"reinforce, icepop:0.8..1.2": func(s *sample) float64 {
		r := s.fixedRatio()
		return when(r > 0.8 && r < 1.2, -r*s.adv*s.x)
	},
	"reinforce":  func(s *sample) float64 { return -s.adv * s.x },
	"gpg":        func(s *sample) float64 { return -s.adv * s.x },
	"importance": func(s *sample) float64 { return -s.adv * s.ratio() },
	"dro:0.05":   func(s *sample) float64 { return -s.adv*s.x + 0.025*math.Pow(s.x-s.old, 2) },
	"kimi:0.1":   func(s *sample) float64 { return -s.adv*s.x + 0.05*math.Pow(s.x-s.old, 2) },
	"topr:1.5..0.5": func(s *sample) float64 {
		f := 1.5
		if s.reward <= 0 {
			f = 0.5 * math.Min(1, s.fixedRatio())
		}
		return -f * s.adv * s.x
	},
	"m2po:0.01": func(s *sample) float64 { return when(s.kept, -s.adv*s.ratio()) },
	"prime-rl:0.02..0.03, kappa:0.01": func(s *sample) float64 {
		return when(keepsTV(s, 0.02, 0.03), -s.adv*s.ratio()) + 0.01*math.Pow(s.x-s.old, 2)
	},
	"ipo:0.02, kappa:0.01": func(s *sample) float64 {
		return when(math.Abs(s.moved()) <= 0.02, -s.adv*s.ratio()) + 0.01*math.Pow(s.x-s.old, 2)
	},
}

func meanOf(row []sample, f func(s *sample) float64) float64 {
	sum := 0.0
	for i := range row {
		sum += f(&row[i])
	}
	return sum / float64(len(row))
}

// perRow are the losses that look at a whole row, with weights: one value for each
// of its tokens.
var perRow = map[string]func(row []sample) func(s *sample) float64{
	"gspo:0.02..0.03": func(row []sample) func(s *sample) float64 {
		mean := meanOf(row, func(s *sample) float64 { return s.fixed - s.old })
		return func(s *sample) float64 {
			return s.weight * clippedSurrogate(math.Exp(mean+s.x-s.fixed), s.adv, 0.02, 0.03, 0)
		}
	},
	"gspo:0.02..0.03, form:sequence, dual:1.5": func(row []sample) func(s *sample) float64 {
		mean := meanOf(row, func(s *sample) float64 { return s.x - s.old })
		return func(s *sample) float64 {
			return s.weight * clippedSurrogate(math.Exp(mean), s.adv, 0.02, 0.03, 1.5)
		}
	},
	"gmpo:0.1..0.15": func(row []sample) func(s *sample) float64 {
		d := meanOf(row, func(s *sample) float64 {
			switch d := s.x - s.old; {
			case s.adv > 0:
				return math.Min(d, 0.15)
			case s.adv < 0:
				return math.Max(d, -0.1)
			}
			return 0
		})
		adv := meanOf(row, func(s *sample) float64 { return s.adv })
		w := meanOf(row, func(s *sample) float64 { return math.Log(s.weight + 1e-10) })
		return func(*sample) float64 { return -adv * math.Exp(d+w) }
	},
	"vespo": func(row []sample) func(s *sample) float64 {
		n := float64(len(row))
		logW := n * meanOf(row, func(s *sample) float64 {
			return s.fixed - s.old + between(math.Log(s.weight), math.Log(1e-8), 20)
		})
		logW = between(logW, math.Log(1e-8), 20)
		return func(s *sample) float64 {
			k, lambda := 2.0, 3.0
			if s.adv < 0 {
				k, lambda = 3, 2
			}
			return -math.Exp(lambda+k*logW-lambda*math.Exp(logW)) * s.adv * s.x
		}
	},
}

// penalties are the reference terms' values at one token.
var penalties = map[string]func(s *sample) float64{
	"kl:k1:0.5":       func(s *sample) float64 { return s.x - s.ref },
	"kl:abs:0.5":      func(s *sample) float64 { return math.Abs(s.x - s.ref) },
	"kl:k2:0.5":       func(s *sample) float64 { return math.Pow(s.x-s.ref, 2) / 2 },
	"kl:k3:0.5":       k3,
	"kl:low-var:0.5":  k3,
	"kl:k3+:0.5":      straightThrough(k3),
	"kl:low-var+:0.5": straightThrough(k3),
	"kl:k1+:0.5":      straightThrough(func(s *sample) float64 { return s.x - s.ref }),
	"kl:k3:0.5, kl-weight:score": func(s *sample) float64 {
		return math.Exp(s.x-s.fixed) * k3(s)
	},
	"kl:k1:0.5, kl-weight:rollout": func(s *sample) float64 {
		return math.Exp(s.x-s.rollout) * (s.x - s.ref)
	},
	"kl:k3:0.5, kl-weight:proximal":      func(s *sample) float64 { return s.ratio() * k3(s) },
	"kl:low-var:0.5, kl-weight:proximal": func(s *sample) float64 { return s.ratio() * k3(s) },
}

func k3(s *sample) float64 { return math.Exp(s.ref-s.x) - 1 - (s.ref - s.x) }

// straightThrough has the value of f and the slope of k2.
func straightThrough(f func(s *sample) float64) func(s *sample) float64 {
	return func(s *sample) float64 {
		constant := *s
		constant.x = s.fixed
		return f(&constant) + math.Pow(s.x-s.ref, 2)/2 - math.Pow(s.fixed-s.ref, 2)/2
	}
}

// problem is a batch for the reference computation.
type problem struct {
	rows   [][]sample
	groups []int32
	tokens map[int32]float64 // by group
	n, v   float64
}

func newProblem(b *loss.Batch, mode string, cut float64) *problem {
	p := &problem{groups: b.Group, tokens: map[int32]float64{}}
	for i := range b.Layout.Rows() {
		start, end := b.Layout.Row(i)
		var row []sample
		for at := start; at < end; at++ {
			if b.Mask[at] == 0 {
				continue
			}
			s := sample{x: float64(b.Current[at]), old: float64(b.Proximal[at]), rollout: float64(b.Rollout[at]),
				ref: float64(b.Reference[at]), adv: float64(b.Advantage[at]), reward: float64(b.Reward[i]), weight: 1}
			s.fixed = s.x
			trainer := s.old
			switch mode {
			case "bypass":
				s.old, trainer = s.rollout, s.x
			case "on-policy":
				s.old, trainer = s.fixed, s.x
			}
			if b.Weight != nil {
				s.weight = float64(b.Weight[at])
			}
			s.kept = math.Pow(s.rollout-trainer, 2) <= cut
			row = append(row, s)
		}
		p.rows = append(p.rows, row)
		p.n += float64(len(row))
		if len(row) > 0 {
			p.v++
			p.tokens[b.Group[i]] += float64(len(row))
		}
	}
	return p
}

// total is the loss.
func (p *problem) total(policy, agg, kl string) float64 {
	sum := 0.0
	for i, row := range p.rows {
		if len(row) == 0 {
			continue
		}
		c := map[string]float64{
			"token-mean": 1 / p.n, "token-sum": 1,
			"seq-mean-token-sum": 1 / p.v, "seq-mean-token-mean": 1 / p.v / float64(len(row)),
			"seq-mean-token-sum-norm:40": 1 / p.v / 40, "constant:30": 1. / 30,
			"group-mean": 1 / float64(len(p.tokens)) / p.tokens[p.groups[i]],
		}[agg]
		f := func(s *sample) float64 { return s.weight * perToken[policy](s) }
		if g, ok := perRow[policy]; ok {
			f = g(row)
		}
		for k := range row {
			sum += c * f(&row[k])
			if kl != "" {
				sum += c * 0.5 * penalties[kl](&row[k])
			}
		}
	}
	return sum
}

// check compares coefficients and loss with the reference computation.
func (p *problem) check(t *testing.T, b *loss.Batch, policy, agg, kl, mode string) {
	text := strings.Join(slices.DeleteFunc([]string{policy, "agg:" + agg, kl, mode}, func(s string) bool { return s == "" }), ", ")
	got, stats := coefficients(t, text, b)
	summary := stats.Summary()
	assert.InEpsilon(t, 1+p.total(policy, agg, kl), 1+summary.Loss(), 1e-9, text)
	const h = 1e-5
	for i, row := range p.rows {
		start, end := b.Layout.Row(i)
		k := 0
		for at := start; at < end; at++ {
			if b.Mask[at] == 0 {
				assert.Zero(t, got[at], "%s: masked token %d", text, at)
				continue
			}
			x := row[k].x
			row[k].x = x + h
			up := p.total(policy, agg, kl)
			row[k].x = x - h
			down := p.total(policy, agg, kl)
			row[k].x = x
			want := (up - down) / (2 * h)
			if !(math.Abs(want-float64(got[at])) <= 1e-6*(1+math.Abs(want))) {
				t.Errorf("%s: token %d: coefficient %v, central difference %v", text, at, got[at], want)
			}
			k++
		}
	}
}

func TestCoefficientsAreDerivatives(t *testing.T) {
	require.Len(t, configs, len(perToken)+len(perRow), "a loss without a reference computation")
	for _, policy := range configs {
		for _, mode := range []string{"", "bypass", "on-policy"} {
			t.Run(policy+"/"+mode, func(t *testing.T) {
				b := ragged(t, 1, 9, 4, 1, 12)
				if mode == "bypass" {
					b.Weight = nil
				}
				newProblem(&b, mode, m2poCut(&b, mode)).check(t, &b, policy, "token-mean", "", mode)
			})
		}
	}
}

// m2poCut finds the cut of "m2po:0.01" by trying every one.
func m2poCut(b *loss.Batch, mode string) float64 {
	var xs []float64
	for i, m := range b.Mask {
		if m == 0 {
			continue
		}
		trainer := b.Proximal[i]
		if mode != "" {
			trainer = b.Current[i]
		}
		xs = append(xs, math.Pow(float64(b.Rollout[i])-float64(trainer), 2))
	}
	best := slices.Min(xs)
	for _, cut := range xs {
		sum, n := 0.0, 0.0
		for _, x := range xs {
			if x <= cut {
				sum, n = sum+x, n+1
			}
		}
		if sum/n < 0.01 {
			best = max(best, cut)
		}
	}
	return best
}

func TestAggregations(t *testing.T) {
	b := ragged(t, 2, 5, 3, 7, 1, 6)
	p := newProblem(&b, "", 0)
	for _, agg := range []string{"token-mean", "token-sum", "seq-mean-token-sum", "seq-mean-token-mean",
		"seq-mean-token-sum-norm:40", "group-mean", "constant:30"} {
		for _, policy := range []string{"ppo:0.2..0.28, dual:3", "gspo:0.02..0.03, form:sequence, dual:1.5", "gmpo:0.1..0.15"} {
			p.check(t, &b, policy, agg, "kl:k3:0.5", "")
		}
	}
}

func TestReferenceTerms(t *testing.T) {
	b := ragged(t, 3, 8, 2, 8)
	for kl := range penalties {
		newProblem(&b, "", 0).check(t, &b, "gpg", "token-mean", kl, "")
	}
}

// TestScoreFunctionGradient checks that with the score function K3 has K2's
// gradient at every token, and K1 but for a constant, whose mean is 0.
func TestScoreFunctionGradient(t *testing.T) {
	b := ragged(t, 4, 30)
	k2, _ := coefficients(t, "gpg, kl:k2:1", &b)
	for _, text := range []string{"gpg, kl:k3:1, kl-weight:score", "gpg, kl:k3+:1"} {
		got, _ := coefficients(t, text, &b)
		assert.InDeltaSlice(t, k2, got, 1e-7, text)
	}
	none, _ := coefficients(t, "gpg", &b)
	plain, _ := coefficients(t, "gpg, kl:k1:1", &b)
	got, _ := coefficients(t, "gpg, kl:k1:1, kl-weight:score", &b)
	for i := range got {
		assert.InDelta(t, k2[i]+plain[i]-none[i], got[i], 1e-7)
	}
}

func TestLowVarClamps(t *testing.T) {
	b := ragged(t, 5, 4)
	copy(b.Mask, []uint8{1, 1, 1, 1})
	copy(b.Current, []float32{-1, -40, -1, -30})
	copy(b.Reference, []float32{-40, -1, -1, -27})
	clear(b.Advantage)
	got, stats := coefficients(t, "gpg, kl:low-var:2, agg:token-sum", &b)
	third := float64(b.Reference[3]) - float64(b.Current[3])
	want := math.Exp(third) - 1 - third
	if want > 10 {
		want = 10
	}
	summary := stats.Summary()
	assert.InDelta(t, 10+10+0+want, summary.KL, 1e-9)
	assert.InDelta(t, 2*summary.KL, summary.Penalty, 1e-9)
	assert.Equal(t, []float32{0, 0, 0}, got[:3], fmt.Sprint(got))

	got, stats = coefficients(t, "gpg, kl:k3:2, agg:token-sum", &b) // bounded at 20 alone
	summary = stats.Summary()
	assert.Greater(t, summary.KL, math.Exp(20)-22)
	assert.Zero(t, got[0])
	assert.Zero(t, got[1])
}
