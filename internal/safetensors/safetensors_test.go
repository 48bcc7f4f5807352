package safetensors_test

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/internal/golden"
	"github.com/trueup-rl/trueup/internal/safetensors"
)

func file(header, body string) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), body...)
}

func TestParse(t *testing.T) {
	f, err := safetensors.Parse(file(
		`{"__metadata__":{"by":"hand"},`+
			`"w":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},`+
			`"h":{"shape":[2],"data_offsets":[0,4],"dtype":"BF16"},`+
			`"none":{"dtype":"U8","shape":[0,3],"data_offsets":[8,8]},`+
			`"scalar":{"dtype":"I32","shape":[],"data_offsets":[8,12]}}   `,
		"\x00\x00\x80\x3f\x00\x00\xc0\x7f\xfe\xff\xff\xff"))
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"by": "hand"}, f.Metadata)
	assert.Equal(t, []string{"h", "none", "scalar", "w"}, f.Names())

	w, ok := f.Tensor("w")
	require.True(t, ok)
	assert.Equal(t, "F32", w.DType)
	assert.Equal(t, []int{2, 1}, w.Shape)
	assert.Len(t, w.Data, 8)
	assert.Equal(t, 8, cap(w.Data), "an append must not reach the next tensor")
	_, ok = f.Tensor("absent")
	assert.False(t, ok)

	values, err := f.F32("w")
	require.NoError(t, err)
	assert.Equal(t, float32(1), values[0])
	assert.Equal(t, uint32(0x7FC00000), math.Float32bits(values[1]))
	bits, err := f.BF16("h")
	require.NoError(t, err)
	assert.Equal(t, []uint16{0, 0x3F80}, bits)
	ints, err := f.I32("scalar")
	require.NoError(t, err)
	assert.Equal(t, []int32{-2}, ints)
	none, err := f.U8("none")
	require.NoError(t, err)
	assert.Empty(t, none)

	_, err = f.F32("scalar")
	assert.EqualError(t, err, `safetensors: tensor "scalar": type I32, not F32`)
	_, err = f.F32("absent")
	assert.EqualError(t, err, `safetensors: no tensor "absent"`)
}

func TestTypes(t *testing.T) {
	f, err := safetensors.Parse(file(
		`{"f64":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},"i64":{"dtype":"I64","shape":[1],"data_offsets":[8,16]},`+
			`"u16":{"dtype":"U16","shape":[2],"data_offsets":[8,12]},"u32":{"dtype":"U32","shape":[1],"data_offsets":[8,12]}}`,
		"\x00\x00\x00\x00\x00\x00\xf8\xbf\xfe\xff\xff\xff\xff\xff\xff\xff"))
	require.NoError(t, err)
	f64, err := f.F64("f64")
	require.NoError(t, err)
	assert.Equal(t, []float64{-1.5}, f64)
	i64, err := f.I64("i64")
	require.NoError(t, err)
	assert.Equal(t, []int64{-2}, i64)
	u16, err := f.U16("u16")
	require.NoError(t, err)
	assert.Equal(t, []uint16{0xFFFE, 0xFFFF}, u16)
	u32, err := f.U32("u32")
	require.NoError(t, err)
	assert.Equal(t, []uint32{0xFFFFFFFE}, u32)
}

func TestParseRejects(t *testing.T) {
	tensor := func(desc string) string { return `{"w":{` + desc + `}}` }
	for name, c := range map[string]struct{ header, want string }{
		"no object":       {`[]`, "belongs"},
		"empty":           {``, "EOF"},
		"cut":             {`{"w":{"dtype":"U8"`, "EOF"},
		"text after":      {`{} x`, "after the header"},
		"twice":           {`{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, `"w" occurs twice`},
		"dtype twice":     {tensor(`"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]`), `"dtype" occurs twice`},
		"metadata twice":  {`{"__metadata__":{"a":"b","a":"c"}}`, `"a" occurs twice`},
		"metadata number": {`{"__metadata__":{"a":1}}`, "metadata"},
		"unknown key":     {tensor(`"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1`), `"w": unknown key`},
		"key case":        {tensor(`"DType":"U8","shape":[1],"data_offsets":[0,1]`), `"w": unknown key`},
		"no dtype":        {tensor(`"shape":[1],"data_offsets":[0,1]`), `"w": needs`},
		"no shape":        {tensor(`"dtype":"U8","data_offsets":[0,1]`), `"w": needs`},
		"null shape":      {tensor(`"dtype":"U8","shape":null,"data_offsets":[0,1]`), `"w"`},
		"null dimension":  {tensor(`"dtype":"U8","shape":[null],"data_offsets":[0,1]`), `"w"`},
		"fraction":        {tensor(`"dtype":"U8","shape":[1.0],"data_offsets":[0,1]`), `"w": 1.0`},
		"negative":        {tensor(`"dtype":"U8","shape":[-1],"data_offsets":[0,1]`), `"w": -1`},
		"unknown dtype":   {tensor(`"dtype":"F4","shape":[1],"data_offsets":[0,1]`), `"w": unknown dtype`},
		"three offsets":   {tensor(`"dtype":"U8","shape":[1],"data_offsets":[0,1,2]`), `"w": needs`},
		"offsets swapped": {tensor(`"dtype":"U8","shape":[0],"data_offsets":[1,0]`), `"w": offsets`},
		"offset past end": {tensor(`"dtype":"U8","shape":[5],"data_offsets":[0,5]`), `"w": offsets`},
		"huge offset":     {tensor(`"dtype":"U8","shape":[1],"data_offsets":[18446744073709551615,0]`), `"w": offsets`},
		"wrong size":      {tensor(`"dtype":"U8","shape":[2],"data_offsets":[0,4]`), `"w": 4 bytes`},
		"wrapping shape":  {tensor(`"dtype":"U8","shape":[4294967296,4294967296,4],"data_offsets":[0,4]`), `"w": shape`},
		"wrapping type":   {tensor(`"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]`), `"w": shape`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := safetensors.Parse(file(c.header, "\x01\x02\x03\x04"))
			require.Error(t, err)
			assert.True(t, strings.HasPrefix(err.Error(), "safetensors: "), err)
			assert.Contains(t, err.Error(), c.want)
		})
	}

	for name, data := range map[string]string{
		"no length":    "\x02\x00",
		"cut header":   "\x03\x00\x00\x00\x00\x00\x00\x00{}",
		"over the cap": "\x01\xe1\xf5\x05\x00\x00\x00\x00{}",
		"huge length":  "\xff\xff\xff\xff\xff\xff\xff\xff{}",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := safetensors.Parse([]byte(data))
			require.Error(t, err)
		})
	}
}

func TestOpen(t *testing.T) {
	f, err := safetensors.Open(golden.Dir(t, "formats/elem/decode_tables.safetensors"))
	require.NoError(t, err)
	table, err := f.U32("e4m3fn/torch_f32_bits")
	require.NoError(t, err)
	require.Len(t, table, 256)
	assert.Equal(t, math.Float32bits(448), table[0x7E])

	dir := t.TempDir()
	_, err = safetensors.Open(filepath.Join(dir, "absent"))
	require.ErrorIs(t, err, os.ErrNotExist)
	bad := filepath.Join(dir, "bad")
	require.NoError(t, os.WriteFile(bad, []byte("x"), 0o644))
	_, err = safetensors.Open(bad)
	require.ErrorContains(t, err, bad)
}

func FuzzParse(f *testing.F) {
	f.Add(file(`{"w":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]},"__metadata__":{"a":"b"}}`, "abcd"))
	f.Add(file(`{"w":{"dtype":"U8","shape":[],"data_offsets":[3,4]}}  `, "abcd"))
	f.Add(file(`{"w":{"dtype":"F64","shape":[0],"data_offsets":[4,4]}}`, "abcd"))
	f.Fuzz(func(t *testing.T, data []byte) {
		parsed, err := safetensors.Parse(data)
		if err != nil {
			return
		}
		for _, name := range parsed.Names() {
			tensor, ok := parsed.Tensor(name)
			require.True(t, ok)
			count := 1
			for _, d := range tensor.Shape {
				count *= d
			}
			if values, err := parsed.F32(name); err == nil {
				require.Len(t, values, count)
			}
			if values, err := parsed.U8(name); err == nil {
				require.Len(t, values, count)
			}
		}
	})
}
