package storetest

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lore-kb/lore/store"
)

// env is what a case works with.
type env struct {
	t          *testing.T
	h          Harness
	collection string
}

// open opens the case's collection for writing, with the suite's model, and
// closes it at the end of the test.
func (e *env) open() store.Store {
	e.t.Helper()
	return e.openWith(OpenOptions{Collection: e.collection, Model: Model, Create: true})
}

func (e *env) openWith(o OpenOptions) store.Store {
	e.t.Helper()
	s, err := e.h.Open(e.t.Context(), o)
	if err != nil {
		e.t.Fatalf("open %+v: %v", o, err)
	}
	e.t.Cleanup(func() { _ = s.Close() })
	return s
}

func (e *env) close(s store.Store) {
	e.t.Helper()
	if err := s.Close(); err != nil {
		e.t.Fatalf("close: %v", err)
	}
}

// put stores documents, each read back by its own ID.
func (e *env) put(s store.Store, docs ...store.Document) {
	e.t.Helper()
	if err := s.Put(e.t.Context(), docs); err != nil {
		e.t.Fatalf("put: %v", err)
	}
}

func (e *env) search(s store.Store, q store.Query) []store.Hit {
	e.t.Helper()
	hits, err := s.Search(e.t.Context(), q)
	if err != nil {
		e.t.Fatalf("search: %v", err)
	}
	return hits
}

func (e *env) documents(s store.Store, f store.Filter) []store.DocumentInfo {
	e.t.Helper()
	var out []store.DocumentInfo
	for d, err := range s.Documents(e.t.Context(), f) {
		if err != nil {
			e.t.Fatalf("documents: %v", err)
		}
		out = append(out, d)
	}
	return out
}

func (e *env) stats(s store.Store) store.Stats {
	e.t.Helper()
	st, err := s.Stats(e.t.Context())
	if err != nil {
		e.t.Fatalf("stats: %v", err)
	}
	return st
}

func (e *env) pending(s store.Store, limit int) []store.Point {
	e.t.Helper()
	p, err := s.Pending(e.t.Context(), limit)
	if err != nil {
		e.t.Fatalf("pending: %v", err)
	}
	return p
}

// embed gives every pending point the vector of its digest.
func (e *env) embed(s store.Store) {
	e.t.Helper()
	for {
		pending := e.pending(s, 500)
		if len(pending) == 0 {
			return
		}
		vectors := make([]store.PointVector, len(pending))
		for i, p := range pending {
			vectors[i] = store.PointVector{ID: p.ID, Digest: p.Digest, Vector: vectorOf(p.Digest), Detail: detailOf(p.Digest)}
		}
		if err := s.SetVectors(e.t.Context(), vectors); err != nil {
			e.t.Fatalf("set vectors: %v", err)
		}
	}
}

// root of a document unless it says otherwise.
var root = store.RootID("file:///srv/handbook")

// epoch is a date that documents count days from.
var epoch = time.Date(2024, 3, 1, 9, 30, 0, 0, time.UTC)

// document makes a document of the collection, one point per text, pending.
func (e *env) document(path, version string, texts ...string) store.Document {
	d := store.Document{DocumentInfo: store.DocumentInfo{
		ID:        store.DocumentID(e.collection, root, path),
		Root:      root,
		Path:      path,
		URI:       "file:///srv/handbook/" + path,
		Title:     "Title of " + path,
		MediaType: "text/markdown",
		Language:  "en",
		Version:   version,
		Content:   store.Digest(version),
		ModTime:   epoch,
		Date:      epoch,
		IndexedAt: epoch.Add(time.Hour),
		Status:    store.StatusOK,
	}}
	fill(&d, texts...)
	return d
}

// fill gives the document its text and points.
func fill(d *store.Document, texts ...string) {
	d.Text = strings.Join(texts, "\n\n")
	d.Bytes = len(d.Text)
	d.Size = int64(len(d.Text)) + 7
	d.Points = nil
	at := 0
	for i, text := range texts {
		d.Points = append(d.Points, store.Point{
			ID:     store.PointID(d.ID, d.Version, i),
			Digest: store.Digest(text),
			Sparse: sparseOf(text),
			Payload: store.Payload{
				DocumentID: d.ID, Version: d.Version, Ordinal: i, Title: d.Title, URI: d.URI, Path: d.Path, Root: d.Root,
				MediaType: d.MediaType, Language: d.Language, Section: []string{"Handbook", fmt.Sprint("Part ", i)}, Line: 1 + 2*i,
				Start: at, End: at + len(text), Date: d.Date, Text: text, Labels: d.Labels,
			},
		})
		at += len(text) + 2
	}
}

// change applies f to the document and carries what points share with it.
func change(d store.Document, f func(*store.DocumentInfo)) store.Document {
	f(&d.DocumentInfo)
	points := make([]store.Point, len(d.Points))
	for i, p := range d.Points {
		p.ID = store.PointID(d.ID, d.Version, i)
		p.Payload.DocumentID, p.Payload.Version, p.Payload.Title, p.Payload.URI = d.ID, d.Version, d.Title, d.URI
		p.Payload.Path, p.Payload.Root, p.Payload.MediaType, p.Payload.Language = d.Path, d.Root, d.MediaType, d.Language
		p.Payload.Date, p.Payload.Labels = d.Date, d.Labels
		points[i] = p
	}
	d.Points = points
	return d
}

// term is the sparse index of a word.
func term(word string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(word))
	return h.Sum32()
}

// sparseOf weighs the words of a text as BM25 does, with a length that tells
// most texts apart.
func sparseOf(text string) store.SparseVector {
	var v store.SparseVector
	words := strings.Fields(text)
	for _, w := range words {
		v.Indices = append(v.Indices, term(w))
		v.Values = append(v.Values, 1)
	}
	v.Sort()
	norm := 1.2 * (0.25 + 0.75*float64(len(words))/20)
	for i, tf := range v.Values {
		v.Values[i] = float32(2.2 * float64(tf) / (float64(tf) + norm))
	}
	return v
}

// question weighs each word of a question by how often it occurs.
func question(words ...string) store.SparseVector {
	var v store.SparseVector
	for _, w := range words {
		v.Indices = append(v.Indices, term(w))
		v.Values = append(v.Values, 1)
	}
	v.Sort()
	return v
}

// vectorOf computes the vector of a seed: the same direction each time, in one
// of a few clusters, and of any length.
func vectorOf(seed string) store.Vector {
	h := fnv.New64a()
	h.Write([]byte(seed))
	r := rand.New(rand.NewPCG(h.Sum64(), 1))
	centre := rand.New(rand.NewPCG(h.Sum64()%7, 2))
	v := make(store.Vector, Model.Dimension)
	length := 0.5 + r.Float64()
	for i := range v {
		v[i] = float32(length * (0.7*centre.NormFloat64() + r.NormFloat64()))
	}
	return v
}

// detailOf computes what a seed's vector has beside it: nothing for some, and of
// many lengths.
func detailOf(seed string) []byte {
	h := fnv.New64a()
	h.Write([]byte(seed))
	r := rand.New(rand.NewPCG(h.Sum64(), 3))
	n := r.IntN(300)
	if n%5 == 0 {
		return nil
	}
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// words of generated texts; early ones are common, as in a language.
func vocabulary(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("w%d", i)
	}
	return out
}

func zipf(r *rand.Rand, n int) int {
	return min(n-1, int(math.Exp(r.Float64()*math.Log(float64(n)+1)))-1)
}

// passage generates a text of n words.
func passage(r *rand.Rand, vocabulary []string, n int) string {
	out := make([]string, n)
	for i := range out {
		out[i] = vocabulary[zipf(r, len(vocabulary))]
	}
	return strings.Join(out, " ")
}

// equal fails the test unless got is want; times are compared as instants, nil
// slices and maps equal empty ones.
func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// sameHits compares a ranking with the naive one, which ranks everything.
// Neighbours whose scores differ by rounding only may be in either order; equal
// scores must be in order of ID.
func (e *env) sameHits(what string, got, all []store.Hit, limit int, tolerance float64) {
	e.t.Helper()
	if n := min(limit, len(all)); len(got) != n {
		e.t.Errorf("%s: %d hits, want %d", what, len(got), n)
		return
	}
	score := make(map[string]float64, len(all))
	for _, h := range all {
		score[h.ID] = h.Score
	}
	order := 1e-6
	if e.h.LaggingIDF {
		order = max(order, tolerance)
	}
	seen := make(map[string]bool)
	for i, h := range got {
		want, ok := score[h.ID]
		switch {
		case !ok:
			e.t.Errorf("%s: hit %d: %s must not be found", what, i, h.ID)
		case seen[h.ID]:
			e.t.Errorf("%s: hit %d: %s twice", what, i, h.ID)
		case !near(h.Score, want, tolerance):
			e.t.Errorf("%s: hit %d: score %v, want %v", what, i, h.Score, want)
		case h.ID != all[i].ID && !near(want, all[i].Score, order):
			e.t.Errorf("%s: hit %d is %s (%v), want %s (%v)", what, i, h.ID, want, all[i].ID, all[i].Score)
		case i > 0 && score[got[i-1].ID] == want && got[i-1].ID >= h.ID:
			e.t.Errorf("%s: hits %d and %d tie at %v but are not in order of ID", what, i-1, i, want)
		case i > 0 && got[i-1].Score < h.Score:
			e.t.Errorf("%s: hit %d scores more than the one before", what, i)
		}
		seen[h.ID] = true
		if e.t.Failed() {
			return
		}
	}
}

func near(a, b, tolerance float64) bool {
	return math.Abs(a-b) <= tolerance*max(1, math.Abs(a), math.Abs(b))
}

func cancelled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
