package extract

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"

	"github.com/lore-kb/lore/ingest"
)

func isExcel97(p *probe) bool { return p.oleHas("Workbook") || p.oleHas("Book") }

// readExcel97 reads the cells of a workbook in the binary format of 1997 to 2003
// (MS-XLS, BIFF8) or of Excel 5 and 95 (BIFF5), one page a sheet, with text boxes
// and comments.
func readExcel97(j *job, in ingest.Input) ([]ingest.Document, error) {
	f, err := j.openOLE(in.Data)
	if err != nil {
		return nil, err
	}
	return readExcel97File(j, f)
}

func readExcel97File(j *job, f *oleFile) ([]ingest.Document, error) {
	x := &xlsReader{b: j.newBuilder(), data: f.stream("Workbook"), dates: map[int]bool{}}
	if x.data == nil {
		x.data, x.cp = f.stream("Book"), charmap.Windows1252
	}
	if x.data == nil {
		return nil, fmt.Errorf("%w: it has no workbook stream", ingest.ErrDamaged)
	}
	oleSummary(&x.b.doc, f)
	if err := x.globals(); err != nil {
		return nil, err
	}
	for i, s := range x.sheets {
		j.check()
		x.b.page(i + 1)
		x.sheet(s.name, s.at)
	}
	return oleEmbedded(j, f, []ingest.Document{x.b.done()}), nil
}

type xlsReader struct {
	b      *builder
	data   []byte
	open   bool // data is decrypted
	shared []string
	sheets []struct {
		name string
		at   int
	}
	formats []int // number format by cell format
	dates   map[int]bool
	base    time.Time
	cp      encoding.Encoding // of strings before BIFF8; nil since

	object int            // number of the drawing object that came last
	boxes  map[int]string // text by object
	order  []int          // of boxes
	notes  []xlsNote
}

// xlsNote is a comment on a cell; its text is that of an object.
type xlsNote struct{ row, col, object int }

// str reads a string whose length takes size bytes.
func (x *xlsReader) str(b []byte, size int) string {
	if x.cp == nil {
		s, _ := xlsString(b, size)
		return s
	}
	if len(b) < size {
		return ""
	}
	n := int(b[0])
	if size == 2 {
		n = int(binary.LittleEndian.Uint16(b))
	}
	b = b[size:]
	s, err := x.cp.NewDecoder().Bytes(b[:min(n, len(b))])
	if err != nil {
		return ""
	}
	return string(s)
}

// record is the next record at a position; ok is false at the end.
func (x *xlsReader) record(at int) (kind int, body []byte, next int, ok bool) {
	if at < 0 || at+4 > len(x.data) {
		return 0, nil, 0, false
	}
	kind = int(binary.LittleEndian.Uint16(x.data[at:]))
	n := int(binary.LittleEndian.Uint16(x.data[at+2:]))
	if at+4+n > len(x.data) {
		return 0, nil, 0, false
	}
	return kind, x.data[at+4 : at+4+n], at + 4 + n, true
}

func (x *xlsReader) globals() error {
	x.base = time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	for at := 0; ; {
		kind, body, next, ok := x.record(at)
		if !ok {
			return nil
		}
		switch kind {
		case 0x2f: // FILEPASS
			if x.open {
				break
			}
			if len(body) < 2 || binary.LittleEndian.Uint16(body) != 1 {
				return fmt.Errorf("%w: this workbook, by the method of Excel 95", ingest.ErrEncrypted)
			}
			o, err := x.b.j.openOfficeRC4(body[2:], 1024)
			if err != nil {
				return err
			}
			x.data, x.open = o.workbook(x.data), true
		case 0x85: // BOUNDSHEET
			if len(body) >= 8 && body[5] == 0 {
				name := x.str(body[6:], 1)
				x.sheets = append(x.sheets, struct {
					name string
					at   int
				}{name, int(binary.LittleEndian.Uint32(body))})
			}
		case 0xfc: // SST
			segs := [][]byte{body}
			for {
				k, more, after, ok := x.record(next)
				if !ok || k != 0x3c {
					break
				}
				segs = append(segs, more)
				next = after
			}
			x.shared = sharedStrings(segs)
		case 0xe0: // XF
			if len(body) >= 4 {
				x.formats = append(x.formats, int(binary.LittleEndian.Uint16(body[2:])))
			}
		case 0x41e: // FORMAT
			size := 2
			if x.cp != nil {
				size = 1
			}
			if len(body) >= 5 {
				x.dates[int(binary.LittleEndian.Uint16(body))] = dateFormat(x.str(body[2:], size))
			}
		case 0x42: // CODEPAGE
			if x.cp != nil && len(body) >= 2 {
				if e := codepage(int(binary.LittleEndian.Uint16(body))); e != nil {
					x.cp = e
				}
			}
		case 0x22: // DATE1904
			if len(body) >= 1 && body[0] == 1 {
				x.base = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
			}
		case 0x0a:
			return nil
		}
		at = next
	}
}

func dateFormat(s string) bool {
	s = strings.ToLower(s)
	if i := strings.IndexByte(s, ']'); i >= 0 {
		s = s[i+1:]
	}
	return strings.ContainsAny(s, "yd") && !strings.Contains(s, "red") || strings.Contains(s, "h:m")
}

// xlsString reads a string whose length takes size bytes.
func xlsString(b []byte, size int) (string, int) {
	if len(b) < size+1 {
		return "", len(b)
	}
	n := int(b[0])
	if size == 2 {
		n = int(binary.LittleEndian.Uint16(b))
	}
	flags := b[size]
	b = b[size+1:]
	if flags&1 != 0 {
		n = min(n, len(b)/2)
		s, _ := decode(b[:2*n], csUTF16LE)
		return s, size + 1 + 2*n
	}
	n = min(n, len(b))
	return latin1(b[:n]), size + 1 + n
}

func latin1(b []byte) string {
	var s strings.Builder
	for _, c := range b {
		s.WriteRune(rune(c))
	}
	return s.String()
}

// sharedStrings reads the string table, whose strings may go on in the next
// segment, there with a new flag for their width.
func sharedStrings(segs [][]byte) []string {
	if len(segs[0]) < 8 {
		return nil
	}
	want := int(binary.LittleEndian.Uint32(segs[0][4:]))
	seg, cur := 0, segs[0][8:]
	more := func() bool {
		for len(cur) == 0 {
			if seg++; seg >= len(segs) {
				return false
			}
			cur = segs[seg]
		}
		return true
	}
	take := func(n int) []byte {
		var out []byte
		for n > 0 && more() {
			k := min(n, len(cur))
			out = append(out, cur[:k]...)
			cur = cur[k:]
			n -= k
		}
		return out
	}
	var out []string
	for len(out) < want && more() {
		head := take(3)
		if len(head) < 3 {
			break
		}
		n, flags := int(binary.LittleEndian.Uint16(head)), head[2]
		runs, ext := 0, 0
		if flags&8 != 0 {
			if h := take(2); len(h) == 2 {
				runs = int(binary.LittleEndian.Uint16(h))
			}
		}
		if flags&4 != 0 {
			if h := take(4); len(h) == 4 {
				ext = int(binary.LittleEndian.Uint32(h))
			}
		}
		wide := flags&1 != 0
		var s strings.Builder
		for n > 0 {
			if len(cur) == 0 {
				if !more() {
					break
				}
				wide = cur[0]&1 != 0
				cur = cur[1:]
				continue
			}
			if wide {
				k := min(n, len(cur)/2)
				if k == 0 {
					cur = nil
					continue
				}
				t, _ := decode(cur[:2*k], csUTF16LE)
				s.WriteString(t)
				cur, n = cur[2*k:], n-k
			} else {
				k := min(n, len(cur))
				s.WriteString(latin1(cur[:k]))
				cur, n = cur[k:], n-k
			}
		}
		take(4 * runs)
		if ext > 0 && ext < 1<<24 {
			take(ext)
		}
		out = append(out, s.String())
	}
	return out
}

// sheet reads the cells of one sheet, which come in order of rows.
func (x *xlsReader) sheet(name string, at int) {
	w := &sheetWriter{b: x.b, name: name}
	x.object, x.boxes, x.order, x.notes = 0, map[int]string{}, nil, nil
	defer x.remarks()
	var cells []string
	row, pending := -1, -1 // pending: column of a formula whose text follows
	flush := func() {
		if row >= 0 {
			w.number = row
			w.row(cells)
		}
		cells = nil
	}
	set := func(body []byte, col int, s string) {
		r := int(binary.LittleEndian.Uint16(body))
		if r != row {
			flush()
			if row >= 0 && r > row+1 {
				w.row(nil)
			}
			row = r
		}
		if col > 16384 {
			return
		}
		for len(cells) <= col {
			cells = append(cells, "")
		}
		cells[col] = s
	}
	for depth := 0; ; {
		kind, body, next, ok := x.record(at)
		if !ok {
			break
		}
		at = next
		switch kind {
		case 0x809:
			depth++
		case 0x0a:
			if depth--; depth <= 0 {
				flush()
				w.close()
				return
			}
		}
		if depth > 1 || len(body) < 6 {
			if kind == 0x207 && depth == 1 && pending >= 0 && len(body) >= 3 && pending < len(cells) {
				cells[pending] = x.str(body, 2)
			}
			continue
		}
		switch kind {
		case 0x5d: // OBJ
			if x.cp == nil && len(body) >= 8 {
				x.object = int(binary.LittleEndian.Uint16(body[6:]))
			}
			continue
		case 0x1b6: // TXO, whose text is in the next record
			if x.cp == nil && len(body) >= 12 {
				if k, more, _, ok := x.record(next); ok && k == 0x3c {
					x.box(int(binary.LittleEndian.Uint16(body[10:])), more)
				}
			}
			continue
		case 0x1c: // NOTE
			if x.cp == nil && len(body) >= 8 && len(x.notes) < 1<<16 {
				x.notes = append(x.notes, xlsNote{int(binary.LittleEndian.Uint16(body)), int(binary.LittleEndian.Uint16(body[2:])), int(binary.LittleEndian.Uint16(body[6:]))})
			}
			continue
		}
		col := int(binary.LittleEndian.Uint16(body[2:]))
		xf := int(binary.LittleEndian.Uint16(body[4:]))
		switch kind {
		case 0xfd: // LABELSST
			if len(body) >= 10 {
				if i := int(binary.LittleEndian.Uint32(body[6:])); i >= 0 && i < len(x.shared) {
					set(body, col, x.shared[i])
				}
			}
		case 0x204: // LABEL
			set(body, col, x.str(body[6:], 2))
		case 0xd6: // RSTRING
			set(body, col, x.str(body[6:], 2))
		case 0x203: // NUMBER
			if len(body) >= 14 {
				set(body, col, x.number(math.Float64frombits(binary.LittleEndian.Uint64(body[6:])), xf))
			}
		case 0x27e: // RK
			if len(body) >= 10 {
				set(body, col, x.number(rk(binary.LittleEndian.Uint32(body[6:])), xf))
			}
		case 0xbd: // MULRK
			for k := 0; 4+6*k+6 <= len(body)-2; k++ {
				f := int(binary.LittleEndian.Uint16(body[4+6*k:]))
				set(body, col+k, x.number(rk(binary.LittleEndian.Uint32(body[6+6*k:])), f))
			}
		case 0x205: // BOOLERR
			if len(body) >= 8 && body[7] == 0 {
				set(body, col, map[bool]string{true: "TRUE", false: "FALSE"}[body[6] != 0])
			}
		case 0x06: // FORMULA
			if len(body) < 14 {
				continue
			}
			pending = -1
			if body[12] == 0xff && body[13] == 0xff {
				if body[6] == 0 {
					set(body, col, "")
					pending = col
				}
				continue
			}
			set(body, col, x.number(math.Float64frombits(binary.LittleEndian.Uint64(body[6:])), xf))
		case 0x207: // STRING: result of the formula before
			if pending >= 0 && pending < len(cells) {
				cells[pending] = x.str(body, 2)
				pending = -1
			}
		}
	}
	flush()
	w.close()
}

// box takes the text of a drawing object: a flag for its width, then n characters.
func (x *xlsReader) box(n int, b []byte) {
	if len(b) == 0 || n == 0 {
		return
	}
	s := ""
	if b[0]&1 != 0 {
		s, _ = decode(b[1:1+min(2*n, len(b)-1)&^1], csUTF16LE)
	} else {
		s = latin1(b[1 : 1+min(n, len(b)-1)])
	}
	if _, dup := x.boxes[x.object]; !dup {
		x.order = append(x.order, x.object)
	}
	x.boxes[x.object] = s
}

// remarks adds the text boxes and the comments of the sheet that was read.
func (x *xlsReader) remarks() {
	for _, n := range x.notes {
		if s := oneLine(x.boxes[n.object]); s != "" {
			if cell, err := excelize.CoordinatesToCellName(n.col+1, n.row+1); err == nil {
				s = cell + ": " + s
			}
			x.b.quote(s)
			delete(x.boxes, n.object)
		}
	}
	for _, o := range x.order {
		x.b.para(x.boxes[o])
	}
}

func rk(v uint32) float64 {
	var f float64
	if v&2 != 0 {
		f = float64(int32(v) >> 2)
	} else {
		f = math.Float64frombits(uint64(v&^3) << 32)
	}
	if v&1 != 0 {
		f /= 100
	}
	return f
}

// number shows a value as its cell does, as far as dates go.
func (x *xlsReader) number(v float64, xf int) string {
	format := 0
	if xf >= 0 && xf < len(x.formats) {
		format = x.formats[xf]
	}
	if isDate, ok := x.dates[format]; ok && isDate || !ok && (format >= 14 && format <= 22 || format >= 45 && format <= 47) {
		if v >= 0 && v < 2958466 {
			t := x.base.Add(time.Duration(math.Round(v*86400)) * time.Second)
			switch {
			case v < 1:
				return t.Format("15:04:05")
			case v == math.Trunc(v):
				return t.Format(time.DateOnly)
			}
			return t.Format(time.DateTime)
		}
	}
	if format == 9 || format == 10 {
		return strconv.FormatFloat(v*100, 'f', -1, 64) + "%"
	}
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 12, 64)
}
