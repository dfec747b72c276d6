package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/store"
	"github.com/lore-kb/lore/store/sqlitestore"
)

// reader is an Extractor of a small format: paragraphs between blank lines,
// headings after "# ". A file that starts with "!" fails in the way its first
// line says, one that starts with "=" holds members, one a line.
type reader struct {
	version string
	broken  error // of every file

	mu    sync.Mutex
	reads []string
}

func (x *reader) Version() string { return "reader " + x.version }

func (x *reader) taken() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	out := x.reads
	x.reads = nil
	slices.Sort(out)
	return out
}

func (x *reader) Extract(ctx context.Context, in Input) ([]Document, error) {
	x.mu.Lock()
	x.reads = append(x.reads, in.Name)
	x.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if x.broken != nil {
		return nil, x.broken
	}
	text := string(in.Data)
	switch first, rest, _ := strings.Cut(text, "\n"); {
	case strings.HasPrefix(first, "!panic"):
		panic("broken reader")
	case strings.HasPrefix(first, "!timeout"):
		return nil, fmt.Errorf("page 3: %w", ErrTimeout)
	case strings.HasPrefix(first, "!nothing"):
		return nil, ErrNoText
	case strings.HasPrefix(first, "!latin"):
		return []Document{{Text: "x", Blocks: []Block{{Kind: Heading, End: 1, Section: []string{"caf\xe9"}}}}}, nil
	case strings.HasPrefix(first, "!"):
		return nil, fmt.Errorf("bad cross reference: %w", ErrDamaged)
	case strings.HasPrefix(first, "="):
		var docs []Document
		for i, line := range strings.Split(strings.TrimSpace(rest), "\n") {
			docs = append(docs, Document{Member: fmt.Sprintf("part%d.txt", i+1), MediaType: "text/plain", Text: line, Blocks: []Block{{Start: 0, End: len(line)}}})
		}
		return docs, nil
	case strings.ContainsRune(text, 0):
		return nil, ErrUnsupported
	}
	d := Document{MediaType: "text/plain", Text: text}
	var section []string
	at := 0
	for _, par := range strings.SplitAfter(text, "\n\n") {
		b := Block{Start: at, End: at + len(par)}
		if h, ok := strings.CutPrefix(par, "# "); ok {
			section = []string{strings.TrimSpace(h)}
			b.Kind, b.Level = Heading, 1
		}
		b.Section = section
		d.Blocks = append(d.Blocks, b)
		at += len(par)
	}
	return []Document{d}, nil
}

// counter is an embedder of two dimensions that counts texts.
type counter struct {
	mu    sync.Mutex
	batch int  // of Info; 4 when zero
	plain bool // its vectors are not centred
	texts []string
	fail  func(texts []string) error
}

func (e *counter) Info() model.EmbedderInfo {
	batch := e.batch
	if batch == 0 {
		batch = 4
	}
	return model.EmbedderInfo{Name: "counter", Fingerprint: "counter/2", Dimension: 2, Batch: batch, Centred: !e.plain}
}

func (e *counter) Embed(ctx context.Context, task model.Task, texts []string) ([][]float32, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.fail != nil {
		if err := e.fail(texts); err != nil {
			return nil, err
		}
	}
	out := make([][]float32, len(texts))
	for i, t := range texts {
		out[i] = []float32{float32(len(t)), float32(strings.Count(t, "e") + 1)}
	}
	e.texts = append(e.texts, texts...)
	return out, ctx.Err()
}

// bench is a folder, a store and what reads one into the other.
type bench struct {
	t    *testing.T
	dir  string
	data string
	st   store.Store
	x    *reader
	e    *counter
	opts SyncOptions
	now  time.Time
}

func newBench(t *testing.T) *bench {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, dir: dir, data: t.TempDir(), x: &reader{}, e: &counter{}, now: time.Now().Add(time.Hour)}
	b.st = openStore(t, b.data)
	return b
}

func openStore(t *testing.T, data string) store.Store {
	t.Helper()
	st, err := sqlitestore.Open(t.Context(), data, sqlitestore.Options{Create: true, Model: store.Model{Fingerprint: "counter/2", Dimension: 2}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	return st
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, filepath.FromSlash(name)) }

func (b *bench) write(name, text string) {
	b.t.Helper()
	writeFile(b.t, b.path(name), text)
}

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) remove(name string) {
	b.t.Helper()
	if err := os.RemoveAll(b.path(name)); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) folder(name string, o *FolderOptions) *Folder {
	b.t.Helper()
	f, err := OpenFolder(b.path(name), o)
	if err != nil {
		b.t.Fatal(err)
	}
	return f
}

// sync syncs src as if an hour had passed since the files were written.
func (b *bench) sync(src Source) *Report {
	b.t.Helper()
	r, err := b.syncer().Sync(b.t.Context(), src)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

func (b *bench) syncer() *Syncer {
	o := b.opts
	if o.Embedder == nil && b.e != nil {
		o.Embedder = b.e
	}
	s := NewSyncer(b.st, b.x, &o)
	s.now = func() time.Time { return b.now }
	return s
}

func (b *bench) all() *Report {
	b.t.Helper()
	return b.sync(b.folder(".", nil))
}

func (b *bench) infos() []store.DocumentInfo {
	b.t.Helper()
	var out []store.DocumentInfo
	for d, err := range b.st.Documents(b.t.Context(), store.Filter{}) {
		if err != nil {
			b.t.Fatal(err)
		}
		out = append(out, d)
	}
	return out
}

func (b *bench) ls() []string {
	b.t.Helper()
	var out []string
	for _, d := range b.infos() {
		line := fmt.Sprintf("%s %s %d/%d", d.Path, d.Status, d.Embedded, d.Chunks)
		if d.Reason != "" {
			line += " " + d.Reason
		}
		out = append(out, line)
	}
	slices.Sort(out)
	return out
}

// search returns the paths of documents that hold word, and what they hold.
func (b *bench) search(word string) []string {
	b.t.Helper()
	var out []string
	for _, d := range b.infos() {
		points, err := b.st.Points(b.t.Context(), d.ID, 0, 1<<30)
		if err != nil {
			b.t.Fatal(err)
		}
		for _, p := range points {
			if strings.Contains(p.Payload.Text, word) {
				out = append(out, d.Path)
			}
		}
	}
	return out
}

func summary(r *Report) string {
	s := fmt.Sprintf("%d new, %d updated, %d unchanged, %d removed, %d failed", r.New, r.Updated, r.Unchanged, r.Removed, r.Failed)
	if r.Renamed > 0 {
		s += fmt.Sprintf(" (%d renamed)", r.Renamed)
	}
	return s
}

func want[T any](t *testing.T, want, got T) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestSyncCounts(t *testing.T) {
	b := newBench(t)
	for i := range 9 {
		b.write(fmt.Sprintf("docs/f%d.txt", i), fmt.Sprintf("# File %d\n\nThe number %d is here.", i, i))
	}
	want(t, "9 new, 0 updated, 0 unchanged, 0 removed, 0 failed", summary(b.all()))
	if n := len(b.e.texts); n != 9 {
		t.Errorf("%d texts embedded", n)
	}
	b.x.taken()

	want(t, "0 new, 0 updated, 9 unchanged, 0 removed, 0 failed", summary(b.all()))
	if got := b.x.taken(); len(got) > 0 {
		t.Errorf("read again: %v", got)
	}

	b.write("docs/f1.txt", "# File 1\n\nThe number eleven is here.")
	b.remove("docs/f2.txt")
	if err := os.Rename(b.path("docs/f3.txt"), b.path("renamed.txt")); err != nil {
		t.Fatal(err)
	}
	b.write("added.txt", "Quite new.")
	b.e.texts = nil
	r := b.all()
	want(t, "2 new, 1 updated, 6 unchanged, 2 removed, 0 failed (1 renamed)", summary(r))
	slices.Sort(b.e.texts)
	want(t, []string{"File 1\n# File 1\n\nThe number eleven is here.", "Quite new."}, b.e.texts)
	want(t, []string{"added.txt", "f1.txt", "renamed.txt"}, b.x.taken())
	want(t, []string(nil), b.search("number 1 "))
	want(t, []string(nil), b.search("number 2 "))
	want(t, []string{"renamed.txt"}, b.search("number 3 "))
	if r.Pending != 0 || r.Embedded != 2 {
		t.Errorf("%d pending, %d embedded", r.Pending, r.Embedded)
	}
}

func TestSyncNoticesEditsThatKeepSizeAndTime(t *testing.T) {
	b := newBench(t)
	b.write("a.txt", "one two")
	b.now = time.Now() // indexed right after it was written
	b.all()
	info, err := os.Stat(b.path("a.txt"))
	if err != nil {
		t.Fatal(err)
	}
	b.write("a.txt", "two one")
	if err := os.Chtimes(b.path("a.txt"), info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	want(t, "0 new, 1 updated, 0 unchanged, 0 removed, 0 failed", summary(b.all()))
}

func TestSyncTouchedFileIsUnchanged(t *testing.T) {
	b := newBench(t)
	b.write("a.txt", "# One\n\ntwo")
	b.write("bad.txt", "!torn")
	b.write("box.txt", "=\nfirst\nsecond")
	b.all()
	before := b.contents()
	b.x.taken()
	b.e.texts = nil
	for _, name := range []string{"a.txt", "bad.txt", "box.txt"} {
		if err := os.Chtimes(b.path(name), time.Time{}, time.Now().Add(-time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	r := b.all()
	want(t, "0 new, 0 updated, 2 unchanged, 0 removed, 1 failed", summary(r))
	want(t, []string(nil), b.x.taken())
	want(t, 0, len(b.e.texts)+r.Chunks)
	want(t, before, b.contents())
	want(t, []string{"a.txt ok 1/1", "bad.txt failed 0/0 bad cross reference: damaged file", "box.txt ok 0/0", "box.txt!/part1.txt ok 1/1", "box.txt!/part2.txt ok 1/1"}, b.ls())
	hits, err := b.st.Search(t.Context(), store.Query{Leg: store.LegSparse, Sparse: Sparse(&store.Payload{Text: "two"}), Limit: 9})
	if err != nil || len(hits) != 1 || hits[0].Payload.Path != "a.txt" {
		t.Errorf("%v, %v", hits, err)
	}

	// The new times are known now: nothing is opened again.
	f := b.folder(".", nil)
	sealed := fixed{root: f.Root()}
	for it := range f.Items(t.Context()) {
		it.Open = func(context.Context) (io.ReadCloser, error) { return nil, errors.New("opened") }
		sealed.items = append(sealed.items, it)
	}
	want(t, "0 new, 0 updated, 2 unchanged, 0 removed, 1 failed", summary(b.sync(sealed)))
}

func TestSyncFilesWithOneContent(t *testing.T) {
	b := newBench(t)
	b.write("a.txt", "same text")
	b.write("b.txt", "same text")
	want(t, "2 new, 0 updated, 0 unchanged, 0 removed, 0 failed", summary(b.all()))
	want(t, []string{"same text"}, b.e.texts)
	b.remove("a.txt")
	want(t, "0 new, 0 updated, 1 unchanged, 1 removed, 0 failed", summary(b.all()))
	want(t, []string{"b.txt ok 1/1"}, b.ls())
	b.remove("b.txt")
	b.write("c.txt", "other")
	b.all()
	want(t, []string{"c.txt ok 1/1"}, b.ls())
}

func TestSyncRebuildAndNewReaders(t *testing.T) {
	b := newBench(t)
	b.write("a.txt", "one")
	b.write("b.txt", "!damaged")
	b.all()
	b.x.taken()
	b.opts.Rebuild = true
	want(t, "0 new, 1 updated, 0 unchanged, 0 removed, 1 failed", summary(b.all()))
	want(t, []string{"a.txt", "b.txt"}, b.x.taken())
	b.opts.Rebuild = false
	b.x.version = "2"
	want(t, "0 new, 1 updated, 0 unchanged, 0 removed, 1 failed", summary(b.all()))
	want(t, []string{"a.txt", "b.txt"}, b.x.taken())
	b.all()
	want(t, []string(nil), b.x.taken())
	want(t, []string{"one"}, b.e.texts)
	if r := b.sync(b.folder(".", &FolderOptions{Labels: map[string]string{"team": "ops"}})); r.Updated != 1 {
		t.Errorf("labels given: %s", summary(r))
	}
	if l := b.infos()[0].Labels; l["team"] != "ops" {
		t.Errorf("labels are %v", l)
	}
}

func TestSyncFailures(t *testing.T) {
	b := newBench(t)
	b.write("good.txt", "good")
	b.write("hang.txt", "!timeout")
	b.write("none.txt", "!nothing")
	b.write("latin.txt", "!latin")
	b.write("panic.txt", "!panic")
	b.write("torn.txt", "!torn")
	b.write("movie.bin", "\x00\x01\x02")
	r := b.all()
	want(t, "1 new, 0 updated, 0 unchanged, 0 removed, 4 failed", summary(r))
	want(t, []Failure{
		{"hang.txt", "page 3: took too long to read"},
		{"latin.txt", "reader gave text that is not UTF-8"},
		{"panic.txt", "reader failed: broken reader"},
		{"torn.txt", "bad cross reference: damaged file"},
	}, r.Failures)
	want(t, map[SkipReason]int{SkipBinary: 1, SkipEmpty: 1}, r.Skipped)
	want(t, []string{
		"good.txt ok 1/1", "hang.txt failed 0/0 page 3: took too long to read",
		"latin.txt failed 0/0 reader gave text that is not UTF-8",
		"panic.txt failed 0/0 reader failed: broken reader", "torn.txt failed 0/0 bad cross reference: damaged file",
	}, b.ls())

	// What may pass is tried again, what will not is only reported again.
	b.x.taken()
	want(t, "0 new, 0 updated, 1 unchanged, 0 removed, 4 failed", summary(b.all()))
	want(t, []string{"hang.txt", "movie.bin", "none.txt"}, b.x.taken())

	b.write("torn.txt", "mended")
	b.remove("panic.txt")
	want(t, "1 new, 0 updated, 1 unchanged, 1 removed, 2 failed", summary(b.all()))
}

func TestSyncStale(t *testing.T) {
	b := newBench(t)
	b.write("a.txt", "the old words")
	b.all()
	b.write("a.txt", "!torn by a crash")
	r := b.all()
	want(t, "0 new, 0 updated, 0 unchanged, 0 removed, 1 failed", summary(r))
	want(t, []string{"a.txt stale 1/1 bad cross reference: damaged file"}, b.ls())
	want(t, []string{"a.txt"}, b.search("old words"))

	b.write("a.txt", "the old words")
	want(t, "0 new, 0 updated, 1 unchanged, 0 removed, 0 failed", summary(b.all()))
	want(t, []string{"a.txt ok 1/1"}, b.ls())

	b.write("a.txt", "!torn again")
	b.all()
	b.write("a.txt", "the new words")
	want(t, "0 new, 1 updated, 0 unchanged, 0 removed, 0 failed", summary(b.all()))
	want(t, []string{"a.txt ok 1/1"}, b.ls())
	want(t, []string(nil), b.search("old"))
}

func TestSyncMembers(t *testing.T) {
	b := newBench(t)
	b.write("box.txt", "=\nfirst\nsecond\nthird")
	want(t, "1 new, 0 updated, 0 unchanged, 0 removed, 0 failed", summary(b.all()))
	want(t, []string{"box.txt ok 0/0", "box.txt!/part1.txt ok 1/1", "box.txt!/part2.txt ok 1/1", "box.txt!/part3.txt ok 1/1"}, b.ls())
	want(t, "0 new, 0 updated, 1 unchanged, 0 removed, 0 failed", summary(b.all()))
	b.write("box.txt", "=\nfirst\nanother")
	want(t, "0 new, 1 updated, 0 unchanged, 0 removed, 0 failed", summary(b.all()))
	want(t, []string{"box.txt ok 0/0", "box.txt!/part1.txt ok 1/1", "box.txt!/part2.txt ok 1/1"}, b.ls())
	want(t, []string(nil), b.search("second"))
	b.write("box.txt", "!torn")
	b.all()
	want(t, []string{"box.txt!/part1.txt"}, b.search("first"))
	b.remove("box.txt")
	b.write("x.txt", "x")
	want(t, "1 new, 0 updated, 0 unchanged, 1 removed, 0 failed", summary(b.all()))
	want(t, []string{"x.txt ok 1/1"}, b.ls())
}

func TestSyncMembersBesideAFolderOfLikeName(t *testing.T) {
	b := newBench(t)
	b.write("odd!/plain.txt", "plain")
	b.write("odd!/box.txt", "=\nfirst\nsecond")
	b.write("odd", "=\nthird")
	b.write("even!/box.txt", "=\nfourth")
	b.all()
	want(t, 8, len(b.ls()))
	want(t, "0 new, 0 updated, 4 unchanged, 0 removed, 0 failed", summary(b.all()))
	want(t, 8, len(b.ls()))
	b.remove("even!")
	b.remove("odd!/box.txt")
	b.all()
	want(t, []string{"odd ok 0/0", "odd!/part1.txt ok 1/1", "odd!/plain.txt ok 1/1"}, b.ls())
}

func TestSyncEmptyOrMissingSource(t *testing.T) {
	b := newBench(t)
	b.write("mnt/a.txt", "one")
	b.write("mnt/b.txt", "two")
	mnt := b.folder("mnt", nil)
	b.sync(mnt)
	b.remove("mnt/a.txt")
	b.remove("mnt/b.txt")
	r := b.sync(mnt)
	want(t, "0 new, 0 updated, 0 unchanged, 0 removed, 0 failed", summary(r))
	if len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "2 indexed files were kept; --allow-empty") {
		t.Errorf("warnings %q", r.Warnings)
	}
	want(t, 2, len(b.ls()))

	b.remove("mnt")
	_, err := b.syncer().Sync(t.Context(), mnt)
	if !errors.Is(err, ErrNoSource) {
		t.Errorf("missing root: %v", err)
	}
	want(t, 2, len(b.ls()))

	if err := os.Mkdir(b.path("mnt"), 0o755); err != nil {
		t.Fatal(err)
	}
	b.opts.AllowEmpty = true
	want(t, "0 new, 0 updated, 0 unchanged, 2 removed, 0 failed", summary(b.sync(mnt)))
	want(t, 0, len(b.ls()))
}

func TestSyncDryRun(t *testing.T) {
	b := newBench(t)
	b.write("a.txt", "one")
	b.write("b.txt", "two")
	b.all()
	before := b.ls()
	b.write("a.txt", "uno")
	b.remove("b.txt")
	b.write("c.txt", "three")
	b.opts.DryRun = true
	want(t, "1 new, 1 updated, 0 unchanged, 1 removed, 0 failed", summary(b.all()))
	want(t, before, b.ls())
	b.opts.DryRun = false
	want(t, "1 new, 1 updated, 0 unchanged, 1 removed, 0 failed", summary(b.all()))

	fresh := newBench(t)
	fresh.write("a.txt", "one")
	fresh.opts.DryRun = true
	want(t, "1 new, 0 updated, 0 unchanged, 0 removed, 0 failed", summary(fresh.all()))
	s, err := fresh.st.Settings(t.Context())
	if err != nil || len(s.Roots) > 0 {
		t.Errorf("dry run remembered %v, %v", s.Roots, err)
	}
}

func TestSyncCancelled(t *testing.T) {
	b := newBench(t)
	for i := range 50 {
		b.write(fmt.Sprintf("%d.txt", i), "text")
	}
	ctx, cancel := context.WithCancel(t.Context())
	b.opts.Progress = func(p Progress) {
		if p.Stage == StageIndex {
			cancel()
		}
	}
	if _, err := b.syncer().Sync(ctx, b.folder(".", nil)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	b.opts.Progress = nil
	r := b.all()
	if r.New+r.Unchanged != 50 {
		t.Error(summary(r))
	}
}

func TestSyncProgress(t *testing.T) {
	b := newBench(t)
	for i := range 5 {
		b.write(fmt.Sprintf("%d.txt", i), fmt.Sprintf("text %d", i))
	}
	last := map[Stage]Progress{}
	b.opts.Progress = func(p Progress) { last[p.Stage] = p }
	b.all()
	for stage, total := range map[Stage]int{StageIndex: 5, StageEmbed: 5} {
		if p := last[stage]; p.Done != 5 || p.Total != total || p.Chunks != 5 {
			t.Errorf("%s ended with %+v", stage, p)
		}
	}
}

func TestSyncOrderOfWriting(t *testing.T) {
	b := newBench(t)
	for i := range 40 {
		b.write(fmt.Sprintf("%02d.txt", i), strings.Repeat("text ", 40-i))
	}
	rec := &recording{Store: b.st}
	b.st = rec
	b.all()
	if !slices.IsSorted(rec.put) || len(rec.put) != 40 {
		t.Errorf("put in order %v", rec.put)
	}
	rec.put, rec.log = nil, nil
	b.write("00.txt", "changed")
	b.remove("01.txt")
	b.all()
	want(t, []string{"put 00.txt", "remove"}, rec.log)
}

// recording is a store that takes down writes.
type recording struct {
	store.Store
	put, log []string
}

func (s *recording) Put(ctx context.Context, docs []store.Document) error {
	for _, d := range docs {
		s.put = append(s.put, d.Path)
		s.log = append(s.log, "put "+d.Path)
	}
	return s.Store.Put(ctx, docs)
}

func (s *recording) Remove(ctx context.Context, f store.Filter) (int, error) {
	s.log = append(s.log, "remove")
	return s.Store.Remove(ctx, f)
}

// brokenListing lists one item and fails below a path.
type brokenListing struct{ *Folder }

func (l brokenListing) Items(ctx context.Context) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		for it, err := range l.Folder.Items(ctx) {
			if !strings.HasPrefix(it.Path, "locked/") && !yield(it, err) {
				return
			}
		}
		yield(Item{Path: "locked"}, os.ErrPermission)
	}
}

func TestSyncIncompleteListing(t *testing.T) {
	b := newBench(t)
	b.write("locked/a.txt", "one")
	b.write("open/b.txt", "two")
	b.write("open/c.txt", "three")
	b.all()
	b.remove("open/b.txt")
	r := b.sync(brokenListing{b.folder(".", nil)})
	want(t, "0 new, 0 updated, 1 unchanged, 1 removed, 1 failed", summary(r))
	want(t, []string{"locked/a.txt ok 1/1", "open/c.txt ok 1/1"}, b.ls())
}

func TestSyncUnreadableFile(t *testing.T) {
	b := newBench(t)
	b.write("a.txt", "one")
	b.all()
	it := Item{Path: "a.txt", Size: 3, ModTime: b.now, Open: func(context.Context) (io.ReadCloser, error) {
		return nil, &os.PathError{Op: "open", Path: b.path("a.txt"), Err: os.ErrPermission}
	}}
	r := b.sync(fixed{b.folder(".", nil).Root(), []Item{it}})
	want(t, []Failure{{"a.txt", "permission denied"}}, r.Failures)
	want(t, []string{"a.txt stale 1/1 permission denied"}, b.ls())
}

// fixed is a source of given items.
type fixed struct {
	root  store.Root
	items []Item
}

func (f fixed) Root() store.Root { return f.root }
func (f fixed) Items(context.Context) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		for _, it := range f.items {
			if !yield(it, nil) {
				return
			}
		}
	}
}

func TestTitles(t *testing.T) {
	for _, tt := range []struct {
		doc  Document
		path string
		want string
	}{
		{Document{Title: " Own \n title "}, "a/b.md", "Own title"},
		{Document{Blocks: []Block{{Kind: Paragraph}, {Kind: Heading, Section: []string{"First"}}}}, "a/b.md", "First"},
		{Document{}, "a/annual report.2024.pdf", "annual report.2024"},
		{Document{}, "mail.eml!/plan.docx", "plan"},
		{Document{}, "a/.env", ".env"},
	} {
		if got := title(&tt.doc, tt.path); got != tt.want {
			t.Errorf("title of %s is %q, not %q", tt.path, got, tt.want)
		}
	}
	// A title from the file's name leaves no trace in what is embedded.
	a := EmbedText(&store.Payload{Title: "plan", Path: "x/plan.txt", Text: "words"})
	b := EmbedText(&store.Payload{Title: "draft", Path: "draft.txt", Text: "words"})
	if a != b {
		t.Errorf("%q != %q", a, b)
	}
}

func sorted(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return s
}
