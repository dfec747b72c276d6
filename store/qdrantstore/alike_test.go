package qdrantstore_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lore-kb/lore/store"
	"github.com/lore-kb/lore/store/qdrantstore"
	"github.com/lore-kb/lore/store/qdrantstore/qdranttest"
	"github.com/lore-kb/lore/store/sqlitestore"
	"github.com/lore-kb/lore/store/storetest"
)

// TestRanksAsSQLite fills both stores with the same generated documents,
// replaces and removes some, and asks both the same questions: the first ten of
// the sparse leg are the same, in the same order, with the same scores. With
// LORE_TEST_QDRANT it asks a real server too.
func TestRanksAsSQLite(t *testing.T) {
	local, err := sqlitestore.Open(t.Context(), filepath.Join(t.TempDir(), "lore.db"), sqlitestore.Options{Collection: "alike", Model: storetest.Model, Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = local.Close() })
	o := options(qdranttest.Start(t))
	if address := os.Getenv("LORE_TEST_QDRANT"); address != "" {
		o = qdrantstore.Options{Address: address, Create: true, Model: storetest.Model}
	}
	o.Collection = "alike"
	_ = qdrantstore.RemoveCollection(t.Context(), o)
	remote := open(t, o)
	stores := []store.Store{local, remote}

	r := rand.New(rand.NewPCG(7, 8))
	// Few words and few lengths, so that many points tie.
	word := func() string { return fmt.Sprint("w", int(math.Exp(r.Float64()*math.Log(400)))) }
	generate := func(i int, version string) store.Document {
		texts := make([]string, 1+r.IntN(12))
		for j := range texts {
			words := make([]string, []int{3, 8, 30}[r.IntN(3)])
			for k := range words {
				words[k] = word()
			}
			texts[j] = strings.Join(words, " ")
		}
		return document(fmt.Sprintf("%d/%d.md", i%7, i), version, texts...)
	}
	fill := func(n, step int, version string) {
		var docs []store.Document
		for i := 0; i < n; i += step {
			docs = append(docs, generate(i, version))
		}
		for _, s := range stores {
			put(t, s, docs...)
		}
	}
	// A real server goes on counting common terms of points that are gone, so
	// that scores differ a little until it has cleaned up, and few orders with
	// them.
	exact := os.Getenv("LORE_TEST_QDRANT") == ""
	ask := func(what string, n int) {
		t.Helper()
		differing := 0
		defer func() {
			if differing*20 > n {
				t.Errorf("%s: %d of %d orders differ", what, differing, n)
			}
			t.Logf("%s: %d of %d orders differ", what, differing, n)
		}()
		for i := range n {
			var words []string
			for range 1 + r.IntN(10) {
				words = append(words, word())
			}
			if i%5 == 0 {
				words = append(words, "unknown")
			}
			q := store.Query{Leg: store.LegSparse, Sparse: terms(strings.Join(words, " ")), Limit: 10}
			if i%4 == 0 {
				q.Filter.Paths = []string{"3", "5/*5.md"}
			}
			var lists [2][]string
			for k, s := range stores {
				hits, err := s.Search(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				for _, h := range hits {
					lists[k] = append(lists[k], h.ID)
					if exact || what == "fresh" {
						lists[k][len(lists[k])-1] += fmt.Sprintf(" %.12g", h.Score)
					}
				}
			}
			if !slices.Equal(lists[0], lists[1]) {
				if differing++; !exact && what != "fresh" {
					continue
				}
				t.Fatalf("%s, question %d %q:\nsqlite %s\nqdrant %s", what, i, words, strings.Join(lists[0], "\n       "), strings.Join(lists[1], "\n       "))
			}
		}
	}
	fill(300, 1, "1")
	ask("fresh", 100)
	fill(300, 4, "2")
	ask("after replacing", 50)
	for _, s := range stores {
		if n, err := s.Remove(t.Context(), store.Filter{Paths: []string{"2"}}); err != nil || n != 43 {
			t.Fatal(n, err)
		}
	}
	ask("after removing", 50)
}
