//go:build (!amd64 && !arm64) || purego

package kernel

func mxScalesFast(scales []uint8, factor, amax []float32, rule *MXScale) (n int, nan bool) {
	return 0, false
}

func mxMultipliersFast(mult []float32, scales []uint8) int { return 0 }

func encodeMXE2M1Fast(codes []byte, src, factor []float32) int { return 0 }

func encodeMXE2M1BF16Fast(codes []byte, src []uint16, factor []float32) int { return 0 }

func encodeMXE4M3Fast(codes []uint8, src, factor []float32) int { return 0 }

func encodeMXE4M3BF16Fast(codes []uint8, src []uint16, factor []float32) int { return 0 }

func encodeMXE5M2Fast(codes []uint8, src, factor []float32) int { return 0 }

func encodeMXE5M2BF16Fast(codes []uint8, src []uint16, factor []float32) int { return 0 }

func decodeMXE4M3Fast(dst []float32, codes []uint8, mult []float32) int { return 0 }

func decodeMXE5M2Fast(dst []float32, codes []uint8, mult []float32) int { return 0 }
