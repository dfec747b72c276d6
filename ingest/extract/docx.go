package extract

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/lore-kb/lore/ingest"
)

func isDOCX(p *probe) bool { return p.zipHas("word/document.xml") || p.zipHas("word/document2.xml") }

// readDOCX reads a Word file: headings by style, lists with their numbers,
// tables, footnotes and comments behind the paragraph that refers to them.
// Tracked changes are taken as accepted.
func readDOCX(j *job, in ingest.Input) ([]ingest.Document, error) {
	z, err := j.openZip(in.Data)
	if err != nil {
		return nil, err
	}
	main := "word/document.xml"
	if !z.has(main) {
		main = "word/document2.xml"
	}
	data, err := z.read(main)
	if err != nil {
		return nil, err
	}
	if data == nil {
		return nil, fmt.Errorf("%w: it has no document part", ingest.ErrDamaged)
	}
	d := &docxReader{b: j.newBuilder(), counters: map[string][]int{}}
	z.properties(&d.b.doc)
	d.readStyles(z)
	d.readNumbering(z)
	d.footnotes = readNotes(z, "word/footnotes.xml", "footnote")
	d.endnotes = readNotes(z, "word/endnotes.xml", "endnote")
	d.comments = readNotes(z, "word/comments.xml", "comment")
	if strings.Contains(string(data), "lastRenderedPageBreak") {
		d.pageNo = 1
		d.b.page(1)
	}
	d.body(newXML(data))
	if d.b.doc.Title == "" {
		d.b.doc.Title = d.title
	}
	_, byType := z.rels(main)
	z.drawings(d.b, byType)
	var around []string
	for _, part := range append(byType["header"], byType["footer"]...) {
		data, _ := z.read(part)
		around = append(around, d.texts(newXML(data))...)
	}
	d.b.aside(around)
	docs := []ingest.Document{d.b.done()}
	for _, part := range byType["aFChunk"] {
		// Text in another format that Word lays out in this place.
		if data, err := z.read(part); err == nil && data != nil {
			found, warnings := j.member(path.Base(part), data)
			docs = append(docs, found...)
			for _, w := range warnings {
				docs[0].Warnings = appendWarning(docs[0].Warnings, w)
			}
		}
	}
	return z.media(z.embedded(docs, "word/embeddings/"), "word/media/"), nil
}

// texts are the paragraphs of a part without their structure.
func (d *docxReader) texts(x *xmlReader) (out []string) {
	for {
		switch x.next() {
		case xmlEOF:
			return out
		case xmlStart:
			switch x.name {
			case "p":
				p := d.readParagraph(x)
				out = append(append(out, p.text.String()), p.boxes...)
			case "del", "moveFrom", "Fallback":
				x.skip()
			}
		}
	}
}

type docxReader struct {
	b         *builder
	styles    map[string]docxStyle
	numbers   map[string][]docxLevel // by numId
	counters  map[string][]int
	footnotes map[string]string
	endnotes  map[string]string
	comments  map[string]string
	pageNo    int // 0: the file does not say where pages break
	title     string
	boxes     int // open text boxes
}

type docxStyle struct {
	level int // of headings; 0 for others
	title bool
	code  bool
	quote bool
	list  string // numId
	based string
}

type docxLevel struct {
	format string
	text   string
	start  int
}

func (d *docxReader) readStyles(z *zipFile) {
	d.styles = map[string]docxStyle{}
	data, _ := z.read("word/styles.xml")
	x := newXML(data)
	for {
		switch x.next() {
		case xmlEOF:
			d.inheritStyles()
			return
		case xmlStart:
			if x.name != "style" {
				continue
			}
			id := x.attr("styleId")
			var s docxStyle
			for level := x.depth; ; {
				k := x.next()
				if k == xmlEOF || k == xmlEnd && x.depth < level {
					break
				}
				if k != xmlStart {
					continue
				}
				switch x.name {
				case "name":
					name := strings.ToLower(x.attr("val"))
					if n, ok := strings.CutPrefix(name, "heading "); ok {
						s.level, _ = strconv.Atoi(n)
					}
					s.title = name == "title"
					s.code = strings.Contains(name, "code") || strings.Contains(name, "preformatted")
					s.quote = strings.Contains(name, "quote")
				case "basedOn":
					s.based = x.attr("val")
				case "outlineLvl":
					if n, err := strconv.Atoi(x.attr("val")); err == nil && n >= 0 && n < 9 && s.level == 0 {
						s.level = n + 1
					}
				case "numId":
					s.list = x.attr("val")
				}
			}
			d.styles[id] = s
		}
	}
}

// inheritStyles gives styles the heading level of the style they are based on.
func (d *docxReader) inheritStyles() {
	for id, s := range d.styles {
		base := s.based
		for i := 0; i < 10 && s.level == 0 && base != ""; i++ {
			s.level = d.styles[base].level
			base = d.styles[base].based
		}
		d.styles[id] = s
	}
}

func (d *docxReader) readNumbering(z *zipFile) {
	d.numbers = map[string][]docxLevel{}
	data, _ := z.read("word/numbering.xml")
	x := newXML(data)
	abstract := map[string][]docxLevel{}
	current, num := "", ""
	level := -1
	for {
		switch x.next() {
		case xmlEOF:
			return
		case xmlStart:
			switch x.name {
			case "abstractNum":
				current, num = x.attr("abstractNumId"), ""
			case "lvl":
				level, _ = strconv.Atoi(x.attr("ilvl"))
				if level < 0 || level > 8 {
					level = -1
				}
				if num == "" && level >= 0 {
					for len(abstract[current]) <= level {
						abstract[current] = append(abstract[current], docxLevel{start: 1})
					}
				}
			case "numFmt", "lvlText", "start":
				if num != "" || level < 0 || level >= len(abstract[current]) {
					continue
				}
				l := &abstract[current][level]
				switch v := x.attr("val"); x.name {
				case "numFmt":
					l.format = v
				case "lvlText":
					l.text = v
				default:
					l.start, _ = strconv.Atoi(v)
				}
			case "num":
				num = x.attr("numId")
			case "abstractNumId":
				if num != "" {
					d.numbers[num] = abstract[x.attr("val")]
				}
			}
		}
	}
}

// readNotes reads footnotes, endnotes or comments by their IDs.
func readNotes(z *zipFile, part, element string) map[string]string {
	data, _ := z.read(part)
	if data == nil {
		return nil
	}
	notes := map[string]string{}
	x := newXML(data)
	for {
		switch x.next() {
		case xmlEOF:
			return notes
		case xmlStart:
			if x.name != element {
				continue
			}
			id, author, kind := x.attr("id"), x.attr("author"), x.attr("type")
			var s strings.Builder
			for level := x.depth; ; {
				k := x.next()
				if k == xmlEOF || k == xmlEnd && x.depth < level {
					break
				}
				switch {
				case k == xmlStart && x.name == "t":
					s.WriteString(x.inner())
				case k == xmlStart && (x.name == "del" || x.name == "moveFrom" || x.name == "instrText"):
					x.skip()
				case k == xmlStart && (x.name == "br" || x.name == "tab"), k == xmlEnd && x.name == "p":
					s.WriteByte(' ')
				}
			}
			text := oneLine(s.String())
			if text == "" || kind == "separator" || kind == "continuationSeparator" {
				continue
			}
			if author != "" {
				text = author + ": " + text
			}
			notes[id] = text
		}
	}
}

func (d *docxReader) body(x *xmlReader) {
	for {
		switch x.next() {
		case xmlEOF:
			return
		case xmlStart:
			switch x.name {
			case "p":
				d.paragraph(x)
			case "tbl":
				d.table(x)
			case "del", "moveFrom", "Fallback":
				x.skip()
			}
		}
	}
}

// docxPara is a paragraph while it is read.
type docxPara struct {
	text    strings.Builder
	style   string
	numID   string
	level   int
	outline int
	notes   []string
	remarks []string
	boxes   []string // paragraphs of text boxes
	bold    bool
	some    bool
}

func (d *docxReader) paragraph(x *xmlReader) {
	p := d.readParagraph(x)
	d.emit(p)
}

// readParagraph reads to the end of the current paragraph.
func (d *docxReader) readParagraph(x *xmlReader) *docxPara {
	p := &docxPara{bold: true}
	runBold := false
	for level := x.depth; ; {
		k := x.next()
		if k == xmlEOF || k == xmlEnd && x.depth < level {
			return p
		}
		if k != xmlStart {
			continue
		}
		switch x.name {
		case "pStyle":
			p.style = x.attr("val")
		case "numId":
			p.numID = x.attr("val")
		case "ilvl":
			p.level, _ = strconv.Atoi(x.attr("val"))
		case "outlineLvl":
			if n, err := strconv.Atoi(x.attr("val")); err == nil && n < 9 {
				p.outline = n + 1
			}
		case "r":
			runBold = false
		case "b":
			runBold = x.attr("val") != "0" && x.attr("val") != "false"
		case "t":
			s := x.inner()
			p.text.WriteString(s)
			if strings.TrimSpace(s) != "" {
				p.some = true
				p.bold = p.bold && runBold
			}
		case "tab", "ptab":
			p.text.WriteByte(' ')
		case "br", "cr":
			p.text.WriteByte('\n')
			if x.attr("type") == "page" {
				d.breakPage()
			}
		case "lastRenderedPageBreak":
			d.breakPage()
		case "noBreakHyphen":
			p.text.WriteByte('-')
		case "sym":
			if n, err := strconv.ParseUint(x.attr("char"), 16, 32); err == nil && n < 0xe000 {
				p.text.WriteRune(rune(n))
			}
		case "footnoteReference":
			if s := d.footnotes[x.attr("id")]; s != "" {
				p.notes = append(p.notes, s)
			}
		case "endnoteReference":
			if s := d.endnotes[x.attr("id")]; s != "" {
				p.notes = append(p.notes, s)
			}
		case "commentReference":
			if s := d.comments[x.attr("id")]; s != "" {
				p.remarks = append(p.remarks, s)
			}
		case "txbxContent":
			if d.boxes > 8 {
				x.skip()
				continue
			}
			d.boxes++
			for inner := x.depth; ; {
				k := x.next()
				if k == xmlEOF || k == xmlEnd && x.depth < inner {
					break
				}
				if k == xmlStart && x.name == "p" {
					q := d.readParagraph(x)
					if s := cleanText(q.text.String()); s != "" {
						p.boxes = append(p.boxes, s)
					}
					p.boxes = append(p.boxes, q.boxes...)
				}
			}
			d.boxes--
		case "del", "moveFrom", "Fallback", "instrText", "delText", "rubyPr", "rt", "pPrChange", "rPrChange":
			x.skip()
		}
	}
}

func (d *docxReader) breakPage() {
	if d.pageNo > 0 && !d.b.empty() {
		d.pageNo++
		d.b.page(d.pageNo)
	}
}

func (d *docxReader) emit(p *docxPara) {
	d.b.j.check()
	text := cleanText(p.text.String())
	style := d.styles[p.style]
	level := style.level
	if p.outline > 0 {
		level = p.outline
	}
	numID := p.numID
	if numID == "" {
		numID = style.list
	}
	mark := ""
	if numID != "" && numID != "0" {
		mark = d.mark(numID, p.level)
	}
	switch {
	case text == "":
	case style.title:
		if d.title == "" {
			d.title = oneLine(text)
		}
		d.b.heading(1, text)
	case level > 0:
		if mark != "" && mark != "-" {
			text = mark + " " + text
		}
		if d.title == "" && level == 1 {
			d.title = oneLine(text)
		}
		d.b.heading(level, text)
	case mark != "":
		d.b.item(p.level, mark, text)
	case style.code:
		d.b.code(p.text.String())
	case style.quote:
		d.b.quote(text)
	case p.bold && p.some && len(text) < 100 && !strings.ContainsAny(text[len(text)-1:], ".,;:") && !strings.Contains(text, "\n"):
		d.b.heading(7, text) // a bold line of its own, below any styled heading
	default:
		d.b.para(text)
	}
	for _, s := range p.boxes {
		d.b.para(s)
	}
	for _, s := range p.notes {
		d.b.para(s)
	}
	for _, s := range p.remarks {
		d.b.quote(s)
	}
}

// mark counts a list item and returns what stands before it.
func (d *docxReader) mark(numID string, level int) string {
	levels := d.numbers[numID]
	if level < 0 || level >= len(levels) {
		return "-"
	}
	l := levels[level]
	if l.format == "bullet" || l.format == "none" || l.format == "" {
		return "-"
	}
	c := d.counters[numID]
	for len(c) <= level {
		c = append(c, 0)
	}
	if c[level] == 0 {
		c[level] = l.start
	} else {
		c[level]++
	}
	c = c[:level+1]
	d.counters[numID] = c
	text := l.text
	for i := range c {
		text = strings.ReplaceAll(text, "%"+strconv.Itoa(i+1), numeral(levels[i].format, c[i]))
	}
	return text
}

func numeral(format string, n int) string {
	switch format {
	case "lowerLetter", "upperLetter":
		if n < 1 || n > 26*20 {
			break
		}
		base := 'a'
		if format == "upperLetter" {
			base = 'A'
		}
		return strings.Repeat(string(base+rune((n-1)%26)), (n-1)/26+1)
	case "lowerRoman", "upperRoman":
		if n < 1 || n > 3999 {
			break
		}
		var s strings.Builder
		for _, r := range []struct {
			v int
			s string
		}{{1000, "m"}, {900, "cm"}, {500, "d"}, {400, "cd"}, {100, "c"}, {90, "xc"}, {50, "l"}, {40, "xl"}, {10, "x"}, {9, "ix"}, {5, "v"}, {4, "iv"}, {1, "i"}} {
			for n >= r.v {
				s.WriteString(r.s)
				n -= r.v
			}
		}
		if format == "upperRoman" {
			return strings.ToUpper(s.String())
		}
		return s.String()
	case "chineseCounting", "chineseCountingThousand", "ideographDigital", "japaneseCounting", "taiwaneseCountingThousand":
		return chineseNumeral(n)
	}
	return strconv.Itoa(n)
}

func chineseNumeral(n int) string {
	d := []string{"", "一", "二", "三", "四", "五", "六", "七", "八", "九"}
	switch {
	case n < 1 || n > 99:
		return strconv.Itoa(n)
	case n < 10:
		return d[n]
	case n < 20:
		return "十" + d[n-10]
	}
	return d[n/10] + "十" + d[n%10]
}

// table reads a table. Cells of merged columns stay one cell; tables inside
// cells are read as text of the cell.
func (d *docxReader) table(x *xmlReader) {
	t := d.b.openTable()
	var cells []string
	header, firstRow, rows := false, false, 0
	var after []*docxPara
	for level := x.depth; ; {
		k := x.next()
		if k == xmlEOF || k == xmlEnd && x.depth < level {
			break
		}
		switch {
		case k == xmlStart && x.name == "tblLook":
			firstRow = x.attr("firstRow") == "1" || strings.HasSuffix(x.attr("val"), "A0") && x.attr("firstRow") == ""
		case k == xmlStart && x.name == "tr":
			cells, header = nil, false
		case k == xmlStart && x.name == "tblHeader":
			header = x.attr("val") != "0" && x.attr("val") != "false"
		case k == xmlStart && x.name == "tc":
			var s strings.Builder
			span := 1
			for inner := x.depth; ; {
				k := x.next()
				if k == xmlEOF || k == xmlEnd && x.depth < inner {
					break
				}
				if k != xmlStart {
					continue
				}
				switch x.name {
				case "gridSpan":
					span, _ = strconv.Atoi(x.attr("val"))
				case "p":
					p := d.readParagraph(x)
					if s.Len() > 0 {
						s.WriteByte(' ')
					}
					s.WriteString(p.text.String())
					if len(p.boxes)+len(p.notes)+len(p.remarks) > 0 {
						after = append(after, &docxPara{boxes: p.boxes, notes: p.notes, remarks: p.remarks})
					}
				case "del", "moveFrom", "Fallback":
					x.skip()
				}
			}
			cells = append(cells, s.String())
			for ; span > 1 && span < 64; span-- {
				cells = append(cells, "")
			}
		case k == xmlEnd && x.name == "tr":
			t.row(cells, header || rows == 0 && firstRow)
			rows++
		case k == xmlStart && (x.name == "del" || x.name == "Fallback"):
			// A row that was deleted has its mark in its properties.
			x.skip()
		}
	}
	t.close()
	for _, p := range after {
		d.emit(p)
	}
}
