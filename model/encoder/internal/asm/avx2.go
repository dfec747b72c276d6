package main

import "fmt"

// AVX2 has 16 registers of 8 values: products take 3 rows of 16 outputs at a
// time, attention 4 rows of 16 values.
const (
	maxRowsAVX2   = 3
	maxAttendAVX2 = 4
)

func avx2() string {
	s := newSource()
	s.constants("gelu2", append([]string{"5.0", "-5.0", "0.08", "-1.0", "0.5"}, geluTerms...)...)
	s.constants("softmax2", append([]string{"0.25503486", "-126.0"}, exp2Terms...)...)
	s.constants("quantise2", "127.0")
	s.WriteString("DATA order2<>+0(SB)/8, $0x0000000400000000\nDATA order2<>+8(SB)/8, $0x0000000500000001\n" +
		"DATA order2<>+16(SB)/8, $0x0000000600000002\nDATA order2<>+24(SB)/8, $0x0000000700000003\n" +
		"GLOBL order2<>(SB), RODATA|NOPTR, $32\n\n")
	for i := range 4 {
		fmt.Fprintf(s, "DATA ones2<>+%d(SB)/8, $0x0001000100010001\n", 8*i)
	}
	s.WriteString("GLOBL ones2<>(SB), RODATA|NOPTR, $32\n")
	widen2(s)
	for rows := 1; rows <= maxRowsAVX2; rows++ {
		linear2(s, rows)
	}
	quantise2(s)
	for rows := 1; rows <= maxAttendAVX2; rows++ {
		scores2(s, rows)
	}
	softmax2(s)
	for rows := 1; rows <= maxAttendAVX2; rows++ {
		values2(s, rows)
	}
	addNorm2(s)
	gelu2(s)
	return s.String()
}

func widen2(s *source) {
	s.function("widenAVX2", "func widenAVX2(wide, panel *byte, groups int)", 24)
	s.line("MOVQ wide+0(FP), DI")
	s.line("MOVQ panel+8(FP), SI")
	s.line("MOVQ groups+16(FP), CX")
	s.line("MOVL $0x0F0F0F0F, AX")
	s.line("VMOVD AX, X15")
	s.line("VPBROADCASTD X15, Y15")
	s.label("group")
	for i := range 4 {
		s.line("VCVTPH2PS %d(SI), Y%d", 16*i, i)
		s.line("VMOVUPS Y%d, %d(DI)", i, 32*i)
	}
	for step := range 8 {
		for half := range 2 {
			a, b := 4*(step%2)+half, 4*(step%2)+2+half
			s.line("VMOVDQU %d(SI), Y%d", 64+64*step+32*half, a)
			s.line("VPSRLW $4, Y%d, Y%d", a, b)
			s.line("VPAND Y15, Y%d, Y%d", a, a)
			s.line("VPAND Y15, Y%d, Y%d", b, b)
			s.line("VMOVDQU Y%d, %d(DI)", a, 128+128*step+32*half)
			s.line("VMOVDQU Y%d, %d(DI)", b, 192+128*step+32*half)
		}
	}
	s.line("ADDQ $%d, SI", blockBytes)
	s.line("ADDQ $%d, DI", wideBlock)
	s.line("DECQ CX")
	s.line("JNZ group")
	s.line("VZEROUPPER")
	s.line("RET")
}

func linear2(s *source, rows int) {
	s.function(fmt.Sprintf("linear%dAVX2", rows),
		fmt.Sprintf("func linear%dAVX2(out *float32, stride int, wide *byte, bias *float32, q *int8, offsets *int32, scales *float32, groups int): 16 outputs.", rows), 64)
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
	s.comment("Y0 to Y5 are a group's sums in 16 bits (at most 8·2·15·127), Y6 to Y11 the results.")
	for i := range 2 * rows {
		s.line("VXORPS Y%d, Y%d, Y%d", 6+i, 6+i, 6+i)
	}
	s.label("group")
	for step := range 8 {
		s.line("VMOVDQU %d(BX), Y12", 128+128*step)
		s.line("VMOVDQU %d(BX), Y13", 160+128*step)
		for r := range rows {
			s.line("VPBROADCASTD %s, Y14", row(r, 4*step, "SI", "", "R8"))
			for half := range 2 {
				if step == 0 {
					s.line("VPMADDUBSW Y14, Y%d, Y%d", 12+half, 2*r+half)
				} else {
					s.line("VPMADDUBSW Y14, Y%d, Y15", 12+half)
					s.line("VPADDW Y15, Y%d, Y%d", 2*r+half, 2*r+half)
				}
			}
		}
	}
	s.line("VMOVDQU ones2<>(SB), Y12")
	for r := range rows {
		s.line("VPBROADCASTD %s, Y14", row(r, 0, "R9", "", "R10"))
		for half := range 2 {
			s.line("VPMADDWD Y12, Y%d, Y%d", 2*r+half, 2*r+half)
			s.line("VPADDD Y14, Y%d, Y%d", 2*r+half, 2*r+half)
			s.line("VCVTDQ2PS Y%d, Y%d", 2*r+half, 2*r+half)
			s.line("VFMADD231PS %d(BX), Y%d, Y%d", 32*half, 2*r+half, 6+2*r+half)
		}
	}
	s.line("ADDQ $%d, BX", wideBlock)
	s.line("ADDQ $32, SI")
	s.line("ADDQ $4, R9")
	s.line("DECQ CX")
	s.line("JNZ group")
	s.line("VMOVUPS (AX), Y12")
	s.line("VMOVUPS 32(AX), Y13")
	for r := range rows {
		s.line("VBROADCASTSS %d(R13), Y14", 4*r)
		for half := range 2 {
			s.line("VFMADD213PS Y%d, Y14, Y%d", 12+half, 6+2*r+half)
			s.line("VMOVUPS Y%d, %s", 6+2*r+half, row(r, 32*half, "DX", "", "R12"))
		}
	}
	s.line("VZEROUPPER")
	s.line("RET")
}

// fold2 reduces register y to its lowest lane with op, using t.
func fold2(s *source, op string, y, t int) {
	s.line("VEXTRACTF128 $1, Y%d, X%d", y, t)
	s.line("%s X%d, X%d, X%d", op, t, y, y)
	s.line("VPSHUFD $0x4E, X%d, X%d", y, t)
	s.line("%s X%d, X%d, X%d", op, t, y, y)
	s.line("VPSHUFD $0xB1, X%d, X%d", y, t)
	s.line("%s X%d, X%d, X%d", op, t, y, y)
}

func quantise2(s *source) {
	s.function("quantiseAVX2", "func quantiseAVX2(q *int8, offsets *int32, scales, x, spread *float32, rows, n int): n is a multiple of 32.", 56)
	s.line("MOVQ q+0(FP), DI")
	s.line("MOVQ offsets+8(FP), R9")
	s.line("MOVQ scales+16(FP), R10")
	s.line("MOVQ x+24(FP), SI")
	s.line("MOVQ spread+32(FP), R11")
	s.line("MOVQ rows+40(FP), DX")
	s.line("MOVQ n+48(FP), R8")
	s.line("SHRQ $5, R8")
	for _, c := range []struct {
		value string
		reg   int
	}{{"0x7FFFFFFF", 15}, {"0x80808080", 14}} {
		s.line("MOVL $%s, AX", c.value)
		s.line("VMOVD AX, X%d", c.reg)
		s.line("VPBROADCASTD X%d, Y%d", c.reg, c.reg)
	}
	s.line("VPXOR Y13, Y13, Y13")
	s.line("VMOVDQU order2<>(SB), Y12")
	s.label("row")
	s.line("MOVQ SI, BX")
	s.line("MOVQ R11, R12")
	s.line("MOVQ R8, CX")
	for i := range 4 {
		s.line("VPXOR Y%d, Y%d, Y%d", i, i, i)
	}
	s.label("top")
	s.line("VBROADCASTSS (R12), Y10")
	s.line("ADDQ $4, R12")
	for i := range 4 {
		s.line("VANDPS %d(BX), Y15, Y%d", 32*i, 4+i)
		s.line("VMULPS Y10, Y%d, Y%d", 4+i, 4+i)
		s.line("VMAXPS Y%d, Y%d, Y%d", 4+i, i, i)
	}
	s.line("ADDQ $128, BX")
	s.line("DECQ CX")
	s.line("JNZ top")
	s.line("VMAXPS Y1, Y0, Y0")
	s.line("VMAXPS Y3, Y2, Y2")
	s.line("VMAXPS Y2, Y0, Y0")
	fold2(s, "VMAXPS", 0, 1)
	s.line("VMOVSS quantise2<>+0(SB), X2")
	s.line("VDIVSS X2, X0, X1")
	s.line("VMOVSS X1, (R10)")
	s.line("VPXOR X3, X3, X3")
	s.line("VDIVSS X0, X2, X2")
	s.line("VUCOMISS X3, X0")
	s.line("JNE some")
	s.line("VPXOR X2, X2, X2")
	s.label("some")
	s.line("VBROADCASTSS X2, Y11")
	s.line("MOVQ R8, CX")
	s.line("MOVQ R11, R12")
	s.label("narrow")
	s.line("VBROADCASTSS (R12), Y10")
	s.line("VMULPS Y11, Y10, Y10")
	s.line("ADDQ $4, R12")
	for i := range 4 {
		s.line("VMULPS %d(SI), Y10, Y%d", 32*i, i)
		s.line("VCVTPS2DQ Y%d, Y%d", i, i)
	}
	s.line("VPACKSSDW Y1, Y0, Y0")
	s.line("VPACKSSDW Y3, Y2, Y2")
	s.line("VPACKSSWB Y2, Y0, Y0")
	s.line("VPERMD Y0, Y12, Y0")
	s.line("VMOVDQU Y0, (DI)")
	s.line("VPXOR Y14, Y0, Y0")
	s.line("VPSADBW Y13, Y0, Y0")
	s.line("VEXTRACTI128 $1, Y0, X1")
	s.line("VPADDQ X1, X0, X0")
	s.line("VPSHUFD $0x4E, X0, X1")
	s.line("VPADDQ X1, X0, X0")
	s.line("VMOVD X0, AX")
	s.line("SHLL $3, AX")
	s.line("NEGL AX")
	s.line("ADDL $32768, AX")
	s.line("MOVL AX, (R9)")
	s.line("ADDQ $128, SI")
	s.line("ADDQ $32, DI")
	s.line("ADDQ $4, R9")
	s.line("DECQ CX")
	s.line("JNZ narrow")
	s.line("ADDQ $4, R10")
	s.line("DECQ DX")
	s.line("JNZ row")
	s.line("VZEROUPPER")
	s.line("RET")
}

func scores2(s *source, rows int) {
	s.function(fmt.Sprintf("scores%dAVX2", rows),
		fmt.Sprintf("func scores%dAVX2(scores, queries, keys *float32, stride, padded int): stride in bytes; keys in blocks of 32 (32 elements × 32 keys), padded of them.", rows), 40)
	s.line("MOVQ scores+0(FP), DX")
	s.line("MOVQ queries+8(FP), SI")
	s.line("MOVQ keys+16(FP), BX")
	s.line("MOVQ stride+24(FP), R8")
	s.line("MOVQ padded+32(FP), R9")
	s.line("MOVQ R9, R10")
	s.line("SHLQ $2, R10")
	s.line("SHRQ $4, R9")
	s.line("LEAQ (R8)(R8*2), DI")
	s.line("ADDQ SI, DI")
	s.line("LEAQ (R10)(R10*2), R11")
	s.line("ADDQ DX, R11")
	s.comment("16 keys at a time: R12 goes from the first to the second half of a block and on.")
	s.line("MOVQ $64, R12")
	s.label("half")
	for i := range 2 * rows {
		s.line("VXORPS Y%d, Y%d, Y%d", i, i, i)
	}
	s.line("MOVQ BX, R13")
	s.line("MOVQ $4, CX")
	s.label("element")
	for e := range 8 {
		s.line("VMOVUPS %d(R13), Y8", 128*e)
		s.line("VMOVUPS %d(R13), Y9", 128*e+32)
		for r := range rows {
			s.line("VBROADCASTSS %s, Y%d", row(r, 4*e, "SI", "DI", "R8"), 10+r)
			s.line("VFMADD231PS Y8, Y%d, Y%d", 10+r, 2*r)
			s.line("VFMADD231PS Y9, Y%d, Y%d", 10+r, 2*r+1)
		}
	}
	s.line("ADDQ $1024, R13")
	s.line("ADDQ $32, SI")
	s.line("ADDQ $32, DI")
	s.line("DECQ CX")
	s.line("JNZ element")
	s.line("SUBQ $128, SI")
	s.line("SUBQ $128, DI")
	for r := range rows {
		s.line("VMOVUPS Y%d, %s", 2*r, row(r, 0, "DX", "R11", "R10"))
		s.line("VMOVUPS Y%d, %s", 2*r+1, row(r, 32, "DX", "R11", "R10"))
	}
	s.line("ADDQ $64, DX")
	s.line("ADDQ $64, R11")
	s.line("ADDQ R12, BX")
	s.comment("64 and 4032 by turns.")
	s.line("NEGQ R12")
	s.line("ADDQ $4096, R12")
	s.line("DECQ R9")
	s.line("JNZ half")
	s.line("VZEROUPPER")
	s.line("RET")
}

func softmax2(s *source) {
	s.function("softmaxAVX2", "func softmaxAVX2(scores, inverses *float32, rows, padded int): powers of two of the scores less their row's largest, and one over their sums; scores of no key are −∞.", 32)
	s.line("MOVQ scores+0(FP), SI")
	s.line("MOVQ inverses+8(FP), DI")
	s.line("MOVQ rows+16(FP), DX")
	s.line("MOVQ padded+24(FP), R9")
	s.line("SHRQ $3, R9")
	for i := range 8 {
		s.line("VBROADCASTSS softmax2<>+%d(SB), Y%d", 4*i, i)
	}
	s.label("row")
	s.line("MOVQ SI, BX")
	s.line("MOVQ R9, CX")
	s.line("VMOVUPS (SI), Y8")
	s.label("top")
	s.line("VMAXPS (BX), Y8, Y8")
	s.line("ADDQ $32, BX")
	s.line("DECQ CX")
	s.line("JNZ top")
	fold2(s, "VMAXPS", 8, 9)
	s.line("VBROADCASTSS X8, Y8")
	s.line("VMULPS Y0, Y8, Y8")
	s.line("VXORPS Y15, Y15, Y15")
	s.line("MOVQ R9, CX")
	s.label("power")
	s.line("VMOVUPS (SI), Y9")
	s.line("VFMSUB132PS Y0, Y8, Y9")
	s.line("VMAXPS Y1, Y9, Y9")
	s.line("VROUNDPS $0, Y9, Y10")
	s.line("VSUBPS Y10, Y9, Y9")
	s.line("VMOVAPS Y7, Y11")
	for i := 6; i >= 2; i-- {
		s.line("VFMADD213PS Y%d, Y9, Y11", i)
	}
	s.line("VCVTPS2DQ Y10, Y10")
	s.line("VPSLLD $23, Y10, Y10")
	s.line("VPADDD Y10, Y11, Y11")
	s.line("VADDPS Y11, Y15, Y15")
	s.line("VMOVUPS Y11, (SI)")
	s.line("ADDQ $32, SI")
	s.line("DECQ CX")
	s.line("JNZ power")
	fold2(s, "VADDPS", 15, 9)
	s.line("VDIVSS X15, X2, X15")
	s.line("VMOVSS X15, (DI)")
	s.line("ADDQ $4, DI")
	s.line("DECQ DX")
	s.line("JNZ row")
	s.line("VZEROUPPER")
	s.line("RET")
}

func values2(s *source, rows int) {
	s.function(fmt.Sprintf("values%dAVX2", rows),
		fmt.Sprintf("func values%dAVX2(out *float32, outStride int, scores, inverses, values *float32, stride, tokens, padded int): 16 elements; strides in bytes.", rows), 64)
	s.line("MOVQ out+0(FP), DI")
	s.line("MOVQ outStride+8(FP), R12")
	s.line("MOVQ scores+16(FP), DX")
	s.line("MOVQ inverses+24(FP), R13")
	s.line("MOVQ values+32(FP), BX")
	s.line("MOVQ stride+40(FP), R8")
	s.line("MOVQ tokens+48(FP), R9")
	s.line("MOVQ padded+56(FP), R10")
	s.line("SHLQ $2, R10")
	s.line("LEAQ (R10)(R10*2), R11")
	s.line("ADDQ DX, R11")
	for i := range 2 * rows {
		s.line("VXORPS Y%d, Y%d, Y%d", i, i, i)
	}
	s.label("value")
	s.line("VMOVUPS (BX), Y8")
	s.line("VMOVUPS 32(BX), Y9")
	for r := range rows {
		s.line("VBROADCASTSS %s, Y%d", row(r, 0, "DX", "R11", "R10"), 10+r)
		s.line("VFMADD231PS Y8, Y%d, Y%d", 10+r, 2*r)
		s.line("VFMADD231PS Y9, Y%d, Y%d", 10+r, 2*r+1)
	}
	s.line("ADDQ R8, BX")
	s.line("ADDQ $4, DX")
	s.line("ADDQ $4, R11")
	s.line("DECQ R9")
	s.line("JNZ value")
	s.line("LEAQ (R12)(R12*2), R11")
	s.line("ADDQ DI, R11")
	for r := range rows {
		s.line("VBROADCASTSS %d(R13), Y10", 4*r)
		for half := range 2 {
			s.line("VMULPS Y10, Y%d, Y%d", 2*r+half, 2*r+half)
			s.line("VMOVUPS Y%d, %s", 2*r+half, row(r, 32*half, "DI", "R11", "R12"))
		}
	}
	s.line("VZEROUPPER")
	s.line("RET")
}

func addNorm2(s *source) {
	s.function("addNormAVX2", "func addNormAVX2(x, y, scale, shift *float32, rows, n int, inverse, epsilon float32): n is a multiple of 32, inverse 1/n.", 56)
	s.line("MOVQ x+0(FP), DI")
	s.line("MOVQ y+8(FP), SI")
	s.line("MOVQ scale+16(FP), R8")
	s.line("MOVQ shift+24(FP), R9")
	s.line("MOVQ rows+32(FP), DX")
	s.line("MOVQ n+40(FP), R10")
	s.line("SHRQ $5, R10")
	s.line("MOVL $0x3F800000, AX")
	s.line("VMOVD AX, X13")
	s.label("row")
	for i := range 4 {
		s.line("VXORPS Y%d, Y%d, Y%d", i, i, i)
	}
	s.line("MOVQ DI, BX")
	s.line("MOVQ R10, CX")
	s.label("add")
	for i := range 4 {
		s.line("VMOVUPS %d(BX), Y%d", 32*i, 4+i)
		s.line("VADDPS %d(SI), Y%d, Y%d", 32*i, 4+i, 4+i)
		s.line("VMOVUPS Y%d, %d(BX)", 4+i, 32*i)
		s.line("VADDPS Y%d, Y%d, Y%d", 4+i, i, i)
	}
	s.line("ADDQ $128, BX")
	s.line("ADDQ $128, SI")
	s.line("DECQ CX")
	s.line("JNZ add")
	sum := func() {
		s.line("VADDPS Y1, Y0, Y0")
		s.line("VADDPS Y3, Y2, Y2")
		s.line("VADDPS Y2, Y0, Y0")
		fold2(s, "VADDPS", 0, 1)
		s.line("VMULSS inverse+48(FP), X0, X0")
	}
	sum()
	s.line("VBROADCASTSS X0, Y15")
	for i := range 4 {
		s.line("VXORPS Y%d, Y%d, Y%d", i, i, i)
	}
	s.line("MOVQ DI, BX")
	s.line("MOVQ R10, CX")
	s.label("square")
	for i := range 4 {
		s.line("VMOVUPS %d(BX), Y%d", 32*i, 4+i)
		s.line("VSUBPS Y15, Y%d, Y%d", 4+i, 4+i)
		s.line("VFMADD231PS Y%d, Y%d, Y%d", 4+i, 4+i, i)
	}
	s.line("ADDQ $128, BX")
	s.line("DECQ CX")
	s.line("JNZ square")
	sum()
	s.line("VADDSS epsilon+52(FP), X0, X0")
	s.line("VSQRTSS X0, X0, X0")
	s.line("VDIVSS X0, X13, X0")
	s.line("VBROADCASTSS X0, Y14")
	s.line("XORQ BX, BX")
	s.line("MOVQ R10, CX")
	s.label("scale")
	for i := range 4 {
		s.line("VMOVUPS %d(DI)(BX*1), Y%d", 32*i, 4+i)
		s.line("VSUBPS Y15, Y%d, Y%d", 4+i, 4+i)
		s.line("VMULPS Y14, Y%d, Y%d", 4+i, 4+i)
		s.line("VMOVUPS %d(R8)(BX*1), Y%d", 32*i, 8+i)
		s.line("VFMADD213PS %d(R9)(BX*1), Y%d, Y%d", 32*i, 8+i, 4+i)
		s.line("VMOVUPS Y%d, %d(DI)(BX*1)", 4+i, 32*i)
	}
	s.line("ADDQ $128, BX")
	s.line("DECQ CX")
	s.line("JNZ scale")
	s.line("ADDQ BX, DI")
	s.line("DECQ DX")
	s.line("JNZ row")
	s.line("VZEROUPPER")
	s.line("RET")
}

func gelu2(s *source) {
	s.function("geluAVX2", "func geluAVX2(x *float32, n int): n is a multiple of 32.", 16)
	s.line("MOVQ x+0(FP), SI")
	s.line("MOVQ n+8(FP), CX")
	s.line("SHRQ $5, CX")
	s.label("next")
	s.line("VBROADCASTSS gelu2<>+0(SB), Y12")
	s.line("VBROADCASTSS gelu2<>+4(SB), Y13")
	s.line("VBROADCASTSS gelu2<>+8(SB), Y14")
	s.line("VBROADCASTSS gelu2<>+12(SB), Y15")
	for i := range 4 {
		s.line("VMINPS %d(SI), Y12, Y%d", 32*i, i)
		s.line("VMAXPS Y13, Y%d, Y%d", i, i)
		s.line("VMULPS Y%d, Y%d, Y%d", i, i, 4+i)
		s.line("VFMADD132PS Y14, Y15, Y%d", 4+i)
	}
	last := len(geluTerms) - 1
	for i := range 4 {
		s.line("VBROADCASTSS gelu2<>+%d(SB), Y%d", 4*(5+last), 8+i)
	}
	for t := last - 1; t >= 0; t-- {
		s.line("VBROADCASTSS gelu2<>+%d(SB), Y%d", 4*(5+t), 12+t%2)
		for i := range 4 {
			s.line("VFMADD213PS Y%d, Y%d, Y%d", 12+t%2, 4+i, 8+i)
		}
	}
	s.line("VBROADCASTSS gelu2<>+16(SB), Y15")
	for i := range 4 {
		s.line("VFMADD213PS Y15, Y%d, Y%d", i, 8+i)
		s.line("VMULPS %d(SI), Y%d, Y%d", 32*i, 8+i, i)
		s.line("VMOVUPS Y%d, %d(SI)", i, 32*i)
	}
	s.line("ADDQ $128, SI")
	s.line("DECQ CX")
	s.line("JNZ next")
	s.line("VZEROUPPER")
	s.line("RET")
}
