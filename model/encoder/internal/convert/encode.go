package main

import (
	_ "embed"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/lore-kb/lore/model/encoder/internal/layout"
)

const groupSize = layout.GroupSize

// encode makes the weights file with the chosen pieces.
func encode(m *model, c choice) ([]byte, error) {
	source := c.order(m)
	t, err := table(m, source)
	if err != nil {
		return nil, err
	}
	w := &layout.Weights{
		Shape:  layout.Shape{Hidden: m.hidden, Depth: m.layers, Heads: m.heads, Inner: m.inner, Span: m.positions, Pieces: t.Len(), Fine: len(c.fine)},
		Layers: make([]layout.Layer, m.layers),
	}
	if w.Table, err = t.AppendBinary(nil); err != nil {
		return nil, err
	}
	rowBytes := m.hidden / groupSize * layout.WordBlockBytes
	words, err := m.tensor("emb.word", m.words*rowBytes)
	if err != nil {
		return nil, err
	}
	word := func(p int) []byte { return words[p*rowBytes : (p+1)*rowBytes] }
	for _, p := range append(slices.Clone(source[:len(c.fine)]), m.begin, m.end, m.unknown) {
		w.Words = append(w.Words, word(p)...)
	}
	for _, p := range source[len(c.fine):] {
		coarse, err := layout.PackCoarse(word(p))
		if err != nil {
			return nil, err
		}
		w.Coarse = append(w.Coarse, coarse...)
	}
	load := &loader{m: m}
	spreads := &spreadReader{groupExponents}
	positions, types := load.floats("emb.pos", m.positions*m.hidden), load.floats("emb.type", 2*m.hidden)
	for i, p := range positions {
		w.Positions = binary.LittleEndian.AppendUint16(w.Positions, layout.ToFloat16(p+types[i%m.hidden]))
	}
	w.Norm = load.norm("emb.ln")
	for i := range w.Layers {
		l := &w.Layers[i]
		name := func(s string) string { return fmt.Sprintf("l%d.%s", i, s) }
		q, k, v := name("q"), name("k"), name("v")
		l.Attention = load.matrix(spreads.take(m.hidden), m.hidden, m.hidden, q, k, v)
		l.Output = load.matrix(spreads.take(m.hidden), m.hidden, m.hidden, name("ao"))
		l.OutputNorm = load.norm(name("aln"))
		l.Expand = load.matrix(spreads.take(m.hidden), m.hidden, m.inner, name("fi"))
		l.Contract = load.matrix(spreads.take(m.inner), m.inner, m.hidden, name("fo"))
		l.ContractNorm = load.norm(name("oln"))
	}
	if load.err != nil {
		return nil, load.err
	}
	return layout.Encode(w)
}

// loader reads tensors; err is the first that failed.
type loader struct {
	m   *model
	err error
}

func (l *loader) bytes(name string, size int) []byte {
	b, err := l.m.tensor(name, size)
	if err != nil {
		if l.err == nil {
			l.err = err
		}
		return make([]byte, size)
	}
	return b
}

func (l *loader) floats(name string, n int) []float32 {
	b := l.bytes(name, 4*n)
	v := make([]float32, n)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return v
}

func (l *loader) norm(name string) layout.Norm {
	return layout.Norm{Scale: l.floats(name+".w", l.m.hidden), Shift: l.floats(name+".b", l.m.hidden)}
}

// matrix joins the outputs of matrices of one shape.
func (l *loader) matrix(spread []float32, in, out int, names ...string) layout.Matrix {
	m := layout.Matrix{In: in, Out: out * len(names), Spread: spread}
	for _, name := range names {
		rows := l.bytes(name+".w", out*in/groupSize*layout.WordBlockBytes)
		panels, err := layout.PackPanels(rows, in, out, spread)
		if err != nil && l.err == nil {
			l.err = fmt.Errorf("tensor %s: %w", name, err)
		}
		m.Panels = append(m.Panels, panels...)
		m.Bias = append(m.Bias, l.floats(name+".b", out)...)
	}
	return m
}

// groupExponents has a byte for each group of inputs of each layer's four
// matrices, in the order of the weights file: how often the group is halved. It is
// written by the encoder's TestSpread.
//
//go:embed spread.bin
var groupExponents []byte

// spreadReader gives the groups' factors, matrix by matrix; 1 where there are no
// more.
type spreadReader struct{ exponents []byte }

func (r *spreadReader) take(in int) []float32 {
	spread := make([]float32, in/groupSize)
	for i := range spread {
		spread[i] = 1
		if len(r.exponents) > 0 {
			spread[i] = float32(math.Ldexp(1, -int(r.exponents[0])))
			r.exponents = r.exponents[1:]
		}
	}
	return spread
}
