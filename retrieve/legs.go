package retrieve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/lore-kb/lore/analysis"
	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/store"
)

// collection is what a question needs to know of the collection as a whole.
type collection struct {
	stats  store.Stats
	centre store.Centre // of the embedder, if it does not centre its vectors
}

// languages returns those that a share of the points worth keeping apart is
// written in, in order; nil when there is at most one.
func (c *collection) languages() []string {
	var out []string
	for _, l := range slices.Sorted(maps.Keys(c.stats.Languages)) {
		if n := c.stats.Languages[l]; l != "" && n >= fairTop && n*50 >= c.stats.Points {
			out = append(out, l)
		}
	}
	if len(out) < 2 {
		return nil
	}
	return out
}

// look returns what is known of the collection, at most statsAge old.
func (r *Retriever) look(ctx context.Context) (collection, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := r.present(); r.seenAt.IsZero() || now.Sub(r.seenAt) > statsAge {
		stats, err := r.store.Stats(ctx)
		if err != nil {
			return collection{}, err
		}
		c := collection{stats: stats}
		if e := r.options.Embedder; e != nil && !e.Info().Centred {
			settings, err := r.store.Settings(ctx)
			if err != nil {
				return collection{}, err
			}
			c.centre = settings.Centres[e.Info().Fingerprint]
		}
		r.seen, r.seenAt = c, now
	}
	return r.seen, nil
}

// searchLegs searches both legs at once and reports what was missing. It fails
// when no leg could be searched.
func (r *Retriever) searchLegs(ctx context.Context, s *search) error {
	var err error
	if s.collection, err = r.look(ctx); err != nil {
		return err
	}
	if e := r.options.Embedder; e != nil {
		want, have := e.Info(), s.collection.stats.Model
		if have.Fingerprint != "" && want.Fingerprint != "" && have.Fingerprint != want.Fingerprint {
			return &store.ModelMismatchError{Collection: s.collection.stats.Collection, Stored: have,
				Want: store.Model{Fingerprint: want.Fingerprint, Dimension: want.Dimension}}
		}
	}
	if e := r.options.Embedder; e != nil {
		s.centred, s.ownLanguage = e.Info().Centred, ownLanguage
		if c := s.collection.centre; len(c.Means) > 0 {
			s.centred, s.ownLanguage = true, min(ownLanguage, ownShare*c.OwnLanguage)
		}
	}
	legs, cancel := context.WithTimeout(ctx, r.options.LegTimeout)
	defer cancel()
	var wg sync.WaitGroup
	indices, _ := s.parsed.Sparse()
	run := func(leg *legHits, do func() ([]store.Hit, error)) {
		wg.Go(func() {
			begin := time.Now()
			leg.hits, leg.err = do()
			leg.elapsed = time.Since(begin)
		})
	}
	words := func() ([]store.Hit, error) {
		var v store.SparseVector
		v.Indices, v.Values = s.parsed.Sparse()
		return r.store.Search(legs, store.Query{Leg: store.LegSparse, Sparse: v, Filter: s.filter, Limit: s.window, Bare: s.bare})
	}
	if len(indices) == 0 {
		s.sparse.skipped = "the question has no searchable word"
	} else {
		run(&s.sparse, func() ([]store.Hit, error) {
			weights, err := r.store.IDF(legs, indices)
			s.setTerms(indices, weights)
			if err != nil {
				return nil, err
			}
			s.loosen()
			return words()
		})
	}
	var phrase legHits
	if v := phraseVector(s.parsed); len(v.Indices) > 0 {
		run(&phrase, func() ([]store.Hit, error) {
			return r.store.Search(legs, store.Query{Leg: store.LegSparse, Sparse: v, Filter: s.filter, Limit: s.window, Bare: s.bare})
		})
	}
	stats := &s.collection.stats
	switch {
	case r.options.Embedder == nil:
		s.dense.skipped = cmp.Or(r.options.NoVector, "no embedder is configured: only keywords were searched")
	case stats.Points == 0:
		s.dense.skipped = "nothing is indexed"
	case stats.Embedded == 0:
		s.dense.skipped = fmt.Sprintf("none of %d passages has its vector yet: only keywords were searched", stats.Points)
	case !s.collection.centre.Knows(s.parsed.Language):
		s.dense.skipped = fmt.Sprintf("%s does not know the question's language: only keywords were searched", r.options.Embedder.Info().Name)
	default:
		run(&s.dense, func() ([]store.Hit, error) { return r.searchDense(legs, s) })
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.embedding > 0 {
		s.result.Timings["embed"] = s.embedding
	}
	s.phrase = phrase.hits
	if s.sparse.skipped == "" && s.sparse.err == nil {
		// A failure to correct is none of the search.
		if again, err := r.correct(legs, s); err == nil && again {
			run(&s.sparse, words)
			wg.Wait()
		}
	}
	return r.report(s)
}

// report fills Degraded from what the legs did.
func (r *Retriever) report(s *search) error {
	stats := &s.collection.stats
	if mismatch := (*store.ModelMismatchError)(nil); errors.As(s.dense.err, &mismatch) {
		return mismatch
	}
	searched := 0
	for _, leg := range []struct {
		name store.Leg
		*legHits
	}{{store.LegSparse, &s.sparse}, {store.LegDense, &s.dense}} {
		switch {
		case leg.err != nil:
			s.degrade(leg.name, "%s", reason(leg.err, r.options.LegTimeout))
		case leg.skipped != "":
			if stats.Points > 0 {
				s.degrade(leg.name, "%s", leg.skipped)
			}
		default:
			searched++
			if leg.name == store.LegDense && stats.Embedded < stats.Points {
				s.degrade(leg.name, "%d of %d passages have their vectors so far", stats.Embedded, stats.Points)
			}
		}
	}
	if searched == 0 {
		return errors.Join(s.sparse.err, s.dense.err)
	}
	return nil
}

// searchDense embeds the question and searches its neighbours; in a collection
// of several languages those of each language too, so that none is crowded out of
// the window.
func (r *Retriever) searchDense(ctx context.Context, s *search) ([]store.Hit, error) {
	begin := time.Now()
	vectors, err := r.options.Embedder.Embed(ctx, model.TaskQuery, []string{s.parsed.Text})
	if err != nil {
		return nil, err
	}
	s.embedding = time.Since(begin)
	if len(vectors) != 1 {
		return nil, fmt.Errorf("%s gave %d vectors for one question", r.options.Embedder.Info().Name, len(vectors))
	}
	v := s.collection.centre.Less(vectors[0], s.parsed.Language, model.TaskQuery.String())
	query := store.Query{Leg: store.LegDense, Dense: v, Filter: s.filter, Limit: s.window, Bare: s.bare}
	if len(s.filter.Languages) == 0 {
		query.Apart = s.collection.languages()
	}
	hits, err := r.store.Search(ctx, query)
	return slices.DeleteFunc(hits, func(h store.Hit) bool { return !s.collection.centre.Knows(h.Payload.Language) }), err
}

// setTerms joins the question's terms with their weights in the collection.
// A store that failed to give them leaves all terms at weight 1.
func (s *search) setTerms(indices []uint32, idf []float64) {
	unknown := store.IDF(s.collection.stats.Points, 0)
	at := make(map[uint32]float64, len(idf))
	for i, w := range idf {
		at[indices[i]] = w
	}
	for _, t := range s.parsed.Terms {
		w, ok := at[t.Index]
		if !ok {
			w = 1
		}
		s.terms = append(s.terms, TermWeight{
			Term: t.Text, Index: t.Index, IDF: w, Query: t.Weight, Known: ok && w < unknown-1e-9,
		})
	}
}

// phraseVector holds the terms of the question's quoted phrases.
func phraseVector(q *analysis.Parsed) store.SparseVector {
	var v store.SparseVector
	for _, p := range q.Phrases {
		for _, t := range analysis.Terms(p) {
			v.Indices = append(v.Indices, t.Index)
			v.Values = append(v.Values, float32(t.Weight))
		}
	}
	v.Sort()
	return v
}
