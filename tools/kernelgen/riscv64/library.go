package riscv64

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/mmcloughlin/avo/gotypes"
	"github.com/twopass-softmax/twopass/tools/kernelgen/library"
)

// Suffix is that of the names of the library's kernels, the same for all architectures that have one level.
const Suffix = "Vector"

// Constraint is what a build must have besides: an assembler that knows vectors.
const Constraint = "go1.25"

// LibraryKernels lists the library's kernels: there are no stores around the caches, sums of
// rows are made by the kernel for one, and masks are applied before a kernel.
func LibraryKernels() []library.Kernel {
	return []library.Kernel{library.SoftmaxRows, library.Sum, library.SumStore, library.Scale, library.ExpScale, library.LogSub}
}

// LibraryFile writes the library's kernels as an assembly file.
func LibraryFile(header string) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n//go:build %s && !purego\n\n#include \"textflag.h\"\n\n", header, Constraint)
	for i, x := range library.Exp2Table {
		fmt.Fprintf(&b, "DATA exp2Table<>+%d(SB)/4, $0x%08x\n", 4*i, x)
	}
	fmt.Fprintf(&b, "GLOBL exp2Table<>(SB), RODATA|NOPTR, $%d\n", 4*len(library.Exp2Table))
	for _, k := range LibraryKernels() {
		sig, err := gotypes.ParseSignatureInPackage(library.Types, k.Signature())
		if err != nil {
			return nil, err
		}
		w := &writer{kernel: k, sig: sig}
		w.function()
		b.Write(w.text.Bytes())
	}
	return b.Bytes(), nil
}

// writer writes a kernel.
type writer struct {
	kernel library.Kernel
	sig    *gotypes.Signature
	text   bytes.Buffer
	labels int
}

// The stack of kernels of rows: sums and rests of lanes. What lies below is the return address.
const (
	sumsAt = 8
	frame  = 2 * vector
)

// vector is the size of 16 lanes in bytes.
const vector = 4 * library.Lanes

func (w *writer) function() {
	name := w.kernel.String() + Suffix
	fmt.Fprintf(&w.text, "\n// %s %s.\n//\n// func %s%s\n", name, w.kernel.Doc(), name, w.sig.String())
	if w.kernel == library.SoftmaxRows {
		fmt.Fprintf(&w.text, "TEXT ·%s(SB), $%d-%d\n", name, frame, w.sig.Bytes())
	} else {
		fmt.Fprintf(&w.text, "TEXT ·%s(SB), NOSPLIT, $0-%d\n", name, w.sig.Bytes())
	}
	w.emit("MOV %s, %s", w.param("src", "base"), src)
	switch w.kernel {
	case library.SoftmaxRows:
		w.softmaxRows()
	case library.Sum, library.SumStore:
		w.sum()
	case library.Scale, library.ExpScale, library.LogSub:
		w.elementwise()
	}
	w.emit("RET")
}

// emit writes an instruction, its operands in a column.
func (w *writer) emit(format string, args ...any) {
	name, operands, _ := strings.Cut(fmt.Sprintf(format, args...), " ")
	w.text.WriteString(strings.TrimRight(fmt.Sprintf("\t%-9s %s", name, operands), " ") + "\n")
}

func (w *writer) label(name string) { fmt.Fprintf(&w.text, "\n%s:\n", name) }

// newLabel is a label of the function that no other has.
func (w *writer) newLabel(name string) string {
	w.labels++
	return fmt.Sprint(name, w.labels)
}

func (w *writer) note(text string) { fmt.Fprintf(&w.text, "\n\t// %s\n", text) }

func (w *writer) param(name, part string) string { return library.Param(w.sig, name, part) }

// fields loads fields of a struct.
func (w *writer) fields(base string, offsets map[string]int, registers map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(registers)) {
		w.emit("MOVF %d(%s), %s", offsets[name], base, registers[name])
	}
}

// floats and doubles set registers.
func (w *writer) floats(x float32, to string) {
	w.emit("MOV $0x%08x, %s // %v", math.Float32bits(x), tmp, x)
	w.emit("FMVWX %s, %s", tmp, to)
}

func (w *writer) doubles(x float64, to string) {
	w.emit("MOV $0x%016x, %s // %v", math.Float64bits(x), tmp, x)
	w.emit("FMVDX %s, %s", tmp, to)
}

// sum writes the kernels of a segment's sum.
func (w *writer) sum() {
	w.emit("MOV %s, %s", w.param("src", "len"), left)
	if w.kernel.Stores() {
		w.emit("MOV %s, %s", w.param("dst", "base"), dst)
	}
	w.emit("MOV %s, %s", w.param("st", ""), sums)
	w.emit("ADD $%d, %s, %s", vector, sums, rests)
	w.emit("ADD $%d, %s, %s", 2*vector, sums, largest)
	w.vectors()
	w.exponentials()
	w.fields(sums, library.SumFields, map[string]string{"kHi": kHi, "kLo": kLo, "n": n, "lim": lim})
	w.segment()
	w.turns(library.End)
	w.label(library.End)
	w.emit("MOV %s, %s", w.param("src", "base"), tmp)
	w.emit("SUB %s, %s", tmp, src)
	w.emit("SRL $2, %s", src)
	w.emit("MOV %s, %s", src, w.param("done", "result"))
}

// elementwise writes the kernels without sums.
func (w *writer) elementwise() {
	w.emit("MOV %s, %s", w.param("src", "len"), left)
	w.emit("MOV %s, %s", w.param("dst", "base"), dst)
	factor := func() {
		w.emit("MOV %s, %s", w.param("f", ""), tmp)
		w.fields(tmp, library.FactorFields, map[string]string{"cHi": cHi, "cLo": cLo, "thr": thr})
		w.floats(library.Down, down)
	}
	switch w.kernel {
	case library.Scale:
		factor()
		w.scale(src)
	case library.ExpScale:
		factor()
		w.vectors()
		w.exponentials()
		w.emit("MOV %s, %s", w.param("st", ""), state)
		w.fields(state, library.SumFields, map[string]string{"kHi": kHi, "kLo": kLo, "n": n})
		w.segment()
		w.strips(src, fmt.Sprintf("VSETVL %s, %s, %s", whole, left, tmp), func() {
			w.exp(sum)
			w.times(sum, a)
			w.emit("VSE32V %s, (%s)", a, dst)
		})
	case library.LogSub:
		const x, y = "V8", "V16"
		w.emit("MOVF %s, %s", w.param("m", ""), ftmp)
		w.emit("MOVF %s, %s", w.param("scale", ""), ftmp2)
		w.emit("MOVF %s, %s", w.param("b", ""), lim)
		w.strips(src, widest, func() {
			w.emit("VLE32V (%s), %s", src, x)
			w.emit("VFSUBVF %s, %s, %s", ftmp, x, x)
			w.emit("VFMVVF %s, %s", lim, y)
			w.emit("VFMSACVF %s, %s, %s", x, ftmp2, y)
			w.emit("VSE32V %s, (%s)", y, dst)
		})
	}
}

// softmaxRows writes the kernel of whole rows.
func (w *writer) softmaxRows() {
	w.emit("MOV %s, %s", src, rowSrc)
	w.emit("MOV %s, %s", w.param("dst", "base"), rowDst)
	w.emit("MOV %s, %s", w.param("rows", ""), rows)
	w.emit("MOV %s, %s", w.param("cols", ""), cols)
	w.emit("MOV %s, %s", w.param("srcStride", ""), srcStride)
	w.emit("MOV %s, %s", w.param("dstStride", ""), dstStride)
	w.emit("SLL $2, %s", srcStride)
	w.emit("SLL $2, %s", dstStride)
	w.emit("MOV %s, %s", w.param("p", ""), state)
	w.fields(state, library.RowsFields, map[string]string{"kHi": kHi, "kLo": kLo, "invK": invK, "low": low, "high": high})
	w.floats(library.Headroom, headroom)
	w.floats(library.Headroom+library.Reach, reach)
	w.floats(library.Down, down)
	w.doubles(library.Up, up)
	w.doubles(library.Threshold, threshold)
	w.vectors()
	w.exponentials()
	w.emit("ADD $%d, X2, %s", sumsAt, sums)
	w.emit("ADD $%d, %s, %s", vector, sums, rests)
	w.emit("BEQZ %s, %s", rows, library.End)

	w.label("row")
	w.note("N and the limit from the first element.")
	w.emit("MOV %s, %s", rowSrc, src)
	w.emit("MOV %s, %s", cols, left)
	w.emit("MOVF (%s), %s", src, ftmp)
	w.emit("FLES %s, %s, %s", high, ftmp, tmp)
	w.emit("FLES %s, %s, %s", ftmp, low, tmp2)
	w.emit("AND %s, %s", tmp2, tmp)
	w.emit("BEQZ %s, %s", tmp, library.Irregular)
	w.emit("FMULS %s, %s, %s", kHi, ftmp, ftmp)
	w.emit("FCVTWS.RNE %s, %s", ftmp, tmp)
	w.emit("FCVTSW %s, %s", tmp, n)
	w.emit("FSUBS %s, %s, %s", headroom, n, n)
	w.emit("MOVF %s, %d(%s)", n, library.RowsFields["n"], state)
	w.emit("FADDS %s, %s, %s", reach, n, lim)
	w.emit("FMULS %s, %s, %s", invK, lim, lim)
	w.emit("FMINS %s, %s, %s", high, lim, lim)
	w.segment()

	w.note("The first pass, from an empty sum.")
	w.emit("VSETVL %s, %s, X0", whole, lanes)
	w.emit("VMVVI $0, %s", a)
	w.emit("VSE32V %s, (%s)", a, sums)
	w.emit("VSE32V %s, (%s)", a, rests)
	w.emit("MOV %s, %s", rowDst, dst)
	w.turns(library.Irregular)
	w.total(ftmp)
	w.emit("FEQD %s, %s, %s", ftmp, ftmp, tmp)
	w.emit("BEQZ %s, %s", tmp, library.Irregular)
	w.factor(ftmp)

	w.note("The second pass.")
	w.emit("MOV %s, %s", cols, left)
	w.emit("MOV %s, %s", rowDst, dst)
	w.emit("MOV %s, %s", rowDst, stored)
	w.scale(stored)

	w.note("The next row.")
	w.emit("ADD %s, %s", srcStride, rowSrc)
	w.emit("ADD %s, %s", dstStride, rowDst)
	w.emit("SUB $1, %s", rows)
	w.emit("BNEZ %s, row", rows)
	w.emit("JMP %s", library.End)

	w.label(library.Irregular)
	w.note("What of the row is written.")
	w.emit("SUB %s, %s, %s", rowSrc, src, tmp)
	w.emit("SRL $2, %s", tmp)
	w.emit("MOV %s, %d(%s)", tmp, library.RowsFields["at"], state)
	w.label(library.End)
	w.emit("MOV %s, %s", w.param("rows", ""), tmp)
	w.emit("SUB %s, %s", rows, tmp)
	w.emit("MOV %s, %s", tmp, w.param("done", "result"))
}
