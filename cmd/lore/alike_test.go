package main

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lore-kb/lore/analysis"
	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/ingest/extract"
	"github.com/lore-kb/lore/store"
	"github.com/lore-kb/lore/store/qdrantstore"
	"github.com/lore-kb/lore/store/qdrantstore/qdranttest"
	"github.com/lore-kb/lore/store/sqlitestore"
)

// TestStoresRankAlike indexes the example handbook into both stores and asks
// both the questions of its ranking golden: the first ten of the sparse leg are
// the same, in the same order.
func TestStoresRankAlike(t *testing.T) {
	local, err := sqlitestore.Open(t.Context(), t.TempDir(), sqlitestore.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close()
	remote, err := qdrantstore.Open(t.Context(), qdrantstore.Options{Address: qdranttest.Start(t).Address(), Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer remote.Close()
	for _, st := range []store.Store{local, remote} {
		src, err := ingest.OpenFolder("../../examples/handbook", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ingest.NewSyncer(st, extract.New(nil), &ingest.SyncOptions{Collection: "default"}).Sync(t.Context(), src); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile("../../eval/testdata/handbook.tsv")
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		for field := range strings.SplitSeq(strings.TrimSpace(line), "\t") {
			question := analysis.Question(field)
			indices, values := question.Sparse()
			query := store.Query{Leg: store.LegSparse, Sparse: store.SparseVector{Indices: indices, Values: values}, Limit: 10}
			ranked := [2][]string{}
			for i, st := range []store.Store{local, remote} {
				hits, err := st.Search(t.Context(), query)
				if err != nil {
					t.Fatal(err)
				}
				for _, hit := range hits {
					ranked[i] = append(ranked[i], hit.ID)
				}
			}
			if diff := cmp.Diff(ranked[0], ranked[1]); diff != "" {
				t.Errorf("%s: ranked differently (-SQLite +Qdrant):\n%s", field, diff)
			}
			if len(ranked[0]) > 0 {
				asked++
			}
		}
	}
	if asked < 60 {
		t.Errorf("only %d questions found anything", asked)
	}
}
