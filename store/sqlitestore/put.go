package sqlitestore

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/lore-kb/lore/store"
)

// prepared is a document coded for its rows.
type prepared struct {
	doc    *store.Document
	info   []byte
	points []byte
	texts  [][]byte
}

// prepare codes a document. words may be nil.
func prepare(d *store.Document, words *vocabulary) prepared {
	p := prepared{doc: d, info: encodeInfo(&d.DocumentInfo, len(d.Text), words)}
	if len(d.Points) > 0 {
		p.points = sealed(encodePoints(d, words))
	}
	for b := range (place{length: len(d.Text), block: textBlock}).blocks() {
		p.texts = append(p.texts, sealed(compress(d.Text[b*textBlock:min(len(d.Text), (b+1)*textBlock)], words)))
	}
	return p
}

// Put implements [store.Store]. All documents of a call are stored in one
// transaction. Points have to be in order of their ordinals, from 0.
func (s *Store) Put(ctx context.Context, docs []store.Document) error {
	err := s.put(ctx, docs)
	if err != nil {
		return fmt.Errorf("put: %w", err)
	}
	return nil
}

func (s *Store) put(ctx context.Context, docs []store.Document) error {
	for i := range docs {
		if err := checkDocument(&docs[i], s.model.Dimension); err != nil {
			return err
		}
	}
	if len(docs) == 0 || s.readOnly {
		return s.write(ctx, func(*txn) error { return nil })
	}
	words, err := s.vocabularyFor(ctx, docs)
	if err != nil {
		return err
	}
	b := startBuild(ctx, docs, words)
	defer b.stop()
	return s.write(ctx, func(t *txn) error {
		for i := range docs {
			p, err := b.document(ctx, i)
			if err != nil {
				return err
			}
			if err := t.put(p); err != nil {
				return err
			}
		}
		t.built = b
		return nil
	})
}

func (t *txn) put(p *prepared) error {
	d := p.doc
	root, err := t.root(d.Root)
	if err != nil {
		return err
	}
	uri, err := t.uriOf(root, &d.DocumentInfo)
	if err != nil {
		return err
	}
	key, err := t.keys(max(1, len(d.Points), len(p.texts)))
	if err != nil {
		return err
	}
	embedded, err := t.addVectors(key, d)
	if err != nil {
		return err
	}
	info := append(appendURI(append(make([]byte, 0, len(p.info)+16), infoForm...), d.URI, uri, d.Path), p.info...)
	if !needsRoot(info) {
		uri = ""
	}
	date := sortableTime(d.Date)
	info = sealed(info, fullSeal(rowSeal(key, root, d.ID, d.Path, len(d.Points), len(d.Text)), date, uri)...)
	insert := func() (rows int64, err error) {
		return t.c.exec("INSERT INTO documents(key, id, root, path, status, reason, date, chunks, embedded, bytes, info) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(id) DO NOTHING",
			key, idValue(d.ID), root, d.Path, string(d.Status), d.Reason, date, int64(len(d.Points)), int64(embedded), int64(len(d.Text)), info)
	}
	rows, err := insert()
	if err == nil && rows == 0 {
		// Most documents are new, so an older version is not looked for before.
		if err = t.replace(d.ID); err == nil {
			_, err = insert()
		}
	}
	if err != nil {
		return err
	}
	for i, text := range p.texts {
		if _, err := t.c.exec("INSERT INTO texts(key, data) VALUES(?, ?)", key+int64(i), text); err != nil {
			return err
		}
	}
	if len(d.Points) > 0 {
		if _, err := t.c.exec("INSERT INTO payloads(key, data) VALUES(?, ?)", key, p.points); err != nil {
			return err
		}
		t.docs = append(t.docs, pointDocument{uint32(key), d.Points})
	}
	t.tally.status(d.Status, 1)
	t.tally.points += int64(len(d.Points))
	t.tally.embedded += int64(embedded)
	t.tally.bytes += int64(len(d.Text))
	for i := range d.Points {
		t.tally.language(d.Points[i].Payload.Language, 1)
	}
	return nil
}

// replace removes the version of a document that is stored.
func (t *txn) replace(id string) error {
	old, found, err := document(t.c, id)
	if err != nil {
		return err
	}
	if !found {
		return corrupt(t.c.file, fmt.Errorf("document %s is indexed and missing", id))
	}
	return t.remove(&old)
}

// addVectors keeps the vectors that a document brings or that equal texts of
// the collection have, and returns how many.
func (t *txn) addVectors(key int64, d *store.Document) (n int, err error) {
	if len(d.Points) == 0 {
		return 0, nil
	}
	for i := range d.Points {
		p := &d.Points[i]
		var v store.Vector
		var detail []byte
		if p.Dense != nil {
			v, detail = normalised(p.Dense), p.Detail
		} else if len(t.ix.vectors) > 0 {
			if v, detail, err = t.ix.byDigest(p.Digest); err != nil {
				return 0, err
			}
		}
		if v != nil {
			n++
			t.vectors = append(t.vectors, vectorRow{key: uint32(key) + uint32(i), digest: digestKey(p.Digest), vector: v, detail: detail})
		}
	}
	return n, nil
}

// Mark implements [store.Store].
func (s *Store) Mark(ctx context.Context, ids []string, status store.Status, reason string) error {
	err := s.write(ctx, func(t *txn) error {
		for _, id := range ids {
			var old store.Status
			found, err := t.c.one("SELECT status FROM documents WHERE id = ?", func(v []value) error {
				old = store.Status(asText(v[0]))
				return nil
			}, idValue(id))
			if err != nil {
				return err
			}
			if !found {
				continue
			}
			if _, err := t.c.exec("UPDATE documents SET status = ?, reason = ? WHERE id = ?", string(status), reason, idValue(id)); err != nil {
				return err
			}
			t.tally.status(old, -1)
			t.tally.status(status, 1)
		}
		return nil
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
	err := s.write(ctx, func(t *txn) error {
		var rows []row
		if err := eachDocument(ctx, t.c, f, func(d row) error {
			rows = append(rows, d)
			return nil
		}); err != nil {
			return err
		}
		// In the order in which they lie in the tables.
		slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(a.key, b.key) })
		for i := range rows {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := t.remove(&rows[i]); err != nil {
				return err
			}
		}
		n = len(rows)
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("remove: %w", err)
	}
	return n, nil
}

// removedAtOnce is how many documents a transaction deletes whole. What else it
// removes leaves its text and points behind, which lie all over the file, for the
// background to delete. It is a variable for tests.
var removedAtOnce = 64

// remove deletes a document with all that belongs to it.
func (t *txn) remove(d *row) error {
	if err := t.discount(d); err != nil {
		return err
	}
	if t.removed++; t.removed > removedAtOnce {
		if _, err := t.c.exec("INSERT INTO gone(key, blocks) VALUES(?, ?)", d.key, int64(d.blocks())); err != nil {
			return err
		}
	} else if err := t.deleteParts(d.key, d.blocks()); err != nil {
		return err
	}
	if err := t.kill(d.key, d.info.Chunks); err != nil {
		return err
	}
	if _, err := t.c.exec("DELETE FROM documents WHERE key = ?", d.key); err != nil {
		return err
	}
	t.tally.status(d.info.Status, -1)
	t.tally.points -= int64(d.info.Chunks)
	t.tally.embedded -= int64(d.info.Embedded)
	t.tally.bytes -= int64(d.length)
	return nil
}

// discount takes the points of a document off the counts of languages.
func (t *txn) discount(d *row) error {
	var p *points
	for i := range d.info.Chunks {
		if seg, local, ok := t.ix.find(uint32(d.key) + uint32(i)); ok {
			t.tally.language(seg.language(local), -1)
			continue
		}
		// It came in this very transaction.
		if p == nil {
			var err error
			if p, err = readPoints(t.c, d); err != nil {
				return err
			}
		}
		point, err := p.at(i)
		if err != nil {
			return corrupt(t.c.file, err)
		}
		t.tally.language(point.Payload.Language, -1)
	}
	return nil
}

// deleteParts deletes the points and text of a document.
func (t *txn) deleteParts(key int64, blocks int) error {
	if _, err := t.c.exec("DELETE FROM payloads WHERE key = ?", key); err != nil {
		return err
	}
	_, err := t.c.exec("DELETE FROM texts WHERE key >= ? AND key < ?", key, key+int64(blocks))
	return err
}
