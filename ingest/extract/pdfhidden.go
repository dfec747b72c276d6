package extract

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/ledongthuc/pdf"
)

// Text that a page holds and does not show: who reads the page does not know of
// it, so that it must not pass for what the page says. It is kept apart: in the
// document's text, marked, and in no block.

// unseen says why a glyph does not show.
type unseen uint8

const (
	seen      unseen = iota
	invisible        // drawn in the mode that leaves no mark; layers of recognised text over scans are
	outside          // beyond the edge of the page
	concealed        // white on nothing, or too small to see
)

// hiddenMark stands before text that a page does not show.
const hiddenMark = "[not shown on the page]"

// pdfFill is the colour that text and areas are filled with.
type pdfFill struct {
	white bool
	space string // of colours that sc and scn give
}

// set takes the colour of an operator.
func (f *pdfFill) set(op string, args []any) {
	if op == "cs" {
		name, _ := args0(args).(pdfName)
		f.white, f.space = false, string(name)
		return
	}
	f.white = false
	n := len(args)
	gray := op == "g" || n == 1 && (f.space == "DeviceGray" || f.space == "G")
	if n != 1 && n != 3 && n != 4 || n == 1 && !gray {
		return
	}
	// Paper is 1 where colours are light, 0 where they are ink.
	for _, a := range args {
		v, ok := number(a)
		if !ok || n == 4 && v > 0.02 || n != 4 && v < 0.98 {
			return
		}
	}
	f.white = true
}

func args0(args []any) any {
	if len(args) == 0 {
		return nil
	}
	return args[0]
}

func number(a any) (float64, bool) {
	switch v := a.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// pdfPaint knows where a page is and what of it is painted, as far as boxes tell.
type pdfPaint struct {
	page    pdfBox
	areas   []pdfBox
	current pdfBox
	any     bool // everything is painted

	pictured float64 // share of the page that images cover, those that cover each other counted twice
}

type pdfBox struct{ x1, y1, x2, y2 float64 }

var emptyBox = pdfBox{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}

func (b *pdfBox) grow(m pdfMatrix, x, y float64) {
	px, py := x*m[0]+y*m[2]+m[4], x*m[1]+y*m[3]+m[5]
	b.x1, b.y1, b.x2, b.y2 = math.Min(b.x1, px), math.Min(b.y1, py), math.Max(b.x2, px), math.Max(b.y2, py)
}

func (b pdfBox) holds(x, y, around float64) bool {
	return x >= b.x1-around && x <= b.x2+around && y >= b.y1-around && y <= b.y2+around
}

const maxPaintAreas = 4096

func newPDFPaint(page pdf.Value, media [4]float64, ctm pdfMatrix) pdfPaint {
	p := pdfPaint{page: emptyBox, current: emptyBox}
	if crop := page.Key("CropBox"); crop.Len() == 4 {
		var c [4]float64
		for i := range c {
			c[i] = crop.Index(i).Float64()
		}
		if x1, x2 := math.Max(math.Min(c[0], c[2]), math.Min(media[0], media[2])), math.Min(math.Max(c[0], c[2]), math.Max(media[0], media[2])); x2-x1 > 1 {
			if y1, y2 := math.Max(math.Min(c[1], c[3]), math.Min(media[1], media[3])), math.Min(math.Max(c[1], c[3]), math.Max(media[1], media[3])); y2-y1 > 1 {
				media = [4]float64{x1, y1, x2, y2}
			}
		}
	}
	p.page.grow(ctm, media[0], media[1])
	p.page.grow(ctm, media[2], media[3])
	if p.page.x2-p.page.x1 < 1 || p.page.y2-p.page.y1 < 1 {
		p.page = pdfBox{math.Inf(-1), math.Inf(-1), math.Inf(1), math.Inf(1)} // a page without a size shows all
	}
	return p
}

// path follows the path that is being built, and notes where it is filled.
func (p *pdfPaint) path(op string, args []any, st *pdfState) {
	n := func(i int) float64 {
		if i < len(args) {
			v, _ := number(args[i])
			return v
		}
		return 0
	}
	switch op {
	case "re":
		p.current.grow(st.ctm, n(0), n(1))
		p.current.grow(st.ctm, n(0)+n(2), n(1)+n(3))
	case "m", "l", "c", "v", "y":
		for i := 0; i+1 < len(args) && i < 6; i += 2 {
			p.current.grow(st.ctm, n(i), n(i+1))
		}
	case "sh":
		p.any = true
	case "n", "s", "S":
		p.current = emptyBox
	default:
		if !st.fill.white {
			p.add(p.current)
		}
		p.current = emptyBox
	}
}

func (p *pdfPaint) add(b pdfBox) {
	if len(p.areas) >= maxPaintAreas {
		p.any = true
		return
	}
	if b.x1 <= b.x2 {
		p.areas = append(p.areas, b)
	}
}

func (p *pdfPaint) image(ctm pdfMatrix) {
	b := emptyBox
	b.grow(ctm, 0, 0)
	b.grow(ctm, 1, 1)
	b.grow(ctm, 0, 1)
	b.grow(ctm, 1, 0)
	p.add(b)
	p.pictured += b.shareOf(p.page)
}

// unseen says whether text at a place of the page shows.
func (p *pdfPaint) unseen(st *pdfState, x, y, size float64) unseen {
	if !p.page.holds(x, y, size) {
		return outside
	}
	if size < 0.5 {
		return concealed
	}
	if st.mode == 3 {
		return invisible
	}
	if !st.fill.white || p.any || st.mode == 1 || st.mode == 2 || st.mode >= 5 {
		return seen
	}
	for i := len(p.areas) - 1; i >= 0; i-- {
		if p.areas[i].holds(x, y, size) {
			return seen
		}
	}
	return concealed
}

// splitUnseen takes what the page does not show out of its glyphs. Invisible text
// counts as shown where it is a layer over a scan or over drawn letters, text
// beyond the edge where it goes on with a line that began on the page.
func (r *pdfReader) splitUnseen(glyphs []pdfGlyph) (shown, hidden []pdfGlyph) {
	var count [4]int
	for i := range glyphs {
		count[glyphs[i].unseen]++
	}
	if count[seen] == len(glyphs) {
		return glyphs, nil
	}
	layer := r.images > 0 && count[invisible] >= count[seen] || (len(r.paint.areas) > 0 || r.paint.any) && count[invisible] >= 10*count[seen]
	for _, g := range glyphs {
		goesOn := false
		if n := len(shown); g.unseen == outside && n > 0 {
			last := &shown[n-1]
			goesOn = last.turn == g.turn && math.Abs(last.y-g.y) < 0.3*g.size && g.x-last.x2 < 2*g.size && g.x > last.x
		}
		if g.unseen == seen || g.unseen == invisible && layer || goesOn {
			shown = append(shown, g)
		} else {
			hidden = append(hidden, g)
		}
	}
	return shown, hidden
}

// hiddenLines writes what a page does not show, marked and outside of blocks, and
// returns how many characters that are.
func (b *builder) hiddenLines(lines []pdfLine) int {
	var parts []string
	for i := range lines {
		if s := cleanText(strings.ToValidUTF8(lines[i].text(), "")); s != "" {
			parts = append(parts, s)
		}
	}
	s := strings.Join(parts, "\n")
	if !hasLetters(s) {
		return 0
	}
	b.begin("\n\n")
	b.write(hiddenMark + " " + s)
	return utf8.RuneCountInString(s)
}

// unshownPages are the pages that hold text which they do not show.
type unshownPages struct {
	pages      []int
	characters int
}

func (u *unshownPages) add(page, characters int) {
	if characters > 0 {
		u.pages = append(u.pages, page)
		u.characters += characters
	}
}

// warn says so in one line, however many pages there are.
func (u *unshownPages) warn(b *builder) {
	switch len(u.pages) {
	case 0:
	case 1:
		b.warn(fmt.Sprintf("page %d holds text that it does not show (%d characters); it is not searched", u.pages[0], u.characters))
	default:
		b.warn(fmt.Sprintf("%s hold text that they do not show (%d characters); it is not searched", countedPages(u.pages), u.characters))
	}
}
