package langchain_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/model/langchain"
)

var hello = model.Request{Messages: []model.Message{{Role: model.RoleSystem, Text: "be brief"}, {Role: model.RoleUser, Text: "hello"}}}

// serve starts a server and returns a generator for it.
func serve(t *testing.T, provider langchain.Provider, handler http.HandlerFunc) *langchain.Generator {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	base := server.URL + "/v1"
	if provider == langchain.Ollama {
		base = strings.TrimPrefix(server.URL, "http://")
	}
	g, err := langchain.NewGenerator(langchain.Options{Provider: provider, Model: "m", BaseURL: base})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// events answers with an event stream.
func events(lines ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for _, line := range lines {
			fmt.Fprintf(w, "%s\n\n", line)
			w.(http.Flusher).Flush()
		}
	}
}

func status(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

const (
	pieceA = `data: {"choices":[{"delta":{"content":"par"}}]}`
	pieceB = `data: {"choices":[{"delta":{"content":"tial"}}]}`
	stop   = `data: {"choices":[{"delta":{},"finish_reason":"stop"}]}`
	usage  = `data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":7}}`
	done   = `data: [DONE]`
)

func TestGenerate(t *testing.T) {
	long := strings.Repeat("长x", 40_000)
	tests := []struct {
		name    string
		handler http.HandlerFunc
		text    string
		reason  model.StopReason
		kind    model.Kind // of the error; "" for none
		message string     // part of it
	}{
		{name: "stream", handler: events(pieceA, pieceB, stop, usage, done), text: "partial", reason: model.StopEnd},
		{name: "comments and other fields", handler: events(": ping", "event: x", pieceA, stop, done), text: "par", reason: model.StopEnd},
		{name: "no DONE but a finish reason", handler: events(pieceA, stop), text: "par", reason: model.StopEnd},
		{name: "finish reason before the last piece of nothing", handler: events(pieceA, stop, `data: {"choices":[{"delta":{"content":""}}]}`, done), text: "par", reason: model.StopEnd},
		{name: "length", handler: events(pieceA, `data: {"choices":[{"delta":{},"finish_reason":"length"}]}`, done), text: "par", reason: model.StopLength},
		{name: "line beyond 64 KiB", handler: events(`data: {"choices":[{"delta":{"content":"`+long+`"}}]}`, stop, done), text: long, reason: model.StopEnd},
		{name: "one JSON value instead of a stream", handler: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"choices":[{"message":{"content":"whole"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}`)
		}, text: "whole", reason: model.StopEnd},

		{name: "error inside the stream", handler: events(pieceA, `data: {"error":{"message":"overloaded","code":503}}`), kind: model.KindUnavailable, message: "overloaded"},
		{name: "error inside a 200", handler: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"error":"model is loading"}`)
		}, kind: model.KindInvalid, message: "model is loading"},
		{name: "stream ends early", handler: events(pieceA), kind: model.KindTruncated},
		{name: "connection breaks", handler: func(w http.ResponseWriter, r *http.Request) {
			events(pieceA)(w, r)
			panic(http.ErrAbortHandler)
		}, kind: model.KindTruncated, message: "connection broke"},
		{name: "500 with an empty body", handler: status(500, ""), kind: model.KindUnavailable, message: "HTTP 500"},
		{name: "502 of a proxy", handler: status(502, "<html>bad gateway</html>"), kind: model.KindUnavailable, message: "a web page"},
		{name: "401", handler: status(401, `{"error":{"message":"bad key"}}`), kind: model.KindAuth, message: "check the API key"},
		{name: "404", handler: status(404, `{"error":{"message":"no model m"}}`), kind: model.KindNotFound, message: "no model m"},
		{name: "context length", handler: status(400, `{"error":{"message":"This model's maximum context length is 4096 tokens","code":"context_length_exceeded"}}`), kind: model.KindTooLarge},
		{name: "a web page", handler: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<html>hi</html>")
		}, kind: model.KindInvalid, message: "OpenAI-compatible"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			g := serve(t, langchain.OpenAI, test.handler)
			var streamed strings.Builder
			got, err := g.Generate(t.Context(), hello, func(d model.Delta) error { streamed.WriteString(d.Text); return nil })
			if test.kind != "" {
				var failure *model.Error
				if !errors.As(err, &failure) || failure.Kind != test.kind || !strings.Contains(failure.Error(), test.message) {
					t.Fatalf("got %v, want a %s error with %q", err, test.kind, test.message)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.Text != test.text || streamed.String() != test.text || got.StopReason != test.reason {
				t.Errorf("got %.80q (%d bytes), stop %s; streamed %d bytes", got.Text, len(got.Text), got.StopReason, streamed.Len())
			}
		})
	}
}

func TestGenerateRequest(t *testing.T) {
	var body map[string]any
	g := serve(t, langchain.OpenAI, func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); got != "Bearer none" {
			t.Errorf("Authorization %q", got)
		}
		_ = json.NewDecoder(r.Body).Decode(&body)
		events(pieceA, stop, usage, done)(w, r)
	})
	req := hello
	req.MaxTokens, req.Stop = 9, []string{"END"}
	got, err := g.Generate(t.Context(), req, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.Usage != (model.Usage{PromptTokens: 3, CompletionTokens: 7}) {
		t.Errorf("usage %+v", got.Usage)
	}
	if body["max_tokens"] != 9.0 || body["max_completion_tokens"] != nil {
		t.Errorf("limit sent as %v / %v, want max_tokens 9 alone", body["max_tokens"], body["max_completion_tokens"])
	}
	if body["temperature"] != 0.0 || body["model"] != "m" || body["tools"] != nil {
		t.Errorf("body %v", body)
	}
}

func TestGenerateRetries(t *testing.T) {
	var calls atomic.Int32
	g := serve(t, langchain.OpenAI, func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) == 1 {
			w.Header().Set("Retry-After", "0.01")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		events(pieceA, stop, done)(w, r)
	})
	got, err := g.Generate(t.Context(), hello, nil)
	if err != nil || got.Text != "par" || calls.Load() != 2 {
		t.Fatalf("got %v, %v after %d calls", got, err, calls.Load())
	}
}

func TestGenerateRetryAfterTooLong(t *testing.T) {
	var calls atomic.Int32
	g := serve(t, langchain.OpenAI, func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		w.Header().Set("Retry-After", "7000")
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(w, `{"error":{"message":"slow down"}}`)
	})
	_, err := g.Generate(t.Context(), hello, nil)
	var failure *model.Error
	if !errors.As(err, &failure) || failure.Kind != model.KindRateLimit || failure.RetryAfter != 7000*time.Second || calls.Load() != 1 {
		t.Fatalf("got %v after %d calls", err, calls.Load())
	}
}

func TestGenerateCancelled(t *testing.T) {
	g := serve(t, langchain.OpenAI, func(w http.ResponseWriter, r *http.Request) {
		events(pieceA)(w, r)
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	_, err := g.Generate(ctx, hello, func(model.Delta) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled in the middle: %v", err)
	}
	if _, err := g.Generate(ctx, hello, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before: %v", err)
	}
}

func TestGenerateStalled(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		events(pieceA)(w, r)
		<-r.Context().Done()
	}))
	defer server.Close()
	g, err := langchain.NewGenerator(langchain.Options{Provider: langchain.OpenAI, Model: "m", BaseURL: server.URL, Timeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	_, err = g.Generate(t.Context(), hello, nil)
	var failure *model.Error
	if !errors.As(err, &failure) || (failure.Kind != model.KindTimeout && failure.Kind != model.KindTruncated) {
		t.Fatalf("got %v", err)
	}
}

func TestGenerateYieldStops(t *testing.T) {
	g := serve(t, langchain.OpenAI, events(pieceA, pieceB, stop, done))
	enough := errors.New("enough")
	if _, err := g.Generate(t.Context(), hello, func(model.Delta) error { return enough }); !errors.Is(err, enough) {
		t.Fatalf("got %v", err)
	}
}

func TestGenerateNothingListens(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	g, err := langchain.NewGenerator(langchain.Options{Provider: langchain.Ollama, Model: "m", BaseURL: address})
	if err != nil {
		t.Fatal(err)
	}
	_, err = g.Generate(t.Context(), hello, nil)
	var failure *model.Error
	if !errors.As(err, &failure) || failure.Kind != model.KindUnavailable || !strings.Contains(err.Error(), "is the server running?") {
		t.Fatalf("got %v", err)
	}
}

func TestGenerateOllama(t *testing.T) {
	g := serve(t, langchain.Ollama, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/chat/completions" {
			t.Errorf("path %s", r.URL.Path)
		}
		events(pieceA, stop, done)(w, r)
	})
	if got, err := g.Generate(t.Context(), hello, nil); err != nil || got.Text != "par" {
		t.Fatalf("got %v, %v", got, err)
	}
	missing := serve(t, langchain.Ollama, status(404, `{"error":{"message":"model \"m\" not found"}}`))
	if _, err := missing.Generate(t.Context(), hello, nil); err == nil || !strings.Contains(err.Error(), "ollama pull m") {
		t.Fatalf("got %v", err)
	}
}

func TestGenerateAnthropic(t *testing.T) {
	var body map[string]any
	stream := []string{
		`data: {"type":"message_start","message":{"id":"1","role":"assistant","type":"message","model":"m","usage":{"input_tokens":5,"output_tokens":1}}}`,
		`data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`,
		`data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"par"}}`,
		`data: {"type":"content_block_stop","index":0}`,
		`data: {"type":"message_delta","delta":{"stop_reason":"max_tokens"},"usage":{"output_tokens":4}}`,
		`data: {"type":"message_stop"}`,
	}
	g := serve(t, langchain.Anthropic, func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewDecoder(r.Body).Decode(&body)
		events(stream...)(w, r)
	})
	got, err := g.Generate(t.Context(), hello, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.Text != "par" || got.StopReason != model.StopLength || got.Usage.CompletionTokens != 4 {
		t.Errorf("got %+v", got)
	}
	if body["model"] != "m" || body["max_tokens"] != 1024.0 || body["system"] != "be brief" {
		t.Errorf("body %v", body)
	}
	broken := serve(t, langchain.Anthropic, events(stream[:3]...))
	var failure *model.Error
	if _, err := broken.Generate(t.Context(), hello, nil); !errors.As(err, &failure) || failure.Kind != model.KindTruncated {
		t.Errorf("broken stream: %v", err)
	}
	overloaded := serve(t, langchain.Anthropic, events(stream[0], `data: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`))
	if _, err := overloaded.Generate(t.Context(), hello, nil); !errors.As(err, &failure) || failure.Kind != model.KindUnavailable {
		t.Errorf("error event: %v", err)
	}
}

func TestOptionsErrors(t *testing.T) {
	tests := []struct {
		opts langchain.Options
		want string
	}{
		{langchain.Options{Provider: langchain.OpenAI}, "model name missing"},
		{langchain.Options{Provider: "mistral", Model: "m"}, "unknown model provider"},
		{langchain.Options{Provider: langchain.OpenAI, Model: "m"}, "OPENAI_API_KEY"},
		{langchain.Options{Provider: langchain.Anthropic, Model: "m"}, "ANTHROPIC_API_KEY"},
		{langchain.Options{Provider: langchain.OpenAI, Model: "m", BaseURL: "localhost:1234"}, "not an http"},
	}
	for _, test := range tests {
		if _, err := langchain.NewGenerator(test.opts); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: got %v, want %q", test.opts, err, test.want)
		}
	}
}

// TestSchema asks servers that know schemas, refuse them and ignore them.
func TestSchema(t *testing.T) {
	request := hello
	request.Schema = json.RawMessage(`{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"],"additionalProperties":false}`)
	var formats []string
	answer := func(refuse bool) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			var body struct {
				Format struct {
					Type   string `json:"type"`
					Schema struct {
						Schema struct {
							Required []string `json:"required"`
						} `json:"schema"`
					} `json:"json_schema"`
				} `json:"response_format"`
			}
			if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
				t.Error(err)
			}
			formats = append(formats, body.Format.Type+strings.Join(body.Format.Schema.Schema.Required, ","))
			if refuse && body.Format.Type != "" {
				status(http.StatusBadRequest, `{"error":{"message":"response_format is not supported"}}`)(w, r)
				return
			}
			events(pieceA, pieceB, stop, done)(w, r)
		}
	}
	tests := []struct {
		name     string
		provider langchain.Provider
		refuse   bool
		want     string // formats of two calls
	}{
		{"knows", langchain.OpenAI, false, "[json_scheman json_scheman]"},
		{"knows, ollama", langchain.Ollama, false, "[json_scheman json_scheman]"},
		{"refuses, and is not asked twice", langchain.OpenAI, true, "[json_scheman  ]"},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			formats = nil
			g := serve(t, c.provider, answer(c.refuse))
			for range 2 {
				got, err := g.Generate(t.Context(), request, nil)
				if err != nil || got.Text != "partial" {
					t.Fatalf("%+v, %v", got, err)
				}
			}
			if fmt.Sprint(formats) != c.want {
				t.Errorf("asked for %q, want %q", fmt.Sprint(formats), c.want)
			}
		})
	}
	// A request that is wrong for another reason stays wrong, and the next one may have a schema.
	calls := 0
	g := serve(t, langchain.OpenAI, func(w http.ResponseWriter, r *http.Request) {
		calls++
		status(http.StatusBadRequest, `{"error":{"message":"no"}}`)(w, r)
	})
	for range 2 {
		if _, err := g.Generate(t.Context(), request, nil); err == nil {
			t.Fatal("no error")
		}
	}
	if calls != 4 {
		t.Errorf("%d calls, want two with and two without a schema", calls)
	}
}
