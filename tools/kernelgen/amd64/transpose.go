package amd64

import (
	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// TransposeNames are the kernels that transpose, along rows of src and along rows of dst. They serve
// AVX-512, too: there, shuffles of vectors of 16 have one port, and those of 8 have two.
var TransposeNames = [2]string{"transposeAVX2", "transposeDownAVX2"}

// TransposeSignature is theirs.
const TransposeSignature = "func(dst, src []float32, rows, cols, dstStride, srcStride int)"

// transpose writes the kernels that transpose a matrix whose rows and columns are multiples of 8, in
// tiles of 8 x 8, row of tiles by row of tiles or, down, column by column. A vector is loaded as 4 columns of rows i and i+4, so that no shuffle crosses lanes.
func (w *prepareWriter) transpose(name string, down bool) {
	var (
		srcRow, dstRow = reg.R8, reg.R11 // where a row of tiles begins
		src4, dst4     = reg.R12, reg.R13
		src3, dst3     = reg.R14, reg.R15 // three strides
	)
	w.Function(name)
	w.Attributes(attr.NOSPLIT)
	w.SignatureExpr(TransposeSignature)
	w.Commentf("%s: dst[j][i] = src[i][j], for i below rows and j below cols, both multiples of 8.", name)
	w.MOVQ(w.param("src", "base"), srcRow)
	w.MOVQ(w.param("dst", "base"), dstRow)
	outer, inner := "rows", "cols"
	if down {
		outer, inner = inner, outer
	}
	w.MOVQ(w.param(outer, ""), tmp2)
	w.MOVQ(w.param("srcStride", ""), srcStride)
	w.MOVQ(w.param("dstStride", ""), dstStride)
	w.SHLQ(operand.Imm(2), srcStride)
	w.SHLQ(operand.Imm(2), dstStride)
	w.LEAQ(operand.Mem{Base: srcStride, Index: srcStride, Scale: 2}, src3)
	w.LEAQ(operand.Mem{Base: dstStride, Index: dstStride, Scale: 2}, dst3)
	w.Label("row")
	w.MOVQ(srcRow, src)
	w.MOVQ(dstRow, dst)
	w.MOVQ(w.param(inner, ""), left)
	w.Label("tile")
	w.LEAQ(operand.Mem{Base: src, Index: srcStride, Scale: 4}, src4)
	w.LEAQ(operand.Mem{Base: dst, Index: dstStride, Scale: 4}, dst4)
	line := func(i int, base, base4, stride, stride3 reg.GPPhysical, at int) operand.Mem {
		if i >= 4 {
			base = base4
		}
		m := operand.Mem{Base: base, Disp: at}
		switch i % 4 {
		case 1, 2:
			m.Index, m.Scale = stride, uint8(i%4)
		case 3:
			m.Index, m.Scale = stride3, 1
		}
		return m
	}
	for half := range 2 {
		r := func(i int) reg.VecPhysical { return view(8*half+i, 8) }
		for i := range 4 {
			w.VMOVUPS(line(i, src, src4, srcStride, src3, 16*half), view(8*half+i, 4))
		}
		for i := range 4 {
			w.VINSERTF128(operand.Imm(1), line(i+4, src, src4, srcStride, src3, 16*half), r(i), r(i))
		}
		w.VUNPCKLPS(r(1), r(0), r(4))
		w.VUNPCKHPS(r(1), r(0), r(5))
		w.VUNPCKLPS(r(3), r(2), r(6))
		w.VUNPCKHPS(r(3), r(2), r(7))
		w.VUNPCKLPD(r(6), r(4), r(0))
		w.VUNPCKHPD(r(6), r(4), r(1))
		w.VUNPCKLPD(r(7), r(5), r(2))
		w.VUNPCKHPD(r(7), r(5), r(3))
		for i := range 4 {
			w.VMOVUPS(r(i), line(4*half+i, dst, dst4, dstStride, dst3, 0))
		}
	}
	right := func(src, dst reg.GPPhysical) { // the next tile of a row
		w.ADDQ(operand.Imm(32), src)
		w.LEAQ(operand.Mem{Base: dst, Index: dstStride, Scale: 8}, dst)
	}
	below := func(src, dst reg.GPPhysical) { // that of a column
		w.LEAQ(operand.Mem{Base: src, Index: srcStride, Scale: 8}, src)
		w.ADDQ(operand.Imm(32), dst)
	}
	if down {
		right, below = below, right
	}
	right(src, dst)
	w.SUBQ(operand.Imm(8), left)
	w.JNZ(operand.LabelRef("tile"))
	below(srcRow, dstRow)
	w.SUBQ(operand.Imm(8), tmp2)
	w.JNZ(operand.LabelRef("row"))
	w.VZEROUPPER()
	w.RET()
}
