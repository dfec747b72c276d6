package ingest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lore-kb/lore/store"
)

// page builds a document block by block.
type page struct {
	doc     Document
	section []string
}

func (p *page) block(kind BlockKind, text string) *Block {
	if p.doc.Text != "" {
		p.doc.Text += "\n\n"
	}
	start := len(p.doc.Text)
	p.doc.Text += text
	p.doc.Blocks = append(p.doc.Blocks, Block{Kind: kind, Start: start, End: len(p.doc.Text), Section: slices.Clone(p.section)})
	return &p.doc.Blocks[len(p.doc.Blocks)-1]
}

func (p *page) heading(level int, text string) {
	p.section = append(slices.Clone(p.section[:min(level-1, len(p.section))]), text)
	p.block(Heading, strings.Repeat("#", level)+" "+text).Level = level
}

func (p *page) table(header string, rows ...string) {
	b := p.block(Table, strings.Join(append([]string{header, "|---|---|"}, rows...), "\n"))
	at := b.Start
	for i, r := range append([]string{header, "|---|---|"}, rows...) {
		if i != 1 {
			b.Rows = append(b.Rows, Range{at, at + len(r)})
		}
		at += len(r) + 1
	}
	b.Body = 1
}

func TestSplitBySections(t *testing.T) {
	p := new(page)
	p.heading(1, "Travel")
	p.heading(2, "Hotels")
	p.block(Paragraph, "Book through the desk.")
	p.block(Paragraph, "Two nights at most.")
	p.heading(2, "Trains")
	p.heading(2, "Taxis")
	p.block(ListItem, "- Keep the receipt.")
	p.heading(1, "Appendix")
	var got []string
	for _, c := range Split(&p.doc, nil) {
		got = append(got, fmt.Sprintf("%d %s: %s", c.Line, strings.Join(c.Section, "/"), strings.ReplaceAll(c.Text, "\n", "¶")))
	}
	want := []string{
		"1 Travel/Hotels: # Travel¶¶## Hotels¶¶Book through the desk.¶¶Two nights at most.",
		"9 Travel/Taxis: ## Trains¶¶## Taxis¶¶- Keep the receipt.¶¶# Appendix",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestSplitKeepsSentencesWhole(t *testing.T) {
	english := strings.Repeat("The committee met on Tuesday, and it agreed that nothing should change before the spring. ", 60)
	chinese := strings.Repeat("委员会星期二开会，一致同意春天以前不作任何改变，除非各部门另有书面要求。", 60)
	// One of these is not enough for a chunk, and two are too much.
	long := strings.Repeat("It was agreed"+strings.Repeat(", after a long talk about rooms", 24)+", to wait. ", 30)
	for name, text := range map[string]string{"english": english, "chinese": chinese, "long": long} {
		doc := Document{Text: text, Blocks: []Block{{Start: 0, End: len(text)}}}
		chunks := Split(&doc, nil)
		if len(chunks) < 4 {
			t.Fatalf("%s: %d chunks", name, len(chunks))
		}
		for _, c := range chunks {
			if !strings.HasSuffix(c.Text, ".") && !strings.HasSuffix(c.Text, "。") {
				t.Errorf("%s: chunk %d ends in %q", name, c.Ordinal, c.Text[len(c.Text)-12:])
			}
			if n := tokens(c.Text); n < 170 || n > 320 {
				t.Errorf("%s: chunk %d has %d tokens", name, c.Ordinal, n)
			}
		}
	}
}

func TestSplitOneEnormousLine(t *testing.T) {
	tests := map[string]struct {
		text string
		cut  func(before, after string) bool // whether a cut there is fair
	}{
		"words without marks": {strings.Repeat("alpha beta gamma ", 3000), func(before, after string) bool {
			return strings.HasSuffix(before, "a") && (strings.HasPrefix(after, "alpha") || strings.HasPrefix(after, "beta") || strings.HasPrefix(after, "gamma"))
		}},
		"Chinese clauses": {strings.Repeat("春眠不觉晓，处处闻啼鸟，", 600), func(before, _ string) bool { return strings.HasSuffix(before, "，") }},
		"Chinese without marks": {strings.Repeat("天地玄黄宇宙洪荒", 900), func(_, after string) bool {
			r, _ := utf8.DecodeRuneInString(after)
			return unicode.Is(unicode.Han, r)
		}},
		"dots":     {strings.Repeat(".", 50_000), func(_, _ string) bool { return true }},
		"one word": {strings.Repeat("x", 100_000), func(_, _ string) bool { return true }},
		"combining marks": {strings.Repeat("e\u0301", 50_000), func(_, after string) bool {
			return strings.HasPrefix(after, "e")
		}},
	}
	for name, tt := range tests {
		doc := Document{Text: tt.text, Blocks: []Block{{Start: 0, End: len(tt.text)}}}
		chunks := Split(&doc, nil)
		checkCover(t, &doc, chunks)
		for i, c := range chunks {
			if n := tokens(c.Text); n > 320 || len(c.Text) > 320*tokenBytes {
				t.Errorf("%s: chunk %d has %d tokens", name, i, n)
			}
			if i > 0 && !tt.cut(chunks[i-1].Text, c.Text) {
				t.Errorf("%s: cut between %q and %q", name, last(chunks[i-1].Text, 12), c.Text[:12])
			}
		}
	}
}

func last(s string, n int) string { return s[max(0, len(s)-n):] }

func TestSplitTableRepeatsItsHeader(t *testing.T) {
	p := new(page)
	p.heading(1, "Prices")
	var rows []string
	for i := range 120 {
		rows = append(rows, fmt.Sprintf("| article number %d in blue | %d.50 |", i, i))
	}
	p.table("| article | price |", rows...)
	p.block(Paragraph, "All prices without tax.")
	chunks := Split(&p.doc, nil)
	checkCover(t, &p.doc, chunks)
	if len(chunks) < 5 {
		t.Fatalf("%d chunks", len(chunks))
	}
	for i, c := range chunks {
		want := "| article | price |\n|---|---|"
		if i == 0 {
			want = ""
		}
		if c.Context != want {
			t.Errorf("chunk %d has context %q", i, c.Context)
		}
		if i > 0 && !strings.HasPrefix(c.Text, "| article number") {
			t.Errorf("chunk %d starts inside a row: %q", i, c.Text[:20])
		}
		if n := tokens(c.Text) + tokens(c.Context); n > 320 {
			t.Errorf("chunk %d has %d tokens", i, n)
		}
	}
}

func TestSplitPagesAndTimes(t *testing.T) {
	text := "one\n\ntwo\n\nfour"
	doc := Document{
		Text:   text,
		Blocks: []Block{{Start: 0, End: 3}, {Start: 5, End: 8}, {Start: 10, End: 14}},
		Pages:  []Mark{{0, 1}, {5, 2}, {9, 3}, {10, 4}},
		Times: []TimeMark{{Offset: 0, Span: store.Span{From: time.Second, To: 2 * time.Second}}, {Offset: 5, Span: store.Span{From: 2 * time.Second, To: 4 * time.Second}},
			{Offset: 10, Span: store.Span{From: 5 * time.Second, To: 6 * time.Second}}},
	}
	chunks := Split(&doc, nil)
	if len(chunks) != 1 {
		t.Fatalf("%d chunks", len(chunks))
	}
	c := chunks[0]
	p := store.Payload{Page: c.Page, PageBreaks: c.PageBreaks}
	for offset, want := range map[int]int{0: 1, 4: 1, 5: 2, 10: 4, 13: 4} {
		if got := p.PageAt(offset); got != want {
			t.Errorf("offset %d is on page %d, not %d", offset, got, want)
		}
	}
	if c.Time != (store.Span{From: time.Second, To: 6 * time.Second}) {
		t.Errorf("time is %v", c.Time)
	}
}

func TestSplitLeavesOutWhatIsInNoBlock(t *testing.T) {
	menu := strings.Repeat("home news contact ", 20)
	text := "First text.\n" + menu + "\nSecond text."
	doc := Document{Text: text, Blocks: []Block{{Start: 0, End: 11}, {Start: len(text) - 12, End: len(text)}}}
	for _, c := range Split(&doc, nil) {
		if strings.Contains(c.Text, "contact") {
			t.Errorf("chunk holds %q", c.Text)
		}
	}
	if got := Split(&Document{Text: "x"}, nil); len(got) != 0 {
		t.Errorf("a document without blocks gave %v", got)
	}
}

// checkCover checks the laws of Split.
func checkCover(t interface {
	Errorf(string, ...any)
}, doc *Document, chunks []Chunk) {
	covered := make([]bool, len(doc.Text))
	end, line := 0, 1
	for i, c := range chunks {
		switch {
		case c.Ordinal != i:
			t.Errorf("chunk %d has ordinal %d", i, c.Ordinal)
		case c.Start < end || c.End <= c.Start || c.End > len(doc.Text):
			t.Errorf("chunk %d is [%d, %d) after %d", i, c.Start, c.End, end)
			return
		case c.Text != doc.Text[c.Start:c.End]:
			t.Errorf("chunk %d holds other text than its range", i)
		case !utf8.ValidString(c.Text) || !utf8.ValidString(c.Context):
			t.Errorf("chunk %d is not UTF-8", i)
		case strings.TrimSpace(c.Text) == "":
			t.Errorf("chunk %d is blank", i)
		}
		line += strings.Count(doc.Text[min(end, c.Start):c.Start], "\n")
		if c.Line != line {
			t.Errorf("chunk %d is on line %d, not %d", i, c.Line, line)
		}
		line += strings.Count(c.Text, "\n")
		end = c.End
		for j := c.Start; j < c.End; j++ {
			covered[j] = true
		}
	}
	for _, b := range doc.Blocks {
		for j, r := range doc.Text[max(0, b.Start):max(0, min(b.End, len(doc.Text)))] {
			if !unicode.IsSpace(r) && !covered[max(0, b.Start)+j] {
				t.Errorf("byte %d (%q) of a block is in no chunk", b.Start+j, r)
				return
			}
		}
	}
}

func TestSplitLaws(t *testing.T) {
	word := rapid.OneOf(
		rapid.StringMatching(`[a-z]{1,9}[.,!?:]? `), rapid.StringMatching(`[一-龥]{1,30}[，。！？、]?`), rapid.StringMatching(`[A-Za-z0-9/+=]{1,600}`),
		rapid.SampledFrom([]string{"\n", "\t", "👩‍👩‍👧", "é", "\u3000", "«", " ", "|"}),
	)
	rapid.Check(t, func(t *rapid.T) {
		p := new(page)
		for range rapid.IntRange(0, 12).Draw(t, "blocks") {
			text := strings.Join(rapid.SliceOfN(word, 1, 60).Draw(t, "words"), "")
			text = strings.Repeat(text, rapid.SampledFrom([]int{1, 1, 1, 9}).Draw(t, "times"))
			switch kind := rapid.SampledFrom([]BlockKind{Paragraph, Heading, ListItem, Table, Code, Quote}).Draw(t, "kind"); kind {
			case Heading:
				p.heading(rapid.IntRange(1, 3).Draw(t, "level"), strings.ReplaceAll(text[:runeStart(text, min(len(text), 60))], "\n", " "))
			case Table:
				p.table("| head | er |", strings.Split(text, "\n")...)
			default:
				p.block(kind, text)
			}
		}
		chunks := Split(&p.doc, nil)
		checkCover(t, &p.doc, chunks)
		body := false
		for _, b := range p.doc.Blocks {
			body = body || b.Kind != Heading
		}
		for _, c := range chunks {
			if n := tokens(c.Text) + tokens(c.Context); n > 320+3*headingTokens {
				t.Errorf("chunk %d has %d tokens", c.Ordinal, n)
			}
			if body && onlyHeadings(&p.doc, c) && len(chunks) > 1 && tokens(c.Text) < 200 {
				t.Errorf("chunk %d is only a heading: %q", c.Ordinal, c.Text)
			}
		}
	})
}

func onlyHeadings(doc *Document, c Chunk) bool {
	for _, b := range doc.Blocks {
		if b.Start < c.End && b.End > c.Start && b.Kind != Heading && strings.TrimSpace(doc.Text[b.Start:b.End]) != "" {
			return false
		}
	}
	return true
}

func FuzzSplit(f *testing.F) {
	f.Add("# Head\n\nText. 文字。", 0, 6, 8, 22)
	f.Add("a|b\n1|2\n", -3, 900, 4, 2)
	f.Fuzz(func(t *testing.T, text string, a, b, c, d int) {
		if !utf8.ValidString(text) {
			return
		}
		doc := Document{Text: text, Blocks: []Block{
			{Kind: Table, Start: a, End: b, Rows: []Range{{a, c}, {c, d}, {d, b}}, Body: 1}, {Kind: Code, Start: c, End: d},
		}}
		chunks := Split(&doc, &SplitOptions{Goal: 8, Max: 10})
		end := 0
		for _, k := range chunks {
			if k.Start < end || k.Text != text[k.Start:k.End] || !utf8.ValidString(k.Text) {
				t.Fatalf("chunk %+v", k)
			}
			end = k.End
		}
	})
}

func BenchmarkSplitLongText(b *testing.B) {
	text := strings.Repeat("The quick brown fox jumps over the lazy dog. 敏捷的棕色狐狸跳过懒狗。\n", 1_000_000/16)
	doc := Document{Text: text, Blocks: []Block{{Start: 0, End: len(text)}}}
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		Split(&doc, nil)
	}
}
