// Package sqlitestore keeps a collection in one SQLite file. It is the store
// that needs nothing else: no server, no cgo.
//
// Bottom up: conn.go is a connection to the database, code.go the coding of
// records, schema.go the tables and their version, lock.go the lock of the one
// writer. A document is a row with its points and its text beside it
// (document.go), read back by ledger.go. Texts are coded with a vocabulary that is
// learned from them (texts.go, vocabulary.go).
//
// Searches run on segments, which never change: a segment of points holds
// postings (postings.go, pointsegment.go), a segment of vectors holds codes and
// vectors (vectorsegment.go, coarse.go), both in one container with checksums
// (segment.go). Small segments are rows of the database, large ones files beside
// it that are mapped into memory and count only if a row names them. index.go
// opens the segments of a snapshot and knows what was removed from them, ahead.go
// those that merges are about to put in place;
// sparse.go and dense.go rank, with the loops of kernel.go; filter.go selects
// before; search.go puts it together.
//
// A write is one transaction (txn.go): put.go and vectors.go gather new
// documents and vectors, which become new segments, and note the keys of removed
// ones. Then merge.go merges segments of one size, large ones in the background;
// readers keep the segments of their snapshot meanwhile. A commit is synced to
// the disk, at the price of one fsync each: what a call reported as done
// survives power loss.
//
// check.go compares everything with everything else and copies a collection;
// repair.go makes a damaged one sound.
//
// switch.go builds the vectors of another model beside those in use and exchanges
// them in one transaction.
package sqlitestore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/lore-kb/lore/store"
)

// Options says what to open and how.
type Options struct {
	Collection string      // "default" when empty
	Model      store.Model // see store.Model
	Create     bool        // make the collection when there is none
	ReadOnly   bool        // refuse writes; any number of processes may read while one writes

	// LockTimeout is how long Open waits for another process that writes to the
	// collection: 0 means 30 seconds, a negative value not at all.
	LockTimeout time.Duration
	// OnWait is told once, in a sentence, whom Open waits for; nil is silent.
	OnWait func(message string)
	// Turns takes the lock for each write and gives it back after it, with the
	// merges that it causes, so that a process that stays for long lets others
	// write in between. A write then waits as Open does.
	Turns bool
}

// Store is one collection. It implements [store.Store].
type Store struct {
	file       string
	collection string
	model      store.Model
	readOnly   bool
	immutable  bool  // the medium cannot be written to, not even by SQLite itself
	lock       *lock // guarded by writing once the store is open
	turns      bool
	timeout    time.Duration // of lock
	onWait     func(string)

	writing  sync.Mutex // serialises writes; guards what follows
	writer   *conn
	merging  map[int64]bool // segments that are being merged in the background
	mergers  sync.WaitGroup // and chores
	chores   int            // done in the background, in steps
	clearing bool

	looking  sync.Mutex     // serialises looks ahead
	watchers sync.WaitGroup // those who look ahead
	unused   unused         // for them to free

	learning sync.Mutex // guards what follows
	words    *vocabulary

	hinting sync.Mutex
	hints   map[string]hint // of points that Pending returned

	mu       sync.Mutex // guards what follows
	closed   bool
	idle     []*conn
	index    *index
	ahead    *ahead        // nil: none
	watching chan struct{} // closed when the store is; nil: nobody looks ahead
	watched  *os.File      // while somebody looks ahead; nil: others cannot tell

	identity     os.FileInfo // of the file that is open
	epoch        int         // how often it was replaced
	vocabularies *vocabularies
	recent       *recent
	gate         chan struct{} // of brief reads
}

var _ store.Store = (*Store)(nil)

// newStore returns the handle of a file that is not open yet.
func newStore(file, collection string) *Store {
	return &Store{file: file, collection: collection, vocabularies: &vocabularies{}, recent: &recent{}, gate: make(chan struct{}, atOnce())}
}

// Open opens a collection of a data folder, or of a file when path ends in
// ".db". It fails with store.ErrNoCollection when there is none and o.Create is
// false, with store.ErrLocked when another process keeps writing to it, with
// *store.ModelMismatchError when it holds vectors of another model than
// o.Model, and with store.ErrNewerVersion when a newer lore has written it.
func Open(ctx context.Context, path string, o Options) (*Store, error) {
	file, collection, err := locate(path, o.Collection)
	if err != nil {
		return nil, err
	}
	s := newStore(file, collection)
	s.model, s.readOnly = o.Model, o.ReadOnly
	if err := s.open(ctx, o); err != nil {
		return nil, errors.Join(fmt.Errorf("open collection %q: %w", collection, err), s.Close())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, o Options) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	missing := fmt.Errorf("%w in %s; `lore index PATH` makes one", store.ErrNoCollection, filepath.Dir(s.file))
	if _, err := os.Stat(s.file); errors.Is(err, os.ErrNotExist) {
		if !o.Create || o.ReadOnly {
			return missing
		}
		if err := os.MkdirAll(filepath.Dir(s.file), 0o755); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	if o.ReadOnly {
		return s.openReadOnly(missing)
	}
	if s.timeout = o.LockTimeout; s.timeout == 0 {
		s.timeout = 30 * time.Second
	}
	s.turns, s.onWait = o.Turns, o.OnWait
	if err := s.take(ctx); err != nil {
		return err
	}
	defer s.yield()
	var err error
	mode := "rw"
	if o.Create {
		mode = "rwc"
	}
	if s.writer, err = openConn(s.file, mode, false); err != nil {
		return err
	}
	s.writer.words = s.vocabularies
	version, err := checkVersion(s.writer)
	if err != nil {
		return err
	}
	if version == 0 && !o.Create {
		return missing
	}
	if version == 0 {
		// Blocks of text are a few kilobytes; on small pages each would leave a
		// third of its page empty.
		for _, sql := range []string{fmt.Sprintf("PRAGMA page_size = %d", pageSize), "PRAGMA auto_vacuum = INCREMENTAL"} {
			if _, err := s.writer.exec(sql); err != nil {
				return err
			}
		}
	}
	if _, err := s.writer.exec("PRAGMA journal_mode = WAL"); err != nil {
		return err
	}
	if version == 0 {
		err = create(s.writer, s.collection)
	} else {
		err = migrate(s.writer, version)
	}
	if err != nil {
		return err
	}
	if err := s.same(); err != nil {
		return err
	}
	if err := s.unpack(); err != nil {
		return err
	}
	if err := s.sweep(); err != nil {
		return err
	}
	return s.adoptModel()
}

// take takes the lock if this handle does not hold it. The caller holds
// s.writing.
func (s *Store) take(ctx context.Context) (err error) {
	if s.lock == nil {
		s.lock, err = acquire(ctx, lockPath(s.file), s.timeout, s.onWait)
	}
	return err
}

// yield gives the lock back if this handle takes turns and nothing in the
// background needs it.
func (s *Store) yield() {
	if s.turns && len(s.merging) == 0 && s.chores == 0 {
		_ = s.lock.release()
		s.lock = nil
	}
}

func (s *Store) openReadOnly(missing error) error {
	err := s.tryReadOnly(missing)
	var e *sqlite.Error
	if !errors.As(err, &e) || e.Code()&0xff != sqlite3.SQLITE_CANTOPEN && e.Code()&0xff != sqlite3.SQLITE_READONLY {
		return err
	}
	// Even a reader keeps a log beside the file. Where that cannot be, nobody
	// writes either, and the file alone is the collection if its log is empty.
	if info, e := os.Stat(s.file + "-wal"); e == nil && info.Size() > 0 {
		return fmt.Errorf("%w; its last changes are still in %s-wal: open it once where lore can write, or copy the folder to such a place", err, s.file)
	}
	s.immutable = true
	return s.tryReadOnly(missing)
}

func (s *Store) tryReadOnly(missing error) error {
	c, err := s.reader()
	if err != nil {
		return err
	}
	defer s.release(c)
	version, err := checkVersion(c)
	if err != nil {
		return err
	}
	if version == 0 {
		return missing
	}
	stored, err := readModel(c)
	if err != nil {
		return err
	}
	return s.checkModel(stored)
}

func (s *Store) checkModel(stored store.Model) error {
	if s.model != (store.Model{}) && stored != (store.Model{}) && s.model != stored {
		return &store.ModelMismatchError{Collection: s.collection, Stored: stored, Want: s.model}
	}
	return nil
}

// adoptModel gives a collection that has no model yet the one of this handle.
func (s *Store) adoptModel() error {
	stored, err := readModel(s.writer)
	if err != nil {
		return err
	}
	if err := s.checkModel(stored); err != nil {
		return err
	}
	if s.model == (store.Model{}) || stored == s.model {
		return nil
	}
	return s.write(context.Background(), func(t *txn) error {
		if _, err := t.c.exec("UPDATE meta SET value = ? WHERE name = 'fingerprint'", s.model.Fingerprint); err != nil {
			return err
		}
		_, err := t.c.exec("UPDATE meta SET value = ? WHERE name = 'dimension'", int64(s.model.Dimension))
		return err
	})
}

func readModel(c *conn) (m store.Model, err error) {
	_, err = c.one("SELECT (SELECT value FROM meta WHERE name = 'fingerprint'), (SELECT value FROM meta WHERE name = 'dimension')", func(row []value) error {
		m = store.Model{Fingerprint: asText(row[0]), Dimension: int(asInt(row[1]))}
		return nil
	})
	return m, err
}

// Close releases the store. It waits for a merge that is under way.
func (s *Store) Close() error {
	s.mergers.Wait()
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	idle := s.idle
	s.index.release()
	s.idle, s.index = nil, nil
	if s.watching != nil {
		close(s.watching)
	}
	s.mu.Unlock()
	s.watchers.Wait()
	s.unused.close()
	s.setAhead(nil)
	var errs []error
	for _, c := range idle {
		errs = append(errs, c.close())
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.writer != nil {
		if s.lock != nil {
			s.writer.shrink()
		}
		errs = append(errs, s.writer.close())
		s.writer = nil
	}
	return errors.Join(append(errs, s.lock.release())...)
}

var errClosed = errors.New("store is closed")

// errReplaced says that the path of an open collection leads elsewhere by now.
var errReplaced = errors.New("the collection was deleted or replaced while it was open; run the command again")

// same looks whether the file is still the one that was opened. For a reader
// another file is as good, such as a copy that was put back; a writer must not
// report as done what nobody will find.
func (s *Store) same() error {
	info, err := os.Stat(s.file)
	if err != nil {
		return fmt.Errorf("%w (%w)", errReplaced, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.identity == nil:
		s.identity = info
	case os.SameFile(s.identity, info):
	case !s.readOnly:
		return fmt.Errorf("%s: %w", s.file, errReplaced)
	default:
		for _, c := range s.idle {
			_ = c.close()
		}
		s.index.release()
		s.idle, s.index, s.identity, s.vocabularies, s.recent = nil, nil, info, &vocabularies{}, &recent{}
		s.epoch++
	}
	return nil
}

func (s *Store) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// reader returns a connection for reading, to be released.
func (s *Store) reader() (*conn, error) {
	if s.isClosed() {
		return nil, errClosed
	}
	if err := s.same(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	epoch, words, recent := s.epoch, s.vocabularies, s.recent
	if n := len(s.idle); n > 0 {
		c := s.idle[n-1]
		s.idle = s.idle[:n-1]
		s.mu.Unlock()
		return c, nil
	}
	s.mu.Unlock()
	c, err := openConn(s.file, "ro", s.immutable)
	if err == nil {
		c.epoch, c.words, c.recent = epoch, words, recent
	}
	return c, err
}

// maxIdle is how many connections are kept for the next readers.
var maxIdle = atOnce()

// pageSize is that of new databases.
const pageSize = 16 << 10

func (s *Store) release(c *conn) {
	s.mu.Lock()
	if !s.closed && len(s.idle) < maxIdle && c.epoch == s.epoch {
		s.idle = append(s.idle, c)
		c = nil
	}
	s.mu.Unlock()
	if c != nil {
		_ = c.close()
	}
}

// brief is read for what takes a moment and calls nobody: more of it at a time than
// processors can do would only wait for them, each with a connection of its own.
func (s *Store) brief(ctx context.Context, f func(*conn) error) error {
	select {
	case s.gate <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.gate }()
	return s.read(ctx, f)
}

// atOnce is how many brief reads go on at a time.
func atOnce() int { return min(max(4, 2*runtime.GOMAXPROCS(0)), 64) }

// read runs f on a snapshot of the collection. f may run again on a newer one,
// if a segment of the first was merged away before it was opened.
func (s *Store) read(ctx context.Context, f func(*conn) error) error {
	for attempt := 0; ; attempt++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		c, err := s.reader()
		if err != nil {
			return err
		}
		if _, err := c.exec("BEGIN"); err != nil {
			s.release(c)
			return err
		}
		err = f(c)
		if _, e := c.exec("COMMIT"); err == nil {
			err = e
		}
		s.release(c)
		if !errors.Is(err, errMoved) || attempt == 5 {
			return err
		}
	}
}

// DefaultCollection is the collection of those who name none.
const DefaultCollection = "default"

// locate returns the file and name of a collection.
func locate(path, collection string) (file, name string, err error) {
	if collection == "" {
		collection = DefaultCollection
		if strings.HasSuffix(path, ".db") {
			collection = strings.TrimSuffix(filepath.Base(path), ".db")
		}
	}
	if strings.ContainsAny(collection, "/\\:*?\"<>|\x00") || strings.HasPrefix(collection, ".") || len(collection) > 200 {
		return "", "", fmt.Errorf("collection name %q cannot be a file name; use letters, digits, - and _", collection)
	}
	if !strings.HasSuffix(path, ".db") {
		path = filepath.Join(path, collection+".db")
	}
	file, err = filepath.Abs(path)
	return file, collection, err
}

func lockPath(file string) string { return file + "-lock" }

// Collections returns the names of the collections of a data folder in order;
// none when the folder does not exist.
func Collections(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("list collections: %w", err)
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".db"); ok && e.Type().IsRegular() && name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// RemoveCollection deletes a collection with all its files. It fails like Open
// when there is none or another process writes to it.
func RemoveCollection(ctx context.Context, dir, collection string) error {
	file, name, err := locate(dir, collection)
	if err != nil {
		return err
	}
	if _, err := os.Stat(file); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			err = store.ErrNoCollection
		}
		return fmt.Errorf("remove collection %q: %w in %s", name, err, filepath.Dir(file))
	}
	l, err := acquire(ctx, lockPath(file), -1, nil)
	if err != nil {
		return fmt.Errorf("remove collection %q: %w", name, err)
	}
	if err := os.RemoveAll(segmentDir(file)); err != nil {
		return errors.Join(fmt.Errorf("remove collection %q: %w", name, err), l.release())
	}
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if err := os.Remove(file + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return errors.Join(fmt.Errorf("remove collection %q: %w", name, err), l.release())
		}
	}
	err = l.release()
	if e := os.Remove(lockPath(file)); err == nil && !errors.Is(e, os.ErrNotExist) {
		err = e
	}
	return err
}
