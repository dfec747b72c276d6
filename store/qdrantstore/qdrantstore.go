// Package qdrantstore keeps a collection on a Qdrant server, for those who
// outgrow one machine.
//
// # Layout
//
// A lore collection NAME is two Qdrant collections and an alias. The records,
// "lore.NAME~docs", carry no vectors: one point per document (its ledger line
// and its text; a long text is cut into parts of its own), one for the settings,
// one, the head, for the layout's version and the model of each set of points,
// and one per running write (see below). The points, "lore.NAME~points-N", carry
// the chunks with their named vectors "dense" and "sparse" and everything that
// filters need; the alias "lore.NAME" says which set of points is in use, so
// that another model's set can be built beside it and swapped in.
//
// # Commit
//
// A Put writes the new version's points, then the document's record, which is
// the commit, then deletes the old version's points. Readers rank points, look
// up the records of the documents among them and drop what is not of the
// committed version, asking again without it until the limit is full: they see
// the old version or the new one, never a mix and never a hole. Before the first
// point is written an intent is recorded; whoever finds the intent of a writer
// that is gone deletes the points that no record commits (intent.go).
//
// Another model's set of points is built beside the one in use and exchanged with
// it in one step (switch.go); writers and the exchange see each other by intents.
//
// # Ranking
//
// Qdrant multiplies the sparse weights by an inverse document frequency that it
// counts over vectors it has not yet vacuumed. The store measures what it
// counted, undoes it and ranks by the exact frequency, in double precision and
// with ties by ID (idf.go, search.go), as the embedded store does.
package qdrantstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/qdrant/go-client/qdrant"

	"github.com/lore-kb/lore/store"
)

// Names of the vectors of a point.
const (
	denseName  = "dense"
	sparseName = "sparse"
)

// Store is a collection on a Qdrant server. It implements [store.Store].
type Store struct {
	opts   Options
	conn   *connection
	client *qdrant.Client
	points string // alias
	docs   string // collection of records

	owner  string // of intents
	writer chan struct{}
	closed atomic.Bool

	mu        sync.Mutex
	head      head          // as last read
	physical  string        // what the alias points to, as last read
	shards    int           // of the points
	recovered time.Time     // when intents were last looked through
	unclean   []intent      // writes of this handle that broke off
	verified  *commitWindow // that earlier searches have seen
}

var _ store.Store = (*Store)(nil)

var errClosed = errors.New("store is closed")

// Open opens a collection. It fails with an error that wraps
// [store.ErrUnavailable] and says the way out when the server does not answer
// as a Qdrant server, with [store.ErrNoCollection] when there is no such
// collection and o.Create is false, with a [*store.ModelMismatchError] when the
// collection belongs to another model than o.Model.
func Open(ctx context.Context, o Options) (*Store, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("open collection %q: %w", o.Collection, err)
	}
	conn, err := dial(ctx, o)
	if err != nil {
		return nil, err
	}
	o = o.withDefaults()
	s := &Store{
		opts: o, conn: conn, client: conn.client,
		points: pointsAlias(o.Collection), docs: docsName(o.Collection),
		owner: newOwner(), writer: make(chan struct{}, 1),
		verified: newCommitWindow(4096),
	}
	if err := s.open(ctx); err != nil {
		conn.close()
		forgetOwner(s.owner)
		return nil, err
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	exists, err := s.complete(ctx)
	if err != nil {
		return err
	}
	if !exists {
		if !s.opts.Create || s.opts.ReadOnly {
			return fmt.Errorf("collection %q on %s: %w", s.opts.Collection, s.conn.target, store.ErrNoCollection)
		}
		if err := s.create(ctx); err != nil {
			return err
		}
	}
	if err := s.reload(ctx); err != nil {
		return err
	}
	if err := s.adopt(ctx); err != nil {
		return err
	}
	if !s.opts.ReadOnly {
		return s.recover(ctx)
	}
	return nil
}

// model returns the collection's model as last read.
func (s *Store) model() store.Model {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.head.Models[s.physical]
}

// Close releases the connection. Later calls fail.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	forgetOwner(s.owner)
	return s.conn.close()
}

// begin checks what every call has to check first.
func (s *Store) begin(ctx context.Context, op string) error {
	if s.closed.Load() {
		return fmt.Errorf("%s: %w", op, errClosed)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	return nil
}

// beginWrite is begin for calls that change the collection.
func (s *Store) beginWrite(ctx context.Context, op string) error {
	if err := s.begin(ctx, op); err != nil {
		return err
	}
	if s.opts.ReadOnly {
		return fmt.Errorf("%s: %w", op, store.ErrReadOnly)
	}
	return nil
}

// lock makes the caller the only writer of this handle until it calls unlock.
func (s *Store) lock(ctx context.Context) error {
	select {
	case s.writer <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Store) unlock() { <-s.writer }

// namespace of the identifiers of this package's own points.
var namespace = uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://lore-kb.github.io/qdrantstore"))

func reservedID(parts ...string) string {
	name := ""
	for _, p := range parts {
		name += p + "\x00"
	}
	return uuid.NewSHA1(namespace, []byte(name)).String()
}

// now is the clock of leases and commits.
var now = time.Now
