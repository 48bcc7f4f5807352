package route

import (
	"cmp"
	"slices"
	"strconv"
)

// ring is a circle of hashes, each of which belongs to a rank: of all that follow
// a key, the first decides. When a rank comes or goes, only keys that it gets or
// had move.
type ring []point

type point struct {
	hash uint64
	rank *rank
}

// pointsPerRank evens out the arcs that belong to ranks, to a tenth or so.
const pointsPerRank = 160

func newRing(ranks []*rank) ring {
	c := make(ring, 0, pointsPerRank*len(ranks))
	for _, k := range ranks {
		for i := range pointsPerRank {
			c = append(c, point{hash(k.ID + "#" + strconv.Itoa(i)), k})
		}
	}
	slices.SortStableFunc(c, func(a, b point) int { return cmp.Compare(a.hash, b.hash) })
	return c
}

// find returns the first rank after key that is accepted.
func (c ring) find(key string, accept func(*rank) bool) *rank {
	first, _ := slices.BinarySearchFunc(c, hash(key), func(p point, h uint64) int { return cmp.Compare(p.hash, h) })
	for i := range c {
		if k := c[(first+i)%len(c)].rank; accept(k) {
			return k
		}
	}
	return nil
}

func (r *Router) consistentHash(s *rollout) *rank { return r.hashed(s, s.id) }

func (r *Router) prefixHash(s *rollout) *rank {
	if s.group == nil {
		return r.hashed(s, s.id)
	}
	return r.hashed(s, s.group.id)
}

func (r *Router) hashed(s *rollout, key string) *rank {
	return r.ring.find(key, func(k *rank) bool { return k.place >= 0 || k == s.rank })
}

// boundedHash lets no rank have more than ⌈1.25·m/R⌉ of m rollouts, s included.
func (r *Router) boundedHash(s *rollout) *rank {
	m := 1
	for _, k := range r.heap {
		m += k.leases.n
	}
	n := len(r.heap)
	return r.ring.find(s.id, func(k *rank) bool {
		return k.place >= 0 && k.leases.n < (5*m+4*n-1)/(4*n)
	})
}

// hash is FNV-1a, with the bits mixed well afterwards.
func hash(s string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 0x100000001b3
	}
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
