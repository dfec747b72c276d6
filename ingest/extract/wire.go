package extract

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/store"
)

// The form of requests and replies between [Pool] and its children: numbers as
// varints, strings and lists with their length before them. Neither side trusts
// the other's lengths.

type encoder struct{ b []byte }

func (e *encoder) int(v int)    { e.b = binary.AppendVarint(e.b, int64(v)) }
func (e *encoder) str(s string) { e.b = append(binary.AppendUvarint(e.b, uint64(len(s))), s...) }
func (e *encoder) strs(s []string) {
	e.int(len(s))
	for _, v := range s {
		e.str(v)
	}
}

func (e *encoder) time(t time.Time) {
	if t.IsZero() {
		e.str("")
		return
	}
	text, err := t.MarshalText()
	if err != nil {
		text = nil // a year beyond 9999 is no date
	}
	e.str(string(text))
}

type decoder struct {
	b   []byte
	err error
}

var errWire = errors.New("malformed reply")

func (d *decoder) fail() { d.b, d.err = nil, errWire }

func (d *decoder) int() int {
	v, n := binary.Varint(d.b)
	if n <= 0 || v > math.MaxInt || v < math.MinInt {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return int(v)
}

func (d *decoder) str() string {
	v, n := binary.Uvarint(d.b)
	if n <= 0 || v > uint64(len(d.b)-n) {
		d.fail()
		return ""
	}
	s := string(d.b[n : n+int(v)])
	d.b = d.b[n+int(v):]
	return s
}

// count is the length of a list whose elements take at least size bytes each.
func (d *decoder) count(size int) int {
	n := d.int()
	if n < 0 || n > len(d.b)/size {
		d.fail()
		return 0
	}
	return n
}

func (d *decoder) strs() []string {
	n := d.count(1)
	if n == 0 {
		return nil
	}
	out := make([]string, n)
	for i := range out {
		out[i] = d.str()
	}
	return out
}

func (d *decoder) time() time.Time {
	s := d.str()
	var t time.Time
	if s != "" {
		if err := t.UnmarshalText([]byte(s)); err != nil {
			d.fail()
		}
	}
	return t
}

func encodeRequest(in ingest.Input) []byte {
	e := encoder{b: make([]byte, 0, len(in.Data)+len(in.Name)+16)}
	e.str(in.Name)
	e.b = append(e.b, in.Data...)
	return e.b
}

func decodeRequest(b []byte) (ingest.Input, error) {
	d := decoder{b: b}
	name := d.str()
	return ingest.Input{Name: name, Data: d.b}, d.err
}

// failures are the errors that keep their identity across the wire, by position.
var failures = []error{
	ingest.ErrUnsupported, ingest.ErrEncrypted, ingest.ErrNoText, ingest.ErrDamaged, ingest.ErrTooLarge, ingest.ErrTimeout,
	context.DeadlineExceeded, context.Canceled,
}

// failure is an error that came over the wire.
type failure struct {
	text string
	kind error
}

func (f *failure) Error() string { return f.text }
func (f *failure) Unwrap() error { return f.kind }

func encodeReply(docs []ingest.Document, err error) []byte {
	var e encoder
	if err != nil {
		kind := len(failures)
		for i, f := range failures {
			if errors.Is(err, f) {
				kind = i
				break
			}
		}
		e.int(1)
		e.int(kind)
		e.str(oneLine(err.Error()))
		return e.b
	}
	size := 64
	for i := range docs {
		size += len(docs[i].Text) + len(docs[i].Recording) + len(docs[i].Picture) + 16*len(docs[i].Blocks) + 256
	}
	e.b = make([]byte, 0, size)
	e.int(0)
	e.int(len(docs))
	for i := range docs {
		e.document(&docs[i])
	}
	return e.b
}

func decodeReply(b []byte) ([]ingest.Document, error) {
	d := decoder{b: b}
	switch d.int() {
	case 0:
	case 1:
		kind, text := d.int(), d.str()
		if d.err != nil {
			return nil, d.err
		}
		if kind >= 0 && kind < len(failures) {
			return nil, &failure{text, failures[kind]}
		}
		return nil, errors.New(text)
	default:
		return nil, errWire
	}
	n := d.count(10)
	docs := make([]ingest.Document, 0, n)
	for range n {
		docs = append(docs, d.document())
		if d.err != nil {
			return nil, d.err
		}
	}
	if len(d.b) > 0 || d.err != nil {
		return nil, errWire
	}
	return docs, nil
}

func (e *encoder) document(d *ingest.Document) {
	e.str(d.Member)
	e.str(d.Title)
	e.str(d.MediaType)
	e.time(d.Date)
	keys := slices.Sorted(maps.Keys(d.Labels))
	e.int(len(keys))
	for _, k := range keys {
		e.str(k)
		e.str(d.Labels[k])
	}
	e.str(d.Text)
	e.strs(d.Warnings)
	e.str(string(d.Recording))
	e.str(string(d.Picture))
	e.int(len(d.Scans))
	for _, n := range d.Scans {
		e.int(n)
	}
	e.int(len(d.Pages))
	for _, m := range d.Pages {
		e.int(m.Offset)
		e.int(m.Number)
	}
	e.int(len(d.Times))
	for _, m := range d.Times {
		e.int(m.Offset)
		e.int(int(m.Span.From))
		e.int(int(m.Span.To))
	}
	e.int(len(d.Blocks))
	var section []string
	for i := range d.Blocks {
		b := &d.Blocks[i]
		e.int(int(b.Kind))
		e.int(b.Start)
		e.int(b.End)
		e.int(b.Level)
		// Neighbours mostly share their section; it is sent when it changes.
		if i > 0 && slices.Equal(section, b.Section) {
			e.int(0)
		} else {
			e.int(1)
			e.strs(b.Section)
			section = b.Section
		}
		e.int(b.Body)
		e.int(len(b.Numbers))
		if len(b.Numbers) > 0 {
			e.int(b.Columns[0])
			e.int(b.Columns[1])
		}
		last := 0
		for _, n := range b.Numbers {
			e.int(n - last)
			last = n
		}
		e.int(len(b.Rows))
		for _, r := range b.Rows {
			e.int(r.Start)
			e.int(r.End)
		}
	}
}

func (d *decoder) document() ingest.Document {
	doc := ingest.Document{Member: d.str(), Title: d.str(), MediaType: d.str(), Date: d.time()}
	if n := d.count(2); n > 0 {
		doc.Labels = make(map[string]string, n)
		for range n {
			k := d.str()
			doc.Labels[k] = d.str()
		}
	}
	doc.Text = d.str()
	doc.Warnings = d.strs()
	if s := d.str(); s != "" {
		doc.Recording = []byte(s)
	}
	if s := d.str(); s != "" {
		doc.Picture = []byte(s)
	}
	if n := d.count(1); n > 0 {
		doc.Scans = make([]int, n)
		for i := range doc.Scans {
			doc.Scans[i] = d.int()
		}
	}
	if n := d.count(2); n > 0 {
		doc.Pages = make([]ingest.Mark, n)
		for i := range doc.Pages {
			doc.Pages[i] = ingest.Mark{Offset: d.int(), Number: d.int()}
		}
	}
	if n := d.count(3); n > 0 {
		doc.Times = make([]ingest.TimeMark, n)
		for i := range doc.Times {
			doc.Times[i].Offset = d.int()
			doc.Times[i].Span = store.Span{From: time.Duration(d.int()), To: time.Duration(d.int())}
		}
	}
	if n := d.count(8); n > 0 {
		doc.Blocks = make([]ingest.Block, n)
		var section []string
		for i := range doc.Blocks {
			b := &doc.Blocks[i]
			b.Kind, b.Start, b.End, b.Level = ingest.BlockKind(d.int()), d.int(), d.int(), d.int()
			if d.int() == 1 {
				section = d.strs()
			}
			b.Section = section
			b.Body = d.int()
			if k := d.count(1); k > 0 {
				b.Columns = [2]int{d.int(), d.int()}
				b.Numbers = make([]int, k)
				last := 0
				for r := range b.Numbers {
					last += d.int()
					b.Numbers[r] = last
				}
			}
			if k := d.count(2); k > 0 {
				b.Rows = make([]ingest.Range, k)
				for r := range b.Rows {
					b.Rows[r] = ingest.Range{Start: d.int(), End: d.int()}
				}
			}
		}
	}
	if d.err == nil {
		if err := checkDocument(&doc); err != nil {
			d.err = fmt.Errorf("%w: %w", errWire, err)
		}
	}
	return doc
}

// checkDocument reports what in a document breaks the contract of
// [ingest.Document]: ranges outside the text, out of order or overlapping.
func checkDocument(doc *ingest.Document) error {
	end := 0
	for i, b := range doc.Blocks {
		if b.Start < end || b.End <= b.Start || b.End > len(doc.Text) {
			return fmt.Errorf("block %d at [%d, %d) after %d in a text of %d bytes", i, b.Start, b.End, end, len(doc.Text))
		}
		end = b.End
		at := b.Start
		for _, r := range b.Rows {
			if r.Start < at || r.End < r.Start || r.End > b.End {
				return fmt.Errorf("row [%d, %d) of block %d at [%d, %d)", r.Start, r.End, i, b.Start, b.End)
			}
			at = r.End
		}
		if b.Body < 0 || b.Body > len(b.Rows) {
			return fmt.Errorf("body %d of block %d with %d rows", b.Body, i, len(b.Rows))
		}
	}
	at := 0
	for i, m := range doc.Pages {
		if m.Offset < at || m.Offset > len(doc.Text) {
			return fmt.Errorf("page %d at %d after %d", i, m.Offset, at)
		}
		at = m.Offset
	}
	at = 0
	for _, n := range doc.Scans {
		if n <= at {
			return fmt.Errorf("page %d after %d", n, at)
		}
		at = n
	}
	at = 0
	for i, m := range doc.Times {
		if m.Offset < at || m.Offset > len(doc.Text) {
			return fmt.Errorf("time %d at %d after %d", i, m.Offset, at)
		}
		at = m.Offset
	}
	return nil
}
