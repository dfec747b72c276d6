package main

import (
	"context"
	"slices"

	"github.com/lore-kb/lore/analysis"
	"github.com/lore-kb/lore/store"
)

// best keeps the best few chunks: by score, then by number.
type best struct {
	numbers []int
	scores  []float64
	room    int
}

func (b *best) add(n int, score float64) {
	if len(b.numbers) == b.room && score <= b.scores[len(b.scores)-1] {
		return
	}
	at, _ := slices.BinarySearchFunc(b.scores, score, func(have, x float64) int {
		if have >= x {
			return -1
		}
		return 1
	})
	b.scores, b.numbers = slices.Insert(b.scores, at, score), slices.Insert(b.numbers, at, n)
	if len(b.numbers) > b.room {
		b.scores, b.numbers = b.scores[:b.room], b.numbers[:b.room]
	}
}

// exactSlack is how many places after the last are looked at for chunks that
// score the same: any of those is as good an answer.
const exactSlack = 20

// exactTie is how far apart two scores are taken for the same, relative.
const exactTie = 1e-6

// ties cuts b after the last chunk that scores as the one at the limit.
func (b *best) ties() []int {
	n := min(limit, len(b.numbers))
	for n > 0 && n < len(b.numbers) && b.scores[n] >= b.scores[limit-1]*(1-exactTie) {
		n++
	}
	return b.numbers[:n]
}

// vectorScan compares the question with every vector.
type vectorScan struct {
	dimension int
	all       []float32
}

func openVectorScan(_ context.Context, s *settings, _ string) (searcher, error) {
	v := &vectorScan{dimension: s.corpus.Dimension, all: make([]float32, 0, s.corpus.Chunks*s.corpus.Dimension)}
	err := s.corpus.eachVector(func(_ int, x []float32) error { v.all = append(v.all, normalise(x)...); return nil })
	return v, err
}

func (v *vectorScan) search(_ context.Context, q *question) ([]int, error) {
	b := best{room: limit + exactSlack}
	asked := q.vector
	for n := 0; n*v.dimension < len(v.all); n++ {
		row := v.all[n*v.dimension : (n+1)*v.dimension]
		var sum float32
		for i, x := range asked[:len(row)] {
			sum += x * row[i]
		}
		b.add(n, float64(sum))
	}
	return b.ties(), nil
}

func (v *vectorScan) Close() error { return nil }

// wordScan compares the question with the term weights of every chunk, by the
// formula that lore's stores keep to.
type wordScan struct {
	points []store.SparseVector
	holds  map[uint32]int // chunks by term
}

func openWordScan(_ context.Context, s *settings, _ string) (searcher, error) {
	w := &wordScan{holds: map[uint32]int{}}
	err := s.corpus.eachText(func(_ int, text string) error {
		var v store.SparseVector
		v.Indices, v.Values = analysis.Passage(analysis.Fields{Text: text})
		for _, x := range v.Indices {
			w.holds[x]++
		}
		w.points = append(w.points, v)
		return nil
	})
	return w, err
}

func (w *wordScan) search(_ context.Context, q *question) ([]int, error) {
	indices, values := analysis.Question(q.text).Sparse()
	weights := make([]float64, len(indices))
	for i, x := range indices {
		weights[i] = float64(values[i]) * store.IDF(len(w.points), w.holds[x])
	}
	b := best{room: limit + exactSlack}
	for n := range w.points {
		p, at, score := &w.points[n], 0, 0.0
		for i, x := range indices {
			j, found := slices.BinarySearch(p.Indices[at:], x)
			at += j
			if found {
				score += weights[i] * float64(p.Values[at])
			}
		}
		if score > 0 {
			b.add(n, score)
		}
	}
	return b.ties(), nil
}

func (w *wordScan) Close() error { return nil }
