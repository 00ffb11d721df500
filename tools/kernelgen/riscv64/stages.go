package riscv64

import (
	"fmt"

	"github.com/twopass-softmax/twopass/tools/kernelgen/library"
)

// vectors finds what 16 lanes are in registers of this machine's size.
func (w *writer) vectors() {
	const (
		e32, e64     = 2 << 3, 3 << 3
		agnosticTail = 1 << 6
		agnosticMask = 1 << 7
	)
	w.note("16 lanes of float32 are 4 registers of 128 bits, 2 of 256, or one: as a power of two.")
	w.emit("VSETVLI X0, E32, M1, TA, MA, %s", tmp) // the lanes of a register
	w.emit("SLTI $8, %s, %s", tmp, tmp2)
	w.emit("SLTI $16, %s, %s", tmp, tmp)
	w.emit("ADD %s, %s", tmp2, tmp)
	w.emit("ADD $%d, %s, %s", e32|agnosticTail|agnosticMask, tmp, whole)
	w.emit("ADD $%d, %s, %s", e32, tmp, part)
	w.emit("MOV $%d, %s", library.Lanes, lanes)
	switch w.kernel {
	case library.SoftmaxRows:
		w.emit("ADD $%d, %s, %s", e64|agnosticTail|agnosticMask, tmp, halved)
		w.emit("ADD $1, %s, %s", halved, wide)
	}
	w.emit("MOV $%d, %s", library.Lanes/2, half)
	w.emit("MOV $%d, %s", library.Turn, turnLen)
}

// exponentials sets what all exponentials need.
func (w *writer) exponentials() {
	w.floats(library.Magic, magic)
	w.floats(library.Exp1, exp1)
	w.floats(library.Exp2, exp2)
	w.floats(library.Exp3, exp3)
}

// segment sets what the exponentials of an N need. The table has eight words, in a group that may
// have room for more.
func (w *writer) segment() {
	w.note("The least n, and the table with -N.")
	w.floats(library.Lowest, cut)
	w.emit("FSUBS %s, %s, %s", cut, n, cut)
	w.emit("FCVTWS.RNE %s, %s", n, tmp)
	w.emit("SLL $23, %s", tmp)
	w.emit("MOV $exp2Table<>(SB), %s", tmp2)
	w.emit("VSETVL %s, %s, X0", whole, half)
	w.emit("VLE32V (%s), %s", tmp2, table)
	w.emit("VSUBVX %s, %s, %s", tmp, table, table)
}

// exp makes the exponentials of the elements at src. It changes a, b and c.
func (w *writer) exp(to string) {
	w.emit("VLE32V (%s), %s", src, a)
	w.emit("VFMVVF %s, %s", magic, b)
	w.emit("VFMACCVF %s, %s, %s // u = x * kHi + magic", a, kHi, b)
	w.emit("VFSUBVF %s, %s, %s // n", magic, b, c)
	w.emit("VMFLTVF %s, %s, V0", cut, c)
	w.emit("VFMSACVF %s, %s, %s", a, kHi, c)
	w.emit("VFMACCVF %s, %s, %s // f = x * (kHi + kLo) - n", a, kLo, c)
	w.emit("VANDVI $7, %s, %s", b, a)
	w.emit("VRGATHERVV %s, %s, %s", a, table, to)
	w.emit("VSLLVI $20, %s, %s", b, b)
	w.emit("VADDVV %s, %s, %s // s = 2^(n - N) * K", b, to, to)
	w.emit("VFMVVF %s, %s", exp2, a)
	w.emit("VFMACCVF %s, %s, %s", c, exp3, a)
	w.emit("VFMVVF %s, %s", exp1, b)
	w.emit("VFMACCVV %s, %s, %s", a, c, b)
	w.emit("VFMULVV %s, %s, %s // q = f * ((exp3*f + exp2)*f + exp1)", c, b, b)
	w.emit("VFMACCVV %s, %s, %s // s * q + s", b, to, to)
	w.emit("VMERGEVIM $0, %s, V0, %s", to, to)
}

// row is exp of the next up to 16 elements, which it stores if the kernel does.
func (w *writer) row(to string) {
	w.exp(to)
	w.emit("ADD $%d, %s", vector, src)
	if w.kernel.Stores() {
		w.emit("VSE32V %s, (%s)", to, dst)
		w.emit("ADD $%d, %s", vector, dst)
	}
}

// fewer sets a vector's lanes to what is left, 16 at most: VSETVL alone may split what is left more
// evenly.
func (w *writer) fewer(left string) {
	label := w.newLabel("lanes")
	w.emit("MOV %s, %s", lanes, tmp2)
	w.emit("BGE %s, %s, %s", left, lanes, label)
	w.emit("MOV %s, %s", left, tmp2)
	w.label(label)
	w.emit("VSETVL %s, %s, X0", part, tmp2)
}

// turns adds the exponentials of what is left to the sum, and leaves for the label before a turn
// with an element above the limit.
func (w *writer) turns(stop string) {
	w.label("turn")
	w.emit("BLT %s, %s, rest", left, turnLen)
	w.note("The largest elements of a turn.")
	w.emit("VSETVL %s, %s, X0", whole, lanes)
	w.emit("VLE32V (%s), %s", src, a)
	w.emit("MOV %s, %s", src, tmp)
	for range library.Rows - 1 {
		w.emit("ADD $%d, %s", vector, tmp)
		w.emit("VLE32V (%s), %s", tmp, b)
		w.emit("VFMAXVV %s, %s, %s", a, b, a)
	}
	w.limit(stop)
	for i := range library.Rows / library.GroupRows {
		w.note(fmt.Sprintf("Group %d.", i))
		w.row(sum)
		w.row(e)
		w.emit("VFADDVV %s, %s, %s", e, sum, sum)
		w.row(sum2)
		w.row(e)
		w.emit("VFADDVV %s, %s, %s", e, sum2, sum2)
		w.group()
	}
	w.emit("SUB %s, %s", turnLen, left)
	w.emit("JMP turn")

	w.label("rest")
	w.emit("BEQZ %s, summed", left)
	w.note("The largest elements of what is less than a turn.")
	w.emit("VSETVL %s, %s, X0", whole, lanes)
	w.emit("MOV $0x%08x, %s", 0xff800000, tmp)
	w.emit("VMVVX %s, %s // -Inf", tmp, a)
	w.emit("MOV %s, %s", src, tmp)
	w.emit("MOV %s, %s", left, tmp3)
	w.label("restMax")
	w.fewer(tmp3)
	w.emit("VLE32V (%s), %s", tmp, b)
	w.emit("VFMAXVV %s, %s, %s", a, b, a)
	w.emit("ADD $%d, %s", vector, tmp)
	w.emit("SUB %s, %s", lanes, tmp3)
	w.emit("BGTZ %s, restMax", tmp3)
	w.emit("VSETVL %s, %s, X0", whole, lanes)
	w.limit(stop)

	w.label("restGroup")
	w.note("A group, of which lanes and rows may be missing.")
	w.emit("VSETVL %s, %s, X0", whole, lanes)
	w.emit("VMVVI $0, %s", sum)
	w.emit("VMVVI $0, %s", sum2)
	for i, to := range []string{sum, e, sum2, e} {
		w.fewer(left)
		w.row(to)
		if i == 1 {
			w.emit("VFADDVV %s, %s, %s", e, sum, sum)
		} else if i == 3 {
			w.emit("VFADDVV %s, %s, %s", e, sum2, sum2)
		}
		w.emit("SUB %s, %s", lanes, left)
		if i < 3 {
			w.emit("BLEZ %s, restSum", left)
		}
	}
	w.label("restSum")
	w.emit("VSETVL %s, %s, X0", whole, lanes)
	w.group()
	w.emit("BGTZ %s, restGroup", left)
	w.note("Back over the lanes that were missing.")
	w.emit("SLL $2, %s", left)
	w.emit("ADD %s, %s", left, src)
	w.label("summed")
}

// limit leaves for the label if an element of a is above the limit. NaNs are not. It keeps the
// largest elements if the kernel does.
func (w *writer) limit(stop string) {
	w.emit("VMFGTVF %s, %s, V0", lim, a)
	w.emit("VFIRSTM V0, %s", tmp)
	w.emit("BGEZ %s, %s", tmp, stop)
	if w.kernel == library.Sum {
		w.emit("VLE32V (%s), %s", largest, b)
		w.emit("VFMAXVV %s, %s, %s", a, b, a)
		w.emit("VSE32V %s, (%s)", a, largest)
	}
}

// group adds a group to the lanes' sums by TwoSum.
func (w *writer) group() {
	w.emit("VFADDVV %s, %s, %s // t", sum2, sum, sum)
	w.emit("VLE32V (%s), %s", sums, a)
	w.emit("VFADDVV %s, %s, %s", sum, a, b)
	w.emit("VSE32V %s, (%s) // S = a + t", b, sums)
	w.emit("VFSUBVV %s, %s, %s // z = S - a", a, b, c)
	w.emit("VFSUBVV %s, %s, %s", c, b, b)
	w.emit("VFSUBVV %s, %s, %s", b, a, a)
	w.emit("VFSUBVV %s, %s, %s", c, sum, c)
	w.emit("VFADDVV %s, %s, %s // (a - (S-z)) + (t - z)", c, a, a)
	w.emit("VLE32V (%s), %s", rests, b)
	w.emit("VFADDVV %s, %s, %s", a, b, b)
	w.emit("VSE32V %s, (%s)", b, rests)
}

// total adds lanes up in float64.
func (w *writer) total(to string) {
	w.note("The total.")
	w.emit("VSETVL %s, %s, X0", whole, lanes)
	w.emit("VLE32V (%s), %s", sums, sum)
	w.emit("VLE32V (%s), %s", rests, sum2)
	w.emit("VFWADDVV %s, %s, %s", sum2, sum, wide1)
	w.emit("VSETVL %s, %s, X0", wide, half)
	for h := library.Lanes / 2; h > 0; h /= 2 {
		w.emit("VSLIDEDOWNVI $%d, %s, %s", h, wide1, wide2)
		if h == library.Lanes/2 {
			w.emit("VSETVL %s, %s, X0", halved, half)
		}
		w.emit("VFADDVV %s, %s, %s", wide2, wide1, wide1)
	}
	w.emit("VFMVFS %s, %s", wide1, to)
}

// factor makes what exponentials of that total are multiplied by.
func (w *writer) factor(total string) {
	w.note("The factor.")
	w.emit("FMULD %s, %s, %s", threshold, total, thr)
	w.emit("FCVTSD %s, %s", thr, thr)
	w.emit("FDIVD %s, %s, %s", total, up, total)
	w.emit("FCVTSD %s, %s", total, cHi)
	w.emit("FCVTDS %s, %s", cHi, ftmp2)
	w.emit("FSUBD %s, %s, %s", ftmp2, total, total)
	w.emit("FCVTSD %s, %s", total, cLo)
}

// widest sets as many lanes as groups of 8 registers have, of what is left.
var widest = fmt.Sprintf("VSETVLI %s, E32, M8, TA, MA, %s", left, tmp)

// strips does what is left, if there is anything, in vectors of as many lanes as there are.
func (w *writer) strips(src, set string, strip func()) {
	loop, done := w.newLabel("strip"), w.newLabel("done")
	w.emit("BEQZ %s, %s", left, done)
	w.label(loop)
	w.emit("%s", set)
	strip()
	w.emit("SUB %s, %s", tmp, left)
	w.emit("SLL $2, %s", tmp)
	w.emit("ADD %s, %s", tmp, src)
	w.emit("ADD %s, %s", tmp, dst)
	w.emit("BNEZ %s, %s", left, loop)
	w.label(done)
}

// scale multiplies exponentials by the factor.
func (w *writer) scale(src string) {
	const x, y = "V8", "V16"
	w.strips(src, widest, func() {
		w.emit("VLE32V (%s), %s", src, x)
		w.times(x, y)
		w.emit("VSE32V %s, (%s)", y, dst)
	})
}

// times makes y of the exponentials x.
func (w *writer) times(x, y string) {
	w.emit("VFMULVF %s, %s, %s", cLo, x, y)
	w.emit("VFMACCVF %s, %s, %s", x, cHi, y)
	w.emit("VFMULVF %s, %s, %s", down, y, y)
	w.emit("VMFLTVF %s, %s, V0", thr, x)
	w.emit("VMERGEVIM $0, %s, V0, %s", y, y)
}
