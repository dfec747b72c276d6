package sqlitestore

import (
	"context"
	"fmt"

	"github.com/lore-kb/lore/store"
)

// Pending implements [store.Store].
func (s *Store) Pending(ctx context.Context, limit int) ([]store.Point, error) {
	var out []store.Point
	err := s.read(ctx, func(c *conn) error {
		if s.model == (store.Model{}) || limit <= 0 {
			return nil
		}
		ix, err := s.current(c)
		if err != nil {
			return err
		}
		full := fmt.Errorf("enough")
		err = c.query("SELECT "+rowColumns+fromRows+"WHERE d.embedded < d.chunks ORDER BY d.date DESC, d.id", func(v []value) error {
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
			for i := range p.n {
				if ix.embedded(d.key + int64(i)) {
					continue
				}
				point, err := p.whole(c, &d, i)
				if err != nil {
					return err
				}
				if out = append(out, point); len(out) == limit {
					return full
				}
			}
			return nil
		})
		if err == full {
			err = nil
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("pending: %w", err)
	}
	return out, nil
}

// SetVectors implements [store.Store].
func (s *Store) SetVectors(ctx context.Context, vectors []store.PointVector) error {
	for _, v := range vectors {
		if len(v.Vector) != s.model.Dimension || len(v.Vector) == 0 {
			return fmt.Errorf("set vectors: %w: %d, want %d", store.ErrDimension, len(v.Vector), s.model.Dimension)
		}
	}
	err := s.write(ctx, func(c *conn) error {
		ix, err := s.current(c)
		if err != nil {
			return err
		}
		return setVectors(ctx, c, ix, vectors)
	})
	if err != nil {
		return fmt.Errorf("set vectors: %w", err)
	}
	return nil
}
