package extract

import (
	"bytes"
	"fmt"
	"math"
	"sort"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ledongthuc/pdf"

	"github.com/lore-kb/lore/ingest"
)

const pdfMedia = "application/pdf"

func isPDF(p *probe) bool {
	return bytes.Contains(p.data[:min(len(p.data), 1024)], []byte("%PDF-"))
}

// errTooMany is a count beyond its limit.
type errTooMany struct {
	what  string
	limit int
}

func (e errTooMany) Error() string {
	return fmt.Sprintf("%v: more than %d %s", ingest.ErrTooLarge, e.limit, e.what)
}

func (errTooMany) Unwrap() error { return ingest.ErrTooLarge }

// readPDF reads the text of all pages in reading order.
//
// The text keeps everything that pages show. Lines that repeat at the edge of
// many pages belong to no block, so that they are there to be seen and are not
// found.
func readPDF(j *job, in ingest.Input) ([]ingest.Document, error) {
	file, err := openPDF(j, in.Data)
	if err != nil {
		return nil, err
	}
	doc, err := file.clean()
	if err != nil {
		return nil, err
	}
	r := &pdfReader{pdfDoc: doc, fonts: map[int]*pdfFont{}, off: doc.layersOff()}
	pages, warnings := r.pages()
	b := j.newBuilder()
	for _, w := range warnings {
		b.warn(w)
	}
	if len(pages) == 0 {
		return nil, fmt.Errorf("%w: this PDF has no pages", ingest.ErrDamaged)
	}
	texts := make([][]pdfLine, len(pages))
	hidden := make([][]pdfLine, len(pages))
	remarks := make([][]string, len(pages))
	fields := make([][]string, len(pages))
	values := r.fieldValues()
	outline, deepest := r.outline(pages)
	var tagged map[int][]taggedHeading
	if deepest == 0 {
		tagged, outline = r.taggedHeadings(pages), map[int][]*outlineEntry{}
	}
	images := 0
	scans := make([]bool, len(pages)) // as far as what is painted tells
	for i, p := range pages {
		j.check()
		lost := r.lost
		r.wantMarks(tagged[i])
		texts[i], hidden[i] = r.pageLines(p, b)
		for _, e := range r.tagEntries(tagged[i]) {
			outline[i] = append(outline[i], e)
			deepest = max(deepest, e.level)
		}
		remarks[i] = r.remarks(p.page)
		fields[i] = r.unpainted(p.page, values)
		margin := edgeShare * (r.high - r.low)
		for k := range texts[i] {
			l := &texts[i][k]
			l.edge = l.turn == 0 && (l.y > r.high-margin || l.y < r.low+margin)
		}
		images += r.images
		scans[i] = r.pictured(r.lost - lost)
	}
	markEdges(texts)
	a := &pdfAssembly{b: b, body: bodySize(texts)}
	var unshown unshownPages
	for i, lines := range texts {
		b.page(i + 1)
		if scans[i] && fewLetters(lines) {
			b.doc.Scans = append(b.doc.Scans, i+1)
		}
		a.entries, a.deepest = outline[i], deepest
		a.page(lines)
		for _, s := range fields[i] {
			b.para(s)
		}
		for _, s := range remarks[i] {
			b.quote(s)
		}
		unshown.add(i+1, b.hiddenLines(hidden[i]))
	}
	unshown.warn(b)
	info := doc.root.Key("Info")
	if t := oneLine(pdfText(info.Key("Title").RawString())); plausibleTitle(t) {
		b.doc.Title = t
	} else {
		b.doc.Title = a.title
	}
	b.doc.Date = pdfDate(info.Key("CreationDate").RawString())
	if r.lost*10 > r.shown {
		b.warn(fmt.Sprintf("%d%% of the characters could not be read: their fonts do not say what they are", 100*r.lost/(r.lost+r.shown)))
	}
	members := r.attachments(b)
	out := b.done()
	if len(out.Blocks) == 0 && len(members) == 0 {
		if images > 0 {
			return nil, fmt.Errorf("%w: this PDF of %d pages holds images only, like a scan", ingest.ErrNoText, len(pages))
		}
		if r.lost > 0 {
			return nil, fmt.Errorf("%w: the fonts of this PDF do not say what their characters are", ingest.ErrNoText)
		}
		return nil, fmt.Errorf("%w in this PDF of %d pages", ingest.ErrNoText, len(pages))
	}
	j.keepScans(&out, in.Data)
	return append([]ingest.Document{out}, members...), nil
}

type pdfPageRef struct {
	page, resources pdf.Value
	box             [4]float64
	rotate          int
}

// pages walks the page tree: every node once, to a limited depth.
func (r *pdfReader) pages() (pages []pdfPageRef, warnings []string) {
	seen := map[int]bool{}
	var walk func(v pdf.Value, inherited pdfPageRef, depth int)
	walk = func(v pdf.Value, inherited pdfPageRef, depth int) {
		if v.Kind() != pdf.Dict || depth > 64 {
			return
		}
		if id := r.id(v); id >= 0 {
			if seen[id] {
				warnings = appendWarning(warnings, "the page tree leads back to itself")
				return
			}
			seen[id] = true
		}
		if len(pages) >= r.j.o.MaxPages {
			panic(stop{tooMany("pages", r.j.o.MaxPages)})
		}
		if res := v.Key("Resources"); res.Kind() == pdf.Dict {
			inherited.resources = res
		}
		if box := v.Key("MediaBox"); box.Len() == 4 {
			for i := range inherited.box {
				inherited.box[i] = box.Index(i).Float64()
			}
		}
		if rot := v.Key("Rotate"); rot.Kind() == pdf.Integer {
			inherited.rotate = int(rot.Int64())
		}
		kids := v.Key("Kids")
		if kids.Kind() == pdf.Array && v.Key("Type").Name() != "Page" {
			for i := range kids.Len() {
				walk(kids.Index(i), inherited, depth+1)
			}
			return
		}
		inherited.page = v
		pages = append(pages, inherited)
	}
	walk(r.root.Key("Root").Key("Pages"), pdfPageRef{box: [4]float64{0, 0, 612, 792}}, 0)
	return pages, warnings
}

// pageLines reads one page. A page that cannot be read is a warning.
func (r *pdfReader) pageLines(p pdfPageRef, b *builder) (lines, hidden []pdfLine) {
	defer func() {
		if e := recover(); e != nil {
			if s, ok := e.(stop); ok {
				panic(s)
			}
			b.warn(fmt.Sprintf("a page could not be read in full: %v", e))
			lines, hidden = r.layout()
		}
	}()
	r.page(p.page, p.resources, p.box, p.rotate)
	r.appearances(p)
	return r.layout()
}

// layout arranges what the page shows, and what it does not.
func (r *pdfReader) layout() (lines, hidden []pdfLine) {
	shown, unshown := r.splitUnseen(r.glyphs)
	return layout(shown), layout(unshown)
}

// bodySize is the font size that most of the text has.
func bodySize(pages [][]pdfLine) float64 {
	weight := map[int]int{}
	for _, lines := range pages {
		for i := range lines {
			for _, c := range lines[i].cells {
				weight[int(math.Round(lines[i].size*2))] += len(c)
			}
		}
	}
	best, most := 0, -1
	for size, w := range weight {
		if w > most || w == most && size < best {
			best, most = size, w
		}
	}
	return float64(best) / 2
}

// edgeShare is how much of the page's height at its top and bottom running
// headers and footers stand in.
const edgeShare = 0.11

// markEdges finds lines that stand at the top or bottom of many pages, numbers
// in them aside, and marks them as dropped.
func markEdges(pages [][]pdfLine) {
	if len(pages) < 3 {
		return
	}
	type place struct{ page, line int }
	found := map[string][]place{}
	for p, lines := range pages {
		low, high := -1, -1
		for k := range lines {
			if lines[k].turn != 0 {
				continue
			}
			if low < 0 || lines[k].y < lines[low].y {
				low = k
			}
			if high < 0 || lines[k].y > lines[high].y {
				high = k
			}
		}
		seen := map[string]bool{}
		for k := range lines {
			// A page number is the first or last line of a page wherever that
			// stands; other lines repeat in the margin only.
			last := k == low || k == high
			if !lines[k].edge && !last {
				continue
			}
			key := edgeKey(lines[k].text())
			if key == "" || seen[key] || (key == "#") != last && (key == "#" || !lines[k].edge) {
				continue
			}
			seen[key] = true
			found[key] = append(found[key], place{p, k})
		}
	}
	for key, places := range found {
		need := max(3, len(pages)/5)
		if key == "#" {
			need = max(2, len(pages)/2)
		}
		if len(places) < min(need, 12) {
			continue
		}
		for _, pl := range places {
			pages[pl.page][pl.line].dropped = true
		}
	}
}

// edgeKey is a line with its numbers replaced; "" when it is too long to be a
// running header.
func edgeKey(s string) string {
	if utf8.RuneCountInString(s) > 120 {
		return ""
	}
	var out strings.Builder
	digit := false
	for _, r := range s {
		if unicode.IsDigit(r) {
			if !digit {
				out.WriteByte('#')
			}
			digit = true
			continue
		}
		digit = false
		if !unicode.IsSpace(r) {
			out.WriteRune(unicode.ToLower(r))
		}
	}
	key := out.String()
	if t := strings.Trim(key, "-–—·.|[]()第页頁page"); t == "#" || t == "#of#" || t == "#/#" || t == "#共#" {
		return "#"
	}
	return key
}

// pdfAssembly turns lines into blocks.
type pdfAssembly struct {
	b     *builder
	body  float64
	title string

	entries []*outlineEntry // of the outline that lead to this page
	deepest int             // level of the outline; 0 without one
}

func (a *pdfAssembly) page(lines []pdfLine) {
	var dropped []string
	kept := lines[:0:0]
	for _, l := range lines {
		if l.dropped {
			dropped = append(dropped, l.text())
		} else {
			kept = append(kept, l)
		}
	}
	lead := leading(kept)
	right := rightEdges(kept)
	for i := 0; i < len(kept); {
		if e, n := entryAt(a.entries, kept[i:]); e != nil {
			e.found = true
			parts := make([]string, n)
			for k := range parts {
				parts[k] = kept[i+k].text()
			}
			words := strings.ToValidUTF8(joinWords(parts), "")
			if e.title == "" && a.title == "" && len(a.b.doc.Pages) <= 2 {
				a.title = oneLine(words)
			}
			a.b.heading(e.level, words)
			i += n
			continue
		}
		if n := tableRows(kept[i:]); n > 0 {
			a.table(kept[i : i+n])
			i += n
			continue
		}
		k := i + 1
		for k < len(kept) && !a.begins(kept[k:]) && (a.oneHeading(kept[k-1], kept[k]) || continues(kept[i], kept[k-1], kept[k], lead, right[kept[k].region])) && tableRows(kept[k:]) == 0 {
			k++
		}
		a.paragraph(kept[i:k])
		i = k
	}
	// Entries whose words the page does not show in this form still divide it.
	last := -1
	for i, e := range a.entries {
		if e.found {
			last = i
		}
	}
	for _, e := range a.entries[last+1:] {
		if e.title == "" {
			continue // of the structure tree, whose words stand in the text
		}
		a.b.open(e.level, e.title)
	}
	for _, s := range dropped {
		if a.b.text.Len() > 0 || s != "" {
			a.b.begin("\n\n")
			a.b.write(cleanText(s))
		}
	}
}

// leading is the usual distance of baselines.
func leading(lines []pdfLine) float64 {
	var d []float64
	for i := 1; i < len(lines); i++ {
		if lines[i].region == lines[i-1].region {
			if dy := lines[i-1].y - lines[i].y; dy > 0 && dy < 4*lines[i].size {
				d = append(d, dy)
			}
		}
	}
	if len(d) == 0 {
		return 0
	}
	sort.Float64s(d)
	return d[len(d)/3]
}

// begins reports whether an entry of the outline begins here.
func (a *pdfAssembly) begins(lines []pdfLine) bool {
	e, _ := entryAt(a.entries, lines)
	return e != nil
}

// oneHeading reports whether two lines in large type are one heading.
func (a *pdfAssembly) oneHeading(prev, next pdfLine) bool {
	return prev.region == next.region && prev.size >= 1.25*a.body && math.Abs(prev.size-next.size) < 0.05*prev.size && prev.bold == next.bold &&
		prev.y-next.y > 0 && prev.y-next.y < 1.6*prev.size && !numbered(next.text())
}

// numbered reports whether a line starts like a heading of its own: "2.1 …".
func numbered(s string) bool {
	n := digits(s)
	return n > 0 && n < 3 && n < len(s) && strings.ContainsRune(" .", rune(s[n])) || itemMark(s)
}

// rightEdges is where the longer lines of each region end.
func rightEdges(lines []pdfLine) map[int]float64 {
	ends := map[int][]float64{}
	for i := range lines {
		if len(lines[i].cells) > 1 {
			continue // a row of a table may be wider than the text
		}
		ends[lines[i].region] = append(ends[lines[i].region], lines[i].x2)
	}
	edges := map[int]float64{}
	for region, e := range ends {
		sort.Float64s(e)
		edges[region] = e[len(e)*9/10]
	}
	return edges
}

// continues reports whether line next belongs to the paragraph that began with
// first and whose last line is prev. right is where full lines end.
func continues(first, prev, next pdfLine, lead, right float64) bool {
	if prev.region != next.region {
		return false
	}
	size := math.Max(prev.size, next.size)
	if math.Abs(prev.size-next.size) > 0.12*size {
		return false
	}
	gap := prev.y - next.y
	limit := math.Max(1.25*lead, 1.1*size)
	if lead == 0 {
		limit = 1.5 * size
	}
	if gap > math.Max(limit, lead+0.35*size) || gap < 0 {
		return false
	}
	if prev.bold != next.bold && first.bold == prev.bold && prev.bold {
		return false // a bold line above plain text
	}
	if itemMark(next.text()) {
		return false
	}
	// A line that ends although the next word would have fitted is the last of
	// its paragraph.
	if word := firstWordWidth(&next); prev.x2+word+0.7*size < right && prev.x2-first.x < 0.85*(right-first.x) {
		return false
	}
	// An indented line starts a paragraph when its predecessor started further
	// left, or stopped well before the right edge.
	if next.x-prev.x > 0.8*size && next.x-first.x > 0.8*size && !itemMark(first.text()) {
		return false
	}
	return true
}

// firstWordWidth estimates how wide the first word of a line is.
func firstWordWidth(l *pdfLine) float64 {
	s := l.cells[0]
	n := utf8.RuneCountInString(s)
	r, _ := utf8.DecodeRuneInString(s)
	width := (l.ends[0] - l.starts[0]) / float64(max(n, 1))
	if isCJK(r) {
		return 2 * width // a mark that may not begin a line takes one more
	}
	word, _, _ := strings.Cut(s, " ")
	return width * float64(utf8.RuneCountInString(word))
}

func (a *pdfAssembly) paragraph(lines []pdfLine) {
	var text strings.Builder
	for i := range lines {
		s := lines[i].text()
		if i == 0 {
			text.WriteString(s)
			continue
		}
		have := text.String()
		if hyphenated(have, s) {
			text.Reset()
			text.WriteString(strings.TrimRight(have, "-‐"))
			text.WriteString(s)
			continue
		}
		last, _ := utf8.DecodeLastRuneInString(have)
		first, _ := utf8.DecodeRuneInString(s)
		if !isCJK(last) || !isCJK(first) {
			text.WriteByte(' ')
		}
		text.WriteString(s)
	}
	s := text.String()
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "")
	}
	if level := a.headingLevel(lines, s); level > 0 {
		if a.title == "" && len(a.b.doc.Pages) <= 2 {
			a.title = oneLine(s)
		}
		// Below what the outline names, which is better informed.
		a.b.heading(a.deepest+level, s)
		return
	}
	if itemMark(s) {
		a.b.add(ingest.ListItem, "\n\n", s)
		return
	}
	a.b.para(s)
}

// headingLevel is 0 for text that is no heading. Headings are short and set in
// larger or bolder type than the body.
func (a *pdfAssembly) headingLevel(lines []pdfLine, s string) int {
	n := utf8.RuneCountInString(s)
	if len(lines) > 3 || n > 160 || n < 2 || !hasLetters(s) || lines[0].turn != 0 {
		return 0
	}
	size := lines[0].size
	bold := lines[0].bold
	last, _ := utf8.DecodeLastRuneInString(s)
	if strings.ContainsRune(".,;:。，；", last) && size < 1.3*a.body {
		return 0
	}
	switch {
	case size >= 1.6*a.body:
		return 1
	case size >= 1.25*a.body:
		return 2
	case size >= 1.1*a.body && len(lines) <= 2 && (bold || n <= 100 && startsUpper(s)):
		return 3
	case bold && size >= 0.95*a.body && len(lines) == 1 && n <= 100 && len(lines[0].cells) == 1:
		if inCapitals(s) {
			return 4 // "ITEM 1. BUSINESS" stands above "Overview"
		}
		return 5
	}
	return 0
}

// startsUpper reports whether text does not begin in the middle of a sentence.
func startsUpper(s string) bool {
	first, _ := utf8.DecodeRuneInString(s)
	return !unicode.IsLower(first)
}

// inCapitals reports whether text has capitals and no small letters, and is more
// than a short word such as COVID-19.
func inCapitals(s string) bool {
	return strings.ToUpper(s) == s && strings.ToLower(s) != s && (strings.Contains(s, " ") || len(letterKey(s)) > 8)
}

// tableRows is how many lines from the first on are rows of one table: lines of
// two or more cells, most of which begin or end where cells of the row before
// do. A line of one cell between them is a label in the table. Three rows make a
// table, or two of three cells.
func tableRows(lines []pdfLine) int {
	n, rows, last, wide := 0, 0, -1, true
	for i := range lines {
		l := &lines[i]
		if l.region != lines[0].region || i > 0 && (lines[i-1].y-l.y > 4*l.size || lines[i-1].y <= l.y) {
			break
		}
		if len(l.cells) < 2 {
			if i == 0 || last != i-1 {
				break // two lines of one cell are text
			}
			continue
		}
		if last >= 0 && !aligned(&lines[last], l) {
			break
		}
		wide = wide && len(l.cells) >= 3
		last, n = i, i+1
		rows++
	}
	if rows < 2 || rows < 3 && !wide {
		return 0
	}
	return n
}

func aligned(a, b *pdfLine) bool {
	hits := 0
	tol := 0.6 * math.Max(a.size, b.size)
	for i := range b.starts {
		for k := range a.starts {
			if math.Abs(a.starts[k]-b.starts[i]) < tol || math.Abs(a.ends[k]-b.ends[i]) < tol ||
				math.Abs(a.starts[k]+a.ends[k]-b.starts[i]-b.ends[i]) < 2*tol {
				hits++
				break
			}
		}
	}
	if len(a.starts) >= 3 && len(b.starts) >= 3 {
		return hits >= 1
	}
	return hits >= 2 && 2*hits >= min(len(a.starts), len(b.starts))
}

// table writes rows whose cells are divided by tabs.
func (a *pdfAssembly) table(lines []pdfLine) {
	b := a.b
	start := b.begin("\n\n")
	var rows []ingest.Range
	for i := range lines {
		at := b.text.Len()
		if i > 0 {
			at = b.begin("\n")
		}
		cells := make([]string, len(lines[i].cells))
		for k, c := range lines[i].cells {
			cells[k] = oneLine(strings.ToValidUTF8(c, ""))
		}
		b.write(strings.Join(cells, "\t"))
		rows = append(rows, ingest.Range{Start: at, End: b.text.Len()})
	}
	body := 0
	if len(lines) > 1 && (looksLikeHeader(lines[0].cells, lines[1].cells) && hasDigits(lines[1].cells) || lines[0].bold && !lines[1].bold) {
		body = 1
	}
	b.doc.Blocks = append(b.doc.Blocks, ingest.Block{
		Kind: ingest.Table, Start: start, End: b.text.Len(), Section: b.path(), Rows: rows, Body: body,
	})
}

func hasDigits(cells []string) bool {
	for _, c := range cells {
		if strings.ContainsAny(c, "0123456789") {
			return true
		}
	}
	return false
}

// plausibleTitle rejects what programs put into the title field.
func plausibleTitle(s string) bool {
	if n := utf8.RuneCountInString(s); n < 3 || n > 200 {
		return false
	}
	lower := strings.ToLower(s)
	for _, p := range []string{"microsoft word", "untitled", "powerpoint", "document1", "untitled document"} {
		if strings.HasPrefix(lower, p) {
			return false
		}
	}
	for _, e := range []string{".doc", ".docx", ".pdf", ".tex", ".dvi", ".indd", ".qxd", ".ppt", ".pptx", ".xls", ".xlsx", ".p65", ".fm"} {
		if strings.HasSuffix(lower, e) {
			return false
		}
	}
	return hasLetters(s) && !strings.Contains(s, "\uFFFD")
}

// pdfDate reads "D:20210304150607+01'00'".
func pdfDate(s string) time.Time {
	s = strings.TrimPrefix(s, "D:")
	for _, n := range []int{14, 8} {
		if len(s) >= n {
			if t, err := time.Parse("20060102150405"[:n], s[:n]); err == nil && t.Year() > 1980 && t.Year() < 2100 {
				return t
			}
		}
	}
	return time.Time{}
}
