package kernel

func hadamardGeneric(dst, x []float32, s *hadamardSigns) {
	for len(x) >= 16 {
		var low, high [8]float32 // columns 0 to 7, and 8 to 15
		for i := range 8 {
			for j, h := range s.rows[i] {
				low[j] += float32(x[i] * h)
			}
		}
		high = low
		for i := 8; i < 16; i++ {
			for j, h := range s.rows[i] {
				t := float32(x[i] * h)
				low[j] += t
				high[j] -= t
			}
		}
		for j := range 8 {
			dst[j], dst[8+j] = flipSign(low[j], s.out[j]>>31), flipSign(high[j], s.out[8+j]>>31)
		}
		dst, x = dst[16:], x[16:]
	}
}
