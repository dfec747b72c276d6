package retrieve

import (
	"context"
	"fmt"

	"github.com/lore-kb/lore/analysis"
	"github.com/lore-kb/lore/store"
)

// misspeltWeight is what a word counts, against one that was asked for, that
// stands for a misspelt one.
const misspeltWeight = 0.7

// correct puts in the place of words that no document holds the commonest word of
// the documents that differs by one letter, and reports whether it found any.
// Words that are known, short or no words stay as they are.
func (r *Retriever) correct(ctx context.Context, s *search) (bool, error) {
	var near []analysis.Term
	var of []int // which of the question's terms each is near to
	asked := make(map[uint32]bool, len(s.parsed.Terms))
	for _, t := range s.parsed.Terms {
		asked[t.Index] = true
	}
	for i, t := range s.parsed.Terms {
		if i < len(s.terms) && !s.terms[i].Known {
			for _, n := range analysis.Near(s.parsed.Text, t) {
				if !asked[n.Index] {
					near, of = append(near, n), append(of, i)
				}
			}
		}
	}
	if len(near) == 0 {
		return false, nil
	}
	indices := make([]uint32, len(near))
	for i, n := range near {
		indices[i] = n.Index
	}
	weights, err := r.store.IDF(ctx, indices)
	if err != nil {
		return false, err
	}
	unknown := store.IDF(s.collection.stats.Points, 0) - 1e-9
	best, found := make(map[int]int), false
	for i, w := range weights {
		if b, ok := best[of[i]]; w < unknown && (!ok || w < weights[b]) {
			best[of[i]] = i
		}
	}
	for i := range s.parsed.Terms {
		b, ok := best[i]
		if !ok {
			continue
		}
		n := near[b]
		if asked[n.Index] {
			continue // two words that are misspelt alike
		}
		asked[n.Index], found = true, true
		n.Weight *= misspeltWeight
		s.notes = append(s.notes, fmt.Sprintf("no document holds %q: searched for %q", s.parsed.Text[n.Start:n.End], n.Text))
		s.parsed.Terms[i] = n
		s.terms[i] = TermWeight{Term: n.Text, Index: n.Index, IDF: weights[b], Query: n.Weight, Known: true}
	}
	return found, nil
}
