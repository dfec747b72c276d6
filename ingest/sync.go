package ingest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/lore-kb/lore/analysis"
	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/store"
)

// SyncOptions says how a Syncer works. The zero value syncs without vectors.
type SyncOptions struct {
	Collection string         // part of document identifiers; default: the store's
	Embedder   model.Embedder // nil: no vectors
	// Progress is called now and then, and at the start and end of each stage,
	// never by two goroutines at once. Nil: not called.
	Progress func(Progress)
	// Supported reports whether the Extractor reads a file with this name and
	// these first bytes; others are skipped as binary before they are read.
	// Nil: every file goes to the Extractor.
	Supported func(name string, head []byte) bool
	// Transcriber of recordings. Nil: they are skipped.
	Transcriber model.Transcriber
	// Recording returns the media type of a file with these first bytes when it
	// is a recording, else "". Recordings it knows never pass through the
	// Extractor, nor as a whole through memory. Nil: the Extractor finds them.
	Recording func(head []byte) string
	Split     SplitOptions

	Rebuild    bool // read every file again, even if nothing changed
	DryRun     bool // write nothing; changed files are counted without reading what is in them
	AllowEmpty bool // an empty source removes everything that came from it
	NoWait     bool // leave vectors to a later run
	Workers    int  // files read at a time; default: one for each processor
}

// Syncer brings a collection in line with sources. Its methods may be called by
// several goroutines; they take turns at writing.
type Syncer struct {
	store     store.Store
	extractor Extractor
	opts      SyncOptions
	shape     string           // of Version: everything but the bytes and labels
	now       func() time.Time // of IndexedAt

	syncing, filling sync.Mutex
}

// NewSyncer returns a Syncer that writes to st what ex reads. Nil opts means the
// defaults.
func NewSyncer(st store.Store, ex Extractor, opts *SyncOptions) *Syncer {
	s := &Syncer{store: st, now: time.Now}
	if opts != nil {
		s.opts = *opts
	}
	s.extractor = Transcribing(ex, s.opts.Transcriber)
	if s.opts.Workers <= 0 {
		s.opts.Workers = runtime.GOMAXPROCS(0)
	}
	s.shape = strings.Join([]string{
		ex.Version(), strconv.Itoa(splitVersion), strconv.Itoa(s.opts.Split.Goal), strconv.Itoa(s.opts.Split.Max),
		strconv.Itoa(analysis.Version), strconv.Itoa(embedTextVersion),
	}, "\x00")
	return s
}

// version of a document: it changes with the bytes and with everything else that
// shapes its points.
func (s *Syncer) version(content string, labels map[string]string) string {
	var b strings.Builder
	b.WriteString(content + "\x00" + s.shape)
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		b.WriteString("\x00" + k + "=" + labels[k])
	}
	return store.Digest(b.String())
}

// Sync writes what is new or changed in src, removes what is gone from it, and
// fills in vectors. What is written can be found at once by its words.
//
// A file is unchanged when its size and time are those of the ledger, or its
// bytes are. Size and time alone are believed only if the file was last written
// more than two seconds before it was indexed: some file systems keep time no
// finer, and an edit right after indexing could leave both as they were.
//
// A new version is stored before what it replaces is removed, so that an
// interrupted run loses nothing and the next one goes on where it stopped. A
// file that cannot be read is counted and listed in every report until it can
// be, and does not end the run; if an older version of it is stored, that one
// goes on answering, marked as stale. It is read again when it changes, when
// readers change, on Rebuild, and in every run when it is stale or when the
// failure may pass by itself. A source that is missing is an error, and one that
// is empty a warning: neither removes anything, unless AllowEmpty is set.
//
// The root is remembered in the store's settings. Roots never overlap: a folder
// inside a known root is synced as part of that root, and a folder around known
// roots takes them over. See Folder.Within.
//
// The report is never nil, and says what was done even when there is an error.
func (s *Syncer) Sync(ctx context.Context, src Source) (*Report, error) {
	return s.sync(ctx, src, s.opts.NoWait)
}

func (s *Syncer) sync(ctx context.Context, src Source, noWait bool) (*Report, error) {
	began := s.now()
	r := &run{Syncer: s, src: src, noWait: noWait, report: &Report{Skipped: map[SkipReason]int{}}}
	err := r.write(ctx)
	if err == nil && !s.opts.DryRun && s.opts.Embedder != nil {
		err = r.embed(ctx)
	}
	slices.SortFunc(r.report.Failures, func(a, b Failure) int { return strings.Compare(a.Path, b.Path) })
	slices.SortStableFunc(r.report.Remarks, func(a, b Failure) int { return strings.Compare(a.Path, b.Path) })
	r.report.Elapsed = s.now().Sub(began)
	if err != nil {
		return r.report, fmt.Errorf("sync %s: %w", place(r.src.Root()), err)
	}
	return r.report, nil
}

// place names a root for a person.
func place(root store.Root) string {
	if dir, ok := FilePath(root.URI); ok {
		return dir
	}
	return root.URI
}

// run is one Sync.
type run struct {
	*Syncer
	src        Source
	noWait     bool
	root       store.Root
	scope      string
	collection string
	report     *Report

	items      []Item
	listed     map[string]bool // paths of items
	incomplete []string        // paths below which the listing broke off

	known map[string]*known // the ledger, by path of the file
	inner []*innerRoot      // roots that this one takes over

	batch   batch
	writes  *errgroup.Group     // of batches that are full
	writing *semaphore.Weighted // by their bytes
	fresh   map[string]int      // new files by content
	removed map[string]int      // removed files by content
	failed  map[string]bool
	ticker  ticker
}

// write does all of a sync but the vectors.
func (r *run) write(ctx context.Context) error {
	r.syncing.Lock()
	defer r.syncing.Unlock()
	r.listed, r.known = map[string]bool{}, map[string]*known{}
	r.fresh, r.removed, r.failed = map[string]int{}, map[string]int{}, map[string]bool{}
	r.ticker = ticker{report: r.opts.Progress, now: r.now}

	if err := r.takePlace(ctx); err != nil {
		return err
	}
	r.report.Root, r.report.Scope = r.root.ID, r.scope
	r.ticker.start(StageScan, 0)
	if err := r.list(ctx); err != nil {
		return err
	}
	if err := r.readLedger(ctx); err != nil {
		return err
	}
	if !r.opts.DryRun {
		if err := r.remember(ctx); err != nil {
			return err
		}
	}
	tasks := r.compare()
	if err := r.batch.flushMarks(ctx, r); err != nil {
		return err
	}
	r.ticker.start(StageIndex, len(tasks))
	if err := r.readAll(ctx, tasks); err != nil {
		return err
	}
	if err := r.batch.flush(ctx, r); err != nil {
		return err
	}
	if err := r.removeGone(ctx); err != nil {
		return err
	}
	r.countRenamed()
	r.ticker.end()
	return nil
}

// list takes down what the source holds.
func (r *run) list(ctx context.Context) error {
	for it, err := range r.src.Items(ctx) {
		switch {
		case err != nil && (it.Path == "" || ctx.Err() != nil):
			return err
		case err != nil:
			r.incomplete = append(r.incomplete, it.Path)
			r.fail(it.Path, oneLine(err.Error()))
		case it.Skip != "":
			r.report.Skipped[it.Skip]++
		case r.listed[it.Path]:
			r.warn("%s is listed twice; the second was left out", it.Path)
		default:
			r.listed[it.Path] = true
			r.items = append(r.items, it)
			r.ticker.step(len(r.items), it.Path, 0, 0)
		}
	}
	return ctx.Err()
}

func (r *run) warn(format string, args ...any) {
	r.report.Warnings = append(r.report.Warnings, fmt.Sprintf(format, args...))
}

func (r *run) fail(path, reason string) {
	r.failed[path] = true
	r.report.Failed++
	r.report.Failures = append(r.report.Failures, Failure{Path: path, Reason: reason})
}

// compare counts what has not changed and returns what must be read.
func (r *run) compare() []task {
	tasks := make([]task, 0, len(r.items))
	for _, it := range r.items {
		k := r.known[it.Path]
		if k == nil || k.file == nil || r.opts.Rebuild || !r.same(it, k.file) {
			tasks = append(tasks, task{item: it, known: k})
			continue
		}
		r.unchanged(it.Path, k)
	}
	return tasks
}

// same reports whether the ledger's record of a file is certainly still right.
func (r *run) same(it Item, f *record) bool {
	const granularity = 2 * time.Second
	return f.status != store.StatusStale &&
		f.size == it.Size && f.modTime.Equal(it.ModTime) &&
		f.modTime.Before(f.indexedAt.Add(-granularity)) &&
		f.version == r.version(f.content, r.root.Labels)
}

// unchanged counts a file that the ledger describes rightly.
func (r *run) unchanged(path string, k *known) {
	switch k.file.status {
	case store.StatusFailed:
		r.fail(path, k.file.reason)
		r.staleTwin(path, k.file.reason)
		return
	case store.StatusStale:
		r.batch.mark(k.ids(), store.StatusOK, "")
		r.report.Unchanged++
	default:
		r.report.Unchanged++
	}
	// Members of an older version, left by a run that was cut off.
	for _, m := range k.members {
		if m.version != k.file.version {
			r.batch.remove = append(r.batch.remove, m.id)
		}
	}
	r.dropTwin(path)
}

// apply takes down what became of a task. A batch that is full is handed to
// r.writes, as soon as it may be; an error is that of ctx.
func (r *run) apply(ctx context.Context, o *outcome) error {
	k := o.task.known
	switch o.fate {
	case fateVanished:
		return nil
	case fateSkipped:
		r.report.Skipped[o.skip]++
		if k != nil {
			r.gone(k)
		}
	case fateUnchanged:
		r.unchanged(o.task.item.Path, k)
		if len(o.docs) > 0 {
			r.batch.add(o.docs...)
		}
	case fateFailed:
		r.fail(o.task.item.Path, o.reason)
		if k.answers() {
			if k.file == nil || k.file.status != store.StatusStale || k.file.reason != o.reason {
				r.batch.mark(k.ids(), store.StatusStale, o.reason)
			}
		} else {
			r.batch.add(r.failedRecord(o))
			r.staleTwin(o.task.item.Path, o.reason)
		}
	case fateWritten:
		if k.answers() && k.file != nil {
			r.report.Updated++
		} else {
			r.report.New++
			r.fresh[o.content]++
		}
		if r.opts.DryRun {
			break
		}
		r.batch.add(o.docs...)
		for i := range o.docs {
			r.report.Bytes += int64(len(o.docs[i].Text))
			r.report.Chunks += len(o.docs[i].Points)
			for _, w := range o.docs[i].Warnings {
				r.report.Remarks = append(r.report.Remarks, Failure{Path: o.docs[i].Path, Reason: w})
			}
		}
		if k != nil {
			kept := map[string]bool{}
			for i := range o.docs {
				kept[o.docs[i].ID] = true
			}
			for _, id := range k.ids() {
				if !kept[id] {
					r.batch.remove = append(r.batch.remove, id)
				}
			}
		}
		r.dropTwin(o.task.item.Path)
	}
	if !r.batch.full() {
		return nil
	}
	full, weight := r.batch, int64(min(max(r.batch.bytes, batchBytes), writesAtOnce))
	r.batch = batch{}
	if err := r.writing.Acquire(ctx, weight); err != nil {
		return err
	}
	r.writes.Go(func() error {
		defer r.writing.Release(weight)
		return full.flush(ctx, r)
	})
	return nil
}

func (r *run) failedRecord(o *outcome) store.Document {
	it := o.task.item
	info := r.info(it, it.Path, o.content, o.began)
	info.Title, info.Status, info.Reason = nameTitle(it.Path), store.StatusFailed, o.reason
	if !o.passing {
		info.Version = r.version(o.content, r.root.Labels)
	}
	return store.Document{DocumentInfo: info}
}

// removeGone removes what the source no longer lists.
func (r *run) removeGone(ctx context.Context) error {
	var lost []*known
	for _, path := range slices.Sorted(maps.Keys(r.known)) {
		if !r.listed[path] && !r.unsure(path) {
			lost = append(lost, r.known[path])
		}
	}
	if len(r.items) == 0 && len(r.known)+r.innerLeft() > 0 && !r.opts.AllowEmpty {
		r.warn("nothing to index was found in %s, so its %d indexed files were kept; --allow-empty removes them",
			place(r.root), len(r.known)+r.innerLeft())
		return nil
	}
	for _, k := range lost {
		r.gone(k)
	}
	r.dropTwins()
	if err := r.batch.flush(ctx, r); err != nil {
		return err
	}
	if r.opts.DryRun {
		return nil
	}
	return r.forgetInner(ctx)
}

// unsure reports whether path lies where the listing broke off.
func (r *run) unsure(path string) bool {
	for _, p := range r.incomplete {
		if within(p, path) {
			return true
		}
	}
	return false
}

func (r *run) gone(k *known) {
	r.report.Removed++
	if k.file != nil && k.file.content != "" && k.file.status != store.StatusFailed {
		r.removed[k.file.content]++
	}
	r.batch.remove = append(r.batch.remove, k.ids()...)
}

// countRenamed pairs new files with removed ones of the same content.
func (r *run) countRenamed() {
	for content, n := range r.fresh {
		r.report.Renamed += min(n, r.removed[content])
	}
}

// oneLine makes an error fit for a line of a report.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	const most = 300
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// cancelled reports whether err comes from ctx having ended.
func cancelled(ctx context.Context, err error) bool {
	return ctx.Err() != nil && (errors.Is(err, ctx.Err()) || errors.Is(err, context.Cause(ctx)))
}
