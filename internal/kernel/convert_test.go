package kernel_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/internal/kernel"
	"github.com/trueup-rl/trueup/internal/kernel/kerneltest"
)

// The conversions between number formats, element by element. What a level gives
// is compared with the generic twin; that one with an oracle, in the packages of
// the formats.

// conversion is a kernel that writes one element for each that it reads.
type conversion[D, S any] struct {
	name string
	do   func(dst []D, src []S)
}

// multipliers are ordinary, extreme and nonsensical.
var multipliers = []float32{1, 3.7, -0.3, 0x1p-20, 0x1p100, 0x1p-130, 0x1p127, math.MaxFloat32,
	0, float32(math.Copysign(0, -1)), inf, -inf, nan, math.Float32frombits(0xFFC0_1234)}

var inf, nan = float32(math.Inf(1)), float32(math.NaN())

func encodersBF16() []conversion[uint16, float32] {
	return []conversion[uint16, float32]{{"EncodeBF16", kernel.EncodeBF16}}
}

func decodersBF16() []conversion[float32, uint16] {
	return []conversion[float32, uint16]{{"DecodeBF16", kernel.DecodeBF16}}
}

func encodersFP8() (all []conversion[uint8, float32]) {
	all = []conversion[uint8, float32]{
		{"EncodeE4M3", kernel.EncodeE4M3},
		{"EncodeE5M2", kernel.EncodeE5M2},
	}
	for _, k := range []struct {
		name string
		do   func([]uint8, []float32, float32)
	}{
		{"ScaleE4M3", kernel.ScaleE4M3},
		{"ScaleE5M2", kernel.ScaleE5M2},
		{"QuantizeE4M3", kernel.QuantizeE4M3},
		{"QuantizeE5M2", kernel.QuantizeE5M2},
	} {
		for _, m := range multipliers {
			all = append(all, conversion[uint8, float32]{fmt.Sprintf("%s by %v", k.name, m), func(dst []uint8, src []float32) { k.do(dst, src, m) }})
		}
	}
	return all
}

// encodersFP8BF16 read BF16 values. Some of the parameters are BF16 values, as
// QuantizeE4M3InBF16 asks for.
func encodersFP8BF16() (all []conversion[uint8, uint16]) {
	for _, m := range multipliers {
		b := math.Float32frombits(math.Float32bits(m) &^ 0xFFFF)
		all = append(all,
			conversion[uint8, uint16]{fmt.Sprintf("QuantizeE4M3InBF16 by %v", b), func(dst []uint8, src []uint16) { kernel.QuantizeE4M3InBF16(dst, src, b) }},
			conversion[uint8, uint16]{fmt.Sprintf("QuantizeE4M3BF16 by %v", m), func(dst []uint8, src []uint16) { kernel.QuantizeE4M3BF16(dst, src, m) }},
			conversion[uint8, uint16]{fmt.Sprintf("ScaleE4M3BF16 by %v", m), func(dst []uint8, src []uint16) { kernel.ScaleE4M3BF16(dst, src, m) }})
	}
	return all
}

func decodersFP8() (all []conversion[float32, uint8]) {
	for _, k := range []struct {
		name string
		do   func([]float32, []uint8, float32)
	}{
		{"DecodeE4M3", kernel.DecodeE4M3},
		{"DecodeE5M2", kernel.DecodeE5M2},
	} {
		for _, m := range multipliers {
			all = append(all, conversion[float32, uint8]{fmt.Sprintf("%s by %v", k.name, m), func(dst []float32, src []uint8) { k.do(dst, src, m) }})
		}
	}
	return all
}

// raw returns the memory of x.
func raw[T any](x []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), len(x)*int(unsafe.Sizeof(*new(T))))
}

// same compares the bytes that c writes for src with those of the generic level,
// the ones around them included.
func same[D, S any](t *testing.T, c conversion[D, S], src []S, at int) {
	t.Helper()
	const guard = 64
	buffer := func() []D {
		b := make([]D, guard+at+len(src)+guard)
		for i := range raw(b) {
			raw(b)[i] = 0xA5
		}
		return b
	}
	got, want := buffer(), buffer()
	c.do(got[guard+at:][:len(src)], src)
	restore := kernel.Use(kernel.Generic)
	c.do(want[guard+at:][:len(src)], src)
	restore()
	if bytes.Equal(raw(got), raw(want)) {
		return
	}
	for i := range got {
		if g, w := raw(got[i:i+1]), raw(want[i:i+1]); !bytes.Equal(g, w) {
			if i -= guard + at; i < 0 || i >= len(src) {
				t.Fatalf("%s of %d: wrote outside, at %d", c.name, len(src), i)
			}
			t.Fatalf("%s of %d: element %d, %x: got %x, want %x", c.name, len(src), i, raw(src[i:i+1]), g, w)
		}
	}
}

// sameAtEveryLength takes stretches of src: all lengths of up to three groups of
// the widest kernel, from several alignments, and one of more than a call.
func sameAtEveryLength[D, S any](t *testing.T, c conversion[D, S], src []S) {
	for n := range 3*64 + 2 {
		same(t, c, src[n%7:][:n], n%5)
	}
}

// trickyFloats are upper halves of a float32, all of them but in short mode, with
// lower halves at and about the ties: every value, midpoint and class of NaN of a
// narrow format. They are shuffled, so that a group holds some of each.
func trickyFloats() []float32 {
	step := uint32(1)
	if testing.Short() {
		step = 29
	}
	var x []float32
	for upper := uint32(0); upper < 1<<16; upper += step {
		for _, lower := range []uint32{0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF} {
			x = append(x, math.Float32frombits(upper<<16|lower))
		}
	}
	rng := rand.New(rand.NewPCG(1, 1))
	rng.Shuffle(len(x), func(i, j int) { x[i], x[j] = x[j], x[i] })
	return x
}

func allWords() []uint16 {
	x := make([]uint16, 1<<16+100) // more than one call of assembly
	for i := range x {
		x[i] = uint16(i)
	}
	return x
}

func allBytes() []uint8 {
	x := make([]uint8, 64<<8)
	for i := range x {
		x[i] = uint8(i + i>>8) // each at every place of a group
	}
	return x
}

func everyLevel[D, S any](t *testing.T, conversions []conversion[D, S], src []S) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		for _, c := range conversions {
			same(t, c, src, 1)
		}
		for _, c := range conversions[:min(2, len(conversions))] {
			sameAtEveryLength(t, c, src)
		}
	})
}

func TestEncodeBF16(t *testing.T) { everyLevel(t, encodersBF16(), trickyFloats()) }
func TestDecodeBF16(t *testing.T) { everyLevel(t, decodersBF16(), allWords()) }
func TestEncodeFP8(t *testing.T)  { everyLevel(t, encodersFP8(), trickyFloats()) }
func TestDecodeFP8(t *testing.T)  { everyLevel(t, decodersFP8(), allBytes()) }

func TestEncodeFP8BF16(t *testing.T) {
	src := allWords()
	rand.New(rand.NewPCG(3, 3)).Shuffle(len(src), func(i, j int) { src[i], src[j] = src[j], src[i] })
	everyLevel(t, encodersFP8BF16()[3:], src)
}

// TestEncodeStrided walks the 2^32 float32 values by a prime.
func TestEncodeStrided(t *testing.T) {
	step := uint64(509)
	if testing.Short() {
		step = 65537
	}
	kerneltest.EachLevel(t, func(t *testing.T) {
		x := make([]float32, 0, 4096)
		for u := uint64(0); u < 1<<32; {
			x = x[:0]
			for ; len(x) < cap(x) && u < 1<<32; u += step {
				x = append(x, math.Float32frombits(uint32(u)))
			}
			for _, c := range encodersBF16() {
				same(t, c, x, 0)
			}
			for _, c := range encodersFP8()[:2] {
				same(t, c, x, 0)
			}
		}
	})
}

// TestReciprocal compares a division by a power of two, which may be done by
// multiplying, with one that is not.
func TestReciprocal(t *testing.T) {
	x := trickyFloats()[:500]
	kerneltest.EachLevel(t, func(t *testing.T) {
		got, want := make([]uint8, len(x)), make([]uint8, len(x))
		for e := range uint32(0x200) {
			scale := math.Float32frombits(e << 23)
			kernel.QuantizeE4M3(got, x, scale)
			for i, f := range x {
				want[i] = kernel.E4M3FromFloat32(f / scale)
			}
			require.Equal(t, want, got, "%v", scale)

			half := make([]uint16, len(x))
			for i, f := range x {
				half[i] = uint16(math.Float32bits(f) >> 16)
				quotient := math.Float32frombits(uint32(half[i])<<16) / scale
				want[i] = kernel.E4M3FromFloat32(math.Float32frombits(uint32(kernel.BF16FromFloat32(quotient)) << 16))
			}
			kernel.QuantizeE4M3InBF16(got, half, scale)
			require.Equal(t, want, got, "%v", scale)
		}
	})
}

func TestAMax(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	specials := []float32{0, float32(math.Copysign(0, -1)), -math.SmallestNonzeroFloat32, -3, math.MaxFloat32, -inf, nan, math.Float32frombits(0xFFFF_FFFF)}
	kerneltest.EachLevel(t, func(t *testing.T) {
		assert.Zero(t, kernel.AMax(nil))
		assert.Zero(t, kernel.AMaxBF16(nil))
		for n := 1; n < 3*64+2; n++ {
			x, h := make([]float32, n+4), make([]uint16, n+4)
			for i := range x {
				x[i] = -float32(rng.ExpFloat64())
				x[i] *= 0x1p-140 // subnormal
			}
			x[0], x[n+3] = nan, nan // outside
			x[2+rng.IntN(n)] = specials[n%len(specials)]
			var want uint32
			for i, f := range x {
				h[i] = uint16(math.Float32bits(f) >> 16)
				if i >= 2 && i < n+2 {
					want = max(want, math.Float32bits(f)&0x7FFF_FFFF)
				}
			}
			require.Equal(t, want, kernel.AMax(x[2:n+2]), "%v", x)
			require.Equal(t, uint16(want>>16), kernel.AMaxBF16(h[2:n+2]), "%v", x)
		}
		long := make([]float32, 200_000) // some calls of assembly
		for _, at := range []int{0, 65535, 65536, 131072, 199_999} {
			long[at] = -float32(at + 1)
			require.Equal(t, math.Float32bits(float32(at+1)), kernel.AMax(long))
		}
	})
}

func TestConvertAllocs(t *testing.T) {
	f, h, q := make([]float32, 100), make([]uint16, 100), make([]uint8, 100)
	kerneltest.EachLevel(t, func(t *testing.T) {
		assert.Zero(t, testing.AllocsPerRun(10, func() {
			kernel.EncodeBF16(h, f)
			kernel.DecodeBF16(f, h)
			kernel.EncodeE4M3(q, f)
			kernel.EncodeE5M2(q, f)
			kernel.QuantizeE4M3(q, f, 3)
			kernel.QuantizeE5M2(q, f, 3)
			kernel.ScaleE4M3BF16(q, h, 3)
			kernel.QuantizeE4M3BF16(q, h, 3)
			kernel.QuantizeE4M3InBF16(q, h, 3)
			kernel.DecodeE4M3(f, q, 3)
			kernel.DecodeE5M2(f, q, 3)
			kernel.AMax(f)
			kernel.AMaxBF16(h)
		}))
	})
}

func TestBytesWords(t *testing.T) {
	type code uint8
	type half uint16
	c, h := []code{1, 2, 3}, []half{4, 5, 6}
	kernel.Bytes(c[1:])[0] = 9
	kernel.Words(h)[2] = 7
	assert.Equal(t, []code{1, 9, 3}, c)
	assert.Equal(t, []half{4, 5, 7}, h)
	assert.Empty(t, kernel.Bytes([]code(nil)))
	assert.Empty(t, kernel.Words([]half{}))
}

// FuzzConvert runs all conversions of some bits under some multiplier at every
// level.
func FuzzConvert(f *testing.F) {
	f.Add(bytes.Repeat([]byte{0, 0, 0x80, 0x3F, 1, 0, 0xC0, 0x7F, 0, 0, 0xF8, 0x43}, 30), uint32(0x4060_0000))
	f.Add(make([]byte, 300), uint32(0))
	f.Fuzz(func(t *testing.T, data []byte, bits uint32) {
		x, h := make([]float32, len(data)/4), make([]uint16, len(data)/2)
		copy(raw(x), data)
		copy(raw(h), data)
		m := math.Float32frombits(bits)
		levels := kernel.Levels()
		for _, l := range levels[1:] {
			defer kernel.Use(l)()
			same(t, conversion[uint16, float32]{"EncodeBF16", kernel.EncodeBF16}, x, 0)
			same(t, conversion[float32, uint16]{"DecodeBF16", kernel.DecodeBF16}, h, 0)
			same(t, conversion[uint8, float32]{"ScaleE4M3", func(d []uint8, s []float32) { kernel.ScaleE4M3(d, s, m) }}, x, 0)
			same(t, conversion[uint8, float32]{"ScaleE5M2", func(d []uint8, s []float32) { kernel.ScaleE5M2(d, s, m) }}, x, 0)
			same(t, conversion[uint8, float32]{"QuantizeE4M3", func(d []uint8, s []float32) { kernel.QuantizeE4M3(d, s, m) }}, x, 0)
			same(t, conversion[uint8, float32]{"QuantizeE5M2", func(d []uint8, s []float32) { kernel.QuantizeE5M2(d, s, m) }}, x, 0)
			same(t, conversion[uint8, uint16]{"ScaleE4M3BF16", func(d []uint8, s []uint16) { kernel.ScaleE4M3BF16(d, s, m) }}, h, 0)
			same(t, conversion[uint8, uint16]{"QuantizeE4M3BF16", func(d []uint8, s []uint16) { kernel.QuantizeE4M3BF16(d, s, m) }}, h, 0)
			b := math.Float32frombits(bits &^ 0xFFFF)
			same(t, conversion[uint8, uint16]{"QuantizeE4M3InBF16", func(d []uint8, s []uint16) { kernel.QuantizeE4M3InBF16(d, s, b) }}, h, 0)
			same(t, conversion[float32, uint8]{"DecodeE4M3", func(d []float32, s []uint8) { kernel.DecodeE4M3(d, s, m) }}, data, 0)
			same(t, conversion[float32, uint8]{"DecodeE5M2", func(d []float32, s []uint8) { kernel.DecodeE5M2(d, s, m) }}, data, 0)
			amax, amaxBF16 := kernel.AMax(x), kernel.AMaxBF16(h)
			restore := kernel.Use(kernel.Generic)
			require.Equal(t, kernel.AMax(x), amax)
			require.Equal(t, kernel.AMaxBF16(h), amaxBF16)
			restore()
		}
	})
}
