package retrieve

import (
	"encoding/json"

	"github.com/lore-kb/lore/store"
)

// PassageJSON is a passage as the command line and the server write it.
type PassageJSON struct {
	Rank       int                    `json:"rank"`
	Document   string                 `json:"document"` // path, or what else names it best
	DocumentID string                 `json:"document_id"`
	Title      string                 `json:"title"`
	URI        string                 `json:"uri"`
	Language   string                 `json:"language"`
	Section    []string               `json:"section"`
	Page       int                    `json:"page,omitempty"`
	Line       int                    `json:"line,omitempty"`
	Start      int                    `json:"start"`
	End        int                    `json:"end"`
	Text       string                 `json:"text"`
	Context    string                 `json:"context,omitempty"`
	Score      float64                `json:"score"`
	Legs       map[store.Leg]LegScore `json:"legs"`
	Same       int                    `json:"same,omitempty"`
	Explain    *Explanation           `json:"explain,omitempty"`
}

// JSON returns the passage as it is written.
func (p *Passage) JSON() PassageJSON {
	out := PassageJSON{
		Rank: p.Rank, Document: p.Name(), DocumentID: p.DocumentID, Title: p.Title, URI: p.URI, Language: p.Language,
		Section: append([]string{}, p.Section...), Page: p.Page, Line: p.Line, Start: p.Start, End: p.End, Text: p.Text,
		Context: p.Context, Score: p.Score, Legs: p.Legs, Same: p.Same, Explain: p.Explain,
	}
	if out.Legs == nil {
		out.Legs = map[store.Leg]LegScore{}
	}
	return out
}

// Name is what names the passage's document best: path, title, URI or ID.
func (p *Passage) Name() string {
	for _, s := range []string{p.Path, p.Title, p.URI} {
		if s != "" {
			return s
		}
	}
	return p.DocumentID
}

// ResultJSON is a result as the command line and the server write it.
type ResultJSON struct {
	Query    string             `json:"query"`
	Language string             `json:"language"`
	Hits     []PassageJSON      `json:"hits"`
	Legs     []LegReport        `json:"legs"`
	Degraded []Degraded         `json:"degraded"`
	Timings  map[string]float64 `json:"timings_ms"`
}

// JSON returns the result as it is written: lists are never null, times are in
// milliseconds.
func (r *Result) JSON() ResultJSON {
	out := ResultJSON{
		Query: r.Query, Language: r.Language, Hits: []PassageJSON{}, Timings: map[string]float64{},
		Legs: append([]LegReport{}, r.Legs...), Degraded: append([]Degraded{}, r.Degraded...),
	}
	for i := range r.Passages {
		out.Hits = append(out.Hits, r.Passages[i].JSON())
	}
	for name, took := range r.Timings {
		out.Timings[name] = float64(took.Microseconds()) / 1000
	}
	return out
}

// MarshalJSON writes Result.JSON.
func (r *Result) MarshalJSON() ([]byte, error) { return json.Marshal(r.JSON()) }
