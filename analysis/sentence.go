package analysis

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Sentences returns the sentences of text in order. Ranges are trimmed of white
// space, do not overlap, and leave out nothing but white space. A line of a
// list, a heading, a row of a table and a paragraph without an end mark are
// sentences of their own; a line that was merely wrapped goes on.
func Sentences(text string) []Range {
	var out []Range
	start := 0     // of the current sentence
	lineStart := 0 // of the current line
	cut := func(end int) {
		s, e := trim(text, start, end)
		if s < e {
			out = append(out, Range{s, e})
		}
		start = end
	}
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == '\n':
			if standsAlone(text[lineStart:i]) || beginsUnit(text[i+1:]) {
				cut(i)
			}
			i++
			lineStart = i
		case c == '.' || c == '?' || c == '!':
			j := i + 1
			for j < len(text) && (text[j] == '.' || text[j] == '?' || text[j] == '!') {
				j++
			}
			if end, ok := latinEnd(text, lineStart, i, j); ok {
				cut(end)
				j = end
			}
			i = j
		case c < utf8.RuneSelf:
			i++
		default:
			r, size := utf8.DecodeRuneInString(text[i:])
			switch {
			case r == '\u2028' || r == '\u2029' || r == '\u0085':
				cut(i)
				i += size
				lineStart = i
			case isWideEnd(r):
				j := i + size
				for j < len(text) {
					r, size := utf8.DecodeRuneInString(text[j:])
					if !isWideEnd(r) && r != '?' && r != '!' {
						break
					}
					j += size
				}
				end := closers(text, j)
				if next, _ := utf8.DecodeRuneInString(text[end:]); !(end > j && isPause(next)) {
					cut(end)
				}
				i = end
			default:
				i += size
			}
		}
	}
	cut(len(text))
	return out
}

func isWideEnd(r rune) bool {
	switch r {
	case '。', '！', '？', '｡', '︒', '‼', '⁇', '⁉', '⁈':
		return true
	case '…':
		return false
	}
	return false
}

// isPause reports whether a sentence goes on after a quotation before r.
func isPause(r rune) bool {
	switch r {
	case '，', '、', '；', '：', ',', ';', ':', '的', '—':
		return true
	}
	return false
}

// closers returns the offset behind the closing quotation marks and brackets at
// i, and behind notes such as [3] that follow an end mark directly.
func closers(text string, i int) int {
	for i < len(text) {
		if text[i] == '[' {
			j := i + 1
			for j < len(text) && j-i < 5 && text[j] >= '0' && text[j] <= '9' {
				j++
			}
			if j == i+1 || j >= len(text) || text[j] != ']' {
				return i
			}
			i = j + 1
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		switch r {
		case '"', '\'', ')', ']', '}', '”', '’', '」', '』', '）', '】', '》', '〉', '〕', '»', '*':
			i += size
		default:
			return i
		}
	}
	return i
}

// latinEnd reports whether the marks text[i:j] end a sentence, and where it
// ends with what closes behind them.
func latinEnd(text string, lineStart, i, j int) (int, bool) {
	end := closers(text, j)
	if end < len(text) {
		r, _ := utf8.DecodeRuneInString(text[end:])
		if !unicode.IsSpace(r) && !isWide(r) {
			return 0, false
		}
		if end > j && isPause(r) {
			return 0, false
		}
		if isWide(r) && j-i == 1 && text[i] == '.' { // 3.文 and the like
			if before, _ := utf8.DecodeLastRuneInString(text[lineStart:i]); unicode.IsDigit(before) {
				return 0, false
			}
		}
	}
	next := nextVisible(text, end)
	if unicode.IsLower(next) && (text[i] == '.' || end > j) {
		return 0, false
	}
	if text[i] == '.' && j-i == 1 && end == j && !endsWord(text, lineStart, i, next) {
		return 0, false
	}
	return end, true
}

// nextVisible returns the first character at or behind i that is neither white
// space nor an opening mark, looking a short way ahead; 0 when there is none.
func nextVisible(text string, i int) rune {
	for n := 0; i < len(text) && n < 16; n++ {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case unicode.IsSpace(r), r == '"', r == '\'', r == '(', r == '[', r == '“', r == '‘':
			i += size
		default:
			return r
		}
	}
	return 0
}

// endsWord reports whether the full stop at i can end a sentence after the word
// before it: not after an abbreviation, an initial, or the number of a list
// line.
func endsWord(text string, lineStart, i int, next rune) bool {
	begin := i
	for begin > lineStart && i-begin < 16 {
		c := text[begin-1]
		if c >= utf8.RuneSelf || c != '.' && asciiClass[c] != classLower && asciiClass[c] != classUpper && asciiClass[c] != classDigit {
			break
		}
		begin--
	}
	word := text[begin:i]
	if word == "" {
		return true
	}
	number := true
	for k := range len(word) {
		number = number && word[k] >= '0' && word[k] <= '9'
	}
	if number && len(word) <= 3 {
		s, _ := trim(text, lineStart, begin)
		return s < begin
	}
	if len(word) == 1 && word != "I" && asciiClass[word[0]] == classUpper {
		return false // an initial
	}
	if len(word) > 9 {
		return true
	}
	var lower [9]byte
	dots := 0
	for k := range len(word) {
		c := word[k]
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c == '.' {
			dots++
		}
		lower[k] = c
	}
	switch string(lower[:len(word)]) {
	case "mr", "mrs", "ms", "dr", "prof", "st", "mt", "ft", "vs", "e.g", "i.e", "eg", "ie", "cf", "viz", "fig", "figs", "eq", "vol", "pp",
		"gen", "col", "capt", "lt", "sgt", "rev", "hon", "gov", "sen", "rep", "messrs", "approx", "ca", "resp", "incl", "ph.d", "a.k.a":
		return false
	case "no", "nos", "art", "sec", "ch", "p", "nr", "ed", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec":
		return !unicode.IsDigit(next)
	}
	return dots == 0 || dots*2 != len(word)-1 || next == 0 || !unicode.IsUpper(next) // U.S. Army
}

// standsAlone reports whether a line is a unit to a reader by its form: a
// heading, a row of a table, a rule.
func standsAlone(line string) bool {
	for i := range len(line) {
		switch line[i] {
		case ' ', '\t':
			continue
		case '#', '|':
			return true
		}
		break
	}
	return strings.Contains(line, cellMark)
}

// cellMark stands between the cells of a row that has no marks at its ends.
const cellMark = " | "

// beginsUnit reports whether a line that begins text opens something new: it is
// blank, or begins a list item, a heading, a row, a quotation or a code block.
func beginsUnit(text string) bool {
	i := 0
	for i < len(text) && (text[i] == ' ' || text[i] == '\t' || text[i] == '\r') {
		i++
	}
	if i == len(text) {
		return true
	}
	rest := text[i:]
	switch c := rest[0]; {
	case c == '\n' || c == '#' || c == '|' || c == '>':
		return true
	case c == '-' || c == '*' || c == '+':
		return len(rest) > 1 && (rest[1] == ' ' || rest[1] == '\t' || rest[1] == c && len(rest) > 2 && rest[2] == c)
	case c == '`':
		return len(rest) > 2 && rest[1] == '`' && rest[2] == '`'
	case c == '(':
		rest = rest[1:]
		fallthrough
	case c >= '0' && c <= '9':
		n := 0
		for n < len(rest) && n < 4 && rest[n] >= '0' && rest[n] <= '9' {
			n++
		}
		if n == 0 || n > 3 || n == len(rest) {
			return false
		}
		if rest[n] == ')' {
			return true
		}
		if rest[n] == '.' {
			return n+1 < len(rest) && (rest[n+1] < '0' || rest[n+1] > '9')
		}
		r, _ := utf8.DecodeRuneInString(rest[n:])
		return r == '、' || r == '．' || r == '）'
	case c < utf8.RuneSelf:
		return len(rest) > 2 && rest[1] == ')' && rest[2] == ' '
	}
	r, size := utf8.DecodeRuneInString(rest)
	switch {
	case r == '•' || r == '◦' || r == '▪' || r == '●' || r == '○' || r == '■' || r == '□' || r == '※' || r == '–' || r == '\u3000':
		return true
	case r == '（' || r == '第' || isNumeral(r):
		if isNumeral(r) {
			size = 0
		}
		n := 0
		for n < 5 {
			d, s := utf8.DecodeRuneInString(rest[size:])
			if !isNumeral(d) && !unicode.IsDigit(d) {
				switch d {
				case '、', '）', '条', '章', '节':
					return n > 0
				}
				return false
			}
			size += s
			n++
		}
	case r >= '①' && r <= '⑳':
		return true
	}
	return false
}

// trim narrows [start, end) by the white space at its edges.
func trim(text string, start, end int) (int, int) {
	for start < end {
		r, size := utf8.DecodeRuneInString(text[start:end])
		if !unicode.IsSpace(r) && r != 0xFEFF {
			break
		}
		start += size
	}
	for start < end {
		r, size := utf8.DecodeLastRuneInString(text[start:end])
		if !unicode.IsSpace(r) && r != 0xFEFF {
			break
		}
		end -= size
	}
	return start, end
}
