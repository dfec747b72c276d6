package retrieve

import (
	"cmp"
	"slices"

	"github.com/lore-kb/lore/store"
)

// candidate is a chunk on its way to a passage.
type candidate struct {
	id      string
	payload store.Payload
	legs    map[store.Leg]LegScore
	score   float64
	same    int
	notes   []string
}

// weights of the legs in the fusion of one question.
type weights struct{ sparse, dense float64 }

const (
	// sparseWeight is what a passage that holds all of a question's weight once
	// counts, against a cosine of 1.
	sparseWeight = 0.5
	// fairTop is how many of a language's best are averaged to make its scores
	// comparable with those of another language.
	fairTop = 20
	// rankConstant of reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR
	// 2009).
	rankConstant = 60
)

// fuse joins the hits of both legs into one ranking.
func fuse(s *search, how Fusion) ([]candidate, weights) {
	at := make(map[string]int)
	var list []candidate
	take := func(leg store.Leg, hits []store.Hit) {
		for i, h := range hits {
			k, ok := at[h.ID]
			if !ok {
				k = len(list)
				at[h.ID] = k
				list = append(list, candidate{id: h.ID, payload: h.Payload, legs: make(map[store.Leg]LegScore, 2)})
			}
			list[k].legs[leg] = LegScore{Rank: i + 1, Score: h.Score}
		}
	}
	take(store.LegSparse, s.sparse.hits)
	take(store.LegDense, s.dense.hits)
	for _, h := range s.phrase {
		if _, ok := at[h.ID]; !ok {
			at[h.ID] = len(list)
			list = append(list, candidate{id: h.ID, payload: h.Payload, legs: make(map[store.Leg]LegScore)})
		}
	}
	w := weights{sparse: 1, dense: 1}
	if how == FusionReciprocalRank {
		for i := range list {
			for leg, l := range list[i].legs {
				l.Normalised = 1 / float64(rankConstant+l.Rank)
				list[i].legs[leg] = l
			}
			list[i].score = list[i].legs[store.LegSparse].Normalised + list[i].legs[store.LegDense].Normalised
		}
	} else {
		w = s.convex(list)
	}
	slices.SortFunc(list, byRank)
	return list, w
}

func byRank(a, b candidate) int {
	return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.id, b.id))
}

// best returns the most that the question's terms score in a passage of average
// length that holds each once: BM25's frequency part is then 1.
func (s *search) best() float64 {
	sum := 0.0
	for _, t := range s.terms {
		sum += t.IDF * t.Query
	}
	return sum
}

// convex scores the candidates by a weighted sum of comparable scores.
func (s *search) convex(list []candidate) weights {
	w := weights{sparse: sparseWeight, dense: 1}
	if len(s.dense.hits) == 0 {
		w = weights{sparse: 1}
	}
	most := s.best()
	floor := 0.0 // a passage beyond the window is no nearer than its last
	if n := len(s.dense.hits); n > 0 {
		floor = s.dense.hits[n-1].Score
	}
	sparse, dense := make([]float64, len(list)), make([]float64, len(list))
	for i := range list {
		if l, ok := list[i].legs[store.LegSparse]; ok && most > 0 {
			sparse[i] = l.Score / most
		}
		dense[i] = floor
		if l, ok := list[i].legs[store.LegDense]; ok {
			dense[i] = l.Score
		}
	}
	if len(s.dense.hits) > 0 && s.collection.languages() != nil {
		fair(list, sparse)
		fair(list, dense)
	}
	for i := range list {
		list[i].score = w.sparse*sparse[i] + w.dense*dense[i]
		for leg, v := range map[store.Leg]float64{store.LegSparse: sparse[i], store.LegDense: dense[i]} {
			if l, ok := list[i].legs[leg]; ok {
				l.Normalised = v
				list[i].legs[leg] = l
			}
		}
	}
	return w
}

// fair takes from each score the mean of the fairTop best of its language.
func fair(list []candidate, scores []float64) {
	by := make(map[string][]float64)
	for i := range list {
		l := list[i].payload.Language
		by[l] = append(by[l], scores[i])
	}
	mean := make(map[string]float64)
	for l, v := range by {
		slices.SortFunc(v, func(a, b float64) int { return cmp.Compare(b, a) })
		sum := 0.0
		for _, x := range v[:min(len(v), fairTop)] {
			sum += x
		}
		mean[l] = sum / fairTop
	}
	for i := range list {
		scores[i] -= mean[list[i].payload.Language]
	}
}
