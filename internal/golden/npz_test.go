package golden_test

import (
	"archive/zip"
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/internal/golden"
)

// npy is a version 1 file as NumPy writes it: header padded with spaces to a multiple of 64.
func npy(dict, data string) string {
	head := dict
	for (10+len(head)+1)%64 != 0 {
		head += " "
	}
	head += "\n"
	return "\x93NUMPY\x01\x00" + string([]byte{byte(len(head)), byte(len(head) >> 8)}) + head + data
}

func npz(tb testing.TB, members ...[2]string) []byte {
	var buf bytes.Buffer
	zw := zip.NewWriter(&buf)
	for _, m := range members {
		w, err := zw.Create(m[0])
		require.NoError(tb, err)
		_, err = w.Write([]byte(m[1]))
		require.NoError(tb, err)
	}
	require.NoError(tb, zw.Close())
	return buf.Bytes()
}

func TestParseNPZ(t *testing.T) {
	arrays, err := golden.ParseNPZ(npz(t,
		[2]string{"f.npy", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }", "\x00\x00\x80\x3f\x00\x00\xc0\x7f")},
		[2]string{"u.npy", npy("{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }", "\x01\x02\xff")},
		[2]string{"i.npy", npy("{'descr': '<i4', 'fortran_order': False, 'shape': (), }", "\xfe\xff\xff\xff")},
		[2]string{"e.npy", npy("{'descr': '|u1', 'fortran_order': False, 'shape': (0, 5), }", "")},
	))
	require.NoError(t, err)
	require.Len(t, arrays, 4)
	f := arrays["f"]
	assert.Equal(t, []int{2, 1}, f.Shape)
	require.Len(t, f.F32, 2)
	assert.Equal(t, float32(1), f.F32[0])
	assert.Equal(t, uint32(0x7FC00000), math.Float32bits(f.F32[1]))
	assert.Equal(t, golden.Array{Shape: []int{3}, U8: []uint8{1, 2, 255}}, arrays["u"])
	assert.Equal(t, golden.Array{Shape: []int{}, I32: []int32{-2}}, arrays["i"])
	assert.Equal(t, golden.Array{Shape: []int{0, 5}, U8: []uint8{}}, arrays["e"])
}

func TestParseNPZRejects(t *testing.T) {
	good := npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1,), }", "x")
	for name, members := range map[string][][2]string{
		"twice":         {{"a.npy", good}, {"a.npy", good}},
		"not npy":       {{"a.txt", good}},
		"magic":         {{"a.npy", "NUMPY" + good}},
		"version":       {{"a.npy", good[:6] + "\x09" + good[7:]}},
		"cut header":    {{"a.npy", good[:20]}},
		"cut data":      {{"a.npy", good[:len(good)-1]}},
		"surplus data":  {{"a.npy", good + "y"}},
		"fortran":       {{"a.npy", strings.Replace(good, "False", "True ", 1)}},
		"type":          {{"a.npy", strings.Replace(good, "|u1", "|O8", 1)}},
		"big endian":    {{"a.npy", strings.Replace(good, "|u1", ">f4", 1)}},
		"negative":      {{"a.npy", strings.Replace(good, "(1,)", "(-1)", 1)}},
		"shape product": {{"a.npy", npy("{'descr': '|u1', 'fortran_order': False, 'shape': (200000000, 200000000), }", "")}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := golden.ParseNPZ(npz(t, members...))
			require.Error(t, err)
			assert.Contains(t, err.Error(), "golden: ")
		})
	}
	_, err := golden.ParseNPZ([]byte("not a zip"))
	require.Error(t, err)
}

func FuzzParseNPZ(f *testing.F) {
	f.Add(npz(f, [2]string{"a.npy", npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1,), }", "x")}))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = golden.ParseNPZ(data)
	})
}

func FuzzParseNPY(f *testing.F) {
	f.Add([]byte(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1), }", "abcd")))
	f.Add([]byte(npy("{'descr': '|u1', 'fortran_order': False, 'shape': (), }", "x")))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := golden.ParseNPY(data)
		if err != nil {
			return
		}
		count := 1
		for _, d := range a.Shape {
			count *= d
		}
		assert.Equal(t, count, len(a.F32)+len(a.U8)+len(a.I32))
	})
}
