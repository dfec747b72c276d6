package extract

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// xmlReader reads XML as a stream of tags and text. It knows no document types
// and expands no entities but the predefined ones and character references, so
// no input grows while it is read; what is not well-formed it passes over.
// Names come without their prefix.
type xmlReader struct {
	b     []byte
	pos   int
	depth int
	names map[string]string

	name  string // of the current tag
	attrs []byte // of the current start tag, unparsed
	empty bool   // the current start tag closes itself; its end follows
	text  []byte // current text, unescaped
}

type xmlKind int

const (
	xmlEOF xmlKind = iota
	xmlStart
	xmlEnd
	xmlText
)

// newXML takes XML in any Unicode charset, or in the one it declares.
func newXML(data []byte) *xmlReader {
	cs := ""
	if len(data) >= 2 && (data[0] >= 0xfe || data[0] == 0 || data[1] == 0) {
		cs = detectCharset(data[:min(len(data), 4096)], true)
	} else if head := data[:min(len(data), 200)]; bytes.HasPrefix(head, []byte("<?xml")) {
		if _, rest, ok := bytes.Cut(head, []byte("encoding=")); ok && len(rest) > 2 {
			if end := bytes.IndexByte(rest[1:], rest[0]); end > 0 {
				cs = strings.ToLower(string(rest[1 : end+1]))
			}
		}
	}
	if cs != "" && cs != csUTF8 {
		if text, verbatim := decode(data, cs); !verbatim {
			data = []byte(text)
		}
	}
	return &xmlReader{b: bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), names: map[string]string{}}
}

func (x *xmlReader) intern(b []byte) string {
	if i := bytes.IndexByte(b, ':'); i >= 0 {
		b = b[i+1:]
	}
	if s, ok := x.names[string(b)]; ok {
		return s
	}
	s := string(b)
	if len(x.names) < 4096 {
		x.names[s] = s
	}
	return s
}

// next moves to the next tag or text.
func (x *xmlReader) next() xmlKind {
	if x.empty {
		x.empty = false
		x.depth--
		return xmlEnd
	}
	for x.pos < len(x.b) {
		if x.b[x.pos] != '<' {
			end := bytes.IndexByte(x.b[x.pos:], '<')
			if end < 0 {
				end = len(x.b) - x.pos
			}
			x.text = unescapeXML(x.b[x.pos : x.pos+end])
			x.pos += end
			return xmlText
		}
		rest := x.b[x.pos:]
		switch {
		case bytes.HasPrefix(rest, []byte("<!--")):
			x.skipTo("-->")
		case bytes.HasPrefix(rest, []byte("<![CDATA[")):
			body := rest[len("<![CDATA["):]
			end := bytes.Index(body, []byte("]]>"))
			if end < 0 {
				x.pos = len(x.b)
				x.text = body
			} else {
				x.pos += len("<![CDATA[") + end + 3
				x.text = body[:end]
			}
			return xmlText
		case bytes.HasPrefix(rest, []byte("<?")):
			x.skipTo("?>")
		case bytes.HasPrefix(rest, []byte("<!")):
			x.skipDeclaration()
		case len(rest) > 1 && rest[1] == '/':
			end := bytes.IndexByte(rest, '>')
			if end < 0 {
				x.pos = len(x.b)
				return xmlEOF
			}
			x.name = x.intern(bytes.TrimRight(rest[2:end], " \t\r\n"))
			x.pos += end + 1
			x.depth--
			return xmlEnd
		default:
			return x.startTag(rest)
		}
	}
	return xmlEOF
}

func (x *xmlReader) startTag(rest []byte) xmlKind {
	end := 1
	for quote := byte(0); ; end++ {
		if end >= len(rest) {
			x.pos = len(x.b)
			return xmlEOF
		}
		c := rest[end]
		if quote != 0 {
			if c == quote {
				quote = 0
			}
		} else if c == '"' || c == '\'' {
			quote = c
		} else if c == '>' {
			break
		}
	}
	tag := rest[1:end]
	x.pos += end + 1
	if n := len(tag); n > 0 && tag[n-1] == '/' {
		x.empty = true
		tag = tag[:n-1]
	}
	name := tag
	x.attrs = nil
	for i, c := range tag {
		if c == ' ' || c == '\t' || c == '\n' || c == '\r' {
			name, x.attrs = tag[:i], tag[i:]
			break
		}
	}
	x.name = x.intern(name)
	x.depth++
	return xmlStart
}

func (x *xmlReader) skipTo(end string) {
	i := bytes.Index(x.b[x.pos:], []byte(end))
	if i < 0 {
		x.pos = len(x.b)
		return
	}
	x.pos += i + len(end)
}

// skipDeclaration passes over <!DOCTYPE … [ … ]>.
func (x *xmlReader) skipDeclaration() {
	inner := 0
	for ; x.pos < len(x.b); x.pos++ {
		switch x.b[x.pos] {
		case '[':
			inner++
		case ']':
			inner--
		case '>':
			if inner <= 0 {
				x.pos++
				return
			}
		}
	}
}

// attr is the value of an attribute of the current start tag, by local name.
func (x *xmlReader) attr(name string) string {
	a := x.attrs
	for len(a) > 0 {
		eq := bytes.IndexByte(a, '=')
		if eq < 0 {
			return ""
		}
		key := bytes.TrimSpace(a[:eq])
		a = bytes.TrimLeft(a[eq+1:], " \t\r\n")
		if len(a) == 0 || a[0] != '"' && a[0] != '\'' {
			return ""
		}
		end := bytes.IndexByte(a[1:], a[0])
		if end < 0 {
			return ""
		}
		if i := bytes.IndexByte(key, ':'); i >= 0 {
			key = key[i+1:]
		}
		if string(key) == name {
			return string(unescapeXML(a[1 : end+1]))
		}
		a = a[end+2:]
	}
	return ""
}

// skip passes over the current element with all it holds.
func (x *xmlReader) skip() {
	for level := x.depth; ; {
		switch x.next() {
		case xmlEOF:
			return
		case xmlEnd:
			if x.depth < level {
				return
			}
		}
	}
}

// inner is the text of the current element, without that of elements named in
// except.
func (x *xmlReader) inner(except ...string) string {
	var s strings.Builder
	for level := x.depth; ; {
		switch x.next() {
		case xmlEOF:
			return s.String()
		case xmlText:
			s.Write(x.text)
		case xmlStart:
			for _, e := range except {
				if x.name == e {
					x.skip()
					break
				}
			}
		case xmlEnd:
			if x.depth < level {
				return s.String()
			}
		}
	}
}

func unescapeXML(b []byte) []byte {
	amp := bytes.IndexByte(b, '&')
	if amp < 0 {
		return b
	}
	out := make([]byte, 0, len(b))
	for {
		out = append(out, b[:amp]...)
		b = b[amp:]
		end := bytes.IndexByte(b[:min(len(b), 12)], ';')
		var r rune
		if end > 0 {
			switch name := string(b[1:end]); name {
			case "amp":
				r = '&'
			case "lt":
				r = '<'
			case "gt":
				r = '>'
			case "quot":
				r = '"'
			case "apos":
				r = '\''
			case "nbsp":
				r = ' '
			default:
				if digits, ok := strings.CutPrefix(name, "#"); ok {
					base := 10
					if len(digits) > 0 && digits[0]|0x20 == 'x' {
						digits, base = digits[1:], 16
					}
					if n, err := strconv.ParseUint(digits, base, 32); err == nil && n > 0 && n <= utf8.MaxRune {
						r = rune(n)
					}
				}
			}
		}
		if r != 0 {
			out = utf8.AppendRune(out, r)
			b = b[end+1:]
		} else {
			out = append(out, '&')
			b = b[1:]
		}
		if amp = bytes.IndexByte(b, '&'); amp < 0 {
			return append(out, b...)
		}
	}
}
