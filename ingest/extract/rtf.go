package extract

import (
	"bytes"
	"encoding/hex"
	"strconv"
	"strings"
	"unicode/utf16"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"

	"github.com/lore-kb/lore/ingest"
)

func isRTF(p *probe) bool { return p.hasPrefix("{\\rtf") }

// readRTF reads Rich Text: paragraphs, tables, headings by outline level,
// footnotes. Files that are packed into it are read as members.
func readRTF(j *job, in ingest.Input) ([]ingest.Document, error) {
	r := newRTF(j)
	r.run(in.Data)
	docs := []ingest.Document{{}}
	for i, obj := range r.objects {
		data, name := rtfObject(obj)
		if data == nil {
			continue
		}
		if name == "" {
			name = "object" + strconv.Itoa(i+1)
		}
		found, warnings := j.member(name, data)
		for _, w := range warnings {
			r.b.warn(w)
		}
		docs = append(docs, found...)
	}
	docs[0] = r.b.done()
	return docs, nil
}

// rtfObject unpacks an embedded object: OLE 1 headers around its data.
func rtfObject(hexData []byte) ([]byte, string) {
	raw := make([]byte, hex.DecodedLen(len(hexData)))
	n, _ := hex.Decode(raw, hexData)
	raw = raw[:n]
	// Version, format, then three strings with their lengths, then the data's.
	at := 8
	u32 := func() int {
		if at+4 > len(raw) {
			return -1
		}
		v := int(raw[at]) | int(raw[at+1])<<8 | int(raw[at+2])<<16 | int(raw[at+3])<<24
		at += 4
		return v
	}
	class := ""
	for i := range 3 {
		l := u32()
		if l < 0 || at+l > len(raw) {
			return nil, ""
		}
		if i == 0 {
			class = strings.TrimRight(string(raw[at:at+l]), "\x00")
		}
		at += l
	}
	l := u32()
	if l <= 0 || at+l > len(raw) {
		return nil, ""
	}
	data := raw[at : at+l]
	if strings.EqualFold(class, "Package") {
		// Here the packager's format begins without its length.
		return parseOle10(append([]byte{0, 0, 0, 0}, data...))
	}
	if isOLE(data) {
		if inner, name := oleNative(data); inner != nil {
			return inner, name
		}
	}
	return data, ""
}

type rtfGroup struct {
	skip   bool // text of it does not show
	dest   string
	font   int
	uc     int // bytes that follow \u for old readers
	hidden bool
}

type rtfReader struct {
	j       *job
	b       *builder
	groups  []rtfGroup
	g       rtfGroup
	cp      encoding.Encoding
	fonts   map[int]encoding.Encoding
	font    int // being defined
	raw     []byte
	text    strings.Builder
	title   []byte
	outline int
	list    bool
	styles  map[int]int // levels of headings by the number of their style
	style   int         // being defined
	naming  []byte      // its name
	row     []string
	rows    [][]string
	inTable bool
	notes   []string
	note    int  // depth of the group of the open note; 0 for none
	margin  bool // the open note is a header or a footer
	around  []string
	saved   string
	pending rune // high surrogate
	ignore  int
	objects [][]byte
	object  []byte
}

func newRTF(j *job) *rtfReader {
	return &rtfReader{j: j, b: j.newBuilder(), cp: charmap.Windows1252, fonts: map[int]encoding.Encoding{}, styles: map[int]int{}, g: rtfGroup{uc: 1}}
}

// rtfSkipped are destinations that show no text.
var rtfSkipped = map[string]bool{
	"fonttbl": true, "colortbl": true, "listtable": true, "listoverridetable": true, "rsidtbl": true, "generator": true,
	"pict": true, "themedata": true, "colorschememapping": true, "latentstyles": true, "datastore": true, "xmlnstbl": true, "fldinst": true,
	"info": true, "nonshppict": true, "listtext": true, "pntext": true, "bkmkstart": true, "bkmkend": true, "revtbl": true, "filetbl": true,
	"atnid": true, "atnref": true, "atndate": true, "atntime": true, "atrfstart": true, "atrfend": true, "wgrffmtfilter": true, "falt": true, "panose": true,
	"ftnsep": true, "ftnsepc": true, "ftncn": true, "aftnsep": true, "aftnsepc": true, "aftncn": true, "mmathPr": true, "objclass": true, "objname": true,
	"shpinst": false, "shptxt": false, "sp": true, "sn": true, "sv": true, "deleted": true,
}

const maxRTFDepth = 2000

func (r *rtfReader) run(b []byte) {
	for i := 0; i < len(b); {
		c := b[i]
		switch c {
		case '{':
			r.flushRaw()
			if len(r.groups) >= maxRTFDepth {
				return
			}
			r.groups = append(r.groups, r.g)
			i++
		case '}':
			r.flushRaw()
			r.closeGroup()
			i++
		case '\\':
			i = r.control(b, i+1)
		case '\r', '\n':
			i++
		default:
			if r.ignore > 0 {
				r.ignore--
			} else {
				r.char(c)
			}
			i++
		}
		if i&0xffff == 0 {
			r.j.check()
		}
	}
	r.flushRaw()
	if len(r.row) > 0 {
		r.rows, r.row = append(r.rows, r.row), nil
	}
	r.inTable = false
	r.endTable()
	r.para()
	r.b.aside(r.around)
}

func (r *rtfReader) char(c byte) {
	if r.g.dest == "objdata" {
		if c != ' ' && len(r.object) < 2*maxMemberBytes {
			r.object = append(r.object, c)
		}
		return
	}
	if r.g.dest == "title" {
		r.title = append(r.title, c)
		return
	}
	if r.g.dest == "stylesheet" && len(r.naming) < 100 {
		if r.naming = append(r.naming, c); c == ';' {
			r.nameStyle()
		}
		return
	}
	if !r.g.skip && !r.g.hidden {
		r.raw = append(r.raw, c)
	}
}

// nameStyle notes a style that was defined, when its name is that of a heading.
func (r *rtfReader) nameStyle() {
	name := strings.ToLower(strings.TrimSpace(strings.TrimSuffix(string(r.naming), ";")))
	level := 0
	if n, ok := strings.CutPrefix(name, "heading "); ok {
		level, _ = strconv.Atoi(n)
	} else if name == "title" {
		level = 1
	}
	if level > 0 && level < 10 && r.style != 0 {
		r.styles[r.style] = level
	}
	r.naming, r.style = r.naming[:0], 0
}

// flushRaw decodes the bytes since the last change of font.
func (r *rtfReader) flushRaw() {
	if len(r.raw) == 0 {
		return
	}
	enc := r.cp
	if e, ok := r.fonts[r.g.font]; ok && e != nil {
		enc = e
	}
	s, err := enc.NewDecoder().Bytes(r.raw)
	if bytes.Contains(s, []byte("\uFFFD")) {
		// A Western font in a file whose code page is another.
		s, err = charmap.Windows1252.NewDecoder().Bytes(r.raw)
	}
	if err == nil {
		r.text.Write(s)
	}
	r.raw = r.raw[:0]
}

func (r *rtfReader) closeGroup() {
	n := len(r.groups)
	if n == 0 {
		return
	}
	if r.g.dest == "title" && r.groups[n-1].dest != "title" && r.b.doc.Title == "" {
		if s, err := r.cp.NewDecoder().Bytes(r.title); err == nil && plausibleTitle(oneLine(string(s))) {
			r.b.doc.Title = oneLine(string(s))
		}
	}
	if r.g.dest == "objdata" && r.groups[n-1].dest != "objdata" && len(r.object) > 0 && len(r.objects) < 1000 {
		r.objects = append(r.objects, r.object)
		r.object = nil
	}
	if r.note == n {
		if s := oneLine(r.text.String()); s != "" {
			if r.margin {
				r.around = append(r.around, s)
			} else {
				r.notes = append(r.notes, s)
			}
		}
		r.text.Reset()
		r.text.WriteString(r.saved)
		r.note = 0
	}
	r.g = r.groups[n-1]
	r.groups = r.groups[:n-1]
	r.ignore = 0
}

// control reads a control word or symbol and returns the position after it.
func (r *rtfReader) control(b []byte, i int) int {
	if i >= len(b) {
		return i
	}
	c := b[i]
	if c|0x20 < 'a' || c|0x20 > 'z' {
		switch c {
		case '\'':
			if i+2 < len(b) {
				if hi, lo := unhex(b[i+1]), unhex(b[i+2]); hi >= 0 && lo >= 0 {
					if r.ignore > 0 {
						r.ignore--
					} else {
						r.char(byte(hi<<4 | lo))
					}
				}
			}
			return i + 3
		case '*':
			// Only at the start of a group does it mark a destination.
			if before := bytes.TrimRight(b[:i-1], "\r\n"); !r.g.skip && bytes.HasSuffix(before, []byte("{")) {
				r.g.dest = "*"
			}
		case '~':
			r.char(' ')
		case '_':
			r.char('-')
		case '\\', '{', '}':
			r.char(c)
		case '\n', '\r':
			r.word("par", 0, false)
		}
		return i + 1
	}
	start := i
	for i < len(b) && b[i]|0x20 >= 'a' && b[i]|0x20 <= 'z' && i-start < 32 {
		i++
	}
	word := string(b[start:i])
	neg := false
	if i < len(b) && b[i] == '-' {
		neg = true
		i++
	}
	num, has := 0, false
	for i < len(b) && b[i] >= '0' && b[i] <= '9' {
		if num < 1<<28 {
			num = num*10 + int(b[i]-'0')
		}
		has = true
		i++
	}
	if neg {
		num = -num
	}
	if i < len(b) && b[i] == ' ' {
		i++
	}
	if word == "bin" && num > 0 {
		return min(len(b), i+num)
	}
	r.word(word, num, has)
	return i
}

func (r *rtfReader) word(word string, num int, has bool) {
	if r.g.dest == "*" {
		r.g.dest = ""
		switch word {
		case "shptxt", "shpinst", "footnote", "annotation", "htmltag":
		case "objdata":
		default:
			r.g.skip = true
			return
		}
	}
	switch word {
	case "objdata", "title":
		if !r.g.skip || word == "title" {
			r.g.dest, r.g.skip = word, true
			if word == "title" {
				r.title = nil
			}
		}
		return
	case "ansicpg":
		if e := codepage(num); e != nil {
			r.cp = e
		}
		return
	case "mac":
		r.cp = charmap.Macintosh
		return
	case "fonttbl", "stylesheet":
		r.g.dest, r.g.skip = word, true
		return
	case "s":
		if r.g.dest == "stylesheet" {
			r.style = num
		} else if level := r.styles[num]; level > 0 && !r.g.skip {
			r.outline = level
		}
		return
	case "f":
		if r.g.dest == "fonttbl" {
			r.font = num
		} else {
			r.flushRaw()
			r.g.font = num
		}
		return
	case "fcharset":
		if r.g.dest == "fonttbl" {
			r.fonts[r.font] = fontCharset(num)
		}
		return
	case "uc":
		r.g.uc = min(max(num, 0), 16)
		return
	case "plain":
		r.flushRaw()
		r.g.hidden = false
		return
	case "v":
		r.flushRaw()
		r.g.hidden = !has || num != 0
		return
	}
	if skip, ok := rtfSkipped[word]; ok && skip {
		r.flushRaw()
		if word != "deleted" || !has || num != 0 {
			r.g.skip = true
		}
		return
	}
	if r.g.skip {
		return
	}
	switch word {
	case "par", "sect", "page":
		r.flushRaw()
		if r.note > 0 {
			r.text.WriteByte('\n')
		} else {
			r.para()
		}
	case "line":
		r.flushRaw()
		r.text.WriteByte('\n')
	case "tab", "emspace", "enspace":
		r.raw = append(r.raw, ' ')
	case "emdash":
		r.special("—")
	case "endash":
		r.special("–")
	case "lquote":
		r.special("‘")
	case "rquote":
		r.special("’")
	case "ldblquote":
		r.special("“")
	case "rdblquote":
		r.special("”")
	case "bullet":
		r.special("•")
	case "u":
		r.flushRaw()
		r.ignore = r.g.uc
		u := rune(uint16(num))
		switch {
		case utf16.IsSurrogate(u) && u < 0xdc00:
			r.pending = u
		case utf16.IsSurrogate(u):
			r.text.WriteRune(utf16.DecodeRune(r.pending, u))
			r.pending = 0
		default:
			r.text.WriteRune(u)
		}
	case "pard":
		r.outline, r.list = 0, false
		if r.note == 0 && r.inTable {
			r.inTable = false
		}
	case "outlinelevel":
		r.outline = num + 1
	case "ls":
		r.list = true
	case "intbl":
		r.inTable = true
	case "cell", "nestcell":
		r.flushRaw()
		r.row = append(r.row, r.text.String())
		r.text.Reset()
	case "row", "nestrow":
		r.flushRaw()
		if len(r.row) > 0 {
			r.rows = append(r.rows, r.row)
			r.row = nil
		}
	case "footnote", "annotation", "header", "headerl", "headerr", "headerf", "footer", "footerl", "footerr", "footerf":
		r.flushRaw()
		if r.note == 0 && len(r.groups) > 0 {
			r.note = len(r.groups)
			r.margin = strings.HasPrefix(word, "header") || strings.HasPrefix(word, "footer")
			r.saved = r.text.String()
			r.text.Reset()
		}
	}
}

func (r *rtfReader) special(s string) {
	if !r.g.hidden {
		r.flushRaw()
		r.text.WriteString(s)
	}
}

func (r *rtfReader) para() {
	s := r.text.String()
	if r.inTable {
		if r.text.Len() > 0 {
			r.text.WriteByte(' ') // a paragraph inside a cell
		}
		return
	}
	r.text.Reset()
	if len(r.rows) > 0 {
		r.endTable()
	}
	switch {
	case r.outline > 0 && r.outline < 10:
		r.b.heading(r.outline, s)
	case r.list:
		r.b.item(0, "-", s)
	default:
		r.b.para(s)
	}
	for _, n := range r.notes {
		r.b.para(n)
	}
	r.notes = nil
}

func (r *rtfReader) endTable() {
	if len(r.rows) > 0 {
		header := 0
		if len(r.rows) > 1 && looksLikeHeader(r.rows[0], r.rows[1]) {
			header = 1
		}
		r.b.table(r.rows, header)
		r.rows = nil
	}
}

// codepage is the encoding of a Windows code page; nil when unknown.
func codepage(n int) encoding.Encoding {
	switch n {
	case 936, 54936:
		return encodingOf(csGB18030)
	case 950:
		return encodingOf(csBig5)
	case 932:
		return encodingOf(csSJIS)
	case 949:
		return encodingOf(csEUCKR)
	case 437:
		return charmap.CodePage437
	case 850:
		return charmap.CodePage850
	case 10000:
		return charmap.Macintosh
	case 65001:
		return encoding.Nop
	case 1200:
		return encodingOf(csUTF16LE)
	}
	if n >= 1250 && n <= 1258 {
		return encodingOf("windows-" + strconv.Itoa(n))
	}
	if n == 874 {
		return charmap.Windows874
	}
	return nil
}

func fontCharset(n int) encoding.Encoding {
	page, ok := map[int]int{77: 10000, 128: 932, 129: 949, 134: 936, 136: 950, 161: 1253, 162: 1254, 163: 1258, 177: 1255, 178: 1256, 186: 1257, 204: 1251, 222: 874, 238: 1250}[n]
	if !ok {
		return nil
	}
	return codepage(page)
}

// unpackRTF undoes the compression of RTF in Outlook messages (MS-OXRTFCP).
func unpackRTF(b []byte, limit int) []byte {
	if len(b) < 16 {
		return nil
	}
	if bytes.Equal(b[8:12], []byte("MELA")) {
		return b[16:]
	}
	if !bytes.Equal(b[8:12], []byte("LZFu")) {
		return nil
	}
	dict := make([]byte, 4096)
	at := copy(dict, "{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx")
	var out []byte
	put := func(c byte) {
		out = append(out, c)
		dict[at&4095] = c
		at = (at + 1) & 4095
	}
	for i := 16; i < len(b) && len(out) < limit; {
		flags := b[i]
		i++
		for bit := 0; bit < 8 && i < len(b); bit++ {
			if flags>>bit&1 == 0 {
				put(b[i])
				i++
				continue
			}
			if i+1 >= len(b) {
				return out
			}
			ref := int(b[i])<<8 | int(b[i+1])
			i += 2
			from, n := ref>>4, ref&15+2
			if from == at {
				return out
			}
			for range n {
				put(dict[from&4095])
				from++
			}
		}
	}
	return out
}
