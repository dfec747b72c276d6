package sqlitestore

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"

	"github.com/lore-kb/lore/store"
)

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
		if len(q.Sparse.Indices) != len(q.Sparse.Values) || !ascending(q.Sparse.Indices) {
			return nil, errors.New("query vector is not in ascending order of indices")
		}
	default:
		return nil, errors.New("unknown leg")
	}
	var hits []store.Hit
	err := s.read(ctx, func(c *conn) error {
		hits = nil
		if empty || q.Limit <= 0 {
			return nil
		}
		if q.Leg == store.LegDense {
			if err := s.mismatch(c); err != nil {
				return err
			}
		}
		ix, err := s.current(c)
		if err != nil {
			return err
		}
		defer ix.release()
		best, err := s.rank(ctx, c, ix, q)
		if err != nil {
			return err
		}
		hits, err = readHits(ctx, c, best)
		return err
	})
	return hits, err
}

func ascending(v []uint32) bool {
	for i := 1; i < len(v); i++ {
		if v[i-1] >= v[i] {
			return false
		}
	}
	return true
}

// rank returns the best points in order.
func (s *Store) rank(ctx context.Context, c *conn, ix *index, q *store.Query) (best []ranked, err error) {
	defer s.guard(&err)()
	chosen, err := ix.selections(ctx, c, &q.Filter)
	if err != nil {
		return nil, err
	}
	limit := min(q.Limit, ix.live)
	if limit == 0 {
		return nil, nil
	}
	if q.Leg == store.LegDense {
		best, err = ix.dense(ctx, q.Dense, chosen, limit)
	} else {
		best, err = ix.sparse(ctx, q.Sparse, chosen, limit)
	}
	if err != nil {
		if ctx.Err() == nil {
			err = corrupt(s.file, err)
		}
		return nil, err
	}
	slices.SortFunc(best, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(b.score, a.score), bytes.Compare(a.p.id(a.local), b.p.id(b.local)))
	})
	return best[:min(limit, len(best))], nil
}

// guard is faults for a caller that knows the collection.
func (s *Store) guard(err *error) func() {
	return guarded(err, func(e error) error { return corrupt(s.file, e) })
}

// faults turns a fault of mapped memory, which a truncated file or a failing
// disk causes, and a number that points outside, into an error. Its result is
// to be deferred.
func faults(err *error) func() {
	return guarded(err, func(e error) error { return fmt.Errorf("%w: %w", errSegment, e) })
}

func guarded(err *error, wrap func(error) error) func() {
	old := debug.SetPanicOnFault(true)
	return func() {
		debug.SetPanicOnFault(old)
		if r := recover(); r != nil {
			e, ok := r.(runtime.Error)
			if !ok {
				panic(r)
			}
			*err = wrap(e)
		}
	}
}

// readHits reads the payloads of ranked points.
func readHits(ctx context.Context, c *conn, best []ranked) ([]store.Hit, error) {
	type opened struct {
		row    row
		points *points
	}
	documents := map[uint32]*opened{}
	hits := make([]store.Hit, 0, len(best))
	for _, b := range best {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		run := b.p.run(b.local)
		key := b.p.runKeys[run]
		d := documents[key]
		if d == nil {
			row, points, err := documentWithPoints(c, int64(key))
			if err != nil {
				return nil, err
			}
			d = &opened{row, points}
			documents[key] = d
		}
		point, err := d.points.whole(c, &d.row, int(b.local-b.p.runLocals[run]))
		if err != nil {
			return nil, err
		}
		hits = append(hits, store.Hit{ID: point.ID, Score: b.score, Payload: point.Payload})
	}
	return hits, nil
}

// IDF implements [store.Store].
func (s *Store) IDF(ctx context.Context, indices []uint32) ([]float64, error) {
	var out []float64
	err := s.read(ctx, func(c *conn) (err error) {
		defer s.guard(&err)()
		ix, err := s.current(c)
		if err != nil {
			return err
		}
		defer ix.release()
		out, err = ix.idf(indices)
		if err != nil {
			err = corrupt(s.file, err)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("idf: %w", err)
	}
	return out, nil
}
