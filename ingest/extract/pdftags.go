package extract

import (
	"strings"
	"unicode/utf8"

	"github.com/ledongthuc/pdf"
)

// taggedHeading is a heading by a document's structure tree: its level, and the
// numbers of the marked contents of one page that it consists of.
type taggedHeading struct {
	level int
	marks []int
}

// Limits of a structure tree, and of what is believed to be a heading.
const (
	maxTags        = 200000
	maxTagDepth    = 100
	maxTaggedTitle = 300 // characters
)

// tagLevels are the standard structure types of headings. H takes its level from
// the sections around it.
var tagLevels = map[pdfName]int{"Title": 1, "H1": 1, "H2": 2, "H3": 3, "H4": 4, "H5": 5, "H6": 6}

// taggedHeadings reads the headings of the structure tree by page, from 0; none
// for a document that is not tagged.
func (r *pdfReader) taggedHeadings(pages []pdfPageRef) (byPage map[int][]taggedHeading) {
	defer func() {
		if e := recover(); e != nil {
			if s, ok := e.(stop); ok {
				panic(s)
			}
			byPage = nil
		}
	}()
	dict := func(v any) pdfDict {
		d, _ := r.get(v).(pdfDict)
		return d
	}
	// The tree is read where it stands: the clean copy is without it.
	tree := dict(dict(r.trailer["Root"])["StructTreeRoot"])
	if tree == nil {
		return nil
	}
	number := make(map[int]int, len(pages))
	for i, p := range pages {
		if id := r.id(p.page); id >= 0 && id < len(r.refs) {
			number[r.refs[id].id] = i
		}
	}
	roles := dict(tree["RoleMap"])
	standard := func(name pdfName) pdfName {
		for range 8 {
			next, ok := r.get(roles[name]).(pdfName)
			if !ok || tagLevels[name] > 0 || name == "H" || name == "Sect" {
				break
			}
			name = next
		}
		return name
	}
	byPage = map[int][]taggedHeading{}
	seen := map[int]bool{}
	tags := 0
	// walk visits v, under sections, with the page of what it stands in; inside of
	// a heading it gathers the marks on the page of the first.
	var walk func(v any, page, sections, depth int, heading *taggedHeading, at *int)
	walk = func(v any, page, sections, depth int, heading *taggedHeading, at *int) {
		if tags++; tags > maxTags || depth > maxTagDepth {
			return
		}
		if tags%1024 == 0 {
			r.j.check()
		}
		mark := func(n int64, page int) {
			if heading == nil || page < 0 || n < 0 || n > 1<<30 || len(heading.marks) > 1000 {
				return
			}
			if *at < 0 {
				*at = page
			}
			if *at == page {
				heading.marks = append(heading.marks, int(n))
			}
		}
		if ref, ok := v.(pdfRef); ok {
			if seen[ref.id] {
				return
			}
			seen[ref.id] = true
		}
		switch v := r.get(v).(type) {
		case int64:
			mark(v, page)
		case pdfArr:
			for _, e := range v {
				walk(e, page, sections, depth+1, heading, at)
			}
		case pdfDict:
			if ref, ok := v["Pg"].(pdfRef); ok {
				if n, ok := number[ref.id]; ok {
					page = n
				}
			}
			if m, ok := r.get(v["MCID"]).(int64); ok {
				if v["Stm"] == nil {
					mark(m, page)
				}
				return
			}
			name, _ := r.get(v["S"]).(pdfName)
			name = standard(name)
			level := tagLevels[name]
			switch name {
			case "H":
				level = min(max(sections, 1), 6)
			case "Sect":
				sections++
			}
			if level == 0 || heading != nil {
				walk(v["K"], page, sections, depth+1, heading, at)
				return
			}
			h, on := taggedHeading{level: level}, -1
			walk(v["K"], page, sections, depth+1, &h, &on)
			if on >= 0 {
				byPage[on] = append(byPage[on], h)
			}
		}
	}
	walk(tree["K"], -1, 0, 0, nil, nil)
	return byPage
}

// wantMarks has the text of the headings' marked contents kept when the page is
// read.
func (r *pdfReader) wantMarks(headings []taggedHeading) {
	r.marked = nil
	for _, h := range headings {
		for _, m := range h.marks {
			if r.marked == nil {
				r.marked = map[int]string{}
			}
			r.marked[m] = ""
		}
	}
}

// keepMark keeps the text of marked content that ends, if it is wanted.
func (r *pdfReader) keepMark(a actualText) {
	text, wanted := r.marked[a.mark-1]
	if a.mark == 0 || !wanted || a.from > len(r.glyphs) {
		return
	}
	var b strings.Builder
	b.WriteString(text)
	for _, g := range r.glyphs[a.from:] {
		if b.Len() > 8*maxTaggedTitle {
			break
		}
		if g.unseen == seen || g.unseen == invisible {
			b.WriteString(expandLigatures(g.text))
		}
	}
	r.marked[a.mark-1] = b.String()
}

// tagEntries are the headings of a page as its text has them, in the form of an
// outline.
func (r *pdfReader) tagEntries(headings []taggedHeading) (entries []*outlineEntry) {
	for _, h := range headings {
		var title strings.Builder
		for _, m := range h.marks {
			title.WriteString(r.marked[m])
		}
		key := letterKey(title.String())
		if key == "" || utf8.RuneCountInString(key) > maxTaggedTitle {
			continue
		}
		entries = append(entries, &outlineEntry{key: key, level: h.level})
	}
	return entries
}

// markOf is the number of marked content by its properties, from 1; 0 without one.
func markOf(properties any, res pdf.Value) int {
	n := int64(-1)
	switch p := properties.(type) {
	case pdfDict:
		switch v := p["MCID"].(type) {
		case int64:
			n = v
		case float64:
			n = int64(v)
		}
	case pdfName:
		if v := res.Key("Properties").Key(string(p)).Key("MCID"); v.Kind() == pdf.Integer {
			n = v.Int64()
		}
	}
	if n < 0 || n > 1<<30 {
		return 0
	}
	return int(n) + 1
}
