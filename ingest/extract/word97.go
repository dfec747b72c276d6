package extract

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"

	"github.com/lore-kb/lore/ingest"
)

func isWord97(p *probe) bool { return p.oleHas("WordDocument") }

// readWord97 reads a Word file in the binary format of 1997 to 2003 (MS-DOC):
// headings by style, lists, table cells, then footnotes, text boxes and comments.
// Of files by Word 6 and 95 it reads the text alone.
func readWord97(j *job, in ingest.Input) ([]ingest.Document, error) {
	f, err := j.openOLE(in.Data)
	if err != nil {
		return nil, err
	}
	return readWord97File(j, f)
}

func readWord97File(j *job, f *oleFile) ([]ingest.Document, error) {
	main := f.stream("WordDocument")
	if len(main) >= 0x300 && binary.LittleEndian.Uint16(main[2:]) < 0xc0 {
		return readWord95(j, f, main)
	}
	if len(main) < 0x1aa {
		return nil, fmt.Errorf("%w: its main stream is too short", ingest.ErrDamaged)
	}
	flags := le16(main, 0x0a)
	table := f.stream("0Table")
	if flags&0x0200 != 0 {
		table = f.stream("1Table")
	}
	if flags&0x0100 != 0 {
		n := le32(main, 0x0e) // bytes of the header before the table
		if flags&0x8000 != 0 || n <= 0 || n > len(table) {
			return nil, fmt.Errorf("%w: this Word file, by the method of Word 95", ingest.ErrEncrypted)
		}
		o, err := j.openOfficeRC4(table[:n], 512)
		if err != nil {
			return nil, err
		}
		const plain = 68 // of the main stream
		table, main = o.stream(table), append(bytes.Clone(main[:plain]), o.stream(main)[plain:]...)
	}
	clx := part(table, main, 0x1a2)
	if clx == nil {
		return nil, fmt.Errorf("%w: its piece table lies outside the file", ingest.ErrDamaged)
	}
	text, err := pieces(j, clx, main, nil)
	if err != nil {
		return nil, err
	}
	b := j.newBuilder()
	oleSummary(&b.doc, f)
	styles := readWordStyles(part(table, main, 0xa2), part(table, main, 0x102), main)
	text.write(b, styles, []int{le32(main, 0x4c), le32(main, 0x50), le32(main, 0x54), le32(main, 0x58), le32(main, 0x5c), le32(main, 0x60), le32(main, 0x64), le32(main, 0x68)})
	return oleEmbedded(j, f, []ingest.Document{b.done()}), nil
}

// readWord95 reads the text of a file by Word 6 or 95, in whose main stream it
// stands in the code page of its language.
func readWord95(j *job, f *oleFile, main []byte) ([]ingest.Document, error) {
	flags := le16(main, 0x0a)
	if flags&0x0100 != 0 {
		return nil, fmt.Errorf("%w: this Word file, by the method of Word 95", ingest.ErrEncrypted)
	}
	cp := codepage(languagePage(le16(main, 0x06)))
	if le16(main, 0x14) == 0x100 {
		cp = charmap.Macintosh
	}
	from, to := le32(main, 0x18), le32(main, 0x1c)
	clx := part(main, main, 0x160)
	var text wordText
	if flags&0x0004 != 0 && clx != nil {
		var err error
		if text, err = pieces(j, clx, main, cp); err != nil {
			return nil, err
		}
	} else if from >= 0 && from < to && from < len(main) {
		text.add(j, main, from, min(to, len(main))-from, false, cp)
	}
	b := j.newBuilder()
	oleSummary(&b.doc, f)
	text.write(b, nil, []int{le32(main, 0x34), le32(main, 0x38), le32(main, 0x3c), le32(main, 0x40), le32(main, 0x44), le32(main, 0x48), le32(main, 0x4c), 0})
	return oleEmbedded(j, f, []ingest.Document{b.done()}), nil
}

// languagePage is the Windows code page of a language.
func languagePage(id int) int {
	switch id & 0x3ff {
	case 0x02, 0x19, 0x22, 0x23, 0x2f:
		return 1251
	case 0x05, 0x0e, 0x15, 0x18, 0x1a, 0x1b, 0x24:
		return 1250
	case 0x08:
		return 1253
	case 0x1f:
		return 1254
	case 0x0d:
		return 1255
	case 0x01, 0x20, 0x29:
		return 1256
	case 0x04:
		if id == 0x0804 || id == 0x1004 {
			return 936
		}
		return 950
	case 0x11:
		return 932
	case 0x12:
		return 949
	}
	return 1252
}

func le16(b []byte, at int) int {
	if at < 0 || at+2 > len(b) {
		return 0
	}
	return int(binary.LittleEndian.Uint16(b[at:]))
}

func le32(b []byte, at int) int {
	if at < 0 || at+4 > len(b) {
		return 0
	}
	return int(int32(binary.LittleEndian.Uint32(b[at:])))
}

// part is the piece of a stream that a pair of offset and length in the header
// names; nil when it lies outside.
func part(stream, header []byte, at int) []byte {
	from, n := le32(header, at), le32(header, at+4)
	if from < 0 || n <= 0 || from > len(stream) || n > len(stream)-from {
		return nil
	}
	return stream[from : from+n]
}

// wordText is the text of a Word file in UTF-16 and, for every unit, where it
// stands in the main stream, by which its paragraph's properties are found.
type wordText struct {
	units []uint16
	at    []int32
}

// add appends n characters from a place in the main stream.
func (t *wordText) add(j *job, main []byte, at, n int, wide bool, cp encoding.Encoding) {
	j.check()
	if at < 0 || at > len(main) || n <= 0 {
		return
	}
	if wide {
		for i := at; i+1 < len(main) && i < at+2*n; i += 2 {
			t.units, t.at = append(t.units, binary.LittleEndian.Uint16(main[i:])), append(t.at, int32(i))
		}
	} else {
		raw := main[at:min(at+n, len(main))]
		if cp == nil {
			cp = charmap.Windows1252
		}
		if _, single := cp.(*charmap.Charmap); single {
			for i, c := range raw {
				r := cp.(*charmap.Charmap).DecodeByte(c)
				if c < 0x20 {
					r = rune(c)
				}
				t.units, t.at = append(t.units, uint16(r)), append(t.at, int32(at+i))
			}
		} else if s, err := cp.NewDecoder().Bytes(raw); err == nil {
			for _, u := range utf16.Encode([]rune(string(s))) {
				t.units, t.at = append(t.units, u), append(t.at, int32(at))
			}
		}
	}
	if len(t.units) > j.textLeft {
		j.spendText(len(t.units))
	}
}

// pieces puts the text together that a piece table describes. cp is the code page
// of files before Word 97, nil for later ones.
func pieces(j *job, clx, main []byte, cp encoding.Encoding) (t wordText, err error) {
	for len(clx) > 0 && clx[0] == 1 {
		if len(clx) < 3 {
			break
		}
		skip := 3 + int(binary.LittleEndian.Uint16(clx[1:]))
		if skip > len(clx) {
			break
		}
		clx = clx[skip:]
	}
	if len(clx) < 5 || clx[0] != 2 {
		return t, fmt.Errorf("%w: it has no piece table", ingest.ErrDamaged)
	}
	plc := clx[5:]
	if n := int(binary.LittleEndian.Uint32(clx[1:])); n >= 0 && n < len(plc) {
		plc = plc[:n]
	}
	count := (len(plc) - 4) / 12
	for i := range max(count, 0) {
		from := int(binary.LittleEndian.Uint32(plc[4*i:]))
		to := int(binary.LittleEndian.Uint32(plc[4*i+4:]))
		fc := binary.LittleEndian.Uint32(plc[4*(count+1)+8*i+2:])
		n := to - from
		if n <= 0 || n > len(main) {
			continue
		}
		switch {
		case cp != nil:
			t.add(j, main, int(fc), n, false, cp)
		case fc&0x40000000 != 0:
			t.add(j, main, int(fc&^0x40000000)/2, n, false, nil)
		default:
			t.add(j, main, int(fc), n, true, nil)
		}
	}
	return t, nil
}

// write adds the parts of a document. lengths are those of the main text, the
// footnotes, the headers, the macros, the comments, the endnotes, the text boxes
// and the text boxes of headers, in the order in which they stand.
func (t wordText) write(b *builder, styles *wordStyles, lengths []int) {
	var around []string
	at := 0
	for i, n := range lengths {
		n = min(max(n, 0), len(t.units)-at)
		if i == 0 && n == 0 {
			n = len(t.units)
		}
		s := wordText{t.units[at : at+n], t.at[at : at+n]}
		at += n
		switch i {
		case 2, 7:
			around = append(around, s.lines(b.j)...)
		case 3:
		case 4:
			for _, l := range s.lines(b.j) {
				b.quote(l)
			}
		default:
			writeWord97(b, s, styles)
		}
	}
	b.aside(around)
}

// lines are the paragraphs of a text without their properties.
func (t wordText) lines(j *job) (out []string) {
	b := j.newBuilder()
	writeWord97(b, t, nil)
	d := b.done()
	for _, l := range d.Blocks {
		out = append(out, d.Text[l.Start:l.End])
	}
	return out
}

// writeWord97 turns Word's control characters into blocks: 13 ends a paragraph,
// 7 a cell, two of them a row, 12 a page; 19, 20 and 21 delimit fields.
func writeWord97(b *builder, t wordText, styles *wordStyles) {
	var cur strings.Builder
	var row []string
	var rows [][]string
	field := 0 // depth in field instructions, which do not show
	endTable := func() {
		if len(rows) > 0 {
			header := 0
			if len(rows) > 1 && looksLikeHeader(rows[0], rows[1]) {
				header = 1
			}
			b.table(rows, header)
			rows = nil
		}
	}
	for i := 0; i < len(t.units); i++ {
		r := rune(t.units[i])
		if utf16.IsSurrogate(r) {
			r = 0xfffd
			if i+1 < len(t.units) {
				if r = utf16.DecodeRune(rune(t.units[i]), rune(t.units[i+1])); r != 0xfffd {
					i++
				}
			}
		}
		switch r {
		case 0x13:
			field++
		case 0x14, 0x15:
			if field > 0 {
				field--
			}
			if r == 0x15 {
				field = 0
			}
		case 0x07:
			if cur.Len() == 0 && len(row) > 0 {
				rows = append(rows, row)
				row = nil
			} else {
				row = append(row, cur.String())
				cur.Reset()
			}
		case '\r', 0x0c, 0x0e:
			if len(row) > 0 {
				cur.WriteByte(' ')
				continue
			}
			p := styles.at(t.at[i])
			if p.cell {
				// The first cell of a row goes on in its next paragraph.
				cur.WriteByte(' ')
				continue
			}
			if s := cleanText(cur.String()); s != "" {
				endTable()
				switch {
				case p.title:
					if b.doc.Title == "" {
						b.doc.Title = oneLine(s)
					}
					b.heading(1, s)
				case p.level > 0:
					b.heading(p.level, s)
				case p.list:
					b.item(p.depth, "-", s)
				default:
					b.para(s)
				}
			}
			cur.Reset()
		case 0x0b:
			cur.WriteByte('\n')
		case 0x1e:
			cur.WriteByte('-')
		case '\t':
			cur.WriteByte(' ')
		default:
			if field == 0 && r >= ' ' && (r < 0xe000 || r >= 0xf900) {
				cur.WriteRune(r)
			}
		}
	}
	if len(row) > 0 {
		rows = append(rows, row)
	}
	endTable()
	b.para(cur.String())
}

// oleReader reads the file whose main stream has this name; nil for other streams.
func oleReader(name string) func(*job, *oleFile) ([]ingest.Document, error) {
	switch strings.ToLower(name) {
	case "worddocument":
		return readWord97File
	case "workbook", "book":
		return readExcel97File
	case "powerpoint document":
		return readPowerPoint97File
	}
	return nil
}

// oleEmbedded reads the files embedded in a compound file as members.
func oleEmbedded(j *job, f *oleFile, docs []ingest.Document) []ingest.Document {
	var stored []string // storages that were read as files
	for _, n := range f.names {
		if slices.ContainsFunc(stored, func(s string) bool { return strings.HasPrefix(n, s+"/") }) {
			continue
		}
		if cut := strings.LastIndexByte(n, '/'); cut > 0 {
			storage := n[:cut]
			if read := oleReader(n[cut+1:]); read != nil {
				stored = append(stored, storage)
				found, warnings := j.memberBy("embedded", func(string) (docs []ingest.Document, err error) {
					defer recovered(&docs, &err)
					docs, err = read(j, f.under(storage))
					if err == nil && !hasText(docs) {
						err = ingest.ErrNoText
					}
					return docs, err
				})
				docs = append(docs, found...)
				for _, w := range warnings {
					docs[0].Warnings = appendWarning(docs[0].Warnings, w)
				}
				continue
			}
		}
		base := n[strings.LastIndexByte(n, '/')+1:]
		var data []byte
		name := "embedded"
		switch {
		case base == "Ole10Native":
			b := f.streams[n]
			data, name = parseOle10(b)
		case base == "CONTENTS" && strings.Contains(n, "/"), base == "Package" && strings.Contains(n, "/"):
			data = f.streams[n]
		}
		if len(data) == 0 {
			continue
		}
		found, warnings := j.member(name, data)
		docs = append(docs, found...)
		for _, w := range warnings {
			docs[0].Warnings = appendWarning(docs[0].Warnings, w)
		}
	}
	return docs
}

// oleSummary reads title and author from the summary stream (MS-OLEPS).
func oleSummary(doc *ingest.Document, f *oleFile) {
	b := f.stream("SummaryInformation")
	if len(b) < 48 {
		return
	}
	at := int(binary.LittleEndian.Uint32(b[44:]))
	if at < 0 || at+8 > len(b) {
		return
	}
	set := b[at:]
	page := 1252
	value := func(off int) string {
		if off < 0 || off+8 > len(set) {
			return ""
		}
		kind, n := binary.LittleEndian.Uint32(set[off:]), int(binary.LittleEndian.Uint32(set[off+4:]))
		switch {
		case kind == 2:
			page = int(uint16(n))
			return ""
		case kind != 30 || n <= 0 || n > len(set)-off-8:
			return ""
		}
		raw := []byte(strings.TrimRight(string(set[off+8:off+8+n]), "\x00"))
		if enc := codepage(page); enc != nil {
			if s, err := enc.NewDecoder().Bytes(raw); err == nil {
				return strings.TrimRight(string(s), "\x00")
			}
		}
		return decodePart(raw)
	}
	props := map[int]int{}
	for i := range min(int(binary.LittleEndian.Uint32(set[4:])), 100) {
		if 8+8*i+8 > len(set) {
			break
		}
		props[int(binary.LittleEndian.Uint32(set[8+8*i:]))] = int(binary.LittleEndian.Uint32(set[12+8*i:]))
	}
	if off, ok := props[1]; ok {
		value(off)
	}
	if off, ok := props[2]; ok {
		if t := oneLine(value(off)); plausibleTitle(t) {
			doc.Title = t
		}
	}
	if off, ok := props[4]; ok {
		setLabel(doc, "author", value(off))
	}
}
