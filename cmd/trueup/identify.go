package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trueup-rl/trueup/identify"
	"github.com/trueup-rl/trueup/internal/safetensors"
)

const identifyLong = `Find out which recipe quantized a checkpoint, given the tensors it was made from.

SOURCE has matrices in BF16 or float32, QUANTIZED what became of them: NVFP4 as
ModelOpt or compressed-tensors write it (X.weight or X.weight_packed, with
X.weight_scale and X.weight_scale_2 or X.weight_global_scale), FP8 (X.weight_scale
or X.weight_scale_inv), MXFP8 and MXFP4. For each matrix, recipes that make the
very bytes are named; where there is none, those that come nearest, each with the
first scale or code that differs. Scales may be swizzled. Recipes that agree on
all of a matrix are named together.`

const identifyExample = `  trueup identify model.safetensors model-nvfp4.safetensors
  trueup identify --tensor model.layers.0.mlp.down_proj.weight bf16.safetensors fp8.safetensors
  trueup identify --json --all bf16.safetensors nvfp4.safetensors | jq '.[].matches[0]'`

// identifyFlags are the options of the command.
type identifyFlags struct {
	tensors []string
	all     bool
	json    bool
}

func identifyCommand() *cobra.Command {
	var f identifyFlags
	c := &cobra.Command{
		Use:     "identify SOURCE QUANTIZED",
		Short:   "Find out which recipe quantized a checkpoint",
		Long:    identifyLong,
		Example: identifyExample,
		Args:    cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, files []string) error {
			return f.run(files[0], files[1], c.OutOrStdout())
		},
	}
	flags := c.Flags()
	flags.StringArrayVar(&f.tensors, "tensor", nil, "look at this tensor of SOURCE only (repeatable)")
	flags.BoolVar(&f.all, "all", false, "list all recipes for each tensor")
	flags.BoolVar(&f.json, "json", false, "write JSON instead of text")
	return c
}

// identified is what was found out about a tensor.
type identified struct {
	tensor     string
	rows, cols int
	format     string
	matches    []identify.Match // never empty
}

func (f *identifyFlags) run(sourcePath, quantizedPath string, stdout io.Writer) error {
	sources, err := safetensors.Open(sourcePath)
	if err != nil {
		return err
	}
	quantized, err := safetensors.Open(quantizedPath)
	if err != nil {
		return err
	}
	names := f.tensors
	if len(names) == 0 {
		names = sources.Names()
	}
	var results []identified
	for _, name := range names {
		r, err := identifyTensor(sources, quantized, name)
		if errors.Is(err, errNotQuantized) && len(f.tensors) == 0 {
			continue
		}
		if err != nil {
			return fmt.Errorf("tensor %q: %w", name, err)
		}
		if !f.all {
			r.matches = shortest(r.matches)
		}
		if results = append(results, r); !f.json {
			if err := r.write(stdout); err != nil {
				return err
			}
		}
	}
	if len(results) == 0 {
		return fmt.Errorf("%s has no quantized form of a matrix in %s", quantizedPath, sourcePath)
	}
	if f.json {
		return writeIdentifiedJSON(stdout, results)
	}
	return writeCommon(stdout, results)
}

func identifyTensor(sources, quantized *safetensors.File, name string) (identified, error) {
	source, err := sourceMatrix(sources, name)
	if err != nil {
		return identified{}, err
	}
	format, matches, err := findQuantized(quantized, strings.TrimSuffix(name, ".weight"), source)
	if err != nil {
		return identified{}, err
	}
	return identified{name, source.Rows, source.Cols, format, matches}, nil
}

// shortest keeps the exact matches or, if there are none, the nearest three.
func shortest(matches []identify.Match) []identify.Match {
	n := slices.IndexFunc(matches, func(m identify.Match) bool { return !m.Exact() })
	switch n {
	case -1:
		return matches
	case 0:
		return matches[:min(3, len(matches))]
	}
	return matches[:n]
}

func (r *identified) write(w io.Writer) error {
	verdict := "made by"
	if !r.matches[0].Exact() {
		verdict = "made by none of the recipes; nearest"
	}
	_, err := fmt.Fprintf(w, "%s (%d × %d, %s): %s\n", r.tensor, r.rows, r.cols, r.format, verdict)
	for _, m := range r.matches {
		if err == nil {
			_, err = fmt.Fprintf(w, "  %v%s\n", &m, amaxNote(&m))
		}
	}
	return err
}

// writeCommon names the recipes that made every matrix of a format, where there are several.
func writeCommon(w io.Writer, results []identified) error {
	count, made, order := map[string]int{}, map[string]map[string]int{}, []string{}
	for _, r := range results {
		if count[r.format]++; count[r.format] == 1 {
			made[r.format] = map[string]int{}
			order = append(order, r.format)
		}
		for _, m := range r.matches {
			if m.Exact() {
				made[r.format][m.Recipe]++
			}
		}
	}
	for _, format := range order {
		n := count[format]
		if n == 1 {
			continue
		}
		var common []string
		for recipe, times := range made[format] {
			if times == n {
				common = append(common, recipe)
			}
		}
		slices.Sort(common)
		verdict := strings.Join(common, ", ")
		if common == nil {
			verdict = "no one recipe"
		}
		if _, err := fmt.Fprintf(w, "all %d %s matrices were made by: %s\n", n, format, verdict); err != nil {
			return err
		}
	}
	return nil
}

// amaxNote says where the amax is from, if not simply from the source.
func amaxNote(m *identify.Match) string {
	if m.AMaxFrom == identify.FromSource || m.AMaxFrom == identify.NoAMax {
		return ""
	}
	return fmt.Sprintf("; amax %v, not the source's own, from the %s", m.AMax, m.AMaxFrom)
}
