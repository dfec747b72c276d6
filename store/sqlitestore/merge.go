package sqlitestore

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Segments of about one size are merged when there are fanIn of them, so that a
// point is written again only each time the collection has grown that much.
// Segments of points stay in order of keys: only neighbours are merged.
var fanIn = 8 // a variable for tests that want merges early

const maxMergedPoints = 8 << 20

// level is the size class of a segment.
func level(n int) int { return max(0, bits.Len(uint(n))-4) / 3 }

// plan is a merge to do.
type plan struct {
	kind    string
	points  []*pointState
	vectors []*vectorState
	size    int64 // of all together
}

func (p *plan) rows() (ids []int64) {
	for _, s := range p.points {
		ids = append(ids, s.row)
	}
	for _, s := range p.vectors {
		ids = append(ids, s.row)
	}
	return ids
}

// plan finds a merge of segments that are not busy, or nil.
func (ix *index) plan(busy map[int64]bool) *plan {
	for _, p := range ix.points {
		if 4*p.nDead > p.n && !busy[p.row] {
			return &plan{kind: kindPoints, points: []*pointState{p}, size: int64(len(p.b))}
		}
	}
	for _, v := range ix.vectors {
		if 4*v.dead.count() > v.n && !busy[v.row] {
			return &plan{kind: kindVectors, vectors: []*vectorState{v}, size: int64(len(v.b))}
		}
	}
	for l := range 8 {
		pl := plan{kind: kindPoints}
		n := 0
		for i := 0; i <= len(ix.points); i++ {
			if i < len(ix.points) {
				if p := ix.points[i]; level(p.n) <= l && !busy[p.row] && n+p.n <= maxMergedPoints {
					pl.points, pl.size, n = append(pl.points, p), pl.size+int64(len(p.b)), n+p.n
					continue
				}
			}
			if len(pl.points) >= fanIn {
				return &pl
			}
			pl, n = plan{kind: kindPoints}, 0
		}
		pl = plan{kind: kindVectors}
		for _, v := range ix.vectors {
			if level(v.n) <= l && !busy[v.row] && v.dim == ix.vectors[0].dim {
				pl.vectors, pl.size = append(pl.vectors, v), pl.size+int64(len(v.b))
			}
		}
		if len(pl.vectors) >= fanIn {
			return &pl
		}
	}
	return nil
}

// maintain merges after a write, small segments at once and large ones in the
// background. The caller holds s.writing. What fails is left for the next time:
// the collection is right without it.
func (s *Store) maintain() {
	s.clear()
	for {
		ix, err := s.current(s.writer)
		if err != nil {
			return
		}
		p := ix.plan(s.merging)
		if p == nil {
			ix.release()
			return
		}
		if p.size > int64(inlineLimit) {
			if len(s.merging) > 0 {
				ix.release()
				return
			}
			s.merging = map[int64]bool{}
			for _, id := range p.rows() {
				s.merging[id] = true
			}
			s.mergers.Add(1)
			go s.mergeInBackground(ix, p)
			continue
		}
		err = s.mergeNow(ix, p)
		ix.release()
		if err != nil {
			return
		}
	}
}

// clearedAtOnce bounds a step of clearing, so that writes wait for a moment only.
const clearedAtOnce = 100

// clear begins to delete in the background what removed documents left behind.
// The caller holds s.writing.
func (s *Store) clear() {
	if n, err := s.writer.int("SELECT EXISTS (SELECT 1 FROM gone)"); err != nil || n == 0 || s.clearing {
		return
	}
	s.clearing = true
	s.background(func() (bool, error) {
		more, err := s.clearStep(context.Background())
		if !more || err != nil {
			s.clearing = false
		}
		return more, err
	})
}

// background runs steps, each under s.writing, until there are no more, one
// fails, or the store is closed. What fails is left for the next time. The caller
// holds s.writing.
func (s *Store) background(step func() (more bool, err error)) {
	s.chores++
	s.mergers.Go(func() {
		for more := true; more; {
			s.writing.Lock()
			var err error
			if s.writer == nil {
				more = false
			} else {
				more, err = step()
			}
			if more = more && err == nil; !more {
				s.chores--
				s.yield()
			}
			s.writing.Unlock()
		}
	})
}

// clearStep deletes what some removed documents left behind. The caller holds
// s.writing.
func (s *Store) clearStep(ctx context.Context) (more bool, err error) {
	err = s.run(ctx, func(t *txn) error {
		var some [][2]int64
		if err := t.c.query("SELECT key, blocks FROM gone ORDER BY key LIMIT ?", func(v []value) error {
			some = append(some, [2]int64{asInt(v[0]), asInt(v[1])})
			return nil
		}, int64(clearedAtOnce)); err != nil {
			return err
		}
		for _, d := range some {
			if err := t.deleteParts(d[0], int(d[1])); err != nil {
				return err
			}
			if _, err := t.c.exec("DELETE FROM gone WHERE key = ?", d[0]); err != nil {
				return err
			}
		}
		more = len(some) == clearedAtOnce
		return nil
	}, false)
	return more, err
}

// mergeNow merges under s.writing.
func (s *Store) mergeNow(ix *index, p *plan) error {
	var buf bytes.Buffer
	n, size, err := s.build(&buf, p, func() error { return nil })
	if err != nil {
		return err
	}
	return s.replace(ix, p, n, size, func(t *txn, _ int64) ([]byte, error) { return buf.Bytes(), nil })
}

// mergeInBackground merges without s.writing until the result is exchanged.
func (s *Store) mergeInBackground(ix *index, p *plan) {
	defer s.mergers.Done()
	defer ix.release()
	n, size, err := s.mergeToFile(p, func() error { return nil })
	if err == nil {
		s.offer(context.Background(), size)
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	defer s.yield()
	if err == nil && s.writer != nil {
		err = s.replace(ix, p, n, size, s.placeMerged)
	}
	s.merging = nil
	if err != nil {
		_ = os.Remove(s.mergedFile())
		return
	}
	if s.writer != nil {
		s.maintain()
	}
}

// mergedFile is where the file of a merge waits for its number.
func (s *Store) mergedFile() string { return segmentFile(s.file, 0) + ".merged" }

func (s *Store) mergeToFile(p *plan, interrupted func() error) (n int, size int64, err error) {
	err = writeSegmentFile(s.mergedFile(), func(w io.Writer) (int64, error) {
		n, size, err = s.build(w, p, interrupted)
		return size, err
	})
	return n, size, err
}

func (s *Store) placeMerged(_ *txn, id int64) ([]byte, error) {
	return nil, os.Rename(s.mergedFile(), segmentFile(s.file, id))
}

func (s *Store) build(w io.Writer, p *plan, interrupted func() error) (n int, size int64, err error) {
	defer s.guard(&err)()
	if p.kind == kindPoints {
		return mergePoints(w, p.points, interrupted)
	}
	return mergeVectors(w, p.vectors, interrupted)
}

// replace exchanges the segments of a plan, which was made on ix, for their
// merger. place returns the bytes of the new row, or puts its file in place.
func (s *Store) replace(ix *index, p *plan, n int, size int64, place func(t *txn, id int64) ([]byte, error)) error {
	cleaned := ix.generation
	err := s.transact(context.Background(), func(t *txn) error {
		ids := p.rows()
		if n > 0 {
			id, err := t.c.insert("INSERT INTO segments(kind, points, size, cleaned) VALUES(?, ?, ?, ?)", p.kind, int64(n), size, cleaned)
			if err != nil {
				return err
			}
			data, err := place(t, id)
			if err != nil {
				return err
			}
			if data != nil {
				if _, err := t.c.exec("UPDATE segments SET data = ? WHERE id = ?", data, id); err != nil {
					return err
				}
			} else if err := syncDir(segmentDir(s.file)); err != nil {
				return err
			}
			for _, old := range ids {
				if _, err := t.c.exec("UPDATE dead_vectors SET segment = ? WHERE segment = ? AND generation > ?", id, old, cleaned); err != nil {
					return err
				}
			}
		}
		for _, old := range ids {
			if _, err := t.c.exec("DELETE FROM segments WHERE id = ?", old); err != nil {
				return err
			}
			if _, err := t.c.exec("DELETE FROM dead_vectors WHERE segment = ?", old); err != nil {
				return err
			}
		}
		return t.forget(ids, cleaned)
	})
	if err != nil {
		return err
	}
	for _, old := range p.rows() {
		if err := os.Remove(segmentFile(s.file, old)); err != nil && !errors.Is(err, os.ErrNotExist) {
			break // swept when the collection is next opened for writing
		}
	}
	return nil
}

// forget drops removed ranges, up to a generation, that no segment but the
// replaced ones can hold.
func (t *txn) forget(replaced []int64, cleaned int64) error {
	ix := t.ix
	var drop []int64
	if err := t.c.query("SELECT first, count FROM dead WHERE generation <= ?", func(v []value) error {
		first, count := asInt(v[0]), asInt(v[1])
		for _, p := range ix.points {
			if i, _ := slices.BinarySearch(p.runKeys, uint32(first)); !slices.Contains(replaced, p.row) && i < len(p.runKeys) && int64(p.runKeys[i]) < first+count {
				return nil
			}
		}
		for _, v := range ix.vectors {
			if i, _ := slices.BinarySearch(v.keys, uint32(first)); !slices.Contains(replaced, v.row) && i < v.n && int64(v.keys[i]) < first+count {
				return nil
			}
		}
		drop = append(drop, first)
		return nil
	}, cleaned); err != nil {
		return err
	}
	for _, first := range drop {
		if _, err := t.c.exec("DELETE FROM dead WHERE first = ?", first); err != nil {
			return err
		}
	}
	return nil
}

// sweep deletes files of segments that the database does not list: what a
// killed process left behind. The caller holds the lock of the collection.
func (s *Store) sweep() error {
	entries, err := os.ReadDir(segmentDir(s.file))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	listed := map[string]bool{}
	if err := s.writer.query("SELECT id FROM segments WHERE typeof(data) = 'null'", func(v []value) error {
		listed[strconv.FormatInt(asInt(v[0]), 10)+".seg"] = true
		return nil
	}); err != nil {
		return err
	}
	for _, e := range entries {
		if name := e.Name(); !listed[name] && strings.Contains(name, ".seg") {
			if err := os.Remove(filepath.Join(segmentDir(s.file), name)); err != nil {
				return err
			}
		}
	}
	return nil
}
