package kernel

import "math"

// Log returns ln x within 1 ulp. Log(0) = -Inf, Log(+Inf) = +Inf, and the
// logarithm of NaN or of a negative number is NaN.
//
// With x = 2ᵏ·m, √½ ≤ m < √2, f = m − 1 and s = f/(2+f), ln m = 2 artanh s =
// f − s·(f − 2s²·Q(s²)); f is exact, and what is subtracted from it is small.
func Log(x float64) float64 {
	switch {
	case x != x || x < 0:
		return math.NaN()
	case x == 0:
		return math.Inf(-1)
	case x > math.MaxFloat64:
		return x
	}
	k := 0
	if x < 0x1p-1022 {
		x = float64(x * 0x1p54)
		k = -54
	}
	b := math.Float64bits(x)
	// Subtracting the bits of √½ puts the binade's cut there.
	const sqrtHalf = 0x3FE6A09E667F3BCD
	e := int64(b-sqrtHalf) >> 52
	k += int(e)
	m := math.Float64frombits(b - uint64(e)<<52)

	f := m - 1
	s := f / (2 + f)
	z := float64(s * s)
	q := math.FMA(0x1.0c0d193567972p-4, z, 0x1.0fbda97bb8dd7p-4)
	q = math.FMA(q, z, 0x1.3b1c3e5b7a806p-4)
	q = math.FMA(q, z, 0x1.745cf8d930e16p-4)
	q = math.FMA(q, z, 0x1.c71c7201c3ceap-4)
	q = math.FMA(q, z, 0x1.24924924768e8p-3)
	q = math.FMA(q, z, 0x1.9999999999a39p-3)
	q = math.FMA(q, z, 0x1.5555555555555p-2)
	tail := float64(s * math.FMA(float64(-2*z), q, f)) // f − ln m
	n := float64(k)
	hi := float64(n * ln2Hi)
	return hi - ((tail - float64(n*ln2Lo)) - f)
}
