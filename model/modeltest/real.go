package modeltest

import (
	"os"
	"strings"
	"testing"

	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/model/langchain"
)

// Real returns the language model that LORE_TEST_MODEL=PROVIDER:NAME names, at
// OPENAI_BASE_URL or OLLAMA_HOST, and skips the test where it names none.
func Real(t *testing.T) model.Generator {
	t.Helper()
	provider, name, ok := strings.Cut(os.Getenv("LORE_TEST_MODEL"), ":")
	if !ok {
		t.Skip("set LORE_TEST_MODEL=PROVIDER:NAME to run it")
	}
	options := langchain.Options{Provider: langchain.Provider(provider), Model: name, APIKey: os.Getenv("OPENAI_API_KEY"), BaseURL: os.Getenv("OPENAI_BASE_URL")}
	if options.Provider == langchain.Ollama {
		options.BaseURL = os.Getenv("OLLAMA_HOST")
	}
	g, err := langchain.NewGenerator(options)
	if err != nil {
		t.Fatal(err)
	}
	return g
}
