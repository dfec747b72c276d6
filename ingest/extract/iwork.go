package extract

import (
	"encoding/binary"
	"fmt"
	"path"
	"strings"

	"github.com/lore-kb/lore/ingest"
)

func isIWork(p *probe) bool {
	return p.zipHas("Index/Document.iwa") || p.zipHas("index.apxl") || p.zipHas("Index.zip") ||
		p.zipHas("index.xml") && (p.zipHas("buildVersionHistory.plist") || p.named(".pages", ".numbers"))
}

// readIWork reads the words of Keynote, Numbers and Pages files: of those up to
// 2012, which are XML, with tables; of later ones, whose format is not published,
// texts and the words of cells.
func readIWork(j *job, in ingest.Input) ([]ingest.Document, error) {
	z, err := j.openZip(in.Data)
	if err != nil {
		return nil, err
	}
	b := j.newBuilder()
	b.doc.MediaType = "application/vnd.apple.iwork"
	if z.has("index.xml.gz") {
		return nil, fmt.Errorf("%w: this Apple iWork file is older than 2008; export it as PDF", ingest.ErrUnsupported)
	}
	for _, name := range []string{"index.apxl", "index.xml"} {
		data, err := z.read(name)
		if err != nil {
			return nil, err
		}
		if data != nil {
			(&iworkXML{b: b, x: newXML(data)}).run()
			return []ingest.Document{b.done()}, nil
		}
	}
	if inner, err := z.read("Index.zip"); err != nil {
		return nil, err
	} else if inner != nil {
		if z, err = j.openZip(inner); err != nil {
			return nil, err
		}
	}
	names := z.names("Index/")
	slides := 0
	for _, name := range names {
		base := path.Base(name)
		if !strings.HasSuffix(base, ".iwa") || strings.Contains(base, "Template") || strings.HasPrefix(base, "Master") || strings.HasPrefix(base, "Theme") || strings.HasPrefix(base, "DocumentStylesheet") {
			continue
		}
		data, err := z.read(name)
		if err != nil {
			b.warn(err.Error())
			continue
		}
		if strings.HasPrefix(base, "Slide") {
			slides++
			b.page(slides)
		}
		iwaTexts(b, unsnappy(j, data))
	}
	b.warn("of this iWork file the words are read, not the places of cells nor formulas")
	return []ingest.Document{b.done()}, nil
}

// iworkXML walks the XML of iWork '08 and '09.
type iworkXML struct {
	b *builder
	x *xmlReader
}

func (r *iworkXML) run() {
	slides := 0
	for {
		switch r.x.next() {
		case xmlEOF:
			return
		case xmlStart:
			switch r.x.name {
			case "stylesheet", "theme-list", "master-slides", "thumbnails", "header-storage", "footer-storage", "headers", "footers", "version-history":
				r.x.skip()
			case "slide":
				slides++
				r.b.page(slides)
			case "workspace":
				r.b.heading(1, r.x.attr("workspace-name"))
			case "tabular-model":
				r.table(r.x.attr("name"), r.x.attr("num-header-rows") != "0")
			case "p":
				r.b.para(r.x.inner())
			}
		}
	}
}

// table reads the cells of a table: each says how far it is behind the one before
// it, 256 and more for a row further down.
func (r *iworkXML) table(name string, header bool) {
	r.b.heading(2, name)
	t := r.b.openTable()
	var row []string
	first := true
	flush := func() {
		if len(row) > 0 {
			t.row(row, header && first)
			first = false
		}
		row = nil
	}
	depth := 1
	inside, value := false, "" // of a cell
	for depth > 0 {
		switch r.x.next() {
		case xmlEOF:
			depth = 0
		case xmlEnd:
			depth--
		case xmlStart:
			depth++
			switch r.x.name {
			case "datasource":
				inside = true
			case "t", "n", "d", "f", "g", "b", "cb", "o", "du", "pm":
				if !inside {
					break
				}
				if n := iworkStep(r.x.attr("ct")); n >= 256 {
					flush()
				}
				value = r.x.attr("v")
				if r.x.name == "cb" || r.x.name == "g" || r.x.name == "f" {
					value = ""
				}
				row = append(row, value)
			case "ct", "so":
				if s := r.x.attr("s"); inside && s != "" && len(row) > 0 {
					row[len(row)-1] = s
				}
			case "rn":
				if v := r.x.attr("v"); inside && v != "" && len(row) > 0 {
					row[len(row)-1] = v
				}
			case "p":
				s := r.x.inner()
				depth--
				if inside && len(row) > 0 {
					row[len(row)-1] = strings.TrimSpace(row[len(row)-1] + " " + s)
				}
			}
		}
	}
	flush()
	t.close()
	r.b.open(2, "")
}

func iworkStep(s string) int {
	n := 0
	for _, c := range s {
		if c < '0' || c > '9' || n > 1<<20 {
			return 0
		}
		n = n*10 + int(c-'0')
	}
	return n
}

// unsnappy unpacks the chunks of an .iwa file: a byte 0, a length of three bytes,
// and Snappy data without a checksum.
func unsnappy(j *job, b []byte) []byte {
	var out []byte
	for len(b) >= 4 && b[0] == 0 {
		n := int(b[1]) | int(b[2])<<8 | int(b[3])<<16
		if n > len(b)-4 {
			break
		}
		before := len(out)
		out = unsnappyBlock(out, b[4:4+n], int(min(int64(maxMemberBytes), j.unpackLeft)))
		j.spendUnpacked(int64(len(out) - before))
		b = b[4+n:]
	}
	return out
}

// unsnappyBlock appends what a block holds, as far as it is sound.
func unsnappyBlock(out, b []byte, limit int) []byte {
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(limit) {
		return out
	}
	start, end := len(out), len(out)+int(size)
	b = b[n:]
	for len(b) > 0 && len(out) < end {
		tag := b[0]
		b = b[1:]
		length, back := 0, 0
		take := func(n int) (v int) {
			if n > len(b) {
				b = nil
				return -1
			}
			for i := range n {
				v |= int(b[i]) << (8 * i)
			}
			b = b[n:]
			return v
		}
		switch tag & 3 {
		case 0:
			length = int(tag >> 2)
			if length >= 60 {
				length = take(length - 59)
			}
			if length++; length <= 0 || length > len(b) || length > end-len(out) {
				return out
			}
			out = append(out, b[:length]...)
			b = b[length:]
			continue
		case 1:
			length, back = int(tag>>2&7)+4, int(tag>>5)<<8|take(1)
		case 2:
			length, back = int(tag>>2)+1, take(2)
		case 3:
			length, back = int(tag>>2)+1, take(4)
		}
		if back <= 0 || back > len(out)-start || length > end-len(out) {
			return out
		}
		for range length {
			out = append(out, out[len(out)-back])
		}
	}
	return out
}

// protoField is a field of a protocol buffer.
type protoField struct {
	number int
	varint uint64
	bytes  []byte // of a length-delimited field
}

// protoFields calls yield for the fields of a message until it is damaged.
func protoFields(b []byte, yield func(protoField)) {
	for len(b) > 0 {
		key, n := binary.Uvarint(b)
		if n <= 0 {
			return
		}
		b = b[n:]
		f := protoField{number: int(key >> 3 & 0x1fffffff)}
		switch key & 7 {
		case 0:
			v, n := binary.Uvarint(b)
			if n <= 0 {
				return
			}
			f.varint, b = v, b[n:]
		case 1, 5:
			n := 8
			if key&7 == 5 {
				n = 4
			}
			if len(b) < n {
				return
			}
			b = b[n:]
		case 2:
			v, n := binary.Uvarint(b)
			if n <= 0 || v > uint64(len(b)-n) {
				return
			}
			f.bytes, b = b[n:n+int(v)], b[n+int(v):]
		default:
			return
		}
		yield(f)
	}
}

// Types of objects that hold words.
const (
	iwaStorage  = 2001 // a text: field 3
	iwaDataList = 6005 // strings of a table's cells: field 3 of its entries in field 3
)

// iwaTexts adds the texts of the objects of an .iwa file.
func iwaTexts(b *builder, data []byte) {
	for len(data) > 0 {
		b.j.check()
		n, k := binary.Uvarint(data)
		if k <= 0 || n > uint64(len(data)-k) {
			return
		}
		head := data[k : k+int(n)]
		data = data[k+int(n):]
		var kinds, sizes []uint64
		protoFields(head, func(f protoField) {
			if f.number != 2 {
				return
			}
			var kind, size uint64
			protoFields(f.bytes, func(f protoField) {
				switch f.number {
				case 1:
					kind = f.varint
				case 3:
					size = f.varint
				}
			})
			kinds, sizes = append(kinds, kind), append(sizes, size)
		})
		for i, kind := range kinds {
			if sizes[i] > uint64(len(data)) {
				return
			}
			body := data[:sizes[i]]
			data = data[sizes[i]:]
			switch kind {
			case iwaStorage:
				protoFields(body, func(f protoField) {
					if f.number == 3 {
						for line := range strings.FieldsFuncSeq(strings.ToValidUTF8(string(f.bytes), ""), func(r rune) bool { return r == '\n' || r == '\u2028' || r == '\u2029' || r < ' ' && r != '\t' }) {
							b.para(strings.ReplaceAll(line, "\uFFFC", ""))
						}
					}
				})
			case iwaDataList:
				protoFields(body, func(f protoField) {
					if f.number == 3 {
						protoFields(f.bytes, func(f protoField) {
							if f.number == 3 && f.bytes != nil {
								b.item(0, "-", strings.ToValidUTF8(string(f.bytes), ""))
							}
						})
					}
				})
			}
		}
	}
}
