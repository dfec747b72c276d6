package ingest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/lore-kb/lore/analysis"
	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/store"
)

// Bounds on what is in memory at a time, in bytes.
const (
	readBudget  = 160 << 20 // of all files being read, counted with readFactor
	readFactor  = 3         // text, chunks and terms of a file beside its bytes
	readLeast   = 64 << 10  // files up to about this are read at once
	headBytes   = 8 << 10
	growthBytes = 1 << 20 // by which a file may outgrow what was listed
)

// task is a file that must be read to know more.
type task struct {
	item  Item
	known *known
}

// fate of a task.
type fate int

const (
	fateWritten fate = iota
	fateUnchanged
	fateFailed
	fateSkipped
	fateVanished
)

// outcome is what became of a task.
type outcome struct {
	task    task
	fate    fate
	began   time.Time
	content string
	docs    []store.Document // members first, the file's own last
	skip    SkipReason
	reason  string
	passing bool // the failure may pass without the file changing
	err     error
}

// readAll reads the files of tasks, several at a time, and applies the outcomes
// in the order of tasks.
func (r *run) readAll(ctx context.Context, tasks []task) error {
	writes, ctx := errgroup.WithContext(ctx)
	r.writes, r.writing = writes, semaphore.NewWeighted(writesAtOnce)
	memory := semaphore.NewWeighted(readBudget)
	type slot struct {
		task   task
		done   chan *outcome
		weight int64
	}
	// Files go on being read while a batch is written; memory bounds how many.
	slots, queue := make(chan slot, batchDocuments), make(chan slot, batchDocuments)
	var dispatcher, workers errgroup.Group
	dispatcher.Go(func() error {
		defer close(slots)
		defer close(queue)
		for _, t := range tasks {
			s := slot{t, make(chan *outcome, 1), readLeast}
			if r.opts.Recording == nil || !recordingName(t.item.Path) {
				s.weight = min(max(t.item.Size*readFactor, readLeast), readBudget)
			}
			if err := memory.Acquire(ctx, s.weight); err != nil {
				return err
			}
			select {
			case slots <- s:
			case <-ctx.Done():
				return ctx.Err()
			}
			queue <- s
		}
		return nil
	})
	// Workers stay, so that their stacks need to grow only once.
	for range r.opts.Workers {
		workers.Go(func() error {
			for s := range queue {
				s.done <- r.read(ctx, s.task)
			}
			return nil
		})
	}
	var err error
	done := 0
	for s := range slots {
		o := <-s.done
		if err == nil {
			err = o.err
		}
		if err == nil {
			err = r.apply(ctx, o)
		}
		memory.Release(s.weight)
		done++
		r.ticker.step(done, o.task.item.Path, r.report.Chunks, r.report.Failed)
	}
	// A write that fails ends ctx, and with it the rest.
	if e := writes.Wait(); e != nil {
		err = e
	}
	if e := dispatcher.Wait(); err == nil {
		err = e
	}
	if e := workers.Wait(); err == nil {
		err = e
	}
	return err
}

// read reads one file. Only an ended ctx is an error of the outcome.
func (r *run) read(ctx context.Context, t task) *outcome {
	o := &outcome{task: t, began: r.now()}
	if err := ctx.Err(); err != nil {
		o.err = err
		return o
	}
	c, skip, err := r.content(ctx, t.item)
	defer c.close()
	switch {
	case cancelled(ctx, err):
		o.err = ctx.Err()
		return o
	case errors.Is(err, fs.ErrNotExist):
		o.fate = fateVanished // removed since it was listed; the next run sees to it
		return o
	case err != nil:
		return o.fail(plainError(err).Error(), true)
	case skip != "":
		o.fate, o.skip = fateSkipped, skip
		return o
	}
	data := c.data
	o.content = hex.EncodeToString(c.sum[:16])
	version := r.version(o.content, r.root.Labels)
	if k := t.known; k != nil && k.file != nil && k.file.version == version && k.file.content == o.content && !r.opts.Rebuild {
		o.fate = fateUnchanged
		if !r.opts.DryRun && (k.file.size != t.item.Size || !k.file.modTime.Equal(t.item.ModTime)) {
			o.docs = r.restamp(ctx, o)
		}
		return o
	}
	if r.opts.DryRun {
		return o
	}
	docs, err := r.extract(ctx, t.item, c)
	switch {
	case cancelled(ctx, err):
		o.err = ctx.Err()
	case noTranscriber(err):
		o.fate, o.skip = fateSkipped, SkipSpeech
	case errors.Is(err, ErrNoText) && c.media != "":
		return o.fail(err.Error(), false)
	case errors.Is(err, ErrUnsupported) && looksBinary(data[:min(len(data), headBytes)]):
		o.fate, o.skip = fateSkipped, SkipBinary
	case errors.Is(err, ErrNoText) && !looksBinary(data[:min(len(data), headBytes)]):
		// A page of front matter alone holds nothing to read. A PDF without
		// text holds something that could not be read.
		o.fate, o.skip = fateSkipped, SkipEmpty
	case err != nil:
		return o.fail(err.Error(), passing(err))
	default:
		if err := r.compose(o, docs, version); err != nil {
			return o.fail(err.Error(), false)
		}
	}
	return o
}

// restamp returns the stored documents of a file whose bytes are as they were
// but whose time is not, with the new time, so that later runs need not read it.
// It returns nil when the store does not give them whole.
func (r *run) restamp(ctx context.Context, o *outcome) []store.Document {
	it, k := o.task.item, o.task.known
	if k.file.status == store.StatusFailed {
		o.reason = k.file.reason
		return []store.Document{r.failedRecord(o)}
	}
	var docs []store.Document
	for info, err := range r.store.Documents(ctx, store.Filter{Documents: k.ids()}) {
		if err != nil {
			return nil
		}
		d := store.Document{DocumentInfo: info}
		if d.Text, err = r.store.Text(ctx, info.ID); err != nil {
			return nil
		}
		if d.Points, err = r.store.Points(ctx, info.ID, 0, info.Chunks); err != nil || len(d.Points) != info.Chunks {
			return nil
		}
		d.Size, d.ModTime, d.IndexedAt, d.Status, d.Reason = it.Size, it.ModTime, o.began, store.StatusOK, ""
		for i := range d.Points {
			d.Points[i].Sparse = Sparse(&d.Points[i].Payload)
		}
		if d.Version == k.file.version {
			docs = append(docs, d)
		}
	}
	for i := range docs {
		if docs[i].ID == k.file.id { // goes last
			return append(slices.Concat(docs[:i], docs[i+1:]), docs[i])
		}
	}
	return nil
}

func (o *outcome) fail(reason string, passing bool) *outcome {
	o.fate, o.reason, o.passing = fateFailed, oneLine(reason), passing
	return o
}

// passing reports whether an extraction may succeed on the same bytes later.
func passing(err error) bool {
	if me := (*model.Error)(nil); errors.As(err, &me) && me.Temporary() {
		return true
	}
	return errors.Is(err, ErrTimeout) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, model.ErrNoModel) || errors.Is(err, model.ErrNoProgram)
}

// content is what stands in a file: its bytes, or a recording that is read from
// where it lies.
type content struct {
	data  []byte
	sum   [sha256.Size]byte
	media string // of a recording
	audio io.ReadSeeker
	close func()
}

// content reads a file, or only its head when that shows that no one can read
// it. Its close is never nil.
func (r *run) content(ctx context.Context, it Item) (c content, skip SkipReason, err error) {
	c.close = func() {}
	rc, err := it.Open(ctx)
	if err != nil {
		return c, "", err
	}
	c.close = func() { rc.Close() }
	limit := it.Size + growthBytes
	room := it.Size + bytes.MinRead
	if it.Recording || room > readLeast {
		room = headBytes
	}
	data := make([]byte, room)
	n, err := io.ReadFull(rc, data)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return c, "", err
	}
	whole := err != nil
	data = data[:n]
	head := data[:min(n, headBytes)]
	if r.opts.Recording != nil {
		if c.media = r.opts.Recording(head); c.media != "" {
			if r.opts.Transcriber == nil {
				return c, SkipSpeech, nil
			}
			return c, "", c.hear(ctx, rc, data, limit)
		}
	}
	if r.opts.Supported != nil && !r.opts.Supported(path.Base(it.Path), head) {
		return c, SkipBinary, nil
	}
	if it.Recording {
		return c, SkipTooLarge, nil // named like a recording, and none
	}
	if !whole {
		buf := bytes.NewBuffer(make([]byte, 0, it.Size+bytes.MinRead))
		buf.Write(data)
		if _, err := buf.ReadFrom(io.LimitReader(rc, limit-int64(n)+1)); err != nil {
			return c, "", err
		}
		if data = buf.Bytes(); int64(len(data)) > limit {
			return c, "", errGrows
		}
	}
	c.data = data
	c.sum = sha256.Sum256(c.data)
	return c, "", nil
}

var errGrows = errors.New("grows while it is read")

// hear takes the sum of a recording whose head, or all of it, was read, and
// stands at its start again. What cannot go back, since it is no file, is put into one.
func (c *content) hear(ctx context.Context, rc io.ReadCloser, head []byte, limit int64) error {
	h := sha256.New()
	h.Write(head)
	rest := io.LimitReader(rc, limit-int64(len(head))+1)
	file, ok := rc.(*os.File)
	if !ok {
		spool, err := os.CreateTemp("", "lore-recording-*")
		if err != nil {
			return err
		}
		c.close = func() {
			rc.Close()
			spool.Close()
			os.Remove(spool.Name())
		}
		if _, err := spool.Write(head); err != nil {
			return err
		}
		rest, file = io.TeeReader(rest, spool), spool
	}
	n, err := io.Copy(h, rest)
	if err != nil {
		return err
	}
	if n > limit-int64(len(head)) {
		return errGrows
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	h.Sum(c.sum[:0])
	c.audio = file
	return nil
}

// looksBinary reports whether a file that no one can read is no text either.
func looksBinary(head []byte) bool {
	return bytes.IndexByte(head, 0) >= 0 || !utf8.Valid(head[:max(0, len(head)-utf8.UTFMax)])
}

// extract calls the Extractor, or the transcriber for a recording, and turns a
// panic into an error of the file.
func (r *run) extract(ctx context.Context, it Item, c content) (docs []Document, err error) {
	defer func() {
		if p := recover(); p != nil {
			docs, err = nil, fmt.Errorf("reader failed: %v", p)
		}
	}()
	if c.audio != nil {
		d := Document{MediaType: c.media}
		if err := transcribe(ctx, r.opts.Transcriber, c.audio, &d); err != nil {
			return nil, err
		}
		return []Document{d}, nil
	}
	return r.extractor.Extract(ctx, Input{Name: path.Base(it.Path), Data: c.data})
}

// compose turns extracted documents into stored ones.
func (r *run) compose(o *outcome, docs []Document, version string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("splitter failed: %v", p)
		}
	}()
	it := o.task.item
	file := Document{}
	names := map[string]bool{}
	for i := range docs {
		d := &docs[i]
		if !valid(d) {
			return errors.New("reader gave text that is not UTF-8")
		}
		if d.Member == "" && i == 0 {
			file = *d
			continue
		}
		name := memberName(d.Member)
		for n := 2; names[name]; n++ {
			name = fmt.Sprintf("%s (%d)", memberName(d.Member), n)
		}
		names[name] = true
		info := r.info(it, it.Path+memberMark+name, o.content, o.began)
		info.URI = it.URI + memberMark + name
		info.Version = version
		o.docs = append(o.docs, r.document(info, d))
	}
	info := r.info(it, it.Path, o.content, o.began)
	info.Version = version
	o.docs = append(o.docs, r.document(info, &file))
	return nil
}

// valid reports whether all text of a document is UTF-8, which stores rely on.
func valid(d *Document) bool {
	ok := utf8.ValidString(d.Text) && utf8.ValidString(d.Title) && utf8.ValidString(d.MediaType)
	for _, w := range d.Warnings {
		ok = ok && utf8.ValidString(w)
	}
	for k, v := range d.Labels {
		ok = ok && utf8.ValidString(k) && utf8.ValidString(v)
	}
	var checked *string // blocks of a section share its path
	for i := range d.Blocks {
		section := d.Blocks[i].Section
		if len(section) == 0 || &section[len(section)-1] == checked {
			continue
		}
		checked = &section[len(section)-1]
		for _, s := range section {
			ok = ok && utf8.ValidString(s)
		}
	}
	return ok
}

// memberName is a member's path as it stands after memberMark.
func memberName(name string) string {
	name = strings.Trim(path.Clean("/"+strings.ToValidUTF8(name, "\ufffd")), "/")
	if name == "" {
		return "unnamed"
	}
	return name
}

func (r *run) info(it Item, p, content string, at time.Time) store.DocumentInfo {
	return store.DocumentInfo{
		ID: store.DocumentID(r.collection, r.root.ID, p), Root: r.root.ID, Path: p, URI: it.URI,
		Content: content, Size: it.Size, ModTime: it.ModTime, Date: it.ModTime, IndexedAt: at,
		Status: store.StatusOK, Labels: r.root.Labels,
	}
}

// document splits and analyses one document.
func (r *run) document(info store.DocumentInfo, d *Document) store.Document {
	info.Title = title(d, info.Path)
	info.MediaType, info.Warnings, info.Bytes = d.MediaType, d.Warnings, len(d.Text)
	if !d.Date.IsZero() {
		info.Date = d.Date
	}
	if len(d.Labels) > 0 {
		info.Labels = maps.Clone(d.Labels)
		maps.Copy(info.Labels, r.root.Labels) // a person's labels prevail
	}
	chunks := Split(d, &r.opts.Split)
	languages := map[string]int{}
	var head string // of what is embedded
	embedded := make([]byte, 0, 4<<10)
	points := make([]store.Point, len(chunks))
	for i, c := range chunks {
		language := analysis.Language(c.Text)
		languages[language] += len(c.Text)
		p := &points[i]
		p.ID = store.PointID(info.ID, info.Version, c.Ordinal)
		p.Payload = store.Payload{
			DocumentID: info.ID, Version: info.Version, Ordinal: c.Ordinal, Title: info.Title, URI: info.URI,
			Path: info.Path, Root: info.Root, MediaType: info.MediaType, Language: language,
			Section: c.Section, Page: c.Page, PageBreaks: c.PageBreaks, Line: c.Line, Start: c.Start, End: c.End,
			Time: c.Time, Cues: c.Cues, Boxes: c.Boxes, Date: info.Date, Text: c.Text, Context: c.Context, Labels: info.Labels,
		}
		if i == 0 || c.Context != chunks[i-1].Context || !slices.Equal(c.Section, chunks[i-1].Section) {
			head = embedHead(&p.Payload)
		}
		embedded = append(append(embedded[:0], head...), c.Text...)
		p.Digest = store.Digest(embedded)
		p.Sparse = Sparse(&p.Payload)
	}
	for _, language := range []string{"en", "zh"} {
		if 2*languages[language] > languages["en"]+languages["zh"]+languages[""] {
			info.Language = language
		}
	}
	info.Chunks = len(points)
	return store.Document{DocumentInfo: info, Text: d.Text, Points: points}
}

// Sparse is the sparse vector of a point, from its payload alone.
func Sparse(p *store.Payload) (v store.SparseVector) {
	v.Indices, v.Values = analysis.Passage(analysis.Fields{Title: p.Title, Section: p.Section, Path: p.Path, Context: p.Context, Text: p.Text})
	return v
}

// title is the content's own, or its first heading, or the file's name.
func title(d *Document, p string) string {
	if t := oneLine(d.Title); t != "" {
		return t
	}
	for i := range d.Blocks {
		if b := &d.Blocks[i]; b.Kind == Heading && len(b.Section) > 0 {
			if t := oneLine(b.Section[len(b.Section)-1]); t != "" {
				return t
			}
		}
	}
	return nameTitle(p)
}

// nameTitle is the title that a document has from its path alone.
func nameTitle(p string) string {
	base := path.Base(p)
	if t := strings.TrimSuffix(base, path.Ext(base)); t != "" {
		return t
	}
	return base
}
