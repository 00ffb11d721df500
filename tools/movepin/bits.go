package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/twopass-softmax/twopass/tools"
	"github.com/twopass-softmax/twopass/ukernel"
)

// configs are Bazel's options for each place to compare on, and the command
// that runs a program there.
var configs = map[string]*struct {
	options, runner []string
	kernels         string // which of them, as a regular expression
}{
	"host":  {kernels: "_ukernel__"},
	"arm64": {[]string{"--config=arm64"}, []string{"go", "run", "./tools/emulate", "arm64", "--"}, "_ukernel__"},
	"bochs": {[]string{"--config=bochs"}, []string{"go", "run", "./tools/emulate", "avx512", "--"}, "__avx(512f|256skx)_"},
}

// plan is for compare bits: every class of inputs at the lengths where something
// changes, up to the tail of every vector width, and about the tiles.
var plan = []string{"--seeds", "0,1", "--offsets", "0,3", "--lengths", "1..33,47..49,63..65,79..81,95..97,127..129,143..145,159..161,191..193,257,400"}

// outcome is what comparing a kernel with the model gave.
type outcome struct {
	bits   int64
	inputs int64
	first  string // the first difference
}

// results is what is read of the results of compare bits.
type results struct {
	Bits []struct {
		Kernel      string
		Inputs      int64
		Bits        int64 `json:"differing_bits"`
		Differences []struct{ Row, Place, Operation string }
	}
	NotRun []struct{ Kernel, Why string } `json:"not_run"`
}

// outcomes are by the kernel's name, and why a kernel did not run anywhere.
type outcomes struct {
	ran    map[string]outcome
	notRun map[string]string
}

// compareBits builds the tree's kernels from the source and compares them with
// the model at each place.
func compareBits(tree, source string, places []string) (o outcomes, err error) {
	// What Bazel keeps for this copy of the tree goes with it.
	defer func() {
		if cerr := run(tree, nil, "tools/bazel", "clean", "--expunge"); err == nil {
			err = cerr
		}
	}()
	o = outcomes{make(map[string]outcome), make(map[string]string)}
	for _, place := range places {
		out, err := os.MkdirTemp(filepath.Dir(tree), "results-")
		if err != nil {
			return o, err
		}
		fmt.Fprintf(os.Stderr, "movepin: building and comparing on %s\n", place)
		c := configs[place]
		const target = "//compare/cmd/compare"
		env := []string{"XNNPACK_SOURCE_DIR=" + source, "TEST_UNDECLARED_OUTPUTS_DIR=" + out}
		if err := run(tree, env, "tools/bazel", slices.Concat([]string{"build"}, c.options, []string{target})...); err != nil {
			return o, err
		}
		binary, err := tools.Output(tree, env, "tools/bazel", slices.Concat([]string{"cquery", "--output=files"}, c.options, []string{target})...)
		if err != nil {
			return o, err
		}
		file := filepath.Join(out, "bits.json")
		command := slices.Concat(c.runner, []string{filepath.Join(tree, strings.TrimSpace(binary)), "bits"}, plan,
			[]string{"--reference", "model", "--tested", "upstream", "--kernels", c.kernels, "--json", file})
		_, err = tools.Output(tree, env, command[0], command[1:]...)
		// Status 1 says that bits differ, which the results have.
		var exit *exec.ExitError
		if err != nil && !(errors.As(err, &exit) && exit.ExitCode() == 1) {
			return o, err
		}
		if rerr := o.read(file); rerr != nil {
			return o, errors.Join(rerr, err)
		}
	}
	return o, nil
}

// read adds the results in a file.
func (o outcomes) read(name string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	var r results
	if err := json.Unmarshal(text, &r); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for _, b := range r.Bits {
		was := o.ran[b.Kernel]
		now := outcome{bits: was.bits + b.Bits, inputs: was.inputs + b.Inputs, first: was.first}
		if now.first == "" && len(b.Differences) > 0 {
			d := b.Differences[0]
			now.first = d.Row + ": " + d.Place
			if d.Operation != "" {
				now.first += "; " + d.Operation
			}
		}
		o.ran[b.Kernel] = now
		delete(o.notRun, b.Kernel)
	}
	for _, n := range r.NotRun {
		if _, ok := o.ran[n.Kernel]; !ok {
			o.notRun[n.Kernel] = n.Why
		}
	}
	return nil
}

// report is what a move says.
type report struct {
	added, removed []string
	// preferred are removed kernels that this tree's code still names.
	preferred []string
	// wrong are kernels that can't be called, and why.
	wrong    []string
	changed  changed
	noBits   bool
	outcomes outcomes
	foreign  map[string]int
}

// write writes the report; ks are the new kernels.
func (r *report) write(w io.Writer, ks []ukernel.Kernel) {
	list := func(what string, lines []string) {
		fmt.Fprintf(w, "\n%s: %d\n", what, len(lines))
		for _, line := range lines {
			fmt.Fprintf(w, "  %s\n", line)
		}
	}
	var added, differ, unknown, same []string
	for _, name := range r.added {
		line := name
		if o, ok := r.outcomes.ran[name]; ok && o.bits == 0 {
			line += "  has a model, with the same bits"
		} else if why := r.outcomes.notRun[name]; why != "" {
			line += "  not compared: " + why
		}
		added = append(added, line)
	}
	for _, k := range ks {
		o, ran := r.outcomes.ran[k.Name]
		source := r.changed.kernels[k.Name] || len(r.changed.shared) > 0
		switch {
		case o.bits != 0:
			differ = append(differ, fmt.Sprintf("%s  %d bits on %d rows; %s", k.Name, o.bits, o.inputs, o.first))
		case !ran && source && !slices.Contains(r.added, k.Name):
			why := r.outcomes.notRun[k.Name]
			if why == "" {
				why = "for " + k.ISA.Arch()
			}
			if r.noBits {
				why = "-no-bits"
			}
			unknown = append(unknown, fmt.Sprintf("%s  %s", k.Name, why))
		case ran && r.changed.kernels[k.Name] && !slices.Contains(r.added, k.Name):
			same = append(same, k.Name)
		}
	}
	list("added", added)
	list("removed", r.removed)
	if len(r.preferred) > 0 {
		list("removed, but still preferred by this project", r.preferred)
	}
	if len(r.wrong) > 0 {
		list("can't be called by package xnnpack, and so left out", r.wrong)
	}
	list("bits changed", differ)
	list("source changed, same bits", same)
	list("source changed, not compared", unknown)
	if len(r.changed.shared) > 0 {
		fmt.Fprintf(w, "\nshared files changed, so that the source of every kernel counts as changed: %d\n", len(r.changed.shared))
	}
	fmt.Fprintln(w)
	if !r.noBits {
		fmt.Fprintf(w, "%d of %d kernels compared with the model\n", len(r.outcomes.ran), len(ks))
	}
	var foreign []string
	for isa, n := range r.foreign {
		foreign = append(foreign, fmt.Sprintf("%d %s", n, isa))
	}
	if len(foreign) > 0 {
		slices.Sort(foreign)
		fmt.Fprintf(w, "passed over, as this project has not these instruction sets: %s\n", strings.Join(foreign, ", "))
	}
}
