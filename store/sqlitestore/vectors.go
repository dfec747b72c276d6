package sqlitestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/lore-kb/lore/store"
)

// hint says where a point is that Pending returned, so that SetVectors need not
// look for it. A key never stands for another point.
type hint struct {
	key    uint32
	digest string
}

// maxHints bounds the memory of hints.
const maxHints = 1 << 16

var errEnough = errors.New("enough")

// Pending implements [store.Store].
func (s *Store) Pending(ctx context.Context, limit int) ([]store.Point, error) {
	var out []store.Point
	var hints []hint
	err := s.read(ctx, func(c *conn) error {
		out, hints = nil, nil
		var wanted []int // of a document
		if s.model == (store.Model{}) || limit <= 0 {
			return nil
		}
		ix, err := s.current(c)
		if err != nil {
			return err
		}
		defer ix.release()
		err = c.query("SELECT "+rowColumns+fromRows+"WHERE d.embedded < d.chunks ORDER BY d.date DESC, substr(d.id, 1, 4), d.id", func(v []value) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			d, err := scanRow(c, v)
			if err != nil {
				return err
			}
			p, err := readPoints(c, &d)
			if err != nil {
				return err
			}
			first := len(out)
			wanted = wanted[:0]
			for i := range p.n {
				if _, _, ok := ix.vectorOf(uint32(d.key) + uint32(i)); !ok && first+len(wanted) < limit {
					wanted = append(wanted, i)
				}
			}
			// The last one first, so that each block of text is decoded once.
			r := &textReader{c: c}
			for _, i := range slices.Backward(wanted) {
				point, err := p.whole(r, &d, i)
				if err != nil {
					return err
				}
				out = append(out, point)
				hints = append(hints, hint{uint32(d.key) + uint32(i), point.Digest})
			}
			slices.Reverse(out[first:])
			slices.Reverse(hints[first:])
			if len(out) == limit {
				return errEnough
			}
			return nil
		})
		if errors.Is(err, errEnough) {
			err = nil
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("pending: %w", err)
	}
	if !s.readOnly {
		s.hint(out, hints)
	}
	return out, nil
}

func (s *Store) hint(points []store.Point, hints []hint) {
	s.hinting.Lock()
	defer s.hinting.Unlock()
	if s.hints == nil || len(s.hints) > maxHints {
		s.hints = map[string]hint{}
	}
	for i, h := range hints {
		s.hints[points[i].ID] = h
	}
}

// SetVectors implements [store.Store].
func (s *Store) SetVectors(ctx context.Context, vectors []store.PointVector) error {
	for _, v := range vectors {
		if len(v.Vector) != s.model.Dimension || len(v.Vector) == 0 {
			return fmt.Errorf("set vectors: %w: %d, want %d", store.ErrDimension, len(v.Vector), s.model.Dimension)
		}
		if err := v.CheckDetail(); err != nil {
			return fmt.Errorf("set vectors: %w", err)
		}
	}
	err := s.write(ctx, func(t *txn) error {
		if len(vectors) == 0 {
			return nil
		}
		return t.setVectors(vectors)
	})
	if err != nil {
		return fmt.Errorf("set vectors: %w", err)
	}
	return nil
}

// Details implements [store.Store].
func (s *Store) Details(ctx context.Context, hits []store.Hit) ([][]byte, error) {
	var out [][]byte
	err := s.brief(ctx, func(c *conn) (err error) {
		out = make([][]byte, len(hits))
		if len(hits) == 0 {
			return nil
		}
		defer s.guard(&err)()
		if err := s.mismatch(c); err != nil {
			return err
		}
		ix, err := s.current(c)
		if err != nil {
			return err
		}
		defer ix.release()
		for i := range hits {
			v, row, ok := ix.vectorOf(uint32(hits[i].Key>>32) + uint32(hits[i].Key))
			if !ok {
				continue
			}
			b, err := v.detail(row, true)
			if err != nil {
				return corrupt(s.file, err)
			}
			out[i] = bytes.Clone(b)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("details: %w", err)
	}
	return out, nil
}

func (t *txn) setVectors(vectors []store.PointVector) error {
	ix := t.ix
	where, err := t.locate(ix, vectors)
	if err != nil {
		return err
	}
	rows := map[uint32]int{}
	added := map[int64]int64{} // by key of the document
	for _, v := range vectors {
		if err := t.ctx.Err(); err != nil {
			return err
		}
		h, ok := where[v.ID]
		if !ok || h.digest != v.Digest {
			continue
		}
		p, local, ok := ix.find(h.key)
		if !ok {
			continue
		}
		row := vectorRow{key: h.key, digest: digestKey(v.Digest), vector: normalised(v.Vector), detail: v.Detail}
		if i, twice := rows[h.key]; twice {
			t.vectors[i] = row
			continue
		}
		rows[h.key] = len(t.vectors)
		t.vectors = append(t.vectors, row)
		if old, _, ok := ix.vectorOf(h.key); ok {
			if _, err := t.c.exec("INSERT INTO dead_vectors(segment, key, generation) VALUES(?, ?, ?)", old.row, int64(h.key), t.generation); err != nil {
				return err
			}
			continue
		}
		t.tally.embedded++
		added[int64(p.runKeys[p.run(local)])]++
	}
	for key, n := range added {
		if _, err := t.c.exec("UPDATE documents SET embedded = embedded + ? WHERE key = ?", n, key); err != nil {
			return err
		}
	}
	return nil
}

// locate finds the points of vectors by ID: among those that Pending returned,
// else in the segments.
func (t *txn) locate(ix *index, vectors []store.PointVector) (map[string]hint, error) {
	where := map[string]hint{}
	missing := map[[16]byte]string{}
	t.s.hinting.Lock()
	defer t.s.hinting.Unlock()
	for _, v := range vectors {
		if h, ok := t.s.hints[v.ID]; ok {
			if p, local, ok := ix.find(h.key); ok && p.named(local, v.ID) {
				where[v.ID] = h
				continue
			}
		}
		if u, ok := parseUUID(v.ID); ok {
			missing[u] = v.ID
		}
	}
	if len(missing) == 0 {
		return where, nil
	}
	for _, p := range ix.points {
		for local := range uint32(p.n) {
			id, ok := missing[p.id(local)]
			if !ok || p.dead.has(local) {
				continue
			}
			point, err := readPoint(t.c, p, local)
			if err != nil {
				return nil, err
			}
			where[id] = hint{p.key(local), point.Digest}
		}
	}
	return where, nil
}

// readPoint reads a point of a segment, without its text.
func readPoint(c *conn, p *pointState, local uint32) (store.Point, error) {
	run := p.run(local)
	d, err := documentAt(c, int64(p.runKeys[run]))
	if err != nil {
		return store.Point{}, err
	}
	coded, err := readPoints(c, &d)
	if err != nil {
		return store.Point{}, err
	}
	point, err := coded.at(int(local - p.runLocals[run]))
	if err != nil {
		return store.Point{}, corrupt(c.file, err)
	}
	return point, nil
}
