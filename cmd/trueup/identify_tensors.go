package main

import (
	"errors"
	"fmt"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/fp8"
	"github.com/trueup-rl/trueup/identify"
	"github.com/trueup-rl/trueup/internal/safetensors"
	"github.com/trueup-rl/trueup/mx"
	"github.com/trueup-rl/trueup/nvfp4"
)

// errNotQuantized says that a tensor has no quantized form, or is no matrix.
var errNotQuantized = errors.New("no quantized form found")

// sourceMatrix reads a matrix in BF16 or float32.
func sourceMatrix(f *safetensors.File, name string) (*identify.Source, error) {
	t, ok := f.Tensor(name)
	if !ok {
		return nil, errors.New("not in the source file")
	}
	if len(t.Shape) != 2 || len(t.Data) == 0 {
		return nil, fmt.Errorf("%w: shape %v is not that of a matrix", errNotQuantized, t.Shape)
	}
	s := &identify.Source{Rows: t.Shape[0], Cols: t.Shape[1]}
	var err error
	switch t.DType {
	case "F32":
		s.F32, err = f.F32(name)
	case "BF16":
		s.BF16, err = halves(f, name)
	default:
		err = fmt.Errorf("%w: type %s is neither BF16 nor F32", errNotQuantized, t.DType)
	}
	return s, err
}

func halves(f *safetensors.File, name string) ([]bf16.BF16, error) {
	bits, err := f.BF16(name)
	values := make([]bf16.BF16, len(bits))
	for i, b := range bits {
		values[i] = bf16.FromBits(b)
	}
	return values, err
}

// findQuantized identifies what the checkpoint has under the name of a module: the format follows from
// the types of codes and scales, and from how many there are.
func findQuantized(f *safetensors.File, module string, s *identify.Source) (format string, matches []identify.Match, err error) {
	codes, ok := first(f, module+".weight_packed", module+".weight")
	if !ok {
		return "", nil, errNotQuantized
	}
	scaleName, scales, ok := firstNamed(f, module+".weight_scale", module+".weight_scale_inv")
	if !ok {
		return "", nil, errNotQuantized
	}
	switch codes.DType {
	case "F8_E4M3":
		return findFP8(f, s, codes, scaleName, scales, fp8.FormatE4M3, mx.E4M3)
	case "F8_E5M2":
		return findFP8(f, s, codes, scaleName, scales, fp8.FormatE5M2, mx.E5M2)
	case "U8":
		if scales.DType == "F8_E8M0" || scales.DType == "U8" && len(scales.Data) < s.Rows*nvfp4.RowScales(s.Cols) {
			matches, err = identify.MX(s, &identify.MXBytes{Format: mx.E2M1, Codes: codes.Data, Scales: cast[fp8.E8M0](scales.Data)})
			return "MXFP4", matches, err
		}
		q := &identify.NVFP4Bytes{Codes: codes.Data, Scales: cast[fp8.E4M3](scales.Data)}
		if scales.DType != "F8_E4M3" && scales.DType != "U8" {
			return "", nil, fmt.Errorf("%s: scales of 4-bit codes are of type %s", scaleName, scales.DType)
		}
		if name, _, ok := firstNamed(f, module+".weight_scale_2", module+".weight_global_scale"); ok {
			if q.TensorScale, err = f.F32(name); err != nil {
				return "", nil, err
			}
		}
		matches, err = identify.NVFP4(s, q)
		return "NVFP4", matches, err
	}
	return "", nil, fmt.Errorf("%w: codes of type %s", errNotQuantized, codes.DType)
}

func findFP8(f *safetensors.File, s *identify.Source, codes safetensors.Tensor, scaleName string, scales safetensors.Tensor,
	format fp8.Format, mxFormat mx.Format) (string, []identify.Match, error) {
	q := &identify.FP8Bytes{Format: format, Codes: codes.Data}
	var err error
	switch scales.DType {
	case "F32":
		q.Scales, err = f.F32(scaleName)
	case "BF16":
		var half []bf16.BF16
		half, err = halves(f, scaleName)
		q.Scales = make([]float32, len(half))
		bf16.Decode(q.Scales, half)
	case "U8", "F8_E8M0":
		matches, err := identify.MX(s, &identify.MXBytes{Format: mxFormat, Codes: codes.Data, Scales: cast[fp8.E8M0](scales.Data)})
		return "MXFP8 " + format.String(), matches, err
	default:
		err = fmt.Errorf("%s: scales of FP8 codes are of type %s", scaleName, scales.DType)
	}
	if err != nil {
		return "", nil, err
	}
	matches, err := identify.FP8(s, q)
	return "FP8 " + format.String(), matches, err
}

// first returns the first of the named tensors that the file has.
func first(f *safetensors.File, names ...string) (t safetensors.Tensor, ok bool) {
	_, t, ok = firstNamed(f, names...)
	return t, ok
}

func firstNamed(f *safetensors.File, names ...string) (name string, t safetensors.Tensor, ok bool) {
	for _, name := range names {
		if t, ok := f.Tensor(name); ok {
			return name, t, true
		}
	}
	return "", safetensors.Tensor{}, false
}

// cast returns bytes as scales.
func cast[T ~uint8](data []byte) []T {
	scales := make([]T, len(data))
	for i, b := range data {
		scales[i] = T(b)
	}
	return scales
}
