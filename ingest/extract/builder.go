package extract

import (
	"strings"

	"github.com/lore-kb/lore/ingest"
)

// builder lays out the text of a document whose format does not give it: blocks
// are separated by blank lines, table rows are lines of cells joined by " | ".
type builder struct {
	j       *job
	doc     ingest.Document
	text    strings.Builder
	section []string // open headings
	levels  []int    // of section
	pending []int    // pages whose first block is still to come
}

func (j *job) newBuilder() *builder { return &builder{j: j} }

// begin makes room for a block that starts now and returns its offset.
func (b *builder) begin(sep string) int {
	if b.text.Len() > 0 {
		b.text.WriteString(sep)
	}
	for _, n := range b.pending {
		b.doc.Pages = append(b.doc.Pages, ingest.Mark{Offset: b.text.Len(), Number: n})
	}
	b.pending = b.pending[:0]
	return b.text.Len()
}

func (b *builder) write(s string) {
	b.j.spendText(len(s) + 2)
	b.text.WriteString(s)
}

func (b *builder) add(k ingest.BlockKind, sep, s string) {
	s = cleanText(s)
	if s == "" {
		return
	}
	start := b.begin(sep)
	b.write(s)
	b.doc.Blocks = append(b.doc.Blocks, ingest.Block{Kind: k, Start: start, End: b.text.Len(), Section: b.path()})
}

// path is a copy of the open section that blocks may keep.
func (b *builder) path() []string {
	if len(b.section) == 0 {
		return nil
	}
	return b.section[:len(b.section):len(b.section)]
}

// heading opens a section; level is 1 for the highest.
func (b *builder) heading(level int, s string) {
	s = oneLine(s)
	if s == "" {
		return
	}
	b.open(level, s)
	start := b.begin("\n\n")
	b.write(s)
	b.doc.Blocks = append(b.doc.Blocks, ingest.Block{
		Kind: ingest.Heading, Start: start, End: b.text.Len(), Level: level, Section: b.path(),
	})
}

// open makes s the section at level without writing it; "" only closes.
func (b *builder) open(level int, s string) {
	b.section, b.levels = openSection(b.section, b.levels, level, s)
}

// openSection closes the sections at level and below and opens name there. The
// result does not share memory that a later call would write to.
func openSection(section []string, levels []int, level int, name string) ([]string, []int) {
	n := len(levels)
	for n > 0 && levels[n-1] >= level {
		n--
	}
	section, levels = section[:n:n], levels[:n]
	if name != "" {
		const longest = 200
		if len(name) > longest {
			name = strings.ToValidUTF8(name[:longest], "")
		}
		section, levels = append(section, name), append(levels, level)
	}
	return section, levels
}

func (b *builder) para(s string)  { b.add(ingest.Paragraph, "\n\n", s) }
func (b *builder) quote(s string) { b.add(ingest.Quote, "\n\n", s) }

// item adds a list item; depth is 0 for the outermost list.
func (b *builder) item(depth int, mark, s string) {
	s = cleanText(s)
	if s == "" {
		return
	}
	sep := "\n"
	if n := len(b.doc.Blocks); n == 0 || b.doc.Blocks[n-1].Kind != ingest.ListItem {
		sep = "\n\n"
	}
	b.add(ingest.ListItem, sep+strings.Repeat("  ", min(max(depth, 0), 8)), mark+" "+s)
}

// code adds a block whose white space matters.
func (b *builder) code(s string) {
	s = strings.Trim(strings.ToValidUTF8(strings.ReplaceAll(s, "\r\n", "\n"), "\uFFFD"), "\n")
	if strings.TrimSpace(s) == "" {
		return
	}
	start := b.begin("\n\n")
	b.write(s)
	b.doc.Blocks = append(b.doc.Blocks, ingest.Block{Kind: ingest.Code, Start: start, End: b.text.Len(), Section: b.path()})
}

// table adds rows of cells, the first header of them being its header. Rows
// without any text are left out.
func (b *builder) table(rows [][]string, header int) {
	t := b.openTable()
	for i, row := range rows {
		t.row(row, i < header)
	}
	t.close()
}

// openTable starts a table that grows row by row.
func (b *builder) openTable() *tableBuilder { return &tableBuilder{b: b, start: -1} }

type tableBuilder struct {
	b     *builder
	start int
	rows  []ingest.Range
	body  int

	numbers     []int // of a spreadsheet's rows
	left, right int   // columns that hold something
}

// at says which row of a spreadsheet was added last, and which of its columns
// hold something.
func (t *tableBuilder) at(number int, cells []string) {
	if len(t.numbers) == len(t.rows) {
		return // it was empty
	}
	if len(t.numbers) == 0 {
		t.left, t.right = len(cells), 0
	}
	t.numbers = append(t.numbers, number)
	for i, c := range cells {
		if oneLine(c) != "" {
			t.left, t.right = min(t.left, i), max(t.right, i)
		}
	}
}

func (t *tableBuilder) row(cells []string, header bool) {
	var line strings.Builder
	some := false
	for i, c := range cells {
		if i > 0 {
			line.WriteString(" | ")
		}
		c = oneLine(c)
		some = some || c != ""
		line.WriteString(c)
	}
	if !some {
		return
	}
	s := strings.TrimRight(line.String(), " |")
	sep := "\n"
	if t.start < 0 {
		sep = "\n\n"
	}
	at := t.b.begin(sep)
	if t.start < 0 {
		t.start = at
	}
	t.b.write(s)
	if header && t.body == len(t.rows) {
		t.body++
	}
	t.rows = append(t.rows, ingest.Range{Start: at, End: t.b.text.Len()})
}

func (t *tableBuilder) close() {
	if t.start < 0 {
		return
	}
	if t.body == len(t.rows) && t.body > 0 {
		t.body-- // a table that is all header has nothing to find
	}
	t.b.doc.Blocks = append(t.b.doc.Blocks, ingest.Block{
		Kind: ingest.Table, Start: t.start, End: t.b.text.Len(), Section: t.b.path(), Rows: t.rows, Body: t.body,
		Numbers: t.numbers, Columns: [2]int{t.left, t.right},
	})
	t.start, t.rows, t.numbers = -1, nil, nil
}

// page says that what follows is on page n. A page without text is marked
// where the next text begins.
func (b *builder) page(n int) { b.pending = append(b.pending, n) }

func (b *builder) warn(s string) { b.doc.Warnings = appendWarning(b.doc.Warnings, s) }

// appendWarning keeps warnings few, short and different.
func appendWarning(ws []string, s string) []string {
	s = oneLine(s)
	if len(s) > 300 {
		s = strings.ToValidUTF8(s[:300], "")
	}
	if len(ws) >= 50 {
		return ws
	}
	for _, w := range ws {
		if w == s {
			return ws
		}
	}
	return append(ws, s)
}

// done returns the document.
func (b *builder) done() ingest.Document {
	b.doc.Text = b.text.String()
	return b.doc
}

// empty reports whether nothing was added yet.
func (b *builder) empty() bool { return len(b.doc.Blocks) == 0 }

// oneLine collapses white space, line ends included, and drops control
// characters.
func oneLine(s string) string {
	if plain(s) {
		return s
	}
	var out strings.Builder
	out.Grow(len(s))
	space := false
	for _, r := range s {
		switch {
		case isBlank(r):
			space = true
			continue
		case dropped(r):
			continue
		}
		if space && out.Len() > 0 {
			out.WriteByte(' ')
		}
		space = false
		out.WriteRune(r)
	}
	return out.String()
}

// plain reports whether oneLine would change nothing.
func plain(s string) bool {
	last := byte(' ')
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c < ' ' || c >= 0x7f || c == ' ' && last == ' ' {
			return false
		}
		last = c
	}
	return last != ' ' || s == ""
}

// cleanText collapses white space within lines, trims lines, keeps line ends.
func cleanText(s string) string {
	if strings.IndexByte(s, '\n') < 0 {
		return oneLine(s)
	}
	lines := strings.Split(s, "\n")
	kept := lines[:0]
	for _, l := range lines {
		if l = oneLine(l); l != "" {
			kept = append(kept, l)
		}
	}
	return strings.Join(kept, "\n")
}

func isBlank(r rune) bool {
	switch r {
	case ' ', '\t', '\n', '\r', '\v', '\f', 0xa0, 0x85, 0x2028, 0x2029, 0x3000, 0x202f, 0x205f:
		return true
	}
	return 0x2000 <= r && r <= 0x200a
}

// dropped are characters that carry no text: controls, soft hyphens, byte order
// marks, zero-width spaces.
func dropped(r rune) bool {
	return r < ' ' || 0x7f <= r && r < 0xa0 || r == 0xad || r == 0xfeff || r == 0x200b
}
