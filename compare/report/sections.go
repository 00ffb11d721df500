package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"

	"github.com/twopass-softmax/twopass/compare/accuracy"
	"github.com/twopass-softmax/twopass/compare/bits"
	"github.com/twopass-softmax/twopass/compare/internal/machine"
	"github.com/twopass-softmax/twopass/compare/internal/text"
	"github.com/twopass-softmax/twopass/compare/speed"
	"github.com/twopass-softmax/twopass/ukernel"
)

// topic is a section that the results may have something for.
type topic struct {
	id, title string
	// fill writes the section; it writes nothing if the results have nothing.
	fill func(*section, []*set)
	// command makes results that have something.
	command string
}

var topics = []topic{
	{"peers", "All that is there, on one row", peers, "compare table"},
	{"two-pass", "Two passes against three", twoAgainstThree, "compare speed"},
	{"lengths", "The algorithms over length", overLength, "compare speed --sizes 2^4..2^26"},
	{"passes", "Time and bandwidth of each pass", passes, "compare speed --kernels . --sizes L1,memory"},
	{"variants", "Tiles and accumulators", variants, "compare speed --kernels . --sizes L1"},
	{"cores", "One core against all", cores, "compare speed"},
	{"rows", "Rows", rows, "compare speed --rows 65536x10,8192x128,1024x1000,64x32000,1x128256"},
	{"functions", "Functions", functions, "compare speed --functions --sizes 2^4..2^26,memory"},
	{"gradients", "Gradients", gradients, "compare speed --gradients 16x128,1x4000,16384x1000"},
	{"one-row", "All cores on one row", oneRow, "compare speed --goroutines all --sizes 2^10..2^26,memory"},
	{"native", "Native against upstream", nativeAgainstUpstream, "compare speed --kernels . --sizes L1"},
	{"bandwidth", "What memory can do", bandwidth, "compare info"},
	{"agreement", "Agreement", agreement, "compare bits"},
	{"accuracy", "Accuracy", accuracies, "compare accuracy"},
}

// compose makes the document.
func compose(sources []Source) (*document, error) {
	all, err := sets(sources)
	if err != nil {
		return nil, err
	}
	d := &document{Title: "Two-pass softmax: results"}
	for _, s := range all {
		f, err := newFront(s)
		if err != nil {
			return nil, err
		}
		d.Fronts = append(d.Fronts, f)
	}
	summary := section{ID: "summary", Title: "In short"}
	summary.list(headlines(all))
	machines := section{ID: "machines", Title: "Machines"}
	if len(all) == 1 {
		machines.Title = "Machine"
	}
	describe(&machines, all)
	d.Sections = append(d.Sections, summary, machines)
	var missing []string
	for _, t := range topics {
		s := section{ID: t.id, Title: t.title}
		if t.fill(&s, all); s.err != nil {
			return nil, s.err
		}
		if len(s.Blocks) == 0 {
			missing = append(missing, fmt.Sprintf("%s: a run of “%s” has it.", t.title, t.command))
			continue
		}
		d.Sections = append(d.Sections, s)
	}
	if len(missing) > 0 {
		s := section{ID: "missing", Title: "Not in these results"}
		s.list(missing)
		d.Sections = append(d.Sections, s)
	}
	files := section{ID: "files", Title: "Files"}
	t := &table{Columns: headings("Set", "File", "Begun", "#Seconds", "`Command")}
	for _, s := range all {
		for _, f := range s.sources {
			r := f.Results
			t.add(s, f.Name, r.Started.UTC().Format("2006-01-02 15:04 MST"), fmt.Sprintf("%.0f", r.Seconds), strings.Join(r.Command, " "))
		}
	}
	files.text("All figures come from these files, which “compare report” reads and nothing else. Times are medians; " +
		"intervals are confidence intervals of the median at 95 %.")
	files.table(t)
	d.Sections = append(d.Sections, files)
	if all[0].label == "" {
		d.dropSets()
	}
	return d, nil
}

// describe compares the machines and builds.
func describe(out *section, all []*set) {
	t := &table{Columns: headings("")}
	for _, s := range all {
		name := "Machine"
		if s.label != "" {
			name = s.label
		}
		t.Columns = append(t.Columns, heading{name, words})
	}
	row := func(name string, f func(*set) string) {
		cells := []string{name}
		something := false
		for _, s := range all {
			cells = append(cells, f(s))
			something = something || f(s) != ""
		}
		if something {
			t.Rows = append(t.Rows, cells)
		}
	}
	row("CPU", func(s *set) string { return s.machine.CPU })
	row("Microarchitecture", func(s *set) string { return s.machine.Microarchitecture() })
	row("Family, model, stepping", func(s *set) string {
		return fmt.Sprintf("%s %d, %d, %d", s.machine.Vendor, s.machine.Family, s.machine.Model, s.machine.Stepping)
	})
	row("Level", (*set).level)
	row("Instruction sets", func(s *set) string { return strings.Join(s.machine.ISAs, ", ") })
	row("CPUs used", func(s *set) string { return fmt.Sprint(s.machine.CPUs) })
	row("Hypervisor", func(s *set) string { return s.machine.Hypervisor })
	row("Clock as measured", func(s *set) string {
		if s.frequency == 0 {
			return ""
		}
		return fmt.Sprintf("%.2f GHz", s.frequency)
	})
	row("L1d, L2, L3", func(s *set) string {
		return text.Size(s.machine.L1D) + ", " + text.Size(s.machine.L2) + ", " + text.Size(s.machine.L3)
	})
	row("Memory", func(s *set) string { return text.Size(s.machine.Memory) })
	row("System", func(s *set) string { return s.machine.OS + "/" + s.machine.Arch })
	row("Upstream", func(s *set) string { return fmt.Sprintf("XNNPACK %.12s", s.build.Commit) })
	row("Upstream's compiler", func(s *set) string { return s.build.Compiler })
	row("Native", (*set).state)
	row("Go", func(s *set) string { return strings.TrimSpace(s.build.Go + " " + s.build.Level) })
	row("Other libraries", func(s *set) string { return strings.Join(s.peers, ", ") })
	row("Native compared with", func(s *set) string { return s.reference })
	row("Upstream not linked in", func(s *set) string { return s.noUpstream })
	out.table(t)
}

// prefix begins a statement on a set.
func prefix(s *set) string {
	if s.label == "" {
		return ""
	}
	return s.label + ": "
}

// headlines are the statements that a reader wants first.
func headlines(all []*set) []string {
	var lines []string
	for _, s := range all {
		if len(s.bits) > 0 {
			inputs, values, differ, kernels, ours := s.compared()
			with := s.reference
			if ours > 0 {
				with += fmt.Sprintf(" and %d of our own with the model", ours)
			}
			lines = append(lines, fmt.Sprintf("%s%s compared with %s, %s inputs of %s elements in all: %s.", prefix(s),
				text.Plural(kernels, "kernel", "kernels"), with, text.Grouped(inputs), text.Grouped(values), text.Plural(int(differ), "bit differs", "bits differ")))
		}
		for _, c := range claims(s) {
			if c.side == native && c.longest {
				lines = append(lines, prefix(s)+c.sentence())
			}
		}
		for _, n := range s.lengthsOf(func(k kernel) bool { return k.Verdict != "" }) {
			g := groupOf(s, n, func(kernel) bool { return true })
			lines = append(lines, fmt.Sprintf("%sTime of native / %s over %s of %s elements: %v.", prefix(s),
				s.reference, text.Plural(len(g.ratios), "kernel", "kernels"), text.Grouped(int64(n)), &g))
		}
		var whole group
		for _, r := range s.runs {
			if r.algorithm == auto {
				whole.add(r.Timing)
			}
		}
		if n := len(whole.ratios); n > 0 {
			lines = append(lines, fmt.Sprintf("%sTime of native.Softmax / the best of %s's algorithms over %s: %v.", prefix(s),
				s.reference, text.Plural(n, "combination of length and threads", "combinations of length and threads"), &whole))
		}
		var errors []string
		for _, name := range s.softmaxes() {
			w := accuracy.Worst(s.accuracy, name, timedClass)
			if w.Outputs > w.NaNs {
				errors = append(errors, fmt.Sprintf("%s %s (%s)", title(name), ulps(w.MaxULP, w.NaNs), ulps(w.MeanULP, 0)))
			}
		}
		if len(errors) > 0 {
			lines = append(lines, fmt.Sprintf("%sGreatest and mean errors in ULP, on rows of %s: %s.", prefix(s), timedClass, join(errors...)))
		}
	}
	if len(lines) == 0 {
		lines = append(lines, "These results have neither agreement nor speed nor accuracy in them.")
	}
	return lines
}

// compared adds the comparisons of bits up. Kernels is how many were compared with upstream's or another reference, ours
// how many upstream lacks, which were compared with the model.
func (s *set) compared() (inputs, values, differ int64, kernels, ours int) {
	for _, b := range s.bits {
		inputs += b.Inputs
		values += b.Values
		differ += b.Bits
		if k, err := ukernel.Parse(b.Kernel); err != nil {
			continue
		} else if k.Ours && s.reference == "upstream" {
			ours++
		} else {
			kernels++
		}
	}
	return inputs, values, differ, kernels, ours
}

// claim is how two-pass fares against the three-pass forms at one length.
type claim struct {
	side, isa         string
	threads, elements int
	where             string
	// longest is whether no longer row was measured.
	longest bool
	twoPass speed.Summary
	// errors are two-pass's greatest and mean one in ULP; 0 if they were not measured.
	errors [2]float64
	// against has the ratio of two-pass's time to each of the others.
	against []rival
}

type rival struct {
	algorithm string
	ratio     speed.Summary
}

// claims are made at the longest row that fits L1 and at the longest of all.
func claims(s *set) []claim {
	var all []claim
	for _, g := range s.groups() {
		var found []claim
		for _, r := range g {
			if r.algorithm != ukernel.TwoPass.String() {
				continue
			}
			c := claim{side: r.side, isa: cmp.Or(r.isa, s.level()), threads: r.Threads, elements: r.Elements, where: s.machine.Where(r.Elements), twoPass: r.OursNS, errors: [2]float64{r.MaxULP, r.MeanULP}}
			for _, other := range g {
				if other.Elements == r.Elements && strings.HasPrefix(other.algorithm, "three-pass") {
					c.against = append(c.against, rival{other.algorithm, quotient(r.OursNS, other.OursNS)})
				}
			}
			if len(c.against) > 0 {
				found = append(found, c)
			}
		}
		for i := range found {
			found[i].longest = i == len(found)-1
			if found[i].longest || found[i].where == "L1" && found[i+1].where != "L1" {
				all = append(all, found[i])
			}
		}
	}
	return all
}

func (c claim) sentence() string {
	var parts []string
	for _, r := range c.against {
		parts = append(parts, fmt.Sprintf("%.3f of %s's (%s)", r.ratio.Median, r.algorithm, proven(r.ratio)))
	}
	return fmt.Sprintf("%s, %s, %s, %s elements in %s: two-pass takes %s.", c.side, c.isa,
		text.Plural(c.threads, "thread", "threads"), text.Grouped(int64(c.elements)), c.where, strings.Join(parts, " and "))
}

// groups are the runs of one side, ISA and number of threads, by rising length.
func (s *set) groups() [][]run {
	var all [][]run
	for i, r := range s.runs {
		if r.algorithm == limit || r.algorithm == auto || r.algorithm == "" {
			continue
		}
		last := len(all) - 1
		if i == 0 || last < 0 || all[last][0].side != r.side || all[last][0].isa != r.isa || all[last][0].Threads != r.Threads {
			all = append(all, nil)
			last++
		}
		all[last] = append(all[last], r)
	}
	return all
}

func twoAgainstThree(out *section, all []*set) {
	t := &table{Columns: headings("Set", "Side", "ISA", "#Threads", "#Elements", "In", "#Two-pass, ns/element",
		"#ULP max, mean", "#/ recompute", "Verdict", "#/ reload", "Verdict")}
	var crossings []string
	for _, s := range all {
		for _, c := range claims(s) {
			row := []any{c.side, c.isa, c.threads, c.elements, c.where, nanoseconds(c.twoPass), ulpPair(c.errors[0], c.errors[1])}
			for _, a := range []ukernel.Algorithm{ukernel.ThreePassRecompute, ukernel.ThreePassReload} {
				i := slices.IndexFunc(c.against, func(r rival) bool { return r.algorithm == a.String() })
				if i < 0 {
					row = append(row, "", "")
					continue
				}
				row = append(row, c.against[i].ratio, proven(c.against[i].ratio))
			}
			t.add(s, row...)
		}
		for _, g := range s.groups() {
			if line := crossing(g, s.level()); line != "" {
				crossings = append(crossings, prefix(s)+line)
			}
		}
	}
	if len(t.Rows) == 0 {
		return
	}
	out.text("The paper's claim is that two passes, which touch memory less often, beat both three-pass forms where the row " +
		"is out of cache, and that they lose in cache to the form that keeps its exponentials. Below 1, two-pass is faster. " +
		"The ratios are of median times; their intervals are the widest that the times' own allow.")
	out.table(t)
	out.list(crossings)
}

// crossing says from which length on two-pass was the fastest.
func crossing(g []run, level string) string {
	best := make(map[int]run)
	var lengths []int
	for _, r := range g {
		b, ok := best[r.Elements]
		if !ok {
			lengths = append(lengths, r.Elements)
		}
		if !ok || r.OursNS.Median < b.OursNS.Median {
			best[r.Elements] = r
		}
	}
	slices.Sort(lengths)
	two := ukernel.TwoPass.String()
	if len(lengths) < 2 || !slices.ContainsFunc(g, func(r run) bool { return r.algorithm == two }) {
		return ""
	}
	from := len(lengths)
	for from > 0 && best[lengths[from-1]].algorithm == two {
		from--
	}
	who := fmt.Sprintf("%s, %s, %s: ", g[0].side, cmp.Or(g[0].isa, level), text.Plural(g[0].Threads, "thread", "threads"))
	switch from {
	case len(lengths):
		return who + fmt.Sprintf("at the longest row, of %s elements, %s has the least median.", text.Grouped(int64(lengths[from-1])), best[lengths[from-1]].algorithm)
	case 0:
		return who + "two-pass has the least median at every length."
	}
	return who + fmt.Sprintf("two-pass has the least median from %s elements on, among the lengths measured.", text.Grouped(int64(lengths[from])))
}

// styles of the curves, by what they are of.
var styles = map[string]int{
	ukernel.TwoPass.String(): 0, ukernel.ThreePassRecompute.String(): 1, ukernel.ThreePassReload.String(): 2, auto: 3, limit: 5,
}

func overLength(out *section, all []*set) {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, s := range all {
		for _, r := range s.runs {
			lo, hi = math.Min(lo, r.OursNS.Lo), math.Max(hi, r.OursNS.Hi)
		}
	}
	for _, s := range all {
		for i, g := range s.groups() {
			c := chart{
				name: fmt.Sprintf("lengths-%s%d", s.label, i+1), x: "elements of the row", y: "ns per element",
				logX: true, logY: true, yMin: lo, yMax: hi, columns: cacheMarks(s.machine),
			}
			c.caption = join(g[0].side, g[0].isa, text.Plural(g[0].Threads, "thread", "threads"))
			shown := slices.Clone(g)
			for _, r := range s.runs {
				with := r.algorithm == limit || r.algorithm == "" || r.algorithm == auto && r.side == g[0].side && r.isa == g[0].isa
				if with && r.Threads == g[0].Threads {
					shown = append(shown, r)
				}
			}
			c.curves(shown)
			out.draw(s, c)
		}
	}
	if len(out.drawn) > 0 {
		out.text("Lower is better; both axes are logarithmic, that of time equal in all figures of this section. " +
			"Dotted lines show where a row and its output fill a cache; the traffic alone is one read of the row, then one more read " +
			"and one write around the caches. With several threads each has a row of its own, and times are per element of all rows together.")
	}
	out.flush()
	t := &table{Caption: "All times of softmax", Folded: true,
		Columns: headings("Set", "Side", "Algorithm", "ISA", "#Threads", "#Elements", "In", "#ns/element", "#ULP max, mean", "#GB/s", "#Ratio", "Verdict")}
	for _, s := range all {
		for _, r := range s.runs {
			ratio := ""
			if r.Verdict != "" {
				ratio = r.Ratio.String()
			}
			t.add(s, r.side, r.algorithm, r.isa, r.Threads, r.Elements, s.machine.Where(r.Elements), r.OursNS, ulpPair(r.MaxULP, r.MeanULP),
				s.rate(r), ratio, r.Verdict)
		}
	}
	out.table(t)
}

// rate is the bandwidth that an algorithm reaches on rows beyond the caches.
func (s *set) rate(r run) string {
	a, err := ukernel.ParseAlgorithm(r.algorithm)
	if err != nil || speed.Bytes(a) == 0 || s.machine.Where(r.Elements) != "memory" {
		return ""
	}
	return fmt.Sprintf("%.2f", float64(speed.Bytes(a))/r.OursNS.Median)
}

// curves joins runs of one kind.
func (c *chart) curves(runs []run) {
	runs = slices.Clone(runs)
	slices.SortStableFunc(runs, func(a, b run) int {
		return cmp.Or(cmp.Compare(order(a.algorithm), order(b.algorithm)), strings.Compare(a.side, b.side), cmp.Compare(a.Elements, b.Elements))
	})
	other := 4
	for _, r := range runs {
		name := cmp.Or(r.algorithm, r.side)
		if name == auto {
			name = "native.Softmax"
		}
		if name == limit {
			name = "traffic alone"
		}
		before := len(c.series)
		s := c.add(name, r.algorithm == limit, sampleOf(r.Elements, r.OursNS))
		if len(c.series) == before {
			continue
		}
		style, ok := styles[r.algorithm]
		if !ok {
			style = other
			other++
		}
		s.style = style
	}
}

func cacheMarks(m machine.Machine) []mark {
	var marks []mark
	for _, c := range []mark{{float64(m.L1D) / 8, "L1"}, {float64(m.L2) / 8, "L2"}, {float64(m.L3) / 8, "L3"}} {
		if c.at > 0 {
			marks = append(marks, c)
		}
	}
	return marks
}

// join writes what is not empty, with commas.
func join(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), ", ")
}

// lengthsOf lists the lengths of the kernels that match.
func (s *set) lengthsOf(match func(kernel) bool) []int {
	var all []int
	for _, k := range s.kernels {
		if match(k) {
			all = append(all, k.Elements)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// passBytes are the bytes that a kernel reads and writes per element, without
// what is fetched before a line is written.
func passBytes(f ukernel.Family) float64 {
	if f.Stores() {
		return 8
	}
	return 4
}

// best is the measured bandwidth of a thread for passes that store or not; 0 if
// there is none.
func (s *set) best(stores bool) float64 {
	most := 0.0
	for _, b := range s.bandwidth {
		if b.Threads == 1 && (b.Name == "read") != stores {
			most = math.Max(most, b.GBps.Median)
		}
	}
	return most
}

// pass is a kernel in its place.
type pass struct {
	algorithm string
	isa       ukernel.ISA
	number    int
	kernel    kernel
}

// passesAt chooses kernels for the passes of every algorithm: those that it was
// timed with, else our fastest ones of that length and ISA.
func (s *set) passesAt(n int, isa ukernel.ISA) []pass {
	var all []pass
	for _, a := range ukernel.Algorithms() {
		var chosen []string
		for _, r := range s.runs {
			if r.side == native && r.algorithm == a.String() && r.isa == isa.String() {
				chosen = r.Kernels
			}
		}
		var these []pass
		for i, f := range a.Families() {
			var found *kernel
			for j := range s.kernels {
				k := &s.kernels[j]
				if k.Family != f || k.Elements != n || k.Threads > 1 {
					continue
				}
				wanted := slices.Contains(chosen, k.Kernel.Name)
				// rmax and vmulc are named for AVX where the others are for AVX2.
				fits := k.ISA == isa || isa.String() == "avx2" && k.ISA.String() == "avx"
				switch {
				case wanted, fits && (found == nil || !slices.Contains(chosen, found.Kernel.Name) && k.OursNS.Median < found.OursNS.Median):
					found = k
				}
			}
			if found != nil {
				these = append(these, pass{a.String(), isa, i, *found})
			}
		}
		if len(these) == len(a.Families()) {
			all = append(all, these...)
		}
	}
	return all
}

func passes(out *section, all []*set) {
	t := &table{Caption: "Passes", Columns: headings("Set", "Algorithm", "#Pass", "`Kernel", "#Elements", "In", "#Native, ns/element", "#Upstream, ns/element",
		"#Bytes/element", "#GB/s", "#Measured limit", "#Share")}
	for _, s := range all {
		lengths := s.lengthsOf(func(k kernel) bool { return k.Threads <= 1 })
		if len(lengths) > 2 {
			lengths = []int{lengths[0], lengths[len(lengths)-1]}
		}
		for _, n := range lengths {
			for _, isa := range ukernel.ISAs() {
				ps := s.passesAt(n, isa)
				if len(ps) == 0 {
					continue
				}
				beyond := s.machine.Where(n) == "memory"
				b := bars{
					name: fmt.Sprintf("passes-%s%v-%d", s.label, isa, n), x: "ns per element", limit: "traffic at the measured bandwidth",
					caption: join(isa.String(), text.Grouped(int64(n))+" elements in "+s.machine.Where(n)),
				}
				for _, a := range ukernel.Algorithms() {
					ours, ref := barRow{name: a.String() + ", native"}, barRow{name: s.reference}
					for _, p := range ps {
						if p.algorithm != a.String() {
							continue
						}
						k := p.kernel
						bytes := passBytes(k.Family)
						limit := s.best(k.Family.Stores())
						refNS, measured, share := "", "", ""
						ours.parts = append(ours.parts, k.OursNS.Median)
						if k.RefNS.Median > 0 {
							refNS = nanoseconds(k.RefNS)
							ref.parts = append(ref.parts, k.RefNS.Median)
						}
						if beyond && limit > 0 {
							measured, share = fmt.Sprintf("%.2f", limit), fmt.Sprintf("%.0f %%", 100*bytes/k.OursNS.Median/limit)
							ours.limit += bytes / limit
							ref.limit = ours.limit
						}
						t.add(s, p.algorithm, p.number+1, k.Kernel.Name, n, s.machine.Where(n), nanoseconds(k.OursNS), refNS,
							bytes, fmt.Sprintf("%.2f", bytes/k.OursNS.Median), measured, share)
					}
					for _, r := range []barRow{ours, ref} {
						if len(r.parts) > 0 && len(r.parts) == len(a.Families()) {
							b.rows = append(b.rows, r)
						}
					}
				}
				for i := range 3 {
					if slices.ContainsFunc(b.rows, func(r barRow) bool { return len(r.parts) > i }) {
						b.parts = append(b.parts, fmt.Sprintf("pass %d", i+1))
					}
				}
				out.draw(s, b)
			}
		}
	}
	if len(t.Rows) == 0 {
		return
	}
	out.text("The kernels of the passes timed one by one, on one thread. Bytes are those that a pass reads and writes, without the lines that " +
		"are fetched before they are written; the limit is the measured read bandwidth for passes that only read, and that of the fastest copy for those that write.")
	out.flush()
	t.Folded = len(t.Rows) > 30
	out.table(t)
}

func variants(out *section, all []*set) {
	t := &table{Caption: "Best tile of each family", Columns: headings("Set", "Family", "ISA", "#Elements", "#Variants", "`Native's best", "#ns/element",
		"`Upstream's best", "#ns/element", "#Native's worst / best")}
	for _, s := range all {
		for _, isa := range ukernel.ISAs() {
			for _, family := range ukernel.Families() {
				in := func(k kernel) bool { return k.Family == family && k.ISA == isa && k.Threads <= 1 }
				lengths := s.lengthsOf(in)
				if len(lengths) == 0 {
					continue
				}
				n := lengths[0]
				var ks []kernel
				for _, k := range s.kernels {
					if in(k) && k.Elements == n {
						ks = append(ks, k)
					}
				}
				if len(ks) < 3 {
					continue
				}
				best := slices.MinFunc(ks, func(a, b kernel) int { return cmp.Compare(a.OursNS.Median, b.OursNS.Median) })
				worst := slices.MaxFunc(ks, func(a, b kernel) int { return cmp.Compare(a.OursNS.Median, b.OursNS.Median) })
				refTile, refNS := "", ""
				refs := slices.DeleteFunc(slices.Clone(ks), func(k kernel) bool { return k.RefNS.Median == 0 })
				if len(refs) > 0 {
					r := slices.MinFunc(refs, func(a, b kernel) int { return cmp.Compare(a.RefNS.Median, b.RefNS.Median) })
					refTile, refNS = tile(r.Kernel), nanoseconds(r.RefNS)
				}
				t.add(s, family, isa, n, len(ks), tile(best.Kernel), nanoseconds(best.OursNS), refTile, refNS,
					fmt.Sprintf("%.2f", worst.OursNS.Median/best.OursNS.Median))
				if len(ks) < 4 {
					continue
				}
				out.draw(s, sweep(s, ks))
			}
		}
	}
	if len(t.Rows) == 0 {
		return
	}
	out.text("Every variant of a family that upstream has, by what its name says: the way to take exponentials, the elements in one " +
		"turn of the main loop (u), and the accumulators (acc). Confidence intervals are in the table of all kernels below.")
	out.flush()
	out.table(t)
}

// tile is the part of a kernel's name that tells variants apart.
func tile(k ukernel.Kernel) string {
	_, rest, _ := strings.Cut(k.Name, "_ukernel__")
	return strings.TrimPrefix(rest, k.ISA.String()+"_")
}

// sweep draws variants of one family and ISA.
func sweep(s *set, ks []kernel) strip {
	k := ks[0]
	f := strip{
		name: fmt.Sprintf("variants-%s%v-%v", s.label, k.ISA, k.Family), x: "ns per element",
		caption: join(k.Family.String(), k.ISA.String(), text.Grouped(int64(k.Elements))+" elements in "+s.machine.Where(k.Elements)),
		kinds:   []string{native, s.reference},
	}
	for _, k := range ks {
		row := stripRow{tile(k.Kernel), [][]float64{{k.OursNS.Median}}}
		if k.RefNS.Median > 0 {
			row.samples = append(row.samples, []float64{k.RefNS.Median})
		}
		f.rows = append(f.rows, row)
	}
	return f
}

func cores(out *section, all []*set) {
	t := &table{Columns: headings("Set", "Side", "Algorithm", "ISA", "#Elements", "In", "#Threads", "#Speed-up", "#GB/s", "#Share of the traffic limit")}
	for _, s := range all {
		for _, side := range distinct(s.runs, func(r run) string { return r.side }) {
			var several []run
			for _, r := range s.runs {
				one := run{side: r.side, algorithm: r.algorithm, isa: r.isa}
				single, ok := s.find(one, r.Elements, 1)
				if r.Threads < 2 || r.side != side || !ok {
					continue
				}
				up := quotient(single.OursNS, r.OursNS)
				share := ""
				if r.LimitShare > 0 {
					share = fmt.Sprintf("%.0f %%", 100*r.LimitShare)
				}
				t.add(s, r.side, r.algorithm, r.isa, r.Elements, s.machine.Where(r.Elements), r.Threads, up, s.rate(r), share)
				// The table has the intervals, which are wide: those of two medians.
				r.OursNS = speed.Summary{Median: up.Median, Lo: up.Median, Hi: up.Median}
				several = append(several, r)
			}
			if len(several) == 0 {
				continue
			}
			most := slices.MaxFunc(several, func(a, b run) int { return cmp.Compare(a.Threads, b.Threads) }).Threads
			several = slices.DeleteFunc(several, func(r run) bool { return r.Threads != most })
			c := chart{
				name: fmt.Sprintf("cores-%s%s", s.label, side), x: "elements of all rows", y: fmt.Sprintf("speed of %d threads / one", most),
				caption: join(side, text.Plural(most, "thread", "threads")+" against one"),
				logX:    true, columns: cacheMarks(s.machine),
			}
			c.curves(several)
			out.draw(s, c)
		}
	}
	out.flush()
	t.Folded = len(t.Rows) > 30
	t.Caption = "Speed-up by threads"
	out.table(t)
}

// group is a number of ratios with how many of them prove what.
type group struct {
	ratios                      []float64
	faster, same, slower, noisy int
}

// add adds a timing's ratio, if it has one.
func (g *group) add(t speed.Timing) {
	switch t.Verdict {
	case speed.Faster:
		g.faster++
	case speed.Same:
		g.same++
	case speed.Slower:
		g.slower++
	case speed.Noisy:
		g.noisy++
	default:
		return
	}
	g.ratios = append(g.ratios, t.Ratio.Median)
}

func (g *group) String() string {
	return fmt.Sprintf("geometric mean %.3f, least %.3f, most %.3f; %d faster, %d the same, %d slower, %d too noisy to tell",
		stat.GeometricMean(g.ratios, nil), slices.Min(g.ratios), slices.Max(g.ratios), g.faster, g.same, g.slower, g.noisy)
}

func groupOf(s *set, n int, match func(kernel) bool) (g group) {
	for _, k := range s.kernels {
		if k.Elements == n && match(k) {
			g.add(k.Timing)
		}
	}
	return g
}

func nativeAgainstUpstream(out *section, all []*set) {
	summary := &table{Caption: "Kernels", Columns: headings("Set", "Family", "ISA", "#Elements", "#Kernels", "#Geometric mean", "#Least", "#Most", "#Faster", "#Same", "#Slower", "#Too noisy")}
	whole := &table{Caption: "Softmax", Columns: headings("Set", "Algorithm", "ISA", "#Threads", "#Lengths", "#Geometric mean", "#Least", "#Most", "#Faster", "#Same", "#Slower", "#Too noisy")}
	list := &table{Caption: "All kernels", Folded: true, Columns: headings("Set", "`Kernel", "#Elements", "#Native, ns/element", "#Upstream, ns/element", "#Ratio", "Verdict")}
	addGroup := func(t *table, s *set, g *group, of ...any) {
		t.add(s, append(of, len(g.ratios), fmt.Sprintf("%.3f", stat.GeometricMean(g.ratios, nil)), fmt.Sprintf("%.3f", slices.Min(g.ratios)), fmt.Sprintf("%.3f", slices.Max(g.ratios)),
			g.faster, g.same, g.slower, g.noisy)...)
	}
	for _, s := range all {
		for _, n := range s.lengthsOf(func(k kernel) bool { return k.Verdict != "" }) {
			f := strip{
				name: fmt.Sprintf("kernels-%s%d", s.label, n), x: "time of native / " + s.reference, log: true, reference: 1,
				caption: join(text.Grouped(int64(n)) + " elements in " + s.machine.Where(n) + ": a ring for each kernel, left of 1 where native is faster"),
			}
			for _, family := range ukernel.Families() {
				for _, isa := range ukernel.ISAs() {
					g := groupOf(s, n, func(k kernel) bool { return k.Family == family && k.ISA == isa })
					if len(g.ratios) == 0 {
						continue
					}
					addGroup(summary, s, &g, family, isa, n)
					f.rows = append(f.rows, stripRow{strings.TrimPrefix(family.String(), "f32_") + " " + isa.String(), [][]float64{g.ratios}})
				}
			}
			out.draw(s, f)
		}
		for _, k := range s.kernels {
			if k.Verdict != "" {
				list.add(s, k.Kernel.Name, k.Elements, k.OursNS, k.RefNS, k.Ratio, k.Verdict)
			}
		}
		type kindOf struct {
			algorithm, isa string
			threads        int
		}
		var kinds []kindOf
		found := make(map[kindOf]*group)
		for _, r := range s.runs {
			if r.side != native || r.Verdict == "" {
				continue
			}
			kind := kindOf{r.algorithm, r.isa, r.Threads}
			if found[kind] == nil {
				kinds = append(kinds, kind)
				found[kind] = new(group)
			}
			found[kind].add(r.Timing)
		}
		for _, kind := range kinds {
			name := kind.algorithm
			if name == auto {
				name = "native.Softmax / the best of " + s.reference + "'s"
			}
			addGroup(whole, s, found[kind], name, kind.isa, kind.threads)
		}
	}
	if len(summary.Rows)+len(whole.Rows) == 0 {
		return
	}
	out.text("Ratios of native's time to upstream's, of neighbouring samples, both sides with the same kernel; below 1 native is faster. " +
		"Where a ratio's interval is wider than 10 % of it, nothing is concluded.")
	callsThroughCgo(out, all)
	out.flush()
	out.table(summary)
	out.table(whole)
	out.table(list)
}

func bandwidth(out *section, all []*set) {
	t := &table{Columns: headings("Set", "Memory", "#Threads", "#GB/s")}
	for _, s := range all {
		for _, b := range s.bandwidth {
			t.add(s, b.Name, b.Threads, fmt.Sprintf("%.2f (%.2f to %.2f)", b.GBps.Median, b.GBps.Lo, b.GBps.Hi))
		}
	}
	if len(t.Rows) > 0 {
		out.text("Bytes read and written in rows far longer than the caches, without the lines that are fetched before they are written.")
	}
	out.table(t)
}

func agreement(out *section, all []*set) {
	t := &table{Caption: "Kernels", Columns: headings("Set", "Family", "ISA", "#Upstream has", "#Compared", "#Inputs", "#Elements", "#Differing bits")}
	others := &table{Caption: "Softmax as a whole, and kernels that upstream does not have", Folded: true,
		Columns: headings("Set", "`Compared", "#Inputs", "#Elements", "#Differing bits")}
	notRun := &table{Caption: "Not run", Folded: true, Columns: headings("Set", "`What", "Why")}
	var differences []string
	for _, s := range all {
		if len(s.bits) == 0 {
			continue
		}
		// Without the command's idea of what was asked for, Cover counts what ran.
		for _, c := range bits.Cover(nil, func(string) bool { return true }, s.bits) {
			compared := text.Grouped(int64(c.Ran))
			if c.Ran == 0 {
				compared = "none"
			}
			t.add(s, c.Family, c.ISA, c.Upstream, compared, c.Inputs, c.Values, c.Bits)
		}
		for _, b := range s.bits {
			if k, err := ukernel.Parse(b.Kernel); err != nil || k.Ours {
				others.add(s, b.Kernel, b.Inputs, b.Values, b.Bits)
			}
			for _, d := range b.Differences {
				differences = append(differences, prefix(s)+d.String())
			}
		}
		for _, n := range s.notRun {
			notRun.add(s, n.Kernel, n.Why)
		}
	}
	if len(differences) > 0 {
		out.text(fmt.Sprintf("Differences, at most %d of each kernel:", bits.MaxDifferences))
		out.list(differences)
	}
	out.table(t)
	out.table(others)
	out.table(notRun)
}

func accuracies(out *section, all []*set) {
	t := &table{Caption: "Errors", Folded: true, Columns: headings("Set", "Input", "Function", "#Length", "#Rows", "#Largest error, ULP", "#Mean error, ULP", "#Wrong NaNs")}
	worst := &table{Caption: "Greatest and mean error in ULP over all lengths", Columns: headings("Set", "Function")}
	var classes []string
	for _, s := range all {
		for _, a := range s.accuracy {
			if !slices.Contains(classes, a.Class) {
				classes = append(classes, a.Class)
			}
			t.add(s, a.Class, a.Name, a.Length, a.Rows, ulps(a.MaxULP, 0), fmt.Sprintf("%.4g", a.MeanULP), a.NaNs)
		}
	}
	if len(t.Rows) == 0 {
		return
	}
	for _, c := range classes {
		worst.Columns = append(worst.Columns, heading{c, number})
	}
	for _, s := range all {
		names := distinct(s.accuracy, func(a accuracy.Errors) string { return a.Name })
		for _, name := range slices.Sorted(slices.Values(names)) {
			row := []any{name}
			for _, c := range classes {
				cell := ""
				if w := accuracy.Worst(s.accuracy, name, c); w.NaNs > 0 {
					cell = "NaN"
				} else if w.Outputs > 0 {
					cell = ulpPair(w.MaxULP, w.MeanULP)
				}
				row = append(row, cell)
			}
			worst.add(s, row...)
		}
	}
	out.text("Errors in units in the last place of the exact result, by class of input. “NaN” marks a function that gives NaNs where the exact result is a number.")
	growth(out, all)
	out.flush()
	out.table(worst)
	out.table(t)
}

// ulps writes an error.
func ulps(most float64, nans int64) string {
	switch {
	case nans > 0:
		return "NaN"
	case most >= 1e5:
		return fmt.Sprintf("%.1e", most)
	}
	return fmt.Sprintf("%.2f", most)
}

// growth draws the mean error over length, of the class with the most lengths.
func growth(out *section, all []*set) {
	for _, s := range all {
		for _, class := range distinct(s.accuracy, func(a accuracy.Errors) string { return a.Class }) {
			c := chart{
				name: fmt.Sprintf("accuracy-%s%s", s.label, class), x: "elements of the row", y: "mean error, ULP", logX: true,
				caption: join("mean error, class " + class),
			}
			lengths := make(map[int]bool)
			for _, a := range s.accuracy {
				if a.Class != class || a.NaNs > 0 || strings.HasPrefix(a.Name, "native ") {
					continue // native's algorithms have upstream's bits
				}
				lengths[a.Length] = true
				c.add(a.Name, false, sample{float64(a.Length), a.MeanULP, a.MeanULP, a.MeanULP})
			}
			if len(lengths) < 3 {
				continue
			}
			out.draw(s, c)
		}
	}
}
