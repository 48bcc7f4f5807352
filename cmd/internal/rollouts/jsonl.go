package rollouts

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxLine bounds a line of JSON Lines: 256 MiB, some ten million tokens.
const maxLine = 256 << 20

// jsonl reads JSON Lines: one object per line, blank lines skipped.
type jsonl struct {
	lines   *bufio.Scanner
	trainer string
	fields  map[string]json.RawMessage // of the current line

	line        int64
	read        int64
	sawTrainer  bool // some line has the trainer field, if only as null
	sawAnything bool
}

func newJSONL(r io.Reader, trainer string) *jsonl {
	j := &jsonl{lines: bufio.NewScanner(r), trainer: trainer}
	j.lines.Buffer(make([]byte, 0, 1<<16), maxLine)
	j.lines.Split(func(data []byte, atEOF bool) (int, []byte, error) {
		n, token, err := bufio.ScanLines(data, atEOF)
		j.read += int64(n)
		return n, token, err
	})
	return j
}

func (j *jsonl) offset() int64 { return j.read }
func (j *jsonl) close() error  { return nil }

func (j *jsonl) next(row *Row) error {
	for j.lines.Scan() {
		j.line++
		text := trimSpace(j.lines.Bytes())
		if len(text) == 0 {
			continue
		}
		j.sawAnything = true
		if err := j.parse(row, text); err != nil {
			return fmt.Errorf("line %d: %w", j.line, err)
		}
		return nil
	}
	switch err := j.lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return fmt.Errorf("line %d: longer than %d bytes", j.line+1, maxLine)
	case err != nil:
		return fmt.Errorf("after line %d: %w", j.line, err)
	}
	if j.sawAnything && !j.sawTrainer {
		return fmt.Errorf("no line has the field %q", j.trainer)
	}
	return io.EOF
}

// parse fills row from one line. It changes text.
func (j *jsonl) parse(row *Row, text []byte) error {
	if text[0] != '{' {
		return fmt.Errorf("found %s, want an object", kindOf(text))
	}
	quoteNonFinite(text)
	clear(j.fields)
	if err := json.Unmarshal(text, &j.fields); err != nil {
		return err
	}

	var err error
	if row.Prompt, err = j.prompt(); err != nil {
		return err
	}
	if row.Precision, err = j.precision(); err != nil {
		return err
	}
	if !isPresent(j.fields[rolloutColumn]) {
		return fmt.Errorf("field %q is missing", rolloutColumn)
	}
	if row.Rollout, err = j.floats(row.Rollout, rolloutColumn); err != nil {
		return err
	}
	if row.Trainer, err = j.floats(row.Trainer, j.trainer); err != nil {
		return err
	}
	for e, name := range exactColumns {
		if row.Exact[e], err = j.floats(row.Exact[e], name); err != nil {
			return err
		}
	}
	mask := j.fields[maskColumn]
	if isPresent(mask) {
		if row.Mask, err = appendMask(row.Mask[:0], mask); err != nil {
			return fmt.Errorf("field %q: %w", maskColumn, err)
		}
	}
	trainer, ok := j.fields[j.trainer]
	j.sawTrainer = j.sawTrainer || ok
	return row.finish(j.trainer, isPresent(mask), isPresent(trainer))
}

func (j *jsonl) floats(dst []float32, name string) ([]float32, error) {
	dst = dst[:0]
	raw := j.fields[name]
	if !isPresent(raw) {
		return dst, nil
	}
	dst, err := appendFloats(dst, raw)
	if err != nil {
		return dst, fmt.Errorf("field %q: %w", name, err)
	}
	return dst, nil
}

func (j *jsonl) precision() (string, error) {
	raw := j.fields[precisionColumn]
	if !isPresent(raw) {
		return DefaultPrecision, nil
	}
	return unquote(precisionColumn, raw, "a string")
}

func (j *jsonl) prompt() (string, error) {
	raw := j.fields[promptColumn]
	if !isPresent(raw) {
		return "", nil
	}
	if kindOf(raw) == "a number" && !bytes.ContainsAny(raw, `.eE"`) {
		return string(raw), nil
	}
	return unquote(promptColumn, raw, "a string or an integer")
}

func unquote(name string, raw json.RawMessage, want string) (string, error) {
	if kindOf(raw) != "a string" {
		return "", fmt.Errorf("field %q: found %s, want %s", name, kindOf(raw), want)
	}
	var s string
	err := json.Unmarshal(raw, &s)
	return s, err
}

func isPresent(raw json.RawMessage) bool { return len(raw) > 0 && raw[0] != 'n' }
