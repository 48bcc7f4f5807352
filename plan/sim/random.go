package sim

// source says what a random number is for.
type source uint64

const (
	rolloutTime source = iota + 1
	envTime
	trainTime
)

// uniform returns a number in (0, 1) that depends on the arguments alone.
func uniform(seed uint64, s source, index int64, member, try int) float64 {
	h := mix(seed + uint64(s)*0x9e3779b97f4a7c15)
	h = mix(h ^ uint64(index))
	h = mix(h ^ uint64(member)<<32 ^ uint64(try))
	return (float64(h>>12) + 0.5) / (1 << 52)
}

// mix is a permutation whose every output bit depends on every input bit (David
// Stafford's variant 13 of MurmurHash3's finalizer, after a step of splitmix64).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
