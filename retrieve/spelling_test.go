package retrieve

import (
	"strings"
	"testing"

	"github.com/lore-kb/lore/internal/memstore"
	"github.com/lore-kb/lore/store"
)

func TestMisspelt(t *testing.T) {
	for _, c := range []struct {
		question, path string
		note           string // in the explanation; "" if nothing is corrected
	}{
		{"anual days", "hr/leave.md", `no document holds "anual": searched for "annual"`},
		{"secnod class trian", "hr/travel.md", `no document holds "secnod": searched for "second"`},
		{"annual days", "hr/leave.md", ""},
		{"unual unual", "", ""},
		{"hotle hotel", "hr/travel.md", ""}, // the word it stands for is asked for already
		{"secnod secodn night", "hr/travel.md", `searched for "second"`},
	} {
		result := ask(t, New(collect(t, nil, library...), nil), Query{Text: c.question, Explain: true})
		if c.path == "" {
			if len(result.Passages) != 0 {
				t.Errorf("%q finds %s", c.question, paths(result))
			}
			continue
		}
		if len(result.Passages) == 0 || result.Passages[0].Path != c.path {
			t.Errorf("%q finds %s", c.question, paths(result))
			continue
		}
		notes := strings.Join(result.Passages[0].Explain.Notes, "\n")
		if strings.Contains(notes, "searched for") != (c.note != "") || !strings.Contains(notes, c.note) {
			t.Errorf("%q is explained by %s", c.question, notes)
		}
	}
}

// TestMisspeltTakesTheCommonest has two words that may be meant.
func TestMisspeltTakesTheCommonest(t *testing.T) {
	st := collect(t, nil,
		page{path: "a.md", chunks: []string{"The rates rise."}},
		page{path: "b.md", chunks: []string{"These routes are long.", "Such routes are short."}})
	if got := paths(ask(t, New(st, nil), Query{Text: "roates"})); !strings.HasPrefix(got, "b.md") {
		t.Errorf("found %s", got)
	}
	if r := ask(t, New(memstore.New(store.Model{}), nil), Query{Text: "roates"}); len(r.Passages) != 0 {
		t.Errorf("an empty collection gives %s", paths(r))
	}
}
