package kernel

import "math"

const (
	mxMantissa = 1<<23 - 1
	mxNaN      = 0xFF
	mxLeast    = 0x0040_0000 // 2^-127 as float32 bits
)

func mxScalesGeneric(scales []uint8, factor, amax []float32, rule *MXScale) (nan bool) {
	for i := range scales {
		u := max(math.Float32bits(amax[2*i]), math.Float32bits(amax[2*i+1]))
		b := (u&mxMantissa + rule.Steps[u>>23]) >> 23
		f := math.Float32frombits(max((254-b)<<23, mxLeast))
		if b == 0 {
			f = rule.Zero
		}
		if u > f32Inf {
			b, f, nan = mxNaN, rule.NaN, true
		}
		scales[i] = uint8(b)
		factor[2*i], factor[2*i+1] = f, f
	}
	return nan
}

func mxMultipliersGeneric(mult []float32, scales []uint8) {
	for i, s := range scales {
		u := max(uint32(s)<<23, mxLeast)
		if s == mxNaN {
			u = f32NaN
		}
		mult[2*i] = math.Float32frombits(u)
		mult[2*i+1] = mult[2*i]
	}
}

func encodeMXE2M1Generic(codes []byte, src, factor []float32) {
	for i, f := range factor {
		x := (*[NVFP4Block]float32)(src[i*NVFP4Block:])
		for j := range NVFP4BlockBytes {
			codes[i*NVFP4BlockBytes+j] = E2M1FromFloat32(float32(x[2*j]*f)) | E2M1FromFloat32(float32(x[2*j+1]*f))<<4
		}
	}
}

func encodeMXE2M1BF16Generic(codes []byte, src []uint16, factor []float32) {
	for i, f := range factor {
		x := (*[NVFP4Block]uint16)(src[i*NVFP4Block:])
		for j := range NVFP4BlockBytes {
			codes[i*NVFP4BlockBytes+j] = E2M1FromFloat32(float32(bf16Value(x[2*j])*f)) | E2M1FromFloat32(float32(bf16Value(x[2*j+1])*f))<<4
		}
	}
}

func encodeMXE4M3Generic(codes []uint8, src, factor []float32) {
	for i, f := range factor {
		scaleE4M3Generic(codes[i*NVFP4Block:][:NVFP4Block], src[i*NVFP4Block:][:NVFP4Block], f)
	}
}

func encodeMXE4M3BF16Generic(codes []uint8, src []uint16, factor []float32) {
	for i, f := range factor {
		for j, b := range src[i*NVFP4Block:][:NVFP4Block] {
			codes[i*NVFP4Block+j] = E4M3FromFloat32(float32(bf16Value(b) * f))
		}
	}
}

func encodeMXE5M2Generic(codes []uint8, src, factor []float32) {
	for i, f := range factor {
		scaleE5M2Generic(codes[i*NVFP4Block:][:NVFP4Block], src[i*NVFP4Block:][:NVFP4Block], f)
	}
}

func encodeMXE5M2BF16Generic(codes []uint8, src []uint16, factor []float32) {
	for i, f := range factor {
		for j, b := range src[i*NVFP4Block:][:NVFP4Block] {
			codes[i*NVFP4Block+j] = E5M2FromFloat32(float32(bf16Value(b) * f))
		}
	}
}

func decodeMXGeneric(dst []float32, codes []uint8, mult []float32, values *[256]float32) {
	for i, m := range mult {
		decodeTable(dst[i*NVFP4Block:][:NVFP4Block], codes[i*NVFP4Block:][:NVFP4Block], values, m)
	}
}
