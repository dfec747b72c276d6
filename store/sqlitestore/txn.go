package sqlitestore

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lore-kb/lore/store"
)

// txn is a write in progress.
type txn struct {
	s          *Store
	c          *conn
	ctx        context.Context
	generation int64  // that it makes
	ix         *index // of the collection as it was before
	roots      map[string]int64
	nextKey    int64 // 0 until asked for
	tally      tally
	docs       []pointDocument
	built      *build // of docs, if they are those of a Put
	vectors    []vectorRow
	removed    int // documents
}

// write runs f in a transaction, which is undone when f fails or ctx ends.
func (s *Store) write(ctx context.Context, f func(*txn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.readOnly {
		return store.ErrReadOnly
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.writer == nil {
		return errClosed
	}
	if err := s.take(ctx); err != nil {
		return err
	}
	defer s.yield()
	if err := s.transact(ctx, f); err != nil {
		return err
	}
	s.maintain()
	return nil
}

// transact is write for those who hold the lock.
func (s *Store) transact(ctx context.Context, f func(*txn) error) error {
	return s.run(ctx, f, true)
}

// run runs a transaction, with an index or without. The index has to be opened
// before anything is changed: later it would show what is not committed.
func (s *Store) run(ctx context.Context, f func(*txn) error, indexed bool) error {
	t := &txn{s: s, c: s.writer, ctx: ctx}
	defer func() { t.ix.release() }()
	if _, err := t.c.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	generation, err := t.c.generation()
	t.generation = generation + 1
	if err == nil {
		err = s.mismatch(t.c)
	}
	if err == nil && indexed {
		t.ix, err = s.current(t.c)
	}
	if err == nil {
		err = f(t)
	}
	if err == nil {
		err = t.flush()
	}
	if err == nil {
		// A call that was cancelled meanwhile leaves nothing behind.
		err = ctx.Err()
	}
	if err == nil {
		err = s.same()
	}
	if err == nil {
		_, err = t.c.exec("COMMIT")
	}
	if err != nil {
		_, _ = t.c.exec("ROLLBACK")
		t.c.uris = nil
	}
	return err
}

// flush writes what was gathered.
func (t *txn) flush() error {
	if len(t.docs) > 0 {
		n := 0
		for _, d := range t.docs {
			n += len(d.points)
		}
		slices.SortFunc(t.docs, func(a, b pointDocument) int { return int(int64(a.key) - int64(b.key)) })
		if err := t.addSegment(kindPoints, n, t.generation-1, func(w io.Writer) (int64, error) {
			if t.built == nil {
				return buildPoints(w, t.docs)
			}
			keys := make([]uint32, len(t.docs))
			for i, d := range t.docs {
				keys[i] = d.key
			}
			return t.built.segment(t.ctx, w, keys)
		}); err != nil {
			return err
		}
	}
	if len(t.vectors) > 0 {
		slices.SortFunc(t.vectors, func(a, b vectorRow) int { return int(int64(a.key) - int64(b.key)) })
		if err := t.addSegment(kindVectors, len(t.vectors), t.generation-1, func(w io.Writer) (int64, error) {
			return buildVectors(w, len(t.vectors[0].vector), t.vectors)
		}); err != nil {
			return err
		}
	}
	if t.nextKey != 0 {
		if _, err := t.c.exec("UPDATE meta SET value = ? WHERE name = 'next_key'", t.nextKey); err != nil {
			return err
		}
	}
	if err := t.tally.write(t.c); err != nil {
		return err
	}
	_, err := t.c.exec("UPDATE meta SET value = ? WHERE name = 'generation'", t.generation)
	return err
}

// keys gives out n keys and returns the first.
func (t *txn) keys(n int) (int64, error) {
	if t.nextKey == 0 {
		next, err := t.c.int("SELECT value FROM meta WHERE name = 'next_key'")
		if err != nil {
			return 0, err
		}
		t.nextKey = next
	}
	first := t.nextKey
	if t.nextKey += int64(n); t.nextKey > maxKey {
		return 0, fmt.Errorf("%s: all %d keys are used up; index into a new collection", t.c.file, int64(maxKey))
	}
	return first, nil
}

func (t *txn) root(id string) (int64, error) {
	if key, ok := t.roots[id]; ok {
		return key, nil
	}
	if _, err := t.c.exec("INSERT INTO roots(id) VALUES(?) ON CONFLICT DO NOTHING", id); err != nil {
		return 0, err
	}
	key, err := t.c.int("SELECT key FROM roots WHERE id = ?", id)
	if err != nil {
		return 0, err
	}
	if t.roots == nil {
		t.roots = map[string]int64{}
	}
	t.roots[id] = key
	return key, nil
}

// uriOf returns what URIs of the documents of a root begin with, "" while that is
// not known. The first document says it whose URI ends in its path.
func (t *txn) uriOf(root int64, d *store.DocumentInfo) (string, error) {
	uri, err := t.c.rootURI(root)
	if err != nil || uri != "" {
		return uri, err
	}
	begin, ok := strings.CutSuffix(d.URI, escapedPath(d.Path))
	if !ok || begin == "" || d.Path == "" {
		return "", nil
	}
	_, err = t.c.exec("UPDATE roots SET uri = ? WHERE key = ?", begin, root)
	return begin, err
}

// kill notes that keys are no more.
func (t *txn) kill(first int64, count int) error {
	if count == 0 {
		return nil
	}
	_, err := t.c.exec("INSERT INTO dead(first, count, generation) VALUES(?, ?, ?)", first, int64(count), t.generation)
	return err
}

// inlineLimit is the size up to which a segment is a row of the database.
// Copying a row into memory is what a process that opens a small collection for
// one question can afford; larger segments are mapped.
var inlineLimit = 2 << 20

// addSegment writes a segment where its size wants it.
func (t *txn) addSegment(kind string, points int, cleaned int64, build func(io.Writer) (int64, error)) error {
	w := segmentRoom.Get().(*bytes.Buffer)
	defer segmentRoom.Put(w)
	w.Reset()
	size, err := build(w)
	if err != nil {
		return err
	}
	if w.Len() <= inlineLimit {
		_, err := t.c.exec("INSERT INTO segments(kind, points, size, cleaned, data) VALUES(?, ?, ?, ?, ?)", kind, int64(points), size, cleaned, w.Bytes())
		return err
	}
	id, err := t.c.insert("INSERT INTO segments(kind, points, size, cleaned) VALUES(?, ?, ?, ?)", kind, int64(points), size, cleaned)
	if err != nil {
		return err
	}
	return writeSegmentFile(segmentFile(t.s.file, id), func(out io.Writer) (int64, error) {
		_, err := out.Write(w.Bytes())
		return size, err
	})
}

// fileStep, when set, is told before each step with a file of a segment, and may
// fail it. Tests set it.
var fileStep func(step, name string) error

func beforeStep(step, name string) error {
	if fileStep == nil {
		return nil
	}
	return fileStep(step, name)
}

// writeSegmentFile writes a file so that it is whole and durable, or absent.
func writeSegmentFile(name string, build func(io.Writer) (int64, error)) (err error) {
	dir := filepath.Dir(name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := beforeStep("create", name); err != nil {
		return err
	}
	f, err := os.Create(name + ".new")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(name + ".new")
			err = fmt.Errorf("write %s: %w; nothing of this step was written, check the free space and run the command again", name, err)
		}
	}()
	w := bufio.NewWriterSize(f, 1<<20)
	if _, err := build(w); err != nil {
		return err
	}
	if err := beforeStep("write", name); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if err := beforeStep("sync", name); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := beforeStep("rename", name); err != nil {
		return err
	}
	if err := os.Rename(name+".new", name); err != nil {
		return err
	}
	if err := syncDir(dir); err != nil {
		return err
	}
	return syncDir(filepath.Dir(dir))
}
