package analysis

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// numeralValue returns the value of a Chinese numeral, simplified: a digit, or
// a unit from ten on; -1 when r is none.
func numeralValue(r rune) int64 {
	switch r {
	case '〇', '零':
		return 0
	case '一':
		return 1
	case '二', '两':
		return 2
	case '三':
		return 3
	case '四':
		return 4
	case '五':
		return 5
	case '六':
		return 6
	case '七':
		return 7
	case '八':
		return 8
	case '九':
		return 9
	case '十':
		return 10
	case '百':
		return 100
	case '千':
		return 1000
	case '万':
		return 10000
	case '亿':
		return 100000000
	}
	return -1
}

func isNumeral(r rune) bool { return numeralValue(r) >= 0 }

// numeral reads the Chinese numerals at i, emits their value when they stand
// for a number, and returns the offset behind them. One numeral alone is a
// number only after 第 or before a unit of time or of a text's division: 一 is
// part of too many words.
func (l *lexer) numeral(i int) int {
	table := simplifiedOf()
	start, count := i, 0
	var total, section, digit, plain int64
	units, first, big := false, int64(-1), false
	var next rune
	for i < len(l.text) {
		r, size := utf8.DecodeRuneInString(l.text[i:])
		next = lowerHan(r, table)
		v := numeralValue(next)
		if v < 0 {
			break
		}
		if first < 0 {
			first = v
		}
		count++
		switch {
		case v < 10:
			digit = v
			if plain < 1e15 {
				plain = plain*10 + v
			}
		case v < 10000:
			units = true
			if digit == 0 {
				digit = 1
			}
			section += digit * v
			digit = 0
		default:
			units = true
			if total < 1e15 {
				total = (total + section + digit) * v
			} else {
				big = true
			}
			section, digit = 0, 0
		}
		i += size
		next = 0
	}
	value := plain
	if units {
		value = total + section + digit
	}
	switch {
	case first >= 100, big, count > 16: // 百姓, 千万, 万一
		return i
	case count == 1:
		switch next {
		case '年', '月', '日', '号', '条', '章', '节', '款', '页', '届', '期', '版':
		default:
			if before, _ := utf8.DecodeLastRuneInString(l.text[:start]); before != '第' {
				return i
			}
		}
	}
	l.emit(KindNumber, strconv.AppendInt(l.figure[:0], value, 10), start, i)
	l.spelledDate(value, next, start, i)
	return i
}

// spelled is a date in Chinese numerals as far as it was read.
type spelled struct{ from, year, month, end int }

// spelledDate reads 二〇一三年十二月二日 a part at a time: value stands at
// text[start:end], unit behind it. A date is emitted as date does it, from its
// month on.
func (l *lexer) spelledDate(value int64, unit rune, start, end int) {
	before := l.spelled
	l.spelled = spelled{}
	if before.end != start {
		before = spelled{from: start}
	}
	two := func(b []byte, n int) []byte { return append(b, '-', byte('0'+n/10), byte('0'+n%10)) }
	n := int(value)
	switch {
	case unit == '年' && value >= 1000 && value < 3000:
		l.spelled = spelled{from: start, year: n, end: end + len("年")}
	case unit == '月' && value >= 1 && value <= 12:
		l.spelled = spelled{from: before.from, year: before.year, month: n, end: end + len("月")}
		if before.year > 0 {
			l.emit(KindDate, two(strconv.AppendInt(l.figure[:0], int64(before.year), 10), n), before.from, l.spelled.end)
		}
		l.emit(KindDate, two(append(l.figure[:0], '-'), n), before.from, l.spelled.end)
	case (unit == '日' || unit == '号') && before.month > 0 && value >= 1 && value <= 31:
		end += len("日")
		if before.year > 0 {
			l.emit(KindDate, two(two(strconv.AppendInt(l.figure[:0], int64(before.year), 10), before.month), n), before.from, end)
		}
		l.emit(KindDate, two(two(append(l.figure[:0], '-'), before.month), n), before.from, end)
	}
}

// date looks for a date that begins with the run in buf, which text[start:end]
// holds and which ends before next, and emits it as year-month-day and in the
// shorter forms by which a question may name it.
func (l *lexer) date(start, next, end int) {
	if start < l.dated {
		return
	}
	y, m, d, to := l.numericDate(next, end)
	if m == 0 {
		y, m, d, to = l.namedDate(next)
	}
	if m < 1 || m > 12 || d > 31 {
		return
	}
	if to == 0 {
		to = end
	}
	l.dated = to
	b := &l.figure
	two := func(b []byte, n int) []byte { return append(b, '-', byte('0'+n/10), byte('0'+n%10)) }
	if y > 0 {
		ym := two(strconv.AppendInt(b[:0], int64(y), 10), m)
		l.emit(KindDate, ym, start, to)
		if d > 0 {
			l.emit(KindDate, two(ym, d), start, to)
		}
	}
	month := two(append(b[:0], '-'), m)
	l.emit(KindDate, month, start, to)
	if d > 0 {
		l.emit(KindDate, two(month, d), start, to)
	}
}

// numericDate reads 2013-05-03, 2013年5月3日 and 5月3日; m is 0 when there is no
// date, and y or d when they are not told.
func (l *lexer) numericDate(next, end int) (y, m, d, to int) {
	b := l.buf
	if b[0] < '0' || b[0] > '9' {
		return 0, 0, 0, 0
	}
	if len(l.joins) >= 2 {
		if l.joins[0] != 4 || l.marks[0] != l.marks[1] || bytes.IndexByte([]byte("-/."), l.marks[0]) < 0 {
			return 0, 0, 0, 0
		}
		last := len(b)
		if len(l.joins) > 2 {
			last = l.joins[2]
		}
		y = digits(b[:4])
		m = digits(b[4:l.joins[1]])
		rest := b[l.joins[1]:last]
		n := 0
		for n < len(rest) && n < 2 && rest[n] >= '0' && rest[n] <= '9' {
			n++
		}
		d = digits(rest[:n])
		if y < 1000 || y > 2999 || m < 1 || d < 1 || n < len(rest) && rest[n] != 't' {
			return 0, 0, 0, 0
		}
		return y, m, d, end
	}
	if len(l.joins) > 0 || len(b) > 4 {
		return 0, 0, 0, 0
	}
	n := digits(b)
	if n <= 0 {
		return 0, 0, 0, 0
	}
	i := l.skipSpace(next)
	if len(b) == 4 && l.at(i, '年') {
		y = n
		n, i = l.digitsAt(l.skipSpace(i + 3))
		i = l.skipSpace(i)
	}
	if n < 1 || n > 12 || !l.at(i, '月') {
		return 0, 0, 0, 0
	}
	m, to = n, i+3
	if day, j := l.digitsAt(l.skipSpace(to)); day > 0 && day < 32 {
		if j = l.skipSpace(j); l.at(j, '日') || l.at(j, '号') || l.at(j, '號') {
			d, to = day, j+3
		}
	}
	return y, m, d, to
}

// namedDate reads May 3, 2013, 3 May 2013, May 2013 and a month's name alone.
func (l *lexer) namedDate(next int) (y, m, d, to int) {
	if len(l.joins) > 0 {
		return 0, 0, 0, 0
	}
	i := next
	if b := l.buf; b[0] <= '9' {
		if b[0] < '0' {
			return 0, 0, 0, 0
		}
		n := 0
		for n < len(b) && b[n] <= '9' {
			n++
		}
		if n > 2 || n < len(b) && !ordinal(b[n:]) {
			return 0, 0, 0, 0
		}
		d = digits(b[:n])
		i = l.skipSpace(i)
		if j := i; i+3 < len(l.text) && l.text[i]|0x20 == 'o' && l.text[i+1]|0x20 == 'f' && l.text[i+2] == ' ' {
			i = j + 3
		}
		j := i
		for j < len(l.text) && j-i < 10 && l.text[j]|0x20 >= 'a' && l.text[j]|0x20 <= 'z' {
			j++
		}
		var name [10]byte
		for k := i; k < j; k++ {
			name[k-i] = l.text[k] | 0x20
		}
		m, _ = month(name[:j-i])
		if m == 0 || d == 0 || d > 31 {
			return 0, 0, 0, 0
		}
		to = j
		y, to = l.year(j, to)
		return y, m, d, to
	}
	m, sure := month(l.buf)
	if m == 0 {
		return 0, 0, 0, 0
	}
	if i < len(l.text) && l.text[i] == '.' {
		i++
	}
	n, j := l.digitsAt(l.skipSpace(i))
	switch {
	case n > 0 && n < 32 && j-i <= 4:
		d, to = n, j
		if j+1 < len(l.text) && ordinal([]byte{l.text[j] | 0x20, l.text[j+1] | 0x20}) {
			to = j + 2
		}
		y, to = l.year(to, to)
	case n >= 1000 && n <= 2999:
		y, to = n, j
	case !sure:
		return 0, 0, 0, 0
	}
	return y, m, d, to
}

// year reads a year after a day or a month that ends at i.
func (l *lexer) year(i, to int) (int, int) {
	if i < len(l.text) && l.text[i] == ',' {
		i++
	}
	if n, j := l.digitsAt(l.skipSpace(i)); n >= 1000 && n <= 2999 {
		return n, j
	}
	return 0, to
}

// month returns the number of a month's name, and whether the name means
// nothing else.
func month(b []byte) (int, bool) {
	if len(b) < 3 || len(b) > 9 {
		return 0, false
	}
	switch string(b) {
	case "january":
		return 1, true
	case "february":
		return 2, true
	case "april":
		return 4, true
	case "june":
		return 6, true
	case "july":
		return 7, true
	case "august":
		return 8, true
	case "september":
		return 9, true
	case "october":
		return 10, true
	case "november":
		return 11, true
	case "december":
		return 12, true
	case "jan":
		return 1, false
	case "feb":
		return 2, false
	case "march", "mar":
		return 3, false
	case "apr":
		return 4, false
	case "may":
		return 5, false
	case "jun":
		return 6, false
	case "jul":
		return 7, false
	case "aug":
		return 8, false
	case "sep", "sept":
		return 9, false
	case "oct":
		return 10, false
	case "nov":
		return 11, false
	case "dec":
		return 12, false
	}
	return 0, false
}

// digits returns the value of up to four ASCII digits, or -1.
func digits(b []byte) int {
	if len(b) == 0 || len(b) > 4 {
		return -1
	}
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	return n
}

// digitsAt reads up to four digits at i and returns their value and the offset
// behind them; -1 when there are none or more.
func (l *lexer) digitsAt(i int) (int, int) {
	j := i
	for j < len(l.text) && j-i < 5 && l.text[j] >= '0' && l.text[j] <= '9' {
		j++
	}
	if j-i > 4 {
		return -1, j
	}
	return digits([]byte(l.text[i:j])), j
}

// skipSpace returns the offset behind the blanks at i.
func (l *lexer) skipSpace(i int) int {
	for i < len(l.text) && l.text[i] == ' ' {
		i++
	}
	return i
}

// at reports whether r, a character of three bytes, stands at i.
func (l *lexer) at(i int, r rune) bool {
	if i+3 > len(l.text) || l.text[i] < utf8.RuneSelf {
		return false
	}
	c, _ := utf8.DecodeRuneInString(l.text[i:])
	return c == r
}
