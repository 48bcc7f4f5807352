package sim

import (
	"fmt"
	"math"

	"github.com/trueup-rl/trueup/queue"
)

// prompt is the n-th of the workload, and how often it was sampled already.
type prompt struct {
	index int64
	tries int
}

// sample is a finished trajectory.
type sample struct {
	start       float64
	tokens      float64
	first, last int64   // versions at its start and end
	mean        float64 // version over the time in between
}

type (
	simQueue = queue.Queue[*prompt, sample]
	ticket   = queue.RunningTicket[*prompt]
	batch    = queue.Batch[*prompt, sample]
)

// slot is where a trajectory runs.
type slot struct {
	ticket  ticket
	member  int
	start   float64
	first   int64
	elapsed float64 // version·seconds at the start
	tokens  float64
}

// push is weights on their way to the engines.
type push struct {
	at      float64
	version int64
}

// pipeline is the state of a run.
type pipeline struct {
	Config
	queue *simQueue

	now     float64
	prompts int64
	turn    int64

	slots    []slot
	vacant   []int32
	finishes finishHeap
	group    ticket // whose members start next
	pending  int    // of them

	training batch
	stepEnds float64 // +Inf while the trainer waits
	pushes   []push  // in the order they arrive
	version  int64   // that the engines hold
	elapsed  float64 // ∫ version dt

	// Engine time stands still during pauses: it is real time less lost.
	lost       float64
	frozen     float64 // engine time during a pause
	resumes    float64
	inFlight   int
	waiting    int   // finished trajectories that no batch has taken
	unanswered int64 // trajectories finished since the last batch

	meter meter
}

// Run simulates the pipeline. An error wraps ErrConfig, queue.ErrConfig or
// ErrStuck.
func Run(c Config) (Report, error) {
	if err := c.Check(); err != nil {
		return Report{}, err
	}
	c.setDefaults()
	q, err := queue.New[*prompt, sample](c.Queue)
	if err != nil {
		return Report{}, err
	}
	p := &pipeline{Config: c, queue: q, stepEnds: math.Inf(1)}
	p.meter.init(&p.Config)
	p.fill()
	for !p.meter.done() {
		if err := p.step(); err != nil {
			return Report{}, err
		}
	}
	return p.meter.report(&p.Config), nil
}

// step moves on to the next event: of those at the same time first the end of an
// optimizer step, then the arrival of weights, then of a trajectory.
func (p *pipeline) step() error {
	arrives, finishes := math.Inf(1), math.Inf(1)
	if len(p.pushes) > 0 {
		arrives = p.pushes[0].at
	}
	if len(p.finishes) > 0 {
		finishes = p.finishes[0].at + p.lost
	}
	next := min(p.stepEnds, arrives, finishes)
	switch {
	case math.IsInf(next, 1):
		return fmt.Errorf("%w: after %v s and %d steps nothing runs", ErrStuck, p.now, p.meter.taken)
	case p.unanswered > stuckAfter*int64(p.Queue.Batch)*int64(p.Queue.Group):
		return fmt.Errorf("%w: at step %d, %d trajectories made no batch", ErrStuck, p.meter.taken, p.unanswered)
	}
	p.advance(max(next, p.now))
	switch next {
	case p.stepEnds:
		p.endStep()
	case arrives:
		p.arrive()
	default:
		p.finish()
	}
	return nil
}

// stuckAfter is how many batches may go by, all of them discarded.
const stuckAfter = 1000

func (p *pipeline) advance(to float64) {
	d := to - p.now
	p.elapsed += float64(float64(p.version) * d)
	p.meter.advance(d, p.inFlight, p.waiting, !math.IsInf(p.stepEnds, 1))
	p.now = to
}

// engineTime is the clock of the engines.
func (p *pipeline) engineTime() float64 {
	if p.now < p.resumes {
		return p.frozen
	}
	return p.now - p.lost
}

// fill starts trajectories while there is room and the gate is open.
func (p *pipeline) fill() {
	for p.InFlight == 0 || p.inFlight < p.InFlight {
		if p.pending == 0 {
			t, ok := p.queue.TryStart(p.nextPrompt)
			if !ok {
				return
			}
			t.Prompt.tries++
			p.group, p.pending = t, p.Queue.Group
		}
		p.start(p.group, p.Queue.Group-p.pending)
		p.pending--
	}
}

func (p *pipeline) nextPrompt() *prompt {
	p.prompts++
	return &prompt{index: p.prompts - 1}
}

func (p *pipeline) start(t ticket, member int) {
	draw := func(s source) float64 { return uniform(p.Seed, s, t.Prompt.index, member, t.Prompt.tries) }
	length := p.Rollout.Quantile(draw(rolloutTime))
	duration := float64(p.RolloutSeconds * length)
	if p.EnvSeconds > 0 {
		duration += float64(p.EnvSeconds * p.Env.Quantile(draw(envTime)))
	}
	i := int32(len(p.slots))
	if n := len(p.vacant); n > 0 {
		i, p.vacant = p.vacant[n-1], p.vacant[:n-1]
	} else {
		p.slots = append(p.slots, slot{})
	}
	p.slots[i] = slot{
		ticket: t, member: member, start: p.now, first: p.version, elapsed: p.elapsed,
		tokens: float64(p.OutputTokens * length),
	}
	p.finishes.push(finish{p.engineTime() + duration, p.turn, i})
	p.turn++
	p.inFlight++
	p.meter.started++
	if p.Observe != nil {
		p.Observe(Event{Seconds: p.now, Kind: Started, Group: t.ID, Member: member})
	}
}

// finish ends the trajectory that is first to.
func (p *pipeline) finish() {
	i := p.finishes.pop().slot
	s := &p.slots[i]
	mean := float64(s.first)
	if p.now > s.start {
		mean = (p.elapsed - s.elapsed) / (p.now - s.start)
	}
	err := p.queue.Finish(s.ticket, sample{s.start, s.tokens, s.first, p.version, mean}, int(math.Round(s.tokens)))
	if err != nil {
		panic(err) // the ticket is running
	}
	p.inFlight--
	p.waiting++
	p.unanswered++
	p.vacant = append(p.vacant, i)
	if p.Observe != nil {
		p.Observe(Event{Seconds: p.now, Kind: Finished, Group: s.ticket.ID, Member: s.member})
	}
	p.take()
	p.fill()
}

// take gives the trainer a batch if it waits and there is one.
func (p *pipeline) take() {
	if !math.IsInf(p.stepEnds, 1) {
		return
	}
	ready := p.queue.Level().Ready
	if ready < p.Queue.Batch {
		return
	}
	b, ok := p.queue.TryTake()
	left := p.queue.Level().Ready
	if discarded := ready - left - len(b.Groups); discarded > 0 {
		p.waiting -= discarded * p.Queue.Group
		if p.Observe != nil {
			p.Observe(Event{Seconds: p.now, Kind: Discarded, Count: discarded})
		}
	}
	if !ok {
		return
	}
	p.waiting -= len(b.Groups) * p.Queue.Group
	p.unanswered = 0
	p.training = b
	seconds := p.TrainSeconds
	if seconds > 0 {
		seconds = float64(seconds * p.Train.Quantile(uniform(p.Seed, trainTime, b.Index, 0, 0)))
	}
	p.stepEnds = p.now + seconds
	p.meter.take(p, &b)
	if p.Observe != nil {
		e := Event{Seconds: p.now, Kind: Taken, Step: b.Index}
		for _, g := range b.Groups {
			e.Groups = append(e.Groups, g.ID)
		}
		p.Observe(e)
	}
}

// endStep ends the optimizer step, and sends its weights on their way.
func (p *pipeline) endStep() {
	if err := p.queue.Done(p.training); err != nil {
		panic(err) // the batch is out
	}
	p.stepEnds = math.Inf(1)
	steps := p.training.Index + 1
	p.training = batch{}
	if p.Observe != nil {
		p.Observe(Event{Seconds: p.now, Kind: Stepped, Step: steps - 1})
	}
	if steps%int64(p.PushEverySteps) == 0 {
		p.pushes = append(p.pushes, push{p.now + p.SyncSeconds, steps})
		if p.SyncSeconds == 0 {
			p.arrive()
		}
	}
	p.take()
	p.fill()
}

// arrive makes the engines hold the weights that are first to.
func (p *pipeline) arrive() {
	p.version = p.pushes[0].version
	p.pushes = append(p.pushes[:0], p.pushes[1:]...)
	if err := p.queue.Publish(p.version); err != nil {
		panic(err) // versions are made in order
	}
	if p.PauseSeconds > 0 {
		p.frozen = p.engineTime()
		p.lost += p.PauseSeconds
		p.resumes = p.frozen + p.lost
	}
	if p.Observe != nil {
		p.Observe(Event{Seconds: p.now, Kind: Published, Step: p.version})
	}
	p.take()
	p.fill()
}
