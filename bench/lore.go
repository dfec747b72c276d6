package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/lore-kb/lore/analysis"
	"github.com/lore-kb/lore/store"
	"github.com/lore-kb/lore/store/sqlitestore"
)

// How chunks become documents.
const (
	collection     = "bench"
	chunksDocument = 5
	documentsPut   = 64
	vectorsSet     = 512
)

// loreModel is the model that lore's stores are opened for.
func loreModel(s *settings) store.Model {
	return store.Model{Fingerprint: "bench", Dimension: s.corpus.Dimension}
}

// putCorpus writes all chunks, without vectors.
func putCorpus(ctx context.Context, s *settings, st store.Store) error {
	root := store.RootID("file:///bench")
	var docs []store.Document
	var texts []string
	number := 0
	flush := func() error {
		err := st.Put(ctx, docs)
		docs = docs[:0]
		return err
	}
	add := func() error {
		docs = append(docs, loreDocument(root, number, texts))
		number++
		texts = texts[:0]
		if len(docs) == documentsPut {
			return flush()
		}
		return nil
	}
	err := s.corpus.eachText(func(_ int, text string) error {
		if texts = append(texts, text); len(texts) == chunksDocument {
			return add()
		}
		return nil
	})
	if err == nil && len(texts) > 0 {
		err = add()
	}
	if err == nil && len(docs) > 0 {
		err = flush()
	}
	return err
}

func loreDocument(root string, number int, texts []string) store.Document {
	path := "d" + strconv.Itoa(number) + ".txt"
	d := store.Document{DocumentInfo: store.DocumentInfo{
		ID: store.DocumentID(collection, root, path), Root: root, Path: path, URI: "file:///bench/" + path, MediaType: "text/plain",
		Version: "1", Status: store.StatusOK, Date: time.Unix(1_700_000_000+int64(number), 0).UTC(),
	}, Text: strings.Join(texts, "\n")}
	d.Bytes = len(d.Text)
	at := 0
	for i, text := range texts {
		p := store.Point{ID: store.PointID(d.ID, d.Version, i), Digest: store.Digest(text), Payload: store.Payload{
			DocumentID: d.ID, Version: d.Version, Ordinal: i, URI: d.URI, Path: path, Root: root, MediaType: d.MediaType,
			Line: i + 1, Start: at, End: at + len(text), Date: d.Date, Text: text}}
		p.Sparse.Indices, p.Sparse.Values = analysis.Passage(analysis.Fields{Text: text})
		d.Points = append(d.Points, p)
		at += len(text) + 1
	}
	return d
}

// chunkOf is the number of the chunk that a point came from.
func chunkOf(p *store.Payload) (int, error) {
	n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(p.Path, "d"), ".txt"))
	return n*chunksDocument + p.Ordinal, err
}

// setVectors gives every point that waits for one its vector.
func setVectors(ctx context.Context, s *settings, st store.Store) error {
	all := make([][]float32, s.corpus.Chunks)
	if err := s.corpus.eachVector(func(n int, v []float32) error { all[n] = v; return nil }); err != nil {
		return err
	}
	for {
		pending, err := st.Pending(ctx, vectorsSet)
		if err != nil || len(pending) == 0 {
			return err
		}
		batch := make([]store.PointVector, len(pending))
		for i := range pending {
			n, err := chunkOf(&pending[i].Payload)
			if err != nil {
				return err
			}
			batch[i] = store.PointVector{ID: pending[i].ID, Digest: pending[i].Digest, Vector: all[n]}
		}
		if err := st.SetVectors(ctx, batch); err != nil {
			return err
		}
	}
}

func indexLoreWords(ctx context.Context, s *settings, dir string) error {
	st, err := sqlitestore.Open(ctx, dir, sqlitestore.Options{Collection: collection, Model: loreModel(s), Create: true})
	if err != nil {
		return err
	}
	return errors.Join(putCorpus(ctx, s, st), st.Close())
}

// indexLoreVectors makes the store of lore/words once more and notes what adding
// the vectors to it costs.
func indexLoreVectors(ctx context.Context, s *settings, dir string) error {
	if err := indexLoreWords(ctx, s, dir); err != nil {
		return err
	}
	before, err := diskBytes(dir)
	if err != nil {
		return err
	}
	st, err := sqlitestore.Open(ctx, dir, sqlitestore.Options{Collection: collection, Model: loreModel(s)})
	if err != nil {
		return err
	}
	wall, cpu := time.Now(), cpuTime()
	if err := errors.Join(setVectors(ctx, s, st), st.Close()); err != nil {
		return err
	}
	cost := buildCost{Seconds: time.Since(wall).Seconds(), CPU: (cpuTime() - cpu).Seconds()}
	after, err := diskBytes(dir)
	if err != nil {
		return err
	}
	cost.Disk = after - before
	return writeJSON(filepath.Join(dir, "..", "lore-vectors.cost"), cost)
}

func loreVectorCost(dir string) (buildCost, bool) {
	var c buildCost
	err := readJSON(filepath.Join(dir, "..", "lore-vectors.cost"), &c)
	return c, err == nil
}

// storeSearcher asks a lore store by one leg.
type storeSearcher struct {
	store store.Store
	leg   store.Leg
}

func openLore(ctx context.Context, s *settings, dir string, leg store.Leg) (searcher, error) {
	st, err := sqlitestore.Open(ctx, dir, sqlitestore.Options{Collection: collection, Model: loreModel(s), ReadOnly: true})
	if err != nil {
		return nil, err
	}
	return &storeSearcher{store: st, leg: leg}, nil
}

func openLoreWords(ctx context.Context, s *settings, dir string) (searcher, error) {
	return openLore(ctx, s, dir, store.LegSparse)
}

func openLoreVectors(ctx context.Context, s *settings, dir string) (searcher, error) {
	return openLore(ctx, s, dir, store.LegDense)
}

func (s *storeSearcher) search(ctx context.Context, q *question) ([]int, error) {
	query := store.Query{Leg: s.leg, Limit: limit}
	if s.leg == store.LegDense {
		query.Dense = q.vector
	} else {
		query.Sparse.Indices, query.Sparse.Values = analysis.Question(q.text).Sparse()
	}
	hits, err := s.store.Search(ctx, query)
	if err != nil {
		return nil, err
	}
	out := make([]int, len(hits))
	for i := range hits {
		if out[i], err = chunkOf(&hits[i].Payload); err != nil {
			return nil, fmt.Errorf("hit %s: %w", hits[i].ID, err)
		}
	}
	return out, nil
}

func (s *storeSearcher) Close() error { return s.store.Close() }

// diskBytes is the size of all files under dir.
func diskBytes(dir string) (int64, error) {
	var sum int64
	err := filepath.WalkDir(dir, func(_ string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			sum += info.Size()
		}
		return err
	})
	return sum, err
}
