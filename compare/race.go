package compare

import (
	"slices"
	"strings"

	"github.com/twopass-softmax/twopass/compare/internal/operands"
	"github.com/twopass-softmax/twopass/compare/internal/parallel"
)

// Race is functions that were timed in the same turns on the same rows.
type Race struct {
	// Kind says what is compared; see the constants.
	Kind RaceKind `json:"kind"`
	// Rows and Cols are the shape of what one call processes.
	Rows int `json:"rows"`
	Cols int `json:"cols"`
	// Threads is the number of goroutines or threads that an entrant may use for
	// one call. An entrant whose name says that it has one uses one.
	Threads int `json:"threads"`
	// Beyond is whether rows and results are beyond the caches, or were declared
	// to be.
	Beyond bool `json:"beyond,omitempty"`
	// Calls is the number of calls in a sample, Samples the number of samples of
	// each entrant, Outliers the most that one of them has.
	Calls    int `json:"calls"`
	Samples  int `json:"samples"`
	Outliers int `json:"outliers"`
	// Entrants are the functions, Ratios those of their times that the race is
	// held for.
	Entrants []Entrant   `json:"entrants"`
	Ratios   []RaceRatio `json:"ratios"`
}

// RaceKind is what a [Race] compares.
type RaceKind string

const (
	// RaceFunctions compares LogSumExp and LogSoftmax with Softmax.
	RaceFunctions RaceKind = "functions"
	// RaceRows compares one call for the rows of a matrix with other libraries.
	RaceRows RaceKind = "rows"
	// RacePeers compares native.Softmax with all that is there, on one row.
	RacePeers RaceKind = "peers"
	// RaceOneRow compares goroutines that share a row with one goroutine, and with
	// moving the data.
	RaceOneRow RaceKind = "one row"
)

// Names of entrants.
const (
	NativeSoftmax     = "native.Softmax"
	NativeLogSoftmax  = "native.LogSoftmax"
	NativeLogSumExp   = "native.LogSumExp"
	NativeSoftmaxRows = "native.SoftmaxRows"
	// OneGoroutine is native.Softmax on one goroutine, beside the same on several.
	OneGoroutine = "native.Softmax, 1 goroutine"
	// LimitName is moving the data and nothing else; see [Traffic].
	LimitName = "limit"
	// UpstreamBest begins the names of upstream's algorithms by its fastest
	// kernels; see [Workload.Fastest].
	UpstreamBest = "upstream best"
	// UpstreamBestInC begins the names of the same called from a loop in C.
	UpstreamBestInC = UpstreamBest + InC
	// InC follows the side's name where C calls, and not Go; see [FromC].
	InC = " in C"
	// GoLoop is what a Go programmer has without a library; see [GoSoftmax].
	GoLoop = "Go loop over math.Exp"
	// Gonum is the same by gonum's LogSumExp.
	Gonum = "gonum softmax"
)

// Opponent is the name of an entrant without its algorithm, if it is one of
// upstream's: in each race another one may be the fastest.
func Opponent(name string) string {
	for _, side := range []string{UpstreamBestInC, UpstreamBest} {
		if strings.HasPrefix(name, side+" ") {
			return side
		}
	}
	return name
}

// Entrant is a function in a [Race].
type Entrant struct {
	Name string `json:"name"`
	// Kernels are those of an algorithm's passes.
	Kernels []string `json:"kernels,omitempty"`
	// NS is nanoseconds per element.
	NS Interval `json:"ns"`
	// MaxULP and MeanULP are its greatest and mean error on such rows; 0 if they were
	// not measured.
	MaxULP  float64 `json:"max_ulp,omitempty"`
	MeanULP float64 `json:"mean_ulp,omitempty"`
}

// RaceRatio is the time of one entrant relative to that of another, of
// neighbouring samples.
type RaceRatio struct {
	Of      string   `json:"of"`
	To      string   `json:"to"`
	Ratio   Interval `json:"ratio"`
	Verdict Verdict  `json:"verdict"`
}

// Run times benchmarks on rows of the race's shape, which lie one after the
// other, and keeps their times. A benchmark's name is that of its entrant.
func (r *Race) Run(t Timer, benchmarks []Benchmark) (Samples, error) {
	s, elements, err := t.TimeRows(benchmarks, r.Rows*r.Cols, 1)
	if err != nil {
		return s, err
	}
	r.Calls = s.Calls
	for i, c := range benchmarks {
		v := NewSpeed(s, i, elements)
		r.Samples, r.Outliers = v.Samples, max(r.Outliers, v.Outliers)
		r.Entrants = append(r.Entrants, Entrant{Name: c.Name, Kernels: c.Kernels, NS: v.OursNS})
	}
	return s, nil
}

// Compare adds the ratio of the times of two entrants, given by their numbers.
func (r *Race) Compare(s Samples, of, to int) RaceRatio {
	v := NewRatio(s, to, of, r.Rows*r.Cols)
	ratio := RaceRatio{Of: r.Entrants[of].Name, To: r.Entrants[to].Name, Ratio: v.Ratio, Verdict: v.Verdict}
	r.Ratios = append(r.Ratios, ratio)
	return ratio
}

// like is whether another race is the same one in another run.
func (r *Race) like(o Race) bool {
	return r.Kind == o.Kind && r.Rows == o.Rows && r.Cols == o.Cols && r.Threads == o.Threads
}

// Entrant finds an entrant by its name; nil if there is none.
func (r *Race) Entrant(name string) *Entrant {
	i := slices.IndexFunc(r.Entrants, func(e Entrant) bool { return e.Name == name })
	if i < 0 {
		return nil
	}
	return &r.Entrants[i]
}

// RatioOf finds a ratio by the name of the one entrant and that of the other, or
// its [Opponent] name; nil if there is none.
func (r *Race) RatioOf(of, to string) *RaceRatio {
	i := slices.IndexFunc(r.Ratios, func(x RaceRatio) bool { return x.Of == of && (x.To == to || Opponent(x.To) == to) })
	if i < 0 {
		return nil
	}
	return &r.Ratios[i]
}

// SharedLimit is the limit of [Traffic] to goroutines that share one row: each
// reads its part, then reads it again and writes as much.
func SharedLimit(goroutines int) Benchmark {
	_, _, _, limit := Traffic()
	return Benchmark{Name: LimitName, Goroutines: goroutines > 1, Run: func(dst, src []float32) {
		parallel.Share(goroutines, len(src), operands.Line, func(first, end int) { limit.Run(dst[first:end], src[first:end]) })
	}}
}

// RowByRow is a function of one row as one of rows of cols elements that lie one
// after the other, in as many spans as there are goroutines.
func RowByRow(row func(dst, src []float32), cols, goroutines int) func(dst, src []float32) {
	return func(dst, src []float32) {
		parallel.Share(goroutines, len(src), cols, func(first, end int) {
			for ; first < end; first += cols {
				row(dst[first:first+cols], src[first:first+cols])
			}
		})
	}
}
