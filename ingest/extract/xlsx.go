package extract

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"

	"github.com/lore-kb/lore/ingest"
)

func isXLSX(p *probe) bool { return p.zipHas("xl/workbook.xml") || p.zipHas("xl/workbook2.xml") }

// readXLSX reads the sheets of a workbook as tables, one page a sheet. Cells
// read as they are shown, formulas as their stored results.
func readXLSX(j *job, in ingest.Input) ([]ingest.Document, error) {
	z, err := j.openZip(in.Data)
	if err != nil {
		return nil, err
	}
	f, err := excelize.OpenReader(bytes.NewReader(in.Data), excelize.Options{
		UnzipSizeLimit: max(min(j.unpackLeft, 1<<30), 64<<20), UnzipXMLSizeLimit: max(min(j.unpackLeft, 1<<30), 64<<20),
	})
	if err != nil {
		if errors.Is(err, excelize.ErrWorkbookPassword) {
			return nil, fmt.Errorf("%w: this workbook", ingest.ErrEncrypted)
		}
		if docs := z.plainSheets(); hasText(docs) {
			return docs, nil
		}
		return nil, fmt.Errorf("%w: %w", ingest.ErrDamaged, err)
	}
	defer f.Close()
	b := j.newBuilder()
	z.properties(&b.doc)
	parts := map[string]string{}
	for _, s := range z.sheets() {
		parts[s.name] = s.part
	}
	for i, name := range f.GetSheetList() {
		j.check()
		b.page(i + 1)
		if visible, err := f.GetSheetVisible(name); err == nil && !visible {
			b.warn("sheet " + name + " is hidden")
		}
		if err := readSheet(b, f, name); err != nil {
			b.warn("sheet " + name + ": " + err.Error())
		}
		z.sheetDrawings(b, parts[name])
		comments, err := f.GetComments(name)
		if err != nil {
			continue
		}
		for _, c := range comments {
			text := c.Text
			if text == "" {
				for _, r := range c.Paragraph {
					text += r.Text
				}
			}
			if text = oneLine(text); text != "" {
				if c.Author != "" && !strings.HasPrefix(text, c.Author) {
					text = c.Author + ": " + text
				}
				b.quote(c.Cell + ": " + text)
			}
		}
	}
	if b.empty() {
		if docs := z.plainSheets(); hasText(docs) {
			return z.embedded(docs, "xl/embeddings/"), nil
		}
	}
	return z.embedded([]ingest.Document{b.done()}, "xl/embeddings/"), nil
}

// sheetPart is a sheet of a workbook and where it stands in the archive.
type sheetPart struct{ name, part string }

// sheets lists the sheets that the workbook names.
func (z *zipFile) sheets() (out []sheetPart) {
	main := "xl/workbook.xml"
	if !z.has(main) {
		main = "xl/workbook2.xml"
	}
	data, _ := z.read(main)
	byID, _ := z.rels(main)
	for x := newXML(data); ; {
		switch x.next() {
		case xmlEOF:
			return out
		case xmlStart:
			if x.name == "sheet" {
				s := sheetPart{name: x.attr("name")}
				for _, a := range strings.Fields(string(x.attrs)) {
					if k, v, ok := strings.Cut(a, "="); ok && strings.HasSuffix(k, "id") {
						if part := byID[strings.Trim(v, `"'`)]; part != "" {
							s.part = part
						}
					}
				}
				out = append(out, s)
			}
		}
	}
}

// sheetDrawings adds the text boxes, charts and diagrams on a sheet.
func (z *zipFile) sheetDrawings(b *builder, part string) {
	if part == "" {
		return
	}
	_, byType := z.rels(part)
	for _, d := range byType["drawing"] {
		data, _ := z.read(d)
		for _, s := range drawingParagraphs(data) {
			b.para(s)
		}
		_, inner := z.rels(d)
		z.drawings(b, inner)
	}
}

// plainSheets reads cells as they are stored, for workbooks that the library
// cannot open: no formats, so dates are numbers.
func (z *zipFile) plainSheets() []ingest.Document {
	b := z.j.newBuilder()
	z.properties(&b.doc)
	var shared []string
	data, _ := z.read("xl/sharedStrings.xml")
	for x := newXML(data); ; {
		k := x.next()
		if k == xmlEOF {
			break
		}
		if k == xmlStart && x.name == "si" {
			shared = append(shared, sharedText(x))
		}
	}
	for i, s := range z.sheets() {
		data, err := z.read(s.part)
		if s.part == "" || err != nil {
			continue
		}
		b.page(i + 1)
		w := &sheetWriter{b: b, name: s.name}
		var cells []string
		kind := ""
		for x := newXML(data); ; {
			k := x.next()
			if k == xmlEOF {
				break
			}
			switch {
			case k == xmlStart && x.name == "row":
				b.j.check()
				cells = nil
				if n, err := strconv.Atoi(x.attr("r")); err == nil && n > w.number+1 {
					w.row(nil)
					w.number = n - 1
				}
			case k == xmlEnd && x.name == "row":
				w.row(cells)
			case k == xmlStart && x.name == "c":
				kind = x.attr("t")
				col := len(cells)
				if c, _, err := excelize.CellNameToCoordinates(x.attr("r")); err == nil {
					col = c - 1
				}
				for len(cells) <= min(col, 16384) {
					cells = append(cells, "")
				}
			case k == xmlStart && x.name == "v" && len(cells) > 0:
				v := x.inner()
				if n, err := strconv.Atoi(v); kind == "s" && err == nil && n >= 0 && n < len(shared) {
					v = shared[n]
				}
				cells[len(cells)-1] = v
			case k == xmlStart && x.name == "is" && len(cells) > 0:
				cells[len(cells)-1] = sharedText(x)
			}
		}
		w.close()
		z.sheetDrawings(b, s.part)
	}
	return []ingest.Document{b.done()}
}

// sharedText reads the text of the current element without phonetic guides.
func sharedText(x *xmlReader) string {
	var s strings.Builder
	for level := x.depth; ; {
		k := x.next()
		switch {
		case k == xmlEOF || k == xmlEnd && x.depth < level:
			return s.String()
		case k == xmlStart && x.name == "rPh":
			x.skip()
		case k == xmlStart && x.name == "t":
			s.WriteString(x.inner())
		}
	}
}

func readSheet(b *builder, f *excelize.File, name string) error {
	rows, err := f.Rows(name)
	if err != nil {
		return err
	}
	defer rows.Close()
	w := &sheetWriter{b: b, name: name}
	for n := 0; rows.Next(); n++ {
		if n%256 == 0 {
			b.j.check()
		}
		cells, err := rows.Columns()
		if err != nil {
			w.close()
			return err
		}
		w.row(cells)
	}
	w.close()
	return rows.Error()
}

// sheetWriter writes the rows of a sheet as tables; blank rows divide them. The
// first row of a table is its header when it reads like one.
type sheetWriter struct {
	b      *builder
	name   string // of the sheet; its heading, once the sheet shows anything
	t      *tableBuilder
	first  []string // held until the second row tells whether it is a header
	lonely bool     // the first row has one cell: a title over the table
	number int      // of the row that came last, from 1
	held   int      // number of first
}

func filled(cells []string) int {
	n := 0
	for _, c := range cells {
		if strings.TrimSpace(c) != "" {
			n++
		}
	}
	return n
}

func (w *sheetWriter) row(cells []string) {
	w.number++
	if filled(cells) == 0 {
		w.close()
		return
	}
	if w.name != "" {
		w.b.heading(1, w.name)
		w.name = ""
	}
	switch {
	case w.t != nil:
		w.t.row(cells, false)
		w.t.at(w.number, cells)
	case w.first == nil:
		if filled(cells) == 1 && len(cells) > 0 && cells[0] != "" && len(cells[0]) > 0 {
			w.lonely = true
		}
		w.first, w.held = append([]string{}, cells...), w.number
	default:
		if w.lonely && filled(cells) > 1 {
			w.b.para(strings.Join(w.first, " "))
			w.first, w.lonely, w.held = append([]string{}, cells...), false, w.number
			return
		}
		w.t = w.b.openTable()
		w.t.row(w.first, looksLikeHeader(w.first, cells))
		w.t.at(w.held, w.first)
		w.t.row(cells, false)
		w.t.at(w.number, cells)
	}
}

func (w *sheetWriter) close() {
	switch {
	case w.t != nil:
		w.t.close()
	case w.first != nil && filled(w.first) == 1:
		w.b.para(strings.Join(w.first, " "))
	case w.first != nil:
		t := w.b.openTable()
		t.row(w.first, false)
		t.at(w.held, w.first)
		t.close()
	}
	w.t, w.first, w.lonely = nil, nil, false
}

// looksLikeHeader reports whether row names columns: it has text in most of
// them, no number, and no cell twice.
func looksLikeHeader(row, next []string) bool {
	n := filled(row)
	if n < 2 || n*2 < filled(next) {
		return false
	}
	seen := map[string]bool{}
	for _, c := range row {
		c = strings.TrimSpace(c)
		if c == "" {
			continue
		}
		if _, err := strconv.ParseFloat(strings.NewReplacer(",", "", "%", "", "$", "").Replace(c), 64); err == nil && !isYear(c) {
			return false
		}
		if seen[c] || len(c) > 120 {
			return false
		}
		seen[c] = true
	}
	return true
}

func isYear(s string) bool { return len(s) == 4 && (s[:2] == "19" || s[:2] == "20") }
