package sqlitestore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/lore-kb/lore/store"
)

// Problem is something that Check found wrong.
type Problem struct {
	Where   string // "database", "segment 12", "document a/b.md", "counts"
	Message string
}

func (p Problem) String() string { return p.Where + ": " + p.Message }

// maxProblems bounds what Check returns.
const maxProblems = 100

// Check compares everything that is stored with everything else: the pages of
// the database, each document with its points and text, postings and vectors
// with the points, and counts. No problems mean that the collection is sound.
// An error means that Check itself could not go on.
func (s *Store) Check(ctx context.Context) ([]Problem, error) {
	var k checker
	err := s.read(ctx, func(c *conn) error {
		k = checker{s: s, c: c, ctx: ctx}
		return k.run()
	})
	if errors.Is(err, errMoved) {
		// Not merged away by another process, then, but lost.
		k.found("segments", "%v", err)
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("check: %w", err)
	}
	return k.problems, nil
}

type checker struct {
	s        *Store
	c        *conn
	ctx      context.Context
	problems []Problem
}

func (k *checker) found(where, format string, args ...any) {
	if len(k.problems) < maxProblems {
		k.problems = append(k.problems, Problem{where, fmt.Sprintf(format, args...)})
	}
}

func (k *checker) run() error {
	if err := k.database(); err != nil {
		return err
	}
	ix, err := k.segments()
	if err != nil {
		return err
	}
	defer ix.release()
	if err := k.ctx.Err(); err != nil {
		return err
	}
	if len(k.problems) > 0 {
		return nil // the rest would only repeat it
	}
	if err := k.vocabularies(); err != nil {
		return err
	}
	return k.documents(ix)
}

// vocabularies looks at both copies of each.
func (k *checker) vocabularies() error {
	version, err := k.c.int("PRAGMA user_version")
	if err != nil || version < 2 {
		return err
	}
	return twins(k.c, func(id int64, other []byte) error {
		if other == nil {
			k.found("database", "vocabulary %d of the texts cannot be read", id)
		} else {
			k.found("database", "one of two copies of vocabulary %d of the texts cannot be read", id)
		}
		return nil
	})
}

// database asks SQLite about its pages.
func (k *checker) database() error {
	err := k.c.query("PRAGMA integrity_check(20)", func(v []value) error {
		if m := asText(v[0]); m != "ok" {
			k.found("database", "%s", m)
		}
		return k.ctx.Err()
	})
	if err != nil && k.ctx.Err() == nil {
		k.found("database", "%v", err)
		err = nil
	}
	return err
}

// segments opens all segments of the snapshot and reads every byte of them. It
// returns nil when that fails, and an error when another snapshot may do.
func (k *checker) segments() (*index, error) {
	generation, err := k.c.generation()
	var ix *index
	if err == nil {
		ix, err = k.s.load(k.c, nil, generation, nil)
	}
	if errors.Is(err, errMoved) {
		return nil, err
	}
	if err != nil {
		k.found("segments", "%v", err)
		return nil, nil
	}
	ix.acquire()
	for _, p := range ix.points {
		if err := p.check(k.ctx); err != nil {
			k.found(fmt.Sprint("segment ", p.row), "%v", err)
		}
	}
	for _, v := range ix.vectors {
		if err := v.check(k.ctx); err != nil {
			k.found(fmt.Sprint("segment ", v.row), "%v", err)
		}
	}
	for i := 1; i < len(ix.points); i++ {
		if ix.points[i-1].lastKey() >= ix.points[i].firstKey() {
			k.found("segments", "%d and %d overlap", ix.points[i-1].row, ix.points[i].row)
		}
	}
	return ix, nil
}

// check reads the whole segment.
func (p *pointSegment) check(ctx context.Context) (err error) {
	defer faults(&err)()
	if err := p.verify(0, int64(len(p.b))); err != nil {
		return err
	}
	if !slices.IsSorted(p.runKeys) || !slices.IsSorted(p.runLocals) || p.runLocals[len(p.runKeys)] != uint32(p.n) {
		return fmt.Errorf("%w: tables are not in order", errSegment)
	}
	if _, err := p.attributes(); err != nil {
		return fmt.Errorf("%w: attributes: %w", errSegment, err)
	}
	var blk block
	last := int64(-1)
	for i, walk := 0, p.terms.walk(); walk.next(); i++ {
		if i%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if int64(walk.term) <= last {
			return fmt.Errorf("%w: terms are not in order", errSegment)
		}
		last = int64(walk.term)
		l, err := p.listAt(walk.from, walk.to)
		if err != nil {
			return err
		}
		next := uint32(0)
		for b := range l.blocks {
			l.decode(b, &blk)
			for j, local := range blk.locals[:blk.n] {
				if local < next || local >= uint32(p.n) {
					return fmt.Errorf("%w: postings of term %d are not in order", errSegment, walk.term)
				}
				next = local + 1
				if w := p.weights.at(local, blk.ranks[j]); !(w > 0) || w > l.bound(b) || w > l.largest {
					return fmt.Errorf("%w: weight %v of term %d exceeds its bound", errSegment, w, walk.term)
				}
			}
			if l.skips != nil && l.last(b) != next-1 {
				return fmt.Errorf("%w: skip table of term %d", errSegment, walk.term)
			}
		}
	}
	return nil
}

func (v *vectorSegment) check(ctx context.Context) (err error) {
	defer faults(&err)()
	if err := v.verify(0, int64(len(v.b))); err != nil {
		return err
	}
	if !ascending(v.keys) {
		return fmt.Errorf("%w: keys are not in order", errSegment)
	}
	code := make([]int8, v.width)
	for row := range v.n {
		if row%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		stored := v.floats[row*v.dim : (row+1)*v.dim]
		scale, sum := quantise(stored, code)
		if scale != v.scales[row] || sum != v.sums[row] || !slices.Equal(code, v.codes[row*v.width:(row+1)*v.width]) {
			return fmt.Errorf("%w: code of row %d is not its vector's", errSegment, row)
		}
		if _, err := v.detail(uint32(row), true); err != nil {
			return err
		}
	}
	return nil
}

// documents compares each document with its text and with the segments.
func (k *checker) documents(ix *index) error {
	var sum tally
	live := 0
	embedded := map[int64]int{}
	for _, p := range ix.points {
		for run, key := range p.runKeys {
			from, to := p.runLocals[run], p.runLocals[run+1]
			if !p.dead.has(from) {
				embedded[int64(key)] = 0
				live += int(to - from)
			}
		}
	}
	err := eachDocument(k.ctx, k.c, store.Filter{}, func(d row) error {
		k.document(ix, &d, &sum)
		delete(embedded, d.key)
		return nil
	})
	if err != nil {
		if k.ctx.Err() != nil {
			return err
		}
		k.found("documents", "%v", err)
		return nil
	}
	for _, key := range slices.Sorted(maps.Keys(embedded)) {
		k.found("segments", "points of document %d, which is not there", key)
	}
	if int64(live) != sum.points {
		k.found("segments", "%d points can be found, documents have %d", live, sum.points)
	}
	stored, err := readTally(k.c)
	if err != nil {
		return err
	}
	maps.DeleteFunc(stored.languages, func(_ string, n int64) bool { return n == 0 })
	if stored.documents != sum.documents || stored.failed != sum.failed || stored.points != sum.points || stored.embedded != sum.embedded ||
		stored.bytes != sum.bytes || !maps.Equal(stored.languages, sum.languages) {
		k.found("counts", "stored %+v, counted %+v", stored, sum)
	}
	return nil
}

func (k *checker) document(ix *index, d *row, sum *tally) {
	where := "document " + d.info.Path
	sum.status(d.info.Status, 1)
	sum.bytes += int64(d.length)
	sum.points += int64(d.info.Chunks)
	sum.embedded += int64(d.info.Embedded)
	whole, err := text(k.c, d.place, 0, d.length)
	if err != nil {
		k.found(where, "%v", err)
		return
	}
	if d.info.Chunks == 0 {
		return
	}
	p, err := readPoints(k.c, d)
	if err != nil {
		k.found(where, "%v", err)
		return
	}
	embedded := 0
	for i := range p.n {
		point, err := p.at(i)
		if err != nil || point.Payload.End > len(whole) {
			k.found(where, "point %d cannot be read: %v", i, err)
			return
		}
		sum.language(point.Payload.Language, 1)
		key := uint32(d.key) + uint32(i)
		seg, local, ok := ix.find(key)
		if !ok || !seg.named(local, point.ID) {
			k.found(where, "point %d cannot be found by its terms", i)
			return
		}
		v, row, ok := ix.vectorOf(key)
		if !ok {
			continue
		}
		embedded++
		if digest, err := v.digest(row); err != nil {
			k.found(where, "%v", err)
		} else if digest != digestKey(point.Digest) {
			k.found(where, "vector of point %d is of another text", i)
		}
		var length float64
		for _, x := range v.floats[int(row)*v.dim : int(row+1)*v.dim] {
			length += float64(x) * float64(x)
		}
		if length != 0 && math.Abs(length-1) > 1e-3 {
			k.found(where, "vector of point %d has length %v", i, math.Sqrt(length))
		}
	}
	if embedded != d.info.Embedded {
		k.found(where, "has %d vectors, its record says %d", embedded, d.info.Embedded)
	}
}

// readTally reads the stored counts.
func readTally(c *conn) (t tally, err error) {
	if err := c.query("SELECT name, value FROM meta", func(v []value) error {
		n := asInt(v[1])
		switch asText(v[0]) {
		case "documents":
			t.documents = n
		case "failed":
			t.failed = n
		case "points":
			t.points = n
		case "embedded":
			t.embedded = n
		case "bytes":
			t.bytes = n
		}
		return nil
	}); err != nil {
		return t, err
	}
	err = c.query("SELECT name, points FROM languages", func(v []value) error {
		t.language(asText(v[0]), asInt(v[1]))
		return nil
	})
	return t, err
}

// Compact merges all segments, drops what was removed and gives the space back.
// It needs as much free space as the collection takes.
func (s *Store) Compact(ctx context.Context) error {
	err := s.compact(ctx)
	if err != nil {
		return fmt.Errorf("compact: %w", err)
	}
	return nil
}

func (s *Store) compact(ctx context.Context) error {
	if err := s.settle(ctx); err != nil {
		return err
	}
	defer s.unsettle()
	for more := true; more; {
		var err error
		if more, err = s.clearStep(ctx); err != nil {
			return err
		}
	}
	for _, kind := range []string{kindPoints, kindVectors} {
		ix, err := s.current(s.writer)
		if err != nil {
			return err
		}
		err = s.mergeAll(ctx, ix, kind)
		ix.release()
		if err != nil {
			return err
		}
	}
	if err := s.recode(ctx); err != nil {
		return err
	}
	if _, err := s.writer.exec("PRAGMA auto_vacuum = INCREMENTAL"); err != nil {
		return err
	}
	if _, err := s.writer.exec("VACUUM"); err != nil {
		return err
	}
	// Readers that are still busy keep the log; it is reset when they are done.
	_ = s.writer.query("PRAGMA wal_checkpoint(TRUNCATE)", func([]value) error { return nil })
	return s.sweep()
}

func (s *Store) mergeAll(ctx context.Context, ix *index, kind string) error {
	p := &plan{kind: kind}
	n, dead := 0, 0
	if kind == kindPoints {
		for _, seg := range ix.points {
			p.points = append(p.points, seg)
			p.size += int64(len(seg.b))
			n += seg.n
			dead += seg.nDead
		}
	} else {
		for _, seg := range ix.vectors {
			p.vectors = append(p.vectors, seg)
			p.size += int64(len(seg.b))
			n += seg.n
			dead += seg.dead.count()
		}
	}
	if len(p.rows()) == 0 || len(p.rows()) == 1 && dead == 0 || n > maxMergedPoints {
		return nil
	}
	if p.size <= int64(inlineLimit) {
		return s.mergeNow(ix, p)
	}
	n, size, err := s.mergeToFile(p, ctx.Err)
	if err != nil {
		return err
	}
	s.offer(ctx, size)
	return s.replace(ix, p, n, size, s.placeMerged)
}

// Backup writes a consistent copy of the collection to a new file, while others
// may go on writing. The copy is one file, whatever the collection's size, and
// is opened like any collection.
func (s *Store) Backup(ctx context.Context, file string) error {
	err := s.backup(ctx, file)
	if err != nil {
		return fmt.Errorf("backup to %s: %w", file, err)
	}
	return nil
}

func (s *Store) backup(ctx context.Context, file string) error {
	if _, err := os.Stat(file); err == nil {
		return fmt.Errorf("%w; choose another name", os.ErrExist)
	}
	if info, err := os.Stat(filepath.Dir(file)); err != nil || !info.IsDir() {
		return fmt.Errorf("there is no folder %s; make it, or name a file elsewhere", filepath.Dir(file))
	}
	var err error
	for range 5 {
		if err = ctx.Err(); err != nil {
			return err
		}
		if err = s.copyTo(ctx, file+".new"); err == nil {
			if err = os.Rename(file+".new", file); err == nil {
				return nil
			}
		}
		for _, suffix := range []string{"", "-journal", "-wal", "-shm"} {
			_ = os.Remove(file + ".new" + suffix)
		}
		if !os.IsNotExist(err) {
			break
		}
		// A segment was merged away after the copy of the database was made.
	}
	return err
}

// partSize is the size of the rows that hold a file's bytes in a copy.
const partSize = 32 << 20

func (s *Store) copyTo(ctx context.Context, file string) error {
	c, err := s.reader()
	if err != nil {
		return err
	}
	_, err = c.exec("VACUUM INTO ?", file)
	s.release(c)
	if err != nil {
		return err
	}
	c, err = openConn(file, "rw", false)
	if err != nil {
		return err
	}
	defer func() { _ = c.close() }()
	if _, err := c.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	sizes := map[int64]int64{}
	if err := c.query("SELECT id, size FROM segments WHERE typeof(data) = 'null' AND id NOT IN (SELECT segment FROM parts)", func(v []value) error {
		sizes[asInt(v[0])] = asInt(v[1])
		return nil
	}); err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(sizes)) {
		b, unmap, err := mapFile(segmentFile(s.file, id), sizes[id])
		if err != nil {
			return err
		}
		for part := int64(0); part*partSize < int64(len(b)) && err == nil; part++ {
			if err = ctx.Err(); err == nil {
				_, err = c.exec("INSERT INTO parts(segment, part, data) VALUES(?, ?, ?)", id, part, b[part*partSize:min(int64(len(b)), (part+1)*partSize)])
			}
		}
		if unmap != nil {
			_ = unmap()
		}
		if err != nil {
			return err
		}
	}
	_, err = c.exec("COMMIT")
	return err
}

// unpack writes segments that a copy carries in its database to files.
func (s *Store) unpack() error {
	var ids []int64
	if err := s.writer.query("SELECT DISTINCT segment FROM parts ORDER BY segment", func(v []value) error {
		ids = append(ids, asInt(v[0]))
		return nil
	}); err != nil || len(ids) == 0 {
		return err
	}
	for _, id := range ids {
		if err := writeSegmentFile(segmentFile(s.file, id), s.writeParts(s.writer, id)); err != nil {
			return err
		}
	}
	_, err := s.writer.exec("DELETE FROM parts")
	return err
}
