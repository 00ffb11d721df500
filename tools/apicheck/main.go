// Command apicheck holds the exported API of the packages that users import,
// native, native/f64, xnnpack and ukernel, to the record of it in tools/apicheck/api.
//
//	go run ./tools/apicheck            # exit status 1 if it is another
//	go run ./tools/apicheck -update    # writes the record anew
//
// The record of a package is what `go doc -all` shows of it without comments. It
// must be the same in every build: with assembly and without, with upstream's
// kernels and without, on every architecture.
package main

import (
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/build"
	"go/doc"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/twopass-softmax/twopass/internal/atomicfile"
	"github.com/twopass-softmax/twopass/tools"
)

// packages are the ones whose API is kept, by their directory.
var packages = []string{"native", "native/f64", "ukernel", "xnnpack"}

func recordFile(root, pkg string) string {
	return filepath.Join(root, "tools", "apicheck", "api", pkg+".txt")
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
	root, err := tools.Root()
	if err != nil {
		return err
	}
	for _, pkg := range packages {
		now, err := describe(root, pkg)
		if err != nil {
			return err
		}
		if update {
			err = atomicfile.Write(recordFile(root, pkg), []byte(now))
		} else {
			err = check(root, pkg, now)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// check returns an error if the API of a package is not the recorded one.
func check(root, pkg, now string) error {
	recorded, err := os.ReadFile(recordFile(root, pkg))
	if err != nil {
		return err
	}
	if d := difference(string(recorded), now); d != "" {
		return fmt.Errorf("the API of %s is not the recorded one; see docs/releases.md and run go run ./tools/apicheck -update:\n%s", pkg, d)
	}
	return nil
}

// difference is the lines that only one of two texts has, or that stand elsewhere.
func difference(before, after string) string {
	if before == after {
		return ""
	}
	var b strings.Builder
	put := func(mark string, of, in string) {
		lines := strings.Split(in, "\n")
		for line := range strings.SplitSeq(of, "\n") {
			if !slices.Contains(lines, line) {
				b.WriteString(mark + line + "\n")
			}
		}
	}
	put("-", before, after)
	put("+", after, before)
	if b.Len() == 0 {
		return "its lines stand in another order\n"
	}
	return b.String()
}

// A configuration is a way to build the packages.
type configuration struct {
	arch string
	cgo  bool
	tags string
}

func (c configuration) String() string {
	return fmt.Sprintf("GOARCH=%s, cgo: %v, -tags %q", c.arch, c.cgo, c.tags)
}

// configurations are those that choose different files. s390x stands for the
// architectures without assembly.
var configurations = []configuration{
	{arch: "amd64"},
	{arch: "amd64", cgo: true, tags: "xnnpack"},
	{arch: "amd64", tags: "purego"},
	{arch: "arm64"},
	{arch: "arm64", cgo: true, tags: "xnnpack"},
	{arch: "riscv64"},
	{arch: "s390x"},
}

// describe is the API of a package. It is an error if that depends on how the
// package is built.
func describe(root, pkg string) (string, error) {
	var first string
	for i, c := range configurations {
		ctx := build.Default
		ctx.GOOS, ctx.GOARCH, ctx.CgoEnabled, ctx.BuildTags = "linux", c.arch, c.cgo, strings.Fields(c.tags)
		text, err := declarations(&ctx, filepath.Join(root, pkg))
		if err != nil {
			return "", fmt.Errorf("%s, built for %v: %w", pkg, c, err)
		}
		if i == 0 {
			first = text
		} else if d := difference(first, text); d != "" {
			return "", fmt.Errorf("%s has another API for %v than for %v:\n%s", pkg, c, configurations[0], d)
		}
	}
	return first, nil
}

// declarations are the exported ones of the package in dir, without bodies and
// comments.
func declarations(ctx *build.Context, dir string) (string, error) {
	found, err := ctx.ImportDir(dir, 0)
	if err != nil {
		return "", err
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range slices.Sorted(slices.Values(slices.Concat(found.GoFiles, found.CgoFiles))) {
		f, err := parser.ParseFile(fset, filepath.Join(dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return "", err
		}
		files = append(files, f)
	}
	p, err := doc.NewFromFiles(fset, files, found.Name)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "package %s\n", p.Name)
	put := func(decl ast.Node) {
		b.WriteString("\n")
		err = errors.Join(err, format.Node(&b, fset, decl))
		b.WriteString("\n")
	}
	values := func(all []*doc.Value) {
		for _, v := range all {
			put(v.Decl)
		}
	}
	functions := func(all []*doc.Func) {
		for _, f := range all {
			put(f.Decl)
		}
	}
	values(p.Consts)
	values(p.Vars)
	functions(p.Funcs)
	for _, t := range p.Types {
		put(t.Decl)
		values(t.Consts)
		values(t.Vars)
		functions(t.Funcs)
		functions(t.Methods)
	}
	return b.String(), err
}
