package sim

// request is a turn on its way through a rank.
type request struct {
	rollout *rollout
	turn    int64 // of the lease, to tell requests apart
	lease   lease
	context int64 // tokens sent
	own     *entry
	prompt  *entry
	finish  float64 // in steps of the rank
}

// rank is an engine: requests are prefilled in turn, and then decode together.
type rank struct {
	config *Config
	cache  *cache

	queue    []*request // that wait for prefill
	prefill  *request   // under way, until prefillAt
	done     float64    // when it is
	decoding []*request // a heap, the first to finish at the top
	contexts float64    // tokens, of those that decode
	steps    float64    // decoded so far
	at       float64    // seconds, that steps belongs to
	version  int64      // of its next event
}

// advance brings the rank to the present.
func (k *rank) advance(now float64) {
	if k.prefill == nil && len(k.decoding) > 0 {
		k.steps += (now - k.at) / k.stepSeconds()
	}
	k.at = now
}

func (k *rank) stepSeconds() float64 {
	b := float64(len(k.decoding))
	return k.config.StepSeconds + float64(k.config.RequestSeconds*b) + float64(k.config.ContextSeconds*k.contexts)
}

// next returns when something happens next if no request arrives.
func (k *rank) next() (at float64, ok bool) {
	switch {
	case k.prefill != nil:
		return k.done, true
	case len(k.decoding) > 0:
		return k.at + max(0, float64((k.decoding[0].finish-k.steps)*k.stepSeconds())), true
	}
	return 0, false
}

// begin starts the prefill of the first request that waits, if there is none under
// way and there is room. It returns the tokens that are in the cache, and those
// that are not.
func (k *rank) begin() (q *request, cached, missing int64) {
	if k.prefill != nil || len(k.queue) == 0 {
		return nil, 0, 0
	}
	q = k.queue[0]
	prompt := k.config.Prompt
	own := q.context - prompt
	q.prompt, q.own = k.cache.hold(-1-q.rollout.group()), k.cache.hold(q.rollout.n)
	cached = q.prompt.tokens
	if cached == prompt {
		cached += min(own, q.own.tokens)
	}
	missing = q.context - cached
	// What it has beyond an evicted part of the prompt is of no use.
	need := prompt - q.prompt.tokens + own + k.config.Output - q.own.tokens
	if !k.cache.room(need) && (len(k.decoding) > 0) {
		k.cache.release(q.own)
		k.cache.release(q.prompt)
		return nil, 0, 0
	}
	k.cache.grow(q.prompt, prompt)
	k.cache.grow(q.own, max(q.own.tokens, own+k.config.Output))
	k.queue = k.queue[1:]
	k.prefill = q
	k.done = k.at + float64(missing)/k.config.PrefillRate
	return q, cached, missing
}

// decode lets the request that was prefilled decode.
func (k *rank) decode() {
	q := k.prefill
	k.prefill = nil
	q.finish = k.steps + float64(k.config.Output)
	k.contexts += k.weight(q)
	k.decoding = append(k.decoding, q)
	i := len(k.decoding) - 1
	for i > 0 && q.before(k.decoding[(i-1)/2]) {
		k.decoding[i] = k.decoding[(i-1)/2]
		i = (i - 1) / 2
	}
	k.decoding[i] = q
}

// weight is a request's context half way through its turn.
func (k *rank) weight(q *request) float64 {
	return float64(q.context) + float64(k.config.Output)/2
}

func (q *request) before(o *request) bool {
	return q.finish < o.finish || q.finish == o.finish && q.turn < o.turn
}

// end takes the request out that finishes decoding now.
func (k *rank) end() *request {
	h := k.decoding
	q, last := h[0], h[len(h)-1]
	h[len(h)-1] = nil
	h = h[:len(h)-1]
	i := 0
	for {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		if child+1 < len(h) && h[child+1].before(h[child]) {
			child++
		}
		if !h[child].before(last) {
			break
		}
		h[i] = h[child]
		i = child
	}
	if len(h) > 0 {
		h[i] = last
	}
	k.decoding = h
	k.steps = q.finish
	k.contexts -= k.weight(q)
	k.cache.release(q.own)
	k.cache.release(q.prompt)
	return q
}
