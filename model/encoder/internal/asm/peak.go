package main

import "fmt"

// The peak functions do nothing but the multiplications of a kernel, on registers,
// as many at a time as the processor can overlap: what they reach a second is the
// most that a kernel could.

func peakAMD64() string {
	s := newSource()
	peak := func(name, doc string, one func(i int), chains int) {
		s.function(name, fmt.Sprintf("func %s(n int): %s", name, doc), 8)
		s.line("MOVQ n+0(FP), CX")
		s.label("loop")
		for i := range chains {
			one(i)
		}
		s.line("DECQ CX")
		s.line("JNZ loop")
		s.line("VZEROUPPER")
		s.line("RET")
	}
	peak("dotPeakAVX512", "24 × 64 products of bytes.", func(i int) { s.line("VPDPBUSD Z30, Z31, Z%d", i) }, 24)
	peak("floatPeakAVX512", "24 × 16 products of floats.", func(i int) { s.line("VFMADD231PS Z30, Z31, Z%d", i) }, 24)
	peak("dotPeakAVX2", "12 × 32 products of bytes.", func(i int) {
		s.line("VPMADDUBSW Y14, Y15, Y%d", 12+i%2)
		s.line("VPADDW Y%d, Y%d, Y%d", 12+i%2, i, i)
	}, 12)
	peak("floatPeakAVX2", "12 × 8 products of floats.", func(i int) { s.line("VFMADD231PS Y14, Y15, Y%d", i) }, 12)
	return s.String()
}

func peakARM64() string {
	s := newSource()
	peak := func(name, doc string, one func(i int)) {
		s.function(name, fmt.Sprintf("func %s(n int): %s", name, doc), 8)
		s.line("MOVD n+0(FP), R0")
		s.label("loop")
		for i := range 24 {
			one(i)
		}
		s.line("SUBS $1, R0")
		s.line("BNE loop")
		s.line("RET")
	}
	peak("dotPeakNEON", "24 × 16 products of bytes.", func(i int) { s.element(sdotElement, i, 30, 31, 0) })
	peak("plainPeakNEON", "24 × 8 products of bytes.", func(i int) { s.word(smlal, i, 30, 31) })
	peak("floatPeakNEON", "24 × 4 products of floats.", func(i int) { s.word(fmla, i, 30, 31) })
	return s.String()
}
