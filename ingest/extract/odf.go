package extract

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/lore-kb/lore/ingest"
)

func isODF(p *probe) bool {
	return p.hasPrefix(zipMagic) && bytes.Contains(p.data[:min(len(p.data), 200)], []byte("mimetypeapplication/vnd.oasis.opendocument"))
}

// readODF reads the text, sheets or slides of an OpenDocument file.
func readODF(j *job, in ingest.Input) ([]ingest.Document, error) {
	z, err := j.openZip(in.Data)
	if err != nil {
		return nil, err
	}
	data, err := z.read("content.xml")
	if err != nil {
		return nil, err
	}
	if data == nil {
		return nil, fmt.Errorf("%w: it has no content part", ingest.ErrDamaged)
	}
	if manifest, _ := z.read("META-INF/manifest.xml"); bytes.Contains(manifest, []byte("encryption-data")) {
		return nil, fmt.Errorf("%w: this OpenDocument file", ingest.ErrEncrypted)
	}
	kind, _ := z.read("mimetype")
	b := j.newBuilder()
	b.doc.MediaType = oneLine(string(kind))
	if meta, _ := z.read("meta.xml"); meta != nil {
		odfMeta(&b.doc, newXML(meta))
	}
	r := &odfReader{b: b, sheets: strings.Contains(string(kind), "spreadsheet")}
	r.body(newXML(data))
	if b.doc.Title == "" {
		b.doc.Title = r.title
	}
	return []ingest.Document{b.done()}, nil
}

func odfMeta(doc *ingest.Document, x *xmlReader) {
	for {
		switch x.next() {
		case xmlEOF:
			return
		case xmlStart:
			switch x.name {
			case "title":
				if t := oneLine(x.inner()); plausibleTitle(t) {
					doc.Title = t
				}
			case "date":
				doc.Date = parseDate(x.inner())
			case "creator":
				setLabel(doc, "author", x.inner())
			}
		}
	}
}

type odfReader struct {
	b      *builder
	sheets bool // tables are sheets
	title  string
	pages  int
	lists  int
}

func (r *odfReader) body(x *xmlReader) {
	for {
		switch x.next() {
		case xmlEOF:
			return
		case xmlEnd:
			if x.name == "list" && r.lists > 0 {
				r.lists--
			}
		case xmlStart:
			switch x.name {
			case "h":
				level, _ := strconv.Atoi(x.attr("outline-level"))
				s := r.text(x)
				if r.title == "" {
					r.title = oneLine(s)
				}
				r.b.heading(max(level, 1), s)
			case "p":
				s := r.text(x)
				if r.lists > 0 {
					r.b.item(r.lists-1, "-", s)
				} else {
					r.b.para(s)
				}
			case "list":
				r.lists++
			case "table":
				if r.sheets {
					r.pages++
					r.b.page(r.pages)
				}
				r.table(x)
			case "page": // a slide
				r.pages++
				r.b.page(r.pages)
				r.b.open(1, x.attr("name"))
			case "notes":
				// What is on the notes page apart from the slide's image.
				for level := x.depth; ; {
					k := x.next()
					if k == xmlEOF || k == xmlEnd && x.depth < level {
						break
					}
					if k == xmlStart && x.name == "p" {
						r.b.quote(r.text(x))
					}
				}
			case "tracked-changes", "forms", "sequence-decls", "annotation-end":
				x.skip()
			case "annotation":
				r.b.quote(annotation(x))
			}
		}
	}
}

func annotation(x *xmlReader) string {
	author := ""
	var text strings.Builder
	for level := x.depth; ; {
		k := x.next()
		if k == xmlEOF || k == xmlEnd && x.depth < level {
			break
		}
		if k != xmlStart {
			continue
		}
		switch x.name {
		case "creator":
			author = x.inner()
		case "date":
			x.skip()
		case "p":
			text.WriteString(x.inner() + " ")
		}
	}
	s := oneLine(text.String())
	if author != "" && s != "" {
		s = author + ": " + s
	}
	return s
}

// text reads to the end of the current paragraph. Notes and comments in it
// follow as lines of their own.
func (r *odfReader) text(x *xmlReader) string {
	var s strings.Builder
	var after []string
	for level := x.depth; ; {
		switch x.next() {
		case xmlEOF:
			return s.String()
		case xmlEnd:
			if x.depth < level {
				out := s.String()
				if len(after) > 0 {
					out += "\n" + strings.Join(after, "\n")
					after = nil
				}
				return out
			}
		case xmlText:
			s.Write(x.text)
		case xmlStart:
			switch x.name {
			case "s":
				n, _ := strconv.Atoi(x.attr("c"))
				s.WriteString(strings.Repeat(" ", min(max(n, 1), 100)))
			case "tab":
				s.WriteByte(' ')
			case "line-break":
				s.WriteByte('\n')
			case "note":
				if a := oneLine(x.inner("note-citation")); a != "" {
					after = append(after, a)
				}
			case "annotation":
				if a := annotation(x); a != "" {
					after = append(after, a)
				}
			case "p", "h":
				if s.Len() > 0 {
					s.WriteByte('\n')
				}
			case "object", "image", "tracked-changes":
				x.skip()
			}
		}
	}
}

// table reads a table or sheet. Repeated cells count as often as they stand,
// within limits; the endless blank ones at the edges do not.
func (r *odfReader) table(x *xmlReader) {
	var w interface {
		row([]string)
		close()
	}
	if r.sheets {
		w = &sheetWriter{b: r.b, name: x.attr("name")}
	} else {
		w = &plainTable{t: r.b.openTable()}
	}
	var cells []string
	var notes []string
	repeat := 1
	header := false
	for level := x.depth; ; {
		k := x.next()
		if k == xmlEOF || k == xmlEnd && x.depth < level {
			break
		}
		switch {
		case k == xmlStart && x.name == "table-header-rows":
			header = true
		case k == xmlEnd && x.name == "table-header-rows":
			header = false
		case k == xmlStart && x.name == "table-row":
			cells = nil
			repeat = atLeast1(x.attr("number-rows-repeated"))
		case k == xmlStart && (x.name == "table-cell" || x.name == "covered-table-cell"):
			n := atLeast1(x.attr("number-columns-repeated"))
			var s strings.Builder
			for inner := x.depth; ; {
				k := x.next()
				if k == xmlEOF || k == xmlEnd && x.depth < inner {
					break
				}
				if k != xmlStart {
					continue
				}
				switch x.name {
				case "p", "h":
					if s.Len() > 0 {
						s.WriteByte(' ')
					}
					s.WriteString(r.text(x))
				case "annotation":
					notes = append(notes, annotation(x))
				}
			}
			text := s.String()
			if text == "" && n > 64 {
				n = 1
			}
			for range min(n, 1024) {
				cells = append(cells, text)
			}
		case k == xmlEnd && x.name == "table-row":
			if filled(cells) == 0 {
				if sheet, ok := w.(*sheetWriter); ok {
					sheet.number += repeat - 1
				}
				repeat = 1
			}
			if p, ok := w.(*plainTable); ok {
				p.header = header
			}
			for range min(repeat, 1000) {
				w.row(cells)
			}
		case k == xmlStart && x.name == "shapes":
			x.skip()
		}
	}
	w.close()
	for _, n := range notes {
		r.b.quote(n)
	}
}

type plainTable struct {
	t      *tableBuilder
	header bool
}

func (p *plainTable) row(cells []string) { p.t.row(cells, p.header) }
func (p *plainTable) close()             { p.t.close() }

func atLeast1(s string) int {
	n, _ := strconv.Atoi(s)
	return max(n, 1)
}
