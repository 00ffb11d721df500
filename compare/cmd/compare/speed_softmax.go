package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/twopass-softmax/twopass/compare/internal/side"
	"github.com/twopass-softmax/twopass/compare/results"
	"github.com/twopass-softmax/twopass/compare/speed"
	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/ukernel"
)

// compose composes algorithms from the kernels that upstream prefers of those that both
// sides run here. It prints and records those for which there are none.
func (a *app) compose(r *results.Results, algorithms []ukernel.Algorithm) []side.Softmax {
	var all []side.Softmax
	for _, algorithm := range algorithms {
		s, err := side.Compose(algorithm, a.sides.ref, a.sides.ours)
		if err != nil {
			a.line("%v: not run: %v", algorithm, err)
			r.NotRun = append(r.NotRun, results.NotRun{Kernel: algorithm.String(), Why: err.Error()})
			continue
		}
		all = append(all, s)
	}
	return all
}

// softmaxParts are the parts that time the composed algorithms of both sides,
// native.Softmax, and peers.
func (r *speedRun) softmaxParts() ([]speedPart, error) {
	algorithms, err := list(r.o.algorithms, ukernel.ParseAlgorithm)
	if err != nil {
		return nil, err
	}
	softmaxes := r.compose(r.results, algorithms)
	if len(softmaxes) == 0 {
		return nil, fmt.Errorf("none of the algorithms %q can be timed here", r.o.algorithms)
	}
	for _, s := range softmaxes {
		r.line("%s", withKernels(&s))
	}
	can, _ := side.Runnable(side.Match(r.sides.ref, r.sides.ours))
	r.overhead(r.results, can)
	r.peers = r.app.peers(r.results, onRow)
	return r.onSizes(r.threads, "thread", func(n, threads int, heading string) (results.Results, error) {
		return softmaxPart{r, softmaxes, n, threads, heading}.time()
	}), nil
}

// softmaxPart is a part: the algorithms at one length on a number of threads.
type softmaxPart struct {
	run               *speedRun
	softmaxes         []side.Softmax
	elements, threads int
	heading           string
}

// entry is a benchmark with what its times are compared with.
type entry struct {
	speed.Benchmark
	// to is the number of another entry, -1 for none.
	to int
	// inC is the number of the entry of the same kernels called from C; of one that is
	// called so itself its own number, and -1 if there is none.
	inC int
	// bytes is the algorithm's traffic per element, 0 if unknown.
	bytes int
}

// entries are the benchmarks but for the limit; auto is the place of
// native.Softmax among them. Those before it which are upstream's are what it is
// compared with.
func (c softmaxPart) entries(found *results.Results) (all []entry, auto int, err error) {
	ref, ours := c.run.sides.ref, c.run.sides.ours
	n := max(c.elements/c.threads, 1)
	add := func(con speed.Benchmark, to, bytes int) int {
		all = append(all, entry{con, to, -1, bytes})
		return len(all) - 1
	}
	// upstream adds an algorithm of upstream's by kernels, from Go and from C, and
	// returns the entry to compare with.
	upstream := func(name string, con speed.Benchmark, a ukernel.Algorithm) int {
		i := add(con, -1, speed.Bytes(a))
		if ref.InC == nil {
			return i
		}
		j := add(speed.FromC(name+speed.InC+" "+a.String(), ref, a, con.Kernels, n, 1), -1, speed.Bytes(a))
		all[i].inC, all[j].inC = j, j
		return j
	}
	algorithms := make([]ukernel.Algorithm, len(c.softmaxes))
	for i := range c.softmaxes {
		s := &c.softmaxes[i]
		a, kernels := s.Algorithm(), s.Kernels()
		algorithms[i] = a
		to := upstream(ref.Name, speed.Benchmark{Name: ref.Name + " " + a.String(), Kernels: kernels, Run: s.Ref.Softmax}, a)
		add(speed.Benchmark{Name: ours.Name + " " + a.String(), Kernels: kernels, Run: s.Ours.Softmax}, to, speed.Bytes(a))
	}
	opponents, err := c.run.opponents(algorithms, n)
	if err != nil {
		return nil, 0, err
	}
	for i := range opponents {
		o := &opponents[i]
		if slices.ContainsFunc(all, func(e entry) bool { return slices.Equal(e.Kernels, side.Names(o)) }) {
			continue // those that upstream prefers are the fastest
		}
		upstream(speed.UpstreamBest, upstreamBest(o), o.Algorithm())
	}
	auto = add(speed.Benchmark{Name: speed.NativeSoftmax, Run: native.Softmax}, -1, 0)
	for _, l := range c.run.right(found, c.run.peers, 1, n, 1) {
		add(l.OnRow(), -1, 0)
	}
	return all, auto, nil
}

// time times the benchmarks in turn and prints a line for each.
func (c softmaxPart) time() (found results.Results, err error) {
	entries, auto, err := c.entries(&found)
	if err != nil {
		return found, err
	}
	var running []speed.Benchmark
	for _, e := range entries {
		running = append(running, e.Benchmark)
	}
	timer := speed.Timer{MinReps: leastRounds, Budget: c.run.o.budget * time.Duration(len(entries))}
	// In a cache there is no limit to measure, and writing around it would take
	// the row's output from it.
	beyond, limitNS := c.elements >= c.run.state.Beyond, 0.0
	if beyond {
		_, _, _, limit := speed.Traffic()
		running = append(running, limit)
	}
	samples, elements, err := timer.TimeRows(running, c.elements, c.threads)
	if err != nil {
		return found, err
	}
	ns := func(i int) float64 { return samples.Timing(i, elements).OursNS.Median }
	if beyond {
		limitNS = ns(len(entries))
	}
	best := -1
	for i, e := range entries[:auto] {
		// Called from C where it can be, so that no call of Go's is in its time.
		rival := e.to < 0 && (e.inC < 0 || e.inC == i)
		if rival && (best < 0 || ns(i) < ns(best)) {
			best = i
		}
	}
	entries[auto].to = best
	var functions []speed.Benchmark
	for i, e := range entries {
		if e.inC != i { // the same kernels have the same bits, whoever calls
			functions = append(functions, e.Benchmark)
		}
	}
	errors, err := c.run.errorsOf(max(c.elements/c.threads, 1), functions)
	if err != nil {
		return found, err
	}
	c.run.line("")
	c.run.line("%-40s %8s %8s %18s", c.heading, "ns/elem", "from C", ulpHead)
	for i, e := range entries {
		timing := samples.Timing(i, elements)
		if e.to >= 0 {
			timing = samples.Compare(e.to, i, elements)
		}
		timing.Name, timing.Kernels, timing.Threads, timing.Elements = e.Name, e.Kernels, c.threads, c.elements
		pair, verdict, ratio := "", timing.Verdict, timing.Ratio
		if e.to >= 0 {
			pair = "/ " + entries[e.to].Name
			if i == auto || entries[e.to].inC >= 0 {
				timing.Against = entries[e.to].Name
			}
		}
		if i > auto {
			native := samples.Compare(i, auto, elements)
			timing.NativeRatio = &native.Ratio
			pair, verdict, ratio = "native.Softmax / this", native.Verdict, native.Ratio
		}
		ulp := errorOf(errors, e.Name)
		timing.MaxULP, timing.MeanULP = ulp.MaxULP, ulp.MeanULP
		if beyond {
			timing.LimitShare = limitNS / timing.OursNS.Median
		}
		found.Speed = append(found.Speed, timing)
		inC := ""
		switch {
		case e.inC == i:
			continue // in the line before
		case e.inC >= 0:
			inC = fmt.Sprintf("%.3f", ns(e.inC))
		}
		c.run.line("  %-38s %8.3f %8s %18s", e.Name, timing.OursNS.Median, inC, ulpText(timing.MaxULP, timing.MeanULP))
		if pair != "" {
			c.run.line("    %-36s %8.3f %8s %s", pair, ratio.Median, noise(ratio), verdict)
		}
		if beyond && e.bytes > 0 {
			c.run.line("    %.1f GB/s; the limit takes %.0f%% of the time", float64(e.bytes)/timing.OursNS.Median, 100*timing.LimitShare)
		}
	}
	if beyond {
		c.run.line("  %-38s %8.3f", speed.Limit, limitNS)
	}
	return found, nil
}
