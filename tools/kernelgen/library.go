package main

import (
	"bytes"
	"fmt"
	"go/format"
	"strings"

	"github.com/twopass-softmax/twopass/tools/kernelgen/amd64"
	"github.com/twopass-softmax/twopass/tools/kernelgen/library"
)

// arithmetic is the head of the library's assembly.
const arithmetic = `
// The library's arithmetic for %s. The package's documentation defines it; in short:
//
//	u = x*(log2(e)*scale) + magic     rounds to an eighth, n = u - magic
//	f = x*(log2(e)*scale) - n         its factor in two floats
//	e = 2^(n-N) * (1 + f*(exp1 + f*(exp2 + f*exp3)))
//
// is exp(x*scale) * 2^-N, but for a factor that all share. Four rows of 16 lanes are
// added up as a tree, and that to each lane's sum, with what the sum lacks in a second
// one. A softmax is e times the reciprocal of the lanes' total, which is two floats.
//
// A turn is 128 elements. If all are near N, it takes a shorter way to the same bits; else
// it may have elements above the limit, or some whose exponentials are 0.
`

// generateLibrary adds the files of package native/internal/arith.
func generateLibrary(files map[string][]byte) error {
	const dir = "native/internal/arith/"
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n//go:build !purego\n\npackage arith\n", generated)
	for _, l := range amd64.Levels {
		text, err := amd64.LibraryFile(l, generated+fmt.Sprintf(arithmetic, l.ISA))
		if err != nil {
			return fmt.Errorf("%v: %w", l.ISA, err)
		}
		files[dir+l.File+"_amd64.s"] = text
		for _, k := range library.Kernels() {
			fmt.Fprintf(&b, "\n//go:noescape\nfunc %v%s%s\n", k, l.Suffix, strings.TrimPrefix(k.Signature(), "func"))
		}
	}
	text, err := format.Source(b.Bytes())
	files[dir+"kernels_amd64.go"] = text
	return err
}
