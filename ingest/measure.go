package ingest

import "github.com/lore-kb/lore/analysis"

// tokenBytes is the most text that counts as one token, so that a page of dots
// is not one chunk.
const tokenBytes = 32

func tokens(text string) int { return max(analysis.Tokens(text), len(text)/tokenBytes) }

// sentences cuts text before each sentence but the first.
func sentences(text string) []Range {
	found := analysis.Sentences(text)
	out := make([]Range, 0, len(found))
	for i, s := range found {
		r := Range{s.Start, len(text)}
		if i == 0 {
			r.Start = 0
		}
		if i+1 < len(found) {
			r.End = found[i+1].Start
		}
		out = append(out, r)
	}
	if len(out) == 0 {
		out = append(out, Range{0, len(text)})
	}
	return out
}
