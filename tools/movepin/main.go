// Movepin moves the pin: it makes this tree use another commit of XNNPACK, and
// says what that changes.
//
//	go run ./tools/movepin [FLAGS] COMMIT
//
// COMMIT is the full hash. The source is GitHub's archive of that commit, else
// Debian's source package if it is of that commit, else an error. It then lists
// the kernels that were added, those that were removed, and those whose bits
// changed, and writes what follows from the source alone: the pin itself, the
// manifest of files, the list of kernels, and package xnnpack's tables. See
// docs/moving-the-pin.md for what is left to do.
//
// Bits are compared with ukernel/model, which has those of the commit that the
// tree is at. Bazel builds the new kernels for that, in a copy of the tree, with
// the flags that every build has.
//
// Nothing is written before everything has succeeded. The flags are
//
//	-source PATH   take the source from this directory or archive
//	-dry-run       write nothing, only say what would change
//	-no-bits       do not build and compare; takes a few seconds
//	-export DIR    write no file of this tree: copy the tree's kernels as the commit has
//	               them to DIR, for --config=upstream_head
//	-on WHERE      compare on these, with commas: host, arm64 (emulated by qemu),
//	               bochs (AVX-512, emulated); default host
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/twopass-softmax/twopass/internal/atomicfile"
	"github.com/twopass-softmax/twopass/tools"
	"github.com/twopass-softmax/twopass/ukernel"
)

type options struct {
	commit string
	source string
	dryRun bool
	noBits bool
	export string
	on     []string
}

func main() {
	o, err := parse(os.Args[1:])
	if err == nil {
		var root string
		if root, err = tools.Root(); err == nil {
			if o.export != "" {
				err = export(root, o.export, o, os.Stdout)
			} else {
				err = move(root, o, os.Stdout)
			}
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "movepin:", err)
		os.Exit(1)
	}
}

var fullHash = regexp.MustCompile(`^[0-9a-f]{40}$`)

func parse(args []string) (o options, err error) {
	f := flag.NewFlagSet("movepin", flag.ContinueOnError)
	f.StringVar(&o.source, "source", "", "take the source from this directory or archive (`PATH`)")
	f.BoolVar(&o.dryRun, "dry-run", false, "write nothing, only say what would change")
	f.BoolVar(&o.noBits, "no-bits", false, "do not build and compare")
	f.StringVar(&o.export, "export", "", "copy the tree's kernels as the commit has them to `DIR`, and do nothing else")
	on := f.String("on", "host", "compare on these, with commas: `WHERE` is host, arm64 or bochs")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() != 1 {
		return o, fmt.Errorf("%d arguments after the flags, want one, the commit", f.NArg())
	}
	o.commit = f.Arg(0)
	if !fullHash.MatchString(o.commit) {
		return o, fmt.Errorf("commit %q is not 40 hexadecimal digits", o.commit)
	}
	o.on = strings.Split(*on, ",")
	for _, where := range o.on {
		if configs[where] == nil {
			return o, fmt.Errorf("-on %q: %q is not host, arm64 or bochs", *on, where)
		}
	}
	if o.source != "" {
		// The working directory is another one later.
		if o.source, err = filepath.Abs(o.source); err != nil {
			return o, err
		}
	}
	return o, nil
}

// written are the files that a move changes.
var written = []string{
	"third_party/xnnpack/SHA256SUMS",
	"third_party/xnnpack/pin.bzl",
	"ukernel/upstream.txt",
	"xnnpack/build.go",
	"xnnpack/kernels.h",
	"xnnpack/table_amd64.go",
	"xnnpack/table_arm64.go",
}

// move does all of it.
func move(root string, o options, out io.Writer) error {
	tmp, err := os.MkdirTemp("", "movepin-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	now, src, found, err := look(root, tmp, o)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "from %s\nto   %s, %s\n", now.commit, o.commit, src.text)
	r := report{foreign: found.foreign, wrong: found.wrong}
	old := ukernel.Upstream()
	r.added, r.removed = without(found.kernels, old), without(old, found.kernels)
	r.removed = slices.DeleteFunc(r.removed, func(name string) bool { // that are there, but as they can't be called
		return slices.ContainsFunc(found.wrong, func(line string) bool { return strings.HasPrefix(line, name+" ") })
	})
	if r.preferred, err = stillPreferred(root, r.removed); err != nil {
		return err
	}

	// Everything is made in a copy of the tree first.
	tree := filepath.Join(tmp, "tree")
	if err := copyTree(tree, root); err != nil {
		return err
	}
	if err := change(tree, src, o.commit, found.kernels); err != nil {
		return err
	}
	if r.changed, err = changedSources(root, tree, found.kernels); err != nil {
		return err
	}
	if err := checkClosed(tree, src.dir); err != nil {
		return err
	}
	if o.noBits {
		r.noBits = true
	} else if r.outcomes, err = compareBits(tree, src.dir, o.on); err != nil {
		return err
	}
	r.write(out, found.kernels)
	if len(r.wrong) > 0 && !o.dryRun {
		return errors.New("nothing was written: package xnnpack can't call some kernels, which are listed; see docs/moving-the-pin.md")
	}

	files := make(map[string][]byte)
	for _, name := range written {
		text, err := os.ReadFile(filepath.Join(tree, name))
		if err != nil {
			return err
		}
		before, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return err
		}
		if string(text) != string(before) {
			files[filepath.Join(root, name)] = text
		}
	}
	verb := "wrote"
	if o.dryRun {
		verb = "would write"
	} else if err := replace(files); err != nil {
		return err
	}
	for _, name := range written {
		if files[filepath.Join(root, name)] != nil {
			fmt.Fprintf(out, "%s %s\n", verb, name)
		}
	}
	if len(files) == 0 {
		fmt.Fprintln(out, "nothing to write: the tree is at this commit")
	}
	return nil
}

// without lists the names of kernels that are not among others.
func without(ks, others []ukernel.Kernel) (names []string) {
	for _, k := range ks {
		if !slices.ContainsFunc(others, func(o ukernel.Kernel) bool { return o.Name == k.Name }) {
			names = append(names, k.Name)
		}
	}
	return names
}

// stillPreferred lists the removed kernels that package xnnpack names as a choice, with the file.
func stillPreferred(root string, removed []string) (lines []string, err error) {
	const name = "xnnpack/xnnpack.go"
	text, err := os.ReadFile(filepath.Join(root, name))
	for _, k := range removed {
		if strings.Contains(string(text), `"`+k+`"`) {
			lines = append(lines, k+"  in "+name)
		}
	}
	return lines, err
}

// replace writes all of the files or none.
func replace(files map[string][]byte) error {
	before := make(map[string][]byte)
	for name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		before[name] = text
	}
	var done []string
	for name, text := range files {
		if err := atomicfile.Write(name, text); err != nil {
			for _, name := range done {
				if back := atomicfile.Write(name, before[name]); back != nil {
					err = fmt.Errorf("%w; and %s could not be put back: %v", err, name, back)
				}
			}
			return err
		}
		done = append(done, name)
	}
	return nil
}
