package mismatch

import (
	"cmp"
	"math"
	"slices"

	"github.com/trueup-rl/trueup/internal/exact"
)

// Clusters estimates standard errors of K1, K2 and K3 when the tokens of one
// prompt are not independent of one another: rows of a prompt share its text,
// and errors of one answer may run in the same direction. The zero value is
// empty. Memory grows with the number of keys.
type Clusters[K cmp.Ordered] struct {
	byKey map[K]*cluster
}

type cluster struct {
	tokens    int64
	d, k2, k3 exact.Sum
}

// Add adds the tokens of s, if any, to the cluster named key.
func (c *Clusters[K]) Add(key K, s *Stats) {
	n := s.d.Block().N
	if n == 0 {
		return
	}
	if c.byKey == nil {
		c.byKey = make(map[K]*cluster)
	}
	k := c.byKey[key]
	if k == nil {
		k = new(cluster)
		c.byKey[key] = k
	}
	k.tokens += n
	k.d.Merge(s.d.Total())
	k.k2.Merge(s.k2.Total())
	k.k3.Merge(s.k3.Total())
}

// Len returns the number of clusters.
func (c *Clusters[K]) Len() int { return len(c.byKey) }

// SE returns the cluster-robust standard errors of the means over tokens,
//
//	sqrt(G/(G−1) · Σ_g (Σ_{t in g} (x_t − mean x))²) / n
//
// with G clusters and n tokens (the linearised ratio estimator; W. G. Cochran,
// Sampling Techniques, 1977, section 9A). With fewer than two clusters there is
// no estimate, and ok is false.
func (c *Clusters[K]) SE() (k1, k2, k3 float64, ok bool) {
	if len(c.byKey) < 2 {
		return 0, 0, 0, false
	}
	// A fixed order, since these last sums are over float64.
	keys := make([]K, 0, len(c.byKey))
	for key := range c.byKey {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	se := func(sum func(*cluster) float64) float64 {
		n, total := 0.0, 0.0
		for _, key := range keys {
			n += float64(c.byKey[key].tokens)
			total += sum(c.byKey[key])
		}
		squares := 0.0
		for _, key := range keys {
			g := c.byKey[key]
			e := sum(g) - float64(total/n*float64(g.tokens))
			squares += float64(e * e)
		}
		groups := float64(len(keys))
		return math.Sqrt(squares / (groups - 1) * groups / n / n)
	}
	return se(func(g *cluster) float64 { return g.d.Float64() }),
		se(func(g *cluster) float64 { return g.k2.Float64() }),
		se(func(g *cluster) float64 { return g.k3.Float64() }), true
}
