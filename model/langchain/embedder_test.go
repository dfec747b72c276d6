package langchain_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/model/langchain"
)

// vectorServer answers embedding calls with [length of text, 1], last text
// first, and refuses calls of more than limit bytes.
func vectorServer(t *testing.T, limit int, calls *atomic.Int32) *httptest.Server {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		var req struct{ Input []string }
		_ = json.NewDecoder(r.Body).Decode(&req)
		total := 0
		items := make([]string, len(req.Input))
		for i, text := range req.Input {
			total += len(text)
			items[len(items)-1-i] = fmt.Sprintf(`{"index":%d,"embedding":[%d,1]}`, i, len(text))
		}
		if total > limit {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"error":{"message":"input length exceeds the context length"}}`)
			return
		}
		fmt.Fprintf(w, `{"data":[%s]}`, strings.Join(items, ","))
	}))
	t.Cleanup(server.Close)
	return server
}

func newEmbedder(t *testing.T, url, name string) *langchain.Embedder {
	t.Helper()
	e, err := langchain.NewEmbedder(t.Context(), langchain.Options{Provider: langchain.OpenAI, Model: name, BaseURL: url})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestEmbed(t *testing.T) {
	var calls atomic.Int32
	e := newEmbedder(t, vectorServer(t, 1<<20, &calls).URL, "m")
	texts := []string{"one\ntwo", "三", ""}
	before := append([]string(nil), texts...)
	got, err := e.Embed(t.Context(), model.TaskPassage, texts)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]float32{{7, 1}, {3, 1}, {1, 1}}, got); diff != "" {
		t.Errorf("order of the texts lost (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, texts); diff != "" {
		t.Errorf("the caller's texts changed:\n%s", diff)
	}
	if calls.Load() != 2 {
		t.Errorf("%d calls for a probe and one batch", calls.Load())
	}
	if got, err := e.Embed(t.Context(), model.TaskPassage, nil); err != nil || len(got) != 0 {
		t.Errorf("no texts: %v, %v", got, err)
	}
}

func TestEmbedPrefixes(t *testing.T) {
	var calls atomic.Int32
	e := newEmbedder(t, vectorServer(t, 1<<20, &calls).URL, "nomic-embed-text")
	query, err := e.Embed(t.Context(), model.TaskQuery, []string{"x"})
	if err != nil {
		t.Fatal(err)
	}
	passage, err := e.Embed(t.Context(), model.TaskPassage, []string{"x"})
	if err != nil {
		t.Fatal(err)
	}
	if query[0][0] != float32(len("search_query: x")) || passage[0][0] != float32(len("search_document: x")) {
		t.Errorf("prefixes not sent: %v, %v", query, passage)
	}
	if plain := newEmbedder(t, vectorServer(t, 1<<20, &calls).URL, "m"); plain.Info().Fingerprint == e.Info().Fingerprint {
		t.Error("models share a fingerprint")
	}
}

func TestEmbedTooLarge(t *testing.T) {
	var calls atomic.Int32
	e := newEmbedder(t, vectorServer(t, 100, &calls).URL, "m")
	texts := make([]string, 10)
	for i := range texts {
		texts[i] = strings.Repeat("x", 30+i)
	}
	texts[9] = strings.Repeat("y", 150)
	got, err := e.Embed(t.Context(), model.TaskPassage, texts)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 9 {
		if got[i][0] != float32(30+i) {
			t.Errorf("text %d has the vector of length %v", i, got[i][0])
		}
	}
	if got[9][0] != 75 {
		t.Errorf("long text embedded with length %v, want half", got[9][0])
	}
}

func TestEmbedFaults(t *testing.T) {
	tests := []struct{ name, probe, body, want string }{
		{"another dimension", `{"data":[{"index":0,"embedding":[1,2]}]}`, `{"data":[{"index":0,"embedding":[1,2,3]}]}`, "3 dimensions"},
		{"too few", `{"data":[{"index":0,"embedding":[1,2]}]}`, `{"data":[]}`, "empty"},
		{"zero vector", `{"data":[{"index":0,"embedding":[1,2]}]}`, `{"data":[{"index":0,"embedding":[0,0]}]}`, "not a number"},
		{"error in a 200", `{"data":[{"index":0,"embedding":[1,2]}]}`, `{"error":{"message":"out of memory"}}`, "out of memory"},
		{"not JSON", `{"data":[{"index":0,"embedding":[1,2]}]}`, `hello`, "not JSON"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var calls atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if calls.Add(1) == 1 {
					fmt.Fprint(w, test.probe)
					return
				}
				fmt.Fprint(w, test.body)
			}))
			defer server.Close()
			e := newEmbedder(t, server.URL, "m")
			_, err := e.Embed(t.Context(), model.TaskPassage, []string{"x"})
			var failure *model.Error
			if !errors.As(err, &failure) || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want %q", err, test.want)
			}
		})
	}
	if _, err := langchain.NewEmbedder(t.Context(), langchain.Options{Provider: langchain.Anthropic, Model: "m", APIKey: "k"}); err == nil {
		t.Error("anthropic embeds")
	}
}
