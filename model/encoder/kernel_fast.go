//go:build !purego && (amd64 || arm64)

package encoder

import "github.com/lore-kb/lore/model/encoder/internal/layout"

// blockOf is how many of the remaining rows to take next, at most most: blocks of
// about equal size, since small ones are slow.
func blockOf(remaining, most int) int {
	blocks := (remaining + most - 1) / most
	return (remaining + blocks - 1) / blocks
}

// fastMultiple is what a row's length must be a multiple of for the assembly;
// other rows are left to Go.
const fastMultiple = 64

func quantiseFast(f func(q *int8, offsets *int32, scales, x, spread *float32, rows, n int)) func(*activations, []float32, []float32, int, int) {
	return func(a *activations, x, spread []float32, rows, n int) {
		if n%fastMultiple != 0 {
			quantisePortable(a, x, spread, rows, n)
			return
		}
		_, _, _, _ = a.q[rows*n-1], a.offsets[rows*n/layout.GroupSize-1], a.scales[rows-1], x[rows*n-1]
		_ = spread[n/layout.GroupSize-1]
		f(&a.q[0], &a.offsets[0], &a.scales[0], &x[0], &spread[0], rows, n)
	}
}

func addNormFast(f func(x, y, scale, shift *float32, rows, n int, inverse, epsilon float32)) func(x, y, scale, shift []float32, rows, n int) {
	return func(x, y, scale, shift []float32, rows, n int) {
		if n%fastMultiple != 0 {
			addNormPortable(x, y, scale, shift, rows, n)
			return
		}
		_, _, _, _ = x[rows*n-1], y[rows*n-1], scale[n-1], shift[n-1]
		f(&x[0], &y[0], &scale[0], &shift[0], rows, n, 1/float32(n), normEpsilon)
	}
}

func geluFast(f func(x *float32, n int)) func([]float32) {
	return func(x []float32) {
		n := len(x) / fastMultiple * fastMultiple
		if n > 0 {
			f(&x[0], n)
		}
		geluPortable(x[n:])
	}
}

// transposeKeys writes keys in blocks of 32: for each of 32 elements 32 keys side
// by side. Keys beyond the last are zero.
func transposeKeys(dst, keys []float32, stride, tokens int) {
	for first := 0; first < tokens; first += 32 {
		block := dst[first*headSize:][:headSize*32]
		if tokens-first < 32 {
			clear(block)
		}
		for j := range min(32, tokens-first) {
			key := (*[headSize]float32)(keys[(first+j)*stride:])
			for e, v := range key {
				block[e*32+j] = v
			}
		}
	}
}
