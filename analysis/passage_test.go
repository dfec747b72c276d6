package analysis

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestPassageSort(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 63, 64, 65, 500, 5000} {
		for _, spread := range []uint64{1, 40, 1 << 32} { // different hashes
			p := &passage{}
			for range n {
				p.terms = append(p.terms, r.Uint64N(spread)*0x9e3779b1<<32|r.Uint64N(3))
			}
			want := slices.Clone(p.terms)
			slices.Sort(want)
			p.sort()
			if !slices.Equal(p.terms, want) {
				t.Errorf("%d terms of %d hashes are not in order", n, spread)
			}
		}
	}
}
