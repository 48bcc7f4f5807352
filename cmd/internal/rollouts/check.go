package rollouts

import "fmt"

// finish completes a row whose lists have been read: it checks their lengths
// and fills a mask that the file does not give. trainer names the column of
// r.Trainer; hasMask and hasTrainer tell an empty list from none.
func (r *Row) finish(trainer string, hasMask, hasTrainer bool) error {
	n := len(r.Rollout)
	r.HasTrainer = hasTrainer && (len(r.Trainer) > 0 || n == 0)
	if r.HasTrainer {
		if err := checkLen(trainer, len(r.Trainer), n); err != nil {
			return err
		}
	}
	if !hasMask {
		r.Mask = ones(r.Mask[:0], n)
	} else if err := checkLen(maskColumn, len(r.Mask), n); err != nil {
		return err
	}
	for e, x := range r.Exact {
		if len(x) == 0 {
			continue
		}
		if err := checkLen(exactColumns[e], len(x), n); err != nil {
			return err
		}
	}
	return nil
}

func checkLen(column string, got, want int) error {
	if got != want {
		return fmt.Errorf("column %q has %d values but %q has %d", column, got, rolloutColumn, want)
	}
	return nil
}

func ones(dst []uint8, n int) []uint8 {
	for range n {
		dst = append(dst, 1)
	}
	return dst
}

// maskBit turns an integer of a mask into 0 or 1.
func maskBit(v int64) (uint8, error) {
	if v != 0 && v != 1 {
		return 0, fmt.Errorf("column %q holds %d, want 0 or 1", maskColumn, v)
	}
	return uint8(v), nil
}
