package main

import (
	"bytes"
	"fmt"
	"go/format"
	"strings"

	"github.com/twopass-softmax/twopass/tools/kernelgen/amd64"
)

// generatePreparations adds the kernels that prepare and convert rows.
func generatePreparations(files map[string][]byte) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n//go:build !purego\n\npackage arith\n", generated)
	for _, l := range amd64.Levels {
		text, err := amd64.PrepareFile(l, generated+fmt.Sprintf("\n// What is done to rows before and after a softmax, for %s, bit for bit what half.go and grad.go do in plain Go.\n", l.ISA))
		if err != nil {
			return fmt.Errorf("%v: %w", l.ISA, err)
		}
		files[arith+"prepare_"+l.File+"_amd64.s"] = text
		for _, p := range amd64.Preparations {
			fmt.Fprintf(&b, "\n//go:noescape\nfunc %v%s%s\n", p.Name, l.Suffix, strings.TrimPrefix(p.Signature, "func"))
		}
		for _, k := range amd64.TopKernels {
			fmt.Fprintf(&b, "\n//go:noescape\nfunc %v%s%s\n", k.Name, l.Suffix, strings.TrimPrefix(k.Signature, "func"))
		}
		for _, d := range amd64.Dots {
			fmt.Fprintf(&b, "\n//go:noescape\nfunc %v%s%s\n", d.Name, l.Suffix, strings.TrimPrefix(d.Signature, "func"))
		}
	}
	b.WriteString("\n//go:noescape\nfunc touchRows(dst []uint16, rows, cols, stride int)\n")
	for _, name := range amd64.TransposeNames {
		fmt.Fprintf(&b, "\n//go:noescape\nfunc %s%s\n", name, strings.TrimPrefix(amd64.TransposeSignature, "func"))
	}
	text, err := format.Source(b.Bytes())
	files[arith+"prepkernels_amd64.go"] = text
	return err
}
