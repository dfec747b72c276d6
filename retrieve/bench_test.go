package retrieve

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/lore-kb/lore/analysis"
	"github.com/lore-kb/lore/store"
)

// instant is a store whose searches cost nothing: what is measured is what
// retrieval adds.
type instant struct {
	store.Store
	hits []store.Hit
	idf  []float64
}

func (s *instant) Search(_ context.Context, q store.Query) ([]store.Hit, error) {
	return s.hits[:min(len(s.hits), q.Limit)], nil
}

func (s *instant) IDF(_ context.Context, indices []uint32) ([]float64, error) {
	return s.idf[:len(indices)], nil
}

func BenchmarkRetrieve(b *testing.B) {
	e := &bagEmbedder{}
	text := strings.Repeat("The policy says how many days of annual leave an employee may carry over to the next year, and until when. ", 12)
	pages := make([]page, 0, 100)
	for i := range 100 {
		pages = append(pages, page{path: fmt.Sprintf("%d.md", i), title: "Leave", chunks: []string{fmt.Sprintf("Part %d. %s", i, text)}})
	}
	st := collect(b, e, pages...)
	s := &instant{Store: st, idf: make([]float64, 100)}
	for i := range s.idf {
		s.idf[i] = 2
	}
	var err error
	if s.hits, err = st.Search(context.Background(), store.Query{Leg: store.LegSparse, Sparse: phraseVector(analysis.Question(`"annual leave days carry over"`)), Limit: 100}); err != nil {
		b.Fatal(err)
	}
	r := New(s, &Options{Embedder: e})
	for b.Loop() {
		if _, err := r.Retrieve(context.Background(), Query{Text: "How many days of annual leave may be carried over to the next year?"}); err != nil {
			b.Fatal(err)
		}
	}
}
