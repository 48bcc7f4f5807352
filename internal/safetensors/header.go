package safetensors

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"strconv"
)

// sizes holds the bytes per element of the types whose elements are whole bytes.
var sizes = map[string]uint64{
	"BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1,
	"U16": 2, "I16": 2, "F16": 2, "BF16": 2,
	"U32": 4, "I32": 4, "F32": 4,
	"U64": 8, "I64": 8, "F64": 8,
}

// parseHeader reads the JSON token by token: encoding/json's own decoding into structs and maps
// would let a repeated key, a key in another case or a null pass.
func parseHeader(header, body []byte) (*File, error) {
	dec := json.NewDecoder(bytes.NewReader(header))
	dec.UseNumber()
	f := &File{tensors: map[string]Tensor{}}
	err := object(dec, func(name string) error {
		if name == "__metadata__" {
			if err := f.metadata(dec); err != nil {
				return fmt.Errorf("metadata: %w", err)
			}
			return nil
		}
		t, err := tensor(dec, body)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", name, err)
		}
		f.tensors[name] = t
		return nil
	})
	if err == nil {
		err = padding(header[dec.InputOffset():])
	}
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	return f, nil
}

func (f *File) metadata(dec *json.Decoder) error {
	f.Metadata = map[string]string{}
	return object(dec, func(key string) error {
		value, err := token[string](dec)
		f.Metadata[key] = value
		return err
	})
}

// tensor reads one tensor's description and cuts its data from body.
func tensor(dec *json.Decoder, body []byte) (Tensor, error) {
	var dtype string
	var shape, offsets []uint64
	err := object(dec, func(key string) (err error) {
		switch key {
		case "dtype":
			dtype, err = token[string](dec)
		case "shape":
			shape, err = numbers(dec)
		case "data_offsets":
			offsets, err = numbers(dec)
		default:
			err = fmt.Errorf("unknown key %q", key)
		}
		return err
	})
	if err != nil {
		return Tensor{}, err
	}
	if dtype == "" || shape == nil || len(offsets) != 2 {
		return Tensor{}, errors.New("needs a dtype, a shape and two data_offsets")
	}
	size, ok := sizes[dtype]
	if !ok {
		return Tensor{}, fmt.Errorf("unknown dtype %q", dtype)
	}
	begin, end := offsets[0], offsets[1]
	if begin > end || end > uint64(len(body)) {
		return Tensor{}, fmt.Errorf("offsets [%d, %d] out of range of %d bytes", begin, end, len(body))
	}
	dims := make([]int, len(shape))
	for i, d := range shape {
		hi, lo := bits.Mul64(size, d)
		if hi != 0 || uint64(int(d)) != d || int(d) < 0 {
			return Tensor{}, fmt.Errorf("shape %d overflows", shape)
		}
		size, dims[i] = lo, int(d)
	}
	if size != end-begin {
		return Tensor{}, fmt.Errorf("%d bytes of data for shape %d of %s", end-begin, shape, dtype)
	}
	return Tensor{DType: dtype, Shape: dims, Data: body[begin:end:end]}, nil
}

// object walks a JSON object, calling value at each key to read what follows it.
func object(dec *json.Decoder, value func(key string) error) error {
	if err := delim(dec, '{'); err != nil {
		return err
	}
	seen := map[string]bool{}
	for dec.More() {
		key, err := token[string](dec)
		if err != nil {
			return err
		}
		if seen[key] {
			return fmt.Errorf("key %q occurs twice", key)
		}
		seen[key] = true
		if err := value(key); err != nil {
			return err
		}
	}
	return delim(dec, '}')
}

// numbers reads a JSON array of non-negative integers; the result is not nil unless err is.
func numbers(dec *json.Decoder) ([]uint64, error) {
	if err := delim(dec, '['); err != nil {
		return nil, err
	}
	list := []uint64{}
	for dec.More() {
		num, err := token[json.Number](dec)
		if err != nil {
			return nil, err
		}
		n, err := strconv.ParseUint(num.String(), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s is not a size", num)
		}
		list = append(list, n)
	}
	return list, delim(dec, ']')
}

func delim(dec *json.Decoder, want json.Delim) error {
	got, err := token[json.Delim](dec)
	if err == nil && got != want {
		err = fmt.Errorf("%v where %v belongs", got, want)
	}
	return err
}

func token[T any](dec *json.Decoder) (T, error) {
	var value T
	tok, err := dec.Token()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return value, err
	}
	value, ok := tok.(T)
	if !ok {
		return value, fmt.Errorf("unexpected %v", tok)
	}
	return value, nil
}

func padding(rest []byte) error {
	if len(bytes.Trim(rest, " ")) != 0 {
		return errors.New("text after the header")
	}
	return nil
}
