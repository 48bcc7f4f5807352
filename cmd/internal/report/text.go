package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// WriteText writes the report for a terminal of 100 columns or more.
func (r *Report) WriteText(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "%s; trainer column %s\n", r.Source, r.Trainer)
	for _, note := range r.Notes {
		fmt.Fprintf(b, "%s\n", wrap(note, ""))
	}

	fmt.Fprintf(b, "\nMismatch, with d = trainer − rollout log-probability in nats and w = e^d\n\n")
	t := newTable("precision", "rows", "tokens", "prompts", "mean |d|", "max |d|", "mean w", "w > 2", "w < ½")
	for i := range r.Precisions {
		p := &r.Precisions[i]
		t.row(p.Precision, count(p.Rows), count(p.Tokens), count(int64(p.Prompts)), sig(p.MeanAbs), sig(p.MaxAbs),
			sig(p.MeanRatio), percent(p.Over2), percent(p.UnderHalf))
	}
	t.write(b)

	fmt.Fprintf(b, "\nKL(rollout‖trainer), nats per token, ± standard error [clustered by prompt]\n\n")
	t = newTable("precision", "k1", "k2", "k3", "exact")
	for i := range r.Precisions {
		p := &r.Precisions[i]
		t.row(p.Precision, estimate(p.K1, p.K1SE, p.K1SECluster), estimate(p.K2, p.K2SE, p.K2SECluster),
			estimate(p.K3, p.K3SE, p.K3SECluster), optional(p.ExactKLRT))
	}
	t.write(b)

	fmt.Fprintf(b, "\nχ²(trainer‖rollout) and effective sample share\n\n")
	t = newTable("precision", "χ² sampled", "χ² exact", "ESS of tokens", "ESS of sequences", "its floor, 1/rows")
	for i := range r.Precisions {
		p := &r.Precisions[i]
		t.row(p.Precision, sig(p.Chi2), optional(p.ExactChi2), sig(p.ESSToken), sig(p.ESSSeq), sig(share(1, p.Rows-p.EmptyRows)))
	}
	t.write(b)

	fmt.Fprintf(b, "\nCorrections: what each keeps in the mask, how many tokens' weights it bounds or zeroes (clipped),\nand the effective share of the batch that is left\n")
	for i := range r.Precisions {
		p := &r.Precisions[i]
		if p.Tokens == 0 {
			continue
		}
		fmt.Fprintln(b)
		t = newTable(p.Precision, "tokens kept", "rows kept", "rows rejected", "clipped", "mean weight", "ESS after")
		for _, c := range p.Corrections {
			t.row(c.Policy.String(), percent(c.KeptTokens), percent(c.KeptRows), percent(c.RejectedRows), percent(c.Clipped), sig(c.MeanWeight), sig(c.ESS))
		}
		t.write(b)
	}

	r.writeProbes(b)
	r.writeThresholds(b)

	fmt.Fprintf(b, "\nVerdict\n")
	for i := range r.Precisions {
		p := &r.Precisions[i]
		fmt.Fprintf(b, "\n%s: %s\n", p.Precision, strings.ToUpper(p.Verdict.Grade.String()))
		for _, line := range p.remarks() {
			fmt.Fprintf(b, "%s\n", wrap(line, "  "))
		}
	}
	return b.Flush()
}

func (r *Report) writeProbes(b io.Writer) {
	fmt.Fprintf(b, "\nProbes: are the two columns about the same tokens under the same sampling rule?\n\n")
	if r.sound() {
		fmt.Fprintf(b, "%s\n", wrap(soundText, "  "))
		return
	}
	for i := range r.Precisions {
		p := &r.Precisions[i]
		for _, line := range p.probed() {
			fmt.Fprintf(b, "%s\n", wrap(p.Precision+": "+line, "  "))
		}
	}
}

const soundText = "Nothing found: no shift, no filler, no rows or row edges out of place, one temperature, no truncated support, and log-probabilities of what was sampled."

func (r *Report) writeThresholds(b io.Writer) {
	fmt.Fprintf(b, "\n%s\n", wrap("Thresholds from these rows: what corrections do to the gradient, as shares of one on which all tokens agree, ± standard error over prompts; the mean square error (MSE) has the square of the bias and that of the noise", ""))
	for i := range r.Precisions {
		p := &r.Precisions[i]
		if len(p.Thresholds.Candidates) == 0 {
			continue
		}
		fmt.Fprintln(b)
		t := newTable(p.Precision, "bias", "√MSE", "mass kept", "rejected", "ESS", "taken for")
		for _, c := range p.Thresholds.brief(p.Verdict.Advice) {
			t.row(c.Policy.String(), measured(c.Bias), milli(root(c.MSE)), milli(c.Mass.Value), percent(c.Rejected), measured(c.ESS), c.Criterion)
		}
		t.write(b)
		for _, c := range p.Thresholds.brief(p.Verdict.Advice) {
			if c.Doubt != "" {
				fmt.Fprintf(b, "%s\n", wrap(fmt.Sprintf("%v: %s", c.Policy, c.Doubt), "  "))
			}
		}
	}
}

// remarks are the sentences under a precision's verdict.
func (p *Precision) remarks() []string {
	lines := []string{p.Verdict.Summary}
	lines = append(lines, p.Verdict.Blind...)
	if p.Verdict.Why != "" {
		lines = append(lines, fmt.Sprintf("Advised: %v. %s", p.Verdict.Advice, p.Verdict.Why))
	}
	if p.Partial {
		lines = append(lines, fmt.Sprintf("Probes and thresholds rest on the first %s rows.", count(int64(p.Probed))))
	}
	if p.NonFinite > 0 {
		lines = append(lines, fmt.Sprintf("%s tokens of the mask have a NaN or infinite log-probability; they enter no figure.", count(p.NonFinite)))
	}
	if p.WithoutTrainer > 0 {
		lines = append(lines, fmt.Sprintf("%s rows were left out: the trainer column is empty there.", count(p.WithoutTrainer)))
	}
	return lines
}
