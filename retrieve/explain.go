package retrieve

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/lore-kb/lore/analysis"
	"github.com/lore-kb/lore/store"
)

// explain says what a candidate holds of the question and how its score came
// about.
func (s *search) explain(c *candidate) *Explanation {
	e := &Explanation{Terms: s.matched(&c.payload)}
	for _, leg := range []store.Leg{store.LegSparse, store.LegDense} {
		l, ok := c.legs[leg]
		switch {
		case ok:
			e.Notes = append(e.Notes, fmt.Sprintf("%s leg: rank %d, score %.4f", leg, l.Rank, l.Score))
		case leg == store.LegSparse && s.sparse.skipped == "" && s.sparse.err == nil,
			leg == store.LegDense && s.dense.skipped == "" && s.dense.err == nil:
			e.Notes = append(e.Notes, fmt.Sprintf("%s leg: not among the first %d", leg, s.window))
		}
	}
	if l, ok := c.legs[LegRerank]; ok {
		e.Notes = append(e.Notes, fmt.Sprintf("reranker: rank %d, score %.4f", l.Rank, l.Score))
	}
	e.Notes = append(append(e.Notes, s.sum(c)), s.notes...)
	return e
}

// sum writes out how the fusion came to a candidate's score.
func (s *search) sum(c *candidate) string {
	m := &c.made
	switch {
	case s.weights.reciprocal:
		return fmt.Sprintf("fused %.4f by ranks alone, 1/(%d + rank) for each leg", c.score, rankConstant)
	case s.weights.dense == 0:
		return fmt.Sprintf("fused %.4f by words alone: %s", c.score, m.literal())
	}
	words := fmt.Sprintf("words %.4f (%s)", m.words(), m.literal())
	parts := fmt.Sprintf("cosine %.4f", m.cosine)
	if !s.centred {
		parts += " stretched over its language's hits"
	}
	if m.likeness != 0 {
		parts += fmt.Sprintf(" + piece by piece %.4f", m.likeness)
	}
	if m.own != 0 {
		parts += fmt.Sprintf(" - %.4f for being in the question's language", m.own)
	}
	return fmt.Sprintf("fused %.4f = %s + vectors %.4f (%s)", c.score, words, m.vectors(), parts)
}

// literal writes out the parts that a passage owes to its words.
func (m *made) literal() string {
	parts := fmt.Sprintf("share %.4f + best sentence %.4f + order %.4f", m.share, m.sentence, m.order)
	if m.whole != 0 {
		parts += fmt.Sprintf(" + %.4f for the question as it stands", m.whole)
	}
	return parts
}

// noteRemoved notes what the filter kept out of the result: which of the first
// candidates there would be without it.
func (r *Retriever) noteRemoved(ctx context.Context, s *search) error {
	if !s.query.Explain || s.filter.Empty() {
		return nil
	}
	all, err := r.rank(ctx, Query{Text: s.parsed.Text, Limit: s.limit}, nil, false)
	if err != nil {
		return err
	}
	const looked, named = 20, 5
	n := min(len(all.candidates), looked)
	if n == 0 {
		return nil
	}
	removed := 0
	var names []string
	for i := range n {
		p := &all.candidates[i].payload
		if s.filter.MatchPayload(p) {
			continue
		}
		removed++
		if name := cmp.Or(p.Path, p.Title, p.URI, p.DocumentID); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	note := fmt.Sprintf("the filter removed none of the first %s", plural(n, "candidate"))
	if removed > 0 {
		more := ""
		if len(names) > named {
			names, more = names[:named], " and others"
		}
		note = fmt.Sprintf("the filter removed %d of the first %s: %s%s", removed, plural(n, "candidate"), strings.Join(names, ", "), more)
	}
	s.notes = append(s.notes, note)
	if len(s.candidates) == 0 {
		s.degrade(store.LegSparse, "%s", note)
	}
	return nil
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
