package retrieve

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/lore-kb/lore/store"
)

// WhyNot says, step by step, what became of a document when a question was
// asked. Lost is the step at which it fell out, "" when it is in the result.
type WhyNot struct {
	Document string   `json:"document"` // its path
	Lost     string   `json:"lost"`     // one of the Step values, or ""
	Rank     int      `json:"rank"`     // of its passage, when it has one; else 0
	Steps    []string `json:"steps"`    // one line each
}

// Steps at which a document can be lost.
const (
	StepStored    = "stored"    // not in the collection, or it could not be read
	StepFilter    = "filter"    // a filter leaves it out
	StepLegs      = "legs"      // no leg has it within the window
	StepPhrase    = "phrase"    // it does not hold the quoted phrase
	StepRank      = "rank"      // others rank before it
	StepDuplicate = "duplicate" // folded into a passage that says the same, or joined to one
)

// WhyNot retrieves for q and follows the document, which is named by its ID,
// path, URI or title.
func (r *Retriever) WhyNot(ctx context.Context, document string, q Query) (*WhyNot, error) {
	doc, err := r.findDocument(ctx, document)
	if err != nil {
		return nil, fmt.Errorf("explain %s: %w", document, err)
	}
	w := &WhyNot{Document: document, Lost: StepStored}
	say := func(format string, args ...any) { w.Steps = append(w.Steps, fmt.Sprintf(format, args...)) }
	if doc == nil {
		say("no document of this ID, path or title is in the collection")
		return w, nil
	}
	w.Document = doc.Path
	if doc.Chunks == 0 {
		say("it is stored without text: %s", orElse(doc.Reason, string(doc.Status)))
		return w, nil
	}
	say("stored as %q in %s, %d of them with vectors", doc.Title, plural(doc.Chunks, "chunk"), doc.Embedded)

	s, err := r.rank(ctx, q, r.options.Reranker, false)
	if err != nil {
		return nil, fmt.Errorf("explain %s: %w", document, err)
	}
	filter := s.filter
	filter.Documents = append(slices.Clone(filter.Documents), doc.ID)
	if len(s.filter.Documents) > 0 && !slices.Contains(s.filter.Documents, doc.ID) || !s.filter.MatchDocument(doc) {
		w.Lost = StepFilter
		say("the filter leaves it out by its %s", strings.Join(unmet(&s.filter, doc), ", "))
		return w, nil
	}
	if !s.filter.Empty() {
		say("the filter lets it through")
	}
	filter.Documents = []string{doc.ID}
	own, err := r.rank(ctx, Query{Text: q.Text, Filter: filter, Limit: q.Limit}, nil, false)
	if err != nil {
		return nil, fmt.Errorf("explain %s: %w", document, err)
	}
	for _, leg := range []struct {
		name     store.Leg
		all, own legHits
	}{{store.LegSparse, s.sparse, own.sparse}, {store.LegDense, s.dense, own.dense}} {
		switch rank, hit := firstOf(leg.all.hits, doc.ID); {
		case leg.all.skipped != "":
			say("%s leg: %s", leg.name, leg.all.skipped)
		case leg.all.err != nil:
			say("%s leg: %s", leg.name, reason(leg.all.err, r.options.LegTimeout))
		case rank > 0:
			say("%s leg: rank %d of %d, score %.4f", leg.name, rank, len(leg.all.hits), hit.Score)
		case len(leg.own.hits) > 0:
			last := 0.0
			if n := len(leg.all.hits); n > 0 {
				last = leg.all.hits[n-1].Score
			}
			say("%s leg: scores %.4f, the last within the window of %d scores %.4f", leg.name, leg.own.hits[0].Score, len(leg.all.hits), last)
		default:
			say("%s leg: shares nothing with the question", leg.name)
		}
	}
	if missing := s.missing(own); missing != "" {
		say("%s", missing)
	}
	fused, found := 0, false
	for i := range s.candidates {
		if s.candidates[i].payload.DocumentID == doc.ID {
			fused, found = i+1, true
			break
		}
	}
	if !found {
		w.Lost = StepLegs
		if rank, _ := firstOf(slices.Concat(s.sparse.hits, s.dense.hits, s.phrase), doc.ID); rank > 0 {
			w.Lost = StepPhrase
			say("it does not hold %s, which other passages do", quoteAll(s.parsed.Phrases))
		} else {
			say("no leg has it among its first")
		}
		return w, nil
	}
	say("fused: rank %d of %d, score %.4f", fused, len(s.candidates), s.candidates[fused-1].score)
	list, err := s.choose(s.limit)
	if err != nil {
		return nil, fmt.Errorf("explain %s: %w", document, err)
	}
	for i := range list {
		if list[i].payload.DocumentID == doc.ID {
			w.Lost, w.Rank = "", i+1
			say("passage %d of the result", i+1)
			return w, nil
		}
	}
	if n := len(list); n < s.limit || fused <= n {
		w.Lost = StepDuplicate
		say("it says the same as a passage before it")
		return w, nil
	}
	w.Lost = StepRank
	say("the result ends after %s; the last scores %.4f", plural(len(list), "passage"), list[len(list)-1].score)
	return w, nil
}

// unmet names the conditions of a filter that a document does not meet.
func unmet(f *store.Filter, doc *store.DocumentInfo) []string {
	var out []string
	for _, one := range []struct {
		name   string
		filter store.Filter
	}{
		{"path", store.Filter{Paths: f.Paths, Roots: f.Roots}},
		{"type", store.Filter{MediaTypes: f.MediaTypes}},
		{"language", store.Filter{Languages: f.Languages}},
		{"labels", store.Filter{Labels: f.Labels}},
		{"date", store.Filter{After: f.After, Before: f.Before}},
		{"state", store.Filter{Statuses: f.Statuses}},
	} {
		if !one.filter.MatchDocument(doc) {
			out = append(out, one.name)
		}
	}
	if len(out) == 0 { // conditions that exclude each other are written as documents
		out = append(out, "document")
	}
	return out
}

// missing names the words of the question that a document, searched alone, does
// not hold.
func (s *search) missing(own *search) string {
	if len(own.sparse.hits) == 0 {
		return ""
	}
	held := make(map[string]bool)
	for _, h := range own.sparse.hits {
		for _, t := range s.matched(&h.Payload) {
			held[t.Term] = true
		}
	}
	var lacks []string
	for _, t := range s.terms {
		if !held[t.Term] && t.Query >= 0.5 && !slices.Contains(lacks, t.Term) {
			lacks = append(lacks, t.Term)
		}
	}
	if len(lacks) == 0 {
		return ""
	}
	return "terms of the question that it lacks: " + strings.Join(lacks, ", ")
}

func firstOf(hits []store.Hit, documentID string) (int, store.Hit) {
	for i, h := range hits {
		if h.Payload.DocumentID == documentID {
			return i + 1, h
		}
	}
	return 0, store.Hit{}
}

// findDocument returns the document with this ID, path, URI or title, in this
// order of preference; nil when there is none.
func (r *Retriever) findDocument(ctx context.Context, name string) (*store.DocumentInfo, error) {
	var best *store.DocumentInfo
	rank := 5
	for d, err := range r.store.Documents(ctx, store.Filter{}) {
		if err != nil {
			return nil, err
		}
		k := 5
		switch {
		case d.ID == name:
			k = 0
		case d.Path == name:
			k = 1
		case d.URI == name:
			k = 2
		case d.Title == name:
			k = 3
		case strings.HasSuffix(d.Path, "/"+name), strings.HasSuffix(d.URI, "/"+name):
			k = 4
		}
		if k < rank {
			best, rank = &d, k
		}
	}
	return best, nil
}

func orElse(s, other string) string {
	if s != "" {
		return s
	}
	return other
}
