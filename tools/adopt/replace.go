package main

import (
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// replace makes room for a Go file at to: functions and methods that it declares go from the other
// files of its directory, and imports that nothing uses any more. It returns the lines of code that
// went.
func replace(to string, text []byte) (removed int, err error) {
	new, err := parser.ParseFile(token.NewFileSet(), to, text, 0)
	if err != nil {
		return 0, err
	}
	names := make(map[string]bool)
	for _, d := range new.Decls {
		if f, ok := d.(*ast.FuncDecl); ok {
			names[nameOf(f)] = true
		}
	}
	others, err := filepath.Glob(filepath.Join(filepath.Dir(to), "*.go"))
	if err != nil {
		return 0, err
	}
	for _, other := range others {
		if strings.HasSuffix(other, "_test.go") || other == to {
			continue
		}
		old, err := os.ReadFile(other)
		if err != nil {
			return 0, err
		}
		short, err := without(old, names)
		if err != nil {
			return 0, err
		}
		if short == nil {
			continue
		}
		removed += codeLines(old) - codeLines(short)
		if err := os.WriteFile(other, short, 0o644); err != nil {
			return 0, err
		}
	}
	return removed, nil
}

// without is a file without those functions and without the imports that nothing uses then, nil if
// it has none of them.
func without(text []byte, names map[string]bool) ([]byte, error) {
	short, err := cut(text, func(f *ast.File) (gone []span) {
		for _, d := range f.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && names[nameOf(d)] {
				from := d.Pos()
				if d.Doc != nil {
					from = d.Doc.Pos()
				}
				gone = append(gone, span{from, d.End()})
			}
		}
		return gone
	})
	if err != nil || len(short) == len(text) {
		return nil, err
	}
	short, err = cut(short, func(f *ast.File) (gone []span) {
		for _, s := range f.Imports {
			if !used(f, s) {
				gone = append(gone, span{s.Pos(), s.End()})
			}
		}
		return gone
	})
	if err != nil {
		return nil, err
	}
	return format.Source(short)
}

type span struct{ from, to token.Pos }

// cut is a file without what choose returns, in order.
func cut(text []byte, choose func(f *ast.File) []span) ([]byte, error) {
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, "", text, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	var rest []byte
	at := 0
	for _, s := range choose(f) {
		rest = append(rest, text[at:set.Position(s.from).Offset]...)
		at = set.Position(s.to).Offset
	}
	return append(rest, text[at:]...), nil
}

// nameOf is a function's name, with its receiver's if it has one.
func nameOf(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return f.Name.Name
	}
	t := f.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.Ident:
			return x.Name + "." + f.Name.Name
		default:
			return f.Name.Name
		}
	}
}

// used reports whether a file uses an import.
func used(f *ast.File, s *ast.ImportSpec) bool {
	p, err := strconv.Unquote(s.Path.Value)
	if err != nil {
		return true
	}
	elements := strings.Split(p, "/")
	name := path.Base(p)
	if len(elements) > 2 && strings.HasPrefix(name, "v") && strings.Trim(name[1:], "0123456789") == "" {
		name = elements[len(elements)-2]
	}
	if s.Name != nil {
		name = s.Name.Name
	}
	found := name == "_" || name == "."
	ast.Inspect(f, func(n ast.Node) bool {
		if x, ok := n.(*ast.SelectorExpr); ok {
			id, ok := x.X.(*ast.Ident)
			found = found || ok && id.Name == name
		}
		return !found
	})
	return found
}

// codeLines counts lines that are neither empty nor comments.
func codeLines(text []byte) int {
	lines := slices.Collect(strings.Lines(string(text)))
	return len(slices.DeleteFunc(lines, func(l string) bool {
		l = strings.TrimSpace(l)
		return l == "" || strings.HasPrefix(l, "//")
	}))
}
