package ask

import (
	"context"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/prompt"
)

// Summary is what the older turns of a conversation said, shortened.
type Summary struct {
	Turns   int      `json:"turns"` // how many turns, from the first, it stands for
	Text    string   `json:"text"`  // a line for each thing said, with markers
	Sources []Source `json:"sources,omitempty"`
}

const (
	// turnsWhole is how many of the last turns are given to a model as they are.
	turnsWhole = prompt.DefaultHistory
	// summaryBudget bounds a summary in characters.
	summaryBudget = 1200
	// summaryTimeout bounds a model's shortening; the oldest lines go when the
	// model takes longer.
	summaryTimeout = 20 * time.Second
)

// summarise returns a summary of all but the last turnsWhole turns of a history,
// building on the one that the history carries; nil when there are no older
// turns. Each line is a question with the first statement of its answer and that
// statement's markers, which mean the summary's own Sources. When the lines
// exceed the budget and there is a model, it shortens them; a line of its that
// cites nothing, or holds figures or names that the lines do not, is left out.
// What is still too long loses its oldest lines.
func (a *Assistant) summarise(ctx context.Context, history []Turn) *Summary {
	older := len(history) - turnsWhole
	if older <= 0 {
		return nil
	}
	s := &Summary{}
	for i := range history {
		if known := history[i].Summary; known != nil && known.Turns <= older && known.Turns > s.Turns {
			*s = Summary{Turns: known.Turns, Text: known.Text, Sources: append([]Source(nil), known.Sources...)}
		}
	}
	if s.Turns == older {
		return s
	}
	lines := strings.FieldsFunc(s.Text, func(r rune) bool { return r == '\n' })
	for i := s.Turns; i < older; i++ {
		if line := s.line(&history[i]); line != "" {
			lines = append(lines, line)
		}
	}
	s.Turns = older
	if runes(lines) > summaryBudget && a.options.Generator != nil {
		if shorter := a.shorten(ctx, lines); shorter != nil {
			lines = shorter
		}
	}
	for len(lines) > 1 && runes(lines) > summaryBudget {
		lines = lines[1:]
	}
	s.Text = strings.Join(lines, "\n")
	s.keepCited()
	return s
}

func runes(lines []string) int {
	n := 0
	for _, l := range lines {
		n += utf8.RuneCountInString(l) + 1
	}
	return n
}

var markerAtWill = regexp.MustCompile(`\s*\[(\d{1,3})\]`)

// line is a turn in one line, its markers renumbered to the summary's sources.
// A question that was not answered leaves nothing to remember.
func (s *Summary) line(t *Turn) string {
	if t.Status == StatusNotFound || strings.TrimSpace(t.Answer) == "" {
		return ""
	}
	question := t.Question
	if t.Standalone != "" {
		question = t.Standalone
	}
	first, _, _ := strings.Cut(strings.TrimSpace(t.Answer), "\n")
	first = markerAtWill.ReplaceAllStringFunc(first, func(m string) string {
		n, _ := strconv.Atoi(markerAtWill.FindStringSubmatch(m)[1])
		for _, source := range t.Sources {
			if source.Marker == n {
				return " [" + strconv.Itoa(s.source(source)) + "]"
			}
		}
		return ""
	})
	return strings.Join(strings.Fields(question), " ") + " → " + first
}

// source returns the marker of a source, which it takes in when it is new.
func (s *Summary) source(o Source) int {
	for _, known := range s.Sources {
		if known.Document == o.Document && known.Quote == o.Quote {
			return known.Marker
		}
	}
	o.Marker = 1
	for _, known := range s.Sources {
		o.Marker = max(o.Marker, known.Marker+1)
	}
	s.Sources = append(s.Sources, o)
	return o.Marker
}

// keepCited drops the sources that the text no longer cites.
func (s *Summary) keepCited() {
	cited := map[string]bool{}
	for _, m := range markerAtWill.FindAllStringSubmatch(s.Text, -1) {
		cited[m[1]] = true
	}
	kept := s.Sources[:0]
	for _, o := range s.Sources {
		if cited[strconv.Itoa(o.Marker)] {
			kept = append(kept, o)
		}
	}
	s.Sources = kept
}

// shorten has the model say lines in fewer; nil when it fails or nothing of what
// it says stands.
func (a *Assistant) shorten(ctx context.Context, lines []string) []string {
	turns := make([]prompt.Turn, len(lines))
	for i, l := range lines {
		question, answer, _ := strings.Cut(l, " → ")
		turns[i] = prompt.Turn{Question: question, Answer: answer}
	}
	built, err := a.options.Prompt.Summary(turns)
	if err != nil {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, summaryTimeout)
	defer cancel()
	completion, err := a.options.Generator.Generate(limited, model.Request{Messages: built.Messages, MaxTokens: 300}, nil)
	if err != nil {
		return nil
	}
	var out []string
	for _, l := range strings.Split(completion.Text, "\n") {
		if l = strings.TrimSpace(l); l != "" && keeps(l, lines) {
			out = append(out, l)
		}
	}
	return out
}

// keeps reports whether a shortened line cites, and says nothing in figures or
// names that the cited lines do not say.
func keeps(line string, lines []string) bool {
	markers := markerAtWill.FindAllStringSubmatch(line, -1)
	if len(markers) == 0 {
		return false
	}
	var cited []string
	for _, m := range markers {
		found := false
		for _, l := range lines {
			if strings.Contains(l, "["+m[1]+"]") {
				cited, found = append(cited, l), true
			}
		}
		if !found {
			return false
		}
	}
	source := foldText(markerAtWill.ReplaceAllString(strings.Join(cited, "\n"), ""))
	said := readStatement(markerAtWill.ReplaceAllString(line, ""))
	figs := figures(source)
	for i := range said.figures {
		if !said.figures[i].trivial() && !said.figures[i].occursIn(figs) {
			return false
		}
	}
	for _, n := range said.names {
		if !holdsWord(source, n) {
			return false
		}
	}
	return true
}
