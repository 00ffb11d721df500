package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"

	"github.com/spf13/cobra"

	"github.com/twopass-softmax/twopass/compare/bits"
	"github.com/twopass-softmax/twopass/compare/internal/side"
	"github.com/twopass-softmax/twopass/compare/results"
	"github.com/twopass-softmax/twopass/ukernel"
)

// bitsOptions are the flags of the bits command.
type bitsOptions struct {
	kernels, classes, seeds, lengths, offsets string
	reference, tested                         string
	values                                    string
	exhaustive                                bool
	shard, resume                             string
	workers                                   int
}

func (a *app) bitsCommand() *cobra.Command {
	var o bitsOptions
	cmd := &cobra.Command{
		Use:   "bits",
		Short: "Compare the bits of every kernel on many inputs, or on all",
		Long: `Compare the bits of every kernel and of softmax as a whole.

The inputs are rows of every class, seed and length, each at every offset from
a 64-byte boundary; rows are also overwritten in place by the kernels that can
do so. With --exhaustive the inputs are all 2^32 float32 values instead, in rows
of 2048 consecutive bit patterns for the kernels that store and of 256 for the
others; with --resume such a run can be interrupted and gone on with.

Kernels that upstream does not have are compared with the executable model.`,
		Example: `  compare bits --kernels avx2
  compare bits --kernels vscaleextexp --exhaustive --resume state.json
  compare bits --reference model --tested upstream --lengths 1..100`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			sides, err := a.sides.choose(o.reference, o.tested)
			if err != nil {
				return err
			}
			b := *a
			b.sides = sides
			return b.bits(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.kernels, "kernels", "", "only kernels, and algorithms, whose name matches `REGEX`")
	f.StringVar(&o.classes, "classes", "all", "`classes` of inputs, with commas")
	f.StringVar(&o.seeds, "seeds", "0,1", "`seeds` of the rows; even ones come with operands as softmax passes them, odd ones with any")
	f.StringVar(&o.lengths, "lengths", "", "`lengths` of the rows (default 1..512, and 1..200 where the slow model is the reference)")
	f.StringVar(&o.offsets, "offsets", "0..7", "`offsets` of the rows from a 64-byte boundary, in elements, at most 15")
	f.StringVar(&o.reference, "reference", "", "compare with `SIDE`: upstream or model (default upstream if it is linked in)")
	f.StringVar(&o.tested, "tested", "native", "compare `SIDE`: native or upstream")
	f.StringVar(&o.values, "values", "", "only the row of N consecutive bit patterns `FIRST+N`, such as 0x3f800000+256")
	f.BoolVar(&o.exhaustive, "exhaustive", false, "all 2^32 float32 values instead of rows")
	f.StringVar(&o.shard, "shard", "", "with --exhaustive: only part `I/N` of the values")
	f.StringVar(&o.resume, "resume", "", "with --exhaustive: keep what has been done in `FILE`, and go on from there")
	f.IntVar(&o.workers, "workers", runtime.GOMAXPROCS(0), "`goroutines` to compare on")
	for _, other := range []string{"classes", "seeds", "lengths", "offsets", "values"} {
		cmd.MarkFlagsMutuallyExclusive("exhaustive", other)
	}
	return cmd
}

// bits is the bits command.
func (a *app) bits(ctx context.Context, o bitsOptions) error {
	if o.workers < 1 {
		return fmt.Errorf("%d workers: at least 1 is needed", o.workers)
	}
	if !o.exhaustive && (o.shard != "" || o.resume != "") {
		return errors.New("--shard and --resume need --exhaustive")
	}
	chosen, err := kernelFilter(o.kernels)
	if err != nil {
		return err
	}
	r, start := a.begin()
	a.header(r)
	pairs := slices.DeleteFunc(side.Match(a.sides.ref, a.sides.ours), func(p side.Pair) bool { return !chosen(p.Name) })
	can := runnable(r, pairs)
	if o.exhaustive {
		r.Bits, err = a.exhaustive(ctx, o, can)
	} else {
		err = a.sampled(ctx, o, r, can, chosen)
	}
	if err != nil {
		return err
	}
	r.Coverage = bits.Cover(a.sides.ours.Kernels, chosen, r.Bits)
	a.coverage(r)
	if err := a.end(r, start); err != nil {
		return err
	}
	return a.differences(r.Bits)
}

// sampled compares pairs, our own kernels and the algorithms on rows.
func (a *app) sampled(ctx context.Context, o bitsOptions, r *results.Results, can []side.Pair, chosen func(string) bool) error {
	for _, algorithm := range ukernel.Algorithms() {
		if !chosen(algorithm.String()) {
			continue
		}
		// The kernels of the passes need not be chosen.
		s, err := side.Compose(algorithm, a.sides.ref, a.sides.ours)
		if err != nil {
			r.NotRun = append(r.NotRun, results.NotRun{Kernel: algorithm.String(), Why: err.Error()})
			continue
		}
		can = append(can, s.Pair())
	}
	// What upstream lacks has only the model to be compared with.
	var alone []ukernel.Kernel
	for _, k := range a.sides.ours.Kernels {
		if k.Ours && chosen(k.Name) {
			alone = append(alone, k)
		}
	}
	var own []side.Pair
	if a.sides.ref.Name != "model" {
		own = runnable(r, side.Match(side.Model(alone), a.sides.ours))
	}
	if len(can)+len(own) == 0 {
		return fmt.Errorf("no kernel that matches %q can be compared here", o.kernels)
	}

	if o.values != "" {
		c, err := parseValues(o.values)
		if err != nil {
			return err
		}
		a.line("Inputs    %s", c.Values())
		for _, s := range append(can, own...) {
			r.Bits = append(r.Bits, bits.Check(s, c))
		}
		return nil
	}
	plan, err := o.plan(a.sides.ref.Pure)
	if err != nil {
		return err
	}
	modelPlan, err := o.plan(true)
	if err != nil {
		return err
	}
	r.Seeds = plan.Seeds
	a.line("Inputs    %s", describe(plan))
	if r.Bits, err = a.agreement(ctx, plan, can, o.workers); err != nil || len(own) == 0 {
		return err
	}
	a.line("Model     %s, for %s that upstream does not have", describe(modelPlan), plural(len(own), "kernel", "kernels"))
	found, err := a.agreement(ctx, modelPlan, own, o.workers)
	r.Bits = append(r.Bits, found...)
	return err
}

// plan reads the flags; slow is whether the model is the reference.
func (o *bitsOptions) plan(slow bool) (p bits.Plan, err error) {
	lengths := o.lengths
	if lengths == "" {
		lengths = "1..512"
		if slow {
			lengths = "1..200"
		}
	}
	if p.Classes, err = parseClasses(o.classes); err != nil {
		return p, err
	}
	if p.Seeds, err = list(o.seeds, parseSeed); err != nil {
		return p, err
	}
	if p.Lengths, err = parseRanges(lengths, 1, 1<<26); err != nil {
		return p, fmt.Errorf("lengths: %w", err)
	}
	if p.Offsets, err = parseRanges(o.offsets, 0, 15); err != nil {
		return p, fmt.Errorf("offsets: %w", err)
	}
	return p, nil
}

// exhaustive compares pairs on all float32 values.
func (a *app) exhaustive(ctx context.Context, o bitsOptions, pairs []side.Pair) ([]bits.Agreement, error) {
	if len(pairs) == 0 {
		return nil, fmt.Errorf("no kernel that matches %q can be compared here", o.kernels)
	}
	sweep := bits.Sweep{Pairs: pairs, Workers: o.workers}
	var err error
	if sweep.Shard, sweep.Shards, err = parseShard(o.shard); err != nil {
		return nil, err
	}
	state := sweep.Start()
	if o.resume != "" {
		found, save, err := resume[bits.State](o.resume, "sweep")
		if err != nil {
			return nil, err
		}
		if found != nil {
			state = *found
			a.line("Resuming  %s: %d parts are done", o.resume, len(state.Finished))
		}
		sweep.Save = save
	}
	a.line("Inputs    all 2^32 float32 values, part %d of %d", sweep.Shard, sweep.Shards)
	// The bar begins with what earlier runs did.
	var did int
	sweep.Done = func(done, of int) {
		if did == 0 {
			a.start("Comparing all values", int64(of))
		}
		a.step(int64(done - did))
		did = done
	}
	state, err = sweep.Run(ctx, state)
	a.finish()
	if errors.Is(err, context.Canceled) {
		return nil, stopped(fmt.Sprintf("%d parts", len(state.Finished)), o.resume)
	}
	return state.Kernels, err
}

// resume reads the state in a file, nil if there is no such file, and returns a
// function that stores a later one.
func resume[S any](name, schema string) (state *S, save func(S) error, err error) {
	build, err := executableHash()
	if err != nil {
		return nil, nil, fmt.Errorf("identifying this program: %w", err)
	}
	save = func(s S) error { return results.WriteState(name, "twopass-softmax/"+schema, build, s) }
	found, err := results.ReadState[S](name, "twopass-softmax/"+schema, build)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, save, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("--resume: %w", err)
	}
	return &found, save, nil
}

// stopped is the error of a run that was interrupted after some work, and how to go on.
func stopped(after, resume string) error {
	if resume == "" {
		return fmt.Errorf("stopped after %s; nothing was kept: --resume FILE would keep it", after)
	}
	return fmt.Errorf("stopped after %s; the same command with --resume %s continues from there", after, resume)
}

// executableHash identifies this program.
func executableHash() (string, error) {
	name, err := os.Executable()
	if err != nil {
		return "", err
	}
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}

// coverage prints the table of families and ISAs and what is beside it.
func (a *app) coverage(r *results.Results) {
	a.line("")
	const format = "%-15s %8s %6s %6s %13s %17s %8s"
	a.line(format, "", "upstream", "", "ran", "", "", "bits")
	a.line(format, "", "has", "twins", "here", "inputs", "elements", "differ")
	var sum bits.Coverage
	last := ""
	for _, c := range r.Coverage {
		if c.Family != last {
			a.line("%s", c.Family)
		}
		last = c.Family
		row := fmt.Sprintf("  %-13s %8d %6d ", c.ISA, c.Upstream, c.Twins)
		if c.Ran == 0 {
			a.line("%s%6s  %s", row, "none", c.Why)
		} else {
			a.line("%s%6d %13s %17s %8s  %s", row, c.Ran, grouped(c.Inputs), grouped(c.Values), grouped(c.Bits), c.Why)
		}
		sum.Upstream += c.Upstream
		sum.Twins += c.Twins
		sum.Ran += c.Ran
		sum.Inputs += c.Inputs
		sum.Values += c.Values
		sum.Bits += c.Bits
	}
	a.line("%-15s %8d %6d %6d %13s %17s %8s", "all", sum.Upstream, sum.Twins, sum.Ran, grouped(sum.Inputs), grouped(sum.Values), grouped(sum.Bits))

	const row = "%-38s %13s %17s %8s"
	first, name := true, ""
	for _, b := range r.Bits {
		if k, err := ukernel.Parse(b.Kernel); err == nil && !k.Ours {
			continue
		}
		if first {
			a.line("")
			a.line(row, "also compared", "inputs", "elements", "differ")
			first = false
		}
		a.line(row, a.short(&name, b.Kernel), grouped(b.Inputs), grouped(b.Values), grouped(b.Bits))
	}
	if len(r.NotRun) > 0 {
		a.line("")
		a.line("Not run:")
		name := ""
		for _, n := range r.NotRun {
			a.line("%-28s  %s", a.short(&name, n.Kernel), n.Why)
		}
	}
	a.line("")
	a.line("%d of upstream's %d kernels for %s have a twin in this build of %s; %d ran against %s.",
		sum.Twins, share(), runtime.GOARCH, a.sides.ours.Name, sum.Ran, a.sides.ref.Name)
	if others := len(ukernel.Upstream()) - share(); others > 0 {
		a.line("The other %d are for other architectures: run this there, or see tools/emulate.", others)
	}
}

// share is the number of upstream's kernels for this architecture.
func share() int {
	n := 0
	for _, k := range ukernel.Upstream() {
		if arch := k.ISA.Arch(); arch == "" || arch == runtime.GOARCH {
			n++
		}
	}
	return n
}
