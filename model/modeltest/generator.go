// Package modeltest holds models that compute instead of thinking, for tests.
package modeltest

import (
	"context"
	"strings"

	"github.com/lore-kb/lore/model"
)

// Generator is a language model that answers what a function says, word by
// word.
type Generator struct {
	// Answer makes the completion of a request; nil answers NOT_FOUND.
	Answer func(model.Request) string
	// Fail is returned after half of the answer when it is not nil.
	Fail error
}

var _ model.Generator = (*Generator)(nil)

// Name implements model.Generator.
func (*Generator) Name() string { return "modeltest" }

// Generate implements model.Generator.
func (g *Generator) Generate(ctx context.Context, req model.Request, yield func(model.Delta) error) (*model.Completion, error) {
	text := "NOT_FOUND"
	if g.Answer != nil {
		text = g.Answer(req)
	}
	pieces := strings.SplitAfter(text, " ")
	for i, piece := range pieces {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if g.Fail != nil && i >= len(pieces)/2 {
			return nil, g.Fail
		}
		if yield != nil {
			if err := yield(model.Delta{Text: piece}); err != nil {
				return nil, err
			}
		}
	}
	usage := model.Usage{CompletionTokens: len(strings.Fields(text))}
	for _, m := range req.Messages {
		usage.PromptTokens += len(strings.Fields(m.Text))
	}
	return &model.Completion{Text: text, StopReason: model.StopEnd, Usage: usage, Model: g.Name()}, nil
}
