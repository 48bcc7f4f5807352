package kernel_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/trueup-rl/trueup/internal/kernel"
	"github.com/trueup-rl/trueup/internal/kernel/kerneltest"
)

// mxCase holds inputs of the MX kernels for some number of blocks.
type mxCase struct {
	src    []float32
	bf16   []uint16
	amax   []float32 // two a block
	factor []float32 // two a block; positive, or any if nan
	nan    bool
	scales []uint8
	codes  []uint8 // a byte a value
	rule   *kernel.MXScale
}

// mxOutput is what the kernels make of a case.
type mxOutput struct {
	nan    bool
	floats map[string][]float32
	bytes  map[string][]uint8
}

// run runs every kernel, outputs and inputs begin shift elements into their
// memory. It fails if a kernel writes outside of its outputs.
func (c *mxCase) run(t testing.TB, shift int) mxOutput {
	n := len(c.scales)
	at := func(x []float32) []float32 { return append(make([]float32, shift, shift+len(x)), x...)[shift:] }
	src, amax, factor := at(c.src), at(c.amax), at(c.factor)
	bf16 := append(make([]uint16, shift), c.bf16...)[shift:]
	scales, codes := append(make([]uint8, shift), c.scales...)[shift:], append(make([]uint8, shift), c.codes...)[shift:]

	o := mxOutput{floats: map[string][]float32{}, bytes: map[string][]uint8{}}
	var check []func()
	floats := func(n int, name string) []float32 {
		var x []float32
		guarded(t, &check, n, shift, 0x1.23p45, &x)
		o.floats[name] = x
		return x
	}
	bytes := func(n int, name string) []uint8 {
		var x []uint8
		guarded(t, &check, n, shift, 0xA5, &x)
		o.bytes[name] = x
		return x
	}
	o.nan = kernel.MXScales(bytes(n, "scales"), floats(2*n, "factor"), amax, c.rule)
	kernel.MXMultipliers(floats(2*n, "multipliers"), scales)
	kernel.EncodeMXE2M1(bytes(16*n, "e2m1"), src, factor, c.nan)
	kernel.EncodeMXE2M1BF16(bytes(16*n, "e2m1 of bf16"), bf16, factor, c.nan)
	kernel.EncodeMXE4M3(bytes(32*n, "e4m3"), src, factor, c.nan)
	kernel.EncodeMXE4M3BF16(bytes(32*n, "e4m3 of bf16"), bf16, factor, c.nan)
	kernel.EncodeMXE5M2(bytes(32*n, "e5m2"), src, factor, c.nan)
	kernel.EncodeMXE5M2BF16(bytes(32*n, "e5m2 of bf16"), bf16, factor, c.nan)
	mult := o.floats["multipliers"]
	kernel.DecodeMXE4M3(floats(32*n, "values of e4m3"), codes, mult)
	kernel.DecodeMXE5M2(floats(32*n, "values of e5m2"), codes, mult)
	for _, f := range check {
		f()
	}
	return o
}

// requireSame compares bits, NaN as one class.
func (want *mxOutput) requireSame(t testing.TB, got *mxOutput) {
	t.Helper()
	if want.nan != got.nan {
		t.Fatalf("nan: got %v, want %v", got.nan, want.nan)
	}
	for name, x := range want.floats {
		for i, w := range x {
			if g := got.floats[name][i]; math.Float32bits(w) != math.Float32bits(g) && (w == w || g == g) {
				t.Fatalf("%s %d of %d: got %x, want %x", name, i, len(x), g, w)
			}
		}
	}
	for name, x := range want.bytes {
		for i, w := range x {
			if g := got.bytes[name][i]; w != g {
				t.Fatalf("%s %d of %d: got %#x, want %#x", name, i, len(x), g, w)
			}
		}
	}
}

// newMXCase returns n blocks of one of several kinds of values.
func newMXCase(rng *rand.Rand, n, kind int) *mxCase {
	c := &mxCase{
		src: make([]float32, 32*n), bf16: make([]uint16, 32*n), amax: make([]float32, 2*n), factor: make([]float32, 2*n),
		scales: make([]uint8, n), codes: make([]uint8, 32*n), nan: kind == 3,
		rule: &kernel.MXScale{Zero: 0x1p126, NaN: float32(kind) / 2},
	}
	for e := range c.rule.Steps {
		c.rule.Steps[e] = uint32(min(max(e-8, 0), 254))<<23 + rng.Uint32N(1<<23)
	}
	hard := func() float32 {
		for {
			if x := hardFloats[rng.IntN(len(hardFloats))]; x == x || kind == 3 {
				return x
			}
		}
	}
	for i := range c.factor {
		c.factor[i] = float32(math.Ldexp(1, rng.IntN(6)-3))
		c.amax[i] = float32(rng.ExpFloat64())
		switch kind {
		case 1, 2:
			c.factor[i] = math.Float32frombits(max(rng.Uint32N(255)<<23, 1<<22))
			c.amax[i] = float32(math.Abs(float64(hard())))
		case 3:
			c.factor[i] = hard()
			c.amax[i] = float32(math.Abs(float64(hard())))
		}
	}
	for i := range c.src {
		c.src[i] = float32(rng.NormFloat64()) / c.factor[i/16]
		switch kind {
		case 1:
			c.src[i] = hard() / c.factor[i/16]
		case 2, 3:
			c.src[i] = hard()
		}
		c.bf16[i] = uint16(math.Float32bits(c.src[i]) >> 16)
		c.codes[i] = uint8(rng.Uint32())
	}
	for i := range c.scales {
		c.scales[i] = uint8(rng.Uint32())
		if kind > 0 {
			c.scales[i] = uint8(rng.IntN(4)) - 2
		}
	}
	return c
}

// TestMX compares every level with the generic kernels.
func TestMX(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 1))
	var cases []*mxCase
	for n := range 3*8 + 2 {
		for kind := range 4 {
			cases = append(cases, newMXCase(rng, n, kind))
		}
	}
	for kind := range 4 {
		for range 10 {
			cases = append(cases, newMXCase(rng, kernel.MXChunk, kind))
		}
	}
	want := make([]mxOutput, len(cases))
	restore := kernel.Use(kernel.Generic)
	for i, c := range cases {
		want[i] = c.run(t, 0)
	}
	restore()
	kerneltest.EachLevel(t, func(t *testing.T) {
		for i, c := range cases {
			got := c.run(t, i%4)
			want[i].requireSame(t, &got)
		}
	})
}

// TestMXMidpoints compares the encoders with those of a single value at the floats
// around all code values and midpoints.
func TestMXMidpoints(t *testing.T) {
	var x []float32
	for c := range uint8(0x7E) {
		for _, v := range []float32{
			kernel.E4M3ToFloat32(c), (kernel.E4M3ToFloat32(c) + kernel.E4M3ToFloat32(c+1)) / 2,
			kernel.E5M2ToFloat32(c), (kernel.E5M2ToFloat32(c) + kernel.E5M2ToFloat32(c+1)) / 2,
			kernel.E2M1ToFloat32(c & 7), (kernel.E2M1ToFloat32(c&7) + kernel.E2M1ToFloat32(c&7+1)) / 2,
		} {
			for d := range uint32(5) {
				if f := math.Float32frombits(math.Float32bits(v) + d - 2); f == f && v-v == 0 {
					x = append(x, f, -f)
				}
			}
		}
	}
	for len(x)%kernel.MXBlock != 0 {
		x = append(x, 0)
	}
	kerneltest.EachLevel(t, func(t *testing.T) {
		for _, factor := range []float32{1, 0x1p100, 0x1p-100} {
			scaled, f, codes := make([]float32, len(x)), make([]float32, len(x)/16), make([]uint8, len(x))
			for i := range x {
				scaled[i] = x[i] / factor
				f[i/16] = factor
			}
			kernel.EncodeMXE4M3(codes, scaled, f, false)
			for i := range x {
				if w := kernel.E4M3FromFloat32(scaled[i] * factor); codes[i] != w {
					t.Fatalf("e4m3 %x: got %#x, want %#x", x[i], codes[i], w)
				}
			}
			kernel.EncodeMXE5M2(codes, scaled, f, false)
			for i := range x {
				if w := kernel.E5M2FromFloat32(scaled[i] * factor); codes[i] != w {
					t.Fatalf("e5m2 %x: got %#x, want %#x", x[i], codes[i], w)
				}
			}
			kernel.EncodeMXE2M1(codes[:len(x)/2], scaled, f, false)
			for i := range x {
				if w := kernel.E2M1FromFloat32(scaled[i] * factor); codes[i/2]>>(i%2*4)&0xF != w {
					t.Fatalf("e2m1 %x: got %#x, want %#x", x[i], codes[i/2]>>(i%2*4)&0xF, w)
				}
			}
		}
	})
}

func TestMXAllocs(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		c := newMXCase(rand.New(rand.NewPCG(2, 2)), 40, 0)
		assert.Zero(t, testing.AllocsPerRun(10, func() {
			kernel.MXScales(c.scales, c.factor, c.amax, c.rule)
			kernel.EncodeMXE4M3(c.codes, c.src, c.factor, false)
			kernel.MXMultipliers(c.factor, c.scales)
			kernel.DecodeMXE4M3(c.src, c.codes, c.factor)
		}))
	})
}

func FuzzMX(f *testing.F) {
	for kind := range 4 {
		c := newMXCase(rand.New(rand.NewPCG(3, uint64(kind))), 9, kind)
		var data []byte
		for _, x := range c.src {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
		}
		f.Add(data, uint64(kind))
	}
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		n := min(len(data)/(4*32), kernel.MXChunk)
		c := newMXCase(rand.New(rand.NewPCG(seed, 4)), n, 3)
		c.nan = seed%2 == 0
		for i := range c.src {
			x := math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
			if f := &c.factor[i/16]; !c.nan {
				if x != x {
					x = 1
				}
				if *f = math.Float32frombits(math.Float32bits(*f) &^ (1 << 31)); !(*f > 0 && *f-*f == 0) {
					*f = 1
				}
			}
			c.src[i] = x
			c.bf16[i] = uint16(math.Float32bits(x) >> 16)
			c.codes[i] = data[4*i]
			c.scales[i/32] = data[4*i+1]
			c.amax[i/16] = float32(math.Abs(float64(x)))
		}
		if !c.nan { // the upper half of a finite float may be infinite, but no NaN
			for i, b := range c.bf16 {
				if b&0x7FFF > 0x7F80 {
					c.bf16[i] = 0
				}
			}
		}
		restore := kernel.Use(kernel.Generic)
		want := c.run(t, 0)
		restore()
		for _, l := range kernel.Levels() {
			restore := kernel.Use(l)
			got := c.run(t, int(seed%4))
			restore()
			want.requireSame(t, &got)
		}
	})
}
