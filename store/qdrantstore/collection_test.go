package qdrantstore_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"

	"github.com/lore-kb/lore/store"
	"github.com/lore-kb/lore/store/qdrantstore"
	"github.com/lore-kb/lore/store/qdrantstore/qdranttest"
	"github.com/lore-kb/lore/store/storetest"
)

func TestCollections(t *testing.T) {
	server := qdranttest.Start(t)
	o := options(server)
	names := []string{"docs", "kb", "kb-docs", "手册 2", "a/b"}
	for _, name := range names {
		o.Collection = name
		s := open(t, o)
		put(t, s, document("a", "1", "words of "+name))
	}
	got, err := qdrantstore.Collections(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	if !slices.Equal(got, names) {
		t.Errorf("collections %q, want %q", got, names)
	}
	o.Collection = "kb"
	if err := qdrantstore.RemoveCollection(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if err := qdrantstore.RemoveCollection(t.Context(), o); !errors.Is(err, store.ErrNoCollection) {
		t.Errorf("second removal: %v", err)
	}
	if got, _ := qdrantstore.Collections(t.Context(), o); len(got) != len(names)-1 || slices.Contains(got, "kb") {
		t.Errorf("collections after removal %q", got)
	}
	o.Collection = "kb-docs"
	if got := found(t, open(t, o), "words", 5); len(got) != 1 {
		t.Errorf("the neighbour has %q", got)
	}
}

// TestCreateInterrupted breaks a creation off after each call; the next one
// completes it.
func TestCreateInterrupted(t *testing.T) {
	for calls := 0; ; calls++ {
		server := qdranttest.StartWith(t, qdranttest.Options{Memory: true})
		o := options(server)
		o.Dial, o.Attempts = server.Dial, 1
		server.Inject(qdranttest.Fault{Skip: calls, Times: -1, Code: codes.Internal})
		s, err := qdrantstore.Open(t.Context(), o)
		if err == nil {
			_ = s.Close()
		}
		server.ClearFaults()
		again := open(t, o)
		put(t, again, document("a", "1", "words"))
		if got := found(t, again, "words", 5); len(got) != 1 {
			t.Fatalf("after %d calls: found %q", calls, got)
		}
		if problems, err := again.Check(t.Context()); err != nil || len(problems) > 0 {
			t.Fatalf("after %d calls: problems %v, %v", calls, problems, err)
		}
		server.Down()
		if err == nil {
			return
		}
	}
}

// TestRemoveInterrupted leaves points of a removed collection behind; a new one
// of the same name does not see them.
func TestRemoveInterrupted(t *testing.T) {
	server := qdranttest.Start(t)
	o := options(server)
	s := open(t, o)
	put(t, s, document("a", "1", texts("a", "1", 5)...))
	_ = s.Close()
	server.Inject(qdranttest.Fault{Method: "Delete", Collection: "~points-1", Code: codes.InvalidArgument})
	if err := qdrantstore.RemoveCollection(t.Context(), o); err == nil {
		t.Fatal("the removal did not fail")
	}
	s = open(t, o)
	if st, err := s.Stats(t.Context()); err != nil || st.Points != 0 || st.Documents != 0 {
		t.Errorf("stats %+v, %v", st, err)
	}
}

// TestBringModel gives a collection of texts a model, broken off after each
// call: the texts stay, in the end every point waits for its vector.
func TestBringModel(t *testing.T) {
	for calls := 0; ; calls++ {
		server := qdranttest.StartWith(t, qdranttest.Options{Memory: true})
		o := options(server)
		o.Dial, o.Attempts, o.Model, o.BatchPoints, o.Writers = server.Dial, 1, store.Model{}, 4, 1
		s := open(t, o)
		put(t, s, document("a", "1", texts("a", "1", 9)...))
		reader := open(t, o)
		_ = s.Close()
		o.Model = storetest.Model
		server.Inject(qdranttest.Fault{Skip: calls, Times: -1, Code: codes.Internal})
		s, err := qdrantstore.Open(t.Context(), o)
		if err == nil {
			_ = s.Close()
		}
		server.ClearFaults()
		if got := found(t, reader, "common", 20); len(got) != 9 {
			t.Fatalf("after %d calls: a reader finds %d points", calls, len(got))
		}
		s = open(t, o)
		if pending, err := s.Pending(t.Context(), 20); err != nil || len(pending) != 9 {
			t.Fatalf("after %d calls: %d points wait, %v", calls, len(pending), err)
		}
		if got := found(t, reader, "common", 20); len(got) != 9 {
			t.Fatalf("after %d calls: a reader finds %d points", calls, len(got))
		}
		server.Down()
		if err == nil {
			return
		}
	}
}

// TestCheckAndRepair damages a collection behind the store's back.
func TestCheckAndRepair(t *testing.T) {
	server := qdranttest.Start(t)
	s := open(t, options(server))
	put(t, s, document("a", "1", texts("a", "1", 5)...), document("b", "1", texts("b", "1", 3)...))
	raw, err := qdrant.NewGrpcClient(rawConfig(t, server))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	problems := func() string {
		t.Helper()
		list, err := s.Check(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, p := range list {
			lines = append(lines, p.String())
		}
		return strings.Join(lines, "\n")
	}
	if got := problems(); got != "" {
		t.Fatalf("problems of a sound collection: %s", got)
	}
	d := document("a", "1")
	for _, damage := range []struct {
		what string
		do   func() error
	}{
		{"belong to no document", func() error {
			_, err := raw.Points().Delete(t.Context(), &qdrant.DeletePoints{CollectionName: "lore.handbook~docs", Points: qdrant.NewPointsSelector(qdrant.NewID(document("b", "1").ID))})
			return err
		}},
		{"no index of language", func() error {
			_, err := raw.Points().DeleteFieldIndex(t.Context(), &qdrant.DeleteFieldIndexCollection{CollectionName: "lore.handbook~points-1", FieldName: "language"})
			return err
		}},
		{"is missing", func() error {
			_, err := raw.Points().Delete(t.Context(), &qdrant.DeletePoints{CollectionName: "lore.handbook", Points: qdrant.NewPointsSelectorFilter(
				&qdrant.Filter{Must: []*qdrant.Condition{qdrant.NewIsEmpty("document_id")}})})
			return err
		}},
	} {
		if err := damage.do(); err != nil {
			t.Fatal(err)
		}
		if got := problems(); !strings.Contains(got, damage.what) {
			t.Errorf("problems %q do not say %q", got, damage.what)
		}
	}
	if err := s.Repair(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := problems(); got != "" || pointsOn(server) != 5 {
		t.Errorf("after the repair: %s; %d points", got, pointsOn(server))
	}
	if _, err := raw.Points().Delete(t.Context(), &qdrant.DeletePoints{CollectionName: "lore.handbook", Points: qdrant.NewPointsSelector(qdrant.NewID(store.PointID(d.ID, "1", 2)))}); err != nil {
		t.Fatal(err)
	}
	if got := problems(); !strings.Contains(got, "--rebuild") {
		t.Errorf("problems of a document that lost a point: %q", got)
	}
}

// TestWrongDimension finds a set of points that is not of the collection's model.
func TestWrongDimension(t *testing.T) {
	server := qdranttest.Start(t)
	s := open(t, options(server))
	put(t, s, document("a", "1", "words"))
	raw, err := qdrant.NewClient(rawConfig(t, server))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	if err := raw.DeleteCollection(t.Context(), "lore.handbook~points-1"); err != nil {
		t.Fatal(err)
	}
	if err := raw.CreateCollection(t.Context(), &qdrant.CreateCollection{CollectionName: "lore.handbook~points-1",
		VectorsConfig:       qdrant.NewVectorsConfigMap(map[string]*qdrant.VectorParams{"dense": {Size: 3, Distance: qdrant.Distance_Cosine}}),
		SparseVectorsConfig: qdrant.NewSparseVectorsConfig(map[string]*qdrant.SparseVectorParams{"sparse": {}})}); err != nil {
		t.Fatal(err)
	}
	if err := raw.CreateAlias(t.Context(), "lore.handbook", "lore.handbook~points-1"); err != nil {
		t.Fatal(err)
	}
	if got := problems(t, s); !strings.Contains(got, "vectors have 3 dimensions") || !strings.Contains(got, "--rebuild") {
		t.Errorf("problems %q", got)
	}
}
