package extract

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/lore-kb/lore/ingest"
)

// version is part of [ingest.Extractor.Version]: raise it whenever a change
// makes the same bytes yield other documents.
const version = "5"

// Options limit and parametrise reading. Zero fields mean the defaults in
// parentheses.
type Options struct {
	MaxText    int      // bytes of text from one file, members included (64 MiB)
	MaxRatio   int      // bytes of text or of unpacked members for each byte of the file, counted from 1 MiB on (200)
	MaxMembers int      // members of one file, nested ones included (1000)
	MaxDepth   int      // containers inside containers (4)
	MaxPages   int      // pages of one document (20000)
	Passwords  []string // tried on encrypted files, after the empty one
	// Pictures inside mails and archives come out as documents that hold nothing
	// but their Picture; false: they are warnings. A [Pool] sets it by itself.
	Pictures bool
	// Scans are pages of PDFs, and whole PDFs in mails and archives, that are
	// images: they come out in [ingest.Document.Scans], or as a Picture alone; false:
	// they are warnings. A [Pool] sets it by itself.
	Scans bool
	// Media takes the larger pictures of Word and PowerPoint files as well.
	Media bool
}

func (o *Options) withDefaults() Options {
	var c Options
	if o != nil {
		c = *o
	}
	def := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&c.MaxText, 64<<20)
	def(&c.MaxRatio, 200)
	def(&c.MaxMembers, 1000)
	def(&c.MaxDepth, 4)
	def(&c.MaxPages, 20000)
	return c
}

// New returns an extractor that reads in the calling process. It recovers from
// panics of readers but has no deadline of its own and no memory cap.
func New(o *Options) ingest.Extractor { return &local{o.withDefaults()} }

type local struct{ o Options }

func (*local) Version() string { return version }

func (l *local) Extract(ctx context.Context, in ingest.Input) ([]ingest.Document, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return l.job(ctx, in).read(in)
}

func (l *local) job(ctx context.Context, in ingest.Input) *job {
	j := &job{ctx: ctx, o: l.o, textLeft: l.o.MaxText, members: l.o.MaxMembers}
	if n := max(len(in.Data), 1<<20); n < l.o.MaxText/l.o.MaxRatio {
		j.textLeft = n * l.o.MaxRatio
		j.byRatio = true
	}
	j.unpackLeft = max(int64(len(in.Data)), 1<<20) * int64(l.o.MaxRatio)
	j.streamMax = int(min(j.unpackLeft, 1<<30))
	return j
}

// job is the reading of one file with its members.
type job struct {
	ctx        context.Context
	o          Options
	probe      *probe // of what was recognised last
	depth      int
	members    int   // left
	textLeft   int   // bytes of text left
	byRatio    bool  // textLeft comes from MaxRatio rather than from MaxText
	unpackLeft int64 // bytes that containers may still unpack
	recorded   int   // bytes of recordings in members so far
	pictured   int   // bytes of pictures in members so far
	streamMax  int   // bytes that one stream of a PDF may unpack to
}

// read recognises and reads one file or member.
func (j *job) read(in ingest.Input) (docs []ingest.Document, err error) {
	defer recovered(&docs, &err)
	if len(in.Data) == 0 {
		return nil, fmt.Errorf("%w: the file is empty", ingest.ErrNoText)
	}
	p := newProbe(in.Name, in.Data)
	f, why := recognise(p)
	j.probe = p
	if f == nil && j.depth > 0 && j.o.Pictures {
		if media := imageMedia(in.Data); media != "" && j.takePicture(in.Data) {
			return []ingest.Document{{MediaType: media, Picture: in.Data}}, nil
		}
	}
	if f == nil {
		return nil, fmt.Errorf("%w: %s", ingest.ErrUnsupported, why)
	}
	return j.readAs(f, in)
}

// readAs reads a file that was recognised.
func (j *job) readAs(f *format, in ingest.Input) ([]ingest.Document, error) {
	docs, err := f.read(j, in)
	if j.depth > 0 && j.o.Scans && errors.Is(err, ingest.ErrNoText) && f.media == pdfMedia && j.takePicture(in.Data) {
		return []ingest.Document{{MediaType: pdfMedia, Picture: in.Data}}, nil
	}
	if err != nil {
		return nil, err
	}
	for i := range docs {
		if docs[i].MediaType == "" {
			docs[i].MediaType = f.media
		}
	}
	if !hasText(docs) {
		return nil, fmt.Errorf("%w in this %s", ingest.ErrNoText, f.name)
	}
	return docs, nil
}

// recovered turns the panic of a reader into an error.
func recovered(docs *[]ingest.Document, err *error) {
	if r := recover(); r != nil {
		*docs = nil
		switch r := r.(type) {
		case stop:
			*err = r.err
		case runtime.Error:
			*err = fmt.Errorf("%w: the reader failed on it: %v", ingest.ErrDamaged, r)
		default:
			*err = fmt.Errorf("%w: %v", ingest.ErrDamaged, r)
		}
	}
}

func hasText(docs []ingest.Document) bool {
	for i := range docs {
		if len(docs[i].Blocks) > 0 || docs[i].Recording != nil || docs[i].Picture != nil {
			return true
		}
	}
	return false
}

// stop is the panic by which limits end a reading from any depth.
type stop struct{ err error }

// check ends the reading when its context is done.
func (j *job) check() {
	if err := j.ctx.Err(); err != nil {
		panic(stop{err})
	}
}

// spendText counts n bytes of text.
func (j *job) spendText(n int) {
	j.textLeft -= n
	if j.textLeft < 0 {
		if j.byRatio {
			panic(stop{fmt.Errorf("%w: more than %d bytes of text for each byte of the file", ingest.ErrTooLarge, j.o.MaxRatio)})
		}
		panic(stop{fmt.Errorf("%w: more than %d MB of text", ingest.ErrTooLarge, j.o.MaxText>>20)})
	}
}

// spendUnpacked counts n bytes unpacked from a container.
func (j *job) spendUnpacked(n int64) {
	j.unpackLeft -= n
	if j.unpackLeft < 0 {
		panic(stop{fmt.Errorf("%w: unpacks to more than %d bytes for each byte of the file", ingest.ErrTooLarge, j.o.MaxRatio)})
	}
}

// member reads a file inside the current one. The documents carry name in
// Member; what cannot be read is a warning.
func (j *job) member(name string, data []byte) (docs []ingest.Document, warnings []string) {
	return j.memberBy(name, func(name string) ([]ingest.Document, error) {
		return j.read(ingest.Input{Name: name, Data: data})
	})
}

// memberBy is member with what reads it.
func (j *job) memberBy(name string, read func(name string) ([]ingest.Document, error)) (docs []ingest.Document, warnings []string) {
	j.check()
	name = memberName(name)
	if j.depth+1 > j.o.MaxDepth {
		return nil, []string{fmt.Sprintf("%s: not read: containers nested deeper than %d", name, j.o.MaxDepth)}
	}
	if j.members <= 0 {
		panic(stop{fmt.Errorf("%w: more than %d members", ingest.ErrTooLarge, j.o.MaxMembers)})
	}
	j.members--
	j.depth++
	docs, err := read(name)
	j.depth--
	if err != nil {
		// A member that is too large by itself is a warning; one that used up
		// what the whole file may take ends the reading.
		if j.ctx.Err() != nil || j.textLeft < 0 || j.unpackLeft < 0 || j.members <= 0 && errors.Is(err, ingest.ErrTooLarge) {
			panic(stop{err})
		}
		return nil, []string{name + ": " + err.Error()}
	}
	for i := range docs {
		if docs[i].Member == "" {
			docs[i].Member = name
		} else {
			docs[i].Member = name + "!/" + docs[i].Member
		}
	}
	return docs, nil
}

// memberName makes a name of foreign origin fit to be shown and to be part of a
// document's path.
func memberName(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		if r == '\\' {
			return '/'
		}
		return r
	}, s)
	s = strings.TrimLeft(s, "/")
	if len(s) > 300 {
		s = strings.ToValidUTF8(s[:300], "")
	}
	if s == "" {
		return "unnamed"
	}
	return s
}
