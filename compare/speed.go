package compare

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/twopass-softmax/twopass/compare/internal/machine"
	"github.com/twopass-softmax/twopass/compare/internal/operands"
	"github.com/twopass-softmax/twopass/compare/internal/side"
	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
)

// Workload is a row, an output, and the other operands of kernels and softmax:
// what the sides are timed on. The row is uniform in [-10, 10).
type Workload struct{ args ukernel.Args }

// NewWorkload makes a workload of n elements. Row and output begin at 64-byte
// boundaries, and not at the same place of a page, which would make loads of
// the one wait for stores to the other.
func NewWorkload(n int) *Workload {
	const skew = 272
	room := (n+skew-1)/operands.Line*operands.Line + skew
	mem := operands.Aligned(room + n)
	const seed = 0 // even: the operands are those that softmax passes
	inputs.Uniform10.Fill(mem[:n], seed)
	a := inputs.Args(ukernel.RMax, seed, mem[:n])
	a.Dst16, a.Dst8 = make([]uint16, n), make([]uint8, n)
	a = operands.Narrow(a, seed)
	a.Dst = mem[room : room+n]
	return &Workload{a}
}

// Elements is the length of the row.
func (w *Workload) Elements() int { return len(w.args.Src) }

// Time times a pair's two sides against each other.
func (w *Workload) Time(t Timer, p side.Pair) Timing {
	samples := t.Time(func() { p.Ref(w.args) }, func() { p.Ours(w.args) })
	return Timing{Name: p.Name, Speed: NewRatio(samples, 0, 1, w.Elements())}
}

// TimeOurs times our side alone.
func (w *Workload) TimeOurs(t Timer, p side.Pair) Timing {
	samples := t.Time(func() { p.Ours(w.args) })
	return Timing{Name: p.Name, Speed: NewSpeed(samples, 0, w.Elements())}
}

// SpeedState is how far a run that times many things has come, in a form that
// can be stored.
type SpeedState struct {
	// Machine and Options are what the run is of: times of several machines, or
	// of other things, don't belong in one table.
	Machine machine.Machine `json:"machine"`
	Options []string        `json:"options"`
	// Sizes are the lengths of rows. Those that the first run chose stay: one of
	// them depends on the memory that was free.
	Sizes []int `json:"sizes"`
	// Beyond is the length from which rows count as beyond the caches.
	Beyond int `json:"beyond"`
	// Started is when the first run began; Seconds is how long all runs took that
	// finished a part.
	Started time.Time `json:"started"`
	Seconds float64   `json:"seconds"`
	// UpstreamBest are the kernels chosen so far: those of the first run stay.
	UpstreamBest []Choice `json:"upstream_best"`
	// Parts is the number of finished parts, which are always done in the same
	// order, and Found what they found.
	Parts int   `json:"finished_parts"`
	Found Found `json:"found"`
}

// Found is what parts of a run that times many things found; see the fields of
// [Results] of the same names.
type Found struct {
	Speed     []Timing  `json:"speed"`
	Races     []Race    `json:"races"`
	ShortCall *Interval `json:"short_call_ns"`
	NotRun    []NotRun  `json:"not_run,omitempty"`
}

// Add adds what another part found.
func (f *Found) Add(g Found) {
	f.Speed = append(f.Speed, g.Speed...)
	f.Races = append(f.Races, g.Races...)
	f.NotRun = append(f.NotRun, g.NotRun...)
	if g.ShortCall != nil {
		f.ShortCall = g.ShortCall
	}
}

// Fits reports why the state can't be continued on a machine with options.
func (s *SpeedState) Fits(m machine.Machine, options []string) error {
	if !reflect.DeepEqual(s.Machine, m) {
		return fmt.Errorf("compare: the state is of another machine or setting of it: %+v, this is %+v", s.Machine, m)
	}
	if !slices.Equal(s.Options, options) {
		return fmt.Errorf("compare: the state is of options %q, this run has %q", s.Options, options)
	}
	return nil
}
