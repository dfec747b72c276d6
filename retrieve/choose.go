package retrieve

import (
	"slices"
	"strings"

	"github.com/lore-kb/lore/analysis"
	"github.com/lore-kb/lore/store"
)

const (
	// nearDuplicate is the share of common terms from which two chunks are the
	// same to a reader, if they also agree in every figure.
	nearDuplicate = 0.9
	// perDocument is how many passages of one document may stand before those of
	// others that score at least nearScore of the same.
	perDocument = 3
	nearScore   = 0.9
)

// chosen is a candidate that becomes a passage, with chunks beside it that were
// found too.
type chosen struct {
	candidate
	first, last int // ordinals
	sketch      []uint32
	figures     string
}

// choose takes the first limit candidates that say something of their own: near
// duplicates are folded into the better one, chunks beside a chosen one join it,
// and after a few passages of one document those of others that score nearly as
// well come first. An error is that of the store.
func (s *search) choose(limit int) ([]chosen, error) {
	var out []chosen
	var held []candidate // set back in favour of other documents
	count := make(map[string]int)
	take := func(c candidate) {
		sketch, _ := analysis.Passage(analysis.Fields{Text: c.payload.Text})
		figures := digitRuns(c.payload.Text)
		for i := range out {
			o := &out[i]
			if o.figures == figures && similar(o.sketch, sketch) {
				o.same++
				return
			}
		}
		count[c.payload.DocumentID]++
		out = append(out, chosen{candidate: c, first: c.payload.Ordinal, last: c.payload.Ordinal, sketch: sketch, figures: figures})
	}
	for i := range s.candidates {
		if len(out) >= limit {
			break
		}
		if err := s.need(i, i+1); err != nil {
			return nil, err
		}
		c := s.candidates[i]
		if s.joins(out, &c) {
			continue
		}
		if count[c.payload.DocumentID] >= perDocument {
			rival, err := s.rival(i+1, count, c.score)
			if err != nil {
				return nil, err
			}
			if rival {
				held = append(held, c)
				continue
			}
		}
		for len(held) > 0 && len(out) < limit && held[0].score*nearScore > c.score {
			take(held[0])
			held = held[1:]
		}
		if len(out) < limit {
			take(c)
		}
	}
	for _, c := range held {
		if len(out) >= limit {
			break
		}
		take(c)
	}
	return out, nil
}

// joins reports whether c stands right beside a chosen chunk of its document and
// section, and notes it there.
func (s *search) joins(out []chosen, c *candidate) bool {
	for i := range out {
		o := &out[i]
		if o.payload.DocumentID != c.payload.DocumentID || o.payload.Version != c.payload.Version ||
			!slices.Equal(o.payload.Section, c.payload.Section) {
			continue
		}
		if n := c.payload.Ordinal; n >= o.first && n <= o.last {
			return true
		} else if (n == o.first-1 || n == o.last+1) && analysis.Tokens(c.payload.Text) <= s.room(o) {
			o.first, o.last = min(o.first, n), max(o.last, n)
			return true
		}
	}
	return false
}

// room is how many tokens may be added to a chosen chunk before its budget is
// spent. The chunks that joined it are taken for as long as itself.
func (s *search) room(o *chosen) int {
	return s.budget - analysis.Tokens(o.payload.Text)*(o.last-o.first+1)
}

// rival reports whether a document that is not yet heard as often has a
// candidate nearly as good, from one of the ranked ones on.
func (s *search) rival(from int, count map[string]int, score float64) (bool, error) {
	for i := from; i < len(s.candidates); i++ {
		if score <= 0 || s.candidates[i].score < score*nearScore {
			break
		}
		if err := s.need(i, i+1); err != nil {
			return false, err
		}
		if count[s.candidates[i].payload.DocumentID] < perDocument {
			return true, nil
		}
	}
	return false, nil
}

// similar compares two ascending lists of hashes by their share of common ones.
func similar(a, b []uint32) bool {
	if len(a) == 0 || len(b) == 0 || min(len(a), len(b))*10 < max(len(a), len(b))*9 {
		return false
	}
	common := 0
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] == b[j]:
			common++
			i++
			j++
		case a[i] < b[j]:
			i++
		default:
			j++
		}
	}
	return float64(common) >= nearDuplicate*float64(len(a)+len(b)-common)
}

// digitRuns returns the figures of a text in order.
func digitRuns(text string) string {
	var b strings.Builder
	in := false
	for i := range len(text) {
		if c := text[i]; c >= '0' && c <= '9' {
			b.WriteByte(c)
			in = true
		} else if in {
			b.WriteByte(' ')
			in = false
		}
	}
	return b.String()
}

// legScores is a copy that a caller may keep.
func legScores(legs map[store.Leg]LegScore) map[store.Leg]LegScore {
	out := make(map[store.Leg]LegScore, len(legs))
	for l, s := range legs {
		out[l] = s
	}
	return out
}
