package api

import (
	"context"
	"fmt"
	"iter"

	"github.com/lore-kb/lore/store"
)

// unindexed stands for a collection that nobody has indexed yet: it holds
// nothing and takes nothing.
type unindexed struct{ name string }

var _ store.Store = unindexed{}

func (unindexed) Put(context.Context, []store.Document) error { return store.ErrReadOnly }
func (unindexed) Mark(context.Context, []string, store.Status, string) error {
	return store.ErrReadOnly
}
func (unindexed) Remove(context.Context, store.Filter) (int, error) { return 0, store.ErrReadOnly }
func (unindexed) Documents(context.Context, store.Filter) iter.Seq2[store.DocumentInfo, error] {
	return func(func(store.DocumentInfo, error) bool) {}
}
func (unindexed) Text(_ context.Context, id string) (string, error) {
	return "", fmt.Errorf("document %s: %w", id, store.ErrNotFound)
}
func (unindexed) Excerpt(_ context.Context, id string, _, _ int) (string, error) {
	return "", fmt.Errorf("document %s: %w", id, store.ErrNotFound)
}
func (unindexed) Points(context.Context, string, int, int) ([]store.Point, error) { return nil, nil }
func (unindexed) Search(context.Context, store.Query) ([]store.Hit, error)        { return nil, nil }
func (unindexed) Payloads(context.Context, []store.Hit) error                     { return nil }
func (unindexed) Details(_ context.Context, hits []store.Hit) ([][]byte, error) {
	return make([][]byte, len(hits)), nil
}
func (unindexed) IDF(_ context.Context, indices []uint32) ([]float64, error) {
	return make([]float64, len(indices)), nil
}
func (unindexed) Pending(context.Context, int) ([]store.Point, error)   { return nil, nil }
func (unindexed) SetVectors(context.Context, []store.PointVector) error { return store.ErrReadOnly }
func (unindexed) Settings(context.Context) (store.Settings, error)      { return store.Settings{}, nil }
func (unindexed) SetSettings(context.Context, store.Settings) error     { return store.ErrReadOnly }
func (u unindexed) Stats(context.Context) (store.Stats, error) {
	return store.Stats{Collection: u.name}, nil
}
func (unindexed) Close() error { return nil }
