package prompt

import "github.com/lore-kb/lore/analysis"

func tokens(text string) int { return analysis.Tokens(text) }

// languageOf returns the language a question is to be answered in.
func languageOf(question string) string {
	if l := analysis.Language(question); l != "" {
		return l
	}
	return "en"
}

// sentences cuts text into ranges that together are the whole of it: the space
// behind a sentence belongs to it.
func sentences(text string) [][2]int {
	cuts := analysis.Sentences(text)
	out := make([][2]int, len(cuts))
	for i, c := range cuts {
		end := len(text)
		if i+1 < len(cuts) {
			end = cuts[i+1].Start
		}
		out[i] = [2]int{c.Start, end}
	}
	return out
}
