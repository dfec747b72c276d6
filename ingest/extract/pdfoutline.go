package extract

import (
	"strings"
	"unicode"

	"github.com/ledongthuc/pdf"
)

// outlineEntry is a line of a document's outline: a heading, on a page.
type outlineEntry struct {
	title string // empty for a heading of the structure tree
	key   string // letters and digits of the title
	level int
	found bool // in the text
}

const maxOutline = 20000

// outline reads the outline by page, from 0. Entries that lead nowhere are left
// out.
func (r *pdfReader) outline(pages []pdfPageRef) (byPage map[int][]*outlineEntry, deepest int) {
	defer func() {
		if e := recover(); e != nil {
			if s, ok := e.(stop); ok {
				panic(s)
			}
			byPage, deepest = nil, 0
		}
	}()
	root := r.root.Key("Root")
	first := root.Key("Outlines").Key("First")
	if first.Kind() != pdf.Dict {
		return nil, 0
	}
	number := make(map[int]int, len(pages))
	for i, p := range pages {
		if id := r.id(p.page); id >= 0 {
			number[id] = i
		}
	}
	var names map[string]pdf.Value
	target := func(v pdf.Value) (int, bool) {
		if v.Kind() == pdf.String || v.Kind() == pdf.Name {
			if names == nil {
				names = r.destinations(root)
			}
			v = names[v.RawString()+v.Name()]
		}
		if v.Kind() == pdf.Dict {
			v = v.Key("D")
		}
		n, ok := number[r.id(v.Index(0))]
		return n, ok && v.Kind() == pdf.Array
	}
	byPage = map[int][]*outlineEntry{}
	seen := map[int]bool{}
	count := 0
	var walk func(v pdf.Value, level int)
	walk = func(v pdf.Value, level int) {
		for ; v.Kind() == pdf.Dict && count < maxOutline && level < 10; v = v.Key("Next") {
			id := r.id(v)
			if id < 0 || seen[id] {
				return
			}
			seen[id] = true
			if count++; count%256 == 0 {
				r.j.check()
			}
			dest := v.Key("Dest")
			if dest.IsNull() {
				dest = v.Key("A").Key("D")
			}
			title := oneLine(pdfText(v.Key("Title").RawString()))
			if n, ok := target(dest); ok && title != "" {
				if key := letterKey(title); key != "" {
					byPage[n] = append(byPage[n], &outlineEntry{title: title, key: key, level: level})
					deepest = max(deepest, level)
				}
			}
			walk(v.Key("First"), level+1)
		}
	}
	walk(first, 1)
	return byPage, deepest
}

// destinations are the named places of a document, in either form.
func (r *pdfReader) destinations(root pdf.Value) map[string]pdf.Value {
	names := map[string]pdf.Value{}
	old := root.Key("Dests")
	for _, k := range old.Keys() {
		names[k] = old.Key(k)
	}
	nodes := 0
	var walk func(v pdf.Value, depth int)
	walk = func(v pdf.Value, depth int) {
		if nodes++; nodes > 20000 || depth > 32 {
			return
		}
		list := v.Key("Names")
		for i := 0; i+1 < list.Len() && len(names) < 100000; i += 2 {
			names[list.Index(i).RawString()] = list.Index(i + 1)
		}
		kids := v.Key("Kids")
		for i := range kids.Len() {
			walk(kids.Index(i), depth+1)
		}
	}
	walk(root.Key("Names").Key("Dests"), 0)
	return names
}

// letterKey is a text's letters and digits in lower case: what the text and the
// outline write alike.
func letterKey(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}

// entryAt returns the outline entry that the lines begin with, and how many of
// them it takes. The text may number what the outline does not, or the reverse.
func entryAt(entries []*outlineEntry, lines []pdfLine) (*outlineEntry, int) {
	key := ""
	for n := 1; n <= 3 && n <= len(lines); n++ {
		if lines[n-1].region != lines[0].region || lines[n-1].turn != 0 {
			break
		}
		key += letterKey(lines[n-1].text())
		if key == "" {
			break
		}
		for _, e := range entries {
			if e.found {
				continue
			}
			if key == e.key || unnumbered(key) == e.key || key == unnumbered(e.key) {
				return e, n
			}
		}
	}
	return nil, 0
}

func unnumbered(key string) string { return key[digits(key):] }
