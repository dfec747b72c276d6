package retrieve

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/lore-kb/lore/model"
)

// rerank lets the reranker order the first candidates. When it fails or is too
// slow the fused order stands and the result says so. An error is that of the
// store.
func (r *Retriever) rerank(ctx context.Context, reranker model.Reranker, s *search) error {
	n := min(len(s.candidates), max(r.options.RerankDepth, s.limit))
	if n < 2 {
		return nil
	}
	if err := s.need(0, n); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, r.options.RerankTimeout)
	defer cancel()
	texts := make([]string, n)
	for i := range texts {
		p := &s.candidates[i].payload
		texts[i] = strings.TrimSpace(strings.Join(append(append([]string{p.Title}, p.Section...), p.Context, p.Text), "\n"))
	}
	scores, err := reranker.Rerank(limited, s.parsed.Text, texts)
	if err == nil && len(scores) != n {
		err = fmt.Errorf("%d scores for %d passages", len(scores), n)
	}
	if err != nil {
		s.degrade(LegRerank, "the reranker failed, the order is that of the search: %s", reason(err, r.options.RerankTimeout))
		return nil
	}
	head := s.candidates[:n]
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case scores[a] > scores[b]:
			return -1
		case scores[a] < scores[b]:
			return 1
		}
		return 0
	})
	ranked := make([]candidate, n)
	for rank, i := range order {
		ranked[rank] = head[i]
		ranked[rank].legs[LegRerank] = LegScore{Rank: rank + 1, Score: scores[i], Normalised: scores[i]}
	}
	copy(head, ranked)
	s.notes = append(s.notes, fmt.Sprintf("first %d ordered by the reranker", n))
	return nil
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
