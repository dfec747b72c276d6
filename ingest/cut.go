package ingest

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// expand cuts p one level finer. The pieces tile p.
func (s *splitter) expand(p piece) []piece {
	text := s.text[p.Start:p.End]
	switch p.level {
	case levelBlock:
		switch {
		case p.kind == Table:
			if rows := s.rows(p); len(rows) > 1 {
				return rows
			}
		case p.kind == Code:
			return s.pieces(p, levelPart, codeParts(text))
		}
		return s.pieces(p, levelUnit, sentences(text))
	case levelPart:
		return s.pieces(p, levelUnit, lines(text))
	case levelUnit:
		return s.grouped(p, levelClause, clauses(text))
	default:
		return s.grouped(p, levelWord, words(text))
	}
}

// manyPieces is how many ranges are too many to be a piece each.
const manyPieces = 10_000

// pieces makes a piece of each range of p's text. What follows the first piece
// of a table's header carries the header as context.
func (s *splitter) pieces(p piece, l level, ranges []Range) []piece {
	if len(ranges) > manyPieces {
		return s.grouped(p, l, ranges)
	}
	out := make([]piece, 0, len(ranges))
	for i, r := range ranges {
		q := p
		q.Range = Range{p.Start + r.Start, p.Start + r.End}
		q.level, q.heading = l, false
		q.tokens = tokens(s.text[q.Start:q.End])
		if i > 0 && p.kind == Table && q.context.End == 0 {
			q.context = s.header(p.block)
		}
		out = append(out, q)
	}
	return out
}

// grouped is pieces, with neighbours joined up to a quarter of the budget, so
// that a long text makes no millions of pieces.
func (s *splitter) grouped(p piece, l level, ranges []Range) []piece {
	out := make([]piece, 0, 8)
	have := 0
	for _, r := range ranges {
		n := tokens(s.text[p.Start+r.Start : p.Start+r.End])
		if k := len(out); k > 0 && have+n <= s.max/4 {
			have += n
			out[k-1].End, out[k-1].tokens = p.Start+r.End, have
			continue
		}
		q := s.pieces(p, l, []Range{r})[0]
		if len(out) > 0 && p.kind == Table && q.context.End == 0 {
			q.context = s.header(p.block)
		}
		out, have = append(out, q), n
	}
	return out
}

// header returns the range of a table's header rows, cut to a third of the
// budget, or an empty range when it has none.
func (s *splitter) header(b *Block) Range {
	if b.Body <= 0 || b.Body >= len(b.Rows) || !soundRows(b) {
		return Range{}
	}
	h := Range{runeStart(s.text, b.Rows[0].Start), runeStart(s.text, b.Rows[b.Body].Start)}
	h.End = h.Start + len(strings.TrimRightFunc(s.text[h.Start:h.End], unicode.IsSpace))
	if tokens(s.text[h.Start:h.End]) > s.max/3 {
		cut, have := h.Start, 0
		for _, w := range words(s.text[h.Start:h.End]) {
			have += tokens(s.text[h.Start+w.Start : h.Start+w.End])
			if have > s.max/3 {
				break
			}
			cut = h.Start + w.End
		}
		h.End = cut
	}
	if h.Start >= h.End {
		return Range{}
	}
	return h
}

// soundRows reports whether a table's rows lie in it, in order.
func soundRows(b *Block) bool {
	end := b.Start
	for _, r := range b.Rows {
		if r.Start < end || r.End < r.Start || r.End > b.End {
			return false
		}
		end = r.End
	}
	return true
}

// rows cuts a table before each body row but the first, which stays with the
// header.
func (s *splitter) rows(p piece) []piece {
	b := p.block
	if len(b.Rows) < 2 || !soundRows(b) {
		return nil
	}
	first := min(max(b.Body, 0), len(b.Rows)-1) + 1
	var ranges []Range
	start := 0
	for i := first; i < len(b.Rows); i++ {
		at := runeStart(s.text, b.Rows[i].Start) - p.Start
		if at <= start || at >= p.End-p.Start {
			continue
		}
		ranges = append(ranges, Range{start, at})
		start = at
	}
	return s.pieces(p, levelUnit, append(ranges, Range{start, p.End - p.Start}))
}

// codeParts cuts code after blank lines.
func codeParts(text string) []Range {
	return tile(text, func(rest string) int {
		i := strings.Index(rest, "\n\n")
		if i < 0 {
			return len(rest)
		}
		for i < len(rest) && rest[i] == '\n' {
			i++
		}
		return i
	})
}

// lines cuts text after line ends.
func lines(text string) []Range {
	return tile(text, func(rest string) int {
		if i := strings.IndexByte(rest, '\n'); i >= 0 {
			return i + 1
		}
		return len(rest)
	})
}

// clauses cuts text after marks that end a clause, and after line ends.
func clauses(text string) []Range {
	return tile(text, func(rest string) int {
		for i, r := range rest {
			end := i + utf8.RuneLen(r)
			switch r {
			case '\n', '，', '、', '；', '：', '。', '！', '？', '」', '』', '》', '…':
				return end
			case ',', ';', ':', '.', '!', '?', '|', ')', ']', '}':
				if end < len(rest) && (rest[end] == ' ' || rest[end] == '\n' || rest[end] == '\t') {
					return end + 1
				}
			}
		}
		return len(rest)
	})
}

// words cuts text after white space and around East Asian characters. A longer
// run than runBytes is cut, though not before a combining mark.
func words(text string) []Range { return tile(text, wordEnd) }

// wordEnd returns where the first of words ends.
func wordEnd(rest string) int {
	space := false
	for i, r := range rest {
		w := utf8.RuneLen(r)
		switch {
		case unicode.IsSpace(r):
			space = true
			continue
		case space:
			return i
		case wide(r):
			if i > 0 && !joins(r) {
				return i
			}
			next, _ := utf8.DecodeRuneInString(rest[min(i+w, len(rest)):])
			if !joins(next) && !unicode.IsSpace(next) {
				return i + w
			}
		case i >= runBytes && !joins(r) && !joinsNext(rest[:i]) || i >= 2*runBytes:
			return i
		}
	}
	return len(rest)
}

// wide reports whether r is written without spaces around it.
func wide(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai) ||
		r >= 0x3000 && r <= 0x303f || r >= 0xff00 && r <= 0xffef
}

// joins reports whether r belongs to the character before it.
func joins(r rune) bool {
	return unicode.In(r, unicode.M, unicode.Cf, unicode.Sk) || wide(r) && unicode.IsPunct(r)
}

// joinsNext reports whether the character after text belongs to its last one.
func joinsNext(text string) bool { return strings.HasSuffix(text, "\u200d") }

// tile cuts text by next, which returns where the first piece of a text ends.
func tile(text string, next func(rest string) int) []Range {
	var out []Range
	for at := 0; at < len(text); {
		n := next(text[at:])
		if n <= 0 || n > len(text)-at {
			n = len(text) - at
		}
		out = append(out, Range{at, at + n})
		at += n
	}
	return out
}
