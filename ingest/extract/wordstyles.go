package extract

import "sort"

// wordStyles says what the paragraphs of a Word 97 file are, by where their end
// mark stands in the main stream (MS-DOC: PlcBtePapx, PapxFkp, STSH).
type wordStyles struct {
	ends []int32 // of runs, in order
	runs []wordPara
}

// wordPara is what the properties of a paragraph say of its place in the text.
type wordPara struct {
	level int // of a heading; 0 for none
	title bool
	list  bool
	depth int // in a list
	cell  bool
}

// at is the paragraph whose end mark stands at fc.
func (s *wordStyles) at(fc int32) wordPara {
	if s == nil {
		return wordPara{}
	}
	i := sort.Search(len(s.ends), func(i int) bool { return s.ends[i] > fc })
	if i == len(s.ends) {
		return wordPara{}
	}
	return s.runs[i]
}

// Built-in styles by their number (sti).
const (
	stiHeading9 = 9
	stiTitle    = 62
)

// readWordStyles reads the style sheet and the table of pages of paragraph
// properties. What is out of bounds is passed over: text without its structure is
// better than none.
func readWordStyles(sheet, table, main []byte) *wordStyles {
	styles := wordStyleSheet(sheet)
	s := &wordStyles{}
	n := (len(table) - 4) / 8
	for i := range max(n, 0) {
		page := (le32(table, 4*(n+1)+4*i) & 0x3fffff) * 512
		if page+512 > len(main) {
			continue
		}
		fkp := main[page : page+512]
		count := int(fkp[511])
		if 4*(count+1)+13*count > 511 {
			continue
		}
		for k := range count {
			p := wordPara{}
			if at := 2 * int(fkp[4*(count+1)+13*k]); at > 0 && at+3 < 511 {
				size := 2*int(fkp[at]) - 1
				if at++; size < 0 {
					size = 2 * int(fkp[at])
					at++
				}
				p = wordProperties(styles, fkp[min(at, 511):min(at+max(size, 0), 511)])
			}
			end := int32(le32(fkp, 4*(k+1)))
			if len(s.ends) > 0 && end <= s.ends[len(s.ends)-1] {
				continue // runs that go back would make the search meaningless
			}
			s.ends, s.runs = append(s.ends, end), append(s.runs, p)
		}
	}
	return s
}

// wordProperties reads a style's number and the changes to it.
func wordProperties(styles []wordPara, b []byte) wordPara {
	var p wordPara
	if i := le16(b, 0); i < len(styles) {
		p = styles[i]
	}
	for at := 2; at+2 < len(b); {
		op := le16(b, at)
		at += 2
		size := 0
		switch op >> 13 {
		case 0, 1:
			size = 1
		case 2, 4, 5:
			size = 2
		case 3:
			size = 4
		case 7:
			size = 3
		case 6:
			if size = 1 + int(b[at]); op == 0xd608 {
				size = 1 + le16(b, at)
			}
		}
		switch op {
		case 0x2640: // sprmPOutLvl
			if b[at] < 9 {
				p.level = int(b[at]) + 1
			}
		case 0x2416, 0x244b: // sprmPFInTable, sprmPFInnerTableCell
			p.cell = b[at] != 0
		case 0x260a: // sprmPIlvl
			p.depth = int(b[at])
		case 0x460b: // sprmPIlfo
			p.list = le16(b, at) != 0
		}
		at += size
	}
	return p
}

// wordStyleSheet reads the paragraph styles by their index.
func wordStyleSheet(b []byte) []wordPara {
	header := le16(b, 0)
	count := le16(b, 2)
	var styles []wordPara
	var bases []int
	at := 2 + header
	for range min(count, 4096) {
		size := le16(b, at)
		at += 2
		var p wordPara
		base := 0xfff
		if size >= 4 && at+4 <= len(b) {
			sti := le16(b, at) & 0xfff
			base = le16(b, at+2) >> 4
			switch {
			case sti >= 1 && sti <= stiHeading9:
				p.level = sti
			case sti == stiTitle:
				p.title = true
			}
		}
		styles, bases = append(styles, p), append(bases, base)
		at += size + size&1
		if at > len(b) {
			break
		}
	}
	for i := range styles {
		base := bases[i]
		for n := 0; n < 10 && styles[i].level == 0 && base < len(styles); n++ {
			styles[i].level = styles[base].level
			base = bases[base]
		}
	}
	return styles
}
