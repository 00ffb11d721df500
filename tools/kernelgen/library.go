package main

import (
	"errors"
	"fmt"

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

// arith is the package's directory.
const arith = "native/internal/arith/"

// generateLibrary adds the files of package native/internal/arith.
func generateLibrary(files map[string][]byte) error {
	if err := generateAMD64(files); err != nil {
		return err
	}
	text, err := arm64.LibraryFile(generated + fmt.Sprintf(arithmetic, "NEON") + nearTurns)
	if err != nil {
		return fmt.Errorf("arm64: %w", err)
	}
	files[arith+"neon_arm64.s"] = text
	if text, err = riscv64.LibraryFile(generated + fmt.Sprintf(arithmetic, "RVV")); err != nil {
		return fmt.Errorf("riscv64: %w", err)
	}
	files[arith+"rvv_riscv64.s"] = text
	declare := func(arch, constraint, suffix string, kernels []library.Kernel) error {
		d := newDeclarations("arith", constraint)
		for _, k := range kernels {
			d.add(k.String()+suffix, k.Signature())
		}
		return d.write(files, arith+"kernels_"+arch+".go")
	}
	return errors.Join(declare("arm64", "!purego", arm64.Suffix, arm64.LibraryKernels()),
		declare("riscv64", riscv64.Constraint+" && !purego", riscv64.Suffix, riscv64.LibraryKernels()))
}

// generateAMD64 adds those for amd64: the kernels of rows, those that prepare and convert rows, and
// those that do columns side by side.
func generateAMD64(files map[string][]byte) error {
	rows, preparations, columns := newDeclarations("arith", "!purego"), newDeclarations("arith", "!purego"), newDeclarations("arith", "!purego")
	for _, l := range amd64.Levels {
		for _, f := range []struct {
			prefix, header string
			file           func(l amd64.Level, header string) ([]byte, error)
		}{
			{"", fmt.Sprintf(arithmetic, l.ISA) + nearTurns, amd64.LibraryFile},
			{"prepare_", fmt.Sprintf("\n// What is done to rows before and after a softmax, for %s, bit for bit what half.go and grad.go do in plain Go.\n", l.ISA), amd64.PrepareFile},
			{"columns_", fmt.Sprintf("\n// Columns side by side, for %s: the bits of the library's other kernels.\n", l.ISA), amd64.ColumnsFile},
		} {
			text, err := f.file(l, generated+f.header)
			if err != nil {
				return fmt.Errorf("%v: %w", l.ISA, err)
			}
			files[arith+f.prefix+l.File+"_amd64.s"] = text
		}
		for _, k := range library.Kernels() {
			for _, p := range amd64.Parts(k, l.ISA) {
				rows.add(p.Name+l.Suffix, k.Signature())
			}
		}
		for _, p := range amd64.Preparations {
			preparations.add(p.Name+l.Suffix, p.Signature)
		}
		for _, k := range amd64.TopKernels {
			preparations.add(k.Name+l.Suffix, k.Signature)
		}
		for _, d := range amd64.Dots {
			preparations.add(d.Name+l.Suffix, d.Signature)
		}
		for _, k := range amd64.ColumnKernels {
			columns.add(k.Name+l.Suffix, k.Signature)
		}
	}
	preparations.add("touchRows", "(dst []uint16, rows, cols, stride int)")
	for _, name := range amd64.TransposeNames {
		preparations.add(name, amd64.TransposeSignature)
	}
	return errors.Join(rows.write(files, arith+"kernels_amd64.go"), preparations.write(files, arith+"prepkernels_amd64.go"),
		columns.write(files, arith+"columnkernels_amd64.go"))
}
