package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/lore-kb/lore/store/qdrantstore/qdranttest"
)

// embeddingServer speaks OpenAI's embeddings. Its models "small" and "large"
// count the words of a text in 8 and 12 numbers.
type embeddingServer struct {
	mu     sync.Mutex
	texts  map[string]int // how many each model has embedded
	answer func(model string, texts []string) bool
}

func startEmbeddings(t *testing.T) *embeddingServer {
	t.Helper()
	e := &embeddingServer{texts: map[string]int{}}
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	t.Setenv("OPENAI_BASE_URL", server.URL+"/v1")
	t.Setenv("OPENAI_API_KEY", "none")
	return e
}

func (e *embeddingServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Model string
		Input []string
	}
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	e.mu.Lock()
	answer := e.answer
	e.mu.Unlock()
	if answer != nil && !answer(request.Model, request.Input) {
		http.Error(w, `{"error":{"message":"model is not loaded"}}`, http.StatusBadRequest)
		return
	}
	e.mu.Lock()
	for _, text := range request.Input {
		if strings.Contains(text, "northern store") { // of a note, not of what the model is learnt to know by
			e.texts[request.Model]++
		}
	}
	e.mu.Unlock()
	dimension := map[string]int{"small": 8, "large": 12, "large-too": 12}[request.Model]
	var data []map[string]any
	for i, text := range request.Input {
		v := make([]float32, dimension)
		v[0] = 0.1
		for _, word := range strings.Fields(strings.ToLower(text)) {
			h := fnv.New32a()
			fmt.Fprint(h, request.Model, word)
			v[h.Sum32()%uint32(dimension)]++
		}
		data = append(data, map[string]any{"object": "embedding", "index": i, "embedding": v})
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"object": "list", "data": data, "model": request.Model, "usage": map[string]int{}})
}

func (e *embeddingServer) set(answer func(model string, texts []string) bool) {
	e.mu.Lock()
	e.answer = answer
	e.mu.Unlock()
}

func (e *embeddingServer) embedded(model string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.texts[model]
}

// lore runs a command and wants an exit code.
func lore(t *testing.T, ctx context.Context, want int, args ...string) (out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	if code := run(ctx, args, strings.NewReader(""), &o, &e); code != want {
		t.Fatalf("lore %s: exit %d, want %d\n%s%s", strings.Join(args, " "), code, want, o.String(), e.String())
	}
	return o.String(), e.String()
}

func wantText(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s: %q is not in\n%s", what, part, text)
		}
	}
}

func TestModelSwitch(t *testing.T) {
	for _, kind := range []string{"sqlite", "qdrant"} {
		t.Run(kind, func(t *testing.T) {
			isolate(t)
			if kind == "qdrant" {
				t.Setenv("LORE_STORE", "qdrant://"+qdranttest.Start(t).Address())
			}
			testModelSwitch(t, startEmbeddings(t))
		})
	}
}

func testModelSwitch(t *testing.T, e *embeddingServer) {
	ctx := t.Context()
	docs := t.TempDir()
	write := func(i int, text string) {
		if err := os.WriteFile(filepath.Join(docs, fmt.Sprintf("note%03d.md", i)), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const notes = 500 // several batches
	for i := range notes {
		write(i, fmt.Sprintf("# Note %d\n\nThe item with number %d lies in shelf %d of the northern store.\n", i, i, i%17))
	}
	lore(t, ctx, exitOK, "--embedder", "openai:small", "index", docs)
	search := func(embedder string) {
		t.Helper()
		out, errs := lore(t, ctx, exitOK, "--embedder", embedder, "search", "item number 77 shelf")
		wantText(t, "search", out, "note077.md")
		if strings.Contains(errs, "words alone") {
			t.Errorf("search by %s: %s", embedder, errs)
		}
	}
	search("openai:small")
	_, errs := lore(t, ctx, exitFailure, "--embedder", "openai:large", "search", "item")
	wantText(t, "another model", errs, "openai:small/8/", "openai:large/12/", "lore model switch openai:large", "--embedder openai:small")
	_, errs = lore(t, ctx, exitFailure, "model", "switch", "--rollback")
	wantText(t, "rollback of nothing", errs, "no earlier model")
	_, errs = lore(t, ctx, exitUsage, "model", "switch", "none")
	wantText(t, "switch to none", errs, "--embedder none")
	_, errs = lore(t, ctx, exitUsage, "model", "switch", "magic")
	wantText(t, "switch to nonsense", errs, `"magic" is not known`)
	lore(t, ctx, exitUsage, "model", "switch", "openai:large", "--abandon")
	_, errs = lore(t, ctx, exitOK, "model", "switch", "openai:small")
	wantText(t, "switch to the same", errs, "already")
	_, errs = lore(t, ctx, exitOK, "model", "switch", "--abandon")
	wantText(t, "abandon nothing", errs, "no switch is under way")

	// Interrupted half-way, everything is as before.
	half, interrupt := context.WithCancel(ctx)
	e.set(func(string, []string) bool {
		if e.embedded("large") > notes/2 {
			interrupt()
		}
		return true
	})
	_, errs = lore(t, half, exitInterrupted, "model", "switch", "openai:large")
	wantText(t, "interrupted", errs, "goes on from here", "openai:small/8/")
	e.set(nil)
	var status struct {
		Current, Next, Previous *reportedModel
	}
	read := func() {
		t.Helper()
		status.Current, status.Next, status.Previous = nil, nil, nil
		out, _ := lore(t, ctx, exitOK, "model", "status", "--json")
		if err := json.Unmarshal([]byte(out), &status); err != nil {
			t.Fatal(err)
		}
	}
	read()
	if status.Current.Embedder != "openai:small" || status.Next == nil || status.Next.Embedder != "openai:large" || status.Previous != nil ||
		status.Next.Embedded < 100 || status.Next.Embedded >= notes || status.Next.Chunks != notes {
		t.Errorf("under way: %+v, next %+v", status.Current, status.Next)
	}
	out, _ := lore(t, ctx, exitOK, "model", "status")
	wantText(t, "status", out, "openai:small/8/", "lore model switch openai:large")
	search("openai:small")
	_, errs = lore(t, ctx, exitFailure, "model", "switch", "openai:large-too")
	wantText(t, "a third model", errs, "under way", "openai:large")

	// Documents change meanwhile, and the server of the model fails.
	write(0, "# Note 0\n\nThis one speaks of a lighthouse now.\n")
	if err := os.Remove(filepath.Join(docs, "note001.md")); err != nil {
		t.Fatal(err)
	}
	lore(t, ctx, exitOK, "--embedder", "openai:small", "index")
	e.set(func(_ string, texts []string) bool { return strings.HasSuffix(texts[0], "lore") }) // it says hello
	before, had := e.embedded("large"), status.Next.Embedded
	_, errs = lore(t, ctx, exitFailure, "model", "switch", "openai:large")
	wantText(t, "the server fails", errs, "not switched", "openai:small/8/", "lore model switch openai:large")
	e.set(nil)

	// Then it gets through, and has not embedded anything twice.
	out, errs = lore(t, ctx, exitOK, "model", "switch", "openai:large")
	wantText(t, "switched", out, "openai:large/12/", fmt.Sprintf("%d of %d chunks", notes-1, notes-1))
	wantText(t, "switched", errs, "--embedder openai:large", "LORE_EMBEDDER=openai:large", "--rollback")
	if n := e.embedded("large") - before; n > notes-had+10 {
		t.Errorf("%d texts were embedded, %d of %d had their vectors", n, had, notes)
	}
	read()
	if status.Current.Embedder != "openai:large" || status.Current.Embedded != notes-1 || status.Next != nil || status.Previous.Embedder != "openai:small" {
		t.Errorf("switched: %+v, next %+v, previous %+v", status.Current, status.Next, status.Previous)
	}
	search("openai:large")
	lore(t, ctx, exitFailure, "--embedder", "openai:small", "search", "item")
	lore(t, ctx, exitOK, "--embedder", "openai:large", "index")
	doctor := func(embedder string) {
		t.Helper()
		out, _ := lore(t, ctx, exitOK, "--embedder", embedder, "doctor")
		if strings.Contains(out, "problem") {
			t.Errorf("doctor:\n%s", out)
		}
	}
	doctor("openai:large")

	// And back, and to the third at once.
	small := e.embedded("small")
	lore(t, ctx, exitOK, "model", "switch", "--rollback")
	search("openai:small")
	doctor("openai:small")
	if n := e.embedded("small") - small; n > 10 {
		t.Errorf("the way back embedded %d texts", n)
	}
	lore(t, ctx, exitOK, "model", "switch", "--forget")
	_, errs = lore(t, ctx, exitFailure, "model", "switch", "--rollback")
	wantText(t, "rollback after --forget", errs, "no earlier model")
	_, errs = lore(t, ctx, exitOK, "model", "switch", "openai:large-too", "--no-wait")
	wantText(t, "not waiting", errs, "index` makes the vectors")
	lore(t, ctx, exitOK, "--embedder", "openai:large-too", "index")
	read()
	if status.Current.Embedder != "openai:large-too" || status.Current.Embedded != notes-1 {
		t.Errorf("after --no-wait and index: %+v", status.Current)
	}
	search("openai:large-too")
	doctor("openai:large-too")
}
