package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/twopass-softmax/twopass/compare"
	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/xnnpack"
)

// speedOptions are the flags of the speed command.
type speedOptions struct {
	kernels, algorithms, sizes, threads string
	budget                              time.Duration
}

func (a *app) speedCommand() *cobra.Command {
	var o speedOptions
	cmd := &cobra.Command{
		Use:   "speed",
		Short: "Compare the speed of softmax, or of kernels, over lengths and threads",
		Long: `Compare the speed of softmax, or of kernels, over lengths and threads.

At each length all functions are timed in turn, so that what disturbs the
machine meets them all; ratios are of neighbouring samples, with the confidence
interval of their median at 95 %. Where that is wider than 10 %, nothing is
concluded.

With several threads each has a row of its own, and times are per element of
all rows together. GB/s is the traffic that an algorithm makes if nothing of a
row stays in a cache: its reads, its writes, and the lines fetched before they
are first written. The limit is measured in the same turns: one read of the
row, one more read and one write around the caches; the column says how much of
it a function reaches. Both are given for rows that no cache holds.`,
		Example: `  compare speed --sizes 2^4..2^26 --threads 1,2 --json speed.json
  compare speed --kernels 'avx2.*raddextexp' --sizes L1,L2`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.speed(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.kernels, "kernels", "", "time kernels whose name matches `REGEX`, instead of softmax")
	f.StringVar(&o.algorithms, "algorithms", "two-pass,three-pass-recompute,three-pass-reload", "`algorithms`, with commas")
	f.StringVar(&o.sizes, "sizes", "L1,L2,2^20,memory", "`lengths` of rows: integers, powers 2^10 or 2^4..2^26, L1, L2, memory")
	f.StringVar(&o.threads, "threads", "", "`numbers` of threads (default 1 and all)")
	f.DurationVar(&o.budget, "time", 300*time.Millisecond, "`time` for each function at each length")
	return cmd
}

// parseSizes reads the flag of that name.
func parseSizes(text string, l compare.Lengths) ([]int, error) {
	var sizes []int
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		lo, hi, isRange := strings.Cut(part, "..")
		switch {
		case part == "L1":
			sizes = append(sizes, l.L1)
		case part == "L2":
			sizes = append(sizes, l.L2)
		case part == "memory":
			sizes = append(sizes, l.Memory)
		case isRange:
			from, err1 := power(lo)
			to, err2 := power(hi)
			if err1 != nil || err2 != nil || from > to {
				return nil, fmt.Errorf("%q is no range of powers such as 2^4..2^26", part)
			}
			for e := from; e <= to; e++ {
				sizes = append(sizes, 1<<e)
			}
		case strings.HasPrefix(part, "2^"):
			e, err := power(part)
			if err != nil {
				return nil, err
			}
			sizes = append(sizes, 1<<e)
		default:
			n, err := strconv.Atoi(part)
			if err != nil || n < 1 || n > 1<<30 {
				return nil, fmt.Errorf("%q is no length from 1 to 2^30", part)
			}
			sizes = append(sizes, n)
		}
	}
	slices.Sort(sizes)
	return slices.Compact(sizes), nil
}

// parseThreads reads the flag of that name; empty is one thread and all.
func parseThreads(text string) ([]int, error) {
	if text == "" {
		return threadCounts(), nil
	}
	threads, err := parseRanges(text, 1, 1024)
	if err != nil {
		return nil, fmt.Errorf("threads: %w", err)
	}
	return threads, nil
}

// power reads 2^E and returns E.
func power(text string) (int, error) {
	digits, ok := strings.CutPrefix(text, "2^")
	e, err := strconv.Atoi(digits)
	if !ok || err != nil || e < 0 || e > 30 {
		return 0, fmt.Errorf("%q is no power from 2^0 to 2^30", text)
	}
	return e, nil
}

func (a *app) speed(ctx context.Context, o speedOptions) error {
	machine := compare.ThisMachine()
	sizes, err := parseSizes(o.sizes, machine.Lengths())
	if err != nil {
		return fmt.Errorf("sizes: %w", err)
	}
	threads, err := parseThreads(o.threads)
	if err != nil {
		return err
	}
	if a.sides.noUpstream != nil {
		return fmt.Errorf("there is nothing to compare the speed with: %w", a.sides.noUpstream)
	}
	results, start := a.begin()
	a.header(results)
	if o.kernels != "" {
		err = a.speedKernels(ctx, results, o, sizes)
	} else {
		err = a.speedSoftmax(ctx, results, o, sizes, threads)
	}
	if err != nil {
		return err
	}
	a.line("")
	a.ratios(results.Speed)
	return a.end(results, start)
}

// speedKernels times pairs of kernels, on one thread.
func (a *app) speedKernels(ctx context.Context, r *compare.Results, o speedOptions, sizes []int) error {
	chosen, err := kernelFilter(o.kernels)
	if err != nil {
		return err
	}
	can, _ := compare.Runnable(compare.Match(a.sides.ref, a.sides.ours))
	can = slices.DeleteFunc(can, func(p compare.Pair) bool { return !chosen(p.Name) })
	if len(can) == 0 {
		return fmt.Errorf("no kernel that matches %q can be timed here", o.kernels)
	}
	width := 0
	for _, p := range can {
		width = max(width, len(p.Name))
	}
	a.start("Timing kernels", int64(len(sizes)*len(can)))
	defer a.finish()
	for _, n := range sizes {
		a.line("")
		a.line("%-*s %8s %8s %6s", width, grouped(int64(n))+" elements, in "+r.Machine.Where(n), a.sides.ref.Name, a.sides.ours.Name, "ratio")
		work := compare.NewWorkload(n)
		for _, p := range can {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			t := work.Time(compare.Timer{Budget: 2 * o.budget}, p.Subject())
			r.Speed = append(r.Speed, t)
			a.line("%-*s %8.3f %8.3f %6.3f %6s %s", width, p.Name, t.RefNS.Median, t.OursNS.Median, t.Ratio.Median, noise(t.Ratio), t.Verdict)
			a.step(1)
		}
	}
	return nil
}

func noise(i compare.Interval) string { return fmt.Sprintf("±%.1f%%", 50*i.Width()) }

// speedSoftmax times the composed algorithms of both sides and native.Softmax.
func (a *app) speedSoftmax(ctx context.Context, r *compare.Results, o speedOptions, sizes, threads []int) error {
	can, _ := compare.Runnable(compare.Match(a.sides.ref, a.sides.ours))
	type entry struct {
		algorithm ukernel.Algorithm
		softmax   compare.Softmax
	}
	var entries []entry
	for name := range strings.SplitSeq(o.algorithms, ",") {
		algorithm, err := ukernel.ParseAlgorithm(strings.TrimSpace(name))
		if err != nil {
			return err
		}
		s, err := compare.ComposePairs(algorithm, can, xnnpack.Preferred)
		if err != nil {
			a.line("%v: not run: %v", algorithm, err)
			r.NotRun = append(r.NotRun, compare.NotRun{Kernel: algorithm.String(), Why: err.Error()})
			continue
		}
		a.line("%s", withKernels(algorithm, s.Kernels))
		entries = append(entries, entry{algorithm, s})
	}
	if len(entries) == 0 {
		return fmt.Errorf("none of the algorithms %q can be timed here", o.algorithms)
	}
	contestants := []compare.Contestant{}
	for i := range entries {
		s := &entries[i].softmax
		contestants = append(contestants,
			compare.Contestant{Name: a.sides.ref.Name + " " + entries[i].algorithm.String(), Run: s.Ref.Softmax},
			compare.Contestant{Name: a.sides.ours.Name + " " + entries[i].algorithm.String(), Run: s.Ours.Softmax})
	}
	contestants = append(contestants, compare.Contestant{Name: "native.Softmax", Run: native.Softmax})
	auto := len(contestants) - 1
	_, _, _, limit := compare.Traffic()

	a.start("Timing softmax", int64(len(sizes)*len(threads)))
	defer a.finish()
	for _, n := range sizes {
		for _, t := range threads {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			contest := compare.Contest{
				Timer:    compare.Timer{MinReps: 7, Budget: o.budget * time.Duration(len(contestants))},
				Elements: n, Threads: t,
			}
			// In a cache there is no limit to measure, and writing around it would
			// take the row's output from it.
			running, limitNS := contestants, 0.0
			beyond := r.Machine.L3 > 0 && 8*n > r.Machine.L3
			if beyond {
				running = append(slices.Clone(contestants), limit)
			}
			samples, elements := contest.Run(running)
			if beyond {
				limitNS = compare.NewSpeed(samples, auto+1, elements).OursNS.Median
			}
			a.line("")
			a.line("%-44s %8s %7s %7s %7s %7s", fmt.Sprintf("%s elements, in %s, %s", grouped(int64(n)), r.Machine.Where(n), plural(t, "thread", "threads")),
				"ns/elem", "GB/s", "limit", "ratio", "")
			best, bestNS := 0, math.Inf(1)
			for i := 0; i < auto; i += 2 {
				if ns := compare.NewSpeed(samples, i, elements).OursNS.Median; ns < bestNS {
					best, bestNS = i, ns
				}
			}
			for i, c := range contestants {
				timing := compare.Timing{Name: c.Name, Threads: t}
				against, bytes := "", 0
				switch {
				case i == auto:
					timing.Speed = compare.NewRatio(samples, best, i, elements)
					against = ", to " + contestants[best].Name
				case i%2 == 1:
					timing.Speed = compare.NewRatio(samples, i-1, i, elements)
					bytes = compare.Bytes(entries[i/2].algorithm)
					timing.Kernels = entries[i/2].softmax.Kernels
				default:
					timing.Speed = compare.NewSpeed(samples, i, elements)
					bytes = compare.Bytes(entries[i/2].algorithm)
					timing.Kernels = entries[i/2].softmax.Kernels
				}
				timing.Elements = n
				gbps, share, ratio, width := "", "", "", ""
				if beyond {
					if bytes > 0 {
						gbps = fmt.Sprintf("%.1f", float64(bytes)/timing.OursNS.Median)
					}
					timing.LimitShare = limitNS / timing.OursNS.Median
					share = fmt.Sprintf("%.0f%%", 100*timing.LimitShare)
				}
				if timing.Verdict != "" {
					ratio, width = fmt.Sprintf("%.3f", timing.Ratio.Median), noise(timing.Ratio)
				}
				r.Speed = append(r.Speed, timing)
				a.line("  %-42s %8.3f %7s %7s %7s %7s %s%s", c.Name, timing.OursNS.Median, gbps, share, ratio, width, timing.Verdict, against)
			}
			if beyond {
				a.line("  %-42s %8.3f", "limit", limitNS)
			}
			a.step(1)
		}
	}
	return nil
}
