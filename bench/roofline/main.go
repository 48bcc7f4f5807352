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
	budget := flag.Duration("for", 150*time.Millisecond, "how long to measure each row")
	flag.Parse()

	var all []row
	if !*asJSON {
		fmt.Printf("%-22s %-5s %-8s %9s %13s\n", "kernel", "size", "level", "GB/s in", "stream ratio")
	}
	for _, k := range bench.Kernels {
		for _, size := range bench.Sizes {
			run, read, written := k.New(size.Elements)
			for _, level := range kernel.Levels() {
				restore := kernel.Use(level)
				m := bench.Measure(run, read, written, *budget)
				restore()
				r := row{k.Name, level.String(), size.Name, m.GBps, m.StreamRatio}
				all = append(all, r)
				if !*asJSON {
					fmt.Printf("%-22s %-5s %-8s %9.2f %13.3f\n", r.Kernel, r.Size, r.Level, r.GBps, r.StreamRatio)
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
