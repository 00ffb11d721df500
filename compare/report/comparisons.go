package report

import (
	"cmp"
	"fmt"
	"math"

	"github.com/twopass-softmax/twopass/compare/internal/text"
	"github.com/twopass-softmax/twopass/compare/speed"
)

// of are the set's comparisons of a kind, by threads and length.
func (s *set) of(kind string) []speed.Comparison {
	var all []speed.Comparison
	for _, r := range s.comparisons {
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

// timeOf is an entrant's time, errorOf its errors, ratioOf a ratio with its verdict;
// empty if there is none.
func timeOf(r *speed.Comparison, name string) string {
	if e := r.Entry(name); e != nil {
		return nanoseconds(e.NS)
	}
	return ""
}

func errorOf(r *speed.Comparison, name string) string {
	if e := r.Entry(name); e != nil {
		return ulpPair(e.MaxULP, e.MeanULP)
	}
	return ""
}

func ratioOf(r *speed.Comparison, of, to string) (ratio, verdict string) {
	if x := r.RatioOf(of, to); x != nil {
		return x.Ratio.String(), string(x.Verdict)
	}
	return "", ""
}

// place says where the rows of a comparison lie.
func (s *set) place(r speed.Comparison) string {
	if r.Beyond {
		return "memory"
	}
	return s.machine.Where(r.Rows * r.Cols)
}

// titles are what people call other libraries' functions.
var titles = map[string]string{"onednn softmax": "oneDNN", "onnxruntime softmax": "ONNX Runtime", "pytorch softmax": "PyTorch", speed.Gonum: "gonum", "upstream operator": "upstream's operator", "xnnpack operator": "xnnpack.SoftmaxNCF32"}

func title(name string) string { return cmp.Or(titles[name], name) }

// entries is a table of comparisons, with a line for each entry and the time of native divided by its time. An empty native
// stands for a comparison's first entry.
func entries(caption string, all []*set, kind string, native, threads string) *table {
	t := &table{Caption: caption, Columns: headings("Set", "#Rows", "#Columns", "In", threads, "Function", "#ns/element", "#ULP max, mean", "#"+cmp.Or(native, "native")+" / this", "Verdict")}
	for _, s := range all {
		for _, r := range s.of(kind) {
			native := cmp.Or(native, r.Entries[0].Name)
			for _, e := range r.Entries {
				ratio, verdict := ratioOf(&r, native, e.Name)
				if ratio == "" && e.Name != native && r.Entry(native) != nil {
					x := quotient(r.Entry(native).NS, e.NS)
					ratio, verdict = x.String(), string(proven(x))
				}
				t.add(s, r.Rows, r.Cols, s.place(r), r.Threads, title(e.Name), nanoseconds(e.NS), ulpPair(e.MaxULP, e.MeanULP), ratio, verdict)
			}
		}
	}
	t.Folded = len(t.Rows) > 40
	return t
}

// ulpPair is a greatest and a mean error; nothing if they were not measured.
func ulpPair(greatest, mean float64) string {
	switch {
	case greatest == 0 && mean == 0:
		return ""
	case greatest == math.MaxFloat64:
		return "NaN"
	}
	return ulps(greatest, 0) + ", " + ulps(mean, 0)
}

func peers(out *section, all []*set) {
	t := entries("One row, one thread", all, speed.Peers, speed.NativeSoftmax, "#Threads")
	if len(t.Rows) == 0 {
		return
	}
	out.text("What there is for the softmax of one row: a loop in Go, native, upstream's algorithms by its fastest kernels, called from a loop in C, and other libraries.")
	t.Folded = false
	out.table(t)
}

func rows(out *section, all []*set) {
	t := entries("Rows", all, speed.Rows, speed.NativeSoftmaxRows, "#Threads")
	calls := &section{}
	for _, s := range all {
		if c := s.shortCall; c != nil {
			calls.text(fmt.Sprintf("%sA call of native.Softmax on a row of %d takes %.1f ns (%.1f to %.1f).", prefix(s), speed.ShortRow, c.Median, c.Lo, c.Hi))
		}
	}
	if len(t.Rows) == 0 {
		out.Blocks = calls.Blocks
		return
	}
	out.text("All rows of a matrix: native.SoftmaxRows in one call, upstream's algorithms row by row, other libraries with all rows in one call. " +
		"Upstream's algorithms are composed of its fastest kernels on this CPU at that length, of all instruction sets and variants. Several threads share the rows.")
	callsThroughCgo(out, all)
	out.Blocks = append(out.Blocks, calls.Blocks...)
	out.table(t)
}

func functions(out *section, all []*set) {
	t := &table{Caption: "Functions", Columns: headings("Set", "#Elements", "In", "#Goroutines", "#Softmax, ns/element", "#ULP max, mean", "#LogSoftmax, ns/element", "#ULP max, mean", "#/ Softmax", "Verdict",
		"#LogSumExp, ns/element", "#ULP max, mean", "#/ Softmax", "Verdict")}
	for _, s := range all {
		threads, curve := 0, chart{}
		for _, r := range s.of(speed.Functions) {
			if r.Threads != threads {
				out.draw(s, curve)
				threads = r.Threads
				curve = chart{
					name: fmt.Sprintf("functions-%s%d", s.label, threads), x: "elements of the row", y: "time / Softmax's", logX: true, columns: cacheMarks(s.machine),
					caption: text.Plural(threads, "goroutine", "goroutines"), series: []series{{name: "LogSoftmax", style: 1}, {name: "LogSumExp", style: 2}},
				}
			}
			log, logVerdict := ratioOf(&r, speed.NativeLogSoftmax, speed.NativeSoftmax)
			lse, lseVerdict := ratioOf(&r, speed.NativeLogSumExp, speed.NativeSoftmax)
			t.add(s, r.Cols, s.place(r), r.Threads, timeOf(&r, speed.NativeSoftmax), errorOf(&r, speed.NativeSoftmax),
				timeOf(&r, speed.NativeLogSoftmax), errorOf(&r, speed.NativeLogSoftmax), log, logVerdict, timeOf(&r, speed.NativeLogSumExp), errorOf(&r, speed.NativeLogSumExp), lse, lseVerdict)
			for i, name := range []string{speed.NativeLogSoftmax, speed.NativeLogSumExp} {
				if x := r.RatioOf(name, speed.NativeSoftmax); x != nil {
					curve.series[i].samples = append(curve.series[i].samples, sampleOf(r.Cols, x.Ratio))
				}
			}
		}
		out.draw(s, curve)
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
	for _, s := range all {
		threads, c := 0, chart{}
		for _, r := range s.of(speed.OneRow) {
			if r.Threads != threads {
				out.draw(s, c)
				threads = r.Threads
				c = chart{
					name: fmt.Sprintf("one-row-%s%d", s.label, threads), x: "elements of the row", y: "ns per element", logX: true, logY: true, columns: cacheMarks(s.machine),
					caption: text.Plural(threads, "goroutine", "goroutines") + " on one row",
				}
			}
			for _, e := range r.Entries {
				c.add(title(e.Name), e.Name == speed.Limit, sampleOf(r.Cols, e.NS))
			}
		}
		out.draw(s, c)
	}
	t := entries("One row", all, speed.OneRow, speed.NativeSoftmax, "#Goroutines")
	if len(t.Rows) == 0 {
		return
	}
	out.text("native.Softmax of one row on several goroutines, against the same on one, against other libraries on as many threads, and, for rows beyond the caches, against " +
		"the traffic alone: each goroutine reads its part of the row, then reads it again and writes as much around the caches. A library beside itself on one thread tells whether it divides a row.")
	out.flush()
	out.table(t)
}

func gradients(out *section, all []*set) {
	t := entries("Gradients", all, speed.Gradients, "", "#Threads")
	if len(t.Rows) == 0 {
		return
	}
	out.text("Both gradients of all rows of a matrix, against loops in C, whose sums are added in order or, by omp simd, in any, and against the traffic alone: " +
		"the same lines loaded and stored in the same order, through the caches.")
	out.table(t)
}
