package ask

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/lore-kb/lore/analysis"
	"github.com/lore-kb/lore/retrieve"
)

// unit is the smallest piece of a passage that can be quoted: a sentence, a
// table row, a list item or a line of code.
type unit struct {
	start, end int // byte range in the passage's text, without surrounding space and list marks
	kind       unitKind
	header     string   // of a row: the header row
	headings   []string // headings inside the passage that it stands under
	block      int      // number of its paragraph, table, list or code block
	announces  bool     // ends with a colon: what follows belongs to it
}

type unitKind int

const (
	unitSentence unitKind = iota
	unitItem
	unitRow
	unitCode
)

var (
	atxHeading     = regexp.MustCompile(`^\s{0,3}#{1,6}\s+(.+?)\s*#*\s*$`)
	setextRule     = regexp.MustCompile(`^\s{0,3}(=+|-{2,})\s*$`)
	listMark       = regexp.MustCompile(`^\s*(?:[-*+•·–]|\(?\d{1,3}[.)、）]|[a-zA-Z][.)]|[（(][一二三四五六七八九十]{1,3}[)）]|[一二三四五六七八九十]{1,3}、)\s+|^\s*(?:\d{1,3}、|[（(][一二三四五六七八九十\d]{1,3}[)）]|[一二三四五六七八九十]{1,3}、|•|·)`)
	quoteMark      = regexp.MustCompile(`^(?:\s{0,3}>\s?)+`)
	tableRule      = regexp.MustCompile(`^\s*\|?\s*:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)*\|?\s*$`)
	imageOnly      = regexp.MustCompile(`^\s*(?:!\[[^\]]*\]\([^)]*\)\s*)+$`)
	linkDefinition = regexp.MustCompile(`^\s{0,3}\[[^\]]+\]:\s+\S+`)
)

// maxHeading is deeper than every level of heading that marks can write.
const maxHeading = 7

// opensSection reports whether a line is the heading of the passage's section.
func opensSection(p *retrieve.Passage, line string) bool {
	n := len(p.Section)
	return n > 0 && line != "" && line == strings.TrimSpace(p.Section[n-1])
}

// cutUnits cuts a passage into units. Headings, rules, images and comments are no units; the
// headings stand in those that follow them.
func cutUnits(p *retrieve.Passage) []unit {
	text := p.Text
	var out []unit
	var headings []string
	var levels []int
	header := firstTableRow(p.Context)
	block := 0
	fenced, comment := false, false
	paragraph := -1 // start of the paragraph being read
	paragraphEnd := 0
	kind := unitSentence
	flush := func() {
		if paragraph < 0 {
			return
		}
		block++
		for _, s := range analysis.Sentences(text[paragraph:paragraphEnd]) {
			if u, ok := trimUnit(text, paragraph+s.Start, paragraph+s.End); ok {
				u.kind, u.headings, u.block = kind, headings, block
				out = append(out, u)
			}
		}
		paragraph, kind = -1, unitSentence
	}
	inTable := false
	for at := 0; at < len(text); {
		end := strings.IndexByte(text[at:], '\n')
		next := 0
		if end < 0 {
			end, next = len(text), len(text)
		} else {
			end, next = at+end, at+end+1
		}
		line := strings.TrimRight(text[at:end], "\r")
		trimmed := strings.TrimSpace(line)
		bare := !fenced && strings.Contains(line, cellMark) && (inTable || strings.Contains(firstLine(text[next:]), cellMark))
		isRow := bare || strings.HasPrefix(trimmed, "|") && strings.Count(trimmed, "|") >= 2 || strings.Count(line, "\t") >= 1 && !fenced && strings.TrimSpace(line) != "" && strings.IndexByte(strings.TrimSpace(line), '\t') > 0
		switch {
		case comment:
			comment = !strings.Contains(line, "-->")
		case strings.HasPrefix(trimmed, "```") || strings.HasPrefix(trimmed, "~~~"):
			flush()
			fenced = !fenced
			block++
		case fenced:
			if u, ok := trimUnit(text, at, at+len(line)); ok {
				u.kind, u.headings, u.block = unitCode, headings, block
				out = append(out, u)
			}
		case trimmed == "":
			flush()
			inTable = false
		case strings.HasPrefix(trimmed, "<!--") && !strings.Contains(trimmed, "-->"):
			flush()
			comment = true
		case strings.HasPrefix(trimmed, "<!--") || imageOnly.MatchString(line) || linkDefinition.MatchString(line):
			flush()
		case len(out) == 0 && paragraph < 0 && opensSection(p, trimmed):
			headings = []string{trimmed} // a chunk begins behind the marks of its heading
			levels = []int{maxHeading}
		case atxHeading.MatchString(line):
			flush()
			level := len(trimmed) - len(strings.TrimLeft(trimmed, "#"))
			for len(levels) > 0 && levels[len(levels)-1] >= level {
				levels, headings = levels[:len(levels)-1], headings[:len(headings)-1]
			}
			levels = append(levels, level)
			headings = append(append([]string(nil), headings...), atxHeading.FindStringSubmatch(line)[1])
		case setextRule.MatchString(line) && paragraph >= 0 && !strings.Contains(text[paragraph:paragraphEnd], "\n"):
			level := 2
			if trimmed[0] == '=' {
				level = 1
			}
			title := strings.TrimSpace(text[paragraph:paragraphEnd])
			paragraph = -1
			for len(levels) > 0 && levels[len(levels)-1] >= level {
				levels, headings = levels[:len(levels)-1], headings[:len(headings)-1]
			}
			levels = append(levels, level)
			headings = append(append([]string(nil), headings...), title)
		case tableRule.MatchString(line) && (inTable || strings.Contains(line, "|")):
			if n := len(out); n > 0 && out[n-1].kind == unitRow {
				header = text[out[n-1].start:out[n-1].end]
				out = out[:n-1] // a header row answers nothing by itself
			}
		case setextRule.MatchString(line):
			flush()
		case isRow:
			flush()
			first := !inTable
			if first {
				block++
				inTable = true
			}
			above := header
			if first && bare && header == "" {
				// A header without a rule below it; with figures it may be a row.
				header = trimmed
				if !strings.ContainsAny(trimmed, "0123456789") {
					break
				}
			}
			if u, ok := trimUnit(text, at, at+len(line)); ok {
				u.kind, u.headings, u.block, u.header = unitRow, headings, block, above
				out = append(out, u)
			}
		case listMark.MatchString(quoteMark.ReplaceAllString(line, "")):
			flush()
			skip := len(line) - len(quoteMark.ReplaceAllString(line, ""))
			mark := listMark.FindString(line[skip:])
			paragraph, paragraphEnd, kind = at+skip+len(mark), at+len(line), unitItem
		case indentedCode(line) && paragraph < 0:
			if u, ok := trimUnit(text, at, at+len(line)); ok {
				u.kind, u.headings, u.block = unitCode, headings, block
				out = append(out, u)
			}
		default:
			if paragraph < 0 {
				paragraph = at + len(quoteMark.FindString(line))
			}
			paragraphEnd = at + len(line)
		}
		if !isRow && trimmed != "" && !tableRule.MatchString(line) {
			inTable = false
			header = ""
		}
		at = next
	}
	flush()
	return out
}

// cellMark stands between the cells of a row that has no marks at its ends.
const cellMark = " | "

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func indentedCode(line string) bool {
	return strings.HasPrefix(line, "    ") || strings.HasPrefix(line, "\t")
}

// trimUnit trims space off a range; ok is false when no letter or digit is left.
func trimUnit(text string, start, end int) (unit, bool) {
	for start < end {
		r, n := utf8.DecodeRuneInString(text[start:end])
		if !isSpace(r) {
			break
		}
		start += n
	}
	for start < end {
		r, n := utf8.DecodeLastRuneInString(text[start:end])
		if !isSpace(r) {
			break
		}
		end -= n
	}
	last, _ := utf8.DecodeLastRuneInString(strings.TrimRight(text[start:end], "*_ "))
	return unit{start: start, end: end, announces: last == ':' || last == '：'}, strings.IndexFunc(text[start:end], isWordRune) >= 0
}

func firstTableRow(context string) string {
	for _, line := range strings.Split(context, "\n") {
		if line = strings.TrimSpace(line); line != "" && !tableRule.MatchString(line) {
			return line
		}
	}
	return ""
}

// cells returns the cells of a table row.
func cells(row string) []string {
	row = strings.TrimSpace(row)
	sep := "|"
	if !strings.Contains(row, "|") {
		sep = "\t"
	}
	row = strings.TrimSuffix(strings.TrimPrefix(row, "|"), "|")
	parts := strings.Split(row, sep)
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

// readable is a unit's text as an answer shows it: a row joined with its header,
// without emphasis, images and link targets.
func readable(text string, u *unit) string {
	s := text[u.start:u.end]
	if u.kind == unitRow {
		row, head := cells(s), cells(u.header)
		var parts []string
		for i, c := range row {
			switch {
			case c == "":
			case u.header != "" && i < len(head) && head[i] != "":
				parts = append(parts, plainText(head[i])+": "+plainText(c))
			default:
				parts = append(parts, plainText(c))
			}
		}
		return strings.Join(parts, "; ")
	}
	if u.kind == unitCode {
		return "`" + strings.TrimSpace(s) + "`"
	}
	return plainText(s)
}

// columnFigures returns the figures of a table row with the units that the
// header of their column names: 1,480 under "Price (EUR)" is 1480 EUR.
func columnFigures(text string, u *unit) []figure {
	if u.kind != unitRow || u.header == "" {
		return nil
	}
	row, head := cells(text[u.start:u.end]), cells(u.header)
	var out []figure
	for i, cell := range row {
		if i >= len(head) || !endsInDigit(cell) {
			continue
		}
		name := plainText(head[i])
		if m := bracketed.FindStringSubmatch(name); m != nil {
			name = m[1]
		}
		for _, f := range figures(foldText(plainText(cell) + " " + name)) {
			if f.dimension != "" {
				out = append(out, f)
			}
		}
	}
	return out
}

func endsInDigit(s string) bool {
	s = strings.TrimSpace(s)
	return s != "" && s[len(s)-1] >= '0' && s[len(s)-1] <= '9'
}

// bracketed is the unit in the name of a column.
var bracketed = regexp.MustCompile(`[(（\[]([^()（）\]]{1,24})[)）\]]\s*$`)

var (
	imageMark    = regexp.MustCompile(`!\[[^\]]*\]\([^)]*\)`)
	linkMark     = regexp.MustCompile(`\[([^\]]*)\]\((?:\{[{%][^}]*[%}]\}[^)\s]*|[^)\s]*(?:\s+"[^"]*")?)\)`)
	emphasisMark = regexp.MustCompile(`\*\*|__|~~`)
	starEmphasis = regexp.MustCompile(`(^|[\s\p{P}\p{Han}])\*([^*\n]+)\*`)
	commentMark  = regexp.MustCompile(`(?s)<!--.*?-->`)
	htmlTag      = regexp.MustCompile(`</?[a-zA-Z][^<>\n]{0,200}>`)
	innerQuote   = regexp.MustCompile(`\n\s{0,3}>\s?`)
	markerInText = regexp.MustCompile(`[\[【](\d{1,3})[\]】]`)
)

// plainText takes the marks of Markdown from a quote, for reading. Numbers in
// square brackets become round ones: in an answer only markers are square.
func plainText(s string) string {
	s = invisible.Replace(commentMark.ReplaceAllString(s, ""))
	s = imageMark.ReplaceAllString(s, "")
	s = linkMark.ReplaceAllString(s, "$1")
	s = emphasisMark.ReplaceAllString(s, "")
	s = starEmphasis.ReplaceAllString(s, "$1$2")
	s = htmlTag.ReplaceAllString(s, "")
	s = innerQuote.ReplaceAllString(s, "\n")
	s = markerInText.ReplaceAllString(s, "($1)")
	return joinLines(s)
}

// joinLines makes one line; lines of Chinese join without a space.
func joinLines(s string) string {
	var b strings.Builder
	for _, f := range strings.Fields(s) {
		if b.Len() > 0 {
			last, _ := utf8.DecodeLastRuneInString(b.String())
			first, _ := utf8.DecodeRuneInString(f)
			if !(isHan(last) || isWideMark(last)) || !(isHan(first) || isWideMark(first)) {
				b.WriteByte(' ')
			}
		}
		b.WriteString(f)
	}
	return b.String()
}

// joinSentences puts sentences behind one another, Chinese ones without a space.
func joinSentences(parts []string) string {
	var b strings.Builder
	for i, p := range parts {
		if i > 0 {
			if last, _ := utf8.DecodeLastRuneInString(b.String()); !isHan(last) && !isWideMark(last) {
				b.WriteByte(' ')
			}
		}
		b.WriteString(p)
	}
	return b.String()
}
