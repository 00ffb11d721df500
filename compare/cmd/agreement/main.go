// Command agreement sums up in one table on which CPUs native and upstream
// agree, from the results that //compare/agreement:agreement_test leaves there:
//
//	agreement FILE|FOLDER...
//
// A folder is searched for agreement-*.json, and for the outputs.zip files in
// which Bazel may have packed them. Each line is an ISA on a CPU, real or
// emulated, with a compiler of upstream. Below it stands which of upstream's
// kernels were compared nowhere, and how to.
//
// The exit status is 1 if any bit differs, and 2 if there is nothing to read.
package main

import (
	"archive/zip"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/twopass-softmax/twopass/compare/results"
	"github.com/twopass-softmax/twopass/ukernel"
)

func main() {
	flag.Usage = func() { fmt.Fprintln(flag.CommandLine.Output(), "usage: agreement FILE|FOLDER...") }
	flag.Parse()
	results, err := read(flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "agreement:", err)
		os.Exit(2)
	}
	if table(os.Stdout, results) {
		os.Exit(1)
	}
}

// read reads all results in files and folders.
func read(names []string) ([]*results.Results, error) {
	var all []*results.Results
	add := func(name string) error {
		r, err := results.Read(name)
		if err == nil {
			all = append(all, r)
		}
		return err
	}
	isResult := func(name string) bool {
		ok, _ := filepath.Match("agreement-*.json", filepath.Base(name))
		return ok
	}
	for _, name := range names {
		root, err := filepath.EvalSymlinks(name) // bazel-testlogs is a link
		if err != nil {
			return nil, err
		}
		err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil || d.IsDir():
				return err
			case path == root && filepath.Ext(path) == ".json" || isResult(path):
				return add(path)
			case filepath.Base(path) == "outputs.zip":
				return readZip(path, isResult, add)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no agreement-*.json in %q: run tools/bazel test //compare/agreement:agreement_test first", names)
	}
	return all, nil
}

// readZip reads the results in an archive by way of a temporary folder.
func readZip(name string, isResult func(string) bool, add func(string) error) error {
	archive, err := zip.OpenReader(name)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer archive.Close()
	dir, err := os.MkdirTemp("", "agreement")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, f := range archive.File {
		if !isResult(f.Name) {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return err
		}
		b, err := io.ReadAll(r)
		if err = errors.Join(err, r.Close()); err != nil {
			return fmt.Errorf("%s: %s: %w", name, f.Name, err)
		}
		path := filepath.Join(dir, filepath.Base(f.Name))
		if err := os.WriteFile(path, b, 0o600); err != nil {
			return err
		}
		if err := add(path); err != nil {
			return err
		}
	}
	return nil
}

// row identifies a line of the table.
type row struct {
	isa      ukernel.ISA
	cpu      string
	compiler string
}

// sum is what a line sums up.
type sum struct {
	kernels      map[string]bool
	inputs, bits int64
}

// table prints the table and reports whether any bit differs.
func table(w io.Writer, results []*results.Results) (differ bool) {
	sums := make(map[row]*sum)
	everywhere := make(map[string]bool)
	for _, r := range results {
		cpu := "real: " + r.Machine.CPU
		if r.Machine.Emulator != "" {
			cpu = "emulated: " + r.Machine.Emulator
		}
		for _, a := range r.Bits {
			differ = differ || a.Bits != 0
			k, err := ukernel.Parse(a.Kernel)
			if err != nil {
				continue // an algorithm: its kernels stand in the table
			}
			key := row{k.ISA, cpu, r.Build.Compiler}
			s := sums[key]
			if s == nil {
				s = &sum{kernels: make(map[string]bool)}
				sums[key] = s
			}
			s.kernels[a.Kernel] = true
			s.inputs += a.Inputs
			s.bits += a.Bits
			everywhere[a.Kernel] = true
		}
	}
	keys := make([]row, 0, len(sums))
	for k := range sums {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b row) int {
		return strings.Compare(fmt.Sprintf("%02d %s %s", a.isa, a.compiler, a.cpu), fmt.Sprintf("%02d %s %s", b.isa, b.compiler, b.cpu))
	})
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(tw, "ISA\tkernels\tinputs\tdiffering bits\tCPU\tupstream built by")
	for _, k := range keys {
		s := sums[k]
		fmt.Fprintf(tw, "%v\t%d\t%d\t%d\t%s\t%s\n", k.isa, len(s.kernels), s.inputs, s.bits, k.cpu, k.compiler)
	}
	tw.Flush()

	missing := make(map[ukernel.ISA]int)
	all := ukernel.Upstream()
	compared := len(all)
	for _, k := range all {
		if !everywhere[k.Name] {
			missing[k.ISA]++
			compared--
		}
	}
	fmt.Fprintf(w, "%d of upstream's %d kernels were compared\n", compared, len(all))
	for _, isa := range ukernel.ISAs() {
		if missing[isa] == 0 {
			continue
		}
		if isa == ukernel.AVX512FP16 {
			fmt.Fprintf(w, "not covered: %d of %v; Go's assembler can't write them, and no emulator runs them\n", missing[isa], isa)
			continue
		}
		config := ""
		switch {
		case isa.Arch() == "arm64":
			config = "--config=arm64 "
		case isa.Lanes() == 16 || isa == ukernel.AVX256SKX:
			config = "--config=avx512 "
		}
		fmt.Fprintf(w, "not compared: %d of %v; tools/bazel test %s//compare/agreement:agreement_test does so\n", missing[isa], isa, config)
	}
	return differ
}
