package retrieve

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/lore-kb/lore/analysis"
	"github.com/lore-kb/lore/store"
)

// smallChunk is the least room, in tokens, for which neighbours are looked up.
const smallChunk = 60

// passages makes passages of the chosen chunks, in their order, and joins
// neighbours to them as far as the budget goes.
func (r *Retriever) passages(ctx context.Context, s *search, list []chosen) ([]Passage, error) {
	out := make([]Passage, len(list))
	var wg sync.WaitGroup
	errs := make([]error, len(list))
	gate := make(chan struct{}, 4)
	for i := range list {
		out[i] = passage(&list[i], i+1)
		if s.query.Explain {
			out[i].Explain = s.explain(&list[i].candidate)
		}
		if s.room(&list[i]) < smallChunk && list[i].first == list[i].last {
			continue
		}
		wg.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			errs[i] = r.join(ctx, s.budget, &out[i], &list[i])
		})
	}
	wg.Wait()
	for _, err := range errs {
		// A document that went away meanwhile leaves its chunk as it was found.
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
	}
	return out, nil
}

// passage is a chunk alone.
func passage(c *chosen, rank int) Passage {
	p := &c.payload
	return Passage{
		Rank: rank, DocumentID: p.DocumentID, Version: p.Version, Title: p.Title, URI: p.URI, Path: p.Path,
		MediaType: p.MediaType, Language: p.Language, Section: p.Section, Page: p.Page, PageBreaks: p.PageBreaks,
		Line: p.Line, Start: p.Start, End: p.End, Time: p.Time, Cues: p.Cues, Boxes: p.Boxes, Date: p.Date, Labels: p.Labels, Text: p.Text,
		Context: p.Context, Score: c.score, Legs: legScores(c.legs), Best: *p, Detail: c.detail, Same: c.same,
	}
}

// join extends a passage by the chunks before and after it, those that were
// found first, then whichever fit.
func (r *Retriever) join(ctx context.Context, budget int, p *Passage, c *chosen) error {
	points, err := r.store.Points(ctx, p.DocumentID, max(c.first-1, 0), c.last+1)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(points, func(q store.Point) bool { return q.Payload.Ordinal == c.payload.Ordinal })
	if at < 0 || points[at].Payload.Version != p.Version {
		return nil
	}
	fits := func(i int) bool {
		if i < 0 || i >= len(points) {
			return false
		}
		q := &points[i].Payload
		return q.Version == p.Version && slices.Equal(q.Section, p.Section) && q.Context == p.Context
	}
	lo, hi := at, at
	tokens := analysis.Tokens(p.Text)
	for grown := true; grown; {
		grown = false
		for _, i := range [2]int{hi + 1, lo - 1} {
			if !fits(i) || abs(points[i].Payload.Ordinal-points[clamp(i, lo, hi)].Payload.Ordinal) != 1 {
				continue
			}
			n := analysis.Tokens(points[i].Payload.Text)
			if tokens+n > budget {
				continue
			}
			tokens += n
			lo, hi = min(lo, i), max(hi, i)
			grown = true
		}
	}
	if lo == hi {
		return nil
	}
	text, err := r.between(ctx, points[lo:hi+1], p.DocumentID)
	if err != nil || text == "" {
		return err
	}
	first := &points[lo].Payload
	p.Start, p.Line, p.Page = first.Start, first.Line, first.Page
	p.Text, p.End = text, points[hi].Payload.End
	p.PageBreaks, p.Cues, p.Boxes = nil, nil, nil
	page := p.Page
	for i := lo; i <= hi; i++ {
		q := &points[i].Payload
		for ; page > 0 && page < q.Page; page++ {
			p.PageBreaks = append(p.PageBreaks, q.Start)
		}
		p.PageBreaks = append(p.PageBreaks, q.PageBreaks...)
		page += len(q.PageBreaks)
		for _, b := range q.Boxes {
			if n := len(p.Boxes); n == 0 || p.Boxes[n-1].Offset < b.Offset {
				p.Boxes = append(p.Boxes, b)
			}
		}
		for _, c := range q.Cues {
			if n := len(p.Cues); n == 0 || p.Cues[n-1].Offset < c.Offset {
				p.Cues = append(p.Cues, c)
			}
		}
		if q.Time.To > p.Time.To {
			p.Time.To = q.Time.To
		}
	}
	p.Time.From = first.Time.From
	return nil
}

// between returns the document's text from the first point to the last. It is
// put together from the points where they touch, else read; "" when the document
// has changed meanwhile.
func (r *Retriever) between(ctx context.Context, points []store.Point, documentID string) (string, error) {
	joined := points[0].Payload.Text
	touch := true
	for i := 1; i < len(points) && touch; i++ {
		if touch = points[i].Payload.Start == points[i-1].Payload.End; touch {
			joined += points[i].Payload.Text
		}
	}
	if touch {
		return joined, nil
	}
	first, last := &points[0].Payload, &points[len(points)-1].Payload
	text, err := r.store.Excerpt(ctx, documentID, first.Start, last.End)
	switch {
	case errors.Is(err, store.ErrRange):
		return "", nil
	case err != nil:
		return "", err
	case !strings.HasPrefix(text, first.Text) || !strings.HasSuffix(text, last.Text):
		return "", nil
	}
	return text, nil
}

func clamp(i, lo, hi int) int { return max(lo, min(i, hi)) }

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
