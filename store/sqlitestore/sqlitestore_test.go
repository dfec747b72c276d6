package sqlitestore

import (
	"context"
	"testing"

	"github.com/lore-kb/lore/store"
	"github.com/lore-kb/lore/store/storetest"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Harness {
		dir := t.TempDir()
		return storetest.Harness{Open: func(ctx context.Context, o storetest.OpenOptions) (store.Store, error) {
			return Open(ctx, dir, Options{Collection: o.Collection, Model: o.Model, Create: o.Create, ReadOnly: o.ReadOnly, LockTimeout: -1})
		}}
	})
}
