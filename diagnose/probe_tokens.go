package diagnose

// probeTokens compares the ids of the two sides. A row differs by repetition if
// the trainer's ids are the engine's with one id doubled (a second BOS or EOS),
// or the other way round, and else by tokenization.
func probeTokens(p *pairs) []Finding {
	if p.RolloutTokens == nil || p.TrainerTokens == nil {
		return nil
	}
	var doubled, other []int
	differing := 0
	for i := range p.count {
		start, end := p.Layout.Row(i)
		rollout, trainer := p.RolloutTokens[start:end], p.TrainerTokens[start:end]
		n := 0
		for t := range rollout {
			if rollout[t] != trainer[t] && p.usable[start+t] {
				n++
			}
		}
		switch differing += n; {
		case n == 0:
		case isDoubled(trainer, rollout), isDoubled(rollout, trainer):
			doubled = append(doubled, i)
		default:
			other = append(other, i)
		}
	}
	var found []Finding
	add := func(rows []int, fix string) {
		if len(rows) == 0 {
			return
		}
		p.explain(rows)
		found = append(found, Finding{
			Kind: Tokens, Rows: rows, Test: Certain, Strength: float64(len(rows)), Threshold: 0, Fix: fix,
			Evidence: []Quantity{{"rows whose ids differ", float64(len(rows)), ""}, {"tokens of the batch whose ids differ", float64(differing), ""}},
		})
	}
	add(doubled, "One side has an id twice in a row that the other has once: add BOS, EOS and turn markers in one place only.")
	add(other, "Score the ids that the engine returned; text that is decoded and tokenized again comes back as other tokens.")
	return found
}

// isDoubled reports whether a is b with one id repeated, as far as a goes.
func isDoubled(a, b []int32) bool {
	t := 0
	for t < len(a) && a[t] == b[t] {
		t++
	}
	if t == 0 || t == len(a) || a[t] != a[t-1] {
		return false
	}
	for ; t < len(a); t++ {
		if a[t] != b[t-1] {
			return false
		}
	}
	return true
}
