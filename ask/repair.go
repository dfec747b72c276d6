package ask

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/lore-kb/lore/analysis"
	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/prompt"
)

// repair asks once for the words that support the first statement that was
// removed for want of a quote.
func (t *task) repair(ctx context.Context, g model.Generator, v *verifier) error {
	for i := range t.answer.Removed {
		r := t.answer.Removed[i]
		if r.Reason != ReasonUnsupported && r.Reason != ReasonNoQuote {
			continue
		}
		built, err := t.assistant.options.Prompt.Repair(r.Text, prompt.Input{Language: t.language, Passages: v.sources, Omit: speaksToAssistant})
		if err != nil {
			return nil
		}
		completion, err := g.Generate(ctx, model.Request{Messages: built.Messages, MaxTokens: 200, Schema: shownSchema}, nil)
		if err != nil {
			return nil // the statement stays removed
		}
		t.answer.Usage = sum(t.answer.Usage, completion.Usage)
		for _, c := range shown(completion.Text) {
			source, at, ok := v.locate(c)
			if !ok {
				continue
			}
			citation, err := v.citeRange(ctx, source, at.Start, at.End)
			if err != nil {
				continue
			}
			if !readStatement(r.Text).supportedBy(citation.Quote, v.read(source)) {
				continue
			}
			t.answer.Removed = append(t.answer.Removed[:i:i], t.answer.Removed[i+1:]...)
			return t.say(r.Text, []Citation{citation}, false)
		}
		return nil
	}
	return nil
}

// shownSchema is the form in which a server with structured output shows the
// words that support a statement; without such words the quote is empty.
var shownSchema = json.RawMessage(`{"type":"object","properties":{"passage":{"type":"integer"},"quote":{"type":"string"}},"required":["passage","quote"],"additionalProperties":false}`)

// shown reads the words that a model shows, as an object of shownSchema or as it
// would write them by itself; none when it shows none.
func shown(text string) []claim {
	var object struct {
		Passage int    `json:"passage"`
		Quote   string `json:"quote"`
	}
	if json.Unmarshal([]byte(strings.TrimSpace(text)), &object) == nil {
		if object.Quote == "" || denies(object.Quote) {
			return nil
		}
		return []claim{{text: object.Quote, markers: []int{object.Passage}}}
	}
	if denies(text) {
		return nil
	}
	return claims(text)
}

// supportShown is the share of a statement's words that a quote must hold when
// the model itself pointed at the quote.
const supportShown = 0.25

// supportedBy reports whether a quote that a model gave for s carries its
// figures, its names and a part of its words.
func (s *statementText) supportedBy(quote string, r *readPassage) bool {
	folded := foldText(quote)
	figs := figures(folded)
	for i := range s.figures {
		if !s.figures[i].trivial() && !s.figures[i].occursIn(figs) {
			return false
		}
	}
	for _, n := range s.names {
		if !holdsWord(r.words, n) {
			return false
		}
	}
	if s.negated != negated(folded) {
		return false
	}
	set := map[uint32]bool{}
	for _, t := range analysis.Terms(quote) {
		set[t.Index] = true
	}
	return mostlyHan(quote) != s.han || s.cover(set) >= supportShown
}

// locate finds the source in which a claim's text stands word for word.
func (v *verifier) locate(c claim) (source int, at analysis.Range, ok bool) {
	for _, text := range []string{c.quoted, c.text} {
		if text == "" {
			continue
		}
		for i := range v.sources {
			if r, found := FindQuote(v.sources[i].Text, text); found {
				return i, r, true
			}
		}
	}
	return 0, analysis.Range{}, false
}
