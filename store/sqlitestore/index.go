package sqlitestore

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/lore-kb/lore/store"
)

// index is the segments of one generation of the collection. It does not change
// once it is made; those who use it hold it with acquire.
type index struct {
	generation int64
	points     []*pointState  // in order of keys
	vectors    []*vectorState // in order of row
	live       int            // points that are not removed
	refs       atomic.Int32
	unused     *unused // takes it when it is not used any more; may be nil
}

// pointState is a segment of points with what was removed from it.
type pointState struct {
	*pointSegment
	row   int64 // of the table segments
	dead  bitset
	nDead int
	cache *selectionCache // of the segment, whatever was removed

	mu     sync.Mutex
	deadIn map[uint32]int // removed points that hold a term, as far as it was asked
}

// vectorState is a segment of vectors with what was removed from it.
type vectorState struct {
	*vectorSegment
	row  int64
	dead bitset
}

func (ix *index) each(f func(*segment)) {
	for _, p := range ix.points {
		f(p.segment)
	}
	for _, v := range ix.vectors {
		f(v.segment)
	}
}

func (ix *index) acquire() { ix.refs.Add(1) }

func (ix *index) release() {
	if ix != nil && ix.refs.Add(-1) == 0 && !ix.unused.take(ix) {
		ix.free()
	}
}

// free gives the segments back. To unmap a file of gigabytes takes tens of
// milliseconds.
func (ix *index) free() {
	ix.each(func(s *segment) { _ = s.release() })
}

// errMoved says that a segment's file was deleted after the snapshot was taken.
var errMoved = errors.New("segment was merged away")

// current returns the index of the connection's snapshot, to be released.
func (s *Store) current(c *conn) (*index, error) {
	generation, err := c.generation()
	if err != nil {
		return nil, err
	}
	var old *index
	defer func() { old.release() }() // after the lock
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errClosed
	}
	if c.epoch != s.epoch {
		ix, err := s.load(c, nil, generation, nil)
		if err == nil {
			ix.acquire()
		}
		return ix, err
	}
	if s.index != nil && s.index.generation == generation {
		s.index.acquire()
		return s.index, nil
	}
	base := s.index
	if base != nil && base.generation > generation {
		base = nil
	}
	ix, err := s.load(c, base, generation, s.ahead)
	if err != nil {
		return nil, err
	}
	ix.acquire()
	s.watch(ix)
	if s.index == nil || s.index.generation < generation {
		old, s.index = s.index, ix
		ix.acquire()
	}
	return ix, nil
}

// load makes the index of a generation, taking over from base, which may be
// nil, what has not changed, and from a, which may be nil, what is the same file.
func (s *Store) load(c *conn, base *index, generation int64, a *ahead) (ix *index, err error) {
	ix = &index{generation: generation, unused: &s.unused}
	defer func() {
		if err != nil {
			ix.acquire()
			ix.release()
			ix = nil
		}
	}()
	points, vectors := map[int64]*pointState{}, map[int64]*vectorState{}
	if base != nil {
		for _, p := range base.points {
			points[p.row] = p
		}
		for _, v := range base.vectors {
			vectors[v.row] = v
		}
	}
	type segmentRow struct {
		id, size, cleaned int64
		kind              string
		inside            bool
	}
	var rows []segmentRow
	// IS NOT NULL would read the data of every segment that lies in the database.
	if err := c.query("SELECT id, kind, size, cleaned, typeof(data) = 'blob' FROM segments WHERE kind <> '"+kindPrevious+"' ORDER BY id", func(v []value) error {
		rows = append(rows, segmentRow{asInt(v[0]), asInt(v[2]), asInt(v[3]), asText(v[1]), asInt(v[4]) != 0})
		return nil
	}); err != nil {
		return ix, err
	}
	var keptPoints, keptVectors bool
	for _, r := range rows {
		if p := points[r.id]; p != nil && r.kind == kindPoints {
			p.acquire()
			ix.points = append(ix.points, p)
			keptPoints = true
			continue
		}
		if v := vectors[r.id]; v != nil && r.kind == kindVectors {
			v.acquire()
			ix.vectors = append(ix.vectors, v)
			keptVectors = true
			continue
		}
		seg, early, err := s.segmentOf(c, a, r.id, r.size, r.inside)
		if err != nil {
			return ix, err
		}
		seg.acquire()
		switch r.kind {
		case kindPoints:
			p := early.points
			if p == nil {
				p, err = openPoints(seg)
			}
			if err == nil && p.n == 0 {
				err = fmt.Errorf("%s: %w", seg.name, errSegment)
			}
			if err != nil {
				_ = seg.release()
				return ix, corrupt(s.file, err)
			}
			st := &pointState{pointSegment: p, row: r.id, cache: &selectionCache{}}
			ix.points = append(ix.points, st)
			err = c.query("SELECT first, count FROM dead WHERE first >= ? AND first <= ? AND generation > ?", func(v []value) error {
				st.kill(asInt(v[0]), asInt(v[1]))
				return nil
			}, int64(p.firstKey()), int64(p.lastKey()), r.cleaned)
			if err != nil {
				return ix, err
			}
		case kindVectors:
			v := early.vectors
			if v == nil {
				v, err = openVectors(seg)
			}
			if err == nil && v.n == 0 {
				err = fmt.Errorf("%s: %w", seg.name, errSegment)
			}
			if err != nil {
				_ = seg.release()
				return ix, corrupt(s.file, err)
			}
			st := &vectorState{vectorSegment: v, row: r.id}
			ix.vectors = append(ix.vectors, st)
			if err := c.query("SELECT first, count FROM dead WHERE first >= ? AND first <= ? AND generation > ?", func(row []value) error {
				st.kill(asInt(row[0]), asInt(row[1]))
				return nil
			}, int64(v.keys[0])-maxDocument, int64(v.keys[v.n-1]), r.cleaned); err != nil {
				return ix, err
			}
			if err := c.query("SELECT key FROM dead_vectors WHERE segment = ?", func(row []value) error {
				st.kill(asInt(row[0]), 1)
				return nil
			}, r.id); err != nil {
				return ix, err
			}
		default:
			return ix, corrupt(s.file, fmt.Errorf("segment %d is of unknown kind %q", r.id, r.kind))
		}
	}
	if keptPoints || keptVectors {
		if err := ix.follow(c, base.generation); err != nil {
			return ix, err
		}
	}
	slices.SortFunc(ix.points, func(a, b *pointState) int { return int(int64(a.firstKey()) - int64(b.firstKey())) })
	for _, p := range ix.points {
		ix.live += p.n - p.nDead
	}
	return ix, nil
}

// maxDocument bounds the points of a document: a removed range that reaches
// into a segment of vectors begins at most so far before it.
const maxDocument = 1 << 22

// follow applies what was removed after a generation to segments that were
// taken over. Their states are shared with an older index and are copied first.
func (ix *index) follow(c *conn, since int64) error {
	copiedPoints, copiedVectors := map[int]bool{}, map[int]bool{}
	if err := c.query("SELECT first, count FROM dead WHERE generation > ?", func(v []value) error {
		first, count := asInt(v[0]), asInt(v[1])
		for i, p := range ix.points {
			if int64(p.firstKey()) >= first+count || int64(p.lastKey()) < first {
				continue
			}
			if !copiedPoints[i] {
				copiedPoints[i] = true
				p = &pointState{pointSegment: p.pointSegment, row: p.row, dead: p.dead.clone(p.n), nDead: p.nDead, cache: p.cache}
				ix.points[i] = p
			}
			p.kill(first, count)
		}
		for i, v := range ix.vectors {
			if int64(v.keys[0]) >= first+count || int64(v.keys[v.n-1]) < first {
				continue
			}
			ix.vectors[i] = v.copyOnce(copiedVectors, i)
			ix.vectors[i].kill(first, count)
		}
		return nil
	}, since); err != nil {
		return err
	}
	return c.query("SELECT segment, key FROM dead_vectors WHERE generation > ?", func(row []value) error {
		for i, v := range ix.vectors {
			if v.row == asInt(row[0]) {
				ix.vectors[i] = v.copyOnce(copiedVectors, i)
				ix.vectors[i].kill(asInt(row[1]), 1)
			}
		}
		return nil
	}, since)
}

func (v *vectorState) copyOnce(copied map[int]bool, i int) *vectorState {
	if copied[i] {
		return v
	}
	copied[i] = true
	return &vectorState{vectorSegment: v.vectorSegment, row: v.row, dead: v.dead.clone(v.n)}
}

// kill removes a range of keys.
func (p *pointState) kill(first, count int64) {
	for key := first; key < first+count; key++ {
		local, ok := p.local(uint32(key))
		if !ok || p.dead.has(local) {
			continue
		}
		if p.dead == nil {
			p.dead = newBitset(p.n)
		}
		p.dead.set(local)
		p.nDead++
	}
}

func (v *vectorState) kill(first, count int64) {
	row, _ := v.vectorSegment.row(uint32(max(0, first)))
	for ; int(row) < v.n && int64(v.keys[row]) < first+count; row++ {
		if v.dead == nil {
			v.dead = newBitset(v.n)
		}
		v.dead.set(row)
	}
}

// find returns the segment and local of a live point.
func (ix *index) find(key uint32) (*pointState, uint32, bool) {
	i, ok := slices.BinarySearchFunc(ix.points, key, func(p *pointState, key uint32) int {
		switch {
		case p.firstKey() > key:
			return 1
		case p.firstKey() < key:
			return -1
		}
		return 0
	})
	if !ok {
		if i--; i < 0 {
			return nil, 0, false
		}
	}
	p := ix.points[i]
	local, ok := p.local(key)
	if !ok || p.dead.has(local) {
		return nil, 0, false
	}
	return p, local, true
}

// vectorOf returns the row that holds the vector of a point.
func (ix *index) vectorOf(key uint32) (*vectorState, uint32, bool) {
	for _, v := range ix.vectors {
		if row, ok := v.vectorSegment.row(key); ok && !v.dead.has(row) {
			return v, row, true
		}
	}
	return nil, 0, false
}

// byDigest returns the vector of a live point with this digest, or nil, and what
// is kept beside it.
func (ix *index) byDigest(digest string) (found []float32, detail []byte, err error) {
	d := digestKey(digest)
	for _, v := range ix.vectors {
		read := v.eachDigest(d[:], func(row uint32) bool {
			if v.dead.has(row) {
				return true
			}
			if detail, err = v.detail(row, true); err == nil {
				found, err = v.vector(row)
			}
			return false
		})
		if err == nil {
			err = read
		}
		if found != nil || err != nil {
			return found, detail, err
		}
	}
	return nil, nil, nil
}

// Kinds of segments.
const (
	kindPoints  = "points"
	kindVectors = "vectors"
)

// segmentDir holds the segments that are too large to be rows.
func segmentDir(file string) string { return file + "-segments" }

func segmentFile(file string, id int64) string {
	return filepath.Join(segmentDir(file), strconv.FormatInt(id, 10)+".seg")
}

// openSegment opens a segment that the database lists.
func (s *Store) openSegment(c *conn, id, size int64, inside bool) (*segment, error) {
	if inside {
		var b []byte
		if _, err := c.one("SELECT data FROM segments WHERE id = ?", func(v []value) error {
			b = asBytes(v[0])
			return nil
		}, id); err != nil {
			return nil, err
		}
		seg, err := openSegment(fmt.Sprintf("%s: segment %d", s.file, id), b)
		if err == nil {
			err = seg.verify(0, int64(len(seg.b)))
		}
		if err != nil {
			return nil, corrupt(s.file, err)
		}
		return seg, nil
	}
	name := segmentFile(s.file, id)
	var b []byte
	var unmap func() error
	err := beforeStep("map", name)
	if err == nil {
		b, unmap, err = mapFile(name, size)
	}
	if errors.Is(err, os.ErrNotExist) {
		// A copy that is only read carries its files in the database.
		var buf bytes.Buffer
		if n, e := s.writeParts(c, id)(&buf); e == nil && n == size {
			b, err = buf.Bytes(), nil
		}
	}
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			err = fmt.Errorf("%w: %w", errMoved, err)
		}
		return nil, corrupt(s.file, err)
	}
	seg, err := openSegment(name, b)
	if err != nil {
		if unmap != nil {
			_ = unmap()
		}
		return nil, corrupt(s.file, err)
	}
	seg.unmap = unmap
	return seg, nil
}

// writeParts returns a function that writes the parts of a segment one after
// another.
func (s *Store) writeParts(c *conn, id int64) func(io.Writer) (int64, error) {
	return func(w io.Writer) (size int64, err error) {
		err = c.query("SELECT data FROM parts WHERE segment = ? ORDER BY part", func(v []value) error {
			n, err := w.Write(asBytes(v[0]))
			size += int64(n)
			return err
		}, id)
		return size, err
	}
}

// normalised returns v at length 1; what has no direction becomes zeros.
func normalised(v store.Vector) store.Vector {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	out := make(store.Vector, len(v))
	if sum == 0 || math.IsInf(sum, 0) || math.IsNaN(sum) {
		return out
	}
	f := 1 / math.Sqrt(sum)
	for i, x := range v {
		out[i] = float32(float64(x) * f)
	}
	return out
}
