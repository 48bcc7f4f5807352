package bench

import "github.com/trueup-rl/trueup/internal/kernel"

// stream moves bytes as plainly as can be, at the machine's best level whatever a
// kernel's.
type stream struct{ dst, src []byte }

// newStream returns a stream that reads and writes as many bytes. Both sides are
// written to once: pages that never were are all one page of zeros.
func newStream(read, written int) stream {
	s := stream{make([]byte, written), make([]byte, read)}
	for _, b := range [][]byte{s.dst, s.src} {
		for i := range b {
			b[i] = 1
		}
	}
	return s
}

// run reads all of src and writes all of dst in small turns, so that both sides
// flow at once as they do in a kernel.
func (s stream) run() {
	levels := kernel.Levels()
	defer kernel.Use(levels[len(levels)-1])()
	const turn = 16 << 10
	turns := max(1, (len(s.src)+turn-1)/turn)
	for i := range turns {
		kernel.Read(s.src[len(s.src)*i/turns : len(s.src)*(i+1)/turns])
		kernel.Write(s.dst[len(s.dst)*i/turns : len(s.dst)*(i+1)/turns])
	}
}
