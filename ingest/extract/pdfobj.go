package extract

import (
	"math"
	"strconv"
)

// Objects of a PDF file as pdfLexer reads them: nil, bool, int64, float64 and
// the types below.
type (
	pdfStr  string
	pdfName string
	pdfOp   string // an operator of a content stream, or a keyword
	pdfArr  []any
	pdfDict map[pdfName]any
	pdfRef  struct{ id, gen int }
)

// pdfStream is a dictionary with data still in the form of the file.
type pdfStream struct {
	dict pdfDict
	raw  []byte
	ref  pdfRef // whose key it is encrypted with; zero when it is not
}

// pdfLexer reads objects from a file or a content stream. It is lenient: what
// it does not understand it skips.
type pdfLexer struct {
	b     []byte
	pos   int
	depth int
	refs  bool // "1 0 R" is a reference: true in files, false in content streams
}

// pdfEOF is returned by object at the end of input, pdfClose at a closing
// bracket that nothing opened.
type (
	pdfEOF   struct{}
	pdfClose byte
)

const maxPDFDepth = 200

var pdfClass = func() (t [256]byte) {
	for _, c := range "\x00\t\n\f\r " {
		t[c] = 's'
	}
	for _, c := range "()<>[]{}/%" {
		t[c] = 'd'
	}
	return t
}()

func (l *pdfLexer) space() {
	for l.pos < len(l.b) {
		c := l.b[l.pos]
		switch {
		case pdfClass[c] == 's':
			l.pos++
		case c == '%':
			for l.pos < len(l.b) && l.b[l.pos] != '\n' && l.b[l.pos] != '\r' {
				l.pos++
			}
		default:
			return
		}
	}
}

// object reads the next object or operator.
func (l *pdfLexer) object() any {
	l.space()
	if l.pos >= len(l.b) {
		return pdfEOF{}
	}
	c := l.b[l.pos]
	switch c {
	case '/':
		return l.name()
	case '(':
		return l.literal()
	case '<':
		if l.pos+1 < len(l.b) && l.b[l.pos+1] == '<' {
			l.pos += 2
			return l.dict()
		}
		return l.hex()
	case '[':
		l.pos++
		if l.depth++; l.depth > maxPDFDepth {
			l.pos = len(l.b)
			return nil
		}
		defer func() { l.depth-- }()
		arr := pdfArr{}
		for {
			switch o := l.object().(type) {
			case pdfEOF:
				return arr
			case pdfClose:
				if o == ']' {
					return arr
				}
				if o == '>' {
					l.pos -= 2 // the array was not closed; its dictionary is
					return arr
				}
			case pdfOp:
				if o == "endobj" || o == "endstream" {
					l.pos -= len(o)
					return arr
				}
			default:
				arr = append(arr, o)
			}
		}
	case ']':
		l.pos++
		return pdfClose(']')
	case '>':
		l.pos++
		if l.pos < len(l.b) && l.b[l.pos] == '>' {
			l.pos++
			return pdfClose('>')
		}
		return l.object()
	case '{', '}', ')':
		l.pos++
		return pdfOp(string(c))
	}
	if c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.' {
		return l.number()
	}
	start := l.pos
	for l.pos < len(l.b) && pdfClass[l.b[l.pos]] == 0 {
		l.pos++
	}
	switch word := l.b[start:l.pos]; string(word) {
	case "true":
		return true
	case "false":
		return false
	case "null":
		return nil
	default:
		return pdfOp(word)
	}
}

func (l *pdfLexer) dict() any {
	if l.depth++; l.depth > maxPDFDepth {
		l.pos = len(l.b)
		return nil
	}
	defer func() { l.depth-- }()
	d := pdfDict{}
	for {
		switch k := l.object().(type) {
		case pdfEOF:
			return d
		case pdfClose:
			if k == '>' {
				return d
			}
		case pdfName:
			v := l.object()
			switch v := v.(type) {
			case pdfEOF:
				return d
			case pdfClose:
				if v == '>' {
					return d
				}
			case pdfOp:
				if v == "endobj" || v == "stream" {
					l.pos -= len(v)
					return d
				}
			default:
				if _, dup := d[k]; !dup && len(d) < 1<<16 {
					d[k] = v
				}
			}
		case pdfOp:
			if k == "endobj" || k == "stream" {
				l.pos -= len(k)
				return d
			}
		}
	}
}

func (l *pdfLexer) number() any {
	start := l.pos
	neg, real := false, false
	var n int64
	digits := 0
	frac := 1.0
	var f float64
	for l.pos < len(l.b) {
		c := l.b[l.pos]
		switch {
		case c >= '0' && c <= '9':
			digits++
			if real {
				frac /= 10
				f += float64(c-'0') * frac
			} else if n < math.MaxInt64/20 {
				n = n*10 + int64(c-'0')
			}
		case c == '.' && !real:
			real = true
		case c == '-' && l.pos == start:
			neg = true
		case c == '+' && l.pos == start:
		case c == '-' && digits == 0:
			neg = true // "--5" as some writers have it
		case c == '-':
			// "12-34": the rest is noise
			for l.pos < len(l.b) && pdfClass[l.b[l.pos]] == 0 {
				l.pos++
			}
			l.pos--
		default:
			if pdfClass[c] != 0 {
				goto done
			}
			// An operator that follows a number without a blank, or a word
			// that starts like a number.
			if digits > 0 {
				goto done
			}
			for l.pos < len(l.b) && pdfClass[l.b[l.pos]] == 0 {
				l.pos++
			}
			return pdfOp(l.b[start:l.pos])
		}
		l.pos++
	}
done:
	if real {
		v := float64(n) + f
		if neg {
			v = -v
		}
		return v
	}
	if neg {
		return -n
	}
	if l.refs && digits > 0 && n < 1<<30 {
		if gen, end, ok := l.refTail(); ok {
			l.pos = end
			return pdfRef{int(n), gen}
		}
	}
	return n
}

// refTail looks for "<generation> R" at the position.
func (l *pdfLexer) refTail() (gen, end int, ok bool) {
	p := l.pos
	skip := func() bool {
		from := p
		for p < len(l.b) && pdfClass[l.b[p]] == 's' {
			p++
		}
		return p > from
	}
	if !skip() {
		return
	}
	from := p
	for p < len(l.b) && p < from+5 && l.b[p] >= '0' && l.b[p] <= '9' {
		gen = gen*10 + int(l.b[p]-'0')
		p++
	}
	if p == from || !skip() || p >= len(l.b) || l.b[p] != 'R' {
		return
	}
	p++
	if p < len(l.b) && pdfClass[l.b[p]] == 0 {
		return
	}
	return gen, p, true
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

func (l *pdfLexer) name() pdfName {
	l.pos++
	start := l.pos
	escaped := false
	for l.pos < len(l.b) && pdfClass[l.b[l.pos]] == 0 {
		escaped = escaped || l.b[l.pos] == '#'
		l.pos++
	}
	raw := l.b[start:l.pos]
	if !escaped {
		return pdfName(raw)
	}
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] == '#' && i+2 < len(raw) {
			if a, b := unhex(raw[i+1]), unhex(raw[i+2]); a >= 0 && b >= 0 {
				out = append(out, byte(a<<4|b))
				i += 2
				continue
			}
		}
		out = append(out, raw[i])
	}
	return pdfName(out)
}

func (l *pdfLexer) hex() pdfStr {
	l.pos++
	var out []byte
	high := -1
	for l.pos < len(l.b) {
		c := l.b[l.pos]
		l.pos++
		if c == '>' {
			break
		}
		v := unhex(c)
		if v < 0 {
			continue
		}
		if high < 0 {
			high = v
		} else {
			out = append(out, byte(high<<4|v))
			high = -1
		}
	}
	if high >= 0 {
		out = append(out, byte(high<<4))
	}
	return pdfStr(out)
}

func (l *pdfLexer) literal() pdfStr {
	l.pos++
	start := l.pos
	depth := 1
	var out []byte
	flush := start
	for l.pos < len(l.b) {
		c := l.b[l.pos]
		switch c {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				s := l.b[flush:l.pos]
				l.pos++
				if out == nil {
					return pdfStr(s)
				}
				return pdfStr(append(out, s...))
			}
		case '\r':
			out = append(out, l.b[flush:l.pos]...)
			out = append(out, '\n')
			if l.pos+1 < len(l.b) && l.b[l.pos+1] == '\n' {
				l.pos++
			}
			flush = l.pos + 1
		case '\\':
			out = append(out, l.b[flush:l.pos]...)
			l.pos++
			if l.pos >= len(l.b) {
				return pdfStr(out)
			}
			switch e := l.b[l.pos]; e {
			case 'n':
				out = append(out, '\n')
			case 'r':
				out = append(out, '\r')
			case 't':
				out = append(out, '\t')
			case 'b':
				out = append(out, '\b')
			case 'f':
				out = append(out, '\f')
			case '\r':
				if l.pos+1 < len(l.b) && l.b[l.pos+1] == '\n' {
					l.pos++
				}
			case '\n':
			case '0', '1', '2', '3', '4', '5', '6', '7':
				v := int(e - '0')
				for k := 0; k < 2 && l.pos+1 < len(l.b) && l.b[l.pos+1] >= '0' && l.b[l.pos+1] <= '7'; k++ {
					l.pos++
					v = v<<3 | int(l.b[l.pos]-'0')
				}
				out = append(out, byte(v))
			default:
				out = append(out, e)
			}
			flush = l.pos + 1
		}
		l.pos++
	}
	if flush < len(l.b) {
		out = append(out, l.b[flush:]...)
	}
	return pdfStr(out)
}

// appendPDF writes an object in the strictest form: what [pdfLexer] forgives in
// its input is gone from the output.
func appendPDF(b []byte, o any) []byte {
	switch o := o.(type) {
	case bool:
		return strconv.AppendBool(b, o)
	case int64:
		return strconv.AppendInt(b, o, 10)
	case float64:
		if math.IsNaN(o) || math.IsInf(o, 0) {
			return append(b, '0')
		}
		return strconv.AppendFloat(b, o, 'f', 6, 64)
	case pdfStr:
		b = append(b, '<')
		for i := 0; i < len(o); i++ {
			b = append(b, hexDigits[o[i]>>4], hexDigits[o[i]&15])
		}
		return append(b, '>')
	case pdfName:
		b = append(b, '/')
		for i := 0; i < len(o); i++ {
			if c := o[i]; pdfClass[c] == 0 && c > ' ' && c < 0x7f && c != '#' {
				b = append(b, c)
			} else {
				b = append(b, '#', hexDigits[c>>4], hexDigits[c&15])
			}
		}
		return b
	case pdfArr:
		b = append(b, '[')
		for i, v := range o {
			if i > 0 {
				b = append(b, ' ')
			}
			b = appendPDF(b, v)
		}
		return append(b, ']')
	case pdfDict:
		b = append(b, '<', '<')
		for k, v := range o {
			if v == nil {
				continue
			}
			b = appendPDF(b, k)
			b = append(b, ' ')
			b = appendPDF(b, v)
			b = append(b, '\n')
		}
		return append(b, '>', '>')
	case pdfRef:
		b = strconv.AppendInt(b, int64(o.id), 10)
		return append(b, " 0 R"...)
	}
	return append(b, "null"...)
}

const hexDigits = "0123456789abcdef"
