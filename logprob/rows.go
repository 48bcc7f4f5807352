package logprob

import (
	"sync"
	"sync/atomic"
)

// Matrix is a batch of rows of logits, row-major: row i is
// Logits[i·Stride : i·Stride+Cols]. A Stride above Cols leaves out the end of a
// vocabulary that was padded.
type Matrix[L Logit] struct {
	Logits       []L
	Cols, Stride int
}

func (m Matrix[L]) row(i int) []L { return m.Logits[i*m.Stride:][:m.Cols] }

// check panics unless m has the given number of rows.
func (m Matrix[L]) check(rows int) {
	if m.Cols < 0 || m.Stride < m.Cols {
		panic("logprob: stride below the number of columns")
	}
	if rows > 0 && (len(m.Logits) < m.Cols || m.Stride > 0 && (len(m.Logits)-m.Cols)/m.Stride < rows-1) {
		panic("logprob: too few logits for the rows")
	}
}

// Rows sets dst[i] = Of(row i, tokens[i], invTemp), by as many goroutines as
// workers says, the caller's among them: with 1, no other is started and nothing
// is allocated. It panics if the lengths of dst and tokens differ, if logits has
// fewer rows, if a token is outside of its row, or if workers is below 1.
func Rows[L Logit](dst []Row, logits Matrix[L], tokens []int32, invTemp float32, workers int) {
	checkRows(len(dst), logits, tokens, invTemp)
	for _, t := range tokens {
		if t < 0 || int(t) >= logits.Cols {
			panic(badToken)
		}
	}
	if workers == 1 {
		for i := range dst {
			dst[i] = Of(logits.row(i), int(tokens[i]), invTemp)
		}
		return
	}
	spread(len(dst), workers, func(i int) {
		dst[i] = Of(logits.row(i), int(tokens[i]), invTemp)
	})
}

// Partials sets dst[i] = PartialOf(row i, offset, tokens[i], invTemp), with
// workers as in [Rows]. It panics if the lengths of dst and tokens differ, if
// shard has fewer rows, if offset or a token is negative, or if workers is
// below 1.
func Partials[L Logit](dst []Partial, shard Matrix[L], offset int, tokens []int32, invTemp float32, workers int) {
	checkRows(len(dst), shard, tokens, invTemp)
	if offset < 0 {
		panic("logprob: negative offset or token")
	}
	for _, t := range tokens {
		if t < 0 {
			panic("logprob: negative offset or token")
		}
	}
	if workers == 1 {
		for i := range dst {
			dst[i] = PartialOf(shard.row(i), offset, int(tokens[i]), invTemp)
		}
		return
	}
	spread(len(dst), workers, func(i int) {
		dst[i] = PartialOf(shard.row(i), offset, int(tokens[i]), invTemp)
	})
}

func checkRows[L Logit](rows int, m Matrix[L], tokens []int32, invTemp float32) {
	checkInvTemp(invTemp)
	m.check(rows)
	if len(tokens) != rows {
		panic("logprob: lengths of dst and tokens differ")
	}
}

// spread calls f for 0 … n−1 from several goroutines, each taking the next row
// when it is done with one.
func spread(n, workers int, f func(i int)) {
	if workers < 1 {
		panic("logprob: fewer than one worker")
	}
	var next atomic.Int64
	work := func() {
		for {
			i := int(next.Add(1)) - 1
			if i >= n {
				return
			}
			f(i)
		}
	}
	var wg sync.WaitGroup
	for range min(workers, n) - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
}
