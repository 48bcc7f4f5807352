package nvfp4

import (
	"math"

	"github.com/trueup-rl/trueup/internal/kernel"
)

// choice is how a recipe finds a block's scale that looks at the values, and not at their maximum
// alone.
type choice struct {
	rule   choiceRule
	mapTo4 func(b, global float32, in input) (s uint8, factor float32) // the other scale
	sum    errorSum
	full   float32 // what the tensor's amax is mapped to
	scaled bool    // errors in units of the global scale
	lanes  bool    // in fouroversix's order, and with its codes
}

type choiceRule uint8

const (
	byMaximum    choiceRule = iota // no choice
	fourOrSix                      // of Four Over Six
	leastSquares                   // of OptimalMSE
	halvesUp                       // of GGML
)

// errorSum is what makes one number of the errors of a block.
type errorSum uint8

const (
	squares    errorSum = iota // Σ d*d
	magnitudes                 // Σ |d|
	largest                    // max |d|
)

func (e errorSum) add(x, y float32) float32 {
	if e == largest {
		return max(x, y)
	}
	return x + y
}

// chooseFourOrSix sets codes, scales and factors of blocks, which are those of the first scale, to
// those of the second where its error is less. Of a tile, every blocks-th block is a row.
func (q *quantizer) chooseFourOrSix(codes []byte, scales []uint8, x []float32, blocks int) {
	n := len(scales)
	var second struct {
		codes  [kernel.NVFP4Chunk * blockBytes]byte
		scales [kernel.NVFP4Chunk]uint8
		factor [kernel.NVFP4Chunk]float32
	}
	for i, b := range q.amax[:n] {
		second.scales[i], second.factor[i] = q.choice.mapTo4(b, q.global, q.in)
	}
	q.code.apply(second.codes[:n*blockBytes], x, q.amax[:n], second.factor[:n])

	var six, four [chunkLen]float32
	q.errors(six[:len(x)], x, codes, scales, q.factor[:n])
	q.errors(four[:len(x)], x, second.codes[:n*blockBytes], second.scales[:n], second.factor[:n])
	step := n
	if q.tiled {
		step = blocks
	}
	for i := range step {
		if !(q.total(four[:len(x)], i, step) < q.total(six[:len(x)], i, step)) {
			continue
		}
		for j := i; j < n; j += step {
			copy(codes[j*blockBytes:][:blockBytes], second.codes[j*blockBytes:])
			scales[j], q.factor[j] = second.scales[j], second.factor[j]
		}
	}
}

// errors sets e to d*d or |d| of each value of blocks with the given codes and scales.
func (q *quantizer) errors(e, x []float32, codes []byte, scales []uint8, factor []float32) {
	var values [kernel.NVFP4Chunk]float32
	s := values[:len(scales)]
	kernel.DecodeE4M3(s, scales, 1)
	kernel.DecodeE2M1(e, codes, s, true) // times s, exactly
	if q.choice.lanes {
		for i, f := range factor {
			if beyond7.has(q.amax[i], f) {
				unwrap(e[i*BlockSize:][:BlockSize], x[i*BlockSize:], s[i], f)
			}
		}
	}
	c, x := q.choice, x[:len(e)]
	if c.scaled {
		for i, v := range e {
			e[i] = v - float32(x[i]*q.global)
		}
	} else {
		for i, v := range e {
			e[i] = float32(v*q.tensorScale)/c.full - x[i]
		}
	}
	if c.sum == squares {
		for i, d := range e {
			e[i] = float32(d * d)
		}
		return
	}
	for i, d := range e {
		e[i] = math.Float32frombits(math.Float32bits(d) &^ (1 << 31))
	}
}

// unwrap sets v to what fouroversix takes a block's values for where their codes may stand for none:
// to 8 times the scale if they were not clamped, to NaN if they are infinite times it.
func unwrap(v, x []float32, s, factor float32) {
	for i := range v {
		switch r := float32(x[i] * factor); {
		case !(r >= -math.MaxFloat32 && r <= math.MaxFloat32):
			v[i] = float32(math.NaN())
		case r >= 7 && r <= 9:
			v[i] = float32(8 * s)
		case r <= -7 && r >= -9:
			v[i] = float32(-8 * s)
		}
	}
}

// total sums up the errors of block i, or of a tile of blocks i, i+step, …, in the order of the
// implementation.
func (q *quantizer) total(e []float32, i, step int) float32 {
	sum := q.choice.sum
	block := func(i int) *[BlockSize]float32 { return (*[BlockSize]float32)(e[i*BlockSize:]) }
	switch {
	case q.choice.lanes && q.tiled:
		return sum.cascade(e, i, step)
	case q.choice.lanes:
		return sum.halves(block(i))
	case !q.tiled:
		return sum.inOrder(block(i))
	}
	var rows [tileRows]float32
	for r := 0; i < len(e)/BlockSize; r, i = r+1, i+step {
		rows[r] = sum.inOrder(block(i))
	}
	for n := tileRows / 2; n > 0; n /= 2 {
		for r := range n {
			rows[r] = sum.add(rows[r], rows[r+n])
		}
	}
	return rows[0]
}

func (e errorSum) inOrder(x *[BlockSize]float32) float32 {
	var s float32
	for _, v := range x {
		s = e.add(s, v)
	}
	return s
}

// halves adds the upper half of x to the lower, and then what that gives in order, as torch's sum of
// 16 float32 does.
func (e errorSum) halves(x *[BlockSize]float32) float32 {
	var s float32
	for i := range BlockSize / 2 {
		s = e.add(s, e.add(x[i], x[i+BlockSize/2]))
	}
	return s
}

// cascade is torch's sum of 256 float32, for a tile's 16 rows of 16: vectors of eight go to four
// accumulators in turn, these are added up in order, and then the eight lanes.
func (e errorSum) cascade(x []float32, block, step int) float32 {
	var acc [4][8]float32
	for r := 0; block < len(x)/BlockSize; r, block = r+1, block+step {
		for i, v := range x[block*BlockSize:][:BlockSize] {
			lane := &acc[r%2*2+i/8][i%8]
			*lane = e.add(*lane, v)
		}
	}
	var s float32
	for i := range 8 {
		v := acc[0][i]
		for _, a := range acc[1:] {
			v = e.add(v, a[i])
		}
		s = e.add(s, v)
	}
	return s
}
