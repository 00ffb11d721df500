package speed

import (
	"fmt"
	"math"
	"slices"

	"golang.org/x/perf/benchmath"
)

// Summary is a median with its confidence interval at 95 %, or as near as the number of samples
// allows. It comes from order statistics, and assumes nothing about the distribution.
type Summary struct {
	Median float64 `json:"median"`
	Lo     float64 `json:"lo"`
	Hi     float64 `json:"hi"`
}

// NewSummary summarises values and leaves them unchanged. The interval of fewer than six is their
// range.
func NewSummary(values []float64) Summary {
	sorted := benchmath.NewSample(slices.Clone(values), &benchmath.DefaultThresholds)
	s := benchmath.AssumeNothing.Summary(sorted, 0.95)
	return Summary{
		Median: s.Center,
		Lo:     math.Max(s.Lo, slices.Min(values)),
		Hi:     math.Min(s.Hi, slices.Max(values)),
	}
}

func (i Summary) String() string { return fmt.Sprintf("%.3f (%.3f to %.3f)", i.Median, i.Lo, i.Hi) }

// Width is the length of the interval relative to its median.
func (i Summary) Width() float64 { return (i.Hi - i.Lo) / i.Median }

// Verdict is what a comparison of speed proves.
type Verdict string

const (
	// Faster means that the whole confidence interval of the ratio is below 1.
	Faster Verdict = "faster"
	// Slower means that it is above 1.
	Slower Verdict = "slower"
	// Same means that it contains 1 and is narrow.
	Same Verdict = "same"
	// Noisy means that nothing can be concluded: the interval is wider than
	// [MaxWidth], or there are fewer than six samples.
	Noisy Verdict = "too noisy"
)

// MaxWidth is the largest [Summary.Width] of a ratio from which a verdict is drawn.
const MaxWidth = 0.1

// Timing is the time of a function, and its ratio to the time of a reference.
type Timing struct {
	// Name is the name of a kernel, an algorithm or a function.
	Name string `json:"name"`
	// Kernels names the kernels of an algorithm's passes.
	Kernels []string `json:"kernels,omitempty"`
	// NativeRatio is the time of native.Softmax divided by that of a peer.
	NativeRatio *Summary `json:"native_ratio,omitempty"`
	// Against names the reference. That of native.Softmax is the fastest of
	// upstream's algorithms, by the kernels that upstream prefers or by its fastest,
	// called from C where that was timed. Older results leave it empty if only the
	// preferred kernels were timed.
	Against string `json:"against,omitempty"`
	// Where is where the row lies: "L1", "L2", "memory", or empty.
	Where string `json:"where,omitempty"`
	// Threads is the number of threads that share the elements, each with a row of
	// its own; 0 is one.
	Threads int `json:"threads,omitempty"`
	// MaxULP and MeanULP are the greatest and the mean error on such rows; 0 if they
	// were not measured.
	MaxULP  float64 `json:"max_ulp,omitempty"`
	MeanULP float64 `json:"mean_ulp,omitempty"`
	// LimitShare is the time of [Limit] divided by OursNS; 0 if the row fits a cache.
	LimitShare float64 `json:"limit_share,omitempty"`

	// Elements is the number of elements that a call processes.
	Elements int `json:"elements"`
	// RefNS and OursNS are nanoseconds per element. Without a reference, RefNS
	// and Ratio are zero and Verdict is empty.
	RefNS  Summary `json:"ref_ns,omitzero"`
	OursNS Summary `json:"ours_ns"`
	// Ratio is ours divided by the reference, sample by sample.
	Ratio Summary `json:"ratio,omitzero"`
	// Calls is the number of calls in a sample, Samples the number of samples
	// of each function.
	Calls   int `json:"calls"`
	Samples int `json:"samples"`
	// Outliers is the number of repetitions in which a function took far longer than
	// usual. Many of them mean a busy machine; a median bears up to half.
	Outliers int `json:"outliers"`
	// Drift is our median in the last third of the repetitions divided by that in
	// the first third, less 1. A change of the clock's frequency shows here, and
	// cancels in the ratio.
	Drift   float64 `json:"drift"`
	Verdict Verdict `json:"verdict,omitempty"`
}

// Timing summarises the samples of function i.
func (s Samples) Timing(i, elements int) Timing {
	b := perElement(s.NS[i], elements)
	return Timing{
		Elements: elements, OursNS: NewSummary(b), Calls: s.Calls, Samples: len(b),
		Outliers: count(outliers(b)), Drift: drift(b),
	}
}

// Compare summarises the samples of function ours, with their ratios to those of function ref.
func (s Samples) Compare(ref, ours, elements int) Timing {
	v := s.Timing(ours, elements)
	a, b := perElement(s.NS[ref], elements), perElement(s.NS[ours], elements)
	slow, slowB := outliers(a), outliers(b)
	ratios := make([]float64, len(a))
	for i := range a {
		ratios[i] = b[i] / a[i]
		slow[i] = slow[i] || slowB[i]
	}
	v.RefNS, v.Ratio, v.Outliers = NewSummary(a), NewSummary(ratios), count(slow)
	switch {
	case v.Ratio.Width() > MaxWidth, len(a) < 6:
		v.Verdict = Noisy
	case v.Ratio.Hi < 1:
		v.Verdict = Faster
	case v.Ratio.Lo > 1:
		v.Verdict = Slower
	default:
		v.Verdict = Same
	}
	return v
}

func count(marks []bool) int {
	n := 0
	for _, m := range marks {
		if m {
			n++
		}
	}
	return n
}

func perElement(ns []float64, elements int) []float64 {
	out := make([]float64, len(ns))
	for i, x := range ns {
		out[i] = x / float64(elements)
	}
	return out
}

// outliers marks values above Tukey's outer fence: the upper quartile plus three times the distance
// of the quartiles. Clocks are coarse, so a value within 5 % of the median is no outlier.
func outliers(values []float64) []bool {
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	n := len(sorted)
	q1, q2, q3 := sorted[n/4], sorted[n/2], sorted[3*n/4]
	fence := math.Max(q3+3*(q3-q1), 1.05*q2)
	out := make([]bool, n)
	for i, x := range values {
		out[i] = x > fence
	}
	return out
}

func drift(values []float64) float64 {
	third := (len(values) + 2) / 3
	first, last := values[:third], values[len(values)-third:]
	return NewSummary(last).Median/NewSummary(first).Median - 1
}
