package eval

import (
	"math"
	"slices"
)

// Scores of one ranked list, or their means.
type Scores struct {
	NDCG10    float64 `json:"ndcg@10"`
	Recall5   float64 `json:"recall@5"`
	Recall10  float64 `json:"recall@10"`
	Recall100 float64 `json:"recall@100"`
	MRR10     float64 `json:"mrr@10"`
}

// Score holds a ranked list of distinct document IDs, best first, against the
// grades of the relevant ones. The definitions are those of trec_eval: gains are
// the grades and discounts log2(rank+1), over the ideal order of all relevant
// documents; recall divides by the number of all relevant documents. Without
// relevant documents every score is 0.
func Score(ranked []string, relevant map[string]int) Scores {
	var s Scores
	if len(relevant) == 0 {
		return s
	}
	var dcg, ideal float64
	found := 0
	for i, id := range ranked[:min(len(ranked), 100)] {
		grade := relevant[id]
		if grade <= 0 {
			continue
		}
		found++
		if i < 10 {
			dcg += float64(grade) / math.Log2(float64(i+2))
			if s.MRR10 == 0 {
				s.MRR10 = 1 / float64(i+1)
			}
		}
		share := float64(found) / float64(len(relevant))
		if i < 5 {
			s.Recall5 = share
		}
		if i < 10 {
			s.Recall10 = share
		}
		s.Recall100 = share
	}
	grades := make([]int, 0, len(relevant))
	for _, g := range relevant {
		grades = append(grades, g)
	}
	slices.Sort(grades)
	slices.Reverse(grades)
	for i, g := range grades[:min(len(grades), 10)] {
		ideal += float64(g) / math.Log2(float64(i+2))
	}
	s.NDCG10 = dcg / ideal
	return s
}

func (s *Scores) add(o Scores) {
	s.NDCG10 += o.NDCG10
	s.Recall5 += o.Recall5
	s.Recall10 += o.Recall10
	s.Recall100 += o.Recall100
	s.MRR10 += o.MRR10
}

func (s *Scores) divide(n float64) {
	if n == 0 {
		return
	}
	s.NDCG10 /= n
	s.Recall5 /= n
	s.Recall10 /= n
	s.Recall100 /= n
	s.MRR10 /= n
}
