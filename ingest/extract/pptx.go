package extract

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/lore-kb/lore/ingest"
)

func isPPTX(p *probe) bool { return p.zipHas("ppt/presentation.xml") }

// readPPTX reads slides in their order: title, text, tables, notes, comments.
// Pages are slides.
func readPPTX(j *job, in ingest.Input) ([]ingest.Document, error) {
	z, err := j.openZip(in.Data)
	if err != nil {
		return nil, err
	}
	main, err := z.read("ppt/presentation.xml")
	if err != nil {
		return nil, err
	}
	if main == nil {
		return nil, fmt.Errorf("%w: it has no presentation part", ingest.ErrDamaged)
	}
	byID, _ := z.rels("ppt/presentation.xml")
	var slides []string
	for x := newXML(main); ; {
		k := x.next()
		if k == xmlEOF {
			break
		}
		if k == xmlStart && x.name == "sldId" {
			// Both id and r:id have the local name id; the relationship's is
			// the one that resolves.
			for _, a := range strings.Fields(string(x.attrs)) {
				if _, v, ok := strings.Cut(a, "="); ok {
					if part := byID[strings.Trim(v, `"'`)]; part != "" {
						slides = append(slides, part)
					}
				}
			}
		}
	}
	if len(slides) == 0 {
		slides = z.names("ppt/slides/slide")
	}
	b := j.newBuilder()
	z.properties(&b.doc)
	authors := pptxAuthors(z)
	for i, part := range slides {
		j.check()
		data, err := z.read(part)
		if err != nil || data == nil {
			b.warn(fmt.Sprintf("slide %d could not be read", i+1))
			continue
		}
		b.page(i + 1)
		b.open(1, "")
		s := &pptxSlide{b: b, number: i + 1}
		s.read(newXML(data))
		if b.doc.Title == "" {
			b.doc.Title = s.title
		}
		_, byType := z.rels(part)
		z.drawings(b, byType)
		for _, n := range byType["notesSlide"] {
			if data, _ := z.read(n); data != nil {
				(&pptxSlide{b: b, number: i + 1, notes: true}).read(newXML(data))
			}
		}
		for _, c := range append(byType["comments"], byType["comment"]...) {
			if data, _ := z.read(c); data != nil {
				pptxComments(b, newXML(data), authors)
			}
		}
	}
	return z.media(z.embedded([]ingest.Document{b.done()}, "ppt/embeddings/"), "ppt/media/"), nil
}

func pptxAuthors(z *zipFile) map[string]string {
	names := map[string]string{}
	for _, part := range []string{"ppt/commentAuthors.xml", "ppt/authors.xml"} {
		data, _ := z.read(part)
		for x := newXML(data); ; {
			k := x.next()
			if k == xmlEOF {
				break
			}
			if k == xmlStart && (x.name == "cmAuthor" || x.name == "author") {
				names[x.attr("id")] = x.attr("name")
			}
		}
	}
	return names
}

func pptxComments(b *builder, x *xmlReader, authors map[string]string) {
	author := ""
	for {
		switch x.next() {
		case xmlEOF:
			return
		case xmlStart:
			switch x.name {
			case "cm":
				author = authors[x.attr("authorId")]
			case "text", "t":
				s := oneLine(x.inner())
				if author != "" && s != "" {
					s = author + ": " + s
				}
				b.quote(s)
			}
		}
	}
}

type pptxSlide struct {
	b      *builder
	number int
	notes  bool
	title  string
}

// read walks the shapes of a slide. The title comes first, wherever it stands.
func (s *pptxSlide) read(x *xmlReader) {
	type para struct {
		text  string
		level int
		list  bool
	}
	type shape struct {
		kind  string // of placeholder
		paras []para
		table [][]string
		first bool
	}
	var shapes []shape
	cur := -1
	var row []string
	inCell := false
	var cell strings.Builder
	for {
		k := x.next()
		if k == xmlEOF {
			break
		}
		switch {
		case k == xmlStart && (x.name == "sp" || x.name == "graphicFrame"):
			shapes = append(shapes, shape{})
			cur = len(shapes) - 1
		case k == xmlStart && x.name == "Fallback":
			x.skip()
		case cur < 0:
		case k == xmlStart && x.name == "ph":
			shapes[cur].kind = x.attr("type")
			if shapes[cur].kind == "" {
				shapes[cur].kind = "body"
			}
		case k == xmlStart && x.name == "tblPr":
			shapes[cur].first = x.attr("firstRow") == "1"
		case k == xmlStart && x.name == "tr":
			row = nil
		case k == xmlEnd && x.name == "tr":
			shapes[cur].table = append(shapes[cur].table, row)
		case k == xmlStart && x.name == "tc":
			inCell = true
			cell.Reset()
		case k == xmlEnd && x.name == "tc":
			inCell = false
			row = append(row, cell.String())
		case k == xmlStart && x.name == "p":
			p := s.paragraph(x)
			if inCell {
				cell.WriteString(p.text + " ")
			} else if p.text != "" {
				shapes[cur].paras = append(shapes[cur].paras, para(p))
			}
		}
	}
	skipped := map[string]bool{"sldNum": true, "dt": true, "ftr": true, "hdr": true, "sldImg": true}
	isTitle := func(kind string) bool { return kind == "title" || kind == "ctrTitle" }
	if !s.notes {
		for _, sh := range shapes {
			if isTitle(sh.kind) && s.title == "" {
				var parts []string
				for _, p := range sh.paras {
					parts = append(parts, p.text)
				}
				s.title = oneLine(strings.Join(parts, " "))
				s.b.heading(1, s.title)
			}
		}
		if s.title == "" {
			s.b.open(1, "Slide "+strconv.Itoa(s.number))
		}
	}
	for _, sh := range shapes {
		if skipped[sh.kind] || !s.notes && isTitle(sh.kind) {
			continue
		}
		if sh.table != nil {
			header := 0
			if sh.first && len(sh.table) > 1 {
				header = 1
			}
			s.b.table(sh.table, header)
		}
		for _, p := range sh.paras {
			switch {
			case s.notes:
				s.b.quote(p.text)
			case sh.kind == "body" && len(sh.paras) > 1 || p.level > 0:
				s.b.item(p.level, "-", p.text)
			default:
				s.b.para(p.text)
			}
		}
	}
}

// paragraph reads to the end of the current paragraph.
func (s *pptxSlide) paragraph(x *xmlReader) (p struct {
	text  string
	level int
	list  bool
}) {
	var text strings.Builder
	for level := x.depth; ; {
		k := x.next()
		if k == xmlEOF || k == xmlEnd && x.depth < level {
			p.text = cleanText(text.String())
			return p
		}
		if k != xmlStart {
			continue
		}
		switch x.name {
		case "pPr":
			p.level, _ = strconv.Atoi(x.attr("lvl"))
		case "buChar", "buAutoNum":
			p.list = true
		case "t":
			text.WriteString(x.inner())
		case "br":
			text.WriteByte('\n')
		case "tab":
			text.WriteByte(' ')
		}
	}
}
