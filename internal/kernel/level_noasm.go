//go:build (!amd64 && !arm64) || purego

package kernel

// Levels returns the levels of this machine, from slow to fast.
func Levels() []Level { return []Level{Generic} }
