package logprob

import (
	"encoding/binary"
	"fmt"
	"math"
)

// DivergencePartialSize is the length of a DivergencePartial's binary form.
const DivergencePartialSize = 3 + pairSums*sumSize + 4 + 8 + 8 + 8

// AppendBinary appends p's binary form, of DivergencePartialSize bytes, for ranks
// to exchange. It is the same on every machine. The error is always nil.
func (p *DivergencePartial) AppendBinary(b []byte) ([]byte, error) {
	var added, infinite byte
	for i := range p.sums {
		added |= boolByte(p.sums[i].any) << i
		infinite |= boolByte(p.infinite[i]) << i
	}
	b = append(b, partialVersion, added, infinite)
	for i := range p.sums {
		b = p.sums[i].append(b)
	}
	b = binary.LittleEndian.AppendUint32(b, math.Float32bits(p.reference.invTemp))
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(p.reference.rollout))
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(p.reference.trainer))
	return binary.LittleEndian.AppendUint64(b, uint64(p.nonFinite)), nil
}

// MarshalBinary returns p's binary form. The error is always nil.
func (p *DivergencePartial) MarshalBinary() ([]byte, error) {
	return p.AppendBinary(make([]byte, 0, DivergencePartialSize))
}

// UnmarshalBinary sets p to what AppendBinary wrote. Where that cannot be, it
// returns an error that wraps ErrPartial and leaves p as it is.
func (p *DivergencePartial) UnmarshalBinary(data []byte) error {
	if len(data) != DivergencePartialSize {
		return fmt.Errorf("%w: %d bytes, not %d", ErrPartial, len(data), DivergencePartialSize)
	}
	added, infinite := data[1], data[2]
	if data[0] != partialVersion {
		return fmt.Errorf("%w: version %d", ErrPartial, data[0])
	}
	if added>>pairSums != 0 || infinite>>pairSums != 0 {
		return fmt.Errorf("%w: flags %d and %d", ErrPartial, added, infinite)
	}
	var q DivergencePartial
	data = data[3:]
	for i := range q.sums {
		q.sums[i].any, q.infinite[i] = added>>i&1 != 0, infinite>>i&1 != 0
		data = q.sums[i].read(data)
	}
	q.reference.invTemp = math.Float32frombits(binary.LittleEndian.Uint32(data))
	q.reference.rollout = math.Float64frombits(binary.LittleEndian.Uint64(data[4:]))
	q.reference.trainer = math.Float64frombits(binary.LittleEndian.Uint64(data[12:]))
	q.nonFinite = int64(binary.LittleEndian.Uint64(data[20:]))
	if err := q.check(); err != nil {
		return err
	}
	*p = q
	return nil
}

// check returns an error unless partials of logits may merge to p.
func (p *DivergencePartial) check() error {
	for i := range p.sums {
		if err := p.sums[i].check(); err != nil {
			return err
		}
	}
	r := &p.reference
	if *r == (pairReference{}) && *p != (DivergencePartial{}) {
		return fmt.Errorf("%w: sums of no rows", ErrPartial)
	}
	if *r != (pairReference{}) && !(r.invTemp >= minInvTemp && r.invTemp <= maxInvTemp) {
		return fmt.Errorf("%w: inverse temperature %v", ErrPartial, r.invTemp)
	}
	if r.rollout != r.rollout || r.trainer != r.trainer {
		return fmt.Errorf("%w: log-sum-exps %v and %v", ErrPartial, r.rollout, r.trainer)
	}
	if p.nonFinite < 0 || p.nonFinite > maxDigit {
		return fmt.Errorf("%w: %d logits that are not finite", ErrPartial, p.nonFinite)
	}
	return nil
}
