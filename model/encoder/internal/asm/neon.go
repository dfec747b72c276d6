package main

import "fmt"

// NEON has 32 registers of 4 values: products take 3 rows of 16 outputs at a
// time, 2 rows where the processor has no dot products, attention 4 rows of 16
// values.
const (
	maxRowsNEON   = 3
	maxRowsPlain  = 2
	maxAttendNEON = 4
)

// Instructions that the assembler lacks: the opcodes with all registers 0. The
// first register is the destination.
const (
	fadd    = 0x4E20D400
	fsub    = 0x4EA0D400
	fmul    = 0x6E20DC00
	fmax    = 0x4E20F400
	fmin    = 0x4EA0F400
	fmla    = 0x4E20CC00
	faddp   = 0x6E20D400
	addp    = 0x4EA0BC00
	smlal   = 0x0E208000
	smlal2  = 0x4E208000
	fabs    = 0x4EA0F800
	fneg    = 0x6EA0F800
	scvtf   = 0x4E21D800
	fcvtns  = 0x4E21A800
	frintn  = 0x4E218800
	fmaxv   = 0x6E30F800
	sqxtnH  = 0x0E614800
	sqxtn2H = 0x4E614800
	sqxtnB  = 0x0E214800
	sqxtn2B = 0x4E214800
	saddlpH = 0x4E202800
	saddlpS = 0x4E602800
	fcvtl   = 0x0E217800
	fcvtl2  = 0x4E217800
	// With one element of the last register.
	fmlaElement = 0x4F801000
	sdotElement = 0x4F80E000
)

var mnemonics = map[uint32]string{
	fadd: "FADD V%d.4S, V%d.4S, V%d.4S", fsub: "FSUB V%d.4S, V%d.4S, V%d.4S", fmul: "FMUL V%d.4S, V%d.4S, V%d.4S",
	fmax: "FMAX V%d.4S, V%d.4S, V%d.4S", fmin: "FMIN V%d.4S, V%d.4S, V%d.4S", fmla: "FMLA V%d.4S, V%d.4S, V%d.4S",
	faddp: "FADDP V%d.4S, V%d.4S, V%d.4S", addp: "ADDP V%d.4S, V%d.4S, V%d.4S",
	smlal: "SMLAL V%d.8H, V%d.8B, V%d.8B", smlal2: "SMLAL2 V%d.8H, V%d.16B, V%d.16B",
	fabs: "FABS V%d.4S, V%d.4S", fneg: "FNEG V%d.4S, V%d.4S", scvtf: "SCVTF V%d.4S, V%d.4S", fcvtns: "FCVTNS V%d.4S, V%d.4S",
	frintn: "FRINTN V%d.4S, V%d.4S", fmaxv: "FMAXV S%d, V%d.4S",
	sqxtnH: "SQXTN V%d.4H, V%d.4S", sqxtn2H: "SQXTN2 V%d.8H, V%d.4S", sqxtnB: "SQXTN V%d.8B, V%d.8H", sqxtn2B: "SQXTN2 V%d.16B, V%d.8H",
	saddlpH: "SADDLP V%d.8H, V%d.16B", saddlpS: "SADDLP V%d.4S, V%d.8H", fcvtl: "FCVTL V%d.4S, V%d.4H", fcvtl2: "FCVTL2 V%d.4S, V%d.8H",
	fmlaElement: "FMLA V%d.4S, V%d.4S, V%d.S[%d]", sdotElement: "SDOT V%d.4S, V%d.16B, V%d.4B[%d]",
}

// word writes an instruction with its registers, the destination first.
func (s *source) word(opcode uint32, registers ...int) {
	code := opcode
	args := make([]any, len(registers))
	for i, r := range registers {
		code |= uint32(r) << [...]int{0, 5, 16}[i]
		args[i] = r
	}
	s.line("WORD $0x%08X // %s", code, fmt.Sprintf(mnemonics[opcode], args...))
}

// element writes an instruction whose last operand is one element of four of m.
func (s *source) element(opcode uint32, d, n, m, index int) {
	code := opcode | uint32(d) | uint32(n)<<5 | uint32(m)<<16 | uint32(index&1)<<21 | uint32(index>>1)<<11
	s.line("WORD $0x%08X // %s", code, fmt.Sprintf(mnemonics[opcode], d, n, m, index))
}

// four lists four registers for a load or store.
func four(first int, kind string) string {
	return fmt.Sprintf("[V%d.%s, V%d.%s, V%d.%s, V%d.%s]", first, kind, first+1, kind, first+2, kind, first+3, kind)
}

func (s *source) zero(v int) { s.line("VEOR V%d.B16, V%d.B16, V%d.B16", v, v, v) }

func (s *source) copy(from, to int) { s.line("VMOV V%d.B16, V%d.B16", from, to) }

// load loads arguments, 8 bytes each, into the registers from R0.
func (s *source) load(names ...string) {
	for i, name := range names {
		s.line("MOVD %s+%d(FP), R%d", name, 8*i, i)
	}
}

func neon() string {
	s := newSource()
	s.constants("geluNEON", append([]string{"5.0", "-5.0", "0.08", "-1.0", "0.5"}, geluTerms...)...)
	s.constants("softmaxNEON", append([]string{"0.25503486", "-126.0"}, exp2Terms...)...)
	widenNEON(s)
	for rows := 1; rows <= maxRowsNEON; rows++ {
		linearNEON(s, rows)
	}
	for rows := 1; rows <= maxRowsPlain; rows++ {
		linearPlainNEON(s, rows)
	}
	quantiseNEON(s)
	for rows := 1; rows <= maxAttendNEON; rows++ {
		scoresNEON(s, rows)
	}
	softmaxNEON(s)
	for rows := 1; rows <= maxAttendNEON; rows++ {
		valuesNEON(s, rows)
	}
	addNormNEON(s)
	geluNEON(s)
	return s.String()
}

func widenNEON(s *source) {
	s.function("widenNEON", "func widenNEON(wide, panel *byte, groups int)", 24)
	s.load("wide", "panel", "groups")
	s.line("VMOVI $15, V31.B16")
	s.label("group")
	s.line("VLD1.P 64(R1), %s", four(0, "H8"))
	for i := range 4 {
		s.word(fcvtl, 4+2*i, i)
		s.word(fcvtl2, 5+2*i, i)
	}
	s.line("VST1.P %s, 64(R0)", four(4, "S4"))
	s.line("VST1.P %s, 64(R0)", four(8, "S4"))
	for range 8 {
		s.line("VLD1.P 64(R1), %s", four(0, "B16"))
		for i := range 4 {
			s.line("VUSHR $4, V%d.B16, V%d.B16", i, 4+i)
			s.line("VAND V31.B16, V%d.B16, V%d.B16", i, i)
		}
		s.line("VST1.P %s, 64(R0)", four(0, "B16"))
		s.line("VST1.P %s, 64(R0)", four(4, "B16"))
	}
	s.line("SUBS $1, R2")
	s.line("BNE group")
	s.line("RET")
}

// linearArguments loads the arguments of a product: R4, R9, R10 point to the rows'
// values, R5, R11, R12 to their offsets.
func linearArguments(s *source) {
	s.load("out", "stride", "wide", "bias", "q", "offsets", "scales", "groups")
	s.line("LSL $5, R7, R8")
	s.line("ADD R8, R4, R9")
	s.line("ADD R8, R9, R10")
	s.line("LSL $2, R7, R8")
	s.line("ADD R8, R5, R11")
	s.line("ADD R8, R11, R12")
}

var (
	valueRows  = [...]string{"R4", "R9", "R10"}
	offsetRows = [...]string{"R5", "R11", "R12"}
)

// linearResults writes the results of rows, which are in the registers from
// first; V0 to V3 and V24 to V28 are free.
func linearResults(s *source, rows, first int) {
	s.line("VLD1 (R3), %s", four(24, "S4"))
	for r := range rows {
		s.line("VLD1R.P 4(R6), [V28.S4]")
		for c := range 4 {
			s.copy(24+c, c)
			s.word(fmla, c, first+4*r+c, 28)
		}
		s.line("VST1 %s, (R0)", four(0, "S4"))
		s.line("ADD R1, R0")
	}
	s.line("RET")
}

func linearNEON(s *source, rows int) {
	s.function(fmt.Sprintf("linear%dNEON", rows),
		fmt.Sprintf("func linear%dNEON(out *float32, stride int, wide *byte, bias *float32, q *int8, offsets *int32, scales *float32, groups int): 16 outputs, with dot products.", rows), 64)
	linearArguments(s)
	s.comment("V0 to V11 are a group's sums, V12 to V23 the results.")
	for i := range 4 * rows {
		s.zero(12 + i)
	}
	s.label("group")
	for r := range rows {
		s.line("VLD1R.P 4(%s), [V%d.S4]", offsetRows[r], 4*r)
		for c := 1; c < 4; c++ {
			s.copy(4*r, 4*r+c)
		}
	}
	s.line("ADD $128, R2, R13")
	for range 2 {
		for r := range rows {
			s.line("VLD1.P 16(%s), [V%d.B16]", valueRows[r], 28+r)
		}
		for step := range 4 {
			s.line("VLD1 (R13), %s", four(24, "B16"))
			s.line("ADD $128, R13")
			for r := range rows {
				for c := range 4 {
					s.element(sdotElement, 4*r+c, 24+c, 28+r, step)
				}
			}
		}
	}
	s.line("VLD1 (R2), %s", four(24, "S4"))
	for r := range rows {
		for c := range 4 {
			s.word(scvtf, 4*r+c, 4*r+c)
			s.word(fmla, 12+4*r+c, 4*r+c, 24+c)
		}
	}
	s.line("ADD $%d, R2", wideBlock)
	s.line("SUBS $1, R7")
	s.line("BNE group")
	linearResults(s, rows, 12)
}

func linearPlainNEON(s *source, rows int) {
	s.function(fmt.Sprintf("linearPlain%dNEON", rows),
		fmt.Sprintf("func linearPlain%dNEON(out *float32, stride int, wide *byte, bias *float32, q *int8, offsets *int32, scales *float32, groups int): 16 outputs.", rows), 64)
	linearArguments(s)
	s.comment("V0 to V15 are a group's sums in 16 bits (at most 8·15·127), two registers for 4 outputs, V16 to V23 the results.")
	for i := range 4 * rows {
		s.zero(16 + i)
	}
	s.label("group")
	for i := range 8 * rows {
		s.zero(i)
	}
	s.line("ADD $128, R2, R13")
	for range 2 {
		for r := range rows {
			s.line("VLD1.P 16(%s), [V%d.B16]", valueRows[r], 30+r)
		}
		for step := range 4 {
			s.line("VLD1 (R13), %s", four(24, "B16"))
			s.line("ADD $128, R13")
			for r := range rows {
				s.line("VDUP V%d.S[%d], V%d.S4", 30+r, step, 28+r)
				for c := range 4 {
					s.word(smlal, 8*r+2*c, 24+c, 28+r)
					s.word(smlal2, 8*r+2*c+1, 24+c, 28+r)
				}
			}
		}
	}
	s.line("VLD1 (R2), %s", four(24, "S4"))
	for r := range rows {
		s.line("VLD1R.P 4(%s), [V28.S4]", offsetRows[r])
		for c := range 4 {
			a := 8*r + 2*c
			s.word(saddlpS, a, a)
			s.word(saddlpS, a+1, a+1)
			s.word(addp, a, a, a+1)
			s.line("VADD V28.S4, V%d.S4, V%d.S4", a, a)
			s.word(scvtf, a, a)
			s.word(fmla, 16+4*r+c, a, 24+c)
		}
	}
	s.line("ADD $%d, R2", wideBlock)
	s.line("SUBS $1, R7")
	s.line("BNE group")
	linearResults(s, rows, 16)
}

func quantiseNEON(s *source) {
	s.function("quantiseNEON", "func quantiseNEON(q *int8, offsets *int32, scales, x, spread *float32, rows, n int): n is a multiple of 32.", 56)
	s.load("q", "offsets", "scales", "x", "spread", "rows", "n")
	s.line("LSR $5, R6")
	s.line("FMOVS $127.0, F31")
	s.label("row")
	s.line("MOVD R3, R7")
	s.line("MOVD R4, R8")
	s.line("MOVD R6, R9")
	for i := range 4 {
		s.zero(i)
	}
	s.label("top")
	s.line("VLD1R.P 4(R8), [V16.S4]")
	for range 2 {
		s.line("VLD1.P 64(R7), %s", four(4, "S4"))
		for i := range 4 {
			s.word(fabs, 4+i, 4+i)
			s.word(fmul, 4+i, 4+i, 16)
			s.word(fmax, i, i, 4+i)
		}
	}
	s.line("SUBS $1, R9")
	s.line("BNE top")
	s.word(fmax, 0, 0, 1)
	s.word(fmax, 2, 2, 3)
	s.word(fmax, 0, 0, 2)
	s.word(fmaxv, 0, 0)
	s.line("FDIVS F31, F0, F1")
	s.line("FMOVS.P F1, 4(R2)")
	s.comment("A row of zeros: its inverse is 0, not infinite.")
	s.line("FDIVS F0, F31, F2")
	s.line("FCMPS $(0.0), F0")
	s.line("BNE some")
	s.line("FMOVS ZR, F2")
	s.label("some")
	s.line("VDUP V2.S[0], V17.S4")
	s.line("MOVD R4, R8")
	s.line("MOVD R6, R9")
	s.label("narrow")
	s.line("VLD1R.P 4(R8), [V16.S4]")
	s.word(fmul, 16, 16, 17)
	for half := range 2 {
		s.line("VLD1.P 64(R3), %s", four(4, "S4"))
		for i := range 4 {
			s.word(fmul, 4+i, 4+i, 16)
			s.word(fcvtns, 4+i, 4+i)
		}
		s.word(sqxtnH, 8, 4)
		s.word(sqxtn2H, 8, 5)
		s.word(sqxtnH, 9, 6)
		s.word(sqxtn2H, 9, 7)
		s.word(sqxtnB, 10+half, 8)
		s.word(sqxtn2B, 10+half, 9)
	}
	s.line("VST1.P [V10.B16, V11.B16], 32(R0)")
	s.word(saddlpH, 12, 10)
	s.word(saddlpH, 13, 11)
	s.line("VADD V13.H8, V12.H8, V12.H8")
	s.word(saddlpS, 12, 12)
	s.line("VADDV V12.S4, V12")
	s.line("VMOV V12.S[0], R10")
	s.line("LSL $3, R10")
	s.line("NEG R10, R10")
	s.line("MOVW.P R10, 4(R1)")
	s.line("SUBS $1, R9")
	s.line("BNE narrow")
	s.line("SUBS $1, R5")
	s.line("BNE row")
	s.line("RET")
}

func scoresNEON(s *source, rows int) {
	s.function(fmt.Sprintf("scores%dNEON", rows),
		fmt.Sprintf("func scores%dNEON(scores, queries, keys *float32, stride, padded int): stride in bytes; keys in blocks of 32 (32 elements × 32 keys), padded of them.", rows), 40)
	s.load("scores", "queries", "keys", "stride", "padded")
	s.comment("R8 and up point to the queries, R12 and up to the rows of scores.")
	queries := [...]string{"R8", "R9", "R10", "R11"}
	results := [...]string{"R12", "R13", "R14", "R15"}
	s.line("LSL $2, R4, R5")
	s.line("MOVD R1, R8")
	s.line("MOVD R0, R12")
	for r := 1; r < rows; r++ {
		s.line("ADD R3, %s, %s", queries[r-1], queries[r])
		s.line("ADD R5, %s, %s", results[r-1], results[r])
	}
	s.line("LSR $4, R4")
	s.comment("16 keys at a time: R7 goes from the first to the second half of a block and on.")
	s.line("MOVD $64, R7")
	s.label("half")
	for i := range 4 * rows {
		s.zero(i)
	}
	s.line("MOVD R2, R6")
	for part := range 8 {
		for r := range rows {
			s.line("FMOVQ %d(%s), F%d", 16*part, queries[r], 20+r)
		}
		for e := range 4 {
			s.line("VLD1 (R6), %s", four(16, "S4"))
			s.line("ADD $128, R6")
			for r := range rows {
				for c := range 4 {
					s.element(fmlaElement, 4*r+c, 16+c, 20+r, e)
				}
			}
		}
	}
	for r := range rows {
		s.line("VST1.P %s, 64(%s)", four(4*r, "S4"), results[r])
	}
	s.line("ADD R7, R2")
	s.comment("64 and 4032 by turns.")
	s.line("NEG R7, R7")
	s.line("ADD $4096, R7")
	s.line("SUBS $1, R4")
	s.line("BNE half")
	s.line("RET")
}

// foldNEON adds the four registers from V0 and their values up into F0.
func foldNEON(s *source) {
	s.word(fadd, 0, 0, 1)
	s.word(fadd, 2, 2, 3)
	s.word(fadd, 0, 0, 2)
	s.word(faddp, 0, 0, 0)
	s.word(faddp, 0, 0, 0)
}

func softmaxNEON(s *source) {
	s.function("softmaxNEON", "func softmaxNEON(scores, inverses *float32, rows, padded int): powers of two of the scores less their row's largest, and one over their sums; scores of no key are −∞.", 32)
	s.load("scores", "inverses", "rows", "padded")
	s.line("LSR $4, R3")
	s.line("MOVD $softmaxNEON<>(SB), R4")
	for i := range 8 {
		s.line("VLD1R.P 4(R4), [V%d.S4]", 16+i)
	}
	s.line("FMOVS $1.0, F27")
	s.label("row")
	s.line("MOVD R0, R5")
	s.line("MOVD R3, R6")
	s.line("VLD1 (R0), [V24.S4]")
	s.label("top")
	s.line("VLD1.P 64(R5), %s", four(4, "S4"))
	for i := range 4 {
		s.word(fmax, 24, 24, 4+i)
	}
	s.line("SUBS $1, R6")
	s.line("BNE top")
	s.word(fmaxv, 24, 24)
	s.line("VDUP V24.S[0], V24.S4")
	s.word(fmul, 24, 24, 16)
	s.word(fneg, 24, 24)
	for i := range 4 {
		s.zero(i)
	}
	s.line("MOVD R3, R6")
	s.label("power")
	s.line("VLD1 (R0), %s", four(4, "S4"))
	for i := range 4 {
		s.copy(24, 8+i)
		s.word(fmla, 8+i, 4+i, 16)
		s.word(fmax, 8+i, 8+i, 17)
		s.word(frintn, 12+i, 8+i)
		s.word(fsub, 8+i, 8+i, 12+i)
	}
	// 2^f in V4 and V28 by turns.
	at, other := 4, 28
	for i := range 4 {
		s.copy(23, at+i)
	}
	for term := 22; term >= 18; term-- {
		for i := range 4 {
			s.copy(term, other+i)
			s.word(fmla, other+i, at+i, 8+i)
		}
		at, other = other, at
	}
	for i := range 4 {
		s.word(fcvtns, 12+i, 12+i)
		s.line("VSHL $23, V%d.S4, V%d.S4", 12+i, 12+i)
		s.line("VADD V%d.S4, V%d.S4, V%d.S4", 12+i, at+i, at+i)
		s.word(fadd, i, i, at+i)
	}
	s.line("VST1.P %s, 64(R0)", four(at, "S4"))
	s.line("SUBS $1, R6")
	s.line("BNE power")
	foldNEON(s)
	s.line("FDIVS F0, F27, F0")
	s.line("FMOVS.P F0, 4(R1)")
	s.line("SUBS $1, R2")
	s.line("BNE row")
	s.line("RET")
}

func valuesNEON(s *source, rows int) {
	s.function(fmt.Sprintf("values%dNEON", rows),
		fmt.Sprintf("func values%dNEON(out *float32, outStride int, scores, inverses, values *float32, stride, tokens, padded int): 16 elements; strides in bytes.", rows), 64)
	s.load("out", "outStride", "scores", "inverses", "values", "stride", "tokens", "padded")
	s.line("LSL $2, R7")
	s.line("MOVD R2, R8")
	for r := 1; r < rows; r++ {
		s.line("ADD R7, R%d, R%d", 7+r, 8+r)
	}
	for i := range 4 * rows {
		s.zero(i)
	}
	s.label("value")
	s.line("VLD1 (R4), %s", four(16, "S4"))
	s.line("ADD R5, R4")
	for r := range rows {
		s.line("VLD1R.P 4(R%d), [V%d.S4]", 8+r, 20+r)
		for c := range 4 {
			s.word(fmla, 4*r+c, 16+c, 20+r)
		}
	}
	s.line("SUBS $1, R6")
	s.line("BNE value")
	for r := range rows {
		s.line("VLD1R.P 4(R3), [V20.S4]")
		for c := range 4 {
			s.word(fmul, 4*r+c, 4*r+c, 20)
		}
		s.line("VST1 %s, (R0)", four(4*r, "S4"))
		s.line("ADD R1, R0")
	}
	s.line("RET")
}

func addNormNEON(s *source) {
	s.function("addNormNEON", "func addNormNEON(x, y, scale, shift *float32, rows, n int, inverse, epsilon float32): n is a multiple of 16, inverse 1/n.", 56)
	s.load("x", "y", "scale", "shift", "rows", "n")
	s.line("LSR $4, R5")
	s.line("FMOVS inverse+48(FP), F30")
	s.line("FMOVS epsilon+52(FP), F31")
	s.line("FMOVS $1.0, F27")
	s.label("row")
	clear := func() {
		for i := range 4 {
			s.zero(i)
		}
		s.line("MOVD R0, R6")
		s.line("MOVD R5, R7")
	}
	clear()
	s.label("add")
	s.line("VLD1 (R6), %s", four(4, "S4"))
	s.line("VLD1.P 64(R1), %s", four(8, "S4"))
	for i := range 4 {
		s.word(fadd, 4+i, 4+i, 8+i)
		s.word(fadd, i, i, 4+i)
	}
	s.line("VST1.P %s, 64(R6)", four(4, "S4"))
	s.line("SUBS $1, R7")
	s.line("BNE add")
	foldNEON(s)
	s.line("FMULS F30, F0, F0")
	s.line("VDUP V0.S[0], V28.S4")
	clear()
	s.label("square")
	s.line("VLD1.P 64(R6), %s", four(4, "S4"))
	for i := range 4 {
		s.word(fsub, 4+i, 4+i, 28)
		s.word(fmla, i, 4+i, 4+i)
	}
	s.line("SUBS $1, R7")
	s.line("BNE square")
	foldNEON(s)
	s.line("FMULS F30, F0, F0")
	s.line("FADDS F31, F0, F0")
	s.line("FSQRTS F0, F0")
	s.line("FDIVS F0, F27, F0")
	s.line("VDUP V0.S[0], V29.S4")
	s.line("MOVD R2, R8")
	s.line("MOVD R3, R9")
	s.line("MOVD R5, R7")
	s.label("scale")
	s.line("VLD1 (R0), %s", four(4, "S4"))
	s.line("VLD1.P 64(R8), %s", four(8, "S4"))
	s.line("VLD1.P 64(R9), %s", four(12, "S4"))
	for i := range 4 {
		s.word(fsub, 4+i, 4+i, 28)
		s.word(fmul, 4+i, 4+i, 29)
		s.word(fmla, 12+i, 4+i, 8+i)
	}
	s.line("VST1.P %s, 64(R0)", four(12, "S4"))
	s.line("SUBS $1, R7")
	s.line("BNE scale")
	s.line("SUBS $1, R4")
	s.line("BNE row")
	s.line("RET")
}

func geluNEON(s *source) {
	s.function("geluNEON", "func geluNEON(x *float32, n int): n is a multiple of 8.", 16)
	s.load("x", "n")
	s.line("LSR $3, R1")
	s.line("MOVD $geluNEON<>(SB), R2")
	for i := range 5 + len(geluTerms) {
		s.line("VLD1R.P 4(R2), [V%d.S4]", 16+i)
	}
	s.label("next")
	s.line("VLD1 (R0), [V0.S4, V1.S4]")
	for i := range 2 {
		s.word(fmin, 2+i, i, 16)
		s.word(fmax, 2+i, 2+i, 17)
		s.word(fmul, 4+i, 2+i, 2+i)
		s.copy(19, 6+i)
		s.word(fmla, 6+i, 4+i, 18)
		s.copy(20+len(geluTerms), 8+i)
	}
	at, other := 8, 10
	for term := len(geluTerms) - 2; term >= 0; term-- {
		for i := range 2 {
			s.copy(21+term, other+i)
			s.word(fmla, other+i, at+i, 6+i)
		}
		at, other = other, at
	}
	for i := range 2 {
		s.copy(20, other+i)
		s.word(fmla, other+i, at+i, 2+i)
		s.word(fmul, i, i, other+i)
	}
	s.line("VST1.P [V0.S4, V1.S4], 32(R0)")
	s.line("SUBS $1, R1")
	s.line("BNE next")
	s.line("RET")
}
