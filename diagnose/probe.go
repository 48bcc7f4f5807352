package diagnose

import (
	"fmt"
	"math"
	"strings"

	"github.com/trueup-rl/trueup/internal/kernel"
	"github.com/trueup-rl/trueup/mismatch"
)

// Kind names what is wrong with a pair of columns.
type Kind uint8

const (
	Tokens      Kind = iota // the two sides do not score the same token ids
	Padding                 // a constant stands where a log-probability should
	Shift                   // one column is moved along the row by a token or two
	RowOrder                // a row's columns belong to different rows
	RowEdge                 // the first or last token of a run is not the same token
	Temperature             // the trainer's temperature is not the sampler's
	Truncation              // the sampler renormalised over top-p or top-k, the trainer not
	Processing              // the rollout column is not of the distribution that was sampled
)

var kindNames = [...]string{
	"different tokens", "padding value", "shifted column", "rows out of order", "row edge",
	"temperature", "truncated support", "raw log-probabilities",
}

// String returns the kind in words.
func (k Kind) String() string { return kindNames[k] }

// MarshalText returns String.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Quantity is a measured figure; Unit is empty where it is a pure number.
type Quantity struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit,omitempty"`
}

// String returns "name = value unit".
func (q Quantity) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s = %.3g %s", q.Name, q.Value, q.Unit))
}

// Test says on which scale a finding's strength is.
type Test uint8

const (
	ZScore          Test = iota // standard errors, over rows or prompts, beyond what is harmless
	LikelihoodRatio             // ln of the likelihood ratio of the defect to none
	Certain                     // counted, not inferred: the threshold is one case
)

var testNames = [...]string{"z", "ln LR", "count"}

// String returns z, ln LR or count.
func (t Test) String() string { return testNames[t] }

// MarshalText returns String.
func (t Test) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// Finding is one defect: what, where, how it shows, how sure that is, and what
// to do.
type Finding struct {
	Kind Kind `json:"kind"`
	// Rows are the rows at fault, in order; nil means the batch as a whole.
	Rows     []int      `json:"rows,omitempty"`
	Evidence []Quantity `json:"evidence"`
	Test     Test       `json:"test"`
	// A finding is reported when its Strength exceeds Threshold, which follows
	// from Options.FalseAlarm.
	Strength  float64 `json:"strength"`
	Threshold float64 `json:"threshold"`
	Fix       string  `json:"fix"`
}

// String returns the finding without its fix in one line.
func (f Finding) String() string {
	var b strings.Builder
	b.WriteString(f.Kind.String())
	if len(f.Rows) > 0 {
		fmt.Fprintf(&b, " in %d rows (first %d)", len(f.Rows), f.Rows[0])
	}
	for i, q := range f.Evidence {
		b.WriteString([]string{": ", ", "}[min(i, 1)] + q.String())
	}
	fmt.Fprintf(&b, " (%v %.3g, threshold %.3g)", f.Test, f.Strength, f.Threshold)
	return b.String()
}

// Options are what a probe may know besides the batch. Arrays share its layout;
// nil means unknown.
type Options struct {
	Prompt []int32 // per row; rows of a prompt are not independent of one another
	// Token ids as the engine sampled them and as the trainer scored them.
	RolloutTokens, TrainerTokens []int32
	// RolloutEntropy is the entropy, in nats, of the distribution that the
	// rollout column is of.
	RolloutEntropy []float32
	// The same tokens scored once more by the same weights with other rounding:
	// in another batch shape, or in float32. NoiseOf compares.
	TrainerAgain, RolloutAgain []float32
	// FalseAlarm is the chance of any finding in a batch without a defect; 0
	// means 0.001.
	FalseAlarm float64
}

// Probe looks for signs that the two columns of a batch are not about the same
// tokens under the same sampling rule, which no correction mends. It finds
// nothing in what quantization, rounding or a stale policy do.
//
// The probes go from the coarse to the fine, in the order of the Kinds, and what
// one has explained is no evidence for the next: a column shifted in every row is
// one finding. They rest on what holds whatever the precision is:
//
//   - two scores of one token are nearer to one another than scores of two
//     tokens (Shift, RowOrder, RowEdge), as ln LR = n·ln(a/b) of Laplace errors
//     with mean |d| a and b;
//   - an exact float32 hardly ever comes twice at different places (Padding);
//   - with tokens sampled from the rollout column's distribution, E[w] = 1 and
//     E[ln p + entropy] = 0 (Truncation, Processing);
//   - noise leaves d nearly uncorrelated with the rollout column, whereas with
//     temperatures T and T′ d = (T/T′ − 1)·ln p + const in each context
//     (Temperature).
//
// Thresholds hold the false-alarm rate by the bounds P(Z > z) ≤ e^(−z²/2) and
// P(LR > x) ≤ 1/x, over all probes and all rows looked at (Bonferroni). Scales are
// fitted and the z scores take means over clusters (prompts, or rows where those
// are unknown) as normal, so that the rate is nominal; on the sample data, 2,100
// draws of eight prompts or more without a defect gave no finding.
//
// What they can see has limits. On some 4,000 tokens of the sample data all
// defects but the finest are found in 16-bit, FP8 and mixed NVFP4 rollouts; where
// the mismatch is 0.3 nats or more, a temperature off by a tenth and a support
// truncated by 5 % drown in it. Log-probabilities from before truncation, of
// tokens sampled after it, show only where entropies are known.
//
// Non-finite values and masked tokens are not looked at. Probe panics if the
// batch's arrays, or those of o, are too short for the layout.
func Probe(b *mismatch.Batch, o Options) []Finding {
	p := newPairs(b, &o)
	var found []Finding
	for _, probe := range []func(*pairs) []Finding{
		probeTokens, probePadding, probeShift, probeRowOrder, probeRowEdge, probeSampling,
	} {
		found = append(found, probe(p)...)
	}
	return found
}

// pairs are the tokens of a batch that have two finite log-probabilities and
// are not yet explained by a finding.
type pairs struct {
	*mismatch.Batch
	*Options
	usable []bool // by element of the layout
	count  int    // rows
}

func newPairs(b *mismatch.Batch, o *Options) *pairs {
	if err := b.Check(); err != nil {
		panic("diagnose: " + err.Error())
	}
	size := b.Layout.Size()
	if short(o.RolloutTokens, size) || short(o.TrainerTokens, size) || short(o.RolloutEntropy, size) ||
		short(o.TrainerAgain, size) || short(o.RolloutAgain, size) || short(o.Prompt, b.Layout.Rows()) {
		panic("diagnose: array of Options too short for the layout")
	}
	p := &pairs{Batch: b, Options: o, usable: make([]bool, size), count: b.Layout.Rows()}
	for i := range p.count {
		start, end := b.Layout.Row(i)
		for t := start; t < end; t++ {
			p.usable[t] = (b.Mask == nil || b.Mask[t] != 0) && finite(b.Trainer[t]) && finite(b.Rollout[t])
		}
	}
	return p
}

func short[T any](x []T, need int) bool { return x != nil && len(x) < need }

func finite(x float32) bool { return x-x == 0 }

// d returns the log-ratio of element t.
func (p *pairs) d(t int) float64 { return float64(p.Trainer[t]) - float64(p.Rollout[t]) }

// cluster returns the key of the rows that go together with row i.
func (p *pairs) cluster(i int) int32 {
	if p.Prompt != nil {
		return p.Prompt[i]
	}
	return int32(i)
}

// explain takes rows out of the evidence.
func (p *pairs) explain(rows []int) {
	for _, i := range rows {
		start, end := p.Layout.Row(i)
		clear(p.usable[start:end])
	}
}

// logOdds returns the threshold of ln LR where a probe looks at n places.
func (p *pairs) logOdds(n int) float64 {
	const probes = 8
	rate := p.FalseAlarm
	if rate <= 0 {
		rate = 0.001
	}
	return kernel.Log(probes * float64(max(n, 1)) / rate)
}

// sigmas returns the threshold of |z| where a probe looks at n statistics.
func (p *pairs) sigmas(n int) float64 { return math.Sqrt(float64(2 * p.logOdds(2*n))) }

// clusterSE returns the standard error of a mean over n tokens, given the sum
// over clusters of their squared deviations (Σ_t in g (x_t − mean))²; see
// mismatch.Clusters.
func clusterSE(squares float64, clusters int, n float64) float64 {
	g := float64(clusters)
	return math.Sqrt(squares / (g - 1) * g / n / n)
}

// fewestClusters are what a standard error over clusters needs.
const fewestClusters = 8
