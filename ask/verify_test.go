package ask

import (
	"context"
	"strings"
	"testing"

	"github.com/lore-kb/lore/retrieve"
)

func sources(l *library, ids ...string) []retrieve.Passage {
	var out []retrieve.Passage
	for _, id := range ids {
		for _, d := range l.documents {
			if d.id == id {
				out = append(out, retrieve.Passage{Rank: len(out) + 1, DocumentID: d.id, Title: d.title, Path: d.id, Text: d.text, End: len(d.text), Line: 1})
			}
		}
	}
	return out
}

func TestVerify(t *testing.T) {
	l := office()
	list := sources(l, "travel.md", "release.md", "年假.md", "报销.md", "prices.md", "office.md")
	cases := []struct {
		name, text string
		markers    []int
		quote      string // part of the first quote; "" when the statement must go
		reason     Reason
	}{
		{"word for word", "Staff on the road get 45 € a day for meals.", []int{1}, "Staff on the road get 45 € a day for meals.", ""},
		{"in other words", "The daily allowance for meals of staff on the road is 45 euros a day.", []int{1}, "45 € a day", ""},
		{"wrong figure", "Staff on the road get 55 € a day for meals.", []int{1}, "", ReasonFigures},
		{"wrong unit", "Staff on the road get $45 a day for meals.", []int{1}, "", ReasonFigures},
		{"right statement, wrong marker", "Staff on the road get 45 € a day for meals.", []int{2}, "45 € a day", ""},
		{"marker beyond the passages", "Staff on the road get 45 € a day for meals.", []int{9}, "45 € a day", ""},
		{"no marker", "Receipts are not needed for meals.", nil, "Receipts are not needed for meals.", ""},
		{"negation dropped", "Receipts are needed for meals.", []int{1}, "", ReasonUnsupported},
		{"negation added", "Visitors do not register at the front desk in Building C.", []int{6}, "", ReasonUnsupported},
		{"wrong name", "Bookings above that need the approval of Peter Lindt.", []int{1}, "", ReasonFigures},
		{"right name", "Expensive bookings need the approval of Maria Lindt.", []int{1}, "approval of Maria Lindt", ""},
		{"date in another form", "Version v2.0.1 was released on 2024-03-05.", []int{2}, "Released on March 5, 2024", ""},
		{"wrong version", "Version v2.0.2 was released on March 5, 2024.", []int{2}, "", ReasonFigures},
		{"unsupported", "The cafeteria serves lunch until two.", []int{6}, "", ReasonFigures},
		{"unsupported without figures", "The cafeteria serves vegetarian lunch.", []int{6}, "", ReasonUnsupported},
		{"chinese", "员工入职满一年后每年有15天年假。", []int{3}, "员工入职满一年后每年享有十五天年假。", ""},
		{"chinese wrong figure", "员工入职满一年后每年有20天年假。", []int{3}, "", ReasonFigures},
		{"chinese negation", "试用期内可以使用年假。", []int{3}, "", ReasonUnsupported},
		{"chinese name exchanged", "酒店每晚最高的由吴无批准。", []int{4}, "", ReasonFigures},
		{"chinese thing exchanged", "试用期内不能使用病假津贴。", []int{3}, "", ReasonFigures},
		{"chinese in other words", "试用期中，年假是不可使用的。", []int{3}, "试用期内不能使用年假。", ""},
		{"traditional script", "試用期內不能使用年假。", []int{3}, "试用期内不能使用年假。", ""},
		{"across languages", "Annual leave must be requested five working days ahead.", []int{3}, "五个工作日", ""},
		{"across languages, wrong figure", "Annual leave must be requested six working days ahead.", []int{3}, "", ReasonFigures},
		{"chinese over english", "出差每天的餐费补贴是45欧元。", []int{1}, "45 €", ""},
		{"table row", "The Team plan costs 25 € a month.", []int{5}, "| Team | 25 € | 10 |", ""},
		{"false quotation", `The policy says "meals are always free for everybody".`, []int{1}, "", ReasonUnsupported},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, removal := Verify(context.Background(), l, Statement{Text: c.text, Markers: c.markers}, list)
			if c.quote == "" {
				if removal == nil {
					t.Fatalf("%q stands on %q", c.text, got[0].Quote)
				}
				if removal.Reason != c.reason {
					t.Errorf("%q: removed for %s (%s), want %s", c.text, removal.Reason, removal.Detail, c.reason)
				}
				return
			}
			if removal != nil {
				t.Fatalf("%q: removed for %s: %s", c.text, removal.Reason, removal.Detail)
			}
			if !strings.Contains(got[0].Quote, c.quote) {
				t.Errorf("%q: quote %q, want %q", c.text, got[0].Quote, c.quote)
			}
			for _, citation := range got {
				text, _ := l.Text(context.Background(), citation.DocumentID)
				if text[citation.Start:citation.End] != citation.Quote || !citation.Verified {
					t.Errorf("%q: quote %q is not at [%d, %d)", c.text, citation.Quote, citation.Start, citation.End)
				}
				if line := 1 + strings.Count(text[:citation.Start], "\n"); citation.Lines[0] != line {
					t.Errorf("%q: line %d, want %d", c.text, citation.Lines[0], line)
				}
			}
		})
	}
}

func TestVerifyAgainstTheDocument(t *testing.T) {
	l := office()
	list := sources(l, "travel.md")
	l.documents[0].text = strings.Replace(l.documents[0].text, "45 €", "50 €", 1)
	_, removal := Verify(context.Background(), l, Statement{Text: "Staff on the road get 45 € a day for meals.", Markers: []int{1}}, list)
	if removal == nil || removal.Reason != ReasonQuoteNotFound {
		t.Errorf("a quote that left its document gives %+v, want %s", removal, ReasonQuoteNotFound)
	}
}

func TestFindQuote(t *testing.T) {
	text := "The  office opens\nat 8:30.\n辦公室　八點半開門。"
	for quote, want := range map[string]string{
		"the OFFICE opens at 8:30": "The  office opens\nat 8:30",
		"办公室八点半开门":                 "辦公室　八點半開門",
		"opens":                    "", // too short
		"办公室":                      "",
		"The office … at 8:30":     "", // stitched
	} {
		r, ok := FindQuote(text, quote)
		if got := text[r.Start:r.End]; ok != (want != "") || ok && got != want {
			t.Errorf("FindQuote(%q) = %q, %v; want %q", quote, got, ok, want)
		}
	}
}

// TestRate rates sources of which one of the passages is none.
func TestRate(t *testing.T) {
	l := office()
	list := sources(l, "travel.md", "release.md", "prices.md")
	v := newVerifier(l, list[1:], nil)
	v.rate([]candidate{{passage: 0, at: 2, score: 3}, {passage: 2, at: 1, score: 2}, {passage: 1, at: 0, score: 1}}, list)
	if v.favourite == nil || *v.favourite != (window{passage: 1, from: 1, to: 1}) {
		t.Errorf("favourite %+v", v.favourite)
	}
	if len(v.prefer) != 2 || v.prefer[[2]int{1, 1}] <= v.prefer[[2]int{0, 0}] || v.prefer[[2]int{0, 0}] <= 0 {
		t.Errorf("preferred %v", v.prefer)
	}
}
