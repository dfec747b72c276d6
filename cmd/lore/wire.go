package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lore-kb/lore/ask"
	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/ingest/extract"
	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/model/encoder"
	"github.com/lore-kb/lore/model/langchain"
	"github.com/lore-kb/lore/model/transcribe"
	"github.com/lore-kb/lore/store"
	"github.com/lore-kb/lore/store/qdrantstore"
	"github.com/lore-kb/lore/store/sqlitestore"
)

// This file is the one place that knows every implementation: it turns settings
// into stores, models and readers.

// access says what a command wants of the store.
type access int

const (
	reading  access = iota // the collection must be there
	writing                // the collection must be there
	creating               // the collection is made when it is not there
)

// errNothingIndexed is what commands that read say when there is no collection.
func (p *program) errNothingIndexed() error {
	return fmt.Errorf("nothing is indexed yet in collection %q (%s); run `lore index FOLDER` first", p.cfg.Collection, p.place())
}

// place describes where the collection is kept.
func (p *program) place() string {
	if address, ok := p.qdrantAddress(); ok {
		return "Qdrant at " + address
	}
	return p.cfg.Data
}

func (p *program) qdrantAddress() (string, bool) {
	switch {
	case p.cfg.Store == "qdrant":
		return p.cfg.QdrantURL, true
	case strings.HasPrefix(p.cfg.Store, "qdrant://"), strings.HasPrefix(p.cfg.Store, "qdrants://"):
		return p.cfg.Store, true
	}
	return "", false
}

// openStore opens the collection for the model of an embedder; a nil embedder
// opens it for text alone.
func (p *program) openStore(ctx context.Context, how access, embedder model.Embedder) (store.Store, error) {
	var wanted store.Model
	if embedder != nil {
		info := embedder.Info()
		wanted = store.Model{Fingerprint: info.Fingerprint, Dimension: info.Dimension}
	}
	return p.openCollection(ctx, p.cfg.Collection, how, wanted)
}

func (p *program) openCollection(ctx context.Context, collection string, how access, wanted store.Model) (store.Store, error) {
	st, err := p.openNamed(ctx, collection, how, wanted)
	if errors.Is(err, store.ErrNoCollection) {
		return nil, p.errNothingIndexed()
	}
	var mismatch *store.ModelMismatchError
	if errors.As(err, &mismatch) {
		return nil, p.explainMismatch(mismatch)
	}
	return st, err
}

// openNamed is openCollection with the store's own errors.
func (p *program) openNamed(ctx context.Context, collection string, how access, wanted store.Model) (store.Store, error) {
	var st store.Store
	var err error
	if address, ok := p.qdrantAddress(); ok {
		st, err = openQdrant(ctx, qdrantstore.Options{
			Address: address, APIKey: p.cfg.QdrantKey, Collection: collection, Model: wanted,
			Create: how == creating, ReadOnly: how == reading,
		})
	} else if p.cfg.Store != "sqlite" {
		return nil, usagef("%s: store %q is not known; use sqlite or qdrant://HOST:6334", p.cfg.Origin("store"), p.cfg.Store)
	} else {
		st, err = openSQLite(ctx, p.cfg.Data, sqlitestore.Options{
			Collection: collection, Model: wanted, Create: how == creating, ReadOnly: how == reading,
			LockTimeout: p.lockTimeout, OnWait: func(message string) { p.note("%s", message) }, Turns: p.turns,
		})
	}
	return st, err
}

// A nil *Store inside a store.Store would not be nil; these two keep it so.
func openQdrant(ctx context.Context, o qdrantstore.Options) (store.Store, error) {
	st, err := qdrantstore.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	return st, nil
}

func openSQLite(ctx context.Context, dir string, o sqlitestore.Options) (store.Store, error) {
	st, err := sqlitestore.Open(ctx, dir, o)
	if err != nil {
		return nil, err
	}
	return st, nil
}

// embedder returns the embedding model of the settings; nil when it is none.
func (p *program) embedder(ctx context.Context) (model.Embedder, error) {
	return p.embedderNamed(ctx, p.cfg.Embedder, p.cfg.Origin("embedder"))
}

// embedderNamed is embedder for a name that came from somewhere else.
func (p *program) embedderNamed(ctx context.Context, embedder, origin string) (model.Embedder, error) {
	kind, name, _ := strings.Cut(embedder, ":")
	switch kind {
	case "none":
		return nil, nil
	case "builtin":
		if name != "" && name != "norows" {
			break
		}
		e, err := encoder.New(encoder.Options{NoRows: name == "norows"})
		if err != nil {
			return nil, fmt.Errorf("embedder builtin: %w", err)
		}
		return e, nil
	case "ollama", "openai":
		ctx, cancel := context.WithTimeout(ctx, embedderProbe)
		defer cancel()
		opts := p.serverOptions(langchain.Provider(kind), name)
		if p.cfg.QueryPrefix != "" {
			opts.QueryPrefix = &p.cfg.QueryPrefix
		}
		if p.cfg.PassagePrefix != "" {
			opts.PassagePrefix = &p.cfg.PassagePrefix
		}
		return langchain.NewEmbedder(ctx, opts)
	}
	return nil, usagef("%s: embedder %q is not known; use builtin, builtin:norows, ollama:NAME, openai:NAME or none", origin, embedder)
}

// embedderProbe bounds how long an embedding server may take to say hello; a
// cold model is loaded within it.
const embedderProbe = 60 * time.Second

// readEmbedder is embedder for commands that can do without: a server that is
// down costs the dense leg and is told once. That none is configured is told by
// the result.
func (p *program) readEmbedder(ctx context.Context) (model.Embedder, error) {
	e, err := p.embedder(ctx)
	var failure *model.Error
	if errors.As(err, &failure) {
		p.note("note: searching by words alone: %v", err)
		return nil, nil
	}
	return e, err
}

// generator returns the language model of the settings; nil when it is none.
func (p *program) generator() (model.Generator, error) {
	var err error
	if p.modelTimeout, err = p.wait("model_timeout", p.cfg.ModelWait); err != nil {
		return nil, err
	}
	kind, name, _ := strings.Cut(p.cfg.Model, ":")
	switch kind {
	case "none":
		return nil, nil
	case "ollama", "openai", "anthropic":
		options := p.serverOptions(langchain.Provider(kind), name)
		options.Timeout = p.modelTimeout // a slow server reads a prompt for as long before its first word
		g, err := langchain.NewGenerator(options)
		if err != nil {
			return nil, &exitError{exitUsage, err}
		}
		return g, nil
	}
	return nil, usagef("%s: model %q is not known; use none, ollama:NAME, openai:NAME or anthropic:NAME", p.cfg.Origin("model"), p.cfg.Model)
}

func (p *program) serverOptions(provider langchain.Provider, name string) langchain.Options {
	opts := langchain.Options{Provider: provider, Model: name}
	switch provider {
	case langchain.OpenAI:
		opts.BaseURL, opts.APIKey = p.cfg.OpenAIBaseURL, p.cfg.OpenAIKey
	case langchain.Anthropic:
		opts.BaseURL, opts.APIKey = p.cfg.AnthropicURL, p.cfg.AnthropicKey
	case langchain.Ollama:
		opts.BaseURL = p.cfg.OllamaHost
	}
	return opts
}

// transcriber returns what turns speech into text; nil when the settings name
// none. Transcripts are kept beside the collections, so that a recording that was
// moved, or that a newer lore reads again, is not transcribed twice.
func (p *program) transcriber() (model.Transcriber, error) {
	var t model.Transcriber
	kind, name, _ := strings.Cut(p.cfg.Transcriber, ":")
	switch kind {
	case "none":
		return nil, nil
	case "openai":
		o := transcribe.OpenAIOptions{Model: name, BaseURL: p.cfg.TranscriberURL, APIKey: p.cfg.TranscriberKey}
		if o.BaseURL == "" {
			o.BaseURL = p.cfg.OpenAIBaseURL
			o.APIKey = cmp.Or(o.APIKey, p.cfg.OpenAIKey) // it is for that server alone
		}
		server, err := transcribe.NewOpenAI(o)
		if err != nil {
			return nil, &exitError{exitUsage, fmt.Errorf("transcriber: %w", err)}
		}
		t = server
	case "command":
		command, err := transcribe.NewCommand(name, nil)
		if err != nil {
			return nil, &exitError{exitUsage, fmt.Errorf("transcriber: %w", err)}
		}
		t = command
	default:
		return nil, usagef("%s: transcriber %q is not known; use openai:NAME, command:PROGRAM or none", p.cfg.Origin("transcriber"), p.cfg.Transcriber)
	}
	dir := filepath.Join(absolute(p.cfg.Data), "transcripts")
	// Pieces are remembered, too: a long recording goes on where it was cut off.
	return transcribe.Cached(transcribe.InPieces(transcribe.Cached(t, dir), nil), dir), nil
}

// readers starts the pool of processes that read files.
func (p *program) readers() (*extract.Pool, error) {
	passwords, err := readPasswords(p.cfg.PasswordFile)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.cfg.Origin("password_file"), err)
	}
	o := &extract.PoolOptions{Options: extract.Options{Passwords: passwords}}
	switch kind, name, _ := strings.Cut(p.cfg.Captioner, ":"); kind {
	case "none":
	case "ollama", "openai", "anthropic":
		c, err := langchain.NewCaptioner(p.serverOptions(langchain.Provider(kind), name))
		if err != nil {
			return nil, &exitError{exitUsage, fmt.Errorf("captioner: %w", err)}
		}
		o.Captioner = c
	default:
		return nil, usagef("%s: captioner %q is not known; use none, ollama:NAME, openai:NAME or anthropic:NAME", p.cfg.Origin("captioner"), p.cfg.Captioner)
	}
	return extract.NewPool(o)
}

// readPasswords returns the lines of a file; no file has none.
func readPasswords(name string) ([]string, error) {
	if name == "" {
		return nil, nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var passwords []string
	for line := range strings.Lines(strings.TrimPrefix(string(text), "\ufeff")) {
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			passwords = append(passwords, line)
		}
	}
	return passwords, nil
}

// absolute returns a path as it is stored in roots.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// assistant answers from a collection.
func (p *program) assistant(st store.Store, embedder model.Embedder, generator model.Generator) *ask.Assistant {
	return ask.New(p.retriever(st, embedder), st, &ask.Options{
		Generator: generator, Timeout: p.modelTimeout, Embedder: embedder, Limit: p.cfg.Limit, Caution: ask.Caution(p.cfg.Caution), Language: p.cfg.Language,
	})
}

// check examines a store.
func check(ctx context.Context, st store.Store) ([]store.Problem, error) {
	switch st := st.(type) {
	case *sqlitestore.Store:
		found, err := st.Check(ctx)
		problems := make([]store.Problem, 0, len(found))
		for _, f := range found {
			problems = append(problems, store.Problem{What: f.Where + ": " + f.Message, Fix: "`lore doctor --repair` mends it"})
		}
		return problems, err
	case store.Checker:
		return st.Check(ctx)
	}
	return nil, nil
}

// repair mends the collection and says what it did.
// repair returns what was done, and what is lost.
func (p *program) repair(ctx context.Context) (done, lost []string, err error) {
	if _, remote := p.qdrantAddress(); remote {
		st, err := p.openStore(ctx, writing, nil)
		if err != nil {
			return nil, nil, err
		}
		defer st.Close()
		if mender, ok := st.(store.Repairer); ok {
			return []string{"half-written documents were cleared away"}, nil, mender.Repair(ctx)
		}
		return nil, nil, nil
	}
	report, err := sqlitestore.Repair(ctx, p.cfg.Data, sqlitestore.Options{Collection: p.cfg.Collection, LockTimeout: p.lockTimeout}, sqlitestore.RepairOptions{Sparse: ingest.Sparse})
	if errors.Is(err, store.ErrNoCollection) {
		return nil, nil, p.errNothingIndexed()
	}
	if err != nil {
		return nil, nil, err
	}
	done = append(done, fmt.Sprintf("%s built anew, %s dropped", plural(report.Rebuilt, "document"), plural(report.Segments, "damaged segment")))
	if report.Saved != "" {
		done = append(done, "the damaged file is kept as "+report.Saved)
	}
	if report.Vectors > 0 {
		done = append(done, plural(report.Vectors, "vector")+" lost; `lore index` makes them again")
	}
	for _, path := range report.Removed {
		lost = append(lost, path+" could not be saved")
	}
	switch {
	case report.Lost && report.Kept == 0:
		lost = append(lost, "EVERYTHING IN THE INDEX IS LOST: nothing in the file could be read, and an empty index stands in its place")
	case report.Lost:
		lost = append(lost, fmt.Sprintf("PART OF THE INDEX IS LOST: %s could be saved, more may be gone", plural(report.Kept, "document")))
	}
	return done, lost, nil
}
