package route

// rankHeap is the ranks that can take a rollout, as a binary heap with the least
// K/C at its top, of equals the one chosen least recently; each knows its place.
type rankHeap []*rank

func (h rankHeap) less(i, j int) bool {
	a, b := h[i], h[j]
	return a.load < b.load || a.load == b.load && a.tie < b.tie
}

// lesser returns the lesser of two ranks of the heap; a may be nil.
func (h rankHeap) lesser(a, b *rank) *rank {
	if a != nil && h.less(a.place, b.place) {
		return a
	}
	return b
}

func (h rankHeap) swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

func (h *rankHeap) push(k *rank) {
	k.place = len(*h)
	*h = append(*h, k)
	h.up(k.place)
}

func (h *rankHeap) remove(k *rank) {
	s := *h
	i, last := k.place, len(s)-1
	s.swap(i, last)
	s[last] = nil
	*h = s[:last]
	k.place = -1
	if i < last {
		h.fix(i)
	}
}

// fix restores the order after the i-th rank changed.
func (h rankHeap) fix(i int) {
	if !h.down(i) {
		h.up(i)
	}
}

func (h rankHeap) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !h.less(i, parent) {
			return
		}
		h.swap(i, parent)
		i = parent
	}
}

func (h rankHeap) down(i int) (moved bool) {
	for {
		child := 2*i + 1
		if child >= len(h) {
			return moved
		}
		if child+1 < len(h) && h.less(child+1, child) {
			child++
		}
		if !h.less(child, i) {
			return moved
		}
		h.swap(i, child)
		i, moved = child, true
	}
}
