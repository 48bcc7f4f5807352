package kernel_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/internal/kernel"
	"github.com/trueup-rl/trueup/internal/kernel/kerneltest"
)

// nvfp4Case holds inputs of the NVFP4 kernels for some number of blocks.
type nvfp4Case struct {
	src    []float32
	bf16   []uint16
	factor []float32 // divisors and multipliers
	amax   []float32
	scales []uint8
	codes  []byte
	a, b   float32
}

// nvfp4Output is what the kernels make of a case.
type nvfp4Output struct {
	amax, amaxBF16                               []float32
	scalesModelOpt, scalesDefault, scalesTE      []uint8
	divModelOpt, divDefault, multTE              []float32
	codesDiv, codesDivBF16, codesMul, codesMul16 []byte
	mult                                         []float32
	values, valuesNegativeZero                   []float32
	valuesBF16, valuesBF16NegativeZero           []uint16
}

// run runs every kernel, outputs and inputs begin shift elements into their
// memory. It fails if a kernel writes outside of its outputs.
func (c *nvfp4Case) run(t testing.TB, shift int) (o nvfp4Output) {
	n := len(c.factor)
	at := func(x []float32) []float32 { return append(make([]float32, shift, shift+len(x)), x...)[shift:] }
	src, factor, amax := at(c.src), at(c.factor), at(c.amax)
	bf16 := append(make([]uint16, shift), c.bf16...)[shift:]
	scales, codes := append(make([]uint8, shift), c.scales...)[shift:], append(make([]byte, shift), c.codes...)[shift:]

	var check []func()
	floats := func(n int, dst *[]float32) []float32 { return guarded(t, &check, n, shift, 0x1.23p45, dst) }
	bytes := func(n int, dst *[]uint8) []uint8 { return guarded(t, &check, n, shift, 0xA5, dst) }

	kernel.BlockAMax(floats(n, &o.amax), src)
	kernel.BlockAMaxBF16(floats(n, &o.amaxBF16), bf16)
	kernel.ScalesModelOpt(bytes(n, &o.scalesModelOpt), floats(n, &o.divModelOpt), amax, c.a, false)
	kernel.ScalesModelOpt(bytes(n, &o.scalesDefault), floats(n, &o.divDefault), amax, c.a, true)
	kernel.ScalesTE(bytes(n, &o.scalesTE), floats(n, &o.multTE), amax, c.a)
	kernel.EncodeE2M1Div(bytes(8*n, &o.codesDiv), src, factor)
	kernel.EncodeE2M1DivBF16(bytes(8*n, &o.codesDivBF16), bf16, factor)
	kernel.EncodeE2M1Mul(bytes(8*n, &o.codesMul), src, factor)
	kernel.EncodeE2M1MulBF16(bytes(8*n, &o.codesMul16), bf16, factor)
	kernel.BlockMultipliers(floats(n, &o.mult), scales, c.a, c.b)
	kernel.DecodeE2M1(floats(16*n, &o.values), codes, factor, false)
	kernel.DecodeE2M1(floats(16*n, &o.valuesNegativeZero), codes, factor, true)
	words := func(n int, dst *[]uint16) []uint16 { return guarded(t, &check, n, shift, 0xA5A5, dst) }
	kernel.DecodeE2M1BF16(words(16*n, &o.valuesBF16), codes, factor, false)
	kernel.DecodeE2M1BF16(words(16*n, &o.valuesBF16NegativeZero), codes, factor, true)
	for _, f := range check {
		f()
	}
	return o
}

// guarded sets *dst to n elements with guards around them, and adds their check.
func guarded[T comparable](t testing.TB, check *[]func(), n, shift int, guard T, dst *[]T) []T {
	all := slices.Repeat([]T{guard}, shift+n+70)
	*dst = all[shift : shift+n : shift+n]
	*check = append(*check, func() {
		for i, x := range all {
			if (i < shift || i >= shift+n) && x != guard {
				t.Fatalf("element %d of %d was written", i-shift, n)
			}
		}
	})
	return *dst
}

// requireSameOutput compares bits, NaN as one class.
func requireSameOutput(t testing.TB, c *nvfp4Case, want, got *nvfp4Output) {
	t.Helper()
	for name, x := range map[string][2][]float32{
		"amax": {want.amax, got.amax}, "amaxBF16": {want.amaxBF16, got.amaxBF16},
		"divModelOpt": {want.divModelOpt, got.divModelOpt}, "divDefault": {want.divDefault, got.divDefault},
		"multTE": {want.multTE, got.multTE}, "mult": {want.mult, got.mult},
		"values": {want.values, got.values}, "valuesNegativeZero": {want.valuesNegativeZero, got.valuesNegativeZero},
	} {
		for i, w := range x[0] {
			if g := x[1][i]; math.Float32bits(w) != math.Float32bits(g) && (w == w || g == g) {
				t.Fatalf("%s of %d blocks: %d: got %x (%08x), want %x (%08x)", name, len(c.factor), i, g, math.Float32bits(g), w, math.Float32bits(w))
			}
		}
	}
	for name, x := range map[string][2][]uint16{
		"valuesBF16":             {want.valuesBF16, got.valuesBF16},
		"valuesBF16NegativeZero": {want.valuesBF16NegativeZero, got.valuesBF16NegativeZero},
	} {
		const inf = 0x7F80
		for i, w := range x[0] {
			if g := x[1][i]; w != g && (w&0x7FFF <= inf || g&0x7FFF <= inf) {
				t.Fatalf("%s of %d blocks: %d: got %#x, want %#x for %x", name, len(c.factor), i, g, w, c.factor[i/16])
			}
		}
	}
	for name, x := range map[string][2][]uint8{
		"scalesModelOpt": {want.scalesModelOpt, got.scalesModelOpt}, "scalesDefault": {want.scalesDefault, got.scalesDefault},
		"scalesTE": {want.scalesTE, got.scalesTE},
	} {
		for i, w := range x[0] {
			if g := x[1][i]; w != g {
				t.Fatalf("%s of %d blocks: %d: got %#x, want %#x for %x with %x", name, len(c.factor), i, g, w, c.amax[i], c.a)
			}
		}
	}
	for name, x := range map[string][2][]uint8{
		"codesDiv": {want.codesDiv, got.codesDiv}, "codesDivBF16": {want.codesDivBF16, got.codesDivBF16},
		"codesMul": {want.codesMul, got.codesMul}, "codesMulBF16": {want.codesMul16, got.codesMul16},
	} {
		for i, w := range x[0] {
			if g := x[1][i]; w != g {
				t.Fatalf("%s of %d blocks: byte %d: got %#x, want %#x for %x %x (bf16 %#x %#x) with %x",
					name, len(c.factor), i, g, w, c.src[2*i], c.src[2*i+1], c.bf16[2*i], c.bf16[2*i+1], c.factor[i/8])
			}
		}
	}
}

// hardFloats are values at which formats and arithmetic change.
var hardFloats = func() (xs []float32) {
	for _, u := range []uint32{
		0, 1, 2, 3, 0x007F_FFFF, 0x0080_0000, 0x0080_0001, // subnormals
		0x7F7F_FFFF, 0x7F80_0000, 0x7F80_0001, 0x7FBF_FFFF, 0x7FC0_0000, 0x7FFF_FFFF, // Inf and NaNs
		0x4BFF_FFFF, 0x4C00_0000, 0x4C00_0001, // 2²⁵
	} {
		xs = append(xs, math.Float32frombits(u))
	}
	for _, v := range []float32{0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8,
		0x1p-10, 0x1p-9, 3 * 0x1p-10, 0x1p-6, 448, 464, 480, 2688, 0x1p120, 0x1p-120} {
		u := math.Float32bits(v)
		xs = append(xs, math.Float32frombits(u-1), v, math.Float32frombits(u+1))
	}
	for _, x := range xs {
		xs = append(xs, -x)
	}
	return xs
}()

// newNVFP4Case returns n blocks of one of several kinds of values.
func newNVFP4Case(rng *rand.Rand, n, kind int) *nvfp4Case {
	c := &nvfp4Case{
		src: make([]float32, 16*n), bf16: make([]uint16, 16*n), factor: make([]float32, n), amax: make([]float32, n),
		scales: make([]uint8, n), codes: make([]byte, 8*n),
		a: float32(rng.ExpFloat64()), b: float32(rng.ExpFloat64()),
	}
	hard := func() float32 { return hardFloats[rng.IntN(len(hardFloats))] }
	for i := range c.factor {
		c.factor[i] = float32(rng.ExpFloat64()) * 0.3
		if kind == 1 && rng.IntN(8) == 0 || kind == 2 {
			c.factor[i] = hard()
		}
		if kind == 3 { // so that quotients of subnormals round to 0
			c.factor[i] = math.Float32frombits((127+1)<<23 + rng.Uint32N(25<<23))
		}
		c.amax[i] = c.factor[i] * 6
		if kind > 0 {
			c.amax[i] = float32(math.Abs(float64(hard())))
		}
		c.scales[i] = uint8(rng.Uint32())
	}
	for i := range c.src {
		f := c.factor[i/16]
		switch kind {
		case 0:
			c.src[i] = float32(rng.NormFloat64())
		case 1:
			c.src[i] = float32(f * hard())
		case 2:
			c.src[i] = hard()
		case 3:
			c.src[i] = math.Float32frombits(uint32(f/2) + rng.Uint32N(5) - 2)
			if rng.IntN(2) == 0 {
				c.src[i] = -c.src[i]
			}
		}
		c.bf16[i] = uint16(math.Float32bits(c.src[i]) >> 16)
	}
	for i := range c.codes {
		c.codes[i] = byte(rng.Uint32())
	}
	if kind > 0 {
		c.a, c.b = float32(math.Abs(float64(hard()))), hard()
	}
	return c
}

// TestNVFP4 compares every level with the generic kernels.
func TestNVFP4(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var cases []*nvfp4Case
	for n := range 3*16 + 1 {
		for kind := range 4 {
			cases = append(cases, newNVFP4Case(rng, n, kind))
		}
	}
	for kind := range 4 {
		for range 10 {
			cases = append(cases, newNVFP4Case(rng, kernel.NVFP4Chunk, kind))
		}
	}
	want := make([]nvfp4Output, len(cases))
	restore := kernel.Use(kernel.Generic)
	for i, c := range cases {
		want[i] = c.run(t, 0)
	}
	restore()
	kerneltest.EachLevel(t, func(t *testing.T) {
		for i, c := range cases {
			got := c.run(t, i%4)
			requireSameOutput(t, c, &want[i], &got)
		}
	})
}

// TestE2M1Rules holds what the two encoders make of signs, zeros and NaN.
func TestE2M1Rules(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	negZero := float32(math.Copysign(0, -1))
	x := []float32{0, negZero, 0.1, -0.1, 0.25, -0.25, 0.75, -0.75, inf, -inf, nan, -nan, 1e9, -1e9, math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32}
	div := []byte{0x00, 0x80, 0x80, 0xA2, 0xF7, 0x77, 0xF7, 0x80}
	mul := []byte{0x00, 0x80, 0x80, 0xA2, 0xF7, 0x00, 0xF7, 0x80}
	kerneltest.EachLevel(t, func(t *testing.T) {
		const n = 16
		src, one, two, codes := slices.Repeat(x, n), slices.Repeat([]float32{1}, n), slices.Repeat([]float32{2}, n), make([]byte, 8*n)
		kernel.EncodeE2M1Div(codes, src, one)
		assert.Equal(t, slices.Repeat(div, n), codes)
		kernel.EncodeE2M1Mul(codes, src, one)
		assert.Equal(t, slices.Repeat(mul, n), codes)
		// Half of the smallest number rounds to -0, which is not below 0.
		kernel.EncodeE2M1Div(codes, src, two)
		assert.Equal(t, byte(0x00), codes[7])
		kernel.EncodeE2M1Mul(codes, src, slices.Repeat([]float32{0.5}, n))
		assert.Equal(t, byte(0x00), codes[7])
	})
}

// TestDivThresholds is what the kernels that do not divide rest on: for every
// mantissa of a divisor d, the quotients of the floats around all t·d have the
// codes that division gives. A threshold is one of four mantissas, times a power
// of two; so is d.
func TestDivThresholds(t *testing.T) {
	step := uint32(1)
	if testing.Short() {
		step = 61
	}
	thresholds := [4]float32{0.25, 0.75, 1.25, 1.75}
	const n = kernel.NVFP4Chunk
	src, div := make([]float32, 16*n), make([]float32, n)
	want, got := make([]byte, 8*n), make([]byte, 8*n)
	test := func(t *testing.T, mantissa uint32, exponent uint32) {
		for i := range div {
			d := math.Float32frombits(exponent<<23 | (mantissa+uint32(i)*step)&0x7F_FFFF)
			div[i] = d
			for j := range 16 {
				x := math.Float32bits(float32(thresholds[j/4]*d)) + uint32(j%4) - 2
				src[16*i+j] = math.Float32frombits(x)
			}
		}
		kernel.EncodeE2M1Div(got, src, div)
		restore := kernel.Use(kernel.Generic)
		kernel.EncodeE2M1Div(want, src, div)
		restore()
		if !slices.Equal(want, got) {
			for i := range want {
				require.Equal(t, want[i], got[i], "%x %x / %x", src[2*i], src[2*i+1], div[i/8])
			}
		}
	}
	kerneltest.EachLevel(t, func(t *testing.T) {
		if kernel.Current() == kernel.Generic {
			t.Skip("it divides")
		}
		for m := uint32(0); m < 1<<23; m += n * step {
			test(t, m, 127)
		}
		for exponent := range uint32(255) { // every power of two, and the mantissa of ones
			test(t, 0, exponent)
			test(t, (1<<23-1)-(n-1)*step, exponent)
		}
	})
}

// TestE2M1Streaming compares stores around the caches with ordinary ones, from
// starts that allow them and others that do not, between guards.
func TestE2M1Streaming(t *testing.T) {
	const guard, most = 64, 50
	const size = 16*most + 3*guard
	kerneltest.EachLevel(t, func(t *testing.T) {
		c := newNVFP4Case(rand.New(rand.NewPCG(4, 4)), most, 1)
		want, got := make([]float32, size), make([]float32, size)
		want16, got16 := make([]uint16, size), make([]uint16, size)
		// Both start at a multiple of 64 bytes where shift is 0.
		start := int(-uintptr(unsafe.Pointer(&got[0]))%64)/4 + guard
		start16 := int(-uintptr(unsafe.Pointer(&got16[0]))%64)/2 + guard
		for n := range most + 1 {
			codes, factor := c.codes[:8*n], c.factor[:n]
			for _, shift := range []int{0, 1, 8, 16, 32} {
				for i := range size {
					want[i], got[i], want16[i], got16[i] = 0x1.23p45, 0x1.23p45, 0xA5A5, 0xA5A5
				}
				at, at16 := start+shift, start16+shift
				kernel.DecodeE2M1(want[at:][:16*n], codes, factor, n%2 == 0)
				kernel.DecodeE2M1Streaming(got[at:][:16*n], codes, factor, n%2 == 0)
				kernel.DecodeE2M1BF16(want16[at16:][:16*n], codes, factor, n%2 == 0)
				kernel.DecodeE2M1BF16Streaming(got16[at16:][:16*n], codes, factor, n%2 == 0)
				same := func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }
				if !slices.EqualFunc(want, got, same) || !slices.Equal(want16, got16) {
					t.Fatalf("%d blocks, shifted by %d", n, shift)
				}
			}
		}
	})
}

func TestNVFP4Allocs(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		c := newNVFP4Case(rand.New(rand.NewPCG(2, 2)), 40, 0)
		out, outBF16 := make([]float32, 16*40), make([]uint16, 16*40)
		assert.Zero(t, testing.AllocsPerRun(10, func() {
			kernel.BlockAMax(c.amax, c.src)
			kernel.ScalesModelOpt(c.scales, c.factor, c.amax, 1, true)
			kernel.EncodeE2M1Div(c.codes, c.src, c.factor)
			kernel.BlockMultipliers(c.factor, c.scales, 1, 1)
			kernel.DecodeE2M1(out, c.codes, c.factor, true)
			kernel.DecodeE2M1BF16Streaming(outBF16, c.codes, c.factor, true)
		}))
	})
}

func FuzzNVFP4(f *testing.F) {
	for kind := range 4 {
		c := newNVFP4Case(rand.New(rand.NewPCG(3, uint64(kind))), 9, kind)
		var data []byte
		for i, x := range c.src {
			if i%16 == 0 {
				data = binary.LittleEndian.AppendUint32(data, math.Float32bits(c.factor[i/16]))
			}
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
		}
		f.Add(data, math.Float32bits(c.a))
	}
	f.Fuzz(func(t *testing.T, data []byte, a uint32) {
		const bytes = 4 * 17
		n := min(len(data)/bytes, kernel.NVFP4Chunk)
		c := newNVFP4Case(rand.New(rand.NewPCG(uint64(a), 4)), n, 0)
		c.a, c.b = math.Float32frombits(a&^(1<<31)), math.Float32frombits(a<<7|a>>25)
		for i := range n {
			word := func(k int) uint32 { return binary.LittleEndian.Uint32(data[i*bytes+4*k:]) }
			c.factor[i] = math.Float32frombits(word(0))
			c.amax[i] = math.Float32frombits(word(0) &^ (1 << 31))
			for j := range 16 {
				c.src[16*i+j] = math.Float32frombits(word(j + 1))
				c.bf16[16*i+j] = uint16(word(j + 1))
			}
			c.scales[i] = data[i*bytes]
			copy(c.codes[8*i:], data[i*bytes+4:][:8])
		}
		restore := kernel.Use(kernel.Generic)
		want := c.run(t, 0)
		restore()
		for _, l := range kernel.Levels() {
			restore := kernel.Use(l)
			got := c.run(t, int(a%4))
			restore()
			requireSameOutput(t, c, &want, &got)
		}
	})
}
