// Command trueup measures and corrects the mismatch between the engine that
// samples rollouts and the trainer that learns from them.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

func main() {
	if err := root().Execute(); err != nil {
		fmt.Fprintln(os.Stderr, "trueup:", err)
		os.Exit(1)
	}
}

func root() *cobra.Command {
	c := &cobra.Command{
		Use:           "trueup",
		Short:         "Measure and correct trainer/rollout mismatch in low-precision reinforcement learning",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	c.AddCommand(reportCommand(), identifyCommand(), planCommand(), routeCommand())
	return c
}
