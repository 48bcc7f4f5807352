package logprob

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// PartialSize is the length of a Partial's binary form.
const PartialSize = 3 + 2*sumSize + 8 + 8

// ErrPartial is wrapped by errors about binary forms of a Partial or a
// DivergencePartial.
var ErrPartial = errors.New("logprob: bad partial")

const partialVersion = 1

// Bounds of what partials hold, which leave their sums far from overflow: a
// million ranks may merge.
const (
	maxDigit = 1 << 62
	maxTop   = 1 << 27
)

// AppendBinary appends p's binary form, of PartialSize bytes, for ranks to
// exchange. It is the same on every machine. The error is always nil.
func (p *Partial) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, partialVersion, boolByte(p.held), boolByte(p.mass.any)|boolByte(p.energy.any)<<1)
	b = p.mass.append(b)
	b = p.energy.append(b)
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(p.token))
	return binary.LittleEndian.AppendUint64(b, uint64(p.nonFinite)), nil
}

// MarshalBinary returns p's binary form. The error is always nil.
func (p *Partial) MarshalBinary() ([]byte, error) {
	return p.AppendBinary(make([]byte, 0, PartialSize))
}

// UnmarshalBinary sets p to what AppendBinary wrote. Where that cannot be, it
// returns an error that wraps ErrPartial and leaves p as it is.
func (p *Partial) UnmarshalBinary(data []byte) error {
	if len(data) != PartialSize {
		return fmt.Errorf("%w: %d bytes, not %d", ErrPartial, len(data), PartialSize)
	}
	if data[0] != partialVersion {
		return fmt.Errorf("%w: version %d", ErrPartial, data[0])
	}
	if data[1] > 1 || data[2] > 3 {
		return fmt.Errorf("%w: flags %d and %d", ErrPartial, data[1], data[2])
	}
	var q Partial
	q.held, q.mass.any, q.energy.any = data[1] == 1, data[2]&1 != 0, data[2]&2 != 0
	data = data[3:]
	data = q.mass.read(data)
	data = q.energy.read(data)
	q.token = math.Float64frombits(binary.LittleEndian.Uint64(data))
	q.nonFinite = int64(binary.LittleEndian.Uint64(data[8:]))
	if err := q.check(); err != nil {
		return err
	}
	*p = q
	return nil
}

// check returns an error unless partials of logits may merge to p.
func (p *Partial) check() error {
	for _, s := range []*scaledSum{&p.mass, &p.energy} {
		if err := s.check(); err != nil {
			return err
		}
	}
	// Terms of the mass are positive, and the largest reaches the first digit.
	if p.mass.any && p.mass.digit[0] == 0 || min(p.mass.digit[0], p.mass.digit[1], p.mass.digit[2], p.mass.digit[3]) < 0 {
		return fmt.Errorf("%w: a mass that is not positive", ErrPartial)
	}
	if !(p.token <= maxScaled) || p.token < -maxScaled && !math.IsInf(p.token, -1) || !p.held && math.Float64bits(p.token) != 0 {
		return fmt.Errorf("%w: token's logit %v", ErrPartial, p.token)
	}
	if p.nonFinite < 0 || p.nonFinite > maxDigit {
		return fmt.Errorf("%w: %d logits that are not finite", ErrPartial, p.nonFinite)
	}
	return nil
}

// sumSize is the length of a sum's binary form, which leaves out whether a term
// was added.
const sumSize = 5 * 8

func (s *scaledSum) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(s.top))
	for _, d := range s.digit {
		b = binary.LittleEndian.AppendUint64(b, uint64(d))
	}
	return b
}

// read sets s to what append wrote at the front of data and returns the rest.
func (s *scaledSum) read(data []byte) []byte {
	s.top = int64(binary.LittleEndian.Uint64(data))
	for i := range s.digit {
		s.digit[i] = int64(binary.LittleEndian.Uint64(data[8*(i+1):]))
	}
	return data[sumSize:]
}

// check returns an error unless terms may add to s.
func (s *scaledSum) check() error {
	if !s.any && *s != (scaledSum{}) {
		return fmt.Errorf("%w: an empty sum is not 0", ErrPartial)
	}
	if s.top < -maxTop || s.top > maxTop {
		return fmt.Errorf("%w: exponent out of range", ErrPartial)
	}
	for _, d := range s.digit {
		if d < -maxDigit || d > maxDigit {
			return fmt.Errorf("%w: digit out of range", ErrPartial)
		}
	}
	return nil
}

func boolByte(b bool) byte {
	if b {
		return 1
	}
	return 0
}
