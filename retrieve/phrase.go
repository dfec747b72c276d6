package retrieve

import (
	"slices"
	"strings"

	"github.com/lore-kb/lore/analysis"
	"github.com/lore-kb/lore/store"
)

// requirePhrases keeps the candidates that hold every phrase of the question
// that stands between quotation marks. When none does, those that hold the most
// of them stay, and the result says so.
func (s *search) requirePhrases() {
	if len(s.parsed.Phrases) == 0 || len(s.candidates) == 0 {
		return
	}
	want := make([]string, len(s.parsed.Phrases))
	for i, p := range s.parsed.Phrases {
		want[i] = strings.TrimSpace(analysis.Fold(p).Text)
	}
	held := make([]int, len(s.candidates))
	most := 0
	for i := range s.candidates {
		p := &s.candidates[i].payload
		text := analysis.Fold(p.Title + "\n" + strings.Join(p.Section, "\n") + "\n" + p.Context + "\n" + p.Text).Text
		for _, w := range want {
			if containsPhrase(text, w) {
				held[i]++
			}
		}
		most = max(most, held[i])
	}
	if most < len(want) {
		s.degrade(store.LegSparse, "no passage holds exactly %s", quoteAll(s.parsed.Phrases))
	}
	if most == 0 {
		return
	}
	i := 0
	before := len(s.candidates)
	s.candidates = slices.DeleteFunc(s.candidates, func(candidate) bool { i++; return held[i-1] < most })
	if n := before - len(s.candidates); n > 0 {
		s.notes = append(s.notes, plural(n, "candidate")+" without the quoted phrase left out")
	}
}

// containsPhrase reports whether a folded text holds a folded phrase, with word
// boundaries where the phrase begins or ends with a Latin letter or digit.
func containsPhrase(text, phrase string) bool {
	for from := 0; ; {
		i := strings.Index(text[from:], phrase)
		if i < 0 {
			return false
		}
		i += from
		end := i + len(phrase)
		if !(i > 0 && latin(text[i-1]) && latin(phrase[0])) && !(end < len(text) && latin(text[end]) && latin(phrase[len(phrase)-1])) {
			return true
		}
		from = i + 1
	}
}

func latin(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }

func quoteAll(phrases []string) string {
	return "“" + strings.Join(phrases, "”, “") + "”"
}
