package extract

import (
	"math"
	"strings"
	"unicode/utf8"

	"github.com/ledongthuc/pdf"
)

// pdfGlyph is a piece of text where a page shows it. Coordinates run along the
// direction of reading: x grows with the text, y from line to line upwards.
type pdfGlyph struct {
	text     string
	x, y, x2 float64
	size     float64
	turn     int // direction of the text in quarters, counterclockwise
	bold     bool
	vertical bool
	unseen   unseen
}

type pdfMatrix [6]float64

var pdfIdentity = pdfMatrix{1, 0, 0, 1, 0, 0}

// mul is the matrix that applies m, then n.
func (m pdfMatrix) mul(n pdfMatrix) pdfMatrix {
	return pdfMatrix{
		m[0]*n[0] + m[1]*n[2], m[0]*n[1] + m[1]*n[3],
		m[2]*n[0] + m[3]*n[2], m[2]*n[1] + m[3]*n[3],
		m[4]*n[0] + m[5]*n[2] + n[4], m[4]*n[1] + m[5]*n[3] + n[5],
	}
}

// pdfReader reads what pages show.
type pdfReader struct {
	*pdfDoc
	fonts map[int]*pdfFont

	glyphs []pdfGlyph
	low    float64 // of the page, in the coordinates of level text
	high   float64
	images int
	paint  pdfPaint
	ops    int                   // operators left for this page
	shown  int                   // characters of the document so far
	lost   int                   // characters that no font explains
	forms  [maxFormDepth + 1]int // shown so far, by depth
	off    map[int]bool          // layers that are switched off
	veiled int                   // open contents of such layers
	marked map[int]string        // text of this page's marked contents that are headings
}

// Limits of one page.
const (
	maxPageOps    = 20 << 20
	maxPageGlyphs = 2 << 20
	maxPageBytes  = 128 << 20
	maxFormDepth  = 12
	maxForms      = 8192 // half as many at each depth
)

type pdfState struct {
	ctm                          pdfMatrix
	font                         *pdfFont
	size, tc, tw, tz, lead, rise float64
	mode                         int64
	fill                         pdfFill
}

// page interprets the content of one page into r.glyphs.
func (r *pdfReader) page(page, resources pdf.Value, box [4]float64, rotate int) {
	r.glyphs, r.images, r.ops = r.glyphs[:0], 0, maxPageOps
	r.forms, r.veiled = [maxFormDepth + 1]int{}, 0
	ctm := turnedPage(rotate)
	y1 := box[0]*ctm[1] + box[1]*ctm[3]
	y2 := box[2]*ctm[1] + box[3]*ctm[3]
	r.low, r.high = math.Min(y1, y2), math.Max(y1, y2)
	r.paint = newPDFPaint(page, box, ctm)
	var data []byte
	switch c := page.Key("Contents"); c.Kind() {
	case pdf.Stream:
		data = r.stream(c, maxPageBytes)
	case pdf.Array:
		for i := range c.Len() {
			part := r.stream(c.Index(i), maxPageBytes)
			if len(data)+len(part) > maxPageBytes {
				panic(stop{tooMuch(maxPageBytes)})
			}
			data = append(append(data, part...), '\n')
		}
	}
	r.run(data, resources, pdfState{ctm: ctm, tz: 1}, 0)
}

// turnedPage is the matrix of a page that is shown turned clockwise.
func turnedPage(rotate int) pdfMatrix {
	switch ((rotate/90)%4 + 4) % 4 {
	case 1:
		return pdfMatrix{0, -1, 1, 0, 0, 0}
	case 2:
		return pdfMatrix{-1, 0, 0, -1, 0, 0}
	case 3:
		return pdfMatrix{0, 1, -1, 0, 0, 0}
	}
	return pdfIdentity
}

// pdfScope looks up resources, each name once.
type pdfScope struct {
	res   pdf.Value
	fonts map[pdfName]*pdfFont
}

func (r *pdfReader) fontOf(s *pdfScope, name pdfName) *pdfFont {
	if f, ok := s.fonts[name]; ok {
		return f
	}
	var f *pdfFont
	if v := s.res.Key("Font").Key(string(name)); v.Kind() == pdf.Dict {
		id := r.id(v)
		if f = r.fonts[id]; f == nil || id < 0 {
			f = r.font(v)
			if id >= 0 {
				r.fonts[id] = f
			}
		}
	}
	s.fonts[name] = f
	return f
}

func (r *pdfReader) run(data []byte, resources pdf.Value, st pdfState, depth int) {
	scope := &pdfScope{res: resources, fonts: map[pdfName]*pdfFont{}}
	l := &pdfLexer{b: data}
	var stack []pdfState
	var args []any
	tm, tlm := pdfIdentity, pdfIdentity
	num := func(i int) float64 {
		if i < 0 || i >= len(args) {
			return 0
		}
		switch v := args[i].(type) {
		case int64:
			return float64(v)
		case float64:
			return v
		}
		return 0
	}
	matrix := func() pdfMatrix {
		return pdfMatrix{num(0), num(1), num(2), num(3), num(4), num(5)}
	}
	move := func(x, y float64) {
		tlm = pdfMatrix{1, 0, 0, 1, x, y}.mul(tlm)
		tm = tlm
	}
	str := func(i int) string {
		if i >= 0 && i < len(args) {
			if s, ok := args[i].(pdfStr); ok {
				return string(s)
			}
		}
		return ""
	}
	var actual []actualText // open marked content that says what it reads as
	defer func() {
		for _, a := range actual {
			r.unveil(a)
		}
	}()
	for {
		switch o := l.object().(type) {
		case pdfEOF:
			return
		case pdfClose:
		case pdfOp:
			if r.ops--; r.ops < 0 {
				panic(stop{tooMany("operators on one page", maxPageOps)})
			}
			if r.ops&0xfff == 0 {
				r.j.check()
			}
			switch o {
			case "q":
				if len(stack) < 512 {
					stack = append(stack, st)
				}
			case "Q":
				if n := len(stack); n > 0 {
					st, stack = stack[n-1], stack[:n-1]
				}
			case "cm":
				st.ctm = matrix().mul(st.ctm)
			case "re", "m", "l", "c", "v", "y", "f", "F", "f*", "B", "B*", "b", "b*", "n", "s", "S", "sh":
				r.paint.path(string(o), args, &st)
			case "g", "rg", "k", "sc", "scn", "cs":
				st.fill.set(string(o), args)
			case "BT":
				tm, tlm = pdfIdentity, pdfIdentity
			case "Tf":
				if len(args) >= 2 {
					name, _ := args[len(args)-2].(pdfName)
					st.font, st.size = r.fontOf(scope, name), num(len(args)-1)
				}
			case "Tc":
				st.tc = num(0)
			case "Tw":
				st.tw = num(0)
			case "Tz":
				st.tz = num(0) / 100
			case "TL":
				st.lead = num(0)
			case "Ts":
				st.rise = num(0)
			case "Tr":
				st.mode = int64(num(0))
			case "Td":
				move(num(0), num(1))
			case "TD":
				st.lead = -num(1)
				move(num(0), num(1))
			case "Tm":
				tlm = matrix()
				tm = tlm
			case "T*":
				move(0, -st.lead)
			case "Tj":
				r.show(&st, &tm, str(0))
			case "'":
				move(0, -st.lead)
				r.show(&st, &tm, str(0))
			case "\"":
				st.tw, st.tc = num(0), num(1)
				move(0, -st.lead)
				r.show(&st, &tm, str(2))
			case "TJ":
				if len(args) > 0 {
					arr, _ := args[len(args)-1].(pdfArr)
					for _, e := range arr {
						var back float64
						switch e := e.(type) {
						case pdfStr:
							r.show(&st, &tm, string(e))
							continue
						case int64:
							back = float64(e)
						case float64:
							back = e
						default:
							continue
						}
						d := -back / 1000 * st.size
						if st.font != nil && st.font.vertical {
							tm = pdfMatrix{1, 0, 0, 1, 0, d}.mul(tm)
						} else {
							tm = pdfMatrix{1, 0, 0, 1, d * st.tz, 0}.mul(tm)
						}
					}
				}
			case "BI":
				l.skipInlineImage()
				r.images++
				r.paint.image(st.ctm)
			case "Do":
				if len(args) > 0 {
					if name, ok := args[len(args)-1].(pdfName); ok {
						r.form(scope.res.Key("XObject").Key(string(name)), resources, st, depth)
					}
				}
			case "BDC":
				a := actualText{from: len(r.glyphs)}
				if len(args) == 2 {
					if r.marked != nil && depth == 0 {
						a.mark = markOf(args[1], scope.res)
					}
					if name, ok := args[1].(pdfName); ok && args[0] == pdfName("OC") {
						a.off = r.layerOff(scope.res.Key("Properties").Key(string(name)))
					}
					if d, ok := args[1].(pdfDict); ok {
						if s, ok := d["ActualText"].(pdfStr); ok {
							a.on, a.text = true, pdfText(string(s))
						}
					}
				}
				if len(actual) < 256 {
					actual = append(actual, a)
					if a.off {
						r.veiled++
					}
				}
			case "BMC":
				if len(actual) < 256 {
					actual = append(actual, actualText{})
				}
			case "EMC":
				if n := len(actual); n > 0 {
					r.replace(actual[n-1])
					r.keepMark(actual[n-1])
					r.unveil(actual[n-1])
					actual = actual[:n-1]
				}
			}
			args = args[:0]
		default:
			if len(args) < 64 {
				args = append(args, o)
			}
		}
	}
}

func tooMany(what string, limit int) error {
	return errTooMany{what, limit}
}

// actualText is marked content whose text differs from its glyphs.
type actualText struct {
	on   bool
	from int
	text string
	off  bool // of a layer that is switched off
	mark int  // number of the marked content, from 1; 0 without one
}

// unveil ends content of a layer.
func (r *pdfReader) unveil(a actualText) {
	if a.off {
		r.veiled--
	}
}

// replace puts the actual text in place of the glyphs shown since.
func (r *pdfReader) replace(a actualText) {
	if !a.on || a.from >= len(r.glyphs) {
		return
	}
	shown := r.glyphs[a.from:]
	text := strings.Map(func(c rune) rune {
		if c == 0xad || c < ' ' {
			return -1
		}
		return c
	}, a.text)
	g := shown[0]
	for _, o := range shown[1:] {
		if math.Abs(o.y-g.y) > g.size/2 || o.turn != g.turn {
			return // more than a word: the glyphs tell where its parts stand
		}
		g.x, g.x2 = math.Min(g.x, o.x), math.Max(g.x2, o.x2)
	}
	if utf8.RuneCountInString(text) > 4*len(shown)+8 {
		return
	}
	r.glyphs = r.glyphs[:a.from]
	if text != "" {
		g.text = text
		r.glyphs = append(r.glyphs, g)
	}
}

// pdfText decodes a text string of a dictionary.
func pdfText(s string) string {
	switch {
	case strings.HasPrefix(s, "\xfe\xff"):
		t, _ := decode([]byte(s), csUTF16BE)
		return t
	case strings.HasPrefix(s, "\xff\xfe"):
		t, _ := decode([]byte(s), csUTF16LE)
		return t
	case strings.HasPrefix(s, "\xef\xbb\xbf"):
		return strings.ToValidUTF8(s[3:], "")
	}
	ascii := true
	for i := 0; i < len(s); i++ {
		ascii = ascii && s[i] < 0x80
	}
	if ascii {
		return s
	}
	cs := detectCharset([]byte(s), false)
	if cs == "" {
		cs = csLatin
	}
	t, _ := decode([]byte(s), cs)
	return t
}

// form shows a form inside the page.
func (r *pdfReader) form(x pdf.Value, resources pdf.Value, st pdfState, depth int) {
	if x.Kind() != pdf.Stream {
		return
	}
	if r.layerOff(x.Key("OC")) {
		r.veiled++
		defer func() { r.veiled-- }()
	}
	switch x.Key("Subtype").Name() {
	case "Image":
		r.images++
		r.paint.image(st.ctm)
		return
	case "Form":
	default:
		return
	}
	// A form may be shown often, but not without end: forms in forms multiply.
	if r.forms[depth] >= maxForms>>depth || depth >= maxFormDepth {
		return
	}
	r.forms[depth]++
	m := x.Key("Matrix")
	if m.Len() == 6 {
		var fm pdfMatrix
		for i := range fm {
			fm[i] = m.Index(i).Float64()
		}
		st.ctm = fm.mul(st.ctm)
	}
	if res := x.Key("Resources"); res.Kind() == pdf.Dict {
		resources = res
	}
	r.run(r.stream(x, maxPageBytes), resources, st, depth+1)
}

// show adds the glyphs of a string and moves the text position.
func (r *pdfReader) show(st *pdfState, tm *pdfMatrix, s string) {
	f := st.font
	if f == nil || s == "" {
		return
	}
	for len(s) > 0 {
		text, w, n := f.nextGlyph(s)
		isSpace := n == 1 && s[0] == ' '
		s = s[n:]
		m := tm.mul(st.ctm)
		adv := w*st.size + st.tc
		if isSpace {
			adv += st.tw
		}
		if f.vertical {
			r.add(st, f, m, text, w)
			dy := -st.size - st.tc
			if isSpace {
				dy -= st.tw
			}
			*tm = pdfMatrix{1, 0, 0, 1, 0, dy}.mul(*tm)
			continue
		}
		r.add(st, f, m, text, w)
		tm[4] += adv * st.tz * tm[0]
		tm[5] += adv * st.tz * tm[1]
	}
}

func (r *pdfReader) add(st *pdfState, f *pdfFont, m pdfMatrix, text string, w float64) {
	if text == "" {
		if w > 0 {
			r.lost++
		}
		return
	}
	r.shown++
	if len(r.glyphs) >= maxPageGlyphs {
		panic(stop{tooMany("characters on one page", maxPageGlyphs)})
	}
	size := st.size * math.Hypot(m[2], m[3])
	if size < 0 {
		size = -size
	}
	if size == 0 || math.IsNaN(size) || math.IsInf(size, 0) || size > 1e5 {
		return
	}
	x, y := m[4]+st.rise*m[2], m[5]+st.rise*m[3]
	dx, dy := m[0]*st.tz*st.size, m[1]*st.tz*st.size
	if dx == 0 && dy == 0 {
		return
	}
	if math.IsNaN(x) || math.IsNaN(y) || math.Abs(x) > 1e6 || math.Abs(y) > 1e6 {
		return
	}
	advance := w * math.Hypot(dx, dy)
	if f.type3 && advance > 3*size {
		size = 1.6 * advance // drawn in units of its own
	}
	turn := 0
	switch {
	case math.Abs(dx) >= math.Abs(dy):
		if dx < 0 {
			turn = 2
		}
	case dy > 0:
		turn = 1
	default:
		turn = 3
	}
	g := pdfGlyph{text: text, size: size, turn: turn, bold: f.bold, unseen: r.paint.unseen(st, x, y, size)}
	if r.veiled > 0 {
		g.unseen = concealed
	}
	if f.vertical {
		// The column is the line: down is along, left is the next line.
		g.turn, g.vertical = 4, true
		g.x, g.y = -y, x
		g.x2 = g.x + size
	} else {
		g.x, g.y = turned(x, y, turn)
		g.x2 = g.x + advance
		if g.x2 < g.x {
			g.x, g.x2 = g.x2, g.x
		}
	}
	r.glyphs = append(r.glyphs, g)
}

// turned gives a point the coordinates in which text of that direction runs
// along x.
func turned(x, y float64, turn int) (float64, float64) {
	switch turn {
	case 1:
		return y, -x
	case 2:
		return -x, -y
	case 3:
		return -y, x
	}
	return x, y
}

// skipInlineImage moves behind the EI of an inline image: the one that is
// followed by something like content again.
func (l *pdfLexer) skipInlineImage() {
	for {
		o := l.object()
		if _, ok := o.(pdfEOF); ok {
			return
		}
		if o == pdfOp("ID") {
			break
		}
	}
	for p := l.pos + 1; p+2 <= len(l.b); p++ {
		if l.b[p] != 'E' || l.b[p+1] != 'I' || pdfClass[l.b[p-1]] != 's' || p+2 < len(l.b) && pdfClass[l.b[p+2]] != 's' {
			continue
		}
		binary := false
		for _, c := range l.b[p+2 : min(len(l.b), p+12)] {
			binary = binary || c >= 0x7f || c < ' ' && pdfClass[c] != 's'
		}
		if !binary {
			l.pos = p + 2
			return
		}
	}
	l.pos = len(l.b)
}
