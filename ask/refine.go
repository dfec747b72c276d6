package ask

import (
	"context"
	"fmt"
	"slices"

	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/retrieve"
)

const (
	// mostRefined bounds the units whose order is refined by their meaning.
	mostRefined = 5
	// refinedWithin is how far below the best a unit's score may be for that.
	refinedWithin = 3
	// closeWeight is what a cosine counts in the order, against a unit's score. From
	// 6 to 12 the measured answers are nearly the same.
	closeWeight = 8
)

// refine puts the best candidates of p in the order that their words and the
// cosine of their meaning with the question's give together. Only the order
// changes: the first place keeps its score, and so on, because how far the best is
// ahead by words says how sure the answer is. Embedders other than the built-in
// one, whose cosines have another scale, change nothing.
func (a *Assistant) refine(ctx context.Context, p *part, result *retrieve.Result) error {
	e := a.options.Embedder
	if !calibrated(e) {
		return nil
	}
	n := 0
	for n < min(mostRefined, len(p.ranked)) && p.ranked[0].score-p.ranked[n].score <= refinedWithin {
		n++
	}
	if n < 2 {
		return nil
	}
	head := p.ranked[:n]
	texts := make([]string, n)
	for i := range head {
		texts[i] = headed(&result.Passages[head[i].passage], &head[i].unit)
	}
	asked, err := e.Embed(ctx, model.TaskQuery, []string{p.text})
	var vectors [][]float32
	if err == nil {
		vectors, err = e.Embed(ctx, model.TaskPassage, texts)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("ask: compare sentences: %w", ctx.Err())
	}
	if err != nil || len(asked) != 1 || len(vectors) != n {
		return nil
	}
	scores := make([]float64, n)
	order := make([]int, n)
	worth := make([]float64, n)
	for i := range head {
		scores[i], order[i] = head[i].score, i
		worth[i] = head[i].score + closeWeight*cosine(asked[0], vectors[i])
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case worth[a] > worth[b]:
			return -1
		case worth[a] < worth[b]:
			return 1
		}
		return 0
	})
	before := slices.Clone(head)
	for i, k := range order {
		head[i] = before[k]
		head[i].score = scores[i]
	}
	return nil
}
