//go:build !purego

#include "textflag.h"

// FOURSUMS writes the sums of Z0 to Z3 to DI, ONESUM that of Z0.
#define FOURSUMS \
	VEXTRACTI64X4 $1, Z0, Y5; \
	VEXTRACTI64X4 $1, Z1, Y6; \
	VEXTRACTI64X4 $1, Z2, Y7; \
	VEXTRACTI64X4 $1, Z3, Y8; \
	VPADDD Y5, Y0, Y0; \
	VPADDD Y6, Y1, Y1; \
	VPADDD Y7, Y2, Y2; \
	VPADDD Y8, Y3, Y3; \
	VPHADDD Y1, Y0, Y0; \
	VPHADDD Y3, Y2, Y2; \
	VPHADDD Y2, Y0, Y0; \
	VEXTRACTI128 $1, Y0, X1; \
	VPADDD X1, X0, X0; \
	VMOVDQU X0, (DI); \
	ADDQ $16, DI

#define ONESUM \
	VEXTRACTI64X4 $1, Z0, Y5; \
	VPADDD Y5, Y0, Y0; \
	VEXTRACTI128 $1, Y0, X1; \
	VPADDD X1, X0, X0; \
	VPHADDD X0, X0, X0; \
	VPHADDD X0, X0, X0; \
	VMOVD X0, (DI); \
	ADDQ $4, DI

// BOUNDS writes the bounds of eight rows to DI, of whose components the levels add
// up to Y0, and to R10 which of them are not below the bar. What comes next of
// R11 to R13 is asked for ahead.
#define BOUNDS \
	PREFETCHT0 512(R11); \
	PREFETCHT0 512(R12); \
	PREFETCHT0 512(R13); \
	VCVTDQ2PS Y0, Y0; \
	VCVTDQ2PS (R13), Y1; \
	VMULPS Y10, Y1, Y1; \
	VFMADD231PS Y11, Y0, Y1; \
	VSUBPS Y12, Y1, Y1; \
	VMULPS (R11), Y1, Y1; \
	VMOVUPS (R12), Y2; \
	VFMADD231PS Y13, Y2, Y1; \
	VMOVUPS Y1, (DI); \
	VCMPPS $5, Y14, Y1, Y3; \
	VMOVMSKPS Y3, AX; \
	MOVB AX, (R10); \
	ADDQ $32, DI; \
	INCQ R10; \
	ADDQ $32, R11; \
	ADDQ $32, R12; \
	ADDQ $32, R13

// func dotRowsVNNI(out *int32, biased *byte, rows *int8, width, n int)
//
// Four rows at a time, 64 bytes of each; then one at a time. What comes eight
// rows later is asked of memory ahead.
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
	PREFETCHT0 3072(R8)(CX*1)
	PREFETCHT0 3072(R9)(CX*1)
	PREFETCHT0 3072(R10)(CX*1)
	PREFETCHT0 3072(R11)(CX*1)
	VMOVDQU64 (SI)(CX*1), Z4
	VPDPBUSD (R8)(CX*1), Z4, Z0
	VPDPBUSD (R9)(CX*1), Z4, Z1
	VPDPBUSD (R10)(CX*1), Z4, Z2
	VPDPBUSD (R11)(CX*1), Z4, Z3
	ADDQ $64, CX
	CMPQ CX, DX
	JLT  fourCols

	FOURSUMS
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

	ONESUM
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

// func dotRowsAtVNNI(out *int32, biased *byte, codes *int8, rows *uint32, width, n int)
//
// dotRowsVNNI for rows that lie apart: four at a time, so that their reads of
// memory wait together.
TEXT ·dotRowsAtVNNI(SB), NOSPLIT, $0-48
	MOVQ out+0(FP), DI
	MOVQ biased+8(FP), SI
	MOVQ codes+16(FP), R12
	MOVQ rows+24(FP), R13
	MOVQ width+32(FP), DX
	MOVQ n+40(FP), BX

atFour:
	CMPQ BX, $4
	JLT  atOne
	MOVL (R13), R8
	MOVL 4(R13), R9
	MOVL 8(R13), R10
	MOVL 12(R13), R11
	IMULQ DX, R8
	IMULQ DX, R9
	IMULQ DX, R10
	IMULQ DX, R11
	ADDQ R12, R8
	ADDQ R12, R9
	ADDQ R12, R10
	ADDQ R12, R11
	VPXORQ Z0, Z0, Z0
	VPXORQ Z1, Z1, Z1
	VPXORQ Z2, Z2, Z2
	VPXORQ Z3, Z3, Z3
	XORQ CX, CX

atFourCols:
	VMOVDQU64 (SI)(CX*1), Z4
	VPDPBUSD (R8)(CX*1), Z4, Z0
	VPDPBUSD (R9)(CX*1), Z4, Z1
	VPDPBUSD (R10)(CX*1), Z4, Z2
	VPDPBUSD (R11)(CX*1), Z4, Z3
	ADDQ $64, CX
	CMPQ CX, DX
	JLT  atFourCols

	FOURSUMS
	ADDQ $16, R13
	SUBQ $4, BX
	JMP  atFour

atOne:
	TESTQ BX, BX
	JZ    atDone
	MOVL (R13), R8
	IMULQ DX, R8
	ADDQ R12, R8
	VPXORQ Z0, Z0, Z0
	XORQ CX, CX

atOneCols:
	VMOVDQU64 (SI)(CX*1), Z4
	VPDPBUSD (R8)(CX*1), Z4, Z0
	ADDQ $64, CX
	CMPQ CX, DX
	JLT  atOneCols

	ONESUM
	ADDQ $4, R13
	DECQ BX
	JMP  atOne

atDone:
	VZEROUPPER
	RET

// func coarseBoundsVPOPCNT(bounds *float32, masks *byte, planes, groups *uint64, factor, spread *float32, ones *int32, words, n int, low, step, sum, errors, bar float32)
//
// Eight rows at a time, a word of each; n is in groups of eight. What comes
// next of memory is asked for ahead, since reading by itself stops at pages.
TEXT ·coarseBoundsVPOPCNT(SB), NOSPLIT, $0-92
	MOVQ bounds+0(FP), DI
	MOVQ masks+8(FP), R10
	MOVQ planes+16(FP), SI
	MOVQ groups+24(FP), R8
	MOVQ factor+32(FP), R11
	MOVQ spread+40(FP), R12
	MOVQ ones+48(FP), R13
	MOVQ words+56(FP), DX
	MOVQ n+64(FP), BX
	VBROADCASTSS low+72(FP), Y10
	VBROADCASTSS step+76(FP), Y11
	VBROADCASTSS sum+80(FP), Y12
	VBROADCASTSS errors+84(FP), Y13
	VBROADCASTSS bar+88(FP), Y14

group:
	TESTQ BX, BX
	JZ    boundsDone
	VPXORQ Z0, Z0, Z0
	VPXORQ Z1, Z1, Z1
	VPXORQ Z2, Z2, Z2
	VPXORQ Z3, Z3, Z3
	MOVQ SI, R9
	MOVQ DX, CX

word:
	PREFETCHT0 2048(R8)
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

	BOUNDS
	DECQ BX
	JMP  group

boundsDone:
	VZEROUPPER
	RET

DATA nibbleBits<>+0(SB)/8, $0x0302020102010100
DATA nibbleBits<>+8(SB)/8, $0x0403030203020201
GLOBL nibbleBits<>(SB), RODATA|NOPTR, $16

// LEVELS adds to the bytes of a, for the words x of four rows, the bits that they
// have in common with a plane, after doubling what is there. Y8 holds the bits of
// each nibble, Y9 ones in each lower nibble.
#define LEVELS(plane, x, a) \
	VPBROADCASTQ plane, Y4; \
	VPAND Y4, x, Y4; \
	VPAND Y9, Y4, Y5; \
	VPSRLW $4, Y4, Y4; \
	VPAND Y9, Y4, Y4; \
	VPSHUFB Y5, Y8, Y5; \
	VPSHUFB Y4, Y8, Y4; \
	VPADDB a, a, a; \
	VPADDB Y5, Y4, Y4; \
	VPADDB Y4, a, a

// func coarseBoundsAVX2(bounds *float32, masks *byte, planes, groups *uint64, factor, spread *float32, ones *int32, words, n int, low, step, sum, errors, bar float32)
//
// coarseBoundsVPOPCNT with tables of the bits of nibbles: a word's levels are at
// most 120 a byte.
TEXT ·coarseBoundsAVX2(SB), NOSPLIT, $0-92
	MOVQ bounds+0(FP), DI
	MOVQ masks+8(FP), R10
	MOVQ planes+16(FP), SI
	MOVQ groups+24(FP), R8
	MOVQ factor+32(FP), R11
	MOVQ spread+40(FP), R12
	MOVQ ones+48(FP), R13
	MOVQ words+56(FP), DX
	MOVQ n+64(FP), BX
	VBROADCASTI128 nibbleBits<>(SB), Y8
	VPCMPEQB Y9, Y9, Y9
	VPSRLW $12, Y9, Y9
	VPSLLW $8, Y9, Y4
	VPOR Y4, Y9, Y9
	VBROADCASTSS low+72(FP), Y10
	VBROADCASTSS step+76(FP), Y11
	VBROADCASTSS sum+80(FP), Y12
	VBROADCASTSS errors+84(FP), Y13
	VBROADCASTSS bar+88(FP), Y14
	VPXOR Y15, Y15, Y15

avx2Group:
	TESTQ BX, BX
	JZ    avx2Done
	VPXOR Y0, Y0, Y0
	VPXOR Y1, Y1, Y1
	MOVQ SI, R9
	MOVQ DX, CX

avx2Word:
	PREFETCHT0 2048(R8)
	VMOVDQU (R8), Y6
	VPXOR Y2, Y2, Y2
	LEVELS(24(R9), Y6, Y2)
	LEVELS(16(R9), Y6, Y2)
	LEVELS(8(R9), Y6, Y2)
	LEVELS((R9), Y6, Y2)
	VPSADBW Y15, Y2, Y2
	VPADDQ Y2, Y0, Y0
	VMOVDQU 32(R8), Y6
	VPXOR Y3, Y3, Y3
	LEVELS(24(R9), Y6, Y3)
	LEVELS(16(R9), Y6, Y3)
	LEVELS(8(R9), Y6, Y3)
	LEVELS((R9), Y6, Y3)
	VPSADBW Y15, Y3, Y3
	VPADDQ Y3, Y1, Y1
	ADDQ $64, R8
	ADDQ $32, R9
	DECQ CX
	JNZ  avx2Word

	VSHUFPS $0x88, Y1, Y0, Y0
	VPERMQ $0xD8, Y0, Y0
	BOUNDS
	DECQ BX
	JMP  avx2Group

avx2Done:
	VZEROUPPER
	RET
