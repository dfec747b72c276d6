package extract

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lore-kb/lore/ingest"
)

// readText reads plain text. Text in UTF-8 is kept byte for byte, a byte order
// mark included.
func readText(j *job, in ingest.Input) ([]ingest.Document, error) {
	text := j.decodeText(in.Data)
	j.spendText(len(text))
	doc := ingest.Document{Text: text, Blocks: textBlocks(text)}
	for i := range doc.Blocks {
		if b := &doc.Blocks[i]; b.Kind == ingest.Heading {
			doc.Title = oneLine(text[b.Start:b.End])
			break
		}
		if i == 3 {
			break
		}
	}
	return []ingest.Document{doc}, nil
}

// decodeText decodes a text file of unknown charset.
func (j *job) decodeText(data []byte) string {
	if p := j.probe; p != nil && len(p.data) == len(data) && &p.data[0] == &data[0] {
		if text, ok := p.text(); ok {
			return text
		}
	}
	cs := detectCharset(data[:min(len(data), 64<<10)], len(data) > 64<<10)
	if cs == "" {
		cs = csUTF8
	}
	text, _ := decode(data, cs)
	return text
}

// textBlocks cuts text at blank lines. A block is a list when all its lines look
// like items, a heading when it is a single line that could be nothing else.
func textBlocks(text string) []ingest.Block {
	var blocks []ingest.Block
	var section []string
	var levels []int
	n := 0
	for p := range paragraphs(text) {
		n++
		s := text[p.Start:p.End]
		if level := textHeading(s, n == 1); level > 0 {
			section, levels = openSection(section, levels, level, oneLine(strings.Trim(s, "=#* \t\r\n-~")))
			blocks = append(blocks, ingest.Block{Kind: ingest.Heading, Start: p.Start, End: p.End, Level: level, Section: section})
			continue
		}
		if items := listItems(text, p); len(items) > 1 {
			for _, it := range items {
				blocks = append(blocks, ingest.Block{Kind: ingest.ListItem, Start: it.Start, End: it.End, Section: section})
			}
			continue
		}
		blocks = append(blocks, ingest.Block{Kind: ingest.Paragraph, Start: p.Start, End: p.End, Section: section})
	}
	return blocks
}

// paragraphs yields the ranges between blank lines, without the white space
// around them.
func paragraphs(text string) func(yield func(ingest.Range) bool) {
	return func(yield func(ingest.Range) bool) {
		start, end := -1, 0
		for at := 0; at < len(text); {
			next := len(text)
			if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
				next = at + i + 1
			}
			line := text[at:next]
			trimmed := strings.TrimRightFunc(line, blankOrMark)
			if trimmed == "" {
				if start >= 0 && !yield(ingest.Range{Start: start, End: end}) {
					return
				}
				start = -1
			} else {
				if start < 0 {
					start = at + len(line) - len(strings.TrimLeftFunc(line, blankOrMark))
				}
				end = at + len(trimmed)
			}
			at = next
		}
		if start >= 0 {
			yield(ingest.Range{Start: start, End: end})
		}
	}
}

func blankOrMark(r rune) bool { return unicode.IsSpace(r) || r == 0xfeff || r < ' ' }

// listItems cuts a paragraph into items when its first line is one; lines that
// start with none continue the item before.
func listItems(text string, p ingest.Range) []ingest.Range {
	var items []ingest.Range
	for at := p.Start; at < p.End; {
		next := p.End
		if i := strings.IndexByte(text[at:p.End], '\n'); i >= 0 {
			next = at + i + 1
		}
		line := strings.TrimRight(text[at:next], "\r\n \t")
		lead := len(line) - len(strings.TrimLeft(line, " \t"))
		switch {
		case itemMark(line[lead:]):
			items = append(items, ingest.Range{Start: at + lead, End: at + len(line)})
		case len(items) == 0:
			return nil
		case line != "":
			items[len(items)-1].End = at + len(line)
		}
		at = next
	}
	return items
}

// itemMark reports whether a line starts as a list item does: "- ", "* ", "• ",
// "1. ", "2) ", "（三）", "四、".
func itemMark(s string) bool {
	for _, m := range []string{"- ", "* ", "+ ", "• ", "•", "· ", "●", "○", "■", "– "} {
		if strings.HasPrefix(s, m) {
			return true
		}
	}
	i := 0
	for i < len(s) && i < 3 && '0' <= s[i] && s[i] <= '9' {
		i++
	}
	if i > 0 && i < len(s) {
		rest := s[i:]
		return strings.HasPrefix(rest, ". ") || strings.HasPrefix(rest, ") ") || strings.HasPrefix(rest, "、") || strings.HasPrefix(rest, "）")
	}
	runes := 0
	for k, r := range s {
		runes++
		if strings.ContainsRune("一二三四五六七八九十", r) {
			continue
		}
		if k > 0 && r == '、' && runes <= 4 {
			return true
		}
		break
	}
	return false
}

// textHeading is the level of a block that is obviously a heading, else 0: lines
// underlined with marks, "# …", "Chapter 3 …", "第三章 …", and a short first line
// in capitals.
func textHeading(s string, first bool) int {
	if len(s) > 300 {
		return 0
	}
	if line, under, ok := strings.Cut(s, "\n"); ok {
		under = strings.TrimSpace(under)
		if len(under) >= 3 && strings.IndexByte(under, '\n') < 0 && utf8.RuneCountInString(line) <= 2*len(under)+4 && len(line) < 150 {
			if strings.Trim(under, "=") == "" {
				return 1
			}
			if strings.Trim(under, "-") == "" || strings.Trim(under, "~") == "" {
				return 2
			}
		}
		return 0
	}
	if utf8.RuneCountInString(s) > 60 {
		return 0
	}
	if n := len(s) - len(strings.TrimLeft(s, "#")); n > 0 && n <= 6 && strings.HasPrefix(s[n:], " ") {
		return n
	}
	if chinese := strings.TrimLeft(s, " \u3000"); strings.HasPrefix(chinese, "第") {
		rest := strings.TrimLeft(strings.TrimPrefix(chinese, "第"), "一二三四五六七八九十百零〇0123456789 ")
		switch {
		case len(rest) == len(chinese)-len("第"), strings.ContainsAny(s, "。，；"):
		case strings.HasPrefix(rest, "章"), strings.HasPrefix(rest, "部分"), strings.HasPrefix(rest, "编"), strings.HasPrefix(rest, "篇"):
			return 1
		case strings.HasPrefix(rest, "节"):
			return 2
		}
	}
	for _, w := range []string{"Chapter ", "CHAPTER ", "Part ", "PART ", "Appendix ", "APPENDIX "} {
		if rest, ok := strings.CutPrefix(s, w); ok && rest != "" && !strings.HasSuffix(s, ".") &&
			(unicode.IsDigit(rune(rest[0])) || strings.IndexByte("IVXLC", rest[0]) >= 0 || w[0] == 'A' && len(rest) == 1) {
			return 1
		}
	}
	if first {
		letters := 0
		for _, r := range s {
			if unicode.IsLower(r) || unicode.Is(unicode.Han, r) {
				return 0
			}
			if unicode.IsUpper(r) {
				letters++
			}
		}
		if letters >= 4 {
			return 1
		}
	}
	return 0
}

// titleFromName is a file's name without folder and ending.
func titleFromName(name string) string {
	base := path.Base(strings.ReplaceAll(name, "\\", "/"))
	return strings.TrimSuffix(base, path.Ext(base))
}
