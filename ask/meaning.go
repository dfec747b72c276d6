package ask

import (
	"context"
	"fmt"
	"math"

	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/retrieve"
)

// meaning is what comparing units by their vectors told, where question and
// passages are in different languages and words tell nothing.
type meaning struct {
	nearest    float64 // largest cosine of question and unit
	calibrated bool    // the scale of the cosines is known
}

// mostCompared bounds the units whose meaning is compared.
const mostCompared = 48

// compare adds to the candidates of p how near their meaning is to the
// question's, when most passages are in another language than the question and
// there is an embedder. When it fails, words alone decide.
func (a *Assistant) compare(ctx context.Context, p *part, result *retrieve.Result) (*meaning, error) {
	e := a.options.Embedder
	if e == nil || len(p.ranked) == 0 || !crossLanguage(p.question, result) {
		return nil, nil
	}
	n := min(mostCompared, len(p.ranked))
	texts := make([]string, n)
	for i := range n {
		c := &p.ranked[i]
		passage := &result.Passages[c.passage]
		texts[i] = readable(passage.Text, &c.unit)
		if passage.Title != "" {
			texts[i] = passage.Title + "\n" + texts[i]
		}
	}
	asked, err := e.Embed(ctx, model.TaskQuery, []string{p.text})
	var vectors [][]float32
	if err == nil {
		vectors, err = e.Embed(ctx, model.TaskPassage, texts)
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("ask: compare sentences: %w", ctx.Err())
	}
	if err != nil || len(asked) != 1 || len(vectors) != n {
		return nil, nil
	}
	m := similarities(asked[0], vectors, p.ranked)
	m.calibrated = calibrated(e)
	return m, nil
}

// calibrated reports whether the scale of an embedder's cosines is known: that of
// the built-in encoder, the one that centres its vectors itself.
func calibrated(e model.Embedder) bool { return e != nil && e.Info().Centred }

// crossLanguage reports whether most of the passages are in another language
// than the question.
func crossLanguage(q *questionText, result *retrieve.Result) bool {
	other := 0
	for i := range result.Passages {
		if (hanShare(result.Passages[i].Text) > 0.3) != q.han {
			other++
		}
	}
	return 2*other > len(result.Passages)
}

// similarities fills the dense feature of the candidates that have vectors: the
// cosine in standard deviations from the mean of all of them. The others get
// what a poor one has.
func similarities(asked []float32, vectors [][]float32, cs []candidate) *meaning {
	values := make([]float64, len(vectors))
	mean, square, nearest := 0.0, 0.0, -1.0
	for i, v := range vectors {
		values[i] = cosine(asked, v)
		mean += values[i]
		nearest = math.Max(nearest, values[i])
	}
	mean /= float64(len(values))
	for _, v := range values {
		square += (v - mean) * (v - mean)
	}
	deviation := math.Sqrt(square / float64(len(values)))
	for i := range cs {
		switch {
		case i >= len(values):
			cs[i].features[featureDense] = -2
		case deviation > 0:
			cs[i].features[featureDense] = (values[i] - mean) / deviation
		}
	}
	return &meaning{nearest: nearest}
}

// confidence of an answer across languages: a logistic function of the nearest
// cosine, fitted on Chinese questions about English passages with and without
// answers, less what names in Latin letters and figures are missing. Where the
// scale of the cosines is unknown, an answer is given with what evidence there
// is.
func (m *meaning) confidence(s *[signalCount]float64) float64 {
	z := 0.4
	if m.calibrated {
		z = -0.2 + 1.9*(m.nearest-0.3)/0.07
	}
	z -= 2*s[signalUnitNames] + s[signalFigures]
	return 1 / (1 + math.Exp(-z))
}
