package qdrantstore

import (
	"context"
	"math"
	"slices"

	"github.com/qdrant/go-client/qdrant"
	"golang.org/x/sync/errgroup"

	"github.com/lore-kb/lore/store"
)

// The server multiplies the weight of a term by ln(1 + (n - df + 0.5)/(df + 0.5))
// = ln((n + 1)/(df + 0.5)), where n is the number of sparse vectors and df of
// those with the term, both counted over what it has not yet vacuumed. A query
// for one term alone scores its best point with that factor times the point's
// weight; the sentinel's term, whose df is 1, gives n. So what the server has
// counted can be read off, and compared with the number of points that there
// are.

// probe is what single-term queries told.
type probe struct {
	served []float64 // factor the server uses, by term; 0 when no point holds the term
	exact  []float64 // store.IDF
}

// termQuery asks for the best points of one term, with their weights: one, or
// two of the sentinel's.
func (s *Store) termQuery(index uint32) *qdrant.QueryPoints {
	limit := uint64(1)
	if index == sentinelIndex {
		limit = 2
	}
	return &qdrant.QueryPoints{
		CollectionName: s.points, Query: qdrant.NewQuerySparse([]uint32{index}, []float32{1}), Using: qdrant.PtrOf(sparseName),
		Limit: qdrant.PtrOf(limit), WithPayload: qdrant.NewWithPayload(false), WithVectors: qdrant.NewWithVectorsInclude(sparseName),
	}
}

// served reads the server's factor off the answer to a termQuery.
func served(index uint32, hits []*qdrant.ScoredPoint) float64 {
	if len(hits) == 0 {
		return 0
	}
	v := sparseOf(hits[0].GetVectors())
	i := slices.Index(v.Indices, index) // the server may keep another order
	if i < 0 || v.Values[i] == 0 {
		return 0
	}
	return float64(hits[0].GetScore()) / float64(v.Values[i])
}

// exactIDF turns the server's factors into exact ones. sentinel is the factor
// of the sentinel's term, 0 when a point of a document has the term too; points
// is the number of points without the sentinel.
func exactIDF(factors []float64, sentinel float64, points int, severalShards bool) []float64 {
	out := make([]float64, len(factors))
	counted := float64(points + 1)
	if sentinel > 0 {
		counted = 1.5*math.Exp(sentinel) - 1 // n + 1 = (1 + 0.5) e^factor
	}
	// Single precision leaves n known to about one in a million.
	surplus := counted - float64(points+1)
	if math.Abs(surplus) < 0.5+counted*2e-6 {
		surplus = 0
	}
	for i, f := range factors {
		switch {
		case f == 0:
			out[i] = store.IDF(points, 0)
		case severalShards:
			// Each shard counts for itself; what the best point's shard has
			// counted stands for all.
			out[i] = f
		default:
			df := (counted+1)*math.Exp(-f) - 0.5
			if surplus > 0 {
				// Vectors that are gone but counted: the term has had its share
				// of them.
				df *= float64(points+1) / counted
			}
			out[i] = store.IDF(points, min(max(int(math.Round(df)), 1), max(points, 1)))
		}
	}
	return out
}

// IDF implements [store.Store].
func (s *Store) IDF(ctx context.Context, indices []uint32) ([]float64, error) {
	if err := s.begin(ctx, "idf"); err != nil {
		return nil, err
	}
	if len(indices) == 0 {
		return nil, nil
	}
	p, _, err := s.probe(ctx, indices, nil)
	if err != nil {
		return nil, s.fail(ctx, "idf", err)
	}
	return p.exact, nil
}

// probe measures the terms, and in the same request asks a query of the
// caller's, if there is one.
func (s *Store) probe(ctx context.Context, indices []uint32, query *qdrant.QueryPoints) (*probe, []*qdrant.ScoredPoint, error) {
	var queries []*qdrant.QueryPoints
	if query != nil {
		queries = append(queries, query)
	}
	queries = append(queries, s.termQuery(sentinelIndex))
	for _, index := range indices {
		queries = append(queries, s.termQuery(index))
	}
	var answers []*qdrant.BatchResult
	var points int
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		for batch := range slices.Chunk(queries, 128) {
			a, err := s.client.QueryBatch(gctx, &qdrant.QueryBatchPoints{CollectionName: s.points, QueryPoints: batch})
			if err != nil {
				return err
			}
			answers = append(answers, a...)
		}
		return nil
	})
	g.Go(func() error {
		n, err := s.count(gctx, s.points, nil)
		points = n - 1
		return err
	})
	if err := g.Wait(); err != nil {
		return nil, nil, err
	}
	var hits []*qdrant.ScoredPoint
	if query != nil {
		hits, answers = answers[0].GetResult(), answers[1:]
	}
	p := &probe{served: make([]float64, len(indices))}
	for i, index := range indices {
		p.served[i] = served(index, answers[i+1].GetResult())
	}
	s.mu.Lock()
	several := s.shards > 1
	s.mu.Unlock()
	sentinel := 0.0
	if hits := answers[0].GetResult(); len(hits) == 1 {
		sentinel = served(sentinelIndex, hits)
	}
	p.exact = exactIDF(p.served, sentinel, points, several)
	return p, hits, nil
}
