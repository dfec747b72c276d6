package sqlitestore

import (
	"context"
	"fmt"

	"github.com/lore-kb/lore/store"
)

// Put implements [store.Store]. All documents of a call are stored in one
// transaction. Points have to be in order of their ordinals, from 0.
func (s *Store) Put(ctx context.Context, docs []store.Document) error {
	for i := range docs {
		if err := checkDocument(&docs[i], s.model.Dimension); err != nil {
			return fmt.Errorf("put: %w", err)
		}
	}
	err := s.write(ctx, func(c *conn) error {
		ix, err := s.current(c)
		if err != nil {
			return err
		}
		var t tally
		for i := range docs {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := putDocument(c, ix, &docs[i], &t); err != nil {
				return err
			}
		}
		return t.write(c)
	})
	if err != nil {
		return fmt.Errorf("put: %w", err)
	}
	return nil
}

func putDocument(c *conn, ix *index, d *store.Document, t *tally) error {
	old, found, err := document(c, d.ID)
	if err != nil {
		return err
	}
	if found {
		if err := removeDocument(c, &old, t); err != nil {
			return err
		}
	}
	if _, err := c.exec("INSERT INTO roots(id) VALUES(?) ON CONFLICT DO NOTHING", d.Root); err != nil {
		return err
	}
	root, err := c.int("SELECT key FROM roots WHERE id = ?", d.Root)
	if err != nil {
		return err
	}
	key, err := c.int("SELECT value FROM meta WHERE name = 'next_key'")
	if err != nil {
		return err
	}
	next := key + int64(max(1, len(d.Points), blocks(len(d.Text))))
	if next > maxKey {
		return fmt.Errorf("%s: all %d keys are used; run `lore compact`", c.file, int64(maxKey))
	}
	if _, err := c.exec("UPDATE meta SET value = ? WHERE name = 'next_key'", next); err != nil {
		return err
	}
	embedded, err := indexDocument(c, ix, key, d)
	if err != nil {
		return err
	}
	if _, err := c.exec("INSERT INTO documents(key, id, root, path, status, reason, date, chunks, embedded, bytes, info) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		key, idValue(d.ID), root, d.Path, string(d.Status), d.Reason, sortableTime(d.Date), int64(len(d.Points)), int64(embedded), int64(len(d.Text)), encodeInfo(&d.DocumentInfo)); err != nil {
		return err
	}
	if err := putText(c, key, d.Text); err != nil {
		return err
	}
	if len(d.Points) > 0 {
		if _, err := c.exec("INSERT INTO payloads(key, data) VALUES(?, ?)", key, encodePoints(d)); err != nil {
			return err
		}
	}
	t.status(d.Status, 1)
	t.points += int64(len(d.Points))
	t.embedded += int64(embedded)
	t.bytes += int64(len(d.Text))
	for i := range d.Points {
		t.language(d.Points[i].Payload.Language, 1)
	}
	return nil
}

// Mark implements [store.Store].
func (s *Store) Mark(ctx context.Context, ids []string, status store.Status, reason string) error {
	err := s.write(ctx, func(c *conn) error {
		var t tally
		for _, id := range ids {
			var old store.Status
			found, err := c.one("SELECT status FROM documents WHERE id = ?", func(v []value) error {
				old = store.Status(asText(v[0]))
				return nil
			}, idValue(id))
			if err != nil {
				return err
			}
			if !found {
				continue
			}
			if _, err := c.exec("UPDATE documents SET status = ?, reason = ? WHERE id = ?", string(status), reason, idValue(id)); err != nil {
				return err
			}
			t.status(old, -1)
			t.status(status, 1)
		}
		return t.write(c)
	})
	if err != nil {
		return fmt.Errorf("mark documents: %w", err)
	}
	return nil
}

// Remove implements [store.Store].
func (s *Store) Remove(ctx context.Context, f store.Filter) (int, error) {
	if f.Empty() && !f.All {
		return 0, fmt.Errorf("remove: %w", store.ErrEmptyFilter)
	}
	n := 0
	err := s.write(ctx, func(c *conn) error {
		var rows []row
		if err := eachDocument(ctx, c, f, func(d row) error {
			rows = append(rows, d)
			return nil
		}); err != nil {
			return err
		}
		var t tally
		for i := range rows {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := removeDocument(c, &rows[i], &t); err != nil {
				return err
			}
		}
		n = len(rows)
		return t.write(c)
	})
	if err != nil {
		return 0, fmt.Errorf("remove: %w", err)
	}
	return n, nil
}

// removeDocument deletes a document with all that belongs to it.
func removeDocument(c *conn, d *row, t *tally) error {
	if d.info.Chunks > 0 {
		p, err := readPoints(c, d)
		if err != nil {
			return err
		}
		for i := range p.n {
			point, err := p.at(i)
			if err != nil {
				return corrupt(c.file, err)
			}
			t.language(point.Payload.Language, -1)
		}
		if _, err := c.exec("DELETE FROM payloads WHERE key = ?", d.key); err != nil {
			return err
		}
		if err := unindexDocument(c, d); err != nil {
			return err
		}
	}
	if d.length > 0 {
		if _, err := c.exec("DELETE FROM texts WHERE key >= ? AND key < ?", d.key, d.key+int64(blocks(d.length))); err != nil {
			return err
		}
	}
	if _, err := c.exec("DELETE FROM documents WHERE key = ?", d.key); err != nil {
		return err
	}
	t.status(d.info.Status, -1)
	t.points -= int64(d.info.Chunks)
	t.embedded -= int64(d.info.Embedded)
	t.bytes -= int64(d.length)
	return nil
}
