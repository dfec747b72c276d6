package store

import "testing"

func TestMatchPath(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"", "a/b.md", true},
		{"a", "a/b.md", true},
		{"a/", "a/b.md", true},
		{"a", "ab/c.md", false},
		{"a/b.md", "a/b.md", true},
		{"a/b", "a/b.md", false},
		{"mail.zip", "mail.zip!/x.txt", true},
		{"mail.zip", "mail.zip!x.txt", false},
		{"手册", "手册/假期.md", true},
		{"*.md", "b.md", true},
		{"*.md", "a/b.md", false},
		{"**/*.md", "a/b/c.md", true},
		{"**/*.md", "c.md", true},
		{"a/*", "a/b/c.md", false},
		{"a/**", "a/b/c.md", true},
		{"a/?.md", "a/b.md", true},
		{"a/[bc].md", "a/c.md", true},
		{"a/[", "a/[", false},
	} {
		if got := MatchPath(c.pattern, c.path); got != c.want {
			t.Errorf("MatchPath(%q, %q) = %v", c.pattern, c.path, got)
		}
	}
}

func TestMatchMediaType(t *testing.T) {
	for _, c := range []struct {
		pattern, mediaType string
		want               bool
	}{
		{"text/html", "text/html", true},
		{"text/html", "text/htm", false},
		{"text/*", "text/plain", true},
		{"text/*", "texture/plain", false},
		{"*", "text/plain", false},
	} {
		if got := MatchMediaType(c.pattern, c.mediaType); got != c.want {
			t.Errorf("MatchMediaType(%q, %q) = %v", c.pattern, c.mediaType, got)
		}
	}
}
