package analysis

import (
	"math"
	"slices"
	"sync"
)

// Constants of BM25 (Robertson and Zaragoza, The Probabilistic Relevance
// Framework, 2009). Chunks have a bounded length, so the average is a constant
// and the weight of a term in a passage needs to know no other passage.
const (
	k1            = 1.2
	b             = 0.5
	averageLength = 180 // words and Han characters
)

// Weights by which an occurrence outside the text counts.
const (
	titleWeight   = 1.5
	sectionWeight = 1.0
	pathWeight    = 0.4
	contextWeight = 0.3
)

// Fields are the texts that a passage is found by.
type Fields struct {
	Title   string
	Section []string // heading path
	Path    string   // its last element counts
	Context string   // such as a table's header
	Text    string
}

// Passage returns the sparse vector of a passage: for each term, by ascending
// hash, the part of BM25 that comes from its frequency,
//
//	f·(k1+1) / (f + k1·(1 - b + b·length/average)),
//
// with f the sum of occurrences weighted by field. Times IDF and summed over
// the terms of a question it is BM25. No terms give empty slices.
func Passage(fields Fields) (indices []uint32, values []float32) {
	p := passages.Get().(*passage)
	defer passages.Put(p)
	p.reset()
	p.add(fields.Text, 1)
	length := float64(p.lexer.units)
	p.add(fields.Title, titleWeight)
	for _, s := range fields.Section {
		if s != fields.Title {
			p.add(s, sectionWeight)
		}
	}
	p.add(lastElement(fields.Path), pathWeight)
	p.add(fields.Context, contextWeight)

	norm := k1 * (1 - b + b*length/averageLength)
	p.sort()
	n := 0
	for i := 0; i < len(p.terms); n++ {
		index, f := p.terms[i]>>32, 0.0
		for ; i < len(p.terms) && p.terms[i]>>32 == index; i++ {
			f += float64(math.Float32frombits(uint32(p.terms[i])))
		}
		p.terms[n] = index<<32 | uint64(math.Float32bits(float32(f*(k1+1)/(f+norm))))
	}
	indices, values = make([]uint32, n), make([]float32, n)
	for i, t := range p.terms[:n] {
		indices[i], values[i] = uint32(t>>32), math.Float32frombits(uint32(t))
	}
	return indices, values
}

// passage gathers the terms of one passage: hash above, weight below.
type passage struct {
	lexer lexer
	terms []uint64
	other []uint64 // room for sort
	low   uint64   // bits of the weight of the current field
	take  emitFunc
}

var passages = sync.Pool{New: func() any {
	p := new(passage)
	p.take = func(_ Kind, folded []byte, _, _ int) {
		p.terms = append(p.terms, uint64(hash(folded))<<32|p.low)
	}
	return p
}}

func (p *passage) reset() {
	p.terms = p.terms[:0]
	p.lexer.units = 0
}

func (p *passage) add(text string, weight float32) {
	if text == "" {
		return
	}
	p.low = uint64(math.Float32bits(weight))
	p.lexer.run(text, p.take)
}

// sort sorts the terms. Hashes are spread evenly, so that their first bits part
// them into buckets of a few, within which they are moved to their places.
func (p *passage) sort() {
	const bits = 9
	terms := p.terms
	if len(terms) < 64 {
		slices.Sort(terms)
		return
	}
	var ends [1 << bits]int32 // first how many there are, then where the next goes
	for _, t := range terms {
		ends[t>>(64-bits)]++
	}
	at, most := int32(0), int32(0)
	for i, n := range ends {
		ends[i] = at
		at, most = at+n, max(most, n)
	}
	if most > 128 {
		slices.Sort(terms)
		return
	}
	sorted := slices.Grow(p.other[:0], len(terms))[:len(terms)]
	for _, t := range terms {
		end := &ends[t>>(64-bits)]
		sorted[*end] = t
		*end++
	}
	for i, t := range sorted {
		for ; i > 0 && sorted[i-1] > t; i-- {
			sorted[i] = sorted[i-1]
		}
		sorted[i] = t
	}
	p.terms, p.other = sorted, terms
}

// lastElement returns the name at the end of a slash-separated path.
func lastElement(path string) string {
	for i := len(path) - 1; i >= 0; i-- {
		if path[i] == '/' {
			return path[i+1:]
		}
	}
	return path
}
