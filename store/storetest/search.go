package storetest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/lore-kb/lore/store"
)

// tolerances of scores: relative on the sparse leg, where a store may code
// weights, absolute on the dense one.
const (
	sparseTolerance = 1e-3
	denseTolerance  = 1e-4
)

// sameAsReference compares everything that can be read.
func (e *env) sameAsReference(s store.Store, ref *reference) {
	t := e.t
	t.Helper()
	equal(t, "documents", e.documents(s, store.Filter{}), ref.documents(store.Filter{}))
	got, want := e.stats(s), ref.stats(e.collection)
	got.DiskBytes = 0
	equal(t, "stats", got, want)
	var pending []string
	if got.Model == Model {
		for _, p := range e.pending(s, 1<<20) {
			pending = append(pending, p.ID)
		}
		var wantPending []string
		for _, p := range ref.pending() {
			wantPending = append(wantPending, p.ID)
		}
		equal(t, "pending", pending, wantPending)
	}
	for _, d := range ref.docs {
		text, err := s.Text(t.Context(), d.ID)
		if err != nil || text != d.Text {
			t.Errorf("text of %s: %d bytes, %v; want %d", d.Path, len(text), err, len(d.Text))
		}
		points, err := s.Points(t.Context(), d.ID, 0, len(d.Points))
		if err != nil || len(points) != len(d.Points) {
			t.Errorf("points of %s: %d, %v; want %d", d.Path, len(points), err, len(d.Points))
			continue
		}
		for i, p := range points {
			if p.ID != d.Points[i].ID || p.Digest != d.Points[i].Digest {
				t.Errorf("point %d of %s is %s (%s)", i, d.Path, p.ID, p.Digest)
			}
			equal(t, fmt.Sprintf("payload %d of %s", i, d.Path), p.Payload, d.Points[i].Payload)
			if t.Failed() {
				return
			}
		}
	}
	for _, words := range [][]string{{"apple"}, {"pear", "plum", "apple", "apple"}, {"common", "alpha", "only7"}, {"w1", "w3", "w29999"}, {"nowhere"}} {
		q := store.Query{Leg: store.LegSparse, Sparse: question(words...), Limit: 50}
		e.sameHits(fmt.Sprint("sparse ", words), e.search(s, q), ref.rank(q), q.Limit, e.sparseTolerance())
	}
	if ref.model == Model {
		q := store.Query{Leg: store.LegDense, Dense: vectorOf("any question"), Limit: 1 << 20}
		hits := e.search(s, q)
		e.sameHits("dense", hits, ref.rank(q), q.Limit, denseTolerance)
		e.sameDetails(s, ref, hits)
	}
}

func (e *env) sameDetails(s store.Store, ref *reference, hits []store.Hit) {
	e.t.Helper()
	got, err := s.Details(e.t.Context(), hits)
	if err != nil || len(got) != len(hits) {
		e.t.Fatalf("details: %d, %v; want %d", len(got), err, len(hits))
	}
	want := map[string][]byte{}
	ref.each(func(p *store.Point) { want[p.ID] = p.Detail })
	for i := range hits {
		if !bytes.Equal(got[i], want[hits[i].ID]) {
			e.t.Errorf("detail of %s: %d bytes, want %d", hits[i].ID, len(got[i]), len(want[hits[i].ID]))
			return
		}
	}
}

func (e *env) sparseTolerance() float64 {
	if e.h.LaggingIDF {
		return 0.5
	}
	return sparseTolerance
}

// embed gives every pending point the vector of its digest.
func (r *reference) embed() {
	r.each(func(p *store.Point) {
		if p.Dense == nil {
			p.Dense, p.Detail = vectorOf(p.Digest), detailOf(p.Digest)
		}
	})
}

func testSearchNothing(t *testing.T, e *env) {
	s := e.open()
	check := func(what string, q store.Query) {
		t.Helper()
		if hits := e.search(s, q); len(hits) != 0 {
			t.Errorf("%s: %d hits", what, len(hits))
		}
	}
	check("sparse on an empty collection", store.Query{Leg: store.LegSparse, Sparse: question("apple"), Limit: 5})
	check("dense on an empty collection", store.Query{Leg: store.LegDense, Dense: vectorOf("x"), Limit: 5})
	e.put(s, e.document("a.md", "1", "apple"))
	check("unknown word", store.Query{Leg: store.LegSparse, Sparse: question("pear"), Limit: 5})
	check("nothing embedded", store.Query{Leg: store.LegDense, Dense: vectorOf("x"), Limit: 5})
	idf, err := s.IDF(t.Context(), nil)
	if err != nil || len(idf) != 0 {
		t.Errorf("IDF of nothing: %v, %v", idf, err)
	}
}

func testSearchEmpty(t *testing.T, e *env) {
	s := e.open()
	e.put(s, e.document("a.md", "1", "apple"))
	e.embed(s)
	for name, q := range map[string]store.Query{
		"empty sparse query": {Leg: store.LegSparse, Limit: 5},
		"empty dense query":  {Leg: store.LegDense, Limit: 5},
		"sparse limit 0":     {Leg: store.LegSparse, Sparse: question("apple")},
		"dense limit 0":      {Leg: store.LegDense, Dense: vectorOf("x")},
		"negative limit":     {Leg: store.LegSparse, Sparse: question("apple"), Limit: -1},
		"other leg's vector": {Leg: store.LegSparse, Dense: vectorOf("x"), Limit: 5},
	} {
		if hits := e.search(s, q); len(hits) != 0 {
			t.Errorf("%s: %d hits", name, len(hits))
		}
	}
	if _, err := s.Search(t.Context(), store.Query{Leg: "third", Sparse: question("apple"), Limit: 5}); err == nil {
		t.Error("unknown leg: no error")
	}
	if p := e.pending(s, 0); len(p) != 0 {
		t.Errorf("pending with limit 0: %d points", len(p))
	}
}

// testSparse checks the formula on numbers that can be followed by hand.
func testSparse(t *testing.T, e *env) {
	s := e.open()
	d := e.document("a.md", "1", "first", "second", "third")
	d.Points[0].Sparse = store.SparseVector{Indices: []uint32{0, 7, 1<<32 - 1}, Values: []float32{1.5, 0.25, 2}}
	d.Points[1].Sparse = store.SparseVector{Indices: []uint32{7}, Values: []float32{1}}
	d.Points[2].Sparse = store.SparseVector{}
	e.put(s, d)
	hits := e.search(s, store.Query{Leg: store.LegSparse, Sparse: store.SparseVector{Indices: []uint32{0, 5, 7, 1<<32 - 1}, Values: []float32{2, 9, 1, 0.5}}, Limit: 9})
	want := []float64{2*1.5*store.IDF(3, 1) + 0.25*store.IDF(3, 2) + 0.5*2*store.IDF(3, 1), store.IDF(3, 2)}
	if len(hits) != 2 || hits[0].ID != d.Points[0].ID || hits[1].ID != d.Points[1].ID ||
		!near(hits[0].Score, want[0], sparseTolerance) || !near(hits[1].Score, want[1], sparseTolerance) {
		t.Errorf("hits %+v, want scores %v", hits, want)
	}
}

func testIDF(t *testing.T, e *env) {
	s := e.open()
	ref := newReference()
	words := []string{"apple", "pear", "plum", "nowhere"}
	check := func(what string) {
		t.Helper()
		var indices []uint32
		var want []float64
		for _, w := range words {
			indices = append(indices, term(w))
			want = append(want, ref.idf(term(w)))
		}
		got, err := s.IDF(t.Context(), indices)
		if err != nil || len(got) != len(want) {
			t.Fatalf("%s: IDF: %v, %v", what, got, err)
		}
		if e.h.LaggingIDF {
			return
		}
		for i := range got {
			if !near(got[i], want[i], 1e-6) {
				t.Errorf("%s: IDF of %s is %v, want %v", what, words[i], got[i], want[i])
			}
		}
		q := store.Query{Leg: store.LegSparse, Sparse: question(words...), Limit: 100}
		e.sameHits(what, e.search(s, q), ref.rank(q), q.Limit, sparseTolerance)
	}
	put := func(d store.Document) {
		e.put(s, d)
		ref.put(d)
	}
	check("empty")
	for i := range 12 {
		put(e.document(fmt.Sprint(i, ".md"), "1", "apple pear", "apple", fmt.Sprint("plum ", i)))
	}
	check("put")
	put(e.document("3.md", "2", "pear"))
	put(e.document("4.md", "2", "nothing here"))
	check("replace")
	f := store.Filter{Paths: []string{"5.md", "6.md", "7.md"}}
	if _, err := s.Remove(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	ref.remove(f)
	check("remove")
	e.close(s)
	s = e.open()
	check("reopen")
}

func testDense(t *testing.T, e *env) {
	s := e.open()
	ref := newReference()
	var docs []store.Document
	for i := range 30 {
		d := e.document(fmt.Sprint(i, ".md"), "1", fmt.Sprint("text ", i), fmt.Sprint("more ", i))
		if i%3 > 0 {
			d.Points[0].Dense, d.Points[0].Detail = vectorOf(d.Points[0].Digest), detailOf(d.Points[0].Digest)
		}
		docs = append(docs, d)
	}
	e.put(s, docs...)
	ref.put(docs...)
	// Points without a vector are not found; those that point away are.
	e.sameAsReference(s, ref)
	for i := range 10 {
		q := store.Query{Leg: store.LegDense, Dense: vectorOf(fmt.Sprint("question ", i)), Limit: 5}
		e.sameHits(fmt.Sprint("question ", i), e.search(s, q), ref.rank(q), q.Limit, denseTolerance)
	}
	// Length does not matter.
	q := store.Query{Leg: store.LegDense, Dense: slices.Clone(docs[1].Points[0].Dense), Limit: 1}
	for i := range q.Dense {
		q.Dense[i] *= 1000
	}
	hits := e.search(s, q)
	if len(hits) != 1 || hits[0].ID != docs[1].Points[0].ID || !near(hits[0].Score, 1, denseTolerance) {
		t.Errorf("a point's own vector finds %+v", hits)
	}
}

// testTies puts many equal texts: the limit must cut in order of ID.
func testTies(t *testing.T, e *env) {
	s := e.open()
	ref := newReference()
	var docs []store.Document
	for i := range 60 {
		docs = append(docs, e.document(fmt.Sprint(i, ".md"), "1", "apple pear", "apple pear", "apple"))
	}
	for i := 0; i < len(docs); i += 20 {
		e.put(s, docs[i:i+20]...)
		ref.put(docs[i : i+20]...)
		e.embed(s)
		ref.embed()
	}
	for _, limit := range []int{1, 7, 100, 119, 120, 121, 1000} {
		q := store.Query{Leg: store.LegSparse, Sparse: question("apple", "pear"), Limit: limit}
		e.sameHits(fmt.Sprint("sparse ", limit), e.search(s, q), ref.rank(q), limit, sparseTolerance)
		q = store.Query{Leg: store.LegDense, Dense: vectorOf("x"), Limit: limit}
		e.sameHits(fmt.Sprint("dense ", limit), e.search(s, q), ref.rank(q), limit, denseTolerance)
	}
}

func testHitPayload(t *testing.T, e *env) {
	s := e.open()
	d := rich(e)
	e.put(s, e.document("a.md", "1", "one"), d)
	e.embed(s)
	for _, p := range d.Points {
		q := store.Query{Leg: store.LegDense, Dense: vectorOf(p.Digest), Limit: 1}
		for _, q := range []store.Query{q, {Leg: store.LegSparse, Sparse: p.Sparse, Limit: 1}} {
			hits := e.search(s, q)
			if len(hits) != 1 || hits[0].ID != p.ID {
				t.Fatalf("%s: %+v", q.Leg, hits)
			}
			equal(t, string(q.Leg), hits[0].Payload, p.Payload)
		}
	}
}

// testBare reads the payloads of bare hits, some of which are gone by then.
func testBare(t *testing.T, e *env) {
	s := e.open()
	removed, replaced := rich(e), e.document("replaced.md", "1", "common")
	e.put(s, append(varied(e, 20), removed, replaced)...)
	e.embed(s)
	for _, q := range []store.Query{
		{Leg: store.LegSparse, Sparse: question("common", "beta", "only5"), Limit: 1000},
		{Leg: store.LegDense, Dense: vectorOf("x"), Limit: 1000},
	} {
		whole := e.search(s, q)
		q.Bare = true
		bare := e.search(s, q)
		if len(bare) != len(whole) || len(bare) == 0 {
			t.Fatalf("%s: %d bare hits of %d", q.Leg, len(bare), len(whole))
		}
		for i, h := range bare {
			if h.ID != whole[i].ID || h.Score != whole[i].Score {
				t.Errorf("%s: bare hit %d is %s", q.Leg, i, h.ID)
			}
			equal(t, "bare payload", h.Payload, store.Payload{Language: whole[i].Payload.Language})
		}
		if err := s.Payloads(t.Context(), bare); err != nil {
			t.Fatal(err)
		}
		for i := range bare {
			equal(t, string(q.Leg), bare[i].Payload, whole[i].Payload)
		}
	}
	q := store.Query{Leg: store.LegDense, Dense: vectorOf("x"), Limit: 1000, Bare: true}
	bare, whole := e.search(s, q), e.search(s, store.Query{Leg: store.LegDense, Dense: q.Dense, Limit: 1000})
	if _, err := s.Remove(t.Context(), store.Filter{Documents: []string{removed.ID}}); err != nil {
		t.Fatal(err)
	}
	e.put(s, e.document(replaced.Path, "2", "common"))
	if err := s.Payloads(t.Context(), bare); err != nil {
		t.Fatal(err)
	}
	for i := range bare {
		want := whole[i].Payload
		if want.DocumentID == removed.ID || want.DocumentID == replaced.ID {
			want.DocumentID = ""
		}
		if bare[i].Payload.DocumentID != want.DocumentID {
			t.Errorf("hit %d is of document %q, want %q", i, bare[i].Payload.DocumentID, want.DocumentID)
		}
	}
	if err := s.Payloads(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

// testApart asks for the best of all and the best of some languages.
func testApart(t *testing.T, e *env) {
	s := e.open()
	ref := newReference()
	for round := range 3 {
		var docs []store.Document
		for i := range 40 {
			d := change(e.document(fmt.Sprint(i, ".md"), fmt.Sprint(round), fmt.Sprint("text ", i, round), fmt.Sprint("more ", i, round), fmt.Sprint("rest ", i)), func(d *store.DocumentInfo) {
				d.Language = []string{"en", "en", "en", "zh", "de", ""}[i*i%6]
			})
			docs = append(docs, d)
		}
		docs = docs[:40-15*round]
		e.put(s, docs...)
		ref.put(docs...)
		e.embed(s)
		ref.embed()
	}
	for _, limit := range []int{1, 5, 30, 1000} {
		for _, f := range []store.Filter{{}, {Languages: []string{"zh", "de"}}, {Paths: []string{"1*.md"}}} {
			q := store.Query{Leg: store.LegDense, Dense: vectorOf("x"), Filter: f, Limit: limit, Apart: []string{"zh", "en", "fr"}}
			count := map[string]int{}
			var want []store.Hit
			for i, h := range ref.rank(q) {
				l := h.Payload.Language
				count[l]++
				if i < limit || slices.Contains(q.Apart, l) && count[l] <= limit {
					want = append(want, h)
				}
			}
			e.sameHits(fmt.Sprint("apart ", limit, f), e.search(s, q), want, len(want), denseTolerance)
		}
	}
}

func testFilterBeforeLimit(t *testing.T, e *env) {
	s := e.open()
	ref := newReference()
	docs := varied(e, 60)
	e.put(s, docs...)
	ref.put(docs...)
	e.embed(s)
	ref.embed()
	for name, f := range variedFilters(docs) {
		for _, limit := range []int{1, 4, 1000} {
			q := store.Query{Leg: store.LegSparse, Sparse: question("common", "beta", "only5"), Filter: f, Limit: limit}
			e.sameHits("sparse "+name, e.search(s, q), ref.rank(q), limit, sparseTolerance)
			q = store.Query{Leg: store.LegDense, Dense: vectorOf("x"), Filter: f, Limit: limit}
			e.sameHits("dense "+name, e.search(s, q), ref.rank(q), limit, denseTolerance)
		}
	}
	// Statuses are no condition on points.
	q := store.Query{Leg: store.LegSparse, Sparse: question("common"), Filter: store.Filter{Statuses: []store.Status{store.StatusFailed}}, Limit: 10}
	e.sameHits("statuses", e.search(s, q), ref.rank(q), q.Limit, sparseTolerance)
}

// testGenerated compares rankings of a collection of thousands of points.
func testGenerated(t *testing.T, e *env) {
	n := e.h.Points
	if n == 0 {
		n = 10_000
	}
	s := e.open()
	ref := newReference()
	r := rand.New(rand.NewPCG(1, 2))
	words := vocabulary(5000)
	generate := func(i int, version string) store.Document {
		texts := make([]string, 1+r.IntN(19))
		for j := range texts {
			texts[j] = passage(r, words, 10+r.IntN(50))
		}
		return change(e.document(fmt.Sprintf("%d/%d.md", i%10, i), version, texts...), func(d *store.DocumentInfo) {
			d.Language = []string{"en", "zh"}[i%2]
			d.Labels = map[string]string{"n": fmt.Sprint(i % 100)}
			d.Date = epoch.Add(time.Duration(i) * time.Hour)
		})
	}
	var batch []store.Document
	flush := func() {
		e.put(s, batch...)
		ref.put(batch...)
		e.embed(s)
		ref.embed()
		batch = nil
	}
	documents := 0
	for points := 0; points < n; documents++ {
		d := generate(documents, "1")
		points += len(d.Points)
		batch = append(batch, d)
		if len(batch) == 200 {
			flush()
		}
	}
	flush()
	for i := 0; i < documents; i += 7 {
		batch = append(batch, generate(i, "2"))
	}
	flush()
	f := store.Filter{Paths: []string{"3"}}
	if _, err := s.Remove(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	ref.remove(f)

	filters := []store.Filter{{}, {}, {}, {Languages: []string{"zh"}}, {Labels: map[string]string{"n": "17"}}, {Paths: []string{"4", "5/*.md"}}, {After: epoch.Add(24 * time.Hour), Before: epoch.Add(72 * time.Hour)}}
	found, wanted := 0, 0
	for i := range 42 {
		var question store.SparseVector
		for range 1 + r.IntN(12) {
			question.Indices = append(question.Indices, term(words[zipf(r, len(words))]))
			question.Values = append(question.Values, 1)
		}
		question.Sort()
		q := store.Query{Leg: store.LegSparse, Sparse: question, Filter: filters[i%len(filters)], Limit: []int{1, 10, 100}[i%3]}
		e.sameHits(fmt.Sprint("sparse question ", i), e.search(s, q), ref.rank(q), q.Limit, e.sparseTolerance())
		q = store.Query{Leg: store.LegDense, Dense: vectorOf(fmt.Sprint("question ", i)), Filter: q.Filter, Limit: q.Limit}
		got, all := e.search(s, q), ref.rank(q)
		if !e.h.LooseDense {
			e.sameHits(fmt.Sprint("dense question ", i), got, all, q.Limit, denseTolerance)
			continue
		}
		best := all[:min(q.Limit, len(all))]
		wanted += len(best)
		for _, h := range got {
			if slices.ContainsFunc(best, func(b store.Hit) bool { return b.ID == h.ID }) {
				found++
			}
		}
	}
	if found*100 < wanted*98 {
		t.Errorf("dense leg finds %d of %d", found, wanted)
	}
}
