package extract

// cff is what is needed of a font in the Compact Font Format (Adobe technical
// note 5176): how the codes of its own encoding read.
type cff struct {
	table [256]string
}

// cffStrings are the standard strings 96 to 228 as text: the high half of the
// standard encoding in order, then the other Latin letters and signs. Strings 1
// to 95 are those of ASCII in order.
var cffStrings = func() []string {
	var s []string
	for _, r := range standardHigh {
		if r != ' ' {
			s = append(s, expandLigatures(string(r)))
		}
	}
	for _, r := range "¹¬µ™Ð½±Þ¼÷¦°þ¾²®−ð×³©ÁÂÄÀÅÃÇÉÊËÈÍÎÏÌÑÓÔÖÒÕŠÚÛÜÙÝŸŽáâäàåãçéêëèíîïìñóôöòõšúûüùýÿž" {
		s = append(s, string(r))
	}
	return s
}()

// parseCFF reads encoding and charset of the first font of a set; nil when they
// cannot be read or say nothing beyond the standard.
func parseCFF(b []byte) *cff {
	if len(b) < 4 {
		return nil
	}
	u16 := func(at int) int {
		if at < 0 || at+2 > len(b) {
			return 0
		}
		return int(b[at])<<8 | int(b[at+1])
	}
	// index returns where the elements of an INDEX begin and where it ends.
	index := func(at int) (offs []int, end int) {
		n := u16(at)
		if n == 0 || at+3 > len(b) {
			return nil, at + 2
		}
		size := int(b[at+2])
		if size < 1 || size > 4 || at+3+(n+1)*size > len(b) {
			return nil, len(b)
		}
		base := at + 3 + (n+1)*size - 1
		for i := range n + 1 {
			v := 0
			for _, c := range b[at+3+i*size : at+3+(i+1)*size] {
				v = v<<8 | int(c)
			}
			if v < 1 || base+v > len(b) || i > 0 && base+v < offs[i-1] {
				return nil, len(b)
			}
			offs = append(offs, base+v)
		}
		return offs, offs[n]
	}
	_, at := index(int(b[2]))
	tops, at := index(at)
	strs, _ := index(at)
	if len(tops) < 2 {
		return nil
	}
	charset, encoding, glyphs := 0, 0, 0
	var args []int
	for d := b[tops[0]:tops[1]]; len(d) > 0; {
		c := int(d[0])
		switch {
		case c <= 21:
			op := c
			if c == 12 && len(d) > 1 {
				op = 1200 + int(d[1])
				d = d[1:]
			}
			v := 0
			if len(args) > 0 {
				v = args[len(args)-1]
			}
			switch op {
			case 15:
				charset = v
			case 16:
				encoding = v
			case 17:
				glyphs = v
			case 1230:
				return nil // glyphs have numbers, not names
			}
			args = args[:0]
			d = d[1:]
		case c == 28 && len(d) >= 3:
			args = append(args, int(int16(int(d[1])<<8|int(d[2]))))
			d = d[3:]
		case c == 29 && len(d) >= 5:
			args = append(args, int(int32(uint32(d[1])<<24|uint32(d[2])<<16|uint32(d[3])<<8|uint32(d[4]))))
			d = d[5:]
		case c == 30:
			d = d[1:]
			for len(d) > 0 && d[0]&0x0f != 0x0f && d[0]>>4 != 0x0f {
				d = d[1:]
			}
			if len(d) > 0 {
				d = d[1:]
			}
			args = append(args, 0)
		case c >= 32 && c <= 246:
			args = append(args, c-139)
			d = d[1:]
		case c >= 247 && c <= 250 && len(d) >= 2:
			args = append(args, (c-247)*256+int(d[1])+108)
			d = d[2:]
		case c >= 251 && c <= 254 && len(d) >= 2:
			args = append(args, -(c-251)*256-int(d[1])-108)
			d = d[2:]
		default:
			d = d[1:]
		}
	}
	if encoding <= 1 {
		return nil // the standard encoding, which is the default anyway
	}
	n := min(u16(glyphs), 1<<16)
	sids := make([]int, 1, n+1)
	switch {
	case charset == 0:
		for i := 1; i < n; i++ {
			sids = append(sids, i)
		}
	case charset > 2 && charset < len(b):
		at := charset + 1
		switch b[charset] {
		case 0:
			for ; len(sids) < n && at+2 <= len(b); at += 2 {
				sids = append(sids, u16(at))
			}
		case 1, 2:
			for len(sids) < n && at+3 <= len(b) {
				first, left := u16(at), int(b[at+2])
				at += 3
				if b[charset] == 2 {
					left = u16(at - 1)
					at++
				}
				for k := 0; k <= left && len(sids) < n; k++ {
					sids = append(sids, first+k)
				}
			}
		}
	}
	text := func(glyph int) string {
		if glyph <= 0 || glyph >= len(sids) {
			return ""
		}
		sid := sids[glyph]
		switch {
		case sid == 0:
			return ""
		case sid <= 95:
			switch c := rune(sid + 31); c {
			case '\'':
				return "’"
			case '`':
				return "‘"
			default:
				return string(c)
			}
		case sid-96 < len(cffStrings):
			return cffStrings[sid-96]
		case sid >= 391 && sid-391+1 < len(strs):
			return glyphText(string(b[strs[sid-391]:strs[sid-390]]))
		}
		return ""
	}
	if encoding >= len(b) {
		return nil
	}
	c := &cff{}
	format := b[encoding]
	at = encoding + 2
	if encoding+1 >= len(b) {
		return nil
	}
	count := int(b[encoding+1])
	switch format & 0x7f {
	case 0:
		for i := range count {
			if at+i < len(b) {
				c.table[b[at+i]] = text(i + 1)
			}
		}
		at += count
	case 1:
		glyph := 1
		for range count {
			if at+2 > len(b) {
				break
			}
			for k := 0; k <= int(b[at+1]); k++ {
				if code := int(b[at]) + k; code < 256 {
					c.table[code] = text(glyph)
				}
				glyph++
			}
			at += 2
		}
	}
	return c
}
