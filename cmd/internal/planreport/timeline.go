package planreport

import (
	"github.com/trueup-rl/trueup/cmd/internal/figures"
	"github.com/trueup-rl/trueup/plan/sim"
)

// recorder keeps a stretch of a run in the middle of what is measured.
type recorder struct {
	first, last int64 // batches
	width       int   // trajectories shown
	every       int64 // starts between them
	figures.Timeline
	recording, over   bool
	inFlight, waiting int
	group             int
	starts            int64
	shown             map[member]int // index in Trajectories
	version           int64
	versions          map[member]int64
	stepping          bool
}

type member struct {
	group int64
	place int
}

// newRecorder records twelve steps of a run.
func newRecorder(c *sim.Config, stepSeconds float64) *recorder {
	const steps, width = 12, 48
	started := int64(c.Queue.Batch * max(1, c.Queue.Group) * steps)
	first := int64(c.Steps / 2)
	return &recorder{
		first: first, last: first + steps, width: width, every: max(1, started/width), group: max(1, c.Queue.Group),
		shown: map[member]int{}, versions: map[member]int64{},
	}
}

func (r *recorder) observe(e sim.Event) {
	if r.over && len(r.shown) == 0 {
		return
	}
	at := member{e.Group, e.Member}
	switch e.Kind {
	case sim.Started:
		r.inFlight++
		r.start(e.Seconds, at)
	case sim.Finished:
		r.inFlight--
		r.waiting++
		if i, ok := r.shown[at]; ok {
			r.Trajectories[i].Finish = e.Seconds
		}
	case sim.Taken:
		r.waiting -= len(e.Groups) * r.group
		r.take(e)
	case sim.Stepped:
		if r.stepping {
			r.Steps[len(r.Steps)-1].To = e.Seconds
			r.stepping = false
		}
	case sim.Published:
		r.version = e.Step
		if r.recording {
			r.Published = append(r.Published, e.Seconds)
		}
	case sim.Discarded:
		r.waiting -= e.Count * r.group
	}
	if r.recording {
		r.Levels = append(r.Levels, figures.Level{Seconds: e.Seconds, InFlight: r.inFlight, Waiting: r.waiting})
	}
}

// start begins a trajectory, one of so many of which is shown.
func (r *recorder) start(seconds float64, at member) {
	if !r.recording {
		return
	}
	if r.starts++; r.starts%r.every == 0 && len(r.Trajectories) < r.width {
		r.shown[at] = len(r.Trajectories)
		r.versions[at] = r.version
		const never = 1e300
		r.Trajectories = append(r.Trajectories, figures.Trajectory{Start: seconds, Finish: never, Taken: never, Staleness: -1})
	}
}

func (r *recorder) take(e sim.Event) {
	switch e.Step {
	case r.first:
		r.recording, r.From = true, e.Seconds
	case r.last:
		r.recording, r.over, r.To = false, true, e.Seconds
	}
	if r.recording {
		r.Steps = append(r.Steps, figures.Span{From: e.Seconds, To: e.Seconds})
		r.stepping = true
	}
	for _, g := range e.Groups {
		for place := range r.group {
			at := member{g, place}
			if i, ok := r.shown[at]; ok {
				r.Trajectories[i].Taken = e.Seconds
				r.Trajectories[i].Staleness = int(e.Step - r.versions[at])
				delete(r.shown, at)
			}
		}
	}
}

// thin keeps so many levels at most.
func thin(levels []figures.Level, most int) []figures.Level {
	every := 1 + len(levels)/most
	var kept []figures.Level
	for i, l := range levels {
		if i%every == 0 {
			kept = append(kept, l)
		}
	}
	return kept
}
