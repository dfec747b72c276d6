package main

import (
	"context"
	"errors"
	"strconv"

	"github.com/philippgille/chromem-go"
)

var errNoEmbedding = errors.New("the benchmark brings its vectors")

func noEmbedding(context.Context, string) ([]float32, error) { return nil, errNoEmbedding }

func indexChromem(ctx context.Context, s *settings, dir string) error {
	db, err := chromem.NewPersistentDB(dir, false)
	if err != nil {
		return err
	}
	c, err := db.CreateCollection(collection, nil, noEmbedding)
	if err != nil {
		return err
	}
	in, err := openVectors(s.corpus.Vectors, s.corpus.Dimension)
	if err != nil {
		return err
	}
	defer in.Close()
	var batch []chromem.Document
	flush := func() error {
		err := c.AddDocuments(ctx, batch, s.threads)
		batch = batch[:0]
		return err
	}
	err = s.corpus.eachText(func(n int, text string) error {
		v, err := in.next()
		if err != nil {
			return err
		}
		batch = append(batch, chromem.Document{ID: strconv.Itoa(n), Content: text, Embedding: v})
		if len(batch) == vectorsSet {
			return flush()
		}
		return nil
	})
	if err == nil && len(batch) > 0 {
		err = flush()
	}
	return err
}

type chromemSearcher struct{ collection *chromem.Collection }

func openChromem(_ context.Context, _ *settings, dir string) (searcher, error) {
	db, err := chromem.NewPersistentDB(dir, false)
	if err != nil {
		return nil, err
	}
	c := db.GetCollection(collection, noEmbedding)
	if c == nil {
		return nil, errors.New("the collection is gone")
	}
	return &chromemSearcher{c}, nil
}

func (c *chromemSearcher) search(ctx context.Context, q *question) ([]int, error) {
	found, err := c.collection.QueryEmbedding(ctx, q.vector, limit, nil, nil)
	if err != nil {
		return nil, err
	}
	out := make([]int, len(found))
	for i, f := range found {
		if out[i], err = strconv.Atoi(f.ID); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (c *chromemSearcher) Close() error { return nil }
