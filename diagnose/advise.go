package diagnose

import (
	"errors"
	"fmt"
	"math"

	"github.com/trueup-rl/trueup/correction"
	"github.com/trueup-rl/trueup/internal/kernel"
	"github.com/trueup-rl/trueup/mismatch"
)

// grid holds the corrections that are tried unless others are given, from the
// loosest to the tightest of each sort.
var grid = []string{
	"none",
	"token-tis:10", "token-tis:5", "token-tis:3", "token-tis:2", "token-tis:1.5",
	"token-icepop:0.2..5", "token-icepop:0.5..5", "token-icepop:0.5..2",
	"token-mask:0.2..5", "token-mask:0.5..2",
	"seq-tis:2", "geo-mask:0.99..1.01",
	"token-tis:2, geo-mask:0.95..1.05", "token-tis:2, geo-mask:0.9..1.1", "token-tis:2, mean-k3:0.1",
}

// Grid returns the corrections that an Advisor tries by default.
func Grid() []correction.Policy {
	policies := make([]correction.Policy, len(grid))
	for i, text := range grid {
		p, err := correction.Parse(text)
		if err != nil {
			panic("diagnose: " + err.Error()) // a test parses them
		}
		policies[i] = p
	}
	return policies
}

// ErrNormalize is returned for a policy whose weights depend on the whole batch:
// an Advisor sees batches one by one.
var ErrNormalize = errors.New("diagnose: a policy that normalizes cannot be advised on")

// Advisor estimates what corrections do to the gradient, from batches that come
// one by one. Its memory grows with the number of prompts. The zero value is not
// of use; see NewAdvisor.
//
// The estimand is the token-level policy gradient with histories as they were
// sampled, reduced to a vector θ with one component for each class c of the
// trainer's probability p (bounds 0.02, 0.1, 0.3, 0.6, 0.9): with ρ = e^d and A
// the advantage of a token's row,
//
//	θ_c = E[ρ·f_c]      f_c = A·(1 − p) where p is of class c, else 0
//
// 1 − p is the derivative of ln p with respect to the token's own logit, and the
// expectation is over tokens of the rollout policy. Classes are apart since a
// mismatch moves probability from the likely to the unlikely, and E[ρ − 1] = 0
// would hide that in a single sum. A correction gives token t the weight w_t, 0
// if it is rejected, and estimates θ by
//
//	θ̂_c = Σ w_t·f_c,t / n
//
// over all n valid tokens, rejected ones counted. Then, with b_c = Σ (w_t −
// ρ_t)·f_c,t / n and standard errors over prompts (see mismatch.Clusters),
//
//	bias²     max(0, Σ_c b_c² − SE(b_c)²)
//	variance  Σ_c SE(θ̂_c)²
//	MSE       bias² + variance
//
// in units of mean |f|: a bias of 0.1 is a tenth of a gradient on which all tokens
// agree. (For the trade-off see E. L. Ionides, "Truncated importance sampling",
// 2008.) ρ without a bound has no bias by construction; a weight on whole rows
// aims at the trainer's histories as well, and its bias here is its distance
// from θ.
type Advisor struct {
	correctors []*correction.Corrector
	prompts    []*promptSums // as they came
	byPrompt   map[int32]*promptSums
	stats      mismatch.Stats
	weights    []float32
	keep       []uint8
}

// promptSums are the sums over the tokens of one prompt.
type promptSums struct {
	n, scale, ratio float64 // tokens, Σ|f|, Σρ
	target          vector  // Σρf
	policies        []policySums
}

// vector has a component for each class of the trainer's probability.
type vector [6]float64

// Upper ends of the classes of p, as log-probabilities.
var vectorClasses = [...]float64{
	kernel.Log(0.02), kernel.Log(0.1), kernel.Log(0.3), kernel.Log(0.6), kernel.Log(0.9), math.Inf(1),
}

// policySums are those of one policy.
type policySums struct {
	kept, w, w2 float64 // tokens of a weight above 0, Σw, Σw²
	estimate    vector  // Σwf
}

// NewAdvisor returns an Advisor for the policies, nil for Grid. An error wraps
// correction.ErrPolicy or is ErrNormalize.
func NewAdvisor(policies []correction.Policy) (*Advisor, error) {
	if policies == nil {
		policies = Grid()
	}
	a := &Advisor{byPrompt: make(map[int32]*promptSums)}
	for _, p := range policies {
		if p.Normalize != correction.AsIs {
			return nil, fmt.Errorf("%w: %v", ErrNormalize, p)
		}
		c, err := correction.New(p)
		if err != nil {
			return nil, err
		}
		a.correctors = append(a.correctors, c)
	}
	return a, nil
}

// Add adds a batch. Prompt names each row's prompt, the same in every batch; nil
// makes each row one of its own. Advantage is A by row; nil stands for 1, the
// gradient of the mean log-probability. Advantages must be finite. It panics if
// either is shorter than the rows, and returns the errors of correction.Corrector.
func (a *Advisor) Add(b *mismatch.Batch, prompt []int32, advantage []float32) error {
	if n := b.Layout.Rows(); short(prompt, n) || short(advantage, n) {
		panic("diagnose: fewer prompts or advantages than rows")
	}
	if err := a.stats.Add(b); err != nil {
		return err
	}
	if size := b.Layout.Size(); len(a.weights) < size {
		a.weights, a.keep = make([]float32, size), make([]uint8, size)
	}
	sums := make([]*promptSums, b.Layout.Rows())
	for i := range sums {
		sums[i] = a.promptOf(prompt, i)
	}
	p := newPairs(b, new(Options))
	for i, s := range sums {
		p.each(i, advantage, func(t, c int, rho, f float64) {
			s.n++
			s.scale += math.Abs(f)
			s.ratio += rho
			s.target[c] += float64(rho * f)
		})
	}
	for k, corrector := range a.correctors {
		if _, err := corrector.Correct(a.weights, a.keep, b); err != nil {
			return err
		}
		for i, s := range sums {
			q := &s.policies[k]
			p.each(i, advantage, func(t, c int, _, f float64) {
				w := float64(float64(a.weights[t]) * float64(a.keep[t]))
				if w == 0 {
					return
				}
				q.kept++
				q.w += w
				q.w2 += float64(w * w)
				q.estimate[c] += float64(w * f)
			})
		}
	}
	return nil
}

// promptOf returns the sums of row i's prompt.
func (a *Advisor) promptOf(prompt []int32, i int) *promptSums {
	if prompt != nil {
		if s := a.byPrompt[prompt[i]]; s != nil {
			return s
		}
	}
	s := &promptSums{policies: make([]policySums, len(a.correctors))}
	a.prompts = append(a.prompts, s)
	if prompt != nil {
		a.byPrompt[prompt[i]] = s
	}
	return s
}

// each calls do with the valid tokens of row i, their class, ratio and f.
func (p *pairs) each(i int, advantage []float32, do func(t, c int, rho, f float64)) {
	weight := 1.0
	if advantage != nil {
		weight = float64(advantage[i])
	}
	start, end := p.Layout.Row(i)
	for t := start; t < end; t++ {
		if p.usable[t] {
			rho := kernel.Exp(max(-20, min(p.d(t), 20)))
			logp, c := float64(p.Trainer[t]), 0
			for logp > vectorClasses[c] {
				c++
			}
			// Beyond −40 nothing of p is left in 1 − p.
			do(t, c, rho, float64(weight*-kernel.Expm1(max(-40, min(0, logp)))))
		}
	}
}
