package ask

import (
	"time"

	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/retrieve"
	"github.com/lore-kb/lore/store"
)

// Question is what a user asks.
type Question struct {
	Text     string
	Filter   retrieve.Filter
	Limit    int    // passages; 0 means the assistant's default
	Language string // of the answer; "" follows the question
	History  []Turn // turns before this one, oldest first
	Explain  bool
	// Wish says how the answer should be written, in the words of who runs the
	// client: a role, a tone. A model is told it below its rules, as far as it has
	// room for it; what it says is checked and refused as ever. Without a model it
	// does nothing, but for a language that it asks for.
	Wish string
}

// Turn is one question with its answer.
type Turn struct {
	Question   string    `json:"question"`
	Standalone string    `json:"standalone,omitempty"`
	Answer     string    `json:"answer"`
	Status     Status    `json:"status"`
	At         time.Time `json:"at"`
	Sources    []Source  `json:"sources,omitempty"` // what the answer's markers mean
	Summary    *Summary  `json:"summary,omitempty"` // of older turns, as they were given to a model
}

// Source is what a marker of a turn's answer means.
type Source struct {
	Marker   int    `json:"marker"`
	Document string `json:"document"`
	Title    string `json:"title,omitempty"`
	URI      string `json:"uri,omitempty"`
	Page     int    `json:"page,omitempty"`
	Lines    [2]int `json:"lines"`
	Quote    string `json:"quote"`
}

// Turn returns the answer as a turn of a conversation.
func (a *Answer) Turn(at time.Time) Turn {
	t := Turn{Question: a.Question, Standalone: a.Standalone, Answer: a.Text, Status: a.Status, At: at, Summary: a.Summary}
	for i := range a.Citations {
		c := &a.Citations[i]
		t.Sources = append(t.Sources, Source{Marker: c.Marker, Document: c.document(), Title: c.Title, URI: c.URI, Page: c.Page, Lines: c.Lines, Quote: c.Quote})
	}
	return t
}

// Status of an answer.
type Status string

const (
	StatusAnswered Status = "answered"
	StatusPartial  Status = "partial"   // something was asked for or said that could not be supported
	StatusNotFound Status = "not_found" // the documents do not say
)

// Answer is a completion, or an extraction, checked against the passages.
type Answer struct {
	Question   string
	Standalone string // the question as searched, when it was rewritten; else ""
	Text       string // with markers [n]; n is Citation.Marker
	Status     Status
	Grounded   bool // every statement of Text has a verified citation
	Statements []Statement
	Citations  []Citation
	Removed    []Removal // what was said and taken out
	Missing    string    // of not_found and partial: what the documents lack, one line
	Summary    *Summary  // of the older turns, when a model was given one
	Conflict   string    // not empty: two of the cited documents contradict each other, one line
	Passages   []retrieve.Passage
	Degraded   []retrieve.Degraded
	Model      string // "none" when the answer is extractive
	Note       string // why the model was not used, if it should have been
	Usage      model.Usage
	Confidence float64            // that the documents answer, 0 to 1
	Signals    map[string]float64 // what the confidence was weighed from; only with Question.Explain
	Timings    map[string]time.Duration
}

// Statement is one sentence of an answer.
type Statement struct {
	Text    string
	Markers []int
}

// Citation is a marker resolved to a passage, with the quote that was checked.
type Citation struct {
	Marker     int
	Passage    int // Rank of the passage
	DocumentID string
	Title      string
	URI        string
	Path       string
	Section    []string
	Page       int
	Lines      [2]int // first and last line of the quote, from 1
	Quote      string // exactly the document's text in [Start, End)
	Start, End int    // byte range in the document's text
	From, To   time.Duration
	Region     *store.Region // where the quote stands on the image it was read from; nil for other text
	Date       time.Time
	Verified   bool
}

// Removal is a statement that did not stand the check.
type Removal struct {
	Text   string
	Reason Reason
	Detail string
}

// Reason why a statement was removed.
type Reason string

const (
	ReasonNoQuote       Reason = "no_quote"
	ReasonQuoteNotFound Reason = "quote_not_found"
	ReasonFigures       Reason = "figure_mismatch"
	ReasonWrongDocument Reason = "wrong_document"
	ReasonUnsupported   Reason = "unsupported"
)

// Event is what happens while an answer is made. Exactly one field is set.
type Event struct {
	Passages []retrieve.Passage // found, before any text
	Delta    string             // text as it comes, not yet verified
	Citation *Citation          // settled
	Restart  string             // not empty: text sent so far is void; the reason
	Answer   *Answer            // the end
}
