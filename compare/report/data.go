package report

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/twopass-softmax/twopass/compare/accuracy"
	"github.com/twopass-softmax/twopass/compare/bits"
	"github.com/twopass-softmax/twopass/compare/internal/machine"
	"github.com/twopass-softmax/twopass/compare/internal/side"
	"github.com/twopass-softmax/twopass/compare/results"
	"github.com/twopass-softmax/twopass/compare/speed"
	"github.com/twopass-softmax/twopass/ukernel"
)

// Source is a file of results.
type Source struct {
	Name    string
	Results *results.Results
}

// Read reads files of results.
func Read(names ...string) ([]Source, error) {
	var all []Source
	for _, name := range names {
		r, err := results.Read(name)
		if err != nil {
			return nil, err
		}
		all = append(all, Source{filepath.Base(name), r})
	}
	return all, nil
}

// set is what the files say about one build on one machine. Where several have
// an entry for the same thing, the latest counts.
type set struct {
	// label is a letter if there are several sets.
	label   string
	sources []Source
	machine machine.Machine
	build   results.Build
	// reference is the side that native was compared with.
	reference, noUpstream string
	frequency, arithmetic float64
	bandwidth             []results.Bandwidth
	kernels               []kernel
	runs                  []run
	bits                  []bits.Agreement
	accuracy              []accuracy.Errors
	notRun                []results.NotRun
	comparisons           []speed.Comparison
	// peers are other libraries with their versions.
	peers []string
	// shortCall and overhead are nil if they were not measured.
	shortCall *speed.Summary
	overhead  *speed.Timing
}

// kernel is a timing of a kernel.
type kernel struct {
	ukernel.Kernel
	speed.Timing
}

// run is a timing of softmax as a whole, on one side. A thread count of 0 has
// become 1.
type run struct {
	speed.Timing
	side string
	// algorithm is "auto" for native's own choice, and "limit" for traffic that
	// computes nothing. It is empty for a peer that has no such choice.
	algorithm string
	// isa is that of the kernels which take exponentials.
	isa string
}

const (
	native = "native"
	auto   = "auto"
	limit  = "limit"
)

// sets sorts files by machine and build.
func sets(sources []Source) ([]*set, error) {
	if len(sources) == 0 {
		return nil, errors.New("report: no results")
	}
	sources = slices.Clone(sources)
	slices.SortStableFunc(sources, func(a, b Source) int {
		return cmp.Or(a.Results.Started.Compare(b.Results.Started), strings.Compare(a.Name, b.Name))
	})
	var all []*set
	for _, source := range sources {
		r := source.Results
		if err := valid(r); err != nil {
			return nil, fmt.Errorf("%s: %w", source.Name, err)
		}
		i := slices.IndexFunc(all, func(s *set) bool { return s.same(r) })
		if i < 0 {
			i = len(all)
			all = append(all, &set{machine: r.Machine, build: r.Build, reference: r.Reference, noUpstream: r.NoUpstream})
		}
		all[i].sources = append(all[i].sources, source)
	}
	// Those of an older native last. The levels of one machine beside each other, the one with
	// all that it has first.
	current := func(s *set) int { return min(1, len(s.build.Native)) }
	first := func(s *set) int {
		return slices.IndexFunc(all, func(o *set) bool { return o.machine.CPU == s.machine.CPU && o.machine.Model == s.machine.Model })
	}
	order := slices.Clone(all)
	slices.SortStableFunc(order, func(a, b *set) int {
		return cmp.Or(cmp.Compare(current(b), current(a)), cmp.Compare(first(a), first(b)), cmp.Compare(len(b.machine.ISAs), len(a.machine.ISAs)))
	})
	all = order
	for i, s := range all {
		if len(all) > 1 {
			s.label = string(rune('A' + i%26))
			if i >= 26 {
				s.label += fmt.Sprint(i / 26)
			}
		}
		s.merge()
	}
	return all, nil
}

// same is whether results belong to the set. The number of CPUs that a run was
// allowed, and the memory that the kernel left it, may differ.
func (s *set) same(r *results.Results) bool {
	a, b := s.machine, r.Machine
	return a.CPU == b.CPU && a.Vendor == b.Vendor && a.Family == b.Family && a.Model == b.Model && a.Stepping == b.Stepping &&
		a.Hypervisor == b.Hypervisor && a.L3 == b.L3 && a.OS == b.OS && a.Arch == b.Arch && widest(a) == widest(b) &&
		s.build == r.Build && s.reference == r.Reference
}

// widest names the widest instruction sets that a run could use, as people do.
func widest(m machine.Machine) string {
	for _, level := range []struct{ isa, name string }{{"avx512f", "AVX-512"}, {"avx2", "AVX2"}, {"avx", "AVX"}, {"sse2", "SSE2"}, {"neon", "NEON"}} {
		if slices.Contains(m.ISAs, level.isa) {
			return level.name
		}
	}
	return "no SIMD"
}

// level is the set's instruction sets, by what is left out where a run was kept from
// using all that the CPU has.
func (s *set) level() string {
	has := widest(s.machine)
	if all := map[int]string{3: "AVX2", 4: "AVX-512"}[s.machine.Level]; all != "" && all != has && !(all == "AVX2" && has == "AVX-512") {
		return "without " + all
	}
	return has
}

// merge reads the entries of the set's files.
func (s *set) merge() {
	type timingKey struct {
		side, name, kernels string
		elements, threads   int
	}
	kernels := make(map[timingKey]kernel)
	runs := make(map[timingKey]run)
	addRun := func(r run, isas []string) {
		r.Threads = max(r.Threads, 1)
		if r.algorithm == auto && len(isas) > 0 {
			// The widest that the run could use.
			r.isa = isas[len(isas)-1]
		}
		if n := len(r.Kernels); n >= 2 {
			// The last pass but one takes exponentials in every algorithm.
			if k, err := ukernel.Parse(r.Kernels[n-2]); err == nil {
				r.isa = k.ISA.String()
			}
		}
		kernels := r.isa + strings.Join(r.Kernels, " ")
		if (r.side == speed.UpstreamBest || r.side == speed.UpstreamBestInC) && len(isas) > 0 {
			// At each length its kernels may be others, of any ISA that the run could use.
			r.isa = isas[len(isas)-1]
			kernels = r.isa
		}
		runs[timingKey{r.side, r.algorithm + r.Name, kernels, r.Elements, r.Threads}] = r
	}
	var joined results.Results
	for _, source := range s.sources {
		r := source.Results
		joined.Add(r)
		s.machine.CPUs = max(s.machine.CPUs, r.Machine.CPUs)
		if len(r.Machine.ISAs) > len(s.machine.ISAs) {
			s.machine.ISAs = r.Machine.ISAs
		}
		for _, t := range r.Speed {
			if k, err := ukernel.Parse(t.Name); err == nil {
				kernels[timingKey{"", t.Name, "", t.Elements, max(t.Threads, 1)}] = kernel{k, t}
				continue
			}
			for _, one := range s.split(t) {
				addRun(one, r.Machine.ISAs)
			}
		}
	}
	s.frequency, s.arithmetic, s.shortCall, s.overhead = joined.Frequency, joined.Arithmetic, joined.ShortCall, joined.Overhead
	for _, p := range joined.Peers {
		s.peers = append(s.peers, strings.TrimSpace(p.Name+" "+p.Version))
	}
	// What tune timed counts where nothing was timed against the reference.
	for _, choice := range slices.Backward(joined.Choices) {
		for _, c := range choice.Candidates {
			key := timingKey{"", c.Kernel, "", choice.Elements, 1}
			_, timed := kernels[key]
			if k, err := ukernel.Parse(c.Kernel); err == nil && !timed {
				kernels[key] = kernel{k, speed.Timing{Name: c.Kernel, Elements: choice.Elements, OursNS: c.NS}}
			}
		}
	}
	s.kernels = slices.SortedFunc(maps.Values(kernels), func(a, b kernel) int {
		return cmp.Or(side.Order(a.Kernel, b.Kernel), cmp.Compare(a.Elements, b.Elements), cmp.Compare(a.Threads, b.Threads))
	})
	s.runs = sortRuns(slices.Collect(maps.Values(runs)))
	// The time of the traffic alone follows from a run's share of it.
	for _, r := range s.runs {
		if _, ok := s.find(run{algorithm: limit}, r.Elements, r.Threads); r.LimitShare > 0 && !ok {
			ns := r.LimitShare * r.OursNS.Median
			t := speed.Timing{Name: limit, Threads: r.Threads, Elements: r.Elements, OursNS: speed.Summary{Median: ns, Lo: ns, Hi: ns}}
			s.runs = append(s.runs, run{Timing: t, algorithm: limit})
		}
	}
	s.runs = sortRuns(s.runs)
	s.bits = latest(joined.Bits, func(a, b bits.Agreement) int { return strings.Compare(a.Kernel, b.Kernel) })
	s.bandwidth = latest(joined.Bandwidth, func(a, b results.Bandwidth) int {
		return cmp.Or(cmp.Compare(a.Threads, b.Threads), -strings.Compare(a.Name, b.Name))
	})
	s.accuracy = latest(joined.Accuracy, func(a, b accuracy.Errors) int {
		return cmp.Or(strings.Compare(a.Class, b.Class), strings.Compare(a.Name, b.Name), cmp.Compare(a.Length, b.Length))
	})
	s.notRun = latest(joined.NotRun, func(a, b results.NotRun) int { return strings.Compare(a.Kernel, b.Kernel) })
	s.comparisons = latest(joined.Comparisons, func(a, b speed.Comparison) int {
		return cmp.Or(strings.Compare(a.Kind, b.Kind), cmp.Compare(a.Threads, b.Threads), cmp.Compare(a.Cols, b.Cols), cmp.Compare(a.Rows, b.Rows), strings.Compare(a.Entries[0].Name, b.Entries[0].Name))
	})
}

// latest sorts entries and keeps the last of those that are equal.
func latest[V any](all []V, compare func(a, b V) int) []V {
	slices.Reverse(all)
	slices.SortStableFunc(all, compare)
	return slices.CompactFunc(all, func(a, b V) bool { return compare(a, b) == 0 })
}

// split takes a timing of softmax apart by side.
func (s *set) split(t speed.Timing) []run {
	if t.Name == "native.Softmax" {
		return []run{{Timing: t, side: native, algorithm: auto}}
	}
	if t.Name == limit {
		return []run{{Timing: t, algorithm: limit}}
	}
	if _, err := ukernel.ParseAlgorithm(t.Name); err == nil {
		// One entry for both sides.
		all := []run{{Timing: t, side: native, algorithm: t.Name}}
		if t.RefNS.Median > 0 {
			ref := t
			ref.OursNS, ref.RefNS, ref.Ratio, ref.Verdict = t.RefNS, speed.Summary{}, speed.Summary{}, ""
			all = append(all, run{Timing: ref, side: cmp.Or(t.Against, s.reference), algorithm: t.Name})
		}
		for i := range all {
			all[i].Name = all[i].side + " " + t.Name
		}
		return all
	}
	if i := strings.LastIndex(t.Name, " "); i >= 0 {
		if _, err := ukernel.ParseAlgorithm(t.Name[i+1:]); err == nil {
			return []run{{Timing: t, side: t.Name[:i], algorithm: t.Name[i+1:]}}
		}
	}
	return []run{{Timing: t, side: t.Name}}
}

func sortRuns(runs []run) []run {
	slices.SortFunc(runs, func(a, b run) int {
		return cmp.Or(strings.Compare(a.side, b.side), strings.Compare(a.isa, b.isa), cmp.Compare(a.Threads, b.Threads),
			cmp.Compare(order(a.algorithm), order(b.algorithm)), strings.Compare(a.Name, b.Name), cmp.Compare(a.Elements, b.Elements),
			strings.Compare(strings.Join(a.Kernels, " "), strings.Join(b.Kernels, " ")))
	})
	return runs
}

// find returns the run of the same side, algorithm and ISA with a length and a
// number of threads.
func (s *set) find(like run, elements, threads int) (run, bool) {
	for _, r := range s.runs {
		if r.side == like.side && r.algorithm == like.algorithm && r.isa == like.isa && r.Elements == elements && r.Threads == threads {
			return r, true
		}
	}
	return run{}, false
}

// order is the place of an algorithm in tables.
func order(algorithm string) int {
	for i, a := range ukernel.Algorithms() {
		if a.String() == algorithm {
			return i
		}
	}
	if algorithm == auto {
		return 10
	}
	return 11
}

// valid rejects results that no run writes: figures and ratios need positive
// times.
func valid(r *results.Results) (err error) {
	fail := func(format string, args ...any) {
		if err == nil {
			err = fmt.Errorf(format, args...)
		}
	}
	positive := func(i speed.Summary, format string, args ...any) {
		what := fmt.Sprintf(format, args...)
		for _, v := range []float64{i.Median, i.Lo, i.Hi} {
			if !(v > 0) || math.IsInf(v, 0) {
				fail("%s is %v (%v to %v): it must be positive", what, i.Median, i.Lo, i.Hi)
			}
		}
		if i.Lo > i.Median || i.Median > i.Hi {
			fail("%s is %v, outside its interval from %v to %v", what, i.Median, i.Lo, i.Hi)
		}
	}
	for i, t := range r.Speed {
		name := fmt.Sprintf("speed[%d] (%s)", i, t.Name)
		if t.Elements < 1 {
			fail("%s: %d elements: at least 1 is needed", name, t.Elements)
		}
		positive(t.OursNS, "%s: time", name)
		if t.Verdict != "" {
			positive(t.RefNS, "%s: reference's time", name)
			positive(t.Ratio, "%s: ratio", name)
		}
	}
	for i, choice := range r.Choices {
		if choice.Elements < 1 {
			fail("choices[%d]: %d elements: at least 1 is needed", i, choice.Elements)
		}
		for _, c := range choice.Candidates {
			positive(c.NS, "choices[%d] (%s): time", i, c.Kernel)
		}
	}
	for i, c := range r.Comparisons {
		name := fmt.Sprintf("races[%d] (%s)", i, c.Kind)
		if c.Rows < 1 || c.Cols < 1 || c.Threads < 1 {
			fail("%s: %d x %d elements, %d threads: at least 1 of each is needed", name, c.Rows, c.Cols, c.Threads)
		}
		for _, e := range c.Entries {
			positive(e.NS, "%s: time of %s", name, e.Name)
		}
		for _, x := range c.Ratios {
			positive(x.Ratio, "%s: ratio of %s to %s", name, x.Of, x.To)
		}
	}
	if r.ShortCall != nil {
		positive(*r.ShortCall, "short_call_ns")
	}
	for i, b := range r.Bandwidth {
		positive(b.GBps, "bandwidth[%d] (%s)", i, b.Name)
	}
	return err
}
