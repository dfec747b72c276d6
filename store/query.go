package store

import "time"

// Leg is one way of searching.
type Leg string

const (
	LegDense  Leg = "dense"
	LegSparse Leg = "sparse"
)

// Query asks one leg.
type Query struct {
	Leg    Leg
	Dense  Vector       // of LegDense
	Sparse SparseVector // of LegSparse: term weights of the question, before IDF
	Filter Filter
	Limit  int
	// Apart, on the dense leg, are languages that get Limit hits each, besides the
	// Limit best of all.
	Apart []string
	// Bare leaves out of the payloads all but Language; see [Store.Payloads].
	Bare bool
}

// Hit is one answer of a leg. Score is larger for better; it is the cosine on
// the dense leg, and on the sparse leg the sum over shared terms of question
// weight × point weight × IDF.
type Hit struct {
	ID      string
	Score   float64
	Payload Payload
	Key     uint64 // by which the store of a bare hit finds it again
}

// Filter selects documents and points. Conditions are joined by AND, the values
// of one condition by OR. The zero Filter selects everything, except for
// Remove, which wants All.
type Filter struct {
	All       bool     // says that selecting everything is meant
	Documents []string // document IDs
	Roots     []string // root IDs
	// Paths are prefixes of DocumentInfo.Path that end at a path boundary, or
	// globs when they hold one of *?[ (* stays within a path segment, ** does not).
	Paths      []string
	MediaTypes []string // exact, or "text/*"
	Languages  []string
	Labels     map[string]string // every label must match
	After      time.Time         // Date not before
	Before     time.Time         // Date before
	Statuses   []Status          // of documents; ignored by Search
}

// Empty reports whether f has no condition.
func (f Filter) Empty() bool {
	return len(f.Documents) == 0 && len(f.Roots) == 0 && len(f.Paths) == 0 && len(f.MediaTypes) == 0 &&
		len(f.Languages) == 0 && len(f.Labels) == 0 && f.After.IsZero() && f.Before.IsZero() && len(f.Statuses) == 0
}
