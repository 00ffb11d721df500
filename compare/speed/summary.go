package speed

import (
	"math"
	"slices"

	"golang.org/x/perf/benchmath"
)

// Summary is a median and its confidence interval at 95 %, or as near to that
// as the number of samples allows, from order statistics: nothing is assumed
// about the distribution.
type Summary struct {
	Median float64 `json:"median"`
	Lo     float64 `json:"lo"`
	Hi     float64 `json:"hi"`
}

// NewSummary summarises values, which stay as they are. With fewer than six
// the interval is their range.
func NewSummary(values []float64) Summary {
	sorted := benchmath.NewSample(slices.Clone(values), &benchmath.DefaultThresholds)
	s := benchmath.AssumeNothing.Summary(sorted, 0.95)
	return Summary{
		Median: s.Center,
		Lo:     math.Max(s.Lo, slices.Min(values)),
		Hi:     math.Min(s.Hi, slices.Max(values)),
	}
}

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
	// Noisy means that the machine was too noisy to conclude anything: the
	// interval is wider than [MaxWidth], or there are too few samples for one.
	Noisy Verdict = "too noisy"
)

// MaxWidth is the width of a ratio's confidence interval, relative to the ratio,
// beyond which nothing is concluded.
const MaxWidth = 0.1

// Timing is the time of a function, and its ratio to that of a reference.
type Timing struct {
	// Name is a kernel's, an algorithm's, or a function's.
	Name string `json:"name"`
	// Kernels are those of an algorithm's passes.
	Kernels []string `json:"kernels,omitempty"`
	// NativeRatio is the time of native.Softmax relative to this, if this is a
	// peer's.
	NativeRatio *Summary `json:"native_ratio,omitempty"`
	// Against names what the ratio is to. That of native.Softmax is to the fastest of
	// upstream's algorithms, by the kernels that upstream prefers and by its fastest
	// ones, called from C where that was timed; in results from before it was, it is
	// empty if only the former were timed.
	Against string `json:"against,omitempty"`
	// Where says where the row lies: "L1", "L2", "memory", or empty.
	Where string `json:"where,omitempty"`
	// Threads is the number of threads, each with a row of its own, that share
	// the elements; 0 is one.
	Threads int `json:"threads,omitempty"`
	// MaxULP and MeanULP are the greatest and the mean error on such rows, in units in
	// the last place; 0 if they were not measured.
	MaxULP  float64 `json:"max_ulp,omitempty"`
	MeanULP float64 `json:"mean_ulp,omitempty"`
	// LimitShare is the time of moving the data, and nothing else, relative to
	// our time; 0 if the row fits a cache.
	LimitShare float64 `json:"limit_share,omitempty"`

	// Elements is how many each call processes.
	Elements int `json:"elements"`
	// RefNS and OursNS are nanoseconds per element. Without a reference, RefNS
	// and Ratio are zero and Verdict is empty.
	RefNS  Summary `json:"ref_ns,omitzero"`
	OursNS Summary `json:"ours_ns"`
	// Ratio is ours to reference, of neighbouring samples.
	Ratio Summary `json:"ratio,omitzero"`
	// Calls is the number of calls in a sample, Samples the number of samples
	// of each function.
	Calls   int `json:"calls"`
	Samples int `json:"samples"`
	// Outliers is the number of repetitions in which a function took far longer
	// than it usually did. Many of them mean that the machine was busy, which
	// the medians bear up to half the repetitions.
	Outliers int `json:"outliers"`
	// Drift is by how much our median in the last third of the repetitions
	// exceeds that in the first third, relative to the latter: a change of the
	// clock frequency shows here, and cancels in the ratio.
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

// Compare compares function ours with function ref.
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

// outliers marks the values above Tukey's outer fence, three times the distance
// of the quartiles above the upper one. Clocks are coarse: a value within 5 %
// of the median is none, however close together the others are.
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
