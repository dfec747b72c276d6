package sqlitestore

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// A large segment that a merge has written is opened and checked before it
// counts, so that no search has to wait for it: the whole file lies beside the
// others for a moment, where every process that has the collection open finds it.
// Nothing depends on that. Who has not looked in time opens the file when the
// database names it.

// These are variables for tests.
var (
	// aheadSize is the size of segments, together, from which that takes long
	// enough to be noticed.
	aheadSize int64 = 64 << 20
	// aheadWait is how long the file lies there: several looks, and a second or two
	// of reading on a machine that has much to do.
	aheadWait = 3 * time.Second
	// aheadLook is the time between two looks.
	aheadLook = 500 * time.Millisecond
)

// ahead is a segment that no row names yet.
type ahead struct {
	info    os.FileInfo
	segment *segment // held
	points  *pointSegment
	vectors *vectorSegment
	absent  int // looks at which its file was gone
	rename  sync.Once
}

// segmentOf opens a segment that the database lists, or returns a's if it is the
// same, with what was made of it.
func (s *Store) segmentOf(c *conn, a *ahead, id, size int64, inside bool) (*segment, *ahead, error) {
	if a != nil && !inside && a.info.Size() == size {
		name := segmentFile(s.file, id)
		if info, err := os.Stat(name); err == nil && sameContent(a.info, info) {
			a.rename.Do(func() { a.segment.name = name })
			return a.segment, a, nil
		}
	}
	seg, err := s.openSegment(c, id, size, inside)
	return seg, &ahead{}, err
}

func sameContent(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// watch looks for the files of merges until the store is closed, once an index is
// large enough to have any. The caller holds s.mu.
func (s *Store) watch(ix *index) {
	if s.watching != nil || s.immutable {
		return
	}
	size := int64(0)
	ix.each(func(seg *segment) { size += int64(len(seg.b)) })
	if size < aheadSize {
		return
	}
	stop := make(chan struct{})
	s.watching = stop
	wake := s.unused.open()
	watched, _ := s.present() // without it others do not wait for this one to look
	s.watched = watched
	s.watchers.Go(func() {
		if watched != nil {
			defer watched.Close()
		}
		t := time.NewTicker(aheadLook)
		defer t.Stop()
		for {
			select {
			case <-stop:
				return
			case <-wake:
				s.unused.free()
			case <-t.C:
				s.lookAhead()
			}
		}
	})
}

// unused are indexes that wait to be freed, where somebody does that.
type unused struct {
	mu   sync.Mutex
	wake chan struct{} // nil: nobody does
	list []*index
}

// open begins to take indexes. Those who free them wait for the result.
func (u *unused) open() <-chan struct{} {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.wake = make(chan struct{}, 1)
	return u.wake
}

// take says whether the index will be freed.
func (u *unused) take(ix *index) bool {
	if u == nil {
		return false
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.wake == nil {
		return false
	}
	u.list = append(u.list, ix)
	select {
	case u.wake <- struct{}{}:
	default:
	}
	return true
}

// free frees what was taken.
func (u *unused) free() {
	u.mu.Lock()
	list := u.list
	u.list = nil
	u.mu.Unlock()
	for _, ix := range list {
		ix.free()
	}
}

// close frees what was taken, and takes no more.
func (u *unused) close() {
	u.mu.Lock()
	u.wake = nil
	u.mu.Unlock()
	u.free()
}

// lookAhead opens the file of a merge that waits to be put in place, and lets go
// of one that was. What fails is left for the search that needs the file.
func (s *Store) lookAhead() {
	s.looking.Lock()
	defer s.looking.Unlock()
	s.mu.Lock()
	a := s.ahead
	s.mu.Unlock()
	info, err := os.Stat(s.mergedFile())
	if err != nil {
		if a == nil {
			return
		}
		// It is in place, or will be in a moment: no search should have to see that
		// first.
		_ = s.read(context.Background(), func(c *conn) error {
			ix, err := s.current(c)
			if err == nil {
				ix.release()
			}
			return err
		})
		if a.absent++; a.absent > 1 {
			s.setAhead(nil)
		}
		return
	}
	if a != nil && sameContent(a.info, info) || info.Size() < aheadSize {
		return
	}
	if a, err = s.openAhead(info); err == nil {
		s.setAhead(a)
	}
}

// setAhead replaces what was opened ahead.
func (s *Store) setAhead(a *ahead) {
	s.mu.Lock()
	a, s.ahead = s.ahead, a
	s.mu.Unlock()
	if a != nil {
		_ = a.segment.release()
	}
}

// openAhead opens and checks the file of a merge.
func (s *Store) openAhead(info os.FileInfo) (a *ahead, err error) {
	defer s.guard(&err)()
	name := s.mergedFile()
	b, unmap, err := mapFile(name, info.Size())
	if err != nil {
		return nil, err
	}
	a = &ahead{info: info, segment: &segment{unmap: unmap}}
	a.segment.acquire()
	defer func() {
		if err != nil {
			_ = a.segment.release()
		}
	}()
	seg, err := openSegment(name, b)
	if err != nil {
		return nil, err
	}
	seg.unmap = unmap
	seg.acquire()
	a.segment = seg
	if len(seg.sections) == 2*pointSections {
		a.points, err = openPoints(seg)
		return a, err
	}
	if a.vectors, err = openVectors(seg); err != nil {
		return nil, err
	}
	return a, s.readAhead(a.vectors)
}

// readAhead reads what searches want of a segment of vectors.
func (s *Store) readAhead(v *vectorSegment) error {
	for _, i := range []int{vecBits, vecCodes, vecSums} {
		if i == vecBits && v.coarse == nil {
			continue
		}
		for at, end := v.sections[2*i], v.sections[2*i+1]; at < end; at += chunkSize {
			if s.isClosed() {
				return errClosed
			}
			if err := v.verify(at, min(at+chunkSize, end)); err != nil {
				return err
			}
		}
	}
	return s.read(context.Background(), func(c *conn) error {
		ix, err := s.current(c)
		if err != nil {
			return err
		}
		defer ix.release()
		// What was merged had points by then, so that this index has them, too.
		v.languages.of(ix, v)
		return nil
	})
}

// present opens the file by whose lock those who look for the files of merges
// know of each other, and shares the lock.
func (s *Store) present() (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(segmentDir(s.file), "watched"), os.O_RDONLY|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	if err := shareFile(f); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// alone says whether no other store looks for the files of merges.
func (s *Store) alone() bool {
	s.mu.Lock()
	f := s.watched
	s.mu.Unlock()
	if f == nil {
		var err error
		if f, err = s.present(); err != nil {
			return false
		}
		defer f.Close()
	}
	err := lockFile(f)
	_ = shareFile(f) // only a writer locks it alone, and there is one
	return err == nil
}

// offer lets every process open the file of a merge before it is put in place.
func (s *Store) offer(ctx context.Context, size int64) {
	if size < aheadSize {
		return
	}
	s.lookAhead()
	if s.alone() {
		return
	}
	t := time.NewTimer(aheadWait)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
