package api_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/lore-kb/lore/api"
	"github.com/lore-kb/lore/ask"
	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/ingest/extract"
	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/model/modeltest"
	"github.com/lore-kb/lore/retrieve"
	"github.com/lore-kb/lore/store"
	"github.com/lore-kb/lore/store/sqlitestore"
)

func TestMain(m *testing.M) {
	extract.MaybeChild()
	code := m.Run()
	stopBrowser()
	os.Exit(code)
}

// handbook indexes the example handbook into a folder, once for each test that
// asks.
func handbook(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	st, err := sqlitestore.Open(t.Context(), dir, sqlitestore.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	src, err := ingest.OpenFolder("../examples/handbook", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ingest.NewSyncer(st, extract.New(nil), nil).Sync(t.Context(), src); err != nil {
		t.Fatal(err)
	}
	return dir
}

// options serve an indexed folder.
func options(dir string, generator model.Generator) api.Options {
	return api.Options{
		Version: "test",
		Open: func(ctx context.Context, name string) (*api.Collection, error) {
			st, err := sqlitestore.Open(ctx, dir, sqlitestore.Options{Collection: name, ReadOnly: true})
			if err != nil {
				return nil, err
			}
			retriever := retrieve.New(st, nil)
			return &api.Collection{Store: st, Retriever: retriever, Assistant: ask.New(retriever, st, &ask.Options{Generator: generator})}, nil
		},
	}
}

func serve(t *testing.T, o api.Options) *httptest.Server {
	t.Helper()
	s, err := api.New(o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s.Handler())
	t.Cleanup(func() {
		server.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return server
}

// serveHandler serves what the caller closes; the address is returned.
func serveHandler(t *testing.T, s *api.Server) string {
	t.Helper()
	server := httptest.NewServer(s.Handler())
	t.Cleanup(server.Close)
	return server.URL
}

// request sends a request and returns status and body.
func request(t *testing.T, method, url, body string, headers ...string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text), resp.Header
}

type answer struct {
	Answer    string
	Status    string
	Citations []struct {
		Document   string
		DocumentID string `json:"document_id"`
		Quote      string
		Start, End int
		Verified   bool
	}
}

func TestAsk(t *testing.T) {
	server := serve(t, options(handbook(t), nil))
	for _, test := range []struct{ question, want, document, status string }{
		{"Is business class paid for?", "Business class is not paid for.", "policies/travel-and-expenses.md", "answered"},
		{"国内出差补贴每天多少钱？", "120元", "制度/差旅报销.md", "answered"},
		{"What is the boiling point of tungsten?", "", "", "not_found"},
	} {
		body, _ := json.Marshal(map[string]string{"question": test.question})
		status, text, _ := request(t, "POST", server.URL+"/v1/ask", string(body))
		var got answer
		if err := json.Unmarshal([]byte(text), &got); err != nil || status != http.StatusOK {
			t.Fatalf("%s: status %d, %v: %s", test.question, status, err, text)
		}
		if got.Status != test.status || !strings.Contains(got.Answer, test.want) {
			t.Errorf("%s: %s: %s", test.question, got.Status, got.Answer)
		}
		for _, c := range got.Citations {
			if c.Document != test.document || !c.Verified {
				t.Errorf("%s: cites %+v", test.question, c)
			}
			status, text, _ := request(t, "GET", server.URL+"/v1/documents/"+c.DocumentID, "")
			var document struct{ Text string }
			if err := json.Unmarshal([]byte(text), &document); err != nil || status != http.StatusOK {
				t.Fatalf("document: status %d, %v", status, err)
			}
			if document.Text[c.Start:c.End] != c.Quote {
				t.Errorf("quote %q does not stand at %d in its document", c.Quote, c.Start)
			}
		}
	}
}

// events reads a stream of server-sent events.
func events(t *testing.T, url, body string) (names []string, last string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if kind := resp.Header.Get("Content-Type"); kind != "text/event-stream" {
		t.Fatalf("content type %q", kind)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			names = append(names, name)
		}
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			last = data
		}
	}
	return names, last
}

func TestAskStreams(t *testing.T) {
	server := serve(t, options(handbook(t), nil))
	names, last := events(t, server.URL+"/v1/ask", `{"question":"Is business class paid for?"}`)
	if len(names) < 3 || names[0] != "passages" || names[len(names)-1] != "answer" {
		t.Errorf("events %v", names)
	}
	var got answer
	if err := json.Unmarshal([]byte(last), &got); err != nil || got.Status != "answered" {
		t.Errorf("%v: %s", err, last)
	}
}

func TestAskWithModel(t *testing.T) {
	generator := &modeltest.Generator{Answer: func(model.Request) string { return "Business class is not paid for. [1]" }}
	server := serve(t, options(handbook(t), generator))
	names, last := events(t, server.URL+"/v1/ask", `{"question":"Is business class paid for?"}`)
	if !strings.Contains(strings.Join(names, " "), "delta") || !strings.Contains(last, "not paid for") {
		t.Errorf("events %v, last %s", names, last)
	}
}

func TestSearchAndDocuments(t *testing.T) {
	server := serve(t, options(handbook(t), nil))
	status, text, _ := request(t, "POST", server.URL+"/v1/search", `{"query":"ERR-4012","explain":true,"filter":{"paths":["engineering/"]}}`)
	var found struct {
		Hits []struct{ Document, Text string }
	}
	if err := json.Unmarshal([]byte(text), &found); err != nil || status != http.StatusOK || len(found.Hits) == 0 {
		t.Fatalf("status %d, %v: %s", status, err, text)
	}
	for _, hit := range found.Hits {
		if !strings.HasPrefix(hit.Document, "engineering/") {
			t.Errorf("the filter let %s through", hit.Document)
		}
	}
	status, text, _ = request(t, "GET", server.URL+"/v1/documents?limit=5&offset=18", "")
	var documents struct {
		Documents []struct{ Path, Status string }
		More      bool
	}
	if err := json.Unmarshal([]byte(text), &documents); err != nil || status != http.StatusOK || len(documents.Documents) != 2 || documents.More {
		t.Errorf("status %d, %v: %s", status, err, text)
	}
	if status, text, _ = request(t, "GET", server.URL+"/v1/collections", ""); status != http.StatusOK || !strings.Contains(text, `"documents":20`) {
		t.Errorf("collections: %d %s", status, text)
	}
}

func TestErrors(t *testing.T) {
	server := serve(t, options(handbook(t), nil))
	tests := []struct {
		name, method, path, body string
		status                   int
		code                     string
	}{
		{"empty question", "POST", "/v1/ask", `{"question":"  "}`, 400, "empty_question"},
		{"no question", "POST", "/v1/ask", `{}`, 400, "invalid_request"},
		{"long question", "POST", "/v1/ask", `{"question":"` + strings.Repeat("x", 9000) + `"}`, 400, "invalid_request"},
		{"body too large", "POST", "/v1/ask", `{"question":"` + strings.Repeat("x", 2<<20) + `"}`, 413, "too_large"},
		{"not JSON", "POST", "/v1/ask", `hello`, 400, "invalid_request"},
		{"unknown field", "POST", "/v1/ask", `{"question":"x","qestion":"y"}`, 400, "invalid_request"},
		{"no such collection", "POST", "/v1/search", `{"query":"x","collection":"other"}`, 404, "no_such_collection"},
		{"collection outside", "POST", "/v1/search", `{"query":"x","collection":"../x"}`, 400, "invalid_request"},
		{"bad date", "POST", "/v1/search", `{"query":"x","filter":{"after":"yesterday"}}`, 400, "date"},
		{"no such document", "GET", "/v1/documents/nothing", "", 404, "not_found"},
		{"bad UTF-8", "POST", "/v1/search", "{\"query\":\"\xff\xfe business class\"}", 200, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			status, text, header := request(t, test.method, server.URL+test.path, test.body)
			if status != test.status {
				t.Fatalf("status %d, want %d: %s", status, test.status, text)
			}
			if header.Get("X-Request-Id") == "" {
				t.Error("no request id")
			}
			if test.code == "" {
				return
			}
			var got struct {
				Error struct{ Message, Type, Code string }
			}
			if err := json.Unmarshal([]byte(text), &got); err != nil || got.Error.Code != test.code || got.Error.Message == "" || got.Error.Type == "" {
				t.Errorf("%v: %s", err, text)
			}
		})
	}
}

func TestInternalTextStaysInside(t *testing.T) {
	server := serve(t, api.Options{Open: func(context.Context, string) (*api.Collection, error) {
		return nil, errors.New("open /home/me/secret.db: broken")
	}})
	status, text, _ := request(t, "GET", server.URL+"/v1/documents", "")
	if status != http.StatusInternalServerError || strings.Contains(text, "secret") {
		t.Errorf("%d %s", status, text)
	}
	if status, _, _ := request(t, "GET", server.URL+"/readyz", ""); status != http.StatusServiceUnavailable {
		t.Errorf("ready with a broken store: %d", status)
	}
	if status, _, _ := request(t, "GET", server.URL+"/healthz", ""); status != http.StatusOK {
		t.Errorf("not healthy: %d", status)
	}
}

func TestGuard(t *testing.T) {
	dir := handbook(t)
	open := serve(t, options(dir, nil))
	o := options(dir, nil)
	o.Token = "correct horse"
	closed := serve(t, o)
	tests := []struct {
		name, url string
		headers   []string
		status    int
	}{
		{"loopback", open.URL + "/v1/documents", nil, 200},
		{"rebound host", open.URL + "/v1/documents", []string{"Host", "evil.example"}, 421},
		{"rebound host, page", open.URL + "/", []string{"Host", "evil.example:7331"}, 421},
		{"localhost by name", open.URL + "/v1/documents", []string{"Host", "localhost:80"}, 200},
		{"another origin", open.URL + "/v1/documents", []string{"Origin", "https://evil.example"}, 403},
		{"null origin", open.URL + "/v1/documents", []string{"Origin", "null"}, 403},
		{"own origin", open.URL + "/v1/documents", []string{"Origin", open.URL}, 200},
		{"no token", closed.URL + "/v1/documents", nil, 401},
		{"wrong token", closed.URL + "/v1/documents", []string{"Authorization", "Bearer correct hors"}, 401},
		{"token", closed.URL + "/v1/documents", []string{"Authorization", "Bearer correct horse"}, 200},
		{"token as key", closed.URL + "/v1/documents", []string{"X-Api-Key", "correct horse"}, 200},
		{"page without token", closed.URL + "/", nil, 200},
		{"health without token", closed.URL + "/healthz", nil, 200},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			status, text, header := request(t, "GET", test.url, "", test.headers...)
			if status != test.status {
				t.Errorf("status %d, want %d: %.200s", status, test.status, text)
			}
			if status == 401 && header.Get("WWW-Authenticate") == "" {
				t.Error("no WWW-Authenticate")
			}
			if !strings.Contains(header.Get("Content-Security-Policy"), "script-src 'self'") {
				t.Error("no content security policy")
			}
		})
	}
}

// blocked is an assistant that waits until it is let go.
type blocked struct{ begun, release chan struct{} }

func (b blocked) Ask(ctx context.Context, q ask.Question, _ func(ask.Event) error) (*ask.Answer, error) {
	b.begun <- struct{}{}
	select {
	case <-b.release:
		return &ask.Answer{Question: q.Text, Text: "done", Status: ask.StatusAnswered}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// empty is a store with nothing in it; only what is asked of it is there.
type empty struct{ store.Store }

func (empty) Close() error { return nil }

func TestBusyAndGraceful(t *testing.T) {
	b := blocked{make(chan struct{}, 1), make(chan struct{})}
	s, err := api.New(api.Options{MaxConcurrent: 1, Open: func(context.Context, string) (*api.Collection, error) {
		return &api.Collection{Store: empty{}, Assistant: b}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, listener) }()
	url := "http://" + listener.Addr().String()

	first := make(chan string, 1)
	go func() {
		resp, err := http.Post(url+"/v1/ask", "application/json", strings.NewReader(`{"question":"first?"}`))
		if err != nil {
			first <- err.Error()
			return
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		first <- fmt.Sprint(resp.StatusCode, " ", string(text))
	}()
	<-b.begun
	if status, text, header := request(t, "POST", url+"/v1/ask", `{"question":"second?"}`); status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" {
		t.Errorf("second request: %d %s", status, text)
	}
	stop()
	close(b.release)
	if got := <-first; !strings.HasPrefix(got, "200 ") || !strings.Contains(got, "done") {
		t.Errorf("the answer under way was cut off: %s", got)
	}
	if err := <-served; err != nil {
		t.Errorf("serve: %v", err)
	}
}

func TestPanicIsAnError(t *testing.T) {
	server := serve(t, api.Options{Open: func(context.Context, string) (*api.Collection, error) { panic("bug") }})
	status, text, _ := request(t, "GET", server.URL+"/v1/documents", "")
	if status != http.StatusInternalServerError || strings.Contains(text, "bug") {
		t.Errorf("%d %s", status, text)
	}
}

func TestOpenAPI(t *testing.T) {
	server := serve(t, options(t.TempDir(), nil))
	status, text, _ := request(t, "GET", server.URL+"/openapi.json", "")
	var document struct {
		OpenAPI string
		Paths   map[string]any
	}
	if err := json.Unmarshal([]byte(text), &document); err != nil || status != http.StatusOK {
		t.Fatal(status, err)
	}
	for _, path := range []string{"/v1/ask", "/v1/search", "/v1/documents", "/v1/documents/{id}", "/v1/collections"} {
		if document.Paths[path] == nil {
			t.Errorf("%s is not described", path)
		}
	}
	if !bytes.Contains([]byte(document.OpenAPI), []byte("3.1")) {
		t.Errorf("OpenAPI %s", document.OpenAPI)
	}
}

func TestTimeout(t *testing.T) {
	b := blocked{make(chan struct{}, 1), make(chan struct{})}
	server := serve(t, api.Options{Timeout: 20 * time.Millisecond, Open: func(context.Context, string) (*api.Collection, error) {
		return &api.Collection{Store: empty{}, Assistant: b}, nil
	}})
	if status, text, _ := request(t, "POST", server.URL+"/v1/ask", `{"question":"long?"}`); status != http.StatusGatewayTimeout {
		t.Errorf("%d %s", status, text)
	}
}
