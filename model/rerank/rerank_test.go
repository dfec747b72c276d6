package rerank

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/lore-kb/lore/model"
)

// overlap scores a text by the words that it shares with the query.
func overlap(query, text string) float64 {
	n := 0
	for _, w := range strings.Fields(query) {
		if strings.Contains(text, w) {
			n++
		}
	}
	return float64(n)
}

// serve answers as a server of one shape does, the last text first; it refuses
// what a server of the shape would not understand.
func serve(t *testing.T, path string, reply func(w http.ResponseWriter, query string, texts []string)) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Model, Query     string
			Documents, Texts []string
			TopN             int `json:"top_n"`
			Truncate         bool
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || r.URL.Path != path || r.Method != http.MethodPost {
			http.Error(w, "no such route "+r.URL.Path, http.StatusNotFound)
			return
		}
		if tei := path == "/rerank"; tei != (in.Texts != nil) || tei != in.Truncate || tei != (in.Model == "") || !tei && in.TopN != len(in.Documents) {
			http.Error(w, "wrong fields", http.StatusUnprocessableEntity)
			return
		}
		if r.Header.Get("Authorization") != "Bearer secret" {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		reply(w, in.Query, append(in.Documents, in.Texts...))
	}))
	t.Cleanup(server.Close)
	return server
}

func backwards(query string, texts []string, score string) string {
	var items []string
	for i, text := range texts {
		items = append(items, fmt.Sprintf(`{"index":%d,%q:%g,"document":{"text":"x"}}`, i, score, overlap(query, text)))
	}
	slices.Reverse(items)
	return "[" + strings.Join(items, ",") + "]"
}

func TestShapes(t *testing.T) {
	texts := []string{"a bird", "the old stone bridge", "stone", "nothing of it"}
	want := []float64{0, 2, 1, 0}
	wrapped := func(w http.ResponseWriter, q string, d []string) {
		fmt.Fprintf(w, `{"id":"1","results":%s,"usage":{"total_tokens":1}}`, backwards(q, d, "relevance_score"))
	}
	for _, c := range []struct {
		server Server
		model  string
		path   string // where the server listens
		url    string // what the user gives behind its address
		reply  func(w http.ResponseWriter, q string, d []string)
	}{
		{Jina, "j", "/v1/rerank", "", wrapped},
		{Jina, "j", "/v1/rerank", "/v1/", wrapped},
		{VLLM, "v", "/v1/rerank", "/v1/rerank", wrapped},
		{VLLM, "v", "/gateway/v1/rerank", "/gateway", func(w http.ResponseWriter, q string, d []string) {
			fmt.Fprintf(w, `{"object":"list","data":%s}`, backwards(q, d, "relevance_score"))
		}},
		{Cohere, "c", "/v2/rerank", "", wrapped},
		{TEI, "", "/rerank", "/", func(w http.ResponseWriter, q string, d []string) {
			if len(d) > teiBatch {
				http.Error(w, "batch too large", http.StatusRequestEntityTooLarge)
				return
			}
			fmt.Fprint(w, backwards(q, d, "score"))
		}},
	} {
		server := serve(t, c.path, c.reply)
		r, err := New(Options{Server: c.server, Model: c.model, URL: server.URL + c.url, APIKey: "secret"})
		if err != nil {
			t.Fatal(err)
		}
		got, err := r.Rerank(t.Context(), "stone bridge", texts)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s%s: %v, %v, want %v", r.Name(), c.url, got, err, want)
		}
		many := slices.Repeat(texts, 20)
		if got, err := r.Rerank(t.Context(), "stone bridge", many); err != nil || !slices.Equal(got, slices.Repeat(want, 20)) {
			t.Errorf("%s: %d of %d scores, %v", r.Name(), len(got), len(many), err)
		}
		if got, err := r.Rerank(t.Context(), "stone", nil); err != nil || len(got) != 0 {
			t.Errorf("%s without texts: %v, %v", r.Name(), got, err)
		}
	}
}

func TestFailures(t *testing.T) {
	for _, c := range []struct {
		name, reply string
		status      int
		kind        model.Kind
		says        string
	}{
		{"down", "model is loading", 503, model.KindUnavailable, "HTTP 503: model is loading"},
		{"busy", "", 429, model.KindRateLimit, "Too Many Requests"},
		{"too much", "payload", 413, model.KindTooLarge, "payload"},
		{"no JSON", "<html>", 200, model.KindInvalid, "not that of a reranking server"},
		{"one missing", `{"results":[{"index":0,"relevance_score":1}]}`, 200, model.KindInvalid, "1 scores for 2 texts"},
		{"one twice", `[{"index":0,"score":1},{"index":0,"score":1}]`, 200, model.KindInvalid, "does not fit"},
		{"out of range", `[{"index":0,"score":1},{"index":2,"score":1}]`, 200, model.KindInvalid, "does not fit"},
		{"no score", `[{"index":0},{"index":1}]`, 200, model.KindInvalid, "does not fit"},
		{"nothing", `{}`, 200, model.KindInvalid, "0 scores for 2 texts"},
	} {
		server := serve(t, "/v1/rerank", func(w http.ResponseWriter, _ string, _ []string) {
			w.WriteHeader(c.status)
			fmt.Fprint(w, c.reply)
		})
		r, err := New(Options{Server: VLLM, Model: "m", URL: server.URL, APIKey: "secret"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.Rerank(t.Context(), "q", []string{"a", "b"})
		var failure *model.Error
		if !errors.As(err, &failure) || failure.Kind != c.kind || !strings.Contains(failure.Message, c.says) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	server := serve(t, "/v1/rerank", nil)
	r, _ := New(Options{Server: VLLM, Model: "m", URL: server.URL, APIKey: "wrong"})
	var failure *model.Error
	if _, err := r.Rerank(t.Context(), "q", []string{"a"}); !errors.As(err, &failure) || failure.Kind != model.KindAuth {
		t.Errorf("wrong key: %v", err)
	}
	server.Close()
	if _, err := r.Rerank(t.Context(), "q", []string{"a"}); !errors.As(err, &failure) || !failure.Temporary() {
		t.Errorf("closed server: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Rerank(ended, "q", []string{"a"}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestNewErrors(t *testing.T) {
	for _, c := range []struct {
		options Options
		says    string
	}{
		{Options{Server: "x", Model: "m"}, "unknown reranking server"},
		{Options{Server: Jina, APIKey: "k"}, "model name missing: write it as jina:NAME"},
		{Options{Server: Jina, Model: "m"}, "no key"},
		{Options{Server: VLLM, Model: "m"}, "needs the address"},
		{Options{Server: TEI}, "needs the address"},
		{Options{Server: TEI, URL: "localhost:8080"}, "not an http:// or https:// URL"},
	} {
		if _, err := New(c.options); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("New(%+v) = %v", c.options, err)
		}
	}
}
