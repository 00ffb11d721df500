package main

import (
	"context"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"github.com/twopass-softmax/twopass/compare/internal/machine"
	"github.com/twopass-softmax/twopass/compare/results"
	"github.com/twopass-softmax/twopass/compare/speed"
	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/ukernel"
)

func (a *app) infoCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "info",
		Short: "Describe the machine, its measured clock and bandwidth, and the kernels on each side",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.info(cmd.Context(), machine.This().Lengths().Memory, 300*time.Millisecond)
		},
	}
}

// info is the info command. Bandwidth is measured on rows of n elements in all,
// for about the given time each.
func (a *app) info(ctx context.Context, n int, each time.Duration) error {
	r, start := a.begin()
	a.header(r)
	r.Frequency = speed.Frequency()
	a.line("Clock     %.2f GHz as measured, if a dependent addition takes one cycle", r.Frequency)
	if r.Arithmetic = speed.Arithmetic(); r.Arithmetic > 0 {
		a.line("Ports     %.3f ns for an element's vector operations of native.Softmax, if nothing else is in the way", r.Arithmetic)
	}
	var err error
	if r.Bandwidth, err = a.bandwidth(ctx, n, each); err != nil {
		return err
	}
	a.line("")
	a.line("%-24s %-13s %9s %8s %6s  %s", "kernels of family", "ISA", "XNNPACK's", a.sides.ref.Name, a.sides.ours.Name, "this CPU")
	last := ""
	for _, f := range ukernel.Families() {
		for _, isa := range ukernel.ISAs() {
			all := countOf(ukernel.Upstream(), f, isa)
			ref, ours := countOf(a.sides.ref.Kernels, f, isa), countOf(a.sides.ours.Kernels, f, isa)
			if all+ref+ours == 0 {
				continue
			}
			family := f.String()
			if family == last {
				family = ""
			}
			last = f.String()
			runs := "runs it"
			if !isa.Supported() {
				runs = "lacks it"
			}
			a.line("%-24s %-13s %9d %8d %6d  %s", family, isa, all, ref, ours, runs)
		}
	}
	a.line("%-24s %-13s %9d %8d %6d", "all", "", len(ukernel.Upstream()), len(a.sides.ref.Kernels), len(a.sides.ours.Kernels))
	a.line("")
	a.line("What native.Softmax does with a row of")
	lengths := r.Machine.Lengths()
	for _, n := range []int{lengths.L1, lengths.L2, lengths.Memory} {
		a.line("%s", new(native.Options).Explain(n))
	}
	return a.end(r, start)
}

func countOf(kernels []ukernel.Kernel, f ukernel.Family, isa ukernel.ISA) int {
	n := 0
	for _, k := range kernels {
		if k.Family == f && k.ISA == isa {
			n++
		}
	}
	return n
}

// threadCounts are one thread and all.
func threadCounts() []int {
	if n := runtime.GOMAXPROCS(0); n > 1 {
		return []int{1, n}
	}
	return []int{1}
}

// bandwidth measures what memory can do.
func (a *app) bandwidth(ctx context.Context, n int, each time.Duration) ([]results.Bandwidth, error) {
	read, copied, around, _ := speed.Traffic()
	benchmarks := []speed.Benchmark{read, copied}
	if speed.Streams {
		benchmarks = append(benchmarks, around)
	}
	a.line("")
	a.line("Memory, %s of rows and outputs in all; a copy counts as one read and one write", size(8*n))
	a.line("%-22s %8s %8s %7s", "", "threads", "GB/s", "")
	var all []results.Bandwidth
	for threads := range progress(ctx, a.screen, "Measuring memory", threadCounts()) {
		timer := speed.Timer{MinReps: 7, Budget: each * time.Duration(len(benchmarks))}
		s, elements, err := timer.TimeRows(benchmarks, n, threads)
		if err != nil {
			return nil, err
		}
		for i, con := range benchmarks {
			bytes := 4.0
			if i > 0 {
				bytes = 8
			}
			ns := speed.NewSummary(s.NS[i])
			per := bytes * float64(elements)
			b := results.Bandwidth{Name: con.Name, Threads: threads, GBps: speed.Summary{Median: per / ns.Median, Lo: per / ns.Hi, Hi: per / ns.Lo}}
			all = append(all, b)
			a.line("%-22s %8d %8.2f %7s", b.Name, threads, b.GBps.Median, noise(b.GBps))
		}
	}
	return all, ctx.Err()
}
