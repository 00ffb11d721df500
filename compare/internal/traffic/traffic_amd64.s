#include "textflag.h"

// SSE, which every amd64 CPU has: 16 bytes at a time are enough to wait for
// memory.

// func read(src *float32, blocks int)
TEXT ·read(SB), NOSPLIT, $0-16
	MOVQ src+0(FP), SI
	MOVQ blocks+8(FP), CX

loop:
	MOVUPS (SI), X0
	MOVUPS 16(SI), X1
	MOVUPS 32(SI), X2
	MOVUPS 48(SI), X3
	ADDQ   $64, SI
	DECQ   CX
	JNZ    loop
	RET

// func copyCached(dst, src *float32, blocks int)
TEXT ·copyCached(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ blocks+16(FP), CX

loop:
	MOVUPS (SI), X0
	MOVUPS 16(SI), X1
	MOVUPS 32(SI), X2
	MOVUPS 48(SI), X3
	MOVUPS X0, (DI)
	MOVUPS X1, 16(DI)
	MOVUPS X2, 32(DI)
	MOVUPS X3, 48(DI)
	ADDQ   $64, SI
	ADDQ   $64, DI
	DECQ   CX
	JNZ    loop
	RET

// func copyAround(dst, src *float32, blocks int)
TEXT ·copyAround(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ blocks+16(FP), CX

loop:
	MOVUPS  (SI), X0
	MOVUPS  16(SI), X1
	MOVUPS  32(SI), X2
	MOVUPS  48(SI), X3
	MOVNTPS X0, (DI)
	MOVNTPS X1, 16(DI)
	MOVNTPS X2, 32(DI)
	MOVNTPS X3, 48(DI)
	ADDQ    $64, SI
	ADDQ    $64, DI
	DECQ    CX
	JNZ     loop

	// Other threads must not see later stores before these.
	SFENCE
	RET
