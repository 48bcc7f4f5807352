// Package bench measures trueup against memory: every kernel runs in turn with a
// plain copy that reads and writes as many bytes, in one run, so that the ratio
// of the two holds on a shared and noisy machine.
package bench

import (
	"encoding/binary"
	"runtime"
	"slices"
	"testing"
	"time"
)

// versusStream runs kernel against a copy of read bytes to written ones, round
// by round, and reports the kernel's input rate and the median of
// stream time ÷ kernel time: 1 means as fast as memory allows.
func versusStream(b *testing.B, read, written int, kernel func()) {
	b.Helper()
	src, dst := make([]byte, max(read, written)), make([]byte, max(read, written))
	kernel()
	stream(dst[:written], src[:read])
	var ratios []float64
	var spent time.Duration
	b.ResetTimer()
	for range b.N {
		t0 := time.Now()
		stream(dst[:written], src[:read])
		t1 := time.Now()
		kernel()
		t2 := time.Now()
		spent += t2.Sub(t1)
		ratios = append(ratios, float64(t1.Sub(t0))/float64(t2.Sub(t1)))
	}
	slices.Sort(ratios)
	b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N), "ns/op")
	b.ReportMetric(float64(read)*float64(b.N)/spent.Seconds()/1e9, "GB/s")
	b.ReportMetric(ratios[len(ratios)/2], "of-stream")
}

// stream reads all of src and writes all of dst: a copy as far as both reach,
// then a sum, or zeros.
func stream(dst, src []byte) {
	n := copy(dst, src)
	clear(dst[n:])
	var a, b, c, d uint64
	for src = src[n:]; len(src) >= 32; src = src[32:] {
		a += binary.NativeEndian.Uint64(src)
		b += binary.NativeEndian.Uint64(src[8:])
		c += binary.NativeEndian.Uint64(src[16:])
		d += binary.NativeEndian.Uint64(src[24:])
	}
	runtime.KeepAlive(a + b + c + d) // or the compiler leaves the sum out
}
