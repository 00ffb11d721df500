#include "textflag.h"

// Go's assembler lacks most vector instructions on float32: they are written as
// words, with the instruction in a comment.

// func fpcr() uint64
TEXT ·fpcr(SB), NOSPLIT, $0-8
	MOVD FPCR, R0
	MOVD R0, ret+0(FP)
	RET

// func neon(op Op, dst, x, y, z *float32, vectors int)
TEXT ·neon(SB), NOSPLIT, $0-48
	MOVD op+0(FP), R5
	MOVD dst+8(FP), R0
	MOVD x+16(FP), R1
	MOVD y+24(FP), R2
	MOVD z+32(FP), R3
	MOVD vectors+40(FP), R4

loop:
	VLD1.P 16(R1), [V0.S4]
	VLD1.P 16(R2), [V1.S4]
	VLD1.P 16(R3), [V2.S4]
	CMP $0, R5
	BEQ add
	CMP $1, R5
	BEQ sub
	CMP $2, R5
	BEQ mul
	CMP $3, R5
	BEQ fma
	CMP $4, R5
	BEQ max
	CMP $5, R5
	BEQ round
	CMP $6, R5
	BEQ shift23
	CMP $8, R5
	BEQ zeroBelow
	CMP $10, R5
	BEQ maxNum
	UNDEF // no such operation: Unit.Run lets none pass

add:
	WORD $0x4e21d403 // fadd v3.4s, v0.4s, v1.4s
	B next

sub:
	WORD $0x4ea1d403 // fsub v3.4s, v0.4s, v1.4s
	B next

mul:
	WORD $0x6e21dc03 // fmul v3.4s, v0.4s, v1.4s
	B next

fma:
	VORR V2.B16, V2.B16, V3.B16
	VFMLA V1.S4, V0.S4, V3.S4
	B next

max:
	WORD $0x4e21f403 // fmax v3.4s, v0.4s, v1.4s
	B next

round:
	WORD $0x4e218803 // frintn v3.4s, v0.4s
	B next

shift23:
	VSHL $23, V0.S4, V3.S4
	B next

zeroBelow:
	WORD $0x6ea0e423 // fcmgt v3.4s, v1.4s, v0.4s
	WORD $0x4e631c43 // bic v3.16b, v2.16b, v3.16b
	B next

maxNum:
	WORD $0x4e21c403 // fmaxnm v3.4s, v0.4s, v1.4s

next:
	VST1.P [V3.S4], 16(R0)
	SUBS $1, R4
	BNE loop
	RET
