package report

import (
	"cmp"
	"fmt"

	"github.com/twopass-softmax/twopass/compare"
	"github.com/twopass-softmax/twopass/compare/internal/text"
)

// of are the set's races of a kind, by threads and length.
func (s *set) of(kind compare.RaceKind) []compare.Race {
	var all []compare.Race
	for _, r := range s.races {
		if r.Kind == kind {
			all = append(all, r)
		}
	}
	return all
}

// callsThroughCgo says what of upstream's times is not its kernels'.
func callsThroughCgo(out *section, all []*set) {
	for _, s := range all {
		if t := s.overhead; t != nil && t.RefNS.Median > 0 {
			out.text(fmt.Sprintf("%sUpstream's kernels are called through cgo, one call for each pass. A kernel's call on one element takes %.0f ns upstream "+
				"and %.0f ns in native; this is part of all times.", prefix(s), t.RefNS.Median, t.OursNS.Median))
		}
	}
}

// timeOf is an entrant's time, ratioOf a ratio with its verdict; empty if there
// is none.
func timeOf(r *compare.Race, name string) string {
	if e := r.Entrant(name); e != nil {
		return nanoseconds(e.NS)
	}
	return ""
}

func ratioOf(r *compare.Race, of, to string) (ratio, verdict string) {
	if x := r.RatioOf(of, to); x != nil {
		return interval(x.Ratio), string(x.Verdict)
	}
	return "", ""
}

// place says where the rows of a race lie.
func (s *set) place(r compare.Race) string {
	if r.Beyond {
		return "memory"
	}
	return s.machine.Where(r.Rows * r.Cols)
}

const peerName = "onednn softmax"

func rows(out *section, all []*set) {
	t := &table{Columns: headings("Set", "#Rows", "#Columns", "In", "#Threads", "#Native, ns/element", "Upstream's best", "#ns/element", "#Ratio", "Verdict", "#Called from C, ns/element", "#Ratio", "Verdict",
		"#oneDNN, ns/element", "#Ratio", "Verdict")}
	for _, s := range all {
		for _, r := range s.of(compare.RaceRows) {
			row := []string{cmp.Or(s.label, "–"), text.Grouped(int64(r.Rows)), text.Grouped(int64(r.Cols)), s.place(r), fmt.Sprint(r.Threads), timeOf(&r, compare.NativeSoftmaxRows)}
			best, ns := "", ""
			if x := r.RatioOf(compare.NativeSoftmaxRows, compare.UpstreamBest); x != nil {
				best, ns = x.To[len(compare.UpstreamBest)+1:], timeOf(&r, x.To)
			}
			ratio, verdict := ratioOf(&r, compare.NativeSoftmaxRows, compare.UpstreamBest)
			row = append(row, best, ns, ratio, verdict)
			ns = ""
			if x := r.RatioOf(compare.NativeSoftmaxRows, compare.UpstreamBestInC); x != nil {
				ns = timeOf(&r, x.To)
			}
			ratio, verdict = ratioOf(&r, compare.NativeSoftmaxRows, compare.UpstreamBestInC)
			row = append(row, ns, ratio, verdict)
			ratio, verdict = ratioOf(&r, compare.NativeSoftmaxRows, peerName)
			t.Rows = append(t.Rows, append(row, timeOf(&r, peerName), ratio, verdict))
		}
	}
	calls := &section{}
	for _, s := range all {
		if c := s.shortCall; c != nil {
			calls.text(fmt.Sprintf("%sA call of native.Softmax on a row of %d takes %.1f ns (%.1f to %.1f).", prefix(s), compare.ShortRow, c.Median, c.Lo, c.Hi))
		}
	}
	if len(t.Rows) == 0 {
		out.Blocks = calls.Blocks
		return
	}
	out.text("All rows of a matrix: native.SoftmaxRows in one call, upstream's algorithms row by row, oneDNN with all rows in one primitive. " +
		"Upstream's algorithms are composed of its fastest kernels on this CPU at that length, of all instruction sets and variants; the best is the " +
		"fastest of the three on that matrix. Several threads share the rows.")
	callsThroughCgo(out, all)
	out.Blocks = append(out.Blocks, calls.Blocks...)
	out.table(t)
}

func functions(out *section, all []*set) {
	t := &table{Caption: "Functions", Columns: headings("Set", "#Elements", "In", "#Goroutines", "#Softmax, ns/element", "#LogSoftmax, ns/element", "#/ Softmax", "Verdict",
		"#LogSumExp, ns/element", "#/ Softmax", "Verdict")}
	for _, s := range all {
		threads, curve := 0, chart{}
		draw := func() {
			if drawable(curve.series) {
				out.draw(s, curve)
			}
		}
		for _, r := range s.of(compare.RaceFunctions) {
			if r.Threads != threads {
				draw()
				threads = r.Threads
				curve = chart{
					name: fmt.Sprintf("functions-%s%d", s.label, threads), x: "elements of the row", y: "time / Softmax's", logX: true, columns: cacheMarks(s.machine),
					caption: text.Plural(threads, "goroutine", "goroutines"), series: []series{{name: "LogSoftmax", style: 1}, {name: "LogSumExp", style: 2}},
				}
			}
			log, logVerdict := ratioOf(&r, compare.NativeLogSoftmax, compare.NativeSoftmax)
			lse, lseVerdict := ratioOf(&r, compare.NativeLogSumExp, compare.NativeSoftmax)
			t.Rows = append(t.Rows, []string{cmp.Or(s.label, "–"), text.Grouped(int64(r.Cols)), s.place(r), fmt.Sprint(r.Threads), timeOf(&r, compare.NativeSoftmax),
				timeOf(&r, compare.NativeLogSoftmax), log, logVerdict, timeOf(&r, compare.NativeLogSumExp), lse, lseVerdict})
			for i, name := range []string{compare.NativeLogSoftmax, compare.NativeLogSumExp} {
				if x := r.RatioOf(name, compare.NativeSoftmax); x != nil {
					curve.series[i].samples = append(curve.series[i].samples, sample{float64(r.Cols), x.Ratio.Median, x.Ratio.Lo, x.Ratio.Hi})
				}
			}
		}
		draw()
	}
	if len(t.Rows) == 0 {
		return
	}
	out.text("Log-softmax and log-sum-exp of one row against its softmax, all native, timed in the same turns. Several goroutines share the row.")
	out.flush()
	t.Folded = len(t.Rows) > 30
	out.table(t)
}

func oneRow(out *section, all []*set) {
	t := &table{Caption: "One row", Columns: headings("Set", "#Elements", "In", "#Goroutines", "#Native, ns/element", "#/ one goroutine", "Verdict", "#/ limit", "Verdict",
		"#/ oneDNN", "Verdict", "#oneDNN / on one thread", "Verdict")}
	const peerOne = peerName + ", 1 thread"
	for _, s := range all {
		kinds := []struct {
			entrant, name string
			style         int
		}{{compare.NativeSoftmax, "native.Softmax", 3}, {compare.OneGoroutine, "on one goroutine", 0}, {compare.LimitName, "traffic alone", 5}, {peerName, "oneDNN", 4}, {peerOne, "oneDNN on one thread", 1}}
		charts := make(map[int]*chart)
		var order []int
		for _, r := range s.of(compare.RaceOneRow) {
			row := []string{cmp.Or(s.label, "–"), text.Grouped(int64(r.Cols)), s.place(r), fmt.Sprint(r.Threads), timeOf(&r, compare.NativeSoftmax)}
			for _, x := range [][2]string{{compare.NativeSoftmax, compare.OneGoroutine}, {compare.NativeSoftmax, compare.LimitName}, {compare.NativeSoftmax, peerName}, {peerName, peerOne}} {
				ratio, verdict := ratioOf(&r, x[0], x[1])
				row = append(row, ratio, verdict)
			}
			t.Rows = append(t.Rows, row)
			c := charts[r.Threads]
			if c == nil {
				c = &chart{
					name: fmt.Sprintf("one-row-%s%d", s.label, r.Threads), x: "elements of the row", y: "ns per element", logX: true, logY: true, columns: cacheMarks(s.machine),
					caption: text.Plural(r.Threads, "goroutine", "goroutines") + " on one row",
				}
				for _, k := range kinds {
					c.series = append(c.series, series{name: k.name, style: k.style, dashed: k.entrant == compare.LimitName})
				}
				charts[r.Threads] = c
				order = append(order, r.Threads)
			}
			for i, k := range kinds {
				if e := r.Entrant(k.entrant); e != nil {
					c.series[i].samples = append(c.series[i].samples, sample{float64(r.Cols), e.NS.Median, e.NS.Lo, e.NS.Hi})
				}
			}
		}
		for _, n := range order {
			if drawable(charts[n].series) {
				out.draw(s, *charts[n])
			}
		}
	}
	if len(t.Rows) == 0 {
		return
	}
	out.text("native.Softmax of one row on several goroutines, against the same on one, against oneDNN on as many threads, and, for rows beyond the caches, against " +
		"the traffic alone: each goroutine reads its part of the row, then reads it again and writes as much around the caches. The last ratio tells whether oneDNN divides a row.")
	out.flush()
	t.Folded = len(t.Rows) > 30
	out.table(t)
}
