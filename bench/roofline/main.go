// Command roofline prints how near each kernel comes to the speed of memory, at
// every level this machine has.
//
//	go run ./bench/roofline          a table
//	go run ./bench/roofline -json    an array of rows
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/trueup-rl/trueup/bench"
	"github.com/trueup-rl/trueup/internal/kernel"
)

// row is one measurement: the best of interleaved rounds.
type row struct {
	Kernel      string  `json:"kernel"`
	Level       string  `json:"level"`
	Size        string  `json:"size"`
	GBps        float64 `json:"gbps"`
	StreamRatio float64 `json:"stream_ratio"`
}

func main() {
	asJSON := flag.Bool("json", false, "print JSON")
	total := flag.Duration("for", 24*time.Second, "about how long to measure in all")
	flag.Parse()

	rows := len(bench.Kernels) * len(bench.Sizes) * len(kernel.Levels())
	// Half of the time goes into making inputs.
	budget := *total / 2 / time.Duration(rows)
	var all []row
	if !*asJSON {
		fmt.Printf("%-30s %-5s %-8s %9s %13s\n", "kernel", "size", "level", "GB/s in", "stream ratio")
	}
	for _, k := range bench.Kernels {
		for _, size := range bench.Sizes {
			for _, m := range bench.Measure(k, size, budget) {
				r := row{m.Kernel, m.Level.String(), m.Size, m.GBps, m.StreamRatio}
				all = append(all, r)
				if !*asJSON {
					fmt.Printf("%-30s %-5s %-8s %9.2f %13.3f\n", r.Kernel, r.Size, r.Level, r.GBps, r.StreamRatio)
				}
			}
		}
	}
	if *asJSON {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		if err := e.Encode(all); err != nil {
			fmt.Fprintln(os.Stderr, "roofline:", err)
			os.Exit(1)
		}
	}
}
