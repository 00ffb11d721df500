// Command mca compares the main loops of native's kernels with those of a build
// of upstream's, for CPUs that need not be there: llvm-mca says how many cycles a
// turn takes, and how many of them the CPU's execution ports need at the least.
//
//	tools/bazel run --config=clang //third_party/xnnpack:install -- /tmp/xnnpack
//	go run ./tools/mca -upstream /tmp/xnnpack/lib/libxnnpack-softmax.a -markdown mca.md
//
// The library for arm64, to be given with -arch arm64, is made by
//
//	tools/bazel build --config=arm64 --config=clang //third_party/xnnpack:library
//
// Both sides are read as object code, by llvm-objdump. The elements of a turn of
// a loop follow from how far it moves on in the row. A loop where that is not
// what it loads is listed as not analysed.
//
// The model knows no caches, and errs: LLVM 16 has some loops of clang's with
// needless moves between registers take four times what the ports need on
// znver4. The table therefore has the mean without loops that are far from their
// ports, too. The tool is there for CPUs on which nothing can be measured.
package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/twopass-softmax/twopass/ukernel"
)

func main() {
	o := options{}
	flag.StringVar(&o.arch, "arch", "amd64", "`architecture`, amd64 or arm64")
	flag.StringVar(&o.upstream, "upstream", "", "`library` of upstream's kernels")
	flag.StringVar(&o.kernels, "kernels", "", "only kernels whose name matches `REGEX`")
	flag.BoolVar(&o.all, "all", false, "list every loop, too")
	flag.StringVar(&o.cpus, "cpus", "", "`CPUs` as LLVM names them, with commas")
	flag.StringVar(&o.mca, "llvm-mca", "llvm-mca-16", "llvm-mca `program`")
	flag.StringVar(&o.objdump, "llvm-objdump", "llvm-objdump-16", "llvm-objdump `program`")
	flag.StringVar(&o.json, "json", "", "write all loops to `FILE`")
	flag.StringVar(&o.markdown, "markdown", "", "write the table to `FILE` instead of standard output")
	flag.Parse()
	if err := o.run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "mca:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	arch, upstream, kernels, cpus, mca, objdump, json, markdown string
	all                                                         bool
}

func (o *options) run(ctx context.Context) error {
	a := arches[o.arch]
	if a == nil {
		return fmt.Errorf("architecture %q: it must be amd64 or arm64", o.arch)
	}
	if o.upstream == "" {
		return errors.New("-upstream is needed")
	}
	chosen, err := regexp.Compile(o.kernels)
	if err != nil {
		return fmt.Errorf("-kernels: %w", err)
	}
	dir, err := os.MkdirTemp("", "mca")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	// The package's test has all of its kernels linked in.
	program := filepath.Join(dir, "native.test")
	build := exec.CommandContext(ctx, "go", "test", "-c", "-o", program, a.native)
	build.Env = append(os.Environ(), "GOARCH="+a.goarch, "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building native's kernels: %w: %s", err, out)
	}
	native, err := o.read(ctx, a, program, true)
	if err != nil {
		return err
	}
	upstream, err := o.read(ctx, a, o.upstream, false)
	if err != nil {
		return err
	}
	maps.DeleteFunc(upstream, func(name string, _ *function) bool { return !chosen.MatchString(name) })
	version, err := exec.CommandContext(ctx, o.mca, "--version").Output()
	if err != nil {
		return fmt.Errorf("%s: %w", o.mca, err)
	}
	r := &Results{Tool: toolName(string(version)), Arch: a.goarch}
	run := func(cpu string, loops map[string]loop, names []string) (map[string]figures, error) {
		return a.run(ctx, o.mca, cpu, loops, names)
	}
	if err := r.analyse(a, native, upstream, strings.Split(cmp.Or(o.cpus, a.cpus), ","), run); err != nil {
		return err
	}
	return o.write(r)
}

// read disassembles a file.
func (o *options) read(ctx context.Context, a *arch, file string, native bool) (map[string]*function, error) {
	out, err := exec.CommandContext(ctx, o.objdump, "-d", "--no-show-raw-insn", file).Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", o.objdump, file, err)
	}
	functions, err := a.disassembly(bytes.NewReader(out), native)
	if err == nil && len(functions) == 0 {
		err = fmt.Errorf("%s: no kernel for %s in it", file, a.goarch)
	}
	return functions, err
}

// toolName is the first line of a version that has a number in it.
func toolName(version string) string {
	for line := range strings.Lines(version) {
		if strings.ContainsAny(line, "0123456789") {
			return "llvm-mca of " + strings.TrimSpace(line)
		}
	}
	return "llvm-mca"
}

// analyse compares the kernels that both sides have, but for those in plain Go.
func (r *Results) analyse(a *arch, native, upstream map[string]*function, cpus []string,
	run func(cpu string, loops map[string]loop, names []string) (map[string]figures, error)) error {
	ours, theirs := make(map[string]loop), make(map[string]loop)
	var names []string
	for _, name := range slices.Sorted(maps.Keys(upstream)) {
		f := native[name]
		if f == nil {
			if upstream[name].kernel.ISA != ukernel.Scalar {
				r.Skipped = append(r.Skipped, name+": native has no such kernel")
			}
			continue
		}
		var err, err2 error
		ours[name], err = a.mainLoop(f, 1)
		theirs[name], err2 = a.mainLoop(upstream[name], f.kernel.Tile)
		switch {
		case err != nil:
			r.Skipped = append(r.Skipped, fmt.Sprintf("%s, native: %v", name, err))
		case err2 != nil:
			r.Skipped = append(r.Skipped, fmt.Sprintf("%s, upstream: %v", name, err2))
		default:
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return fmt.Errorf("there is no loop to compare: %s", strings.Join(r.Skipped, "; "))
	}
	for _, cpu := range cpus {
		mine, err := run(cpu, ours, names)
		if err != nil {
			return err
		}
		other, err := run(cpu, theirs, names)
		if err != nil {
			return err
		}
		for _, name := range names {
			l := Loop{Kernel: name, CPU: cpu, Native: sideOf(ours[name], mine[name]), Upstream: sideOf(theirs[name], other[name])}
			if !(l.Native.Cycles > 0) || !(l.Upstream.Cycles > 0) {
				return fmt.Errorf("%s on %s: llvm-mca says nothing about it", name, cpu)
			}
			l.Ratio = l.Native.Cycles / l.Upstream.Cycles
			l.Stalled = max(l.Native.Cycles/l.Native.Ports, l.Upstream.Cycles/l.Upstream.Ports) > stalledFrom
			r.Loops = append(r.Loops, l)
		}
	}
	return nil
}

// write stores the results, each file as a whole.
func (o *options) write(r *Results) error {
	if o.json != "" {
		text, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			return err
		}
		if err := replace(o.json, append(text, '\n')); err != nil {
			return err
		}
	}
	text := r.markdown()
	if o.all {
		text += r.list()
	}
	if o.markdown != "" {
		return replace(o.markdown, []byte(text))
	}
	_, err := os.Stdout.WriteString(text)
	return err
}

// replace writes a file by way of one beside it.
func replace(name string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
