package sqlitestore

import (
	"context"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// vectorsOf reads rows of 32-bit floats, little-endian, at length 1.
func vectorsOf(t *testing.T, file string, dim int) [][]float32 {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	out := make([][]float32, len(b)/(4*dim))
	for i := range out {
		v := make([]float32, dim)
		if _, err := binary.Decode(b[4*dim*i:], binary.LittleEndian, v); err != nil {
			t.Fatal(err)
		}
		out[i] = normalised(v)
	}
	return out
}

// TestRecallOfFile measures the coarse first pass on vectors of a real encoder:
// LORE_TEST_VECTORS and LORE_TEST_QUESTIONS name files of them,
// LORE_TEST_DIMENSION their dimension (default 384). With LORE_TEST_ROUNDS the
// vectors are taken so many times, each time but the first with noise of 0.35 of
// their length.
func TestRecallOfFile(t *testing.T) {
	file, questions := os.Getenv("LORE_TEST_VECTORS"), os.Getenv("LORE_TEST_QUESTIONS")
	if file == "" || questions == "" {
		t.Skip("LORE_TEST_VECTORS and LORE_TEST_QUESTIONS name no files")
	}
	number := func(name string, otherwise int) int {
		if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
			return n
		}
		return otherwise
	}
	defer func(n int) { coarseRows = n }(coarseRows)
	coarseRows = 1
	const k = 10
	dim, rounds := number("LORE_TEST_DIMENSION", 384), number("LORE_TEST_ROUNDS", 1)
	vectors, queries := vectorsOf(t, file, dim), vectorsOf(t, questions, dim)
	type search struct {
		coarse, every top
		query         *denseQuery
	}
	searches := make([]*search, len(queries))
	for i, q := range queries {
		searches[i] = &search{query: denseQueryOf(q)}
	}
	r := rand.New(rand.NewPCG(1, 1))
	kept := map[[2]int32][]float32{} // rows that candidates point to
	for round := range rounds {
		rows := vectors
		if round > 0 {
			sigma := 0.35 / math.Sqrt(float64(dim))
			rows = make([][]float32, len(vectors))
			for i, v := range vectors {
				w := make([]float32, dim)
				for j, x := range v {
					w[j] = x + float32(sigma*r.NormFloat64())
				}
				rows[i] = normalised(w)
			}
		}
		v := vectorStateOf(t, rows)
		plain := &vectorState{vectorSegment: &vectorSegment{}}
		*plain.vectorSegment = *v.vectorSegment
		plain.coarse = nil
		for _, s := range searches {
			if round == 0 {
				slack := codeSlack(s.query.scale, v.largestScale)
				s.coarse.reset(k, slack, 0)
				s.every.reset(k, slack, 0)
			}
			for _, pass := range []struct {
				v   *vectorState
				top *top
			}{{v, &s.coarse}, {plain, &s.every}} {
				s.query.enter(nil, pass.v)
				if err := pass.v.scan(context.Background(), pass.top, s.query, v.ranges(nil, false), int32(round)); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, s := range searches {
			for _, list := range [][]candidate{s.coarse.list, s.every.list} {
				for _, c := range list {
					if int(c.segment) == round {
						kept[[2]int32{c.segment, int32(c.local)}] = append([]float32(nil), v.floats[int(c.local)*dim:int(c.local+1)*dim]...)
					}
				}
			}
		}
	}
	// best names the k best candidates by exact scores.
	best := func(list []candidate, q []float32) []uint32 {
		var rows []float32
		for i := range list {
			rows = append(rows, kept[[2]int32{list[i].segment, int32(list[i].local)}]...)
		}
		numbered := make([]candidate, len(list))
		for i := range numbered {
			numbered[i].local = uint32(i)
		}
		var out []uint32
		for _, i := range exactBest(numbered, rows, q, k) {
			out = append(out, uint32(list[i].segment)<<24|list[i].local)
		}
		return out
	}
	found, rescored := 0, 0
	for i, s := range searches {
		s.coarse.prune()
		s.every.prune()
		rescored += len(s.coarse.list)
		found += recall(best(s.coarse.list, queries[i]), best(s.every.list, queries[i]))
	}
	share := float64(found) / float64(k*len(queries))
	t.Logf("%d vectors, %d questions: recall@%d %.4f, %.0f vectors compared exactly for each question", rounds*len(vectors), len(queries), k, share, float64(rescored)/float64(len(queries)))
	if share < 0.99 {
		t.Errorf("recall@%d is %.4f, want 0.99", k, share)
	}
}
