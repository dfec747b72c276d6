//go:build !purego

package encoder

import (
	"math"

	"github.com/lore-kb/lore/model/encoder/internal/layout"
)

// avx2 is the kernel for AVX2 with fused multiplication (and float16 conversion,
// which every such processor has). Its functions are documented in kernel.go;
// those in assembly take what the Go functions here have checked.
var avx2 = kernel{
	name:     "avx2",
	quantise: quantiseFast(quantiseAVX2),
	linear:   linearAVX2,
	attend:   attendAVX2,
	addNorm:  addNormFast(addNormAVX2),
	gelu:     geluFast(geluAVX2),
}

// maxAttendAVX2 is how many rows attention takes at a time.
const maxAttendAVX2 = 4

func linearAVX2(out []float32, stride int, panel []byte, bias []float32, a *activations, rows, in int, wide []byte) {
	groups := in / layout.GroupSize
	_, _, _, _ = out[(rows-1)*stride+layout.PanelOutputs-1], panel[groups*layout.BlockBytes-1], bias[layout.PanelOutputs-1], wide[wideBytes(in)-1]
	_, _, _ = a.q[rows*in-1], a.offsets[rows*groups-1], a.scales[rows-1]
	widenAVX2(&wide[0], &panel[0], groups)
	for r := 0; r < rows; {
		n := blockOf(rows-r, len(linearRowsAVX2)-1)
		for half := 0; half < layout.PanelOutputs; half += 16 {
			linearRowsAVX2[n](&out[r*stride+half], 4*stride, &wide[4*half], &bias[half], &a.q[r*in], &a.offsets[r*groups], &a.scales[r], groups)
		}
		r += n
	}
}

func attendAVX2(out []float32, outStride int, qkv []float32, stride, keyAt, valueAt, tokens int, scratch []float32) {
	_, _, _ = out[(tokens-1)*outStride+headSize-1], qkv[(tokens-1)*stride+max(keyAt, valueAt)+headSize-1], scratch[attendScratch(tokens)-1]
	padded := (tokens + 31) &^ 31
	keys, scores := scratch[:headSize*padded], scratch[headSize*padded:]
	inverses := scratch[attendScratch(tokens)-maxAttendAVX2:]
	transposeKeys(keys, qkv[keyAt:], stride, tokens)
	for r := 0; r < tokens; {
		n := blockOf(tokens-r, maxAttendAVX2)
		scoresAVX2[n](&scores[0], &qkv[r*stride], &keys[0], 4*stride, padded)
		for i := range n {
			none := scores[i*padded+tokens : (i+1)*padded]
			for j := range none {
				none[j] = float32(math.Inf(-1))
			}
		}
		softmaxAVX2(&scores[0], &inverses[0], n, padded)
		for half := 0; half < headSize; half += 16 {
			valuesAVX2[n](&out[r*outStride+half], 4*outStride, &scores[0], &inverses[0], &qkv[valueAt+half], 4*stride, tokens, padded)
		}
		r += n
	}
}

var linearRowsAVX2 = [...]func(out *float32, stride int, wide *byte, bias *float32, q *int8, offsets *int32, scales *float32, groups int){
	nil, linear1AVX2, linear2AVX2, linear3AVX2,
}

var scoresAVX2 = [...]func(scores, queries, keys *float32, stride, padded int){
	nil, scores1AVX2, scores2AVX2, scores3AVX2, scores4AVX2,
}

var valuesAVX2 = [...]func(out *float32, outStride int, scores, inverses, values *float32, stride, tokens, padded int){
	nil, values1AVX2, values2AVX2, values3AVX2, values4AVX2,
}

//go:noescape
func widenAVX2(wide, panel *byte, groups int)

//go:noescape
func linear1AVX2(out *float32, stride int, wide *byte, bias *float32, q *int8, offsets *int32, scales *float32, groups int)

//go:noescape
func linear2AVX2(out *float32, stride int, wide *byte, bias *float32, q *int8, offsets *int32, scales *float32, groups int)

//go:noescape
func linear3AVX2(out *float32, stride int, wide *byte, bias *float32, q *int8, offsets *int32, scales *float32, groups int)

//go:noescape
func quantiseAVX2(q *int8, offsets *int32, scales, x, spread *float32, rows, n int)

//go:noescape
func scores1AVX2(scores, queries, keys *float32, stride, padded int)

//go:noescape
func scores2AVX2(scores, queries, keys *float32, stride, padded int)

//go:noescape
func scores3AVX2(scores, queries, keys *float32, stride, padded int)

//go:noescape
func scores4AVX2(scores, queries, keys *float32, stride, padded int)

//go:noescape
func softmaxAVX2(scores, inverses *float32, rows, padded int)

//go:noescape
func values1AVX2(out *float32, outStride int, scores, inverses, values *float32, stride, tokens, padded int)

//go:noescape
func values2AVX2(out *float32, outStride int, scores, inverses, values *float32, stride, tokens, padded int)

//go:noescape
func values3AVX2(out *float32, outStride int, scores, inverses, values *float32, stride, tokens, padded int)

//go:noescape
func values4AVX2(out *float32, outStride int, scores, inverses, values *float32, stride, tokens, padded int)

//go:noescape
func addNormAVX2(x, y, scale, shift *float32, rows, n int, inverse, epsilon float32)

//go:noescape
func geluAVX2(x *float32, n int)
