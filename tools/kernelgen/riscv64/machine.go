// Package riscv64 writes the library's kernels for RISC-V's vector extension, RVV 1.0.
//
// A vector of a row's 16 lanes is a group of registers: as many as it takes, 4 of 128 bits, 2 of
// 256, or a single one from 512 up. Kernels find that out as they begin, and then are the same
// whatever a register's size. Of groups of 4 there are 8, too few for [library.Describe], whose
// kernels keep a turn's sums in registers. So these are loops of a few stages, which keep sums
// where the caller has them.
package riscv64

// The general registers of the kernels. Go keeps X1 to X4, X26, X27 and X31 for itself.
const (
	src  = "X10" // next element
	left = "X11" // elements left
	dst  = "X12" // next element, or where the next exponential is stored

	// Of the sums of lanes, where they are.
	sums    = "X13"
	rests   = "X14" // what the additions rounded off
	largest = "X15" // the largest elements

	// What a vector is, for VSETVL.
	whole  = "X16" // 16 lanes
	part   = "X17" // the same, and an operation on fewer leaves the others alone
	wide   = "X18" // 16 lanes of float64
	halved = "X19" // 8 lanes of float64
	lanes  = "X20" // how many there are of each, 16
	half   = "X21" // and 8

	state = "X22" // the struct with what goes in and out

	// Of kernels of rows.
	rows      = "X23" // rows left
	srcStride = "X24" // in bytes
	dstStride = "X25"
	rowSrc    = "X28" // first element of the row
	rowDst    = "X29"
	cols      = "X30"

	tmp, tmp2, tmp3 = "X5", "X6", "X7"
	stored          = "X8" // of a row: its next exponential
	turnLen         = "X9" // elements of a turn
)

// The floating-point registers.
const (
	kHi, kLo, n, lim = "F0", "F1", "F2", "F3" // of a segment
	cut              = "F4"                   // for less than that the exponential is 0
	magic            = "F5"
	exp1             = "F6"
	exp2             = "F7"
	exp3             = "F8"
	cHi, cLo, thr    = "F10", "F11", "F12" // of a factor
	down             = "F13"
	low, high, invK  = "F14", "F15", "F16" // of kernels of rows
	headroom         = "F17"
	reach            = "F18"
	up, threshold    = "F19", "F20" // float64
	ftmp, ftmp2      = "F21", "F22"
)

// The groups of vector registers. V0 is for masks.
const (
	table   = "V4" // of a segment: that of the exponential, with N
	a, b, c = "V8", "V12", "V16"
	e       = "V20" // an exponential
	sum     = "V24" // of exponentials: those of a group, at last
	sum2    = "V28" // of the group's second half

	// Of twice the size.
	wide1, wide2 = "V8", "V16"
)
