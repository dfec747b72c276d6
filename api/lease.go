package api

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/lore-kb/lore/store"
)

// leaseIdle is how long a writing handle stays open without being used: long
// enough for the calls of one sync, short enough that other processes get their
// turn.
const leaseIdle = time.Second

// lease is a store that is open for writing only while it is used, so that the
// server does not keep other processes from writing. It is safe for concurrent
// use.
type lease struct {
	open   func(ctx context.Context, create bool) (store.Store, error)
	create bool // make the collection when it is not there

	mu     sync.Mutex
	st     store.Store
	users  int
	timer  *time.Timer
	closed bool
}

var _ store.Store = (*lease)(nil)

// hold opens the handle, or keeps it open, until the returned function is
// called.
func (l *lease) hold(ctx context.Context) (store.Store, func(), error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, nil, store.ErrReadOnly
	}
	if l.timer != nil {
		l.timer.Stop()
	}
	if l.st == nil {
		st, err := l.open(ctx, l.create)
		if err != nil {
			return nil, nil, err
		}
		l.st = st
	}
	l.users++
	return l.st, l.release, nil
}

func (l *lease) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.users--; l.users > 0 || l.st == nil {
		return
	}
	if l.closed {
		l.shut()
		return
	}
	l.timer = time.AfterFunc(leaseIdle, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.users == 0 {
			l.shut()
		}
	})
}

// shut closes the handle; the caller holds mu.
func (l *lease) shut() error {
	if l.st == nil {
		return nil
	}
	err := l.st.Close()
	l.st = nil
	return err
}

// Close closes the handle for good, or lets its last user do so.
func (l *lease) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.timer != nil {
		l.timer.Stop()
	}
	if l.users > 0 {
		return nil
	}
	return l.shut()
}

// with calls f with the handle.
func (l *lease) with(ctx context.Context, f func(store.Store) error) error {
	st, release, err := l.hold(ctx)
	if err != nil {
		return err
	}
	defer release()
	return f(st)
}

func (l *lease) Put(ctx context.Context, docs []store.Document) error {
	return l.with(ctx, func(st store.Store) error { return st.Put(ctx, docs) })
}

func (l *lease) Mark(ctx context.Context, ids []string, status store.Status, reason string) error {
	return l.with(ctx, func(st store.Store) error { return st.Mark(ctx, ids, status, reason) })
}

func (l *lease) Remove(ctx context.Context, f store.Filter) (n int, err error) {
	err = l.with(ctx, func(st store.Store) error { n, err = st.Remove(ctx, f); return err })
	return n, err
}

func (l *lease) Documents(ctx context.Context, f store.Filter) iter.Seq2[store.DocumentInfo, error] {
	return func(yield func(store.DocumentInfo, error) bool) {
		st, release, err := l.hold(ctx)
		if err != nil {
			yield(store.DocumentInfo{}, err)
			return
		}
		defer release()
		st.Documents(ctx, f)(yield)
	}
}

func (l *lease) Text(ctx context.Context, id string) (text string, err error) {
	err = l.with(ctx, func(st store.Store) error { text, err = st.Text(ctx, id); return err })
	return text, err
}

func (l *lease) Excerpt(ctx context.Context, id string, start, end int) (text string, err error) {
	err = l.with(ctx, func(st store.Store) error { text, err = st.Excerpt(ctx, id, start, end); return err })
	return text, err
}

func (l *lease) Points(ctx context.Context, id string, first, last int) (points []store.Point, err error) {
	err = l.with(ctx, func(st store.Store) error { points, err = st.Points(ctx, id, first, last); return err })
	return points, err
}

func (l *lease) Search(ctx context.Context, q store.Query) (hits []store.Hit, err error) {
	err = l.with(ctx, func(st store.Store) error { hits, err = st.Search(ctx, q); return err })
	return hits, err
}

func (l *lease) Details(ctx context.Context, hits []store.Hit) (out [][]byte, err error) {
	err = l.with(ctx, func(st store.Store) (err error) {
		out, err = st.Details(ctx, hits)
		return err
	})
	return out, err
}

func (l *lease) Payloads(ctx context.Context, hits []store.Hit) error {
	return l.with(ctx, func(st store.Store) error { return st.Payloads(ctx, hits) })
}

func (l *lease) IDF(ctx context.Context, indices []uint32) (idf []float64, err error) {
	err = l.with(ctx, func(st store.Store) error { idf, err = st.IDF(ctx, indices); return err })
	return idf, err
}

func (l *lease) Pending(ctx context.Context, limit int) (points []store.Point, err error) {
	err = l.with(ctx, func(st store.Store) error { points, err = st.Pending(ctx, limit); return err })
	return points, err
}

func (l *lease) SetVectors(ctx context.Context, vectors []store.PointVector) error {
	return l.with(ctx, func(st store.Store) error { return st.SetVectors(ctx, vectors) })
}

func (l *lease) Settings(ctx context.Context) (settings store.Settings, err error) {
	err = l.with(ctx, func(st store.Store) error { settings, err = st.Settings(ctx); return err })
	return settings, err
}

func (l *lease) SetSettings(ctx context.Context, settings store.Settings) error {
	return l.with(ctx, func(st store.Store) error { return st.SetSettings(ctx, settings) })
}

func (l *lease) Stats(ctx context.Context) (stats store.Stats, err error) {
	err = l.with(ctx, func(st store.Store) error { stats, err = st.Stats(ctx); return err })
	return stats, err
}
