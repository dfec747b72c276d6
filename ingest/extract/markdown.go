package extract

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	mdtext "github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
	"go.yaml.in/yaml/v3"

	"github.com/lore-kb/lore/ingest"
)

func isMarkdown(p *probe) bool {
	if p.sample() == "" {
		return false
	}
	if p.named(".md", ".markdown", ".mdown", ".mkd", ".mdx", ".rmd", ".qmd") {
		return true
	}
	if p.ext != "" {
		return false
	}
	// A file without an ending, README and the like, by its marks.
	headings, marks := 0, 0
	for line := range strings.Lines(p.sample()) {
		switch {
		case strings.HasPrefix(line, "# "), strings.HasPrefix(line, "## "), strings.HasPrefix(line, "### "):
			headings++
		case strings.HasPrefix(line, "```"), strings.HasPrefix(line, "- "), strings.HasPrefix(line, "* "), strings.Contains(line, "]("), strings.HasPrefix(line, "|"):
			marks++
		}
	}
	return headings > 0 && marks > 0
}

// readMarkdown keeps the file's bytes as text and takes structure from
// goldmark's tree.
func readMarkdown(j *job, in ingest.Input) ([]ingest.Document, error) {
	text := j.decodeText(in.Data)
	j.spendText(len(text))
	doc := ingest.Document{Text: text}
	base := 0
	if strings.HasPrefix(text, "\uFEFF") {
		base = len("\uFEFF")
	}
	if n := frontMatter(text[base:], &doc); n > 0 {
		base += n
	}
	// The tree nests as deep as its marks do; lists and quotes deeper than any
	// person writes would exhaust the stack.
	if deepMarks(text) {
		doc.Blocks = textBlocks(text)
		doc.Warnings = append(doc.Warnings, "nested too deeply; read as plain text")
		return []ingest.Document{doc}, nil
	}
	src := in.Data
	if string(src) != text {
		src = []byte(text)
	}
	w := &markdownWalk{j: j, src: src[base:], text: text[base:], base: base, doc: &doc}
	root := markdownBlocks.Parse(mdtext.NewReader(w.src))
	doc.Blocks = make([]ingest.Block, 0, root.ChildCount())
	w.children(root, ingest.Paragraph)
	slices.SortStableFunc(doc.Blocks, func(a, b ingest.Block) int { return a.Start - b.Start })
	doc.Blocks = disjoint(doc.Blocks)
	if doc.Title == "" {
		doc.Title = w.title
	}
	if len(doc.Blocks) == 0 && base > 0 {
		// A page that is all front matter says only that; it is still a page.
		if start := len(text[:base]) - len(strings.TrimLeft(text[:base], "-\uFEFF \r\n")); start < base {
			if end := len(strings.TrimRight(text[:base], "-. \r\n")); end > start {
				doc.Blocks = []ingest.Block{{Kind: ingest.Paragraph, Start: start, End: end}}
			}
		}
	}
	return []ingest.Document{doc}, nil
}

// markdownBlocks parses blocks only: what is inside a paragraph stays as it is
// written, and costs nothing.
var markdownBlocks = parser.NewParser(
	parser.WithBlockParsers(parser.DefaultBlockParsers()...),
	parser.WithInlineParsers(util.Prioritized(inlineSkipper{}, 0)),
	parser.WithParagraphTransformers(append(parser.DefaultParagraphTransformers(),
		util.Prioritized(extension.NewTableParagraphTransformer(), 200))...))

// inlineSkipper takes all that a block holds for one thing, so that the parser
// does not look at each character of it.
type inlineSkipper struct{}

// Trigger gives all that a line is parsed from: a mark, or anything else, which
// counts as space.
func (inlineSkipper) Trigger() []byte { return []byte(" !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~") }

func (inlineSkipper) Parse(_ ast.Node, block mdtext.Reader, _ parser.Context) ast.Node {
	for line, _ := block.PeekLine(); line != nil; line, _ = block.PeekLine() {
		block.AdvanceLine()
	}
	return ast.NewText()
}

// disjoint drops blocks that begin inside the block before.
func disjoint(blocks []ingest.Block) []ingest.Block {
	kept := blocks[:0]
	end := 0
	for _, b := range blocks {
		if b.Start >= end && b.End > b.Start {
			kept = append(kept, b)
			end = b.End
		}
	}
	return kept
}

// deepMarks reports lines that open more than a hundred levels at once.
func deepMarks(text string) bool {
	for line := range strings.Lines(text) {
		n := 0
		for i := 0; i < len(line) && n <= 100; i++ {
			switch line[i] {
			case '>', '-', '*', '+':
				n++
			case ' ', '\t':
			default:
				i = len(line)
			}
		}
		if n > 100 && strings.Trim(line, "-*+> \t\r\n") != "" || strings.Count(line[:min(len(line), 4096)], ">") > 100 && strings.Trim(line, "> \t\r\n") == "" {
			return true
		}
		if i := strings.IndexFunc(line, func(r rune) bool { return r != ' ' && r != '\t' }); i > 400 {
			return true
		}
	}
	return false
}

type markdownWalk struct {
	j       *job
	src     []byte
	text    string // src
	base    int    // offset of src in the document
	doc     *ingest.Document
	section []string
	levels  []int
	title   string
}

func (w *markdownWalk) children(n ast.Node, kind ingest.BlockKind) {
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		w.block(c, kind)
	}
}

func (w *markdownWalk) block(n ast.Node, kind ingest.BlockKind) {
	switch n := n.(type) {
	case *ast.Heading:
		r, ok := w.lines(n)
		if !ok {
			return
		}
		name := headingName(w.text[r.Start:r.End])
		if w.title == "" && (n.Level == 1 || len(w.doc.Blocks) == 0) {
			w.title = name
		}
		w.section, w.levels = openSection(w.section, w.levels, n.Level, name)
		w.add(ingest.Heading, r, n.Level)
	case *ast.Paragraph, *ast.TextBlock:
		if r, ok := w.lines(n); ok && !onlyImages(w.text[r.Start:r.End]) {
			w.add(kind, r, 0)
		}
	case *ast.FencedCodeBlock, *ast.CodeBlock:
		if r, ok := w.lines(n); ok {
			w.add(ingest.Code, r, 0)
		}
	case *ast.HTMLBlock:
		r, ok := w.lines(n)
		if ok && hasLetters(stripTags(w.text[r.Start:r.End])) {
			w.add(kind, r, 0)
		}
	case *ast.Blockquote:
		w.children(n, ingest.Quote)
	case *ast.List:
		for it := n.FirstChild(); it != nil; it = it.NextSibling() {
			w.item(it, n.IsOrdered())
		}
	case *east.Table:
		w.table(n)
	default:
		if n.Type() == ast.TypeBlock {
			w.children(n, kind)
		}
	}
}

// item adds the blocks of a list item; a number before the first belongs to it.
func (w *markdownWalk) item(it ast.Node, ordered bool) {
	for c := it.FirstChild(); c != nil; c = c.NextSibling() {
		if c == it.FirstChild() && ordered {
			switch c.(type) {
			case *ast.Paragraph, *ast.TextBlock:
				if r, ok := w.lines(c); ok {
					for r.Start > 0 && w.src[r.Start-1] != '\n' && strings.IndexByte("0123456789.) \t", w.src[r.Start-1]) >= 0 {
						r.Start--
					}
					for r.Start < r.End && (w.src[r.Start] == ' ' || w.src[r.Start] == '\t') {
						r.Start++
					}
					w.add(ingest.ListItem, r, 0)
				}
				continue
			}
		}
		w.block(c, ingest.ListItem)
	}
}

// table adds a table; its rows are whole lines of the source.
func (w *markdownWalk) table(t *east.Table) {
	b := ingest.Block{Kind: ingest.Table, Section: w.path()}
	for row := t.FirstChild(); row != nil; row = row.NextSibling() {
		at := -1
		for c := row.FirstChild(); c != nil; c = c.NextSibling() {
			if c.Lines() != nil && c.Lines().Len() > 0 {
				at = c.Lines().At(0).Start
				break
			}
		}
		if at < 0 || at > len(w.src) {
			continue
		}
		start := bytes.LastIndexByte(w.src[:at], '\n') + 1
		end := len(w.src)
		if i := bytes.IndexByte(w.src[at:], '\n'); i >= 0 {
			end = at + i
		}
		r, ok := w.trim(start, end)
		if !ok {
			continue
		}
		if _, header := row.(*east.TableHeader); header {
			b.Body = len(b.Rows) + 1
		}
		b.Rows = append(b.Rows, ingest.Range{Start: r.Start + w.base, End: r.End + w.base})
	}
	if len(b.Rows) == 0 {
		return
	}
	if b.Body >= len(b.Rows) {
		b.Body = 0
	}
	b.Start, b.End = b.Rows[0].Start, b.Rows[len(b.Rows)-1].End
	w.doc.Blocks = append(w.doc.Blocks, b)
}

func (w *markdownWalk) path() []string {
	if len(w.section) == 0 {
		return nil
	}
	return w.section[:len(w.section):len(w.section)]
}

func (w *markdownWalk) add(k ingest.BlockKind, r ingest.Range, level int) {
	w.doc.Blocks = append(w.doc.Blocks, ingest.Block{
		Kind: k, Start: r.Start + w.base, End: r.End + w.base, Level: level, Section: w.path(),
	})
}

// lines is the range of a node's lines without the white space around them.
func (w *markdownWalk) lines(n ast.Node) (ingest.Range, bool) {
	l := n.Lines()
	if l == nil || l.Len() == 0 {
		return ingest.Range{}, false
	}
	return w.trim(l.At(0).Start, l.At(l.Len()-1).Stop)
}

func (w *markdownWalk) trim(start, end int) (ingest.Range, bool) {
	start, end = max(start, 0), min(end, len(w.src))
	for start < end && isSpaceByte(w.src[end-1]) {
		end--
	}
	for start < end && (w.src[start] == '\n' || w.src[start] == '\r') {
		start++
	}
	return ingest.Range{Start: start, End: end}, start < end
}

func isSpaceByte(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// headingName is a heading's text without the marks people put into it.
func headingName(s string) string {
	s = oneLine(stripTags(s))
	if i := strings.LastIndex(s, " {#"); i > 0 && strings.HasSuffix(s, "}") {
		s = s[:i]
	}
	// [text](target) reads as text.
	for i := 0; i < 20; i++ {
		mid := strings.Index(s, "](")
		if mid < 0 {
			break
		}
		open, end := strings.LastIndexByte(s[:mid], '['), strings.IndexByte(s[mid:], ')')
		if open < 0 || end < 0 {
			break
		}
		s = s[:open] + s[open+1:mid] + s[mid+end+1:]
	}
	return strings.TrimSpace(emphasis.Replace(s))
}

var emphasis = strings.NewReplacer("**", "", "__", "", "`", "")

// onlyImages reports whether a paragraph is images without a description.
func onlyImages(s string) bool {
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		rest, ok := strings.CutPrefix(s, "![](")
		if !ok {
			return false
		}
		_, after, ok := strings.Cut(rest, ")")
		if !ok {
			return false
		}
		s = after
	}
	return true
}

// stripTags removes what stands in angle brackets and looks like a tag.
func stripTags(s string) string {
	if strings.IndexByte(s, '<') < 0 {
		return s
	}
	var out strings.Builder
	for {
		i := strings.IndexByte(s, '<')
		if i < 0 || i+1 >= len(s) {
			break
		}
		c := s[i+1]
		if c != '/' && c != '!' && (c|0x20 < 'a' || c|0x20 > 'z') {
			out.WriteString(s[:i+1])
			s = s[i+1:]
			continue
		}
		end := ">"
		if strings.HasPrefix(s[i:], "<!--") {
			end = "-->"
		}
		k := strings.Index(s[i:], end)
		if k < 0 {
			break
		}
		out.WriteString(s[:i])
		s = s[i+k+len(end):]
	}
	out.WriteString(s)
	return out.String()
}

func hasLetters(s string) bool {
	for _, r := range s {
		if r > 0x7f || r|0x20 >= 'a' && r|0x20 <= 'z' || r >= '0' && r <= '9' {
			return true
		}
	}
	return false
}

// frontMatter reads a YAML block between lines of dashes at the start of text
// into title, date and labels, and returns its length, 0 when there is none.
func frontMatter(text string, doc *ingest.Document) int {
	if !strings.HasPrefix(text, "---\n") && !strings.HasPrefix(text, "---\r\n") {
		return 0
	}
	start := strings.IndexByte(text, '\n') + 1
	end, after := -1, 0
	for at := start; at < len(text) && at < start+(64<<10); {
		next := len(text)
		if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
			next = at + i + 1
		}
		if line := strings.TrimRight(text[at:next], " \t\r\n"); line == "---" || line == "..." {
			end, after = at, next
			break
		}
		at = next
	}
	if end < 0 {
		return 0
	}
	block := text[start:end]
	if strings.Contains(block, "<<:") || strings.Contains(block, "&") && strings.Contains(block, "*") {
		return after // anchors and aliases can multiply; such a block is not front matter people write
	}
	var fields map[string]any
	if err := yaml.Unmarshal([]byte(block), &fields); err != nil {
		if strings.TrimSpace(block) != "" && !strings.Contains(block, ":") {
			return 0 // two rules with text between
		}
		doc.Warnings = appendWarning(doc.Warnings, "front matter could not be read: "+err.Error())
		return after
	}
	for _, k := range slices.Sorted(maps.Keys(fields)) {
		value := fieldText(fields[k])
		switch strings.ToLower(k) {
		case "title":
			doc.Title = oneLine(value)
		case "date", "published", "updated", "lastmod", "last_updated", "last_modified":
			if t := parseDate(fields[k]); !t.IsZero() && (doc.Date.IsZero() || k == "date") {
				doc.Date = t
			}
		default:
			if value != "" && len(value) <= 200 && len(k) <= 60 && len(doc.Labels) < 20 {
				if doc.Labels == nil {
					doc.Labels = map[string]string{}
				}
				doc.Labels[strings.ToLower(k)] = oneLine(value)
			}
		}
	}
	return after
}

// fieldText is a scalar, or a list of scalars joined by commas, as text.
func fieldText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool, int, int64, uint64, float64:
		return fmt.Sprint(v)
	case time.Time:
		return v.Format(time.DateOnly)
	case []any:
		var parts []string
		for _, e := range v {
			if s := fieldText(e); s != "" {
				parts = append(parts, s)
			}
		}
		return strings.Join(parts, ",")
	}
	return ""
}

// parseDate understands the ways in which documents write their own date.
func parseDate(v any) time.Time {
	switch v := v.(type) {
	case time.Time:
		return v
	case string:
		v = strings.TrimSpace(v)
		for _, layout := range []string{
			time.RFC3339Nano, time.DateTime, time.DateOnly, "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02 15:04:05 -0700",
			"2006/01/02", "2006/1/2", "2006.01.02", "2006年1月2日", time.RFC1123Z, time.RFC1123, time.RFC850, time.ANSIC,
			"Jan 2, 2006", "January 2, 2006", "2 January 2006", "2 Jan 2006", "20060102",
		} {
			if t, err := time.Parse(layout, v); err == nil {
				return t
			}
		}
	}
	return time.Time{}
}
