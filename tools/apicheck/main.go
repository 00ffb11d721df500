// Command apicheck holds the exported API of the packages that users import to
// the record of it in tools/apicheck/api: native, xnnpack and ukernel.
//
//	go run ./tools/apicheck            # what has changed; exit status 1 if anything has
//	go run ./tools/apicheck -update    # writes the record anew
//
// The record of a package is Go: its exported declarations without bodies and
// comments. What a change means for users is the judgement of
// golang.org/x/exp/apidiff, except for the values of constants that have a type
// of their own, such as ukernel.AVX2, and of native.Version and xnnpack.Commit:
// these are not promised.
//
// A package's API must be the same in every build: with assembly and without,
// with upstream's kernels and without, on every architecture.
package main

import (
	"errors"
	"flag"
	"fmt"
	"go/build"
	"os"
	"path/filepath"
	"strings"
)

// packages are the ones whose API is kept, by their directory.
var packages = []string{"native", "ukernel", "xnnpack"}

const module = "github.com/twopass-softmax/twopass"

// recordDir is where the records are, relative to the root.
const recordDir = "tools/apicheck/api"

func recordFile(root, pkg string) string {
	return filepath.Join(root, filepath.FromSlash(recordDir), pkg+".txt")
}

func main() {
	update := flag.Bool("update", false, "write the record anew")
	flag.Parse()
	if err := run(*update); err != nil {
		fmt.Fprintln(os.Stderr, "apicheck:", err)
		os.Exit(1)
	}
}

func run(update bool) error {
	if flag.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flag.Arg(0))
	}
	// `bazel run` starts programs in its runfiles directory and says where the user is.
	dir := os.Getenv("BUILD_WORKING_DIRECTORY")
	if dir == "" {
		var err error
		if dir, err = os.Getwd(); err != nil {
			return err
		}
	}
	root, err := findRoot(dir)
	if err != nil {
		return err
	}
	changed := false
	for _, pkg := range packages {
		now, err := describe(root, pkg)
		if err != nil {
			return err
		}
		recorded, err := os.ReadFile(recordFile(root, pkg))
		if err != nil && !(update && errors.Is(err, os.ErrNotExist)) {
			return err
		}
		if string(recorded) == now {
			continue
		}
		if len(recorded) > 0 {
			d, err := compare(root, pkg, string(recorded), now)
			if err != nil && !update {
				return err
			}
			if err == nil {
				fmt.Print(d.text(pkg))
			} else {
				// The old record may mention what another package no longer has.
				fmt.Println("no comparison:", err)
			}
		}
		changed = true
		if update {
			if err := writeFile(recordFile(root, pkg), now); err != nil {
				return err
			}
			fmt.Printf("wrote %s/%s.txt\n", recordDir, pkg)
		}
	}
	if changed && !update {
		return errors.New("the record is not up to date: run go run ./tools/apicheck -update, and see docs/releases.md if a change is incompatible")
	}
	return nil
}

// text is the difference for a person to read.
func (d difference) text(pkg string) string {
	var b strings.Builder
	put := func(what string, lines []string) {
		if len(lines) > 0 {
			fmt.Fprintf(&b, "%s: %s:\n\t%s\n", pkg, what, strings.Join(lines, "\n\t"))
		}
	}
	put("incompatible changes", d.incompatible)
	put("compatible changes", d.compatible)
	if b.Len() == 0 {
		fmt.Fprintf(&b, "%s: the record differs, but not in what it means\n", pkg)
	}
	return b.String()
}

// findRoot returns the directory at or above dir that holds go.work. Where that
// is a symbolic link, as in the runfiles of a Bazel test, it is the directory of
// the file that the link leads to: the source tree.
func findRoot(dir string) (string, error) {
	for d := dir; ; d = filepath.Dir(d) {
		work, err := filepath.EvalSymlinks(filepath.Join(d, "go.work"))
		if err == nil {
			return filepath.Dir(work), nil
		}
		if !errors.Is(err, os.ErrNotExist) {
			return "", err
		}
		if d == filepath.Dir(d) {
			return "", fmt.Errorf("no go.work at or above %s", dir)
		}
	}
}

// writeFile replaces the file as a whole.
func writeFile(name, text string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(name), ".apicheck-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // fails once it has been renamed
	_, err = tmp.WriteString(text)
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	if err := os.Chmod(tmp.Name(), 0o644); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), name)
}

// A configuration is a way to build the packages.
type configuration struct {
	arch string
	cgo  bool
	tags []string
}

func (c configuration) String() string {
	s := "GOARCH=" + c.arch
	if c.cgo {
		s += ", cgo"
	}
	if len(c.tags) > 0 {
		s += ", -tags " + strings.Join(c.tags, ",")
	}
	return s
}

// configurations are those that choose different files. riscv64 stands for the
// architectures without assembly.
var configurations = []configuration{
	{arch: "amd64"},
	{arch: "amd64", cgo: true, tags: []string{"xnnpack"}},
	{arch: "amd64", tags: []string{"purego"}},
	{arch: "arm64"},
	{arch: "arm64", cgo: true, tags: []string{"xnnpack"}},
	{arch: "riscv64"},
}

func (c configuration) context() *build.Context {
	ctx := build.Default
	ctx.GOOS, ctx.GOARCH, ctx.CgoEnabled, ctx.BuildTags = "linux", c.arch, c.cgo, c.tags
	return &ctx
}

// describe is the API of a package as Go source. It is an error if that depends
// on how the package is built.
func describe(root, pkg string) (string, error) {
	var first string
	for i, c := range configurations {
		text, err := newLoader(root, c.context()).describe(pkg)
		if err != nil {
			return "", fmt.Errorf("%s, built for %v: %w", pkg, c, err)
		}
		if i == 0 {
			first = text
			continue
		}
		if text != first {
			d, err := compare(root, pkg, first, text)
			if err != nil {
				return "", err
			}
			return "", fmt.Errorf("%s has another API for %v than for %v:\n%s", pkg, c, configurations[0], d.text(pkg))
		}
	}
	return first, nil
}
