package rollouts

import (
	"bytes"
	"math"
	"runtime"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
	"github.com/stretchr/testify/require"
)

const trainerColumn = "trainer_logprob_bf16"

// plainRow is a row in the shape that data sets have: optional three-level
// lists of optional elements.
type plainRow struct {
	Prompt    string    `parquet:"prompt_id,optional"`
	Precision string    `parquet:"precision,optional"`
	Mask      []bool    `parquet:"loss_mask,list,optional"`
	Rollout   []float32 `parquet:"rollout_logprob,list,optional"`
	Trainer   []float32 `parquet:"trainer_logprob_bf16,list,optional"`
	KL        []float32 `parquet:"exact_kl_rt,list,optional"`
	Text      string    `parquet:"text"`
}

var plainRows = []plainRow{
	{"a", "fp8", []bool{true, false, true}, []float32{-1, 0, -3}, []float32{-1.5, -2, -3}, []float32{.1, 0, .3}, "x"},
	{"a", "fp8", []bool{true}, []float32{-.25}, nil, nil, "y"},
	{"b", "nvfp4", []bool{true, true}, []float32{-1, float32(math.Inf(-1))}, []float32{-2, -4}, []float32{1, 2}, "z"},
}

func write[T any](t testing.TB, rows []T, opts ...parquet.WriterOption) []byte {
	var b bytes.Buffer
	require.NoError(t, parquet.Write(&b, rows, opts...))
	return b.Bytes()
}

func read(b []byte) ([]Row, error) {
	r := New(Options{TrainerColumn: trainerColumn}, "test", bytes.NewReader(b))
	defer r.Close()
	return readAll(r)
}

func TestParquet(t *testing.T) {
	want := []Row{
		{
			File: "test", Prompt: "a", Precision: "fp8", Mask: []uint8{1, 0, 1}, HasTrainer: true,
			Rollout: []float32{-1, 0, -3}, Trainer: []float32{-1.5, -2, -3},
			Exact: [NumExact][]float32{ExactKLRT: {.1, 0, .3}},
		},
		{File: "test", Index: 1, Prompt: "a", Precision: "fp8", Mask: []uint8{1}, Rollout: []float32{-.25}},
		{
			File: "test", Index: 2, Prompt: "b", Precision: "nvfp4", Mask: []uint8{1, 1}, HasTrainer: true,
			Rollout: []float32{-1, float32(math.Inf(-1))}, Trainer: []float32{-2, -4},
			Exact: [NumExact][]float32{ExactKLRT: {1, 2}},
		},
	}
	for name, opts := range map[string][]parquet.WriterOption{
		"default":    nil,
		"zstd":       {parquet.Compression(&parquet.Zstd)},
		"snappy":     {parquet.Compression(&parquet.Snappy)},
		"gzip":       {parquet.Compression(&parquet.Gzip)},
		"brotli":     {parquet.Compression(&parquet.Brotli)},
		"lz4":        {parquet.Compression(&parquet.Lz4Raw)},
		"v1":         {parquet.DataPageVersion(1)},
		"tiny pages": {parquet.PageBufferSize(1), parquet.DataPageVersion(1)},
		"row groups": {parquet.MaxRowsPerRowGroup(1)},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := read(write(t, plainRows, opts...))
			require.NoError(t, err)
			requireRows(t, want, got)
		})
	}
}

// requireRows compares rows, taking an empty slice for a nil one.
func requireRows(t *testing.T, want, got []Row) {
	t.Helper()
	norm := func(rows []Row) []Row {
		for i := range rows {
			r := &rows[i]
			if len(r.Trainer) == 0 {
				r.Trainer = nil
			}
			for e := range r.Exact {
				if len(r.Exact[e]) == 0 {
					r.Exact[e] = nil
				}
			}
		}
		return rows
	}
	require.Equal(t, norm(want), norm(got))
}

// halfType is the FLOAT16 logical type, which the library does not write.
type halfType struct{ parquet.Type }

func (halfType) LogicalType() *format.LogicalType {
	return &format.LogicalType{Value: &format.Float16Type{}}
}

func TestParquetVariants(t *testing.T) {
	one := Row{
		File: "test", Precision: DefaultPrecision, Mask: []uint8{1, 1}, HasTrainer: true,
		Rollout: []float32{-1, -2}, Trainer: []float32{-1, -.5},
	}
	with := func(change func(*Row)) Row {
		r := one
		change(&r)
		return r
	}
	null := float32(math.NaN())
	half := parquet.Group{
		rolloutColumn: parquet.List(parquet.Leaf(halfType{parquet.FixedLenByteArrayType(2)})),
		trainerColumn: parquet.List(parquet.Leaf(parquet.FloatType)),
	}
	for _, c := range []struct {
		name string
		file []byte
		want Row
	}{
		{"double, integer prompt, integer mask", write(t, []struct {
			Prompt  int64     `parquet:"prompt_id"`
			Mask    []int32   `parquet:"loss_mask,list"`
			Rollout []float64 `parquet:"rollout_logprob,list"`
			Trainer []float64 `parquet:"trainer_logprob_bf16,list"`
		}{{-7, []int32{0, 1}, []float64{-1, -2}, []float64{-1, -.5}}}),
			with(func(r *Row) { r.Prompt, r.Mask = "-7", []uint8{0, 1} })},
		{"unsigned prompt, int64 mask", write(t, []struct {
			Prompt  uint64    `parquet:"prompt_id"`
			Mask    []int64   `parquet:"loss_mask,list"`
			Rollout []float64 `parquet:"rollout_logprob,list"`
			Trainer []float64 `parquet:"trainer_logprob_bf16,list"`
		}{{math.MaxUint64, []int64{1, 0}, []float64{-1, -2}, []float64{-1, -.5}}}),
			with(func(r *Row) { r.Prompt, r.Mask = "18446744073709551615", []uint8{1, 0} })},
		{"bare repeated", write(t, []struct {
			Mask    []uint32  `parquet:"loss_mask"`
			Rollout []float32 `parquet:"rollout_logprob"`
			Trainer []float32 `parquet:"trainer_logprob_bf16"`
		}{{[]uint32{1, 1}, []float32{-1, -2}, []float32{-1, -.5}}}), one},
		{"two levels", write(t, []struct {
			Rollout struct {
				Array []float32 `parquet:"array"`
			} `parquet:"rollout_logprob"`
			Trainer *struct {
				Array []float32 `parquet:"array"`
			} `parquet:"trainer_logprob_bf16,optional"`
		}{{struct {
			Array []float32 `parquet:"array"`
		}{[]float32{-1, -2}}, nil}}),
			with(func(r *Row) { r.Trainer, r.HasTrainer = nil, false })},
		{"null elements", write(t, []struct {
			Rollout []*float32 `parquet:"rollout_logprob,list" parquet-element:",optional"`
			Trainer []float32  `parquet:"trainer_logprob_bf16,list"`
		}{{[]*float32{new(float32(-1)), nil}, []float32{-1, -.5}}}),
			with(func(r *Row) { r.Rollout = []float32{-1, null} })},
		{"half", write(t, []struct {
			Rollout [][2]byte `parquet:"rollout_logprob,list"`
			Trainer []float32 `parquet:"trainer_logprob_bf16,list"`
		}{{[][2]byte{{0x00, 0xbc}, {0x00, 0xc0}}, []float32{-1, -.5}}}, parquet.NewSchema("half", half)), one},
		{"no tokens", write(t, []struct {
			Rollout []float32 `parquet:"rollout_logprob,list"`
			Trainer []float32 `parquet:"trainer_logprob_bf16,list"`
		}{{}}), Row{File: "test", Precision: DefaultPrecision, HasTrainer: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := read(c.file)
			require.NoError(t, err)
			require.Len(t, got, 1)
			for i, x := range c.want.Rollout {
				if x != x {
					require.True(t, got[0].Rollout[i] != got[0].Rollout[i])
					got[0].Rollout[i], c.want.Rollout[i] = 0, 0
				}
			}
			requireRows(t, []Row{c.want}, got)
		})
	}
}

func TestParquetBadInput(t *testing.T) {
	f := []float32{-1, -2}
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"no rollout column", write(t, []struct {
			Trainer []float32 `parquet:"trainer_logprob_bf16,list"`
		}{{f}}), `test: has no column "rollout_logprob"; it has "trainer_logprob_bf16"`},
		{"no columns", write(t, []struct{ X int32 }{{1}}),
			`test: has no column "rollout_logprob"; it has no column of log-probabilities`},
		{"list of integers", write(t, []struct {
			Rollout []int64 `parquet:"rollout_logprob,list"`
		}{{}}), `test: column "rollout_logprob": found a list of INT(64,true), want a list of FLOAT, DOUBLE or FLOAT16`},
		{"scalar", write(t, []struct {
			Rollout float32 `parquet:"rollout_logprob"`
		}{{}}), `test: column "rollout_logprob": found FLOAT, want a list of FLOAT, DOUBLE or FLOAT16`},
		{"list of lists", write(t, []struct {
			Rollout [][]float32 `parquet:"rollout_logprob,list"`
		}{{}}), `test: column "rollout_logprob": found a nested type, want a list of FLOAT, DOUBLE or FLOAT16`},
		{"struct", write(t, []struct {
			Rollout struct{ A, B float32 } `parquet:"rollout_logprob"`
		}{{}}), `test: column "rollout_logprob": found a nested type, want a list of FLOAT, DOUBLE or FLOAT16`},
		{"fixed bytes", write(t, []struct {
			Rollout [][2]byte `parquet:"rollout_logprob,list"`
		}{{}}), `test: column "rollout_logprob": found a list of FIXED_LEN_BYTE_ARRAY(2), want a list of FLOAT, DOUBLE or FLOAT16`},
		{"mask of floats", write(t, []struct {
			Mask []float32 `parquet:"loss_mask,list"`
		}{{}}), `test: column "loss_mask": found a list of FLOAT, want a list of booleans or integers`},
		{"prompt of floats", write(t, []struct {
			Prompt float64 `parquet:"prompt_id"`
		}{{}}), `test: column "prompt_id": found DOUBLE, want a string or an integer`},
		{"precision of integers", write(t, []struct {
			Precision int32 `parquet:"precision"`
		}{{}}), `test: column "precision": found INT(32,true), want a string`},
		{"mask of twos", write(t, []struct {
			Mask    []int32   `parquet:"loss_mask,list"`
			Rollout []float32 `parquet:"rollout_logprob,list"`
			Trainer []float32 `parquet:"trainer_logprob_bf16,list"`
		}{{[]int32{1, 2}, f, f}}), `test: row 0: column "loss_mask" holds 2, want 0 or 1`},
		{"mask with a null", write(t, []struct {
			Mask    []*bool   `parquet:"loss_mask,list" parquet-element:",optional"`
			Rollout []float32 `parquet:"rollout_logprob,list"`
			Trainer []float32 `parquet:"trainer_logprob_bf16,list"`
		}{{[]*bool{nil, nil}, f, f}}), `test: row 0: column "loss_mask" holds a null`},
		{"unequal trainer", write(t, []plainRow{plainRows[0], {Rollout: f, Trainer: f[:1], Mask: []bool{true, true}}}),
			`test: row 1: column "trainer_logprob_bf16" has 1 values but "rollout_logprob" has 2`},
		{"unequal mask", write(t, []plainRow{{Rollout: f, Mask: []bool{true, true, true}}}),
			`test: row 0: column "loss_mask" has 3 values but "rollout_logprob" has 2`},
		{"unequal exact", write(t, []plainRow{{Rollout: f, KL: f[:1]}}),
			`test: row 0: column "exact_kl_rt" has 1 values but "rollout_logprob" has 2`},
		{"no rollout list", write(t, []plainRow{{Trainer: f}}),
			`test: row 0: column "trainer_logprob_bf16" has 2 values but "rollout_logprob" has 0`},
		{"no rows", write(t, []plainRow{}), `test: no rows`},
		{"only magic", []byte("PAR1"), `test: truncated or corrupt Parquet: only 4 bytes`},
		{"no footer", []byte("PAR1 and no more"), `test: truncated or corrupt Parquet: no footer at the end`},
		{"huge footer", []byte("PAR1....\xff\xff\xff\xffPAR1"),
			`test: truncated or corrupt Parquet: footer of 4294967295 bytes in a file of 16`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := read(c.file)
			require.EqualError(t, err, c.want)
		})
	}
}

// Every truncation is an error; no change of a bit panics or makes the reader
// allocate by a size that the file only claims.
func TestParquetDamage(t *testing.T) {
	rows := make([]plainRow, 40)
	for i := range rows {
		rows[i] = plainRows[i%len(plainRows)]
	}
	for name, codec := range map[string]parquet.WriterOption{
		"zstd": parquet.Compression(&parquet.Zstd), "snappy": parquet.Compression(&parquet.Snappy),
		"lz4": parquet.Compression(&parquet.Lz4Raw),
	} {
		file := write(t, rows, codec, parquet.DataPageStatistics(true))
		for n := range file {
			if n == 0 {
				continue
			}
			_, err := read(file[:n])
			require.Error(t, err, "%s: first %d bytes", name, n)
		}
		damaged := bytes.Clone(file)
		for i := range damaged {
			bit := byte(1) << (i * 5 % 8)
			damaged[i] ^= bit
			before := allocated()
			read(damaged) // an error or rows
			require.Less(t, allocated()-before, uint64(256<<20), "%s: byte %d", name, i)
			damaged[i] ^= bit
		}
	}
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}
