package layout_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/fp8"
	"github.com/trueup-rl/trueup/internal/golden"
	"github.com/trueup-rl/trueup/internal/kernel/kerneltest"
	"github.com/trueup-rl/trueup/internal/safetensors"
	"github.com/trueup-rl/trueup/layout"
)

// swizzled says which order each tensor of the golden files is in. formula_8x4 is an offset formula,
// evaluated, not a peer's output.
var swizzled = map[string]layout.Order{
	"torchao_to_blocked":     layout.Tiles128x4,
	"fouroversix_to_blocked": layout.Tiles128x4,
	"formula_8x4":            layout.Tiles8x4,
}

func TestGolden(t *testing.T) {
	golden.EachFile(t, "swizzle", func(t *testing.T, _ string, file *safetensors.File) {
		for _, key := range file.Names() {
			c, peer, _ := strings.Cut(key, "/")
			if peer == "linear" {
				continue
			}
			t.Run(key, func(t *testing.T) {
				order, ok := swizzled[peer]
				require.True(t, ok, "no order is known for this layout: add it to swizzled")
				linear, ok := file.Tensor(c + "/linear")
				require.True(t, ok, "no scales to make this of")
				require.Len(t, linear.Shape, 2)
				rows, cols := linear.Shape[0], linear.Shape[1]
				want, err := file.U8(key)
				require.NoError(t, err)
				require.Len(t, want, order.Size(rows, cols))
				kerneltest.EachLevel(t, func(t *testing.T) {
					got := bytes.Repeat([]byte{0xA5}, len(want))
					layout.Swizzle(got, linear.Data, rows, cols, order)
					assert.Equal(t, want, got)
					back := make([]byte, len(linear.Data))
					require.NoError(t, layout.Unswizzle(back, want, rows, cols, order))
					assert.Equal(t, linear.Data, back)
				})
			})
		}
	})
}

// TestSwizzledScales holds torchao's swizzled scales against its linear ones.
func TestSwizzledScales(t *testing.T) {
	open := func(name string) *safetensors.File {
		file, err := safetensors.Open(golden.Dir(t, "formats/nvfp4/"+name+".safetensors"))
		require.NoError(t, err)
		return file
	}
	swizzled, linear := open("torchao_NVFP4Tensor_swizzled_scales"), open("torchao_NVFP4Tensor_two_level")
	for _, key := range swizzled.Names() {
		c, ok := strings.CutSuffix(key, "/scale_swizzled")
		if !ok {
			continue
		}
		scales, ok := linear.Tensor(c + "/scale_e4m3")
		require.True(t, ok, c)
		require.Len(t, scales.Shape, 2)
		want, err := swizzled.U8(key)
		require.NoError(t, err)
		rows, cols := scales.Shape[0], scales.Shape[1]
		got := make([]byte, layout.Tiles128x4.Size(rows, cols))
		layout.Swizzle(got, scales.Data, rows, cols, layout.Tiles128x4)
		assert.Equal(t, want, got, c)
	}
}

func TestSize(t *testing.T) {
	for _, c := range []struct {
		rows, cols              int
		linear, tiles, tiles8x4 int
	}{
		{0, 0, 0, 0, 0},
		{0, 5, 0, 0, 0},
		{5, 0, 0, 0, 0},
		{1, 1, 1, 512, 32},
		{128, 4, 512, 512, 512},
		{129, 5, 645, 2048, 1088},
	} {
		assert.Equal(t, c.linear, layout.Linear.Size(c.rows, c.cols))
		assert.Equal(t, c.tiles, layout.Tiles128x4.Size(c.rows, c.cols))
		assert.Equal(t, c.tiles8x4, layout.Tiles8x4.Size(c.rows, c.cols))
	}
	assert.PanicsWithValue(t, "layout: negative size", func() { layout.Linear.Size(-1, 1) })
	assert.PanicsWithValue(t, "layout: negative size", func() { layout.Tiles8x4.Size(1, -1) })
	assert.PanicsWithValue(t, "layout: size overflows", func() { layout.Linear.Size(math.MaxInt, 2) })
	assert.PanicsWithValue(t, "layout: size overflows", func() { layout.Tiles128x4.Size(1, math.MaxInt) })
	assert.PanicsWithValue(t, "layout: unknown order", func() { layout.Order(9).Size(1, 1) })
}

func TestSwizzleLengths(t *testing.T) {
	scales, tiles := make([]fp8.E4M3, 6), make([]fp8.E4M3, 512)
	layout.Swizzle(tiles, scales, 2, 3, layout.Tiles128x4)
	assert.Panics(t, func() { layout.Swizzle(tiles[:511], scales, 2, 3, layout.Tiles128x4) })
	assert.Panics(t, func() { layout.Swizzle(tiles, scales[:5], 2, 3, layout.Tiles128x4) })
	assert.Panics(t, func() { _ = layout.Unswizzle(scales[:5], tiles, 2, 3, layout.Tiles128x4) })

	err := layout.Unswizzle(scales, tiles[:511], 2, 3, layout.Tiles128x4)
	assert.EqualError(t, err, "layout: 511 bytes for 2 × 3 scales in the order 128x4, want 512")

	for o := layout.Linear; o <= layout.Tiles8x4; o++ { // nothing, in many rows
		layout.Swizzle([]byte{}, []byte{}, math.MaxInt, 0, o)
		assert.NoError(t, layout.Unswizzle([]byte{}, []byte{}, math.MaxInt, 0, o))
	}
}

func TestSwizzleDoesNotAllocate(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	src := make([]fp8.E8M0, 200*37)
	for i := range src {
		src[i] = fp8.E8M0(rng.Uint32())
	}
	back := make([]fp8.E8M0, len(src))
	for o := layout.Linear; o <= layout.Tiles8x4; o++ {
		dst := make([]fp8.E8M0, o.Size(200, 37))
		assert.Zero(t, testing.AllocsPerRun(10, func() {
			layout.Swizzle(dst, src, 200, 37, o)
			_ = layout.Unswizzle(back, dst, 200, 37, o)
		}))
		assert.Equal(t, src, back)
	}
}

// texts checks the names of an enumeration's n constants.
func texts[T interface {
	~uint8
	String() string
	MarshalText() ([]byte, error)
}](t *testing.T, n T, parse func(string) (T, error)) {
	for v := range n {
		text, err := v.MarshalText()
		require.NoError(t, err)
		assert.Equal(t, v.String(), string(text))
		back, err := parse(string(text))
		require.NoError(t, err)
		assert.Equal(t, v, back)
	}
	_, err := n.MarshalText()
	assert.Error(t, err)
	assert.Contains(t, n.String(), "(")
	_, err = parse("no such thing")
	assert.ErrorContains(t, err, `layout: unknown`)
}

func TestNames(t *testing.T) {
	texts(t, layout.Tiles8x4+1, layout.ParseOrder)
	texts(t, layout.FBGEMMMX4+1, layout.ParseBlocks)
	texts(t, layout.AMax+1, layout.ParseConvention)

	var o layout.Order
	require.NoError(t, o.UnmarshalText([]byte("8x4")))
	assert.Equal(t, layout.Tiles8x4, o)
	var b layout.Blocks
	require.NoError(t, b.UnmarshalText([]byte("ggml-mxfp4")))
	assert.Equal(t, layout.GGMLMXFP4, b)
	var c layout.Convention
	require.NoError(t, c.UnmarshalText([]byte("divisor")))
	assert.Equal(t, layout.Divisor, c)
}
