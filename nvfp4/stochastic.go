package nvfp4

import (
	"math"

	"github.com/trueup-rl/trueup/roundoff"
)

// QuantizeStochastic is [Quantize] with codes rounded at random to one of the two neighbours of a
// value, the nearer one more often, so that their mean over seeds is the value. Scales are the
// recipe's as ever, and so is the quotient v of a value and its scale; then
//
//	t = |v| + step(|v|)*r/256                step is 0.5 below 2, 1 below 4, else 2
//	code = that of min(floor(t/step(t))*step(t), 6), with the sign bit of v; NaN gives 7
//
// as in TransformerEngine at commit d0067d0d, where r is a random byte: in the mean codes are below v
// by as much as |v| exceeds a multiple of step/256. Beyond 6 they saturate.
//
// The byte of a value is a function of the seed and of its place alone. For value i of block b of a
// row, it is byte i%4, from the lowest, of word i/4 of Philox4x32-10 with key seed and counter
// row*RowScales(dst.Cols) + b. row is the first row of x in the whole matrix: parts that each say
// where they begin get the bytes of the whole.
func QuantizeStochastic[T roundoff.Value](dst *Tensor, x []T, amax float32, seed uint64, row int) {
	if row < 0 {
		panic("nvfp4: negative row")
	}
	blocks := RowScales(dst.Cols)
	quantize(dst, x, amax, random{seed: seed, seeded: true, first: uint64(row) * uint64(blocks), stride: blocks})
}

// QuantizeStochasticWords is [QuantizeStochastic] with random words given, four for each block, row
// by row. It panics unless len(words) is 4*len(dst.Scales).
func QuantizeStochasticWords[T roundoff.Value](dst *Tensor, x []T, amax float32, words []uint32) {
	if len(words) != wordsPerBlock*len(dst.Scales) {
		panic("nvfp4: number of words is not four for each block")
	}
	quantize(dst, x, amax, random{words: words, given: true, stride: RowScales(dst.Cols)})
}

// wordsPerBlock: 16 bytes.
const wordsPerBlock = BlockSize / 4

// random is where random bytes come from. The zero value is none.
type random struct {
	seeded bool
	seed   uint64
	first  uint64 // counter of block 0
	given  bool
	words  []uint32
	at     int // block of the tensor that comes next
	stride int // blocks of a row of the tensor
}

func (r *random) on() bool { return r.seeded || r.given }

// block returns the words of a block of the tensor.
func (r *random) block(i int) (w [wordsPerBlock]uint32) {
	if r.given {
		copy(w[:], r.words[i*wordsPerBlock:])
		return w
	}
	c := r.first + uint64(i)
	return philox([4]uint32{uint32(c), uint32(c >> 32)}, [2]uint32{uint32(r.seed), uint32(r.seed >> 32)})
}

// roundStochastically sets the codes of n blocks, at q.random.at or as many rows from there on as n is
// times blocks, with the factors that encode found.
func (q *quantizer) roundStochastically(codes []byte, x []float32, n, blocks int) {
	for i := range n {
		w := q.random.block(q.random.at + i/blocks*q.random.stride + i%blocks)
		v := (*[BlockSize]float32)(x[i*BlockSize:])
		for j := range BlockSize / 2 {
			r := w[j/2] >> (j % 2 * 16)
			even, odd := q.code.value(v[2*j], q.factor[i]), q.code.value(v[2*j+1], q.factor[i])
			codes[i*blockBytes+j] = e2m1Stochastic(even, uint8(r)) | e2m1Stochastic(odd, uint8(r>>8))<<4
		}
	}
	if !q.tiled {
		q.random.at += n
	}
}

// e2m1Stochastic rounds v up if r is large, with 256 as 1.
func e2m1Stochastic(v float32, r uint8) uint8 {
	if v != v {
		return 7
	}
	u := math.Float32bits(v)
	mag := min(math.Float32frombits(u&^(1<<31)), 6)
	exp := max(math.Float32bits(mag)>>23, one>>1)
	step := math.Float32frombits((exp - 1) << 23)
	t := mag + float32(step*float32(r)/256)
	// From 1 on a code is the exponent and one bit of the mantissa.
	code := min(max(math.Float32bits(t)>>22, one)-one+2, 7)
	if t < 1 {
		code = 0
		if t >= 0.5 {
			code = 1
		}
	}
	return uint8(u>>28)&8 | uint8(code)
}
