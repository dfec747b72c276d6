package sqlitestore

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/lore-kb/lore/store"
)

// generatedPoints makes a segment of n points of about 60 different terms out of
// 200,000, whose frequencies fall as in a language.
func generatedPoints(t testing.TB, n int) *pointState {
	t.Helper()
	r := rand.New(rand.NewPCG(9, 9))
	var docs []pointDocument
	for i := 0; i < n; i += 5 {
		d := pointDocument{key: uint32(i + 1)}
		for j := range min(5, n-i) {
			var v store.SparseVector
			for range 80 {
				v.Indices = append(v.Indices, zipfTerm(r))
				v.Values = append(v.Values, 1)
			}
			v.Sort()
			length := 0.3 + 0.7*float32(60+r.IntN(60))/90
			for k, tf := range v.Values {
				v.Values[k] = 2.2 * tf / (tf + length)
			}
			d.points = append(d.points, store.Point{ID: store.PointID(fmt.Sprint(i), "", j), Sparse: v})
		}
		docs = append(docs, d)
	}
	return built(t, docs)
}

func built(t testing.TB, docs []pointDocument) *pointState {
	t.Helper()
	var buf bytes.Buffer
	if _, err := buildPoints(&buf, docs); err != nil {
		t.Fatal(err)
	}
	seg, err := openSegment("test", buf.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	p, err := openPoints(seg)
	if err != nil {
		t.Fatal(err)
	}
	return &pointState{pointSegment: p, cache: &selectionCache{}}
}

func zipfTerm(r *rand.Rand) uint32 {
	const terms = 200_000
	return 0x9e3779b9 * uint32(math.Exp(r.Float64()*math.Log(terms)))
}

func BenchmarkSparse(b *testing.B) {
	const n = 100_000
	p := generatedPoints(b, n)
	r := rand.New(rand.NewPCG(10, 10))
	var questions []store.SparseVector
	for range 100 {
		var v store.SparseVector
		for range 12 {
			v.Indices = append(v.Indices, zipfTerm(r))
			v.Values = append(v.Values, 1)
		}
		v.Sort()
		questions = append(questions, v)
	}
	few, many := newBitset(n), newBitset(n)
	for i := range uint32(n) {
		if i%1000 < 5 {
			few.set(i)
		}
		if i%4 != 0 {
			many.set(i)
		}
	}
	ix := &index{points: []*pointState{p}, live: n}
	for _, c := range []struct {
		name   string
		chosen []selection
	}{{"all", nil}, {"0.5%", []selection{{few, few.count()}}}, {"75%", []selection{{many, many.count()}}}} {
		b.Run(fmt.Sprintf("n=%d/terms=12/filter=%s", n, c.name), func(b *testing.B) {
			i := 0
			for b.Loop() {
				if _, err := ix.sparse(context.Background(), questions[i%len(questions)], c.chosen, 10); err != nil {
					b.Fatal(err)
				}
				i++
			}
		})
	}
}

// TestManyTerms asks with more terms than a question should have.
func TestManyTerms(t *testing.T) {
	p := generatedPoints(t, 500)
	ix := &index{points: []*pointState{p}, live: p.n}
	r := rand.New(rand.NewPCG(3, 3))
	var v store.SparseVector
	for range 6000 {
		v.Indices = append(v.Indices, zipfTerm(r))
		v.Values = append(v.Values, 1)
	}
	v.Sort()
	got, err := ix.sparse(context.Background(), v, nil, 10)
	if err != nil || len(got) < 10 {
		t.Fatalf("%d hits, %v", len(got), err)
	}
	// Every point against the list of the best.
	q, err := ix.sparseQuery(v)
	if err != nil {
		t.Fatal(err)
	}
	var best float64
	for local := range uint32(p.n) {
		best = max(best, q.score(p, 0, local))
	}
	top := 0.0
	for _, g := range got {
		top = max(top, g.score)
	}
	if top != best {
		t.Errorf("the best score is %v, want %v", top, best)
	}
	for _, g := range got {
		if want := q.score(p, 0, g.local); g.score != want {
			t.Errorf("point %d scores %v, want %v", g.local, g.score, want)
		}
	}
}

// TestManyWeights asks for terms whose weights are more than a byte counts.
func TestManyWeights(t *testing.T) {
	d := pointDocument{key: 1}
	for j := range 3 {
		var v store.SparseVector
		for k := range 600 {
			v.Indices = append(v.Indices, uint32(k+1))
			v.Values = append(v.Values, 1+float32(k*(j+1))/1024)
		}
		d.points = append(d.points, store.Point{ID: store.PointID("many", "", j), Sparse: v})
	}
	p := built(t, []pointDocument{d})
	ix := &index{points: []*pointState{p}, live: p.n}
	for _, term := range []uint32{1, 254, 255, 256, 600} {
		v := store.SparseVector{Indices: []uint32{term}, Values: []float32{1}}
		q, err := ix.sparseQuery(v)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ix.sparse(context.Background(), v, nil, 10)
		if err != nil || len(got) != 3 {
			t.Fatalf("%d hits, %v", len(got), err)
		}
		for _, g := range got {
			want := q.idf[0] * float64(1+float32(term-1)*float32(g.local+1)/1024)
			if g.score != want {
				t.Errorf("term %d: point %d scores %v, want %v", term, g.local, g.score, want)
			}
		}
	}
}

// score computes the score of a point from its lists alone.
func (q *sparseQuery) score(p *pointState, segment int, local uint32) (sum float64) {
	var blk block
	for j := range q.terms {
		l := &q.lists[segment][j]
		if l.n == 0 {
			continue
		}
		i := l.find(0, local)
		if i >= l.blocks {
			continue
		}
		l.decode(i, &blk)
		if k, ok := slices.BinarySearch(blk.locals[:blk.n], local); ok {
			sum += float64(q.values[j]) * float64(p.weights.at(local, blk.ranks[k])) * q.idf[j]
		}
	}
	return sum
}

func TestSortByTerm(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, n := range []int{0, 1, 1000, 1024, 5000, 100_000} {
		for _, spread := range []uint32{1, 1 << 10, 1<<24 - 1} {
			list := make([]posting, n)
			for i := range list {
				list[i] = posting{term: 7<<24 | r.Uint32N(spread), local: uint32(i)}
			}
			want := slices.Clone(list)
			slices.SortStableFunc(want, func(a, b posting) int { return cmp.Compare(a.term, b.term) })
			if !slices.Equal(sortByTerm(list, make([]posting, n)), want) {
				t.Errorf("%d postings of %d terms are not in order", n, spread)
			}
		}
	}
}

func TestRanker(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	var w ranker
	for _, different := range []int{1, 3, fewValues, fewValues + 1, 100} {
		values := make([]float32, 300)
		for i := range values {
			values[i] = float32(r.IntN(different)) / 8
		}
		want := slices.Clone(values)
		slices.Sort(want)
		want = slices.Compact(want)
		w.rank(values)
		if !slices.Equal(w.values, want) {
			t.Errorf("%v, want %v", w.values, want)
		}
		for i, v := range values {
			if w.values[w.ranks[i]] != v {
				t.Errorf("%d different: rank %d of %v", different, w.ranks[i], v)
			}
		}
	}
	if w.rank(nil); len(w.values) != 0 {
		t.Errorf("%v", w.values)
	}
}
