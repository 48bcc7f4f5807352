package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/trueup-rl/trueup/cmd/internal/planreport"
	"github.com/trueup-rl/trueup/internal/atomicfile"
	"github.com/trueup-rl/trueup/plan"
	"github.com/trueup-rl/trueup/queue"
)

const planLong = `Share the GPUs of a fleet out between inference and training, and say how stale
rollouts will be.

Rates are measured: --rollout-rate in output tokens per second and inference GPU
at saturation, prefill included; --train-rate in tokens per second and training
GPU, input and output, all passes together. --in-out is input over output tokens
of a trajectory, each input token counted once. --concurrency is per rank of
--rank-gpus GPUs, not per GPU.

FILE is YAML with the same names as the options, "-" is standard input; options
given on the command line win.`

const planExample = `  trueup plan --gpus 256 --batch 512 --output-tokens 20000 --in-out 2.5 --rollout-rate 900 \
    --train-rate 5000 --concurrency 64 --rank-gpus 8 --train-granule 16
  trueup plan fleet.yaml --what-if rollout:2.5 --what-if train:1.5 --claim 6
  trueup plan fleet.yaml --max-staleness 4 --html plan.html
  trueup plan fleet.yaml --json | jq '.n_inference, .staleness_p95'`

// planFlags are the options of the command.
type planFlags struct {
	in        plan.Inputs
	turns     plan.Turns
	durations string
	trace     string
	split     string
	changes   []string
	order     string
	violation string
	options   planreport.Options
	json      bool
	html      string
}

// needed are the options without which there is no plan.
var needed = []string{
	"gpus", "rank-gpus", "train-granule", "concurrency", "batch", "output-tokens", "in-out", "rollout-rate", "train-rate",
}

func planCommand() *cobra.Command {
	var f planFlags
	c := &cobra.Command{
		Use:     "plan [FILE]",
		Short:   "Share GPUs out between inference and training, and bound staleness",
		Long:    planLong,
		Example: planExample,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, files []string) error {
			if len(files) == 1 {
				if err := readOptions(c, files[0]); err != nil {
					return err
				}
			}
			for _, name := range needed {
				if !c.Flags().Changed(name) {
					return fmt.Errorf("--%s is not given", name)
				}
			}
			return f.run(c.OutOrStdout())
		},
	}
	flags := c.Flags()
	flags.SortFlags = false
	in := &f.in
	flags.IntVar(&in.GPUs, "gpus", 0, "GPUs to share out")
	flags.IntVar(&in.RankGPUs, "rank-gpus", 0, "GPUs of one inference rank")
	flags.IntVar(&in.TrainGranuleGPUs, "train-granule", 0, "GPUs that training takes a multiple of")
	flags.IntVar(&in.RankConcurrency, "concurrency", 0, "trajectories in flight on a rank")
	flags.IntVar(&in.Batch, "batch", 0, "trajectories in an optimizer step")
	flags.IntVar(&in.Group, "group", 1, "trajectories of a prompt")
	flags.Float64Var(&in.OutputTokens, "output-tokens", 0, "mean tokens generated in a trajectory")
	flags.Float64Var(&in.InOut, "in-out", 0, "tokens not generated for one generated")
	flags.Float64Var(&in.RolloutRate, "rollout-rate", 0, "output tokens per second and inference GPU")
	flags.Float64Var(&in.TrainRate, "train-rate", 0, "tokens per second and training GPU")
	flags.Float64Var(&in.ExtraRolloutGPUSeconds, "extra-rollout", 0, "GPU-seconds a step of other work beside the engines")
	flags.Float64Var(&in.ExtraTrainGPUSeconds, "extra-train", 0, "GPU-seconds a step of other work beside the trainer")
	flags.IntVar(&in.PushEverySteps, "push-every", 1, "optimizer steps to a push of weights")
	flags.Float64Var(&in.SyncSeconds, "sync", 0, "seconds from the end of a step until engines hold its weights")
	flags.Float64Var(&in.PauseSeconds, "pause", 0, "seconds that engines stand still for a push")
	flags.Float64Var(&in.StallSeconds, "stall", 0, "seconds that the trainer stands still for a push")
	flags.Float64Var(&in.TrajectorySeconds, "trajectory-seconds", 0, "mean seconds of a trajectory that waits for no engine, its environment included")
	flags.StringVar(&f.durations, "durations", "lognormal:1", "shape of trajectories' durations: constant, exponential, lognormal:CV, weibull:K or pareto:ALPHA:MOST")
	flags.StringVar(&f.trace, "trace", "", "take the shape from this file, a duration on each line")
	flags.IntVar(&in.MaxStaleness, "max-staleness", 0, "gate of the queue, in steps; 0 is none")
	flags.BoolVar(&in.InFlightUpdates, "in-flight", false, "trajectories go on with new weights as they arrive")
	flags.StringVar(&f.split, "split", "", "the split in use now, INFERENCE:TRAIN in GPUs")
	flags.StringArrayVar(&f.changes, "what-if", nil, "also plan for a change: "+planreport.ChangeHelp+" (repeatable)")
	flags.Float64Var(&f.options.Claim, "claim", 0, "take a claimed speed-up apart into balance, the changes of --what-if and a residual")
	flags.Float64Var(&f.turns.Turns, "turns", 0, "for hit-rate: mean turns of a trajectory")
	flags.Float64Var(&f.turns.SquaredTurns, "squared-turns", 0, "for hit-rate: mean of their square; 0 if all are alike")
	flags.Float64Var(&f.turns.PromptTokens, "prompt-tokens", 0, "for hit-rate: tokens of the prompt")
	flags.Float64Var(&f.turns.TurnInTokens, "turn-in", 0, "for hit-rate: tokens that answer a turn")
	flags.Float64Var(&f.turns.TurnOutTokens, "turn-out", 0, "for hit-rate: tokens generated in a turn")
	flags.Float64Var(&f.turns.DecodeRate, "decode-rate", 0, "for hit-rate: tokens per second and GPU, without prefill")
	flags.Float64Var(&f.turns.PrefillRate, "prefill-rate", 0, "for hit-rate: tokens per second and GPU, without decoding")
	flags.IntVar(&f.options.Steps, "simulate", 0, "also simulate so many steps; --html simulates 500 by itself")
	flags.Uint64Var(&f.options.Seed, "seed", 0, "of the simulation")
	flags.StringVar(&f.order, "order", queue.Completion.String(), "in which simulated batches take groups: ticket, window, completion or freshest")
	flags.IntVar(&f.options.Window, "window", 0, "groups in the window of --order window")
	flags.StringVar(&f.violation, "violation", queue.Admit.String(), "what becomes of groups beyond --max-staleness: admit, drop, block or requeue")
	flags.BoolVar(&f.json, "json", false, "write JSON instead of tables")
	flags.StringVar(&f.html, "html", "", "also write a self-contained page with plots to this file")
	return c
}

func (f *planFlags) run(stdout io.Writer) error {
	if err := f.parse(); err != nil {
		return err
	}
	if f.html != "" {
		f.options.Timeline = true
		if f.options.Steps == 0 {
			f.options.Steps = 500
		}
	}
	r, err := planreport.New(f.in, f.options)
	if err != nil {
		return err
	}
	if f.html != "" {
		if err := atomicfile.Write(f.html, r.WriteHTML); err != nil {
			return err
		}
	}
	if f.json {
		return r.WriteJSON(stdout)
	}
	return r.WriteText(stdout)
}

// parse reads the options that are not plain values.
func (f *planFlags) parse() (err error) {
	if f.in.Durations, err = plan.ParseShape(f.durations); err != nil {
		return fmt.Errorf("--durations: %w", err)
	}
	if f.trace != "" {
		if f.in.Durations, err = readTrace(f.trace); err != nil {
			return fmt.Errorf("--trace: %w", err)
		}
	}
	if f.split != "" {
		inference, train, _ := strings.Cut(f.split, ":")
		n, err1 := strconv.Atoi(inference)
		m, err2 := strconv.Atoi(train)
		if err1 != nil || err2 != nil || n < 1 || m < 1 {
			return fmt.Errorf("--split: %q is not INFERENCE:TRAIN", f.split)
		}
		f.options.Split = plan.Split{Inference: n, Train: m}
	}
	for _, text := range f.changes {
		c, err := planreport.ParseChange(text, f.turns)
		if err != nil {
			return fmt.Errorf("--what-if: %w", err)
		}
		f.options.Changes = append(f.options.Changes, c)
	}
	if err := f.options.Order.UnmarshalText([]byte(f.order)); err != nil {
		return fmt.Errorf("--order: %w", err)
	}
	if err := f.options.Violation.UnmarshalText([]byte(f.violation)); err != nil {
		return fmt.Errorf("--violation: %w", err)
	}
	return nil
}

// readTrace returns the shape of the numbers in a file, one on each line.
func readTrace(path string) (plan.Shape, error) {
	file, err := os.Open(path)
	if err != nil {
		return plan.Shape{}, err
	}
	defer file.Close()
	var values []float64
	lines := bufio.NewScanner(file)
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		x, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return plan.Shape{}, fmt.Errorf("%s:%d: %q is not a number", path, n, text)
		}
		values = append(values, x)
	}
	if err := lines.Err(); err != nil {
		return plan.Shape{}, fmt.Errorf("%s: %w", path, err)
	}
	s, err := plan.Empirical(values)
	if err != nil {
		return plan.Shape{}, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// readOptions sets the options that a YAML file names and the command line does
// not.
func readOptions(c *cobra.Command, path string) error {
	input := c.InOrStdin()
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		input = file
	}
	var doc yaml.Node
	if err := yaml.NewDecoder(input).Decode(&doc); errors.Is(err, io.EOF) {
		return nil // an empty file
	} else if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	top := doc.Content[0]
	if top.Kind != yaml.MappingNode {
		return fmt.Errorf("%s:%d: not a mapping of options to values", path, top.Line)
	}
	flags, given := c.Flags(), map[string]bool{}
	for i := 0; i < len(top.Content); i += 2 {
		key := top.Content[i]
		switch _, twice := given[key.Value]; {
		case flags.Lookup(key.Value) == nil:
			return fmt.Errorf("%s:%d: unknown option %q", path, key.Line, key.Value)
		case twice:
			return fmt.Errorf("%s:%d: option %q is given twice", path, key.Line, key.Value)
		}
		given[key.Value] = flags.Changed(key.Value)
	}
	for i := 0; i < len(top.Content); i += 2 {
		name, value := top.Content[i].Value, top.Content[i+1]
		if given[name] {
			continue
		}
		values := []*yaml.Node{value}
		if value.Kind == yaml.SequenceNode {
			values = value.Content
		}
		for _, v := range values {
			if v.Kind != yaml.ScalarNode {
				return fmt.Errorf("%s:%d: the value of %q is not plain", path, v.Line, name)
			}
			if err := flags.Set(name, v.Value); err != nil {
				return fmt.Errorf("%s:%d: %w", path, v.Line, err)
			}
		}
	}
	return nil
}
