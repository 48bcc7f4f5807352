package sim

import (
	"fmt"
	"runtime"
	"sync"

	"github.com/trueup-rl/trueup/route"
)

// Compare runs c with each capacity, each policy and as many seeds, and returns
// the means over seeds by capacity and policy, in the order given. They do not
// depend on how many run at a time. An error is that of Run, or wraps ErrConfig.
func Compare(c Config, capacities []int64, policies []route.Policy, seeds int) ([]Result, error) {
	if seeds < 1 {
		return nil, fmt.Errorf("%w: %d seeds", ErrConfig, seeds)
	}
	type answer struct {
		Result
		error
	}
	answers := make([]answer, len(capacities)*len(policies)*seeds)
	jobs := make(chan int)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := range jobs {
				c := c
				c.Capacity = capacities[i/seeds/len(policies)]
				c.Route.Policy = policies[i/seeds%len(policies)]
				c.Route.Seed += uint64(i % seeds)
				r, err := Run(c)
				answers[i] = answer{r, err}
			}
		})
	}
	for i := range answers {
		jobs <- i
	}
	close(jobs)
	workers.Wait()

	var results []Result
	for i := 0; i < len(answers); i += seeds {
		var same []Result
		for _, a := range answers[i : i+seeds] {
			if a.error != nil {
				return nil, a.error
			}
			same = append(same, a.Result)
		}
		results = append(results, mean(same))
	}
	return results, nil
}
