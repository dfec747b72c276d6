package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/lore-kb/lore/store"
	"github.com/lore-kb/lore/store/qdrantstore"
)

func qdrantOptions(s *settings) qdrantstore.Options {
	return qdrantstore.Options{Address: s.qdrant, APIKey: os.Getenv("QDRANT_API_KEY"), Collection: collection, Model: loreModel(s)}
}

// indexQdrant replaces the collection. How long the texts and the vectors took,
// each for itself, goes to standard error; the table has their sum.
func indexQdrant(ctx context.Context, s *settings, _ string) error {
	o := qdrantOptions(s)
	if err := qdrantstore.RemoveCollection(ctx, o); err != nil && !errors.Is(err, store.ErrNoCollection) {
		return err
	}
	o.Create = true
	st, err := qdrantstore.Open(ctx, o)
	if err != nil {
		return err
	}
	defer st.Close()
	began := time.Now()
	if err := putCorpus(ctx, s, st); err != nil {
		return err
	}
	texts := time.Since(began)
	if err := setVectors(ctx, s, st); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "qdrant: %d chunks in %.1f s, their vectors in %.1f s\n", s.corpus.Chunks, texts.Seconds(), (time.Since(began) - texts).Seconds())
	return nil
}

func openQdrant(ctx context.Context, s *settings, leg store.Leg) (searcher, error) {
	o := qdrantOptions(s)
	o.ReadOnly = true
	st, err := qdrantstore.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	return &storeSearcher{store: st, leg: leg}, nil
}

func openQdrantWords(ctx context.Context, s *settings, _ string) (searcher, error) {
	return openQdrant(ctx, s, store.LegSparse)
}

func openQdrantVectors(ctx context.Context, s *settings, _ string) (searcher, error) {
	return openQdrant(ctx, s, store.LegDense)
}
