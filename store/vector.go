package store

import (
	"math"
	"sort"
)

// Vector is a dense vector. Vectors are compared by cosine; they need not be
// normalised, a store normalises what it keeps.
type Vector []float32

// SparseVector holds term weights by hashed term. Indices are unique and
// ascending; both slices have one length.
type SparseVector struct {
	Indices []uint32
	Values  []float32
}

// Sort puts the vector into ascending order of indices, adding up the values of
// equal ones.
func (v *SparseVector) Sort() {
	sort.Sort(byIndex{v})
	n := 0
	for i := range v.Indices {
		if n > 0 && v.Indices[n-1] == v.Indices[i] {
			v.Values[n-1] += v.Values[i]
			continue
		}
		v.Indices[n], v.Values[n] = v.Indices[i], v.Values[i]
		n++
	}
	v.Indices, v.Values = v.Indices[:n], v.Values[:n]
}

type byIndex struct{ v *SparseVector }

func (s byIndex) Len() int           { return len(s.v.Indices) }
func (s byIndex) Less(i, j int) bool { return s.v.Indices[i] < s.v.Indices[j] }
func (s byIndex) Swap(i, j int) {
	s.v.Indices[i], s.v.Indices[j] = s.v.Indices[j], s.v.Indices[i]
	s.v.Values[i], s.v.Values[j] = s.v.Values[j], s.v.Values[i]
}

// IDF is the weight of a term that df of n points hold:
// ln(1 + (n - df + 0.5) / (df + 0.5)), the form of Lucene's BM25Similarity and
// of Qdrant's idf modifier.
func IDF(n, df int) float64 {
	return math.Log(1 + (float64(n)-float64(df)+0.5)/(float64(df)+0.5))
}
