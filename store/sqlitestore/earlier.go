package sqlitestore

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"slices"

	"github.com/lore-kb/lore/store"
)

// hashedForm begins a record of format 2 to 4, whose hashes are bytes. Records of
// format 1 begin with the length of an URI, which is never coded in this way.
const hashedForm = "\x80\x00"

// decodeEarlierInfo decodes records of formats before 5.
func decodeEarlierInfo(b []byte, d *store.DocumentInfo) error {
	r := record{b: b}
	hashed := r.string
	if rest, ok := bytes.CutPrefix(b, []byte(hashedForm)); ok {
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

// decodeEarlier decodes the points of a document as formats before 5 code them: the
// number of points, section paths, the offset of each point, and the points.
func (p *points) decodeEarlier(b []byte) error {
	r := record{b: b}
	p.earlier, p.n = true, r.count()
	p.sections = make([][]string, r.count())
	for i := range p.sections {
		p.sections[i] = r.strings()
	}
	p.offsets = r.bytes(4 * p.n)
	p.coded = r.b
	return r.err
}

func (p *points) atEarlier(i int) (out store.Point, err error) {
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
	r.described(flags, &pay)
	if flags&hasSection != 0 {
		if n := r.uint(); n < len(p.sections) {
			pay.Section = slices.Clone(p.sections[n])
		} else {
			r.fail()
		}
	}
	r.placed(flags, &pay, 0)
	if pay.Start < 0 || pay.End < pay.Start {
		r.fail()
	}
	out.Payload = pay
	return out, r.err
}
