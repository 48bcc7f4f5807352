package fp8

// ScaleE4M3 returns the scale with which amax, the largest magnitude of a tensor ([AMax]), becomes
// E4M3's 448: amax/448, rounded once. It multiplies when decoding.
//
// Where that is 0, since amax is or since it underflows, the scale is 1, and every code a zero. If
// amax is NaN or infinite, so is the scale, and the tensor decodes to NaN throughout: a value that
// one scale cannot carry does not pass for a number.
func ScaleE4M3(amax float32) float32 { return scale(amax, MaxE4M3) }

// ScaleE5M2 is ScaleE4M3 for E5M2: amax/57344, and 1 where that is 0.
func ScaleE5M2(amax float32) float32 { return scale(amax, MaxE5M2) }

func scale(amax, limit float32) float32 {
	if s := amax / limit; s != 0 {
		return s
	}
	return 1
}
