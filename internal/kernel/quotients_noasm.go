//go:build !amd64 || purego

package kernel

// NEON as Go's assembler has it divides scalars, which the generic twin does too.
func quotientsFast(dst, src []float32, d float32) int { return 0 }
