package sim

// entry is a prefix in a rank's cache: a group's prompt, or what a rollout has
// beyond it.
type entry struct {
	key        int
	tokens     int64
	users      int // requests that hold it
	prev, next *entry
}

// cache is the KV cache of a rank, which evicts what was used least recently.
type cache struct {
	capacity int64
	used     int64
	entries  map[int]*entry // rollouts by n, groups by −1−n
	recent   entry          // of a ring: next was used last, prev longest ago
}

func newCache(capacity int64) *cache {
	c := &cache{capacity: capacity, entries: make(map[int]*entry)}
	c.recent.prev, c.recent.next = &c.recent, &c.recent
	return c
}

// hold returns an entry that nothing evicts until it is released.
func (c *cache) hold(key int) *entry {
	e := c.entries[key]
	if e == nil {
		e = &entry{key: key}
		c.entries[key] = e
	} else if e.users == 0 {
		e.unlink()
	}
	e.users++
	return e
}

func (e *entry) unlink() { e.prev.next, e.next.prev = e.next, e.prev }

// release makes an entry the last that was used.
func (c *cache) release(e *entry) {
	if e.users--; e.users > 0 {
		return
	}
	e.prev, e.next = &c.recent, c.recent.next
	e.prev.next, e.next.prev = e, e
}

// grow lets an entry have more tokens.
func (c *cache) grow(e *entry, tokens int64) {
	c.used += tokens - e.tokens
	e.tokens = tokens
}

// room evicts what it must for a number of tokens to fit, and reports whether they
// do.
func (c *cache) room(tokens int64) bool {
	for c.used+tokens > c.capacity {
		e := c.recent.prev
		if e == &c.recent {
			return false
		}
		n := min(e.tokens, c.used+tokens-c.capacity)
		c.grow(e, e.tokens-n)
		if e.tokens > 0 {
			break
		}
		e.unlink()
		delete(c.entries, e.key)
	}
	return true
}
