package bench

import (
	"slices"
	"time"

	"github.com/trueup-rl/trueup/internal/kernel"
)

// Measurement compares a kernel with a stream of as many bytes.
type Measurement struct {
	Kernel, Size string
	Level        kernel.Level
	GBps         float64 // input bytes of the kernel
	StreamRatio  float64 // stream time ÷ kernel time: 1 means as fast as memory
}

// Measure measures a kernel at a size, at every level of this machine, for about
// the given time each. It runs the kernel and the stream in turn, a round being a
// few calls of either, and takes the best round of each.
func Measure(k Kernel, size Size, budget time.Duration) []Measurement {
	var out []Measurement
	for _, level := range kernel.Levels() {
		n := size.Elements
		if level == kernel.Generic {
			n = size.Portable
		}
		run, read, written := k.New(n)
		// The stream is as long as the size says, and counts per byte.
		longer := size.Elements / n
		stream := newStream(read*longer, written*longer)
		restore := kernel.Use(level)
		kernelTime, streamTime := interleave(run, stream.run, budget)
		restore()
		out = append(out, Measurement{
			Kernel: k.Name, Size: size.Name, Level: level,
			GBps:        float64(read) / kernelTime / 1e9,
			StreamRatio: streamTime / float64(longer) / kernelTime,
		})
	}
	return out
}

// interleave returns the seconds a call of a, and of b, takes in its best round.
func interleave(a, b func(), budget time.Duration) (float64, float64) {
	start := time.Now()
	callsA, callsB := warm(a), warm(b)
	var roundsA, roundsB []float64
	for len(roundsA) < 3 || time.Since(start) < budget {
		roundsB = append(roundsB, timed(callsB, b).Seconds()/float64(callsB))
		roundsA = append(roundsA, timed(callsA, a).Seconds()/float64(callsA))
		if time.Since(start) > 4*budget {
			break
		}
	}
	return slices.Min(roundsA), slices.Min(roundsB)
}

// warm runs f and returns how many calls make a round long enough for the clock.
func warm(f func()) int {
	f()
	calls := 1
	for timed(calls, f) < 100*time.Microsecond && calls < 1<<16 {
		calls *= 2
	}
	return calls
}

func timed(calls int, f func()) time.Duration {
	start := time.Now()
	for range calls {
		f()
	}
	return time.Since(start)
}
