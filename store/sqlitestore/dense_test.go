package sqlitestore

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/lore-kb/lore/store"
)

// generatedVectors makes vectors in clusters whose sizes differ, with a common
// direction, as embeddings have.
func generatedVectors(n, dim int, seed uint64) [][]float32 {
	r := rand.New(rand.NewPCG(seed, 0))
	c := rand.New(rand.NewPCG(4, 4))
	centres := make([][]float32, 300)
	for i := range centres {
		centres[i] = make([]float32, dim)
		for j := range centres[i] {
			centres[i][j] = float32(c.NormFloat64()) / float32(1+j/32)
		}
	}
	out := make([][]float32, n)
	for i := range out {
		v := make([]float32, dim)
		a, b := centres[r.IntN(1+r.IntN(len(centres)))], centres[r.IntN(len(centres))]
		for j := range v {
			v[j] = a[j] + 0.5*b[j] + float32(0.6*r.NormFloat64())/float32(1+j/64)
		}
		out[i] = normalised(v)
	}
	return out
}

func vectorStateOf(t testing.TB, vectors [][]float32) *vectorState {
	t.Helper()
	rows := make([]vectorRow, len(vectors))
	for i, v := range vectors {
		rows[i] = vectorRow{key: uint32(i), vector: v}
	}
	var buf bytes.Buffer
	if _, err := buildVectors(&buf, len(vectors[0]), rows); err != nil {
		t.Fatal(err)
	}
	seg, err := openSegment("test", buf.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	v, err := openVectors(seg)
	if err != nil {
		t.Fatal(err)
	}
	return &vectorState{vectorSegment: v}
}

func denseQueryOf(v []float32) *denseQuery {
	code := make([]int8, codeWidth(len(v)))
	scale, _ := quantise(v, code)
	return &denseQuery{vector: v, code: newKernelQuery(code), scale: scale}
}

func bestRows(t testing.TB, v *vectorState, q []float32, k int) ([]uint32, int) {
	t.Helper()
	var best top
	dq := denseQueryOf(q)
	best.reset(k, codeSlack(dq.scale, v.largestScale), 0)
	dq.enter(nil, v)
	if err := v.scan(context.Background(), &best, dq, v.ranges(nil, false), 0); err != nil {
		t.Fatal(err)
	}
	best.prune()
	return exactBest(best.list, v.floats, q, k), len(best.list)
}

func exactBest(list []candidate, floats, q []float32, k int) []uint32 {
	type exact struct {
		row   uint32
		score float64
	}
	var out []exact
	for _, c := range list {
		var sum float64
		for i, x := range q {
			sum += float64(x) * float64(floats[int(c.local)*len(q)+i])
		}
		out = append(out, exact{c.local, sum})
	}
	slices.SortFunc(out, func(a, b exact) int { return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.row, b.row)) })
	var rows []uint32
	for _, e := range out[:min(k, len(out))] {
		rows = append(rows, e.row)
	}
	return rows
}

func recall(got, want []uint32) (found int) {
	for _, row := range want {
		if slices.Contains(got, row) {
			found++
		}
	}
	return found
}

// TestDenseRecall compares scans with plain comparison.
func TestDenseRecall(t *testing.T) {
	defer func(n int) { coarseRows = n }(coarseRows)
	const n, dim, k = 6000, 100, 10
	vectors := generatedVectors(n, dim, 1)
	everything := make([]candidate, n)
	for i := range everything {
		everything[i].local = uint32(i)
	}
	queries := generatedVectors(60, dim, 2)
	for _, c := range []struct {
		coarse int
		least  float64
	}{{n + 1, 1}, {1, 0.99}} {
		coarseRows = c.coarse
		v := vectorStateOf(t, vectors)
		forEachKernel(func(name string) {
			found := 0
			for _, q := range queries {
				got, _ := bestRows(t, v, q, k)
				found += recall(got, exactBest(everything, v.floats, q, k))
			}
			share := float64(found) / float64(k*len(queries))
			t.Logf("%s, coarse codes from %d rows: recall %.4f", name, c.coarse, share)
			if share < c.least {
				t.Errorf("%s, coarse codes from %d rows: recall %.4f, want %v", name, c.coarse, share, c.least)
			}
		})
	}
}

// TestDenseRanges scans scattered rows and compares them with plain comparison.
func TestDenseRanges(t *testing.T) {
	defer func(n int) { coarseRows = n }(coarseRows)
	const n, dim, k = 3000, 64, 10
	vectors := generatedVectors(n, dim, 1)
	r := rand.New(rand.NewPCG(5, 5))
	for _, rows := range []int{1, n + 1} {
		coarseRows = rows
		v := vectorStateOf(t, vectors)
		for _, step := range []int{1, 2, 3, 7, 40, 300} {
			var ranges [][2]uint32
			var everything []candidate
			for row := uint32(r.IntN(step)); row < n; row += uint32(1 + r.IntN(step)) {
				end := min(n, row+uint32(1+r.IntN(2*step)))
				if k := len(ranges); k > 0 && ranges[k-1][1] == row {
					ranges[k-1][1] = end
				} else {
					ranges = append(ranges, [2]uint32{row, end})
				}
				for ; row < end; row++ {
					everything = append(everything, candidate{local: row})
				}
			}
			found, wanted := 0, 0
			for _, q := range generatedVectors(20, dim, 2) {
				dq := denseQueryOf(q)
				dq.enter(nil, v)
				var best top
				best.reset(k, codeSlack(dq.scale, v.largestScale), 0)
				if err := v.scan(context.Background(), &best, dq, slices.Clone(ranges), 0); err != nil {
					t.Fatal(err)
				}
				best.prune()
				for _, c := range best.list {
					if !slices.Contains(everything, candidate{local: c.local}) {
						t.Fatalf("step %d: row %d was not chosen", step, c.local)
					}
				}
				want := exactBest(everything, v.floats, q, k)
				found, wanted = found+recall(exactBest(best.list, v.floats, q, k), want), wanted+len(want)
			}
			if float64(found) < 0.99*float64(wanted) {
				t.Errorf("coarse codes from %d rows, step %d: %d of %d found", coarseRows, step, found, wanted)
			}
		}
	}
}

func BenchmarkDense(b *testing.B) {
	const n, dim, k = 100_000, 384, 10
	vectors := generatedVectors(n, dim, 1)
	queries := generatedVectors(50, dim, 2)
	everything := make([]candidate, n)
	for i := range everything {
		everything[i].local = uint32(i)
	}
	defer func(n int) { coarseRows = n }(coarseRows)
	var want [][]uint32
	for _, coarse := range []int{n + 1, 1} {
		coarseRows = coarse
		v := vectorStateOf(b, vectors)
		if want == nil {
			for _, q := range queries {
				want = append(want, exactBest(everything, v.floats, q, k))
			}
		}
		b.Run(fmt.Sprintf("n=%d/dim=%d/coarse=%v", n, dim, coarse < n), func(b *testing.B) {
			found, rescored, count := 0, 0, 0
			for b.Loop() {
				got, candidates := bestRows(b, v, queries[count%len(queries)], k)
				found += recall(got, want[count%len(queries)])
				rescored += candidates
				count++
			}
			b.ReportMetric(float64(found)/float64(k*count), "recall@10")
			b.ReportMetric(float64(rescored)/float64(count), "rescored/op")
		})
	}
}

// TestChosenEitherWay looks at the rows of a selection by ranges and as a set.
func TestChosenEitherWay(t *testing.T) {
	defer func(rows, part int) { coarseRows, manyRanges = rows, part }(coarseRows, manyRanges)
	coarseRows = 100
	ctx := context.Background()
	s := openTest(t, t.TempDir(), Options{Create: true})
	for i := range 40 {
		d := testDocument(fmt.Sprint(i%7, "/", i, ".md"), "v1", 1+i, 20)
		d.Date = d.Date.Add(time.Duration(i) * time.Hour)
		for k := range d.Points {
			d.Points[k].Payload.Date = d.Date
			d.Points[k].Payload.Language = []string{"en", "zh", "de"}[(i+k*k)%3]
		}
		putTest(t, s, d)
	}
	if err := embedAll(ctx, s, 500); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Remove(ctx, store.Filter{Paths: []string{"3"}}); err != nil {
		t.Fatal(err)
	}
	// Some have no vector.
	putTest(t, s, testDocument("1/new.md", "v1", 30, 20))
	if err := s.Compact(ctx); err != nil {
		t.Fatal(err)
	}
	date := time.Unix(1_700_000_000, 0)
	for name, f := range map[string]store.Filter{
		"language": {Languages: []string{"zh"}}, "languages": {Languages: []string{"zh", "en"}}, "folder": {Paths: []string{"2"}}, "glob": {Paths: []string{"1/**"}},
		"time": {After: date.Add(10 * time.Hour), Before: date.Add(20 * time.Hour)}, "a second": {After: date, Before: date.Add(time.Second)}, "nothing": {Languages: []string{"fr"}},
	} {
		for q := range 20 {
			var got [2][]store.Hit
			for i, part := range []int{1, 1 << 30} {
				manyRanges = part
				hits, err := s.Search(ctx, store.Query{Leg: store.LegDense, Dense: testVector(fmt.Sprint("q", q), 24), Limit: 15, Filter: f, Bare: true})
				if err != nil {
					t.Fatal(err)
				}
				got[i] = hits
			}
			if !reflect.DeepEqual(got[0], got[1]) {
				t.Errorf("%s: %v by ranges, %v as a set", name, got[0], got[1])
			}
			if (name == "nothing") != (len(got[0]) == 0) {
				t.Errorf("%s: %d hits", name, len(got[0]))
			}
		}
	}
}
