package ingest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/lore-kb/lore/store"
)

// innerRoot is a remembered root that lies in the one being synced, which lists
// its files from now on.
type innerRoot struct {
	root   store.Root
	prefix string              // its path below the outer root
	twins  map[string][]string // identifiers of its documents by their file's path below the outer root
	twin   map[string]string   // content of its files, likewise
}

// takePlace finds the root to sync among the remembered ones.
func (r *run) takePlace(ctx context.Context) error {
	settings, err := r.store.Settings(ctx)
	if err != nil && !errors.Is(err, store.ErrNoCollection) {
		return err
	}
	if f, ok := r.src.(*Folder); ok {
		for _, known := range settings.Roots {
			part, err := f.Within(known)
			if err != nil {
				return err
			}
			if part != nil {
				f, r.src = part, part
				break
			}
		}
		for _, known := range settings.Roots {
			if prefix, ok := f.Covers(known); ok {
				r.inner = append(r.inner, &innerRoot{root: known, prefix: prefix, twins: map[string][]string{}, twin: map[string]string{}})
			}
		}
		r.scope = f.Scope()
	}
	r.root = r.src.Root()
	r.collection = r.opts.Collection
	if r.collection == "" {
		stats, err := r.store.Stats(ctx)
		if err != nil {
			return err
		}
		r.collection = stats.Collection
	}
	return nil
}

// remember puts the root into the settings.
func (r *run) remember(ctx context.Context) error {
	settings, err := r.store.Settings(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(settings.Roots, func(k store.Root) bool { return k.ID == r.root.ID })
	switch {
	case i < 0:
		settings.Roots = append(slices.Clip(settings.Roots), r.root)
	case sameRoot(settings.Roots[i], r.root):
		return nil
	default:
		settings.Roots = slices.Clone(settings.Roots)
		settings.Roots[i] = r.root
	}
	if err := r.store.SetSettings(ctx, settings); err != nil {
		return fmt.Errorf("remember %s: %w", place(r.root), err)
	}
	return nil
}

func sameRoot(a, b store.Root) bool {
	return a.ID == b.ID && slices.Equal(a.Include, b.Include) && slices.Equal(a.Exclude, b.Exclude) && maps.Equal(a.Labels, b.Labels)
}

// readInner takes down the documents of the roots that are taken over.
func (r *run) readInner(ctx context.Context) error {
	for _, in := range r.inner {
		for info, err := range r.store.Documents(ctx, store.Filter{Roots: []string{in.root.ID}}) {
			if err != nil {
				return fmt.Errorf("read ledger: %w", err)
			}
			path := in.prefix + "/" + info.Path
			file := r.fileOf(path)
			in.twins[file] = append(in.twins[file], info.ID)
			if path == file && info.Status != store.StatusFailed {
				in.twin[file] = info.Content
			}
		}
	}
	return nil
}

// dropTwin removes the documents that path had under a root taken over.
func (r *run) dropTwin(path string) {
	for _, in := range r.inner {
		ids, ok := in.twins[path]
		if !ok {
			continue
		}
		r.batch.remove = append(r.batch.remove, ids...)
		if content := in.twin[path]; content != "" {
			r.removed[content]++
		}
		delete(in.twins, path)
	}
}

// staleTwin marks the documents that path had under a root taken over, and by
// which it is still found, as it cannot be read any more.
func (r *run) staleTwin(path, reason string) {
	for _, in := range r.inner {
		if in.twin[path] != "" {
			r.batch.mark(in.twins[path], store.StatusStale, reason)
		}
	}
}

// dropTwins removes what is left of the roots taken over, but for files that
// could not be read under the new root or not even be listed.
func (r *run) dropTwins() {
	for _, in := range r.inner {
		for _, path := range slices.Sorted(maps.Keys(in.twins)) {
			if !r.failed[path] && !r.unsure(path) {
				r.report.Removed++
				r.dropTwin(path)
			}
		}
	}
}

// innerLeft is how many files of roots taken over are still stored under them.
func (r *run) innerLeft() int {
	n := 0
	for _, in := range r.inner {
		n += len(in.twins)
	}
	return n
}

// forgetInner drops the roots that are wholly taken over from the settings.
func (r *run) forgetInner(ctx context.Context) error {
	gone := map[string]bool{}
	for _, in := range r.inner {
		if len(in.twins) == 0 {
			gone[in.root.ID] = true
			r.warn("%s is part of %s from now on", place(in.root), place(r.root))
		}
	}
	if len(gone) == 0 {
		return nil
	}
	settings, err := r.store.Settings(ctx)
	if err != nil {
		return err
	}
	settings.Roots = slices.DeleteFunc(slices.Clone(settings.Roots), func(k store.Root) bool { return gone[k.ID] })
	return r.store.SetSettings(ctx, settings)
}
