package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/lore-kb/lore/api"
	"github.com/lore-kb/lore/ask"
	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/ingest/extract"
	"github.com/lore-kb/lore/retrieve"
	"github.com/lore-kb/lore/store"
	"github.com/lore-kb/lore/store/sqlitestore"
)

// writing completes options with what writes into a data folder.
func writing(dir string, o api.Options) api.Options {
	o.Data = dir
	o.Over = func(_ string, st store.Store) *api.Collection {
		retriever := retrieve.New(st, nil)
		return &api.Collection{Store: st, Retriever: retriever, Assistant: ask.New(retriever, st, nil)}
	}
	o.Write = func(ctx context.Context, name string, create bool) (store.Store, error) {
		st, err := sqlitestore.Open(ctx, dir, sqlitestore.Options{Collection: name, Create: create, LockTimeout: time.Minute})
		if err != nil {
			return nil, err
		}
		return st, nil
	}
	o.Syncer = func(collection string, st store.Store, so ingest.SyncOptions) *ingest.Syncer {
		so.Collection, so.Supported = collection, extract.Supported
		return ingest.NewSyncer(st, extract.New(nil), &so)
	}
	return o
}

// finished follows a job to its end by its events.
func finished(t *testing.T, server, id string) (state, last string) {
	t.Helper()
	_, stream, header := request(t, "GET", server+"/v1/jobs/"+id, "", "Accept", "text/event-stream")
	if header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("job %s: %s: %s", id, header.Get("Content-Type"), stream)
	}
	for line := range strings.SplitSeq(stream, "\n") {
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			last = data
		}
	}
	var job struct{ State string }
	if err := json.Unmarshal([]byte(last), &job); err != nil {
		t.Fatalf("job: %v: %s", err, last)
	}
	return job.State, last
}

func jobOf(t *testing.T, body string) string {
	t.Helper()
	var got struct {
		ID  string
		Job struct{ ID string }
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil || got.ID+got.Job.ID == "" {
		t.Fatalf("no job: %v: %s", err, body)
	}
	return got.ID + got.Job.ID
}

func TestUnindexedIsEmpty(t *testing.T) {
	dir := t.TempDir()
	server := serve(t, writing(dir, options(dir, nil)))
	for _, test := range []struct{ method, path, body, want string }{
		{"GET", "/v1/documents", "", `"documents":[]`},
		{"GET", "/v1/collections", "", `"name":"default","documents":0`},
		{"POST", "/v1/search", `{"query":"leave"}`, `"hits":[]`},
		{"POST", "/v1/ask", `{"question":"How much leave?"}`, `"status":"not_found"`},
		{"GET", "/readyz", "", "ready"},
	} {
		status, text, _ := request(t, test.method, server.URL+test.path, test.body)
		if status != http.StatusOK || !strings.Contains(text, test.want) {
			t.Errorf("%s: %d %s", test.path, status, text)
		}
	}
	status, text, _ := request(t, "POST", server.URL+"/v1/index", "{}")
	if status != http.StatusAccepted {
		t.Fatalf("index: %d %s", status, text)
	}
	if state, last := finished(t, server.URL, jobOf(t, text)); state != "failed" || !strings.Contains(last, "no_such_collection") {
		t.Errorf("indexing nothing: %s", last)
	}
}

func TestIndexJob(t *testing.T) {
	dir, docs := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(docs, "a.md"), []byte("The password of the vault is swordfish."), 0o644); err != nil {
		t.Fatal(err)
	}
	o := writing(dir, options(dir, nil))
	o.AllowPaths = []string{docs}
	server := serve(t, o)
	if err := os.Symlink("/etc", filepath.Join(docs, "out")); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{"/etc": 403, filepath.Join(docs, "..", "x"): 403, filepath.Join(docs, "out"): 403, "docs": 400} {
		body, _ := json.Marshal(map[string]string{"path": path})
		if status, text, _ := request(t, "POST", server.URL+"/v1/index", string(body)); status != want {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	body, _ := json.Marshal(map[string]string{"path": docs})
	status, text, header := request(t, "POST", server.URL+"/v1/index", string(body))
	if status != http.StatusAccepted || header.Get("Location") == "" {
		t.Fatalf("index: %d %s", status, text)
	}
	if state, last := finished(t, server.URL, jobOf(t, text)); state != "done" || !strings.Contains(last, `"new":1`) {
		t.Fatalf("job: %s", last)
	}
	if err := os.WriteFile(filepath.Join(docs, "b.md"), []byte("The vault is in Leeds."), 0o644); err != nil {
		t.Fatal(err)
	}
	_, text, _ = request(t, "POST", server.URL+"/v1/index", "{}")
	id := jobOf(t, text)
	if state, last := finished(t, server.URL, id); state != "done" || !strings.Contains(last, `"new":1,"updated":0,"unchanged":1`) {
		t.Fatalf("job: %s", last)
	}
	if _, text, _ = request(t, "POST", server.URL+"/v1/ask", `{"question":"What is the password of the vault?"}`); !strings.Contains(text, "swordfish") {
		t.Errorf("ask: %s", text)
	}
	if _, text, _ = request(t, "GET", server.URL+"/v1/jobs", ""); strings.Count(text, `"kind":"index"`) != 2 {
		t.Errorf("jobs: %s", text)
	}
	if status, text, _ = request(t, "DELETE", server.URL+"/v1/jobs/"+id, ""); status != 200 || !strings.Contains(text, `"done"`) {
		t.Errorf("cancelling what is done: %d %s", status, text)
	}
	if status, _, _ = request(t, "GET", server.URL+"/v1/jobs/nothing", ""); status != 404 {
		t.Errorf("no job: %d", status)
	}
}

// TestCancelJob cancels a job that cannot go on by itself, and one behind it.
func TestCancelJob(t *testing.T) {
	dir := handbook(t)
	o := writing(dir, options(dir, nil))
	begun := make(chan struct{}, 1)
	o.Write = func(ctx context.Context, _ string, _ bool) (store.Store, error) {
		begun <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	}
	server := serve(t, o)
	_, first, _ := request(t, "POST", server.URL+"/v1/index", "{}")
	<-begun
	_, second, _ := request(t, "POST", server.URL+"/v1/index", "{}")
	for _, job := range []string{second, first} {
		if status, text, _ := request(t, "DELETE", server.URL+"/v1/jobs/"+jobOf(t, job), ""); status != 200 {
			t.Fatalf("%d %s", status, text)
		}
		if state, last := finished(t, server.URL, jobOf(t, job)); state != "cancelled" {
			t.Errorf("job: %s", last)
		}
	}
}

func TestReadOnlyServer(t *testing.T) {
	server := serve(t, options(handbook(t), nil))
	for _, test := range [][2]string{{"POST", "/v1/index"}, {"POST", "/v1/documents?name=a.md"}, {"DELETE", "/v1/documents/x"}} {
		if status, text, _ := request(t, test[0], server.URL+test[1], ""); status != 403 || !strings.Contains(text, "read_only") {
			t.Errorf("%v: %d %s", test, status, text)
		}
	}
}

// form is a multipart body of files.
func form(t *testing.T, files ...[2]string) (kind, body string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, f := range files {
		part, err := w.CreateFormFile("file", f[0])
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(part, f[1])
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), b.String()
}

// listing returns the documents of a server by path.
func listing(t *testing.T, server string, headers ...string) map[string]string {
	t.Helper()
	_, text, _ := request(t, "GET", server+"/v1/documents?limit=1000", "", headers...)
	var got struct{ Documents []struct{ ID, Path string } }
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err, text)
	}
	out := map[string]string{}
	for _, d := range got.Documents {
		out[d.Path] = d.ID
	}
	return out
}

func TestUploads(t *testing.T) {
	dir := t.TempDir()
	server := serve(t, writing(dir, options(dir, nil)))
	kind, body := form(t, [2]string{"notes/one.md", "# One\n\nThe kettle is in the pantry."}, [2]string{"二.txt", "水壶在储藏室。"})
	status, text, _ := request(t, "POST", server.URL+"/v1/documents", body, "Content-Type", kind)
	if status != http.StatusAccepted {
		t.Fatalf("upload: %d %s", status, text)
	}
	if state, last := finished(t, server.URL, jobOf(t, text)); state != "done" || !strings.Contains(last, `"new":2`) {
		t.Fatalf("job: %s", last)
	}
	status, text, _ = request(t, "POST", server.URL+"/v1/documents?name=three.html", "<script>alert(1)</script><p>The lamp is red.</p>", "Content-Type", "text/html")
	if status != http.StatusAccepted {
		t.Fatalf("upload: %d %s", status, text)
	}
	finished(t, server.URL, jobOf(t, text))
	if _, text, _ = request(t, "POST", server.URL+"/v1/ask", `{"question":"Where is the kettle?"}`); !strings.Contains(text, "pantry") {
		t.Errorf("ask: %s", text)
	}
	documents := listing(t, server.URL)
	if len(documents) != 3 {
		t.Fatalf("documents: %v", documents)
	}
	status, text, header := request(t, "GET", server.URL+"/v1/documents/"+documents["three.html"]+"/content", "")
	if status != 200 || !strings.Contains(text, "<script>") || header.Get("Content-Type") != "text/html" ||
		!strings.HasPrefix(header.Get("Content-Disposition"), "attachment") || header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("content: %d %v %s", status, header, text)
	}
	file := filepath.Join(dir, "uploads", "default", "notes", "one.md")
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
	status, text, _ = request(t, "DELETE", server.URL+"/v1/documents/"+documents["notes/one.md"], "")
	if status != 200 || !strings.Contains(text, `"removed":1,"deleted":true`) {
		t.Errorf("delete: %d %s", status, text)
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("the file is still there: %v", err)
	}
	if status, _, _ = request(t, "DELETE", server.URL+"/v1/documents/"+documents["notes/one.md"], ""); status != 404 {
		t.Errorf("deleted twice: %d", status)
	}
}

func TestUploadNames(t *testing.T) {
	dir := t.TempDir()
	o := writing(dir, options(dir, nil))
	o.MaxUpload = 1000
	server := serve(t, o)
	uploads := filepath.Join(dir, "uploads", "default")
	if err := os.MkdirAll(uploads, 0o700); err != nil {
		t.Fatal(err)
	}
	outside := t.TempDir()
	for name, target := range map[string]string{"link": outside, "file.md": filepath.Join(outside, "victim")} {
		if err := os.Symlink(target, filepath.Join(uploads, name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]int{
		"..%2fx.md": 400, "%2fetc%2fx": 400, "a%2f..%2f..%2fx": 400, ".hidden": 400, "a%2f.git%2fconfig": 400, "a%5cb": 400, "c:x": 400,
		"a%00b": 400, "%ff": 400, "a!%2fb": 400, ".": 400, "a%2f": 400, "link%2fx.md": 409, "file.md": 409, strings.Repeat("x", 300): 400,
		strings.Repeat("%E7%95%8C", 150): 409, strings.Repeat("a%2f", 300) + "x": 400,
	} {
		if status, text, _ := request(t, "POST", server.URL+"/v1/documents?name="+name, "x", "Content-Type", "text/plain"); status != want {
			t.Errorf("%q: %d, want %d: %s", name, status, want, text)
		}
	}
	if entries, _ := os.ReadDir(outside); len(entries) > 0 {
		t.Errorf("written outside: %v", entries)
	}
	if status, text, _ := request(t, "POST", server.URL+"/v1/documents?name=big.md", strings.Repeat("x", 2000), "Content-Type", "text/plain"); status != 413 {
		t.Errorf("too large: %d %s", status, text)
	}
	if entries, _ := os.ReadDir(uploads); len(entries) != 2 {
		t.Errorf("something stayed behind: %v", entries)
	}
	for _, collection := range []string{"..", "a%2fb", "%F0%B5%96%B4%3EKI%F3", ".", "a.db"} {
		for path, method := range map[string]string{"/v1/documents?name=a.md&collection=": "POST", "/v1/documents/x/content?collection=": "GET"} {
			if status, text, _ := request(t, method, server.URL+path+collection, ""); status != 404 {
				t.Errorf("collection %s: %d %s", collection, status, text)
			}
		}
	}
	for _, name := range []string{"", "?name="} {
		if status, text, _ := request(t, "POST", server.URL+"/v1/documents"+name, "x", "Content-Type", "application/octet-stream"); status != 202 || !regexp.MustCompile(`"documents":\["upload-[0-9a-f]{16}\.txt"\]`).MatchString(text) {
			t.Errorf("without a name: %d %s", status, text)
		}
	}
	if status, text, _ := request(t, "POST", server.URL+"/v1/documents?name=a.json", `{"a": 1}`); status != 400 || !strings.Contains(text, "octet-stream") {
		t.Errorf("a JSON file as a request: %d %s", status, text)
	}
	var fields bytes.Buffer
	w := multipart.NewWriter(&fields)
	_ = w.WriteField("collection", "hr")
	_ = w.Close()
	if status, text, _ := request(t, "POST", server.URL+"/v1/documents", fields.String(), "Content-Type", w.FormDataContentType()); status != 400 || !strings.Contains(text, "?collection=") {
		t.Errorf("a field: %d %s", status, text)
	}
	kind, body := form(t)
	if status, _, _ := request(t, "POST", server.URL+"/v1/documents", body, "Content-Type", kind); status != 400 {
		t.Errorf("empty form: %d", status)
	}
}

// TestContentStaysInside swaps a document's file for a link that leads outside.
func TestContentStaysInside(t *testing.T) {
	dir, docs := t.TempDir(), t.TempDir()
	secret := filepath.Join(t.TempDir(), "secret")
	file := filepath.Join(docs, "a.md")
	for _, name := range []string{secret, file} {
		if err := os.WriteFile(name, []byte("The password is in "+filepath.Base(name)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	o := writing(dir, options(dir, nil))
	o.AllowPaths = []string{docs}
	server := serve(t, o)
	body, _ := json.Marshal(map[string]string{"path": docs})
	_, text, _ := request(t, "POST", server.URL+"/v1/index", string(body))
	finished(t, server.URL, jobOf(t, text))
	id := listing(t, server.URL)["a.md"]
	if status, text, _ := request(t, "GET", server.URL+"/v1/documents/"+id+"/content", ""); status != 200 || !strings.Contains(text, "a.md") {
		t.Fatalf("content: %d %s", status, text)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, file); err != nil {
		t.Fatal(err)
	}
	if status, text, _ := request(t, "GET", server.URL+"/v1/documents/"+id+"/content", ""); status != 404 || strings.Contains(text, "secret") {
		t.Errorf("content through a link: %d %s", status, text)
	}
}

// TestWatch saves a file and waits until it is found.
func TestWatch(t *testing.T) {
	dir, docs := t.TempDir(), t.TempDir()
	o := writing(dir, options(dir, nil))
	o.AllowPaths = []string{docs}
	s, err := api.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Watch(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	server := serveHandler(t, s)
	if err := os.WriteFile(filepath.Join(docs, "a.md"), []byte("One"), 0o644); err != nil {
		t.Fatal(err)
	}
	body, _ := json.Marshal(map[string]string{"path": docs})
	_, text, _ := request(t, "POST", server+"/v1/index", string(body))
	finished(t, server, jobOf(t, text))
	if err := os.WriteFile(filepath.Join(docs, "b.md"), []byte("Two"), 0o644); err != nil {
		t.Fatal(err)
	}
	for listing(t, server)["b.md"] == "" {
		select {
		case <-t.Context().Done():
			t.Fatal("the file was never found")
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// TestOneBadCollection shows that a collection that cannot be opened keeps nobody
// from the others.
func TestOneBadCollection(t *testing.T) {
	dir := handbook(t)
	o := writing(dir, options(dir, nil))
	o.Data = filepath.Join(dir, "not", "there", "yet")
	o.Names = func(context.Context) ([]string, error) { return []string{"alien", "default"}, nil }
	good := o.Open
	o.Open = func(ctx context.Context, name string) (*api.Collection, error) {
		if name == "alien" {
			return nil, &store.ModelMismatchError{Collection: name}
		}
		return good(ctx, name)
	}
	s, err := api.New(o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	server := serveHandler(t, s)
	status, text, _ := request(t, "GET", server+"/v1/collections", "")
	if status != 200 || !strings.Contains(text, `"documents":20`) || !strings.Contains(text, "another model") {
		t.Errorf("%d %s", status, text)
	}
	if err := s.Fill(t.Context()); err == nil {
		t.Error("the trouble is not told")
	}
	if status, text, _ := request(t, "POST", server+"/v1/feedback", `{"rating":"good","question":"Why?"}`); status != 204 {
		t.Errorf("feedback into a new folder: %d %s", status, text)
	}
}
