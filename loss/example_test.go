package loss_test

import (
	"fmt"

	"github.com/trueup-rl/trueup/loss"
	"github.com/trueup-rl/trueup/rows"
)

// Two rows of a prompt: advantages from rewards, then the coefficients of DAPO's
// loss.
func Example() {
	reward := []float32{1, 0}
	adv := make([]float32, 2)
	advantages := loss.Advantages{Baseline: loss.GroupCentred}
	if _, err := advantages.Compute(adv, reward, []int32{0, 0}, nil); err != nil {
		panic(err)
	}

	layout, err := rows.Ragged([]int64{0, 3, 5})
	if err != nil {
		panic(err)
	}
	config, err := loss.Parse("dapo, dual:3")
	if err != nil {
		panic(err)
	}
	e, err := loss.New(config)
	if err != nil {
		panic(err)
	}
	dst := make([]float32, layout.Size())
	stats, err := e.Coefficients(dst, &loss.Batch{
		Layout:       layout,
		Current:      []float32{-1.0, -0.5, -2.0, -0.1, -0.7},
		Proximal:     []float32{-1.0, -0.9, -2.1, -0.1, -1.0},
		RowAdvantage: adv,
	}, nil)
	if err != nil {
		panic(err)
	}
	s := stats.Summary()
	fmt.Println(config)
	fmt.Printf("%.3f\n", dst)
	fmt.Printf("loss %.4f, %d of %d tokens clipped\n", s.Loss(), s.Clipped(), s.Tokens)
	// Output:
	// ppo:0.2..0.28, dual:3
	// [-0.100 0.000 -0.111 0.100 0.135]
	// loss -0.1035, 1 of 5 tokens clipped
}

// A batch in two micro-batches: count both first, then evaluate each against the
// whole.
func ExampleEvaluator_Count() {
	config, err := loss.Parse("gpg, agg:seq-mean-token-mean, on-policy")
	if err != nil {
		panic(err)
	}
	e, err := loss.New(config)
	if err != nil {
		panic(err)
	}
	var parts [2]loss.Batch
	for i, lengths := range [][]int64{{0, 2}, {0, 1, 4}} {
		layout, err := rows.Ragged(lengths)
		if err != nil {
			panic(err)
		}
		parts[i] = loss.Batch{Layout: layout, Current: []float32{-1, -1, -1, -1}, RowAdvantage: []float32{3, 6}}
	}

	var counts loss.Counts
	for i := range parts {
		if err := e.Count(&counts, &parts[i]); err != nil {
			panic(err)
		}
	}
	var total loss.Stats
	for i := range parts {
		dst := make([]float32, parts[i].Layout.Size())
		stats, err := e.Coefficients(dst, &parts[i], &counts)
		if err != nil {
			panic(err)
		}
		total.Merge(&stats)
		fmt.Printf("%.3f\n", dst)
	}
	s := total.Summary()
	fmt.Println(counts.Tokens, counts.Rows, s.Loss())
	// Output:
	// [-0.500 -0.500]
	// [-1.000 -0.667 -0.667 -0.667]
	// 6 3 4
}
