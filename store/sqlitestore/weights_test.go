package sqlitestore

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestWeights codes weights with few values, and such as 16 bits do not hold.
func TestWeights(t *testing.T) {
	for _, c := range []struct {
		name        string
		points      int
		each        int // others of a point, at most
		values      int
		wantNumbers bool
	}{
		{"none", 0, 0, 1, false},
		{"one", 1, 0, 1, true},
		{"few values", 1000, 20, 300, true},
		{"as many as there are numbers", 1 << 16, 0, 1 << 16, true},
		{"too many values", 1<<16 + 1, 0, 1<<16 + 1, false},
		{"too many of a point", 3, 1 << 16, 1 << 15, false},
	} {
		r := rand.New(rand.NewPCG(1, 2))
		var w weights
		var rows [][]float32
		for i := range c.points {
			row := []float32{float32(i%c.values + 1)}
			if c.each > 0 {
				for range r.IntN(c.each) + c.each/2 {
					row = append(row, float32(r.IntN(c.values)+1)/8)
				}
				if i%10 == 3 {
					row = row[:1]
				}
			}
			rows = append(rows, row)
			w.from = append(w.from, uint32(len(w.rest)))
			w.first, w.rest = append(w.first, row[0]), append(w.rest, row[1:]...)
		}
		w.from = append(w.from, uint32(len(w.rest)))
		coded, ok := w.encode()
		if ok != c.wantNumbers {
			t.Errorf("%s: numbers: %v", c.name, ok)
		}
		if !ok {
			coded = w
		}
		var out bytes.Buffer
		s := newSegmentWriter(&out)
		coded.write(s)
		writeNumbers(s, coded.values)
		if _, err := s.finish(); err != nil {
			t.Fatal(err)
		}
		seg, err := openSegment("test", out.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		var read weights
		if !read.open(c.points, ok, seg.section(0), seg.section(1), seg.section(2), seg.section(3)) {
			t.Fatalf("%s: cannot be opened", c.name)
		}
		if read.open(c.points+1, ok, seg.section(0), seg.section(1), seg.section(2), seg.section(3)) {
			t.Errorf("%s: is opened for another number of points", c.name)
		}
		for i, row := range rows {
			if got := read.row(nil, uint32(i)); !slices.Equal(got, row) {
				t.Fatalf("%s: point %d has %v, want %v", c.name, i, got, row)
			}
			for rank, want := range row {
				if got := read.at(uint32(i), uint32(rank)); got != want {
					t.Fatalf("%s: weight %d of point %d is %v, want %v", c.name, rank, i, got, want)
				}
			}
		}
	}
}
