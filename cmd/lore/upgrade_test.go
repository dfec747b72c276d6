//go:build !noencoder

package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/lore-kb/lore/store"
	"github.com/lore-kb/lore/store/qdrantstore"
	"github.com/lore-kb/lore/store/qdrantstore/qdranttest"
	"github.com/lore-kb/lore/store/sqlitestore"
)

// TestUpgradedEncoder: a collection whose vectors are of the built-in encoder of
// another version goes on answering by words, and indexing makes them anew.
func TestUpgradedEncoder(t *testing.T) {
	for _, kind := range []string{"sqlite", "qdrant"} {
		t.Run(kind, func(t *testing.T) {
			isolate(t)
			t.Setenv("LORE_EMBEDDER", "builtin")
			address := ""
			if kind == "qdrant" {
				address = qdranttest.Start(t).Address()
				t.Setenv("LORE_STORE", "qdrant://"+address)
			}
			testUpgradedEncoder(t, func(how access) (store.Store, error) {
				if kind == "qdrant" {
					return openQdrant(t.Context(), qdrantstore.Options{Address: "qdrant://" + address, Collection: "default"})
				}
				return openSQLite(t.Context(), os.Getenv("LORE_DATA"), sqlitestore.Options{Collection: "default"})
			})
		})
	}
}

func testUpgradedEncoder(t *testing.T, open func(access) (store.Store, error)) {
	ctx, docs := t.Context(), t.TempDir()
	if err := os.WriteFile(filepath.Join(docs, "kettle.md"), []byte("# Kettle\n\nDescale it with vinegar once a month.\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	lore(t, ctx, exitOK, "index", docs)
	age := func() {
		t.Helper()
		st, err := open(writing)
		if err != nil {
			t.Fatal(err)
		}
		defer st.Close()
		if err := new(program).giveModel(ctx, st, store.Model{Fingerprint: `builtin:384:00ff:"":""`, Dimension: 384}); err != nil {
			t.Fatal(err)
		}
	}
	age()
	const note = "`lore index`"
	out, errs := lore(t, ctx, exitOK, "search", "vinegar")
	wantText(t, "search", out, "kettle.md")
	wantText(t, "search", errs, "another version of lore", note, "only keywords")
	out, errs = lore(t, ctx, exitOK, "ask", "How often should the kettle be descaled with vinegar?")
	wantText(t, "ask", out, "once a month")
	wantText(t, "ask", errs, "another version of lore", note)
	_, errs = lore(t, ctx, exitOK, "index", "--dry-run", docs)
	wantText(t, "dry run", errs, "another version of lore")
	_, errs = lore(t, ctx, exitOK, "search", "vinegar")
	wantText(t, "search after a dry run", errs, note)

	_, errs = lore(t, ctx, exitOK, "index")
	wantText(t, "index", errs, "another version of lore", "made anew")
	out, _ = lore(t, ctx, exitOK, "status")
	wantText(t, "status", out, "all, by builtin:")
	out, errs = lore(t, ctx, exitOK, "search", "怎么清除水壶里的水垢")
	wantText(t, "search by meaning", out, "kettle.md")
	if errs != "" {
		t.Errorf("search after indexing says %s", errs)
	}

	age()
	lore(t, ctx, exitOK, "model", "switch", "builtin")
	if _, errs = lore(t, ctx, exitOK, "search", "vinegar"); errs != "" {
		t.Errorf("search after a switch says %s", errs)
	}
}

// TestEvalKeptByAnotherModel: figures are never of vectors of another model.
func TestEvalKeptByAnotherModel(t *testing.T) {
	isolate(t)
	ctx, kept, set := t.Context(), t.TempDir(), questionSet(t, "Descale it with vinegar.")
	lore(t, ctx, exitOK, "eval", "retrieval", "--keep", kept, set)
	st, err := openSQLite(ctx, kept, sqlitestore.Options{Collection: "default"})
	if err != nil {
		t.Fatal(err)
	}
	err = new(program).giveModel(ctx, st, store.Model{Fingerprint: "ollama:other/3/00", Dimension: 3})
	if st.Close(); err != nil {
		t.Fatal(err)
	}
	t.Setenv("LORE_EMBEDDER", "builtin")
	_, errs := lore(t, ctx, exitFailure, "eval", "retrieval", "--keep", kept, set)
	wantText(t, "another model", errs, kept+" cannot be measured on: ", "another model", "another folder with --keep\n")
	t.Setenv("LORE_EMBEDDER", "none")
	lore(t, ctx, exitOK, "eval", "retrieval", "--keep", kept, set)
}
