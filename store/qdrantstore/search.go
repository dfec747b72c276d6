package qdrantstore

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/qdrant/go-client/qdrant"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/lore-kb/lore/store"
)

// slack is how many points more than wanted are asked for, so that ties at the
// limit are seen.
const slack = 16

// candidate is a ranked point whose payload has not been read yet.
type candidate struct {
	id       string
	score    float64
	document string
	version  string
	language string
}

// Search implements [store.Store]. The ranking of the sparse leg is exact; that
// of the dense leg is the server's, which is exact until it builds a graph.
func (s *Store) Search(ctx context.Context, q store.Query) ([]store.Hit, error) {
	if err := s.begin(ctx, "search"); err != nil {
		return nil, err
	}
	var rank func(context.Context, *store.Query, condition) ([]candidate, error)
	switch q.Leg {
	case store.LegSparse:
		if len(q.Sparse.Indices) != len(q.Sparse.Values) {
			return nil, fmt.Errorf("search: %d sparse indices but %d values", len(q.Sparse.Indices), len(q.Sparse.Values))
		}
		if len(q.Sparse.Indices) == 0 || q.Limit <= 0 {
			return nil, nil
		}
		rank = s.rankSparse
	case store.LegDense:
		if len(q.Dense) == 0 || q.Limit <= 0 {
			return nil, nil
		}
		if err := s.checkDense(ctx, len(q.Dense)); err != nil {
			return nil, fmt.Errorf("search: %w", err)
		}
		if s.model().Dimension == 0 {
			return nil, nil
		}
		rank = s.rankApart
	default:
		return nil, fmt.Errorf("search: unknown leg %q", q.Leg)
	}
	hits, err := s.searchCommitted(ctx, &q, rank)
	if err != nil {
		if q.Leg == store.LegDense && status.Code(err) == codes.InvalidArgument {
			// Another model may have taken over a moment ago.
			if err := s.reload(ctx); err == nil {
				if err := s.checkDense(ctx, len(q.Dense)); err != nil {
					return nil, fmt.Errorf("search: %w", err)
				}
			}
		}
		return nil, fmt.Errorf("search: %w", err)
	}
	return hits, nil
}

// checkDense makes sure that the collection still has the model that this
// handle was opened for, and vectors of this length.
func (s *Store) checkDense(ctx context.Context, n int) error {
	have := s.model()
	if have.Dimension != n || s.opts.Model.Fingerprint != "" && have != s.opts.Model {
		if err := s.follow(ctx); err != nil {
			return err
		}
		have = s.model()
	}
	if have.Dimension == 0 {
		return nil
	}
	if s.opts.Model.Fingerprint != "" && have != s.opts.Model {
		return &store.ModelMismatchError{Collection: s.opts.Collection, Stored: have, Want: s.opts.Model}
	}
	if n != have.Dimension {
		return fmt.Errorf("query vector of %d numbers, the collection has %d: %w", n, have.Dimension, store.ErrDimension)
	}
	return nil
}

// searchCommitted ranks until every hit is of its document's committed version.
func (s *Store) searchCommitted(ctx context.Context, q *store.Query, rank func(context.Context, *store.Query, condition) ([]candidate, error)) ([]store.Hit, error) {
	shut := map[string]candidate{} // one of each revision that is not to be found
	var before []candidate         // of the round before
	for round := 1; ; round++ {
		started := now()
		where := pointCondition(&q.Filter)
		if len(shut) > 0 {
			where.filter.MustNot = append(where.filter.MustNot, matchAny(keyRevision, slices.Sorted(maps.Keys(shut))))
		}
		found, err := rank(ctx, q, where)
		if err != nil {
			return nil, err
		}
		commits, payloads, generation, err := s.lookUp(ctx, found, shut, q.Bare)
		if err != nil {
			return nil, err
		}
		if generation != "" && generation != s.generation() {
			if err := s.reload(ctx); err != nil {
				return nil, err
			}
			if q.Leg == store.LegDense {
				if err := s.checkDense(ctx, len(q.Dense)); err != nil {
					return nil, err
				}
			}
			if round < rereads {
				continue
			}
		}
		// Fewer than wanted may mean that a document was replaced between two looks
		// at the server; a second ranking that finds the same tells.
		again := len(found) < q.Limit && round < rereads/2 && (round == 1 || !samePoints(found, before))
		before = found
		for r, x := range shut {
			// A version may come back, while it is kept from being found.
			if c, ok := commits[x.document]; ok && c.version == x.version {
				delete(shut, r)
				again = true
			}
		}
		hits := make([]store.Hit, 0, len(found))
		for _, x := range found {
			r := revision(x.document, x.version)
			c, ok := commits[x.document]
			if !ok || c.version != x.version {
				shut[r] = x
				again = true
				continue
			}
			// Committed just now: perhaps not all of its points were there when
			// the ranking was made.
			if c.at.After(started.Add(-clockSkew)) && !s.verified.before(r, c.at, started) && round < rereads/2 {
				again = true
			}
			if q.Bare {
				hits = append(hits, store.Hit{ID: x.id, Score: x.score, Payload: store.Payload{Language: x.language}})
				continue
			}
			p, ok := payloads[x.id]
			if !ok {
				again = true
				continue
			}
			hits = append(hits, store.Hit{ID: x.id, Score: x.score, Payload: p})
		}
		if !again {
			return hits, nil
		}
		if round == rereads {
			return nil, errRestless
		}
	}
}

// samePoints reports whether two rankings hold the same points in one order.
func samePoints(a, b []candidate) bool {
	return slices.EqualFunc(a, b, func(x, y candidate) bool { return x.id == y.id })
}

// clockSkew is how far the clocks of two writers and readers may be apart.
const clockSkew = time.Minute

func (s *Store) generation() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.physical
}

// lookUp reads the commits of the candidates' documents and of those that are
// shut out, the candidates' payloads unless bare, and which set of points is in use.
func (s *Store) lookUp(ctx context.Context, found []candidate, shut map[string]candidate, bare bool) (commits map[string]commit, payloads map[string]store.Payload, generation string, err error) {
	documents := make([]string, 0, len(found)+1)
	list := make([]string, len(found))
	for i, c := range found {
		list[i] = c.id
		if c.document != "" {
			documents = append(documents, c.document)
		}
	}
	for _, x := range shut {
		documents = append(documents, x.document)
	}
	if bare {
		list = nil
	}
	slices.Sort(documents)
	documents = append(slices.Compact(documents), headID)
	commits, payloads = make(map[string]commit, len(documents)), make(map[string]store.Payload, len(found))
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		for batch := range slices.Chunk(documents, 512) {
			points, err := s.client.Get(gctx, &qdrant.GetPoints{CollectionName: s.docs, Ids: ids(batch),
				WithPayload: qdrant.NewWithPayloadInclude(keyVersion, keyCommitted, keyGeneration)})
			if err != nil {
				return err
			}
			for _, p := range points {
				if id := p.GetId().GetUuid(); id == headID {
					generation = payload(p.GetPayload()).string(keyGeneration)
				} else {
					commits[id] = commitOf(p.GetPayload())
				}
			}
		}
		return nil
	})
	g.Go(func() error {
		for batch := range slices.Chunk(list, 512) {
			points, err := s.client.Get(gctx, &qdrant.GetPoints{CollectionName: s.points, Ids: ids(batch), WithPayload: withoutDetail})
			if err != nil {
				return err
			}
			for _, p := range points {
				payloads[p.GetId().GetUuid()] = pointOf(p.GetId(), p.GetPayload()).Payload
			}
		}
		return nil
	})
	if err := g.Wait(); err != nil {
		return nil, nil, "", s.fail(ctx, "look up hits", err)
	}
	return commits, payloads, generation, nil
}

// candidateKeys are what is read of a point to rank it.
var candidateKeys = []string{keyDocument, keyVersion, keyLanguage}

func (s *Store) query(q *qdrant.Query, using string, c condition, limit int) *qdrant.QueryPoints {
	keys := candidateKeys
	if c.refine {
		keys = slices.Compact(slices.Sorted(slices.Values(slices.Concat(keys, refineKeys))))
	}
	return &qdrant.QueryPoints{CollectionName: s.points, Query: q, Using: qdrant.PtrOf(using), Filter: c.filter,
		Limit: qdrant.PtrOf(uint64(limit)), WithPayload: qdrant.NewWithPayloadInclude(keys...)}
}

func candidateOf(p *qdrant.ScoredPoint, score float64) candidate {
	values := payload(p.GetPayload())
	return candidate{id: p.GetId().GetUuid(), score: score, document: values.string(keyDocument), version: values.string(keyVersion), language: values.string(keyLanguage)}
}

// selects decides what the server could not.
func (c *condition) selects(f *store.Filter, p *qdrant.ScoredPoint) bool {
	if !c.refine {
		return true
	}
	in := pointOf(p.GetId(), p.GetPayload()).Payload
	return f.MatchPayload(&in)
}

func sortCandidates(list []candidate) {
	slices.SortFunc(list, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.score, a.score), strings.Compare(a.id, b.id))
	})
}

// rankSparse ranks by the exact score. The server's own order leads to the
// candidates; the list is extended until no point outside it can belong inside.
func (s *Store) rankSparse(ctx context.Context, q *store.Query, c condition) ([]candidate, error) {
	weights := q.Sparse.Values
	var p *probe
	for limit := q.Limit + slack; ; limit *= 4 {
		request := s.query(qdrant.NewQuerySparse(q.Sparse.Indices, weights), sparseName, c, limit)
		request.WithVectors = qdrant.NewWithVectorsInclude(sparseName)
		var hits []*qdrant.ScoredPoint
		var err error
		if p == nil {
			p, hits, err = s.probe(ctx, q.Sparse.Indices, request)
		} else {
			hits, err = s.client.Query(ctx, request)
		}
		if err != nil {
			return nil, s.fail(ctx, "rank", err)
		}
		var found []candidate
		for _, h := range hits {
			if score := sparseScore(&q.Sparse, p.exact, sparseOf(h.GetVectors())); score > 0 && h.GetId().GetUuid() != sentinelID && c.selects(&q.Filter, h) {
				found = append(found, candidateOf(h, score))
			}
		}
		sortCandidates(found)
		if len(hits) < limit {
			return found[:min(len(found), q.Limit)], nil
		}
		// What is not on the list scores at most as the last that is, with each
		// term's factor put right, and a little for single precision.
		most := float64(hits[len(hits)-1].GetScore()) * p.worst(q.Sparse.Values, weights) * (1 + 1e-5)
		if len(found) >= q.Limit && found[q.Limit-1].score > most {
			return found[:q.Limit], nil
		}
		weights = p.corrected(q.Sparse.Values)
	}
}

// corrected returns query weights with which the server's factors give the
// exact ones.
func (p *probe) corrected(weights []float32) []float32 {
	out := slices.Clone(weights)
	for i := range out {
		if p.served[i] > 0 {
			out[i] = float32(float64(out[i]) * p.exact[i] / p.served[i])
		}
	}
	return out
}

// worst returns how many times larger than the server's score an exact one can
// be when the server was asked with sent instead of weights.
func (p *probe) worst(weights, sent []float32) float64 {
	most := 0.0
	for i := range weights {
		if p.served[i] > 0 && sent[i] != 0 {
			most = max(most, float64(weights[i])*p.exact[i]/(float64(sent[i])*p.served[i]))
		}
	}
	if most == 0 {
		return math.Inf(1)
	}
	return most
}

// sparseScore is the sum over shared terms, in order of index.
func sparseScore(q *store.SparseVector, idf []float64, v store.SparseVector) float64 {
	if !slices.IsSorted(v.Indices) {
		v = store.SparseVector{Indices: slices.Clone(v.Indices), Values: slices.Clone(v.Values)}
		v.Sort()
	}
	score := 0.0
	for i, index := range q.Indices {
		if j, ok := slices.BinarySearch(v.Indices, index); ok {
			score += float64(q.Values[i]) * float64(v.Values[j]) * idf[i]
		}
	}
	return score
}

// leastEffort is how many candidates a search keeps while it walks the graph. On
// 100,000 vectors of the built-in encoder the ten best were found to 0.945 with
// 128 and to 0.969 with 256; to 0.989 with 512 in one graph, and in another, since
// a server builds it anew each time, to 0.979 with 512, 0.988 with this and 0.990
// with 1,024, at 5.7, 7.4 and 8.7 ms.
const leastEffort = 768

// rankDense ranks by the server's cosine.
func (s *Store) rankDense(ctx context.Context, q *store.Query, c condition) ([]candidate, error) {
	for limit := q.Limit + slack; ; limit *= 4 {
		request := s.query(qdrant.NewQueryDense(q.Dense), denseName, c, limit)
		request.Params = &qdrant.SearchParams{HnswEf: qdrant.PtrOf(uint64(max(leastEffort, 4*limit))),
			Quantization: &qdrant.QuantizationSearchParams{Rescore: qdrant.PtrOf(true), Oversampling: qdrant.PtrOf(2.0)}}
		hits, err := s.client.Query(ctx, request)
		if err != nil {
			return nil, s.fail(ctx, "rank", err)
		}
		var found []candidate
		for _, h := range hits {
			if c.selects(&q.Filter, h) {
				found = append(found, candidateOf(h, float64(h.GetScore())))
			}
		}
		sortCandidates(found)
		if len(hits) < limit || len(found) >= q.Limit && found[q.Limit-1].score > float64(hits[len(hits)-1].GetScore()) {
			return found[:min(len(found), q.Limit)], nil
		}
	}
}

// rankApart is rankDense with the best of each language that is kept apart.
func (s *Store) rankApart(ctx context.Context, q *store.Query, c condition) ([]candidate, error) {
	lists := make([][]candidate, len(q.Apart)+1)
	g, gctx := errgroup.WithContext(ctx)
	for i := range lists {
		c := c
		if i < len(q.Apart) {
			c.filter = &qdrant.Filter{Must: append(slices.Clone(c.filter.GetMust()), matchAny(keyLanguage, q.Apart[i:i+1])),
				MustNot: c.filter.GetMustNot(), Should: c.filter.GetShould()}
		}
		g.Go(func() (err error) {
			lists[i], err = s.rankDense(gctx, q, c)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	all := slices.Concat(lists...)
	sortCandidates(all)
	return slices.CompactFunc(all, func(a, b candidate) bool { return a.id == b.id }), nil
}

// Payloads implements [store.Store].
func (s *Store) Payloads(ctx context.Context, hits []store.Hit) error {
	if err := s.begin(ctx, "payloads"); err != nil {
		return err
	}
	list := make([]candidate, len(hits))
	for i := range hits {
		list[i].id = hits[i].ID
	}
	_, payloads, _, err := s.lookUp(ctx, list, nil, false)
	if err != nil {
		return fmt.Errorf("payloads: %w", err)
	}
	var documents []string
	for _, p := range payloads {
		documents = append(documents, p.DocumentID)
	}
	slices.Sort(documents)
	commits, err := s.committed(ctx, slices.Compact(documents))
	if err != nil {
		return fmt.Errorf("payloads: %w", err)
	}
	for i := range hits {
		hits[i].Payload = store.Payload{}
		if p, ok := payloads[hits[i].ID]; ok && commits[p.DocumentID].version == p.Version {
			hits[i].Payload = p
		}
	}
	return nil
}

// Details implements [store.Store]. A hit of a version that is not the committed
// one any more may still have its detail, which is of the same text.
func (s *Store) Details(ctx context.Context, hits []store.Hit) ([][]byte, error) {
	if err := s.begin(ctx, "details"); err != nil {
		return nil, err
	}
	out := make([][]byte, len(hits))
	if len(hits) == 0 {
		return out, nil
	}
	at, list := make(map[string]int, len(hits)), make([]string, len(hits))
	for i := range hits {
		at[hits[i].ID], list[i] = i, hits[i].ID
	}
	for batch := range slices.Chunk(list, 512) {
		points, err := s.client.Get(ctx, &qdrant.GetPoints{CollectionName: s.points, Ids: ids(batch), WithPayload: qdrant.NewWithPayloadInclude(keyDetail, keyDetailSize)})
		if err != nil {
			return nil, s.fail(ctx, "details", err)
		}
		for _, p := range points {
			detail, err := payload(p.GetPayload()).detail()
			if err != nil {
				return nil, fmt.Errorf("details: %w", err)
			}
			out[at[p.GetId().GetUuid()]] = detail
		}
	}
	return out, nil
}

// commitWindow remembers when commits were first seen, a bounded number of them,
// the oldest forgotten first.
type commitWindow struct {
	mu   sync.Mutex
	seen map[commitKey]time.Time
	ring []commitKey
	next int
}

type commitKey struct {
	revision string
	at       int64
}

func newCommitWindow(n int) *commitWindow {
	return &commitWindow{seen: make(map[commitKey]time.Time), ring: make([]commitKey, n)}
}

// before reports whether the commit was seen before a moment, and remembers that
// it has been seen now.
func (w *commitWindow) before(revision string, at, moment time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := commitKey{revision, at.UnixNano()}
	if first, ok := w.seen[key]; ok {
		return first.Before(moment)
	}
	delete(w.seen, w.ring[w.next])
	w.ring[w.next], w.seen[key] = key, now()
	w.next = (w.next + 1) % len(w.ring)
	return false
}
