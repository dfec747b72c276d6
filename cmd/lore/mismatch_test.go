package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/lore-kb/lore/store"
)

func TestEmbedderName(t *testing.T) {
	for fingerprint, want := range map[string]string{
		"openai:text-embedding-3-small/1536/0a1b2c": "openai:text-embedding-3-small",
		"ollama:bge-m3/1024/0a1b2c":                 "ollama:bge-m3",
		"openai:BAAI/bge-m3/1024/0a1b2c":            "openai:BAAI/bge-m3",
		`builtin:384:00ff:"a/b":"c/d"`:              "builtin",
		`builtin:384:00ff:"a":"b":means-1:rows-2`:   "builtin",
		`builtin:384:00ff:"a":"b":means-1`:          "builtin:norows",
		"":                                          "",
		"odd":                                       "odd",
	} {
		if got := embedderName(fingerprint); got != want {
			t.Errorf("%q needs --embedder %q, want %q", fingerprint, got, want)
		}
	}
}

func TestExplainMismatch(t *testing.T) {
	for _, tt := range []struct {
		name, stored, want string
		parts              []string
	}{
		{"lore was upgraded", `builtin:384:00:"":""`, `builtin:384:11:"":""`, []string{"another version of lore", "`lore model switch builtin`", "--embedder none"}},
		{"other prefixes", "ollama:m/8/aa", "ollama:m/8/bb", []string{"prefixes of ollama:m", "`lore model switch ollama:m`"}},
		{"another model", `builtin:384:00:"":""`, "ollama:m/8/bb", []string{"not of ollama:m/8/bb", "`lore model switch ollama:m`", "--embedder builtin"}},
	} {
		m := &store.ModelMismatchError{Collection: "work", Stored: store.Model{Fingerprint: tt.stored, Dimension: 384}, Want: store.Model{Fingerprint: tt.want, Dimension: 8}}
		err := (&program{}).explainMismatch(m)
		if !errors.Is(err, m) {
			t.Errorf("%s: the cause is lost", tt.name)
		}
		for _, part := range append(tt.parts, `"work"`) {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %q is not in %q", tt.name, part, err)
			}
		}
	}
}
