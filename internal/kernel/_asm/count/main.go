// Command count writes a table of the instructions that each kernel spends on 16
// values, as its generated assembly has them.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

const header = `# Instructions of the kernels

Instructions per 16 values, counted in the generated assembly by ` + "`go -C _asm run ./count -out ../INSTRUCTIONS.md`" + ` (with
GOWORK=off): those of the loop over groups, its own counting included, and where a group is a loop of its own as often as that
runs. What runs once a call is left out, and so are paths for NaN and other rare values. A register holds 4 values of 32 bits
with NEON, 8 with AVX2 and 16 with AVX-512.

The counts say how much work a level has, not how long it takes: processors differ in how many instructions they run at a time,
and one of amd64 may read memory and compute, where NEON takes two. None of the NEON forms has been timed. A dash means that
there is no form, or that its documentation does not say how large a group is.

`

func main() {
	dir := flag.String("dir", "..", "`directory` of the assembly")
	out := flag.String("out", "", "Markdown `file`")
	flag.Parse()
	if err := run(*dir, *out); err != nil {
		fmt.Fprintln(os.Stderr, "count:", err)
		os.Exit(1)
	}
}

func run(dir, out string) error {
	files, err := filepath.Glob(filepath.Join(dir, "z*.s"))
	if err != nil {
		return err
	}
	t := table{}
	for _, file := range files {
		if err := t.add(file); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return os.WriteFile(out, []byte(header+t.String()), 0o644)
}

var levels = []string{"AVX2", "AVX512", "NEON"}

// table holds instructions per 16 values by family, kernel and level.
type table map[string]map[string]map[string]float64

// add takes the functions of an assembly file, whose documentation stands in the
// Go file beside it.
func (t table) add(file string) error {
	code, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	stubs, err := os.ReadFile(strings.TrimSuffix(file, ".s") + ".go")
	if err != nil {
		return err
	}
	family, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(file), "z"), "_")
	docs := documentation(string(stubs))
	for _, f := range functions(string(code)) {
		values := groupSize(family, docs[f.name])
		if values == 0 {
			continue
		}
		n, err := f.count()
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		for _, level := range levels {
			if kernel, ok := strings.CutSuffix(f.name, level); ok {
				t.row(family, kernel)[level] = 16 * float64(n) / float64(values)
			}
		}
	}
	return nil
}

func (t table) row(family, kernel string) map[string]float64 {
	if name, ok := sameKernel[kernel]; ok {
		kernel = name
	}
	if t[family] == nil {
		t[family] = map[string]map[string]float64{}
	}
	if t[family][kernel] == nil {
		t[family][kernel] = map[string]float64{}
	}
	return t[family][kernel]
}

// sameKernel names the kernels that have another name with NEON.
var sameKernel = map[string]string{
	"addLogitBlock": "addLogits",
	"decodeFP8":     "decodeE4M3",
	"decodeMX":      "decodeMXE4M3",
}

// String returns the table in Markdown.
func (t table) String() string {
	var b strings.Builder
	b.WriteString("| kernel | file | AVX2 | AVX-512 | NEON |\n| --- | --- | ---: | ---: | ---: |\n")
	for _, family := range keys(t) {
		for _, kernel := range keys(t[family]) {
			fmt.Fprintf(&b, "| `%s` | `%s.go` |", kernel, family)
			for _, level := range levels {
				if n, ok := t[family][kernel][level]; ok {
					fmt.Fprintf(&b, " %.1f |", n)
				} else {
					b.WriteString(" – |")
				}
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}

func keys[V any](m map[string]V) []string {
	k := make([]string, 0, len(m))
	for s := range m {
		k = append(k, s)
	}
	sort.Strings(k)
	return k
}
