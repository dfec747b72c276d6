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
			if i%2 == 0 { // too long to be read here
				in.Data = append(in.Data, strings.Repeat("\nMore text.\n", 8000)...)
			}
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

// TestPoolReadsPlainTextHere gives a pool no child to start.
func TestPoolReadsPlainTextHere(t *testing.T) {
	p := newPool(t, &extract.PoolOptions{Executable: "/nonexistent/lore", NoOCR: true, NoOffice: true})
	for _, c := range []struct {
		name, text string
		here       bool
	}{
		{"a.md", "# H\n\nText 文字.\n", true},
		{"a.txt", "Text.\n", true},
		{"long.txt", strings.Repeat("Text. ", 20000), false},
		{"a.html", "<p>Text</p>", false},
		{"page.txt", "<!DOCTYPE html><html><body><p>Text</p></body></html>", false},
		{"a.csv", "a,b\n1,2\n", false},
		{"mail.txt", "From: a@example.com\nTo: b@example.com\nSubject: x\nDate: Mon, 2 Jan 2006 15:04:05 +0000\nMIME-Version: 1.0\n\nText\n", false},
		{"bytes.txt", "%PDF-1.4\n", false},
	} {
		docs, err := p.Extract(context.Background(), ingest.Input{Name: c.name, Data: []byte(c.text)})
		if here := err == nil && len(docs) == 1; here != c.here {
			t.Errorf("%s: read here: %v, want %v (%v)", c.name, here, c.here, err)
		}
	}
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
