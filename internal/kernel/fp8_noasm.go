//go:build (!amd64 && !arm64) || purego

package kernel

func scaleE4M3Fast(dst []uint8, src []float32, mult []float32) int { return 0 }

func scaleE5M2Fast(dst []uint8, src []float32, mult []float32) int { return 0 }

func quantizeE4M3Fast(dst []uint8, src []float32, scale []float32) int { return 0 }

func quantizeE5M2Fast(dst []uint8, src []float32, scale []float32) int { return 0 }

func scaleE4M3BF16Fast(dst []uint8, src []uint16, mult []float32) int { return 0 }

func quantizeE4M3BF16Fast(dst []uint8, src []uint16, scale []float32) int { return 0 }

func quantizeE4M3InBF16Fast(dst []uint8, src []uint16, scale []float32) int { return 0 }

func decodeE4M3Fast(dst []float32, src []uint8, mult []float32) int { return 0 }

func decodeE5M2Fast(dst []float32, src []uint8, mult []float32) int { return 0 }
