package kernel

import (
	"encoding/binary"
	"math/bits"
)

// setInvalid sets invalid[t] to 0xFF where mask is 0 and to 0 elsewhere, for a
// mask that is not longer, and to 0xFF beyond its end. It returns how many are 0.
func setInvalid(invalid, mask []uint8) int {
	done, count := setInvalidFast(invalid, mask)
	return count + setInvalidGeneric(invalid[done:], mask[done:])
}

func setInvalidGeneric(invalid, mask []uint8) int {
	count := 0
	for t := range invalid {
		invalid[t] = 0xFF
		if t < len(mask) && mask[t] != 0 {
			invalid[t] = 0
			count++
		}
	}
	return count
}

// Keep sets keep[t] to 1 where token t is valid and to 0 elsewhere.
func (b *Block) Keep(keep []uint8) {
	for t := b.keepFast(keep); t < len(keep); t++ {
		keep[t] = ^b.Invalid[t] & 1
	}
}

// CountKept returns the number of ones among zeros and ones.
func CountKept(keep []uint8) int {
	count, t := 0, 0
	for ; t+8 <= len(keep); t += 8 {
		count += bits.OnesCount64(binary.LittleEndian.Uint64(keep[t:]))
	}
	for ; t < len(keep); t++ {
		count += int(keep[t])
	}
	return count
}
