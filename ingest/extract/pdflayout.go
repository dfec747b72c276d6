package extract

import (
	"math"
	"slices"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// The way from glyphs to text: glyphs that touch are words; words on one
// baseline are spans, which end at wide gaps; the page is cut along its gutters
// into regions; spans of a region that share a baseline are lines.

// pdfSpan is a run of words without a wide gap.
type pdfSpan struct {
	text     strings.Builder
	x, y, x2 float64
	size     float64
	bold     bool
	chars    int
	words    int
}

func (s *pdfSpan) top() float64 { return s.y + 0.8*s.size }

// pdfLine is a line of text in reading order.
type pdfLine struct {
	cells    []string // its spans; more than one when wide gaps divide it
	starts   []float64
	ends     []float64
	x, y, x2 float64
	size     float64
	bold     bool
	region   int // number of the region it is in
	turn     int
	edge     bool // at the top or bottom of the page
	rtl      bool // cells come from the right
	dropped  bool
}

func (l *pdfLine) text() string {
	if len(l.cells) == 1 {
		return l.cells[0]
	}
	return joinWords(l.cells)
}

// joinWords joins with blanks, except between characters of scripts that have
// none.
func joinWords(parts []string) string {
	var out strings.Builder
	for i, p := range parts {
		if i > 0 {
			out.WriteByte(' ')
		}
		out.WriteString(p)
	}
	return out.String()
}

// layout arranges the glyphs of a page: text in the page's main direction first,
// then the other directions.
func layout(glyphs []pdfGlyph) []pdfLine {
	var turns [5][]pdfGlyph
	for _, g := range glyphs {
		turns[g.turn] = append(turns[g.turn], g)
	}
	order := []int{0, 1, 2, 3, 4}
	sort.SliceStable(order, func(a, b int) bool { return len(turns[order[a]]) > len(turns[order[b]]) })
	var lines []pdfLine
	region := 0
	for _, t := range order {
		if len(turns[t]) == 0 {
			continue
		}
		spans, numbers := splitLineNumbers(makeSpans(turns[t]))
		if len(numbers) > 0 {
			for _, line := range makeLines(numbers) {
				line.region, line.turn, line.dropped = region, t, true
				lines = append(lines, line)
			}
			region++
		}
		for _, group := range cutRegions(spans, 0) {
			for _, line := range makeLines(group) {
				line.region, line.turn = region, t
				lines = append(lines, line)
			}
			region++
		}
	}
	return lines
}

// pdfWord is a run of glyphs that touch.
type pdfWord struct {
	text     []byte
	x, y, x2 float64
	size     float64
	bold     bool
	chars    int
	cjk      bool // its last character
	cjkFirst bool
}

// Gaps in units of the font size: wordGap divides words, cjkGap characters of
// scripts without blanks, spanGap cells and columns.
const (
	wordGap = 0.1
	cjkGap  = 0.3
	spanGap = 0.9
)

func isCJK(r rune) bool {
	return r >= 0x2e80 && r < 0xa4d0 || r >= 0xf900 && r < 0xfb00 || r >= 0xfe30 && r < 0xfe50 || r >= 0xff00 && r < 0xfff0 || r >= 0x20000 && r < 0x40000
}

func makeWords(glyphs []pdfGlyph) []pdfWord {
	var words []pdfWord
	var cur *pdfWord
	var prev *pdfGlyph
	for i := range glyphs {
		g := &glyphs[i]
		r, _ := utf8.DecodeRuneInString(g.text)
		if isBlank(r) {
			cur = nil
			continue
		}
		if r < ' ' || r == 0x7f || r == 0xfffd || g.text == softHyphen && cur == nil {
			continue
		}
		// A character printed twice with a slight shift looks bold and reads once.
		if prev != nil && prev.text == g.text && math.Abs(g.x-prev.x) < 0.3*(g.x2-g.x) && math.Abs(g.y-prev.y) < 0.1*g.size {
			continue
		}
		prev = g
		cjk := isCJK(r)
		if cur != nil {
			size := math.Max(cur.size, g.size)
			gap := g.x - cur.x2
			limit := wordGap * size
			if cjk && cur.cjk {
				limit = cjkGap * size
			}
			dy := math.Abs(g.y - cur.y)
			if gap <= limit && gap > -0.5*size && dy < 0.5*size && g.size < cur.size*2.5 && cur.size < g.size*2.5 {
				if gap < -0.2*size && len(cur.text) > 0 && g.x < cur.x {
					cur = nil
				}
			} else {
				cur = nil
			}
		}
		if cur == nil {
			words = append(words, pdfWord{x: g.x, y: g.y, x2: g.x2, size: g.size, bold: g.bold, cjkFirst: cjk})
			cur = &words[len(words)-1]
		}
		if g.size > cur.size && cur.chars < 2 {
			cur.size, cur.y = g.size, g.y
		}
		cur.text = append(cur.text, visual(expandLigatures(g.text))...)
		cur.x2 = math.Max(cur.x2, g.x2)
		cur.chars++
		last, _ := utf8.DecodeLastRuneInString(g.text)
		cur.cjk = isCJK(last)
		cur.bold = cur.bold && g.bold
	}
	return overprinted(words)
}

// overprinted drops words that are printed a second time where they stand.
func overprinted(words []pdfWord) []pdfWord {
	type place struct {
		text string
		y    int32
	}
	seen := make(map[place]float64, len(words))
	kept := words[:0]
	for _, w := range words {
		key := place{string(w.text), int32(math.Round(w.y / (0.3*w.size + 0.01)))}
		if x, ok := seen[key]; ok && math.Abs(x-w.x) < 0.15*w.size && w.x2 > w.x {
			continue
		}
		seen[key] = w.x
		kept = append(kept, w)
	}
	return kept
}

// accents are the marks that typesetting systems print over letters, by their
// combining forms.
var accents = map[string]string{"´": "\u0301", "`": "\u0300", "¨": "\u0308", "ˆ": "\u0302", "^": "\u0302", "˜": "\u0303", "~": "\u0303", "¸": "\u0327", "ˇ": "\u030c", "˙": "\u0307", "˚": "\u030a", "˘": "\u0306", "¯": "\u0304", "˝": "\u030b", "˛": "\u0328"}

// composeAccents puts accents that are printed over a letter into it: as TeX
// does, just before or just after the letter.
func composeAccents(glyphs []pdfGlyph) []pdfGlyph {
	kept := glyphs[:0]
	for i := 0; i < len(glyphs); i++ {
		g := glyphs[i]
		mark, ok := accents[g.text]
		if !ok {
			kept = append(kept, g)
			continue
		}
		if i+1 < len(glyphs) && over(&g, &glyphs[i+1]) {
			glyphs[i+1].text = accented(glyphs[i+1].text, mark)
			continue
		}
		if n := len(kept); n > 0 && over(&g, &kept[n-1]) {
			kept[n-1].text = accented(kept[n-1].text, mark)
			continue
		}
		kept = append(kept, g)
	}
	return kept
}

// over reports whether mark stands over the letter: their middles are close.
func over(mark, letter *pdfGlyph) bool {
	r, n := utf8.DecodeRuneInString(letter.text)
	return n == len(letter.text) && unicode.IsLetter(r) && !isCJK(r) && mark.turn == letter.turn &&
		math.Abs(mark.x+mark.x2-letter.x-letter.x2) < 0.5*(letter.x2-letter.x)+0.1*letter.size && math.Abs(mark.y-letter.y) < 0.6*letter.size
}

func accented(letter, mark string) string {
	switch letter {
	case "ı":
		letter = "i"
	case "ȷ":
		letter = "j"
	}
	return norm.NFC.String(letter + mark)
}

var ligatures = map[rune]string{'ﬀ': "ff", 'ﬁ': "fi", 'ﬂ': "fl", 'ﬃ': "ffi", 'ﬄ': "ffl", 'ﬅ': "st", 'ﬆ': "st"}

func expandLigatures(s string) string {
	if len(s) == 3 && s[0] == 0xef && s[1] == 0xac {
		r, _ := utf8.DecodeRuneInString(s)
		if t, ok := ligatures[r]; ok {
			return t
		}
	}
	return s
}

// snapRaised puts small words that stand raised or lowered beside larger ones,
// such as marks of footnotes, on the baseline of those. Order is by height.
func snapRaised(words []pdfWord, order []int) (snapped bool) {
	const window = 80 // words that are looked at on either side
	for i, k := range order {
		w := &words[k]
		for j := max(0, i-window); j < min(len(order), i+window); j++ {
			a := &words[order[j]]
			if a.size < 1.2*w.size || a.y == w.y {
				continue
			}
			dy, after, before := w.y-a.y, w.x-a.x2, a.x-w.x2
			if dy > -0.35*a.size && dy < 0.65*a.size && (after > -0.3*a.size && after < 0.5*a.size || before > -0.2*a.size && before < 0.5*a.size) {
				w.y = a.y
				snapped = true
				break
			}
		}
	}
	return snapped
}

func makeSpans(glyphs []pdfGlyph) []*pdfSpan {
	words := makeWords(composeAccents(glyphs))
	// Rows: words whose baselines are nearly the same.
	order := make([]int, len(words))
	for i := range order {
		order[i] = i
	}
	byHeight := func(a, b int) bool { return words[order[a]].y > words[order[b]].y }
	sort.SliceStable(order, byHeight)
	if snapRaised(words, order) {
		sort.SliceStable(order, byHeight)
	}
	var spans []*pdfSpan
	for i := 0; i < len(order); {
		k := i + 1
		ref := words[order[i]]
		for k < len(order) && ref.y-words[order[k]].y < 0.25*math.Min(ref.size, words[order[k]].size)+0.5 {
			k++
		}
		row := order[i:k]
		sort.SliceStable(row, func(a, b int) bool { return words[row[a]].x < words[row[b]].x })
		var cur *pdfSpan
		var last *pdfWord
		for _, w := range row {
			w := &words[w]
			if cur != nil {
				gap := w.x - cur.x2
				size := math.Max(last.size, w.size)
				if gap > spanGap*size || gap < -1.5*size {
					cur = nil
				} else {
					limit := wordGap * size
					if last.cjk && w.cjkFirst {
						limit = cjkGap * size
					}
					if gap > limit || !(last.cjk && w.cjkFirst) {
						cur.text.WriteByte(' ')
						cur.words++
					}
				}
			}
			if cur == nil {
				cur = &pdfSpan{x: w.x, y: w.y, x2: w.x2, size: w.size, bold: w.bold, words: 1}
				spans = append(spans, cur)
			}
			cur.text.Write(w.text)
			cur.chars += w.chars
			cur.x2 = math.Max(cur.x2, w.x2)
			if w.size > cur.size {
				cur.size = w.size
			}
			cur.bold = cur.bold && w.bold
			last = w
		}
		i = k
	}
	return spans
}

// splitLineNumbers takes the numbers of lines in the margin out: a column of at
// least eight numbers that count up, with nothing to the left of it.
func splitLineNumbers(spans []*pdfSpan) (text, numbers []*pdfSpan) {
	left := math.Inf(1)
	for _, s := range spans {
		left = math.Min(left, s.x)
	}
	last, steps := -1, 0
	for _, s := range spans { // from the top
		n, ok := smallNumber(s)
		if !ok || s.x > left+3*s.size {
			continue
		}
		if last >= 0 && n == last+1 {
			steps++
		}
		last = n
		numbers = append(numbers, s)
	}
	if len(numbers) < 8 || steps*5 < (len(numbers)-1)*4 || len(numbers)*2 > len(spans)+4 {
		return spans, nil
	}
	drop := map[*pdfSpan]bool{}
	for _, s := range numbers {
		drop[s] = true
	}
	for _, s := range spans {
		if !drop[s] {
			text = append(text, s)
		}
	}
	return text, numbers
}

func smallNumber(s *pdfSpan) (int, bool) {
	t := s.text.String()
	if len(t) == 0 || len(t) > 3 || digits(t) != len(t) {
		return 0, false
	}
	n := 0
	for _, c := range t {
		n = n*10 + int(c-'0')
	}
	return n, true
}

// cutRegions orders the spans of a page: where a gutter divides it into columns
// of running text, the left column comes first; what crosses the gutter, such as
// a title, divides the page into bands.
func cutRegions(spans []*pdfSpan, depth int) [][]*pdfSpan {
	if len(spans) < 8 || depth > 5 {
		return [][]*pdfSpan{spans}
	}
	gutter, ok := findGutter(spans)
	if !ok {
		return [][]*pdfSpan{spans}
	}
	var out [][]*pdfSpan
	var left, right []*pdfSpan
	flush := func() {
		if len(left) > 0 {
			out = append(out, cutRegions(left, depth+1)...)
		}
		if len(right) > 0 {
			out = append(out, cutRegions(right, depth+1)...)
		}
		left, right = nil, nil
	}
	var crossing []*pdfSpan
	for i, s := range spans { // spans come by y, from the top
		switch {
		case s.x2 <= gutter:
			if len(crossing) > 0 && (i == 0 || spans[i-1].y-s.y > 0.5*s.size || spans[i-1].x2 > gutter) {
				out = append(out, crossing)
				crossing = nil
			}
			left = append(left, s)
		case s.x >= gutter:
			if len(crossing) > 0 {
				out = append(out, crossing)
				crossing = nil
			}
			right = append(right, s)
		default:
			flush()
			crossing = append(crossing, s)
		}
	}
	flush()
	if len(crossing) > 0 {
		out = append(out, crossing)
	}
	return out
}

// findGutter looks for an x that few spans cross and that has running text on
// both sides.
func findGutter(spans []*pdfSpan) (float64, bool) {
	minX, maxX := math.Inf(1), math.Inf(-1)
	sizes := make([]float64, 0, len(spans))
	for _, s := range spans {
		minX, maxX = math.Min(minX, s.x), math.Max(maxX, s.x2)
		sizes = append(sizes, s.size)
	}
	slices.Sort(sizes)
	size := sizes[len(sizes)/2]
	width := maxX - minX
	if width < 12*size || width <= 0 {
		return 0, false
	}
	const bins = 400
	step := width / bins
	var cross [bins + 2]int
	for _, s := range spans {
		a, b := int((s.x-minX)/step), int((s.x2-minX)/step)
		cross[max(a, 0)]++
		cross[min(b+1, bins+1)]--
	}
	for i := 1; i < len(cross); i++ {
		cross[i] += cross[i-1]
	}
	best, bestScore := 0.0, 0.0
	for i := bins / 10; i < bins*9/10; i++ {
		if cross[i]*5 > len(spans) {
			continue
		}
		// A stretch that few spans cross; the gutter is where the fewest do.
		end, low := i, cross[i]
		for end < bins*9/10 && cross[end]*5 <= len(spans) {
			low = min(low, cross[end])
			end++
		}
		from, to := i, i
		for k := i; k < end; k++ {
			if cross[k] > low {
				continue
			}
			start := k
			for k < end && cross[k] <= low {
				k++
			}
			if k-start > to-from {
				from, to = start, k
			}
		}
		if float64(to-from)*step >= 0.6*size {
			x := minX + (float64(from+to)/2)*step
			if score := gutterScore(spans, x, minX, maxX); score > bestScore {
				best, bestScore = x, score
			}
		}
		i = end
	}
	return best, bestScore > 0
}

// gutterScore is 0 when x does not divide running text.
func gutterScore(spans []*pdfSpan, x, minX, maxX float64) float64 {
	type side struct {
		n, chars    int
		width       float64
		lo, hi      float64
		left, right float64
	}
	newSide := func() side {
		return side{lo: math.Inf(1), hi: math.Inf(-1), left: math.Inf(1), right: math.Inf(-1)}
	}
	l, r := newSide(), newSide()
	crossing := 0
	for _, s := range spans {
		var t *side
		switch {
		case s.x2 <= x:
			t = &l
		case s.x >= x:
			t = &r
		default:
			crossing++
			continue
		}
		t.n++
		t.chars += s.chars
		t.width += s.x2 - s.x
		t.lo, t.hi = math.Min(t.lo, s.y), math.Max(t.hi, s.y)
		t.left, t.right = math.Min(t.left, s.x), math.Max(t.right, s.x2)
	}
	if l.n < 3 || r.n < 3 {
		return 0
	}
	overlap := math.Min(l.hi, r.hi) - math.Max(l.lo, r.lo)
	if overlap < 0.3*math.Min(l.hi-l.lo, r.hi-r.lo) || overlap <= 0 {
		return 0
	}
	// Running text fills its column; cells of a table are short.
	fill := func(s side) float64 { return s.width / float64(s.n) / math.Max(s.right-s.left, 1) }
	chars := func(s side) float64 { return float64(s.chars) / float64(s.n) }
	if fill(l) < 0.5 || fill(r) < 0.5 || chars(l) < 10 || chars(r) < 10 {
		return 0
	}
	balance := float64(min(l.n, r.n)) / float64(max(l.n, r.n))
	if balance < 0.1 {
		return 0
	}
	return balance + 1 - float64(crossing)/float64(len(spans))
}

// makeLines joins spans that share a baseline.
func makeLines(spans []*pdfSpan) []pdfLine {
	sort.SliceStable(spans, func(a, b int) bool { return spans[a].y > spans[b].y })
	var lines []pdfLine
	for i := 0; i < len(spans); {
		k := i + 1
		ref := spans[i]
		for k < len(spans) {
			s := spans[k]
			// A small span beside a large one is on its line when it overlaps
			// the middle of it: superscripts, subscripts, drop capitals.
			if ref.y-s.y < 0.3*math.Min(ref.size, s.size)+0.5 || s.top()-0.3*s.size > ref.y && s.size < 0.8*ref.size && ref.y-s.y < 0.3*ref.size {
				k++
				continue
			}
			break
		}
		row := append([]*pdfSpan{}, spans[i:k]...)
		sort.SliceStable(row, func(a, b int) bool { return row[a].x < row[b].x })
		line := pdfLine{x: row[0].x, y: ref.y, x2: row[0].x2, bold: true}
		weight := 0
		for _, s := range row {
			line.cells = append(line.cells, softHyphens(s.text.String(), s == row[len(row)-1]))
			line.starts = append(line.starts, s.x)
			line.ends = append(line.ends, s.x2)
			line.x2 = math.Max(line.x2, s.x2)
			line.bold = line.bold && s.bold
			if s.chars > weight {
				weight, line.size, line.y = s.chars, s.size, s.y
			}
		}
		line.turnRTL()
		lines = append(lines, line)
		i = k
	}
	return lines
}

const softHyphen = "\u00ad"

// softHyphens takes the soft hyphens out of text; one that ends a line divides a
// word and becomes a hyphen that says so.
func softHyphens(s string, last bool) string {
	if !strings.Contains(s, softHyphen) {
		return s
	}
	divides := last && strings.HasSuffix(s, softHyphen)
	if s = strings.ReplaceAll(s, softHyphen, ""); divides {
		s += "‐"
	}
	return s
}

// turnRTL puts the text of a line that holds Hebrew or Arabic into the order of
// reading, and its cells where they are read from right to left.
func (l *pdfLine) turnRTL() {
	if !slices.ContainsFunc(l.cells, hasRTL) {
		return
	}
	rtl := mostlyRTL(l.cells)
	for i, c := range l.cells {
		l.cells[i] = reading(c, rtl)
	}
	l.rtl = rtl
	if rtl {
		slices.Reverse(l.cells)
		slices.Reverse(l.starts)
		slices.Reverse(l.ends)
	}
}

// hyphenated reports whether a line ends in a hyphen that divides a word which
// the next line goes on with, lower case.
func hyphenated(line, next string) bool {
	if !strings.HasSuffix(line, "-") && !strings.HasSuffix(line, "‐") {
		return false
	}
	stem := strings.TrimRight(line, "-‐")
	last, _ := utf8.DecodeLastRuneInString(stem)
	first, _ := utf8.DecodeRuneInString(next)
	return unicode.IsLetter(last) && unicode.IsLower(first) && len(stem) == len(line)-len("-") || strings.HasSuffix(line, "‐") && unicode.IsLetter(last)
}
