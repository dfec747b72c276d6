package analysis

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// class says what a folded character is to the lexer.
type class uint8

const (
	classOther class = iota // ends a run
	classLower              // letter
	classUpper              // letter that was a capital
	classDigit
	classHan    // written without spaces: grams
	classJoiner // joins letters and digits to a compound when it stands between them
	classSkip   // invisible, or a combining mark
)

const (
	maxRun  = 256 // bytes of one run; longer ones are cut
	maxTerm = 64  // bytes of one term; longer compounds are indexed by their parts alone
)

var asciiClass = func() (t [utf8.RuneSelf]class) {
	for c := range t {
		switch {
		case c >= 'a' && c <= 'z':
			t[c] = classLower
		case c >= 'A' && c <= 'Z':
			t[c] = classUpper
		case c >= '0' && c <= '9':
			t[c] = classDigit
		}
	}
	for _, c := range "_-./\\:@#+&'~,=" {
		t[c] = classJoiner
	}
	return t
}()

// latinBase maps U+00C0 to U+024F to letters without marks.
var latinBase = func() (t [0x250 - 0xC0][2]byte) {
	for r := rune(0xC0); r < 0x250; r++ {
		if !unicode.IsLetter(r) {
			continue
		}
		d := norm.NFKD.String(string(r))
		if d[0] < utf8.RuneSelf {
			t[r-0xC0][0] = d[0] | 0x20
		}
	}
	for r, s := range map[rune]string{'Æ': "ae", 'æ': "ae", 'Œ': "oe", 'œ': "oe", 'ß': "ss", 'Ø': "o", 'ø': "o",
		'Đ': "d", 'đ': "d", 'Ð': "d", 'ð': "d", 'Þ': "th", 'þ': "th", 'Ł': "l", 'ł': "l", 'ı': "i", 'Ħ': "h", 'ħ': "h"} {
		copy(t[r-0xC0][:], s)
	}
	return t
}()

// emitFunc takes a term; folded is valid until it returns.
type emitFunc func(kind Kind, folded []byte, start, end int)

// lexer cuts text into terms. Its buffers are kept between runs.
type lexer struct {
	text string
	emit emitFunc
	// units counts what a reader would count: words, numbers and characters.
	units int

	buf     []byte  // folded bytes of the run
	cls     []class // of each byte
	starts  []int32 // source offset of each byte's character
	ends    []int32
	joins   []int // positions in buf at which a new segment begins
	marks   []byte
	term    []byte
	dated   int     // offset behind the last date
	spelled spelled // the date in Chinese numerals that is being read
	pair    [8]byte // of a bigram; here, as in the fields below, so that it need not be allocated
	figure  [24]byte
}

// run emits the terms of text in order of appearance.
func (l *lexer) run(text string, emit emitFunc) {
	l.text, l.emit, l.dated, l.spelled = text, emit, 0, spelled{}
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf {
			switch asciiClass[c] {
			case classLower, classUpper, classDigit:
				i = l.word(i)
			default:
				i++
			}
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		switch classOf(r) {
		case classHan:
			i = l.han(i)
		case classLower, classUpper, classDigit:
			i = l.word(i)
		default:
			i += size
		}
	}
}

// classOf classes a character that is not ASCII.
func classOf(r rune) class {
	switch {
	case r >= firstHan && r <= lastHan:
		return classHan
	case r >= 0xFF01 && r <= 0xFF5E:
		return asciiClass[r-0xFEE0]
	case r < 0x250:
		switch {
		case r == 0xB7 || r == 0xD7 || r == 0xF7 || r < 0xA0:
			return classOther
		case r >= 0xC0:
			return classLower
		case r == 0xAD:
			return classSkip
		case r == 0xAA || r == 0xB5 || r == 0xBA:
			return classLower
		case r == 0xB2 || r == 0xB3 || r == 0xB9:
			return classDigit
		}
		return classOther
	case r == '‐' || r == '‑' || r == '’':
		return classJoiner
	case r >= 0x2000 && r <= 0x206F, r >= 0x3000 && r <= 0x3004, r >= 0x3008 && r <= 0x3020:
		if isInvisible(r) {
			return classSkip
		}
		return classOther
	case r == '々' || r == '〇' || r >= 0x3400 && r <= 0x4DBF || r >= 0x20000 && r <= 0x3FFFF,
		r >= 0x3041 && r <= 0x3096, r >= 0x30A1 && r <= 0x30FA, r == 'ー', r >= 0xAC00 && r <= 0xD7A3,
		r >= 0xF900 && r <= 0xFAFF, r >= 0x2E80 && r <= 0x2FDF, r >= 0xFF66 && r <= 0xFF9F,
		r >= 0x0E00 && r <= 0x0EFF, r >= 0x1780 && r <= 0x17FF, r >= 0x1000 && r <= 0x109F:
		return classHan
	case isInvisible(r) || unicode.Is(unicode.Mn, r):
		return classSkip
	case unicode.IsUpper(r):
		return classUpper
	case unicode.IsLetter(r):
		return classLower
	case unicode.IsDigit(r), unicode.Is(unicode.No, r):
		return classDigit
	}
	if r > 0x2100 && r < 0x3400 { // squared units and the like
		if s := norm.NFKC.String(string(r)); s != "" && s[0] < utf8.RuneSelf {
			return asciiClass[s[0]]
		}
	}
	return classOther
}

// add appends one character to the run.
func (l *lexer) add(r rune, c class, start, end int) {
	n := len(l.buf)
	switch {
	case r < utf8.RuneSelf:
		if c == classUpper {
			r |= 0x20
		}
		l.buf = append(l.buf, byte(r))
	case r >= 0xFF01 && r <= 0xFF5E:
		r -= 0xFEE0
		if c == classUpper {
			r |= 0x20
		}
		l.buf = append(l.buf, byte(r))
	case r >= 0xC0 && r < 0x250 && latinBase[r-0xC0][0] != 0:
		b := latinBase[r-0xC0]
		l.buf = append(l.buf, b[0])
		if b[1] != 0 {
			l.buf = append(l.buf, b[1])
		}
		if unicode.IsUpper(r) {
			c = classUpper
		}
	default:
		for _, f := range norm.NFKC.String(string(r)) {
			switch f = unicode.ToLower(f); {
			case f == '⁄':
				l.buf = append(l.buf, '/')
			case unicode.IsLetter(f), unicode.IsDigit(f):
				l.buf = utf8.AppendRune(l.buf, f)
			}
		}
	}
	for range len(l.buf) - n {
		l.cls = append(l.cls, c)
		l.starts = append(l.starts, int32(start))
		l.ends = append(l.ends, int32(end))
	}
}

// peek returns the class of the character at i.
func (l *lexer) peek(i int) class {
	if i >= len(l.text) {
		return classOther
	}
	if c := l.text[i]; c < utf8.RuneSelf {
		return asciiClass[c]
	}
	r, _ := utf8.DecodeRuneInString(l.text[i:])
	return classOf(r)
}

// word reads a run of letters, digits and joiners between them at i, emits its
// terms and returns the offset behind it.
func (l *lexer) word(i int) int {
	l.buf, l.cls, l.starts, l.ends = l.buf[:0], l.cls[:0], l.starts[:0], l.ends[:0]
	l.joins, l.marks = l.joins[:0], l.marks[:0]
	text := l.text
	start := i
	// Most words are letters alone, a capital perhaps at their head.
	for c := text[i]; ; {
		if c >= utf8.RuneSelf || asciiClass[c] == classDigit {
			break
		}
		l.buf = append(l.buf, c|0x20)
		i++
		if i == len(text) {
			return l.simple(start, i)
		}
		if c = text[i]; c < utf8.RuneSelf {
			switch asciiClass[c] {
			case classLower:
				continue
			case classOther:
				return l.simple(start, i)
			case classJoiner:
				if i+1 == len(text) || text[i+1] < utf8.RuneSelf && asciiClass[text[i+1]] == classOther {
					if c != '+' && c != '#' && len(l.buf) < maxRun {
						return l.simple(start, i)
					}
				}
			}
		}
		break
	}
	i = start
	l.buf = l.buf[:0]
	digits, upper, mixed := 0, 0, false
scan:
	for i < len(text) && i-start < maxRun {
		var r rune
		var c class
		size := 1
		if b := text[i]; b < utf8.RuneSelf {
			r, c = rune(b), asciiClass[b]
		} else {
			r, size = utf8.DecodeRuneInString(text[i:])
			c = classOf(r)
		}
		switch c {
		case classLower, classUpper, classDigit:
			if c == classDigit {
				digits++
			} else if c == classUpper {
				upper++
				if i > start {
					mixed = true
				}
			}
			l.add(r, c, i, i+size)
		case classSkip:
		case classJoiner:
			mark := byte('-')
			switch {
			case r == '’':
				mark = '\''
			case r < utf8.RuneSelf:
				mark = byte(r)
			case r >= 0xFF01 && r <= 0xFF5E:
				mark = byte(r - 0xFEE0)
			}
			next := i + size
			if mark == '_' { // several underscores join as one
				for next < len(text) && text[next] == '_' {
					next++
				}
			}
			if mark == ':' && next+1 < len(text) && text[next] == '/' && text[next+1] == '/' {
				next += 2
			}
			n := l.peek(next)
			switch n {
			case classLower, classUpper, classDigit:
			default:
				if mark == '+' && next < len(text) && text[next] == '+' || mark == '#' && size == 1 {
					if len(l.buf) == 1 { // C++, C#
						l.buf, l.cls = append(l.buf, mark), append(l.cls, classLower)
						l.starts, l.ends = append(l.starts, int32(i)), append(l.ends, int32(next))
						i = next
						if mark == '+' {
							i++
						}
					}
				}
				break scan
			}
			if mark == ',' && (n != classDigit || len(l.cls) == 0 || l.cls[len(l.cls)-1] != classDigit || !groupOfThree(text[next:])) {
				break scan
			}
			if mark == '=' || mark == '~' {
				break scan
			}
			if mark == '\'' { // don't, O'Brien, Emma's
				if l.possessive(next) {
					i = next + 1
					break scan
				}
				i = next
				continue
			}
			if mark != ',' {
				l.joins, l.marks = append(l.joins, len(l.buf)), append(l.marks, mark)
			}
			size = next - i
		default:
			break scan
		}
		i += size
	}
	if len(l.buf) == 0 {
		return i
	}
	end := int(l.ends[len(l.ends)-1])
	switch {
	case len(l.joins) > 0:
		l.compound(start, end, digits)
	case digits == len(l.buf):
		l.units++
		l.emit(KindNumber, clip(l.buf), start, end)
	case digits == 0 && !mixed:
		l.units++
		l.plain(l.buf, KindWord, start, end)
	case digits == 0 && upper == len(l.buf): // NFL, AIDS: as it stands, and as a word
		l.units++
		word := clip(l.buf)
		l.emit(KindWord, word, start, end)
		if s := stem(word, &l.term); len(s) != len(word) {
			l.emit(KindWord, s, start, end)
		}
	default:
		if !l.parts(0, len(l.buf)) {
			l.units++
		}
		if len(l.buf) <= maxTerm {
			l.emit(KindIdentifier, l.buf, start, end)
		}
	}
	if digits > 0 || l.buf[0]|0x20 >= 'a' {
		l.date(start, i, end)
	}
	return i
}

// simple emits the word in buf, of letters alone, and returns the offset behind
// it.
func (l *lexer) simple(start, end int) int {
	l.units++
	l.plain(l.buf, KindWord, start, end)
	if len(l.buf) <= 9 && start >= l.dated {
		l.date(start, end, end)
	}
	return end
}

// possessive reports whether a lone s stands at i.
func (l *lexer) possessive(i int) bool {
	if l.text[i]|0x20 != 's' {
		return false
	}
	switch l.peek(i + 1) {
	case classLower, classUpper, classDigit:
		return false
	}
	return true
}

// groupOfThree reports whether s begins with exactly three digits.
func groupOfThree(s string) bool {
	n := 0
	for n < len(s) && n < 4 && asciiClass[s[n]&0x7F] == classDigit && s[n] < utf8.RuneSelf {
		n++
	}
	return n == 3
}

// plain emits a word by its stem.
func (l *lexer) plain(word []byte, kind Kind, start, end int) {
	l.emit(kind, stem(clip(word), &l.term), start, end)
}

// clip cuts a term to the length that is indexed, between characters.
func clip(b []byte) []byte {
	if len(b) <= maxTerm {
		return b
	}
	n := maxTerm
	for n > 0 && !utf8.RuneStart(b[n]) {
		n--
	}
	return b[:n]
}

// compound emits a run of several segments, whole and in parts. In the whole,
// hyphens and underscores are left out, so that e-mail meets email and
// max_tokens meets maxTokens; so are the dots of U.S.A.
func (l *lexer) compound(start, end, digits int) {
	dotted := true // single letters between dots
	decimal := len(l.joins) == 1 && l.marks[0] == '.' && digits == len(l.buf)
	from := 0
	for k := 0; k <= len(l.joins); k++ {
		to := len(l.buf)
		if k < len(l.joins) {
			to = l.joins[k]
			dotted = dotted && l.marks[k] == '.'
		}
		dotted = dotted && to-from == 1 && l.cls[from] != classDigit
		from = to
	}
	if decimal {
		l.units++
	} else if !dotted {
		from = 0
		for k := 0; k <= len(l.joins); k++ {
			to := len(l.buf)
			if k < len(l.joins) {
				to = l.joins[k]
			}
			l.segment(from, to)
			from = to
		}
	} else {
		l.units++
	}
	l.term = l.term[:0]
	from = 0
	for k := 0; k <= len(l.joins); k++ {
		to := len(l.buf)
		if k < len(l.joins) {
			to = l.joins[k]
		}
		l.term = append(l.term, l.buf[from:to]...)
		if k < len(l.joins) && l.marks[k] != '-' && l.marks[k] != '_' && !dotted {
			l.term = append(l.term, l.marks[k])
		}
		from = to
	}
	if len(l.term) > maxTerm {
		return
	}
	kind := KindIdentifier
	if decimal {
		kind = KindNumber
	}
	whole := l.term
	l.emit(kind, whole, start, end)
	l.term = whole[:0]
}

// segment emits the piece buf[from:to] of a compound and its own parts.
func (l *lexer) segment(from, to int) {
	if to <= from {
		return
	}
	to = from + len(clip(l.buf[from:to]))
	start, end := int(l.starts[from]), int(l.ends[to-1])
	digits := 0
	for _, c := range l.cls[from:to] {
		if c == classDigit {
			digits++
		}
	}
	l.units++
	switch {
	case digits == to-from:
		if digits > 1 || len(l.joins) < 2 {
			l.emit(KindNumber, l.buf[from:to], start, end)
		}
	case digits == 0:
		l.plain(l.buf[from:to], KindPart, start, end)
		l.parts(from, to)
	default:
		l.emit(KindPart, l.buf[from:to], start, end)
		l.parts(from, to)
	}
}

// parts emits the pieces of buf[from:to] between changes of case and of letters
// and digits, when there are several, and reports whether there are. Pieces of
// one character say nothing and are left out, except for a number before its
// unit.
func (l *lexer) parts(from, to int) bool {
	cut := func(i int) bool {
		a, b := l.cls[i-1], l.cls[i]
		switch {
		case (a == classDigit) != (b == classDigit):
			return true
		case a == classLower && b == classUpper:
			return true
		case a == classUpper && b == classUpper && i+1 < to && l.cls[i+1] == classLower:
			return true
		}
		return false
	}
	several := false
	begin := from
	for i := from + 1; i <= to; i++ {
		if i < to && !cut(i) {
			continue
		}
		if i == to && !several {
			return false
		}
		several = true
		start, end := int(l.starts[begin]), int(l.ends[i-1])
		switch {
		case l.cls[begin] == classDigit:
			if i-begin > 1 || begin == from {
				l.units++
				l.emit(KindNumber, clip(l.buf[begin:i]), start, end)
			}
		case i-begin > 1 && i-begin <= maxTerm && !ordinal(l.buf[begin:i]):
			l.units++
			l.plain(l.buf[begin:i], KindPart, start, end)
		}
		begin = i
	}
	return several
}

// ordinal reports whether b is the ending of an ordinal number.
func ordinal(b []byte) bool {
	switch string(b) {
	case "st", "nd", "rd", "th":
		return true
	}
	return false
}

// han reads a run of characters that are written without spaces, emits its
// characters, bigrams and numerals and returns the offset behind it. A single
// line break between two of them does not end the run.
func (l *lexer) han(i int) int {
	table := simplifiedOf()
	text := l.text
	pair := &l.pair
	last, lastStart := 0, 0 // bytes in pair of the character before, and its offset
	numeral := 0            // offset at which the current run of numerals was looked at
	for i < len(text) {
		r, size := utf8.DecodeRuneInString(text[i:])
		if r < utf8.RuneSelf {
			n := 0
			if r == '\n' {
				n = 1
			} else if r == '\r' && i+1 < len(text) && text[i+1] == '\n' {
				n = 2
			}
			if n == 0 || last == 0 || i+n >= len(text) || text[i+n] < utf8.RuneSelf {
				break
			}
			if next, _ := utf8.DecodeRuneInString(text[i+n:]); classOf(next) != classHan {
				break
			}
			i += n
			continue
		}
		c := classOf(r)
		if c == classSkip {
			i += size
			continue
		}
		if c != classHan {
			break
		}
		if r >= firstHan && r <= lastHan {
			if s := table[r-firstHan]; s != 0 {
				r = rune(s)
			}
			if i >= numeral && isNumeral(r) {
				numeral = l.numeral(i)
			}
		} else if r >= 0x2E80 && (r <= 0x2FDF || r >= 0xF900) && r < 0x20000 {
			if f, _ := utf8.DecodeRuneInString(norm.NFKC.String(string(r))); f != utf8.RuneError {
				r = lowerHan(f, table)
			}
		}
		n := utf8.EncodeRune(pair[last:], r)
		l.units++
		if last > 0 {
			l.emit(KindBigram, pair[:last+n], lastStart, i+size)
		}
		l.emit(KindHan, pair[last:last+n], i, i+size)
		copy(pair[:], pair[last:last+n])
		last, lastStart = n, i
		i += size
	}
	return i
}
