// Package layout is the encoder's weights file: how the converter writes it and
// the encoder reads it. The matrices lie in it as the kernels read them, so
// opening a file copies only the small vectors.
//
// Words, the vectors of the pieces, are of two kinds. Those of frequent pieces
// have four bits a value, as the source has them; those of the others three, which
// leaves room for many more pieces.
//
// A matrix of out×in weights is cut into panels of 32 outputs. A panel has a
// block for each group of 32 inputs: 32 float16 scales, one an output, then 8
// steps of 64 bytes. Byte j of step s holds two codes for input 4s + j%4: output
// j/4 in the low half, output 16 + j/4 in the high half. A weight is
// (code − 8) × scale, where the scale may be negative.
package layout

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

const (
	// GroupSize is the number of inputs that share a scale.
	GroupSize = 32
	// PanelOutputs is the number of outputs of a panel.
	PanelOutputs = 32
	// BlockBytes is one group of inputs of a panel: scales and codes.
	BlockBytes = 2*PanelOutputs + GroupSize*PanelOutputs/2
	// WordBlockBytes is one group of a word's vector: a float16 scale and 16 bytes,
	// element j in the low half of byte j, element j+16 in the high half.
	WordBlockBytes = 2 + GroupSize/2
)

const magic = "loreE5w3"

// Shape gives the network's sizes; Span is the longest text in tokens.
type Shape struct {
	Hidden, Depth, Heads, Inner, Span int
	Pieces                            int // words are the pieces, then Begin, End, Unknown
	Fine                              int // how many pieces, the first, have four bits a value
}

// Begin, End and Unknown are the words for the marks of a text's start and end
// and for what no piece covers.
func (s Shape) Begin() int   { return s.Pieces }
func (s Shape) End() int     { return s.Pieces + 1 }
func (s Shape) Unknown() int { return s.Pieces + 2 }

// Matrix is a linear layer: panels as described above, one bias an output. Inputs
// must be multiplied by their group's Spread, a power of two, whose inverse is in
// the weights' scales: it brings the groups to about the same size, so that one
// scale for a row of int8 inputs serves them all.
type Matrix struct {
	In, Out int
	Panels  []byte
	Bias    []float32
	Spread  []float32
}

// Panel returns panel i, for outputs 32i to 32i+31.
func (m *Matrix) Panel(i int) []byte {
	n := m.In / GroupSize * BlockBytes
	return m.Panels[i*n : (i+1)*n : (i+1)*n]
}

// Norm is a layer normalisation's factors and offsets.
type Norm struct{ Scale, Shift []float32 }

// Layer is one layer of the network.
type Layer struct {
	Attention    Matrix // queries, keys, values: 3 × Hidden outputs
	Output       Matrix
	OutputNorm   Norm
	Expand       Matrix
	Contract     Matrix
	ContractNorm Norm
}

// Weights is an open weights file. Words, Table and the panels point into it.
type Weights struct {
	Shape
	Table     []byte // the pieces, for package unigram
	Words     []byte // the first Fine pieces and Begin, End, Unknown
	Coarse    []byte // the other pieces
	Positions []byte // float16, Span × Hidden, the token type's vector added
	Norm      Norm   // after the embeddings
	Layers    []Layer
	Sum       [sha256.Size]byte // of all that follows the header; Open does not check it
}

const (
	alignment   = 64
	headerBytes = 2 * alignment
)

type writer struct{ b []byte }

func (w *writer) align() {
	for len(w.b)%alignment != 0 {
		w.b = append(w.b, 0)
	}
}

func (w *writer) floats(v []float32) {
	for _, x := range v {
		w.b = binary.LittleEndian.AppendUint32(w.b, math.Float32bits(x))
	}
}

// Encode returns the file of w. It is an error if a part has the wrong size.
func Encode(w *Weights) ([]byte, error) {
	out := &writer{b: []byte(magic)}
	s := w.Shape
	for _, n := range []int{s.Hidden, s.Depth, s.Heads, s.Inner, s.Span, s.Pieces, s.Fine, len(w.Table)} {
		out.b = binary.LittleEndian.AppendUint32(out.b, uint32(n))
	}
	out.align()
	sumAt := len(out.b)
	out.b = append(out.b, make([]byte, sha256.Size)...)
	out.align()
	from := len(out.b)
	for _, part := range w.parts() {
		if part.floats != nil {
			if len(*part.floats) != part.size/4 {
				return nil, fmt.Errorf("encode weights: %s has %d values, want %d", part.name, len(*part.floats), part.size/4)
			}
			out.floats(*part.floats)
		} else {
			if len(*part.bytes) != part.size {
				return nil, fmt.Errorf("encode weights: %s has %d bytes, want %d", part.name, len(*part.bytes), part.size)
			}
			out.b = append(out.b, *part.bytes...)
		}
		out.align()
	}
	out.b = append(out.b, w.Table...)
	w.Sum = sha256.Sum256(out.b[from:])
	copy(out.b[sumAt:], w.Sum[:])
	return out.b, nil
}

// Check compares a file with the sum in its header.
func Check(b []byte) error {
	if len(b) < headerBytes || sha256.Sum256(b[headerBytes:]) != [sha256.Size]byte(b[alignment:]) {
		return errors.New("check weights: the file does not match its checksum")
	}
	return nil
}

// part is a stretch of the file: either bytes, used where they lie, or floats,
// which are copied.
type part struct {
	name   string
	size   int
	bytes  *[]byte
	floats *[]float32
}

// parts lists what the file holds, in order. Layers must have been made.
func (w *Weights) parts() []part {
	var ps []part
	raw := func(name string, size int, b *[]byte) { ps = append(ps, part{name: name, size: size, bytes: b}) }
	vector := func(name string, n int, v *[]float32) { ps = append(ps, part{name: name, size: 4 * n, floats: v}) }
	norm := func(name string, n *Norm) {
		vector(name+" scale", w.Hidden, &n.Scale)
		vector(name+" shift", w.Hidden, &n.Shift)
	}
	matrix := func(name string, m *Matrix, in, out int) {
		m.In, m.Out = in, out
		vector(name+" bias", out, &m.Bias)
		vector(name+" spread", in/GroupSize, &m.Spread)
		raw(name, out/PanelOutputs*(in/GroupSize)*BlockBytes, &m.Panels)
	}
	norm("norm", &w.Norm)
	for i := range w.Layers {
		l := &w.Layers[i]
		matrix(fmt.Sprintf("layer %d attention", i), &l.Attention, w.Hidden, 3*w.Hidden)
		matrix(fmt.Sprintf("layer %d output", i), &l.Output, w.Hidden, w.Hidden)
		norm(fmt.Sprintf("layer %d output norm", i), &l.OutputNorm)
		matrix(fmt.Sprintf("layer %d expand", i), &l.Expand, w.Hidden, w.Inner)
		matrix(fmt.Sprintf("layer %d contract", i), &l.Contract, w.Inner, w.Hidden)
		norm(fmt.Sprintf("layer %d contract norm", i), &l.ContractNorm)
	}
	raw("positions", 2*w.Span*w.Hidden, &w.Positions)
	raw("words", (w.Fine+3)*w.fineBytes(), &w.Words)
	raw("coarse words", (w.Pieces-w.Fine)*w.CoarseBytes(), &w.Coarse)
	return ps
}

// Open reads a file that Encode made; the result shares b's memory.
func Open(b []byte) (*Weights, error) {
	const numbers = 8
	if len(b) < headerBytes || string(b[:len(magic)]) != magic {
		return nil, errors.New("open weights: not a weights file of this version")
	}
	var n [numbers]int
	for i := range n {
		n[i] = int(binary.LittleEndian.Uint32(b[len(magic)+4*i:]))
	}
	w := &Weights{Shape: Shape{Hidden: n[0], Depth: n[1], Heads: n[2], Inner: n[3], Span: n[4], Pieces: n[5], Fine: n[6]}}
	s := w.Shape
	if s.Hidden <= 0 || s.Hidden%PanelOutputs != 0 || s.Inner <= 0 || s.Inner%PanelOutputs != 0 || s.Heads*32 != s.Hidden ||
		s.Depth <= 0 || s.Depth > 1000 || s.Hidden > 1<<16 || s.Inner > 1<<16 || s.Span <= 2 || s.Span > 1<<20 || s.Pieces > 1<<24 || s.Fine > s.Pieces {
		return nil, errors.New("open weights: damaged header")
	}
	w.Layers = make([]Layer, s.Depth)
	w.Sum = [sha256.Size]byte(b[alignment:])
	at := headerBytes
	for _, p := range w.parts() {
		if p.size > len(b)-at {
			return nil, fmt.Errorf("open weights: file ends in %s", p.name)
		}
		data := b[at : at+p.size : at+p.size]
		if p.floats != nil {
			v := make([]float32, p.size/4)
			for i := range v {
				v[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
			}
			*p.floats = v
		} else {
			*p.bytes = data
		}
		at += (p.size + alignment - 1) &^ (alignment - 1)
	}
	if n[7] > len(b)-at {
		return nil, errors.New("open weights: file ends in the pieces")
	}
	w.Table = b[at : at+n[7]]
	return w, nil
}

// PackPanels lays out a matrix whose rows, one an output, are groups of a float16
// scale and 16 bytes of codes (element j in the low half of byte j, element j+16
// in the high half), as words are. Scales are divided by their group's spread,
// which must lose nothing.
func PackPanels(rows []byte, in, out int, spread []float32) ([]byte, error) {
	groups := in / GroupSize
	if in%GroupSize != 0 || out%PanelOutputs != 0 || len(rows) != out*groups*WordBlockBytes || len(spread) != groups {
		return nil, fmt.Errorf("pack %d×%d matrix: %d bytes with %d factors do not fit", out, in, len(rows), len(spread))
	}
	var panels []byte
	for panel := 0; panel < out; panel += PanelOutputs {
		for g := range groups {
			block := func(o int) []byte {
				at := ((panel+o)*groups + g) * WordBlockBytes
				return rows[at : at+WordBlockBytes]
			}
			for o := range PanelOutputs {
				scale := Float16(binary.LittleEndian.Uint16(block(o))) / spread[g]
				h := ToFloat16(scale)
				if Float16(h) != scale {
					return nil, fmt.Errorf("pack %d×%d matrix: scale %g does not fit", out, in, scale)
				}
				panels = binary.LittleEndian.AppendUint16(panels, h)
			}
			for step := range 8 {
				for j := range 64 {
					k := 4*step + j%4
					panels = append(panels, Code(block(j/4), k)|Code(block(16+j/4), k)<<4)
				}
			}
		}
	}
	return panels, nil
}

// Code returns element k's code of a group of a row.
func Code(block []byte, k int) byte {
	if k < 16 {
		return block[2+k] & 15
	}
	return block[2+k-16] >> 4
}

// Float16 widens a half-precision number.
func Float16(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exp := uint32(h>>10) & 31
	frac := uint32(h & 0x3FF)
	switch exp {
	case 0:
		v := float32(frac) / (1 << 24)
		if sign != 0 {
			v = -v
		}
		return v
	case 31:
		return math.Float32frombits(sign | 0x7F800000 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}

// ToFloat16 narrows to half precision, to the nearest. Values of magnitude 65,520
// and more become infinite.
func ToFloat16(f float32) uint16 {
	bits := math.Float32bits(f)
	sign := uint16(bits>>16) & 0x8000
	a := math.Abs(float64(f))
	switch {
	case f != f:
		return sign | 0x7E00
	case a >= 65520:
		return sign | 0x7C00
	case a < 1.0/(1<<14):
		return sign | uint16(math.RoundToEven(a*(1<<24)))
	}
	frac, exp := math.Frexp(a) // frac in [0.5, 1)
	m := math.RoundToEven(frac * 2048)
	return sign | uint16((exp+14-1)<<10+int(m))
}
