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
	indices = make([]uint32, 0, p.distinct())
	values = make([]float32, 0, cap(indices))
	for i := 0; i < len(p.terms); {
		index, f := uint32(p.terms[i]>>32), 0.0
		for ; i < len(p.terms) && uint32(p.terms[i]>>32) == index; i++ {
			f += float64(math.Float32frombits(uint32(p.terms[i])))
		}
		indices = append(indices, index)
		values = append(values, float32(f*(k1+1)/(f+norm)))
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
// them into buckets of a few.
func (p *passage) sort() {
	const bits = 9
	if len(p.terms) < 64 {
		slices.Sort(p.terms)
		return
	}
	var ends [1<<bits + 1]int32
	for _, t := range p.terms {
		ends[t>>(64-bits)+1]++
	}
	for i := range 1 << bits {
		ends[i+1] += ends[i]
	}
	p.other = slices.Grow(p.other[:0], len(p.terms))[:len(p.terms)]
	for _, t := range p.terms {
		end := &ends[t>>(64-bits)]
		p.other[*end] = t
		*end++
	}
	p.terms, p.other = p.other, p.terms
	from := int32(0)
	for _, to := range ends[:1<<bits] {
		if to-from > 16 {
			slices.Sort(p.terms[from:to])
			from = to
			continue
		}
		for i := from + 1; i < to; i++ {
			t, k := p.terms[i], i
			for ; k > from && p.terms[k-1] > t; k-- {
				p.terms[k] = p.terms[k-1]
			}
			p.terms[k] = t
		}
		from = to
	}
}

// distinct counts the hashes among the sorted terms.
func (p *passage) distinct() int {
	n := 0
	for i, t := range p.terms {
		if i == 0 || uint32(t>>32) != uint32(p.terms[i-1]>>32) {
			n++
		}
	}
	return n
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
