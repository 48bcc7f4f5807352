//go:build !purego

package kernel

// Levels returns the levels of this machine, from slow to fast. Every arm64 has
// NEON.
func Levels() []Level { return []Level{Generic, NEON} }
