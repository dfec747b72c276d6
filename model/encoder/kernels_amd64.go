//go:build !purego

package encoder

import "golang.org/x/sys/cpu"

func kernels() []*kernel {
	var ks []*kernel
	x := &cpu.X86
	if x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL && x.HasAVX512VNNI && x.HasFMA && x.HasAVX2 {
		ks = append(ks, &avx512)
	}
	if x.HasAVX2 && x.HasFMA {
		ks = append(ks, &avx2)
	}
	return append(ks, &portable)
}
