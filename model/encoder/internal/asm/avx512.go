package main

import "fmt"

// maxRows is how many rows a product or an attention block has at most: 6 rows of
// 32 outputs fill the registers.
const maxRows = 6

const (
	blockBytes = 576  // a group of a panel, as in package layout
	wideBlock  = 1152 // the same widened: 32 float32 scales, 8 steps of 128 codes
)

func avx512() string {
	s := newSource()
	s.constants("gelu512", append([]string{"5.0", "-5.0", "0.08", "-1.0", "0.5"}, geluTerms...)...)
	// The softmax works on powers of two: scores are multiplied by log2(e)/√32.
	s.constants("softmax512", append([]string{"0.25503486"}, exp2Terms...)...)
	s.constants("quantise512", "127.0", "0.007874015748031496")
	s.WriteString("DATA order512<>+0(SB)/8, $0x0000000400000000\nDATA order512<>+8(SB)/8, $0x0000000c00000008\n" +
		"DATA order512<>+16(SB)/8, $0x0000000500000001\nDATA order512<>+24(SB)/8, $0x0000000d00000009\n" +
		"DATA order512<>+32(SB)/8, $0x0000000600000002\nDATA order512<>+40(SB)/8, $0x0000000e0000000a\n" +
		"DATA order512<>+48(SB)/8, $0x0000000700000003\nDATA order512<>+56(SB)/8, $0x0000000f0000000b\n" +
		"GLOBL order512<>(SB), RODATA|NOPTR, $64\n\n")
	s.WriteString("DATA lanes512<>+0(SB)/8, $0x0000000100000000\nDATA lanes512<>+8(SB)/8, $0x0000000300000002\n" +
		"DATA lanes512<>+16(SB)/8, $0x0000000500000004\nDATA lanes512<>+24(SB)/8, $0x0000000700000006\n" +
		"DATA lanes512<>+32(SB)/8, $0x0000000900000008\nDATA lanes512<>+40(SB)/8, $0x0000000b0000000a\n" +
		"DATA lanes512<>+48(SB)/8, $0x0000000d0000000c\nDATA lanes512<>+56(SB)/8, $0x0000000f0000000e\n" +
		"GLOBL lanes512<>(SB), RODATA|NOPTR, $64\n")
	widen512(s)
	for rows := 1; rows <= maxRows; rows++ {
		linear512(s, rows)
	}
	quantise512(s)
	transpose512(s)
	for rows := 1; rows <= maxRows; rows++ {
		attend512(s, rows)
	}
	addNorm512(s)
	gelu512(s)
	return s.String()
}

func widen512(s *source) {
	s.function("widenAVX512", "func widenAVX512(wide, panel *byte, groups int)", 24)
	s.line("MOVQ wide+0(FP), DI")
	s.line("MOVQ panel+8(FP), SI")
	s.line("MOVQ groups+16(FP), CX")
	s.line("MOVL $0x0F0F0F0F, AX")
	s.line("VPBROADCASTD AX, Z31")
	s.label("group")
	s.line("VCVTPH2PS (SI), Z0")
	s.line("VCVTPH2PS 32(SI), Z1")
	s.line("VMOVUPS Z0, (DI)")
	s.line("VMOVUPS Z1, 64(DI)")
	for step := range 8 {
		a, b := 2+2*(step%4), 3+2*(step%4)
		s.line("VMOVDQU64 %d(SI), Z%d", 64+64*step, a)
		s.line("VPSRLW $4, Z%d, Z%d", a, b)
		s.line("VPANDD Z31, Z%d, Z%d", a, a)
		s.line("VPANDD Z31, Z%d, Z%d", b, b)
		s.line("VMOVDQU64 Z%d, %d(DI)", a, 128+128*step)
		s.line("VMOVDQU64 Z%d, %d(DI)", b, 192+128*step)
	}
	s.line("ADDQ $%d, SI", blockBytes)
	s.line("ADDQ $%d, DI", wideBlock)
	s.line("DECQ CX")
	s.line("JNZ group")
	s.line("VZEROUPPER")
	s.line("RET")
}

// row addresses row r of an array whose rows are stride apart: base is row 0,
// third row 3.
func row(r int, offset int, base, third, stride string) string {
	if r >= 3 {
		base = third
		r -= 3
	}
	if r == 0 {
		return fmt.Sprintf("%d(%s)", offset, base)
	}
	return fmt.Sprintf("%d(%s)(%s*%d)", offset, base, stride, r)
}

func linear512(s *source, rows int) {
	s.function(fmt.Sprintf("linear%dAVX512", rows),
		fmt.Sprintf("func linear%dAVX512(out *float32, stride int, wide *byte, bias *float32, q *int8, offsets *int32, scales *float32, groups int)", rows), 64)
	s.line("MOVQ out+0(FP), DX")
	s.line("MOVQ stride+8(FP), R12")
	s.line("MOVQ wide+16(FP), BX")
	s.line("MOVQ bias+24(FP), AX")
	s.line("MOVQ q+32(FP), SI")
	s.line("MOVQ offsets+40(FP), R9")
	s.line("MOVQ scales+48(FP), R13")
	s.line("MOVQ groups+56(FP), CX")
	s.line("MOVQ CX, R10")
	s.line("SHLQ $2, R10")
	s.line("MOVQ CX, R8")
	s.line("SHLQ $5, R8")
	s.line("LEAQ (R8)(R8*2), DI")
	s.line("ADDQ SI, DI")
	s.line("LEAQ (R10)(R10*2), R11")
	s.line("ADDQ R9, R11")
	s.comment("Z0 to Z11 are a group's sums, Z12 to Z23 the results; row r has 2r and 2r+1.")
	for i := range 2 * rows {
		s.line("VPXORQ Z%d, Z%d, Z%d", 12+i, 12+i, 12+i)
	}
	s.label("group")
	for r := range rows {
		s.line("VPBROADCASTD %s, Z%d", row(r, 0, "R9", "R11", "R10"), 2*r)
		s.line("VMOVDQA64 Z%d, Z%d", 2*r, 2*r+1)
	}
	for step := range 8 {
		s.line("VMOVDQU64 %d(BX), Z24", 128+128*step)
		s.line("VMOVDQU64 %d(BX), Z25", 192+128*step)
		for r := range rows {
			s.line("VPBROADCASTD %s, Z%d", row(r, 4*step, "SI", "DI", "R8"), 26+r)
			s.line("VPDPBUSD Z%d, Z24, Z%d", 26+r, 2*r)
			s.line("VPDPBUSD Z%d, Z25, Z%d", 26+r, 2*r+1)
		}
	}
	s.line("VMOVUPS (BX), Z24")
	s.line("VMOVUPS 64(BX), Z25")
	for r := range rows {
		for half := range 2 {
			s.line("VCVTDQ2PS Z%d, Z%d", 2*r+half, 2*r+half)
			s.line("VFMADD231PS Z%d, Z%d, Z%d", 24+half, 2*r+half, 12+2*r+half)
		}
	}
	s.line("ADDQ $%d, BX", wideBlock)
	s.line("ADDQ $32, SI")
	s.line("ADDQ $32, DI")
	s.line("ADDQ $4, R9")
	s.line("ADDQ $4, R11")
	s.line("DECQ CX")
	s.line("JNZ group")
	s.line("VMOVUPS (AX), Z24")
	s.line("VMOVUPS 64(AX), Z25")
	s.line("LEAQ (R12)(R12*2), R11")
	s.line("ADDQ DX, R11")
	for r := range rows {
		s.line("VBROADCASTSS %d(R13), Z26", 4*r)
		for half := range 2 {
			s.line("VFMADD213PS Z%d, Z26, Z%d", 24+half, 12+2*r+half)
			s.line("VMOVUPS Z%d, %s", 12+2*r+half, row(r, 64*half, "DX", "R11", "R12"))
		}
	}
	s.line("VZEROUPPER")
	s.line("RET")
}

// fold reduces register z to its lowest lane with op, using t; both below 32.
func fold(s *source, op string, z, t int) {
	s.line("VEXTRACTF64X4 $1, Z%d, Y%d", z, t)
	s.line("%s Y%d, Y%d, Y%d", op, t, z, z)
	s.line("VEXTRACTF32X4 $1, Y%d, X%d", z, t)
	s.line("%s X%d, X%d, X%d", op, t, z, z)
	s.line("VPSHUFD $0x4E, X%d, X%d", z, t)
	s.line("%s X%d, X%d, X%d", op, t, z, z)
	s.line("VPSHUFD $0xB1, X%d, X%d", z, t)
	s.line("%s X%d, X%d, X%d", op, t, z, z)
}

func quantise512(s *source) {
	s.function("quantiseAVX512", "func quantiseAVX512(q *int8, offsets *int32, scales, x, spread *float32, rows, n int): n is a multiple of 64.", 56)
	s.line("MOVQ q+0(FP), DI")
	s.line("MOVQ offsets+8(FP), R9")
	s.line("MOVQ scales+16(FP), R10")
	s.line("MOVQ x+24(FP), SI")
	s.line("MOVQ spread+32(FP), R11")
	s.line("MOVQ rows+40(FP), DX")
	s.line("MOVQ n+48(FP), R8")
	s.line("SHRQ $6, R8")
	s.line("MOVL $0x7FFFFFFF, AX")
	s.line("VPBROADCASTD AX, Z31")
	s.line("MOVL $0x80808080, AX")
	s.line("VPBROADCASTD AX, Z30")
	s.line("VPXORQ Z29, Z29, Z29")
	s.line("MOVQ $32768, AX")
	s.line("VPBROADCASTQ AX, Z28")
	s.line("VMOVDQU64 order512<>(SB), Z27")
	s.label("row")
	s.line("MOVQ SI, BX")
	s.line("MOVQ R11, R12")
	s.line("MOVQ R8, CX")
	for i := range 4 {
		s.line("VPXORQ Z%d, Z%d, Z%d", i, i, i)
	}
	s.label("top")
	s.line("VBROADCASTSS (R12), Z24")
	s.line("VBROADCASTSS 4(R12), Z25")
	s.line("ADDQ $8, R12")
	for i := range 4 {
		s.line("VPANDD %d(BX), Z31, Z%d", 64*i, 4+i)
		s.line("VMULPS Z%d, Z%d, Z%d", 24+i/2, 4+i, 4+i)
		s.line("VMAXPS Z%d, Z%d, Z%d", 4+i, i, i)
	}
	s.line("ADDQ $256, BX")
	s.line("DECQ CX")
	s.line("JNZ top")
	s.line("VMAXPS Z1, Z0, Z0")
	s.line("VMAXPS Z3, Z2, Z2")
	s.line("VMAXPS Z2, Z0, Z0")
	fold(s, "VMAXPS", 0, 1)
	s.line("VMOVSS quantise512<>+0(SB), X2")
	s.line("VDIVSS X2, X0, X1")
	s.line("VMOVSS X1, (R10)")
	s.comment("A row of zeros: its inverse is 0, not infinite.")
	s.line("VPXORQ X3, X3, X3")
	s.line("VDIVSS X0, X2, X2")
	s.line("VUCOMISS X3, X0")
	s.line("JNE some")
	s.line("VPXORQ X2, X2, X2")
	s.label("some")
	s.line("VBROADCASTSS X2, Z26")
	s.line("MOVQ R8, CX")
	s.line("MOVQ R11, R12")
	s.label("narrow")
	s.line("VMULPS.BCST (R12), Z26, Z24")
	s.line("VMULPS.BCST 4(R12), Z26, Z25")
	s.line("ADDQ $8, R12")
	for i := range 4 {
		s.line("VMULPS %d(SI), Z%d, Z%d", 64*i, 24+i/2, i)
		s.line("VCVTPS2DQ Z%d, Z%d", i, i)
	}
	s.line("VPACKSSDW Z1, Z0, Z0")
	s.line("VPACKSSDW Z3, Z2, Z2")
	s.line("VPACKSSWB Z2, Z0, Z0")
	s.line("VPERMD Z0, Z27, Z0")
	s.line("VMOVDQU64 Z0, (DI)")
	s.comment("Sums of bytes made unsigned, eight each, then of four neighbours.")
	s.line("VPXORD Z30, Z0, Z0")
	s.line("VPSADBW Z29, Z0, Z0")
	s.line("VPSHUFD $0x4E, Z0, Z1")
	s.line("VPADDQ Z1, Z0, Z0")
	s.line("VPERMQ $0x4E, Z0, Z1")
	s.line("VPADDQ Z1, Z0, Z0")
	s.line("VPSLLQ $3, Z0, Z0")
	s.line("VPSUBQ Z0, Z28, Z0")
	s.line("VEXTRACTI64X4 $1, Z0, Y1")
	s.line("VPUNPCKLDQ X1, X0, X0")
	s.line("VMOVQ X0, (R9)")
	s.line("ADDQ $256, SI")
	s.line("ADDQ $64, DI")
	s.line("ADDQ $8, R9")
	s.line("DECQ CX")
	s.line("JNZ narrow")
	s.line("ADDQ $4, R10")
	s.line("DECQ DX")
	s.line("JNZ row")
	s.line("VZEROUPPER")
	s.line("RET")
}

// transpose512 writes keys in blocks of 32: for each of 32 elements 32 keys side
// by side. Keys beyond the last are zero.
func transpose512(s *source) {
	s.function("transposeAVX512", "func transposeAVX512(dst, keys *float32, stride, tokens int): stride in values; dst has whole blocks.", 32)
	s.line("MOVQ dst+0(FP), DI")
	s.line("MOVQ keys+8(FP), SI")
	s.line("MOVQ stride+16(FP), R8")
	s.line("MOVQ tokens+24(FP), DX")
	s.line("VPBROADCASTD R8, Z31")
	s.line("VPMULLD lanes512<>(SB), Z31, Z31")
	s.line("SHLQ $6, R8")
	s.label("block")
	s.comment("Masks of the keys that there are: R10 the first 16, R11 the next.")
	s.line("MOVL $-1, R9")
	s.line("CMPQ DX, $32")
	s.line("JGE full")
	s.line("MOVQ DX, CX")
	s.line("MOVL $1, R9")
	s.line("SHLL CX, R9")
	s.line("DECL R9")
	s.label("full")
	s.line("MOVL R9, R10")
	s.line("MOVL R9, R11")
	s.line("SHRL $16, R11")
	s.line("MOVQ SI, BX")
	s.line("LEAQ (SI)(R8*1), R12")
	s.line("MOVQ $32, CX")
	s.label("element")
	s.line("KMOVW R10, K1")
	s.line("KMOVW R11, K2")
	s.line("VPXORQ Z0, Z0, Z0")
	s.line("VPXORQ Z1, Z1, Z1")
	s.line("VGATHERDPS (BX)(Z31*4), K1, Z0")
	s.line("VGATHERDPS (R12)(Z31*4), K2, Z1")
	s.line("VMOVUPS Z0, (DI)")
	s.line("VMOVUPS Z1, 64(DI)")
	s.line("ADDQ $4, BX")
	s.line("ADDQ $4, R12")
	s.line("ADDQ $128, DI")
	s.line("DECQ CX")
	s.line("JNZ element")
	s.line("LEAQ (SI)(R8*2), SI")
	s.line("SUBQ $32, DX")
	s.line("JG block")
	s.line("VZEROUPPER")
	s.line("RET")
}

func attend512(s *source, rows int) {
	s.function(fmt.Sprintf("attend%dAVX512", rows),
		fmt.Sprintf("func attend%dAVX512(out *float32, outStride int, queries, keys, values *float32, stride int, scores *float32, tokens int): strides in bytes; keys as transposeAVX512 writes them; scores has %d rows of tokens, rounded up to 32, values.", rows, rows), 64)
	s.line("MOVQ queries+16(FP), SI")
	s.line("MOVQ keys+24(FP), BX")
	s.line("MOVQ stride+40(FP), R8")
	s.line("MOVQ scores+48(FP), DX")
	s.line("MOVQ tokens+56(FP), R9")
	s.line("LEAQ (R8)(R8*2), DI")
	s.line("ADDQ SI, DI")
	s.comment("R10 is a row of scores in bytes, R11 row 3.")
	s.line("LEAQ 31(R9), R10")
	s.line("ANDQ $-32, R10")
	s.line("SHLQ $2, R10")
	s.line("LEAQ (R10)(R10*2), R11")
	s.line("ADDQ DX, R11")
	s.line("MOVL $0xFF800000, AX")
	for r := range rows {
		s.line("VPBROADCASTD AX, Z%d", 20+r)
	}
	s.comment("Scores of 32 keys at a time, and the rows' largest in Z20 and up.")
	s.label("block")
	for i := range 2 * rows {
		s.line("VPXORQ Z%d, Z%d, Z%d", i, i, i)
	}
	s.line("MOVQ $4, CX")
	s.label("element")
	for e := range 8 {
		s.line("VMOVUPS %d(BX), Z12", 128*e)
		s.line("VMOVUPS %d(BX), Z13", 128*e+64)
		for r := range rows {
			s.line("VBROADCASTSS %s, Z%d", row(r, 4*e, "SI", "DI", "R8"), 14+r)
			s.line("VFMADD231PS Z12, Z%d, Z%d", 14+r, 2*r)
			s.line("VFMADD231PS Z13, Z%d, Z%d", 14+r, 2*r+1)
		}
	}
	s.line("ADDQ $1024, BX")
	s.line("ADDQ $32, SI")
	s.line("ADDQ $32, DI")
	s.line("DECQ CX")
	s.line("JNZ element")
	s.line("SUBQ $128, SI")
	s.line("SUBQ $128, DI")
	s.line("MOVL $-1, AX")
	s.line("CMPQ R9, $32")
	s.line("JGE full")
	s.line("MOVQ R9, CX")
	s.line("MOVL $1, AX")
	s.line("SHLL CX, AX")
	s.line("DECL AX")
	s.label("full")
	s.line("KMOVW AX, K1")
	s.line("SHRL $16, AX")
	s.line("KMOVW AX, K2")
	for r := range rows {
		s.line("VMOVUPS Z%d, %s", 2*r, row(r, 0, "DX", "R11", "R10"))
		s.line("VMOVUPS Z%d, %s", 2*r+1, row(r, 64, "DX", "R11", "R10"))
		s.line("VMAXPS Z%d, Z%d, K1, Z%d", 2*r, 20+r, 20+r)
		s.line("VMAXPS Z%d, Z%d, K2, Z%d", 2*r+1, 20+r, 20+r)
	}
	s.line("ADDQ $128, DX")
	s.line("ADDQ $128, R11")
	s.line("SUBQ $32, R9")
	s.line("JG block")

	s.comment("Powers of two of the scores less their largest, and one over their sums in Z26 and up.")
	for i := range 7 {
		s.line("VBROADCASTSS softmax512<>+%d(SB), Z%d", 4*i, i)
	}
	s.line("MOVQ scores+48(FP), DX")
	s.line("MOVQ tokens+56(FP), R9")
	s.line("MOVQ R9, CX")
	s.line("ANDQ $15, CX")
	s.line("MOVL $1, AX")
	s.line("SHLL CX, AX")
	s.line("DECL AX")
	s.line("KMOVW AX, K1")
	s.line("MOVL $0x3F800000, AX")
	s.line("VPBROADCASTD AX, Z14")
	exp2 := func() {
		s.line("VFMSUB132PS (BX), Z7, Z8")
		s.line("VRNDSCALEPS $0, Z8, Z9")
		s.line("VSUBPS Z9, Z8, Z8")
		s.line("VMOVAPS Z6, Z10")
		for i := 5; i >= 1; i-- {
			s.line("VFMADD213PS Z%d, Z8, Z10", i)
		}
		s.line("VSCALEFPS Z9, Z10, Z10")
	}
	for r := range rows {
		fold(s, "VMAXPS", 20+r, 7)
		s.line("VBROADCASTSS X%d, Z7", 20+r)
		s.line("VMULPS Z0, Z7, Z7")
		s.line("VPXORQ Z13, Z13, Z13")
		s.line("MOVQ DX, BX")
		s.line("MOVQ R9, CX")
		s.line("SHRQ $4, CX")
		s.line("JZ part%d", r)
		s.label(fmt.Sprintf("whole%d", r))
		s.line("VMOVAPS Z0, Z8")
		exp2()
		s.line("VADDPS Z10, Z13, Z13")
		s.line("VMOVUPS Z10, (BX)")
		s.line("ADDQ $64, BX")
		s.line("DECQ CX")
		s.line("JNZ whole%d", r)
		s.label(fmt.Sprintf("part%d", r))
		s.line("TESTQ $15, R9")
		s.line("JZ sum%d", r)
		s.line("VMOVAPS Z0, Z8")
		exp2()
		s.line("VADDPS Z10, Z13, K1, Z13")
		s.line("VMOVUPS Z10, (BX)")
		s.label(fmt.Sprintf("sum%d", r))
		fold(s, "VADDPS", 13, 8)
		s.line("VDIVSS X13, X14, X13")
		s.line("VBROADCASTSS X13, Z%d", 26+r)
		s.line("ADDQ R10, DX")
	}

	s.comment("The values' sums.")
	for i := range 2 * rows {
		s.line("VPXORQ Z%d, Z%d, Z%d", i, i, i)
	}
	s.line("MOVQ values+32(FP), BX")
	s.line("MOVQ scores+48(FP), DX")
	s.line("LEAQ (R10)(R10*2), R11")
	s.line("ADDQ DX, R11")
	s.label("value")
	s.line("VMOVUPS (BX), Z12")
	s.line("VMOVUPS 64(BX), Z13")
	for r := range rows {
		s.line("VBROADCASTSS %s, Z%d", row(r, 0, "DX", "R11", "R10"), 14+r)
		s.line("VFMADD231PS Z12, Z%d, Z%d", 14+r, 2*r)
		s.line("VFMADD231PS Z13, Z%d, Z%d", 14+r, 2*r+1)
	}
	s.line("ADDQ R8, BX")
	s.line("ADDQ $4, DX")
	s.line("ADDQ $4, R11")
	s.line("DECQ R9")
	s.line("JNZ value")
	s.line("MOVQ out+0(FP), DI")
	s.line("MOVQ outStride+8(FP), R12")
	s.line("LEAQ (R12)(R12*2), R11")
	s.line("ADDQ DI, R11")
	for r := range rows {
		for half := range 2 {
			s.line("VMULPS Z%d, Z%d, Z%d", 26+r, 2*r+half, 2*r+half)
			s.line("VMOVUPS Z%d, %s", 2*r+half, row(r, 64*half, "DI", "R11", "R12"))
		}
	}
	s.line("VZEROUPPER")
	s.line("RET")
}

func addNorm512(s *source) {
	s.function("addNormAVX512", "func addNormAVX512(x, y, scale, shift *float32, rows, n int, inverse, epsilon float32): n is a multiple of 64, inverse 1/n.", 56)
	s.line("MOVQ x+0(FP), DI")
	s.line("MOVQ y+8(FP), SI")
	s.line("MOVQ scale+16(FP), R8")
	s.line("MOVQ shift+24(FP), R9")
	s.line("MOVQ rows+32(FP), DX")
	s.line("MOVQ n+40(FP), R10")
	s.line("SHRQ $6, R10")
	s.line("MOVL $0x3F800000, AX")
	s.line("VMOVD AX, X29")
	s.label("row")
	for i := range 4 {
		s.line("VPXORQ Z%d, Z%d, Z%d", i, i, i)
	}
	s.line("MOVQ DI, BX")
	s.line("MOVQ R10, CX")
	s.label("add")
	for i := range 4 {
		s.line("VMOVUPS %d(BX), Z%d", 64*i, 4+i)
		s.line("VADDPS %d(SI), Z%d, Z%d", 64*i, 4+i, 4+i)
		s.line("VMOVUPS Z%d, %d(BX)", 4+i, 64*i)
		s.line("VADDPS Z%d, Z%d, Z%d", 4+i, i, i)
	}
	s.line("ADDQ $256, BX")
	s.line("ADDQ $256, SI")
	s.line("DECQ CX")
	s.line("JNZ add")
	s.line("VADDPS Z1, Z0, Z0")
	s.line("VADDPS Z3, Z2, Z2")
	s.line("VADDPS Z2, Z0, Z0")
	fold(s, "VADDPS", 0, 1)
	s.line("VMULSS inverse+48(FP), X0, X0")
	s.line("VBROADCASTSS X0, Z31")
	for i := range 4 {
		s.line("VPXORQ Z%d, Z%d, Z%d", i, i, i)
	}
	s.line("MOVQ DI, BX")
	s.line("MOVQ R10, CX")
	s.label("square")
	for i := range 4 {
		s.line("VMOVUPS %d(BX), Z%d", 64*i, 4+i)
		s.line("VSUBPS Z31, Z%d, Z%d", 4+i, 4+i)
		s.line("VFMADD231PS Z%d, Z%d, Z%d", 4+i, 4+i, i)
	}
	s.line("ADDQ $256, BX")
	s.line("DECQ CX")
	s.line("JNZ square")
	s.line("VADDPS Z1, Z0, Z0")
	s.line("VADDPS Z3, Z2, Z2")
	s.line("VADDPS Z2, Z0, Z0")
	fold(s, "VADDPS", 0, 1)
	s.line("VMULSS inverse+48(FP), X0, X0")
	s.line("VADDSS epsilon+52(FP), X0, X0")
	s.line("VSQRTSS X0, X0, X0")
	s.line("VDIVSS X0, X29, X0")
	s.line("VBROADCASTSS X0, Z30")
	s.line("XORQ BX, BX")
	s.line("MOVQ R10, CX")
	s.label("scale")
	for i := range 4 {
		s.line("VMOVUPS %d(DI)(BX*1), Z%d", 64*i, 4+i)
		s.line("VSUBPS Z31, Z%d, Z%d", 4+i, 4+i)
		s.line("VMULPS Z30, Z%d, Z%d", 4+i, 4+i)
		s.line("VMOVUPS %d(R8)(BX*1), Z%d", 64*i, 8+i)
		s.line("VFMADD213PS %d(R9)(BX*1), Z%d, Z%d", 64*i, 8+i, 4+i)
		s.line("VMOVUPS Z%d, %d(DI)(BX*1)", 4+i, 64*i)
	}
	s.line("ADDQ $256, BX")
	s.line("DECQ CX")
	s.line("JNZ scale")
	s.line("ADDQ BX, DI")
	s.line("DECQ DX")
	s.line("JNZ row")
	s.line("VZEROUPPER")
	s.line("RET")
}

func gelu512(s *source) {
	s.function("geluAVX512", "func geluAVX512(x *float32, n int): n is a multiple of 64.", 16)
	s.line("MOVQ x+0(FP), SI")
	s.line("MOVQ n+8(FP), CX")
	s.line("SHRQ $6, CX")
	for i := range 5 + len(geluTerms) {
		s.line("VBROADCASTSS gelu512<>+%d(SB), Z%d", 4*i, 16+i)
	}
	s.label("next")
	for i := range 4 {
		s.line("VMOVUPS %d(SI), Z%d", 64*i, i)
		s.line("VMINPS Z16, Z%d, Z%d", i, 4+i)
		s.line("VMAXPS Z17, Z%d, Z%d", 4+i, 4+i)
		s.line("VMULPS Z%d, Z%d, Z%d", 4+i, 4+i, 8+i)
		s.line("VFMADD132PS Z18, Z19, Z%d", 8+i)
		s.line("VMOVAPS Z31, Z%d", 12+i)
	}
	for t := len(geluTerms) - 2; t >= 0; t-- {
		for i := range 4 {
			s.line("VFMADD213PS Z%d, Z%d, Z%d", 21+t, 8+i, 12+i)
		}
	}
	for i := range 4 {
		s.line("VFMADD213PS Z20, Z%d, Z%d", 4+i, 12+i)
		s.line("VMULPS Z%d, Z%d, Z%d", i, 12+i, i)
		s.line("VMOVUPS Z%d, %d(SI)", i, 64*i)
	}
	s.line("ADDQ $256, SI")
	s.line("DECQ CX")
	s.line("JNZ next")
	s.line("VZEROUPPER")
	s.line("RET")
}
