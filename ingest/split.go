package ingest

import (
	"slices"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"
)

// splitVersion changes whenever the same document would be cut otherwise, so
// that documents indexed before are indexed again.
const splitVersion = 2

// SplitOptions bounds chunks. Zero fields mean the defaults.
type SplitOptions struct {
	Goal int // tokens aimed at when a section is cut into several chunks; default 270
	Max  int // tokens of a chunk without its carried headings; default 320
}

const (
	defaultGoal = 270
	defaultMax  = 320

	// headingTokens is how long a heading may be and still be carried to what
	// follows it; a longer one is text.
	headingTokens = 80
	// gapBytes is how many non-space bytes of text outside all blocks, such as
	// markup, a chunk may span.
	gapBytes = 64
	// headingGapBytes is the same between a heading and what it stands over.
	headingGapBytes = 1024
	// tailTokens is the size below which the last chunk of a section joins the
	// one before it, if that has room.
	tailTokens = 48
	// runBytes bounds a run without spaces that counts as one word.
	runBytes = 160
)

// Split cuts a document into chunks, in order and not overlapping. Every byte of
// a block that is not white space is in exactly one chunk.
//
// A chunk never spans two sections, so that its section is right for all of it,
// except for headings without text of their own: they stand before the text that
// follows, or after the text before them when nothing follows. A section beyond
// the budget is cut into chunks of like size, between blocks, rows or lines where
// they allow it, else between sentences, then clauses, then words; a word is cut
// only when it alone is beyond the budget. A table that is cut repeats its header
// rows in Context. Nil opts means the defaults.
func Split(doc *Document, opts *SplitOptions) []Chunk {
	s := &splitter{text: doc.Text, goal: defaultGoal, max: defaultMax}
	if opts != nil && opts.Goal > 0 {
		s.goal = opts.Goal
	}
	if opts != nil && opts.Max > 0 {
		s.max = opts.Max
	}
	s.goal = min(s.goal, s.max)
	blocks := soundBlocks(doc)
	for i := 0; i < len(blocks); {
		j := i + 1
		for j < len(blocks) && slices.Equal(blocks[i].Section, blocks[j].Section) {
			j++
		}
		s.section(blocks[i:j])
		i = j
	}
	s.finish()
	return locate(doc, s.cuts)
}

// soundBlocks returns the blocks of doc that lie in its text, in order, without
// overlap and at rune boundaries, and drops what is empty.
func soundBlocks(doc *Document) []Block {
	blocks := slices.Clone(doc.Blocks)
	sort.SliceStable(blocks, func(i, j int) bool { return blocks[i].Start < blocks[j].Start })
	out, end := blocks[:0], 0
	for _, b := range blocks {
		b.Start = runeStart(doc.Text, max(b.Start, end))
		b.End = runeStart(doc.Text, min(b.End, len(doc.Text)))
		if b.Start >= b.End || strings.TrimSpace(doc.Text[b.Start:b.End]) == "" {
			continue
		}
		end = b.End
		out = append(out, b)
	}
	return out
}

// runeStart moves i forward to the start of a rune or the end of text.
func runeStart(text string, i int) int {
	i = max(i, 0)
	for i < len(text) && !utf8.RuneStart(text[i]) {
		i++
	}
	return min(i, len(text))
}

// level says how finely a piece is cut already.
type level int

const (
	levelBlock level = iota
	levelPart        // paragraphs of code
	levelUnit        // a sentence, a table row, a line of code: not cut while it fits
	levelClause
	levelWord
)

// piece is a stretch of text that goes into one chunk unless it must be cut.
type piece struct {
	Range
	tokens  int
	level   level
	kind    BlockKind
	heading bool
	block   *Block
	context Range // of a table's later rows: its header
}

// splitter packs pieces into chunks.
type splitter struct {
	text      string
	goal, max int

	left                int // tokens of the present section that are in no closed cut
	each, limit, enough int // tokens of a cut of it: aimed at, at most, enough

	cur      cut
	cuts     []cut
	firstCut int // index in cuts of the present section's first
}

// cut is a chunk in the making.
type cut struct {
	Range
	tokens  int
	body    bool // holds more than headings
	section []string
	context Range
}

// section packs blocks of one section.
func (s *splitter) section(blocks []Block) {
	pieces := make([]piece, 0, len(blocks))
	total := 0
	for i := range blocks {
		b := &blocks[i]
		p := piece{Range: Range{b.Start, b.End}, kind: b.Kind, block: b}
		p.tokens = tokens(s.text[b.Start:b.End])
		p.heading = b.Kind == Heading && p.tokens <= headingTokens
		total += p.tokens
		pieces = append(pieces, p)
	}
	s.left = total + s.cur.tokens
	s.aim()
	s.firstCut = len(s.cuts)
	for _, p := range pieces {
		s.add(p)
	}
	if s.cur.body || s.cur.tokens > s.max {
		s.close()
	}
	s.joinTail()
}

// aim shares out what is left of the present section.
func (s *splitter) aim() {
	s.each, s.limit, s.enough = s.max, s.max, s.max
	if s.left > s.max {
		n := (s.left + s.goal - 1) / s.goal
		s.each = s.left / n
		s.limit = min(s.max, s.each+s.each/5)
		s.enough = s.each - s.each/5
	}
}

// add puts p into the present cut, into a new one, or into several.
func (s *splitter) add(p piece) {
	if s.cur.End > 0 {
		allowed := headingGapBytes
		if s.cur.body {
			allowed = gapBytes
		}
		if !s.spans(s.cur.End, p.Start, allowed) {
			s.close()
		}
	}
	if p.heading {
		if s.cur.body {
			s.close()
		}
		s.append(p)
		return
	}
	have := s.cur.tokens
	if !s.cur.body {
		have += s.contextTokens(p)
	}
	switch {
	case s.cur.body && s.cur.tokens >= s.enough && have+p.tokens-s.each > s.each-s.cur.tokens:
		s.close() // it is nearer to its share without p
		s.add(p)
	case have+p.tokens <= s.limit:
		s.append(p)
	case s.cur.body && s.cur.tokens >= s.enough:
		s.close()
		s.add(p)
	case s.cur.body && p.level >= levelUnit:
		s.close()
		s.add(p)
	case !s.cur.body && p.tokens <= s.max-s.contextTokens(p) && (p.level >= levelUnit || have+p.tokens <= s.max):
		s.append(p)
	case p.level == levelWord:
		s.append(p)
	default:
		for _, q := range s.expand(p) {
			s.add(q)
		}
	}
}

func (s *splitter) contextTokens(p piece) int {
	if p.context.End == 0 {
		return 0
	}
	return tokens(s.text[p.context.Start:p.context.End])
}

// spans reports whether a chunk may hold the text between two blocks: no more
// than allowed bytes of it are not space.
func (s *splitter) spans(from, to, allowed int) bool {
	for _, r := range s.text[from:to] {
		if !unicode.IsSpace(r) {
			allowed -= utf8.RuneLen(r)
			if allowed < 0 {
				return false
			}
		}
	}
	return true
}

func (s *splitter) append(p piece) {
	if s.cur.End == 0 {
		s.cur = cut{Range: Range{p.Start, p.Start}}
	}
	if !s.cur.body {
		s.cur.section = p.block.Section
		if p.context.End > 0 {
			s.cur.context = p.context
			s.cur.tokens += s.contextTokens(p)
		}
	}
	s.cur.End = p.End
	s.cur.tokens += p.tokens
	s.cur.body = s.cur.body || !p.heading
}

func (s *splitter) close() {
	if s.cur.End > 0 {
		s.cuts = append(s.cuts, s.cur)
		s.left -= s.cur.tokens
		s.aim()
	}
	s.cur = cut{}
}

// joinTail adds a very small last chunk of the present section to the one before.
func (s *splitter) joinTail() {
	n := len(s.cuts)
	if n-s.firstCut < 2 {
		return
	}
	last, before := s.cuts[n-1], &s.cuts[n-2]
	joined := before.tokens + last.tokens
	if last.tokens > tailTokens || joined > s.max || !s.spans(before.End, last.Start, gapBytes) {
		return
	}
	before.End, before.tokens = last.End, joined
	s.cuts = s.cuts[:n-1]
}

// finish places headings that nothing follows.
func (s *splitter) finish() {
	if s.cur.End == 0 {
		return
	}
	if n := len(s.cuts); n > 0 && !s.cur.body {
		before := &s.cuts[n-1]
		if before.tokens+s.cur.tokens <= s.max+headingTokens && s.spans(before.End, s.cur.Start, headingGapBytes) {
			before.End = s.cur.End
			s.cur = cut{}
			return
		}
	}
	s.close()
}
