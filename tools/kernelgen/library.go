package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/format"
	"strings"

	"github.com/twopass-softmax/twopass/tools/kernelgen/amd64"
	"github.com/twopass-softmax/twopass/tools/kernelgen/arm64"
	"github.com/twopass-softmax/twopass/tools/kernelgen/library"
	"github.com/twopass-softmax/twopass/tools/kernelgen/riscv64"
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
`

// nearTurns is what the head says besides of kernels that [library.Describe] describes.
const nearTurns = `//
// A turn is 128 elements. If all are near N, it takes a shorter way to the same bits; else
// it may have elements above the limit, or some whose exponentials are 0.
`

// generateLibrary adds the files of package native/internal/arith.
func generateLibrary(files map[string][]byte) error {
	var amd64Go, arm64Go, riscv64Go libraryTable
	for _, l := range amd64.Levels {
		text, err := amd64.LibraryFile(l, generated+fmt.Sprintf(arithmetic, l.ISA)+nearTurns)
		if err != nil {
			return fmt.Errorf("%v: %w", l.ISA, err)
		}
		files[arith+l.File+"_amd64.s"] = text
		amd64Go.add(l.Suffix, library.Kernels())
	}
	text, err := arm64.LibraryFile(generated + fmt.Sprintf(arithmetic, "NEON") + nearTurns)
	if err != nil {
		return fmt.Errorf("arm64: %w", err)
	}
	files[arith+"neon_arm64.s"] = text
	arm64Go.add(arm64.Suffix, arm64.LibraryKernels())
	if text, err = riscv64.LibraryFile(generated + fmt.Sprintf(arithmetic, "RVV")); err != nil {
		return fmt.Errorf("riscv64: %w", err)
	}
	files[arith+"rvv_riscv64.s"] = text
	riscv64Go.add(riscv64.Suffix, riscv64.LibraryKernels())
	return errors.Join(amd64Go.file(files, "amd64", ""), arm64Go.file(files, "arm64", ""),
		riscv64Go.file(files, "riscv64", riscv64.Constraint+" && "), generatePreparations(files), generateColumns(files))
}

// arith is the package's directory.
const arith = "native/internal/arith/"

// libraryTable is a Go file that declares an architecture's kernels.
type libraryTable struct{ bytes.Buffer }

func (t *libraryTable) add(suffix string, ks []library.Kernel) {
	for _, k := range ks {
		fmt.Fprintf(t, "\n//go:noescape\nfunc %v%s%s\n", k, suffix, strings.TrimPrefix(k.Signature(), "func"))
	}
}

// file writes the file. The constraint is for builds besides purego.
func (t *libraryTable) file(files map[string][]byte, arch, constraint string) (err error) {
	head := fmt.Sprintf("%s\n//go:build %s!purego\n\npackage arith\n", generated, constraint)
	files[arith+"kernels_"+arch+".go"], err = format.Source(append([]byte(head), t.Bytes()...))
	return err
}
