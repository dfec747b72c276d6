package qdrantstore_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/lore-kb/lore/store"
	"github.com/lore-kb/lore/store/qdrantstore"
	"github.com/lore-kb/lore/store/qdrantstore/qdranttest"
	"github.com/lore-kb/lore/store/storetest"
)

// other is the model that tests switch to.
var other = store.Model{Fingerprint: "other/3", Dimension: 3}

// embedder is what has points that wait for vectors: a store or a switch.
type embedder interface {
	Pending(ctx context.Context, limit int) ([]store.Point, error)
	SetVectors(ctx context.Context, vectors []store.PointVector) error
}

// embed gives every waiting point a vector.
func embed(ctx context.Context, s embedder, dimension int) error {
	for {
		pending, err := s.Pending(ctx, 5)
		if err != nil || len(pending) == 0 {
			return err
		}
		var vectors []store.PointVector
		for _, p := range pending {
			vectors = append(vectors, store.PointVector{ID: p.ID, Digest: p.Digest, Vector: vector(p.Digest)[:dimension]})
		}
		if err := s.SetVectors(ctx, vectors); err != nil {
			return err
		}
	}
}

func stats(t *testing.T, s store.Store) store.Stats {
	t.Helper()
	st, err := s.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func TestSwitch(t *testing.T) {
	server := qdranttest.Start(t)
	o := options(server)
	s := open(t, o)
	put(t, s, document("a", "1", texts("a", "1", 6)...), document("b", "1", texts("b", "1", 3)...))
	if err := embed(t.Context(), s, storetest.Model.Dimension); err != nil {
		t.Fatal(err)
	}
	w, err := s.BeginSwitch(t.Context(), other)
	if err != nil {
		t.Fatal(err)
	}
	if err := embed(t.Context(), w, other.Dimension); err != nil {
		t.Fatal(err)
	}
	// The old set goes on answering and changing.
	put(t, s, document("a", "2", texts("a", "2", 4)...), document("c", "1", texts("c", "1", 2)...))
	if _, err := s.Remove(t.Context(), store.Filter{Paths: []string{"b"}}); err != nil {
		t.Fatal(err)
	}
	if err := embed(t.Context(), s, storetest.Model.Dimension); err != nil {
		t.Fatal(err)
	}
	dense := store.Query{Leg: store.LegDense, Dense: vector("q"), Limit: 20}
	if hits, err := s.Search(t.Context(), dense); err != nil || len(hits) != 6 {
		t.Fatalf("while switching: %d hits, %v", len(hits), err)
	}
	if _, err := s.BeginSwitch(t.Context(), store.Model{Fingerprint: "third", Dimension: 5}); err == nil {
		t.Error("a second switch begins beside the first")
	}
	if st, err := s.Switching(t.Context()); err != nil || st != (store.SwitchStatus{Current: storetest.Model, Next: other, Points: 9, Embedded: 9}) {
		t.Errorf("status %+v, %v", st, err)
	}
	if w, err = s.BeginSwitch(t.Context(), other); err != nil { // as another process would
		t.Fatal(err)
	}
	if err := embed(t.Context(), w, other.Dimension); err != nil {
		t.Fatal(err)
	}
	reader := open(t, o)
	if err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := slices.Concat(texts("a", "2", 4), texts("c", "1", 2))
	for _, s := range []store.Store{s, reader} {
		var mismatch *store.ModelMismatchError
		if _, err := s.Search(t.Context(), dense); !errors.As(err, &mismatch) {
			t.Errorf("a handle of the old model searches: %v", err)
		}
		if err := s.Put(t.Context(), []store.Document{document("x", "1", "text")}); !errors.As(err, &mismatch) {
			t.Errorf("a handle of the old model writes: %v", err)
		}
		if got := found(t, s, "common", 20); !slices.Equal(got, want) {
			t.Errorf("after the switch: found %q", got)
		}
	}
	o.Model = other
	next := open(t, o)
	if st := stats(t, next); st.Points != 6 || st.Embedded != 6 || st.Model != other {
		t.Errorf("after the switch: %+v", st)
	}
	put(t, next, document("d", "1", texts("d", "1", 2)...))
	if err := next.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.Model = storetest.Model
	back := open(t, o)
	if st := stats(t, back); st.Points != 8 || st.Embedded != 6 || st.Model != storetest.Model {
		t.Errorf("after going back: %+v", st)
	}
	if err := back.DropPrevious(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := back.Rollback(t.Context()); err == nil {
		t.Error("goes back to a model that was dropped")
	}
	if problems, err := back.Check(t.Context()); err != nil || len(problems) > 0 {
		t.Errorf("problems %v, %v", problems, err)
	}
	if n := server.Points("lore.handbook~points-2"); n != -1 {
		t.Errorf("the dropped set has %d points", n)
	}
}

func TestAbandonSwitch(t *testing.T) {
	server := qdranttest.Start(t)
	s := open(t, options(server))
	put(t, s, document("a", "1", texts("a", "1", 6)...))
	w, err := s.BeginSwitch(t.Context(), other)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Abandon(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(t.Context()); err == nil {
		t.Error("an abandoned switch is completed")
	}
	if st, err := s.Switching(t.Context()); err != nil || st != (store.SwitchStatus{Current: storetest.Model}) {
		t.Errorf("status %+v, %v", st, err)
	}
	put(t, s, document("b", "1", texts("b", "1", 2)...))
	if st := stats(t, s); st.Points != 8 || st.Model != storetest.Model {
		t.Errorf("stats %+v", st)
	}
}

// TestSwitchKilled breaks a switch off after each of its calls. The collection
// answers at any time with one of the two models, takes writes, and the switch
// can be run again to its end.
func TestSwitchKilled(t *testing.T) {
	run := func(s *qdrantstore.Store) error {
		w, err := s.BeginSwitch(context.Background(), other)
		if err != nil {
			return err
		}
		if err := embed(context.Background(), w, other.Dimension); err != nil {
			return err
		}
		return w.Commit(context.Background())
	}
	for calls := 0; ; calls++ {
		server := qdranttest.StartWith(t, qdranttest.Options{Memory: true})
		o := options(server)
		o.Dial, o.Attempts = server.Dial, 1
		s := open(t, o)
		put(t, s, document("a", "1", texts("a", "1", 6)...))
		if err := embed(t.Context(), s, storetest.Model.Dimension); err != nil {
			t.Fatal(err)
		}
		server.Inject(qdranttest.Fault{Skip: calls, Times: -1, Code: codes.Internal})
		completed := run(s)
		_ = s.Close()
		server.ClearFaults()

		o.Model = store.Model{}
		s = open(t, o)
		put(t, s, document("b", "1", texts("b", "1", 2)...))
		want := slices.Concat(texts("a", "1", 6), texts("b", "1", 2))
		if got := found(t, s, "common", 20); !slices.Equal(got, want) {
			t.Fatalf("after %d calls: found %q", calls, got)
		}
		st := stats(t, s)
		if st.Points != 8 || st.Embedded != 6 || st.Model != storetest.Model && st.Model != other {
			t.Fatalf("after %d calls: %+v", calls, st)
		}
		if st.Model == storetest.Model {
			if err := run(s); err != nil {
				t.Fatalf("after %d calls: again: %v", calls, err)
			}
		}
		o.Model = other
		if err := embed(t.Context(), open(t, o), other.Dimension); err != nil {
			t.Fatal(err)
		}
		if st := stats(t, s); st.Points != 8 || st.Embedded != 8 || st.Model != other {
			t.Fatalf("after %d calls, in the end: %+v", calls, st)
		}
		if problems, err := s.Check(t.Context()); err != nil || len(problems) > 0 {
			t.Fatalf("after %d calls: problems %v, %v", calls, problems, err)
		}
		server.Down()
		if completed == nil {
			return
		}
	}
}

// TestSwitchBesideWriter switches while another process writes: what it has
// written is in the new set, wherever it was when the sets changed places.
func TestSwitchBesideWriter(t *testing.T) {
	server := qdranttest.Start(t)
	o := options(server)
	s := open(t, o)
	o.Model = store.Model{}
	writer := open(t, o)
	stop, written := make(chan struct{}), make(chan error, 1)
	n := 0
	go func() {
		for ; ; n++ {
			select {
			case <-stop:
				written <- nil
				return
			default:
			}
			if err := writer.Put(context.Background(), []store.Document{document(fmt.Sprint("d", n%7), fmt.Sprint(n), "common")}); err != nil {
				written <- err
				return
			}
		}
	}()
	for i := range 4 {
		w, err := s.BeginSwitch(t.Context(), []store.Model{other, storetest.Model}[i%2])
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	if got, want := len(found(t, writer, "common", 50)), min(n, 7); got != want {
		t.Errorf("found %d of %d documents", got, want)
	}
	if problems, err := writer.Check(t.Context()); err != nil || len(problems) > 0 {
		t.Errorf("problems %v, %v", problems, err)
	}
}

// until waits for a call to come back or for the server to have got n more
// calls of a method.
func until(server *qdranttest.Server, done <-chan error, method string, n int) {
	for base := server.Calls(method); server.Calls(method) < base+n && len(done) == 0; {
		runtime.Gosched()
	}
}

// TestWriteDuringExchange writes at the moment when the sets of points change
// places: the document is in the new set.
func TestWriteDuringExchange(t *testing.T) {
	server := qdranttest.Start(t)
	o := options(server)
	s := open(t, o)
	o.Model = store.Model{}
	writer := open(t, o)
	put(t, writer, document("a", "1", texts("a", "1", 3)...))
	w, err := s.BeginSwitch(t.Context(), other)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	server.Inject(qdranttest.Fault{Method: "UpdateAliases", Do: func() {
		go func() {
			done <- writer.Put(context.Background(), []store.Document{document("b", "1", texts("b", "1", 2)...)})
		}()
		until(server, done, "Get", 8)
	}})
	if err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := found(t, writer, "common", 10); len(got) != 5 {
		t.Errorf("found %q", got)
	}
}

// TestExchangeDuringWrite lets the sets change places while a writer is about to
// commit: the exchange waits for it.
func TestExchangeDuringWrite(t *testing.T) {
	server := qdranttest.Start(t)
	o := options(server)
	s := open(t, o)
	o.Model = store.Model{}
	writer := open(t, o)
	w, err := s.BeginSwitch(t.Context(), other)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	server.Inject(qdranttest.Fault{Method: "Upsert", Collection: "~docs", Skip: 1, Do: func() {
		go func() { done <- w.Commit(context.Background()) }()
		until(server, done, "Count", 8)
	}})
	put(t, writer, document("b", "1", texts("b", "1", 2)...))
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := found(t, writer, "common", 10); len(got) != 2 {
		t.Errorf("found %q", got)
	}
}

// TestSwitchToSameLength finds no neighbours by another model's vectors, though
// nothing about their length shows that they are another's.
func TestSwitchToSameLength(t *testing.T) {
	server := qdranttest.Start(t)
	o := options(server)
	s := open(t, o)
	put(t, s, document("a", "1", texts("a", "1", 6)...))
	if err := embed(t.Context(), s, storetest.Model.Dimension); err != nil {
		t.Fatal(err)
	}
	dense := store.Query{Leg: store.LegDense, Dense: vector("q"), Limit: 20}
	ro := o
	ro.ReadOnly = true
	reader := open(t, ro)
	if hits, err := reader.Search(t.Context(), dense); err != nil || len(hits) != 6 {
		t.Fatalf("before: %d hits, %v", len(hits), err)
	}
	twin := store.Model{Fingerprint: "twin", Dimension: storetest.Model.Dimension}
	w, err := s.BeginSwitch(t.Context(), twin)
	if err != nil {
		t.Fatal(err)
	}
	if err := embed(t.Context(), w, twin.Dimension); err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	var mismatch *store.ModelMismatchError
	if hits, err := reader.Search(t.Context(), dense); !errors.As(err, &mismatch) {
		t.Errorf("a handle of the old model finds %d points, %v", len(hits), err)
	}
}
