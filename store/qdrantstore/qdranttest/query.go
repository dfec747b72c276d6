package qdranttest

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

type scored struct {
	p     *point
	score float32
}

// rank sorts by score. Equal scores come in falling order of ID, so that a
// client that counts on the server for ties is found out.
func rank(list []scored, limit int) []scored {
	slices.SortFunc(list, func(a, b scored) int {
		return cmp.Or(cmp.Compare(b.score, a.score), strings.Compare(b.p.id, a.p.id))
	})
	return list[:min(len(list), limit)]
}

func (s pointsService) Query(_ context.Context, r *qdrant.QueryPoints) (*qdrant.QueryResponse, error) {
	out := &qdrant.QueryResponse{}
	return out, s.view(r.GetCollectionName(), func(c *collection) error {
		var err error
		out.Result, err = c.query(r)
		return err
	})
}

func (s pointsService) QueryBatch(_ context.Context, r *qdrant.QueryBatchPoints) (*qdrant.QueryBatchResponse, error) {
	out := &qdrant.QueryBatchResponse{}
	return out, s.view(r.GetCollectionName(), func(c *collection) error {
		for _, q := range r.GetQueryPoints() {
			hits, err := c.query(q)
			if err != nil {
				return err
			}
			out.Result = append(out.Result, &qdrant.BatchResult{Result: hits})
		}
		return nil
	})
}

func (c *collection) query(r *qdrant.QueryPoints) ([]*qdrant.ScoredPoint, error) {
	limit := 10
	if r.Limit != nil {
		limit = int(r.GetLimit())
	}
	offset := int(r.GetOffset())
	list, err := c.evaluate(r.GetPrefetch(), r.GetQuery(), r.GetUsing(), r.GetFilter(), limit+offset)
	if err != nil {
		return nil, err
	}
	if r.ScoreThreshold != nil {
		list = slices.DeleteFunc(list, func(x scored) bool { return x.score < r.GetScoreThreshold() })
	}
	list = list[min(offset, len(list)):]
	payload := withPayload(r.GetWithPayload(), false)
	out := make([]*qdrant.ScoredPoint, len(list))
	for i, x := range list {
		out[i] = &qdrant.ScoredPoint{Id: qdrant.NewIDUUID(x.p.id), Score: x.score, Payload: payload(x.p.payload), Vectors: vectorsOutput(x.p, r.GetWithVectors())}
	}
	return out, nil
}

// evaluate ranks by a query, among what the prefetches found if there are any.
func (c *collection) evaluate(prefetch []*qdrant.PrefetchQuery, q *qdrant.Query, using string, f *qdrant.Filter, limit int) ([]scored, error) {
	match, err := compile(f)
	if err != nil {
		return nil, err
	}
	var lists [][]scored
	for _, p := range prefetch {
		n := 10
		if p.Limit != nil {
			n = int(p.GetLimit())
		}
		list, err := c.evaluate(p.GetPrefetch(), p.GetQuery(), p.GetUsing(), p.GetFilter(), n)
		if err != nil {
			return nil, err
		}
		lists = append(lists, list)
	}
	if len(lists) > 0 {
		if k, weights, ok := reciprocal(q); ok {
			return rank(fuse(lists, k, weights, match), limit), nil
		}
		among := map[*point]bool{}
		for _, list := range lists {
			for _, x := range list {
				among[x.p] = true
			}
		}
		inner := match
		match = func(p *point) bool { return among[p] && inner(p) }
	}
	input := q.GetNearest()
	if input == nil {
		return nil, status.Errorf(codes.Unimplemented, "qdranttest: query %T", q.GetVariant())
	}
	if s := input.GetSparse(); s != nil {
		v, err := sparseOf(s.GetIndices(), s.GetValues())
		if err != nil {
			return nil, err
		}
		return c.rankSparse(v, using, match, limit)
	}
	return c.rankDense(input.GetDense().GetData(), using, match, limit)
}

func (c *collection) rankDense(v []float32, using string, match matcher, limit int) ([]scored, error) {
	params, ok := c.dense[using]
	if !ok {
		return nil, noVector(using)
	}
	if err := checkDimension(params, v); err != nil {
		return nil, err
	}
	if params.GetDistance() == qdrant.Distance_Cosine {
		v = normalised(v)
	}
	var list []scored
	for _, p := range c.points {
		stored, ok := p.dense[using]
		if !ok || !match(p) {
			continue
		}
		var sum float32
		for i := range v {
			sum += v[i] * stored[i]
		}
		list = append(list, scored{p, sum})
	}
	return rank(list, limit), nil
}

func (c *collection) rankSparse(v sparse, using string, match matcher, limit int) ([]scored, error) {
	params, ok := c.sparse[using]
	if !ok {
		return nil, noVector(using)
	}
	t := c.terms[using]
	sums := map[*point]float32{}
	for i, index := range v.indices {
		weight := v.values[i]
		if params.GetModifier() == qdrant.Modifier_Idf {
			weight *= t.idf(index)
		}
		for p, value := range t.postings[index] {
			sums[p] += weight * value
		}
	}
	list := make([]scored, 0, len(sums))
	for p, score := range sums {
		if match(p) {
			list = append(list, scored{p, score})
		}
	}
	return rank(list, limit), nil
}

// reciprocal returns the constant and the weights of reciprocal rank fusion, if
// the query asks for that.
func reciprocal(q *qdrant.Query) (k float32, weights []float32, ok bool) {
	switch v := q.GetVariant().(type) {
	case *qdrant.Query_Fusion:
		return 2, nil, v.Fusion == qdrant.Fusion_RRF
	case *qdrant.Query_Rrf:
		k = 2
		if v.Rrf.K != nil {
			k = float32(v.Rrf.GetK())
		}
		return k, v.Rrf.GetWeights(), true
	}
	return 0, nil, false
}

func fuse(lists [][]scored, k float32, weights []float32, match matcher) []scored {
	sums := map[*point]float32{}
	for i, list := range lists {
		weight := float32(1)
		if i < len(weights) {
			weight = weights[i]
		}
		for n, x := range list {
			if match(x.p) {
				sums[x.p] += weight / (float32(n) + k)
			}
		}
	}
	out := make([]scored, 0, len(sums))
	for p, score := range sums {
		out = append(out, scored{p, score})
	}
	return out
}
