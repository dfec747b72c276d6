package eval

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lore-kb/lore/internal/memstore"
	"github.com/lore-kb/lore/store"
)

// TestInit makes a set that can be measured as it is, and keeps what people
// have written when it is made again.
func TestInit(t *testing.T) {
	ctx := t.Context()
	st := memstore.New(store.Model{})
	dir := filepath.Join(t.TempDir(), "mine")
	if _, err := Init(ctx, st, store.Filter{}, dir); !errors.Is(err, ErrNoDocuments) {
		t.Errorf("an empty store: %v", err)
	}
	docs := []Document{
		{ID: "a/leave.md", Title: "Annual leave", Text: "Every employee has 25 days of annual leave."},
		{ID: "b\t<1>.md", Title: "Hotels & inns", Text: "Hotels cost at most 120 euros a night."},
		{ID: "c/年假.md", Text: "每位员工每年有二十五天年假。"},
	}
	if err := Index(ctx, st, docs); err != nil {
		t.Fatal(err)
	}
	if n, err := Init(ctx, st, store.Filter{}, dir); err != nil || n != 3 {
		t.Fatalf("%d documents, %v", n, err)
	}
	report, err := Retrieval(ctx, dir, &RetrievalOptions{Store: memstore.New(store.Model{})})
	if err != nil {
		t.Fatal(err)
	}
	set, err := ReadSet(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Documents) != 3 || len(set.Questions) != 3 || set.Questions[1].Text != "Hotels & inns" || set.Questions[1].Relevant["b <1>.md"] != 1 || len(set.Questions[2].Answers) != 1 {
		t.Errorf("the set is %+v", set)
	}
	if report == nil || len(report.Run.ranked) == 0 {
		t.Errorf("measured %+v", report)
	}

	queries := filepath.Join(dir, "queries.jsonl")
	mine := `{"_id":"q1","text":"how much leave?"}` + "\n"
	if err := os.WriteFile(queries, []byte(mine), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := st.Remove(ctx, store.Filter{Paths: []string{"a/leave.md"}}); err != nil {
		t.Fatal(err)
	}
	if n, err := Init(ctx, st, store.Filter{}, dir); err != nil || n != 2 {
		t.Errorf("again: %d documents, %v", n, err)
	}
	kept, err := os.ReadFile(queries)
	corpus, err2 := os.ReadFile(filepath.Join(dir, "corpus.jsonl"))
	if err != nil || err2 != nil || string(kept) != mine || strings.Contains(string(corpus), "leave.md") {
		t.Errorf("after the second time: queries %q, corpus %q (%v, %v)", kept, corpus, err, err2)
	}
}
