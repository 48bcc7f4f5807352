//go:build (!amd64 && !arm64) || purego

package kernel

func swizzleFast(dst, src []uint8, cols int) int { return 0 }

func unswizzleFast(dst, src []uint8, cols int) int { return 0 }
