package ask

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/retrieve"
)

// meaning is what comparing units by their vectors told, where question and
// passages are in different languages and words tell nothing.
type meaning struct {
	nearest    float64 // largest cosine of question and unit
	calibrated bool    // the scale of the cosines is known
}

const (
	// mostCompared bounds the units whose meaning is compared.
	mostCompared = 48
	// fewCompared bounds them where an aligner says beforehand which are likely;
	// with all of mostCompared the same number of answers were right.
	fewCompared = 12
	// likelyRank is what the rank of a unit's passage counts for being compared,
	// against a standard deviation of its likeness.
	likelyRank = 6
)

// aligner is an embedder that can hold a question against texts piece by piece. It
// says how rare each piece of the question is, and for each text the cosine of the
// nearest piece of that text.
type aligner interface {
	// Nearest reads what the embedder kept of passages.
	Nearest(ctx context.Context, question string, details [][]byte) (weights []float64, nearest [][]float32, err error)
	// NearestPieces reads texts, and compares each of their pieces as it stands alone.
	NearestPieces(ctx context.Context, question string, texts []string) (weights []float64, nearest [][]float32, err error)
}

// compare adds to the candidates of p how near their meaning is to the
// question's, when most passages are in another language than the question and
// there is an embedder. When it fails, words alone decide.
func (a *Assistant) compare(ctx context.Context, p *part, result *retrieve.Result) (*meaning, error) {
	e := a.options.Embedder
	if e == nil || len(p.ranked) == 0 || !crossLanguage(p.question, result) {
		return nil, nil
	}
	texts := make([]string, len(p.ranked))
	for i := range p.ranked {
		c := &p.ranked[i]
		texts[i] = readable(result.Passages[c.passage].Text, &c.unit)
	}
	numbers := likely(ctx, e, p, texts)
	texts = make([]string, len(numbers))
	for k, i := range numbers {
		texts[k] = headed(&result.Passages[p.ranked[i].passage], &p.ranked[i].unit)
	}
	asked, err := e.Embed(ctx, model.TaskQuery, []string{p.text})
	var vectors [][]float32
	var details [][]byte
	if err == nil {
		vectors, details, err = model.EmbedPassages(ctx, e, texts)
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("ask: compare sentences: %w", ctx.Err())
	}
	if err != nil || len(asked) != 1 || len(vectors) != len(numbers) {
		return nil, nil
	}
	m := &meaning{nearest: -1, calibrated: calibrated(e)}
	near := make([]float64, len(numbers))
	for k, v := range vectors {
		near[k] = cosine(asked[0], v)
		m.nearest = math.Max(m.nearest, near[k])
	}
	for i := range p.ranked {
		p.ranked[i].features[featureDense] = -2 // what a poor one has
	}
	for k, z := range deviations(near) {
		p.ranked[numbers[k]].features[featureDense] = z
	}
	if d, ok := e.(aligner); ok && details != nil {
		if weights, nearest, err := d.Nearest(ctx, p.text, details); err == nil {
			for k, z := range deviations(likenesses(weights, nearest)) {
				p.ranked[numbers[k]].features[featureAlike] = z
			}
		}
	}
	return m, nil
}

// likely returns the numbers of the candidates whose meaning is worth a
// comparison, in order: by the likeness of their pieces if the embedder knows it,
// else the first ones.
func likely(ctx context.Context, e model.Embedder, p *part, texts []string) []int {
	numbers := make([]int, len(texts))
	for i := range numbers {
		numbers[i] = i
	}
	d, ok := e.(aligner)
	if !ok {
		return numbers[:min(len(numbers), mostCompared)]
	}
	weights, nearest, err := d.NearestPieces(ctx, p.text, texts)
	if err != nil || len(nearest) != len(texts) {
		return numbers[:min(len(numbers), mostCompared)]
	}
	worth := deviations(likenesses(weights, nearest))
	for i := range worth {
		worth[i] += likelyRank * p.ranked[i].features[featureRank]
	}
	slices.SortStableFunc(numbers, func(a, b int) int { return cmp.Compare(worth[b], worth[a]) })
	numbers = numbers[:min(len(numbers), fewCompared)]
	slices.Sort(numbers)
	return numbers
}

// headed is a unit below the title and the heading that it stands under, as it is
// embedded.
func headed(p *retrieve.Passage, u *unit) string {
	text := readable(p.Text, u)
	headings := slices.Concat(p.Section, u.headings)
	if n := len(headings); n > 0 && headings[n-1] != p.Title && headings[n-1] != "" {
		text = headings[n-1] + "\n" + text
	}
	if p.Title != "" {
		text = p.Title + "\n" + text
	}
	return text
}

// likenesses are the means of what is nearest to each piece, weighed by how rare
// the pieces are; 0 where nothing is known.
func likenesses(weights []float64, nearest [][]float32) []float64 {
	out := make([]float64, len(nearest))
	for i, near := range nearest {
		out[i] = likeness(weights, near)
	}
	return out
}

func likeness(weights []float64, nearest []float32) float64 {
	sum, all := 0.0, 0.0
	for k, v := range nearest {
		sum += weights[k] * float64(v)
		all += weights[k]
	}
	if all == 0 {
		return 0
	}
	return sum / all
}

// deviations are the values in standard deviations from their mean; all 0 when
// they are equal.
func deviations(values []float64) []float64 {
	mean, square := 0.0, 0.0
	for _, v := range values {
		mean += v / float64(len(values))
	}
	for _, v := range values {
		square += (v - mean) * (v - mean)
	}
	out := make([]float64, len(values))
	if square > 0 {
		deviation := math.Sqrt(square / float64(len(values)))
		for i, v := range values {
			out[i] = (v - mean) / deviation
		}
	}
	return out
}

// calibrated reports whether the scale of an embedder's cosines is known: that of
// the built-in encoder, the one that centres its vectors itself.
func calibrated(e model.Embedder) bool { return e != nil && e.Info().Centred }

// crossLanguage reports whether most of the passages are in another language
// than the question.
func crossLanguage(q *questionText, result *retrieve.Result) bool {
	other := 0
	for i := range result.Passages {
		if mostlyHan(result.Passages[i].Text) != q.han {
			other++
		}
	}
	return 2*other > len(result.Passages)
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
