package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/trueup-rl/trueup/route"
	"github.com/trueup-rl/trueup/route/sim"
)

func routeCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "route",
		Short: "Keep multi-turn rollouts on the rank that holds their cache",
	}
	c.AddCommand(routeSimulateCommand())
	return c
}

const routeSimulateLong = `Simulate a fleet of inference ranks that serve multi-turn rollouts, and compare
ways of choosing ranks, by the size of a rank's KV cache.

A rollout starts from a prompt that its group shares; in each turn it sends its
whole context, samples --output tokens, waits for its environment and adds --input
tokens. What is not in the rank's cache is computed anew. A fixed number of
rollouts runs or waits at a time.

Columns: output tokens per second and rank; the part of the tokens sent that was
cached; tokens computed again for each one sampled; rollouts with a lease per rank;
the most rollouts, and tokens, of any rank over the mean; median and 95th
percentile of the time a rollout takes, in seconds.`

const routeSimulateExample = `  trueup route simulate
  trueup route simulate --kv-tokens 1000000 --policy kv-lease --policy round-robin --seeds 5
  trueup route simulate --mean-turns 150 --input 350 --output 150 --reserve 50000
  trueup route simulate --json | jq -r '.[] | [.policy, .capacity, .hit_rate] | @tsv'`

// routeSimulateFlags are the options of the command.
type routeSimulateFlags struct {
	config     sim.Config
	capacities []int64
	policies   []string
	seeds      int
	json       bool
}

func routeSimulateCommand() *cobra.Command {
	f := routeSimulateFlags{config: sim.Default()}
	c := &cobra.Command{
		Use:     "simulate",
		Short:   "Compare policies of routing on a simulated fleet",
		Long:    routeSimulateLong,
		Example: routeSimulateExample,
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return f.run(c.OutOrStdout())
		},
	}
	d := &f.config
	flags := c.Flags()
	flags.StringArrayVar(&f.policies, "policy", nil, "compare this policy (repeatable; all if not given)")
	flags.Int64SliceVar(&f.capacities, "kv-tokens", []int64{1_600_000, 1_200_000, 800_000}, "tokens that a rank's cache holds, one table each")
	flags.IntVar(&f.seeds, "seeds", 3, "runs to take the mean of")
	flags.Uint64Var(&d.Route.Seed, "seed", 0, "first of the seeds")
	flags.Float64Var(&d.Route.Admit, "admit", 0, "part of the cache that kv-lease fills with new rollouts (default 0.85)")
	flags.Int64Var(&d.Reserve, "reserve", d.Reserve, "tokens that kv-lease counts for a rollout at least")
	flags.IntVar(&d.Ranks, "ranks", d.Ranks, "ranks")
	flags.IntVar(&d.Live, "live", d.Live, "rollouts that run or wait, for each rank")
	flags.IntVar(&d.Group, "group", d.Group, "rollouts that share a prompt")
	flags.Int64Var(&d.Prompt, "prompt", d.Prompt, "tokens of a prompt")
	flags.Int64Var(&d.Input, "input", d.Input, "tokens that the environment adds in a turn")
	flags.Int64Var(&d.Output, "output", d.Output, "tokens sampled in a turn")
	flags.Float64Var(&d.Turns.Mean, "mean-turns", d.Turns.Mean, "mean turns of a rollout")
	flags.IntVar(&d.MaxTurns, "max-turns", d.MaxTurns, "turns of a rollout at most")
	flags.Float64Var(&d.Env.Mean, "env-seconds", d.Env.Mean, "mean time an environment takes for a turn")
	flags.Float64Var(&d.PrefillRate, "prefill-rate", d.PrefillRate, "tokens a rank computes in a second")
	flags.IntVar(&d.Warmup, "warmup", d.Warmup, "rollouts that end before measuring")
	flags.IntVar(&d.Rollouts, "rollouts", d.Rollouts, "rollouts that end while measuring")
	flags.BoolVar(&f.json, "json", false, "write JSON instead of tables")
	return c
}

func (f *routeSimulateFlags) run(stdout io.Writer) error {
	policies := route.Policies()
	if len(f.policies) > 0 {
		policies = make([]route.Policy, len(f.policies))
		for i, name := range f.policies {
			if err := policies[i].UnmarshalText([]byte(name)); err != nil {
				return err
			}
		}
	}
	results, err := sim.Compare(f.config, f.capacities, policies, f.seeds)
	if err != nil {
		return err
	}
	if f.json {
		e := json.NewEncoder(stdout)
		e.SetIndent("", "  ")
		return e.Encode(results)
	}
	for i := 0; i < len(results); i += len(policies) {
		if i > 0 {
			fmt.Fprintln(stdout)
		}
		if err := writeRouteTable(stdout, results[i:i+len(policies)]); err != nil {
			return err
		}
	}
	return nil
}

// writeRouteTable writes the results for one size of the cache.
func writeRouteTable(w io.Writer, results []sim.Result) error {
	fmt.Fprintf(w, "KV cache of %d tokens a rank\n", results[0].Capacity)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "tokens/s\thit %\tagain\tlive\tlive max/mean\ttokens max/mean\tp50 s\tp95 s\t policy")
	for _, r := range results {
		fmt.Fprintf(t, "%.0f\t%.1f\t%.2f\t%.1f\t%.2f\t%.2f\t%.0f\t%.0f\t %v\n", r.TokensPerSecond, 100*r.HitRate,
			r.Recomputed, r.Live, r.LiveSpread, r.TokenSpread, r.P50, r.P95, r.Policy)
	}
	return t.Flush()
}
