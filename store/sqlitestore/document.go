package sqlitestore

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
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

// infoForm begins a record. Records of earlier formats begin otherwise.
const infoForm = "\x81\x00"

// What of a record differs from what is usual, and is written only then.
const (
	infoModTime  = 1 << iota // not the date
	infoBytes                // not the length of the text
	infoVersion              // no digest
	infoContent              // no digest
	infoWarnings             // some
	infoLabels               // some
)

// Media types and languages that records hold by number, from 1 and from 0. What
// is added goes to the end.
var (
	mediaTypes = []string{"text/plain", "text/markdown", "text/html", "application/pdf",
		"application/vnd.openxmlformats-officedocument.wordprocessingml.document",
		"application/vnd.openxmlformats-officedocument.presentationml.presentation",
		"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
		"application/epub+zip", "message/rfc822", "application/json", "text/csv", "application/xml", "application/yaml",
		"text/x-rst", "text/org", "text/asciidoc", "text/x-wiki", "text/x-tex", "image/png", "image/jpeg", "audio/mpeg", "audio/wav",
		"video/mp4", "text/vtt", "application/x-ipynb+json", "application/vnd.ms-outlook", "application/xhtml+xml"}
	languages = []string{"", "en", "zh"}
)

// encodeInfo codes what of a record has no column of its own, without the URI,
// which appendURI puts in front: flags, numbers, and strings coded together. words
// may be nil.
func encodeInfo(d *store.DocumentInfo, length int, words *vocabulary) []byte {
	version, hashed := parseDigest(d.Version)
	content, contentHashed := parseDigest(d.Content)
	flags := 0
	for _, f := range []struct {
		flag int
		set  bool
	}{
		{infoModTime, !d.ModTime.Equal(d.Date)},
		{infoBytes, d.Bytes != length},
		{infoVersion, !hashed},
		{infoContent, !contentHashed},
		{infoWarnings, len(d.Warnings) > 0},
		{infoLabels, len(d.Labels) > 0},
	} {
		if f.set {
			flags |= f.flag
		}
	}
	media, language := slices.Index(mediaTypes, d.MediaType)+1, slices.Index(languages, d.Language)
	if language < 0 {
		language = len(languages)
	}
	var texts pool
	b := make([]byte, 0, 128)
	b = putUint(b, flags)
	b = putUint(b, media*(len(languages)+1)+language)
	if media == 0 {
		b = texts.put(b, d.MediaType)
	}
	if language == len(languages) {
		b = texts.put(b, d.Language)
	}
	if hashed {
		b = append(b, version[:]...)
	} else {
		b = texts.put(b, d.Version)
	}
	if contentHashed {
		b = append(b, content[:]...)
	} else {
		b = texts.put(b, d.Content)
	}
	b = putInt(b, int(d.Size))
	if flags&infoBytes != 0 {
		b = putInt(b, d.Bytes)
	}
	b = putLater(b, d.IndexedAt, d.Date)
	if flags&infoModTime != 0 {
		b = putLater(b, d.ModTime, d.Date)
	}
	b = texts.put(b, d.Title)
	if flags&infoWarnings != 0 {
		b = putUint(b, len(d.Warnings))
		for _, w := range d.Warnings {
			b = texts.put(b, w)
		}
	}
	if flags&infoLabels != 0 {
		b = putUint(b, len(d.Labels))
		for _, k := range slices.Sorted(maps.Keys(d.Labels)) {
			b = texts.put(texts.put(b, k), d.Labels[k])
		}
	}
	return texts.appendTo(b, words)
}

// decodeInfo decodes a record of any format into d, which has what columns of
// their own say, the date too. root is the root's URI, as in appendURI.
func decodeInfo(b []byte, d *store.DocumentInfo, length int, root string, words wordsOf) error {
	coded, ok := bytes.CutPrefix(b, []byte(infoForm))
	if !ok {
		return decodeEarlierInfo(b, d)
	}
	r := record{b: coded}
	d.URI = r.uri(root, d.Path)
	flags := r.uint()
	kind := r.uint()
	media, language := kind/(len(languages)+1), kind%(len(languages)+1)
	// The strings come last.
	var texts pooled
	var fields []*string
	field := func(s *string) {
		texts.length(&r)
		fields = append(fields, s)
	}
	switch {
	case media == 0:
		field(&d.MediaType)
	case media <= len(mediaTypes):
		d.MediaType = mediaTypes[media-1]
	default:
		r.fail()
	}
	if language < len(languages) {
		d.Language = languages[language]
	} else {
		field(&d.Language)
	}
	if flags&infoVersion == 0 {
		d.Version = hex.EncodeToString(r.bytes(16))
	} else {
		field(&d.Version)
	}
	if flags&infoContent == 0 {
		d.Content = hex.EncodeToString(r.bytes(16))
	} else {
		field(&d.Content)
	}
	d.Size, d.Bytes = int64(r.int()), length
	if flags&infoBytes != 0 {
		d.Bytes = r.int()
	}
	d.IndexedAt, d.ModTime = r.later(d.Date), d.Date
	if flags&infoModTime != 0 {
		d.ModTime = r.later(d.Date)
	}
	field(&d.Title)
	if flags&infoWarnings != 0 {
		d.Warnings = make([]string, r.count())
		for i := range d.Warnings {
			field(&d.Warnings[i])
		}
	}
	labels := 0
	if flags&infoLabels != 0 {
		labels = r.count()
		for range 2 * labels {
			texts.length(&r)
		}
	}
	texts.open(&r, words)
	for _, s := range fields {
		*s = texts.next()
	}
	if labels > 0 {
		d.Labels = make(map[string]string, labels)
		for range labels {
			k := texts.next()
			d.Labels[k] = texts.next()
		}
	}
	return r.err
}

// putLater codes an instant by its distance to another.
func putLater(b []byte, t, from time.Time) []byte {
	return binary.LittleEndian.AppendUint32(putInt(b, int(t.Unix()-from.Unix())), uint32(t.Nanosecond()))
}

func (r *record) later(from time.Time) time.Time {
	seconds := from.Unix() + int64(r.int())
	nanos := r.bytes(4)
	if nanos == nil {
		return time.Time{}
	}
	return time.Unix(seconds, int64(binary.LittleEndian.Uint32(nanos))).UTC()
}

// How a record holds a URI.
const (
	uriOfPath = iota // the root's, and the path behind it
	uriWhole
	uriNear // the root's, some bytes of the path, and the rest
)

// appendURI codes a URI behind infoForm. root is what the URI of each document of
// the root begins with, or "", when it is not known.
func appendURI(b []byte, uri, root, path string) []byte {
	rest, ok := strings.CutPrefix(uri, root)
	if !ok || root == "" {
		return putString(append(b, uriWhole), uri)
	}
	path = escapedPath(path)
	if rest == path {
		return append(b, uriOfPath)
	}
	n := 0
	for n < min(len(path), len(rest)) && path[n] == rest[n] {
		n++
	}
	return putString(putUint(append(b, uriNear), n), rest[n:])
}

// uri decodes what appendURI coded.
func (r *record) uri(root, path string) string {
	switch kind := r.bytes(1); {
	case kind == nil:
	case kind[0] == uriOfPath:
		return root + escapedPath(path)
	case kind[0] == uriWhole:
		return r.string()
	case kind[0] == uriNear:
		path = escapedPath(path)
		if n := r.uint(); n <= len(path) {
			return root + path[:n] + r.string()
		}
	}
	r.fail()
	return ""
}

// needsRoot says whether the URI of a record was coded by that of its root.
func needsRoot(b []byte) bool {
	coded, ok := bytes.CutPrefix(b, []byte(infoForm))
	return ok && len(coded) > 0 && coded[0] != uriWhole
}

// escapedPath is how a path stands in a file URI. Stored records lean on it, so that
// it stays as it is even where URIs of new documents are made otherwise.
func escapedPath(path string) string {
	const reserved = `%?#"<>`
	clear := true
	for i := 0; i < len(path) && clear; i++ {
		clear = path[i] > ' ' && path[i] != 0x7f && strings.IndexByte(reserved, path[i]) < 0
	}
	if clear {
		return path
	}
	b := make([]byte, 0, len(path)+16)
	for i := range len(path) {
		if c := path[i]; c <= ' ' || c == 0x7f || strings.IndexByte(reserved, c) >= 0 {
			b = fmt.Appendf(b, "%%%02X", c)
		} else {
			b = append(b, c)
		}
	}
	return string(b)
}

// pool gathers strings of a record, which are coded together behind it.
type pool struct{ text []byte }

// put appends the length of a string to the record.
func (p *pool) put(b []byte, s string) []byte {
	p.text = append(p.text, s...)
	return putUint(b, len(s))
}

// appendTo appends all strings: the number of a vocabulary, the length of the code,
// and the code, or 0 and the strings where that is shorter.
func (p *pool) appendTo(b []byte, words *vocabulary) []byte {
	if len(p.text) == 0 {
		return b
	}
	if words != nil {
		coded := words.encode(make([]byte, 0, len(p.text)), string(p.text))
		head := putUint(putUint(nil, int(words.id)), len(coded))
		if len(head)+len(coded) <= len(p.text) {
			return append(append(b, head...), coded...)
		}
	}
	return append(append(b, 0), p.text...)
}

// wordsOf finds a vocabulary.
type wordsOf func(id int64) (*vocabulary, error)

// pooled is a pool that is read.
type pooled struct {
	lengths []int
	size    int
	text    string
}

// length reads the length of a string that pool.put has written.
func (p *pooled) length(r *record) { p.add(r, r.uint()) }

func (p *pooled) add(r *record, n int) {
	// A byte of code stands for eight symbols at most.
	if n > 8*maxSymbol*len(r.b) {
		r.fail()
		n = 0
	}
	p.lengths = append(p.lengths, n)
	p.size += n
}

// open reads the strings. All lengths have been read.
func (p *pooled) open(r *record, words wordsOf) {
	if p.size == 0 || r.err != nil {
		p.lengths = nil
		return
	}
	var text []byte
	if id := r.uint(); id == 0 {
		text = r.bytes(p.size)
	} else {
		coded := r.bytes(r.uint())
		if r.err == nil && p.size > 8*maxSymbol*len(coded) {
			r.fail()
		}
		if r.err == nil {
			v, err := words(int64(id))
			if err == nil {
				text, err = v.decode(coded, p.size)
			}
			r.err = err
		}
	}
	if r.err != nil {
		p.lengths = nil
		return
	}
	p.text = string(text)
}

// next returns the next string, "" behind the last one.
func (p *pooled) next() string {
	if len(p.lengths) == 0 {
		return ""
	}
	n := p.lengths[0]
	s := p.text[:n]
	p.lengths, p.text = p.lengths[1:], p.text[n:]
	return s
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

// A point begins with a byte that says what follows from the point before: two
// bits each for its section, the gap to the end of the point before, and the
// difference of lines. Every pointsApart points nothing follows from the point
// before, so that a point is found without all others.
const (
	pointsApart = 8

	sectionNone  = 0 // there is none
	sectionSame  = 1
	sectionNext  = 2
	sectionGiven = 3

	given = 3 // for gaps and lines: not 0, 1 or 2

	hasMore = 1 << 6 // fields that differ from the document's or are rare
)

// pointsForm begins coded points; those of earlier formats begin with their number.
const pointsForm = 0

// encodePoints codes the points of a document without their vectors and texts:
// the section paths they use, offsets of points, and the points. words may be nil.
func encodePoints(d *store.Document, words *vocabulary) []byte {
	var sections, points, offsets []byte
	var texts pool
	var last []string // section that was coded last
	var before pointBefore
	numbers := map[string]int{}
	for i := range d.Points {
		p := &d.Points[i]
		pay := &p.Payload
		if i%pointsApart == 0 {
			before = pointBefore{section: -1}
			if i > 0 {
				offsets = binary.LittleEndian.AppendUint32(offsets, uint32(len(points)))
			}
		}
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
		section, number := sectionNone, 0
		if len(pay.Section) > 0 {
			key := string(putStrings(nil, pay.Section))
			n, ok := numbers[key]
			if !ok {
				n = len(numbers)
				numbers[key] = n
				sections = putSection(sections, &texts, pay.Section, last, d.Title)
				last = pay.Section
			}
			switch number = n; n - before.section {
			case 0:
				section = sectionSame
			case 1:
				section = sectionNext
			default:
				section = sectionGiven
			}
			before.section = n
		}
		gap, line := pay.Start-before.end, pay.Line-before.line
		before.end, before.line = pay.End, pay.Line
		head := section | near(gap)<<2 | near(line)<<4
		if flags != 0 {
			head |= hasMore
		}
		b := append(points, byte(head))
		if section == sectionGiven {
			b = putUint(b, number)
		}
		if near(gap) == given {
			b = putInt(b, gap)
		}
		b = putUint(b, pay.End-pay.Start)
		if near(line) == given {
			b = putInt(b, line)
		}
		if flags != 0 {
			b = putUint(b, flags)
		}
		if hexDigest {
			b = append(b, digest[:]...)
		}
		points = appendRare(b, flags, p)
	}
	out := putUint([]byte{pointsForm}, len(d.Points))
	out = putUint(out, len(numbers))
	out = texts.appendTo(append(out, sections...), words)
	return append(append(out, offsets...), points...)
}

// pointBefore is what the next point builds upon.
type pointBefore struct{ section, end, line int }

func near(n int) int {
	if n < 0 || n >= given {
		return given
	}
	return n
}

// putSection codes a section path: how many of its parts it shares with the one
// coded before, how many follow, and for each of these 0 for the title, else its
// length and one.
func putSection(b []byte, texts *pool, section, last []string, title string) []byte {
	n := 0
	for n < min(len(section), len(last)) && section[n] == last[n] {
		n++
	}
	b = putUint(putUint(b, n), len(section)-n)
	for _, part := range section[n:] {
		if part == title {
			b = putUint(b, 0)
			continue
		}
		texts.text = append(texts.text, part...)
		b = putUint(b, len(part)+1)
	}
	return b
}

// appendRare appends the fields that flags name.
func appendRare(b []byte, flags int, p *store.Point) []byte {
	pay := &p.Payload
	if flags&hasID != 0 {
		b = putString(b, p.ID)
	}
	if flags&hasDigest != 0 {
		b = putString(b, p.Digest)
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
	if flags&hasPage != 0 {
		b = putInt(b, pay.Page)
	}
	if flags&hasPageBreaks != 0 {
		b = putUint(b, len(pay.PageBreaks))
		for _, at := range pay.PageBreaks {
			b = putInt(b, at-pay.Start)
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
			b = putInt(putInt(putInt(b, c.Offset-pay.Start), int(c.Span.From)), int(c.Span.To))
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
	return b
}

// points are the coded points of one document.
type points struct {
	doc      *store.DocumentInfo
	sections [][]string
	offsets  []byte // of every point in earlier formats, else of each pointsApart points but the first
	coded    []byte
	n        int
	earlier  bool
}

// decodePoints decodes points of any format.
func decodePoints(b []byte, doc *store.DocumentInfo, words wordsOf) (*points, error) {
	p := &points{doc: doc}
	if len(b) == 0 || b[0] != pointsForm {
		return p, p.decodeEarlier(b)
	}
	r := record{b: b[1:]}
	p.n = r.count()
	p.sections = make([][]string, r.count())
	var texts pooled
	var shape []int // of each section: parts shared, parts that follow, and what stands for each of them
	for range p.sections {
		shared, fresh := r.uint(), r.count()
		shape = append(shape, shared, fresh)
		for range fresh {
			n := r.uint()
			if shape = append(shape, n); n > 0 {
				texts.add(&r, n-1)
			}
		}
	}
	texts.open(&r, words)
	var last []string
	for i := range p.sections {
		if r.err != nil {
			break
		}
		shared, fresh := shape[0], shape[1]
		if shared > len(last) {
			r.fail()
			break
		}
		section := append(make([]string, 0, shared+fresh), last[:shared]...)
		for _, n := range shape[2 : 2+fresh] {
			part := doc.Title
			if n > 0 {
				part = texts.next()
			}
			section = append(section, part)
		}
		shape = shape[2+fresh:]
		p.sections[i], last = section, section
	}
	p.offsets = r.bytes(4 * (max(0, p.n-1) / pointsApart))
	p.coded = r.b
	return p, r.err
}

// at decodes one point without its vectors and text.
func (p *points) at(i int) (out store.Point, err error) {
	if i < 0 || i >= p.n {
		return out, errRecord
	}
	if p.earlier {
		return p.atEarlier(i)
	}
	offset := uint32(0)
	if k := i / pointsApart; k > 0 {
		offset = binary.LittleEndian.Uint32(p.offsets[4*(k-1):])
	}
	if int(offset) > len(p.coded) {
		return out, errRecord
	}
	r := record{b: p.coded[offset:]}
	before := pointBefore{section: -1}
	for range i % pointsApart {
		r.point(&before, nil)
	}
	d := p.doc
	out.Payload = store.Payload{
		DocumentID: d.ID, Version: d.Version, Ordinal: i, Title: d.Title, URI: d.URI, Path: d.Path, Root: d.Root,
		MediaType: d.MediaType, Language: d.Language, Date: d.Date, Labels: d.Labels,
	}
	if section := r.point(&before, &out); section {
		if before.section < 0 || before.section >= len(p.sections) {
			return out, errRecord
		}
		out.Payload.Section = slices.Clone(p.sections[before.section])
	}
	if out.ID == "" {
		out.ID = store.PointID(d.ID, d.Version, i)
	}
	return out, r.err
}

// point decodes the next point into out, or skips it if that is nil, and says
// whether it has a section.
func (r *record) point(before *pointBefore, out *store.Point) (section bool) {
	head := r.bytes(1)
	if head == nil {
		return false
	}
	h := int(head[0])
	switch h & 3 {
	case sectionNext:
		before.section++
	case sectionGiven:
		before.section = r.uint()
	}
	gap := h >> 2 & 3
	if gap == given {
		gap = r.int()
	}
	start := before.end + gap
	end := start + r.uint()
	line := h >> 4 & 3
	if line == given {
		line = r.int()
	}
	before.end, before.line = end, before.line+line
	if start < 0 || end < start {
		r.fail()
		return false
	}
	flags := 0
	if h&hasMore != 0 {
		flags = r.uint()
	}
	if out == nil {
		if flags&hasDigest == 0 {
			r.bytes(16)
		}
		if flags != 0 {
			r.rare(flags, &store.Point{})
		}
		return false
	}
	out.Payload.Start, out.Payload.End, out.Payload.Line = start, end, before.line
	if flags&hasDigest == 0 {
		out.Digest = hex.EncodeToString(r.bytes(16))
	}
	r.rare(flags, out)
	return h&3 != sectionNone
}

// rare decodes what appendRare coded.
func (r *record) rare(flags int, p *store.Point) {
	if flags&hasID != 0 {
		p.ID = r.string()
	}
	if flags&hasDigest != 0 {
		p.Digest = r.string()
	}
	r.described(flags, &p.Payload)
	r.placed(flags, &p.Payload, p.Payload.Start)
}

// described decodes what a point says otherwise than its document.
func (r *record) described(flags int, pay *store.Payload) {
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
}

// placed decodes where a point is besides its range, whose start is known; page
// breaks and cues are counted from an offset.
func (r *record) placed(flags int, pay *store.Payload, from int) {
	if flags&hasPage != 0 {
		pay.Page = r.int()
	}
	if flags&hasPageBreaks != 0 {
		pay.PageBreaks = make([]int, r.count())
		for j := range pay.PageBreaks {
			pay.PageBreaks[j] = from + r.int()
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
			pay.Cues[j] = store.Cue{Offset: from + r.int(), Span: store.Span{From: time.Duration(r.int()), To: time.Duration(r.int())}}
		}
	}
	if flags&hasBoxes != 0 {
		pay.Boxes = make([]store.Box, r.count())
		for j := range pay.Boxes {
			pay.Boxes[j] = store.Box{Offset: pay.Start + r.int(), Page: r.int(), Left: r.int(), Top: r.int(), Width: r.int(), Height: r.int()}
		}
	}
}

// rowSeal is what a document's checksum covers of its row besides the record.
func rowSeal(key, root int64, id, path string, chunks, length int) []byte {
	b := putUint(putUint(nil, int(key)), int(root))
	b = putString(putString(b, id), path)
	return putUint(putUint(b, chunks), length)
}

// fullSeal is rowSeal for records since format 5, which lean on the date and,
// perhaps, on the root's URI.
func fullSeal(seal, date []byte, uri string) []byte {
	return append(append(seal, date...), uri...)
}
