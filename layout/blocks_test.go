package layout_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/fp4"
	"github.com/trueup-rl/trueup/fp8"
	"github.com/trueup-rl/trueup/internal/golden"
	"github.com/trueup-rl/trueup/internal/safetensors"
	"github.com/trueup-rl/trueup/layout"
)

func randomBytes(rng *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

// nibble returns code i of codes in pairs.
func nibble(codes []byte, i int) byte { return codes[i/2] >> (4 * (i % 2)) & 15 }

func TestNibbles(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{16, 32} {
		pairs := randomBytes(rng, 5*n/2)
		want := make([]byte, len(pairs))
		for block := 0; block < len(pairs); block += n / 2 {
			for j := range n / 2 {
				want[block+j] = nibble(pairs[block:], j) | nibble(pairs[block:], j+n/2)<<4
			}
		}
		got := bytes.Clone(pairs)
		layout.PairsToHalves(got, got, n) // in place
		assert.Equal(t, want, got)
		layout.HalvesToPairs(got, got, n)
		assert.Equal(t, pairs, got)
	}
	assert.Panics(t, func() { layout.PairsToHalves(make([]byte, 8), make([]byte, 8), 8) })
	assert.Panics(t, func() { layout.PairsToHalves(make([]byte, 8), make([]byte, 16), 16) })
	assert.Panics(t, func() { layout.HalvesToPairs(make([]byte, 12), make([]byte, 12), 16) })
}

// values decodes a block literally, as the peer's source does.
var values = map[layout.Blocks]func(block []byte) (x [64]float64){
	layout.GGMLNVFP4: func(block []byte) (x [64]float64) {
		for s, scale := range block[:4] {
			d := float64(fp8.E4M3FromBits(scale).Float32()) / 2
			for j := range 8 {
				q := block[4+8*s+j]
				x[16*s+j], x[16*s+j+8] = d*doubled(q&15), d*doubled(q>>4)
			}
		}
		return x
	},
	layout.GGMLMXFP4: func(block []byte) (x [64]float64) {
		d := math.Ldexp(1, int(block[0])-128)
		for j, q := range block[1:] {
			x[j], x[j+16] = d*doubled(q&15), d*doubled(q>>4)
		}
		return x
	},
	layout.FBGEMMMX4: func(block []byte) (x [64]float64) {
		d := math.Ldexp(1, int(block[16])-128)
		for j, q := range block[:16] {
			x[2*j], x[2*j+1] = d*doubled(q&15), d*doubled(q>>4)
		}
		return x
	},
}

// doubled is twice the value of a code.
func doubled(code byte) float64 {
	return math.Copysign([]float64{0, 1, 2, 3, 4, 6, 8, 12}[code&7], 7.5-float64(code))
}

// peerFiles are block-formatted golden vectors.
var peerFiles = map[string]layout.Blocks{
	"nvfp4/ggml_block_nvfp4.safetensors":            layout.GGMLNVFP4,
	"mx/ggml_block_mxfp4.safetensors":               layout.GGMLMXFP4,
	"mx/fbgemm_py_quantize_mx4_floor.safetensors":   layout.FBGEMMMX4,
	"mx/fbgemm_py_quantize_mx4_ceil.safetensors":    layout.FBGEMMMX4,
	"mx/fbgemm_py_quantize_mx4_nearest.safetensors": layout.FBGEMMMX4,
	"mx/fbgemm_py_quantize_mx4_even.safetensors":    layout.FBGEMMMX4,
}

// TestSplitPeers takes the peers' blocks apart, decodes what results in the usual order, and compares
// with a literal decoding of the blocks, and that with what the peer was given.
func TestSplitPeers(t *testing.T) {
	for name, format := range peerFiles {
		t.Run(name, func(t *testing.T) {
			path := golden.Dir(t, "formats/"+name)
			file, err := safetensors.Open(path)
			require.NoError(t, err)
			inputs, err := safetensors.Open(filepath.Join(filepath.Dir(path), "inputs.safetensors"))
			require.NoError(t, err)
			close, far := 0, 0
			for i, key := range file.Names() {
				if testing.Short() && i%8 != 1 {
					continue
				}
				src, err := file.U8(key)
				require.NoError(t, err)
				x, err := inputs.F32(filepath.Dir(key))
				checkSplit(t, format, src)
				if err != nil {
					continue // a case in BF16
				}
				for i, want := range x {
					block := src[i/format.Values()*format.Bytes():][:format.Bytes()]
					got, unit := values[format](block)[i%format.Values()], 0.0
					for _, v := range values[format](block) {
						unit = max(unit, math.Abs(v))
					}
					if math.Abs(got-float64(want)) <= unit/5 { // half a step near the largest is a sixth
						close++
					} else {
						far++
					}
				}
			}
			// Without a tensor scale, NVFP4 flushes or saturates some cases.
			assert.Greater(t, close, 4*far, "values near those they were made of")
		})
	}
}

// checkSplit takes blocks apart, compares the values with values, and joins them again.
func checkSplit(t *testing.T, format layout.Blocks, src []byte) {
	t.Helper()
	n := len(src) / format.Bytes()
	codes, scales := make([]byte, n*format.Values()/2), make([]byte, n*format.Scales())
	require.NoError(t, layout.Split(codes, scales, src, format))
	for b := range n {
		want := values[format](src[b*format.Bytes():][:format.Bytes()])
		for i := range format.Values() {
			at := b*format.Values() + i
			scale := scales[at*format.Scales()/format.Values()]
			if scale == 0xFF || format == layout.GGMLNVFP4 && scale == 0x7F {
				continue // a NaN here, not in ggml
			}
			s := float64(fp8.E4M3FromBits(scale).Float32())
			if format != layout.GGMLNVFP4 {
				s = float64(fp8.E8M0FromBits(scale).Float32())
			}
			got := float64(fp4.FromBits(nibble(codes, at)).Float32()) * s
			require.Equal(t, want[i], got, "block %d value %d", b, i)
		}
	}
	back := make([]byte, len(src))
	layout.Join(back, codes, scales, format)
	require.Equal(t, src, back)
}

func TestSplitLengths(t *testing.T) {
	codes, scales := make([]byte, 64), make([]fp8.E8M0, 4)
	err := layout.Split(codes, scales, make([]byte, 4*17-1), layout.GGMLMXFP4)
	assert.EqualError(t, err, "layout: 67 bytes for 128 values in ggml-mxfp4 blocks, want 68")
	assert.Panics(t, func() { _ = layout.Split(codes, scales[:3], make([]byte, 51), layout.GGMLMXFP4) })
	assert.Panics(t, func() { _ = layout.Split(codes[:63], scales, make([]byte, 68), layout.GGMLMXFP4) })
	assert.Panics(t, func() { layout.Join(make([]byte, 67), codes, scales, layout.GGMLMXFP4) })
	assert.Panics(t, func() { layout.Join(make([]byte, 68), codes[:16], scales, layout.GGMLMXFP4) })
	assert.NoError(t, layout.Split(nil, []byte(nil), nil, layout.GGMLNVFP4), "no block")
}

func TestBlocksDoNotAllocate(t *testing.T) {
	for f := layout.GGMLNVFP4; f <= layout.FBGEMMMX4; f++ {
		codes, scales, dst := make([]byte, 10*f.Values()/2), make([]byte, 10*f.Scales()), make([]byte, 10*f.Bytes())
		assert.Zero(t, testing.AllocsPerRun(10, func() {
			layout.Join(dst, codes, scales, f)
			_ = layout.Split(codes, scales, dst, f)
		}))
	}
}

func FuzzSplit(f *testing.F) {
	f.Add(uint8(0), make([]byte, 72))
	f.Add(uint8(1), bytes.Repeat([]byte{0xFF}, 34))
	f.Add(uint8(2), []byte("seventeen bytes.."))
	f.Fuzz(func(t *testing.T, format uint8, src []byte) {
		b := layout.Blocks(format % 3)
		n := len(src) / b.Bytes()
		codes, scales := make([]byte, n*b.Values()/2), make([]byte, n*b.Scales())
		err := layout.Split(codes, scales, src, b)
		require.Equal(t, len(src)%b.Bytes() == 0, err == nil)
		checkSplit(t, b, src[:n*b.Bytes()])
	})
}
