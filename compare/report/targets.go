package report

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"github.com/twopass-softmax/twopass/compare"
	"github.com/twopass-softmax/twopass/compare/internal/text"
	"github.com/twopass-softmax/twopass/ukernel"
)

// target is what a number of measurements should come to.
type target struct {
	what string
	// mean and most are limits to the geometric mean and to each of the
	// measurements; 0 for none. Unit is that of the values.
	mean, most float64
	unit       string
	// strict is whether the limit itself is too much.
	strict bool
	// of is how many measurements there should be, 0 if it doesn't matter.
	of     int
	values []measurement
	// why says why there are none.
	why string
}

// measurement is a value with what it is of.
type measurement struct {
	value float64
	of    string
}

// slack is by how much more than the same time a single ratio of times may be.
const slack = 1.03

func (t *target) add(value float64, of string) { t.values = append(t.values, measurement{value, of}) }

// addRatio adds the median of a ratio, and says so where it proves nothing.
func (t *target) addRatio(ratio compare.Interval, verdict compare.Verdict, of string) {
	if verdict == compare.Noisy {
		of += " (" + string(verdict) + ")"
	}
	t.add(ratio.Median, of)
}

// goal is the limits in words.
func (t *target) goal() string {
	at := "≤"
	if t.strict {
		at = "<"
	}
	var parts []string
	if t.mean > 0 {
		parts = append(parts, fmt.Sprintf("geometric mean %s %.2f%s", at, t.mean, t.unit))
	}
	if t.most > 0 && t.mean > 0 {
		parts = append(parts, fmt.Sprintf("none above %.2f%s", t.most, t.unit))
	} else if t.most > 0 {
		parts = append(parts, fmt.Sprintf("%s %.2f%s", at, t.most, t.unit))
	}
	return strings.Join(parts, ", ")
}

// verdict is what was measured, where it is worst, and whether the target is met.
func (t *target) verdict() (measured, worst, met string) {
	if len(t.values) == 0 {
		return "", t.why, "not measured"
	}
	values := make([]float64, len(t.values))
	for i, v := range t.values {
		values[i] = v.value
	}
	mean := geometricMean(values)
	last := slices.MaxFunc(t.values, func(a, b measurement) int { return cmp.Compare(a.value, b.value) })
	count := fmt.Sprint(len(values))
	if t.of > 0 {
		count = fmt.Sprintf("%d of %d", len(values), t.of)
	}
	measured = fmt.Sprintf("geometric mean %.3f, most %.3f%s (%s)", mean, last.value, t.unit, count)
	if len(values) == 1 && t.of <= 1 {
		measured = fmt.Sprintf("%.3f%s", last.value, t.unit)
	}
	over := func(value, limit float64) bool { return limit > 0 && (value > limit || t.strict && value == limit) }
	switch {
	case over(mean, t.mean) || over(last.value, t.most):
		met = "no"
	case len(values) < t.of:
		met = "so far"
	default:
		met = "yes"
	}
	return measured, last.of, met
}

func targets(out *section, all []*set) {
	t := &table{Columns: headings("Set", "Target", "Met", "Goal", "Measured", "Worst, or why not")}
	measured := false
	for _, s := range all {
		for _, x := range s.targets() {
			figure, worst, met := x.verdict()
			measured = measured || len(x.values) > 0
			t.Rows = append(t.Rows, []string{cmp.Or(s.label, "–"), x.what, met, x.goal(), figure, worst})
		}
	}
	if !measured {
		return
	}
	out.text("What the project promises, and what these files say of it. All are ratios of times but the call, of medians; below 1, native is faster. A goal on each of several " +
		"measurements allows 3 % for noise where it is that one time is not longer than another. “So far” is met by fewer measurements than there should be.")
	out.table(t)
}

// targets are the project's, with what the set has on them.
func (s *set) targets() []*target {
	all := s.kernelTargets()
	all = append(all, s.softmaxTargets()...)
	all = append(all, s.rowTargets()...)
	return append(all, s.functionTargets()...)
}

// float32s reports whether the targets are on the kernel's family.
func float32s(k ukernel.Kernel) bool { return !k.Family.Half() && !k.Family.Bytes() }

// kernelTargets are on the kernels of equal names, for each place and ISA.
func (s *set) kernelTargets() (all []*target) {
	for _, where := range []string{"L1", "L2"} {
		for _, isa := range ukernel.ISAs() {
			if !slices.Contains(s.machine.ISAs, isa.String()) {
				continue
			}
			t := &target{what: fmt.Sprintf("kernels of %v, in %s, / upstream's by clang", isa, where), mean: 0.90, most: slack, why: "no kernel of it was timed there"}
			for _, k := range ukernel.Upstream() {
				if k.ISA == isa && float32s(k) {
					t.of++
				}
			}
			for _, k := range s.kernels {
				if k.ISA != isa || !float32s(k.Kernel) || k.Verdict == "" || k.Ours || s.machine.Where(k.Elements) != where {
					continue
				}
				if s.reference != "upstream" || !strings.Contains(strings.ToLower(s.build.Compiler), "clang") {
					t.why = "upstream is built by " + cmp.Or(s.build.Compiler, "no compiler")
					continue
				}
				t.addRatio(k.Ratio, k.Verdict, fmt.Sprintf("%s, %s elements", k.Kernel.Name, text.Grouped(int64(k.Elements))))
			}
			if t.of > 0 {
				all = append(all, t)
			}
		}
	}
	return all
}

// Lengths of the targets on softmax: the powers of two from the one to the other.
const firstPower, lastPower = 4, 26

func isPower(n int) bool {
	e := bits.Len(uint(n)) - 1
	return n == 1<<e && e >= firstPower && e <= lastPower
}

// counts are one thread and, if there are more, the most that the set has.
func counts(most int) []int {
	if most > 1 {
		return []int{1, most}
	}
	return []int{1}
}

// threadsText is for the name of a target.
func threadsText(n int) string { return text.Plural(n, "thread", "threads") }

func (s *set) softmaxTargets() (all []*target) {
	const powers = lastPower - firstPower + 1
	widest := ""
	if n := len(s.machine.ISAs); n > 0 {
		widest = s.machine.ISAs[n-1]
	}
	most := 1
	for _, r := range s.runs {
		most = max(most, r.Threads)
	}
	for _, threads := range counts(most) {
		t := &target{what: "native.Softmax / upstream's best, " + threadsText(threads), mean: 0.85, most: slack, of: powers, why: "no power of two from 2^4 to 2^26 was timed"}
		for _, r := range s.runs {
			switch {
			case r.algorithm != auto || r.Verdict == "" || r.Threads != threads || r.isa != widest || !isPower(r.Elements):
			case r.Against == "":
				t.why = "upstream's algorithms had the kernels that it prefers, not its fastest"
			default:
				t.addRatio(r.Ratio, r.Verdict, fmt.Sprintf("%s elements, to %s", text.Grouped(int64(r.Elements)), r.Against))
			}
		}
		all = append(all, t)
	}
	t := &target{what: "native.Softmax / oneDNN, " + threadsText(1), mean: 0.50, of: powers, why: "oneDNN was not timed"}
	for _, r := range s.runs {
		if r.NativeRatio != nil && r.Threads == 1 && isPower(r.Elements) {
			t.add(r.NativeRatio.Median, text.Grouped(int64(r.Elements))+" elements")
		}
	}
	return append(all, t)
}

// raceTarget has the ratios of one entrant to another in races of a kind.
func (s *set) raceTarget(t target, kind compare.RaceKind, threads int, of, to string, match func(compare.Race) bool) *target {
	for _, r := range s.of(kind) {
		if x := r.RatioOf(of, to); x != nil && r.Threads == threads && match(r) {
			what := text.Grouped(int64(r.Cols)) + " elements"
			if kind == compare.RaceRows {
				what = fmt.Sprintf("%s of %s", text.Plural(r.Rows, "row", "rows"), text.Grouped(int64(r.Cols)))
			}
			t.addRatio(x.Ratio, x.Verdict, what)
		}
	}
	return &t
}

// mostThreads is the largest number of threads in races of a kind.
func (s *set) mostThreads(kind compare.RaceKind) int {
	most := 1
	for _, r := range s.of(kind) {
		most = max(most, r.Threads)
	}
	return most
}

func anyRace(compare.Race) bool     { return true }
func beyond(race compare.Race) bool { return race.Beyond }

func (s *set) rowTargets() (all []*target) {
	for _, threads := range counts(s.mostThreads(compare.RaceRows)) {
		for _, to := range []struct{ entrant, name string }{{compare.UpstreamBest, "upstream's best"}, {compare.UpstreamBestInC, "upstream's best called from C"}, {peerName, "oneDNN"}} {
			all = append(all, s.raceTarget(target{what: fmt.Sprintf("native.SoftmaxRows / %s, %s", to.name, threadsText(threads)), mean: 0.80, why: "it was not timed"},
				compare.RaceRows, threads, compare.NativeSoftmaxRows, to.entrant, anyRace))
		}
	}
	t := &target{what: fmt.Sprintf("a call of native.Softmax on a row of %d", compare.ShortRow), most: 15, unit: " ns", strict: true, why: "it was not timed"}
	if s.shortCall != nil {
		t.add(s.shortCall.Median, "")
	}
	return append(all, t)
}

func (s *set) functionTargets() (all []*target) {
	most := s.mostThreads(compare.RaceOneRow)
	all = append(all,
		s.raceTarget(target{what: fmt.Sprintf("native.Softmax out of cache, %s on one row, / the traffic alone", text.Plural(most, "goroutine", "goroutines")), most: 1.15,
			why: "no row beyond the caches was timed"}, compare.RaceOneRow, most, compare.NativeSoftmax, compare.LimitName, beyond),
		s.raceTarget(target{what: fmt.Sprintf("native.Softmax on one row, %s / one", text.Plural(most, "goroutine", "goroutines")), most: slack,
			why: "it was not timed on several goroutines"}, compare.RaceOneRow, most, compare.NativeSoftmax, compare.OneGoroutine, anyRace))
	for _, threads := range counts(s.mostThreads(compare.RaceFunctions)) {
		all = append(all,
			s.raceTarget(target{what: "native.LogSumExp / native.Softmax, out of cache, " + threadsText(threads), most: 0.55, why: "no row beyond the caches was timed"},
				compare.RaceFunctions, threads, compare.NativeLogSumExp, compare.NativeSoftmax, beyond),
			s.raceTarget(target{what: "native.LogSoftmax / native.Softmax, " + threadsText(threads), mean: 1, most: slack, why: "it was not timed"},
				compare.RaceFunctions, threads, compare.NativeLogSoftmax, compare.NativeSoftmax, anyRace))
	}
	return all
}
