package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/twopass-softmax/twopass/compare"
	"github.com/twopass-softmax/twopass/compare/onednn"
	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/xnnpack"
)

// speedOptions are the flags of the speed command.
type speedOptions struct {
	kernels, algorithms, sizes, threads string
	budget                              time.Duration
	resume                              string
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
it a function reaches. Both are given for rows that no cache holds.

oneDNN is timed beside them if it is linked in (-tags onednn, or Bazel's
--config=onednn, with libdnnl-dev): its primitive is made once for each length
and thread, on one OpenMP thread each, and works on the same rows. Its ratio is
that of native.Softmax to it.

With --resume a run can be interrupted and gone on with, by the same program on
the same machine with the same options.`,
		Example: `  compare speed --sizes 2^4..2^26 --threads 1,2 --json speed.json
  compare speed --kernels 'avx2.*raddextexp' --sizes L1,L2
  compare speed --sizes 2^4..2^26 --resume state.json --json speed.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.speed(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.kernels, "kernels", "", "time kernels whose name matches `REGEX`, instead of softmax")
	f.StringVar(&o.algorithms, "algorithms", "two-pass,three-pass-recompute,three-pass-reload", "`algorithms`, with commas")
	f.StringVar(&o.sizes, "sizes", "L1,L2,2^20,memory", "`lengths` of rows: integers, powers 2^10 or 2^4..2^26, L1, L2, memory")
	f.StringVar(&o.threads, "threads", "", "`numbers` of threads (default 1 and all)")
	f.DurationVar(&o.budget, "time", 300*time.Millisecond, "`time` for each function at each length")
	f.StringVar(&o.resume, "resume", "", "keep what has been timed in `FILE`, and go on from there")
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
	state := compare.SpeedState{
		Machine: machine, Options: o.identity(threads), Sizes: sizes, Started: results.Started, Speed: []compare.Timing{},
	}
	save := func() error { return nil }
	if o.resume != "" {
		found, write, err := resume[compare.SpeedState](o.resume)
		if err != nil {
			return err
		}
		if found != nil {
			if err := found.Fits(machine, state.Options); err != nil {
				return fmt.Errorf("--resume: %s: %w", o.resume, err)
			}
			state = *found
		}
		save = func() error { return write(state) }
	}
	a.header(results)
	var parts []speedPart
	if o.kernels != "" {
		parts, err = a.speedKernels(results, o, state.Sizes)
	} else {
		parts, err = a.speedSoftmax(results, o, state.Sizes, threads)
	}
	if err != nil {
		return err
	}
	if state.Parts < 0 || state.Parts > len(parts) {
		return fmt.Errorf("--resume: %s: it has %d finished parts, this run is of %d", o.resume, state.Parts, len(parts))
	}
	if state.Parts > 0 {
		a.line("Resuming  %s: %d of %s are done", o.resume, state.Parts, plural(len(parts), "part", "parts"))
	}
	results.Started = state.Started
	start = start.Add(-time.Duration(state.Seconds * float64(time.Second)))
	if err := a.speedParts(ctx, o, parts, &state, start, save); err != nil {
		return err
	}
	results.Speed = state.Speed
	a.line("")
	a.ratios(results.Speed)
	a.peerRatios(results.Speed)
	return a.end(results, start)
}

// identity are the options on which what is timed depends.
func (o *speedOptions) identity(threads []int) []string {
	return []string{
		"--kernels=" + o.kernels, "--algorithms=" + o.algorithms, "--sizes=" + o.sizes, "--threads=" + ranges(threads),
		"--time=" + o.budget.String(), "oneDNN " + onednn.Version(),
	}
}

// speedPart is a part of a run that is timed in one go: the unit of resuming.
type speedPart struct {
	// name says where in the run it is.
	name string
	run  func() ([]compare.Timing, error)
}

// speedParts does the parts that the state lacks, and saves it after each.
func (a *app) speedParts(ctx context.Context, o speedOptions, parts []speedPart, state *compare.SpeedState, start time.Time, save func() error) error {
	a.start("Timing", int64(len(parts)))
	defer a.finish()
	a.step(int64(state.Parts))
	for _, p := range parts[state.Parts:] {
		if ctx.Err() != nil {
			where := fmt.Sprintf("stopped after %d of %s, before %s", state.Parts, plural(len(parts), "part", "parts"), p.name)
			if o.resume == "" {
				return errors.New(where)
			}
			// There may be no part yet: a file that is there can be gone on from.
			if err := save(); err != nil {
				return err
			}
			return fmt.Errorf("%s; the same command with --resume %s goes on from there", where, o.resume)
		}
		timings, err := p.run()
		if err != nil {
			return err
		}
		state.Speed = append(state.Speed, timings...)
		state.Parts++
		state.Seconds = time.Since(start).Seconds()
		if err := save(); err != nil {
			return err
		}
		a.step(1)
	}
	return nil
}

// speedKernels are the parts that time pairs of kernels, on one thread.
func (a *app) speedKernels(r *compare.Results, o speedOptions, sizes []int) ([]speedPart, error) {
	chosen, err := kernelFilter(o.kernels)
	if err != nil {
		return nil, err
	}
	can, _ := compare.Runnable(compare.Match(a.sides.ref, a.sides.ours))
	can = slices.DeleteFunc(can, func(p compare.Pair) bool { return !chosen(p.Name) })
	if len(can) == 0 {
		return nil, fmt.Errorf("no kernel that matches %q can be timed here", o.kernels)
	}
	width := 0
	for _, p := range can {
		width = max(width, len(p.Name))
	}
	var parts []speedPart
	// The pairs of one length share a workload, and a heading.
	var work *compare.Workload
	for _, n := range sizes {
		for _, p := range can {
			parts = append(parts, speedPart{fmt.Sprintf("%s on %s elements", p.Name, grouped(int64(n))), func() ([]compare.Timing, error) {
				if work == nil || work.Elements() != n {
					work = compare.NewWorkload(n)
					a.line("")
					a.line("%-*s %8s %8s %6s", width, grouped(int64(n))+" elements, in "+r.Machine.Where(n), a.sides.ref.Name, a.sides.ours.Name, "ratio")
				}
				t := work.Time(compare.Timer{Budget: 2 * o.budget}, p.Subject())
				a.line("%-*s %8.3f %8.3f %6.3f %6s %s", width, p.Name, t.RefNS.Median, t.OursNS.Median, t.Ratio.Median, noise(t.Ratio), t.Verdict)
				return []compare.Timing{t}, nil
			}})
		}
	}
	return parts, nil
}

func noise(i compare.Interval) string { return fmt.Sprintf("±%.1f%%", 50*i.Width()) }

// speedSoftmax are the parts that time the composed algorithms of both sides,
// native.Softmax, and peers.
func (a *app) speedSoftmax(r *compare.Results, o speedOptions, sizes, threads []int) ([]speedPart, error) {
	can, _ := compare.Runnable(compare.Match(a.sides.ref, a.sides.ours))
	type entry struct {
		algorithm ukernel.Algorithm
		softmax   compare.Softmax
	}
	var entries []entry
	for name := range strings.SplitSeq(o.algorithms, ",") {
		algorithm, err := ukernel.ParseAlgorithm(strings.TrimSpace(name))
		if err != nil {
			return nil, err
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
		return nil, fmt.Errorf("none of the algorithms %q can be timed here", o.algorithms)
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
	if p := a.peer(r); p != nil {
		contestants = append(contestants, *p)
	}

	var parts []speedPart
	for _, n := range sizes {
		for _, t := range threads {
			where := fmt.Sprintf("%s elements, in %s, %s", grouped(int64(n)), r.Machine.Where(n), plural(t, "thread", "threads"))
			parts = append(parts, speedPart{where, func() (timings []compare.Timing, err error) {
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
				samples, elements, err := contest.Run(running)
				if err != nil {
					return nil, err
				}
				if beyond {
					limitNS = compare.NewSpeed(samples, len(contestants), elements).OursNS.Median
				}
				a.line("")
				a.line("%-44s %8s %7s %7s %7s %7s", where,
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
					case i > auto:
						timing.Speed = compare.NewSpeed(samples, i, elements)
						native := compare.NewRatio(samples, i, auto, elements)
						timing.NativeRatio = &native.Ratio
						against = fmt.Sprintf("native.Softmax: %s", native.Verdict)
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
					if timing.NativeRatio != nil {
						ratio, width = fmt.Sprintf("%.3f", timing.NativeRatio.Median), noise(*timing.NativeRatio)
					}
					if timing.Verdict != "" {
						ratio, width = fmt.Sprintf("%.3f", timing.Ratio.Median), noise(timing.Ratio)
					}
					timings = append(timings, timing)
					a.line("  %-42s %8.3f %7s %7s %7s %7s %s%s", c.Name, timing.OursNS.Median, gbps, share, ratio, width, timing.Verdict, against)
				}
				if beyond {
					a.line("  %-42s %8.3f", "limit", limitNS)
				}
				return timings, nil
			}})
		}
	}
	return parts, nil
}

// onednnSoftmax is what the results call the peer's function.
const onednnSoftmax = "onednn softmax"

// bindONEDNN prepares oneDNN's softmax of one row, on one thread: where a contest
// has several, each has a row of its own.
func bindONEDNN(dst, src []float32) (run, done func(), err error) {
	s, err := onednn.New(dst, src, 1, len(src), 1)
	if err != nil {
		return nil, nil, err
	}
	return s.Run, s.Close, nil
}

// peer is the other library, and is recorded as such; it is nil, and a line says
// why, where that is not linked in.
func (a *app) peer(r *compare.Results) *compare.Contestant {
	if err := onednn.Available(); err != nil {
		a.line("oneDNN    not compared: %v", err)
		return nil
	}
	a.line("oneDNN    %s, one OpenMP thread for each row", onednn.Version())
	r.Peers = append(r.Peers, compare.Peer{Name: "onednn", Version: onednn.Version()})
	return &compare.Contestant{Name: onednnSoftmax, Bind: bindONEDNN}
}

// peerRatios prints the mean of native.Softmax's ratios to the peer.
func (a *app) peerRatios(speed []compare.Timing) {
	logs, n := 0.0, 0
	for _, t := range speed {
		if t.NativeRatio != nil {
			logs += math.Log(t.NativeRatio.Median)
			n++
		}
	}
	if n > 0 {
		a.line("Time of native.Softmax / %s: geometric mean %.3f of %d.", onednnSoftmax, math.Exp(logs/float64(n)), n)
	}
}
