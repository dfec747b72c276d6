package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestMain lets the test binary be the child processes of a run.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "-dir" {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestRun has every engine of this module answer a small corpus: those that are
// exact find what the scan finds, and the report has a line for each.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	page := filepath.Join(dir, "page.md")
	if err := os.WriteFile(page, []byte("# Benchmarks\n\n<!-- begin small -->\nold\n<!-- end small -->\nafter\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := settings{dir: dir, name: "small", out: page, python: "no-such-python", threads: 1, rounds: 1, patience: 20, corpus: corpus{Dimension: 16, Chunks: 300, Asked: 20}}
	if err := run(t.Context(), &s); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	if strings.Contains(text, "old") || !strings.HasPrefix(text, "# Benchmarks\n") || !strings.HasSuffix(text, "<!-- end small -->\nafter\n") {
		t.Errorf("page:\n%s", text)
	}
	for _, row := range []string{"| lore | Go |", "| bleve |", "| fts5 |", "| tantivy | Rust | – |", "| chromem |", "| sqlite-vec |", "| faiss-flat | C++ | – |", "| scan |"} {
		if !strings.Contains(text, row) {
			t.Errorf("no row %q in\n%s", row, text)
		}
	}
	if strings.Contains(text, "| qdrant |") {
		t.Error("Qdrant was run without an address")
	}
	for _, line := range strings.Split(text, "\n") {
		if cells := strings.Split(line, "|"); len(cells) > 11 && (strings.Contains(line, "| lore |") || strings.Contains(line, "| chromem |") || strings.Contains(line, "| sqlite-vec |")) {
			if got := strings.TrimSpace(cells[10]); got != "1.0000" {
				t.Errorf("recall %s in %q", got, line)
			}
		}
	}
	s.reuse, s.engines = true, "lore/words"
	if err := run(t.Context(), &s); err != nil {
		t.Error(err)
	}
}

func TestGenerate(t *testing.T) {
	texts := func() (out []string) {
		c := corpus{Dimension: 4, Chunks: 50, Asked: 5}
		if err := c.prepare(t.TempDir()); err != nil {
			t.Fatal(err)
		}
		if err := c.eachText(func(_ int, text string) error { out = append(out, text); return nil }); err != nil {
			t.Fatal(err)
		}
		questions, err := c.questions()
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range questions {
			if len(strings.Fields(q.text)) < 6 || len(q.vector) != 4 {
				t.Errorf("question %+v", q)
			}
		}
		return out
	}
	first := texts()
	if !slices.Equal(first, texts()) {
		t.Error("two runs make two corpora")
	}
	if len(first) != 50 || len(first[0]) < chunkBytes || first[0] == first[1] {
		t.Errorf("%d texts, the first %q", len(first), first[0])
	}
}

func TestGivenFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, b, 0o644); err != nil {
			t.Fatal(err)
		}
		return file
	}
	c := corpus{Dimension: 2, Chunks: 10, Asked: 10,
		Texts: write("texts.jsonl", []byte("{\"Text\":\"one\\ntwo\"}\n{\"text\":\"three\"}\n")), Vectors: write("v", make([]byte, 16)),
		Questions: write("q.txt", []byte("what?\n")), QuestionVectors: write("qv", make([]byte, 8))}
	if err := c.prepare(dir); err != nil {
		t.Fatal(err)
	}
	if c.Chunks != 2 || c.Asked != 1 || c.Bytes != 12 {
		t.Errorf("corpus %+v", c)
	}
	for _, bad := range []corpus{
		{Dimension: 2, Chunks: 1, Asked: 1, Texts: c.Texts},
		{Dimension: 3, Chunks: 1, Asked: 1, Texts: c.Texts, Vectors: c.Vectors, Questions: c.Questions, QuestionVectors: c.QuestionVectors},
		{Dimension: 1, Chunks: 1, Asked: 1, Texts: c.Texts, Vectors: c.Vectors, Questions: c.Questions, QuestionVectors: c.QuestionVectors},
		{Dimension: 2, Chunks: 0, Asked: 1},
	} {
		if err := bad.prepare(dir); err == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
}

func TestRecall(t *testing.T) {
	exact := [][]int{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, {}, {7}} // 11 scores as 10 does
	if got := recallOf([][]int{{11, 9, 8, 7, 6, 5, 4, 3, 2, 1}, nil, {7}}, exact); got != 1 {
		t.Errorf("recall %g with a tie exchanged", got)
	}
	if got := recallOf([][]int{{1, 2, 3, 4, 5}, nil, {8}}, exact); got != 0.25 {
		t.Errorf("recall %g, want 0.25", got)
	}
}

func TestBest(t *testing.T) {
	b := best{room: 3}
	for n, score := range []float64{1, 3, 2, 3, 0.5, 2} {
		b.add(n, score)
	}
	if !slices.Equal(b.numbers, []int{1, 3, 2}) {
		t.Errorf("best %v with scores %v", b.numbers, b.scores)
	}
}

func TestChooseEngines(t *testing.T) {
	if _, err := chooseEngines("lore/words,elastic", ""); err == nil {
		t.Error("an unknown engine was taken")
	}
	all, err := chooseEngines("", "localhost")
	if err != nil || len(all) != len(engines) {
		t.Errorf("%d engines, %v", len(all), err)
	}
}

// TestChild runs a child that does not exist.
func TestChild(t *testing.T) {
	if err := child(context.Background(), &settings{engine: "none"}); err == nil {
		t.Error("no error")
	}
	var r result
	if err := json.Unmarshal([]byte(`{"P50":1.5,"Hits":[[1]]}`), &r); err != nil || r.P50 != 1.5 {
		t.Errorf("result %+v, %v", r, err)
	}
}
