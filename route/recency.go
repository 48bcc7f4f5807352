package route

// recency is a cache that keeps what was used last, as the order in which rollouts
// used it: of a rollout's tokens there is left what fits beside all that was used
// since. Slots are uses in that order; a rollout has that of its last use. Sums
// over slots are those of a Fenwick tree, so that both operations take logarithmic
// time.
type recency struct {
	sums  []int64 // sums[i] is of sizes[i&(i+1) : i+1]
	sizes []int64
	users []*rollout // nil if it has left; what it used is there still
	n     int        // slots in use
	total int64
}

// use makes s the last user, of a number of tokens.
func (c *recency) use(s *rollout, tokens, capacity int64) {
	c.leave(s, 0)
	if c.n == len(c.sums) {
		c.compact(capacity)
	}
	s.slot = int32(c.n)
	c.users[c.n] = s
	c.n++
	c.add(int(s.slot), tokens)
}

// leave forgets s, and all but a number of its tokens.
func (c *recency) leave(s *rollout, tokens int64) {
	if s.slot < 0 {
		return
	}
	c.users[s.slot] = nil
	c.add(int(s.slot), tokens-c.sizes[s.slot])
	s.slot = -1
}

// since returns the tokens used since s was the last user.
func (c *recency) since(s *rollout) int64 {
	left := c.total
	for i := int(s.slot); i >= 0; i = i&(i+1) - 1 {
		left -= c.sums[i]
	}
	return left
}

func (c *recency) add(slot int, tokens int64) {
	c.sizes[slot] += tokens
	c.total += tokens
	for i := slot; i < len(c.sums); i |= i + 1 {
		c.sums[i] += tokens
	}
}

// compact drops empty slots and all that is beyond the capacity.
func (c *recency) compact(capacity int64) {
	first := c.n
	for used := int64(0); first > 0 && used <= capacity; {
		first--
		used += c.sizes[first]
	}
	for _, s := range c.users[:first] {
		if s != nil {
			s.slot = -1
		}
	}
	old := *c
	kept := 0
	for i := first; i < old.n; i++ {
		if old.users[i] != nil || old.sizes[i] > 0 {
			kept++
		}
	}
	size := 16
	for size < 2*kept {
		size *= 2
	}
	*c = recency{sums: make([]int64, size), sizes: make([]int64, size), users: make([]*rollout, size)}
	for i := first; i < old.n; i++ {
		s := old.users[i]
		if s == nil && old.sizes[i] == 0 {
			continue
		}
		if s != nil {
			s.slot = int32(c.n)
		}
		c.users[c.n], c.sizes[c.n] = s, old.sizes[i]
		c.total += old.sizes[i]
		c.n++
	}
	copy(c.sums, c.sizes)
	for i := range c.sums {
		if up := i | (i + 1); up < len(c.sums) {
			c.sums[up] += c.sums[i]
		}
	}
}
