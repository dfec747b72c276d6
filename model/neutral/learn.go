// Package neutral holds text in English and Chinese that says what language and
// task it is, and little else: many topics put into patterns of many kinds of
// writing, the same in both languages. The mean of its vectors is what an
// embedding model adds to every text of that language and task; without it,
// vectors of both languages compare.
package neutral

import (
	"context"
	"fmt"
	"math"

	"github.com/lore-kb/lore/model"
)

// Centre is what the vectors of a model have in common by language and task.
type Centre struct {
	// Means are mean vectors, of texts at length 1, by "language/task".
	Means map[string][]float32
	// OwnLanguage is by how much a question is nearer to a passage in its own
	// language than to the same passage in the other, less the means, as cosine.
	OwnLanguage float64
	// Languages are those that the model tells texts apart in, in order.
	Languages []string
}

const (
	// learnt is every which text is embedded by Learn: half of them give a mean as
	// good as all do.
	learnt = 2
	batch  = 16 // texts a call
	// told is how often a question is nearer to the passage on its topic than to
	// another, of a model that knows the language. Those that do reach 0.99, an
	// English one on Chinese text 0.67, and guessing 0.5.
	told = 0.9
)

// Learn measures a model by what embed returns, one vector a text.
func Learn(ctx context.Context, embed func(context.Context, model.Task, []string) ([][]float32, error)) (Centre, error) {
	c := Centre{Means: make(map[string][]float32, 4)}
	dimension := 0
	vectors := make(map[string][][]float32, 4)
	for _, language := range [...]string{"en", "zh"} {
		for task, all := range map[model.Task][]string{model.TaskPassage: Passages(language, 1), model.TaskQuery: Questions(language, 1)} {
			var some []string
			for i := 0; i < len(all); i += learnt {
				some = append(some, all[i])
			}
			var got [][]float32
			for len(got) < len(some) {
				part := some[len(got):min(len(got)+batch, len(some))]
				v, err := embed(ctx, task, part)
				if err != nil {
					return Centre{}, err
				}
				if len(v) != len(part) {
					return Centre{}, fmt.Errorf("%d vectors for %d texts", len(v), len(part))
				}
				for i := range v {
					if dimension == 0 {
						dimension = len(v[i])
					}
					if len(v[i]) != dimension || dimension == 0 {
						return Centre{}, fmt.Errorf("a vector of %d dimensions after one of %d", len(v[i]), dimension)
					}
				}
				got = append(got, v...)
			}
			key := language + "/" + task.String()
			vectors[key] = got
			c.Means[key] = mean(got)
		}
	}
	c.OwnLanguage = ownLanguage(vectors, c.Means)
	for _, language := range [...]string{"en", "zh"} {
		if apart(language, vectors, c.Means) >= told {
			c.Languages = append(c.Languages, language)
		}
	}
	return c, nil
}

// mean of vectors at length 1.
func mean(vectors [][]float32) []float32 {
	out := make([]float32, len(vectors[0]))
	for _, v := range vectors {
		n := math.Sqrt(dot(v, v)) * float64(len(vectors))
		if n == 0 {
			continue
		}
		for i := range out {
			out[i] += float32(float64(v[i]) / n)
		}
	}
	return out
}

// ownLanguage compares the questions with the passages on their topics.
func ownLanguage(vectors map[string][][]float32, means map[string][]float32) float64 {
	sum, n := 0.0, 0
	for _, pair := range [...][2]string{{"en", "zh"}, {"zh", "en"}} {
		asked, own, other := pair[0]+"/query", pair[0]+"/passage", pair[1]+"/passage"
		for i, q := range vectors[asked] {
			q := less(q, means[asked])
			sum += cosine(q, less(vectors[own][i], means[own])) - cosine(q, less(vectors[other][i], means[other]))
			n++
		}
	}
	return sum / float64(n)
}

// apart is how often a question is nearer to the passage on its topic than to
// another of the language.
func apart(language string, vectors map[string][][]float32, means map[string][]float32) float64 {
	asked, told := language+"/query", language+"/passage"
	nearer, n := 0, 0
	for i, q := range vectors[asked] {
		q := less(q, means[asked])
		own := cosine(q, less(vectors[told][i], means[told]))
		for k, p := range vectors[told] {
			if k != i {
				n++
				if own > cosine(q, less(p, means[told])) {
					nearer++
				}
			}
		}
	}
	return float64(nearer) / float64(max(n, 1))
}

// less returns v at length 1 less m.
func less(v, m []float32) []float32 {
	out := make([]float32, len(v))
	n := math.Sqrt(dot(v, v))
	for i := range v {
		if n > 0 {
			out[i] = float32(float64(v[i])/n) - m[i]
		}
	}
	return out
}

func cosine(a, b []float32) float64 {
	if n := math.Sqrt(dot(a, a) * dot(b, b)); n > 0 {
		return dot(a, b) / n
	}
	return 0
}

func dot(a, b []float32) float64 {
	sum := 0.0
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}
