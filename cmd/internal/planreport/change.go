package planreport

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/trueup-rl/trueup/plan"
)

// ChangeHelp lists what ParseChange accepts.
const ChangeHelp = "rollout:K, train:K or step:K (K times as fast), sync:SECONDS, pause:SECONDS, in-flight:PAUSE_SECONDS, " +
	"hit-rate:FROM:TO (with the options about turns), durations:SHAPE"

// ParseChange returns the change that text names.
func ParseChange(text string, turns plan.Turns) (plan.Change, error) {
	name, rest, _ := strings.Cut(text, ":")
	if name == "durations" {
		s, err := plan.ParseShape(rest)
		if err != nil {
			return plan.Change{}, err
		}
		return plan.Tails(s), nil
	}
	var numbers []float64
	for word := range strings.SplitSeq(rest, ":") {
		x, err := strconv.ParseFloat(word, 64)
		if err != nil {
			return plan.Change{}, fmt.Errorf("%q: %q is not a number", text, word)
		}
		numbers = append(numbers, x)
	}
	if name == "hit-rate" && len(numbers) == 2 {
		return plan.HitRate(turns, numbers[0], numbers[1])
	}
	one := map[string]func(float64) plan.Change{
		"rollout": plan.RolloutSpeed, "train": plan.TrainSpeed, "step": plan.StepSpeed,
		"sync": plan.SyncTime, "pause": plan.PauseTime, "in-flight": plan.InFlight,
	}[name]
	if one == nil || len(numbers) != 1 {
		return plan.Change{}, fmt.Errorf("%q is none of %s", text, ChangeHelp)
	}
	return one(numbers[0]), nil
}
