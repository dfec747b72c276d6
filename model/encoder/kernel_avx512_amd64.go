//go:build !purego

package encoder

import "github.com/lore-kb/lore/model/encoder/internal/layout"

// avx512 is the kernel for AVX-512 with its byte products (VNNI). Its functions
// are documented in kernel.go; those in assembly take what the Go functions here
// have checked.
var avx512 = kernel{
	name:     "avx512-vnni",
	quantise: quantiseFast(quantiseAVX512),
	linear:   linearAVX512,
	attend:   attendAVX512,
	addNorm:  addNormFast(addNormAVX512),
	gelu:     geluFast(geluAVX512),
}

func linearAVX512(out []float32, stride int, panel []byte, bias []float32, a *activations, rows, in int, wide []byte) {
	groups := in / layout.GroupSize
	_, _, _, _ = out[(rows-1)*stride+layout.PanelOutputs-1], panel[groups*layout.BlockBytes-1], bias[layout.PanelOutputs-1], wide[wideBytes(in)-1]
	_, _, _ = a.q[rows*in-1], a.offsets[rows*groups-1], a.scales[rows-1]
	widenAVX512(&wide[0], &panel[0], groups)
	for r := 0; r < rows; {
		n := blockOf(rows-r, len(linearRowsAVX512)-1)
		linearRowsAVX512[n](&out[r*stride], 4*stride, &wide[0], &bias[0], &a.q[r*in], &a.offsets[r*groups], &a.scales[r], groups)
		r += n
	}
}

func attendAVX512(out []float32, outStride int, qkv []float32, stride, keyAt, valueAt, tokens int, scratch []float32) {
	_, _, _ = out[(tokens-1)*outStride+headSize-1], qkv[(tokens-1)*stride+max(keyAt, valueAt)+headSize-1], scratch[attendScratch(tokens)-1]
	padded := (tokens + 31) &^ 31
	keys, scores := scratch[:headSize*padded], scratch[headSize*padded:]
	transposeAVX512(&keys[0], &qkv[keyAt], stride, tokens)
	for r := 0; r < tokens; {
		n := blockOf(tokens-r, len(attendRowsAVX512)-1)
		attendRowsAVX512[n](&out[r*outStride], 4*outStride, &qkv[r*stride], &keys[0], &qkv[valueAt], 4*stride, &scores[0], tokens)
		r += n
	}
}

var linearRowsAVX512 = [...]func(out *float32, stride int, wide *byte, bias *float32, q *int8, offsets *int32, scales *float32, groups int){
	nil, linear1AVX512, linear2AVX512, linear3AVX512, linear4AVX512, linear5AVX512, linear6AVX512,
}

var attendRowsAVX512 = [...]func(out *float32, outStride int, queries, keys, values *float32, stride int, scores *float32, tokens int){
	nil, attend1AVX512, attend2AVX512, attend3AVX512, attend4AVX512, attend5AVX512, attend6AVX512,
}

//go:noescape
func widenAVX512(wide, panel *byte, groups int)

//go:noescape
func linear1AVX512(out *float32, stride int, wide *byte, bias *float32, q *int8, offsets *int32, scales *float32, groups int)

//go:noescape
func linear2AVX512(out *float32, stride int, wide *byte, bias *float32, q *int8, offsets *int32, scales *float32, groups int)

//go:noescape
func linear3AVX512(out *float32, stride int, wide *byte, bias *float32, q *int8, offsets *int32, scales *float32, groups int)

//go:noescape
func linear4AVX512(out *float32, stride int, wide *byte, bias *float32, q *int8, offsets *int32, scales *float32, groups int)

//go:noescape
func linear5AVX512(out *float32, stride int, wide *byte, bias *float32, q *int8, offsets *int32, scales *float32, groups int)

//go:noescape
func linear6AVX512(out *float32, stride int, wide *byte, bias *float32, q *int8, offsets *int32, scales *float32, groups int)

//go:noescape
func quantiseAVX512(q *int8, offsets *int32, scales, x, spread *float32, rows, n int)

//go:noescape
func transposeAVX512(dst, keys *float32, stride, tokens int)

//go:noescape
func attend1AVX512(out *float32, outStride int, queries, keys, values *float32, stride int, scores *float32, tokens int)

//go:noescape
func attend2AVX512(out *float32, outStride int, queries, keys, values *float32, stride int, scores *float32, tokens int)

//go:noescape
func attend3AVX512(out *float32, outStride int, queries, keys, values *float32, stride int, scores *float32, tokens int)

//go:noescape
func attend4AVX512(out *float32, outStride int, queries, keys, values *float32, stride int, scores *float32, tokens int)

//go:noescape
func attend5AVX512(out *float32, outStride int, queries, keys, values *float32, stride int, scores *float32, tokens int)

//go:noescape
func attend6AVX512(out *float32, outStride int, queries, keys, values *float32, stride int, scores *float32, tokens int)

//go:noescape
func addNormAVX512(x, y, scale, shift *float32, rows, n int, inverse, epsilon float32)

//go:noescape
func geluAVX512(x *float32, n int)
