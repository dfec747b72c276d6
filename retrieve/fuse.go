package retrieve

import (
	"cmp"
	"slices"
	"sync"

	"github.com/lore-kb/lore/analysis"
	"github.com/lore-kb/lore/store"
)

// candidate is a chunk on its way to a passage.
type candidate struct {
	id      string
	key     uint64 // of a bare hit
	read    bool   // payload is whole; else it has the language alone
	payload store.Payload
	legs    map[store.Leg]LegScore
	made    made
	detail  []byte // what the embedder keeps of it, once held against the question
	score   float64
	same    int
}

// made is what a candidate's score is made of, each part as it counts.
type made struct {
	share, sentence, order float64
	whole                  float64 // the question stands there as it is
	cosine, likeness, own  float64 // own, of the question's language, is taken off
}

func (m *made) words() float64   { return m.share + m.sentence + m.order + m.whole }
func (m *made) vectors() float64 { return m.cosine + m.likeness - m.own }

// weights of the legs in the fusion of one question.
type weights struct {
	sparse, dense float64
	reciprocal    bool // both by their ranks
}

const (
	// fairTop is how many points of a language make it one of the collection's.
	fairTop = 20
	// rankConstant of reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR
	// 2009).
	rankConstant = 60

	// evidenceDepth is how many candidates are read closely.
	evidenceDepth = 40
	// wordsFirst is how many of the first by words are always among them. A name that
	// the model does not know, in a question of common words, is found by nothing
	// else. 1, 3 and 8 gave the same within 0.001 where both languages are, and 8 no
	// less than none elsewhere.
	wordsFirst = 3
	// aloneDepth is the same where words alone are searched and what is read moves a
	// passage by less: with 16 all measured rankings are those of 40.
	aloneDepth = 16
	// shareWeight is what a passage counts, against a cosine of 1, that holds each
	// of the question's terms once, before candidates are read closely.
	shareWeight = 0.4

	// ownLanguage is by how much a question is nearer to a passage in its own
	// language than to the same passage in another. Of the built-in encoder's
	// cosines it was 0.14 for Chinese and 0.16 for English questions on parallel
	// passages; the rest is what wrong passages in the question's language win by
	// sharing its common words.
	ownLanguage = 0.2

	// ownShare is how much larger ownLanguage is than what was measured on the
	// same text in both languages; for embedders whose centre was learnt.
	ownShare = 1.25

	// ownMatch is by how much more alike the pieces of one language are than those
	// of two, as it counts, for each of the two likenesses. One of 1 by the texts
	// alone counts as much as a cosine of 1, one by what is kept keptWeight.
	ownMatch   = 0.1
	keptWeight = 0.75
)

// lexical weighs what a passage shares with the question literally: the share of
// the question's weight in it, as BM25 counts it, in its best sentence, and in
// the order of the question; and that all of the question stands there, as only
// a name or a heading does, which puts it before passages with its parts.
type lexical struct{ share, sentence, order, whole float64 }

var (
	// besideVectors adds up to 1, the weight of a cosine of 1, but for names.
	besideVectors = lexical{0.25, 0.45, 0.3, 0.4}
	// aloneLexical leaves the ranking to BM25, which knows frequencies and
	// lengths, where nothing else does.
	aloneLexical = lexical{1, 0.2, 0.1, 0.6}
)

// fuse joins the hits of both legs into one ranking.
func fuse(s *search, how Fusion) ([]candidate, weights, error) {
	at := make(map[string]int)
	var list []candidate
	add := func(h *store.Hit) int {
		at[h.ID] = len(list)
		list = append(list, candidate{id: h.ID, key: h.Key, read: !s.bare, payload: h.Payload, legs: make(map[store.Leg]LegScore, 2)})
		return len(list) - 1
	}
	take := func(leg store.Leg, hits []store.Hit) {
		for i, h := range hits {
			k, ok := at[h.ID]
			if !ok {
				k = add(&h)
			}
			list[k].legs[leg] = LegScore{Rank: i + 1, Score: h.Score}
		}
	}
	take(store.LegSparse, s.sparse.hits)
	take(store.LegDense, s.dense.hits)
	for _, h := range s.phrase {
		if _, ok := at[h.ID]; !ok {
			add(&h)
		}
	}
	w := weights{sparse: 1, dense: 1}
	if how == FusionReciprocalRank {
		w.reciprocal = true
		for i := range list {
			for leg, l := range list[i].legs {
				l.Normalised = 1 / float64(rankConstant+l.Rank)
				list[i].legs[leg] = l
			}
			list[i].score = list[i].legs[store.LegSparse].Normalised + list[i].legs[store.LegDense].Normalised
		}
	} else {
		var err error
		if w, err = s.convex(list); err != nil {
			return nil, w, err
		}
	}
	slices.SortFunc(list, byRank)
	return list, w, nil
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

// convex scores the candidates by a sum of comparable scores:
//
//	cosine + likeness - own language + share + sentence + order
//
// with the cosine made comparable by denseScores, the likeness piece by piece
// where the embedder knows it, and the lexical parts weighed by [lexical].
func (s *search) convex(list []candidate) (weights, error) {
	parts, w := besideVectors, weights{sparse: 1, dense: 1}
	if len(s.dense.hits) == 0 {
		parts, w = aloneLexical, weights{sparse: 1}
	}
	most := s.best()
	sparse, dense := make([]float64, len(list)), make([]float64, len(list))
	s.denseScores(list)
	for i := range list {
		dense[i] = list[i].made.vectors()
		if l, ok := list[i].legs[store.LegSparse]; ok && most > 0 {
			sparse[i] = l.Score / most
		}
	}
	order := make([]int, len(list))
	for i := range order {
		order[i] = i
	}
	later := func(i int) int {
		if l, ok := list[i].legs[store.LegSparse]; ok && l.Rank <= wordsFirst {
			return 0
		}
		return 1
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(later(a), later(b)),
			cmp.Compare(dense[b]+shareWeight*sparse[b], dense[a]+shareWeight*sparse[a]), cmp.Compare(list[a].id, list[b].id))
	})
	depth := evidenceDepth
	if len(s.dense.hits) == 0 {
		depth = max(aloneDepth, min(evidenceDepth, 2*s.limit))
	}
	order = order[:min(len(order), depth)]
	if err := s.load(list, order); err != nil {
		return w, err
	}
	var evidence []analysis.Evidence
	var wg sync.WaitGroup
	wg.Go(func() { evidence = s.read(list, order) })
	likeness := s.match(list, order)
	wg.Wait()
	for i := range list {
		e, m := evidence[i], &list[i].made
		m.share, m.sentence, m.order = parts.share*sparse[i], parts.sentence*e.Sentence, parts.order*e.Order
		if e.Whole {
			m.whole = parts.whole
		}
		m.likeness = likeness[i]
		m.own += s.ownLikeness(&list[i].payload, likeness[i])
		list[i].score = w.sparse*m.words() + w.dense*m.vectors()
		for _, leg := range [...]store.Leg{store.LegSparse, store.LegDense} {
			if l, ok := list[i].legs[leg]; ok {
				l.Normalised = m.words()
				if leg == store.LegDense {
					l.Normalised = m.vectors()
				}
				list[i].legs[leg] = l
			}
		}
	}
	return w, nil
}

// read holds candidates against the question's terms, several at a time.
func (s *search) read(list []candidate, order []int) []analysis.Evidence {
	out := make([]analysis.Evidence, len(list))
	if len(s.terms) == 0 || len(s.sparse.hits) == 0 {
		return out
	}
	weights := make([]float64, len(s.terms))
	for i, t := range s.terms {
		weights[i] = t.IDF * t.Query
	}
	const workers = 4
	var wg sync.WaitGroup
	for k := range workers {
		wg.Go(func() {
			m := analysis.NewMatcher(s.parsed.Terms, weights)
			for n := k; n < len(order); n += workers {
				i := order[n]
				if _, ok := list[i].legs[store.LegSparse]; ok || s.phrase != nil {
					out[i] = m.Match(list[i].payload.Title, list[i].payload.Text)
				}
			}
		})
	}
	wg.Wait()
	return out
}

// denseScores fills in the cosines of the candidates, comparable from question to
// question and between languages. A candidate that the dense leg did not give is
// no nearer than the last of its language that it gave.
//
// The vectors of an embedder that is not free of its languages' means lie close
// together: their cosines are stretched so that the mean of a language's hits
// becomes 0 and 1 stays 1. That also makes its languages comparable; otherwise a
// passage in the question's language gives up ownLanguage.
func (s *search) denseScores(list []candidate) {
	if len(s.dense.hits) == 0 {
		return
	}
	type group struct {
		sum, last float64
		n         int
	}
	groups := make(map[string]*group)
	separate := s.collection.languages() != nil
	key := func(p *store.Payload) string {
		if separate {
			return p.Language
		}
		return ""
	}
	for i := range s.dense.hits {
		h := &s.dense.hits[i]
		g := groups[key(&h.Payload)]
		if g == nil {
			g = new(group)
			groups[key(&h.Payload)] = g
		}
		g.sum += h.Score
		g.last = h.Score
		g.n++
	}
	floor := s.dense.hits[len(s.dense.hits)-1].Score
	for i := range list {
		p := &list[i].payload
		g := groups[key(p)]
		v := floor
		if l, ok := list[i].legs[store.LegDense]; ok {
			v = l.Score
		} else if g != nil {
			v = g.last
		}
		if !s.centred {
			if m := 0.0; g != nil {
				if m = g.sum / float64(g.n); m < 1 {
					v = (v - m) / (1 - m)
				}
			}
		} else if s.parsed.Language != "" {
			switch p.Language {
			case s.parsed.Language:
				list[i].made.own = s.ownLanguage
			case "":
				list[i].made.own = s.ownLanguage / 2
			}
		}
		list[i].made.cosine = v
	}
}
