package main

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/format"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"golang.org/x/exp/apidiff"
)

// outside imports packages that are not this module's, from source and once for
// all configurations: what the API has of them is the same everywhere.
var outside = sync.OnceValues(func() (types.ImporterFrom, error) {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("go env GOROOT: %w", err)
	}
	build.Default.GOROOT = strings.TrimSpace(string(out)) // a program that Bazel built does not know it
	build.Default.CgoEnabled = false                      // else the importer would run cgo
	return importer.ForCompiler(token.NewFileSet(), "source", nil).(types.ImporterFrom), nil
})

// A loader reads this module's packages as one configuration has them. Bodies
// of functions are left alone, and so is C: no compiler is needed.
type loader struct {
	root string
	ctx  *build.Context
	fset *token.FileSet
	done map[string]*types.Package
}

func newLoader(root string, ctx *build.Context) *loader {
	return &loader{root, ctx, token.NewFileSet(), make(map[string]*types.Package)}
}

// Import implements [types.Importer].
func (l *loader) Import(path string) (*types.Package, error) {
	dir, ok := strings.CutPrefix(path, module+"/")
	if !ok {
		others, err := outside()
		if err != nil {
			return nil, err
		}
		build.Default.Dir = l.root // where the importer asks the go command for modules
		return others.ImportFrom(path, l.root, 0)
	}
	return l.load(dir)
}

// load reads the package in a directory of the module.
func (l *loader) load(dir string) (*types.Package, error) {
	if p := l.done[dir]; p != nil {
		return p, nil
	}
	in := filepath.Join(l.root, filepath.FromSlash(dir))
	found, err := l.ctx.ImportDir(in, 0)
	if err != nil {
		return nil, err
	}
	var files []*ast.File
	for _, name := range slices.Concat(found.GoFiles, found.CgoFiles) {
		f, err := parser.ParseFile(l.fset, filepath.Join(in, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	config := types.Config{
		Importer: l, IgnoreFuncBodies: true, FakeImportC: true,
		Sizes: types.SizesFor("gc", l.ctx.GOARCH),
	}
	p, err := config.Check(module+"/"+dir, l.fset, files, nil)
	if err != nil {
		return nil, err
	}
	l.done[dir] = p
	return p, nil
}

func (l *loader) describe(dir string) (string, error) {
	p, err := l.load(dir)
	if err != nil {
		return "", err
	}
	return source(p)
}

// writer writes declarations.
type writer struct {
	strings.Builder
	pkg     *types.Package
	imports map[string]bool
	err     error
}

// source is the exported API of p as Go source that can be type-checked.
func source(p *types.Package) (string, error) {
	w := &writer{pkg: p, imports: make(map[string]bool)}
	for _, kind := range []func(types.Object){w.constant, w.variable, w.function, w.typeName} {
		for _, name := range p.Scope().Names() {
			if o := p.Scope().Lookup(name); o.Exported() {
				kind(o)
			}
		}
	}
	if w.err != nil {
		return "", w.err
	}
	var head strings.Builder
	fmt.Fprintf(&head, "package %s\n\n", p.Name())
	paths := make([]string, 0, len(w.imports))
	for path := range w.imports {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	for _, path := range paths {
		fmt.Fprintf(&head, "import %q\n", path)
	}
	text, err := format.Source([]byte(head.String() + "\n" + w.String()))
	return string(text), err
}

// qualify names a package that a declaration mentions.
func (w *writer) qualify(p *types.Package) string {
	if p == w.pkg {
		return ""
	}
	w.imports[p.Path()] = true
	return p.Name()
}

// name is a type as declarations of the package write it.
func (w *writer) name(t types.Type) string {
	return types.TypeString(t, w.qualify)
}

func (w *writer) constant(o types.Object) {
	if c, ok := o.(*types.Const); ok {
		typ := ""
		if b, ok := c.Type().(*types.Basic); !ok || b.Info()&types.IsUntyped == 0 {
			typ = w.name(c.Type())
		}
		fmt.Fprintf(w, "const %s %s = %s\n", c.Name(), typ, c.Val().ExactString())
	}
}

func (w *writer) variable(o types.Object) {
	if v, ok := o.(*types.Var); ok {
		fmt.Fprintf(w, "var %s %s\n", v.Name(), w.name(v.Type()))
	}
}

func (w *writer) function(o types.Object) {
	if f, ok := o.(*types.Func); ok {
		fmt.Fprintf(w, "%s%s\n", types.ObjectString(f, w.qualify), body(f.Signature()))
	}
}

// body is what a function needs to be type-checked.
func body(sig *types.Signature) string {
	if sig.TypeParams().Len()+sig.RecvTypeParams().Len() > 0 {
		return " {}"
	}
	return ""
}

// typeName writes a type, its exported fields and its methods.
func (w *writer) typeName(o types.Object) {
	t, ok := o.(*types.TypeName)
	if !ok {
		return
	}
	if t.IsAlias() {
		fmt.Fprintf(w, "\ntype %s = %s\n", t.Name(), w.name(types.Unalias(t.Type())))
		return
	}
	named := t.Type().(*types.Named)
	declaration := types.ObjectString(t, w.qualify)
	if s, ok := named.Underlying().(*types.Struct); !ok {
		fmt.Fprintf(w, "\n%s\n", declaration)
	} else {
		head, _, _ := strings.Cut(declaration, " struct{")
		fmt.Fprintf(w, "\n%s struct {\n", head)
		var hidden []types.Type
		for i := range s.NumFields() {
			f := s.Field(i)
			switch {
			case !f.Exported() && f.Embedded():
				w.err = fmt.Errorf("%s embeds the unexported %s, whose exported fields and methods the record does not know", t.Name(), f.Name())
			case !f.Exported():
				hidden = append(hidden, f.Type())
			case f.Embedded():
				fmt.Fprintf(w, "\t%s %s\n", w.name(f.Type()), tag(s.Tag(i)))
			default:
				fmt.Fprintf(w, "\t%s %s %s\n", f.Name(), w.name(f.Type()), tag(s.Tag(i)))
			}
		}
		// Whether there are unexported fields, and whether they can be compared, is
		// seen by users.
		if len(hidden) > 0 && !slices.ContainsFunc(hidden, func(t types.Type) bool { return !types.Comparable(t) }) {
			w.WriteString("\t_ struct{} // unexported, comparable\n")
		} else if len(hidden) > 0 {
			w.WriteString("\t_ [0]func() // unexported, not comparable\n")
		}
		w.WriteString("}\n")
	}
	methods := slices.SortedFunc(named.Methods(), func(a, b *types.Func) int { return strings.Compare(a.Name(), b.Name()) })
	for _, m := range methods {
		if m.Exported() {
			sig := m.Signature()
			w.WriteString("func (" + w.name(sig.Recv().Type()) + ") " + m.Name())
			w.WriteString(strings.TrimPrefix(types.TypeString(sig, w.qualify), "func") + body(sig) + "\n")
		}
	}
}

func tag(s string) string {
	if s == "" {
		return ""
	}
	return fmt.Sprintf("%q", s)
}

// difference is what changed from one API to another.
type difference struct{ incompatible, compatible []string }

// valueChanged matches what apidiff says of a constant's value.
var valueChanged = regexp.MustCompile(`^(\w+): value changed from `)

// compare tells what the change from one API of a package to another means.
func compare(root, pkg, from, to string) (d difference, err error) {
	before, err := check(root, pkg, from)
	if err != nil {
		return d, fmt.Errorf("the record of %s: %w", pkg, err)
	}
	after, err := check(root, pkg, to)
	if err != nil {
		return d, fmt.Errorf("the present %s: %w", pkg, err)
	}
	for _, c := range apidiff.Changes(before, after).Changes {
		if m := valueChanged.FindStringSubmatch(c.Message); m != nil && !promised(pkg, before, m[1]) {
			c.Compatible = true
		}
		if c.Compatible {
			d.compatible = append(d.compatible, c.Message)
		} else {
			d.incompatible = append(d.incompatible, c.Message)
		}
	}
	return d, nil
}

// promised reports whether a constant keeps its value: not those of a type of
// their own, whose order is free, nor those that say what a release contains.
func promised(pkg string, p *types.Package, name string) bool {
	_, basic := p.Scope().Lookup(name).Type().(*types.Basic)
	return basic && pkg+"."+name != "native.Version" && pkg+"."+name != "xnnpack.Commit"
}

// check type-checks the source of an API.
func check(root, pkg, text string) (*types.Package, error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, pkg+".txt", text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	config := types.Config{Importer: newLoader(root, configurations[0].context()), IgnoreFuncBodies: true}
	return config.Check(module+"/"+pkg, fset, []*ast.File{f}, nil)
}
