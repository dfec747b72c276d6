package analysis

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Range is a byte range of a text.
type Range struct{ Start, End int }

// Folded is text made comparable, with the way back to its source.
type Folded struct {
	Text   string
	source string
	starts []int32 // source offset at which the character of each folded byte begins
	ends   []int32 // and ends
}

// Fold makes text comparable: compatibility forms (NFKC), lower case, half
// width, simplified characters, one form of quotation marks, dashes and
// ellipses, and one space for each run of white space. Spaces beside a wide
// (Chinese) character are dropped, and so are invisible characters.
//
// Two texts that a reader takes for the same fold to the same text. The empty
// text folds to itself. Invalid UTF-8 folds to U+FFFD.
func Fold(text string) *Folded {
	f := &Folded{source: text, starts: make([]int32, 0, len(text)), ends: make([]int32, 0, len(text))}
	table := simplifiedOf()
	out := make([]byte, 0, len(text))
	space, spaceStart, spaceEnd := false, 0, 0
	wide := false // the last character written is a wide one
	emit := func(r rune, start, end int) {
		w := isWide(r)
		if space {
			if !w && !wide && len(out) > 0 {
				out = append(out, ' ')
				f.starts, f.ends = append(f.starts, int32(spaceStart)), append(f.ends, int32(max(start, spaceEnd)))
			}
			space = false
		}
		wide = w
		n := len(out)
		out = utf8.AppendRune(out, plainMark(lowerHan(r, table)))
		for range len(out) - n {
			f.starts, f.ends = append(f.starts, int32(start)), append(f.ends, int32(end))
		}
	}
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf && (i+1 == len(text) || text[i+1] < 0xCC) {
			if c == ' ' || c-'\t' < 5 {
				if !space {
					space, spaceStart, spaceEnd = true, i, i+1
				}
			} else {
				emit(rune(c), i, i+1)
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case unicode.IsSpace(r):
			if !space {
				space, spaceStart, spaceEnd = true, i, i+size
			}
		case isInvisible(r):
		case r >= firstHan && r <= lastHan:
			emit(r, i, i+size)
		default:
			n := norm.NFKC.NextBoundaryInString(text[i:], true)
			if n < size {
				n = size
			}
			for _, folded := range norm.NFKC.String(text[i : i+n]) {
				switch {
				case unicode.IsSpace(folded):
					if !space {
						space, spaceStart, spaceEnd = true, i, i+n
					}
				case isInvisible(folded):
				default:
					emit(folded, i, i+n)
				}
			}
			size = n
		}
		i += size
	}
	f.Text = string(out)
	return f
}

// Source returns the range of the source that the folded bytes [start, end)
// came from; characters that folding dropped at either edge are left out. An
// empty range gives an empty one.
func (f *Folded) Source(start, end int) Range {
	start, end = max(start, 0), min(end, len(f.Text))
	if start >= end {
		at := len(f.source)
		if start < len(f.starts) {
			at = int(f.starts[start])
		}
		return Range{at, at}
	}
	return Range{int(f.starts[start]), int(f.ends[end-1])}
}

// Index returns the source range of the first place at or after the folded
// offset from where folded occurs, and the folded offset behind it; ok is false
// when there is none or folded is empty.
func (f *Folded) Index(folded string, from int) (r Range, next int, ok bool) {
	if folded == "" || from < 0 || from > len(f.Text) {
		return Range{}, 0, false
	}
	i := strings.Index(f.Text[from:], folded)
	if i < 0 {
		return Range{}, 0, false
	}
	i += from
	return f.Source(i, i+len(folded)), i + len(folded), true
}

// lowerHan lowers case and leads traditional characters to simplified ones.
func lowerHan(r rune, table *[lastHan - firstHan + 1]uint16) rune {
	switch {
	case r < utf8.RuneSelf:
		if r >= 'A' && r <= 'Z' {
			r += 'a' - 'A'
		}
	case r >= firstHan && r <= lastHan:
		if s := table[r-firstHan]; s != 0 {
			r = rune(s)
		}
	default:
		r = unicode.ToLower(r)
	}
	return r
}

// plainMark gives marks that differ by typography one form.
func plainMark(r rune) rune {
	if r < utf8.RuneSelf {
		if r == '`' {
			return '\''
		}
		return r
	}
	switch r {
	case '“', '”', '„', '‟', '«', '»', '「', '」', '『', '』', '〝', '〞', '″', '﹁', '﹂', '﹃', '﹄', '❝', '❞':
		return '"'
	case '‘', '’', '‚', '‛', '′', 'ʼ', '´', '❛', '❜':
		return '\''
	case '‐', '‑', '‒', '–', '—', '―', '−', '─', '﹘', '﹣', '⁃':
		return '-'
	case '。', '｡':
		return '.'
	case '、':
		return ','
	case '·', '‧', '・', '•', '∙', '⋅':
		return '·'
	case '～', '〜', '∼':
		return '~'
	}
	return r
}

// isWide reports whether text runs on without spaces around r.
func isWide(r rune) bool {
	return r >= 0x2E80 && (r <= 0x9FFF || r >= 0xF900 && r <= 0xFAFF || r >= 0xFE30 && r <= 0xFE4F ||
		r >= 0xFF00 && r <= 0xFFEF || r >= 0x20000 && r <= 0x3FFFF) && !(r >= 0x3130 && r <= 0x318F)
}

// isInvisible reports whether r leaves no trace in print.
func isInvisible(r rune) bool {
	switch {
	case r == 0xAD, r >= 0x200B && r <= 0x200F, r >= 0x202A && r <= 0x202E, r >= 0x2060 && r <= 0x2069,
		r >= 0xFE00 && r <= 0xFE0F, r == 0xFEFF, r >= 0xE0100 && r <= 0xE01EF:
		return true
	}
	return false
}
