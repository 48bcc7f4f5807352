package bench

import (
	"fmt"
	"testing"
	"time"

	"github.com/trueup-rl/trueup/correction/verl"
	"github.com/trueup-rl/trueup/internal/kernel"
)

// BenchmarkKernels has one sub-benchmark for each kernel, size and level.
func BenchmarkKernels(b *testing.B) {
	for _, k := range Kernels {
		for _, size := range Sizes {
			run, read, written := k.New(size.Elements)
			for _, level := range kernel.Levels() {
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
	src, dst := make([]byte, read), make([]byte, written)
	run()
	stream(dst, src)
	var kernels, streams time.Duration
	b.ResetTimer()
	for range b.N {
		streams += timed(1, func() { stream(dst, src) })
		kernels += timed(1, run)
	}
	b.ReportMetric(float64(kernels.Nanoseconds())/float64(b.N), "ns/op")
	b.ReportMetric(float64(read)*float64(b.N)/kernels.Seconds()/1e9, "GB/s")
	b.ReportMetric(streams.Seconds()/kernels.Seconds(), "stream-ratio")
}

// BenchmarkWholeCorrection is a batch of 512 × 8192 with 2.2 million valid
// tokens: token TIS at 2, a geometric mask, every metric verl logs and a
// histogram of d, against streaming the valid prefixes and the outputs.
func BenchmarkWholeCorrection(b *testing.B) {
	const n, width, shortest = 512, 8192, 402
	lengths, valid := make([]int32, n), 0
	for i := range lengths {
		lengths[i] = int32(shortest + i*(width-shortest)/(n-1))
		valid += int(lengths[i])
	}
	batch := Batch(n, width, width, lengths)
	v, err := verl.New(verl.Config{RolloutIS: "token", RolloutISThreshold: "2.0", RolloutRS: "seq_mean_k1", RolloutRSThreshold: "0.99_1.01"})
	must(err)
	c := Corrector(v.Policy.String())
	w, keep := make([]float32, n*width), make([]uint8, n*width)
	for _, level := range kernel.Levels() {
		b.Run(fmt.Sprintf("level=%v", level), func(b *testing.B) {
			defer kernel.Use(level)()
			versusStream(b, 9*valid, 5*valid, func() {
				stats, err := c.Correct(w, keep, batch)
				must(err)
				v.Metrics(stats)
			})
		})
	}
}
