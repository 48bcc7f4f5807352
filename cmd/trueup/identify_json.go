package main

import (
	"encoding/json"
	"io"
	"math"

	"github.com/trueup-rl/trueup/identify"
)

// identifiedJSON and matchJSON are the form of identified for programs.
type identifiedJSON struct {
	Tensor  string      `json:"tensor"`
	Rows    int         `json:"rows"`
	Cols    int         `json:"cols"`
	Format  string      `json:"format"`
	Exact   bool        `json:"exact"`
	Matches []matchJSON `json:"matches"`
}

type matchJSON struct {
	Recipe      string          `json:"recipe"`
	Tile        string          `json:"tile,omitempty"`
	ScaleLayout string          `json:"scale_layout,omitempty"`
	CodeLayout  string          `json:"code_layout,omitempty"`
	Exact       bool            `json:"exact"`
	Scales      shareJSON       `json:"scales"`
	Codes       shareJSON       `json:"codes"`
	First       *differenceJSON `json:"first_difference,omitempty"`
	AMax        *float32        `json:"amax,omitempty"` // if finite
	AMaxFrom    string          `json:"amax_from,omitempty"`
}

type shareJSON struct {
	Equal int `json:"equal"`
	Of    int `json:"of"`
}

type differenceJSON struct {
	Kind string `json:"kind"` // scale or code
	Row  int    `json:"row"`
	Col  int    `json:"col"`
	Got  uint32 `json:"got"`
	Want uint32 `json:"want"`
}

func writeIdentifiedJSON(w io.Writer, results []identified) error {
	all := make([]identifiedJSON, len(results))
	for i, r := range results {
		all[i] = identifiedJSON{Tensor: r.tensor, Rows: r.rows, Cols: r.cols, Format: r.format, Exact: r.matches[0].Exact()}
		for _, m := range r.matches {
			all[i].Matches = append(all[i].Matches, newMatchJSON(&m))
		}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(all)
}

func newMatchJSON(m *identify.Match) matchJSON {
	j := matchJSON{
		Recipe: m.Recipe, Tile: m.Tile, ScaleLayout: m.ScaleLayout, CodeLayout: m.CodeLayout,
		Exact: m.Exact(), Scales: shareJSON(m.Scales), Codes: shareJSON(m.Codes),
		AMaxFrom: string(m.AMaxFrom),
	}
	if a := float64(m.AMax); j.AMaxFrom != "" && !math.IsNaN(a) && !math.IsInf(a, 0) {
		j.AMax = &m.AMax
	}
	if d := m.First; d != nil {
		j.First = &differenceJSON{Kind: "code", Row: d.Row, Col: d.Col, Got: d.Got, Want: d.Want}
		if d.Scale {
			j.First.Kind = "scale"
		}
	}
	return j
}
