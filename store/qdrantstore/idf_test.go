package qdrantstore

import (
	"math"
	"strconv"
	"testing"

	"github.com/qdrant/go-client/qdrant"
	"pgregory.net/rapid"

	"github.com/lore-kb/lore/store"
	"github.com/lore-kb/lore/store/qdrantstore/qdranttest"
)

// servedFactor is what a server computes in single precision.
func servedFactor(n, df int) float64 {
	a, b := float32(n), float32(df)
	return float64(float32(math.Log(float64((a-b+0.5)/(b+0.5) + 1))))
}

// TestExactIDF reads exact frequencies off single precision.
func TestExactIDF(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		points := rapid.IntRange(1, 200_000).Draw(t, "points")
		df := rapid.IntRange(1, points).Draw(t, "df")
		c := countsOf([]float64{servedFactor(points+1, df), 0}, servedFactor(points+1, 1), points)
		if got := c.idf(0, nil); got != store.IDF(points, df) || c.gone {
			t.Errorf("factor of %d in %d: %v, want %v", df, points, got, store.IDF(points, df))
		}
		if got := c.idf(1, nil); got != store.IDF(points, 0) {
			t.Errorf("factor of an unknown term: %v, want %v", got, store.IDF(points, 0))
		}
	})
}

// TestExactIDFWithGhosts scales what the server counts of points that are gone.
func TestExactIDFWithGhosts(t *testing.T) {
	for _, c := range []struct{ points, df, ghosts, ghostDF int }{
		{1000, 100, 100, 10}, {1000, 1000, 200, 200}, {100_000, 7, 1000, 0}, {10, 1, 1000, 100},
	} {
		n := c.points + 1 + c.ghosts
		counted := countsOf([]float64{servedFactor(n, c.df+c.ghostDF)}, servedFactor(n, 1), c.points)
		got := counted.idf(0, nil)
		if !counted.gone {
			t.Errorf("%+v: nothing seems to be gone", c)
		}
		if want := store.IDF(c.points, c.df); math.Abs(got-want) > 0.06*want+1e-3 {
			t.Errorf("%+v: %v, want about %v", c, got, want)
		}
	}
}

// TestGhosts deletes points behind the store's back, so that the server goes on
// counting them, and asks before and after it has cleaned up.
func TestGhosts(t *testing.T) {
	server := qdranttest.Start(t)
	s, err := Open(t.Context(), Options{Address: server.Address(), Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	var points []*qdrant.PointStruct
	for i := range 3000 {
		id := reservedID("test", strconv.Itoa(i))
		p := store.Point{ID: id, Payload: store.Payload{DocumentID: id, Version: "1", Ordinal: i}, Sparse: store.SparseVector{Indices: []uint32{1}, Values: []float32{1}}}
		if i%3 == 0 {
			p.Sparse = store.SparseVector{Indices: []uint32{1, 2}, Values: []float32{1, 0.5}}
		}
		points = append(points, pointStruct(&p, nil))
	}
	if err := s.upsert(t.Context(), s.points, points); err != nil {
		t.Fatal(err)
	}
	// Terms that more than listedUpTo points hold are estimated while the server
	// counts what is gone, the others are not.
	check := func(tolerance float64, n int, df ...int) {
		t.Helper()
		got, err := s.IDF(t.Context(), []uint32{1, 2, 3})
		if err != nil {
			t.Fatal(err)
		}
		for i, df := range df {
			if want := store.IDF(n, df); math.Abs(got[i]-want) > tolerance || df < listedUpTo && got[i] != want {
				t.Errorf("term %d: %v, want %v", i+1, got[i], want)
			}
		}
	}
	check(0, 3000, 3000, 1000, 0)
	var gone []*qdrant.PointId
	for _, p := range points[:60] {
		gone = append(gone, p.GetId())
	}
	if _, err := s.client.Delete(t.Context(), &qdrant.DeletePoints{CollectionName: s.points, Points: qdrant.NewPointsSelectorIDs(gone)}); err != nil {
		t.Fatal(err)
	}
	check(0.001, 2940, 2940, 980, 0)
	server.Vacuum()
	check(0, 2940, 2940, 980, 0)
}

// TestReservedIndices finds terms that are hashed to the reserved indices.
func TestReservedIndices(t *testing.T) {
	server := qdranttest.Start(t)
	s, err := Open(t.Context(), Options{Address: server.Address(), Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	var d store.Document
	d.ID = reservedID("document")
	d.Version = "1"
	for i, v := range []store.SparseVector{
		{Indices: []uint32{fillerIndex, sentinelIndex}, Values: []float32{1, 1}}, {}, {Indices: []uint32{7}, Values: []float32{1}},
	} {
		d.Points = append(d.Points, store.Point{ID: store.PointID(d.ID, "1", i), Sparse: v, Payload: store.Payload{DocumentID: d.ID, Version: "1", Ordinal: i}})
	}
	if err := s.Put(t.Context(), []store.Document{d}); err != nil {
		t.Fatal(err)
	}
	for _, index := range []uint32{sentinelIndex, fillerIndex, 7} {
		hits, err := s.Search(t.Context(), store.Query{Leg: store.LegSparse, Sparse: store.SparseVector{Indices: []uint32{index}, Values: []float32{1}}, Limit: 5})
		if err != nil || len(hits) != 1 {
			t.Errorf("index %d: hits %v, %v", index, hits, err)
		}
	}
}
