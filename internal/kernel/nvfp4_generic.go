package kernel

import "math"

func blockAMaxGeneric(amax, src []float32) {
	for i := range amax {
		var m uint32
		for _, f := range src[i*NVFP4Block:][:NVFP4Block] {
			m = max(m, math.Float32bits(f)&f32MagMask)
		}
		amax[i] = math.Float32frombits(m)
	}
}

func blockAMaxBF16Generic(amax []float32, src []uint16) {
	for i := range amax {
		var m uint16
		for _, b := range src[i*NVFP4Block:][:NVFP4Block] {
			m = max(m, b&0x7FFF)
		}
		amax[i] = bf16Value(m)
	}
}

func scalesModelOptGeneric(scales []uint8, div, amax []float32, g float32, zeroIsOne bool) {
	for i, b := range amax {
		q := b / (6 * g)
		if q == 0 || b == 0 && zeroIsOne {
			q = 1
		}
		scales[i] = E4M3FromFloat32(max(q, 0x1p-9))
		div[i] = float32(E4M3ToFloat32(scales[i]) * g)
	}
}

func scalesTEGeneric(scales []uint8, mult, amax []float32, s float32) {
	perMax, inverse := scalesTEFactors(s)
	for i, b := range amax {
		scales[i] = E4M3FromFloat32(float32(b * perMax))
		mult[i] = min(1/float32(E4M3ToFloat32(scales[i])*inverse), math.MaxFloat32)
	}
}

// scalesTEFactors returns what TransformerEngine multiplies maxima and scales with.
func scalesTEFactors(s float32) (perMax, inverse float32) {
	return float32(s * float32(1.0/6)), 1 / s
}

// NaN codes of the two encoders.
const (
	nanDiv = 7
	nanMul = 0
)

func encodeE2M1DivGeneric(codes []byte, src, div []float32) {
	for i, d := range div {
		x := (*[NVFP4Block]float32)(src[i*NVFP4Block:])
		for j := range NVFP4BlockBytes {
			codes[i*NVFP4BlockBytes+j] = e2m1Below0(x[2*j]/d, nanDiv) | e2m1Below0(x[2*j+1]/d, nanDiv)<<4
		}
	}
}

func encodeE2M1DivBF16Generic(codes []byte, src []uint16, div []float32) {
	for i, d := range div {
		x := (*[NVFP4Block]uint16)(src[i*NVFP4Block:])
		for j := range NVFP4BlockBytes {
			even, odd := bf16Value(x[2*j]), bf16Value(x[2*j+1])
			codes[i*NVFP4BlockBytes+j] = e2m1Below0(even/d, nanDiv) | e2m1Below0(odd/d, nanDiv)<<4
		}
	}
}

func encodeE2M1MulGeneric(codes []byte, src, mult []float32) {
	for i, m := range mult {
		x := (*[NVFP4Block]float32)(src[i*NVFP4Block:])
		for j := range NVFP4BlockBytes {
			even, odd := float32(x[2*j]*m), float32(x[2*j+1]*m)
			codes[i*NVFP4BlockBytes+j] = e2m1Below0(even, nanMul) | e2m1Below0(odd, nanMul)<<4
		}
	}
}

func encodeE2M1MulBF16Generic(codes []byte, src []uint16, mult []float32) {
	for i, m := range mult {
		x := (*[NVFP4Block]uint16)(src[i*NVFP4Block:])
		for j := range NVFP4BlockBytes {
			even, odd := float32(bf16Value(x[2*j])*m), float32(bf16Value(x[2*j+1])*m)
			codes[i*NVFP4BlockBytes+j] = e2m1Below0(even, nanMul) | e2m1Below0(odd, nanMul)<<4
		}
	}
}

func blockMultipliersGeneric(mult []float32, scales []uint8, a, b float32) {
	for i, s := range scales {
		mult[i] = float32(float32(E4M3ToFloat32(s)*a) * b)
	}
}

func decodeE2M1Generic(dst []float32, codes []byte, mult []float32, negativeZero bool) {
	values := &e2m1Values[signedZero(negativeZero)]
	for i, m := range mult {
		x := (*[NVFP4Block]float32)(dst[i*NVFP4Block:])
		for j, c := range codes[i*NVFP4BlockBytes:][:NVFP4BlockBytes] {
			x[2*j] = float32(values[c&0xF] * m)
			x[2*j+1] = float32(values[c>>4] * m)
		}
	}
}

func decodeE2M1BF16Generic(dst []uint16, codes []byte, mult []float32, negativeZero bool) {
	values := &e2m1Values[signedZero(negativeZero)]
	for i, m := range mult {
		x := (*[NVFP4Block]uint16)(dst[i*NVFP4Block:])
		for j, c := range codes[i*NVFP4BlockBytes:][:NVFP4BlockBytes] {
			x[2*j] = BF16FromFloat32(float32(values[c&0xF] * m))
			x[2*j+1] = BF16FromFloat32(float32(values[c>>4] * m))
		}
	}
}

// signedZero returns the index into e2m1Values.
func signedZero(negativeZero bool) int {
	if negativeZero {
		return 1
	}
	return 0
}

// bf16Value is exact.
func bf16Value(b uint16) float32 { return math.Float32frombits(uint32(b) << 16) }
