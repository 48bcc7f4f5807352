package bench

import (
	"fmt"
	"testing"
	"time"

	"github.com/trueup-rl/trueup/correction/verl"
	"github.com/trueup-rl/trueup/internal/kernel"
	"github.com/trueup-rl/trueup/mismatch"
)

// BenchmarkKernels has one sub-benchmark for each kernel, size and level.
func BenchmarkKernels(b *testing.B) {
	for _, k := range Kernels {
		for _, size := range Sizes {
			for _, level := range kernel.Levels() {
				n := size.Elements
				if level == kernel.Generic {
					n = size.Portable
				}
				run, read, written := k.New(n)
				b.Run(fmt.Sprintf("kernel=%s/size=%s/level=%v", k.Name, size.Name, level), func(b *testing.B) {
					defer kernel.Use(level)()
					versusStream(b, read, written, run)
				})
			}
		}
	}
}

// versusStream runs the kernel b.N times, each time after the stream, and
// reports the kernel's own time and its share of the stream's speed.
func versusStream(b *testing.B, read, written int, run func()) {
	s := newStream(read, written)
	run()
	s.run()
	var kernels, streams time.Duration
	b.ResetTimer()
	for range b.N {
		streams += timed(1, s.run)
		kernels += timed(1, run)
	}
	b.ReportMetric(float64(kernels.Nanoseconds())/float64(b.N), "ns/op")
	b.ReportMetric(float64(read)*float64(b.N)/kernels.Seconds()/1e9, "GB/s")
	b.ReportMetric(streams.Seconds()/kernels.Seconds(), "stream-ratio")
}

// BenchmarkWholeCorrection is a batch of 512 × 8192 with 2.2 million valid
// tokens: token TIS at 2, a geometric mask, every metric verl logs and a
// histogram of d, against streaming the valid prefixes and the outputs; then the
// same with buckets by position and by staleness, where one row in four was
// sampled by two versions of the policy.
func BenchmarkWholeCorrection(b *testing.B) {
	const n, width, shortest = 512, 8192, 402
	lengths, valid := make([]int32, n), 0
	for i := range lengths {
		lengths[i] = int32(shortest + i*(width-shortest)/(n-1))
		valid += int(lengths[i])
	}
	batch := Batch(n, width, width, lengths)
	batch.Version, batch.Current = make([]int32, n*width), 100
	for t := range batch.Version {
		row, at := t/width, t%width
		batch.Version[t] = int32(96 + row%4)
		if row%4 == 0 && at > 300 {
			batch.Version[t]++
		}
	}
	v, err := verl.New(verl.Config{RolloutIS: "token", RolloutISThreshold: "2.0", RolloutRS: "seq_mean_k1", RolloutRSThreshold: "0.99_1.01"})
	must(err)
	w, keep := make([]float32, n*width), make([]uint8, n*width)
	for _, split := range []mismatch.Split{0, mismatch.ByPosition | mismatch.ByStaleness} {
		c := Corrector(v.Policy.String())
		c.Split(split)
		for _, level := range kernel.Levels() {
			b.Run(fmt.Sprintf("buckets=%t/level=%v", split != 0, level), func(b *testing.B) {
				defer kernel.Use(level)()
				versusStream(b, 9*valid, 5*valid, func() {
					stats, err := c.Correct(w, keep, batch)
					must(err)
					v.Metrics(stats)
				})
			})
		}
	}
}
