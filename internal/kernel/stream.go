package kernel

// Read reads src and Write writes zeros to dst as fast as the level's plainest
// instructions can: what other kernels are measured against. Both leave out what
// is beyond a multiple of 512 bytes.
func Read(src []byte) uint64 {
	if len(src) < streamGroup {
		return 0
	}
	return read(src)
}

// Write: see Read.
func Write(dst []byte) {
	if len(dst) >= streamGroup {
		write(dst)
	}
}

const streamGroup = 512

func readGeneric(src []byte) uint64 {
	var or byte
	for _, b := range src {
		or |= b
	}
	return uint64(or)
}
