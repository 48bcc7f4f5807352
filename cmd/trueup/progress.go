package main

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress shows a bar on a terminal once reading has taken a second, and
// nothing anywhere else.
type progress struct {
	out io.Writer // nil: not a terminal
	bar *progressbar.ProgressBar
}

func newProgress(w io.Writer) *progress {
	p := new(progress)
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.out = &lateWriter{f, time.Now().Add(time.Second)}
	}
	return p
}

// lateWriter drops what is written before its time. The bar runs from the start,
// so that its rate is right, but is not seen when the input is small.
type lateWriter struct {
	w     io.Writer
	start time.Time
}

func (l *lateWriter) Write(b []byte) (int, error) {
	if time.Now().Before(l.start) {
		return len(b), nil
	}
	return l.w.Write(b)
}

// update takes the bytes read so far and the bytes in all, 0 if that is unknown.
func (p *progress) update(read, total int64) {
	if p.out == nil {
		return
	}
	if p.bar == nil {
		if total == 0 {
			total = -1 // a spinner
		}
		p.bar = progressbar.NewOptions64(total,
			progressbar.OptionSetWriter(p.out),
			progressbar.OptionSetDescription("reading"),
			progressbar.OptionShowBytes(true),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionFullWidth(),
		)
	}
	// A bar that cannot be drawn is no reason to stop.
	_ = p.bar.Set64(read)
}

// finish clears the bar.
func (p *progress) finish() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
