package main

import (
	"context"
	"errors"
	"path/filepath"
	"strconv"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/analysis/analyzer/custom"
	"github.com/blevesearch/bleve/v2/analysis/lang/en"
	"github.com/blevesearch/bleve/v2/analysis/token/lowercase"
	"github.com/blevesearch/bleve/v2/analysis/tokenizer/unicode"
	"github.com/blevesearch/bleve/v2/mapping"
	index "github.com/blevesearch/bleve_index_api"
)

const bleveBatch = 1000

func bleveMapping() (mapping.IndexMapping, error) {
	m := bleve.NewIndexMapping()
	m.ScoringModel = index.BM25Scoring
	if err := m.AddCustomAnalyzer("stemmed", map[string]any{
		"type": custom.Name, "tokenizer": unicode.Name, "token_filters": []any{lowercase.Name, en.SnowballStemmerName},
	}); err != nil {
		return nil, err
	}
	field := bleve.NewTextFieldMapping()
	field.Analyzer, field.Store = "stemmed", true
	field.IncludeInAll, field.IncludeTermVectors, field.DocValues = false, false, false
	document := bleve.NewDocumentStaticMapping()
	document.AddFieldMappingsAt("text", field)
	m.DefaultMapping = document
	m.DefaultAnalyzer = "stemmed"
	return m, nil
}

func indexBleve(_ context.Context, s *settings, dir string) error {
	m, err := bleveMapping()
	if err != nil {
		return err
	}
	ix, err := bleve.New(filepath.Join(dir, "index"), m)
	if err != nil {
		return err
	}
	batch := ix.NewBatch()
	err = s.corpus.eachText(func(n int, text string) error {
		if err := batch.Index(strconv.Itoa(n), map[string]any{"text": text}); err != nil {
			return err
		}
		if batch.Size() < bleveBatch {
			return nil
		}
		full := batch
		batch = ix.NewBatch()
		return ix.Batch(full)
	})
	if err == nil && batch.Size() > 0 {
		err = ix.Batch(batch)
	}
	return errors.Join(err, ix.Close())
}

type bleveSearcher struct{ index bleve.Index }

func openBleve(_ context.Context, _ *settings, dir string) (searcher, error) {
	ix, err := bleve.OpenUsing(filepath.Join(dir, "index"), map[string]any{"read_only": true})
	if err != nil {
		return nil, err
	}
	return &bleveSearcher{ix}, nil
}

func (b *bleveSearcher) search(ctx context.Context, q *question) ([]int, error) {
	match := bleve.NewMatchQuery(q.text)
	match.SetField("text")
	answer, err := b.index.SearchInContext(ctx, bleve.NewSearchRequestOptions(match, limit, 0, false))
	if err != nil {
		return nil, err
	}
	out := make([]int, len(answer.Hits))
	for i, h := range answer.Hits {
		if out[i], err = strconv.Atoi(h.ID); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (b *bleveSearcher) Close() error { return b.index.Close() }
