package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/model/langchain"
	"github.com/lore-kb/lore/model/rerank"
	"github.com/lore-kb/lore/retrieve"
	"github.com/lore-kb/lore/store"
)

// modelRerankTimeout is how long a language model may take to order passages; it
// reads them all, which a small machine is slow at.
const modelRerankTimeout = 30 * time.Second

// openReranker reads the reranker from the settings. Nothing is asked of its
// server yet.
func (p *program) openReranker() error {
	kind, name, _ := strings.Cut(p.cfg.Reranker, ":")
	var err error
	if p.rerankTimeout, err = p.wait("reranker_timeout", p.cfg.RerankerWait); err != nil {
		return err
	}
	switch kind {
	case "none":
		return nil
	case "jina", "cohere", "vllm", "tei":
		if p.cfg.RerankerURL == "" && (kind == "vllm" || kind == "tei") {
			return usagef("%s: reranker %s needs the address of its server: set reranker_base_url or LORE_RERANKER_BASE_URL", p.cfg.Origin("reranker"), kind)
		}
		r, err := rerank.New(rerank.Options{Server: rerank.Server(kind), Model: name, URL: p.cfg.RerankerURL, APIKey: p.cfg.RerankerKey})
		if err != nil {
			return &exitError{exitUsage, fmt.Errorf("%s: %w", p.cfg.Origin("reranker"), err)}
		}
		p.reranker = r
		return nil
	case "ollama", "openai", "anthropic":
		g, err := langchain.NewGenerator(p.serverOptions(langchain.Provider(kind), name))
		if err != nil {
			return &exitError{exitUsage, fmt.Errorf("%s: %w", p.cfg.Origin("reranker"), err)}
		}
		p.reranker = langchain.NewReranker(g)
		if p.rerankTimeout == 0 {
			p.rerankTimeout = modelRerankTimeout
		}
		return nil
	}
	return usagef("%s: reranker %q is not known; use none, jina:NAME, cohere:NAME, vllm:NAME, tei, ollama:NAME, openai:NAME or anthropic:NAME", p.cfg.Origin("reranker"), p.cfg.Reranker)
}

// wait reads a length of time from a setting; 0 when it is not set.
func (p *program) wait(key, value string) (time.Duration, error) {
	if value == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(value)
	if err != nil || d <= 0 {
		return 0, usagef("%s: %s %q is no length of time; write it as 5s or 1m", p.cfg.Origin(key), key, value)
	}
	return d, nil
}

// retriever searches a collection as the settings say.
func (p *program) retriever(st store.Store, embedder model.Embedder) *retrieve.Retriever {
	options := retrieve.Options{Embedder: embedder, Reranker: p.reranker, RerankTimeout: p.rerankTimeout}
	if embedder == nil && strings.HasPrefix(p.cfg.Embedder, "builtin") {
		// The built-in encoder is always there, so openToAsk left it out.
		options.NoVector = fmt.Sprintf("only keywords were searched: collection %q has vectors of another version of lore; `lore index` or `lore model switch builtin` makes new ones", p.cfg.Collection)
	}
	return retrieve.New(st, &options)
}
