package extract

import (
	"math"
	"strings"

	"github.com/ledongthuc/pdf"

	"github.com/lore-kb/lore/ingest"
)

// What a PDF file holds beside the content of its pages: what forms and text
// boxes show, what readers noted, files that are attached.

const maxAnnotations = 5000

// annotations calls yield for each annotation of a page that is shown.
func annotations(page pdf.Value, yield func(pdf.Value)) {
	list := page.Key("Annots")
	for i := range min(list.Len(), maxAnnotations) {
		const hidden, noView = 1 << 1, 1 << 5
		if a := list.Index(i); a.Kind() == pdf.Dict && a.Key("F").Int64()&(hidden|noView) == 0 {
			yield(a)
		}
	}
}

// appearances adds what form fields and text boxes show to the page's glyphs.
func (r *pdfReader) appearances(p pdfPageRef) {
	annotations(p.page, func(a pdf.Value) {
		switch a.Key("Subtype").Name() {
		case "Widget", "FreeText", "Stamp":
		default:
			return
		}
		n := a.Key("AP").Key("N")
		if n.Kind() == pdf.Dict { // one for each state
			n = n.Key(a.Key("AS").Name())
		}
		if n.Kind() != pdf.Stream {
			return
		}
		// The appearance's box, turned by its matrix, fills the annotation's
		// rectangle (ISO 32000-1, 12.5.5).
		box, rect := n.Key("BBox"), a.Key("Rect")
		if box.Len() != 4 || rect.Len() != 4 {
			return
		}
		m := pdfIdentity
		if v := n.Key("Matrix"); v.Len() == 6 {
			for i := range m {
				m[i] = v.Index(i).Float64()
			}
		}
		x1, y1, x2, y2 := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
		for _, c := range [][2]int{{0, 1}, {0, 3}, {2, 1}, {2, 3}} {
			x, y := box.Index(c[0]).Float64(), box.Index(c[1]).Float64()
			tx, ty := x*m[0]+y*m[2]+m[4], x*m[1]+y*m[3]+m[5]
			x1, y1, x2, y2 = math.Min(x1, tx), math.Min(y1, ty), math.Max(x2, tx), math.Max(y2, ty)
		}
		if x2-x1 < 1e-6 || y2-y1 < 1e-6 {
			return
		}
		left, right := rect.Index(0).Float64(), rect.Index(2).Float64()
		low, high := rect.Index(1).Float64(), rect.Index(3).Float64()
		sx, sy := math.Abs(right-left)/(x2-x1), math.Abs(high-low)/(y2-y1)
		fit := pdfMatrix{sx, 0, 0, sy, math.Min(left, right) - x1*sx, math.Min(low, high) - y1*sy}
		st := pdfState{ctm: fit.mul(turnedPage(p.rotate)), tz: 1}
		r.form(n, p.resources, st, 0)
	})
}

// fieldValues are what text and choice fields of the document's form hold, with
// their names, by the objects of their widgets.
func (r *pdfReader) fieldValues() map[int]string {
	values := map[int]string{}
	seen := map[int]bool{}
	var walk func(v pdf.Value, name, kind, value string, depth int)
	walk = func(v pdf.Value, name, kind, value string, depth int) {
		id := r.id(v)
		if v.Kind() != pdf.Dict || depth > 32 || len(seen) > maxAnnotations || id >= 0 && seen[id] {
			return
		}
		seen[id] = true
		if s := oneLine(pdfText(v.Key("T").RawString())); s != "" {
			name = s
		}
		if s := oneLine(pdfText(v.Key("TU").RawString())); s != "" {
			name = s // as it is shown to people
		}
		if s := v.Key("FT").Name(); s != "" {
			kind = s
		}
		if f := v.Key("V"); f.Kind() == pdf.String {
			value = oneLine(pdfText(f.RawString()))
		}
		const password = 1 << 13
		if id >= 0 && value != "" && (kind == "Tx" || kind == "Ch") && v.Key("Ff").Int64()&password == 0 {
			values[id] = value
			if name != "" {
				values[id] = name + ": " + value
			}
		}
		kids := v.Key("Kids")
		for i := range min(kids.Len(), maxAnnotations) {
			walk(kids.Index(i), name, kind, value, depth+1)
		}
	}
	fields := r.root.Key("Root").Key("AcroForm").Key("Fields")
	for i := range min(fields.Len(), maxAnnotations) {
		walk(fields.Index(i), "", "", "", 0)
	}
	return values
}

// unpainted are the fields of a page that hold a value and no appearance that
// would show it; programs draw such fields when they open the file.
func (r *pdfReader) unpainted(page pdf.Value, values map[int]string) (out []string) {
	if len(values) == 0 {
		return nil
	}
	annotations(page, func(a pdf.Value) {
		n := a.Key("AP").Key("N")
		if s := values[r.id(a)]; s != "" && n.Kind() != pdf.Stream && n.Kind() != pdf.Dict {
			out = append(out, s)
		}
	})
	return out
}

// remarks are the notes that readers attached to places of a page.
func (r *pdfReader) remarks(page pdf.Value) (out []string) {
	defer func() {
		if e := recover(); e != nil {
			if s, ok := e.(stop); ok {
				panic(s)
			}
		}
	}()
	annotations(page, func(a pdf.Value) {
		switch a.Key("Subtype").Name() {
		case "Text", "Highlight", "Underline", "StrikeOut", "Squiggly", "Caret", "Line", "Square", "Circle", "Polygon", "Ink":
		default:
			return
		}
		s := oneLine(pdfText(a.Key("Contents").RawString()))
		if s == "" || len(out) >= 1000 {
			return
		}
		if author := oneLine(pdfText(a.Key("T").RawString())); author != "" {
			s = author + ": " + s
		}
		out = append(out, s)
	})
	return out
}

// attachments reads the files attached to the document and to its pages as
// members.
func (r *pdfReader) attachments(b *builder) (docs []ingest.Document) {
	defer func() {
		if e := recover(); e != nil {
			if s, ok := e.(stop); ok {
				panic(s)
			}
			b.warn("an attachment could not be read")
		}
	}()
	seen := map[int]bool{}
	file := func(spec pdf.Value) {
		ef := spec.Key("EF")
		v := ef.Key("F")
		if v.Kind() != pdf.Stream {
			v = ef.Key("UF")
		}
		id := r.id(v)
		if v.Kind() != pdf.Stream || seen[id] {
			return
		}
		seen[id] = true
		name := pdfText(spec.Key("UF").RawString())
		if name == "" {
			name = pdfText(spec.Key("F").RawString())
		}
		data := r.stream(v, maxMemberBytes)
		if len(data) == 0 {
			return
		}
		r.j.spendUnpacked(int64(len(data)))
		found, warnings := r.j.member(strings.TrimSpace(name), data)
		docs = append(docs, found...)
		for _, w := range warnings {
			b.warn(w)
		}
	}
	nodes := 0
	var names func(v pdf.Value, depth int)
	names = func(v pdf.Value, depth int) {
		if nodes++; nodes > 10000 || depth > 32 {
			return
		}
		list := v.Key("Names")
		for i := 1; i < list.Len(); i += 2 {
			file(list.Index(i))
		}
		kids := v.Key("Kids")
		for i := range kids.Len() {
			names(kids.Index(i), depth+1)
		}
	}
	names(r.root.Key("Root").Key("Names").Key("EmbeddedFiles"), 0)
	pages, _ := r.pages()
	for _, p := range pages {
		annotations(p.page, func(a pdf.Value) {
			if a.Key("Subtype").Name() == "FileAttachment" {
				file(a.Key("FS"))
			}
		})
	}
	return docs
}
