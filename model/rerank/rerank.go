package rerank

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strings"

	"github.com/lore-kb/lore/model"
)

// Server is a kind of reranking server.
type Server string

const (
	Jina   Server = "jina"
	Cohere Server = "cohere"
	VLLM   Server = "vllm" // any server with /v1/rerank
	TEI    Server = "tei"  // Text Embeddings Inference
)

const (
	jinaURL   = "https://api.jina.ai"
	cohereURL = "https://api.cohere.com"

	// teiBatch is how many texts TEI takes at once unless it is told otherwise.
	teiBatch = 32
	maxBody  = 4 << 20
	maxError = 8 << 10
)

// Options say which server to ask. Server is required, Model by all but TEI,
// which serves one.
type Options struct {
	Server Server
	Model  string
	// URL of the server, with or without the path of its API; "" is the
	// provider's own for Jina and Cohere.
	URL    string
	APIKey string
	Client *http.Client // nil: one of its own; the caller's context is the deadline
}

// Reranker asks a server. It is safe for concurrent use.
type Reranker struct {
	opts Options
	url  string
}

var _ model.Reranker = (*Reranker)(nil)

// New returns a reranker. It does not touch the network.
func New(o Options) (*Reranker, error) {
	path := "/v1/rerank"
	switch o.Server {
	case Jina:
		o.URL = cmp.Or(o.URL, jinaURL)
	case Cohere:
		o.URL, path = cmp.Or(o.URL, cohereURL), "/v2/rerank"
	case VLLM:
	case TEI:
		path = "/rerank"
	default:
		return nil, fmt.Errorf("unknown reranking server %q: use jina, cohere, vllm or tei", o.Server)
	}
	if o.Model == "" && o.Server != TEI {
		return nil, fmt.Errorf("model name missing: write it as %s:NAME", o.Server)
	}
	if o.URL == "" {
		return nil, fmt.Errorf("reranker %s needs the address of its server", o.Server)
	}
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("reranker address %q is not an http:// or https:// URL", o.URL)
	}
	base := strings.TrimRight(u.Path, "/")
	switch {
	case strings.HasSuffix(base, "/rerank"):
		u.Path = base
	case o.Server != TEI && (strings.HasSuffix(base, "/v1") || strings.HasSuffix(base, "/v2")):
		u.Path = base + "/rerank"
	default:
		u.Path = base + path
	}
	if o.APIKey == "" && (o.URL == jinaURL || o.URL == cohereURL) {
		return nil, fmt.Errorf("no key for %s", o.URL)
	}
	if o.Client == nil {
		o.Client = &http.Client{}
	}
	return &Reranker{opts: o, url: u.String()}, nil
}

// Name is as a user writes it: jina:NAME, tei.
func (r *Reranker) Name() string {
	return strings.TrimSuffix(string(r.opts.Server)+":"+r.opts.Model, ":")
}

// Rerank returns a score for each text. A server that leaves texts out, names
// one twice or gives no number is an error. No texts ask nobody.
func (r *Reranker) Rerank(ctx context.Context, query string, texts []string) ([]float64, error) {
	scores := make([]float64, len(texts))
	for i := range scores {
		scores[i] = math.NaN()
	}
	batch := len(texts)
	if r.opts.Server == TEI {
		batch = teiBatch
	}
	for from := 0; from < len(texts); from += batch {
		to := min(from+batch, len(texts))
		if err := r.ask(ctx, query, texts[from:to], scores[from:to]); err != nil {
			return nil, err
		}
	}
	return scores, nil
}

type request struct {
	Model     string   `json:"model,omitempty"`
	Query     string   `json:"query"`
	Documents []string `json:"documents,omitempty"`
	TopN      int      `json:"top_n,omitempty"`
	Texts     []string `json:"texts,omitempty"`
	Truncate  bool     `json:"truncate,omitempty"`
}

// item is one text's result; servers differ in the name of its score.
type item struct {
	Index     *int     `json:"index"`
	Relevance *float64 `json:"relevance_score"`
	Score     *float64 `json:"score"`
}

func (r *Reranker) ask(ctx context.Context, query string, texts []string, scores []float64) error {
	in := request{Model: r.opts.Model, Query: query}
	if r.opts.Server == TEI {
		in.Texts, in.Truncate = texts, true
	} else {
		in.Documents, in.TopN = texts, len(texts)
	}
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("rerank: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("rerank: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	if r.opts.APIKey != "" {
		req.Header.Set("Authorization", "Bearer "+r.opts.APIKey)
	}
	resp, err := r.opts.Client.Do(req)
	if err != nil {
		return r.transport(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, maxError))
		return r.failure(kindOf(resp.StatusCode), resp.StatusCode, "HTTP %d: %s", resp.StatusCode, cmp.Or(excerpt(text), http.StatusText(resp.StatusCode)))
	}
	reply, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return r.transport(ctx, err)
	}
	return r.read(reply, scores)
}

// read takes the scores from a reply: a list, or an object that holds it as
// results or data.
func (r *Reranker) read(reply []byte, scores []float64) error {
	var list []item
	if json.Unmarshal(reply, &list) != nil {
		var object struct {
			Results []item `json:"results"`
			Data    []item `json:"data"`
		}
		if err := json.Unmarshal(reply, &object); err != nil {
			return r.failure(model.KindInvalid, 0, "the answer is not that of a reranking server: %s", excerpt(reply))
		}
		if list = object.Results; list == nil {
			list = object.Data
		}
	}
	seen := make([]bool, len(scores))
	for _, x := range list {
		score := x.Relevance
		if score == nil {
			score = x.Score
		}
		if x.Index == nil || score == nil || *x.Index < 0 || *x.Index >= len(scores) || seen[*x.Index] {
			return r.failure(model.KindInvalid, 0, "the answer does not fit the %d texts sent", len(scores))
		}
		seen[*x.Index] = true
		scores[*x.Index] = *score
	}
	if len(list) != len(scores) {
		return r.failure(model.KindInvalid, 0, "%d scores for %d texts", len(list), len(scores))
	}
	return nil
}

func (r *Reranker) transport(ctx context.Context, err error) error {
	if cause := ctx.Err(); cause != nil {
		return fmt.Errorf("rerank with %s: %w", r.Name(), cause)
	}
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return r.failure(model.KindUnavailable, 0, "no answer: %v", err)
}

func (r *Reranker) failure(kind model.Kind, status int, format string, args ...any) error {
	return &model.Error{Kind: kind, Server: r.url, Model: r.opts.Model, Status: status, Message: fmt.Sprintf(format, args...)}
}

func kindOf(status int) model.Kind {
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return model.KindAuth
	case status == http.StatusNotFound:
		return model.KindNotFound
	case status == http.StatusTooManyRequests:
		return model.KindRateLimit
	case status == http.StatusRequestEntityTooLarge:
		return model.KindTooLarge
	case status >= 500:
		return model.KindUnavailable
	}
	return model.KindInvalid
}

// excerpt is the start of a body on one line.
func excerpt(body []byte) string {
	s := []rune(strings.Join(strings.Fields(string(body)), " "))
	if len(s) > 200 {
		s = append(s[:200], '…')
	}
	return string(s)
}
