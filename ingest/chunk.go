package ingest

import "github.com/lore-kb/lore/store"

// Chunk is a cut of a document. Text is exactly Document.Text[Start:End].
type Chunk struct {
	Ordinal    int
	Start, End int
	Section    []string
	Page       int
	PageBreaks []int
	Line       int
	Time       store.Span
	Cues       []store.Cue
	Boxes      []store.Box
	Context    string // the header rows of a table that was cut, for all pieces but the first
	Text       string
}
