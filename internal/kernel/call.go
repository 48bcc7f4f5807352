package kernel

// callLimit bounds the elements that one call of assembly handles: it cannot be
// preempted, and this many take some microseconds.
const callLimit = 64 << 10

// groups returns how many groups of size elements the next call takes of n.
func groups(n, size int) int { return min(n, callLimit) / size }
