package ask

import (
	"encoding/json"
	"time"

	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/retrieve"
	"github.com/lore-kb/lore/store"
)

// answerJSON is an Answer as the command line and the server write it.
type answerJSON struct {
	Question   string             `json:"question"`
	Standalone string             `json:"standalone,omitempty"`
	Answer     string             `json:"answer"`
	Status     Status             `json:"status"`
	Grounded   bool               `json:"grounded"`
	Statements []statementJSON    `json:"statements"`
	Citations  []citationJSON     `json:"citations"`
	Passages   []passageJSON      `json:"passages"`
	Removed    []removalJSON      `json:"removed"`
	Missing    string             `json:"missing,omitempty"`
	Conflict   string             `json:"conflict,omitempty"`
	Note       string             `json:"note,omitempty"`
	Degraded   []degradedJSON     `json:"degraded"`
	Confidence float64            `json:"confidence"`
	Signals    map[string]float64 `json:"signals,omitempty"`
	Model      string             `json:"model"`
	Usage      model.Usage        `json:"usage"`
	Timings    map[string]float64 `json:"timings_ms"`
}

type statementJSON struct {
	Text    string `json:"text"`
	Markers []int  `json:"markers"`
}

type citationJSON struct {
	Marker     int           `json:"marker"`
	Passage    int           `json:"passage"`
	Document   string        `json:"document"` // path, or what else names it best
	DocumentID string        `json:"document_id"`
	Title      string        `json:"title"`
	URI        string        `json:"uri"`
	Section    []string      `json:"section"`
	Page       int           `json:"page,omitempty"`
	Lines      [2]int        `json:"lines"`
	Quote      string        `json:"quote"`
	Start      int           `json:"start"`
	End        int           `json:"end"`
	FromMS     int64         `json:"from_ms,omitempty"`
	ToMS       int64         `json:"to_ms,omitempty"`
	Region     *store.Region `json:"region,omitempty"`
	Date       *time.Time    `json:"date,omitempty"`
	Verified   bool          `json:"verified"`
}

type passageJSON struct {
	Rank       int                             `json:"rank"`
	Document   string                          `json:"document"`
	DocumentID string                          `json:"document_id"`
	Title      string                          `json:"title"`
	URI        string                          `json:"uri"`
	Section    []string                        `json:"section"`
	Page       int                             `json:"page,omitempty"`
	Line       int                             `json:"line,omitempty"`
	Start      int                             `json:"start"`
	End        int                             `json:"end"`
	Text       string                          `json:"text"`
	Score      float64                         `json:"score"`
	Legs       map[store.Leg]retrieve.LegScore `json:"legs"`
	Explain    *retrieve.Explanation           `json:"explain,omitempty"`
}

type removalJSON struct {
	Text   string `json:"text"`
	Reason Reason `json:"reason"`
	Detail string `json:"detail,omitempty"`
}

type degradedJSON struct {
	Leg    store.Leg `json:"leg"`
	Reason string    `json:"reason"`
}

// MarshalJSON writes the answer with lists that are never null and times in
// milliseconds.
func (a *Answer) MarshalJSON() ([]byte, error) {
	out := answerJSON{
		Question: a.Question, Standalone: a.Standalone, Answer: a.Text, Status: a.Status, Grounded: a.Grounded,
		Statements: []statementJSON{}, Citations: []citationJSON{}, Passages: []passageJSON{}, Removed: []removalJSON{}, Degraded: []degradedJSON{},
		Missing: a.Missing, Conflict: a.Conflict, Note: a.Note, Confidence: a.Confidence, Signals: a.Signals, Model: a.Model, Usage: a.Usage, Timings: map[string]float64{},
	}
	for _, s := range a.Statements {
		out.Statements = append(out.Statements, statementJSON{Text: s.Text, Markers: append([]int{}, s.Markers...)})
	}
	for i := range a.Citations {
		out.Citations = append(out.Citations, a.Citations[i].json())
	}
	for i := range a.Passages {
		p := &a.Passages[i]
		legs := p.Legs
		if legs == nil {
			legs = map[store.Leg]retrieve.LegScore{}
		}
		out.Passages = append(out.Passages, passageJSON{
			Rank: p.Rank, Document: p.Name(), DocumentID: p.DocumentID, Title: p.Title, URI: p.URI, Section: append([]string{}, p.Section...),
			Page: p.Page, Line: p.Line, Start: p.Start, End: p.End, Text: p.Text, Score: p.Score, Legs: legs, Explain: p.Explain,
		})
	}
	for _, r := range a.Removed {
		out.Removed = append(out.Removed, removalJSON(r))
	}
	for _, d := range a.Degraded {
		out.Degraded = append(out.Degraded, degradedJSON(d))
	}
	for k, d := range a.Timings {
		out.Timings[k] = float64(d.Microseconds()) / 1000
	}
	return json.Marshal(out)
}

// MarshalJSON writes the citation as it stands in an answer.
func (c *Citation) MarshalJSON() ([]byte, error) { return json.Marshal(c.json()) }

func (c *Citation) json() citationJSON {
	out := citationJSON{
		Marker: c.Marker, Passage: c.Passage, Document: c.document(), DocumentID: c.DocumentID, Title: c.Title, URI: c.URI,
		Section: append([]string{}, c.Section...), Page: c.Page, Lines: c.Lines, Quote: c.Quote, Start: c.Start, End: c.End,
		FromMS: c.From.Milliseconds(), ToMS: c.To.Milliseconds(), Region: c.Region, Verified: c.Verified,
	}
	if !c.Date.IsZero() {
		out.Date = &c.Date
	}
	return out
}

func (c *Citation) document() string {
	for _, s := range []string{c.Path, c.Title, c.URI} {
		if s != "" {
			return s
		}
	}
	return c.DocumentID
}
