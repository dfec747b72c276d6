package ask

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lore-kb/lore/model"
)

// talk is a history of n answered turns, each with a source of its own but for
// every third, which cites the first document again.
func talk(n int) []Turn {
	var out []Turn
	for i := range n {
		document, quote := fmt.Sprintf("doc-%d.md", i), fmt.Sprintf("Item %d costs %d €.", i, 10+i)
		if i%3 == 2 {
			document, quote = "doc-0.md", "Item 0 costs 10 €."
		}
		out = append(out, Turn{
			Question: fmt.Sprintf("How much does item %d cost?", i), Status: StatusAnswered,
			Answer:  fmt.Sprintf("Item %d costs %d €. [1]\nMore. [2]", i, 10+i),
			Sources: []Source{{Marker: 1, Document: document, Quote: quote}, {Marker: 2, Document: "more.md", Quote: "More."}},
		})
	}
	return out
}

// checkSummary holds that markers and sources of a summary mean one another.
func checkSummary(t *testing.T, s *Summary) {
	t.Helper()
	var cited []string
	for _, m := range markerAtWill.FindAllStringSubmatch(s.Text, -1) {
		cited = append(cited, m[1])
	}
	for _, o := range s.Sources {
		if !slices.Contains(cited, fmt.Sprint(o.Marker)) {
			t.Errorf("source %d is not cited in %q", o.Marker, s.Text)
		}
	}
	for _, c := range cited {
		if !slices.ContainsFunc(s.Sources, func(o Source) bool { return fmt.Sprint(o.Marker) == c }) {
			t.Errorf("marker [%s] of %q means nothing", c, s.Text)
		}
	}
	if runes(strings.Split(s.Text, "\n")) > summaryBudget+1 {
		t.Errorf("%d characters", runes(strings.Split(s.Text, "\n")))
	}
}

func TestSummary(t *testing.T) {
	ctx := context.Background()
	a := New(nil, nil, nil)
	if s := a.summarise(ctx, talk(turnsWhole)); s != nil {
		t.Errorf("nothing to shorten, and %+v", s)
	}
	s := a.summarise(ctx, talk(8))
	checkSummary(t, s)
	if s.Turns != 5 || !strings.Contains(s.Text, "Item 4 costs 14 €. ") || len(s.Sources) != 4 {
		t.Errorf("%+v", s)
	}
	// It grows from what a later turn carries, not from the beginning.
	history := talk(10)
	history[8].Summary = &Summary{Turns: 5, Text: "Everything before. [1]", Sources: []Source{{Marker: 1, Document: "doc-0.md", Quote: "Item 0 costs 10 €."}}}
	s = a.summarise(ctx, history)
	checkSummary(t, s)
	if s.Turns != 7 || !strings.HasPrefix(s.Text, "Everything before. [1]\nHow much does item 5 cost?") || strings.Contains(s.Text, "item 4") {
		t.Errorf("%+v", s)
	}
	// A long conversation loses its oldest lines, and their sources.
	s = a.summarise(ctx, talk(100))
	checkSummary(t, s)
	if s.Turns != 97 || !strings.Contains(s.Text, "item 96") || strings.Contains(s.Text, "item 1 ") {
		t.Errorf("%+v", s)
	}
	// Turns without an answer leave nothing.
	history = talk(4)
	history[0].Status = StatusNotFound
	if s = a.summarise(ctx, history); s.Text != "" || len(s.Sources) != 0 {
		t.Errorf("%+v", s)
	}
}

func TestSummaryByModel(t *testing.T) {
	for reply, want := range map[string]string{
		"Items 0 and 1 cost 10 € and 11 €. [1] [2]":      "Items 0 and 1 cost 10 € and 11 €. [1] [2]",
		"Item 1 costs 99 €. [2]\nItem 1 costs 11 €. [2]": "Item 1 costs 11 €. [2]",
		"Item 0 costs 10 €.\nPaid by Ada Lovelace. [1]":  "", // cites nothing; names nobody named
		"Item 0 costs 10 €. [99]":                        "", // cites what is not there
		"":                                               "",
	} {
		g := &scripted{reply: func([]model.Message) (string, error) {
			if reply == "" {
				return "", errors.New("down")
			}
			return reply, nil
		}}
		s := New(nil, nil, &Options{Generator: g}).summarise(context.Background(), talk(60))
		checkSummary(t, s)
		if want != "" && s.Text != want || want == "" && !strings.Contains(s.Text, "item 56") {
			t.Errorf("model said %q: %q", reply, s.Text)
		}
	}
}
