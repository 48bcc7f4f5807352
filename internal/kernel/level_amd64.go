//go:build !purego

package kernel

import "golang.org/x/sys/cpu"

// Levels returns the levels of this machine, from slow to fast.
func Levels() []Level {
	levels := []Level{Generic}
	x := &cpu.X86
	if !x.HasAVX2 || !x.HasFMA {
		return levels
	}
	levels = append(levels, AVX2)
	if x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL &&
		x.HasAVX512VBMI && x.HasAVX512VBMI2 && x.HasAVX512GFNI {
		levels = append(levels, AVX512)
	}
	return levels
}
