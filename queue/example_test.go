package queue_test

import (
	"context"
	"fmt"

	"github.com/trueup-rl/trueup/queue"
)

// One worker and one trainer in turn. In a real program each runs in goroutines
// of its own.
func Example() {
	q, err := queue.New[string, string](queue.Config{Batch: 2, MaxStaleness: 1})
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	prompts := []string{"one", "two", "three", "four", "five", "six"}
	next := func() string {
		p := prompts[0]
		prompts = prompts[1:]
		return p
	}
	for range 2 {
		for {
			t, ok := q.TryStart(next)
			if !ok {
				break // as far ahead as the bound allows
			}
			q.Finish(t, fmt.Sprintf("answer to %s by version %d", t.Prompt, t.Version), 100)
		}
		b, err := q.Take(ctx)
		if err != nil {
			panic(err)
		}
		for _, g := range b.Groups {
			fmt.Printf("batch %d: %s\n", b.Index, g.Samples[0])
		}
		q.Done(b)
		q.Publish(b.Index + 1)
	}
	fmt.Println("mean staleness", q.Stats().MeanStaleness())
	// Output:
	// batch 0: answer to one by version 0
	// batch 0: answer to two by version 0
	// batch 1: answer to three by version 0
	// batch 1: answer to four by version 0
	// mean staleness 0.5
}
