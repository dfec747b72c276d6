package extract

import (
	"strings"

	"github.com/lore-kb/lore/ingest"
)

// Light markup keeps the file as its text; only headings, code and lists are
// recognised, each format by its own marks.

func isMarkup(p *probe) bool {
	return p.named(".org", ".rst", ".adoc", ".asciidoc", ".tex", ".latex", ".textile", ".wiki", ".mediawiki", ".pod", ".typ") && p.sample() != ""
}

// markup says how a format marks things.
type markup struct {
	media    string
	heading  func(line string) (level int, name string)
	under    bool // headings are lines with a line of marks below
	begin    *lazyRegexp
	end      *lazyRegexp // of code; the fence itself when nil
	indented bool        // code is what follows "::" and is indented
	skip     *lazyRegexp // lines without text
	title    *lazyRegexp // a line that gives the title
}

var (
	orgHeading  = lazy(`^(\*+)\s+(?:(?:TODO|DONE|NEXT|WAITING)\s+)?(.+?)(?:\s+:[\w:@]+:)?$`)
	adocHeading = lazy(`^(={1,6})\s+(\S.*)$`)
	texSkip     = lazy(`^\s*(?:%|\\(?:documentclass|usepackage|begin|end|maketitle|tableofcontents|newpage|clearpage|label|bibliography|bibliographystyle|centering|includegraphics|input|include|newcommand|renewcommand|def|set[a-z]*)\b[^ ]*\s*$)`)
	texHeading  = lazy(`^\s*\\(part|chapter|section|subsection|subsubsection|paragraph|title)\*?(?:\[[^\]]*\])?\{(.*?)\}?\s*(?:\\label\{[^}]*\})?\s*%?$`)
	wikiHeading = lazy(`^(={1,6})\s*([^=].*?)\s*={1,6}\s*$`)
	podHeading  = lazy(`^=head([1-6])\s+(.+)$`)
	textile     = lazy(`^h([1-6])\.\s+(.+)$`)
)

var markups = map[string]markup{
	".org":  {media: "text/org", begin: lazy(`(?i)^\s*#\+begin_(?:src|example)`), end: lazy(`(?i)^\s*#\+end_`), heading: byCount(orgHeading), skip: lazy(`^#(?:\+| |$)`), title: lazy(`(?i)^#\+title:\s*(.+)$`)},
	".rst":  {media: "text/x-rst", under: true, indented: true},
	".adoc": {media: "text/asciidoc", begin: lazy(`^(?:----+|\.\.\.\.+)$`), heading: byCount(adocHeading)},
	".wiki": {media: "text/x-wiki", heading: byCount(wikiHeading)},
	".typ":  {media: "text/x-typst", heading: byCount(adocHeading)},
	".tex": {media: "text/x-tex", skip: texSkip, begin: lazy(`^\s*\\begin\{(?:verbatim|lstlisting|minted)`), end: lazy(`^\s*\\end\{(?:verbatim|lstlisting|minted)`),
		heading: func(line string) (int, string) {
			m := texHeading.FindStringSubmatch(line)
			if m == nil {
				return 0, ""
			}
			return map[string]int{"title": 1, "part": 1, "chapter": 1, "section": 2, "subsection": 3, "subsubsection": 4, "paragraph": 5}[m[1]], m[2]
		}},
	".pod":     {media: "text/x-pod", heading: byDigit(podHeading)},
	".textile": {media: "text/x-textile", heading: byDigit(textile)},
}

func byCount(re *lazyRegexp) func(string) (int, string) {
	return func(line string) (int, string) {
		if m := re.FindStringSubmatch(line); m != nil {
			return min(len(m[1]), 6), m[2]
		}
		return 0, ""
	}
}

func byDigit(re *lazyRegexp) func(string) (int, string) {
	return func(line string) (int, string) {
		if m := re.FindStringSubmatch(line); m != nil {
			return int(m[1][0] - '0'), m[2]
		}
		return 0, ""
	}
}

// readMarkup cuts the text at headings, code and blank lines.
func readMarkup(j *job, in ingest.Input) ([]ingest.Document, error) {
	text := j.decodeText(in.Data)
	j.spendText(len(text))
	ext := newProbe(in.Name, nil).ext
	switch ext {
	case ".asciidoc":
		ext = ".adoc"
	case ".latex":
		ext = ".tex"
	case ".mediawiki":
		ext = ".wiki"
	}
	m, ok := markups[ext]
	if !ok {
		m = markup{media: "text/plain"}
	}
	w := &markupWalk{doc: ingest.Document{Text: text, MediaType: m.media}, m: m}
	w.run(text)
	return []ingest.Document{w.doc}, nil
}

type markupWalk struct {
	doc     ingest.Document
	m       markup
	section []string
	levels  []int
	marks   []byte // underlines seen, in order: their order is their level
}

type textLine struct {
	start, end int // without the line end
}

func (w *markupWalk) run(text string) {
	var lines []textLine
	for at := 0; at < len(text); {
		next := len(text)
		if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
			next = at + i + 1
		}
		lines = append(lines, textLine{at, at + len(strings.TrimRight(text[at:next], " \t\r\n"))})
		at = next
	}
	line := func(i int) string {
		if i < 0 || i >= len(lines) {
			return ""
		}
		return text[lines[i].start:lines[i].end]
	}
	from := -1
	flush := func(to int) {
		if from >= 0 && to > from {
			w.prose(text, lines[from].start, lines[to-1].end)
		}
		from = -1
	}
	for i := 0; i < len(lines); i++ {
		s := line(i)
		if w.m.title != nil && w.doc.Title == "" {
			if m := w.m.title.FindStringSubmatch(s); m != nil {
				w.doc.Title = oneLine(m[1])
			}
		}
		if strings.TrimSpace(s) == "" {
			flush(i)
			continue
		}
		if w.m.begin != nil && w.m.begin.MatchString(s) {
			flush(i)
			k := i + 1
			for k < len(lines) && (w.m.end != nil && !w.m.end.MatchString(line(k)) || w.m.end == nil && line(k) != s) {
				k++
			}
			w.add(ingest.Code, text, lines[min(i+1, len(lines)-1)].start, lines[min(k-1, len(lines)-1)].end)
			i = k
			continue
		}
		if w.m.heading != nil {
			if level, name := w.m.heading(s); level > 0 {
				flush(i)
				w.heading(level, name, lines[i].start, lines[i].end)
				continue
			}
		}
		if w.m.skip != nil && w.m.skip.MatchString(s) {
			flush(i)
			continue
		}
		if w.m.under {
			if mark := underline(line(i + 1)); mark != 0 && underline(s) == 0 && len(line(i+1)) >= len([]rune(s)) {
				flush(i)
				w.heading(w.level(mark), strings.TrimSpace(s), lines[i].start, lines[i].end)
				i++
				continue
			}
			if underline(s) != 0 {
				flush(i)
				continue
			}
		}
		if w.m.indented && from < 0 && (s[0] == ' ' || s[0] == '\t') && i >= 2 && strings.HasSuffix(line(lastText(i-1, line)), "::") {
			k := i
			for k < len(lines) && (strings.TrimSpace(line(k)) == "" || line(k)[0] == ' ' || line(k)[0] == '\t') {
				k++
			}
			w.add(ingest.Code, text, lines[i].start, lines[lastText(k-1, line)].end)
			i = k - 1
			continue
		}
		if from < 0 {
			from = i
		}
	}
	flush(len(lines))
}

// lastText is the last line at or before i that is not blank.
func lastText(i int, line func(int) string) int {
	for i > 0 && strings.TrimSpace(line(i)) == "" {
		i--
	}
	return max(i, 0)
}

// underline is the mark that a line consists of, 0 for none.
func underline(s string) byte {
	if len(s) < 3 || strings.IndexByte("=-~^\"'`#*+:.<>_", s[0]) < 0 || strings.Trim(s, s[:1]) != "" {
		return 0
	}
	return s[0]
}

func (w *markupWalk) level(mark byte) int {
	for i, m := range w.marks {
		if m == mark {
			return i + 1
		}
	}
	w.marks = append(w.marks, mark)
	return len(w.marks)
}

func (w *markupWalk) heading(level int, name string, start, end int) {
	name = oneLine(name)
	if name == "" {
		return
	}
	if w.doc.Title == "" {
		w.doc.Title = name
	}
	w.section, w.levels = openSection(w.section, w.levels, level, name)
	w.doc.Blocks = append(w.doc.Blocks, ingest.Block{Kind: ingest.Heading, Start: start, End: end, Level: level, Section: w.section})
}

func (w *markupWalk) prose(text string, start, end int) {
	for start < end && (text[start] == ' ' || text[start] == '\t') {
		start++
	}
	if items := listItems(text, ingest.Range{Start: start, End: end}); len(items) > 1 {
		for _, it := range items {
			w.add(ingest.ListItem, text, it.Start, it.End)
		}
		return
	}
	w.add(ingest.Paragraph, text, start, end)
}

func (w *markupWalk) add(k ingest.BlockKind, text string, start, end int) {
	if start < end && strings.TrimSpace(text[start:end]) != "" {
		w.doc.Blocks = append(w.doc.Blocks, ingest.Block{Kind: k, Start: start, End: end, Section: w.section})
	}
}
