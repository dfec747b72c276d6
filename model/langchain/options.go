package langchain

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Provider is a kind of model server.
type Provider string

const (
	OpenAI    Provider = "openai" // any server with OpenAI's API
	Ollama    Provider = "ollama"
	Anthropic Provider = "anthropic"
)

// Options say which model to reach and how. Provider and Model are required.
type Options struct {
	Provider Provider
	Model    string
	// BaseURL of the server; "" is the provider's own: https://api.openai.com/v1,
	// http://127.0.0.1:11434, https://api.anthropic.com/v1. For Ollama it may be
	// what OLLAMA_HOST holds, such as "0.0.0.0:11434".
	BaseURL string
	APIKey  string
	Client  *http.Client // nil: a client of its own without an overall timeout
	// Timeout bounds the wait for a server's first byte and for each further
	// piece of its answer; 0 means two minutes.
	Timeout time.Duration
	Retries int // of a call that a server refuses for now; 0 means 2, negative none

	// Prefixes put before embedded texts; nil takes them from a table of known
	// models.
	QueryPrefix, PassagePrefix *string
}

const (
	openaiURL    = "https://api.openai.com/v1"
	ollamaURL    = "http://127.0.0.1:11434"
	anthropicURL = "https://api.anthropic.com/v1"
)

// normalised returns a copy with every field set that has a default.
func (o Options) normalised() (Options, error) {
	if o.Model == "" {
		return o, fmt.Errorf("model name missing: write it as %s:NAME", o.Provider)
	}
	switch o.Provider {
	case OpenAI:
		o.BaseURL = cmp.Or(o.BaseURL, openaiURL)
	case Anthropic:
		o.BaseURL = cmp.Or(o.BaseURL, anthropicURL)
	case Ollama:
		host, err := ollamaBase(cmp.Or(o.BaseURL, ollamaURL))
		if err != nil {
			return o, err
		}
		o.BaseURL = host
	default:
		return o, fmt.Errorf("unknown model provider %q: use openai, ollama or anthropic", o.Provider)
	}
	u, err := url.Parse(o.BaseURL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return o, fmt.Errorf("model server address %q is not an http:// or https:// URL", o.BaseURL)
	}
	o.BaseURL = strings.TrimRight(o.BaseURL, "/")
	if o.APIKey == "" && o.Provider == OpenAI && o.BaseURL == openaiURL {
		return o, fmt.Errorf("no key for %s: set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own", openaiURL)
	}
	if o.APIKey == "" && o.Provider == Anthropic && o.BaseURL == anthropicURL {
		return o, fmt.Errorf("no key for %s: set ANTHROPIC_API_KEY", anthropicURL)
	}
	if o.APIKey == "" {
		o.APIKey = "none" // langchaingo refuses an empty token even where a server wants none
	}
	if o.Client == nil {
		o.Client = &http.Client{}
	}
	if o.Timeout == 0 {
		o.Timeout = 2 * time.Minute
	}
	switch {
	case o.Retries == 0:
		o.Retries = 2
	case o.Retries < 0:
		o.Retries = 0
	}
	return o, nil
}

// ollamaBase turns what people write in OLLAMA_HOST into the base of Ollama's
// OpenAI-compatible API.
func ollamaBase(host string) (string, error) {
	if !strings.Contains(host, "://") {
		host = "http://" + host
	}
	u, err := url.Parse(host)
	if err != nil {
		return "", fmt.Errorf("ollama address %q: %w", host, err)
	}
	name, port := u.Hostname(), u.Port()
	if name == "" || name == "0.0.0.0" || name == "::" {
		name = "127.0.0.1"
	}
	if port == "" && u.Scheme == "http" {
		port = "11434"
	}
	u.Host = name
	if strings.Contains(name, ":") {
		u.Host = "[" + name + "]"
	}
	if port != "" {
		u.Host += ":" + port
	}
	u.Path = strings.TrimRight(u.Path, "/")
	if !strings.HasSuffix(u.Path, "/v1") {
		u.Path += "/v1"
	}
	return u.String(), nil
}
