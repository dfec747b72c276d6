package retrieve

import (
	"context"
	"sync"
	"testing"

	"github.com/lore-kb/lore/store"
)

// restless replaces a document each time before bare hits are read, and counts
// what is read.
type restless struct {
	store.Store
	change func()
	mu     sync.Mutex
	read   int
}

func (r *restless) Payloads(ctx context.Context, hits []store.Hit) error {
	r.mu.Lock()
	r.change()
	r.read += len(hits)
	r.mu.Unlock()
	return r.Store.Payloads(ctx, hits)
}

func TestChangeBetweenSearchAndReading(t *testing.T) {
	st := collect(t, nil, library...)
	changes := 0
	r := New(&restless{Store: st, change: func() {
		changes++
		if _, err := st.Remove(context.Background(), store.Filter{Paths: []string{"hr/leave.md"}}); err != nil {
			t.Fatal(err)
		}
	}}, nil)
	result := ask(t, r, Query{Text: "leave second class means"})
	if got := paths(result); changes != 1 || got == "" || result.Passages[0].Text == "" {
		t.Errorf("after %d changes: %q", changes, got)
	}
	for _, p := range result.Passages {
		if p.Path == "hr/leave.md" {
			t.Error("a removed document is found")
		}
	}
}

// TestReadsLittle makes sure that candidates far behind are not read.
func TestReadsLittle(t *testing.T) {
	var many []page
	for i := range 90 {
		many = append(many, page{path: string(rune('a'+i/26)) + string(rune('a'+i%26)) + ".md", chunks: []string{"leave " + string(rune('a'+i/26)) + string(rune('a'+i%26)) + " days"}})
	}
	counted := &restless{Store: collect(t, nil, many...), change: func() {}}
	result := ask(t, New(counted, nil), Query{Text: "leave days", Limit: 5})
	if len(result.Passages) != 5 || counted.read > evidenceDepth+loadAhead || counted.read == 0 {
		t.Errorf("%d passages of %d candidates read", len(result.Passages), counted.read)
	}
}
