package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/twopass-softmax/twopass/compare/internal/machine"
	"github.com/twopass-softmax/twopass/compare/internal/side"
	"github.com/twopass-softmax/twopass/compare/results"
	"github.com/twopass-softmax/twopass/compare/speed"
	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/ukernel"
)

// tuneOptions are the flags of the tune command.
type tuneOptions struct {
	kernels, sizes, threads string
	budget                  time.Duration
}

func (a *app) tuneCommand() *cobra.Command {
	var o tuneOptions
	cmd := &cobra.Command{
		Use:   "tune",
		Short: "Find the fastest native kernels and algorithms on this CPU",
		Long: `Find the fastest native kernels and algorithms on this CPU.

First, for each family, instruction set and variant, the tile and the number of
accumulators that are fastest in the L1 cache, by how much, and whether that is
more than noise. Then, for each length and number of threads, native's algorithms: what
Auto should choose, beside what it does, and the length from which it should recompute,
which native/plan.go has as recomputeFrom.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.tune(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.kernels, "kernels", "", "only kernels whose name matches `REGEX`")
	f.StringVar(&o.sizes, "sizes", "2^6,2^8,2^10,2^12,2^14,2^16,2^18,2^20,2^21,2^22,2^24,memory", "`lengths` of rows: integers, powers 2^10 or 2^4..2^26, L1, L2, memory")
	f.StringVar(&o.threads, "threads", "", "`numbers` of threads (default 1 and all)")
	f.DurationVar(&o.budget, "time", 100*time.Millisecond, "`time` for each function")
	return cmd
}

func (a *app) tune(ctx context.Context, o tuneOptions) error {
	chosen, err := kernelFilter(o.kernels)
	if err != nil {
		return err
	}
	lengths := machine.This().Lengths()
	sizes, err := parseSizes(o.sizes, lengths)
	if err != nil {
		return fmt.Errorf("sizes: %w", err)
	}
	threads, err := parseThreads(o.threads)
	if err != nil {
		return err
	}
	r, start := a.begin()
	a.header(r)
	kernels := slices.DeleteFunc(slices.Clone(a.sides.ours.Kernels), func(k ukernel.Kernel) bool { return !chosen(k.Name) })
	if err := a.tuneKernels(ctx, r, groups(kernels), lengths.L1, o.budget); err != nil {
		return err
	}
	if err := a.tuneAlgorithms(ctx, r, sizes, threads, o.budget); err != nil {
		return err
	}
	return a.end(r, start)
}

// tuneKernels prints the fastest kernel of each group and the next one.
func (a *app) tuneKernels(ctx context.Context, r *results.Results, all [][]ukernel.Kernel, n int, budget time.Duration) error {
	const width = 34
	last := ""
	a.line("")
	a.line("%-*s %8s   %s", width, fmt.Sprintf("fastest on %s elements", grouped(int64(n))), "ns/elem", "the next / the fastest")
	work := speed.NewWorkload(n)
	for g := range progress(ctx, a.screen, "Timing kernels", all) {
		c, err := work.Choose(speed.Timer{Budget: budget * time.Duration(len(g))}, a.sides.ours, g)
		if err != nil {
			return err
		}
		r.Choices = append(r.Choices, c)
		next := "only one"
		if len(c.Candidates) > 1 {
			second := c.Candidates[1]
			_, tile, _ := strings.Cut(second.Kernel, "_ukernel__")
			tile = tile[strings.LastIndex(tile, "_u")+1:]
			next = fmt.Sprintf("%-9s %.3f %s", tile, second.Ratio.Median, noise(second.Ratio))
			if second.Ratio.Lo <= 1 {
				next += ", no real difference"
			}
		}
		a.line("%-*s %8.3f   %s", width, a.short(&last, c.Candidates[0].Kernel), c.Candidates[0].NS.Median, next)
	}
	return ctx.Err()
}

// tuneAlgorithms prints the time of native's algorithms over lengths.
func (a *app) tuneAlgorithms(ctx context.Context, r *results.Results, sizes, threads []int, budget time.Duration) error {
	var benchmarks []speed.Benchmark
	head := ""
	for _, algorithm := range []native.Algorithm{native.Store, native.Recompute, native.Auto} {
		o := &native.Options{Algorithm: algorithm}
		benchmarks = append(benchmarks, speed.Benchmark{Name: algorithm.String(), Run: softmax(o)})
		head += fmt.Sprintf(" %11s", algorithm)
	}
	auto := len(benchmarks) - 1
	for _, t := range threads {
		a.line("")
		a.line("%10s%s   %s", plural(t, "thread", "threads"), head, "auto to fastest")
		times := make([][]float64, auto)
		for n := range progress(ctx, a.screen, "Timing algorithms", sizes) {
			timer := speed.Timer{MinReps: 7, Budget: budget * time.Duration(len(benchmarks))}
			samples, elements, err := timer.TimeRows(benchmarks, n, t)
			if err != nil {
				return err
			}
			row, best := "", 0
			for i, b := range benchmarks {
				timing := samples.Timing(i, elements)
				timing.Name, timing.Threads, timing.Elements = "native "+b.Name, t, n
				r.Speed = append(r.Speed, timing)
				ns := timing.OursNS.Median
				row += fmt.Sprintf(" %11.3f", ns)
				if i == auto {
					break
				}
				times[i] = append(times[i], ns)
				if ns < times[best][len(times[best])-1] {
					best = i
				}
			}
			ratio := samples.Compare(best, auto, elements)
			a.line("%10s%s   %.3f %s", grouped(int64(n)), row, ratio.Ratio.Median, noise(ratio.Ratio))
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := a.tuned(r, sizes, t, times[0], times[1]); err != nil {
			return err
		}
	}
	return nil
}

// tuned prints the length from which Auto should recompute on this CPU.
func (a *app) tuned(r *results.Results, sizes []int, threads int, store, recompute []float64) error {
	level, err := native.Level()
	if err != nil {
		return err
	}
	from, ratio := chooseAuto(sizes, store, recompute)
	r.Auto = append(r.Auto, results.Auto{ISA: level, Threads: threads, From: from, Ratio: ratio})
	if from == 0 {
		a.line("Store for all these lengths takes %.3f of the time of the best for each.", ratio)
	} else {
		a.line("Store, and recompute from %s elements, takes %.3f of the time of the best for each length.", grouped(int64(from)), ratio)
	}
	return nil
}

// groups divides kernels that this CPU runs by family, ISA and variant, in the
// order of reports.
func groups(kernels []ukernel.Kernel) [][]ukernel.Kernel {
	sorted := slices.DeleteFunc(slices.Clone(kernels), func(k ukernel.Kernel) bool { return !k.ISA.Supported() })
	slices.SortFunc(sorted, side.Order)
	var all [][]ukernel.Kernel
	for i, k := range sorted {
		if i > 0 && k.Family == sorted[i-1].Family && k.ISA == sorted[i-1].ISA && k.Variant == sorted[i-1].Variant {
			all[len(all)-1] = append(all[len(all)-1], k)
		} else {
			all = append(all, []ukernel.Kernel{k})
		}
	}
	return all
}

// chooseAuto finds the best length from the times per element of rows of the lengths, which
// rise.
func chooseAuto(lengths []int, store, recompute []float64) (from int, ratio float64) {
	ratio = math.Inf(1)
	for first := len(lengths); first >= 0; first-- {
		sum := 0.0
		for i := range lengths {
			t := store[i]
			if i >= first {
				t = recompute[i]
			}
			sum += math.Log(t / min(store[i], recompute[i]))
		}
		if m := math.Exp(sum / float64(len(lengths))); m < ratio {
			from, ratio = 0, m
			if first < len(lengths) {
				from = lengths[first]
			}
		}
	}
	return from, ratio
}
