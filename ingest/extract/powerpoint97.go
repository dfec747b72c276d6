package extract

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/lore-kb/lore/ingest"
)

func isPowerPoint97(p *probe) bool { return p.oleHas("PowerPoint Document") }

// readPowerPoint97 reads the text of slides and notes of a presentation in the
// binary format of 1997 to 2003 (MS-PPT).
func readPowerPoint97(j *job, in ingest.Input) ([]ingest.Document, error) {
	f, err := j.openOLE(in.Data)
	if err != nil {
		return nil, err
	}
	return readPowerPoint97File(j, f)
}

func readPowerPoint97File(j *job, f *oleFile) ([]ingest.Document, error) {
	if f.stream("EncryptedSummary") != nil {
		return nil, fmt.Errorf("%w: this presentation", ingest.ErrEncrypted)
	}
	r := &pptReader{b: j.newBuilder()}
	oleSummary(&r.b.doc, f)
	r.records(f.stream("PowerPoint Document"), 0, pptContext{})
	if r.b.doc.Title == "" {
		r.b.doc.Title = r.title
	}
	docs := append([]ingest.Document{{}}, r.members...)
	docs[0] = r.b.done()
	return oleEmbedded(j, f, docs), nil
}

type pptContext struct {
	list  int // kind of the slide list: 0 slides, 1 masters, 2 notes; -1 elsewhere
	in    bool
	slide bool // inside a slide's own container
	note  bool
}

type pptReader struct {
	b     *builder
	n     int // slides so far
	title string
	kind  int // of the text that follows: 0 and 6 are titles

	members []ingest.Document
}

// records walks records: version and instance, type, length, content.
func (r *pptReader) records(b []byte, depth int, ctx pptContext) {
	for len(b) >= 8 && depth < 32 {
		ver, kind := binary.LittleEndian.Uint16(b), binary.LittleEndian.Uint16(b[2:])
		n := int(binary.LittleEndian.Uint32(b[4:]))
		if n < 0 || n > len(b)-8 {
			n = len(b) - 8
		}
		body := b[8 : 8+n]
		b = b[8+n:]
		r.b.j.check()
		inner := ctx
		switch kind {
		case 4080: // SlideListWithText
			inner = pptContext{in: true, list: int(ver >> 4)}
		case 1006: // Slide
			inner = pptContext{slide: true}
		case 1008: // Notes
			inner = pptContext{note: true}
		case 1016: // MainMaster
			continue
		case 1011: // SlidePersistAtom
			if ctx.in && ctx.list == 0 {
				r.n++
				r.b.page(r.n)
				r.b.open(1, "")
				r.kind = -1
			}
		case 4113: // ExOleObjStg
			r.object(body, ver>>4 == 1)
		case 3999: // TextHeaderAtom
			if len(body) >= 4 {
				r.kind = int(binary.LittleEndian.Uint32(body))
			}
		case 4000: // TextCharsAtom
			s, _ := decode(body, csUTF16LE)
			r.text(s, ctx)
		case 4008: // TextBytesAtom: the low halves of UTF-16
			var s strings.Builder
			for _, c := range body {
				s.WriteRune(rune(c))
			}
			r.text(s.String(), ctx)
		}
		if ver&0xf == 0xf {
			r.records(body, depth+1, inner)
		}
	}
}

// object reads an embedded file, whose compound file may be compressed.
func (r *pptReader) object(b []byte, packed bool) {
	if packed {
		if len(b) < 4 {
			return
		}
		var err error
		if b, err = inflate(b[4:], 64<<20); err != nil && len(b) == 0 {
			return
		}
		r.b.j.spendUnpacked(int64(len(b)))
	}
	data, name := oleNative(b)
	if data == nil {
		return
	}
	docs, warnings := r.b.j.member(name, data)
	r.members = append(r.members, docs...)
	for _, w := range warnings {
		r.b.warn(w)
	}
}

func (r *pptReader) text(s string, ctx pptContext) {
	if ctx.in && ctx.list == 1 || !ctx.in && !ctx.slide && !ctx.note {
		return
	}
	lines := strings.FieldsFunc(s, func(c rune) bool { return c == '\r' })
	for _, l := range lines {
		l = strings.ReplaceAll(l, "\v", "\n")
		if strings.TrimSpace(l) == "" || strings.TrimSpace(l) == "*" {
			continue
		}
		switch {
		case ctx.note:
			if !strings.HasPrefix(l, "Click to edit") {
				r.b.quote(l)
			}
		case r.kind == 0 || r.kind == 6:
			if r.title == "" {
				r.title = oneLine(l)
			}
			r.b.heading(1, l)
		case len(lines) > 1:
			r.b.item(0, "-", l)
		default:
			r.b.para(l)
		}
	}
}
