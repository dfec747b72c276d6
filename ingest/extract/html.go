package extract

import (
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	readability "codeberg.org/readeck/go-readability/v2"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/net/html/charset"

	"github.com/lore-kb/lore/ingest"
)

func isHTML(p *probe) bool {
	if p.named(".md", ".markdown", ".mdx") {
		return false
	}
	s := p.sample()
	if s == "" {
		return false
	}
	s = strings.ToLower(s[:min(len(s), 4096)])
	head := strings.TrimLeft(s, "\uFEFF \t\r\n")
	if strings.HasPrefix(head, "<!doctype html") || strings.HasPrefix(head, "<html") {
		return true
	}
	if p.named(".txt") {
		return false // a text that begins with a tag
	}
	if strings.HasPrefix(head, "<?xml") || strings.HasPrefix(head, "<!--") {
		return strings.Contains(s, "<html")
	}
	if p.named(".html", ".htm", ".xhtml", ".shtml") {
		return strings.Contains(s, "<")
	}
	return strings.HasPrefix(head, "<") && strings.Contains(s, "<body") && strings.Contains(s, "<head")
}

// readHTML reads a page: the article when the page has one, otherwise what is
// left of it without navigation.
func readHTML(j *job, in ingest.Input) ([]ingest.Document, error) {
	doc := j.html(decodeHTML(in.Data), in.Name)
	return []ingest.Document{doc}, nil
}

// decodeHTML decodes a page by its mark, its declaration and its bytes: a
// declaration that the bytes contradict does not count.
func decodeHTML(data []byte) string {
	found := detectCharset(data[:min(len(data), 64<<10)], len(data) > 64<<10)
	if found == csUTF8 || strings.HasPrefix(found, "utf-16") || strings.HasPrefix(found, "utf-32") {
		text, _ := decode(data, found)
		return text
	}
	if _, name, certain := charset.DetermineEncoding(data[:min(len(data), 1024)], "text/html"); certain && name != csUTF8 && name != csLatin {
		if text, _ := decode(data, name); strings.Count(text, "\uFFFD")*200 < utf8.RuneCountInString(text) {
			return text
		}
	}
	if found == "" {
		found = csLatin
	}
	text, _ := decode(data, found)
	return text
}

// html reads the text of a page.
func (j *job) html(page, name string) ingest.Document {
	b := j.newBuilder()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		// Nested beyond what the parser takes: keep the words.
		b.warn("nested too deeply; structure is lost")
		b.plainHTML(page)
		return b.done()
	}
	meta := pageMeta(root)
	base, _ := url.Parse("http://localhost/")
	var article *html.Node
	var title string
	if len(page) < 8<<20 {
		// The parser of articles takes the tree apart, so it gets its own.
		if copied, err := html.Parse(strings.NewReader(page)); err == nil {
			if a, err := readability.FromDocument(copied, base); err == nil && a.Node != nil {
				article, title = a.Node, oneLine(a.Title())
				if t, err := a.PublishedTime(); err == nil {
					b.doc.Date = t
				}
			}
		}
	}
	main := prune(root)
	all := textLen(main)
	b.doc.Title = meta.title
	if b.doc.Title == "" {
		b.doc.Title = title
	}
	if b.doc.Date.IsZero() {
		b.doc.Date = parseDate(meta.date)
	}
	if article != nil {
		article = prune(article)
	}
	if article != nil && (meta.article || dataIn(article) >= dataIn(main)) && (textLen(article)*10 >= all*6 || isArticle(main, article, meta.article)) {
		main = article
	}
	w := &htmlWalk{b: b}
	if main == article {
		// The article has its first-order headings turned into second-order
		// ones, or has lost them.
		w.tops = firstOrder(root)
	}
	if title := b.doc.Title; title != "" && !startsWithHeading(main, w.tops) {
		b.open(1, title)
		if len(w.tops) == 0 {
			w.shift = 1
		}
	}
	w.walk(main, 0)
	w.flush()
	return b.done()
}

// addHTML adds the text of a mail without looking for an article in it. What
// stands below the fields of an older message is quoted.
func (b *builder) addHTML(page string) {
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		b.plainHTML(page)
		return
	}
	w := &htmlWalk{b: b, shift: 1, mail: true}
	w.walk(prune(root), 0)
	w.flush()
}

// plainHTML adds the text between tags as paragraphs.
func (b *builder) plainHTML(page string) {
	z := html.NewTokenizer(strings.NewReader(page))
	var para strings.Builder
	skip := 0
	for {
		switch z.Next() {
		case html.ErrorToken:
			b.para(para.String())
			return
		case html.TextToken:
			if skip == 0 {
				para.Write(z.Text())
			}
		case html.StartTagToken:
			name, _ := z.TagName()
			a := atom.Lookup(name)
			if a == atom.Script || a == atom.Style {
				skip++
			}
			if blockTags[a] {
				b.para(para.String())
				para.Reset()
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			if a := atom.Lookup(name); (a == atom.Script || a == atom.Style) && skip > 0 {
				skip--
			}
		}
	}
}

type htmlMeta struct {
	title, date string
	article     bool // the page says that it is an article
}

func pageMeta(root *html.Node) (m htmlMeta) {
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		switch n.DataAtom {
		case atom.Title:
			if m.title == "" && (n.Parent == nil || n.Parent.DataAtom != atom.Svg && n.Namespace == "") {
				m.title = oneLine(nodeText(n))
			}
		case atom.Script:
			if attr(n, "type") == "application/ld+json" {
				data := strings.ReplaceAll(nodeText(n), " ", "")
				for _, kind := range []string{"Article", "NewsArticle", "BlogPosting", "ReportageNewsArticle"} {
					m.article = m.article || strings.Contains(data, `"@type":"`+kind+`"`)
				}
			}
		case atom.Meta:
			if attr(n, "property") == "og:type" && strings.EqualFold(attr(n, "content"), "article") {
				m.article = true
			}
			key := strings.ToLower(attr(n, "name") + attr(n, "property") + attr(n, "itemprop"))
			switch key {
			case "article:published_time", "date", "dc.date", "dcterms.date", "dc.date.issued", "publishdate", "datepublished", "pubdate":
				if m.date == "" {
					m.date = attr(n, "content")
				}
			}
		}
	}
	return m
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// nodeText is the text under n.
func nodeText(n *html.Node) string {
	var s strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			s.WriteString(d.Data)
		}
	}
	return s.String()
}

func textLen(n *html.Node) int {
	total := 0
	for d := range n.Descendants() {
		if d.Type == html.TextNode && (d.Parent == nil || !skippedTags[d.Parent.DataAtom]) {
			total += len(strings.Join(strings.Fields(d.Data), " "))
		}
	}
	return total
}

// isArticle reports whether what was found holds most of the prose of the page,
// however many links and labels stand around it.
// Comments and teasers may outweigh the article of a page that says that it is one.
func isArticle(page, article *html.Node, declared bool) bool {
	prose, share := proseLen(article), 5
	if declared {
		share = 1
	}
	return prose >= minArticle && prose*10 >= proseLen(page)*share
}

// dataIn counts pieces of code and tables with a header: a page that has some
// outside of its article is more than the article.
func dataIn(n *html.Node) (count int) {
	headed := map[*html.Node]bool{}
	for d := range n.Descendants() {
		switch d.DataAtom {
		case atom.Pre:
			count++
		case atom.Th:
			t := d.Parent
			for t != nil && t.DataAtom != atom.Table {
				t = t.Parent
			}
			if t != nil && !headed[t] {
				headed[t] = true
				count++
			}
		}
	}
	return count
}

// minArticle is the prose of an article that is believed to be one although most
// of its page is something else.
const minArticle = 300

// proseLen is the length of the text that is long enough between the borders of
// blocks to be a sentence, and of all code and cells of tables, without links.
func proseLen(n *html.Node) int {
	total, run, data := 0, 0, 0
	end := func() {
		if run >= 80 || data > 0 {
			total += run
		}
		run = 0
	}
	var walk func(n *html.Node, depth int)
	walk = func(n *html.Node, depth int) {
		if depth > maxTreeDepth || n.Type == html.ElementNode && (skippedTags[n.DataAtom] || n.DataAtom == atom.A) {
			return
		}
		if n.Type == html.TextNode {
			run += len(strings.Join(strings.Fields(n.Data), " "))
			return
		}
		block := blockTags[n.DataAtom]
		if block {
			end()
		}
		if n.DataAtom == atom.Pre || n.DataAtom == atom.Table {
			data++
			defer func() { data-- }()
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c, depth+1)
		}
		if block {
			end()
		}
	}
	walk(n, 0)
	end()
	return total
}

var skippedTags = map[atom.Atom]bool{
	atom.Script: true, atom.Style: true, atom.Noscript: true, atom.Template: true, atom.Head: true, atom.Title: true,
	atom.Svg: true, atom.Iframe: true, atom.Object: true, atom.Canvas: true, atom.Audio: true, atom.Video: true,
	atom.Select: true, atom.Datalist: true,
}

// prune removes navigation and what is not shown, and returns the body.
func prune(root *html.Node) *html.Node {
	var drop []*html.Node
	body := root
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if n.DataAtom == atom.Body && body == root {
			body = n
		}
		role := attr(n, "role")
		style := strings.ReplaceAll(strings.ToLower(attr(n, "style")), " ", "")
		switch {
		case skippedTags[n.DataAtom] && n.DataAtom != atom.Head,
			n.DataAtom == atom.Nav, role == "navigation", role == "search", role == "banner" && n.DataAtom != atom.Body, role == "contentinfo",
			attr(n, "aria-hidden") == "true" && n.DataAtom != atom.Body,
			strings.Contains(style, "display:none"), strings.Contains(style, "visibility:hidden"):
			drop = append(drop, n)
		case n.DataAtom == atom.Footer && n.Parent != nil && n.Parent.DataAtom == atom.Body:
			drop = append(drop, n)
		}
	}
	whole := textLen(body)
	kept := whole
	for _, n := range drop {
		if l := textLen(n); skippedTags[n.DataAtom] || kept-l > whole/3 {
			kept -= l
			if n.Parent != nil {
				n.Parent.RemoveChild(n)
			}
		}
	}
	return body
}

// firstOrder is the text of the headings of the first order.
func firstOrder(root *html.Node) map[string]bool {
	tops := map[string]bool{}
	for d := range root.Descendants() {
		if d.Type == html.ElementNode && d.DataAtom == atom.H1 {
			tops[oneLine(nodeText(d))] = true
		}
	}
	return tops
}

func startsWithHeading(n *html.Node, tops map[string]bool) bool {
	for d := range n.Descendants() {
		switch {
		case d.Type == html.ElementNode && d.DataAtom == atom.H1, d.Type == html.ElementNode && d.DataAtom == atom.H2 && tops[oneLine(nodeText(d))]:
			return true
		case d.Type == html.TextNode && len(strings.TrimSpace(d.Data)) > 200:
			return false
		}
	}
	return false
}

var blockTags = map[atom.Atom]bool{
	atom.P: true, atom.Div: true, atom.Section: true, atom.Article: true, atom.Main: true, atom.Header: true, atom.Footer: true, atom.Aside: true,
	atom.Nav: true, atom.H1: true, atom.H2: true, atom.H3: true, atom.H4: true, atom.H5: true, atom.H6: true, atom.Ul: true, atom.Ol: true,
	atom.Li: true, atom.Dl: true, atom.Dt: true, atom.Dd: true, atom.Table: true, atom.Tr: true, atom.Td: true, atom.Th: true, atom.Blockquote: true,
	atom.Pre: true, atom.Hr: true, atom.Form: true, atom.Fieldset: true, atom.Figure: true, atom.Figcaption: true, atom.Address: true,
	atom.Details: true, atom.Summary: true, atom.Body: true, atom.Center: true, atom.Caption: true,
}

// htmlWalk writes a cleaned tree as blocks: inline text gathers until a block
// element begins or ends.
type htmlWalk struct {
	b      *builder
	inline strings.Builder
	kind   ingest.BlockKind // of what gathers
	mark   string           // of the list item that gathers
	list   []int            // open lists: 0 for bullets, else the next number
	shift  int              // added to heading levels
	tops   map[string]bool  // headings that are of the first order whatever their tag
	mail   bool
	older  bool // in a mail: within the message that it quotes
}

// maxTreeDepth bounds the recursion; the parser's own bound is close to it.
const maxTreeDepth = 600

func (w *htmlWalk) flush() {
	s := w.inline.String()
	w.inline.Reset()
	if w.mail && !w.older {
		lines := strings.Split(strings.TrimSpace(s), "\n")
		w.older = quotesBelow(lines[0]) || headsQuote(lines[:min(len(lines), 4)])
	}
	if w.older && w.kind == ingest.Paragraph {
		w.b.quote(s)
		return
	}
	switch w.kind {
	case ingest.ListItem:
		if strings.TrimSpace(s) != "" {
			w.b.item(len(w.list)-1, w.mark, s)
			w.kind = ingest.Paragraph
		}
	case ingest.Quote:
		w.b.quote(s)
	default:
		w.b.para(s)
	}
}

func (w *htmlWalk) walk(n *html.Node, depth int) {
	if depth > maxTreeDepth {
		return
	}
	switch n.Type {
	case html.TextNode:
		w.inline.WriteString(strings.Map(func(r rune) rune {
			if r == '\n' || r == '\r' || r == '\t' {
				return ' '
			}
			return r
		}, n.Data))
		return
	case html.ElementNode, html.DocumentNode:
	default:
		return
	}
	if skippedTags[n.DataAtom] {
		return
	}
	children := func() {
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			w.walk(c, depth+1)
		}
	}
	switch n.DataAtom {
	case atom.Br:
		w.inline.WriteString("\n")
	case atom.Img:
		if alt := oneLine(attr(n, "alt")); len(alt) > 20 && strings.Contains(alt, " ") {
			w.inline.WriteString(" " + alt + " ")
		}
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		w.flush()
		level, text := int(n.Data[1]-'0')+w.shift, oneLine(nodeText(n))
		if w.tops[text] {
			level = 1
		}
		w.b.heading(level, text)
	case atom.Pre:
		w.flush()
		w.b.code(preText(n))
	case atom.Table:
		w.flush()
		w.table(n, depth)
	case atom.Blockquote:
		w.flush()
		old := w.kind
		w.kind = ingest.Quote
		children()
		w.flush()
		w.kind = old
	case atom.Ul, atom.Ol, atom.Menu:
		w.flush()
		first := 0
		if n.DataAtom == atom.Ol {
			first = 1
		}
		w.list = append(w.list, first)
		old := w.kind
		children()
		w.flush()
		w.kind = old
		w.list = w.list[:len(w.list)-1]
	case atom.Li:
		w.flush()
		w.kind, w.mark = ingest.ListItem, "-"
		if k := len(w.list) - 1; k >= 0 && w.list[k] > 0 {
			w.mark = strconv.Itoa(w.list[k]) + "."
			w.list[k]++
		}
		children()
		w.flush()
		w.kind = ingest.Paragraph
	default:
		if !blockTags[n.DataAtom] {
			children()
			return
		}
		w.flush()
		children()
		w.flush()
	}
}

// preText is the text of preformatted code, its line breaks kept.
func preText(n *html.Node) string {
	var s strings.Builder
	for d := range n.Descendants() {
		switch {
		case d.Type == html.TextNode:
			s.WriteString(d.Data)
		case d.DataAtom == atom.Br:
			s.WriteByte('\n')
		}
	}
	return s.String()
}

// table writes a table of data as rows; a table that only places things on the
// page is walked like any element.
func (w *htmlWalk) table(t *html.Node, depth int) {
	var rows [][]string
	header, layout, widest := 0, false, 0
	var visit func(n *html.Node, inHead bool, level int)
	visit = func(n *html.Node, inHead bool, level int) {
		if level > maxTreeDepth {
			return
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			if c.Type != html.ElementNode {
				continue
			}
			switch c.DataAtom {
			case atom.Thead:
				visit(c, true, level+1)
			case atom.Tr:
				var cells []string
				allTh := true
				for d := c.FirstChild; d != nil; d = d.NextSibling {
					if d.DataAtom != atom.Td && d.DataAtom != atom.Th {
						continue
					}
					allTh = allTh && d.DataAtom == atom.Th
					if hasBlocks(d) {
						layout = true
					}
					cells = append(cells, cellText(d))
				}
				if len(cells) == 0 {
					continue
				}
				if (inHead || allTh) && header == len(rows) {
					header++
				}
				rows = append(rows, cells)
				widest = max(widest, len(cells))
			case atom.Caption:
				w.b.para(nodeText(c))
			default:
				visit(c, inHead, level+1)
			}
		}
	}
	visit(t, false, 0)
	if layout || widest < 2 {
		for c := t.FirstChild; c != nil; c = c.NextSibling {
			if c.DataAtom != atom.Caption {
				w.walk(c, depth+1)
			}
		}
		w.flush()
		return
	}
	w.b.table(rows, header)
}

// hasBlocks reports whether a cell holds more than a piece of text.
func hasBlocks(cell *html.Node) bool {
	paras := 0
	for d := range cell.Descendants() {
		switch d.DataAtom {
		case atom.Table, atom.H1, atom.H2, atom.H3, atom.Pre:
			return true
		case atom.P, atom.Div:
			paras++
		}
	}
	return paras > 6
}

// cellText is the text of a cell with a blank wherever an element of its own
// line begins.
func cellText(cell *html.Node) string {
	var s strings.Builder
	for d := range cell.Descendants() {
		switch {
		case d.Type == html.TextNode && !skippedTags[d.Parent.DataAtom]:
			s.WriteString(d.Data)
		case d.DataAtom == atom.Br || blockTags[d.DataAtom]:
			s.WriteByte(' ')
		}
	}
	return s.String()
}
