package speed

import (
	"slices"
	"strings"
)

// Comparison is functions that were timed in the same turns on the same rows.
type Comparison struct {
	// Kind says what is compared; see the constants.
	Kind string `json:"kind"`
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
	// Entries are the functions, Ratios those of their times that the race is
	// held for.
	Entries []Entry `json:"entrants"`
	Ratios  []Ratio `json:"ratios"`
}

// Kinds of comparisons.
const (
	// Functions compares LogSumExp and LogSoftmax with Softmax.
	Functions = "functions"
	// Rows compares one call for the rows of a matrix with other libraries.
	Rows = "rows"
	// Peers compares native.Softmax with all that is there, on one row.
	Peers = "peers"
	// OneRow compares goroutines that share a row with one goroutine, and with
	// moving the data.
	OneRow = "one row"
)

// Names of benchmarks.
const (
	NativeSoftmax     = "native.Softmax"
	NativeLogSoftmax  = "native.LogSoftmax"
	NativeLogSumExp   = "native.LogSumExp"
	NativeSoftmaxRows = "native.SoftmaxRows"
	// OneGoroutine is native.Softmax on one goroutine, beside the same on several.
	OneGoroutine = "native.Softmax, 1 goroutine"
	// Limit is moving the data and nothing else; see [Traffic].
	Limit = "limit"
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

// Entry is a function in a [Comparison].
type Entry struct {
	Name string `json:"name"`
	// Kernels are those of an algorithm's passes.
	Kernels []string `json:"kernels,omitempty"`
	// NS is nanoseconds per element.
	NS Summary `json:"ns"`
	// MaxULP and MeanULP are its greatest and mean error on such rows; 0 if they were
	// not measured.
	MaxULP  float64 `json:"max_ulp,omitempty"`
	MeanULP float64 `json:"mean_ulp,omitempty"`
}

// Ratio is the time of one entrant relative to that of another, of
// neighbouring samples.
type Ratio struct {
	Of      string  `json:"of"`
	To      string  `json:"to"`
	Ratio   Summary `json:"ratio"`
	Verdict Verdict `json:"verdict"`
}

// Run times benchmarks on rows of the race's shape, which lie one after the
// other, and keeps their times. A benchmark's name is that of its entrant.
func (c *Comparison) Run(t Timer, benchmarks []Benchmark) (Samples, error) {
	s, elements, err := t.TimeRows(benchmarks, c.Rows*c.Cols, 1)
	if err != nil {
		return s, err
	}
	c.Calls = s.Calls
	for i, b := range benchmarks {
		v := s.Timing(i, elements)
		c.Samples, c.Outliers = v.Samples, max(c.Outliers, v.Outliers)
		c.Entries = append(c.Entries, Entry{Name: b.Name, Kernels: b.Kernels, NS: v.OursNS})
	}
	return s, nil
}

// AddRatio adds the ratio of the times of two entrants, given by their numbers.
func (c *Comparison) AddRatio(s Samples, of, to int) Ratio {
	v := s.Compare(to, of, c.Rows*c.Cols)
	ratio := Ratio{Of: c.Entries[of].Name, To: c.Entries[to].Name, Ratio: v.Ratio, Verdict: v.Verdict}
	c.Ratios = append(c.Ratios, ratio)
	return ratio
}

// Like is whether another comparison is the same one in another run.
func (c *Comparison) Like(o Comparison) bool {
	return c.Kind == o.Kind && c.Rows == o.Rows && c.Cols == o.Cols && c.Threads == o.Threads
}

// Entry finds an entrant by its name; nil if there is none.
func (c *Comparison) Entry(name string) *Entry {
	i := slices.IndexFunc(c.Entries, func(e Entry) bool { return e.Name == name })
	if i < 0 {
		return nil
	}
	return &c.Entries[i]
}

// RatioOf finds a ratio by the name of the one entrant and that of the other, or
// its [Opponent] name; nil if there is none.
func (c *Comparison) RatioOf(of, to string) *Ratio {
	i := slices.IndexFunc(c.Ratios, func(x Ratio) bool { return x.Of == of && (x.To == to || Opponent(x.To) == to) })
	if i < 0 {
		return nil
	}
	return &c.Ratios[i]
}

// ShortRow is the length of the row by which the cost of a call is judged.
const ShortRow = 8
