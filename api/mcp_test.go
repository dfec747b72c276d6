package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/lore-kb/lore/api"
	"github.com/lore-kb/lore/ask"
)

// connect returns a client's session with a server over HTTP and one over a
// pipe.
func connect(t *testing.T) map[string]*mcp.ClientSession {
	t.Helper()
	dir := handbook(t)
	overHTTP := serve(t, options(dir, nil))
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	one, err := client.Connect(t.Context(), &mcp.StreamableClientTransport{Endpoint: overHTTP.URL + "/mcp", MaxRetries: -1, DisableStandaloneSSE: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	server, err := api.New(options(dir, nil))
	if err != nil {
		t.Fatal(err)
	}
	near, far := mcp.NewInMemoryTransports()
	ended := make(chan error, 1)
	go func() { ended <- server.ServeMCP(t.Context(), far) }()
	two, err := client.Connect(t.Context(), near, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		one.Close()
		two.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		server.Close()
	})
	return map[string]*mcp.ClientSession{"http": one, "pipe": two}
}

func TestMCP(t *testing.T) {
	for name, session := range connect(t) {
		t.Run(name, func(t *testing.T) {
			tools, err := session.ListTools(t.Context(), nil)
			if err != nil || len(tools.Tools) != 5 {
				t.Fatalf("%d tools, %v", len(tools.Tools), err)
			}
			call := func(tool string, arguments map[string]any, into any) *mcp.CallToolResult {
				t.Helper()
				result, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: tool, Arguments: arguments})
				if err != nil {
					t.Fatalf("%s: %v", tool, err)
				}
				if into != nil {
					encoded, _ := json.Marshal(result.StructuredContent)
					if err := json.Unmarshal(encoded, into); err != nil {
						t.Fatalf("%s: %v: %s", tool, err, encoded)
					}
				}
				return result
			}
			var answer struct {
				Answer, Status string
				Citations      []struct {
					ID         string `json:"document_id"`
					Quote      string
					Start, End int
				}
			}
			call("ask", map[string]any{"question": "Is business class paid for?"}, &answer)
			if answer.Status != "answered" || len(answer.Citations) == 0 {
				t.Fatalf("answer %+v", answer)
			}
			c := answer.Citations[0]
			var cut struct{ Text string }
			call("get_document", map[string]any{"document_id": c.ID, "start": c.Start, "end": c.End}, &cut)
			if cut.Text != c.Quote {
				t.Errorf("the document holds %q there, not %q", cut.Text, c.Quote)
			}
			var found struct{ Passages []struct{ Document string } }
			call("search", map[string]any{"query": "ERR-4012", "limit": 1}, &found)
			if len(found.Passages) != 1 {
				t.Errorf("search %+v", found)
			}
			var listed struct{ Documents []struct{ Path string } }
			call("list_documents", map[string]any{"paths": []string{"support/"}}, &listed)
			if len(listed.Documents) != 2 {
				t.Errorf("documents %+v", listed)
			}
			call("list_collections", nil, nil)
			if result := call("get_document", map[string]any{"document_id": "nothing"}, nil); !result.IsError {
				t.Error("a document that is not there was read")
			}
			if result := call("search", map[string]any{"query": " "}, nil); !result.IsError {
				t.Error("an empty query was searched")
			}
			resource, err := session.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: "lore://document/" + c.ID})
			if err != nil || !strings.Contains(resource.Contents[0].Text, c.Quote) {
				t.Errorf("resource: %v", err)
			}
			resource, err = session.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: "lore://collection/default/document/" + c.ID})
			if err != nil || !strings.Contains(resource.Contents[0].Text, c.Quote) {
				t.Errorf("resource of a collection: %v", err)
			}
			for _, uri := range []string{"lore://collection/none/document/" + c.ID, "lore://collection//document/" + c.ID, "lore://collection/default/document/x", "lore://document/x"} {
				if _, err = session.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: uri}); err == nil {
					t.Errorf("%s was read", uri)
				}
			}
			prompt, err := session.GetPrompt(t.Context(), &mcp.GetPromptParams{Name: "ask_documents", Arguments: map[string]string{"question": "why?", "collection": "hr"}})
			if err != nil || len(prompt.Messages) != 1 || !strings.Contains(prompt.Messages[0].Content.(*mcp.TextContent).Text, "hr") {
				t.Errorf("prompt: %v", err)
			}
		})
	}
}

// TestMCPWriters shows that tools that write are there for who may write alone.
func TestMCPWriters(t *testing.T) {
	dir := handbook(t)
	o := writing(dir, options(dir, nil))
	o.Tokens = &api.Tokens{File: filepath.Join(dir, "tokens.json")}
	list := bearers(t, o.Tokens)
	server := serve(t, o)
	for _, b := range list {
		ask := func(body string) string {
			_, text, _ := request(t, "POST", server.URL+"/mcp", body, "Authorization", "Bearer "+b.secret, "Accept", "application/json, text/event-stream")
			return text
		}
		writes := b.token.Scope != api.ScopeRead
		if tools := ask(`{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}`); strings.Contains(tools, "remove_document") != writes {
			t.Errorf("%s: %s", b.name, tools)
		}
		if text := ask(tool("index_path", `{}`)); strings.Contains(text, `"job"`) != writes {
			t.Errorf("%s indexes: %s", b.name, text)
		}
	}
	for path, id := range listing(t, server.URL, "Authorization", "Bearer "+list[7].secret) {
		_, text, _ := request(t, "POST", server.URL+"/mcp", tool("remove_document", `{"document_id":"`+id+`"}`), "Authorization", "Bearer "+list[7].secret, "Accept", "application/json, text/event-stream")
		if !strings.Contains(text, `"removed":1`) {
			t.Errorf("%s: %s", path, text)
		}
		break
	}
	audit, err := os.ReadFile(filepath.Join(dir, "audit.jsonl"))
	if err != nil || strings.Count(string(audit), `"what":"index"`) != 2 || strings.Count(string(audit), `"what":"remove document"`) != 1 {
		t.Errorf("%v: %s", err, audit)
	}
}

// TestMCPProgress asks for progress over both transports.
func TestMCPProgress(t *testing.T) {
	dir := handbook(t)
	overHTTP := serve(t, options(dir, nil))
	server, err := api.New(options(dir, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	near, far := mcp.NewInMemoryTransports()
	ended := make(chan error, 1)
	go func() { ended <- server.ServeMCP(t.Context(), far) }()
	for name, transport := range map[string]mcp.Transport{"http": &mcp.StreamableClientTransport{Endpoint: overHTTP.URL + "/mcp", MaxRetries: -1, DisableStandaloneSSE: true}, "pipe": near} {
		steps := make(chan float64, 10)
		client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, &mcp.ClientOptions{
			ProgressNotificationHandler: func(_ context.Context, r *mcp.ProgressNotificationClientRequest) { steps <- r.Params.Progress },
		})
		session, err := client.Connect(t.Context(), transport, nil)
		if err != nil {
			t.Fatal(name, err)
		}
		params := &mcp.CallToolParams{Name: "ask", Arguments: map[string]any{"question": "Is business class paid for?"}}
		params.SetProgressToken("one")
		result, err := session.CallTool(t.Context(), params)
		if err != nil || result.IsError {
			t.Fatal(name, err, result)
		}
		if first := <-steps; first != 1 {
			t.Errorf("%s: the first step is %v", name, first)
		}
		session.Close()
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestMCPCancel ends a call that a client no longer waits for.
func TestMCPCancel(t *testing.T) {
	cancelled := make(chan error, 1)
	b := endWatch{blocked{make(chan struct{}, 1), make(chan struct{})}, cancelled}
	server, err := api.New(api.Options{Open: func(context.Context, string) (*api.Collection, error) {
		return &api.Collection{Store: empty{}, Assistant: b}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	near, far := mcp.NewInMemoryTransports()
	ended := make(chan error, 1)
	go func() { ended <- server.ServeMCP(t.Context(), far) }()
	session, err := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil).Connect(t.Context(), near, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	called := make(chan error, 1)
	go func() {
		_, err := session.CallTool(ctx, &mcp.CallToolParams{Name: "ask", Arguments: map[string]any{"question": "long?"}})
		called <- err
	}()
	<-b.begun
	cancel()
	if err := <-called; err == nil {
		t.Error("the call was answered")
	}
	if err := <-cancelled; !errors.Is(err, context.Canceled) {
		t.Errorf("the work ended with %v", err)
	}
	session.Close()
	<-ended
}

// endWatch tells how a blocked assistant ended.
type endWatch struct {
	blocked
	ended chan<- error
}

func (w endWatch) Ask(ctx context.Context, q ask.Question, yield func(ask.Event) error) (*ask.Answer, error) {
	answer, err := w.blocked.Ask(ctx, q, yield)
	w.ended <- err
	return answer, err
}
