package qdrantstore

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/qdrant/go-client/qdrant"

	"github.com/lore-kb/lore/store"
)

// Keys of payloads. Those that filters, orders or facets use are indexed, see
// indexesOf; the rest is read back as it is.
const (
	keyKind       = "kind" // of a record
	keyDocument   = "document_id"
	keyVersion    = "version"
	keyRevision   = "revision" // document and version in one
	keyRoot       = "root"
	keyPath       = "path"
	keyPaths      = "paths" // every prefix of the path that a filter may name
	keyMediaType  = "media_type"
	keyMediaMajor = "media_major" // "text/" of "text/html"
	keyLanguage   = "language"
	keyLabels     = "labels"
	keyPairs      = "label_pairs" // key=value
	keyDate       = "date"
	keyOrder      = "document_order" // number that sorts as the document's ID does
	keyTitle      = "title"
	keyURI        = "uri"

	keyOrdinal    = "ordinal"
	keyDigest     = "digest"
	keySection    = "section"
	keyPage       = "page"
	keyPageBreaks = "page_breaks"
	keyLine       = "line"
	keyStart      = "start"
	keyEnd        = "end"
	keyTimeFrom   = "time_from"
	keyTimeTo     = "time_to"
	keyCues       = "cues"
	keyBoxes      = "boxes"
	keyText       = "text"
	keyContext    = "context"
	keyDetail     = "detail"       // base64 of what is kept beside the dense vector
	keyDetailSize = "detail_bytes" // of them, decoded; missing as 0

	keyContent    = "content"
	keySize       = "size"
	keyModTime    = "mod_time"
	keyIndexedAt  = "indexed_at"
	keyStatus     = "status"
	keyReason     = "reason"
	keyWarnings   = "warnings"
	keyBytes      = "bytes"
	keyChunks     = "chunks"
	keyParts      = "text_parts"
	keyPart       = "part"
	keyCommitted  = "committed_at" // nanoseconds
	keyData       = "data"         // JSON of a record that is not a document's
	keyGeneration = "generation"
)

// escaped marks a string that had to be encoded: payloads hold valid UTF-8 only.
const escaped = "\x00b64:"

func encode(s string) string {
	if utf8.ValidString(s) && !strings.HasPrefix(s, "\x00") {
		return s
	}
	return escaped + base64.StdEncoding.EncodeToString([]byte(s))
}

func decode(s string) string {
	rest, ok := strings.CutPrefix(s, escaped)
	if !ok {
		return s
	}
	b, err := base64.StdEncoding.DecodeString(rest)
	if err != nil {
		return s
	}
	return string(b)
}

// fields builds a payload; empty values are left out.
type fields map[string]*qdrant.Value

func (f fields) string(key, value string) {
	if value != "" {
		f[key] = stringValue(value)
	}
}

// keyword writes the value even when it is empty, so that a filter finds it.
func (f fields) keyword(key, value string) { f[key] = stringValue(value) }

func (f fields) strings(key string, values []string) {
	if len(values) == 0 {
		return
	}
	list := &qdrant.ListValue{Values: make([]*qdrant.Value, len(values))}
	for i, v := range values {
		list.Values[i] = stringValue(v)
	}
	f[key] = &qdrant.Value{Kind: &qdrant.Value_ListValue{ListValue: list}}
}

func (f fields) int(key string, value int64) {
	if value != 0 {
		f[key] = intValue(value)
	}
}

func (f fields) ints(key string, values []int) {
	if len(values) == 0 {
		return
	}
	list := &qdrant.ListValue{Values: make([]*qdrant.Value, len(values))}
	for i, v := range values {
		list.Values[i] = intValue(int64(v))
	}
	f[key] = &qdrant.Value{Kind: &qdrant.Value_ListValue{ListValue: list}}
}

func (f fields) time(key string, t time.Time) {
	if !t.IsZero() {
		f[key] = stringValue(t.UTC().Format(time.RFC3339Nano))
	}
}

func (f fields) labels(labels map[string]string) {
	if len(labels) == 0 {
		return
	}
	keys := slices.Sorted(maps.Keys(labels))
	flat := make([]string, 0, 2*len(keys))
	pairs := make([]string, 0, len(keys))
	for _, k := range keys {
		flat = append(flat, k, labels[k])
		pairs = append(pairs, labelPair(k, labels[k]))
	}
	f.strings(keyLabels, flat)
	f.strings(keyPairs, pairs)
}

func stringValue(s string) *qdrant.Value {
	return &qdrant.Value{Kind: &qdrant.Value_StringValue{StringValue: encode(s)}}
}

func intValue(n int64) *qdrant.Value {
	return &qdrant.Value{Kind: &qdrant.Value_IntegerValue{IntegerValue: n}}
}

// payload reads what fields has written; a key that is missing is a zero value.
type payload map[string]*qdrant.Value

func (p payload) string(key string) string { return decode(p[key].GetStringValue()) }

func (p payload) int(key string) int64 {
	if v, ok := p[key].GetKind().(*qdrant.Value_DoubleValue); ok { // a server may hand back a whole number so
		return int64(v.DoubleValue)
	}
	return p[key].GetIntegerValue()
}

func (p payload) strings(key string) []string {
	var out []string
	for _, v := range p[key].GetListValue().GetValues() {
		out = append(out, decode(v.GetStringValue()))
	}
	return out
}

func (p payload) ints(key string) []int {
	var out []int
	for _, v := range p[key].GetListValue().GetValues() {
		out = append(out, int(v.GetIntegerValue()))
	}
	return out
}

func (p payload) time(key string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, p[key].GetStringValue())
	if err != nil {
		return time.Time{}
	}
	return t
}

func (p payload) labels() map[string]string {
	flat := p.strings(keyLabels)
	if len(flat) == 0 {
		return nil
	}
	out := make(map[string]string, len(flat)/2)
	for i := 0; i+1 < len(flat); i += 2 {
		out[flat[i]] = flat[i+1]
	}
	return out
}

// revision names a version of a document.
func revision(documentID, version string) string { return documentID + "@" + version }

// labelPair is a label as a keyword; no two labels have the same.
func labelPair(key, value string) string {
	return strings.NewReplacer("%", "%25", "=", "%3D").Replace(key) + "=" + value
}

// pathPrefixes returns every prefix that selects path as store.MatchPath says,
// without a final slash.
func pathPrefixes(path string) []string {
	var out []string
	for i := range len(path) {
		if path[i] == '/' || strings.HasPrefix(path[i:], "!/") {
			out = append(out, path[:i])
		}
	}
	return append(out, path)
}

func mediaMajor(mediaType string) string {
	if i := strings.IndexByte(mediaType, '/'); i >= 0 {
		return mediaType[:i+1]
	}
	return ""
}

// documentOrder returns the first 63 bits of a UUID as a number.
func documentOrder(id string) int64 {
	var n uint64
	b, err := hex.DecodeString(strings.ReplaceAll(id, "-", ""))
	if err != nil || len(b) < 8 {
		b = append([]byte(id), make([]byte, 8)...)
	}
	for _, x := range b[:8] {
		n = n<<8 | uint64(x)
	}
	return int64(n >> 1)
}

// common writes what points and documents are filtered by.
func (f fields) common(id, version, root, path, mediaType, language string, date time.Time, labels map[string]string) {
	f.keyword(keyDocument, id)
	f.keyword(keyVersion, version)
	f.keyword(keyRevision, revision(id, version))
	f.keyword(keyRoot, root)
	f.keyword(keyPath, path)
	f.strings(keyPaths, pathPrefixes(path))
	f.keyword(keyMediaType, mediaType)
	f.keyword(keyMediaMajor, mediaMajor(mediaType))
	f.keyword(keyLanguage, language)
	f[keyDate] = stringValue(date.UTC().Format(time.RFC3339Nano)) // written even when zero: orders leave out what lacks it
	f[keyOrder] = intValue(documentOrder(id))
	f.labels(labels)
}

// pointPayload is the payload of a chunk.
func pointPayload(p *store.Point) map[string]*qdrant.Value {
	f, in := fields{}, &p.Payload
	f.common(in.DocumentID, in.Version, in.Root, in.Path, in.MediaType, in.Language, in.Date, in.Labels)
	f.keyword(keyDigest, p.Digest)
	f[keyOrdinal] = intValue(int64(in.Ordinal))
	f.string(keyTitle, in.Title)
	f.string(keyURI, in.URI)
	f.strings(keySection, in.Section)
	f.int(keyPage, int64(in.Page))
	f.ints(keyPageBreaks, in.PageBreaks)
	f.int(keyLine, int64(in.Line))
	f.int(keyStart, int64(in.Start))
	f.int(keyEnd, int64(in.End))
	f.int(keyTimeFrom, int64(in.Time.From))
	f.int(keyTimeTo, int64(in.Time.To))
	f.ints(keyCues, cueNumbers(in.Cues))
	f.ints(keyBoxes, boxNumbers(in.Boxes))
	f.string(keyText, in.Text)
	f.string(keyContext, in.Context)
	return f
}

// pointOf reads a chunk without its vectors.
func pointOf(id *qdrant.PointId, values map[string]*qdrant.Value) store.Point {
	p := payload(values)
	return store.Point{ID: id.GetUuid(), Digest: p.string(keyDigest), Payload: store.Payload{
		DocumentID: p.string(keyDocument), Version: p.string(keyVersion), Ordinal: int(p.int(keyOrdinal)),
		Title: p.string(keyTitle), URI: p.string(keyURI), Path: p.string(keyPath), Root: p.string(keyRoot),
		MediaType: p.string(keyMediaType), Language: p.string(keyLanguage), Section: p.strings(keySection),
		Page: int(p.int(keyPage)), PageBreaks: p.ints(keyPageBreaks), Line: int(p.int(keyLine)),
		Start: int(p.int(keyStart)), End: int(p.int(keyEnd)),
		Time: store.Span{From: time.Duration(p.int(keyTimeFrom)), To: time.Duration(p.int(keyTimeTo))},
		Cues: cuesOf(p.ints(keyCues)), Boxes: boxesOf(p.ints(keyBoxes)),
		Date: p.time(keyDate), Text: p.string(keyText), Context: p.string(keyContext), Labels: p.labels(),
	}}
}

// withoutDetail asks for a point's payload as pointOf reads it: what is kept beside
// the vector is as large as the text.
var withoutDetail = qdrant.NewWithPayloadExclude(keyDetail)

// detail writes what is kept beside the vector.
func (f fields) detail(b []byte) {
	if len(b) > 0 {
		f[keyDetail] = stringValue(base64.RawStdEncoding.EncodeToString(b))
		f[keyDetailSize] = intValue(int64(len(b)))
	}
}

// detail returns nil where there is none.
func (p payload) detail() ([]byte, error) {
	s := p.string(keyDetail)
	if s == "" {
		return nil, nil
	}
	b, err := base64.RawStdEncoding.DecodeString(s)
	if err != nil || int64(len(b)) != p.int(keyDetailSize) {
		return nil, fmt.Errorf("%w: what a point keeps beside its vector cannot be read; index its document again", store.ErrCorrupt)
	}
	return b, nil
}

// cueNumbers lays cues out as three numbers each: offset, from, to.
func cueNumbers(cues []store.Cue) []int {
	var out []int
	for _, c := range cues {
		out = append(out, c.Offset, int(c.Span.From), int(c.Span.To))
	}
	return out
}

func cuesOf(numbers []int) []store.Cue {
	var out []store.Cue
	for ; len(numbers) >= 3; numbers = numbers[3:] {
		out = append(out, store.Cue{Offset: numbers[0], Span: store.Span{From: time.Duration(numbers[1]), To: time.Duration(numbers[2])}})
	}
	return out
}

// boxNumbers lays boxes out as six numbers each.
func boxNumbers(boxes []store.Box) []int {
	var out []int
	for _, b := range boxes {
		out = append(out, b.Offset, b.Page, b.Left, b.Top, b.Width, b.Height)
	}
	return out
}

func boxesOf(n []int) []store.Box {
	var out []store.Box
	for ; len(n) >= 6; n = n[6:] {
		out = append(out, store.Box{Offset: n[0], Page: n[1], Left: n[2], Top: n[3], Width: n[4], Height: n[5]})
	}
	return out
}

// documentFields is the payload of a document's record, without its text.
func documentFields(d *store.DocumentInfo) fields {
	f := fields{}
	f.common(d.ID, d.Version, d.Root, d.Path, d.MediaType, d.Language, d.Date, d.Labels)
	f.keyword(keyKind, kindDocument)
	f.string(keyTitle, d.Title)
	f.string(keyURI, d.URI)
	f.string(keyContent, d.Content)
	f.int(keySize, d.Size)
	f.time(keyModTime, d.ModTime)
	f.time(keyIndexedAt, d.IndexedAt)
	f.keyword(keyStatus, string(d.Status))
	f.string(keyReason, d.Reason)
	f.strings(keyWarnings, d.Warnings)
	f[keyBytes] = intValue(int64(d.Bytes))
	f[keyChunks] = intValue(int64(d.Chunks))
	return f
}

// documentKeys are what documentOf reads.
var documentKeys = []string{
	keyDocument, keyVersion, keyRoot, keyPath, keyMediaType, keyLanguage, keyDate, keyLabels, keyTitle, keyURI, keyContent,
	keySize, keyModTime, keyIndexedAt, keyStatus, keyReason, keyWarnings, keyBytes, keyChunks,
}

func documentOf(values map[string]*qdrant.Value) store.DocumentInfo {
	p := payload(values)
	return store.DocumentInfo{
		ID: p.string(keyDocument), Root: p.string(keyRoot), Path: p.string(keyPath), URI: p.string(keyURI), Title: p.string(keyTitle),
		MediaType: p.string(keyMediaType), Language: p.string(keyLanguage), Version: p.string(keyVersion), Content: p.string(keyContent),
		Size: p.int(keySize), ModTime: p.time(keyModTime), Date: p.time(keyDate), IndexedAt: p.time(keyIndexedAt),
		Status: store.Status(p.string(keyStatus)), Reason: p.string(keyReason), Warnings: p.strings(keyWarnings), Labels: p.labels(),
		Bytes: int(p.int(keyBytes)), Chunks: int(p.int(keyChunks)),
	}
}

// checkID refuses an identifier that Qdrant cannot hold.
func checkID(what, id string) error {
	if _, err := uuid.Parse(id); err != nil {
		return fmt.Errorf("%s %q is not a UUID", what, id)
	}
	return nil
}
