package sim

// finish is when a trajectory finishes, in seconds of engine time.
type finish struct {
	at   float64
	turn int64 // of starting, which decides between equals
	slot int32
}

func (a *finish) before(b *finish) bool {
	return a.at < b.at || a.at == b.at && a.turn < b.turn
}

// finishHeap is a binary heap with the first to finish at its top.
type finishHeap []finish

func (h *finishHeap) push(f finish) {
	*h = append(*h, f)
	s := *h
	i := len(s) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if !f.before(&s[parent]) {
			break
		}
		s[i] = s[parent]
		i = parent
	}
	s[i] = f
}

func (h *finishHeap) pop() finish {
	s := *h
	top, last := s[0], s[len(s)-1]
	s = s[:len(s)-1]
	*h = s
	i := 0
	for {
		child := 2*i + 1
		if child >= len(s) {
			break
		}
		if child+1 < len(s) && s[child+1].before(&s[child]) {
			child++
		}
		if !s[child].before(&last) {
			break
		}
		s[i] = s[child]
		i = child
	}
	if len(s) > 0 {
		s[i] = last
	}
	return top
}
