package extract_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/ingest/extract"
)

func newPool(t testing.TB, o *extract.PoolOptions) *extract.Pool {
	t.Helper()
	p, err := extract.NewPool(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func TestPoolReadsAsInProcess(t *testing.T) {
	p := newPool(t, nil)
	local := extract.New(nil)
	ctx := context.Background()
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			in := ingest.Input{Name: "a.md", Data: []byte(fmt.Sprintf(
				"---\ntitle: T%d\ndate: 2024-03-0%d\ntags: [a, b]\n---\n# H\n\ntext 文字\n\n| a | b |\n|---|---|\n| 1 | %d |\n", i, i%9+1, i))}
			got, err := p.Extract(ctx, in)
			if err != nil {
				t.Error(err)
				return
			}
			want, err := local.Extract(ctx, in)
			if err != nil {
				t.Error(err)
				return
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("child differs from in-process (-want +got):\n%s", d)
			}
		})
	}
	wg.Wait()
}

func TestPoolCancelled(t *testing.T) {
	p := newPool(t, nil)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := p.Extract(ctx, ingest.Input{Name: "a.txt", Data: []byte("x")}); err == nil || !strings.Contains(err.Error(), "cancel") {
		t.Errorf("got %v, want a cancellation", err)
	}
}

func BenchmarkPoolSmall(b *testing.B) {
	p := newPool(b, nil)
	in := ingest.Input{Name: "a.md", Data: []byte("# H\n\n" + strings.Repeat("Some words in a paragraph.\n\n", 100))}
	for b.Loop() {
		if _, err := p.Extract(context.Background(), in); err != nil {
			b.Fatal(err)
		}
	}
}
