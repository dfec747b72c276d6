package ingest

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/lore-kb/lore/store"
)

// Source is a place that documents come from.
type Source interface {
	// Root identifies the place; syncing removes what the ledger holds under
	// this root and the source no longer lists.
	Root() store.Root
	// Items yields what is there, ordered by Path, without reading contents.
	// An item that cannot or shall not be read has Skip set. A yielded error
	// means that the listing is incomplete: beneath the Path of the item that
	// comes with it, or altogether when that is empty. Nothing is removed there.
	Items(ctx context.Context) iter.Seq2[Item, error]
}

// Item is one file of a source.
type Item struct {
	Path    string // slash-separated, relative to the root
	URI     string
	Size    int64
	ModTime time.Time
	Skip    SkipReason // not empty: listed, but not to be indexed
	// Recording marks a file that is too large to be read unless it turns out to
	// be the recording that its name promises.
	Recording bool
	Open      func(ctx context.Context) (io.ReadCloser, error)
}

// SkipReason says why an item is not indexed; reasons are counted in the report.
type SkipReason string

const (
	SkipHidden   SkipReason = "hidden"
	SkipIgnored  SkipReason = "ignored"  // .gitignore, .loreignore, --exclude
	SkipExcluded SkipReason = "excluded" // not matched by --include
	SkipBinary   SkipReason = "binary"
	SkipTooLarge SkipReason = "too large"
	SkipLink     SkipReason = "link loop"
	SkipTwice    SkipReason = "link to what is indexed anyway"
	SkipLinked   SkipReason = "link not followed"
	SkipSpecial  SkipReason = "not a regular file"
	SkipEmpty    SkipReason = "empty"
	SkipSpeech   SkipReason = "recording; no --transcriber"
)
