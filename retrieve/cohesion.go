package retrieve

import (
	"math"
	"unicode/utf8"

	"github.com/lore-kb/lore/analysis"
)

// loosen weighs the question's bigrams by how well they hold together in the
// collection, for many run from the end of one word into the next and say
// nothing by themselves: half the weight is left to all, the other half by
// normalised pointwise mutual information (Bouma, GSCL 2009) of the two
// characters,
//
//	ln(N·n(ab) / n(a)·n(b)) / ln(N / n(ab)),
//
// which is 1 for characters that are never apart and 0 for such as meet by
// chance. N and n count passages.
func (s *search) loosen() {
	points := float64(s.collection.stats.Points)
	held := make(map[uint32]float64, len(s.terms))
	for i, t := range s.terms {
		if k := s.parsed.Terms[i].Kind; k == analysis.KindHan || k == analysis.KindBigram {
			held[t.Index] = frequency(points, t.IDF)
		}
	}
	for i := range s.terms {
		t := &s.terms[i]
		if s.parsed.Terms[i].Kind != analysis.KindBigram {
			continue
		}
		_, size := utf8.DecodeRuneInString(t.Term)
		a, b, both := held[analysis.Index(t.Term[:size])], held[analysis.Index(t.Term[size:])], held[t.Index]
		cohesion := 1.0
		if both < points {
			cohesion = math.Log(points*both/(a*b)) / math.Log(points/both)
		}
		t.Query *= 0.5 + 0.5*max(0, min(1, cohesion))
		s.parsed.Terms[i].Weight = t.Query
	}
}

// frequency returns how many of points hold a term of this weight; see
// [store.IDF]. Of one that none holds it is a half: two common characters that
// were never seen together do not make a word, of two rare ones nobody can tell.
func frequency(points, idf float64) float64 {
	return max(0.5, (points+1)/math.Exp(idf)-0.5)
}
