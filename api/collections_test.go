package api_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lore-kb/lore/api"
	"github.com/lore-kb/lore/store/sqlitestore"
)

func sqliteNames(dir string) func(context.Context) ([]string, error) {
	return func(context.Context) ([]string, error) { return sqlitestore.Collections(dir) }
}

func sqliteRemove(dir string) func(context.Context, string) error {
	return func(ctx context.Context, name string) error { return sqlitestore.RemoveCollection(ctx, dir, name) }
}

// TestCollections makes a collection, fills it, removes it, and makes it anew.
func TestCollections(t *testing.T) {
	dir := handbook(t)
	o := writing(dir, options(dir, nil))
	o.Names, o.Remove = sqliteNames(dir), sqliteRemove(dir)
	server := serve(t, o)
	for range 2 {
		if status, text, header := request(t, "POST", server.URL+"/v1/collections", `{"name":"kitchen"}`); status != 201 || header.Get("Location") == "" {
			t.Fatalf("create: %d %s", status, text)
		}
		if status, text, _ := request(t, "POST", server.URL+"/v1/collections", `{"name":"kitchen"}`); status != 409 {
			t.Errorf("create twice: %d %s", status, text)
		}
		status, text, _ := request(t, "POST", server.URL+"/v1/documents?collection=kitchen&name=kettle.md", "The kettle is in the pantry.\n", "Content-Type", "text/markdown")
		if status != 202 {
			t.Fatalf("upload: %d %s", status, text)
		}
		if state, last := finished(t, server.URL, jobOf(t, text)); state != "done" {
			t.Fatal(last)
		}
		if _, text, _ := request(t, "POST", server.URL+"/v1/ask", `{"question":"Where is the kettle?","collection":"kitchen"}`); !strings.Contains(text, "pantry") {
			t.Errorf("ask: %s", text)
		}
		if _, text, _ := request(t, "POST", server.URL+"/v1/search", `{"query":"kettle"}`); strings.Contains(text, "pantry") {
			t.Errorf("the default collection has it: %s", text)
		}
		if status, text, _ := request(t, "DELETE", server.URL+"/v1/collections/kitchen", ""); status != 204 {
			t.Fatalf("remove: %d %s", status, text)
		}
		if _, err := os.Stat(filepath.Join(dir, "uploads", "kitchen")); err == nil {
			t.Error("the uploads are there still")
		}
		for _, probe := range []struct{ method, path, body string }{
			{"DELETE", "/v1/collections/kitchen", ""}, {"GET", "/v1/documents?collection=kitchen", ""}, {"POST", "/v1/search", `{"query":"kettle","collection":"kitchen"}`},
		} {
			if status, text, _ := request(t, probe.method, server.URL+probe.path, probe.body); status != 404 {
				t.Errorf("%s %s of what is gone: %d %s", probe.method, probe.path, status, text)
			}
		}
	}
	for _, name := range []string{"", "a b", "../x", strings.Repeat("a", 65)} {
		if status, text, _ := request(t, "POST", server.URL+"/v1/collections", `{"name":"`+name+`"}`); status != 400 {
			t.Errorf("%q: %d %s", name, status, text)
		}
	}
	if _, text, _ := request(t, "GET", server.URL+"/v1/documents", ""); !strings.Contains(text, "policies/annual-leave.md") {
		t.Errorf("the default collection lost its documents: %s", text)
	}
}

// TestCollectionScopes holds each kind of token to what it may do to collections.
func TestCollectionScopes(t *testing.T) {
	dir, _ := plant(t)
	o := writing(dir, options(dir, nil))
	o.Names, o.Remove = sqliteNames(dir), sqliteRemove(dir)
	o.Tokens = &api.Tokens{File: filepath.Join(dir, "tokens.json")}
	server := serve(t, o)
	for _, b := range bearers(t, o.Tokens) {
		wantCreate, wantRemove := 403, 403
		if b.token.Scope == api.ScopeAdmin {
			wantCreate, wantRemove = 201, 204
		}
		if status, text, _ := request(t, "POST", server.URL+"/v1/collections", `{"name":"third"}`, "Authorization", "Bearer "+b.secret); status != wantCreate {
			t.Errorf("%s creates: %d %s", b.name, status, text)
		}
		for _, path := range []string{"/v1/collections/second", "/v1/vector_stores/default"} {
			if wantRemove == 204 && strings.Contains(path, "vector") {
				wantRemove = 200
			}
			if status, text, _ := request(t, "DELETE", server.URL+path, "", "Authorization", "Bearer "+b.secret); status != wantRemove {
				t.Errorf("%s removes %s: %d %s", b.name, path, status, text)
			}
		}
	}
}
