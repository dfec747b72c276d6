package ingest

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/lore-kb/lore/store"
	"github.com/lore-kb/lore/store/qdrantstore"
	"github.com/lore-kb/lore/store/qdrantstore/qdranttest"
)

// TestSyncOnBothStores syncs one folder, as it changes, into both stores: they
// must hold the same.
func TestSyncOnBothStores(t *testing.T) {
	here := newBench(t)
	remote, err := qdrantstore.Open(t.Context(), qdrantstore.Options{
		Address: qdranttest.Start(t).Address(), Create: true, Model: store.Model{Fingerprint: "counter/2", Dimension: 2},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = remote.Close() })
	there := &bench{t: t, dir: here.dir, st: remote, x: &reader{}, e: &counter{}, now: here.now}
	both := func(name string) {
		t.Helper()
		a, b := here.sync(here.folder(name, nil)), there.sync(there.folder(name, nil))
		want(t, summary(a), summary(b))
		want(t, here.ls(), there.ls())
		want(t, here.contents(), there.contents())
		want(t, here.roots(), there.roots())
		want(t, a.Embedded, b.Embedded)
	}
	for i := range 12 {
		here.write(fmt.Sprintf("docs/f%d.txt", i), fmt.Sprintf("# File %d\n\n%s", i, strings.Repeat("Some text of it. ", 100*i)))
	}
	here.write("docs/box.txt", "=\nfirst\nsecond")
	here.write("docs/torn.txt", "!torn")
	both("docs")
	both("docs")
	here.write("docs/f1.txt", "changed")
	here.write("docs/f2.txt", "!torn")
	here.write("docs/box.txt", "=\nfirst")
	here.remove("docs/f3.txt")
	if err := os.Rename(here.path("docs/f4.txt"), here.path("docs/renamed.txt")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(here.path("docs/f5.txt"), time.Time{}, time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	both("docs")
	here.write("docs/f2.txt", "mended")
	both(".")
	both(".")
}
