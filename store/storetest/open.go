package storetest

import (
	"context"
	"errors"
	"testing"

	"github.com/lore-kb/lore/store"
)

func testUnknownCollection(t *testing.T, e *env) {
	for _, o := range []OpenOptions{{Collection: "nowhere"}, {Collection: "nowhere", ReadOnly: true}, {Collection: "nowhere", Model: Model, ReadOnly: true}} {
		s, err := e.h.Open(t.Context(), o)
		if err == nil {
			_ = s.Close()
		}
		if !errors.Is(err, store.ErrNoCollection) {
			t.Errorf("open %+v: error %v, want ErrNoCollection", o, err)
		}
	}
}

func testReopen(t *testing.T, e *env) {
	ref := newReference()
	s := e.open()
	docs := []store.Document{
		e.document("a.md", "1", "apple pear", "apple plum"),
		e.document("b.md", "1", "pear plum"),
		e.document("c.md", "1", "gone soon"),
	}
	e.put(s, docs...)
	ref.put(docs...)
	f := store.Filter{Paths: []string{"c.md"}}
	if n, err := s.Remove(t.Context(), f); n != 1 || err != nil {
		t.Fatalf("remove: %d, %v", n, err)
	}
	ref.remove(f)
	v := store.PointVector{ID: docs[0].Points[0].ID, Digest: docs[0].Points[0].Digest, Vector: vectorOf("x"), Detail: detailOf("x")}
	if err := s.SetVectors(t.Context(), []store.PointVector{v}); err != nil {
		t.Fatal(err)
	}
	ref.setVectors(v)
	e.close(s)
	for _, o := range []OpenOptions{
		{Collection: e.collection, Model: Model},
		{Collection: e.collection, Model: Model, Create: true},
		{Collection: e.collection, Model: Model, ReadOnly: true},
	} {
		s := e.openWith(o)
		e.sameAsReference(s, ref)
		e.close(s)
	}
}

func testCollections(t *testing.T, e *env) {
	a := e.openWith(OpenOptions{Collection: "one", Model: Model, Create: true})
	e.put(a, e.document("a.md", "1", "apple"))
	e.close(a)
	b := e.openWith(OpenOptions{Collection: "two", Model: Model, Create: true})
	if st := e.stats(b); st.Documents != 0 || st.Collection != "two" {
		t.Errorf("a fresh collection has %+v", st)
	}
	e.put(b, e.document("b.md", "1", "pear"))
	if n, err := b.Remove(t.Context(), store.Filter{All: true}); n != 1 || err != nil {
		t.Errorf("remove all: %d, %v", n, err)
	}
	e.close(b)
	a = e.openWith(OpenOptions{Collection: "one", ReadOnly: true})
	if got := e.documents(a, store.Filter{}); len(got) != 1 || got[0].Path != "a.md" {
		t.Errorf("the other collection now lists %+v", got)
	}
}

func testModelMismatch(t *testing.T, e *env) {
	s := e.open()
	d := e.document("a.md", "1", "apple")
	e.put(s, d)
	e.embed(s)
	e.close(s)
	for _, want := range []store.Model{{Fingerprint: "other/20", Dimension: 20}, {Fingerprint: Model.Fingerprint, Dimension: 21}} {
		for _, readOnly := range []bool{false, true} {
			s, err := e.h.Open(t.Context(), OpenOptions{Collection: e.collection, Model: want, Create: !readOnly, ReadOnly: readOnly})
			if err == nil {
				_ = s.Close()
			}
			var mismatch *store.ModelMismatchError
			if !errors.As(err, &mismatch) {
				t.Fatalf("open with %+v: error %v, want ModelMismatchError", want, err)
			}
			equal(t, "mismatch", *mismatch, store.ModelMismatchError{Collection: e.collection, Stored: Model, Want: want})
		}
	}
	if st := e.stats(e.open()); st.Embedded != 1 {
		t.Errorf("after refused opens %d points are embedded, want 1", st.Embedded)
	}
}

// testNoModel works on a collection without a model and brings one later.
func testNoModel(t *testing.T, e *env) {
	ref := newReference()
	ref.model = store.Model{}
	s := e.openWith(OpenOptions{Collection: e.collection, Create: true})
	d := e.document("a.md", "1", "apple pear", "plum")
	e.put(s, d)
	ref.put(d)
	e.sameAsReference(s, ref)
	if p := e.pending(s, 10); len(p) != 0 {
		t.Errorf("%d points pend without a model, want none", len(p))
	}
	err := s.SetVectors(t.Context(), []store.PointVector{{ID: d.Points[0].ID, Digest: d.Points[0].Digest, Vector: vectorOf("x"), Detail: detailOf("x")}})
	if !errors.Is(err, store.ErrDimension) {
		t.Errorf("set vectors without a model: error %v, want ErrDimension", err)
	}
	e.close(s)

	// A reader that brings a model finds none in the collection yet.
	s = e.openWith(OpenOptions{Collection: e.collection, Model: Model, ReadOnly: true})
	if hits := e.search(s, store.Query{Leg: store.LegDense, Dense: vectorOf("x"), Limit: 5}); len(hits) != 0 {
		t.Errorf("%d hits on the dense leg of a collection without vectors", len(hits))
	}
	e.close(s)

	ref.model = Model
	s = e.open()
	e.sameAsReference(s, ref)
	e.embed(s)
	ref.embed()
	e.sameAsReference(s, ref)
	e.close(s)

	// Without a model again, vectors stay, and a rename keeps them.
	s = e.openWith(OpenOptions{Collection: e.collection})
	b := e.document("b.md", "1", "apple pear", "plum", "new")
	e.put(s, b)
	ref.put(b)
	f := store.Filter{Documents: []string{d.ID}}
	if _, err := s.Remove(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	ref.remove(f)
	if p := e.pending(s, 10); len(p) != 0 {
		t.Errorf("%d points pend without a model, want none", len(p))
	}
	e.close(s)
	e.sameAsReference(e.open(), ref)
}

func testReadOnly(t *testing.T, e *env) {
	s := e.open()
	d := e.document("a.md", "1", "apple")
	e.put(s, d)
	e.close(s)
	ref := newReference()
	ref.put(d)
	s = e.openWith(OpenOptions{Collection: e.collection, Model: Model, ReadOnly: true})
	ctx := t.Context()
	for name, err := range map[string]error{
		"Put":         s.Put(ctx, []store.Document{e.document("b.md", "1", "pear")}),
		"Mark":        s.Mark(ctx, []string{d.ID}, store.StatusStale, "x"),
		"Remove":      func() error { _, err := s.Remove(ctx, store.Filter{All: true}); return err }(),
		"SetVectors":  s.SetVectors(ctx, []store.PointVector{{ID: d.Points[0].ID, Digest: d.Points[0].Digest, Vector: vectorOf("x"), Detail: detailOf("x")}}),
		"SetSettings": s.SetSettings(ctx, store.Settings{}),
	} {
		if !errors.Is(err, store.ErrReadOnly) {
			t.Errorf("%s: error %v, want ErrReadOnly", name, err)
		}
	}
	e.sameAsReference(s, ref)
}

// testReaderFollows checks that a second handle sees what the first has done as
// soon as its call has returned.
func testReaderFollows(t *testing.T, e *env) {
	ref := newReference()
	w := e.open()
	r := e.openWith(OpenOptions{Collection: e.collection, Model: Model, ReadOnly: true})
	e.sameAsReference(r, ref)
	for _, d := range []store.Document{
		e.document("a.md", "1", "apple pear", "plum"), e.document("b.md", "1", "apple"),
		e.document("a.md", "2", "apple cherry"), e.document("c.md", "1", "cherry"),
	} {
		e.put(w, d)
		ref.put(d)
		e.sameAsReference(r, ref)
	}
	e.embed(w)
	ref.embed()
	e.sameAsReference(r, ref)
	f := store.Filter{Paths: []string{"b.md"}}
	if _, err := w.Remove(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	ref.remove(f)
	e.sameAsReference(r, ref)
}

// calls runs every method with ctx and returns its errors.
func calls(ctx context.Context, s store.Store, d store.Document) map[string]error {
	errs := map[string]error{}
	errs["Put"] = s.Put(ctx, []store.Document{d})
	errs["Mark"] = s.Mark(ctx, []string{d.ID}, store.StatusStale, "x")
	_, errs["Remove"] = s.Remove(ctx, store.Filter{All: true})
	errs["Documents"] = nil
	for _, err := range s.Documents(ctx, store.Filter{}) {
		errs["Documents"] = err
	}
	_, errs["Text"] = s.Text(ctx, d.ID)
	_, errs["Excerpt"] = s.Excerpt(ctx, d.ID, 0, 1)
	_, errs["Points"] = s.Points(ctx, d.ID, 0, 9)
	_, errs["Search"] = s.Search(ctx, store.Query{Leg: store.LegSparse, Sparse: question("apple"), Limit: 5})
	_, errs["SearchDense"] = s.Search(ctx, store.Query{Leg: store.LegDense, Dense: vectorOf("x"), Limit: 5})
	_, errs["IDF"] = s.IDF(ctx, []uint32{1})
	_, errs["Pending"] = s.Pending(ctx, 5)
	errs["SetVectors"] = s.SetVectors(ctx, []store.PointVector{{ID: d.Points[0].ID, Digest: d.Points[0].Digest, Vector: vectorOf("x"), Detail: detailOf("x")}})
	_, errs["Settings"] = s.Settings(ctx)
	errs["SetSettings"] = s.SetSettings(ctx, store.Settings{Roots: []store.Root{{ID: "x"}}})
	_, errs["Stats"] = s.Stats(ctx)
	return errs
}

func testClosed(t *testing.T, e *env) {
	s := e.open()
	d := e.document("a.md", "1", "apple")
	e.put(s, d)
	e.close(s)
	for name, err := range calls(t.Context(), s, d) {
		if err == nil {
			t.Errorf("%s on a closed store: no error", name)
		}
	}
}

func testCancelled(t *testing.T, e *env) {
	ref := newReference()
	s := e.open()
	a := e.document("a.md", "1", "apple")
	e.put(s, a)
	ref.put(a)
	changed := e.document("a.md", "2", "pear")
	for name, err := range calls(cancelled(t), s, changed) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v, want context.Canceled", name, err)
		}
	}
	e.sameAsReference(s, ref)
}
