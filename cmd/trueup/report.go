package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trueup-rl/trueup/cmd/internal/figures"
	"github.com/trueup-rl/trueup/cmd/internal/report"
	"github.com/trueup-rl/trueup/cmd/internal/rollouts"
	"github.com/trueup-rl/trueup/correction"
	"github.com/trueup-rl/trueup/internal/atomicfile"
)

const reportLong = `Report how far the log-probabilities of a rollout engine are from its trainer's,
per rollout precision, whether the two columns are about the same tokens at all,
and what corrections do about the rest.

FILE is Parquet or JSON Lines with one trajectory a row; "-" is standard input.
Fields: rollout_logprob and the trainer's column (lists of nats per token);
optional loss_mask (list), prompt_id, precision, and exact_* columns with
divergences computed over the whole vocabulary. Without a FILE the embedded
sample is reported: rollouts of SmolLM2-135M in seven precisions.`

const reportExample = `  trueup report
  trueup report --html report.html step-*.parquet
  trueup report --trainer trainer_logprob_f32 --json rollouts.jsonl | jq '.precisions[0].k3'
  trueup report --policy "token-tis:3, geo-mask:0.95..1.05" rollouts.parquet`

// reportFlags are the options of the command.
type reportFlags struct {
	trainer   string
	nonFinite string
	policies  []string
	json      bool
	html      string
}

func reportCommand() *cobra.Command {
	var f reportFlags
	c := &cobra.Command{
		Use:     "report [FILE]...",
		Short:   "Report the mismatch of rollouts and what corrections do about it",
		Long:    reportLong,
		Example: reportExample,
		RunE: func(c *cobra.Command, files []string) error {
			return f.run(files, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.trainer, "trainer", "trainer_logprob_bf16", "column with the trainer's log-probabilities")
	flags.StringVar(&f.nonFinite, "nonfinite", "drop", "what corrections do with a NaN or infinite log-probability in the mask: drop the token, zero or one as its weight, or error")
	flags.StringArrayVar(&f.policies, "policy", nil, "also try this correction, for instance \"token-tis:3, geo-mask:0.95..1.05\" (repeatable)")
	flags.BoolVar(&f.json, "json", false, "write JSON instead of a table")
	flags.StringVar(&f.html, "html", "", "also write a self-contained page with plots to this file")
	return c
}

// rowSource is a stream of rows that ends with io.EOF.
type rowSource interface {
	Next(*rollouts.Row) error
}

func (f *reportFlags) run(files []string, stdout, stderr io.Writer) (err error) {
	options := report.Options{Trainer: f.trainer}
	if options.NonFinite, err = correction.ParseNonFinite(f.nonFinite); err != nil {
		return fmt.Errorf("--nonfinite: %w", err)
	}
	for _, text := range f.policies {
		p, err := correction.Parse(text)
		if err != nil {
			return fmt.Errorf("--policy: %w", err)
		}
		options.Policies = append(options.Policies, p)
	}
	collector, err := report.NewCollector(options)
	if err != nil {
		return err
	}

	var source rowSource
	name, notes := report.SampleSource, []string{report.SampleNote}
	if len(files) == 0 {
		source = report.NewSample(f.trainer)
	} else {
		name, notes = strings.Join(files, ", "), nil
		progress := newProgress(stderr)
		defer progress.finish()
		reader, err := rollouts.Open(rollouts.Options{TrainerColumn: f.trainer, Progress: progress.update}, files...)
		if err != nil {
			return err
		}
		defer reader.Close()
		source = reader
	}

	var plots *figures.Collector // drawn only where someone looks
	if f.html != "" {
		plots = new(figures.Collector)
	}
	if err := collect(source, collector, plots); err != nil {
		return err
	}
	result, err := collector.Report(name, report.SampleLead)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	result.Notes = append(result.Notes, notes...)

	if f.html != "" {
		drawn, err := plots.Figures(result.Order())
		if err != nil {
			return err
		}
		if err := atomicfile.Write(f.html, func(w io.Writer) error { return result.WriteHTML(w, drawn) }); err != nil {
			return err
		}
	}
	if f.json {
		return result.WriteJSON(stdout)
	}
	return result.WriteText(stdout)
}

func collect(source rowSource, c *report.Collector, plots *figures.Collector) error {
	var row rollouts.Row
	for {
		switch err := source.Next(&row); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := c.Add(&row); err != nil {
			return err
		}
		if plots != nil && row.HasTrainer {
			plots.Add(row.Precision, row.Trainer, row.Rollout, row.Mask)
		}
	}
}
