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
		return nil, fmt.Errorf("%w: %w", ingest.ErrDamaged, err)
	}
	defer f.Close()
	b := j.newBuilder()
	z.properties(&b.doc)
	for i, name := range f.GetSheetList() {
		j.check()
		b.page(i + 1)
		if visible, err := f.GetSheetVisible(name); err == nil && !visible {
			b.warn("sheet " + name + " is hidden")
		}
		if err := readSheet(b, f, name); err != nil {
			b.warn("sheet " + name + ": " + err.Error())
		}
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
	return z.embedded([]ingest.Document{b.done()}, "xl/embeddings/"), nil
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
