package extract

import (
	"unicode/utf16"
)

// pdfCMap maps character codes to text, or to glyph numbers (CIDs).
type pdfCMap struct {
	text   map[uint32]string
	cids   []cidRange
	spaces []codeSpace // how many bytes a code has
}

type cidRange struct {
	lo, hi uint32
	cid    int
}

type codeSpace struct {
	n      int
	lo, hi uint32
}

const maxCMapEntries = 1 << 18

// parseCMap reads a CMap program. Of its language only the mapping operators
// matter.
func parseCMap(data []byte) *pdfCMap {
	m := &pdfCMap{text: map[uint32]string{}}
	l := &pdfLexer{b: data}
	var args []any
	for {
		o := l.object()
		switch o := o.(type) {
		case pdfEOF:
			return m
		case pdfClose:
		case pdfOp:
			switch o {
			case "endcodespacerange":
				for i := 0; i+1 < len(args); i += 2 {
					lo, ok1 := args[i].(pdfStr)
					hi, ok2 := args[i+1].(pdfStr)
					if ok1 && ok2 && len(lo) == len(hi) && len(lo) >= 1 && len(lo) <= 4 && len(m.spaces) < 256 {
						m.spaces = append(m.spaces, codeSpace{len(lo), codeOf(lo), codeOf(hi)})
					}
				}
			case "endbfchar":
				for i := 0; i+1 < len(args); i += 2 {
					code, ok := args[i].(pdfStr)
					if !ok || len(m.text) > maxCMapEntries {
						continue
					}
					m.text[codeOf(code)] = targetText(args[i+1])
				}
			case "endbfrange":
				for i := 0; i+2 < len(args); i += 3 {
					lo, ok1 := args[i].(pdfStr)
					hi, ok2 := args[i+1].(pdfStr)
					if !ok1 || !ok2 {
						continue
					}
					m.bfRange(codeOf(lo), codeOf(hi), args[i+2])
				}
			case "endcidchar":
				for i := 0; i+1 < len(args); i += 2 {
					code, ok1 := args[i].(pdfStr)
					cid, ok2 := args[i+1].(int64)
					if ok1 && ok2 && len(m.cids) < maxCMapEntries {
						m.cids = append(m.cids, cidRange{codeOf(code), codeOf(code), int(cid)})
					}
				}
			case "endcidrange":
				for i := 0; i+2 < len(args); i += 3 {
					lo, ok1 := args[i].(pdfStr)
					hi, ok2 := args[i+1].(pdfStr)
					cid, ok3 := args[i+2].(int64)
					if ok1 && ok2 && ok3 && len(m.cids) < maxCMapEntries {
						m.cids = append(m.cids, cidRange{codeOf(lo), codeOf(hi), int(cid)})
					}
				}
			}
			args = args[:0]
		default:
			if len(args) < 4096 {
				args = append(args, o)
			}
		}
	}
}

func (m *pdfCMap) bfRange(lo, hi uint32, target any) {
	if hi < lo || hi-lo > 0xffff {
		return
	}
	switch t := target.(type) {
	case pdfArr:
		for i, o := range t {
			if c := lo + uint32(i); c <= hi && len(m.text) < maxCMapEntries {
				m.text[c] = targetText(o)
			}
		}
	case pdfStr:
		u := utf16Units(string(t))
		if len(u) == 0 {
			return
		}
		for c := lo; c <= hi && len(m.text) < maxCMapEntries; c++ {
			m.text[c] = string(utf16.Decode(u))
			u[len(u)-1]++
		}
	}
}

func codeOf(s pdfStr) uint32 {
	var v uint32
	for i := 0; i < len(s) && i < 4; i++ {
		v = v<<8 | uint32(s[i])
	}
	return v
}

func targetText(o any) string {
	switch o := o.(type) {
	case pdfStr:
		return string(utf16.Decode(utf16Units(string(o))))
	case pdfName:
		return glyphText(string(o))
	}
	return ""
}

// utf16Units splits big-endian UTF-16; a single byte stands for itself.
func utf16Units(s string) []uint16 {
	if len(s) == 1 {
		return []uint16{uint16(s[0])}
	}
	u := make([]uint16, 0, len(s)/2)
	for i := 0; i+1 < len(s) && len(u) < 512; i += 2 {
		u = append(u, uint16(s[i])<<8|uint16(s[i+1]))
	}
	return u
}

// next cuts a code off s: the shortest that lies in a code space.
func (m *pdfCMap) next(s string) (code uint32, n int) {
	for n = 1; n <= 4 && n <= len(s); n++ {
		code = code<<8 | uint32(s[n-1])
		for _, r := range m.spaces {
			if r.n == n && inCodeSpace(code, r) {
				return code, n
			}
		}
	}
	return codeOf(pdfStr(s[:min(2, len(s))])), min(2, len(s))
}

// inCodeSpace compares byte by byte, as code spaces are rectangles.
func inCodeSpace(code uint32, r codeSpace) bool {
	for shift := 0; shift < 8*r.n; shift += 8 {
		c := code >> shift & 0xff
		if c < r.lo>>shift&0xff || c > r.hi>>shift&0xff {
			return false
		}
	}
	return true
}

func (m *pdfCMap) cid(code uint32) (int, bool) {
	for _, r := range m.cids {
		if r.lo <= code && code <= r.hi {
			return r.cid + int(code-r.lo), true
		}
	}
	return 0, false
}
