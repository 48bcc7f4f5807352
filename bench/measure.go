package bench

import (
	"slices"
	"time"
)

// Measurement compares a kernel with a stream of as many bytes.
type Measurement struct {
	GBps        float64 // input bytes of the kernel
	StreamRatio float64 // stream time ÷ kernel time: 1 means as fast as memory
}

// Measure runs the kernel and the stream in turn for about the given time, a
// round being a few calls of each, and returns the best round of either.
func Measure(run func(), read, written int, budget time.Duration) Measurement {
	src, dst := make([]byte, read), make([]byte, written)
	run()
	stream(dst, src)
	calls := 1
	for { // until a round is long enough for the clock
		if t := timed(calls, run); t > 100*time.Microsecond || calls > 1<<16 {
			break
		}
		calls *= 2
	}
	var kernels, streams []time.Duration
	for start := time.Now(); len(kernels) < 3 || time.Since(start) < budget; {
		streams = append(streams, timed(calls, func() { stream(dst, src) }))
		kernels = append(kernels, timed(calls, run))
	}
	k, s := slices.Min(kernels), slices.Min(streams)
	return Measurement{
		GBps:        float64(read) * float64(calls) / k.Seconds() / 1e9,
		StreamRatio: s.Seconds() / k.Seconds(),
	}
}

func timed(calls int, f func()) time.Duration {
	start := time.Now()
	for range calls {
		f()
	}
	return time.Since(start)
}
