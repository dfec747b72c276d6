//go:build !purego

package encoder

import (
	"math"

	"github.com/lore-kb/lore/model/encoder/internal/layout"
)

// neon is the kernel for every 64-bit ARM processor, neonDot the one for those
// with dot products of bytes (ARMv8.2). Their functions are documented in
// kernel.go; those in assembly take what the Go functions here have checked.
var neon = kernel{
	name:     "neon",
	quantise: quantiseFast(quantiseNEON),
	linear:   linearNEON(linearPlainRowsNEON[:]),
	attend:   attendNEON,
	addNorm:  addNormFast(addNormNEON),
	gelu:     geluFast(geluNEON),
}

var neonDot = func() kernel {
	k := neon
	k.name = "neon-dotprod"
	k.linear = linearNEON(linearRowsNEON[:])
	return k
}()

// maxAttendNEON is how many rows attention takes at a time.
const maxAttendNEON = 4

type linearRows = func(out *float32, stride int, wide *byte, bias *float32, q *int8, offsets *int32, scales *float32, groups int)

func linearNEON(byRows []linearRows) func(out []float32, stride int, panel []byte, bias []float32, a *activations, rows, in int, wide []byte) {
	return func(out []float32, stride int, panel []byte, bias []float32, a *activations, rows, in int, wide []byte) {
		groups := in / layout.GroupSize
		_, _, _, _ = out[(rows-1)*stride+layout.PanelOutputs-1], panel[groups*layout.BlockBytes-1], bias[layout.PanelOutputs-1], wide[wideBytes(in)-1]
		_, _, _ = a.q[rows*in-1], a.offsets[rows*groups-1], a.scales[rows-1]
		widenNEON(&wide[0], &panel[0], groups)
		for r := 0; r < rows; {
			n := blockOf(rows-r, len(byRows)-1)
			for half := 0; half < layout.PanelOutputs; half += 16 {
				byRows[n](&out[r*stride+half], 4*stride, &wide[4*half], &bias[half], &a.q[r*in], &a.offsets[r*groups], &a.scales[r], groups)
			}
			r += n
		}
	}
}

func attendNEON(out []float32, outStride int, qkv []float32, stride, keyAt, valueAt, tokens int, scratch []float32) {
	_, _, _ = out[(tokens-1)*outStride+headSize-1], qkv[(tokens-1)*stride+max(keyAt, valueAt)+headSize-1], scratch[attendScratch(tokens)-1]
	padded := (tokens + 31) &^ 31
	keys, scores := scratch[:headSize*padded], scratch[headSize*padded:]
	inverses := scratch[attendScratch(tokens)-maxAttendNEON:]
	transposeKeys(keys, qkv[keyAt:], stride, tokens)
	for r := 0; r < tokens; {
		n := blockOf(tokens-r, maxAttendNEON)
		scoresNEON[n](&scores[0], &qkv[r*stride], &keys[0], 4*stride, padded)
		for i := range n {
			none := scores[i*padded+tokens : (i+1)*padded]
			for j := range none {
				none[j] = float32(math.Inf(-1))
			}
		}
		softmaxNEON(&scores[0], &inverses[0], n, padded)
		for half := 0; half < headSize; half += 16 {
			valuesNEON[n](&out[r*outStride+half], 4*outStride, &scores[0], &inverses[0], &qkv[valueAt+half], 4*stride, tokens, padded)
		}
		r += n
	}
}

var linearRowsNEON = [...]linearRows{nil, linear1NEON, linear2NEON, linear3NEON}

var linearPlainRowsNEON = [...]linearRows{nil, linearPlain1NEON, linearPlain2NEON}

var scoresNEON = [...]func(scores, queries, keys *float32, stride, padded int){
	nil, scores1NEON, scores2NEON, scores3NEON, scores4NEON,
}

var valuesNEON = [...]func(out *float32, outStride int, scores, inverses, values *float32, stride, tokens, padded int){
	nil, values1NEON, values2NEON, values3NEON, values4NEON,
}

//go:noescape
func widenNEON(wide, panel *byte, groups int)

//go:noescape
func linear1NEON(out *float32, stride int, wide *byte, bias *float32, q *int8, offsets *int32, scales *float32, groups int)

//go:noescape
func linear2NEON(out *float32, stride int, wide *byte, bias *float32, q *int8, offsets *int32, scales *float32, groups int)

//go:noescape
func linear3NEON(out *float32, stride int, wide *byte, bias *float32, q *int8, offsets *int32, scales *float32, groups int)

//go:noescape
func linearPlain1NEON(out *float32, stride int, wide *byte, bias *float32, q *int8, offsets *int32, scales *float32, groups int)

//go:noescape
func linearPlain2NEON(out *float32, stride int, wide *byte, bias *float32, q *int8, offsets *int32, scales *float32, groups int)

//go:noescape
func quantiseNEON(q *int8, offsets *int32, scales, x, spread *float32, rows, n int)

//go:noescape
func scores1NEON(scores, queries, keys *float32, stride, padded int)

//go:noescape
func scores2NEON(scores, queries, keys *float32, stride, padded int)

//go:noescape
func scores3NEON(scores, queries, keys *float32, stride, padded int)

//go:noescape
func scores4NEON(scores, queries, keys *float32, stride, padded int)

//go:noescape
func softmaxNEON(scores, inverses *float32, rows, padded int)

//go:noescape
func values1NEON(out *float32, outStride int, scores, inverses, values *float32, stride, tokens, padded int)

//go:noescape
func values2NEON(out *float32, outStride int, scores, inverses, values *float32, stride, tokens, padded int)

//go:noescape
func values3NEON(out *float32, outStride int, scores, inverses, values *float32, stride, tokens, padded int)

//go:noescape
func values4NEON(out *float32, outStride int, scores, inverses, values *float32, stride, tokens, padded int)

//go:noescape
func addNormNEON(x, y, scale, shift *float32, rows, n int, inverse, epsilon float32)

//go:noescape
func geluNEON(x *float32, n int)
