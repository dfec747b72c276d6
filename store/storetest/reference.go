package storetest

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/lore-kb/lore/store"
)

// reference is what a store must hold and answer, computed the plain way.
type reference struct {
	model store.Model
	docs  map[string]store.Document
}

func newReference() *reference {
	return &reference{model: Model, docs: map[string]store.Document{}}
}

func (r *reference) put(docs ...store.Document) {
	for _, d := range docs {
		vectors := map[string]store.Point{}
		r.each(func(p *store.Point) {
			if p.Dense != nil {
				vectors[p.Digest] = *p
			}
		})
		points := slices.Clone(d.Points)
		for i := range points {
			if points[i].Dense == nil {
				p := vectors[points[i].Digest]
				points[i].Dense, points[i].Detail = p.Dense, p.Detail
			}
		}
		d.Points = points
		r.docs[d.ID] = d
	}
}

func (r *reference) remove(f store.Filter) int {
	n := len(r.docs)
	for id, d := range r.docs {
		if f.MatchDocument(&d.DocumentInfo) {
			delete(r.docs, id)
		}
	}
	return n - len(r.docs)
}

func (r *reference) setVectors(vectors ...store.PointVector) {
	for _, v := range vectors {
		r.each(func(p *store.Point) {
			if p.ID == v.ID && p.Digest == v.Digest {
				p.Dense, p.Detail = v.Vector, v.Detail
			}
		})
	}
}

// each visits all points in no particular order.
func (r *reference) each(visit func(*store.Point)) {
	for _, d := range r.docs {
		for i := range d.Points {
			visit(&d.Points[i])
		}
	}
}

func (r *reference) documents(f store.Filter) []store.DocumentInfo {
	var out []store.DocumentInfo
	for _, d := range r.docs {
		if !f.MatchDocument(&d.DocumentInfo) {
			continue
		}
		info := d.DocumentInfo
		info.Chunks, info.Embedded = len(d.Points), 0
		for _, p := range d.Points {
			if p.Dense != nil {
				info.Embedded++
			}
		}
		out = append(out, info)
	}
	slices.SortFunc(out, func(a, b store.DocumentInfo) int {
		return cmp.Or(strings.Compare(a.Root, b.Root), strings.Compare(a.Path, b.Path), strings.Compare(a.ID, b.ID))
	})
	return out
}

func (r *reference) idf(index uint32) float64 {
	n, df := 0, 0
	r.each(func(p *store.Point) {
		n++
		if _, ok := slices.BinarySearch(p.Sparse.Indices, index); ok {
			df++
		}
	})
	return store.IDF(n, df)
}

// rank returns every hit of the query; the query's limit is not applied.
func (r *reference) rank(q store.Query) []store.Hit {
	idf := make([]float64, len(q.Sparse.Indices))
	for i, index := range q.Sparse.Indices {
		idf[i] = r.idf(index)
	}
	var hits []store.Hit
	r.each(func(p *store.Point) {
		if !q.Filter.MatchPayload(&p.Payload) {
			return
		}
		h := store.Hit{ID: p.ID, Payload: p.Payload}
		if q.Leg == store.LegDense {
			if p.Dense == nil {
				return
			}
			h.Score = cosine(q.Dense, p.Dense)
			hits = append(hits, h)
			return
		}
		shared := false
		for i, index := range q.Sparse.Indices {
			if j, ok := slices.BinarySearch(p.Sparse.Indices, index); ok {
				shared = true
				h.Score += float64(q.Sparse.Values[i]) * float64(p.Sparse.Values[j]) * idf[i]
			}
		}
		if shared {
			hits = append(hits, h)
		}
	})
	slices.SortFunc(hits, func(a, b store.Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), strings.Compare(a.ID, b.ID))
	})
	return hits
}

func (r *reference) pending() []store.Point {
	var out []store.Point
	r.each(func(p *store.Point) {
		if p.Dense == nil {
			out = append(out, *p)
		}
	})
	slices.SortFunc(out, func(a, b store.Point) int {
		return cmp.Or(b.Payload.Date.Compare(a.Payload.Date), strings.Compare(a.Payload.DocumentID, b.Payload.DocumentID), cmp.Compare(a.Payload.Ordinal, b.Payload.Ordinal))
	})
	return out
}

func (r *reference) stats(collection string) store.Stats {
	st := store.Stats{Collection: collection, Model: r.model, Languages: map[string]int{}}
	for _, d := range r.docs {
		if d.Status == store.StatusFailed {
			st.Failed++
		} else {
			st.Documents++
		}
		st.Bytes += int64(len(d.Text))
	}
	r.each(func(p *store.Point) {
		st.Points++
		if p.Dense != nil {
			st.Embedded++
		}
		st.Languages[p.Payload.Language]++
	})
	return st
}

func cosine(a, b store.Vector) float64 {
	var dot, aa, bb float64
	for i := range a {
		dot += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	return dot / math.Sqrt(aa*bb)
}
