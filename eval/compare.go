package eval

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// Comparison holds one run against another on the same questions, by nDCG@10.
type Comparison struct {
	Tag       string     `json:"against"`
	Questions int        `json:"questions"` // asked by both
	Mean      float64    `json:"mean"`      // of the differences, this run less the other
	Interval  [2]float64 `json:"interval"`  // 95 %, paired bootstrap
	Won       []Change   `json:"won"`       // largest difference first
	Lost      []Change   `json:"lost"`
	Tied      int        `json:"tied"`
}

// Change is a question that two runs answer differently.
type Change struct {
	ID       string  `json:"id"`
	Question string  `json:"question"`
	Was      float64 `json:"was"`
	Is       float64 `json:"is"`
}

const resamples = 10000

// Compare holds run against another over the questions of a set that both asked
// and that have relevant documents. The interval comes from a fixed seed: the
// same runs give the same one.
func Compare(s *Set, run, other *Run) *Comparison {
	c := &Comparison{Tag: other.Tag}
	var diffs []float64
	for i := range s.Questions {
		q := &s.Questions[i]
		if len(q.Relevant) == 0 || !run.Has(q.ID) || !other.Has(q.ID) {
			continue
		}
		is, was := Score(run.Documents(q.ID), q.Relevant).NDCG10, Score(other.Documents(q.ID), q.Relevant).NDCG10
		diffs = append(diffs, is-was)
		change := Change{ID: q.ID, Question: q.Text, Was: was, Is: is}
		switch {
		case is > was:
			c.Won = append(c.Won, change)
		case is < was:
			c.Lost = append(c.Lost, change)
		default:
			c.Tied++
		}
	}
	by := func(a, b Change) int {
		d := func(c Change) float64 { return max(c.Is-c.Was, c.Was-c.Is) }
		return cmp.Or(cmp.Compare(d(b), d(a)), cmp.Compare(a.ID, b.ID))
	}
	slices.SortFunc(c.Won, by)
	slices.SortFunc(c.Lost, by)
	c.Questions = len(diffs)
	if len(diffs) == 0 {
		return c
	}
	c.Mean = mean(diffs)
	rng := rand.New(rand.NewPCG(7, 11))
	means := make([]float64, resamples)
	for i := range means {
		sum := 0.0
		for range diffs {
			sum += diffs[rng.IntN(len(diffs))]
		}
		means[i] = sum / float64(len(diffs))
	}
	slices.Sort(means)
	c.Interval = [2]float64{means[resamples*25/1000], means[resamples*975/1000-1]}
	return c
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}
