//go:build !purego

package encoder

// peaks has the peak functions of kernels, which BenchmarkLayer measures; nothing
// else needs them.
var peaks = map[string]peak{
	avx512.name: {dotPeakAVX512, floatPeakAVX512, 2 * 24 * 64, 2 * 24 * 16},
	avx2.name:   {dotPeakAVX2, floatPeakAVX2, 2 * 12 * 32, 2 * 12 * 8},
}

//go:noescape
func dotPeakAVX512(n int)

//go:noescape
func floatPeakAVX512(n int)

//go:noescape
func dotPeakAVX2(n int)

//go:noescape
func floatPeakAVX2(n int)
