package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

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
