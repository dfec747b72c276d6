package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/lore-kb/lore/api"
	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/ingest/extract"
	"github.com/lore-kb/lore/store"
	"github.com/lore-kb/lore/store/sqlitestore"
)

// Every document holds a word that is in no other. What a token may not see must
// never be in an answer: neither the word nor the document's ID, path or title.
type planted struct{ collection, path, label, word string }

var plants = []planted{
	{"default", "policies/leave.md", "hr", "zanzibar"},
	{"default", "policies/travel.md", "hr", "quixotic"},
	{"default", "plans/budget.md", "hr", "marzipan"},
	{"second", "policies/other.md", "it", "obsidian"},
	{"second", "secrets/vault.md", "it", "periwinkle"},
}

// plant indexes the planted documents; the label is that of a root.
func plant(t *testing.T) (dir string, ids map[string]string) {
	t.Helper()
	dir = t.TempDir()
	ids = map[string]string{}
	for _, collection := range []string{"default", "second"} {
		docs, label := t.TempDir(), ""
		for _, p := range plants {
			if p.collection != collection {
				continue
			}
			label = p.label
			name := filepath.Join(docs, p.path)
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				t.Fatal(err)
			}
			text := fmt.Sprintf("# Title of %s\n\nThe password of this document is %s.\n", p.word, p.word)
			if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		st, err := sqlitestore.Open(t.Context(), dir, sqlitestore.Options{Collection: collection, Create: true})
		if err != nil {
			t.Fatal(err)
		}
		src, err := ingest.OpenFolder(docs, &ingest.FolderOptions{Labels: map[string]string{"team": label}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ingest.NewSyncer(st, extract.New(nil), &ingest.SyncOptions{Collection: collection}).Sync(t.Context(), src); err != nil {
			t.Fatal(err)
		}
		for info, err := range st.Documents(t.Context(), store.Filter{}) {
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range plants {
				if p.collection == collection && p.path == info.Path {
					ids[p.word] = info.ID
				}
			}
		}
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return dir, ids
}

// bearer is a token of the matrix, with the words that it may see.
type bearer struct {
	name   string
	token  api.Token
	sees   []string
	secret string
}

func bearers(t *testing.T, tokens *api.Tokens) []*bearer {
	t.Helper()
	list := []*bearer{
		{name: "read all", token: api.Token{Scope: api.ScopeRead}, sees: []string{"zanzibar", "quixotic", "marzipan", "obsidian", "periwinkle"}},
		{name: "read second", token: api.Token{Scope: api.ScopeRead, Collection: "second"}, sees: []string{"obsidian", "periwinkle"}},
		{name: "read policies", token: api.Token{Scope: api.ScopeRead, Paths: []string{"policies/"}}, sees: []string{"zanzibar", "quixotic", "obsidian"}},
		{name: "read a glob", token: api.Token{Scope: api.ScopeRead, Paths: []string{"**/*[lt]*a*e*.md"}, Collection: "default"}, sees: []string{"zanzibar", "quixotic"}},
		{name: "read label it", token: api.Token{Scope: api.ScopeRead, Labels: map[string]string{"team": "it"}}, sees: []string{"obsidian", "periwinkle"}},
		{name: "read both", token: api.Token{Scope: api.ScopeRead, Labels: map[string]string{"team": "it"}, Paths: []string{"policies"}}, sees: []string{"obsidian"}},
		{name: "write default", token: api.Token{Scope: api.ScopeWrite, Collection: "default"}, sees: []string{"zanzibar", "quixotic", "marzipan"}},
		{name: "admin", token: api.Token{Scope: api.ScopeAdmin}, sees: []string{"zanzibar", "quixotic", "marzipan", "obsidian", "periwinkle"}},
	}
	for _, b := range list {
		b.token.Name = b.name
		secret, _, err := tokens.Create(b.token)
		if err != nil {
			t.Fatal(b.name, err)
		}
		b.secret = secret
	}
	return list
}

// probe is one request of the matrix.
type probe struct {
	name, method, path, body string
	scope                    api.Scope
	echoes                   bool // the answer repeats the question
}

// probes are all routes, for one document, in each way to name a collection and
// a filter.
func probes(p planted, id string) []probe {
	var out []probe
	for _, collection := range []string{"", "default", "second"} {
		query := "?collection=" + collection
		for _, filter := range []string{"", `,"filter":{"paths":["` + p.path + `"]}`, `,"filter":{"paths":["**"]}`, `,"filter":{"labels":{"team":"` + p.label + `"}}`, `,"filter":{"documents":["` + id + `"]}`} {
			rest := `,"collection":"` + collection + `","explain":true` + filter + `}`
			out = append(out, probe{"search", "POST", "/v1/search", `{"query":"the password of this document"` + rest, api.ScopeRead, false})
			if filter == "" || strings.Contains(filter, "**") {
				out = append(out, probe{"ask", "POST", "/v1/ask", `{"question":"What is the password of this document?"` + rest, api.ScopeRead, false})
			}
		}
		rest := `,"collection":"` + collection + `","explain":true}`
		for _, inline := range []string{"path:" + p.path, "path:**", "label:team=" + p.label, "team:" + p.label, "type:md"} {
			out = append(out, probe{"inline " + inline, "POST", "/v1/search", `{"query":"password ` + inline + `"` + rest, api.ScopeRead, true})
		}
		out = append(out,
			probe{"word", "POST", "/v1/search", `{"query":"` + p.word + `"` + rest, api.ScopeRead, true},
			probe{"why not", "POST", "/v1/search/why-not", `{"query":"the password of this document","document":"` + p.path + `","collection":"` + collection + `"}`, api.ScopeRead, true},
			probe{"why not by ID", "POST", "/v1/search/why-not", `{"query":"the password of this document","document":"` + id + `","collection":"` + collection + `"}`, api.ScopeRead, true},
			probe{"list", "GET", "/v1/documents" + query, "", api.ScopeRead, false},
			probe{"list a path", "GET", "/v1/documents" + query + "&path=" + p.path, "", api.ScopeRead, false},
			probe{"list a glob", "GET", "/v1/documents" + query + "&path=**/*.md", "", api.ScopeRead, false},
			probe{"document", "GET", "/v1/documents/" + id + query, "", api.ScopeRead, false},
			probe{"content", "GET", "/v1/documents/" + id + "/content" + query, "", api.ScopeRead, false},
			probe{"text", "GET", "/v1/documents/" + id + "/text" + query, "", api.ScopeRead, false},
			probe{"upload", "POST", "/v1/documents" + query + "&name=../x", "x", api.ScopeWrite, false},
			probe{"fetch", "POST", "/v1/documents" + query, `{"url":"http://127.0.0.1/"}`, api.ScopeWrite, false},
			probe{"upload a file", "POST", "/v1/files" + query + "&name=../x", "x", api.ScopeWrite, false},
			probe{"conversation", "POST", "/v1/ask", `{"conversation":"new","question":"What is the password of this document?"` + rest, api.ScopeRead, false},
			probe{"mcp search", "POST", "/mcp", tool("search", `{"query":"the password of this document","collection":"`+collection+`","paths":["**/*.md"]}`), api.ScopeRead, false},
			probe{"mcp ask", "POST", "/mcp", tool("ask", `{"question":"What is the password of this document?","collection":"`+collection+`"}`), api.ScopeRead, false},
			probe{"mcp document", "POST", "/mcp", tool("get_document", `{"document_id":"`+id+`","collection":"`+collection+`"}`), api.ScopeRead, true},
			probe{"mcp documents", "POST", "/mcp", tool("list_documents", `{"collection":"`+collection+`"}`), api.ScopeRead, false},
			probe{"index", "POST", "/v1/index", `{"collection":"` + collection + `","path":"/nowhere"}`, api.ScopeWrite, false},
		)
	}
	for _, store := range []string{"default", "second"} {
		in := "/v1/vector_stores/" + store
		for _, filter := range []string{"", `,"filters":{"type":"eq","key":"path","value":"` + p.path + `"}`, `,"filters":{"type":"in","key":"path","value":["**"]}`,
			`,"filters":{"type":"eq","key":"team","value":"` + p.label + `"}`, `,"filters":{"type":"eq","key":"file_id","value":"` + id + `"}`} {
			out = append(out,
				probe{"store search", "POST", in + "/search", `{"query":"the password of this document"` + filter + `}`, api.ScopeRead, false},
				probe{"response", "POST", "/v1/responses", `{"input":"What is the password of this document?","store":false,"include":["file_search_call.results"],"tools":[{"type":"file_search","vector_store_ids":["` +
					store + `"]` + filter + `}]}`, api.ScopeRead, false})
		}
		out = append(out,
			probe{"store", "GET", in, "", api.ScopeRead, false},
			probe{"store files", "GET", in + "/files", "", api.ScopeRead, false},
			probe{"store file", "GET", in + "/files/" + id, "", api.ScopeRead, false},
			probe{"attach", "POST", in + "/files", `{"file_id":"` + id + `"}`, api.ScopeWrite, false},
			probe{"remove from store", "DELETE", in + "/files/none", "", api.ScopeWrite, false},
			probe{"remove nothing", "DELETE", "/v1/vector_stores/none", "", api.ScopeAdmin, false})
	}
	for _, model := range []string{"lore", "lore/default", "lore/second"} {
		out = append(out,
			probe{"response of a model", "POST", "/v1/responses", `{"model":"` + model + `","input":"What is the password of this document?","include":["file_search_call.results"]}`, api.ScopeRead, false},
			probe{"response stream", "POST", "/v1/responses", `{"stream":true,"store":false,"model":"` + model + `","input":"What is the password of this document? path:**","include":["file_search_call.results"]}`, api.ScopeRead, true},
			probe{"model", "GET", "/v1/models/" + model, "", api.ScopeRead, false})
		out = append(out, probe{"chat", "POST", "/v1/chat/completions", `{"model":"` + model + `","messages":[{"role":"user","content":"What is the password of this document?"}]}`, api.ScopeRead, false},
			probe{"stream", "POST", "/v1/chat/completions", `{"stream":true,"model":"` + model + `","messages":[{"role":"user","content":"What is the password of this document? path:**"}]}`, api.ScopeRead, false})
	}
	return append(out,
		probe{"resource", "POST", "/mcp", `{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"lore://document/` + id + `"}}`, api.ScopeRead, true},
		probe{"mcp collections", "POST", "/mcp", tool("list_collections", `{}`), api.ScopeRead, false},
		probe{"collections", "GET", "/v1/collections", "", api.ScopeRead, false},
		probe{"stores", "GET", "/v1/vector_stores", "", api.ScopeRead, false},
		probe{"files", "GET", "/v1/files", "", api.ScopeRead, false},
		probe{"file", "GET", "/v1/files/" + id, "", api.ScopeRead, false},
		probe{"file content", "GET", "/v1/files/" + id + "/content", "", api.ScopeRead, false},
		probe{"remove no file", "DELETE", "/v1/files/none", "", api.ScopeWrite, false},
		probe{"remove no collection", "DELETE", "/v1/collections/none", "", api.ScopeAdmin, false},
		probe{"response of nobody", "GET", "/v1/responses/resp_20260101-000000-00000000_1", "", api.ScopeRead, false},
		probe{"remove no response", "DELETE", "/v1/responses/resp_20260101-000000-00000000_1", "", api.ScopeRead, false},
		probe{"docs", "GET", "/docs", "", api.ScopeRead, false},
		probe{"description", "GET", "/openapi.json", "", api.ScopeRead, false},
		probe{"models", "GET", "/v1/models", "", api.ScopeRead, false},
		probe{"conversations", "GET", "/v1/conversations", "", api.ScopeRead, false},
		probe{"jobs", "GET", "/v1/jobs", "", api.ScopeWrite, false},
		probe{"metrics", "GET", "/metrics", "", api.ScopeAdmin, false},
		probe{"activity", "GET", "/v1/activity", "", api.ScopeAdmin, false},
		probe{"evals", "GET", "/v1/evals", "", api.ScopeAdmin, false},
		probe{"questions", "GET", "/v1/questions", "", api.ScopeAdmin, false},
		probe{"forget questions", "DELETE", "/v1/questions", "", api.ScopeAdmin, false},
		probe{"profiles", "GET", "/debug/pprof/", "", api.ScopeAdmin, false},
	)
}

// TestMatrixIsWhole has a probe for every route, or a reason for none.
func TestMatrixIsWhole(t *testing.T) {
	server, err := api.New(writing(t.TempDir(), options(t.TempDir(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	elsewhere := map[string]string{
		"GET /healthz": "tells nothing", "GET /readyz": "tells nothing", "GET /docs/docs.css": "a file", "GET /v1/session": "TestTokens",
		"POST /v1/embeddings": "of the client's own text", "POST /v1/feedback": "takes, and tells nothing", "POST /v1/collections": "TestCollectionScopes",
		"POST /v1/vector_stores": "as POST /v1/collections", "DELETE /v1/documents/{id}": "TestForeignWrites", "GET /v1/conversations/{id}": "TestConversationsAreOnesOwn",
		"DELETE /v1/conversations/{id}": "TestConversationsAreOnesOwn", "PATCH /v1/conversations/{id}": "TestConversationsAreOnesOwn", "GET /v1/jobs/{id}": "of a collection that is seen", "DELETE /v1/jobs/{id}": "of a collection that is seen",
	}
	for _, pattern := range server.Patterns() {
		method, path, ok := strings.Cut(pattern, " ")
		if !ok {
			method, path = "POST", pattern
		}
		expression := regexp.MustCompile("^" + regexp.MustCompile(`\{[a-z]+\}`).ReplaceAllString(strings.ReplaceAll(regexp.QuoteMeta(path), `\`, ""), `[^/]+`) + "/?$")
		if strings.HasSuffix(path, "...}") || strings.HasSuffix(path, "/") {
			expression = regexp.MustCompile("^" + regexp.QuoteMeta(path[:strings.LastIndexByte(strings.TrimSuffix(path, "/"), '/')]))
		}
		found := elsewhere[pattern] != "" || strings.HasPrefix(pattern, "GET /openapi")
		for _, probe := range probes(plants[0], "id") {
			path, _, _ := strings.Cut(probe.path, "?")
			found = found || probe.method == method && expression.MatchString(path)
		}
		if !found {
			t.Errorf("the matrix has no probe for %s", pattern)
		}
	}
}

func tool(name, arguments string) string {
	return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + name + `","arguments":` + arguments + `}}`
}

// TestNoLeaks is the matrix of every token, route, document, collection and
// filter.
func TestNoLeaks(t *testing.T) {
	dir, ids := plant(t)
	o := writing(dir, options(dir, nil))
	o.Remove = sqliteRemove(dir)
	o.Names = func(context.Context) ([]string, error) { return []string{"default", "second"}, nil }
	o.Tokens = &api.Tokens{File: filepath.Join(dir, "tokens.json")}
	list := bearers(t, o.Tokens)
	server := serve(t, o)
	tried, found := 0, map[string]bool{}
	for _, b := range list {
		mine := map[string]bool{}
		for _, word := range b.sees {
			mine[word] = true
		}
		held := []api.Scope{api.ScopeRead}
		switch b.token.Scope {
		case api.ScopeWrite:
			held = append(held, api.ScopeWrite)
		case api.ScopeAdmin:
			held = append(held, api.ScopeWrite, api.ScopeAdmin)
		}
		for _, p := range plants {
			for _, probe := range probes(p, ids[p.word]) {
				tried++
				status, text, _ := request(t, probe.method, server.URL+probe.path, probe.body, "Authorization", "Bearer "+b.secret,
					"Accept", "application/json, text/event-stream", "Accept-Encoding", "identity")
				if probe.name == "ask" {
					status, text, _ = request(t, probe.method, server.URL+probe.path, probe.body, "Authorization", "Bearer "+b.secret)
				}
				may := false
				for _, scope := range held {
					may = may || scope == probe.scope
				}
				if !may {
					if status != http.StatusForbidden {
						t.Errorf("%s: %s with the scope %s: %d", b.name, probe.name, b.token.Scope, status)
					}
					continue
				}
				if status == http.StatusForbidden && probe.name != "index" && probe.name != "fetch" || status >= 500 {
					t.Errorf("%s: %s: %d %s", b.name, probe.name, status, text)
				}
				if len(b.token.Paths)+len(b.token.Labels) > 0 && strings.Contains(text, "file://") {
					t.Errorf("%s: %s tells where files lie: %s", b.name, probe.name, text)
				}
				for _, other := range plants {
					if mine[other.word] {
						if !probe.echoes && strings.Contains(text, ids[other.word]) {
							found[b.name+other.word] = true
						}
						continue
					}
					shown := text
					if probe.echoes { // the client's own words
						for _, sent := range []string{p.path, p.word, ids[p.word]} {
							shown = strings.ReplaceAll(shown, sent, "")
						}
						shown = strings.ReplaceAll(shown, "lore://document/"+ids[p.word], "")
					}
					for _, secret := range []string{other.word, ids[other.word], other.path} {
						if strings.Contains(shown, secret) {
							t.Errorf("%s: %s %s %s tells %q: %s", b.name, probe.name, probe.path, probe.body, secret, text)
						}
					}
				}
			}
		}
		for _, word := range b.sees {
			if !found[b.name+word] {
				t.Errorf("%s never saw %s, which it may", b.name, word)
			}
		}
		// Counts are those of what is seen.
		_, text, _ := request(t, "GET", server.URL+"/v1/collections", "", "Authorization", "Bearer "+b.secret)
		var counted struct{ Collections []struct{ Documents int } }
		if err := json.Unmarshal([]byte(text), &counted); err != nil {
			t.Fatal(err, text)
		}
		total := 0
		for _, c := range counted.Collections {
			total += c.Documents
		}
		if total != len(b.sees) {
			t.Errorf("%s: counts %d documents of %d: %s", b.name, total, len(b.sees), text)
		}
	}
	t.Logf("%d requests", tried)
}

// TestForeignWrites tries to change what a token is not for.
func TestForeignWrites(t *testing.T) {
	dir, ids := plant(t)
	o := writing(dir, options(dir, nil))
	o.Names = func(context.Context) ([]string, error) { return []string{"default", "second"}, nil }
	o.Tokens = &api.Tokens{File: filepath.Join(dir, "tokens.json")}
	list := bearers(t, o.Tokens)
	server := serve(t, o)
	for _, b := range list {
		for _, test := range []struct{ method, path, body string }{
			{"DELETE", "/v1/documents/" + ids["periwinkle"] + "?collection=second", ""},
			{"DELETE", "/v1/documents/" + ids["periwinkle"], ""},
			{"POST", "/v1/documents?collection=second&name=x.md", "x"},
			{"POST", "/v1/index", `{"collection":"second"}`},
		} {
			if b.token.Scope == api.ScopeAdmin {
				continue
			}
			status, text, _ := request(t, test.method, server.URL+test.path, test.body, "Authorization", "Bearer "+b.secret)
			if want := map[api.Scope]int{api.ScopeRead: 403, api.ScopeWrite: 404}[b.token.Scope]; status != want {
				t.Errorf("%s: %s %s: %d, want %d: %s", b.name, test.method, test.path, status, want, text)
			}
		}
	}
	status, text, _ := request(t, "DELETE", server.URL+"/v1/documents/"+ids["zanzibar"], "", "Authorization", "Bearer "+list[6].secret)
	if status != 200 || !strings.Contains(text, `"removed":1,"deleted":false`) {
		t.Errorf("write default: %d %s", status, text)
	}
}

func TestTokens(t *testing.T) {
	dir := handbook(t)
	o := writing(dir, options(dir, nil))
	tokens := &api.Tokens{File: filepath.Join(dir, "tokens.json")}
	o.Tokens = &api.Tokens{File: tokens.File}
	server := serve(t, o)
	status := func(token string) int {
		status, _, _ := request(t, "GET", server.URL+"/v1/documents?limit=1", "", "Authorization", "Bearer "+token)
		return status
	}
	if got := status(""); got != 200 {
		t.Fatalf("before the first token: %d", got)
	}
	secret, made, err := tokens.Create(api.Token{Scope: api.ScopeRead})
	if err != nil {
		t.Fatal(err)
	}
	expired, _, err := tokens.Create(api.Token{Scope: api.ScopeRead, Expires: time.Now().Add(-time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	if status(secret) != 200 || status("") != 401 || status(secret+"x") != 401 || status(expired) != 401 || status(made.Hash) != 401 {
		t.Error("tokens are not held to")
	}
	kept, err := os.ReadFile(tokens.File)
	if err != nil || strings.Contains(string(kept), secret) {
		t.Errorf("the secret is kept: %v", err)
	}
	if info, _ := os.Stat(tokens.File); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if err := tokens.Revoke(made.ID); err != nil {
		t.Fatal(err)
	}
	if status(secret) != 401 || status("") != 401 {
		t.Error("a revoked token opens the door")
	}
	for _, bad := range []api.Token{{}, {Scope: "owner"}, {Scope: api.ScopeWrite, Paths: []string{"a"}}, {Scope: api.ScopeAdmin, Collection: "a"}, {Scope: api.ScopeRead, Collection: "../a"}} {
		if _, _, err := tokens.Create(bad); err == nil {
			t.Errorf("made %+v", bad)
		}
	}
	if err := os.WriteFile(tokens.File, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := status(""); got != 401 {
		t.Errorf("a broken file opens the door: %d", got)
	}
}

// TestConversationsAreOnesOwn asks within conversations of two tokens.
func TestConversationsAreOnesOwn(t *testing.T) {
	dir := handbook(t)
	o := writing(dir, options(dir, nil))
	o.Tokens = &api.Tokens{File: filepath.Join(dir, "tokens.json")}
	list := bearers(t, o.Tokens)
	server := serve(t, o)
	mine, theirs := []string{"Authorization", "Bearer " + list[0].secret}, []string{"Authorization", "Bearer " + list[7].secret}
	_, text, _ := request(t, "POST", server.URL+"/v1/ask", `{"question":"Is business class paid for?","conversation":"new"}`, mine...)
	var got struct{ Conversation, Status string }
	if err := json.Unmarshal([]byte(text), &got); err != nil || got.Conversation == "" || got.Status != "answered" {
		t.Fatalf("%v: %s", err, text)
	}
	body := fmt.Sprintf(`{"question":"And for flights over ten hours?","conversation":%q}`, got.Conversation)
	if status, text, _ := request(t, "POST", server.URL+"/v1/ask", body, mine...); status != 200 {
		t.Errorf("%d %s", status, text)
	}
	at := server.URL + "/v1/conversations"
	if _, text, _ := request(t, "GET", at, "", mine...); !strings.Contains(text, `"turns":2`) {
		t.Errorf("list: %s", text)
	}
	if _, text, _ := request(t, "GET", at+"/"+got.Conversation, "", mine...); !strings.Contains(text, "business class") {
		t.Errorf("get: %s", text)
	}
	for foreign, body := range map[string]string{"GET": "", "DELETE": "", "PATCH": `{"title":"theirs"}`} {
		if status, text, _ := request(t, foreign, at+"/"+got.Conversation, body, theirs...); status != 404 || strings.Contains(text, "business") {
			t.Errorf("%s of a foreign conversation: %d %s", foreign, status, text)
		}
	}
	if status, _, _ := request(t, "POST", server.URL+"/v1/ask", body, theirs...); status != 404 {
		t.Errorf("asked in a foreign conversation: %d", status)
	}
	if _, text, _ := request(t, "GET", at+"/"+got.Conversation, "", mine...); strings.Contains(text, "theirs") {
		t.Errorf("renamed by somebody else: %s", text)
	}
	if _, text, _ := request(t, "GET", at, "", theirs...); !strings.Contains(text, `"conversations":[]`) {
		t.Errorf("foreign list: %s", text)
	}
	if status, _, _ := request(t, "DELETE", at+"/"+got.Conversation, "", mine...); status != 204 {
		t.Errorf("delete: %d", status)
	}
	if status, _, _ := request(t, "GET", at+"/..%2f..%2ftokens", "", mine...); status != 404 {
		t.Errorf("outside: %d", status)
	}
	status, text, _ := request(t, "POST", server.URL+"/v1/feedback", `{"rating":"bad","question":"Why?","answer":"Because. [1]","comment":"no","citations":[{"document_id":"x","start":1,"end":2}]}`, mine...)
	if status != 204 {
		t.Fatalf("feedback: %d %s", status, text)
	}
	kept, err := os.ReadFile(filepath.Join(dir, "feedback.jsonl"))
	if err != nil || !strings.Contains(string(kept), `"rating":"bad","question":"Why?"`) || strings.Count(string(kept), "\n") != 1 {
		t.Errorf("%v: %s", err, kept)
	}
}
