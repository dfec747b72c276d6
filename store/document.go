package store

import (
	"fmt"
	"time"
)

// Status says whether a document can be found.
type Status string

const (
	StatusOK     Status = "ok"     // indexed in its newest known version
	StatusStale  Status = "stale"  // an older version answers; the newest could not be read
	StatusFailed Status = "failed" // could not be read; no points
)

// DocumentInfo is the record of one document: the ledger's line.
type DocumentInfo struct {
	ID        string // see [DocumentID]
	Root      string // Root.ID it belongs to
	Path      string // slash-separated, relative to the root; unique within it; members of a container follow "!/"
	URI       string // where a person finds it
	Title     string
	MediaType string
	Language  string    // "en", "zh" or "" when neither prevails
	Version   string    // hash of content and of everything that shapes its points
	Content   string    // hash of the bytes alone
	Size      int64     // of the source file, bytes
	ModTime   time.Time // of the source file
	Date      time.Time // the document's own date, else ModTime
	IndexedAt time.Time
	Status    Status
	Reason    string // of failed or stale
	Warnings  []string
	Labels    map[string]string
	Bytes     int // of text
	Chunks    int // points; filled by the store
	Embedded  int // points with a dense vector; filled by the store
}

// Document is a document with all its points, as Put takes it.
type Document struct {
	DocumentInfo
	Text   string // the text that offsets of the points index
	Points []Point
}

// Point is one chunk as it is stored.
type Point struct {
	ID      string // see [PointID]
	Digest  string // hash of the text that is embedded; equal digests share a vector
	Payload Payload
	Sparse  SparseVector
	Dense   Vector // nil: pending
	Detail  []byte // that the embedder keeps beside Dense; see [Store.Details]
}

// Payload is what is known of a point besides its vectors.
type Payload struct {
	DocumentID string
	Version    string
	Ordinal    int // position of the chunk in its document, from 0
	Title      string
	URI        string
	Path       string // DocumentInfo.Path
	Root       string
	MediaType  string
	Language   string   // of the chunk: "en", "zh" or ""
	Section    []string // heading path
	Page       int      // page, slide or sheet at Start, from 1; 0 when there are none
	PageBreaks []int    // document offsets inside (Start, End) at which the next page begins
	Line       int      // line at Start, from 1
	Start, End int      // byte range in the document's text
	Time       Span     // of a recording; zero otherwise
	Cues       []Cue    // of a recording: what was said when, in order; the first may begin before Start
	Boxes      []Box    // of text read from an image: where its words stand, in order of Offset
	Date       time.Time
	Text       string // exactly the document's text in [Start, End)
	Context    string // repeated text that helps to read a cut chunk, such as a table's header row; not in [Start, End)
	Labels     map[string]string
}

// Span is a stretch of a recording.
type Span struct{ From, To time.Duration }

// Cue says that the document's text from Offset on, up to the next cue's, was
// spoken in Span.
type Cue struct {
	Offset int
	Span   Span
}

// Spoken returns when the text [start, end) of a document was spoken. Within a
// cue the time is that of even speech. Without cues it is whole; cues before
// last hold text up to last.
func Spoken(cues []Cue, whole Span, last, start, end int) Span {
	at := func(offset int, end bool) (time.Duration, bool) {
		for i := len(cues) - 1; i >= 0; i-- {
			c := cues[i]
			if c.Offset > offset || end && c.Offset == offset && i > 0 {
				continue
			}
			until := last
			if i+1 < len(cues) {
				until = cues[i+1].Offset
			}
			if until <= c.Offset {
				return c.Span.From, true
			}
			part := float64(min(offset, until)-c.Offset) / float64(until-c.Offset)
			return c.Span.From + time.Duration(part*float64(c.Span.To-c.Span.From)), true
		}
		return 0, false
	}
	from, ok := at(start, false)
	to, _ := at(end, true)
	if !ok || to < from {
		return whole
	}
	return Span{from, to}
}

// PageAt returns the page of a document offset inside the payload's range.
func (p *Payload) PageAt(offset int) int {
	page := p.Page
	for _, b := range p.PageBreaks {
		if offset >= b {
			page++
		}
	}
	return page
}

// PointVector is a dense vector for a stored point.
type PointVector struct {
	ID     string
	Digest string
	Vector Vector
	Detail []byte // that the embedder keeps beside it, at most [MaxDetail] bytes; nil: nothing
}

// CheckDetail refuses a detail that is too large.
func (v *PointVector) CheckDetail() error {
	if n := len(v.Detail); n > MaxDetail {
		return fmt.Errorf("%d bytes beside the vector of point %s, more than %d", n, v.ID, MaxDetail)
	}
	return nil
}

// MaxDetail bounds the bytes that are kept beside a vector.
const MaxDetail = 1 << 16
