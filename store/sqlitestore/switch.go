package sqlitestore

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"

	"github.com/lore-kb/lore/store"
)

// While the collection's vectors answer, those of another model gather in the
// table next_vectors, each with its detail, by the digest of their text: documents may come and go
// meanwhile without touching it. Commit makes segments of them and, in the same
// transaction, sets the old segments aside for Rollback under another kind,
// which no index opens. Keys are never given out twice and a digest stands for
// one text, so that what was set aside stays true whatever happens to documents.
//
// The models are in the table meta: next_fingerprint and next_dimension exist
// while a switch is under way, previous_… while there is something to return to.

// kindPrevious is the kind of segments with vectors of the model before the last
// switch.
const kindPrevious = "previous"

// switchBytes bounds the vectors that a commit holds in memory at a time. It
// is a variable for tests.
var switchBytes = 64 << 20

var errNoSwitch = errors.New("it has been finished or abandoned by someone else; look at `lore model status`")

// Switch is a switch to another model under way.
type Switch struct {
	s     *Store
	model store.Model

	mu   sync.Mutex // guards what follows
	keys []int64    // of documents that have points, newest first; nil: not read
	at   int        // the documents before lack nothing
}

var (
	_ store.Switcher = (*Store)(nil)
	_ store.Switch   = (*Switch)(nil)
)

// readSwitch reads the models of a collection.
func readSwitch(c *conn) (st store.SwitchStatus, err error) {
	err = c.query("SELECT name, value FROM meta", func(v []value) error {
		switch asText(v[0]) {
		case "fingerprint":
			st.Current.Fingerprint = asText(v[1])
		case "dimension":
			st.Current.Dimension = int(asInt(v[1]))
		case "next_fingerprint":
			st.Next.Fingerprint = asText(v[1])
		case "next_dimension":
			st.Next.Dimension = int(asInt(v[1]))
		case "previous_fingerprint":
			st.Previous.Fingerprint = asText(v[1])
		case "previous_dimension":
			st.Previous.Dimension = int(asInt(v[1]))
		}
		return nil
	})
	return st, err
}

// setModel writes a model to meta, or removes it when it is zero.
func (t *txn) setModel(prefix string, m store.Model) error {
	for _, kv := range [][2]value{{prefix + "fingerprint", m.Fingerprint}, {prefix + "dimension", int64(m.Dimension)}} {
		var err error
		if m == (store.Model{}) {
			_, err = t.c.exec("DELETE FROM meta WHERE name = ?", kv[0])
		} else {
			_, err = t.c.exec("INSERT INTO meta(name, value) VALUES(?, ?) ON CONFLICT(name) DO UPDATE SET value = excluded.value", kv[0], kv[1])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Switching implements [store.Switcher]. While a switch is under way it reads
// all points.
func (s *Store) Switching(ctx context.Context) (st store.SwitchStatus, err error) {
	err = s.read(ctx, func(c *conn) (err error) {
		if st, err = readSwitch(c); err != nil || st.Next == (store.Model{}) {
			return err
		}
		from, err := s.supply(c, st)
		if err != nil {
			return err
		}
		defer from.release()
		return eachWithPoints(ctx, c, func(d *row, p *points) error {
			for i := range p.n {
				point, err := p.at(i)
				if err != nil {
					return corrupt(c.file, err)
				}
				known, err := from.has(digestKey(point.Digest))
				if err != nil {
					return err
				}
				st.Points++
				if known {
					st.Embedded++
				}
			}
			return nil
		})
	})
	if err != nil {
		return store.SwitchStatus{}, fmt.Errorf("model status: %w", err)
	}
	return st, nil
}

// eachWithPoints visits the documents that have points in order of their keys.
func eachWithPoints(ctx context.Context, c *conn, visit func(*row, *points) error) error {
	return c.query("SELECT "+rowColumns+fromRows+"WHERE d.chunks > 0 ORDER BY d.key", func(v []value) error {
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
		return visit(&d, p)
	})
}

// supply finds vectors of the next model.
type supply struct {
	c     *conn
	table bool           // there is next_vectors
	kept  []*vectorState // the segments set aside, if they are of that model
}

// supply opens what there is for the next model of st; to be released.
func (s *Store) supply(c *conn, st store.SwitchStatus) (from *supply, err error) {
	from = &supply{c: c}
	n, err := c.int("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'next_vectors'")
	if err != nil {
		return nil, err
	}
	from.table = n > 0
	if st.Next != st.Previous {
		return from, nil
	}
	type segmentRow struct {
		id, size int64
		inside   bool
	}
	var rows []segmentRow
	if err := c.query("SELECT id, size, typeof(data) = 'blob' FROM segments WHERE kind = ? ORDER BY id", func(v []value) error {
		rows = append(rows, segmentRow{asInt(v[0]), asInt(v[1]), asInt(v[2]) != 0})
		return nil
	}, kindPrevious); err != nil {
		return nil, err
	}
	for _, r := range rows {
		seg, err := s.openSegment(c, r.id, r.size, r.inside)
		if err != nil {
			from.release()
			return nil, err
		}
		seg.acquire()
		v, err := openVectors(seg)
		if err != nil {
			_ = seg.release()
			from.release()
			return nil, corrupt(s.file, err)
		}
		state := &vectorState{vectorSegment: v, row: r.id}
		from.kept = append(from.kept, state)
		if err := c.query("SELECT key FROM dead_vectors WHERE segment = ?", func(row []value) error {
			state.kill(asInt(row[0]), 1)
			return nil
		}, r.id); err != nil {
			from.release()
			return nil, err
		}
	}
	return from, nil
}

func (f *supply) release() {
	for _, v := range f.kept {
		_ = v.segment.release()
	}
}

func (f *supply) has(digest [16]byte) (known bool, err error) {
	if f.table {
		known, err = f.c.one("SELECT 1 FROM next_vectors WHERE digest = ?", func([]value) error { return nil }, digest[:])
		if known || err != nil {
			return known, err
		}
	}
	v, _, err := f.keptRow(digest)
	return v != nil, err
}

func (f *supply) keptRow(digest [16]byte) (found *vectorState, at uint32, err error) {
	for _, v := range f.kept {
		err = v.eachDigest(digest[:], func(row uint32) bool {
			if v.dead.has(row) {
				return true
			}
			found, at = v, row
			return false
		})
		if found != nil || err != nil {
			break
		}
	}
	return found, at, err
}

// vector returns the vector of a digest, or nil when there is none that is whole,
// and what is kept beside it.
func (f *supply) vector(digest [16]byte, dimension int) (out store.Vector, detail []byte, err error) {
	if f.table {
		_, err := f.c.one("SELECT vector FROM next_vectors WHERE digest = ?", func(v []value) error {
			if b, err := unsealed(asBytes(v[0])); err == nil && len(b) >= 4*dimension {
				out = make(store.Vector, dimension)
				for i := range out {
					out[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
				}
				detail = bytes.Clone(b[4*dimension:])
			}
			return nil
		}, digest[:])
		if out != nil || err != nil {
			return out, detail, err
		}
	}
	v, row, err := f.keptRow(digest)
	if v == nil || v.dim != dimension || err != nil {
		return nil, nil, err
	}
	if out, err = v.vector(row); err == nil {
		detail, err = v.detail(row, true)
	}
	return out, detail, err
}

// BeginSwitch implements [store.Switcher]. The handle keeps other processes from
// writing until it is closed.
func (s *Store) BeginSwitch(ctx context.Context, m store.Model) (store.Switch, error) {
	err := s.write(ctx, func(t *txn) error {
		st, err := readSwitch(t.c)
		switch {
		case err != nil:
			return err
		case m.Fingerprint == "" || m.Dimension <= 0:
			return errors.New("there is no model to switch to; without one, search is by words alone")
		case m == st.Current:
			return fmt.Errorf("collection %q has model %s already", s.collection, m.Fingerprint)
		case st.Next != (store.Model{}) && st.Next != m:
			return fmt.Errorf("a switch of collection %q to %s is under way; finish or abandon it first", s.collection, st.Next.Fingerprint)
		}
		if _, err := t.c.exec("CREATE TABLE IF NOT EXISTS next_vectors (key INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, vector BLOB NOT NULL) STRICT"); err != nil {
			return err
		}
		return t.setModel("next_", m)
	})
	if err != nil {
		return nil, fmt.Errorf("model switch: %w", err)
	}
	return &Switch{s: s, model: m}, nil
}

// status reads the models and makes sure that this switch is still under way.
func (w *Switch) status(c *conn) (store.SwitchStatus, error) {
	st, err := readSwitch(c)
	if err == nil && st.Next != w.model {
		err = errNoSwitch
	}
	return st, err
}

// Sync implements [store.Switch].
func (w *Switch) Sync(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.keys, w.at = nil, 0
	return ctx.Err()
}

// Pending implements [store.Switch].
func (w *Switch) Pending(ctx context.Context, limit int) (out []store.Point, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if limit <= 0 {
		return nil, nil
	}
	err = w.s.read(ctx, func(c *conn) error {
		out = nil
		st, err := w.status(c)
		if err != nil {
			return err
		}
		from, err := w.s.supply(c, st)
		if err != nil {
			return err
		}
		defer from.release()
		// What came since the list of documents was read is found at its end.
		for fresh := false; !fresh && len(out) == 0; {
			if fresh = w.keys == nil || w.at == len(w.keys); fresh {
				if err := w.list(c); err != nil {
					return err
				}
			}
			if out, err = w.scan(ctx, c, from, limit); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("pending: %w", err)
	}
	return out, nil
}

// list reads which documents there are.
func (w *Switch) list(c *conn) error {
	w.keys, w.at = []int64{}, 0
	return c.query("SELECT key FROM documents WHERE chunks > 0 ORDER BY date DESC, id", func(v []value) error {
		w.keys = append(w.keys, asInt(v[0]))
		return nil
	})
}

// scan gathers points that lack a vector.
func (w *Switch) scan(ctx context.Context, c *conn, from *supply, limit int) (out []store.Point, err error) {
	for i := w.at; i < len(w.keys); i++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var d row
		found, err := c.one("SELECT "+rowColumns+fromRows+"WHERE d.key = ? AND d.chunks > 0", func(v []value) (err error) {
			d, err = scanRow(c, v)
			return err
		}, w.keys[i])
		if err != nil {
			return nil, err
		}
		lacks := false
		if found {
			p, err := readPoints(c, &d)
			if err != nil {
				return nil, err
			}
			for j := range p.n {
				point, err := p.at(j)
				if err != nil {
					return nil, corrupt(c.file, err)
				}
				known, err := from.has(digestKey(point.Digest))
				if err != nil {
					return nil, err
				}
				if known {
					continue
				}
				lacks = true
				if point, err = p.whole(&textReader{c: c}, &d, j); err != nil {
					return nil, err
				}
				if out = append(out, point); len(out) == limit {
					return out, nil
				}
			}
		}
		if !lacks && i == w.at {
			w.at++
		}
	}
	return out, nil
}

// SetVectors implements [store.Switch]. Vectors are kept by the digest of their
// text, whether or not a point of that text is still there.
func (w *Switch) SetVectors(ctx context.Context, vectors []store.PointVector) error {
	for _, v := range vectors {
		if len(v.Vector) != w.model.Dimension {
			return fmt.Errorf("set vectors: %w: %d, want %d", store.ErrDimension, len(v.Vector), w.model.Dimension)
		}
	}
	err := w.s.write(ctx, func(t *txn) error {
		if _, err := w.status(t.c); err != nil {
			return err
		}
		for _, v := range vectors {
			digest := digestKey(v.Digest)
			b := make([]byte, 0, 4*len(v.Vector)+len(v.Detail))
			for _, x := range normalised(v.Vector) {
				b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
			}
			if _, err := t.c.exec("INSERT INTO next_vectors(digest, vector) VALUES(?, ?) ON CONFLICT(digest) DO UPDATE SET vector = excluded.vector", digest[:], sealed(append(b, v.Detail...))); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("set vectors: %w", err)
	}
	return nil
}

// Commit implements [store.Switch].
func (w *Switch) Commit(ctx context.Context) error {
	err := w.commit(ctx)
	if err != nil {
		return fmt.Errorf("model switch: %w", err)
	}
	return nil
}

func (w *Switch) commit(ctx context.Context) error {
	s := w.s
	if err := s.settle(ctx); err != nil {
		return err
	}
	defer s.unsettle()
	if err := s.transact(ctx, w.exchange); err != nil {
		return err
	}
	// Files of what was set aside before; the next writer sweeps them otherwise.
	_ = s.sweep()
	return nil
}

// settle takes s.writing while nothing is done in the background.
func (s *Store) settle(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.readOnly {
		return store.ErrReadOnly
	}
	s.mergers.Wait()
	s.writing.Lock()
	for len(s.merging) > 0 || s.chores > 0 {
		s.writing.Unlock()
		s.mergers.Wait()
		s.writing.Lock()
	}
	if s.writer == nil {
		s.writing.Unlock()
		return errClosed
	}
	if err := s.take(ctx); err != nil {
		s.writing.Unlock()
		return err
	}
	return nil
}

// unsettle ends what settle began.
func (s *Store) unsettle() {
	s.yield()
	s.writing.Unlock()
}

// exchange puts the next vectors in place of the present ones.
func (w *Switch) exchange(t *txn) error {
	st, err := w.status(t.c)
	if err != nil {
		return err
	}
	newest, err := t.c.int("SELECT coalesce(max(id), 0) FROM segments")
	if err != nil {
		return err
	}
	before, err := t.c.int("SELECT value FROM meta WHERE name = 'embedded'")
	if err != nil {
		return err
	}
	embedded, err := w.addSegments(t, st)
	if err != nil {
		return err
	}
	if err := t.dropPrevious(); err != nil {
		return err
	}
	if _, err := t.c.exec("UPDATE segments SET kind = ? WHERE kind = ? AND id <= ?", kindPrevious, kindVectors, newest); err != nil {
		return err
	}
	if _, err := t.c.exec("DROP TABLE IF EXISTS next_vectors"); err != nil {
		return err
	}
	t.tally.embedded += embedded - before
	if err := t.setModel("previous_", st.Current); err != nil {
		return err
	}
	if err := t.setModel("next_", store.Model{}); err != nil {
		return err
	}
	return t.setModel("", st.Next)
}

// addSegments writes segments of the next vectors, notes in each document how
// many it has, and returns how many there are.
func (w *Switch) addSegments(t *txn, st store.SwitchStatus) (embedded int64, err error) {
	from, err := w.s.supply(t.c, st)
	if err != nil {
		return 0, err
	}
	defer from.release()
	var rows []vectorRow
	held := 0 // bytes of rows
	write := func() error {
		if len(rows) == 0 {
			return nil
		}
		err := t.addSegment(kindVectors, len(rows), t.generation-1, func(out io.Writer) (int64, error) {
			return buildVectors(out, w.model.Dimension, rows)
		})
		rows, held = rows[:0], 0
		return err
	}
	type count struct{ key, embedded int64 }
	var counts []count
	err = eachWithPoints(t.ctx, t.c, func(d *row, p *points) error {
		n := int64(0)
		for i := range p.n {
			point, err := p.at(i)
			if err != nil {
				return corrupt(t.c.file, err)
			}
			digest := digestKey(point.Digest)
			v, detail, err := from.vector(digest, w.model.Dimension)
			if err != nil {
				return err
			}
			if v == nil {
				continue
			}
			n++
			rows = append(rows, vectorRow{key: uint32(d.key) + uint32(i), digest: digest, vector: v, detail: detail})
			if held += 4*len(v) + len(detail); held >= switchBytes {
				if err := write(); err != nil {
					return err
				}
			}
		}
		embedded += n
		if n != int64(d.info.Embedded) {
			counts = append(counts, count{d.key, n})
		}
		return nil
	})
	if err == nil {
		err = write()
	}
	if err != nil {
		return 0, err
	}
	for _, c := range counts {
		if _, err := t.c.exec("UPDATE documents SET embedded = ? WHERE key = ?", c.embedded, c.key); err != nil {
			return 0, err
		}
	}
	return embedded, nil
}

// dropPrevious forgets the segments that were set aside.
func (t *txn) dropPrevious() error {
	for _, table := range []string{"dead_vectors", "parts"} {
		if _, err := t.c.exec("DELETE FROM "+table+" WHERE segment IN (SELECT id FROM segments WHERE kind = ?)", kindPrevious); err != nil {
			return err
		}
	}
	_, err := t.c.exec("DELETE FROM segments WHERE kind = ?", kindPrevious)
	return err
}

// Abandon implements [store.Switch]. What Rollback would return to stays.
func (w *Switch) Abandon(ctx context.Context) error {
	err := w.s.write(ctx, func(t *txn) error {
		if _, err := w.status(t.c); err != nil {
			if errors.Is(err, errNoSwitch) {
				return nil
			}
			return err
		}
		if _, err := t.c.exec("DROP TABLE IF EXISTS next_vectors"); err != nil {
			return err
		}
		return t.setModel("next_", store.Model{})
	})
	if err != nil {
		return fmt.Errorf("model switch: %w", err)
	}
	return nil
}

// Rollback implements [store.Switcher].
func (s *Store) Rollback(ctx context.Context) error {
	var st store.SwitchStatus
	err := s.read(ctx, func(c *conn) (err error) {
		st, err = readSwitch(c)
		return err
	})
	if err == nil && st.Previous == (store.Model{}) {
		err = fmt.Errorf("collection %q has no earlier model to return to", s.collection)
	}
	if err != nil {
		return fmt.Errorf("model switch: %w", err)
	}
	w, err := s.BeginSwitch(ctx, st.Previous)
	if err != nil {
		return err
	}
	return w.Commit(ctx)
}

// DropPrevious implements [store.Switcher].
func (s *Store) DropPrevious(ctx context.Context) error {
	if err := s.settle(ctx); err != nil {
		return fmt.Errorf("model switch: %w", err)
	}
	defer s.unsettle()
	err := s.transact(ctx, func(t *txn) error {
		if err := t.dropPrevious(); err != nil {
			return err
		}
		return t.setModel("previous_", store.Model{})
	})
	if err == nil {
		err = s.sweep()
	}
	if err != nil {
		return fmt.Errorf("model switch: %w", err)
	}
	return nil
}

// mismatch compares the model of a collection with that of this handle: it may
// have been switched since the handle was opened.
func (s *Store) mismatch(c *conn) error {
	stored, err := readModel(c)
	if err != nil {
		return err
	}
	return s.checkModel(stored)
}
