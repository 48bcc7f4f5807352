package kernel

import "math"

func amaxGeneric(src []float32) uint32 {
	var m uint32
	for _, f := range src {
		m = max(m, math.Float32bits(f)&f32MagMask)
	}
	return m
}

func amaxBF16Generic(src []uint16) uint16 {
	var m uint16
	for _, b := range src {
		m = max(m, b&0x7FFF)
	}
	return m
}
