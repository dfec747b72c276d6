package retrieve

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/store"
)

// matcher is an embedder that can hold a question against texts piece by piece,
// from the texts alone. Larger is better; no text scores more than 1.
type matcher interface {
	Match(ctx context.Context, query string, texts []string) ([]float64, error)
}

// likenesses holds the question against passages by what the embedder keeps of
// them, which it returns too, or is nil when it keeps nothing.
func (r *Retriever) likenesses(ctx context.Context, question string) func([]store.Hit) ([]float64, [][]byte, error) {
	e, ok := r.options.Embedder.(model.Detailer)
	if !ok {
		return nil
	}
	return func(hits []store.Hit) ([]float64, [][]byte, error) {
		limited, cancel := context.WithTimeout(ctx, r.options.LegTimeout)
		defer cancel()
		details, err := r.store.Details(limited, hits)
		if err != nil {
			return nil, nil, err
		}
		scores, err := e.Likeness(limited, question, details)
		return scores, details, err
	}
}

// match returns the likeness for the candidates that are read closely, if the
// embedder can tell: from their texts, and from what is kept of them, which counts
// keptWeight and is better between languages and where words mean several things.
// The others, and those of which nothing is kept yet, count as no better than the
// least of these. A source that fails leaves all at 0, which the result says.
func (s *search) match(list []candidate, order []int) []float64 {
	out := make([]float64, len(list))
	if len(s.dense.hits) == 0 || len(order) == 0 {
		return out
	}
	if s.matcher != nil {
		texts := make([]string, len(order))
		for n, i := range order {
			p := &list[i].payload
			texts[n] = strings.TrimPrefix(p.Title+"\n"+p.Text, "\n")
		}
		scores, err := s.matcher(texts)
		s.degradeMatch("their words could not be held against the question", scores, order, err)
		spread(out, order, scores, err, 1)
	}
	if s.likenesses != nil {
		hits := make([]store.Hit, len(order))
		for n, i := range order {
			hits[n] = store.Hit{ID: list[i].id, Key: list[i].key}
		}
		scores, details, err := s.likenesses(hits)
		if err == nil && len(details) == len(order) {
			for n, i := range order {
				list[i].detail = details[n]
			}
		}
		s.degradeMatch("what is kept of them could not be read", scores, order, err)
		s.kept = spread(out, order, scores, err, keptWeight)
	}
	return out
}

// degradeMatch says that the candidates are ranked without one of their likenesses,
// if they are.
func (s *search) degradeMatch(what string, scores []float64, order []int, err error) {
	if err == nil && len(scores) != len(order) {
		err = fmt.Errorf("%d scores for %d passages", len(scores), len(order))
	}
	if err != nil {
		s.degrade(LegLikeness, "passages are ranked without one of their likenesses, %s: %s", what, reason(err, s.legTimeout))
	}
}

// spread adds weighted scores of the candidates in order to out, for all others
// the least of them, and reports whether there were any.
func spread(out []float64, order []int, scores []float64, err error, weight float64) bool {
	if err != nil || len(scores) != len(order) {
		return false
	}
	least := math.Inf(1)
	for _, f := range scores {
		if f < least {
			least = f
		}
	}
	if math.IsInf(least, 1) {
		return false
	}
	for i := range out {
		out[i] += weight * least
	}
	for n, i := range order {
		if f := scores[n]; !math.IsNaN(f) {
			out[i] += weight * (f - least)
		}
	}
	return true
}

// ownLikeness is what a passage's likeness owes to being in the question's language.
func (s *search) ownLikeness(p *store.Payload, likeness float64) float64 {
	own := ownMatch
	if s.kept {
		own *= 2
	}
	switch {
	case likeness == 0 || s.parsed.Language == "" || p.Language != "" && p.Language != s.parsed.Language:
		return 0
	case p.Language == "":
		return own / 2
	}
	return own
}
