package sim

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"strconv"

	"github.com/trueup-rl/trueup/route"
)

type lease = route.Lease

// rollout is one of those that run.
type rollout struct {
	n       int
	id      string
	size    int // of its group
	rng     *rand.Rand
	turns   int // left
	context int64
	seen    int64 // tokens of its own that were in some cache
	began   float64
	asked   float64
}

func (o *rollout) group() int { return o.n / o.size }

// event is the end of something: of an environment's time, or of what a rank does.
type event struct {
	at      float64
	serial  int64
	rollout *rollout // whose environment is done, or nil
	rank    *rank
	version int64
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].serial < e[j].serial
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	s := *e
	last := s[len(s)-1]
	*e = s[:len(s)-1]
	return last
}

type simulation struct {
	config   Config
	router   *route.Router
	ranks    map[string]*rank
	rollouts map[string]*rollout
	now      float64
	serial   int64
	events   events
	granted  []lease // and not sent yet
	begun    int     // rollouts
	ended    int
	prompts  map[int]int // groups of which a prompt was in some cache, by rollouts left
	meter    meter
}

// Run simulates. An error wraps ErrConfig or route.ErrConfig.
func Run(c Config) (Result, error) {
	if err := c.Check(); err != nil {
		return Result{}, err
	}
	s := &simulation{config: c, ranks: map[string]*rank{}, rollouts: map[string]*rollout{}, prompts: map[int]int{}}
	var ranks []route.Rank
	for i := range c.Ranks {
		id := fmt.Sprintf("rank-%d", i)
		ranks = append(ranks, route.Rank{ID: id, Capacity: c.Capacity})
		s.ranks[id] = &rank{config: &s.config, cache: newCache(c.Capacity)}
	}
	var err error
	if s.router, err = route.New(c.Route, ranks...); err != nil {
		return Result{}, err
	}
	for range c.Ranks * c.Live {
		s.place()
	}
	for s.ended < c.Warmup+c.Rollouts {
		e := heap.Pop(&s.events).(event)
		if e.rank != nil && e.version != e.rank.version {
			continue
		}
		if s.ended >= c.Warmup {
			s.meter.start(s, s.now)
			s.meter.sample(s, e.at)
		}
		s.now = e.at
		if e.rollout != nil {
			s.ask(e.rollout)
		} else {
			s.step(e.rank)
		}
	}
	return s.meter.result(s), nil
}

// place lets another rollout begin.
func (s *simulation) place() {
	n := s.begun
	s.begun++
	c := &s.config
	o := &rollout{
		n: n, id: strconv.Itoa(n), size: c.Group, context: c.Prompt, began: s.now, asked: s.now,
		rng: rand.New(rand.NewPCG(c.Route.Seed, uint64(n))),
	}
	o.turns = int(min(float64(c.MaxTurns), max(float64(c.MinTurns), c.Turns.draw(o.rng)+0.5)))
	s.rollouts[o.id] = o
	group := ""
	if c.Group > 1 {
		group = "group-" + strconv.Itoa(o.group())
	}
	start := route.Rollout{ID: o.id, Group: group, Tokens: c.Prompt + c.Output + c.Input}
	if group != "" {
		start.Shared = c.Prompt
	}
	if c.Route.Policy == route.KVLease {
		start.Reserve = c.Reserve
	}
	s.must(s.router.PlaceFunc(start, s.grant))
	s.send()
}

// ask asks for the next turn of a rollout whose environment is done.
func (s *simulation) ask(o *rollout) {
	o.asked = s.now
	s.must(s.router.NextFunc(o.id, s.grant))
	s.send()
}

func (s *simulation) grant(l lease, err error) {
	s.must(err)
	s.granted = append(s.granted, l)
}

// must stops a simulation whose router refuses what it cannot refuse.
func (s *simulation) must(err error) {
	if err != nil {
		panic("sim: " + err.Error())
	}
}

// send sends the turns that were granted to their ranks.
func (s *simulation) send() {
	for _, l := range s.granted {
		o, k := s.rollouts[l.Rollout], s.ranks[l.Rank]
		s.meter.waited(s.now - o.asked)
		k.advance(s.now)
		k.queue = append(k.queue, &request{rollout: o, turn: l.Turn, lease: l, context: o.context})
		s.schedule(k)
	}
	s.granted = s.granted[:0]
}

// step lets happen what a rank was to do by now.
func (s *simulation) step(k *rank) {
	k.advance(s.now)
	if k.prefill != nil {
		k.decode()
		s.schedule(k)
		return
	}
	q := k.end()
	s.schedule(k)
	o := q.rollout
	o.context += s.config.Output
	o.seen = o.context
	s.meter.output(s.config.Output)
	if o.turns--; o.turns == 0 {
		s.must(s.router.Finish(o.id))
		s.send()
		s.finish(o)
		s.place()
		return
	}
	o.context += s.config.Input
	s.must(s.router.Grow(q.lease, o.context))
	s.send()
	s.push(event{at: s.now + s.config.Env.draw(o.rng), rollout: o})
}

func (s *simulation) finish(o *rollout) {
	delete(s.rollouts, o.id)
	s.ended++
	s.meter.ended(s.now - o.began)
}

// schedule starts what a rank can start, and notes when it does something next.
func (s *simulation) schedule(k *rank) {
	if q, cached, missing := k.begin(); q != nil {
		// What no cache has seen has to be computed once.
		o := q.rollout
		fresh := q.context - max(o.seen, s.config.Prompt)
		if o.seen == 0 {
			if s.prompts[o.group()] == 0 {
				fresh += s.config.Prompt
			}
			s.prompts[o.group()]++
		}
		o.seen = q.context
		s.meter.prefill(cached, missing, min(missing, fresh))
	}
	k.version++
	if at, ok := k.next(); ok {
		s.push(event{at: at, rank: k, version: k.version})
	}
}

func (s *simulation) push(e event) {
	s.serial++
	e.serial = s.serial
	heap.Push(&s.events, e)
}
