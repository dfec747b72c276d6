// Package memstore is an exact store in memory for tests and trials: what the
// contract of package store says, in the fewest lines, without persistence.
package memstore

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"math"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/lore-kb/lore/store"
)

// Store keeps one collection in memory.
type Store struct {
	mu       sync.RWMutex
	model    store.Model
	settings store.Settings
	docs     map[string]*store.Document
	points   []*point // ordered by ID
	postings map[uint32][]posting
	stale    bool
}

type point struct {
	store.Point
	doc *store.Document
}

type posting struct {
	at int
	w  float32
}

// New returns an empty collection of a model.
func New(m store.Model) *Store {
	return &Store{model: m, docs: make(map[string]*store.Document)}
}

var _ store.Store = (*Store)(nil)

func (s *Store) Put(ctx context.Context, docs []store.Document) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("put: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	byDigest := make(map[string]store.Point)
	for _, d := range s.docs {
		for _, p := range d.Points {
			if p.Dense != nil {
				byDigest[p.Digest] = p
			}
		}
	}
	for _, d := range docs {
		d.Points = slices.Clone(d.Points)
		for i := range d.Points {
			p := &d.Points[i]
			if p.Dense == nil {
				p.Dense, p.Detail = byDigest[p.Digest].Dense, byDigest[p.Digest].Detail
			}
			if p.Dense != nil {
				if s.model.Dimension > 0 && len(p.Dense) != s.model.Dimension {
					return fmt.Errorf("put %s: %w", d.ID, store.ErrDimension)
				}
				p.Dense = unit(p.Dense)
			}
		}
		s.docs[d.ID] = &d
	}
	s.stale = true
	return nil
}

func unit(v store.Vector) store.Vector {
	var n float64
	for _, x := range v {
		n += float64(x) * float64(x)
	}
	if n == 0 {
		return v
	}
	f := float32(1 / math.Sqrt(n))
	out := make(store.Vector, len(v))
	for i, x := range v {
		out[i] = x * f
	}
	return out
}

// refresh rebuilds the points and postings.
func (s *Store) refresh() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stale {
		return
	}
	s.points = nil
	for _, d := range s.docs {
		for _, p := range d.Points {
			s.points = append(s.points, &point{p, d})
		}
	}
	slices.SortFunc(s.points, func(a, b *point) int { return cmp.Compare(a.ID, b.ID) })
	s.postings = make(map[uint32][]posting)
	for i, p := range s.points {
		for k, x := range p.Sparse.Indices {
			s.postings[x] = append(s.postings[x], posting{i, p.Sparse.Values[k]})
		}
	}
	s.stale = false
}

func (s *Store) Mark(_ context.Context, ids []string, status store.Status, reason string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		if d := s.docs[id]; d != nil {
			d.Status, d.Reason = status, reason
		}
	}
	return nil
}

func (s *Store) Remove(_ context.Context, f store.Filter) (int, error) {
	if f.Empty() && !f.All {
		return 0, store.ErrEmptyFilter
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for id, d := range s.docs {
		if matches(f, d, d.Language) && (len(f.Statuses) == 0 || slices.Contains(f.Statuses, d.Status)) {
			delete(s.docs, id)
			n++
		}
	}
	s.stale = true
	return n, nil
}

func (s *Store) Documents(_ context.Context, f store.Filter) iter.Seq2[store.DocumentInfo, error] {
	s.mu.RLock()
	var out []store.DocumentInfo
	for _, d := range s.docs {
		if !matches(f, d, d.Language) || len(f.Statuses) > 0 && !slices.Contains(f.Statuses, d.Status) {
			continue
		}
		info := d.DocumentInfo
		info.Chunks = len(d.Points)
		for _, p := range d.Points {
			if p.Dense != nil {
				info.Embedded++
			}
		}
		out = append(out, info)
	}
	s.mu.RUnlock()
	slices.SortFunc(out, func(a, b store.DocumentInfo) int {
		return cmp.Or(cmp.Compare(a.Root, b.Root), cmp.Compare(a.Path, b.Path), cmp.Compare(a.ID, b.ID))
	})
	return func(yield func(store.DocumentInfo, error) bool) {
		for _, d := range out {
			if !yield(d, nil) {
				return
			}
		}
	}
}

func (s *Store) Text(_ context.Context, id string) (string, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if d := s.docs[id]; d != nil {
		return d.Text, nil
	}
	return "", fmt.Errorf("text of %s: %w", id, store.ErrNotFound)
}

func (s *Store) Excerpt(ctx context.Context, id string, start, end int) (string, error) {
	text, err := s.Text(ctx, id)
	if err != nil {
		return "", err
	}
	if err := store.CheckRange(start, end, len(text)); err != nil {
		return "", fmt.Errorf("text of %s: %w", id, err)
	}
	return text[start:end], nil
}

func (s *Store) Points(_ context.Context, id string, first, last int) ([]store.Point, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []store.Point
	if d := s.docs[id]; d != nil {
		for _, p := range d.Points {
			if p.Payload.Ordinal >= first && p.Payload.Ordinal <= last {
				p.Dense, p.Detail, p.Sparse = nil, nil, store.SparseVector{}
				out = append(out, p)
			}
		}
	}
	slices.SortFunc(out, func(a, b store.Point) int { return cmp.Compare(a.Payload.Ordinal, b.Payload.Ordinal) })
	return out, nil
}

func (s *Store) Search(ctx context.Context, q store.Query) ([]store.Hit, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	s.refresh()
	s.mu.RLock()
	defer s.mu.RUnlock()
	scores := make(map[int]float64)
	switch q.Leg {
	case store.LegSparse:
		for k, x := range q.Sparse.Indices {
			list := s.postings[x]
			idf := store.IDF(len(s.points), len(list))
			for _, p := range list {
				scores[p.at] += float64(q.Sparse.Values[k]) * float64(p.w) * idf
			}
		}
	case store.LegDense:
		if len(q.Dense) == 0 {
			return nil, nil
		}
		if s.model.Dimension > 0 && len(q.Dense) != s.model.Dimension {
			return nil, fmt.Errorf("search: %w", store.ErrDimension)
		}
		v := unit(q.Dense)
		for i, p := range s.points {
			if p.Dense == nil {
				continue
			}
			var dot float32
			for k, x := range p.Dense {
				dot += x * v[k]
			}
			scores[i] = float64(dot)
		}
	}
	var hits []store.Hit
	for i, score := range scores {
		p := s.points[i]
		if matches(q.Filter, p.doc, p.Payload.Language) {
			hits = append(hits, store.Hit{ID: p.ID, Score: score, Payload: p.Payload})
		}
	}
	slices.SortFunc(hits, func(a, b store.Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID))
	})
	left := make(map[string]int)
	for _, l := range q.Apart {
		left[l] = q.Limit
	}
	i := 0
	hits = slices.DeleteFunc(hits, func(h store.Hit) bool {
		l := h.Payload.Language
		i++
		left[l]--
		return i > q.Limit && left[l] < 0
	})
	if q.Bare {
		for i := range hits {
			hits[i].Payload = store.Payload{Language: hits[i].Payload.Language}
		}
	}
	return hits, nil
}

func (s *Store) Payloads(ctx context.Context, hits []store.Hit) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("payloads: %w", err)
	}
	s.refresh()
	s.mu.RLock()
	defer s.mu.RUnlock()
	for i := range hits {
		at, ok := slices.BinarySearchFunc(s.points, hits[i].ID, func(p *point, id string) int { return cmp.Compare(p.ID, id) })
		hits[i].Payload = store.Payload{}
		if ok {
			hits[i].Payload = s.points[at].Payload
		}
	}
	return nil
}

func (s *Store) Details(ctx context.Context, hits []store.Hit) ([][]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("details: %w", err)
	}
	s.refresh()
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([][]byte, len(hits))
	for i := range hits {
		if at, ok := slices.BinarySearchFunc(s.points, hits[i].ID, func(p *point, id string) int { return cmp.Compare(p.ID, id) }); ok {
			out[i] = s.points[at].Detail
		}
	}
	return out, nil
}

func (s *Store) IDF(_ context.Context, indices []uint32) ([]float64, error) {
	s.refresh()
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([]float64, len(indices))
	for i, x := range indices {
		out[i] = store.IDF(len(s.points), len(s.postings[x]))
	}
	return out, nil
}

func (s *Store) Pending(_ context.Context, limit int) ([]store.Point, error) {
	s.refresh()
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []store.Point
	for _, p := range s.points {
		if p.Dense == nil && len(out) < limit {
			out = append(out, p.Point)
		}
	}
	return out, nil
}

func (s *Store) SetVectors(_ context.Context, vectors []store.PointVector) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	byID := make(map[string]store.PointVector)
	for _, v := range vectors {
		if s.model.Dimension > 0 && len(v.Vector) != s.model.Dimension {
			return fmt.Errorf("set vectors: %w", store.ErrDimension)
		}
		byID[v.ID] = v
	}
	for _, d := range s.docs {
		for i := range d.Points {
			p := &d.Points[i]
			if v, ok := byID[p.ID]; ok && v.Digest == p.Digest {
				p.Dense, p.Detail = unit(v.Vector), v.Detail
			}
		}
	}
	s.stale = true
	return nil
}

func (s *Store) Settings(context.Context) (store.Settings, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.settings, nil
}

func (s *Store) SetSettings(_ context.Context, settings store.Settings) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settings = settings
	return nil
}

func (s *Store) Stats(context.Context) (store.Stats, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	st := store.Stats{Collection: "memory", Model: s.model, Languages: make(map[string]int)}
	for _, d := range s.docs {
		if d.Status == store.StatusFailed {
			st.Failed++
		} else {
			st.Documents++
		}
		st.Bytes += int64(len(d.Text))
		for _, p := range d.Points {
			st.Points++
			st.Languages[p.Payload.Language]++
			if p.Dense != nil {
				st.Embedded++
			}
		}
	}
	return st, nil
}

func (s *Store) Close() error { return nil }

// matches reports whether f selects a document, or a point of it in language.
func matches(f store.Filter, d *store.Document, language string) bool {
	in := func(list []string, v string) bool { return len(list) == 0 || slices.Contains(list, v) }
	if !in(f.Documents, d.ID) || !in(f.Roots, d.Root) || !in(f.Languages, language) {
		return false
	}
	for k, v := range f.Labels {
		if d.Labels[k] != v {
			return false
		}
	}
	if !f.After.IsZero() && d.Date.Before(f.After) || !f.Before.IsZero() && !d.Date.Before(f.Before) {
		return false
	}
	if len(f.MediaTypes) > 0 && !slices.ContainsFunc(f.MediaTypes, func(t string) bool {
		return t == d.MediaType || strings.HasSuffix(t, "/*") && strings.HasPrefix(d.MediaType, strings.TrimSuffix(t, "*"))
	}) {
		return false
	}
	return len(f.Paths) == 0 || slices.ContainsFunc(f.Paths, func(p string) bool {
		if strings.ContainsAny(p, "*?[") {
			ok, _ := path.Match(p, d.Path)
			return ok
		}
		p = strings.TrimSuffix(p, "/")
		return d.Path == p || strings.HasPrefix(d.Path, p+"/")
	})
}
