package main

import (
	"bytes"
	"fmt"
	"go/format"
	"strings"
)

// declarations is a Go file that declares functions in assembly.
type declarations struct{ bytes.Buffer }

// newDeclarations begins the file of a package, with a build constraint.
func newDeclarations(pkg, constraint string) *declarations {
	var d declarations
	fmt.Fprintf(&d, "%s\n//go:build %s\n\npackage %s\n", generated, constraint, pkg)
	return &d
}

// add declares a function. The signature may begin with func.
func (d *declarations) add(name, signature string) {
	fmt.Fprintf(d, "\n//go:noescape\nfunc %s%s\n", name, strings.TrimPrefix(signature, "func"))
}

// write adds the file to files.
func (d *declarations) write(files map[string][]byte, name string) (err error) {
	files[name], err = format.Source(d.Bytes())
	return err
}
