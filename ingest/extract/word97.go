package extract

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"golang.org/x/text/encoding/charmap"

	"github.com/lore-kb/lore/ingest"
)

func isWord97(p *probe) bool { return p.oleHas("WordDocument") }

// readWord97 reads the text of a Word file in the binary format of 1997 to 2003
// (MS-DOC): paragraphs and table cells, then footnotes and comments. Styles are
// not read, so there are no headings.
func readWord97(j *job, in ingest.Input) ([]ingest.Document, error) {
	f, err := j.openOLE(in.Data)
	if err != nil {
		return nil, err
	}
	main := f.streams["WordDocument"]
	if len(main) < 0x1aa {
		return nil, fmt.Errorf("%w: its main stream is too short", ingest.ErrDamaged)
	}
	u16 := func(at int) int { return int(binary.LittleEndian.Uint16(main[at:])) }
	u32 := func(at int) int { return int(binary.LittleEndian.Uint32(main[at:])) }
	flags := u16(0x0a)
	if u16(0x02) < 0xc0 {
		return nil, fmt.Errorf("%w: it was written by Word 95 or older", ingest.ErrUnsupported)
	}
	table := f.streams["0Table"]
	if flags&0x0200 != 0 {
		table = f.streams["1Table"]
	}
	if flags&0x0100 != 0 {
		n := u32(0x0e) // bytes of the header before the table
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
	clx, n := u32(0x1a2), u32(0x1a6)
	if clx < 0 || n < 0 || clx > len(table) || n > len(table)-clx {
		return nil, fmt.Errorf("%w: its piece table lies outside the file", ingest.ErrDamaged)
	}
	text, err := pieces(j, table[clx:clx+n], main)
	if err != nil {
		return nil, err
	}
	b := j.newBuilder()
	oleSummary(&b.doc, f)
	writeWord97(b, text)
	return oleEmbedded(j, f, []ingest.Document{b.done()}), nil
}

// pieces puts the text together that a piece table describes.
func pieces(j *job, clx, main []byte) (string, error) {
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
		return "", fmt.Errorf("%w: it has no piece table", ingest.ErrDamaged)
	}
	plc := clx[5:]
	if n := int(binary.LittleEndian.Uint32(clx[1:])); n >= 0 && n < len(plc) {
		plc = plc[:n]
	}
	count := (len(plc) - 4) / 12
	var out strings.Builder
	for i := range max(count, 0) {
		from := int(binary.LittleEndian.Uint32(plc[4*i:]))
		to := int(binary.LittleEndian.Uint32(plc[4*i+4:]))
		fc := binary.LittleEndian.Uint32(plc[4*(count+1)+8*i+2:])
		n := to - from
		if n <= 0 || n > len(main) {
			continue
		}
		j.check()
		if fc&0x40000000 != 0 {
			at := int(fc&^0x40000000) / 2
			if at > len(main) {
				continue
			}
			s, _ := charmap.Windows1252.NewDecoder().Bytes(main[at:min(at+n, len(main))])
			out.Write(s)
		} else {
			at := int(fc)
			if at > len(main) {
				continue
			}
			s, _ := decode(main[at:min(at+2*n, len(main))], csUTF16LE)
			out.WriteString(s)
		}
		if out.Len() > j.textLeft {
			j.spendText(out.Len())
		}
	}
	return out.String(), nil
}

// writeWord97 turns Word's control characters into blocks: 13 ends a paragraph,
// 7 a cell, two of them a row, 12 a page; 19, 20 and 21 delimit fields.
func writeWord97(b *builder, text string) {
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
	for _, r := range text {
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
			if s := cleanText(cur.String()); s != "" {
				endTable()
				b.para(s)
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

// oleEmbedded reads the files embedded in a compound file as members.
func oleEmbedded(j *job, f *oleFile, docs []ingest.Document) []ingest.Document {
	for _, n := range f.names {
		base := n[strings.LastIndexByte(n, '/')+1:]
		var data []byte
		name := "embedded"
		switch {
		case base == "\x01Ole10Native":
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
	b := f.streams["\x05SummaryInformation"]
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
