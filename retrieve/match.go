package retrieve

import (
	"context"
	"strings"

	"github.com/lore-kb/lore/store"
)

// matcher is an embedder that can also hold a question against texts piece by
// piece, from the texts alone. Larger is better; no text scores more than 1.
type matcher interface {
	Match(ctx context.Context, query string, texts []string) ([]float64, error)
}

// match returns the likeness for the candidates that are read closely, if the embedder
// can tell. The others count as no better than the least of these. An embedder
// that fails leaves all at 0.
func (s *search) match(list []candidate, order []int) []float64 {
	out := make([]float64, len(list))
	if s.matcher == nil || len(s.dense.hits) == 0 || len(order) == 0 {
		return out
	}
	texts := make([]string, len(order))
	for n, i := range order {
		p := &list[i].payload
		texts[n] = strings.TrimPrefix(p.Title+"\n"+p.Text, "\n")
	}
	scores, err := s.matcher(texts)
	if err != nil || len(scores) != len(texts) {
		return out
	}
	least := scores[0]
	for _, f := range scores {
		least = min(least, f)
	}
	for i := range out {
		out[i] = least
	}
	for n, i := range order {
		out[i] = scores[n]
	}
	return out
}

// ownLikeness is what a passage's likeness owes to being in the question's language.
func (s *search) ownLikeness(p *store.Payload, likeness float64) float64 {
	switch {
	case likeness == 0 || s.parsed.Language == "" || p.Language != "" && p.Language != s.parsed.Language:
		return 0
	case p.Language == "":
		return ownMatch / 2
	}
	return ownMatch
}
