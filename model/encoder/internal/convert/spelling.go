package main

import (
	"math"
	"strings"
)

// spellingWeight is how many units of a piece's log score one unit of spelling,
// the mean log probability of its letters, is worth.
const spellingWeight = 2.5

// spelling is a letter trigram model of the seen pieces of Latin letters.
type spelling struct{ triples, pairs [27 * 27 * 27]float64 }

// letters gives a piece's letters as 1 to 26, other characters left out; 0 marks a
// word's start.
func letters(piece string) []int {
	var out []int
	for _, r := range strings.ToLower(strings.Replace(piece, "▁", "^", 1)) {
		switch {
		case r == '^':
			out = append(out, 0)
		case r >= 'a' && r <= 'z':
			out = append(out, int(r-'a')+1)
		}
	}
	return out
}

func newSpelling(m *model, seen []int) *spelling {
	s := new(spelling)
	for i, n := range seen {
		if n == 0 || rank(m.pieces[i]) != 2 {
			continue
		}
		weight := 1 + math.Log(float64(n))
		l := letters(m.pieces[i])
		for j := 2; j < len(l); j++ {
			s.triples[(l[j-2]*27+l[j-1])*27+l[j]] += weight
			s.pairs[l[j-2]*27+l[j-1]] += weight
		}
	}
	return s
}

// score is the mean log probability of a piece's letters after the first two; a
// piece of fewer letters is as good as any.
func (s *spelling) score(piece string) float64 {
	l := letters(piece)
	if len(l) < 3 {
		return math.Log(0.1)
	}
	sum := 0.0
	for j := 2; j < len(l); j++ {
		pair := l[j-2]*27 + l[j-1]
		sum += math.Log((s.triples[pair*27+l[j]] + 0.3) / (s.pairs[pair] + 0.3*26))
	}
	return sum / float64(len(l)-2)
}
