package sqlitestore

import (
	"context"
	"os"
	"testing"

	"github.com/lore-kb/lore/store"
	"github.com/lore-kb/lore/store/storetest"
)

func TestMain(m *testing.M) {
	synchronous = "OFF"
	if run := os.Getenv(childVariable); run != "" {
		child(run)
		return
	}
	os.Exit(m.Run())
}

// checkedStore checks the whole file before it closes.
type checkedStore struct {
	*Store
	t *testing.T
}

func (s checkedStore) Close() error {
	if err := s.read(context.Background(), func(*conn) error { return nil }); err == nil {
		sound := true
		problems, err := s.Check(context.Background())
		if err != nil {
			s.t.Errorf("check: %v", err)
		}
		for _, p := range problems {
			sound = false
			s.t.Errorf("check: %s", p)
		}
		if !sound {
			s.t.FailNow()
		}
	}
	return s.Store.Close()
}

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Harness {
		dir := t.TempDir()
		return storetest.Harness{Open: func(ctx context.Context, o storetest.OpenOptions) (store.Store, error) {
			s, err := Open(ctx, dir, Options{Collection: o.Collection, Model: o.Model, Create: o.Create, ReadOnly: o.ReadOnly, LockTimeout: -1})
			if err != nil {
				return nil, err
			}
			return checkedStore{s, t}, nil
		}}
	})
}
