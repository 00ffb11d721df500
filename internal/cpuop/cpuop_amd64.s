#include "textflag.h"

// Each function executes one operation on vectors vectors: it loads x, y and z
// into registers 0, 1 and 2, leaves the result in register 3 and stores it.
// Operands stand in Go's order, the reverse of Intel's.

// func mxcsr() uint32
TEXT ·mxcsr(SB), NOSPLIT, $0-4
	STMXCSR ret+0(FP)
	RET

// func sse2(op Op, dst, x, y, z *float32, vectors int)
TEXT ·sse2(SB), NOSPLIT, $0-48
	MOVQ op+0(FP), AX
	MOVQ dst+8(FP), DI
	MOVQ x+16(FP), SI
	MOVQ y+24(FP), DX
	MOVQ z+32(FP), R8
	MOVQ vectors+40(FP), CX

loop:
	MOVUPS (SI), X0
	MOVUPS (DX), X1
	MOVUPS (R8), X2
	CMPQ AX, $0
	JEQ add
	CMPQ AX, $1
	JEQ sub
	CMPQ AX, $2
	JEQ mul
	CMPQ AX, $4
	JEQ max
	CMPQ AX, $6
	JEQ shift23
	CMPQ AX, $8
	JEQ zeroBelow
	UD2 // no such operation: Unit.Run lets none pass

add:
	MOVAPS X0, X3
	ADDPS X1, X3
	JMP next

sub:
	MOVAPS X0, X3
	SUBPS X1, X3
	JMP next

mul:
	MOVAPS X0, X3
	MULPS X1, X3
	JMP next

max:
	MOVAPS X0, X3
	MAXPS X1, X3
	JMP next

shift23:
	MOVAPS X0, X3
	PSLLL $23, X3
	JMP next

zeroBelow:
	MOVAPS X0, X3
	CMPPS X1, X3, $1 // less than, ordered
	ANDNPS X2, X3

next:
	MOVUPS X3, (DI)
	ADDQ $16, DI
	ADDQ $16, SI
	ADDQ $16, DX
	ADDQ $16, R8
	DECQ CX
	JNZ loop
	RET

// func avx2(op Op, dst, x, y, z *float32, vectors int)
TEXT ·avx2(SB), NOSPLIT, $0-48
	MOVQ op+0(FP), AX
	MOVQ dst+8(FP), DI
	MOVQ x+16(FP), SI
	MOVQ y+24(FP), DX
	MOVQ z+32(FP), R8
	MOVQ vectors+40(FP), CX
	VPCMPEQD Y4, Y4, Y4 // the mask: all lanes
	VPXOR X5, X5, X5
	VPBLENDD $0x7f, Y4, Y5, Y4 // but the last

loop:
	VMOVUPS (SI), Y0
	VMOVUPS (DX), Y1
	VMOVUPS (R8), Y2
	CMPQ AX, $0
	JEQ add
	CMPQ AX, $1
	JEQ sub
	CMPQ AX, $2
	JEQ mul
	CMPQ AX, $3
	JEQ fma
	CMPQ AX, $4
	JEQ max
	CMPQ AX, $5
	JEQ round
	CMPQ AX, $6
	JEQ shift23
	CMPQ AX, $8
	JEQ zeroBelow
	CMPQ AX, $9
	JEQ masked
	UD2 // no such operation: Unit.Run lets none pass

add:
	VADDPS Y1, Y0, Y3
	JMP next

sub:
	VSUBPS Y1, Y0, Y3
	JMP next

mul:
	VMULPS Y1, Y0, Y3
	JMP next

fma:
	VMOVAPS Y0, Y3
	VFMADD213PS Y2, Y1, Y3
	JMP next

max:
	VMAXPS Y1, Y0, Y3
	JMP next

round:
	VROUNDPS $8, Y0, Y3
	JMP next

shift23:
	VPSLLD $23, Y0, Y3
	JMP next

zeroBelow:
	VCMPPS $1, Y1, Y0, Y3 // less than, ordered
	VANDNPS Y2, Y3, Y3
	JMP next

masked:
	VMASKMOVPS (SI), Y4, Y3

next:
	VMOVUPS Y3, (DI)
	ADDQ $32, DI
	ADDQ $32, SI
	ADDQ $32, DX
	ADDQ $32, R8
	DECQ CX
	JNZ loop
	VZEROUPPER
	RET

// func avx256skx(op Op, dst, x, y, z *float32, vectors int)
TEXT ·avx256skx(SB), NOSPLIT, $0-48
	MOVQ op+0(FP), AX
	MOVQ dst+8(FP), DI
	MOVQ x+16(FP), SI
	MOVQ y+24(FP), DX
	MOVQ z+32(FP), R8
	MOVQ vectors+40(FP), CX
	MOVL $0x7f, R9
	KMOVW R9, K1 // all lanes but the last

loop:
	VMOVUPS (SI), Y0
	VMOVUPS (DX), Y1
	VMOVUPS (R8), Y2
	CMPQ AX, $0
	JEQ add
	CMPQ AX, $1
	JEQ sub
	CMPQ AX, $2
	JEQ mul
	CMPQ AX, $3
	JEQ fma
	CMPQ AX, $4
	JEQ max
	CMPQ AX, $5
	JEQ round
	CMPQ AX, $6
	JEQ shift23
	CMPQ AX, $7
	JEQ scalef
	CMPQ AX, $8
	JEQ zeroBelow
	CMPQ AX, $9
	JEQ masked
	UD2 // no such operation: Unit.Run lets none pass

add:
	VADDPS Y1, Y0, Y3
	JMP next

sub:
	VSUBPS Y1, Y0, Y3
	JMP next

mul:
	VMULPS Y1, Y0, Y3
	JMP next

fma:
	VMOVAPS Y0, Y3
	VFMADD213PS Y2, Y1, Y3
	JMP next

max:
	VMAXPS Y1, Y0, Y3
	JMP next

round:
	VRNDSCALEPS $8, Y0, Y3
	JMP next

shift23:
	VPSLLD $23, Y0, Y3
	JMP next

scalef:
	VSCALEFPS Y1, Y0, Y3
	JMP next

zeroBelow:
	VCMPPS $1, Y1, Y0, K2 // less than, ordered
	KNOTW K2, K2
	VMOVAPS.Z Y2, K2, Y3
	JMP next

masked:
	VMOVUPS.Z (SI), K1, Y3

next:
	VMOVUPS Y3, (DI)
	ADDQ $32, DI
	ADDQ $32, SI
	ADDQ $32, DX
	ADDQ $32, R8
	DECQ CX
	JNZ loop
	VZEROUPPER
	RET

// func avx512f(op Op, dst, x, y, z *float32, vectors int)
TEXT ·avx512f(SB), NOSPLIT, $0-48
	MOVQ op+0(FP), AX
	MOVQ dst+8(FP), DI
	MOVQ x+16(FP), SI
	MOVQ y+24(FP), DX
	MOVQ z+32(FP), R8
	MOVQ vectors+40(FP), CX
	MOVL $0x7fff, R9
	KMOVW R9, K1 // all lanes but the last

loop:
	VMOVUPS (SI), Z0
	VMOVUPS (DX), Z1
	VMOVUPS (R8), Z2
	CMPQ AX, $0
	JEQ add
	CMPQ AX, $1
	JEQ sub
	CMPQ AX, $2
	JEQ mul
	CMPQ AX, $3
	JEQ fma
	CMPQ AX, $4
	JEQ max
	CMPQ AX, $5
	JEQ round
	CMPQ AX, $6
	JEQ shift23
	CMPQ AX, $7
	JEQ scalef
	CMPQ AX, $8
	JEQ zeroBelow
	CMPQ AX, $9
	JEQ masked
	UD2 // no such operation: Unit.Run lets none pass

add:
	VADDPS Z1, Z0, Z3
	JMP next

sub:
	VSUBPS Z1, Z0, Z3
	JMP next

mul:
	VMULPS Z1, Z0, Z3
	JMP next

fma:
	VMOVAPS Z0, Z3
	VFMADD213PS Z2, Z1, Z3
	JMP next

max:
	VMAXPS Z1, Z0, Z3
	JMP next

round:
	VRNDSCALEPS $8, Z0, Z3
	JMP next

shift23:
	VPSLLD $23, Z0, Z3
	JMP next

scalef:
	VSCALEFPS Z1, Z0, Z3
	JMP next

zeroBelow:
	VCMPPS $1, Z1, Z0, K2 // less than, ordered
	KNOTW K2, K2
	VMOVAPS.Z Z2, K2, Z3
	JMP next

masked:
	VMOVUPS.Z (SI), K1, Z3

next:
	VMOVUPS Z3, (DI)
	ADDQ $64, DI
	ADDQ $64, SI
	ADDQ $64, DX
	ADDQ $64, R8
	DECQ CX
	JNZ loop
	VZEROUPPER
	RET
