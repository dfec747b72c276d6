package sqlitestore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/lore-kb/lore/store"
)

// RepairOptions says how to repair.
type RepairOptions struct {
	// Sparse computes the sparse vector of a point from its payload, as it was
	// computed when the point came in. Without it a document whose postings are
	// damaged is removed, to be indexed again.
	Sparse func(*store.Payload) store.SparseVector
}

// RepairReport says what Repair has done.
type RepairReport struct {
	Saved    string   // where the damaged database was put, if it had to be written anew
	Kept     int      // documents that are there now
	Segments int      // that were damaged and dropped
	Rebuilt  int      // documents that were made findable again from their text
	Removed  []string // paths of documents that could not be read; index them again
	Vectors  int      // points that lost their vector and wait to be embedded again
	Lost     bool     // that more documents than Removed names may be gone
}

// Repair makes a damaged collection sound again from what can still be read of
// it: postings come from the stored text, and vectors that are lost pend. Files
// that are damaged are kept beside the collection. Nobody else should have the
// collection open meanwhile.
func Repair(ctx context.Context, path string, o Options, r RepairOptions) (*RepairReport, error) {
	file, collection, err := locate(path, o.Collection)
	if err != nil {
		return nil, err
	}
	rep := &repairer{o: r, report: &RepairReport{}}
	if err := rep.run(ctx, file, collection, o); err != nil {
		return nil, fmt.Errorf("repair collection %q: %w", collection, err)
	}
	return rep.report, nil
}

type repairer struct {
	s      *Store
	o      RepairOptions
	report *RepairReport
}

func (r *repairer) run(ctx context.Context, file, collection string, o Options) (err error) {
	if _, err := os.Stat(file); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return store.ErrNoCollection
		}
		return err
	}
	timeout := o.LockTimeout
	if timeout == 0 {
		timeout = 30 * time.Second
	}
	l, err := acquire(ctx, lockPath(file), timeout, o.OnWait)
	if err != nil {
		return err
	}
	s := newStore(file, collection)
	s.lock = l
	r.s = s
	defer func() { err = errors.Join(err, s.Close()) }()
	if !sound(file) {
		if err := r.salvage(ctx); err != nil {
			return err
		}
	}
	if s.writer, err = openConn(file, "rw", false); err != nil {
		return err
	}
	s.writer.words = s.vocabularies
	version, err := checkVersion(s.writer)
	if err != nil {
		return err
	}
	if _, err := s.writer.exec("PRAGMA journal_mode = WAL"); err != nil {
		return err
	}
	if err := migrate(s.writer, version); err != nil {
		return err
	}
	if err := s.unpack(); err != nil {
		return err
	}
	if err := twins(s.writer, func(id int64, other []byte) error {
		if other == nil { // texts that need it are removed below
			_, err := s.writer.exec("DELETE FROM vocabularies WHERE id IN (?, ?)", id, -id)
			return err
		}
		_, err := s.writer.exec("INSERT OR REPLACE INTO vocabularies(id, data) VALUES(?, ?)", id, other)
		return err
	}); err != nil {
		return err
	}
	if _, err := s.writer.exec("DELETE FROM meta WHERE name IN ('vocabulary', 'vocabulary_bytes') AND (SELECT value FROM meta WHERE name = 'vocabulary') NOT IN (SELECT id FROM vocabularies)"); err != nil {
		return err
	}
	if err := r.dropSegments(ctx); err != nil {
		return err
	}
	if err := r.fixRoots(ctx); err != nil {
		return err
	}
	if err := r.dropDocuments(ctx); err != nil {
		return err
	}
	if err := r.rebuild(ctx); err != nil {
		return err
	}
	if err := r.recount(ctx); err != nil {
		return err
	}
	return s.sweep()
}

// sound reports whether SQLite finds its own pages in order.
func sound(file string) bool {
	c, err := openConn(file, "rw", false)
	if err != nil {
		return false
	}
	defer func() { _ = c.close() }()
	ok := false
	err = c.query("PRAGMA integrity_check(1)", func(v []value) error {
		ok = asText(v[0]) == "ok"
		return nil
	})
	if err != nil || !ok {
		return false
	}
	version, err := c.int("PRAGMA user_version")
	return err == nil && version != 0
}

// salvage copies what can be read into a new database and puts that in place.
func (r *repairer) salvage(ctx context.Context) error {
	s := r.s
	fresh := s.file + ".repaired"
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if err := os.Remove(fresh + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	to, err := openConn(fresh, "rwc", false)
	if err != nil {
		return err
	}
	err = create(to, s.collection)
	if err == nil {
		err = r.copyTables(ctx, to)
	}
	if e := to.close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	r.report.Saved = s.file + ".damaged-" + time.Now().UTC().Format("20060102T150405")
	for _, suffix := range []string{"-wal", "-shm", ""} {
		if err := os.Rename(s.file+suffix, r.report.Saved+suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return os.Rename(fresh, s.file)
}

func (r *repairer) copyTables(ctx context.Context, to *conn) error {
	from, err := openConn(r.s.file, "rw", false)
	if err != nil {
		r.report.Lost = true
		return nil // nothing can be read
	}
	defer func() { _ = from.close() }()
	if _, err := to.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	for _, t := range []struct{ name, columns, key string }{
		{"meta", "name, value", "name"},
		{"roots", "key, id, uri", "key"},
		{"documents", "key, id, root, path, status, reason, date, chunks, embedded, bytes, info", "key"},
		{"vocabularies", "id, data", "id"},
		{"texts", "key, data", "key"},
		{"payloads", "key, data", "key"},
		{"segments", "id, kind, points, size, cleaned, data", "id"},
		{"parts", "segment, part, data", "rowid"},
		{"dead", "first, count, generation", "first"},
		{"dead_vectors", "segment, key, generation", "segment"},
	} {
		if t.name == "roots" {
			if n, err := from.int("SELECT count(*) FROM pragma_table_info('roots') WHERE name = 'uri'"); err == nil && n == 0 { // before format 5
				t.columns = "key, id"
			}
		}
		places := strings.Repeat(", ?", strings.Count(t.columns, ","))
		insert := "INSERT OR REPLACE INTO " + t.name + "(" + t.columns + ") VALUES(?" + places + ")"
		var writing error
		take := func(v []value) error {
			if err := ctx.Err(); err != nil {
				writing = err
				return err
			}
			if _, err := to.exec(insert, slices.Clone(v)...); err != nil && !isConstraint(err) {
				writing = err
				return err
			}
			return nil
		}
		// What one direction does not reach behind a damaged page, the other may.
		for _, direction := range []string{"", " DESC"} {
			err := from.query("SELECT "+t.columns+" FROM "+t.name+" NOT INDEXED ORDER BY "+t.key+direction, take)
			if writing != nil {
				return writing
			}
			if err == nil || t.name == "vocabularies" && strings.Contains(err.Error(), "no such table") { // before format 2
				break
			}
			r.report.Lost = true
		}
	}
	_, err = to.exec("COMMIT")
	return err
}

// isConstraint reports whether a row was refused for what it holds.
func isConstraint(err error) bool {
	var e interface{ Code() int }
	return errors.As(err, &e) && (e.Code()&0xff == 19 || e.Code()&0xff == 20)
}

// dropSegments forgets segments that cannot be read in whole.
func (r *repairer) dropSegments(ctx context.Context) error {
	s := r.s
	type segmentRow struct {
		id, size int64
		kind     string
		inside   bool
	}
	var rows []segmentRow
	if err := s.writer.query("SELECT id, kind, size, typeof(data) = 'blob' FROM segments ORDER BY id", func(v []value) error {
		rows = append(rows, segmentRow{asInt(v[0]), asInt(v[2]), asText(v[1]), asInt(v[3]) != 0})
		return nil
	}); err != nil {
		return err
	}
	var bad []int64
	var ranges [][2]uint32
	for _, row := range rows {
		err := func() error {
			seg, err := s.openSegment(s.writer, row.id, row.size, row.inside)
			if err != nil {
				return err
			}
			seg.acquire()
			defer func() { _ = seg.release() }()
			if row.kind != kindPoints {
				v, err := openVectors(seg)
				if err != nil {
					return err
				}
				return v.check(ctx)
			}
			p, err := openPoints(seg)
			if err != nil {
				return err
			}
			if err := p.check(ctx); err != nil {
				return err
			}
			for _, other := range ranges {
				if p.n == 0 || p.firstKey() <= other[1] && other[0] <= p.lastKey() {
					return fmt.Errorf("%w: overlaps another", errSegment)
				}
			}
			ranges = append(ranges, [2]uint32{p.firstKey(), p.lastKey()})
			return nil
		}()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			bad = append(bad, row.id)
		}
	}
	r.report.Segments = len(bad)
	return s.run(ctx, func(t *txn) error {
		generation, err := t.c.int("SELECT max(coalesce((SELECT max(cleaned) FROM segments), 0), coalesce((SELECT max(generation) FROM dead), 0), coalesce((SELECT max(generation) FROM dead_vectors), 0))")
		if err != nil {
			return err
		}
		t.generation = max(t.generation, generation+1)
		for _, id := range bad {
			for _, sql := range []string{"DELETE FROM segments WHERE id = ?", "DELETE FROM dead_vectors WHERE segment = ?", "DELETE FROM parts WHERE segment = ?"} {
				if _, err := t.c.exec(sql, id); err != nil {
					return err
				}
			}
		}
		return r.fixMeta(t)
	}, false)
}

// fixMeta puts back counters that a damaged table of settings has lost.
func (r *repairer) fixMeta(t *txn) error {
	next, err := t.c.int("SELECT max(0, (SELECT coalesce(max(key + max(chunks, (bytes + ?) / ?, 1)), 1) FROM documents), (SELECT coalesce(max(value), 1) FROM meta WHERE name = 'next_key'))", int64(textBlock-1), int64(textBlock))
	if err != nil {
		return err
	}
	_, err = t.c.exec("INSERT INTO meta(name, value) VALUES('next_key', ?) ON CONFLICT(name) DO UPDATE SET value = excluded.value", next)
	return err
}

// fixRoots finds out again what URIs of the documents of a root begin with, where
// no record agrees with what is noted: the collection's settings know the root.
func (r *repairer) fixRoots(ctx context.Context) error {
	known, err := r.s.Settings(ctx)
	if err != nil {
		return nil //nolint:nilerr // settings that are lost say nothing
	}
	return r.s.run(ctx, func(t *txn) error {
		for _, root := range known.Roots {
			var key int64
			var keys []int64
			if found, err := t.c.one("SELECT key FROM roots WHERE id = ?", func(v []value) error {
				key = asInt(v[0])
				return nil
			}, root.ID); err != nil {
				return err
			} else if !found {
				continue
			}
			if err := t.c.query("SELECT key, info FROM documents WHERE root = ? LIMIT 100", func(v []value) error {
				if needsRoot(asBytes(v[1])) {
					keys = append(keys, asInt(v[0]))
				}
				return nil
			}, key); err != nil {
				return err
			}
			noted, err := t.c.rootURI(key)
			if err != nil {
				return err
			}
			for _, uri := range []string{noted, root.URI, root.URI + "/"} {
				if _, err := t.c.exec("UPDATE roots SET uri = ? WHERE key = ?", uri, key); err != nil {
					return err
				}
				t.c.uris = nil
				if slices.ContainsFunc(keys, func(key int64) bool {
					_, err := documentAt(t.c, key)
					return err == nil
				}) {
					noted = uri
					break
				}
			}
			if _, err := t.c.exec("UPDATE roots SET uri = ? WHERE key = ?", noted, key); err != nil {
				return err
			}
			t.c.uris = nil
		}
		return nil
	}, false)
}

// dropDocuments removes documents whose record, points or text cannot be read,
// and points in segments that belong to no document.
func (r *repairer) dropDocuments(ctx context.Context) error {
	type entry struct{ key, chunks int64 }
	var entries []entry
	known := map[int64]bool{}
	return r.s.transact(ctx, func(t *txn) error {
		if err := t.c.query("SELECT key, chunks FROM documents ORDER BY key", func(v []value) error {
			entries = append(entries, entry{asInt(v[0]), asInt(v[1])})
			return nil
		}); err != nil {
			return err
		}
		for _, e := range entries {
			if err := ctx.Err(); err != nil {
				return err
			}
			d, err := documentAt(t.c, e.key)
			if err == nil {
				_, err = text(t.c, d.place, 0, d.length)
			}
			if err == nil && d.info.Chunks > 0 {
				var p *points
				if p, err = readPoints(t.c, &d); err == nil {
					for i := 0; i < p.n && err == nil; i++ {
						_, err = p.at(i)
					}
				}
			}
			if err == nil {
				known[e.key] = true
				continue
			}
			if err := r.dropDocument(t, e.key, e.chunks, 0); err != nil {
				return err
			}
		}
		for _, p := range t.ix.points {
			for run, key := range p.runKeys {
				if !p.dead.has(p.runLocals[run]) && !known[int64(key)] {
					if err := t.killAgain(int64(key), int(p.runLocals[run+1]-p.runLocals[run])); err != nil {
						return err
					}
				}
			}
		}
		for _, sql := range []string{
			"DELETE FROM payloads WHERE key NOT IN (SELECT key FROM documents)",
			fmt.Sprintf("DELETE FROM texts WHERE coalesce((SELECT texts.key >= d.key + (d.bytes + %[1]s - 1) / (%[1]s) FROM documents d WHERE d.key <= texts.key ORDER BY d.key DESC LIMIT 1), 1)", blockColumn),
		} {
			if _, err := t.c.exec(sql); err != nil {
				return err
			}
		}
		return nil
	})
}

// dropDocument removes a document with so many blocks of text.
func (r *repairer) dropDocument(t *txn, key, chunks int64, blocks int) error {
	var path string
	if _, err := t.c.one("SELECT path FROM documents WHERE key = ?", func(v []value) error {
		path = asText(v[0])
		return nil
	}, key); err != nil {
		return err
	}
	r.report.Removed = append(r.report.Removed, path)
	if err := t.deleteParts(key, blocks); err != nil {
		return err
	}
	if _, err := t.c.exec("DELETE FROM documents WHERE key = ?", key); err != nil {
		return err
	}
	return t.killAgain(key, int(chunks))
}

// killAgain is kill for keys that may be gone already.
func (t *txn) killAgain(first int64, count int) error {
	if count == 0 {
		return nil
	}
	_, err := t.c.exec("INSERT INTO dead(first, count, generation) VALUES(?, ?, ?) ON CONFLICT(first) DO UPDATE SET count = max(count, excluded.count), generation = excluded.generation",
		first, int64(count), t.generation)
	return err
}

// rebuild makes documents findable whose points no segment holds.
func (r *repairer) rebuild(ctx context.Context) error {
	var lost []row
	if err := r.s.read(ctx, func(c *conn) error {
		lost = nil
		ix, err := r.s.current(c)
		if err != nil {
			return err
		}
		defer ix.release()
		return eachDocument(ctx, c, store.Filter{}, func(d row) error {
			if d.info.Chunks == 0 {
				return nil
			}
			p, err := readPoints(c, &d)
			if err != nil {
				return err
			}
			for i := range p.n {
				point, err := p.at(i)
				if err != nil {
					return err
				}
				seg, local, ok := ix.find(uint32(d.key) + uint32(i))
				if !ok || !seg.named(local, point.ID) {
					lost = append(lost, d)
					return nil
				}
			}
			return nil
		})
	}); err != nil {
		return err
	}
	for len(lost) > 0 {
		batch := lost[:min(64, len(lost))]
		lost = lost[len(batch):]
		if err := r.rebuildBatch(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}

func (r *repairer) rebuildBatch(ctx context.Context, batch []row) error {
	return r.s.transact(ctx, func(t *txn) error {
		for i := range batch {
			d := &batch[i]
			if r.o.Sparse == nil {
				if err := r.dropDocument(t, d.key, int64(d.info.Chunks), d.blocks()); err != nil {
					return err
				}
				continue
			}
			whole, err := text(t.c, d.place, 0, d.length)
			if err != nil {
				return err
			}
			doc := store.Document{DocumentInfo: d.info, Text: whole}
			p, err := readPoints(t.c, d)
			if err != nil {
				return err
			}
			for j := range p.n {
				point, err := p.at(j)
				if err != nil {
					return err
				}
				point.Payload.Text = whole[point.Payload.Start:min(point.Payload.End, len(whole))]
				point.Sparse = r.o.Sparse(&point.Payload)
				doc.Points = append(doc.Points, point)
			}
			if err := checkDocument(&doc, 0); err != nil {
				return err
			}
			ready := prepare(&doc, nil)
			if err := t.put(&ready); err != nil {
				return err
			}
			r.report.Rebuilt++
		}
		return nil
	})
}

// recount counts everything again.
func (r *repairer) recount(ctx context.Context) error {
	return r.s.transact(ctx, func(t *txn) error {
		var sum tally
		embedded := map[int64]int64{}
		if err := eachDocument(ctx, t.c, store.Filter{}, func(d row) error {
			sum.status(d.info.Status, 1)
			sum.bytes += int64(d.length)
			sum.points += int64(d.info.Chunks)
			if d.info.Chunks == 0 {
				return nil
			}
			p, err := readPoints(t.c, &d)
			if err != nil {
				return err
			}
			n := int64(0)
			for i := range p.n {
				point, err := p.at(i)
				if err != nil {
					return err
				}
				sum.language(point.Payload.Language, 1)
				if v, row, ok := t.ix.vectorOf(uint32(d.key) + uint32(i)); ok {
					digest, err := v.digest(row)
					if err != nil {
						return err
					}
					if digest == digestKey(point.Digest) {
						n++
					} else if _, err := t.c.exec("INSERT OR REPLACE INTO dead_vectors(segment, key, generation) VALUES(?, ?, ?)", v.row, int64(v.keys[row]), t.generation); err != nil {
						return err
					}
				}
			}
			sum.embedded += n
			if n != int64(d.info.Embedded) {
				embedded[d.key] = n
				r.report.Vectors += max(0, d.info.Embedded-int(n))
			}
			return nil
		}); err != nil {
			return err
		}
		for _, key := range slices.Sorted(maps.Keys(embedded)) {
			if _, err := t.c.exec("UPDATE documents SET embedded = ? WHERE key = ?", embedded[key], key); err != nil {
				return err
			}
		}
		r.report.Kept = int(sum.documents + sum.failed)
		for name, n := range map[string]int64{"documents": sum.documents, "failed": sum.failed, "points": sum.points, "embedded": sum.embedded, "bytes": sum.bytes} {
			if _, err := t.c.exec("INSERT INTO meta(name, value) VALUES(?, ?) ON CONFLICT(name) DO UPDATE SET value = excluded.value", name, n); err != nil {
				return err
			}
		}
		if _, err := t.c.exec("DELETE FROM languages"); err != nil {
			return err
		}
		for name, n := range sum.languages {
			if _, err := t.c.exec("INSERT INTO languages(name, points) VALUES(?, ?)", name, n); err != nil {
				return err
			}
		}
		// The counts above are whole; what this call put adds nothing to them.
		t.tally = tally{}
		return nil
	})
}
