package api

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/lore-kb/lore/store"
)

// partStore is a store of which only the documents that a filter selects are
// there: every call adds the filter to its own before it goes to the store, so
// that no route can forget it. It does not write. The filter has paths and
// labels only.
//
// The weights of terms (IDF) are those of the whole collection: how rare a word
// is among all documents can be read off the scores, which documents hold it
// cannot.
type partStore struct {
	store.Store
	limit store.Filter
}

// narrow returns a filter that selects what both filters select, and false when
// that is nothing.
func (l *partStore) narrow(ctx context.Context, f store.Filter) (store.Filter, bool, error) {
	labels := maps.Clone(f.Labels)
	for key, value := range l.limit.Labels {
		if other, ok := labels[key]; ok && other != value {
			return f, false, nil
		}
		if labels == nil {
			labels = map[string]string{}
		}
		labels[key] = value
	}
	f.Labels = labels
	switch {
	case len(l.limit.Paths) == 0:
		return f, true, nil
	case len(f.Paths) == 0:
		f.Paths = slices.Clone(l.limit.Paths)
		return f, true, nil
	}
	// Values of one condition are alternatives, so two lists of paths cannot be
	// one filter: plain prefixes can be compared, globs are resolved to documents.
	if paths, ok := commonPrefixes(l.limit.Paths, f.Paths); ok {
		f.Paths = paths
		return f, len(paths) > 0, nil
	}
	wanted := f
	f.Paths, f.Documents = nil, nil
	for info, err := range l.Store.Documents(ctx, l.limit) {
		if err != nil {
			return f, false, err
		}
		if slices.ContainsFunc(wanted.Paths, func(p string) bool { return store.MatchPath(p, info.Path) }) &&
			(len(wanted.Documents) == 0 || slices.Contains(wanted.Documents, info.ID)) {
			f.Documents = append(f.Documents, info.ID)
		}
	}
	return f, len(f.Documents) > 0, nil
}

// commonPrefixes returns prefixes that select what a prefix of both lists
// selects; false when there is a glob.
func commonPrefixes(a, b []string) ([]string, bool) {
	var out []string
	for _, x := range a {
		for _, y := range b {
			if strings.ContainsAny(x+y, "*?[") {
				return nil, false
			}
			x, y := strings.TrimSuffix(x, "/"), strings.TrimSuffix(y, "/")
			switch {
			case store.MatchPath(x, y):
				out = append(out, y)
			case store.MatchPath(y, x):
				out = append(out, x)
			}
		}
	}
	// The empty prefix selects everything; it is not there when there are others.
	slices.Sort(out)
	return slices.Compact(out), true
}

// sees returns an error wrapping store.ErrNotFound for a document outside of the
// limit.
func (l *partStore) sees(ctx context.Context, id string) error {
	_, err := recordOf(ctx, l, id)
	return err
}

func (l *partStore) Put(context.Context, []store.Document) error { return store.ErrReadOnly }
func (l *partStore) Mark(context.Context, []string, store.Status, string) error {
	return store.ErrReadOnly
}
func (l *partStore) Remove(context.Context, store.Filter) (int, error)            { return 0, store.ErrReadOnly }
func (l *partStore) SetVectors(context.Context, []store.PointVector) error        { return store.ErrReadOnly }
func (l *partStore) SetSettings(context.Context, store.Settings) error            { return store.ErrReadOnly }
func (l *partStore) Pending(context.Context, int) (points []store.Point, _ error) { return nil, nil }

func (l *partStore) Documents(ctx context.Context, f store.Filter) iter.Seq2[store.DocumentInfo, error] {
	return func(yield func(store.DocumentInfo, error) bool) {
		f, any, err := l.narrow(ctx, f)
		if err != nil {
			yield(store.DocumentInfo{}, err)
			return
		}
		if !any {
			return
		}
		for info, err := range l.Store.Documents(ctx, f) {
			info.URI = public(info.URI)
			if !yield(info, err) {
				return
			}
		}
	}
}

func (l *partStore) Text(ctx context.Context, id string) (string, error) {
	if err := l.sees(ctx, id); err != nil {
		return "", err
	}
	return l.Store.Text(ctx, id)
}

func (l *partStore) Excerpt(ctx context.Context, id string, start, end int) (string, error) {
	if err := l.sees(ctx, id); err != nil {
		return "", err
	}
	return l.Store.Excerpt(ctx, id, start, end)
}

func (l *partStore) Points(ctx context.Context, id string, first, last int) ([]store.Point, error) {
	if err := l.sees(ctx, id); err != nil {
		return nil, err
	}
	points, err := l.Store.Points(ctx, id, first, last)
	for i := range points {
		points[i].Payload.URI = public(points[i].Payload.URI)
	}
	return points, err
}

func (l *partStore) Search(ctx context.Context, q store.Query) ([]store.Hit, error) {
	f, any, err := l.narrow(ctx, q.Filter)
	if err != nil || !any {
		return nil, err
	}
	q.Filter = f
	hits, err := l.Store.Search(ctx, q)
	for i := range hits {
		hits[i].Payload.URI = public(hits[i].Payload.URI)
	}
	return hits, err
}

func (l *partStore) Payloads(ctx context.Context, hits []store.Hit) error {
	err := l.Store.Payloads(ctx, hits)
	for i := range hits {
		p := &hits[i].Payload
		if !l.limit.MatchPayload(p) {
			*p = store.Payload{}
		}
		p.URI = public(p.URI)
	}
	return err
}

// public returns a URI unless it says where a file lies on the server.
func public(uri string) string {
	if strings.HasPrefix(uri, "file:") {
		return ""
	}
	return uri
}

// Settings holds no roots: where documents lie on the server is not told.
func (l *partStore) Settings(ctx context.Context) (store.Settings, error) {
	settings, err := l.Store.Settings(ctx)
	settings.Roots = nil
	return settings, err
}

// Stats counts what is seen. Languages are those of documents, since chunks are
// not looked at.
func (l *partStore) Stats(ctx context.Context) (store.Stats, error) {
	whole, err := l.Store.Stats(ctx)
	if err != nil {
		return whole, err
	}
	stats := store.Stats{Collection: whole.Collection, Model: whole.Model, Languages: map[string]int{}}
	for info, err := range l.Documents(ctx, store.Filter{}) {
		if err != nil {
			return store.Stats{}, fmt.Errorf("count documents: %w", err)
		}
		if info.Status == store.StatusFailed {
			stats.Failed++
			continue
		}
		stats.Documents++
		stats.Points += info.Chunks
		stats.Embedded += info.Embedded
		stats.Bytes += int64(info.Bytes)
		stats.Languages[info.Language] += info.Chunks
	}
	return stats, nil
}

// Close leaves the store to its owner.
func (l *partStore) Close() error { return nil }
