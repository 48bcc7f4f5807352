// Package kerneltest runs tests once for each level of the kernels.
package kerneltest

import (
	"os"
	"slices"
	"testing"

	"github.com/trueup-rl/trueup/internal/kernel"
)

// DemandVariable names the environment variable that makes EachLevel fail on a
// machine that lacks the level it holds, so that a run meant to test that level
// cannot pass without it.
const DemandVariable = "TRUEUP_KERNEL_DEMAND"

// EachLevel runs f as a subtest for every level of this machine.
func EachLevel(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	levels := kernel.Levels()
	if demand := os.Getenv(DemandVariable); demand != "" {
		l, err := kernel.ParseLevel(demand)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(levels, l) {
			t.Fatalf("%s: this machine has no level %v", DemandVariable, l)
		}
	}
	for _, l := range levels {
		t.Run(l.String(), func(t *testing.T) {
			defer kernel.Use(l)()
			f(t)
		})
	}
}
