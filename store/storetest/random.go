package storetest

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/lore-kb/lore/store"
)

// testRandom runs random writes and compares with the reference as it goes,
// across reopenings.
func testRandom(t *testing.T, e *env) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			e := &env{t: t, h: e.h, collection: fmt.Sprint("random", seed)}
			e.random(rand.New(rand.NewPCG(seed, 99)))
		})
	}
}

func (e *env) random(r *rand.Rand) {
	t := e.t
	s := e.open()
	ref := newReference()
	words := []string{"apple", "pear", "plum", "common", "alpha", "w1", "w3", "cherry", "fig"}
	version := 0
	document := func() store.Document {
		version++
		texts := make([]string, r.IntN(5))
		for i := range texts {
			texts[i] = passage(r, words, 1+r.IntN(6))
		}
		return change(e.document(fmt.Sprint("dir", r.IntN(3), "/", r.IntN(12), ".md"), fmt.Sprint(version), texts...), func(d *store.DocumentInfo) {
			d.Date = epoch.AddDate(0, 0, r.IntN(4))
			d.Language = []string{"en", "zh"}[r.IntN(2)]
		})
	}
	for range 60 {
		switch r.IntN(10) {
		case 0, 1, 2, 3:
			docs := map[string]store.Document{}
			var batch []store.Document
			for range 1 + r.IntN(4) {
				d := document()
				if _, twice := docs[d.ID]; !twice {
					docs[d.ID] = d
					batch = append(batch, d)
				}
			}
			for _, d := range batch {
				e.put(s, d)
				ref.put(d)
			}
		case 4, 5, 6:
			points := e.pending(s, 1+r.IntN(10))
			var vectors []store.PointVector
			for _, p := range points {
				vectors = append(vectors, store.PointVector{ID: p.ID, Digest: p.Digest, Vector: vectorOf(p.Digest), Detail: detailOf(p.Digest)})
			}
			if err := s.SetVectors(t.Context(), vectors); err != nil {
				t.Fatal(err)
			}
			ref.setVectors(vectors...)
		case 7:
			f := store.Filter{Paths: []string{fmt.Sprint("dir", r.IntN(3)), fmt.Sprint("**/", r.IntN(12), ".md")}[r.IntN(2):][:1]}
			want := ref.remove(f)
			if n, err := s.Remove(t.Context(), f); n != want || err != nil {
				t.Fatalf("remove %v: %d, %v, want %d", f.Paths, n, err, want)
			}
		case 8:
			var marked []string
			for _, d := range ref.documents(store.Filter{}) {
				if r.IntN(3) == 0 {
					marked = append(marked, d.ID)
					d := ref.docs[d.ID]
					d.Status, d.Reason = store.StatusStale, "marked"
					ref.docs[d.ID] = d
				}
			}
			if err := s.Mark(t.Context(), marked, store.StatusStale, "marked"); err != nil {
				t.Fatal(err)
			}
		case 9:
			e.close(s)
			s = e.open()
		}
		e.sameAsReference(s, ref)
		if t.Failed() {
			return
		}
	}
}
