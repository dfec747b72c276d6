package api_test

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lore-kb/lore/api"
)

// TestDocumentation holds the documents against the running server: every route
// and every metric is in them.
func TestDocumentation(t *testing.T) {
	made, err := api.New(writing(t.TempDir(), options(t.TempDir(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { made.Close() })
	server := httptest.NewServer(made.Handler())
	t.Cleanup(server.Close)
	read := func(name string) string {
		text, err := os.ReadFile("../docs/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	var described struct{ Paths map[string]map[string]any }
	_, text, _ := request(t, "GET", server.URL+"/openapi.json", "")
	if err := json.Unmarshal([]byte(text), &described); err != nil || len(described.Paths) < 10 {
		t.Fatal(err, text)
	}
	routes := read("API.md")
	for path, methods := range described.Paths {
		for method := range methods {
			if route := "`" + strings.ToUpper(method) + " " + path + "`"; !strings.Contains(routes, route) {
				t.Errorf("docs/API.md lacks %s", route)
			}
		}
	}
	for _, pattern := range made.Patterns() {
		if !strings.HasPrefix(pattern, "GET /openapi") && !strings.HasPrefix(pattern, "GET /docs/") && !strings.Contains(routes, "`"+pattern+"`") {
			t.Errorf("docs/API.md lacks %s", pattern)
		}
	}
	for _, named := range regexp.MustCompile("`((?:GET|POST|PATCH|DELETE) /[^` ]+)`").FindAllStringSubmatch(routes, -1) {
		if !slices.Contains(made.Patterns(), named[1]) {
			t.Errorf("docs/API.md has %s, which is no route", named[1])
		}
	}
	metrics := read("OPERATIONS.md")
	_, text, _ = request(t, "GET", server.URL+"/metrics", "")
	for _, found := range regexp.MustCompile(`(?m)^# TYPE (lore_\w+)`).FindAllStringSubmatch(text, -1) {
		if !strings.Contains(metrics, "`"+found[1]+"`") {
			t.Errorf("docs/OPERATIONS.md lacks %s", found[1])
		}
	}
}
