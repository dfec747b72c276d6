package retrieve

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/lore-kb/lore/analysis"
	"github.com/lore-kb/lore/store"
)

// explain says what a candidate holds of the question and how its score came
// about.
func (s *search) explain(c *candidate) *Explanation {
	e := &Explanation{Terms: s.matched(&c.payload)}
	for _, leg := range []store.Leg{store.LegSparse, store.LegDense} {
		l, ok := c.legs[leg]
		w := s.weights.sparse
		if leg == store.LegDense {
			w = s.weights.dense
		}
		switch {
		case ok:
			e.Notes = append(e.Notes, fmt.Sprintf("%s leg: rank %d, score %.4f, %.4f after normalising, weight %.2f", leg, l.Rank, l.Score, l.Normalised, w))
		case leg == store.LegSparse && s.sparse.skipped == "" && s.sparse.err == nil,
			leg == store.LegDense && s.dense.skipped == "" && s.dense.err == nil:
			e.Notes = append(e.Notes, fmt.Sprintf("%s leg: not among the first %d", leg, s.window))
		}
	}
	if l, ok := c.legs[LegRerank]; ok {
		e.Notes = append(e.Notes, fmt.Sprintf("reranker: rank %d, score %.4f", l.Rank, l.Score))
	}
	if c.likeness != 0 {
		e.Notes = append(e.Notes, fmt.Sprintf("piece by piece the question is alike by %.4f", c.likeness))
	}
	if x := c.evidence; x.Sentence > 0 {
		e.Notes = append(e.Notes, fmt.Sprintf("best sentence holds %.0f%% of the question's weight, %.0f%% in its order", 100*x.Sentence, 100*x.Order))
	}
	e.Notes = append(e.Notes, s.notes...)
	return e
}

// matched returns the question's terms that a chunk holds, by what they add to
// its sparse score.
func (s *search) matched(p *store.Payload) []TermMatch {
	indices, values := analysis.Passage(fieldsOf(p))
	var out []TermMatch
	for _, t := range s.terms {
		if i, ok := slices.BinarySearch(indices, t.Index); ok {
			out = append(out, TermMatch{Term: t.Term, Weight: t.IDF * t.Query, Score: t.IDF * t.Query * float64(values[i])})
		}
	}
	slices.SortStableFunc(out, func(a, b TermMatch) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Term, b.Term))
	})
	return out
}

// fieldsOf returns what a chunk was analysed from.
func fieldsOf(p *store.Payload) analysis.Fields {
	return analysis.Fields{Title: p.Title, Section: p.Section, Path: p.Path, Context: p.Context, Text: p.Text}
}
