package main

import (
	"bytes"
	"fmt"
	"go/format"
	"strings"

	"github.com/twopass-softmax/twopass/tools/kernelgen/amd64"
)

// generateColumns adds the kernels that do columns side by side.
func generateColumns(files map[string][]byte) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n//go:build !purego\n\npackage arith\n", generated)
	for _, l := range amd64.Levels {
		text, err := amd64.ColumnsFile(l, generated+fmt.Sprintf("\n// Columns side by side, for %s: the bits of the library's other kernels.\n", l.ISA))
		if err != nil {
			return fmt.Errorf("%v: %w", l.ISA, err)
		}
		files[arith+"columns_"+l.File+"_amd64.s"] = text
		for _, k := range amd64.ColumnKernels {
			fmt.Fprintf(&b, "\n//go:noescape\nfunc %s%s%s\n", k.Name, l.Suffix, strings.TrimPrefix(k.Signature, "func"))
		}
	}
	text, err := format.Source(b.Bytes())
	files[arith+"columnkernels_amd64.go"] = text
	return err
}
