package sqlitestore

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lore-kb/lore/store"
)

// lookOften lets all merges of larger segments be offered, to stores that look
// for them when they are told to, or all the time.
func lookOften(t *testing.T, wait, look time.Duration) {
	limit, size, oldWait, oldLook := inlineLimit, aheadSize, aheadWait, aheadLook
	t.Cleanup(func() { inlineLimit, aheadSize, aheadWait, aheadLook = limit, size, oldWait, oldLook })
	inlineLimit, aheadSize, aheadWait, aheadLook = 4<<10, 1, wait, look
}

// TestAhead has a reader open what a merge of another handle has written before it
// counts.
func TestAhead(t *testing.T) {
	lookOften(t, time.Hour, time.Hour)
	defer func(rows, fan int) { coarseRows, fanIn = rows, fan }(coarseRows, fanIn)
	coarseRows, fanIn = 50, 1<<20
	ctx := context.Background()
	dir := t.TempDir()
	w := openTest(t, dir, Options{Create: true})
	for i := range 8 {
		putTest(t, w, testDocument(fmt.Sprint(i, ".md"), "v1", 30, 40))
		if err := embedAll(ctx, w, 100); err != nil {
			t.Fatal(err)
		}
	}
	r := openTest(t, dir, Options{ReadOnly: true})
	want := contentOf(t, r)
	for _, kind := range []string{kindPoints, kindVectors} {
		for _, fails := range []bool{true, false} {
			mergeCtx, place := context.WithCancel(ctx)
			var wg sync.WaitGroup
			var merged error
			wg.Go(func() {
				w.writing.Lock()
				defer w.writing.Unlock()
				ix, err := w.current(w.writer)
				if err != nil {
					t.Error(err)
					return
				}
				defer ix.release()
				merged = w.mergeAll(mergeCtx, ix, kind)
			})
			for r.ahead == nil {
				r.lookAhead()
				runtime.Gosched()
			}
			a := r.ahead
			if v := a.vectors; v != nil {
				chunk := v.sections[2*vecCodes] / chunkSize
				if v.coarse == nil || v.languages.codes == nil || v.verified[chunk/32].Load()>>(chunk%32)&1 == 0 {
					t.Error("what searches read was not read ahead")
				}
			}
			if fails {
				if err := os.Remove(w.mergedFile()); err != nil {
					t.Fatal(err)
				}
			}
			place()
			wg.Wait()
			if (merged != nil) != fails {
				t.Fatalf("%s, fails: %v: %v", kind, fails, merged)
			}
			r.lookAhead()
			adopted := false
			r.index.each(func(s *segment) { adopted = adopted || s == a.segment })
			if adopted == fails {
				t.Errorf("%s, fails: %v: adopted: %v", kind, fails, adopted)
			}
			if adopted && !strings.HasSuffix(a.segment.name, ".seg") {
				t.Errorf("errors would name %s", a.segment.name)
			}
			if got := contentOf(t, r); got != want {
				t.Errorf("%s: another content", kind)
			}
			r.lookAhead()
			if r.ahead != nil {
				t.Error("a file that is in place is still held")
			}
			if refs := a.segment.refs.Load(); (refs > 0) == fails {
				t.Errorf("%s, fails: %v: held %d times", kind, fails, refs)
			}
			if _, err := r.Search(ctx, store.Query{Leg: store.LegDense, Dense: testVector("q", 24), Limit: 3, Apart: []string{"en"}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := os.Stat(w.mergedFile()); err == nil {
		t.Error("the file of a merge is left")
	}
	// A damaged one is left alone, for the search to say.
	if err := os.WriteFile(r.mergedFile(), []byte("LORESEG1 of another kind"), 0o644); err != nil {
		t.Fatal(err)
	}
	r.lookAhead()
	if r.ahead != nil {
		t.Error("a damaged file is held")
	}
}

// TestAlone has merges wait only while another store looks for their files.
func TestAlone(t *testing.T) {
	lookOften(t, time.Hour, time.Hour)
	ctx := context.Background()
	dir := t.TempDir()
	w := openTest(t, dir, Options{Create: true})
	for i := range 4 {
		putTest(t, w, testDocument(fmt.Sprint(i, ".md"), "v1", 30, 40))
	}
	if err := embedAll(ctx, w, 100); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	w = openTest(t, dir, Options{})
	contentOf(t, w)
	if !w.alone() {
		t.Error("nobody else has the collection, and it is not alone")
	}
	r := openTest(t, dir, Options{ReadOnly: true})
	contentOf(t, r)
	if w.alone() || r.alone() {
		t.Error("two have the collection, and one is alone")
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if !w.alone() {
		t.Error("the other one is closed, and it is not alone")
	}
	if err := w.Compact(ctx); err != nil { // would wait an hour
		t.Fatal(err)
	}
}

// TestUnused frees indexes once, whoever does it.
func TestUnused(t *testing.T) {
	freed := 0
	held := func(u *unused) *index {
		seg := &segment{unmap: func() error { freed++; return nil }}
		seg.acquire()
		ix := &index{points: []*pointState{{pointSegment: &pointSegment{segment: seg}}}, unused: u}
		ix.acquire()
		return ix
	}
	var u unused
	for _, step := range []struct {
		name  string
		do    func()
		freed int
	}{
		{"nobody frees", func() { held(&u).release() }, 1},
		{"no list", func() { held(nil).release() }, 2},
		{"somebody will", func() { u.open(); held(&u).release(); held(&u).release() }, 2},
		{"somebody does", func() { <-u.wake; u.free() }, 4},
		{"nothing is left", u.free, 4},
		{"the rest at the end", func() { held(&u).release(); u.close() }, 5},
		{"after the end", func() { held(&u).release() }, 6},
	} {
		step.do()
		if freed != step.freed {
			t.Errorf("%s: %d freed, want %d", step.name, freed, step.freed)
		}
	}
}
