// Package store defines how documents and their points are kept and searched.
//
// A [Store] handle is bound to one collection: a named set of points that share
// one embedding model. The store is also the ledger: what it lists is what is
// indexed, and no second record exists that could disagree with it.
//
// Implementations live in sub-packages (sqlitestore, qdrantstore) and pass the
// suite in storetest. Vectors are plain numbers here; the package knows no model.
package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
)

// Store keeps the documents and points of one collection.
//
// All methods are safe for concurrent use and honour ctx: a cancelled call does
// nothing further and returns an error that wraps ctx.Err().
type Store interface {
	// Put stores each document with all its points in place of its older
	// version, if there is one. A reader sees the old version or the new one,
	// never a mix and never neither. Documents of one call are independent:
	// when Put fails, each is wholly old or wholly new.
	//
	// A point without a dense vector gets the vector that the collection
	// already holds for the same Digest, if any, with its detail.
	//
	// A document with Status failed and no points replaces an older failed
	// record; use [Store.Mark] to note a failure on a document that answers.
	Put(ctx context.Context, docs []Document) error

	// Mark records status and reason on stored documents without touching
	// their points. Unknown IDs are ignored.
	Mark(ctx context.Context, ids []string, status Status, reason string) error

	// Remove deletes the documents that f selects, with their points, and
	// returns how many documents went. An empty filter is refused with
	// [ErrEmptyFilter]; use Filter{All: true} to remove everything.
	Remove(ctx context.Context, f Filter) (int, error)

	// Documents yields the records of the documents that f selects, ordered by
	// Root, then Path, then ID. It stops at the first error, which it yields.
	Documents(ctx context.Context, f Filter) iter.Seq2[DocumentInfo, error]

	// Text returns the whole text of a document, the text that Start and End of
	// its points index, or an error wrapping [ErrNotFound].
	Text(ctx context.Context, documentID string) (string, error)

	// Excerpt returns bytes [start, end) of that text. A range that the text does
	// not have is an error wrapping [ErrRange].
	Excerpt(ctx context.Context, documentID string, start, end int) (string, error)

	// Points returns the points of one document in order of Ordinal, with
	// Ordinal in [first, last]; dense and sparse vectors are not filled.
	Points(ctx context.Context, documentID string, first, last int) ([]Point, error)

	// Search ranks points by one leg. The filter applies before the limit.
	// Order is by score, larger first, then by point ID. A query that shares
	// nothing with a point does not return it: scores on the sparse leg are
	// positive. An empty query vector or a limit of zero returns no hits.
	Search(ctx context.Context, q Query) ([]Hit, error)

	// Payloads fills in the payloads of bare hits, which Search of the same store
	// has returned. A hit whose point has been removed or replaced since comes back
	// with an empty Payload.DocumentID.
	Payloads(ctx context.Context, hits []Hit) error

	// Details returns for each hit of Search, bare or not, what is kept beside its
	// point's dense vector: bytes of the embedder's own, which a store never reads.
	// They come and go with the vector. A point without, or that has been removed
	// or replaced since, has nil.
	Details(ctx context.Context, hits []Hit) ([][]byte, error)

	// IDF returns, for each sparse index, the inverse document frequency by
	// which Search multiplies it (see [IDF]) over the whole collection. Indices
	// that no point holds get the weight of a document frequency of zero.
	IDF(ctx context.Context, indices []uint32) ([]float64, error)

	// Pending returns up to limit points that lack the dense vector of this
	// store's model, newest Date first, then by document ID and Ordinal. A store
	// that was opened without a model has none.
	Pending(ctx context.Context, limit int) ([]Point, error)

	// SetVectors attaches dense vectors to points. Points that are gone, or
	// whose Digest differs by now, are skipped silently: the text changed while
	// it was being embedded. A vector of another length than the model's is an
	// error wrapping [ErrDimension], and a detail beyond [MaxDetail] is an error too;
	// nothing is stored then.
	SetVectors(ctx context.Context, vectors []PointVector) error

	// Settings returns what is remembered about the collection itself.
	Settings(ctx context.Context) (Settings, error)

	// SetSettings replaces it as a whole.
	SetSettings(ctx context.Context, s Settings) error

	// Stats returns counts; it is cheap enough for a status line.
	Stats(ctx context.Context) (Stats, error)

	// Close releases the store. Later calls fail with an error.
	Close() error
}

// Model identifies the embedding model of a collection. The zero value means
// that the caller brings no model: text and sparse vectors can be written and
// searched, dense vectors of an earlier model are kept and not touched.
type Model struct {
	Fingerprint string // name, dimension, prefixes and weights in one short string
	Dimension   int    // length of a dense vector
}

// Stats are the counts of a collection.
type Stats struct {
	Collection string
	Documents  int // documents with status other than failed
	Failed     int // documents with status failed
	Points     int
	Embedded   int            // points that have the dense vector of the collection's model
	Bytes      int64          // of stored text
	DiskBytes  int64          // of the store's own files; 0 when unknown
	Model      Model          // of the collection; zero until one was set
	Languages  map[string]int // points by Payload.Language
}

// Root is a place that documents came from and can be synced from again.
type Root struct {
	ID      string // stable: derived from URI
	URI     string // for a folder or file: file:///absolute/path
	Include []string
	Exclude []string
	Labels  map[string]string
}

// Settings is what a collection remembers about itself.
type Settings struct {
	Roots []Root
	// Centres are what is taken off the vectors of models that do not centre them
	// themselves before they are stored or asked, by Model.Fingerprint.
	Centres map[string]Centre
}

// Errors that callers test for with errors.Is.
var (
	ErrNotFound     = errors.New("not found")
	ErrRange        = errors.New("outside of the text")
	ErrNoCollection = errors.New("no such collection")
	ErrEmptyFilter  = errors.New("an empty filter would select every document")
	ErrDimension    = errors.New("wrong vector dimension")
	ErrNewerVersion = errors.New("written by a newer version of lore")
	ErrLocked       = errors.New("another process is writing")
	ErrReadOnly     = errors.New("store is read-only")
	ErrUnavailable  = errors.New("store is not reachable")
	ErrCorrupt      = errors.New("store is damaged")
)

// ModelMismatchError says that a collection was embedded with another model
// than the one asked for.
type ModelMismatchError struct {
	Collection   string
	Stored, Want Model
}

func (e *ModelMismatchError) Error() string {
	return fmt.Sprintf("collection %q holds vectors of model %s (%d dimensions), not of %s (%d); run `lore model switch` or choose the first with --embedder",
		e.Collection, e.Stored.Fingerprint, e.Stored.Dimension, e.Want.Fingerprint, e.Want.Dimension)
}

// CheckRange returns an error wrapping [ErrRange] unless a text of length bytes has
// bytes [start, end).
func CheckRange(start, end, length int) error {
	if start < 0 || end < start || end > length {
		return fmt.Errorf("bytes %d to %d of %d: %w", start, end, length, ErrRange)
	}
	return nil
}
