package extract

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/ledongthuc/pdf"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// pdfFont says for each code of a string what it reads as and how far it moves.
type pdfFont struct {
	name      string
	bold      bool
	composite bool
	type3     bool
	vertical  bool

	// Simple fonts.
	table  [256]string
	widths [256]float64 // in units of the font size

	// Composite fonts.
	cmap    *pdfCMap // splits codes and maps them to CIDs; nil: two bytes, CID = code
	legacy  encoding.Encoding
	strange bool   // codes are of a predefined CMap that is not known here
	unicode string // "ucs2", "utf16", "utf8", "utf32": codes are Unicode already
	cidW    map[int]float64
	dw      float64
	to      *pdfCMap // ToUnicode
	glyphs  map[int]string
	gid     []byte // CIDToGIDMap
	adobe   string // collection whose CIDs the font has: "GB1", "Japan1" …
	cache   map[uint32]string
}

// font reads the font dictionary v.
func (d *pdfDoc) font(v pdf.Value) *pdfFont {
	f := &pdfFont{name: v.Key("BaseFont").Name(), cache: map[uint32]string{}}
	lower := strings.ToLower(f.name + v.Key("FontDescriptor").Key("FontName").Name())
	f.bold = strings.Contains(lower, "bold") || strings.Contains(lower, "black") || strings.Contains(lower, "heavy") || v.Key("FontDescriptor").Key("StemV").Float64() > 140
	if tu := v.Key("ToUnicode"); tu.Kind() == pdf.Stream {
		f.to = parseCMap(d.stream(tu, 16<<20))
	}
	if v.Key("Subtype").Name() == "Type0" {
		d.composite(f, v)
	} else {
		d.simple(f, v)
	}
	return f
}

func (d *pdfDoc) simple(f *pdfFont, v pdf.Value) {
	enc := v.Key("Encoding")
	base := enc.Name()
	if enc.Kind() == pdf.Dict {
		base = enc.Key("BaseEncoding").Name()
	}
	symbolic := v.Key("FontDescriptor").Key("Flags").Int64()&4 != 0
	embedded := v.Key("FontDescriptor").Key("FontFile").Kind() == pdf.Stream || v.Key("FontDescriptor").Key("FontFile2").Kind() == pdf.Stream
	subtype := v.Key("Subtype").Name()
	switch {
	case base == "WinAnsiEncoding":
		f.fill(charmap.Windows1252)
	case base == "MacRomanEncoding":
		f.fill(charmap.Macintosh)
	case strings.Contains(f.name, "Symbol") && !embedded:
		f.symbol()
	case subtype == "TrueType":
		f.fill(charmap.Windows1252)
	default:
		f.standard()
	}
	if base == "" {
		if ff := v.Key("FontDescriptor").Key("FontFile3"); ff.Kind() == pdf.Stream {
			if c := parseCFF(d.stream(ff, 64<<20)); c != nil {
				for code, s := range c.table {
					if s != "" {
						f.table[code] = s
					}
				}
			}
		} else if ff := v.Key("FontDescriptor").Key("FontFile"); ff.Kind() == pdf.Stream {
			f.type1(d.stream(ff, 16<<20))
		} else if ff := v.Key("FontDescriptor").Key("FontFile2"); ff.Kind() == pdf.Stream && symbolic && f.to == nil && enc.Kind() != pdf.Dict {
			f.trueType(parseSFNT(d.stream(ff, 64<<20)))
		}
	}
	if diff := enc.Key("Differences"); diff.Kind() == pdf.Array {
		encoder := (&pdf.Font{V: v}).Encoder()
		code := 0
		for i := range diff.Len() {
			switch x := diff.Index(i); x.Kind() {
			case pdf.Integer:
				code = int(x.Int64())
			case pdf.Name:
				if code >= 0 && code < 256 {
					name := x.Name()
					if f.table[code] = differenceText(encoder, code, name); f.table[code] == "" && strings.Contains(f.name, "Cambria") {
						f.table[code] = cambriaGlyph(name)
					}
				}
				code++
			}
		}
	}
	if f.to != nil {
		for code, s := range f.to.text {
			if code < 256 && usableText(s) {
				f.table[code] = s
			}
		}
	}
	scale := 0.001
	if subtype == "Type3" {
		f.type3 = true
		m := v.Key("FontMatrix")
		if scale = m.Index(0).Float64(); scale == 0 {
			scale = 0.001
		}
		if scale < 0 {
			scale = -scale
		}
	}
	w := v.Key("Widths")
	first := int(v.Key("FirstChar").Int64())
	missing := v.Key("FontDescriptor").Key("MissingWidth").Float64() * scale
	for c := range f.widths {
		f.widths[c] = missing
	}
	if w.Len() == 0 {
		f.standardWidths()
	}
	for i := range min(w.Len(), 256) {
		if c := first + i; c >= 0 && c < 256 {
			f.widths[c] = w.Index(i).Float64() * scale
		}
	}
}

// differenceText is the text of a glyph name: by the rules for systematic names,
// else by the table of package pdf.
func differenceText(encoder pdf.TextEncoding, code int, name string) string {
	if s := glyphText(name); s != "" {
		return s
	}
	base, _, _ := strings.Cut(name, ".")
	if base != name && base != "" {
		return differenceText(encoder, code, base)
	}
	s := encoder.Decode(string([]byte{byte(code)}))
	if r := []rune(s); len(r) != 1 || int(r[0]) != code {
		return s
	}
	// The code itself is also what package pdf says of a name it does not know.
	letters := strings.TrimLeft(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
	if code >= 0xa0 && letters == "" && len(name) > 2 {
		return s
	}
	// Names like a65, c065 and G41 that repeat the code.
	if number := name[len(name)-len(letters):]; code > ' ' && code < 0x7f && number != "" {
		if n, err := strconv.Atoi(number); err == nil && n == code {
			return s
		}
	}
	if len(name) == 3 && code > ' ' && code < 0x7f {
		if n, err := strconv.ParseUint(name[1:], 16, 8); err == nil && int(n) == code {
			return s
		}
	}
	return ""
}

// cambriaGlyph reads names that are numbers of glyphs in Microsoft's Cambria, as
// programs that cut a font to size leave them: g18 is an O.
func cambriaGlyph(name string) string {
	n, err := strconv.Atoi(strings.TrimPrefix(name, "g"))
	if err != nil || name[0] != 'g' {
		return ""
	}
	switch {
	case n >= 4 && n < 4+26:
		return string(rune('A' + n - 4))
	case n >= 131 && n < 131+26:
		return string(rune('a' + n - 131))
	case n >= 882 && n < 892:
		return string(rune('0' + n - 882))
	}
	return map[int]string{3: " ", 481: ",", 483: ":", 484: ".", 495: "’", 523: "(", 524: ")"}[n]
}

// glyphText reads systematic glyph names: single letters, uni4E00, u1F600,
// ligatures and the digits.
func glyphText(name string) string {
	if name == ".notdef" {
		return ""
	}
	if len(name) == 1 {
		return name
	}
	if s, ok := commonGlyphs[name]; ok {
		return s
	}
	base, _, _ := strings.Cut(name, ".")
	if base != name && base != "" {
		return glyphText(base)
	}
	if strings.Contains(name, "_") {
		var out string
		for _, part := range strings.Split(name, "_") {
			s := glyphText(part)
			if s == "" {
				return ""
			}
			out += s
		}
		return out
	}
	if hex, ok := strings.CutPrefix(name, "uni"); ok && len(hex)%4 == 0 && len(hex) > 0 && len(hex) <= 24 {
		var u []uint16
		for i := 0; i < len(hex); i += 4 {
			n, err := strconv.ParseUint(hex[i:i+4], 16, 16)
			if err != nil {
				return ""
			}
			u = append(u, uint16(n))
		}
		return string(utf16.Decode(u))
	}
	if hex, ok := strings.CutPrefix(name, "u"); ok && len(hex) >= 4 && len(hex) <= 6 {
		if n, err := strconv.ParseUint(hex, 16, 32); err == nil && n <= unicode.MaxRune {
			return string(rune(n))
		}
	}
	return ""
}

var commonGlyphs = map[string]string{
	"space": " ", "nbspace": " ", "ff": "ff", "fi": "fi", "fl": "fl", "ffi": "ffi", "ffl": "ffl", "st": "st",
	"hyphen": "-", "minus": "−", "sfthyphen": "-", "period": ".", "comma": ",", "quoteright": "’", "quoteleft": "‘", "quotesingle": "'",
	"quotedblleft": "“", "quotedblright": "”", "quotedbl": `"`, "endash": "–", "emdash": "—", "bullet": "•", "ellipsis": "…", "fraction": "⁄",
	"zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9",
	"parenleft": "(", "parenright": ")", "bracketleft": "[", "bracketright": "]", "braceleft": "{", "braceright": "}",
	"colon": ":", "semicolon": ";", "slash": "/", "backslash": "\\", "bar": "|", "asterisk": "*", "plus": "+", "equal": "=",
	"less": "<", "greater": ">", "question": "?", "exclam": "!", "at": "@", "ampersand": "&", "numbersign": "#", "dollar": "$",
	"percent": "%", "underscore": "_", "asciitilde": "~", "asciicircum": "^", "grave": "`", "visiblespace": " ",
	"dotlessi": "ı", "germandbls": "ß", "mu": "µ", "Omega": "Ω", "Delta": "Δ", "epsilon1": "ε", "phi1": "φ", "asteriskmath": "∗",
	"arrowright": "→", "arrowleft": "←", "arrowdblright": "⇒", "element": "∈", "summation": "∑", "product": "∏", "integral": "∫", "periodcentered": "·",
	"lessequal": "≤", "greaterequal": "≥", "notequal": "≠", "infinity": "∞", "partialdiff": "∂", "radical": "√", "multiply": "×", "prime": "′",
	"Euro": "€", "copyright": "©", "registered": "®", "trademark": "™", "degree": "°", "section": "§", "paragraph": "¶", "dagger": "†", "daggerdbl": "‡",
}

func (f *pdfFont) fill(m *charmap.Charmap) {
	for c := range f.table {
		if r := m.DecodeByte(byte(c)); r >= ' ' && r != unicode.ReplacementChar && (r < 0x7f || r >= 0xa0) {
			f.table[c] = string(r)
		}
	}
	f.table[0xa0] = " "
	f.table[0xad] = "-"
}

// standardHigh is the upper half of Adobe's standard encoding from 0xA1 on
// (ISO 32000-1, D.2); a blank is an unused code.
var standardHigh = []rune("¡¢£⁄¥ƒ§¤'“«‹›ﬁﬂ –†‡· ¶•‚„”»…‰ ¿ `´ˆ˜¯˘˙¨ ˚¸ ˝˛ˇ—                Æ ª    ŁØŒº     æ   ı  łøœß")

func (f *pdfFont) standard() {
	for c := ' '; c < 0x7f; c++ {
		f.table[c] = string(c)
	}
	f.table['\''], f.table['`'] = "’", "‘"
	for i, r := range standardHigh {
		if r != ' ' && 0xa1+i < 256 {
			f.table[0xa1+i] = string(r)
		}
	}
}

// symbol is the encoding of the Symbol font as far as letters go.
func (f *pdfFont) symbol() {
	f.standard()
	for i, r := range []rune("ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ") {
		f.table['A'+i] = string(r)
	}
	for i, r := range []rune("αβχδεφγηιϕκλμνοπθρστυϖωξψζ") {
		f.table['a'+i] = string(r)
	}
	for c, r := range map[byte]string{0x22: "∀", 0x24: "∃", 0x27: "∋", 0x2a: "∗", 0x2d: "−", 0x40: "≅", 0xa3: "≤", 0xa5: "∞", 0xae: "→", 0xb0: "°", 0xb1: "±", 0xb3: "≥", 0xb4: "×", 0xb7: "•", 0xb9: "≠", 0xce: "∈", 0xd6: "√", 0xe5: "∑", 0xf2: "∫"} {
		f.table[c] = r
	}
}

// type1 takes the encoding from the readable part of a Type 1 font program:
// lines like "dup 65 /A put".
func (f *pdfFont) type1(data []byte) {
	text := string(data[:min(len(data), 64<<10)])
	i := strings.Index(text, "/Encoding")
	if i < 0 {
		return
	}
	text = text[i:]
	if k := strings.Index(text, "eexec"); k >= 0 {
		text = text[:k]
	}
	if strings.HasPrefix(text, "/Encoding StandardEncoding") {
		return
	}
	l := &pdfLexer{b: []byte(text)}
	var last [2]any
	seen := false
	for {
		switch o := l.object().(type) {
		case pdfEOF:
			return
		case pdfOp:
			if o == "put" {
				code, ok1 := last[0].(int64)
				name, ok2 := last[1].(pdfName)
				if ok1 && ok2 && code >= 0 && code < 256 {
					if s := glyphText(string(name)); s != "" {
						f.table[code] = s
						seen = true
					}
				}
			}
			if (o == "def" || o == "readonly") && seen {
				return
			}
		default:
			last[0], last[1] = last[1], o
		}
	}
}

// trueType fills the table of a symbolic TrueType font from its own cmap.
func (f *pdfFont) trueType(s *sfnt) {
	if s == nil {
		return
	}
	for code := range 256 {
		g := s.symbol[code]
		if g == 0 {
			continue
		}
		if t := s.text[g]; t != "" {
			f.table[code] = t
		}
	}
}

func (d *pdfDoc) composite(f *pdfFont, v pdf.Value) {
	f.composite = true
	enc := v.Key("Encoding")
	name := enc.Name()
	desc := v.Key("DescendantFonts").Index(0)
	if enc.Kind() == pdf.Stream {
		f.cmap = parseCMap(d.stream(enc, 16<<20))
		f.vertical = enc.Key("WMode").Int64() == 1
		if use := enc.Key("UseCMap").Name(); use != "" {
			name = use
		}
		if len(f.cmap.spaces) == 0 {
			f.cmap.spaces = []codeSpace{{2, 0, 0xffff}}
		}
	}
	f.vertical = f.vertical || strings.HasSuffix(name, "-V")
	f.legacy, f.unicode = predefinedCMap(name)
	f.strange = f.cmap == nil && f.legacy == nil && f.unicode == "" && name != "" && !strings.HasPrefix(name, "Identity")
	f.dw = 1
	if w := desc.Key("DW"); w.Kind() == pdf.Integer || w.Kind() == pdf.Real {
		f.dw = w.Float64() / 1000
	}
	if info := desc.Key("CIDSystemInfo"); info.Key("Registry").RawString() == "Adobe" {
		f.adobe = info.Key("Ordering").RawString()
	}
	f.cidW = map[int]float64{}
	w := desc.Key("W")
	for i := 0; i < w.Len() && len(f.cidW) < 1<<17; {
		first := int(w.Index(i).Int64())
		second := w.Index(i + 1)
		if second.Kind() == pdf.Array {
			for k := range second.Len() {
				f.cidW[first+k] = second.Index(k).Float64() / 1000
			}
			i += 2
			continue
		}
		width := w.Index(i+2).Float64() / 1000
		for c := first; c <= int(second.Int64()) && c-first < 1<<16; c++ {
			f.cidW[c] = width
		}
		i += 3
	}
	if f.to == nil && f.legacy == nil && f.unicode == "" {
		if ff := desc.Key("FontDescriptor").Key("FontFile2"); ff.Kind() == pdf.Stream {
			if s := parseSFNT(d.stream(ff, 64<<20)); s != nil {
				f.glyphs = s.text
			}
			if m := desc.Key("CIDToGIDMap"); m.Kind() == pdf.Stream {
				f.gid = d.stream(m, 1<<18)
			}
		}
	}
}

// predefinedCMap says how codes of Adobe's predefined CMaps read: in a legacy
// charset, or as a form of Unicode. Both empty: codes are glyph numbers.
func predefinedCMap(name string) (encoding.Encoding, string) {
	base := strings.TrimSuffix(strings.TrimSuffix(name, "-H"), "-V")
	switch {
	case strings.HasPrefix(base, "Uni") && strings.Contains(base, "UCS2"):
		return nil, "ucs2"
	case strings.HasPrefix(base, "Uni") && strings.Contains(base, "UTF16"):
		return nil, "utf16"
	case strings.HasPrefix(base, "Uni") && strings.Contains(base, "UTF32"):
		return nil, "utf32"
	case strings.HasPrefix(base, "Uni") && strings.Contains(base, "UTF8"):
		return nil, "utf8"
	}
	switch base {
	case "GBK-EUC", "GB-EUC", "GBpc-EUC", "GBKp-EUC", "GBK2K":
		return simplifiedchinese.GB18030, ""
	case "B5pc", "HKscs-B5", "ETen-B5", "ETenms-B5":
		return traditionalchinese.Big5, ""
	case "90ms-RKSJ", "90msp-RKSJ", "90pv-RKSJ", "83pv-RKSJ", "Add-RKSJ", "Ext-RKSJ", "RKSJ":
		return japanese.ShiftJIS, ""
	case "EUC":
		return japanese.EUCJP, ""
	case "KSC-EUC", "KSCms-UHC", "KSCms-UHC-HW", "KSCpc-EUC":
		return korean.EUCKR, ""
	case "", "Identity":
		return nil, ""
	}
	if name == "H" || name == "V" {
		return japanese.EUCJP, "jis7"
	}
	return nil, ""
}

// nextGlyph is what the first code of s reads as, how wide it is in units of the
// font size, and how many bytes it takes.
func (f *pdfFont) nextGlyph(s string) (text string, width float64, n int) {
	if !f.composite {
		c := s[0]
		return f.table[c], f.widths[c], 1
	}
	code, n := uint32(0), 0
	switch {
	case f.cmap != nil:
		code, n = f.cmap.next(s)
	case f.unicode == "utf16":
		n = min(2, len(s))
		if len(s) >= 4 && s[0]&0xfc == 0xd8 {
			n = 4
		}
	case f.unicode == "utf32":
		n = min(4, len(s))
	case f.unicode == "utf8":
		n = 1
		for n < len(s) && n < 4 && s[0] >= 0xc0 && s[n]&0xc0 == 0x80 {
			n++
		}
	case f.legacy != nil && f.unicode == "":
		n = f.legacyLen(s)
	default:
		n = min(2, len(s))
	}
	if f.cmap == nil {
		code = codeOf(pdfStr(s[:n]))
	}
	text, ok := f.cache[code|uint32(n)<<29]
	if !ok {
		text = f.decodeCode(code, s[:n])
		f.cache[code|uint32(n)<<29] = text
	}
	cid := int(code)
	if f.cmap != nil {
		if c, ok := f.cmap.cid(code); ok {
			cid = c
		}
	} else if f.legacy != nil || f.unicode != "" {
		// Their CIDs would need Adobe's tables; what is narrow in them is what
		// is narrow everywhere.
		if len(text) == 1 {
			return text, 0.5, n
		}
		return text, f.dw, n
	}
	w, ok := f.cidW[cid]
	if !ok {
		w = f.dw
	}
	return text, w, n
}

func (f *pdfFont) legacyLen(s string) int {
	if s[0] < 0x80 || len(s) < 2 {
		return 1
	}
	if f.legacy == japanese.ShiftJIS && s[0] >= 0xa1 && s[0] <= 0xdf {
		return 1
	}
	if f.legacy == simplifiedchinese.GB18030 && len(s) >= 4 && s[1] >= '0' && s[1] <= '9' {
		return 4
	}
	return 2
}

func (f *pdfFont) decodeCode(code uint32, raw string) string {
	if f.to != nil {
		if s, ok := f.to.text[code]; ok && usableText(s) {
			return s
		}
	}
	switch f.unicode {
	case "ucs2", "utf16":
		return string(utf16.Decode(utf16Units(raw)))
	case "utf32":
		if code <= unicode.MaxRune {
			return string(rune(code))
		}
		return ""
	case "utf8":
		return strings.ToValidUTF8(raw, "")
	case "jis7":
		b := []byte(raw)
		for i := range b {
			b[i] |= 0x80
		}
		raw = string(b)
	}
	if f.legacy != nil {
		out, err := f.legacy.NewDecoder().String(raw)
		if err != nil || strings.Contains(out, "\uFFFD") {
			return ""
		}
		return out
	}
	if f.strange {
		return "" // read as glyph numbers they would give wrong characters
	}
	g := int(code)
	if f.cmap != nil {
		if c, ok := f.cmap.cid(code); ok {
			g = c
		}
	}
	if s := cidText(f.adobe, g); s != "" {
		return s
	}
	if f.glyphs != nil {
		if f.gid != nil {
			if 2*g+1 >= len(f.gid) {
				return ""
			}
			g = int(f.gid[2*g])<<8 | int(f.gid[2*g+1])
		}
		return f.glyphs[g]
	}
	return ""
}

// usableText rejects what fonts say of glyphs they know nothing of.
func usableText(s string) bool {
	for _, r := range s {
		if r == 0 || r == unicode.ReplacementChar || r >= 0xe000 && r < 0xf900 || r >= 0xffff && r < 0x10000 {
			return false
		}
	}
	return s != ""
}

// Widths of the printable ASCII characters of Helvetica and Times, in
// thousandths (Adobe's metrics of the standard fonts).
var (
	helveticaWidths = [95]uint16{278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556,
		1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556,
		333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584}
	timesWidths = [95]uint16{250, 333, 408, 500, 500, 833, 778, 180, 333, 333, 500, 564, 250, 333, 250, 278, 500, 500, 500, 500, 500, 500, 500, 500, 500, 500, 278, 278, 564, 564, 564, 444,
		921, 722, 667, 667, 722, 611, 556, 722, 722, 333, 389, 722, 611, 889, 722, 722, 556, 722, 667, 556, 611, 722, 722, 944, 722, 722, 611, 333, 278, 333, 469, 500,
		333, 444, 500, 444, 500, 444, 333, 500, 500, 278, 278, 500, 278, 778, 500, 500, 500, 500, 333, 389, 278, 500, 500, 722, 500, 500, 444, 480, 200, 480, 541}
)

// standardWidths are used when a font of the standard fourteen gives none.
func (f *pdfFont) standardWidths() {
	lower := strings.ToLower(f.name)
	table := &helveticaWidths
	switch {
	case strings.Contains(lower, "courier") || strings.Contains(lower, "mono"):
		for c := range f.widths {
			f.widths[c] = 0.6
		}
		return
	case strings.Contains(lower, "times") || strings.Contains(lower, "serif") || strings.Contains(lower, "roman"):
		table = &timesWidths
	}
	for c := range f.widths {
		f.widths[c] = 0.55
		if c >= ' ' && c < 0x7f {
			f.widths[c] = float64(table[c-' ']) / 1000
		}
	}
}

// sfnt is what is needed of a TrueType font: what its glyphs read as, and the
// glyphs of its symbol encoding.
type sfnt struct {
	text   map[int]string
	symbol [256]int
}

// parseSFNT reads the cmap table of a TrueType font; nil when there is none.
func parseSFNT(b []byte) *sfnt {
	u16 := func(at int) int {
		if at < 0 || at+2 > len(b) {
			return 0
		}
		return int(b[at])<<8 | int(b[at+1])
	}
	u32 := func(at int) int { return u16(at)<<16 | u16(at+2) }
	cmap := 0
	for i := range min(u16(4), 64) {
		at := 12 + 16*i
		if at+16 <= len(b) && string(b[at:at+4]) == "cmap" {
			cmap = u32(at + 8)
		}
	}
	if cmap <= 0 || cmap >= len(b) {
		return nil
	}
	s := &sfnt{text: map[int]string{}}
	for i := range min(u16(cmap+2), 32) {
		at := cmap + 4 + 8*i
		platform, enc := u16(at), u16(at+2)
		sub := cmap + u32(at+4)
		unicodeMap := platform == 0 || platform == 3 && (enc == 1 || enc == 10)
		put := func(code, glyph int) {
			if glyph == 0 {
				return
			}
			switch {
			case unicodeMap:
				if old, ok := s.text[glyph]; !ok || len(old) == 0 {
					s.text[glyph] = string(rune(code))
				}
			case platform == 3 && enc == 0 && code&0xff00 == 0xf000, platform == 1 && code < 256:
				if s.symbol[code&0xff] == 0 {
					s.symbol[code&0xff] = glyph
				}
			}
		}
		switch u16(sub) {
		case 0:
			for c := range 256 {
				if sub+6+c < len(b) {
					put(c, int(b[sub+6+c]))
				}
			}
		case 4:
			n := u16(sub+6) / 2
			ends, starts := sub+14, sub+16+2*n
			deltas, offsets := starts+2*n, starts+4*n
			for k := range min(n, 1<<14) {
				lo, hi, delta, off := u16(starts+2*k), u16(ends+2*k), u16(deltas+2*k), u16(offsets+2*k)
				for c := lo; c <= hi && c < 0xffff && len(s.text) < 1<<17; c++ {
					g := 0
					if off == 0 {
						g = (c + delta) & 0xffff
					} else if g = u16(offsets + 2*k + off + 2*(c-lo)); g != 0 {
						g = (g + delta) & 0xffff
					}
					put(c, g)
				}
			}
		case 6:
			first, n := u16(sub+6), u16(sub+8)
			for k := range n {
				put(first+k, u16(sub+10+2*k))
			}
		case 12:
			for k := range min(u32(sub+12), 1<<14) {
				g := sub + 16 + 12*k
				lo, hi, glyph := u32(g), u32(g+4), u32(g+8)
				for c := lo; c <= hi && c <= unicode.MaxRune && c-lo < 1<<16 && len(s.text) < 1<<17; c++ {
					put(c, glyph+c-lo)
				}
			}
		}
	}
	return s
}
