package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lore-kb/lore/internal/config"
)

func env(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPrecedence(t *testing.T) {
	path := file(t, "model: ollama:a\nstore: qdrant://file:6334\nlimit: 5\n")
	c, err := config.Load(config.Sources{
		File: path, Getenv: env("LORE_MODEL", "ollama:b", "LORE_STORE", "qdrant://env:6334", "LORE_DATA", "/d"),
		Flags: map[string]string{"model": "ollama:c"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string][2]string{
		"model": {"ollama:c", "--model"}, "store": {"qdrant://env:6334", "LORE_STORE"},
		"limit": {"5", path + ":3"}, "collection": {"default", "default"}, "data": {"/d", "LORE_DATA"},
	} {
		if c.Value(key) != want[0] || c.Origin(key) != want[1] {
			t.Errorf("%s is %q from %s, want %q from %s", key, c.Value(key), c.Origin(key), want[0], want[1])
		}
	}
}

func TestErrors(t *testing.T) {
	tests := []struct{ text, want string }{
		{"modle: x", `line 1: unknown key "modle"; did you mean "model"?`},
		{"\n\nwhatever_this_is: x", `line 3: unknown key "whatever_this_is"; ` + "`lore config`"},
		{"limit: many", `"many" is not a number`},
		{"limit: 0", "1 to 100"},
		{"model: [a, b]", "takes one value"},
		{"- a", "key: value"},
		{"caution: extreme", "low, normal, high"},
		{"collection: a/b", "letters, digits"},
		{"model: 'x", "configuration"},
	}
	for _, test := range tests {
		_, err := config.Load(config.Sources{File: file(t, test.text), Getenv: env("LORE_DATA", "/d")})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: got %v, want %q", test.text, err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: error has several lines: %v", test.text, err)
		}
	}
	if _, err := config.Load(config.Sources{File: "/nonexistent/config.yaml", Getenv: env()}); err == nil {
		t.Error("a file that was named and is not there is no error")
	}
	if _, err := config.Load(config.Sources{File: file(t, ""), Getenv: env("LORE_DATA", "/d")}); err != nil {
		t.Errorf("empty file: %v", err)
	}
}
