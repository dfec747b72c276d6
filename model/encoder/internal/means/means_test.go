package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestTopicsAreInBothLanguages(t *testing.T) {
	for line := range strings.Lines(topics) {
		if f := strings.Split(strings.TrimSpace(line), "\t"); len(f) != 2 || f[0] == "" || f[1] == "" {
			t.Errorf("topic %q is not a pair", line)
		}
	}
	if a, b := len(englishPassages), len(chinesePassages); a != b {
		t.Errorf("%d English patterns of passages, %d Chinese", a, b)
	}
	if a, b := len(englishQuestions), len(chineseQuestions); a != b {
		t.Errorf("%d English patterns of questions, %d Chinese", a, b)
	}
	for _, s := range texts(1, chineseQuestions, questionsPerTopic) {
		if strings.Contains(s, "*") {
			t.Fatalf("a pattern was left unfilled: %s", s)
		}
	}
}

func TestParagraphs(t *testing.T) {
	root := t.TempDir()
	long := strings.Repeat("some words of a paragraph ", 6)
	page := "---\ntitle: x\n---\n# Short\n\n" + long + "with a [link](http://a.example/b)\n\n```\n" + long + "\n```\n\n" + strings.Repeat(long, 20)
	if err := os.WriteFile(filepath.Join(root, "a.md"), []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "b.txt"), []byte(long), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := paragraphs(root, 10)
	if want := []string{long + "with a link"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("paragraphs %q, %v; want %q", got, err, want)
	}
}
