//go:build !purego

#include "textflag.h"

// func dotRowsVNNI(out *int32, biased *byte, rows *int8, width, n int)
//
// Four rows at a time, 64 bytes of each; then one at a time.
TEXT ·dotRowsVNNI(SB), NOSPLIT, $0-40
	MOVQ out+0(FP), DI
	MOVQ biased+8(FP), SI
	MOVQ rows+16(FP), R8
	MOVQ width+24(FP), DX
	MOVQ n+32(FP), BX

four:
	CMPQ BX, $4
	JLT  one
	LEAQ (R8)(DX*1), R9
	LEAQ (R9)(DX*1), R10
	LEAQ (R10)(DX*1), R11
	VPXORQ Z0, Z0, Z0
	VPXORQ Z1, Z1, Z1
	VPXORQ Z2, Z2, Z2
	VPXORQ Z3, Z3, Z3
	XORQ CX, CX

fourCols:
	VMOVDQU64 (SI)(CX*1), Z4
	VPDPBUSD (R8)(CX*1), Z4, Z0
	VPDPBUSD (R9)(CX*1), Z4, Z1
	VPDPBUSD (R10)(CX*1), Z4, Z2
	VPDPBUSD (R11)(CX*1), Z4, Z3
	ADDQ $64, CX
	CMPQ CX, DX
	JLT  fourCols

	VEXTRACTI64X4 $1, Z0, Y5
	VEXTRACTI64X4 $1, Z1, Y6
	VEXTRACTI64X4 $1, Z2, Y7
	VEXTRACTI64X4 $1, Z3, Y8
	VPADDD Y5, Y0, Y0
	VPADDD Y6, Y1, Y1
	VPADDD Y7, Y2, Y2
	VPADDD Y8, Y3, Y3
	VPHADDD Y1, Y0, Y0
	VPHADDD Y3, Y2, Y2
	VPHADDD Y2, Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VPADDD X1, X0, X0
	VMOVDQU X0, (DI)
	ADDQ $16, DI
	LEAQ (R11)(DX*1), R8
	SUBQ $4, BX
	JMP  four

one:
	TESTQ BX, BX
	JZ    done
	VPXORQ Z0, Z0, Z0
	XORQ CX, CX

oneCols:
	VMOVDQU64 (SI)(CX*1), Z4
	VPDPBUSD (R8)(CX*1), Z4, Z0
	ADDQ $64, CX
	CMPQ CX, DX
	JLT  oneCols

	VEXTRACTI64X4 $1, Z0, Y5
	VPADDD Y5, Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VPADDD X1, X0, X0
	VPHADDD X0, X0, X0
	VPHADDD X0, X0, X0
	VMOVD X0, (DI)
	ADDQ $4, DI
	ADDQ DX, R8
	DECQ BX
	JMP  one

done:
	VZEROUPPER
	RET

// func dotRowsAVX2(out *int32, code *int8, rows *int8, width, n int)
//
// A product of absolute code with the row under the code's sign: two products
// of at most 127 × 127 fit 16 bits.
TEXT ·dotRowsAVX2(SB), NOSPLIT, $0-40
	MOVQ out+0(FP), DI
	MOVQ code+8(FP), SI
	MOVQ rows+16(FP), R8
	MOVQ width+24(FP), DX
	MOVQ n+32(FP), BX
	VPCMPEQW Y15, Y15, Y15
	VPSRLW $15, Y15, Y15 // ones

pair:
	CMPQ BX, $2
	JLT  last
	LEAQ (R8)(DX*1), R9
	VPXOR Y0, Y0, Y0
	VPXOR Y1, Y1, Y1
	XORQ CX, CX

pairCols:
	VMOVDQU (SI)(CX*1), Y4
	VPABSB Y4, Y5
	VMOVDQU (R8)(CX*1), Y6
	VMOVDQU (R9)(CX*1), Y7
	VPSIGNB Y4, Y6, Y6
	VPSIGNB Y4, Y7, Y7
	VPMADDUBSW Y6, Y5, Y6
	VPMADDUBSW Y7, Y5, Y7
	VPMADDWD Y15, Y6, Y6
	VPMADDWD Y15, Y7, Y7
	VPADDD Y6, Y0, Y0
	VPADDD Y7, Y1, Y1
	ADDQ $32, CX
	CMPQ CX, DX
	JLT  pairCols

	VPHADDD Y1, Y0, Y0
	VPHADDD Y0, Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VPADDD X1, X0, X0
	VMOVQ X0, (DI)
	ADDQ $8, DI
	LEAQ (R9)(DX*1), R8
	SUBQ $2, BX
	JMP  pair

last:
	TESTQ BX, BX
	JZ    finished
	VPXOR Y0, Y0, Y0
	XORQ CX, CX

lastCols:
	VMOVDQU (SI)(CX*1), Y4
	VPABSB Y4, Y5
	VMOVDQU (R8)(CX*1), Y6
	VPSIGNB Y4, Y6, Y6
	VPMADDUBSW Y6, Y5, Y6
	VPMADDWD Y15, Y6, Y6
	VPADDD Y6, Y0, Y0
	ADDQ $32, CX
	CMPQ CX, DX
	JLT  lastCols

	VEXTRACTI128 $1, Y0, X1
	VPADDD X1, X0, X0
	VPHADDD X0, X0, X0
	VPHADDD X0, X0, X0
	VMOVD X0, (DI)

finished:
	VZEROUPPER
	RET

// func coarseRowsVPOPCNT(out *int32, planes *uint64, groups *uint64, words, n int)
//
// Eight rows at a time, a word of each; n is in groups of eight.
TEXT ·coarseRowsVPOPCNT(SB), NOSPLIT, $0-40
	MOVQ out+0(FP), DI
	MOVQ planes+8(FP), SI
	MOVQ groups+16(FP), R8
	MOVQ words+24(FP), DX
	MOVQ n+32(FP), BX

group:
	TESTQ BX, BX
	JZ    popcntDone
	VPXORQ Z0, Z0, Z0
	VPXORQ Z1, Z1, Z1
	VPXORQ Z2, Z2, Z2
	VPXORQ Z3, Z3, Z3
	MOVQ SI, R9
	MOVQ DX, CX

word:
	VMOVDQU64 (R8), Z4
	VPANDQ.BCST (R9), Z4, Z5
	VPANDQ.BCST 8(R9), Z4, Z6
	VPANDQ.BCST 16(R9), Z4, Z7
	VPANDQ.BCST 24(R9), Z4, Z8
	VPOPCNTQ Z5, Z5
	VPOPCNTQ Z6, Z6
	VPOPCNTQ Z7, Z7
	VPOPCNTQ Z8, Z8
	VPADDQ Z5, Z0, Z0
	VPADDQ Z6, Z1, Z1
	VPADDQ Z7, Z2, Z2
	VPADDQ Z8, Z3, Z3
	ADDQ $64, R8
	ADDQ $32, R9
	DECQ CX
	JNZ  word

	VPSLLQ $1, Z1, Z1
	VPSLLQ $2, Z2, Z2
	VPSLLQ $3, Z3, Z3
	VPADDQ Z1, Z0, Z0
	VPADDQ Z3, Z2, Z2
	VPADDQ Z2, Z0, Z0
	VPMOVQD Z0, Y0
	VMOVDQU Y0, (DI)
	ADDQ $32, DI
	DECQ BX
	JMP  group

popcntDone:
	VZEROUPPER
	RET
