package ask

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/lore-kb/lore/retrieve"
)

func TestUnits(t *testing.T) {
	text := strings.Join([]string{
		"# Prices", "",
		"Prices do not", "include VAT. They change yearly.", "",
		"| Plan | Price |", "|---|---|", "| Basic | 10 € |", "| Team | 25 € |", "",
		"The following is free:", "", "- support by mail", "  on weekdays", "- updates", "",
		"```", "limit = 5", "```", "",
		"![picture](x.png)", "<!-- not", "shown -->", "",
		"> Quoted words.", "",
		"Notes", "-----", "价格每年调整。基础版不变。",
	}, "\n")
	p := retrieve.Passage{Text: text}
	var got []string
	for _, u := range cutUnits(&p) {
		line := []string{"sentence", "item", "row", "code"}[u.kind] + ": " + strings.Join(strings.Fields(text[u.start:u.end]), " ")
		if u.header != "" {
			line += " under " + u.header
		}
		if n := len(u.headings); n > 0 {
			line += " in " + u.headings[n-1]
		}
		got = append(got, line)
	}
	want := []string{
		"sentence: Prices do not include VAT. in Prices",
		"sentence: They change yearly. in Prices",
		"row: | Basic | 10 € | under | Plan | Price | in Prices",
		"row: | Team | 25 € | under | Plan | Price | in Prices",
		"sentence: The following is free: in Prices",
		"item: support by mail on weekdays in Prices",
		"item: updates in Prices",
		"code: limit = 5 in Prices",
		"sentence: Quoted words. in Prices",
		"sentence: 价格每年调整。 in Notes",
		"sentence: 基础版不变。 in Notes",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Units lie in order inside the text, are not empty and do not overlap.
func FuzzUnits(f *testing.F) {
	for _, s := range []string{"# A\n\nB. C!\n", "| a | b |\n|--|--|\n| c | d |", "```\nx\n", "<!-- a\n--> b", "- a\n\n  b\n1. c", "标题\n===\n句子。句子", "> a\n> b", "a\tb\nc\td", "\r\n\r\n a\r\nb"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			return
		}
		p := retrieve.Passage{Text: s}
		at := 0
		for _, u := range cutUnits(&p) {
			if u.start < at || u.end <= u.start || u.end > len(s) {
				t.Fatalf("unit [%d, %d) behind %d in %q", u.start, u.end, at, s)
			}
			if !utf8.ValidString(s[u.start:u.end]) {
				t.Fatalf("unit [%d, %d) cuts a character of %q", u.start, u.end, s)
			}
			at = u.end
			readable(s, &u)
		}
	})
}

func TestColumnFigures(t *testing.T) {
	for _, c := range []struct{ header, row, dimension string }{
		{"| Product | Price (EUR) |", "| Orion DO | 1,480 |", "currency/eur"},
		{"| 名称 | 含税价（元） |", "| Orion DO | 12,800 |", "currency/cny"},
		{"| Service | Working days |", "| Repair | 10 |", "workday"},
		{"| Product | Measures |", "| Orion DO | oxygen |", ""},
		{"| Product | Article |", "| Orion DO | 310 |", ""},
	} {
		text := c.header + "\n|---|---|\n" + c.row
		units := cutUnits(&retrieve.Passage{Text: text})
		got := ""
		for _, f := range columnFigures(text, &units[len(units)-1]) {
			got += f.dimension
		}
		if got != c.dimension {
			t.Errorf("%s under %s: %q, want %q", c.row, c.header, got, c.dimension)
		}
	}
}

func TestBareTable(t *testing.T) {
	text := "Prices:\n\nService | Days | Price\nRepair | 10 | free\nCalibration | 5 | 140 EUR\n\nAll prices | except Lyra.\n\n2025 | 10\n2026 | 12"
	var got []string
	for _, u := range cutUnits(&retrieve.Passage{Text: text}) {
		got = append(got, readable(text, &u))
	}
	want := []string{"Prices:", "Service: Repair; Days: 10; Price: free", "Service: Calibration; Days: 5; Price: 140 EUR", "All prices | except Lyra.", "2025; 10", "2025: 2026; 10: 12"}
	if !slices.Equal(got, want) {
		t.Errorf("units %q, want %q", got, want)
	}
}
