package ask

import (
	"context"
	"errors"
	"testing"

	"github.com/lore-kb/lore/retrieve"
)

func TestRefine(t *testing.T) {
	text := "The dog waits outside. Visitors register first. The office has a hotel."
	result := &retrieve.Result{Passages: []retrieve.Passage{{DocumentID: "a", Text: text, End: len(text)}}}
	ranked := func(scores ...float64) *part {
		p := &part{text: "访客在哪里登记？"}
		for i, u := range cutUnits(&result.Passages[0]) {
			p.ranked = append(p.ranked, candidate{unit: u, order: i, score: scores[i]})
		}
		return p
	}
	for _, c := range []struct {
		name     string
		embedder aligned
		scores   []float64
		want     []int
	}{
		{"the nearest comes first", aligned{}, []float64{5, 4, 3}, []int{1, 0, 2}},
		{"not over one far ahead by words", aligned{}, []float64{9, 4, 3}, []int{0, 1, 2}},
		{"a failure leaves the order", aligned{bilingual{err: errors.New("gone")}}, []float64{5, 4, 3}, []int{0, 1, 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := ranked(c.scores...)
			a := New(nil, nil, &Options{Embedder: c.embedder})
			if err := a.refine(context.Background(), p, result); err != nil {
				t.Fatal(err)
			}
			for i, r := range p.ranked {
				if r.order != c.want[i] || r.score != c.scores[i] {
					t.Errorf("place %d: sentence %d with %v; want %d with %v", i, r.order, r.score, c.want[i], c.scores[i])
				}
			}
		})
	}
	p := ranked(5, 4, 3)
	if err := New(nil, nil, &Options{Embedder: bilingual{}}).refine(context.Background(), p, result); err != nil || p.ranked[0].order != 0 {
		t.Errorf("an embedder of another scale: %v, %v first", err, p.ranked[0].order)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := New(nil, nil, &Options{Embedder: aligned{bilingual{err: errors.New("gone")}}}).refine(ctx, ranked(5, 4, 3), result); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
