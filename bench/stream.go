package bench

import "github.com/trueup-rl/trueup/internal/kernel"

// stream reads all of src and writes all of dst in small turns, so that both
// sides flow at once as they do in a kernel: a plain move of as many bytes, at the
// machine's best level whatever the kernel's.
func stream(dst, src []byte) {
	levels := kernel.Levels()
	defer kernel.Use(levels[len(levels)-1])()
	const turn = 16 << 10
	turns := max(1, (len(src)+turn-1)/turn)
	for i := range turns {
		kernel.Read(src[len(src)*i/turns : len(src)*(i+1)/turns])
		kernel.Write(dst[len(dst)*i/turns : len(dst)*(i+1)/turns])
	}
}
