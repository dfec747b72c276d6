package sqlitestore

import (
	"context"
	"fmt"
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

// BenchmarkCommit stores one small document, with the fsync that lets it survive
// power loss and without.
func BenchmarkCommit(b *testing.B) {
	defer func(s string) { synchronous = s }(synchronous)
	for _, level := range []string{"FULL", "NORMAL"} {
		synchronous = level
		b.Run("synchronous="+level, func(b *testing.B) {
			s := openTest(b, b.TempDir(), Options{Create: true})
			i := 0
			for b.Loop() {
				putTest(b, s, testDocument(fmt.Sprint(i, ".md"), "v1", 2, 50))
				i++
			}
		})
	}
}
