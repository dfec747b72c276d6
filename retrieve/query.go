package retrieve

import (
	"time"

	"github.com/lore-kb/lore/store"
)

// Filter selects what is searched.
type Filter = store.Filter

// Query asks for passages.
type Query struct {
	Text    string
	Filter  Filter
	Limit   int  // passages at most; 0 means 8
	Explain bool // fill Passage.Explain
}

// Passage is evidence: one or more neighbouring chunks of one document.
type Passage struct {
	Rank       int // from 1
	DocumentID string
	Version    string
	Title      string
	URI        string
	Path       string
	MediaType  string
	Language   string
	Section    []string
	Page       int   // at Start; 0 when the document has no pages
	PageBreaks []int // document offsets inside the passage at which the next page begins
	Line       int   // at Start, from 1
	Start, End int   // byte range in the document's text
	Time       store.Span
	Cues       []store.Cue // what of it was spoken when, in order
	Boxes      []store.Box // where its words stand on an image, in order
	Date       time.Time
	Labels     map[string]string
	Text       string // exactly the document's text in [Start, End)
	Context    string // repeated table header, for reading; not in [Start, End)
	Score      float64
	Legs       map[store.Leg]LegScore // of its best chunk
	Best       store.Payload          // the chunk that ranked
	Detail     []byte                 // what the embedder keeps of that chunk, if it was held against the question
	Same       int                    // near-duplicates folded into this passage
	Explain    *Explanation
}

// Spoken returns when the text [start, end) of the document, which lies inside the
// passage, was spoken; the zero span when it is not speech.
func (p *Passage) Spoken(start, end int) store.Span {
	return store.Spoken(p.Cues, p.Time, p.End, start, end)
}

// PageAt returns the page of a document offset inside the passage.
func (p *Passage) PageAt(offset int) int {
	page := p.Page
	for _, b := range p.PageBreaks {
		if offset >= b {
			page++
		}
	}
	return page
}

// LegScore is what one leg said of a passage.
type LegScore struct {
	Rank       int     `json:"rank"`  // in that leg, from 1
	Score      float64 `json:"score"` // as the leg gives it
	Normalised float64 `json:"normalised"`
}

// Explanation says why a passage ranks where it does.
type Explanation struct {
	Terms []TermMatch `json:"terms"` // by contribution, largest first
	Notes []string    `json:"notes"`
}

// TermMatch is a term of the question that the passage holds.
type TermMatch struct {
	Term   string  `json:"term"`
	Weight float64 `json:"weight"` // IDF × weight in the question
	Score  float64 `json:"score"`  // what it adds to the sparse score
}

// TermWeight is a term of the question with its weight in the collection.
type TermWeight struct {
	Term  string
	Index uint32
	IDF   float64
	Query float64 // weight in the question, before IDF
	Known bool    // some point holds it
}

// Result is the reply of a retrieval.
type Result struct {
	Query    string // as searched
	Language string // of the question
	Passages []Passage
	Terms    []TermWeight
	Legs     []LegReport
	Degraded []Degraded // what was missing or incomplete; empty when all is well
	Timings  map[string]time.Duration
}

// LegReport says what a leg did.
type LegReport struct {
	Leg     store.Leg     `json:"leg"`
	Hits    int           `json:"hits"`
	Weight  float64       `json:"weight"` // in the fusion of this question
	Elapsed time.Duration `json:"elapsed"`
}

// Degraded is a leg that failed or is incomplete.
type Degraded struct {
	Leg    store.Leg `json:"leg"`
	Reason string    `json:"reason"` // one line, fit for a user
}
