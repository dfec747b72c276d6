package api_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lore-kb/lore/api"
)

// TestJobsOfOthers has two servers with one data folder: each tells of the jobs
// of the other, follows and cancels them, within what a token sees.
func TestJobsOfOthers(t *testing.T) {
	dir := t.TempDir()
	one := serve(t, writing(dir, options(dir, nil)))
	o := writing(dir, options(dir, nil))
	two := serve(t, o)
	_, text, _ := request(t, "POST", one.URL+"/v1/documents?name=k.md", "# Kettle\n\nThe kettle is in the pantry.\n", "Content-Type", "text/markdown")
	id := jobOf(t, text)
	if state, last := finished(t, two.URL, id); state != "done" || !strings.Contains(last, `"new":1`) {
		t.Fatalf("followed elsewhere: %s %s", state, last)
	}
	if _, text, _ := request(t, "GET", two.URL+"/v1/jobs", ""); !strings.Contains(text, id) {
		t.Errorf("not listed elsewhere: %s", text)
	}
	if _, text, _ := request(t, "POST", two.URL+"/v1/ask", `{"question":"Where is the kettle?"}`); !strings.Contains(text, "pantry") {
		t.Errorf("ask elsewhere: %s", text)
	}
	if status, _, _ := request(t, "GET", two.URL+"/v1/jobs/..%2fx", ""); status != 404 {
		t.Errorf("a job that is a path: %d", status)
	}

	// A job of a server that is gone, and one that another works on.
	write := func(id, collection string, age time.Duration) {
		body, _ := json.Marshal(map[string]any{"id": id, "kind": "index", "collection": collection, "state": "running", "done": 3, "total": 9, "created": time.Now().Add(-age)})
		file := filepath.Join(dir, "jobs", id+".json")
		if err := os.WriteFile(file, body, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, time.Now().Add(-age), time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	const gone, alive, foreign = "00000000000000aa", "00000000000000bb", "00000000000000cc"
	write(gone, "default", time.Hour)
	write(alive, "default", 0)
	write(foreign, "hr", 0)
	if _, text, _ := request(t, "GET", two.URL+"/v1/jobs/"+gone, ""); !strings.Contains(text, `"failed"`) || !strings.Contains(text, `"lost"`) {
		t.Errorf("gone: %s", text)
	}
	if _, text, _ := request(t, "GET", two.URL+"/v1/jobs/"+alive, ""); !strings.Contains(text, `"running"`) || !strings.Contains(text, `"done":3`) {
		t.Errorf("alive: %s", text)
	}
	if status, text, _ := request(t, "DELETE", two.URL+"/v1/jobs/"+alive, ""); status != 200 {
		t.Errorf("cancel: %d %s", status, text)
	}
	if _, err := os.Stat(filepath.Join(dir, "jobs", alive+".cancel")); err != nil {
		t.Error(err)
	}
	o.Tokens = &api.Tokens{File: filepath.Join(dir, "tokens.json")}
	secret, _, err := o.Tokens.Create(api.Token{Scope: api.ScopeWrite, Collection: "default"})
	if err != nil {
		t.Fatal(err)
	}
	three := serve(t, o)
	if status, _, _ := request(t, "GET", three.URL+"/v1/jobs/"+foreign, "", "Authorization", "Bearer "+secret); status != 404 {
		t.Errorf("a job of a collection that is not seen: %d", status)
	}
	if _, text, _ := request(t, "GET", three.URL+"/v1/jobs", "", "Authorization", "Bearer "+secret); strings.Contains(text, foreign) || !strings.Contains(text, alive) {
		t.Errorf("listed: %s", text)
	}
}
