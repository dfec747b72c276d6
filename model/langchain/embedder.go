package langchain

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"sort"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tmc/langchaingo/llms/openai"

	"github.com/lore-kb/lore/model"
)

// Batches grow while calls are quick and shrink when they are slow or refused.
const (
	firstBatch = 16
	maxBatch   = 128
	quickCall  = time.Second
	slowCall   = 8 * time.Second
)

// Embedder is an embedding model behind langchaingo's OpenAI client. It is safe
// for concurrent use.
type Embedder struct {
	opts  Options
	info  model.EmbedderInfo
	fix   prefixes
	batch atomic.Int32 // texts a call
}

var _ model.Embedder = (*Embedder)(nil)

// NewEmbedder asks the server for one vector to learn the model's dimension.
func NewEmbedder(ctx context.Context, opts Options) (*Embedder, error) {
	o, err := opts.normalised()
	if err == nil && o.Provider == Anthropic {
		err = errors.New("anthropic serves no embeddings; use builtin, ollama:NAME or openai:NAME")
	}
	if err != nil {
		return nil, fmt.Errorf("embedding model: %w", err)
	}
	e := &Embedder{opts: o, fix: prefixesOf(o)}
	e.batch.Store(firstBatch)
	probe, err := e.call(ctx, []string{e.fix.query + "lore"})
	if err != nil {
		return nil, err
	}
	name := string(o.Provider) + ":" + o.Model
	marks := sha256.Sum256([]byte(e.fix.query + "\x00" + e.fix.passage))
	e.info = model.EmbedderInfo{
		Name: name, Dimension: len(probe[0]), Batch: maxBatch,
		Fingerprint: fmt.Sprintf("%s/%d/%x", name, len(probe[0]), marks[:3]),
	}
	return e, nil
}

// Info describes the model.
func (e *Embedder) Info() model.EmbedderInfo { return e.info }

// Embed returns a vector for each text. Failures are *model.Error or wrap
// ctx.Err().
func (e *Embedder) Embed(ctx context.Context, task model.Task, texts []string) ([][]float32, error) {
	prefix := e.fix.passage
	if task == model.TaskQuery {
		prefix = e.fix.query
	}
	vectors := make([][]float32, 0, len(texts))
	for len(vectors) < len(texts) {
		rest := texts[len(vectors):]
		batch := make([]string, min(len(rest), int(e.batch.Load())))
		for i := range batch {
			batch[i] = prefix + rest[i]
			if strings.TrimSpace(rest[i]) == "" {
				batch[i] = prefix + "-" // servers refuse empty input
			}
		}
		got, err := e.embedBatch(ctx, batch)
		if err != nil {
			return nil, err
		}
		for i, v := range got {
			if len(v) != e.info.Dimension {
				return nil, &model.Error{Kind: model.KindInvalid, Server: e.opts.BaseURL, Model: e.opts.Model,
					Message: fmt.Sprintf("vector %d has %d dimensions, the model had %d before: was it exchanged on the server?", len(vectors)+i, len(v), e.info.Dimension)}
			}
		}
		vectors = append(vectors, got...)
	}
	return vectors, nil
}

// embedBatch embeds texts in one call; input that the server finds too large is
// cut in halves, first the batch, then the text.
func (e *Embedder) embedBatch(ctx context.Context, texts []string) ([][]float32, error) {
	start := time.Now()
	vectors, err := e.call(ctx, texts)
	var failure *model.Error
	if errors.As(err, &failure) && failure.Kind == model.KindTooLarge {
		if len(texts) == 1 {
			runes := []rune(texts[0])
			if len(runes) < 32 {
				return nil, err
			}
			return e.embedBatch(ctx, []string{string(runes[:len(runes)/2])})
		}
		half := len(texts) / 2
		e.batch.Store(int32(max(1, half)))
		left, err := e.embedBatch(ctx, texts[:half])
		if err != nil {
			return nil, err
		}
		right, err := e.embedBatch(ctx, texts[half:])
		return append(left, right...), err
	}
	if err != nil {
		return nil, err
	}
	switch took := time.Since(start); {
	case took < quickCall && len(texts) == int(e.batch.Load()):
		e.batch.Store(int32(min(maxBatch, 2*len(texts))))
	case took > slowCall && len(texts) > 1:
		e.batch.Store(int32(max(1, len(texts)/2)))
	}
	return vectors, nil
}

func (e *Embedder) call(ctx context.Context, texts []string) ([][]float32, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("embed with %s: %w", e.opts.Model, err)
	}
	callCtx, x := newExchange(ctx, e.opts, false)
	defer x.close()
	client, err := openai.New(openai.WithBaseURL(e.opts.BaseURL), openai.WithToken(e.opts.APIKey),
		openai.WithModel(e.opts.Model), openai.WithEmbeddingModel(e.opts.Model), openai.WithHTTPClient(x))
	if err != nil {
		return nil, fmt.Errorf("embed with %s: %w", e.opts.Model, err)
	}
	vectors, err := client.CreateEmbedding(callCtx, texts)
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("embed with %s: %w", e.opts.Model, ctx.Err())
	case x.failure != nil:
		return nil, x.failure
	case err != nil:
		return nil, x.errorf(model.KindInvalid, 0, "%s", oneLine(err.Error()))
	case len(vectors) != len(texts):
		return nil, x.errorf(model.KindInvalid, 0, "%d vectors came back for %d texts", len(vectors), len(texts))
	}
	for i, v := range vectors {
		if !usable(v) {
			return nil, x.errorf(model.KindInvalid, 0, "vector %d is empty or not a number", i)
		}
	}
	return vectors, nil
}

func usable(v []float32) bool {
	var sum float64
	for _, f := range v {
		sum += float64(f) * float64(f)
	}
	return sum > 0 && !math.IsNaN(sum) && !math.IsInf(sum, 0)
}

// orderEmbeddings puts the vectors of an embeddings response into the order of
// their index; other JSON is returned as it is.
func orderEmbeddings(body []byte) ([]byte, error) {
	var response struct {
		Data []struct {
			Index     *int            `json:"index"`
			Embedding json.RawMessage `json:"embedding"`
		} `json:"data"`
	}
	if json.Unmarshal(body, &response) != nil || len(response.Data) < 2 {
		return body, nil
	}
	inOrder := true
	seen := make([]bool, len(response.Data))
	for i, d := range response.Data {
		if d.Index == nil { // a server that gives none keeps the order
			return body, nil
		}
		if *d.Index < 0 || *d.Index >= len(seen) || seen[*d.Index] {
			return nil, fmt.Errorf("the vectors that came back are numbered wrongly (index %d)", *d.Index)
		}
		seen[*d.Index] = true
		inOrder = inOrder && *d.Index == i
	}
	if inOrder {
		return body, nil
	}
	sort.Slice(response.Data, func(i, j int) bool { return *response.Data[i].Index < *response.Data[j].Index })
	return json.Marshal(response)
}
