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

// func SoftmaxRow(dst, src *float32, n int) (ok bool)
TEXT ·SoftmaxRow(SB), NOSPLIT, $0-25
	CMPB ·Best(SB), $const_AVX512
	JNE  narrow
	JMP  ·softmaxRowAVX512(SB)

narrow:
	CMPB ·Best(SB), $const_AVX2
	JNE  plain
	JMP  ·softmaxRowAVX2(SB)

plain:
	MOVB $0, ok+24(FP)
	RET

// func LogRow(dst, src *float32, n int) (y float32, how uint8, max float32)
TEXT ·LogRow(SB), NOSPLIT, $0-36
	CMPB ·Best(SB), $const_AVX512
	JNE  narrow
	JMP  ·logRowAVX512(SB)

narrow:
	CMPB ·Best(SB), $const_AVX2
	JNE  plain
	JMP  ·logRowAVX2(SB)

plain:
	MOVB $0, how+28(FP)
	RET

// func SureRow(src *float32, n int, s *Scale, out *RowSum) (how uint8)
TEXT ·SureRow(SB), NOSPLIT, $0-33
	CMPB ·Best(SB), $const_AVX512
	JNE  narrow
	JMP  ·sureRowAVX512(SB)

narrow:
	CMPB ·Best(SB), $const_AVX2
	JNE  plain
	JMP  ·sureRowAVX2(SB)

plain:
	MOVB $0, how+32(FP)
	RET

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

// func TotalRow(src *float32, n int, s *Scale, out *Total) (y float32, how uint8)
TEXT ·TotalRow(SB), NOSPLIT, $0-37
	CMPB ·Best(SB), $const_AVX512
	JNE  narrow
	JMP  ·totalRowAVX512(SB)

narrow:
	CMPB ·Best(SB), $const_AVX2
	JNE  plain
	JMP  ·totalRowAVX2(SB)

plain:
	MOVB $0, how+36(FP)
	RET

// func CopyRow(dst, src *float32, n int, s *Scale, scale float32, out *Total) (y float32, how uint8)
TEXT ·CopyRow(SB), NOSPLIT, $0-53
	CMPB ·Best(SB), $const_AVX512
	JNE  narrow
	JMP  ·copyRowAVX512(SB)

narrow:
	CMPB ·Best(SB), $const_AVX2
	JNE  plain
	JMP  ·copyRowAVX2(SB)

plain:
	MOVB $0, how+52(FP)
	RET
