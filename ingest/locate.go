package ingest

import (
	"sort"
	"strconv"
	"strings"
	"unicode"

	"github.com/lore-kb/lore/store"
)

// locate turns cuts into chunks: trimmed of outer space, numbered, and with the
// line, page and time they stand at. The work is linear in the text.
func locate(doc *Document, cuts []cut) []Chunk {
	pages := doc.Pages
	if !sort.SliceIsSorted(pages, func(i, j int) bool { return pages[i].Offset < pages[j].Offset }) {
		pages = append([]Mark(nil), pages...)
		sort.SliceStable(pages, func(i, j int) bool { return pages[i].Offset < pages[j].Offset })
	}
	chunks := make([]Chunk, 0, len(cuts))
	line, at := 1, 0
	for _, c := range cuts {
		text := doc.Text[c.Start:c.End]
		start := c.Start + len(text) - len(strings.TrimLeftFunc(text, unicode.IsSpace))
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		end := start + len(text)
		line += strings.Count(doc.Text[at:start], "\n")
		at = start
		k := Chunk{Ordinal: len(chunks), Start: start, End: end, Section: c.section, Line: line, Text: text}
		if c.context.End > 0 {
			k.Context = strings.TrimSpace(doc.Text[c.context.Start:c.context.End])
		}
		if cells := doc.cellsIn(start, end); cells != "" {
			k.Section = append(k.Section[:len(k.Section):len(k.Section)], cells)
		}
		k.Page, k.PageBreaks = pagesIn(pages, start, end)
		k.Time, k.Cues = timeIn(doc.Times, start, end)
		k.Boxes = boxesIn(doc.Boxes, start, end)
		chunks = append(chunks, k)
	}
	return chunks
}

// pagesIn returns the page at start and the offsets inside (start, end) at which
// the page number grows by one; a page without text makes two equal offsets.
func pagesIn(pages []Mark, start, end int) (page int, breaks []int) {
	i := sort.Search(len(pages), func(i int) bool { return pages[i].Offset > start })
	if i > 0 {
		page = pages[i-1].Number
	}
	for at := page; i < len(pages) && pages[i].Offset < end; i++ {
		for ; at < pages[i].Number && len(breaks) < end-start; at++ {
			breaks = append(breaks, pages[i].Offset)
		}
	}
	return page, breaks
}

// timeIn returns from when to when the text in [start, end) was spoken, and the
// marks that say so; the first may begin before start.
func timeIn(times []TimeMark, start, end int) (span store.Span, cues []store.Cue) {
	i := sort.Search(len(times), func(i int) bool { return times[i].Offset > start })
	if i > 0 {
		i--
	}
	for ; i < len(times) && times[i].Offset < end; i++ {
		if len(cues) == 0 {
			span.From = times[i].Span.From
		}
		span.To = max(span.To, times[i].Span.To)
		cues = append(cues, times[i])
	}
	return span, cues
}

// boxesIn returns the boxes of the words that begin in [start, end).
func boxesIn(boxes []store.Box, start, end int) []store.Box {
	from := sort.Search(len(boxes), func(i int) bool { return boxes[i].Offset >= start })
	to := sort.Search(len(boxes), func(i int) bool { return boxes[i].Offset >= end })
	if from == to {
		return nil
	}
	return boxes[from:to]
}

// cellsIn returns the range of spreadsheet cells that stand in [start, end), such
// as "A2:F41"; "" when it is not part of one table of a spreadsheet.
func (d *Document) cellsIn(start, end int) string {
	i := sort.Search(len(d.Blocks), func(i int) bool { return d.Blocks[i].End > start })
	if i == len(d.Blocks) {
		return ""
	}
	b := &d.Blocks[i]
	// A heading may stand before the table.
	for b.Kind == Heading && i+1 < len(d.Blocks) && d.Blocks[i+1].Start < end {
		i++
		b = &d.Blocks[i]
	}
	if b.Numbers == nil || len(b.Numbers) != len(b.Rows) || end > b.End {
		return ""
	}
	first := sort.Search(len(b.Rows), func(i int) bool { return b.Rows[i].End > start })
	last := sort.Search(len(b.Rows), func(i int) bool { return b.Rows[i].Start >= end }) - 1
	if first > last {
		return ""
	}
	return columnName(b.Columns[0]) + strconv.Itoa(b.Numbers[first]) + ":" + columnName(b.Columns[1]) + strconv.Itoa(b.Numbers[last])
}

// columnName is the name of a column of a spreadsheet, counted from 0.
func columnName(n int) string {
	name := ""
	for n = max(n, 0) + 1; n > 0; n = (n - 1) / 26 {
		name = string(rune('A'+(n-1)%26)) + name
	}
	return name
}
