package main

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"gonum.org/v1/gonum/stat"

	"github.com/twopass-softmax/twopass/compare/bits"
	"github.com/twopass-softmax/twopass/compare/internal/machine"
	"github.com/twopass-softmax/twopass/compare/internal/side"
	"github.com/twopass-softmax/twopass/compare/results"
	"github.com/twopass-softmax/twopass/compare/speed"
	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
)

// summaryOptions are what the summary does; tests do less.
type summaryOptions struct {
	// plan is for upstream as the reference, modelPlan for the model, which is
	// some hundred times slower.
	plan, modelPlan bits.Plan
	lengths         machine.Lengths
	// kernelTime is for timing all kernels, softmaxTime for one algorithm at one
	// length.
	kernelTime, softmaxTime time.Duration
	workers                 int
}

func summaryDefaults() summaryOptions {
	return summaryOptions{
		plan: bits.Plan{
			Classes: inputs.Classes(), Seeds: []uint64{0, 1}, Offsets: bits.Span(0, 7),
			Lengths: append(bits.Span(1, 200), 1000, 4099),
		},
		modelPlan: bits.Plan{
			Classes: inputs.Classes(), Seeds: []uint64{0}, Offsets: []int{0, 5}, Lengths: bits.Span(1, 200),
		},
		lengths:    machine.This().Lengths(),
		kernelTime: 20 * time.Second, softmaxTime: time.Second,
		workers: runtime.GOMAXPROCS(0),
	}
}

// summary is the command without arguments.
func (a *app) summary(ctx context.Context, o summaryOptions) error {
	r, start := a.begin()
	a.header(r)
	pairs := side.Match(a.sides.ref, a.sides.ours)
	can := runnable(r, pairs)
	plan := o.plan
	if a.sides.noUpstream != nil {
		plan = o.modelPlan
	}
	r.Seeds = plan.Seeds
	a.line("Inputs    %s", describe(plan))
	a.line("")

	var err error
	if r.Bits, err = a.agreement(ctx, plan, can, o.workers); err != nil {
		return err
	}
	if err := a.kernels(ctx, r, pairs, can, o); err != nil {
		return err
	}
	if err := a.softmax(ctx, r, o); err != nil {
		return err
	}
	a.line("")
	if err := a.errorsByClass(ctx, r, a.peers(r, onRow), []int{o.lengths.L1, o.lengths.L2}); err != nil {
		return err
	}
	a.line("")
	a.conclude(r, len(can))
	if err := a.end(r, start); err != nil {
		return err
	}
	return a.differences(r.Bits)
}

// header says what is compared, and on what.
func (a *app) header(r *results.Results) {
	m, b := r.Machine, r.Build
	under := ""
	if m.Hypervisor != "" {
		under = ", under " + m.Hypervisor
	}
	a.line("CPU       %s (%s: %s family %d, model %d, stepping %d), %s%s",
		m.CPU, m.Microarchitecture(), m.Vendor, m.Family, m.Model, m.Stepping, plural(m.CPUs, "CPU", "CPUs"), under)
	level := ""
	if m.Level > 0 {
		level = fmt.Sprintf(" (x86-64-v%d)", m.Level)
	}
	a.line("ISAs      %s%s", strings.Join(m.ISAs, " "), level)
	a.line("Caches    L1d %s, L2 %s, L3 %s; memory %s", size(m.L1D), size(m.L2), size(m.L3), size(m.Memory))
	if a.sides.noUpstream == nil {
		a.line("Upstream  XNNPACK %.12s, built by %s", b.Commit, b.Compiler)
	} else {
		a.line("Upstream  NOT COMPARED: %v", a.sides.noUpstream)
		a.line("          Bits are compared with the executable model instead, on fewer inputs; speed with nothing.")
	}
	a.line("Native    %s", strings.TrimSpace(b.Go+" "+b.Level))
}

// describe says which rows a plan has.
func describe(p bits.Plan) string {
	return fmt.Sprintf("%s x %s x lengths %s x offsets %s", plural(len(p.Classes), "class", "classes"),
		plural(len(p.Seeds), "seed", "seeds"), ranges(p.Lengths), ranges(p.Offsets))
}

// ranges writes ascending integers, runs of them as from..to.
func ranges(ns []int) string {
	var parts []string
	for i := 0; i < len(ns); {
		j := i
		for j+1 < len(ns) && ns[j+1] == ns[j]+1 {
			j++
		}
		if j == i {
			parts = append(parts, fmt.Sprint(ns[i]))
		} else {
			parts = append(parts, fmt.Sprintf("%d..%d", ns[i], ns[j]))
		}
		i = j + 1
	}
	return strings.Join(parts, ",")
}

// runnable are the pairs that run here; it records the others.
func runnable(r *results.Results, pairs []side.Pair) []side.Pair {
	can, cannot := side.Runnable(pairs)
	for _, p := range cannot {
		r.NotRun = append(r.NotRun, results.NotRun{Kernel: p.Name, Why: whyNot(p)})
	}
	return can
}

func whyNot(p side.Pair) string {
	if !p.ISA.Supported() {
		return fmt.Sprintf("this CPU has no %v", p.ISA)
	}
	return p.Err.Error()
}

// agreement compares the bits of pairs.
func (a *app) agreement(ctx context.Context, plan bits.Plan, pairs []side.Pair, workers int) ([]bits.Agreement, error) {
	a.start("Comparing bits", int64(len(pairs)))
	defer a.finish()
	return plan.Run(ctx, pairs, workers, func(bits.Agreement) { a.step(1) })
}

// row prints a line of the tables. Width is that of the name.
func (a *app) row(width int, name string, g bits.Agreement, t speed.Timing) {
	ref, ratio, spread := "", "", ""
	if t.Verdict != "" {
		ref = fmt.Sprintf("%.3f", t.RefNS.Median)
		ratio = fmt.Sprintf("%.3f", t.Ratio.Median)
		spread = noise(t.Ratio)
	}
	inputs, differ := "none", ""
	if g.Inputs > 0 {
		inputs, differ = grouped(g.Inputs), grouped(g.Bits)
	}
	a.line("%-*s %7s %5s %7s %7.3f %6s %6s %s", width, name, inputs, differ, ref, t.OursNS.Median, ratio, spread, t.Verdict)
}

func (a *app) rowHead(width int, name string) {
	a.line("%-*s %7s %5s %8s %6s", width, "", "", "bits", a.sides.ref.Name, "native")
	a.line("%-*s %7s %5s %7s %7s %6s", width, name, "inputs", "diff", "ns/elem", "ns/elem", "ratio")
}

// kernels times every pair that can run and prints a line for each.
func (a *app) kernels(ctx context.Context, r *results.Results, pairs, can []side.Pair, o summaryOptions) error {
	const width = 28
	last := ""
	agreements := make(map[string]bits.Agreement)
	for _, g := range r.Bits {
		agreements[g.Kernel] = g
	}
	a.line("Kernels, on %s elements in the L1 cache", grouped(int64(o.lengths.L1)))
	a.overhead(r, can)
	a.rowHead(width, "kernel")
	work := speed.NewWorkload(o.lengths.L1)
	timer := speed.Timer{Budget: min(o.kernelTime/time.Duration(max(len(can), 1)), 200*time.Millisecond)}
	for p := range progress(ctx, a.screen, "Timing kernels", pairs) {
		if p.Err != nil {
			a.line("%-*s not run: %s", width, a.short(&last, p.Name), whyNot(p))
			continue
		}
		t := work.Time(timer, p)
		t.Where = "L1"
		r.Speed = append(r.Speed, t)
		a.row(width, a.short(&last, p.Name), agreements[p.Name], t)
	}
	return ctx.Err()
}

// overhead times a call on one element: what a call costs beside the work. Cgo
// is a part of upstream's time.
func (a *app) overhead(r *results.Results, pairs []side.Pair) {
	if len(pairs) == 0 || a.sides.noUpstream != nil {
		return
	}
	t := speed.NewWorkload(1).Time(speed.Timer{Budget: 50 * time.Millisecond}, pairs[0])
	t.Where = "one element"
	r.Overhead = &t
	a.line("A call on one element takes %.0f ns upstream, through cgo, and %.0f ns in native; it is part of the times.",
		t.RefNS.Median, t.OursNS.Median)
}

// timeSoftmax times an algorithm on a row of n elements, with the reference called
// from C if it can be.
func (a *app) timeSoftmax(n int, t speed.Timer, s *side.Softmax) (speed.Timing, error) {
	benchmarks := []speed.Benchmark{{Name: s.Algorithm().String(), Run: s.Ours.Softmax}}
	switch {
	case a.sides.ref.InC != nil:
		benchmarks = append(benchmarks, speed.FromC(a.sides.ref.Name+speed.InC, a.sides.ref, s.Algorithm(), s.Kernels(), n, 1))
	case !a.sides.ref.Pure:
		benchmarks = append(benchmarks, speed.Benchmark{Name: a.sides.ref.Name, Run: s.Ref.Softmax})
	}
	samples, _, err := t.TimeRows(benchmarks, n, 1)
	if err != nil {
		return speed.Timing{}, err
	}
	timing := samples.Timing(0, n)
	if len(benchmarks) > 1 {
		timing = samples.Compare(1, 0, n)
	}
	timing.Name, timing.Kernels = benchmarks[0].Name, s.Kernels()
	if a.sides.ref.InC != nil {
		timing.Against = benchmarks[1].Name
	}
	return timing, nil
}

// softmax compares and times the composed algorithms.
func (a *app) softmax(ctx context.Context, r *results.Results, o summaryOptions) error {
	lengths := []struct {
		where string
		n     int
	}{{"L1", o.lengths.L1}, {"L2", o.lengths.L2}, {"memory", o.lengths.Memory}}
	a.line("")
	caller := ""
	if a.sides.ref.InC != nil {
		caller = ", upstream called from a loop in C"
	}
	a.line("Softmax of a row, both sides with the same kernels%s", caller)
	const width = 28
	a.rowHead(width, fmt.Sprintf("%-20s %s", "algorithm", "in"))
	var notes []string
	a.start("Timing softmax", int64(len(lengths)*len(ukernel.Algorithms())))
	defer a.finish()
	composed := a.compose(r, ukernel.Algorithms())
	for i := range composed {
		notes = append(notes, withKernels(&composed[i]))
	}
	for _, l := range lengths {
		for i := range composed {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			p := composed[i].Pair()
			g := bits.Agreement{Kernel: p.Name}
			// The model would take minutes for the longest row.
			if a.sides.noUpstream == nil || l.where == "L1" {
				g = bits.Check(p, bits.Case{Class: inputs.Uniform10, Length: l.n})
			}
			t, err := a.timeSoftmax(l.n, speed.Timer{Budget: o.softmaxTime, MinReps: 7}, &composed[i])
			if err != nil {
				return err
			}
			t.Where = l.where
			r.Speed = append(r.Speed, t)
			g.Kernel = fmt.Sprintf("%s of %d elements", p.Name, l.n)
			r.Bits = append(r.Bits, g)
			if i == 0 {
				a.line("%s", plural(l.n, "element", "elements"))
			}
			a.row(width, fmt.Sprintf("  %-20s %s", p.Name, l.where), g, t)
			a.step(1)
		}
	}
	if o.lengths.Capped {
		a.line("The longest row is shorter than twice the last-level cache: there is too little free memory.")
	}
	if len(notes) > 0 {
		a.line("with")
		for _, n := range notes {
			a.line("%s", n)
		}
	}
	return nil
}

// withKernels lists the kernels of an algorithm.
func withKernels(s *side.Softmax) string {
	return fmt.Sprintf("  %-20s %s", s.Algorithm(), strings.Join(s.Kernels(), "\n"+strings.Repeat(" ", 23)))
}

// conclude counts.
func (a *app) conclude(r *results.Results, ran int) {
	var inputs, differ int64
	for _, b := range r.Bits {
		inputs += b.Inputs
		differ += b.Bits
	}
	twins := 0
	for _, k := range a.sides.ours.Kernels {
		if !k.Ours {
			twins++
		}
	}
	a.line("%d of upstream's %d kernels for %s have a twin. %s compared with %s on %s: %s.",
		twins, share(), runtime.GOARCH, plural(ran, "kernel", "kernels"), a.sides.ref.Name,
		plural(int(inputs), "input", "inputs"), plural(int(differ), "bit differs", "bits differ"))
	if len(r.NotRun) > 0 {
		a.line("%s not run here.", plural(len(r.NotRun), "comparison was", "comparisons were"))
	}
	a.ratios(r.Speed)
}

// ratios sums up the comparison of speed.
func (a *app) ratios(timings []speed.Timing) {
	timed := slices.DeleteFunc(slices.Clone(timings), func(t speed.Timing) bool { return t.Verdict == "" })
	if len(timed) == 0 {
		return
	}
	var ratios []float64
	verdicts := make(map[speed.Verdict]int)
	for _, t := range timed {
		ratios = append(ratios, t.Ratio.Median)
		verdicts[t.Verdict]++
	}
	by := func(x, y speed.Timing) int { return cmp.Compare(x.Ratio.Median, y.Ratio.Median) }
	least, most := slices.MinFunc(timed, by), slices.MaxFunc(timed, by)
	a.line("Time of native / %s: geometric mean %.3f; %d faster, %d the same, %d slower, %d too noisy to conclude.",
		a.sides.ref.Name, stat.GeometricMean(ratios, nil),
		verdicts[speed.Faster], verdicts[speed.Same], verdicts[speed.Slower], verdicts[speed.Noisy])
	a.line("  least %.3f  %s", least.Ratio.Median, least.Name)
	a.line("  most  %.3f  %s", most.Ratio.Median, most.Name)
	a.disturbances(timed)
}

// disturbances says what may have spoilt the timing.
func (a *app) disturbances(timed []speed.Timing) {
	busy, drifted := 0, 0
	for _, t := range timed {
		if t.Outliers*20 > t.Samples {
			busy++
		}
		if math.Abs(t.Drift) > 0.05 {
			drifted++
		}
	}
	if busy > 0 {
		a.line("The machine was busy: in %d of %d comparisons of speed, more than 5%% of the samples are outliers.", busy, len(timed))
	}
	if drifted > 0 {
		a.line("The clock was unsteady: in %d of %d, the time drifted by more than 5%%, which the ratios bear.", drifted, len(timed))
	}
}

// differences reports what differed, and returns an error if anything did.
func (a *app) differences(agreements []bits.Agreement) error {
	var err error
	for _, g := range agreements {
		if g.Bits == 0 && len(g.Differences) == 0 {
			continue
		}
		err = errDiffer
		a.line("")
		a.line("DIFFERENT: %s, %s of %s. The first:", g.Kernel, plural(int(g.Bits), "bit", "bits"), plural(int(g.Inputs), "input", "inputs"))
		for _, d := range g.Differences {
			a.line("  %s", strings.TrimPrefix(d.String(), d.Kernel+", "))
			a.line(again+"%s bits %s", a.self(), d.Repeat)
		}
	}
	return err
}

// self is the command line that runs this program from the source tree.
func (a *app) self() string {
	switch {
	case os.Getenv("BUILD_WORKSPACE_DIRECTORY") != "": // set by bazel run
		return "tools/bazel run //:compare --"
	case a.sides.noUpstream == nil:
		return "go run -tags xnnpack ./compare/cmd/compare"
	}
	return "go run ./compare/cmd/compare"
}
