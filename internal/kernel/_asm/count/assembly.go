package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// function is the body of one: its instructions and labels.
type function struct {
	name string
	line []string
}

func functions(code string) []function {
	var f []function
	for _, line := range strings.Split(code, "\n") {
		line, _, _ = strings.Cut(line, "//")
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#' || strings.HasPrefix(line, "DATA") || strings.HasPrefix(line, "GLOBL"):
		case strings.HasPrefix(line, "TEXT"):
			name, _, _ := strings.Cut(strings.TrimPrefix(line, "TEXT ·"), "(")
			f = append(f, function{name: name})
		default:
			f[len(f)-1].line = append(f[len(f)-1].line, line)
		}
	}
	return f
}

// loop is the lines from a label to the jump back to it.
type loop struct {
	begin, end int
	trips      int // 0 if a parameter says
}

func (l loop) holds(line int) bool { return l.begin <= line && line <= l.end }

// count returns the instructions for a group: of the loops over groups, of which
// the inner ones count where they nest, or of the whole function if there is none.
func (f *function) count() (int, error) {
	loops, err := f.loops()
	if err != nil {
		return 0, err
	}
	var over []loop
	for _, l := range loops {
		inner := l.trips == 0
		for _, m := range loops {
			if m != l && m.trips == 0 && l.holds(m.begin) {
				inner = false
			}
		}
		if inner {
			over = append(over, l)
		}
	}
	if over == nil {
		over = []loop{{begin: 0, end: len(f.line) - 1}}
	}
	n := 0
	for _, l := range over {
		for i := l.begin; i <= l.end; i++ {
			if strings.HasSuffix(f.line[i], ":") {
				continue
			}
			times := 1
			for _, m := range loops {
				if m != l && m.holds(i) && l.holds(m.begin) {
					times *= m.trips
				}
			}
			n += times
		}
	}
	return n, nil
}

var (
	jumpBack = regexp.MustCompile(`^(?:JNZ|CBNZ)\s+(?:(R\d+), )?(\w+)$`)
	countAMD = regexp.MustCompile(`^DECQ\s+(\w+)$`)
	number   = regexp.MustCompile(`^MOV[QDL]\s+\$(0x[0-9a-f]+|\d+), (\w+)$`)
)

func (f *function) loops() ([]loop, error) {
	labels := map[string]int{}
	var loops []loop
	for i, line := range f.line {
		if label, ok := strings.CutSuffix(line, ":"); ok {
			labels[label] = i
			continue
		}
		m := jumpBack.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		begin, ok := labels[m[2]]
		if !ok {
			continue // forward
		}
		register := m[1]
		if d := countAMD.FindStringSubmatch(f.line[i-1]); d != nil {
			register = d[1]
		}
		if register == "" {
			return nil, fmt.Errorf("what %s counts is not known", m[2])
		}
		loops = append(loops, loop{begin, i, f.trips(register, begin)})
	}
	return loops, nil
}

// trips returns the number that the register was last set to before a line, or 0.
func (f *function) trips(register string, before int) int {
	for i := before - 1; i >= 0; i-- {
		if !strings.HasSuffix(f.line[i], ", "+register) {
			continue
		}
		if m := number.FindStringSubmatch(f.line[i]); m != nil {
			n, err := strconv.ParseInt(m[1], 0, 64)
			if err == nil {
				return int(n)
			}
		}
		return 0
	}
	return 0
}

// documentation returns the comments on the functions of a Go file.
func documentation(code string) map[string]string {
	docs := map[string]string{}
	var doc []string
	for _, line := range strings.Split(code, "\n") {
		if text, ok := strings.CutPrefix(line, "// "); ok {
			doc = append(doc, text)
		} else if rest, ok := strings.CutPrefix(line, "func "); ok {
			name, _, _ := strings.Cut(rest, "(")
			docs[name] = strings.Join(doc, " ")
		} else if line == "" {
			doc = nil
		}
	}
	return docs
}

// logitBlock is the size of a block of logits.
const logitBlock = 512

var (
	groupsOfBlocks = regexp.MustCompile(`groups of (\d+) blocks`)
	groupsOfValues = regexp.MustCompile(`(?:groups|on blocks) of (\d+)(?: (?:values|tokens|weights|bins))?[,;.]`)
	wholeBlocks    = regexp.MustCompile(`(?:on|of) blocks, one or more|for a block,|addLogitBlock on`)
)

// groupSize returns how many values a group is by a function's documentation, or
// 0 if that does not say.
func groupSize(family, doc string) int {
	if m := groupsOfBlocks.FindStringSubmatch(doc); m != nil {
		n, _ := strconv.Atoi(m[1])
		if family == "mx" {
			return 32 * n
		}
		return 16 * n
	}
	if m := groupsOfValues.FindStringSubmatch(doc); m != nil {
		n, _ := strconv.Atoi(m[1])
		if strings.Contains(doc, ", two a turn.") {
			n *= 2
		}
		return n
	}
	if wholeBlocks.MatchString(doc) {
		return logitBlock
	}
	return 0
}
