package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/lore-kb/lore/store"
	"github.com/lore-kb/lore/store/qdrantstore"
)

func qdrantOptions(s *settings) qdrantstore.Options {
	return qdrantstore.Options{Address: s.qdrant, APIKey: os.Getenv("QDRANT_API_KEY"), Collection: collection, Model: loreModel(s)}
}

// indexQdrant replaces the collection and notes how long the texts and the vectors
// took, each for itself.
func indexQdrant(ctx context.Context, s *settings, dir string) error {
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
	for _, step := range []struct {
		name string
		run  func(context.Context, *settings, store.Store) error
	}{{"texts", putCorpus}, {"vectors", setVectors}} {
		wall, cpu := time.Now(), cpuTime()
		if err := step.run(ctx, s, st); err != nil {
			return err
		}
		if err := writeJSON(qdrantCostFile(dir, step.name), buildCost{Seconds: time.Since(wall).Seconds(), CPU: (cpuTime() - cpu).Seconds()}); err != nil {
			return err
		}
	}
	return nil
}

func qdrantCostFile(dir, step string) string {
	return filepath.Join(filepath.Dir(dir), "qdrant-"+step+".cost")
}

func qdrantCost(step string) func(string) (buildCost, bool) {
	return func(dir string) (buildCost, bool) {
		var c buildCost
		err := readJSON(qdrantCostFile(dir, step), &c)
		return c, err == nil
	}
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
