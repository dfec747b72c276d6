package ingest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// WatchOptions says how Watch works. Zero fields mean the defaults.
type WatchOptions struct {
	// Quiet is how long nothing may change before a change is synced, so that a
	// file is not read while it is written; default 300 ms. When changes do not
	// end, they are synced after four times as long.
	Quiet time.Duration
	// Every is how often the whole folder is checked without a change being
	// noticed, for file systems that report none; default 5 minutes, and 30
	// seconds when the system refuses to watch all of the folder.
	Every time.Duration
	// Synced is called after the first sync, and after every other one that wrote
	// or removed something, or that fails or warns of something else than the one
	// before. Filled is called after vectors were made. Neither is called by
	// two goroutines at once. Nil: not called.
	Synced func(*Report, error)
	Filled func(Filled, error)
}

const (
	watchQuiet      = 300 * time.Millisecond
	watchEvery      = 5 * time.Minute
	watchEveryBlind = 30 * time.Second
)

// Watch syncs f, and again whenever something changes in it, until ctx ends,
// which is no error. Vectors are made beside that, so that what was saved can be
// found by its words while many vectors are still missing. A failing sync is
// reported and tried again at the next change or check.
func (s *Syncer) Watch(ctx context.Context, f *Folder, opts *WatchOptions) error {
	w := &watcher{syncer: s, folder: f}
	if opts != nil {
		w.opts = *opts
	}
	if w.opts.Quiet <= 0 {
		w.opts.Quiet = watchQuiet
	}
	var err error
	if w.notify, err = fsnotify.NewWatcher(); err != nil {
		return fmt.Errorf("watch %s: %w", f.dir, err)
	}
	defer w.notify.Close()
	return w.run(ctx)
}

// watcher is one Watch.
type watcher struct {
	syncer *Syncer
	folder *Folder
	opts   WatchOptions
	notify *fsnotify.Watcher
	blind  error  // why some folder is not watched
	said   string // by the last sync: what failed, and warnings
	synced bool   // once at least

	reporting sync.Mutex
}

func (w *watcher) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	pending := make(chan struct{}, 1)
	var filler sync.WaitGroup
	filler.Go(func() { w.fill(ctx, pending) })
	defer filler.Wait()
	defer cancel()

	w.watchAll(ctx)
	w.sync(ctx, pending)
	check := time.NewTimer(w.every())
	defer check.Stop()
	quiet := time.NewTimer(time.Hour)
	quiet.Stop()
	defer quiet.Stop()
	var since time.Time // of the first change that is not synced
	for {
		select {
		case <-ctx.Done():
			return nil
		case e, ok := <-w.notify.Events:
			if !ok {
				return nil
			}
			if !w.concerns(ctx, e) {
				continue
			}
			now := time.Now()
			if since.IsZero() {
				since = now
			}
			quiet.Reset(min(w.opts.Quiet, max(0, since.Add(4*w.opts.Quiet).Sub(now))))
			continue
		case _, ok := <-w.notify.Errors: // such as an overflow: some change was missed
			if !ok {
				return nil
			}
			w.watchAll(ctx)
		case <-quiet.C:
		case <-check.C:
			w.watchAll(ctx)
		}
		since = time.Time{}
		quiet.Stop()
		w.sync(ctx, pending)
		check.Reset(w.every())
	}
}

func (w *watcher) every() time.Duration {
	switch {
	case w.opts.Every > 0:
		return w.opts.Every
	case w.blind != nil:
		return watchEveryBlind
	default:
		return watchEvery
	}
}

// watchAll watches every folder that the listing enters. A folder that is not
// there, or may not be watched, is left to the regular checks.
func (w *watcher) watchAll(ctx context.Context) {
	l, err := w.folder.list(ctx)
	if err != nil {
		return
	}
	w.blind = nil
	for _, dir := range l.dirs {
		if err := w.notify.Add(dir); err != nil && !errors.Is(err, fs.ErrNotExist) && w.blind == nil {
			w.blind = err
		}
	}
}

// concerns reports whether an event may change what is indexed, and watches a
// folder that has come.
func (w *watcher) concerns(ctx context.Context, e fsnotify.Event) bool {
	if e.Op == fsnotify.Chmod {
		return false
	}
	rel, ok := relativeTo(w.folder.dir, e.Name)
	if !ok { // below a link that leads outside
		return true
	}
	if rel == "" || slices.Contains(ignoreFiles, path.Base(rel)) {
		return true
	}
	if w.folder.exactOnly() {
		return slices.Contains(w.folder.exact, rel)
	}
	info, err := os.Stat(e.Name)
	dir := err == nil && info.IsDir()
	if w.folder.leftOut(rel, dir) != "" && !slices.Contains(w.folder.exact, rel) {
		return false
	}
	for _, apart := range w.folder.opts.Apart {
		if e.Name == apart || strings.HasPrefix(e.Name, apart+string(filepath.Separator)) {
			return false
		}
	}
	if dir && e.Has(fsnotify.Create) {
		w.watchAll(ctx)
	}
	return true
}

// sync syncs once and leaves vectors to fill.
func (w *watcher) sync(ctx context.Context, pending chan<- struct{}) {
	r, err := w.syncer.sync(ctx, w.folder, true)
	if ctx.Err() != nil {
		return
	}
	if w.blind != nil && !w.synced {
		r.Warnings = append(r.Warnings, fmt.Sprintf("not every folder can be watched (%v); changes there are noticed every %s", w.blind, w.every()))
	}
	says := fmt.Sprint(r.Failures, r.Warnings, err)
	if w.opts.Synced != nil && (!w.synced || r.New+r.Updated+r.Removed > 0 || says != w.said) {
		w.reporting.Lock()
		w.opts.Synced(r, err)
		w.reporting.Unlock()
	}
	w.said, w.synced = says, true
	if err == nil && r.Pending > 0 {
		select {
		case pending <- struct{}{}:
		default:
		}
	}
}

// fill makes vectors whenever pending says that some are missing.
func (w *watcher) fill(ctx context.Context, pending <-chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-pending:
		}
		filled, err := w.syncer.fill(ctx)
		if ctx.Err() != nil {
			return
		}
		if w.opts.Filled != nil {
			w.reporting.Lock()
			w.opts.Filled(filled, err)
			w.reporting.Unlock()
		}
	}
}
