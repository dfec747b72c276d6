package encoder

// A kernel is the arithmetic of one kind of processor. Rows are tokens. All
// kernels compute the same quantised network: their integer products are equal,
// their floats differ by rounding and by the polynomials for exp and erf.
type kernel struct {
	name string

	// quantise writes each row of x, of n values, as n int8 values times the row's
	// scale. First each group of 32 values is multiplied by its spread, a power of
	// two. The scale is the largest magnitude / 127; a value is rounded to the nearest,
	// ties to even. Offsets get for each row and group −8 times the sum of the int8
	// values, which takes the codes' offset out of a product. A row of zeros has
	// scale 0.
	quantise func(a *activations, x, spread []float32, rows, n int)

	// linear computes one panel: out[r*stride+o] = bias[o] + the product of row r
	// and output o, for 32 outputs. Panel is laid out as package layout says; in is
	// the number of inputs, a multiple of 32; wide is scratch memory of wideBytes(in).
	linear func(out []float32, stride int, panel []byte, bias []float32, a *activations, rows, in int, wide []byte)

	// attend computes one head of one text: out rows are the softmax of queries times
	// keys / √32 over all tokens, times values. Rows of qkv are stride apart, a
	// row has the head's 32 values of query, key and value at 0, keyAt and valueAt;
	// rows of out are outStride apart. Scratch has attendScratch(tokens) values.
	attend func(out []float32, outStride int, qkv []float32, stride, keyAt, valueAt, tokens int, scratch []float32)

	// addNorm sets each row of x, of n values, to the normalised sum of x and y,
	// times scale plus shift.
	addNorm func(x, y, scale, shift []float32, rows, n int)

	// gelu replaces each value by x·Φ(x).
	gelu func(x []float32)
}

// activations are quantised rows, as quantise makes them.
type activations struct {
	q       []int8
	offsets []int32
	scales  []float32
}

// headSize is the width of an attention head; the kernels count on it.
const headSize = 32

// normEpsilon is the model's own.
const normEpsilon = 1e-12

// wideBytes is the scratch memory that kernels need to widen a panel.
func wideBytes(in int) int { return in * 32 * 2 }

// attendScratch is the number of values that attend needs as scratch memory:
// keys and values of a head, padded, and scores of a few rows.
func attendScratch(tokens int) int {
	padded := (tokens + 31) &^ 31
	return 2*headSize*padded + 16*padded + 64
}
