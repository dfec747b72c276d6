package sqlitestore

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/lore-kb/lore/store"
)

// maxKey bounds keys of points, which indexes keep in 32 bits.
const maxKey = math.MaxUint32

// checkDocument refuses documents whose points do not belong to them.
func checkDocument(d *store.Document, dimension int) error {
	if len(d.Points) >= maxDocument {
		return fmt.Errorf("document %s: %d points are more than a document can have", d.Path, len(d.Points))
	}
	for i := range d.Points {
		p := &d.Points[i]
		pay := &p.Payload
		fail := func(format string, args ...any) error {
			return fmt.Errorf("document %s: point %d: %w", d.Path, i, fmt.Errorf(format, args...))
		}
		switch _, ok := parseUUID(p.ID); {
		case !ok:
			return fail("ID %q is not a UUID", p.ID)
		case pay.DocumentID != d.ID || pay.Version != d.Version || pay.Path != d.Path || pay.Root != d.Root:
			return fail("its payload names another document, version, path or root")
		case pay.Ordinal != i:
			return fail("its ordinal is %d", pay.Ordinal)
		case pay.Start < 0 || pay.End < pay.Start || pay.End > len(d.Text) || d.Text[pay.Start:pay.End] != pay.Text:
			return fail("its text is not the document's in [%d, %d)", pay.Start, pay.End)
		case len(p.Sparse.Indices) != len(p.Sparse.Values):
			return fail("its sparse vector has %d indices and %d values", len(p.Sparse.Indices), len(p.Sparse.Values))
		case p.Dense != nil && len(p.Dense) != dimension:
			return fail("%w: %d, want %d", store.ErrDimension, len(p.Dense), dimension)
		}
		for j, v := range p.Sparse.Values {
			if j > 0 && p.Sparse.Indices[j-1] >= p.Sparse.Indices[j] {
				return fail("its sparse vector is not in ascending order")
			}
			if !(v > 0) || math.IsInf(float64(v), 0) {
				return fail("its sparse vector has a weight of %v", v)
			}
		}
	}
	return nil
}

// idValue is how an identifier is stored: UUIDs as 16 bytes.
func idValue(id string) value {
	if u, ok := parseUUID(id); ok {
		return u[:]
	}
	return id
}

func idText(v value) string {
	if b, ok := v.([]byte); ok && len(b) == 16 {
		return formatUUID(b)
	}
	return asText(v)
}

// infoForm begins a record whose hashes are bytes. Records of format 1 begin with
// the length of an URI, which is never coded in this way.
const infoForm = "\x80\x00"

// encodeInfo codes what of a record has no column of its own.
func encodeInfo(d *store.DocumentInfo) []byte {
	b := make([]byte, 0, 256)
	b = putString(append(b, infoForm...), d.URI)
	b = putString(b, d.Title)
	b = putString(b, d.MediaType)
	b = putString(b, d.Language)
	b = putHex(b, d.Version)
	b = putHex(b, d.Content)
	b = putInt(b, int(d.Size))
	b = putTime(b, d.ModTime)
	b = putTime(b, d.Date)
	b = putTime(b, d.IndexedAt)
	b = putStrings(b, d.Warnings)
	b = putLabels(b, d.Labels)
	return putInt(b, d.Bytes)
}

func decodeInfo(b []byte, d *store.DocumentInfo) error {
	r := record{b: b}
	hashed := r.string
	if rest, ok := bytes.CutPrefix(b, []byte(infoForm)); ok {
		r.b = rest
		hashed = r.hex
	}
	d.URI = r.string()
	d.Title = r.string()
	d.MediaType = r.string()
	d.Language = r.string()
	d.Version = hashed()
	d.Content = hashed()
	d.Size = int64(r.int())
	d.ModTime = r.time()
	d.Date = r.time()
	d.IndexedAt = r.time()
	d.Warnings = r.strings()
	d.Labels = r.labels()
	d.Bytes = r.int()
	return r.err
}

func putLabels(b []byte, labels map[string]string) []byte {
	b = putUint(b, len(labels))
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		b = putString(putString(b, k), labels[k])
	}
	return b
}

func (r *record) labels() map[string]string {
	n := r.count()
	if n == 0 {
		return nil
	}
	labels := make(map[string]string, n)
	for range n {
		k := r.string()
		labels[k] = r.string()
	}
	return labels
}

// Fields of a payload that are written only where they say something new.
const (
	hasID = 1 << iota
	hasDigest
	hasTitle
	hasURI
	hasMediaType
	hasLanguage
	hasDate
	hasLabels
	hasSection
	hasPage
	hasPageBreaks
	hasTime
	hasContext
	hasCues
	hasBoxes
)

// encodePoints codes the points of a document without their vectors and texts:
// the section paths they use, the offset of each point, and the points.
func encodePoints(d *store.Document) []byte {
	var sections, points, offsets []byte
	numbers := map[string]int{}
	for i := range d.Points {
		p := &d.Points[i]
		pay := &p.Payload
		offsets = binary.LittleEndian.AppendUint32(offsets, uint32(len(points)))
		digest, hexDigest := parseDigest(p.Digest)
		flags := 0
		for _, f := range []struct {
			flag int
			set  bool
		}{
			{hasID, p.ID != store.PointID(d.ID, d.Version, i)},
			{hasDigest, !hexDigest},
			{hasTitle, pay.Title != d.Title},
			{hasURI, pay.URI != d.URI},
			{hasMediaType, pay.MediaType != d.MediaType},
			{hasLanguage, pay.Language != d.Language},
			{hasDate, !pay.Date.Equal(d.Date)},
			{hasLabels, !maps.Equal(pay.Labels, d.Labels)},
			{hasSection, len(pay.Section) > 0},
			{hasPage, pay.Page != 0},
			{hasPageBreaks, len(pay.PageBreaks) > 0},
			{hasTime, pay.Time != store.Span{}},
			{hasContext, pay.Context != ""},
			{hasCues, len(pay.Cues) > 0},
			{hasBoxes, len(pay.Boxes) > 0},
		} {
			if f.set {
				flags |= f.flag
			}
		}
		b := putUint(points, flags)
		b = putUint(b, pay.Start)
		b = putUint(b, pay.End-pay.Start)
		b = putInt(b, pay.Line)
		if flags&hasID != 0 {
			b = putString(b, p.ID)
		}
		if flags&hasDigest != 0 {
			b = putString(b, p.Digest)
		} else {
			b = append(b, digest[:]...)
		}
		if flags&hasTitle != 0 {
			b = putString(b, pay.Title)
		}
		if flags&hasURI != 0 {
			b = putString(b, pay.URI)
		}
		if flags&hasMediaType != 0 {
			b = putString(b, pay.MediaType)
		}
		if flags&hasLanguage != 0 {
			b = putString(b, pay.Language)
		}
		if flags&hasDate != 0 {
			b = putTime(b, pay.Date)
		}
		if flags&hasLabels != 0 {
			b = putLabels(b, pay.Labels)
		}
		if flags&hasSection != 0 {
			coded := putStrings(nil, pay.Section)
			n, ok := numbers[string(coded)]
			if !ok {
				n = len(numbers)
				numbers[string(coded)] = n
				sections = append(sections, coded...)
			}
			b = putUint(b, n)
		}
		if flags&hasPage != 0 {
			b = putInt(b, pay.Page)
		}
		if flags&hasPageBreaks != 0 {
			b = putUint(b, len(pay.PageBreaks))
			for _, at := range pay.PageBreaks {
				b = putInt(b, at)
			}
		}
		if flags&hasTime != 0 {
			b = putInt(putInt(b, int(pay.Time.From)), int(pay.Time.To))
		}
		if flags&hasContext != 0 {
			b = putString(b, pay.Context)
		}
		if flags&hasCues != 0 {
			b = putUint(b, len(pay.Cues))
			for _, c := range pay.Cues {
				b = putInt(putInt(putInt(b, c.Offset), int(c.Span.From)), int(c.Span.To))
			}
		}
		if flags&hasBoxes != 0 {
			b = putUint(b, len(pay.Boxes))
			for _, x := range pay.Boxes {
				for _, n := range [...]int{x.Offset - pay.Start, x.Page, x.Left, x.Top, x.Width, x.Height} {
					b = putInt(b, n)
				}
			}
		}
		points = b
	}
	out := putUint(nil, len(d.Points))
	out = putUint(out, len(numbers))
	out = append(out, sections...)
	return append(append(out, offsets...), points...)
}

// points are the coded points of one document.
type points struct {
	doc      *store.DocumentInfo
	sections [][]string
	offsets  []byte
	coded    []byte
	n        int
}

func decodePoints(b []byte, doc *store.DocumentInfo) (*points, error) {
	r := record{b: b}
	p := &points{doc: doc, n: r.count()}
	p.sections = make([][]string, r.count())
	for i := range p.sections {
		p.sections[i] = r.strings()
	}
	p.offsets = r.bytes(4 * p.n)
	p.coded = r.b
	return p, r.err
}

// at decodes one point without its vectors and text.
func (p *points) at(i int) (out store.Point, err error) {
	if i < 0 || i >= p.n {
		return out, errRecord
	}
	offset := binary.LittleEndian.Uint32(p.offsets[4*i:])
	if int(offset) > len(p.coded) {
		return out, errRecord
	}
	r := record{b: p.coded[offset:]}
	d := p.doc
	flags := r.uint()
	pay := store.Payload{
		DocumentID: d.ID, Version: d.Version, Ordinal: i, Title: d.Title, URI: d.URI, Path: d.Path, Root: d.Root,
		MediaType: d.MediaType, Language: d.Language, Date: d.Date, Labels: d.Labels,
	}
	pay.Start = r.uint()
	pay.End = pay.Start + r.uint()
	pay.Line = r.int()
	if flags&hasID != 0 {
		out.ID = r.string()
	} else {
		out.ID = store.PointID(d.ID, d.Version, i)
	}
	if flags&hasDigest != 0 {
		out.Digest = r.string()
	} else {
		out.Digest = hex.EncodeToString(r.bytes(16))
	}
	if flags&hasTitle != 0 {
		pay.Title = r.string()
	}
	if flags&hasURI != 0 {
		pay.URI = r.string()
	}
	if flags&hasMediaType != 0 {
		pay.MediaType = r.string()
	}
	if flags&hasLanguage != 0 {
		pay.Language = r.string()
	}
	if flags&hasDate != 0 {
		pay.Date = r.time()
	}
	if flags&hasLabels != 0 {
		pay.Labels = r.labels()
	}
	if flags&hasSection != 0 {
		if n := r.uint(); n < len(p.sections) {
			pay.Section = slices.Clone(p.sections[n])
		} else {
			r.fail()
		}
	}
	if flags&hasPage != 0 {
		pay.Page = r.int()
	}
	if flags&hasPageBreaks != 0 {
		pay.PageBreaks = make([]int, r.count())
		for j := range pay.PageBreaks {
			pay.PageBreaks[j] = r.int()
		}
	}
	if flags&hasTime != 0 {
		pay.Time = store.Span{From: time.Duration(r.int()), To: time.Duration(r.int())}
	}
	if flags&hasContext != 0 {
		pay.Context = r.string()
	}
	if flags&hasCues != 0 {
		pay.Cues = make([]store.Cue, r.count())
		for j := range pay.Cues {
			pay.Cues[j] = store.Cue{Offset: r.int(), Span: store.Span{From: time.Duration(r.int()), To: time.Duration(r.int())}}
		}
	}
	if flags&hasBoxes != 0 {
		pay.Boxes = make([]store.Box, r.count())
		for j := range pay.Boxes {
			pay.Boxes[j] = store.Box{Offset: pay.Start + r.int(), Page: r.int(), Left: r.int(), Top: r.int(), Width: r.int(), Height: r.int()}
		}
	}
	if pay.Start < 0 || pay.End < pay.Start {
		r.fail()
	}
	out.Payload = pay
	return out, r.err
}

// rowSeal is what a document's checksum covers of its row besides the record.
func rowSeal(key, root int64, id, path string, chunks, length int) []byte {
	b := putUint(putUint(nil, int(key)), int(root))
	b = putString(putString(b, id), path)
	return putUint(putUint(b, chunks), length)
}
