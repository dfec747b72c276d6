// Package model defines what lore asks of models: embedding, generation,
// reranking and transcription. Implementations live in sub-packages; fakes that
// compute live in modeltest.
package model

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Task says what a text is embedded for; many models want to know.
type Task int

const (
	TaskPassage Task = iota
	TaskQuery
)

func (t Task) String() string {
	if t == TaskQuery {
		return "query"
	}
	return "passage"
}

// EmbedderInfo describes an embedder.
type EmbedderInfo struct {
	Name        string // as a user wrote it: builtin, ollama:nomic-embed-text
	Fingerprint string // changes whenever vectors would: name, dimension, prefixes, weights
	Dimension   int
	Batch       int  // texts a call takes well; 0: the caller's choice
	MaxTokens   int  // input beyond this is cut by the model; 0: unknown
	Centred     bool // vectors are already free of their language's mean
}

// Embedder turns texts into vectors.
type Embedder interface {
	Info() EmbedderInfo
	// Embed returns one vector of Info().Dimension for each text, in order. It
	// does not change texts. No texts give no vectors and no error.
	Embed(ctx context.Context, task Task, texts []string) ([][]float32, error)
}

// Detailer is an embedder that keeps more of a passage than its vector: bytes of
// its own, which are stored beside the vector and read again for the passages that
// a question is held against closely.
type Detailer interface {
	Embedder
	// EmbedDetailed is Embed of passages, with what there is to keep of each beside
	// its vector; nil for nothing.
	EmbedDetailed(ctx context.Context, texts []string) (vectors [][]float32, details [][]byte, err error)
	// Likeness scores passages by what was kept of them, larger for better and at
	// most 1. A detail that is missing or that this embedder did not write scores
	// NaN.
	Likeness(ctx context.Context, question string, details [][]byte) ([]float64, error)
}

// EmbedPassages embeds passages, with their details from an embedder that keeps
// some; details is nil from others.
func EmbedPassages(ctx context.Context, e Embedder, texts []string) (vectors [][]float32, details [][]byte, err error) {
	d, ok := e.(Detailer)
	if !ok {
		vectors, err = e.Embed(ctx, TaskPassage, texts)
		return vectors, nil, err
	}
	if vectors, details, err = d.EmbedDetailed(ctx, texts); err == nil && len(details) != len(texts) {
		err = fmt.Errorf("%s gave %d details for %d texts", e.Info().Name, len(details), len(texts))
	}
	return vectors, details, err
}

// Role is who says a message.
type Role string

const (
	RoleSystem    Role = "system"
	RoleUser      Role = "user"
	RoleAssistant Role = "assistant"
)

// Message is one role's text.
type Message struct {
	Role Role   `json:"role"`
	Text string `json:"text"`
}

// Request asks for a completion.
type Request struct {
	Messages    []Message
	MaxTokens   int     // 0: the implementation's default
	Temperature float64 // 0: greedy
	Stop        []string
	// Schema is the JSON schema of the object that the completion is to be; nil:
	// free text. A server without structured output answers in free text, so a
	// caller reads both.
	Schema json.RawMessage
}

// Delta is a piece of a completion as it streams.
type Delta struct{ Text string }

// Usage counts tokens as the server reports them; zero when it does not.
type Usage struct {
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens"`
}

// StopReason says why a completion ended.
type StopReason string

const (
	StopEnd    StopReason = "stop"
	StopLength StopReason = "length"
)

// Completion is what a model returned, unchecked.
type Completion struct {
	Text       string
	StopReason StopReason
	Usage      Usage
	Model      string
}

// Generator completes conversations.
type Generator interface {
	// Name is as a user wrote it: ollama:qwen2.5, openai:gpt-5, anthropic:NAME.
	Name() string
	// Generate returns the completion. When yield is not nil it is called, from
	// the calling goroutine's view in order, with pieces whose concatenation is
	// Completion.Text; an error from yield ends the call and is returned.
	Generate(ctx context.Context, req Request, yield func(Delta) error) (*Completion, error)
}

// Reranker scores texts by how well they answer a query; larger is better.
type Reranker interface {
	Rerank(ctx context.Context, query string, texts []string) ([]float64, error)
}

// Segment is a stretch of transcribed speech.
type Segment struct {
	From, To time.Duration
	Text     string
}

// TranscriberInfo describes a transcriber.
type TranscriberInfo struct {
	Name     string // as a user wrote it: openai:whisper-1, command:whisper-cli
	MaxBytes int64  // of one recording; 0: no limit known
	WAVOnly  bool   // takes nothing but WAV
}

// Transcriber turns a recording into text.
type Transcriber interface {
	Info() TranscriberInfo
	// Transcribe returns what is said in a recording in order of time; nothing
	// said is no segments and no error. The name's ending tells the container:
	// talk.mp3.
	Transcribe(ctx context.Context, audio io.Reader, name string) ([]Segment, error)
}

// Kind classes the failures of a model server.
type Kind string

const (
	KindUnavailable Kind = "unavailable" // no connection, 5xx
	KindAuth        Kind = "auth"        // key missing or refused
	KindNotFound    Kind = "not_found"   // no such model
	KindRateLimit   Kind = "rate_limit"
	KindTooLarge    Kind = "too_large" // input longer than the model takes
	KindTruncated   Kind = "truncated" // the answer broke off
	KindInvalid     Kind = "invalid"   // request or response not understood
	KindTimeout     Kind = "timeout"
)

// Error is a failure of a model server.
type Error struct {
	Kind       Kind
	Server     string // base URL
	Model      string
	Status     int // HTTP status, 0 when there was none
	RetryAfter time.Duration
	Message    string // one line, fit for a user
}

func (e *Error) Error() string {
	if e.Model != "" {
		return fmt.Sprintf("model %s at %s: %s", e.Model, e.Server, e.Message)
	}
	return fmt.Sprintf("model server %s: %s", e.Server, e.Message)
}

// Temporary reports whether the same call may succeed later.
func (e *Error) Temporary() bool {
	return e.Kind == KindUnavailable || e.Kind == KindRateLimit || e.Kind == KindTimeout
}

// ErrNoModel is returned where a model is needed and none is configured.
var ErrNoModel = errors.New("no model configured")

// ErrNoProgram is returned where another program is needed and not installed.
var ErrNoProgram = errors.New("a program is missing")
