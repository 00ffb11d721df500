package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"

	"github.com/twopass-softmax/twopass/compare/accuracy"
	"github.com/twopass-softmax/twopass/compare/internal/text"
	"github.com/twopass-softmax/twopass/compare/speed"
)

// newFront is a set at a glance: how fast, how accurate, how well both sides agree.
func newFront(s *set) (front, error) {
	name := s.machine.Microarchitecture()
	if name == "unknown" {
		name = s.machine.CPU
	}
	f := front{Title: join(name, s.level()), About: join(s.machine.CPU, s.build.Go, "native "+s.state())}
	if s.label != "" {
		f.Title = s.label + ": " + f.Title
	}
	for _, number := range []func() (bigNumber, bool){s.speedNumber, s.errorNumber, s.bitsNumber} {
		if n, ok := number(); ok {
			f.Numbers = append(f.Numbers, n)
		}
	}
	for _, c := range []chart{s.speedChart(), s.limitChart(), s.errorChart()} {
		if !drawable(c.series) {
			continue
		}
		drawn, err := c.draw()
		if err != nil {
			return f, err
		}
		f.Figures = append(f.Figures, drawn)
	}
	if len(f.Numbers) == 0 {
		f.About += ". These results compare it with nothing."
	}
	return f, nil
}

// state is which native was measured.
func (s *set) state() string { return cmp.Or(s.build.Native, "before the one arithmetic") }

// speedNumber is the ratio to upstream's best on one row, of all lengths.
func (s *set) speedNumber() (bigNumber, bool) {
	var ratios []float64
	var lengths []int
	how := ""
	for _, r := range s.runs {
		if r.algorithm == auto && r.Verdict != "" && r.Threads == 1 {
			ratios, lengths = append(ratios, r.Ratio.Median), append(lengths, r.Elements)
			if how = "through cgo"; strings.Contains(r.Against, speed.InC) {
				how = "from C"
			}
		}
	}
	for _, r := range s.of(speed.Peers) {
		mine, best := r.Entry(speed.NativeSoftmax), r.UpstreamBest()
		if mine != nil && best != nil && !slices.Contains(lengths, r.Cols) {
			ratios, lengths, how = append(ratios, mine.NS.Median/best.NS.Median), append(lengths, r.Cols), "from C"
		}
	}
	if len(ratios) == 0 {
		return bigNumber{}, false
	}
	return bigNumber{fmt.Sprintf("%.2f", stat.GeometricMean(ratios, nil)), fmt.Sprintf("time of native.Softmax / %s's best, called %s: geometric mean of %s, %s to %s elements, one thread",
		s.reference, how, text.Plural(len(lengths), "length", "lengths"), text.Grouped(int64(slices.Min(lengths))), text.Grouped(int64(slices.Max(lengths))))}, true
}

// errorNumber is the greatest error of native.Softmax, beside the others'.
func (s *set) errorNumber() (bigNumber, bool) {
	all := accuracy.Worst(s.accuracy, speed.NativeSoftmax, "")
	if all.Rows == 0 {
		return bigNumber{}, false
	}
	var others []string
	for _, name := range s.softmaxes() {
		if name == speed.NativeSoftmax {
			continue
		}
		if w := accuracy.Worst(s.accuracy, name, timedClass); w.Rows > 0 {
			others = append(others, title(name)+" "+rounded(w.MaxULP, w.NaNs))
		}
	}
	mine := accuracy.Worst(s.accuracy, speed.NativeSoftmax, timedClass)
	t := "ULP: greatest error of native.Softmax, all classes of input and lengths"
	if len(others) > 0 {
		t += fmt.Sprintf("; on rows in [-10, 10) it is %s, beside %s", rounded(mine.MaxULP, 0), strings.Join(others, ", "))
	}
	return bigNumber{rounded(all.MaxULP, all.NaNs), t}, true
}

// timedClass is the class of inputs whose errors stand in front: that of the rows that are
// timed, in [-10, 10).
const timedClass = "uniform10"

// rounded is a greatest error with the digits that matter.
func rounded(most float64, nans int64) string {
	switch {
	case nans > 0:
		return "NaN"
	case most >= 99.95:
		return text.Grouped(int64(most + 0.5))
	}
	return fmt.Sprintf("%.1f", most)
}

// softmaxes are the functions that compute softmax and whose accuracy is known. Native's
// algorithms have upstream's bits, and those of package xnnpack are upstream's.
func (s *set) softmaxes() []string {
	var names []string
	for _, a := range s.accuracy {
		twin := strings.HasPrefix(a.Name, native+" ") && s.reference == "upstream"
		if a.Name == speed.NativeLogSoftmax || a.Name == speed.NativeLogSumExp || strings.HasPrefix(a.Name, "xnnpack") || twin || slices.Contains(names, a.Name) {
			continue
		}
		names = append(names, a.Name)
	}
	slices.SortStableFunc(names, func(a, b string) int {
		switch {
		case a == speed.NativeSoftmax:
			return -1
		case b == speed.NativeSoftmax:
			return 1
		}
		return strings.Compare(title(a), title(b))
	})
	return names
}

// bitsNumber is how many bits differ.
func (s *set) bitsNumber() (bigNumber, bool) {
	if len(s.bits) == 0 {
		return bigNumber{}, false
	}
	_, values, differ, kernels, ours := s.compared()
	what := "bits differ"
	if differ == 1 {
		what = "bit differs"
	}
	return bigNumber{text.Grouped(differ), fmt.Sprintf("%s: %s compared with %s on rows of %s elements in all", what,
		text.Plural(kernels+ours, "kernel", "kernels"), s.reference, text.Grouped(values))}, true
}

// speedChart is the time of native.Softmax relative to each other side's, over length.
func (s *set) speedChart() chart {
	c := chart{
		name: "front-speed-" + s.label, x: "elements of the row", y: "native's time / other's", logX: true, logY: true, base: 1,
		columns: cacheMarks(s.machine), caption: "Speed on one thread: below 1 native is faster",
	}
	for _, r := range s.runs {
		if r.Threads != 1 {
			continue
		}
		x, name := r.Ratio, s.reference+"'s best"
		switch {
		case r.algorithm == "" && r.NativeRatio != nil:
			x, name = *r.NativeRatio, title(r.side)
		case r.algorithm != auto || r.Verdict == "":
			continue
		}
		c.add(name, false, sampleOf(r.Elements, x))
	}
	if len(c.series) > 0 {
		styled(c.series)
		return c
	}
	for _, r := range s.of(speed.Peers) {
		mine, best := r.Entry(speed.NativeSoftmax), r.UpstreamBest()
		for i := range r.Entries {
			e := &r.Entries[i]
			name := title(e.Name)
			if strings.HasPrefix(e.Name, speed.UpstreamBestInC) {
				name = s.reference + "'s best"
				if e != best {
					continue
				}
			}
			if mine != nil && e != mine {
				c.add(name, false, sampleOf(r.Cols, quotient(mine.NS, e.NS)))
			}
		}
	}
	styled(c.series)
	return c
}

// limitFigure begins the name of a [set.limitChart].
const limitFigure = "front-limits-"

// limitChart is the time of native.Softmax and of what it was compared with over length, and what limits both.
func (s *set) limitChart() chart {
	c := chart{
		name: limitFigure + s.label, x: "elements of the row", y: "ns per element", logX: true, logY: true,
		columns: cacheMarks(s.machine), caption: "What limits the speed on one thread: lower is better",
	}
	if s.build.Native == "" {
		return c // upstream's times have calls through cgo in them
	}
	for _, r := range s.runs {
		switch {
		case r.Threads != 1:
		case r.algorithm == auto && r.Verdict != "":
			c.add(speed.NativeSoftmax, false, sampleOf(r.Elements, r.OursNS))
			c.add(s.reference+"'s best", false, sampleOf(r.Elements, r.RefNS))
			if s.arithmetic > 0 {
				c.add("vector operations alone", true, sampleOf(r.Elements, speed.Summary{Median: s.arithmetic, Lo: s.arithmetic, Hi: s.arithmetic}))
			}
		case r.algorithm == limit:
			c.add("traffic alone", true, sampleOf(r.Elements, r.OursNS))
		}
	}
	for i := range c.series {
		c.series[i].bare = c.series[i].dashed
	}
	styled(c.series)
	return c
}

// errorChart is the greatest and the mean error of all sides over length.
func (s *set) errorChart() chart {
	c := chart{
		name: "front-accuracy-" + s.label, x: "elements of the row", y: "error, ULP", logX: true, logY: true,
		caption: "Accuracy on rows uniform in [-10, 10): greatest error, and dashed the mean",
	}
	for _, name := range s.softmaxes() {
		greatest, mean := series{name: title(name)}, series{name: title(name), dashed: true, plain: true}
		for _, a := range s.accuracy {
			if a.Name != name || a.Class != timedClass || a.NaNs > 0 || a.MaxULP == 0 || a.MeanULP == 0 {
				continue
			}
			x := float64(a.Length)
			greatest.samples = append(greatest.samples, sample{x, a.MaxULP, a.MaxULP, a.MaxULP})
			mean.samples = append(mean.samples, sample{x, a.MeanULP, a.MeanULP, a.MeanULP})
		}
		c.series = append(c.series, greatest, mean)
	}
	styled(c.series)
	return c
}

// sides are the styles of the curves in front, where a side looks the same in all figures.
// Upstream's best is not in a figure with what it is the best of, and the binding not in
// one with upstream's single algorithms.
var sides = map[string]int{
	speed.NativeSoftmax: 0, "Go loop over math.Exp": 1, "upstream's best": 2, "upstream two-pass": 2, "gonum": 3, "oneDNN": 4, "upstream's operator": 5,
	"PyTorch": 6, "ONNX Runtime": 7, "vector operations alone": 4, "traffic alone": 5, "upstream three-pass-recompute": 8, "upstream three-pass-reload": 9, "xnnpack.SoftmaxNCF32": 9,
}

// styled gives curves their sides' styles.
func styled(all []series) {
	for i := range all {
		if style, ok := sides[all[i].name]; ok {
			all[i].style = style
		} else {
			all[i].style = i
		}
	}
}
