package route_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/route"
)

// A model is a router with what the test itself knows of it, kept in the plainest
// way: who has a lease where, who waits, in which order.
type model struct {
	t        testing.TB
	rng      *rand.Rand
	r        *route.Router
	config   route.Config
	now      time.Time
	ranks    map[string]*modelRank
	rollouts map[string]*modelRollout
	resume   []*modelRollout // that wait, and had a lease before
	fresh    []*modelRollout // that wait for their first
	over     []route.Lease
	serial   int
	asking   *modelRollout
	home     string // of asking, before
}

type modelRank struct {
	route.Rank
	state route.RankState
}

type modelRollout struct {
	route.Rollout // Tokens is the context
	rank          string
	lease         *route.Lease // of the turn under way
	placed        bool
	waits         bool
	idleSince     time.Time
}

func newModel(t testing.TB, c route.Config, seed uint64) *model {
	m := &model{
		t: t, rng: rand.New(rand.NewPCG(seed, 1)), now: time.Unix(0, 0),
		ranks: map[string]*modelRank{}, rollouts: map[string]*modelRollout{},
	}
	c.Now = func() time.Time { return m.now }
	c.Seed, c.IdleTTL = seed, time.Hour
	var err error
	m.r, err = route.New(c)
	require.NoError(t, err)
	m.config = m.r.Config()
	return m
}

func (o *modelRollout) own() int64 { return max(0, max(o.Tokens, o.Reserve)-o.Shared) }

// siblings returns how many other rollouts on a rank have the prompt of o.
func (m *model) siblings(o *modelRollout, rank string) (n int) {
	for _, p := range m.rollouts {
		if p != o && p.rank == rank && p.Group != "" && p.Group == o.Group {
			n++
		}
	}
	return n
}

func (m *model) tokens(rank string) (sum int64, leases int) {
	prompts := map[string]bool{}
	for _, o := range m.rollouts {
		if o.rank != rank {
			continue
		}
		leases++
		sum += o.own()
		if o.Group != "" && !prompts[o.Group] {
			prompts[o.Group] = true
			sum += o.Shared
		}
	}
	return sum, leases
}

// brings returns what o would add to a rank.
func (m *model) brings(o *modelRollout, rank string) int64 {
	if m.siblings(o, rank) > 0 {
		return o.own()
	}
	return o.own() + o.Shared
}

func (m *model) fits(o *modelRollout, k *modelRank) bool {
	tokens, leases := m.tokens(k.ID)
	if k.state != route.Up || k.MaxLive > 0 && leases >= k.MaxLive {
		return false
	}
	fraction := m.config.Admit
	if o.placed {
		fraction = m.config.Resume
	}
	return m.config.Policy != route.KVLease || leases == 0 ||
		tokens+m.brings(o, k.ID) <= int64(fraction*float64(k.Capacity))
}

func (m *model) load(rank string) float64 {
	tokens, _ := m.tokens(rank)
	return float64(tokens) / float64(m.ranks[rank].Capacity)
}

// granted checks a lease against what is known at the time.
func (m *model) granted(o *modelRollout, l route.Lease) {
	t := m.t
	k := m.ranks[l.Rank]
	require.NotNil(t, k)
	require.Equal(t, route.Up, k.state)
	require.Equal(t, o.ID, l.Rollout)
	require.Nil(t, o.lease, "two turns at a time")
	stuck := o == m.asking && l.Rank == m.home
	waits := &m.fresh
	if o.placed {
		waits = &m.resume
	}
	if !stuck {
		if o != m.asking || m.home == "" || m.config.Policy == route.KVLease {
			require.Equal(t, o, (*waits)[0], "out of turn")
			require.True(t, o.placed || len(m.resume) == 0, "before a parked rollout")
		}
		require.True(t, m.fits(o, k), "no room")
		if m.config.Policy == route.KVLease {
			m.checkChoice(o, l.Rank)
		}
	}
	*waits = slices.DeleteFunc(*waits, func(p *modelRollout) bool { return p == o })
	o.rank, o.lease, o.placed, o.waits = l.Rank, &l, true, false
}

// checkChoice sees that of the ranks with room that with the least load was
// chosen, or one that has the prompt.
func (m *model) checkChoice(o *modelRollout, rank string) {
	least := 2.0
	for id, k := range m.ranks {
		if m.fits(o, k) {
			least = min(least, m.load(id))
		}
	}
	got := m.load(rank)
	if n := m.siblings(o, rank); n > 0 && n < m.config.MaxSiblings {
		least += 3 * float64(o.Shared) / float64(m.ranks[rank].Capacity)
	}
	// A rank with the prompt that has too many siblings already may have the least
	// load of those that fit, and is taken last.
	others := true
	for id, k := range m.ranks {
		tokens, leases := m.tokens(id)
		fraction := m.config.Admit
		if o.placed {
			fraction = m.config.Resume
		}
		if m.load(id) < got && m.fits(o, k) && (leases == 0 || tokens+o.own()+o.Shared <= int64(fraction*float64(k.Capacity))) {
			others = false
		}
	}
	require.True(m.t, got <= least || others, "rank %s has %v, the least is %v", rank, got, least)
}

func (m *model) place() {
	m.serial++
	o := &modelRollout{Rollout: route.Rollout{ID: fmt.Sprint("r", m.serial), Tokens: m.rng.Int64N(600)}}
	if m.rng.IntN(2) == 0 {
		g := m.rng.IntN(8) + m.serial/50
		o.Group, o.Shared = fmt.Sprint("g", g), int64(g%3*100)
		o.Tokens += o.Shared
	}
	if m.rng.IntN(3) == 0 {
		o.Reserve = m.rng.Int64N(1000)
	}
	o.waits = true
	m.rollouts[o.ID] = o
	m.fresh = append(m.fresh, o)
	m.ask(o, "", func(grant func(route.Lease, error)) error { return m.r.PlaceFunc(o.Rollout, grant) })
	require.ErrorIs(m.t, m.r.PlaceFunc(o.Rollout, nil), route.ErrBusy)
}

func (m *model) nextTurn(o *modelRollout) {
	home := o.rank
	full := false
	if home != "" {
		tokens, leases := m.tokens(home)
		full = tokens > m.ranks[home].Capacity && leases > 1
	}
	o.rank, o.waits = "", true
	m.resume = append(m.resume, o)
	m.ask(o, home, func(grant func(route.Lease, error)) error { return m.r.NextFunc(o.ID, grant) })
	if m.config.Policy <= route.BoundedHash && home != "" && o.rank != home {
		require.True(m.t, full, "a rollout moved without need")
	}
}

func (m *model) ask(o *modelRollout, home string, f func(func(route.Lease, error)) error) {
	m.asking, m.home = o, home
	require.NoError(m.t, f(func(l route.Lease, err error) {
		if err != nil {
			require.ErrorIs(m.t, err, route.ErrRollout)
			return
		}
		m.granted(o, l)
	}))
	m.asking, m.home = nil, ""
}

func (m *model) rest(o *modelRollout) {
	if o.lease != nil {
		m.over = append(m.over, *o.lease)
		if m.ranks[o.rank].state != route.Up {
			o.rank = ""
		}
	}
	o.lease, o.waits, o.idleSince = nil, false, m.now
}

func (m *model) end(o *modelRollout) {
	l := *o.lease
	m.rest(o)
	if m.rng.IntN(8) == 0 {
		require.NoError(m.t, m.r.Cancel(l))
		return
	}
	if m.rng.IntN(20) == 0 {
		o.Tokens /= 3
	}
	o.Tokens += m.rng.Int64N(200)
	require.NoError(m.t, m.r.Grow(l, o.Tokens))
}

func (m *model) finish(o *modelRollout) {
	m.drop(o)
	require.NoError(m.t, m.r.Finish(o.ID))
}

func (m *model) drop(o *modelRollout) {
	if o.lease != nil {
		m.over = append(m.over, *o.lease)
	}
	gone := func(p *modelRollout) bool { return p == o }
	m.resume, m.fresh = slices.DeleteFunc(m.resume, gone), slices.DeleteFunc(m.fresh, gone)
	delete(m.rollouts, o.ID)
}

// lose takes the leases of a rank that goes away, those of idle rollouts only if
// it drains.
func (m *model) lose(rank string, all bool) {
	for _, o := range m.rollouts {
		if o.rank == rank && (all || o.lease == nil) {
			if o.lease != nil {
				m.rest(o)
			}
			o.rank = ""
		}
	}
}

func (m *model) pick(want func(*modelRollout) bool) *modelRollout {
	var ids []string
	for id, o := range m.rollouts {
		if want(o) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	slices.Sort(ids)
	return m.rollouts[ids[m.rng.IntN(len(ids))]]
}

func isIdle(o *modelRollout) bool    { return o.lease == nil && !o.waits }
func isRunning(o *modelRollout) bool { return o.lease != nil }
func isAny(*modelRollout) bool       { return true }

func (m *model) pickRank() *modelRank {
	var ids []string
	for id := range m.ranks {
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return nil
	}
	slices.Sort(ids)
	return m.ranks[ids[m.rng.IntN(len(ids))]]
}

func (m *model) changeRank() {
	k := m.pickRank()
	switch op := m.rng.IntN(7); {
	case op < 2 || k == nil:
		if len(m.ranks) < 6 {
			m.serial++
			k := route.Rank{ID: fmt.Sprint("k", m.serial), Capacity: 2000 + m.rng.Int64N(4000), MaxLive: m.rng.IntN(20)}
			m.ranks[k.ID] = &modelRank{Rank: k}
			require.NoError(m.t, m.r.AddRank(k))
			require.ErrorIs(m.t, m.r.AddRank(k), route.ErrRank)
		}
	case op == 2:
		m.setState(k, route.Down, m.r.Fail, func() { m.lose(k.ID, true) })
	case op == 3:
		if k.state != route.Up {
			require.ErrorIs(m.t, m.r.Drain(k.ID), route.ErrRank)
			return
		}
		m.setState(k, route.Draining, m.r.Drain, func() { m.lose(k.ID, false) })
	case op == 4:
		m.setState(k, route.Up, m.r.Open, func() {})
	case op == 5 && m.rng.IntN(3) == 0:
		m.lose(k.ID, true)
		delete(m.ranks, k.ID)
		require.NoError(m.t, m.r.RemoveRank(k.ID))
		require.ErrorIs(m.t, m.r.RemoveRank(k.ID), route.ErrRank)
	default:
		k.Capacity = 2000 + m.rng.Int64N(4000)
		require.NoError(m.t, m.r.Resize(k.ID, k.Capacity))
	}
}

func (m *model) setState(k *modelRank, to route.RankState, f func(string) error, then func()) {
	if k.state == to {
		require.ErrorIs(m.t, f(k.ID), route.ErrRank)
		return
	}
	k.state = to
	then()
	require.NoError(m.t, f(k.ID))
}

// restart saves the router and goes on with one that is restored from JSON.
func (m *model) restart() {
	saved := m.r.Save()
	text, err := json.Marshal(saved)
	require.NoError(m.t, err)
	var s route.State
	require.NoError(m.t, json.Unmarshal(text, &s))
	m.r, err = route.Restore(s, m.config.Now)
	require.NoError(m.t, err)
	again, err := json.Marshal(m.r.Save())
	require.NoError(m.t, err)
	require.JSONEq(m.t, string(text), string(again))
	for _, o := range m.rollouts {
		if o.placed {
			m.rest(o)
			o.idleSince = m.now
		} else {
			m.drop(o)
		}
	}
	m.resume = nil
}

func (m *model) step() {
	m.now = m.now.Add(time.Second)
	switch op := m.rng.IntN(100); {
	case op < 15:
		m.place()
	case op < 50:
		if o := m.pick(isIdle); o != nil {
			m.nextTurn(o)
		}
	case op < 85:
		if o := m.pick(isRunning); o != nil {
			m.end(o)
		}
	case op < 92:
		if o := m.pick(isAny); o != nil {
			m.finish(o)
			require.ErrorIs(m.t, m.r.Finish(o.ID), route.ErrRollout)
		}
	case op < 94:
		if o := m.pick(isIdle); o != nil {
			o.rank = ""
			require.NoError(m.t, m.r.Park(o.ID))
		}
	case op < 98:
		m.changeRank()
	case op == 98 && m.rng.IntN(3) == 0:
		m.restart()
	case len(m.over) > 0:
		l := m.over[m.rng.IntN(len(m.over))]
		require.ErrorIs(m.t, m.r.Grow(l, 1), route.ErrLease)
	}
	m.check()
}

// check compares the router with what is known.
func (m *model) check() {
	t := m.t
	all := m.r.Ranks()
	require.Len(t, all, len(m.ranks))
	level := route.Level{Resume: len(m.resume), Waiting: len(m.fresh)}
	for _, k := range all {
		tokens, leases := m.tokens(k.ID)
		require.Equal(t, tokens, k.Tokens)
		require.Equal(t, leases, k.Leases)
		require.Equal(t, m.ranks[k.ID].state, k.State)
		if k.MaxLive > 0 {
			require.LessOrEqual(t, k.Leases, k.MaxLive)
		}
		level.Leases += leases
	}
	placed := 0
	for _, o := range m.rollouts {
		if o.lease != nil {
			level.Running++
		}
		if o.placed {
			placed++
			if o.rank == "" {
				level.Parked++
			}
		}
	}
	require.Equal(t, level, m.r.Level())
	s := m.r.Stats()
	require.Equal(t, s.Placed, int64(placed)+s.Finished+s.Expired)
	for _, waits := range [][]*modelRollout{m.resume, m.fresh} {
		if len(waits) > 0 { // the first waits for want of room only
			for _, k := range m.ranks {
				require.False(t, m.fits(waits[0], k), "%s waits, but fits on %s", waits[0].ID, k.ID)
			}
			break
		}
	}
}

// runDry sees that everyone who waits is served once others finish.
func (m *model) runDry() {
	for _, k := range m.ranks {
		if k.state != route.Up {
			m.setState(k, route.Up, m.r.Open, func() {})
		}
	}
	if len(m.ranks) == 0 {
		m.ranks["last"] = &modelRank{Rank: route.Rank{ID: "last", Capacity: 1000}}
		require.NoError(m.t, m.r.AddRank(m.ranks["last"].Rank))
	}
	for len(m.rollouts) > 0 {
		o := m.pick(isRunning)
		if o == nil {
			o = m.pick(isIdle)
		}
		require.NotNil(m.t, o, "all wait")
		m.finish(o)
		m.check()
	}
	for _, k := range m.r.Ranks() {
		require.Zero(m.t, k.Tokens)
		require.Zero(m.t, k.Leases)
		require.Zero(m.t, k.Running)
	}
}

func (m *model) run(steps int) {
	for range 3 {
		m.changeRank()
	}
	for range steps {
		m.step()
	}
	m.now = m.now.Add(time.Hour)
	var expired []string
	for id, o := range m.rollouts {
		if isIdle(o) && m.now.Sub(o.idleSince) > time.Hour {
			expired = append(expired, id)
			m.drop(o)
		}
	}
	require.ElementsMatch(m.t, expired, m.r.Expire())
	m.check()
	m.runDry()
}

// TestSchedules runs random schedules, with ranks that come, go, drain, fail and
// change their size, against the model.
func TestSchedules(t *testing.T) {
	seeds, steps := 15, 500
	if testing.Short() {
		seeds, steps = 5, 300
	}
	for _, p := range route.Policies() {
		t.Run(p.String(), func(t *testing.T) {
			for seed := range seeds {
				newModel(t, route.Config{Policy: p}, uint64(seed)).run(steps)
			}
		})
	}
}

func FuzzSchedule(f *testing.F) {
	for i := range route.Policies() {
		f.Add(uint64(i), uint8(i))
	}
	f.Fuzz(func(t *testing.T, seed uint64, p uint8) {
		c := route.Config{Policy: route.Policy(int(p) % len(route.Policies()))}
		newModel(t, c, seed).run(200)
	})
}
