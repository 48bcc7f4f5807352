package figures

import (
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/cmd/internal/rollouts"
)

// noisy fills a collector with rows of 1 to 200 tokens whose d has the given
// standard deviation.
func noisy(c *Collector, rng *rand.Rand, precision string, rows int, sigma float64) {
	for range rows {
		n := 1 + rng.IntN(200)
		trainer, rollout := make([]float32, n), make([]float32, n)
		for i := range n {
			p := -rng.ExpFloat64()
			rollout[i] = float32(p)
			trainer[i] = float32(min(0, p+sigma*rng.NormFloat64()))
		}
		c.Add(precision, trainer, rollout, nil)
	}
}

// filled returns a collector with one row of equal tokens per given d.
func filled(deltas ...float32) *Collector {
	var c Collector
	for i, d := range deltas {
		c.Add(fmt.Sprint("p", i), []float32{d - 1}, []float32{-1}, nil)
	}
	return &c
}

var notANumber = regexp.MustCompile(`(?i)[^a-z](nan|inf)[^a-z]`)

// requireDrawn checks that figures can be pasted into a page.
func requireDrawn(t *testing.T, c *Collector, order ...string) []Figure {
	t.Helper()
	figures, err := c.Figures(order)
	require.NoError(t, err)
	require.Len(t, figures, 5)
	ids := map[string]bool{}
	for _, f := range figures {
		require.False(t, ids[f.ID])
		ids[f.ID] = true
		require.NotEmpty(t, f.Title)
		require.NotEmpty(t, f.Caption)
		d := xml.NewDecoder(strings.NewReader(string(f.SVG)))
		for {
			token, err := d.Token()
			if err == io.EOF {
				break
			}
			require.NoError(t, err, f.ID)
			if e, ok := token.(xml.StartElement); ok {
				for _, a := range e.Attr {
					require.NotEqual(t, "id", a.Name.Local)
					require.NotRegexp(t, notANumber, " "+a.Value+" ", f.ID)
				}
			}
		}
		require.NotContains(t, f.SVG, "Liberation Sans;")
		require.Contains(t, f.SVG, "<path")
	}
	return figures
}

func TestFigures(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	seven := new(Collector)
	for i, sigma := range []float64{0.03, 0.1, 0.11, 0.2, 0.7, 1, 1.5} {
		noisy(seven, rng, fmt.Sprint("precision_", i), 100, sigma)
	}
	one := new(Collector)
	noisy(one, rng, "<script>&\"\x00\n"+strings.Repeat("long", 20), 3, 0.1)
	many := new(Collector)
	for i := range 30 {
		noisy(many, rng, fmt.Sprint("checkpoint_", i), 2, 0.1*float64(i))
	}
	for name, c := range map[string]*Collector{
		"seven":      seven,
		"one":        one,
		"many":       many,
		"one token":  filled(0.5),
		"no width":   filled(0),
		"both":       filled(0, 0.25),
		"tiny":       filled(1e-6, -1e-7),
		"huge":       filled(50, -50),
		"beyond":     filled(1e30, -3e38),
		"huge alone": filled(-3e38),
	} {
		t.Run(name, func(t *testing.T) {
			figures := requireDrawn(t, c, "p1")
			again, err := c.Figures([]string{"p1"})
			require.NoError(t, err)
			require.Equal(t, figures, again)
			size := 0
			for _, f := range figures {
				size += len(f.SVG)
			}
			if name == "seven" {
				require.Less(t, size, 600<<10)
			}
		})
	}
}

func TestFiguresOfNothing(t *testing.T) {
	var c Collector
	c.Add("empty", nil, nil, nil)
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	c.Add("not finite", []float32{nan, -1, inf, -inf, -inf}, []float32{-1, nan, -1, -1, -inf}, nil)
	c.Add("masked", []float32{-1}, []float32{-1}, []uint8{0})
	figures, err := c.Figures(nil)
	require.NoError(t, err)
	require.Empty(t, figures)
	require.Panics(t, func() { c.Add("", make([]float32, 2), make([]float32, 1), nil) })
	require.Panics(t, func() { c.Add("", make([]float32, 2), make([]float32, 2), make([]uint8, 1)) })
}

// Named precisions come first, the others by name, and what is not there is
// left out.
func TestOrder(t *testing.T) {
	var c Collector
	for _, p := range []string{"d", "b", "a", "c"} {
		c.Add(p, []float32{-1}, []float32{-1}, nil)
	}
	c.Add("empty", nil, nil, nil)
	var names []string
	for _, s := range c.inOrder([]string{"empty", "c", "missing", "b"}) {
		names = append(names, s.name)
	}
	require.Equal(t, []string{"c", "b", "a", "d"}, names)
}

func TestStylesDiffer(t *testing.T) {
	seen := map[string]bool{}
	for i := range len(palette) * len(dashPatterns) {
		seen[fmt.Sprint(styleOf(i))] = true
	}
	require.Len(t, seen, len(palette)*len(dashPatterns))
}

// TestPage writes the figures of real data as a page to look at, if FIGURES_HTML
// names a file.
func TestPage(t *testing.T) {
	data, page := os.Getenv("TRUEUP_DATA"), os.Getenv("FIGURES_HTML")
	if data == "" {
		t.Skip("TRUEUP_DATA is not set")
	}
	r, err := rollouts.Open(rollouts.Options{TrainerColumn: "trainer_logprob_bf16"},
		filepath.Join(data, "smollm2", "rollouts.parquet"))
	require.NoError(t, err)
	defer r.Close()
	var c Collector
	var row rollouts.Row
	for {
		if err = r.Next(&row); err != nil {
			break
		}
		c.Add(row.Precision, row.Trainer, row.Rollout, row.Mask)
	}
	require.Equal(t, io.EOF, err)
	figures := requireDrawn(t, &c, "nvfp4_mixed", "bf16")
	if page == "" {
		return
	}
	var b strings.Builder
	b.WriteString(`<!DOCTYPE html><meta charset="utf-8"><body style="max-width:1100px;margin:auto;font-family:sans-serif">`)
	for _, f := range figures {
		fmt.Fprintf(&b, "<h2>%s</h2>%s<p>%s</p>\n", f.Title, f.SVG, f.Caption)
	}
	require.NoError(t, os.WriteFile(page, []byte(b.String()), 0o644))
}
