//go:build !purego

package encoder

// peaks has the peak functions of kernels, which BenchmarkLayer measures; nothing
// else needs them.
var peaks = map[string]peak{
	neonDot.name: {dotPeakNEON, floatPeakNEON, 2 * 24 * 16, 2 * 24 * 4},
	neon.name:    {plainPeakNEON, floatPeakNEON, 2 * 24 * 8, 2 * 24 * 4},
}

//go:noescape
func dotPeakNEON(n int)

//go:noescape
func plainPeakNEON(n int)

//go:noescape
func floatPeakNEON(n int)
