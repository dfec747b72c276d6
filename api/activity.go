package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lore-kb/lore/ask"
)

// recentKept is how many requests the latency plot can show.
const recentKept = 500

// recent remembers how long the last answers and searches took.
type recent struct {
	mu      sync.Mutex
	began   time.Time
	answers map[string]int // by status
	ring    []requestBody
	next    int
}

// requestBody is an answer or a search that was served.
type requestBody struct {
	At     time.Time `json:"at" doc:"When it ended"`
	Kind   string    `json:"kind" enum:"ask,search"`
	MS     float64   `json:"ms"`
	Status int       `json:"status" doc:"Of the response"`
}

// kinds of requests by route.
var recentKinds = map[string]string{
	"POST /v1/ask": "ask", "POST /v1/chat/completions": "ask", "POST /v1/responses": "ask", "POST /v1/search": "search",
}

// served remembers a request where it is an answer or a search.
func (r *recent) served(route string, status int, took time.Duration) {
	kind := recentKinds[route]
	if kind == "" {
		return
	}
	one := requestBody{time.Now().UTC(), kind, float64(took.Microseconds()) / 1000, status}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.ring) < recentKept {
		r.ring = append(r.ring, one)
		return
	}
	r.ring[r.next] = one
	r.next = (r.next + 1) % recentKept
}

func (r *recent) answered(status ask.Status) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.answers == nil {
		r.answers = map[string]int{}
	}
	r.answers[string(status)]++
}

type activityOutput struct {
	Body struct {
		Since    time.Time      `json:"since" doc:"Since when answers are counted"`
		Answers  map[string]int `json:"answers" doc:"By status"`
		Requests []requestBody  `json:"requests" doc:"The last answers and searches, oldest first"`
	}
}

// evalBody is a report that lore eval wrote.
type evalBody struct {
	Name   string          `json:"name"`
	At     time.Time       `json:"at"`
	Report json.RawMessage `json:"report"`
}

const (
	evalsFolder = "evals"
	evalsShown  = 50
	evalSize    = 1 << 20
)

func (s *Server) activityRoutes(routes huma.API) {
	huma.Register(routes, huma.Operation{
		OperationID: "activity", Method: http.MethodGet, Path: "/v1/activity", Tags: []string{"server"},
		Summary: "How the last answers and searches went", Description: "Needs a token with the scope admin.",
	}, func(context.Context, *struct{}) (*activityOutput, error) {
		out := &activityOutput{}
		r := &s.recent
		r.mu.Lock()
		defer r.mu.Unlock()
		out.Body.Since, out.Body.Answers = r.began, map[string]int{}
		for status, n := range r.answers {
			out.Body.Answers[status] = n
		}
		out.Body.Requests = append(append([]requestBody{}, r.ring[r.next:]...), r.ring[:r.next]...)
		return out, nil
	})
	huma.Register(routes, huma.Operation{
		OperationID: "evals", Method: http.MethodGet, Path: "/v1/evals", Tags: []string{"server"},
		Summary: "Reports of lore eval",
		Description: "Those in the folder `evals` of the data folder, as `lore eval --json` prints them, the newest first. " +
			"Needs a token with the scope admin.",
		Responses: map[string]*huma.Response{"200": {Description: "The reports", Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Type: huma.TypeObject}}}}},
	}, func(ctx context.Context, _ *struct{}) (*huma.StreamResponse, error) {
		list, err := s.evals()
		if err != nil {
			return nil, s.failed(ctx, err)
		}
		return jsonResponse(map[string]any{"evals": list}), nil
	})
}

// evals reads the reports in the data folder. What is no JSON object, or too
// large, is passed over.
func (s *Server) evals() ([]evalBody, error) {
	list := []evalBody{}
	if s.options.Data == "" {
		return list, nil
	}
	root, err := os.OpenRoot(filepath.Join(s.options.Data, evalsFolder))
	if errors.Is(err, fs.ErrNotExist) {
		return list, nil
	}
	if err != nil {
		return nil, fmt.Errorf("evals: %w", err)
	}
	defer root.Close()
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, fmt.Errorf("evals: %w", err)
	}
	for _, entry := range entries {
		name, ok := strings.CutSuffix(entry.Name(), ".json")
		info, err := entry.Info()
		if !ok || err != nil || !info.Mode().IsRegular() || info.Size() > evalSize {
			continue
		}
		list = append(list, evalBody{Name: name, At: info.ModTime().UTC()})
	}
	slices.SortFunc(list, func(a, b evalBody) int {
		if c := b.At.Compare(a.At); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	list = list[:min(len(list), evalsShown)]
	for i := range list {
		list[i].Report = readReport(root, list[i].Name+".json")
	}
	return slices.DeleteFunc(list, func(e evalBody) bool { return e.Report == nil }), nil
}

// readReport returns a file that is a JSON object, or nil.
func readReport(root *os.Root, name string) json.RawMessage {
	file, err := root.Open(name)
	if err != nil {
		return nil
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, evalSize))
	var object map[string]json.RawMessage
	if err != nil || json.Unmarshal(data, &object) != nil {
		return nil
	}
	return data
}
