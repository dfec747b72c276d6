package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/lore-kb/lore/store"
)

func testPending(t *testing.T, e *env) {
	s := e.open()
	ref := newReference()
	for i, days := range []int{3, 1, 9, 1, 5, 3} {
		d := change(e.document(fmt.Sprint(i, ".md"), "1", fmt.Sprint("one ", i), fmt.Sprint("two ", i), fmt.Sprint("three ", i)), func(d *store.DocumentInfo) {
			d.Date = epoch.AddDate(0, 0, days)
		})
		if i == 2 {
			d.Points[1].Dense, d.Points[1].Detail = vectorOf(d.Points[1].Digest), detailOf(d.Points[1].Digest)
		}
		e.put(s, d)
		ref.put(d)
	}
	e.sameAsReference(s, ref)
	for _, limit := range []int{1, 2, 3, 7} {
		got, want := e.pending(s, limit), ref.pending()[:limit]
		if len(got) != limit {
			t.Fatalf("pending %d: %d points", limit, len(got))
		}
		for i := range got {
			if got[i].ID != want[i].ID || got[i].Digest != want[i].Digest {
				t.Errorf("pending %d: point %d is %s, want %s", limit, i, got[i].ID, want[i].ID)
			}
			equal(t, "payload", got[i].Payload, want[i].Payload)
		}
	}
	// Working in small steps comes to an end.
	for range 100 {
		got := e.pending(s, 2)
		if len(got) == 0 {
			break
		}
		for _, p := range got {
			v := store.PointVector{ID: p.ID, Digest: p.Digest, Vector: vectorOf(p.Digest), Detail: detailOf(p.Digest)}
			if err := s.SetVectors(t.Context(), []store.PointVector{v}); err != nil {
				t.Fatal(err)
			}
			ref.setVectors(v)
		}
	}
	e.sameAsReference(s, ref)
	if st := e.stats(s); st.Embedded != 18 {
		t.Errorf("%d points are embedded, want 18", st.Embedded)
	}
}

func testSetVectors(t *testing.T, e *env) {
	s := e.open()
	ref := newReference()
	d := e.document("a.md", "1", "one", "two", "three", "two")
	e.put(s, d)
	ref.put(d)
	set := func(vectors ...store.PointVector) {
		t.Helper()
		if err := s.SetVectors(t.Context(), vectors); err != nil {
			t.Fatal(err)
		}
		ref.setVectors(vectors...)
		e.sameAsReference(s, ref)
	}
	vector := func(i int, seed string) store.PointVector {
		return store.PointVector{ID: d.Points[i].ID, Digest: d.Points[i].Digest, Vector: vectorOf(seed), Detail: detailOf(seed)}
	}
	set()
	set(vector(1, "x"))
	set(vector(0, "y"), vector(2, "z"))
	set(vector(1, "another"))
	set(vector(1, "another"), vector(0, "y"))
	set(vector(3, "x"))
}

func testSetVectorsSkips(t *testing.T, e *env) {
	s := e.open()
	ref := newReference()
	a, b := e.document("a.md", "1", "one", "two"), e.document("b.md", "1", "three")
	e.put(s, a, b)
	// a is replaced, b removed, and a third point's text has changed meanwhile.
	next := e.document("a.md", "2", "two", "four")
	e.put(s, next)
	ref.put(next)
	if _, err := s.Remove(t.Context(), store.Filter{Documents: []string{b.ID}}); err != nil {
		t.Fatal(err)
	}
	vectors := []store.PointVector{
		{ID: a.Points[0].ID, Digest: a.Points[0].Digest, Vector: vectorOf("x"), Detail: detailOf("x")},
		{ID: b.Points[0].ID, Digest: b.Points[0].Digest, Vector: vectorOf("x"), Detail: detailOf("x")},
		{ID: next.Points[0].ID, Digest: store.Digest("older text"), Vector: vectorOf("x"), Detail: detailOf("x")},
		{ID: store.PointID("no", "body", 1), Digest: store.Digest("x"), Vector: vectorOf("x"), Detail: detailOf("x")},
		{ID: next.Points[1].ID, Digest: next.Points[1].Digest, Vector: vectorOf("x"), Detail: detailOf("x")},
	}
	if err := s.SetVectors(t.Context(), vectors); err != nil {
		t.Fatal(err)
	}
	ref.setVectors(vectors...)
	e.sameAsReference(s, ref)
	if st := e.stats(s); st.Embedded != 1 {
		t.Errorf("%d points are embedded, want 1", st.Embedded)
	}
}

func testDimension(t *testing.T, e *env) {
	s := e.open()
	ref := newReference()
	d := e.document("a.md", "1", "one", "two")
	e.put(s, d)
	ref.put(d)
	for _, length := range []int{0, 1, Model.Dimension - 1, Model.Dimension + 1} {
		err := s.SetVectors(t.Context(), []store.PointVector{
			{ID: d.Points[0].ID, Digest: d.Points[0].Digest, Vector: vectorOf("x"), Detail: detailOf("x")},
			{ID: d.Points[1].ID, Digest: d.Points[1].Digest, Vector: make(store.Vector, length)},
		})
		if !errors.Is(err, store.ErrDimension) {
			t.Errorf("vector of length %d: error %v, want ErrDimension", length, err)
		}
	}
	bad := e.document("b.md", "1", "three")
	bad.Points[0].Dense = make(store.Vector, 3)
	if err := s.Put(t.Context(), []store.Document{bad}); !errors.Is(err, store.ErrDimension) {
		t.Errorf("put a vector of length 3: error %v, want ErrDimension", err)
	}
	if _, err := s.Search(t.Context(), store.Query{Leg: store.LegDense, Dense: make(store.Vector, 3), Limit: 5}); !errors.Is(err, store.ErrDimension) {
		t.Errorf("search with a vector of length 3: error %v, want ErrDimension", err)
	}
	e.sameAsReference(s, ref)
}

// testShared checks that equal texts are embedded once.
func testShared(t *testing.T, e *env) {
	s := e.open()
	ref := newReference()
	put := func(d store.Document, embedded int) {
		t.Helper()
		e.put(s, d)
		ref.put(d)
		e.sameAsReference(s, ref)
		if got := e.documents(s, store.Filter{Documents: []string{d.ID}}); len(got) != 1 || got[0].Embedded != embedded {
			t.Errorf("%s version %s: %+v, want %d points with vectors", d.Path, d.Version, got, embedded)
		}
	}
	a := e.document("a.md", "1", "one", "two")
	put(a, 0)
	e.embed(s)
	ref.embed()
	put(e.document("copy.md", "1", "zero", "two"), 1)
	// A new version of the same document keeps what did not change.
	put(e.document("a.md", "2", "new", "one", "two"), 2)
	// A rename costs no embedding.
	e.embed(s)
	ref.embed()
	put(e.document("b.md", "1", "new", "one", "two"), 3)
	f := store.Filter{Documents: []string{a.ID}}
	if _, err := s.Remove(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	ref.remove(f)
	e.sameAsReference(s, ref)
	e.close(s)
	s = e.open()
	// The first write of a process replaces a document.
	put(e.document("b.md", "2", "new", "two", "one", "more"), 3)
	put(e.document("c.md", "1", "new", "one", "unknown"), 2)
	// A vector that comes along is kept even if the digest is known.
	own := e.document("d.md", "1", "five")
	own.Points[0].Dense, own.Points[0].Detail = vectorOf("its own"), []byte("its own")
	put(own, 1)
	// A vector without detail ends that of the one before.
	v := store.PointVector{ID: own.Points[0].ID, Digest: own.Points[0].Digest, Vector: vectorOf("another")}
	if err := s.SetVectors(t.Context(), []store.PointVector{v}); err != nil {
		t.Fatal(err)
	}
	ref.setVectors(v)
	e.sameAsReference(s, ref)
}

// testDetails checks what SetVectors refuses and what Details says of points that
// are gone.
func testDetails(t *testing.T, e *env) {
	s := e.open()
	ref := newReference()
	d := e.document("a.md", "1", "one", "two", "three")
	e.put(s, d)
	ref.put(d)
	vector := func(i, detail int) store.PointVector {
		return store.PointVector{ID: d.Points[i].ID, Digest: d.Points[i].Digest, Vector: vectorOf("x"), Detail: make([]byte, detail)}
	}
	if err := s.SetVectors(t.Context(), []store.PointVector{vector(0, 10), vector(1, store.MaxDetail+1)}); err == nil {
		t.Error("too long a detail was taken")
	}
	e.sameAsReference(s, ref)
	long := []store.PointVector{vector(0, store.MaxDetail), vector(1, 1), vector(2, 0)}
	if err := s.SetVectors(t.Context(), long); err != nil {
		t.Fatal(err)
	}
	ref.setVectors(long...)
	e.sameAsReference(s, ref)

	q := store.Query{Leg: store.LegDense, Dense: vectorOf("any question"), Limit: 10, Bare: true}
	hits := e.search(s, q)
	if got, err := s.Details(t.Context(), nil); err != nil || len(got) != 0 {
		t.Errorf("details of no hits: %v, %v", got, err)
	}
	if _, err := s.Remove(t.Context(), store.Filter{Documents: []string{d.ID}}); err != nil {
		t.Fatal(err)
	}
	got, err := s.Details(t.Context(), hits)
	if err != nil || len(got) != len(hits) {
		t.Fatalf("details of removed points: %v, %v", got, err)
	}
	for i := range got {
		if got[i] != nil {
			t.Errorf("a removed point has a detail of %d bytes", len(got[i]))
		}
	}
	if _, err := s.Details(cancelled(t), hits); !errors.Is(err, context.Canceled) {
		t.Errorf("details after cancelling: %v", err)
	}
}
