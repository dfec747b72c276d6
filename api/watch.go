package api

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/store"
)

// rootsEvery is how often Watch looks for roots that have come or gone without a
// job of this server.
const rootsEvery = time.Minute

// Watch keeps the remembered roots of all collections in sync until ctx ends,
// roots that come later too. The writing handle is open only while something is
// written.
func (s *Server) Watch(ctx context.Context) error {
	if s.options.Write == nil || s.options.Syncer == nil {
		return errors.New("watch: this server does not write")
	}
	w := &rootWatch{server: s, running: map[string]context.CancelFunc{}, syncers: map[string]*ingest.Syncer{}, leases: map[string]*lease{}, warned: map[string]bool{}}
	defer w.group.Wait()
	check := time.NewTicker(rootsEvery)
	defer check.Stop()
	for {
		w.update(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-s.rooted:
		case <-check.C:
		}
	}
}

// rootWatch is one Watch.
type rootWatch struct {
	server  *Server
	group   sync.WaitGroup
	running map[string]context.CancelFunc // by collection and root
	syncers map[string]*ingest.Syncer     // by collection, so that its roots take turns
	leases  map[string]*lease             // that the syncers write through
	warned  map[string]bool               // by collection: its trouble was told
}

// update begins to watch new roots and lets go of those that are gone.
func (w *rootWatch) update(ctx context.Context) {
	s := w.server
	names, err := s.names(ctx)
	if err != nil {
		s.log.WarnContext(ctx, "watch", "error", err)
		return
	}
	wanted := map[string]bool{}
	for _, name := range names {
		c, err := s.opened(ctx, name)
		if errors.Is(err, store.ErrNoCollection) {
			continue
		}
		var folders []*ingest.Folder
		if err == nil {
			folders, err = s.knownRoots(ctx, c.Store)
		}
		if err != nil {
			if !w.warned[name] {
				s.log.WarnContext(ctx, "not watched", "collection", name, "error", err)
			}
			w.warned[name] = true
			for key := range w.running { // it may be a moment's trouble: what runs goes on
				if strings.HasPrefix(key, name+"\x00") {
					wanted[key] = true
				}
			}
			continue
		}
		delete(w.warned, name)
		for _, folder := range folders {
			key := name + "\x00" + folder.Root().ID
			wanted[key] = true
			if w.running[key] == nil {
				w.begin(ctx, key, name, folder)
			}
		}
	}
	for key, cancel := range w.running {
		if !wanted[key] {
			cancel()
			delete(w.running, key)
		}
	}
}

func (w *rootWatch) begin(ctx context.Context, key, name string, folder *ingest.Folder) {
	s := w.server
	l, err := s.writer(name, false)
	if err != nil {
		return
	}
	syncer := w.syncers[name]
	if syncer == nil || w.leases[name] != l { // the collection may have been removed and made anew
		syncer = s.options.Syncer(name, l, ingest.SyncOptions{})
		w.syncers[name], w.leases[name] = syncer, l
	}
	ctx, cancel := context.WithCancel(ctx)
	w.running[key] = cancel
	w.group.Go(func() {
		defer cancel()
		err := syncer.Watch(ctx, folder, &ingest.WatchOptions{
			Synced: func(report *ingest.Report, err error) {
				if err != nil {
					s.log.WarnContext(ctx, "sync failed", "collection", name, "folder", folder.Dir(), "error", err)
					return
				}
				s.log.InfoContext(ctx, "synced", "collection", name, "folder", folder.Dir(),
					"new", report.New, "updated", report.Updated, "removed", report.Removed, "failed", report.Failed)
			},
			Filled: func(filled ingest.Filled, err error) {
				if err != nil || filled.Warning != "" {
					s.log.WarnContext(ctx, "vectors are missing", "collection", name, "pending", filled.Pending, "warning", filled.Warning, "error", err)
				}
			},
		})
		if err != nil {
			s.log.WarnContext(ctx, "watch ended", "collection", name, "folder", folder.Dir(), "error", err)
		}
	})
}

// Fill makes, in the background, the vectors that collections lack.
func (s *Server) Fill(ctx context.Context) error {
	names, err := s.names(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range names {
		c, err := s.opened(ctx, name)
		if errors.Is(err, store.ErrNoCollection) {
			continue
		}
		var stats store.Stats
		if err == nil {
			stats, err = c.Store.Stats(ctx)
		}
		if err != nil { // the others get theirs all the same
			errs = append(errs, err)
			continue
		}
		if stats.Embedded < stats.Points {
			s.fillLater(name)
		}
	}
	return errors.Join(errs...)
}
