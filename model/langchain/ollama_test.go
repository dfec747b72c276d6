package langchain_test

import (
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/lore-kb/lore/internal/httprr"
	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/model/langchain"
)

// ollama returns options for a real Ollama 0.6.5 with Qwen2.5-Coder 1.5B as
// qwen15, as it was recorded in testdata. To record anew, serve one, name it in
// OLLAMA_HOST and run with -httprecord.
func ollama(t *testing.T, file, name string) langchain.Options {
	rr := httprr.Open(t, "testdata/"+file+".httprr", http.DefaultTransport)
	opts := langchain.Options{Provider: langchain.Ollama, Model: name, Client: &http.Client{Transport: rr}, Timeout: 10 * time.Minute}
	if rr.Recording() {
		opts.BaseURL = os.Getenv("OLLAMA_HOST")
	}
	return opts
}

func TestOllamaAnswers(t *testing.T) {
	g, err := langchain.NewGenerator(ollama(t, "ollama-answers", "qwen15"))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ question, want string }{
		{"The office opens at 8:30. When does the office open? Answer in one short sentence.", "8:30"},
		{"试用期为六个月。试用期多长？请用一句话回答。", "六个月"},
	} {
		var streamed strings.Builder
		pieces := 0
		got, err := g.Generate(t.Context(), model.Request{
			Messages: []model.Message{{Role: model.RoleUser, Text: test.question}}, MaxTokens: 40,
		}, func(d model.Delta) error { pieces++; streamed.WriteString(d.Text); return nil })
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(got.Text, test.want) || streamed.String() != got.Text || pieces < 2 {
			t.Errorf("%s: %q in %d pieces", test.question, got.Text, pieces)
		}
		if got.Usage.PromptTokens == 0 || got.Usage.CompletionTokens == 0 || got.StopReason != model.StopEnd {
			t.Errorf("usage %+v, stop %s", got.Usage, got.StopReason)
		}
	}
	short, err := g.Generate(t.Context(), model.Request{
		Messages: []model.Message{{Role: model.RoleUser, Text: "Count from one to twenty in words."}}, MaxTokens: 5,
	}, nil)
	if err != nil || short.StopReason != model.StopLength || short.Usage.CompletionTokens > 6 {
		t.Errorf("limit of 5 tokens: %+v, %v", short, err)
	}
}

func TestOllamaMissingModel(t *testing.T) {
	g, err := langchain.NewGenerator(ollama(t, "ollama-missing", "not-there"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = g.Generate(t.Context(), hello, nil)
	var failure *model.Error
	if !errors.As(err, &failure) || failure.Kind != model.KindNotFound || !strings.Contains(err.Error(), "ollama pull not-there") {
		t.Errorf("got %v", err)
	}
}

func TestOllamaEmbeds(t *testing.T) {
	e, err := langchain.NewEmbedder(t.Context(), ollama(t, "ollama-embeds", "qwen15"))
	if err != nil {
		t.Fatal(err)
	}
	vectors, err := e.Embed(t.Context(), model.TaskPassage, []string{"one", "二"})
	if err != nil || len(vectors) != 2 || len(vectors[1]) != e.Info().Dimension || e.Info().Dimension != 1536 {
		t.Errorf("%d vectors of %d dimensions, %v", len(vectors), e.Info().Dimension, err)
	}
}
