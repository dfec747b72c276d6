package ingest

import (
	"context"
	"errors"
	"time"

	"github.com/lore-kb/lore/store"
)

// Document is text with its structure, as an Extractor reads it from bytes.
type Document struct {
	Member    string // path inside a container, such as an attachment's name; "" for the file itself
	Title     string // from the content; "" when it has none
	MediaType string
	Date      time.Time // the document's own; zero when it has none
	Labels    map[string]string
	// Text is UTF-8. For Markdown and for plain text in UTF-8 it is the file's
	// own bytes, so that offsets into it are offsets into the file.
	Text     string
	Blocks   []Block // in order of Start, not overlapping; text between blocks is not indexed
	Pages    []Mark  // where pages, slides or sheets begin; empty when there are none
	Times    []TimeMark
	Boxes    []store.Box // where words stand on the image they were read from, in order; empty for other text
	Warnings []string    // what was seen but could not be read, one line each
	// Recording is speech that is still to be transcribed, as it stood in the
	// file; such a document has no text. See [Transcribing].
	Recording []byte
	// Picture is an image whose text is still to be recognised, as it stood in
	// the file; such a document has no text. Only readers and who calls them see
	// it: no Extractor returns it.
	Picture []byte
	// Scans are the pages, from 1 and in order, that are images whose text is
	// still to be recognised; of a member, Picture is its file. Like Picture, it
	// is for readers and who calls them.
	Scans []int
}

// Block is a piece of a document that is one thing to a reader.
type Block struct {
	Kind       BlockKind
	Start, End int      // byte range in Text
	Level      int      // of a heading, 1 the highest
	Section    []string // heading path at this block; of a heading, the path it opens, itself included
	Rows       []Range  // of a table: its rows; rows before Body are its header
	Body       int      // index in Rows of the first row that is not header
	Numbers    []int    // of Rows in a spreadsheet, from 1; nil elsewhere
	Columns    [2]int   // first and last column of such a table, from 0
}

// BlockKind classes blocks.
type BlockKind int

const (
	Paragraph BlockKind = iota
	Heading
	ListItem
	Table
	Code
	Quote
)

// Range is a byte range of a text.
type Range struct{ Start, End int }

// Mark says that page Number begins at Offset.
type Mark struct{ Offset, Number int }

// TimeMark says that the text from Offset on was spoken in Span.
type TimeMark = store.Cue

// Input is a file for an Extractor.
type Input struct {
	Name string // file name; a hint, the content decides
	Data []byte
}

// Extractor turns bytes into documents: first the file itself, then members of
// a container, such as attachments.
//
// Errors wrap one of the Err values below where it fits; the text says in one
// line what was wrong with the file.
type Extractor interface {
	Extract(ctx context.Context, in Input) ([]Document, error)
	// Version changes whenever the same bytes would yield other documents.
	Version() string
}

// Failures of extraction that callers tell apart.
var (
	ErrUnsupported = errors.New("no reader for this kind of file")
	ErrEncrypted   = errors.New("encrypted; the password is not known")
	ErrNoText      = errors.New("no text found")
	ErrDamaged     = errors.New("damaged file")
	ErrTooLarge    = errors.New("too large")
	ErrTimeout     = errors.New("took too long to read")
)
