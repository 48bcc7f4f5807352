package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/trueup-rl/trueup/bf16"
)

// TestOperations runs each of them once on small arrays of ones.
func TestOperations(t *testing.T) {
	const rows, columns, vocabulary, width = 2, 32, 50, 7
	in := input{t.TempDir(), columns, vocabulary, width}
	for name, array := range map[string][]byte{
		"weights.f32":  bytesOf(ones[float32](rows * columns)),
		"weights.bf16": bytesOf(bf16s(rows * columns)),
		"logits.f32":   bytesOf(ones[float32](rows * vocabulary)),
		"logits.bf16":  bytesOf(bf16s(rows * vocabulary)),
		"tokens":       bytesOf(ones[int32](rows)),
		"trainer":      bytesOf(ones[float32](rows * width)),
		"rollout":      bytesOf(ones[float32](rows * width)),
		"lengths":      bytesOf(ones[int32](rows)),
		"mask":         ones[uint8](rows * width),
	} {
		if err := os.WriteFile(filepath.Join(in.directory, name), array, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for name, prepare := range operations {
		op := prepare(in)
		op.run()
		for i, b := range op.results() {
			if len(b) == 0 {
				t.Errorf("%s: result %d is empty", name, i)
			}
		}
	}
}

func ones[T float32 | int32 | uint8](n int) []T {
	x := make([]T, n)
	for i := range x {
		x[i] = 1
	}
	return x
}

func bf16s(n int) []bf16.BF16 {
	x := make([]bf16.BF16, n)
	bf16.Encode(x, ones[float32](n))
	return x
}
