package sqlitestore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/lore-kb/lore/store"
)

// scored is a point by its place in the index, with its score.
type scored struct {
	point int
	score float64
}

// Search implements [store.Store].
func (s *Store) Search(ctx context.Context, q store.Query) ([]store.Hit, error) {
	hits, err := s.search(ctx, &q)
	if err != nil {
		return nil, fmt.Errorf("search %s: %w", q.Leg, err)
	}
	return hits, nil
}

func (s *Store) search(ctx context.Context, q *store.Query) ([]store.Hit, error) {
	var empty bool
	switch q.Leg {
	case store.LegDense:
		empty = len(q.Dense) == 0
		if !empty && len(q.Dense) != s.model.Dimension {
			return nil, fmt.Errorf("%w: %d, want %d", store.ErrDimension, len(q.Dense), s.model.Dimension)
		}
	case store.LegSparse:
		empty = len(q.Sparse.Indices) == 0
		if len(q.Sparse.Indices) != len(q.Sparse.Values) || !slices.IsSorted(q.Sparse.Indices) {
			return nil, fmt.Errorf("query vector is not in ascending order of indices")
		}
	default:
		return nil, fmt.Errorf("unknown leg")
	}
	var hits []store.Hit
	err := s.read(ctx, func(c *conn) error {
		if empty || q.Limit <= 0 {
			return nil
		}
		ix, err := s.current(c)
		if err != nil {
			return err
		}
		top := ix.score(q)
		slices.SortFunc(top, func(a, b scored) int {
			return cmp.Or(cmp.Compare(b.score, a.score), strings.Compare(ix.points[a.point].point.ID, ix.points[b.point].point.ID))
		})
		for _, t := range top[:min(q.Limit, len(top))] {
			if err := ctx.Err(); err != nil {
				return err
			}
			p := &ix.points[t.point]
			h := store.Hit{ID: p.point.ID, Score: t.score, Payload: p.point.Payload}
			if h.Payload.Text, err = text(c, p.doc.key, p.doc.length, h.Payload.Start, h.Payload.End); err != nil {
				return err
			}
			hits = append(hits, h)
		}
		return nil
	})
	return hits, err
}

// IDF implements [store.Store].
func (s *Store) IDF(ctx context.Context, indices []uint32) ([]float64, error) {
	out := make([]float64, len(indices))
	err := s.read(ctx, func(c *conn) error {
		ix, err := s.current(c)
		if err != nil {
			return err
		}
		for i, t := range indices {
			out[i] = ix.idf(t)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("idf: %w", err)
	}
	return out, nil
}
