package speed

import (
	"slices"
	"strings"
)

// Comparison holds the times of benchmarks that were run in the same turns on rows of one shape.
// In JSON it is a "race".
type Comparison struct {
	// Kind is one of the constants below.
	Kind string `json:"kind"`
	// Rows and Cols are the shape of a call's operands.
	Rows int `json:"rows"`
	Cols int `json:"cols"`
	// Threads is how many goroutines or threads one call may use, unless a
	// benchmark's name says that it uses one.
	Threads int `json:"threads"`
	// Beyond reports whether rows and results are larger than the caches, or were
	// declared to be.
	Beyond bool `json:"beyond,omitempty"`
	// Calls is the number of calls in a sample, Samples the number of samples of
	// each benchmark, Outliers the largest number of outliers of one.
	Calls    int `json:"calls"`
	Samples  int `json:"samples"`
	Outliers int `json:"outliers"`
	// Entries has one entry for each benchmark, Ratios the ratios of their times
	// that Kind asks for.
	Entries []Entry `json:"entrants"`
	Ratios  []Ratio `json:"ratios"`
}

// Kinds of comparisons.
const (
	// Functions compares LogSumExp and LogSoftmax with Softmax.
	Functions = "functions"
	// Gradients compares gradients with loops in C and with their traffic.
	Gradients = "gradients"
	// Rows compares one call for the rows of a matrix with other libraries.
	Rows = "rows"
	// Peers compares native.Softmax with all that is there, on one row.
	Peers = "peers"
	// OneRow compares goroutines that share a row with one goroutine, and with
	// the limit that memory sets.
	OneRow = "one row"
)

// Entry holds the time and the errors of one benchmark of a [Comparison].
type Entry struct {
	Name string `json:"name"`
	// Kernels are those of an algorithm's passes.
	Kernels []string `json:"kernels,omitempty"`
	// NS is nanoseconds per element.
	NS Summary `json:"ns"`
	// MaxULP and MeanULP are the greatest and the mean error on such rows; 0 if they
	// were not measured.
	MaxULP  float64 `json:"max_ulp,omitempty"`
	MeanULP float64 `json:"mean_ulp,omitempty"`
}

// Ratio is the time of one benchmark divided by that of another, sample by sample.
type Ratio struct {
	Of      string  `json:"of"`
	To      string  `json:"to"`
	Ratio   Summary `json:"ratio"`
	Verdict Verdict `json:"verdict"`
}

// Run times benchmarks on rows of c's shape, without gaps between them, and adds an entry for each.
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

// AddRatio adds the ratio of the times of entries of and to, by their indexes.
func (c *Comparison) AddRatio(s Samples, of, to int) Ratio {
	v := s.Compare(to, of, c.Rows*c.Cols)
	ratio := Ratio{Of: c.Entries[of].Name, To: c.Entries[to].Name, Ratio: v.Ratio, Verdict: v.Verdict}
	c.Ratios = append(c.Ratios, ratio)
	return ratio
}

// Like reports whether o is the same comparison in another run.
func (c *Comparison) Like(o Comparison) bool {
	return c.Kind == o.Kind && c.Rows == o.Rows && c.Cols == o.Cols && c.Threads == o.Threads
}

// Entry returns the entry with a name; nil if there is none.
func (c *Comparison) Entry(name string) *Entry {
	i := slices.IndexFunc(c.Entries, func(e Entry) bool { return e.Name == name })
	if i < 0 {
		return nil
	}
	return &c.Entries[i]
}

// UpstreamBest returns the fastest of upstream's algorithms called from C; nil if there is none.
func (c *Comparison) UpstreamBest() (best *Entry) {
	for i := range c.Entries {
		e := &c.Entries[i]
		if strings.HasPrefix(e.Name, UpstreamBestInC) && (best == nil || e.NS.Median < best.NS.Median) {
			best = e
		}
	}
	return best
}

// RatioOf returns the ratio of one entry to another, which is given by its name or its
// [Opponent] name; nil if there is none.
func (c *Comparison) RatioOf(of, to string) *Ratio {
	i := slices.IndexFunc(c.Ratios, func(x Ratio) bool { return x.Of == of && (x.To == to || Opponent(x.To) == to) })
	if i < 0 {
		return nil
	}
	return &c.Ratios[i]
}
