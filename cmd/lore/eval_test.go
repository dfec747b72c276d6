package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/lore-kb/lore/store/qdrantstore/qdranttest"
)

// questionSet writes a set of one document, which says what it is told.
func questionSet(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"corpus.jsonl":   `{"_id":"kettle","title":"Kettle","text":"` + text + `"}`,
		"queries.jsonl":  `{"_id":"1","text":"kettle"}`,
		"qrels/test.tsv": "1\tkettle\t1\n",
	} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestEvalOnQdrant holds that nothing is measured among somebody's documents.
func TestEvalOnQdrant(t *testing.T) {
	isolate(t)
	t.Setenv("LORE_STORE", "qdrant://"+qdranttest.Start(t).Address())
	ctx, set := t.Context(), questionSet(t, "Descale it with vinegar.")
	_, errs := lore(t, ctx, exitUsage, "eval", "retrieval", set)
	wantText(t, "no collection", errs, "--collection")
	_, errs = lore(t, ctx, exitUsage, "eval", "retrieval", "--keep", t.TempDir(), "--collection", "measured", set)
	wantText(t, "a folder", errs, "--keep is for the embedded store")
	for range 2 {
		out, _ := lore(t, ctx, exitOK, "eval", "retrieval", "--collection", "measured", set)
		wantText(t, "measured", out, "all                   1  1.0000")
	}
	_, errs = lore(t, ctx, exitFailure, "eval", "retrieval", "--collection", "measured", questionSet(t, "Fill it with water."))
	wantText(t, "another set", errs, `collection "measured" at Qdrant `, "another with --collection")
}
