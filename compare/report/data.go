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
	agreements := make(map[string]bits.Agreement)
	bandwidth := make(map[string]results.Bandwidth)
	measured := make(map[string]accuracy.Errors)
	notRun := make(map[string]results.NotRun)
	comparisons := make(map[string]speed.Comparison)
	for _, source := range s.sources {
		r := source.Results
		s.machine.CPUs = max(s.machine.CPUs, r.Machine.CPUs)
		if len(r.Machine.ISAs) > len(s.machine.ISAs) {
			s.machine.ISAs = r.Machine.ISAs
		}
		if r.Frequency > 0 {
			s.frequency = r.Frequency
		}
		if r.Arithmetic > 0 {
			s.arithmetic = r.Arithmetic
		}
		for _, p := range r.Peers {
			if name := strings.TrimSpace(p.Name + " " + p.Version); !slices.Contains(s.peers, name) {
				s.peers = append(s.peers, name)
			}
		}
		for _, b := range r.Bandwidth {
			bandwidth[fmt.Sprint(b.Name, b.Threads)] = b
		}
		for _, a := range r.Bits {
			agreements[a.Kernel] = a
		}
		for _, a := range r.Accuracy {
			measured[fmt.Sprintf("%s %s %d", a.Name, a.Class, a.Length)] = a
		}
		for _, n := range r.NotRun {
			notRun[n.Kernel] = n
		}
		for _, c := range r.Comparisons {
			comparisons[fmt.Sprint(c.Kind, c.Rows, c.Cols, c.Threads)] = c
		}
		s.shortCall, s.overhead = cmp.Or(r.ShortCall, s.shortCall), cmp.Or(r.Overhead, s.overhead)
		// What tune timed counts where nothing was timed against the reference.
		for _, choice := range r.Choices {
			for _, c := range choice.Candidates {
				key := timingKey{"", c.Kernel, "", choice.Elements, 1}
				_, timed := kernels[key]
				if k, err := ukernel.Parse(c.Kernel); err == nil && !timed {
					kernels[key] = kernel{k, speed.Timing{Name: c.Kernel, Elements: choice.Elements, OursNS: c.NS}}
				}
			}
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
	s.bits = sortedBy(agreements)
	s.bandwidth = slices.SortedFunc(maps.Values(bandwidth), func(a, b results.Bandwidth) int {
		return cmp.Or(cmp.Compare(a.Threads, b.Threads), -strings.Compare(a.Name, b.Name))
	})
	s.accuracy = slices.SortedFunc(maps.Values(measured), func(a, b accuracy.Errors) int {
		return cmp.Or(strings.Compare(a.Class, b.Class), strings.Compare(a.Name, b.Name), cmp.Compare(a.Length, b.Length))
	})
	s.notRun = sortedBy(notRun)
	s.comparisons = slices.SortedFunc(maps.Values(comparisons), func(a, b speed.Comparison) int {
		return cmp.Or(cmp.Compare(a.Threads, b.Threads), cmp.Compare(a.Cols, b.Cols), cmp.Compare(a.Rows, b.Rows))
	})
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

// sortedBy lists a map's values in the order of its keys.
func sortedBy[V any](m map[string]V) []V {
	var all []V
	for _, k := range slices.Sorted(maps.Keys(m)) {
		all = append(all, m[k])
	}
	return all
}

// valid rejects results that no run writes: figures and ratios need positive
// times.
func valid(r *results.Results) error {
	positive := func(what string, i speed.Summary) error {
		for _, v := range []float64{i.Median, i.Lo, i.Hi} {
			if !(v > 0) || math.IsInf(v, 0) {
				return fmt.Errorf("%s is %v (%v to %v): it must be positive", what, i.Median, i.Lo, i.Hi)
			}
		}
		if i.Lo > i.Median || i.Median > i.Hi {
			return fmt.Errorf("%s is %v, outside its interval from %v to %v", what, i.Median, i.Lo, i.Hi)
		}
		return nil
	}
	for i, t := range r.Speed {
		name := fmt.Sprintf("speed[%d] (%s)", i, t.Name)
		if t.Elements < 1 {
			return fmt.Errorf("%s: %d elements: at least 1 is needed", name, t.Elements)
		}
		if err := positive(name+": time", t.OursNS); err != nil {
			return err
		}
		if t.Verdict == "" {
			continue
		}
		if err := cmp.Or(positive(name+": reference's time", t.RefNS), positive(name+": ratio", t.Ratio)); err != nil {
			return err
		}
	}
	for i, choice := range r.Choices {
		if choice.Elements < 1 {
			return fmt.Errorf("choices[%d]: %d elements: at least 1 is needed", i, choice.Elements)
		}
		for _, c := range choice.Candidates {
			if err := positive(fmt.Sprintf("choices[%d] (%s): time", i, c.Kernel), c.NS); err != nil {
				return err
			}
		}
	}
	for i, c := range r.Comparisons {
		name := fmt.Sprintf("races[%d] (%s)", i, c.Kind)
		if c.Rows < 1 || c.Cols < 1 || c.Threads < 1 {
			return fmt.Errorf("%s: %d x %d elements, %d threads: at least 1 of each is needed", name, c.Rows, c.Cols, c.Threads)
		}
		for _, e := range c.Entries {
			if err := positive(fmt.Sprintf("%s: time of %s", name, e.Name), e.NS); err != nil {
				return err
			}
		}
		for _, x := range c.Ratios {
			if err := positive(fmt.Sprintf("%s: ratio of %s to %s", name, x.Of, x.To), x.Ratio); err != nil {
				return err
			}
		}
	}
	if r.ShortCall != nil {
		if err := positive("short_call_ns", *r.ShortCall); err != nil {
			return err
		}
	}
	for i, b := range r.Bandwidth {
		if err := positive(fmt.Sprintf("bandwidth[%d] (%s)", i, b.Name), b.GBps); err != nil {
			return err
		}
	}
	return nil
}
