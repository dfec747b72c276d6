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
	err := s.brief(ctx, func(c *conn) error {
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
		hits = hitsOf(best, q)
		if !q.Bare {
			err = readPayloads(ctx, c, hits, func(key int64) error {
				return corrupt(c.file, fmt.Errorf("document %d is missing", key))
			})
		}
		return err
	})
	return hits, err
}

// hitsOf makes bare hits of ranked points.
func hitsOf(best []ranked, q *store.Query) []store.Hit {
	hits := make([]store.Hit, len(best))
	for i, b := range best {
		run := b.p.run(b.local)
		id := b.p.id(b.local)
		hits[i] = store.Hit{ID: formatUUID(id[:]), Score: b.score, Key: uint64(b.p.runKeys[run])<<32 | uint64(b.local-b.p.runLocals[run])}
		if q.Bare {
			hits[i].Payload.Language = b.p.language(b.local)
		}
	}
	return hits
}

// Payloads implements [store.Store].
func (s *Store) Payloads(ctx context.Context, hits []store.Hit) error {
	err := s.brief(ctx, func(c *conn) error {
		return readPayloads(ctx, c, hits, func(int64) error { return nil })
	})
	if err != nil {
		return fmt.Errorf("payloads: %w", err)
	}
	return nil
}

// readPayloads fills in the payloads of bare hits. It asks gone what to do about
// a document that is not there; its hits are left without payload.
func readPayloads(ctx context.Context, c *conn, hits []store.Hit, gone func(key int64) error) error {
	// In order of rows, but the points of a document backwards; see textReader.
	order := make([]int, len(hits))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		x, y := hits[a].Key, hits[b].Key
		return cmp.Or(cmp.Compare(x>>32, y>>32), cmp.Compare(y, x))
	})
	generation, err := c.generation()
	if err != nil {
		return err
	}
	reader := &textReader{c: c, keep: true}
	var d *recentDocument
	for n, i := range order {
		h := &hits[i]
		if n == 0 || h.Key>>32 != hits[order[n-1]].Key>>32 {
			if err := ctx.Err(); err != nil {
				return err
			}
			if d, err = documentWithPoints(c, int64(h.Key>>32), generation); err != nil {
				return err
			}
			if d == nil {
				if err := gone(int64(h.Key >> 32)); err != nil {
					return err
				}
			}
		}
		h.Payload = store.Payload{}
		if d == nil {
			continue
		}
		point, err := d.points.whole(reader, &d.row, int(uint32(h.Key)))
		if err != nil {
			return err
		}
		h.Payload = point.Payload
	}
	return nil
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
		best, err = ix.dense(ctx, q.Dense, chosen, q.Apart, limit)
	} else {
		best, err = ix.sparse(ctx, q.Sparse, chosen, limit)
	}
	if err != nil {
		if ctx.Err() == nil {
			err = corrupt(s.file, err)
		}
		return nil, err
	}
	slices.SortFunc(best, func(a, b ranked) int { return cmp.Compare(b.score, a.score) })
	orderEqual(best)
	if len(q.Apart) == 0 || q.Leg != store.LegDense {
		return best[:min(limit, len(best))], nil
	}
	left := make(map[string]int, len(q.Apart))
	for _, l := range q.Apart {
		left[l] = limit
	}
	out := best[:0]
	for i, b := range best {
		l := b.p.language(b.local)
		left[l]--
		if i < limit || left[l] >= 0 {
			out = append(out, b)
		}
	}
	return out, nil
}

// orderEqual orders those of equal scores by ID, which takes more to find out than
// to compare.
func orderEqual(best []ranked) {
	type named struct {
		id [16]byte
		ranked
	}
	var same []named
	for from := 0; from < len(best); {
		to := from + 1
		for to < len(best) && best[to].score == best[from].score {
			to++
		}
		if to-from > 1 {
			same = same[:0]
			for _, b := range best[from:to] {
				same = append(same, named{b.p.id(b.local), b})
			}
			slices.SortFunc(same, func(a, b named) int { return bytes.Compare(a.id[:], b.id[:]) })
			for i, n := range same {
				best[from+i] = n.ranked
			}
		}
		from = to
	}
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

// IDF implements [store.Store].
func (s *Store) IDF(ctx context.Context, indices []uint32) ([]float64, error) {
	var out []float64
	err := s.brief(ctx, func(c *conn) (err error) {
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
