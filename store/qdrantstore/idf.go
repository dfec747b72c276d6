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

// listedUpTo is the largest document frequency that is counted by listing the
// points, when the server counts some that are gone. What it costs is a request
// with at most as many IDs for a term; what is left is an error of the frequency
// of common terms, by the root of their share of what is gone.
const listedUpTo = 1024

// counts are what the server's factors say.
type counts struct {
	points  int       // that there are, without the sentinel
	vectors float64   // that the server counts, with the sentinel
	gone    bool      // some of those are of deleted points
	df      []float64 // that the server counts, by term; 0 when no point holds the term
}

// countsOf reads the counts off the factors. sentinel is the factor of the
// sentinel's term, 0 when a point of a document has the term too.
func countsOf(factors []float64, sentinel float64, points int) counts {
	c := counts{points: points, vectors: float64(points + 1), df: make([]float64, len(factors))}
	if sentinel > 0 {
		c.vectors = 1.5*math.Exp(sentinel) - 1 // n + 1 = (1 + 0.5) e^factor
	}
	// Single precision leaves n known to about one in a million.
	c.gone = c.vectors-float64(points+1) >= 0.5+c.vectors*2e-6
	for i, f := range factors {
		if f != 0 {
			c.df[i] = max((c.vectors+1)*math.Exp(-f)-0.5, 1)
		}
	}
	return c
}

// idf returns the exact inverse document frequency of term i. A term whose
// points were listed has their number in listed.
func (c *counts) idf(i int, listed map[int]int) float64 {
	df := int(math.Round(c.df[i]))
	if n, ok := listed[i]; ok {
		df = n
	} else if c.gone {
		// The term has had its share of what is gone.
		df = int(math.Round(c.df[i] * float64(c.points+1) / c.vectors))
	}
	if c.df[i] > 0 {
		df = max(df, 1)
	}
	return store.IDF(c.points, min(df, c.points))
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
	if several {
		// Each shard counts for itself; what the best point's shard has counted
		// stands for all.
		p.exact = slices.Clone(p.served)
		for i, f := range p.served {
			if f == 0 {
				p.exact[i] = store.IDF(points, 0)
			}
		}
		return p, hits, nil
	}
	c := countsOf(p.served, sentinel, points)
	listed, err := s.list(ctx, &c, indices)
	if err != nil {
		return nil, nil, err
	}
	p.exact = make([]float64, len(indices))
	for i := range indices {
		p.exact[i] = c.idf(i, listed)
	}
	return p, hits, nil
}

// list counts the points of rare terms one by one, if the server's count is of
// no use; by position of the term.
func (s *Store) list(ctx context.Context, c *counts, indices []uint32) (map[int]int, error) {
	if !c.gone {
		return nil, nil
	}
	var queries []*qdrant.QueryPoints
	var terms []int
	for i, index := range indices {
		if n := math.Ceil(c.df[i]) + 1; n > 1 && n <= listedUpTo {
			q := s.termQuery(index)
			q.Limit, q.WithVectors = qdrant.PtrOf(uint64(n)+1), qdrant.NewWithVectors(false) // one may be the sentinel
			queries, terms = append(queries, q), append(terms, i)
		}
	}
	listed := make(map[int]int, len(terms))
	for len(queries) > 0 {
		n := min(len(queries), 32)
		answers, err := s.client.QueryBatch(ctx, &qdrant.QueryBatchPoints{CollectionName: s.points, QueryPoints: queries[:n]})
		if err != nil {
			return nil, err
		}
		for i, a := range answers {
			for _, h := range a.GetResult() {
				if h.GetId().GetUuid() != sentinelID {
					listed[terms[i]]++
				}
			}
		}
		queries, terms = queries[n:], terms[n:]
	}
	return listed, nil
}
