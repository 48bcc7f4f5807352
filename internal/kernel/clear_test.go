package kernel_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/trueup-rl/trueup/internal/kernel"
	"github.com/trueup-rl/trueup/internal/kernel/kerneltest"
)

// TestClearStreaming clears spans of every length around a few cache lines, from
// every start within one, between guards.
func TestClearStreaming(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		for start := range 64 {
			for n := range 200 {
				got := bytes.Repeat([]byte{0xA5}, 512)
				want := slices.Clone(got)
				kernel.ClearStreaming(got[128+start:][:n])
				clear(want[128+start:][:n])
				if !bytes.Equal(want, got) {
					t.Fatalf("%d bytes from %d", n, start)
				}
			}
		}
		w := slices.Repeat([]float32{1}, 100_000)
		kernel.ClearStreaming(w[1 : len(w)-1])
		assert.Equal(t, []float32{1, 0}, w[:2])
		assert.Equal(t, []float32{0, 1}, w[len(w)-2:])
		assert.Zero(t, slices.Max(w[1:len(w)-1]))
		kernel.ClearStreaming([]uint8(nil))
	})
}
