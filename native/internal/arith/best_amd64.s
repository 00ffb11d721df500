//go:build !purego

#include "go_asm.h"
#include "textflag.h"

// The kernels of the best level, by jumps: a call of a short row's kernel through another
// function takes a tenth of its time.

// func SoftmaxRows(dst, src []float32, rows, cols, dstStride, srcStride int, p *Rows) (done int)
TEXT ·SoftmaxRows(SB), NOSPLIT, $0-96
	CMPB ·Best(SB), $const_AVX512
	JNE  narrow
	JMP  ·softmaxRowsAVX512(SB)

narrow:
	CMPB ·Best(SB), $const_AVX2
	JNE  plain
	JMP  ·softmaxRowsAVX2(SB)

plain:
	JMP ·softmaxRowsPlain(SB)

// func SumRows(src []float32, rows, cols, srcStride int, out []RowSum, p *Rows) (done int)
TEXT ·SumRows(SB), NOSPLIT, $0-88
	CMPB ·Best(SB), $const_AVX512
	JNE  narrow
	JMP  ·sumRowsAVX512(SB)

narrow:
	CMPB ·Best(SB), $const_AVX2
	JNE  plain
	JMP  ·sumRowsAVX2(SB)

plain:
	JMP ·sumRowsPlain(SB)

// func LogSub(dst, src []float32, m, scale, b float32)
TEXT ·LogSub(SB), NOSPLIT, $0-60
	CMPB ·Best(SB), $const_AVX512
	JNE  narrow
	JMP  ·logSubAVX512(SB)

narrow:
	CMPB ·Best(SB), $const_AVX2
	JNE  plain
	JMP  ·logSubAVX2(SB)

plain:
	JMP ·logSubPlain(SB)
