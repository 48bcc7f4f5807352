package queue

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// ErrConfig is wrapped by the error for a configuration that makes no sense.
var ErrConfig = errors.New("queue: invalid configuration")

// Order is the order in which batches take groups.
type Order uint8

const (
	// Ticket takes groups strictly in the order they were started, and waits for
	// the oldest: S ≤ MaxStaleness.
	Ticket Order = iota
	// Window takes any finished group among the Window oldest, the oldest first:
	// S ≤ MaxStaleness with a gate of MaxStaleness − ⌈(Window−1)/Batch⌉.
	Window
	// Completion takes groups as they finish.
	Completion
	// Freshest takes the newest version first, and of those as they finish.
	Freshest
)

var orderNames = []string{"ticket", "window", "completion", "freshest"}

// String returns the order's name in lower case.
func (o Order) String() string { return name(orderNames, int(o), "Order") }

// MarshalText returns the order's name.
func (o Order) MarshalText() ([]byte, error) { return marshal(orderNames, int(o), "order") }

// UnmarshalText accepts an order's name.
func (o *Order) UnmarshalText(text []byte) error {
	i, err := unmarshal(orderNames, text, "order")
	*o = Order(i)
	return err
}

// Violation is what becomes of a group whose staleness exceeds MaxStaleness when
// a batch could take it.
type Violation uint8

const (
	// Admit takes it, and counts it.
	Admit Violation = iota
	// Drop discards it; its ticket goes to another prompt.
	Drop
	// Block keeps it from happening: a batch takes first what it must for all
	// groups to be taken in time, the most urgent and of those the oldest first,
	// and waits for them if they still run. The orders Ticket and Window need none
	// of it.
	Block
	// Requeue discards its samples and hands its prompt to the next that starts.
	Requeue
)

var violationNames = []string{"admit", "drop", "block", "requeue"}

// String returns the violation mode's name in lower case.
func (v Violation) String() string { return name(violationNames, int(v), "Violation") }

// MarshalText returns the violation mode's name.
func (v Violation) MarshalText() ([]byte, error) {
	return marshal(violationNames, int(v), "violation mode")
}

// UnmarshalText accepts a violation mode's name.
func (v *Violation) UnmarshalText(text []byte) error {
	i, err := unmarshal(violationNames, text, "violation mode")
	*v = Violation(i)
	return err
}

// Config says how a queue behaves. Batch must be given; everything else has a
// meaning when it is 0.
type Config struct {
	Batch        int       // groups in a batch
	Group        int       // samples in a group; 0 is 1
	MaxStaleness int       // in optimizer steps; 0 is on-policy
	Order        Order     // of taking
	Window       int       // of the order Window, in groups
	Violation    Violation // of MaxStaleness
	// MaxRunning bounds the groups that run at a time; 0 is no bound. It is the
	// knob for throughput, as MaxStaleness is for freshness: with one for both,
	// the pipeline fills all of it.
	MaxRunning int
	// Now is the clock that Overdue reads, time.Now if nil.
	Now Clock `json:"-"`
}

// Clock tells the time.
type Clock func() time.Time

// Gate returns how many steps rollouts may start ahead of the batch that is to
// take them: MaxStaleness, less what the order Window may add.
func (c Config) Gate() int {
	if c.Order == Window {
		return c.MaxStaleness - (c.Window-1+c.Batch-1)/c.Batch
	}
	return c.MaxStaleness
}

// Check returns an error that names the field that makes no sense, and wraps
// ErrConfig.
func (c Config) Check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrConfig}, args...)...)
	}
	// So that no product of two of them overflows, also where int has 32 bits.
	const most = 1 << 15
	switch {
	case c.Batch < 1 || c.Batch > most:
		return bad("Batch is %d, not between 1 and %d", c.Batch, most)
	case c.Group < 0 || c.Group > most:
		return bad("Group is %d, not between 0 and %d", c.Group, most)
	case c.MaxStaleness < 0 || c.MaxStaleness > most:
		return bad("MaxStaleness is %d, not between 0 and %d", c.MaxStaleness, most)
	case c.MaxRunning < 0:
		return bad("MaxRunning is %d", c.MaxRunning)
	case int(c.Order) >= len(orderNames):
		return bad("unknown %v", c.Order)
	case int(c.Violation) >= len(violationNames):
		return bad("unknown %v", c.Violation)
	case c.Order == Window && (c.Window < 1 || c.Window > most*most):
		return bad("Window is %d", c.Window)
	case c.Order != Window && c.Window != 0:
		return bad("Window is %d with order %v", c.Window, c.Order)
	case c.Gate() < 0:
		return bad("a window of %d groups alone may add %d steps, MaxStaleness is %d",
			c.Window, c.MaxStaleness-c.Gate(), c.MaxStaleness)
	}
	return nil
}

func (c *Config) setDefaults() {
	if c.Group == 0 {
		c.Group = 1
	}
	if c.Now == nil {
		c.Now = time.Now
	}
}

func name(names []string, i int, kind string) string {
	if i < len(names) {
		return names[i]
	}
	return fmt.Sprintf("%s(%d)", kind, i)
}

func marshal(names []string, i int, kind string) ([]byte, error) {
	if i < len(names) {
		return []byte(names[i]), nil
	}
	return nil, fmt.Errorf("%w: unknown %s %d", ErrConfig, kind, i)
}

func unmarshal(names []string, text []byte, kind string) (int, error) {
	if i := slices.Index(names, string(text)); i >= 0 {
		return i, nil
	}
	return 0, fmt.Errorf("%w: unknown %s %q", ErrConfig, kind, text)
}
