package langchain

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/tmc/langchaingo/llms"
	"github.com/tmc/langchaingo/llms/anthropic"
	"github.com/tmc/langchaingo/llms/openai"

	"github.com/lore-kb/lore/model"
)

// defaultMaxTokens bounds an answer when the request does not.
const defaultMaxTokens = 1024

// Generator is a language model behind langchaingo. It is safe for concurrent
// use.
type Generator struct {
	opts     Options
	freeText atomic.Bool // the server was seen to refuse a schema
}

var _ model.Generator = (*Generator)(nil)

// NewGenerator returns a generator. It does not touch the network.
func NewGenerator(opts Options) (*Generator, error) {
	o, err := opts.normalised()
	if err != nil {
		return nil, fmt.Errorf("language model: %w", err)
	}
	return &Generator{opts: o}, nil
}

// Name returns provider and model, such as ollama:qwen2.5.
func (g *Generator) Name() string { return string(g.opts.Provider) + ":" + g.opts.Model }

// Generate asks the model. Failures are *model.Error, or wrap ctx.Err() when
// the caller ended the call; an error from yield is returned as it is. A server
// that refuses a schema is asked again without it, and never with one again.
func (g *Generator) Generate(ctx context.Context, req model.Request, yield func(model.Delta) error) (*model.Completion, error) {
	if g.opts.Provider == Anthropic || g.freeText.Load() {
		req.Schema = nil
	}
	completion, err := g.complete(ctx, contents(req.Messages), req, yield)
	if failure := (*model.Error)(nil); req.Schema != nil && errors.As(err, &failure) && failure.Kind == model.KindInvalid &&
		(failure.Status == http.StatusBadRequest || failure.Status == http.StatusUnprocessableEntity) {
		req.Schema = nil
		if completion, err = g.complete(ctx, contents(req.Messages), req, yield); err == nil {
			g.freeText.Store(true)
		}
	}
	return completion, err
}

// complete is Generate with messages of any content in place of the request's.
func (g *Generator) complete(ctx context.Context, messages []llms.MessageContent, req model.Request, yield func(model.Delta) error) (*model.Completion, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("generate with %s: %w", g.Name(), err)
	}
	callCtx, x := newExchange(ctx, g.opts, true)
	defer x.close()
	llm, err := g.connect(x, req.Schema)
	if err != nil {
		return nil, fmt.Errorf("generate with %s: %w", g.Name(), err)
	}

	var text strings.Builder
	var stopped error // what yield returned
	receive := func(_ context.Context, piece []byte) error {
		if len(piece) == 0 {
			return nil
		}
		text.Write(piece)
		if yield != nil {
			stopped = yield(model.Delta{Text: string(piece)})
		}
		return stopped
	}
	response, err := llm.GenerateContent(callCtx, messages, g.callOptions(req, receive)...)
	switch {
	case stopped != nil:
		return nil, stopped
	case ctx.Err() != nil:
		return nil, fmt.Errorf("generate with %s: %w", g.Name(), ctx.Err())
	case x.failure != nil:
		return nil, x.failure
	case callCtx.Err() != nil:
		return nil, x.transportError(callCtx, callCtx.Err())
	case x.watch != nil && !x.watch.done:
		return nil, x.errorf(model.KindTruncated, 0, "the answer ended before it was complete")
	case err != nil:
		return nil, x.errorf(model.KindInvalid, 0, "%s", oneLine(err.Error()))
	}
	completion := &model.Completion{Text: text.String(), StopReason: model.StopEnd, Model: g.opts.Model}
	if len(response.Choices) > 0 {
		choice := response.Choices[0]
		completion.Usage = usage(choice.GenerationInfo)
		if reason := cmp.Or(x.watch.finish, choice.StopReason); reason == "length" || reason == "max_tokens" {
			completion.StopReason = model.StopLength
		}
	}
	return completion, nil
}

func (g *Generator) connect(x *exchange, schema json.RawMessage) (llms.Model, error) {
	if g.opts.Provider == Anthropic {
		return anthropic.New(anthropic.WithBaseURL(g.opts.BaseURL), anthropic.WithToken(g.opts.APIKey),
			anthropic.WithModel(g.opts.Model), anthropic.WithHTTPClient(x))
	}
	options := []openai.Option{openai.WithBaseURL(g.opts.BaseURL), openai.WithToken(g.opts.APIKey),
		openai.WithModel(g.opts.Model), openai.WithHTTPClient(x)}
	if schema != nil {
		var object openai.ResponseFormatJSONSchemaProperty
		if err := json.Unmarshal(schema, &object); err != nil {
			return nil, fmt.Errorf("schema of the answer: %w", err)
		}
		options = append(options, openai.WithResponseFormat(&openai.ResponseFormat{
			Type:       "json_schema",
			JSONSchema: &openai.ResponseFormatJSONSchema{Name: "answer", Strict: true, Schema: &object},
		}))
	}
	return openai.New(options...)
}

// callOptions sets everything explicitly: langchaingo's defaults differ between
// providers and name models of long ago.
func (g *Generator) callOptions(req model.Request, receive func(context.Context, []byte) error) []llms.CallOption {
	limit := req.MaxTokens
	if limit == 0 {
		limit = defaultMaxTokens
	}
	options := []llms.CallOption{
		llms.WithModel(g.opts.Model), llms.WithMaxTokens(limit), llms.WithTemperature(req.Temperature), llms.WithStreamingFunc(receive),
	}
	if len(req.Stop) > 0 {
		options = append(options, llms.WithStopWords(req.Stop))
	}
	// Servers other than OpenAI's own know the limit by its older name and
	// ignore the newer one.
	if g.opts.Provider != Anthropic && g.opts.BaseURL != openaiURL {
		options = append(options, openai.WithLegacyMaxTokensField())
	}
	return options
}

func contents(messages []model.Message) []llms.MessageContent {
	out := make([]llms.MessageContent, 0, len(messages))
	for _, m := range messages {
		role := llms.ChatMessageTypeHuman
		switch m.Role {
		case model.RoleSystem:
			role = llms.ChatMessageTypeSystem
		case model.RoleAssistant:
			role = llms.ChatMessageTypeAI
		}
		out = append(out, llms.TextParts(role, m.Text))
	}
	return out
}

func usage(info map[string]any) model.Usage {
	number := func(keys ...string) int {
		for _, key := range keys {
			if n, ok := info[key].(int); ok && n > 0 {
				return n
			}
		}
		return 0
	}
	return model.Usage{PromptTokens: number("PromptTokens", "InputTokens"), CompletionTokens: number("CompletionTokens", "OutputTokens")}
}
