package sqlitestore

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lore-kb/lore/store"
)

// row is a document's row.
type row struct {
	place // of its text
	info  store.DocumentInfo
}

const rowColumns = "d.key, d.id, r.id, d.path, d.status, d.reason, d.chunks, d.embedded, d.bytes, d.info, d.root, d.date"

const fromRows = " FROM documents d JOIN roots r ON r.key = d.root "

func scanRow(c *conn, v []value) (d row, err error) {
	d.key, d.length = asInt(v[0]), int(asInt(v[8]))
	d.info = store.DocumentInfo{
		ID: idText(v[1]), Root: asText(v[2]), Path: asText(v[3]), Status: store.Status(asText(v[4])), Reason: asText(v[5]),
		Chunks: int(asInt(v[6])), Embedded: int(asInt(v[7])),
	}
	info, date, uri := asBytes(v[9]), asBytes(v[11]), ""
	d.block = blockOf(info)
	seal := rowSeal(d.key, asInt(v[10]), d.info.ID, d.info.Path, d.info.Chunks, d.length)
	if bytes.HasPrefix(info, []byte(infoForm)) {
		if needsRoot(info) {
			if uri, err = c.rootURI(asInt(v[10])); err != nil {
				return d, err
			}
		}
		seal = fullSeal(seal, date, uri)
		d.info.Date = timeOf(date)
	}
	info, err = unsealed(info, seal...)
	if err == nil {
		err = decodeInfo(info, &d.info, d.length, uri, c.vocabulary)
	}
	if err != nil {
		return d, corrupt(c.file, fmt.Errorf("record of document %s: %w", d.info.Path, err))
	}
	return d, nil
}

// document reads one row and reports whether there is one.
func document(c *conn, id string) (d row, found bool, err error) {
	found, err = c.one("SELECT "+rowColumns+fromRows+"WHERE d.id = ?", func(v []value) (err error) {
		d, err = scanRow(c, v)
		return err
	}, idValue(id))
	return d, found, err
}

// documentAt reads the row of a key that a segment holds.
func documentAt(c *conn, key int64) (d row, err error) {
	found, err := c.one("SELECT "+rowColumns+fromRows+"WHERE d.key = ?", func(v []value) (err error) {
		d, err = scanRow(c, v)
		return err
	}, key)
	if err == nil && !found {
		err = corrupt(c.file, fmt.Errorf("document %d is missing", key))
	}
	return d, err
}

// eachDocument visits the documents that f selects in the order of the ledger.
func eachDocument(ctx context.Context, c *conn, f store.Filter, visit func(row) error) error {
	// The index has them by path; those of one path are few.
	var same []row
	flush := func() error {
		slices.SortFunc(same, func(a, b row) int { return strings.Compare(a.info.ID, b.info.ID) })
		for _, d := range same {
			if err := visit(d); err != nil {
				return err
			}
		}
		same = same[:0]
		return nil
	}
	n := 0
	scan := func(v []value) error {
		if n++; n%256 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		d, err := scanRow(c, v)
		if err != nil || !f.MatchDocument(&d.info) {
			return err
		}
		if len(same) > 0 && same[0].info.Path != d.info.Path {
			if err := flush(); err != nil {
				return err
			}
		}
		same = append(same, d)
		return nil
	}
	if len(f.Documents) > 0 {
		return eachOf(ctx, c, f, visit)
	}
	var roots []int64
	if err := c.query("SELECT key FROM roots ORDER BY id", func(v []value) error {
		roots = append(roots, asInt(v[0]))
		return nil
	}); err != nil {
		return err
	}
	for _, root := range roots {
		if err := c.query("SELECT "+rowColumns+fromRows+"WHERE d.root = ? ORDER BY d.path", scan, root); err != nil {
			return err
		}
		if err := flush(); err != nil {
			return err
		}
	}
	return nil
}

// eachOf is eachDocument for a filter that names documents.
func eachOf(ctx context.Context, c *conn, f store.Filter, visit func(row) error) error {
	ids := slices.Compact(slices.Sorted(slices.Values(f.Documents)))
	f.Documents = nil
	var rows []row
	for _, id := range ids {
		if err := ctx.Err(); err != nil {
			return err
		}
		d, found, err := document(c, id)
		if err != nil {
			return err
		}
		if found && f.MatchDocument(&d.info) {
			rows = append(rows, d)
		}
	}
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(strings.Compare(a.info.Root, b.info.Root), strings.Compare(a.info.Path, b.info.Path), strings.Compare(a.info.ID, b.info.ID))
	})
	for _, d := range rows {
		if err := visit(d); err != nil {
			return err
		}
	}
	return nil
}

// Documents implements [store.Store].
func (s *Store) Documents(ctx context.Context, f store.Filter) iter.Seq2[store.DocumentInfo, error] {
	return func(yield func(store.DocumentInfo, error) bool) {
		stopped := fmt.Errorf("stopped")
		err := s.read(ctx, func(c *conn) error {
			return eachDocument(ctx, c, f, func(d row) error {
				if !yield(d.info, nil) {
					return stopped
				}
				return nil
			})
		})
		if err != nil && err != stopped {
			yield(store.DocumentInfo{}, fmt.Errorf("list documents: %w", err))
		}
	}
}

// Text implements [store.Store].
func (s *Store) Text(ctx context.Context, id string) (string, error) {
	return s.excerpt(ctx, id, func(c *conn, d *row) (string, error) { return text(c, d.place, 0, d.length) })
}

// Excerpt implements [store.Store].
func (s *Store) Excerpt(ctx context.Context, id string, start, end int) (string, error) {
	return s.excerpt(ctx, id, func(c *conn, d *row) (string, error) {
		if err := store.CheckRange(start, end, d.length); err != nil {
			return "", err
		}
		return (&textReader{c: c, keep: true}).text(d.place, start, end)
	})
}

func (s *Store) excerpt(ctx context.Context, id string, read func(*conn, *row) (string, error)) (out string, err error) {
	err = s.brief(ctx, func(c *conn) error {
		d, found, err := document(c, id)
		if err != nil {
			return err
		}
		if !found {
			// A damaged index would hide the document; look at every row.
			n, err := c.int("SELECT count(*) FROM documents NOT INDEXED WHERE id = ?", idValue(id))
			if err == nil && n > 0 {
				err = corrupt(c.file, fmt.Errorf("document %s is not in the index of documents", id))
			}
			if err == nil {
				err = store.ErrNotFound
			}
			return err
		}
		out, err = read(c, &d)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("text of document %s: %w", id, err)
	}
	return out, nil
}

// Points implements [store.Store].
func (s *Store) Points(ctx context.Context, id string, first, last int) ([]store.Point, error) {
	var out []store.Point
	err := s.brief(ctx, func(c *conn) error {
		var key int64
		if found, err := c.one("SELECT key FROM documents WHERE id = ? AND chunks > 0", func(v []value) error {
			key = asInt(v[0])
			return nil
		}, idValue(id)); err != nil || !found {
			return err
		}
		generation, err := c.generation()
		if err != nil {
			return err
		}
		d, err := documentWithPoints(c, key, generation)
		if err != nil || d == nil {
			return err
		}
		first := max(0, first)
		last := min(last, d.points.n-1)
		if last < first {
			return nil
		}
		out = make([]store.Point, last-first+1)
		reader := &textReader{c: c, keep: true}
		for i := last; i >= first; i-- {
			if out[i-first], err = d.points.whole(reader, &d.row, i); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("points of document %s: %w", id, err)
	}
	return out, nil
}

// readPoints reads the coded points of a document that has some.
func readPoints(c *conn, d *row) (p *points, err error) {
	var data []byte
	if _, err := c.one("SELECT data FROM payloads WHERE key = ?", func(v []value) error {
		data = asBytes(v[0])
		return nil
	}, d.key); err != nil {
		return nil, err
	}
	return openedPoints(c, d, data)
}

func openedPoints(c *conn, d *row, data []byte) (p *points, err error) {
	coded, err := unsealed(data)
	if err == nil {
		p, err = decodePoints(coded, &d.info, c.vocabulary)
	}
	if err == nil && p.n != d.info.Chunks {
		err = fmt.Errorf("there are %d points, not %d", p.n, d.info.Chunks)
	}
	if err != nil {
		return nil, corrupt(c.file, fmt.Errorf("points of document %s: %w", d.info.Path, err))
	}
	return p, nil
}

// documentWithPoints reads the row of a key, and its points, as they are in a
// generation; nil if there is none.
func documentWithPoints(c *conn, key, generation int64) (*recentDocument, error) {
	if d := c.recent.document(key, generation); d != nil {
		return d, nil
	}
	d := new(recentDocument)
	var data []byte
	found, err := c.one("SELECT "+rowColumns+", p.data FROM documents d JOIN roots r ON r.key = d.root LEFT JOIN payloads p ON p.key = d.key WHERE d.key = ?", func(v []value) (err error) {
		data = asBytes(v[12])
		d.row, err = scanRow(c, v)
		return err
	}, key)
	if err != nil || !found {
		return nil, err
	}
	if d.points, err = openedPoints(c, &d.row, data); err != nil {
		return nil, err
	}
	c.recent.keepDocument(d, generation)
	return d, nil
}

// generation is the number of the snapshot that c reads.
func (c *conn) generation() (int64, error) {
	return c.int("SELECT value FROM meta WHERE name = 'generation'")
}

// whole decodes a point with its text.
func (p *points) whole(t *textReader, d *row, i int) (store.Point, error) {
	point, err := p.at(i)
	if err == nil {
		point.Payload.Text, err = t.text(d.place, point.Payload.Start, point.Payload.End)
	}
	if err != nil {
		return point, corrupt(t.c.file, fmt.Errorf("point %d of document %s: %w", i, d.info.Path, err))
	}
	return point, nil
}

// Settings implements [store.Store].
func (s *Store) Settings(ctx context.Context) (out store.Settings, err error) {
	err = s.read(ctx, func(c *conn) error {
		_, err := c.one("SELECT value FROM meta WHERE name = 'settings'", func(v []value) error {
			if err := json.Unmarshal([]byte(asText(v[0])), &out); err != nil {
				return corrupt(c.file, err)
			}
			return nil
		})
		return err
	})
	if err != nil {
		return store.Settings{}, fmt.Errorf("settings: %w", err)
	}
	return out, nil
}

// SetSettings implements [store.Store].
func (s *Store) SetSettings(ctx context.Context, settings store.Settings) error {
	b, err := json.Marshal(settings)
	if err == nil {
		err = s.write(ctx, func(t *txn) error {
			_, err := t.c.exec("INSERT INTO meta(name, value) VALUES('settings', ?) ON CONFLICT(name) DO UPDATE SET value = excluded.value", string(b))
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("set settings: %w", err)
	}
	return nil
}

// Stats implements [store.Store].
func (s *Store) Stats(ctx context.Context) (store.Stats, error) {
	st := store.Stats{Collection: s.collection, Languages: map[string]int{}}
	err := s.read(ctx, func(c *conn) (err error) {
		if st.Model, err = readModel(c); err != nil {
			return err
		}
		if err := c.query("SELECT name, value FROM meta", func(v []value) error {
			n := int(asInt(v[1]))
			switch asText(v[0]) {
			case "documents":
				st.Documents = n
			case "failed":
				st.Failed = n
			case "points":
				st.Points = n
			case "embedded":
				st.Embedded = n
			case "bytes":
				st.Bytes = int64(n)
			}
			return nil
		}); err != nil {
			return err
		}
		return c.query("SELECT name, points FROM languages WHERE points > 0", func(v []value) error {
			st.Languages[asText(v[0])] = int(asInt(v[1]))
			return nil
		})
	})
	if err != nil {
		return store.Stats{}, fmt.Errorf("stats: %w", err)
	}
	for _, f := range s.files() {
		if info, err := os.Stat(f); err == nil {
			st.DiskBytes += info.Size()
		}
	}
	return st, nil
}

// files are the paths that a collection takes on disk, or may take.
func (s *Store) files() []string {
	files := []string{s.file, s.file + "-wal", s.file + "-shm"}
	entries, _ := os.ReadDir(segmentDir(s.file)) // absent in small collections
	for _, e := range entries {
		files = append(files, filepath.Join(segmentDir(s.file), e.Name()))
	}
	return files
}

// tally is a change of counts.
type tally struct {
	documents, failed, points, embedded, bytes int64
	languages                                  map[string]int64
}

func (t *tally) status(status store.Status, n int64) {
	if status == store.StatusFailed {
		t.failed += n
	} else {
		t.documents += n
	}
}

func (t *tally) language(name string, n int64) {
	if t.languages == nil {
		t.languages = map[string]int64{}
	}
	t.languages[name] += n
}

func (t *tally) write(c *conn) error {
	for _, kv := range []struct {
		name string
		by   int64
	}{{"documents", t.documents}, {"failed", t.failed}, {"points", t.points}, {"embedded", t.embedded}, {"bytes", t.bytes}} {
		if kv.by == 0 {
			continue
		}
		if _, err := c.exec("UPDATE meta SET value = value + ? WHERE name = ?", kv.by, kv.name); err != nil {
			return err
		}
	}
	for name, by := range t.languages {
		if by == 0 {
			continue
		}
		if _, err := c.exec("INSERT INTO languages(name, points) VALUES(?, ?) ON CONFLICT(name) DO UPDATE SET points = points + excluded.points", name, by); err != nil {
			return err
		}
	}
	return nil
}
