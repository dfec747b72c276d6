package sqlitestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lore-kb/lore/store"
)

var otherModel = store.Model{Fingerprint: "other/40", Dimension: 40}

// fillSwitch gives at most calls batches of points their next vectors; a
// negative number means all.
func fillSwitch(ctx context.Context, w store.Switch, m store.Model, batch, calls int) error {
	for ; calls != 0; calls-- {
		pending, err := w.Pending(ctx, batch)
		if err != nil || len(pending) == 0 {
			return err
		}
		var v []store.PointVector
		for _, p := range pending {
			v = append(v, store.PointVector{ID: p.ID, Digest: p.Digest, Vector: testVector(p.Digest, m.Dimension), Detail: testDetail(p.Digest + m.Fingerprint)})
		}
		if err := w.SetVectors(ctx, v); err != nil {
			return err
		}
	}
	return nil
}

// switchDocuments are what the tests of this file switch.
func switchDocuments(version string) []store.Document {
	var docs []store.Document
	for i := range 30 {
		docs = append(docs, testDocument(fmt.Sprintf("d%d/%d.md", i%5, i), version, 1+i%6, 30))
	}
	return append(docs, textDocument("same1.md", version, "the same text"), textDocument("same2.md", version, "the same text"))
}

// freshContent is what a new collection of a model answers with these documents.
func freshContent(t *testing.T, m store.Model, docs ...store.Document) string {
	t.Helper()
	s := openTest(t, t.TempDir(), Options{Create: true, Model: m})
	putTest(t, s, docs...)
	if err := embedAll(t.Context(), s, 50); err != nil {
		t.Fatal(err)
	}
	return contentOf(t, s)
}

func beginTest(t *testing.T, s *Store, m store.Model) store.Switch {
	t.Helper()
	w, err := s.BeginSwitch(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func switching(t *testing.T, s *Store) store.SwitchStatus {
	t.Helper()
	st, err := s.Switching(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func setTest[T any](t *testing.T, variable *T, value T) {
	old := *variable
	*variable = value
	t.Cleanup(func() { *variable = old })
}

func TestSwitch(t *testing.T) {
	for _, inline := range []int{2 << 20, 1 << 10} { // segments as rows, and as files
		t.Run(fmt.Sprint(inline), func(t *testing.T) {
			setTest(t, &inlineLimit, inline)
			setTest(t, &switchBytes, 30*4*otherModel.Dimension)
			setTest(t, &fanIn, 3)
			testSwitch(t)
		})
	}
}

func testSwitch(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	s := openTest(t, dir, Options{Create: true})
	docs := switchDocuments("v1")
	putTest(t, s, docs...)
	if err := embedAll(ctx, s, 20); err != nil {
		t.Fatal(err)
	}
	total := 30*7/2 + 2
	before := contentOf(t, s)
	if st := switching(t, s); st != (store.SwitchStatus{Current: testModel}) {
		t.Errorf("before: %+v", st)
	}
	if err := s.Rollback(ctx); err == nil || !strings.Contains(err.Error(), "no earlier model") {
		t.Errorf("rollback of nothing: %v", err)
	}
	if _, err := s.BeginSwitch(ctx, testModel); err == nil {
		t.Error("switched to the model that it has")
	}
	w := beginTest(t, s, otherModel)
	if err := w.SetVectors(ctx, []store.PointVector{{ID: docs[0].Points[0].ID, Digest: docs[0].Points[0].Digest, Vector: make(store.Vector, 3)}}); !errors.Is(err, store.ErrDimension) {
		t.Errorf("a vector of another length: %v", err)
	}
	if err := fillSwitch(ctx, w, otherModel, 7, 5); err != nil {
		t.Fatal(err)
	}
	if _, err := s.BeginSwitch(ctx, store.Model{Fingerprint: "third", Dimension: 5}); err == nil || !strings.Contains(err.Error(), otherModel.Fingerprint) {
		t.Errorf("a second switch: %v", err)
	}
	if got := contentOf(t, s); got != before {
		t.Error("the collection answers otherwise while the switch is under way")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	// Another process goes on, while documents change.
	s = openTest(t, dir, Options{})
	reader := openTest(t, dir, Options{ReadOnly: true})
	if st := switching(t, reader); st.Current != testModel || st.Next != otherModel || st.Points != total || st.Embedded < 35 || st.Embedded > 36 {
		t.Errorf("under way: %+v", st)
	}
	w = beginTest(t, s, otherModel)
	if err := fillSwitch(ctx, w, otherModel, 7, 3); err != nil {
		t.Fatal(err)
	}
	docs[3] = testDocument(docs[3].Path, "v2", 5, 30)
	putTest(t, s, docs[3], docs[4])
	if _, err := s.Remove(ctx, store.Filter{Paths: []string{docs[9].Path}}); err != nil {
		t.Fatal(err)
	}
	if err := fillSwitch(ctx, w, otherModel, 7, -1); err != nil {
		t.Fatal(err)
	}
	docs[8] = testDocument(docs[8].Path, "v3", 2, 30)
	putTest(t, s, docs[8])
	if err := w.Sync(ctx); err != nil {
		t.Fatal(err)
	}
	if err := fillSwitch(ctx, w, otherModel, 7, -1); err != nil {
		t.Fatal(err)
	}
	docs = append(docs[:9], docs[10:]...)
	if err := w.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	// Who opened it with the old model is told so.
	var mismatch *store.ModelMismatchError
	if err := w.Commit(ctx); !errors.As(err, &mismatch) {
		t.Errorf("second commit: %v", err)
	}
	if _, err := reader.Search(ctx, store.Query{Leg: store.LegDense, Dense: testVector("x", testModel.Dimension), Limit: 3}); !errors.As(err, &mismatch) || mismatch.Stored != otherModel {
		t.Errorf("dense search with the old model: %v", err)
	}
	words := testSparse("everywhere")
	if hits, err := reader.Search(ctx, store.Query{Leg: store.LegSparse, Sparse: words, Limit: 3}); err != nil || len(hits) != 3 {
		t.Errorf("sparse search of the old handle: %d hits, %v", len(hits), err)
	}
	if err := s.Put(ctx, docs[:1]); !errors.As(err, &mismatch) {
		t.Errorf("write of the old handle: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(ctx, dir, Options{Model: testModel, LockTimeout: -1}); !errors.As(err, &mismatch) {
		t.Errorf("open with the old model: %v", err)
	}

	s = openTest(t, dir, Options{Model: otherModel})
	clean(t, s)
	if got, want := contentOf(t, s), freshContent(t, otherModel, docs...); got != want {
		t.Errorf("after the switch:\n%s\nwant\n%s", got, want)
	}
	if st := switching(t, s); st != (store.SwitchStatus{Current: otherModel, Previous: testModel}) {
		t.Errorf("after: %+v", st)
	}
	// Work goes on, merges included, and what was set aside stays.
	docs[1] = testDocument(docs[1].Path, "v4", 6, 30)
	putTest(t, s, docs[1])
	if err := embedAll(ctx, s, 1); err != nil {
		t.Fatal(err)
	}
	if err := s.Compact(ctx); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "copy.db")
	if err := s.Backup(ctx, file); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	for _, path := range []string{dir, file} {
		back := openTest(t, path, Options{Model: otherModel})
		if err := back.Rollback(ctx); err != nil {
			t.Fatal(err)
		}
		if err := back.Close(); err != nil {
			t.Fatal(err)
		}
		back = openTest(t, path, Options{})
		clean(t, back)
		stats, err := back.Stats(ctx)
		if err != nil || stats.Points-stats.Embedded != 5+2+6 { // of documents that changed since the old model embedded
			t.Errorf("after rollback %d of %d points have vectors (%v)", stats.Embedded, stats.Points, err)
		}
		aside, err := back.writer.int("SELECT sum(points) FROM segments WHERE kind = ?", kindPrevious)
		if err != nil || aside != int64(stats.Points) { // all of the one model, none of another
			t.Errorf("after rollback %d vectors are set aside for %d points (%v)", aside, stats.Points, err)
		}
		if err := embedAll(ctx, back, 20); err != nil {
			t.Fatal(err)
		}
		clean(t, back)
		if path == dir {
			if got, want := contentOf(t, back), freshContent(t, testModel, docs...); got != want {
				t.Errorf("after rollback:\n%s\nwant\n%s", got, want)
			}
		}
		if st := switching(t, back); st.Current != testModel || st.Previous != otherModel {
			t.Errorf("after rollback: %+v", st)
		}
		if err := back.DropPrevious(ctx); err != nil {
			t.Fatal(err)
		}
		if st := switching(t, back); st != (store.SwitchStatus{Current: testModel}) {
			t.Errorf("after the previous model was dropped: %+v", st)
		}
		clean(t, back)
	}
}

func TestAbandonSwitch(t *testing.T) {
	ctx := t.Context()
	s := openTest(t, t.TempDir(), Options{Create: true})
	putTest(t, s, switchDocuments("v1")...)
	if err := embedAll(ctx, s, 50); err != nil {
		t.Fatal(err)
	}
	before := contentOf(t, s)
	w := beginTest(t, s, otherModel)
	if err := fillSwitch(ctx, w, otherModel, 7, 2); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time does nothing
		if err := w.Abandon(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Pending(ctx, 1); !errors.Is(err, errNoSwitch) {
		t.Errorf("pending of what was abandoned: %v", err)
	}
	if st := switching(t, s); st != (store.SwitchStatus{Current: testModel}) {
		t.Errorf("after: %+v", st)
	}
	if got := contentOf(t, s); got != before {
		t.Error("abandoning has changed the collection")
	}
	w = beginTest(t, s, otherModel)
	if pending, err := w.Pending(ctx, 1000); err != nil || len(pending) != 107 {
		t.Errorf("the next switch begins with %d points (%v)", len(pending), err)
	}
}

// countdown is a context that ends when it has been asked so often.
type countdown struct {
	context.Context
	left int
}

func (c *countdown) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// TestSwitchBrokenOff ends a commit at each point where it looks whether it
// should, and expects nothing to be changed until it is whole.
func TestSwitchBrokenOff(t *testing.T) {
	setTest(t, &inlineLimit, 1<<10)
	setTest(t, &switchBytes, 10*4*otherModel.Dimension)
	dir := t.TempDir()
	s := openTest(t, dir, Options{Create: true})
	docs := switchDocuments("v1")
	putTest(t, s, docs...)
	if err := embedAll(t.Context(), s, 50); err != nil {
		t.Fatal(err)
	}
	before := contentOf(t, s)
	w := beginTest(t, s, otherModel)
	if err := fillSwitch(t.Context(), w, otherModel, 50, -1); err != nil {
		t.Fatal(err)
	}
	for n := 0; ; n++ {
		err := w.Commit(&countdown{t.Context(), n})
		if err == nil {
			if n < 30 {
				t.Errorf("the commit looked only %d times whether to go on", n)
			}
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if st := switching(t, s); st != (store.SwitchStatus{Current: testModel, Next: otherModel, Points: 107, Embedded: 107}) {
			t.Fatalf("broken off at %d: %+v", n, st)
		}
		if n%8 == 0 && contentOf(t, s) != before {
			t.Fatalf("broken off at %d: the collection answers otherwise", n)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openTest(t, dir, Options{Model: otherModel})
	clean(t, s)
	if contentOf(t, s) != freshContent(t, otherModel, docs...) {
		t.Error("the collection differs from a new one of the other model")
	}
}

// switchScript brings a collection from testModel to otherModel, from wherever
// it was left.
func switchScript(dir string) error {
	inlineLimit, switchBytes = 4<<10, 20*4*otherModel.Dimension
	ctx := context.Background()
	s, err := Open(ctx, dir, Options{LockTimeout: 20 * time.Second})
	if err != nil {
		return err
	}
	defer s.Close()
	fmt.Println("open")
	st, err := s.Switching(ctx)
	if err != nil || st.Current == otherModel {
		return err
	}
	w, err := s.BeginSwitch(ctx, otherModel)
	if err != nil {
		return err
	}
	if err := fillSwitch(ctx, w, otherModel, 7, -1); err != nil {
		return err
	}
	return w.Commit(ctx)
}

// TestSwitchKilled kills a switch again and again until one gets through.
func TestSwitchKilled(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir, Options{Create: true})
	docs := switchDocuments("v1")
	putTest(t, s, docs...)
	if err := embedAll(t.Context(), s, 50); err != nil {
		t.Fatal(err)
	}
	want := map[store.Model]string{testModel: contentOf(t, s), otherModel: freshContent(t, otherModel, docs...)}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	kills, embedded := 0, 0
	for {
		cmd := childCommand(t, "switch", dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		_, _ = out.Read(make([]byte, 1))
		// Longer each time, so that the end is met.
		timer := time.AfterFunc(time.Duration(r.IntN(4000*(kills+1)))*time.Microsecond, func() { _ = cmd.Process.Kill() })
		rest, _ := io.ReadAll(out)
		err = cmd.Wait()
		timer.Stop()
		if cmd.ProcessState.ExitCode() == 1 {
			t.Fatalf("kill %d: the child failed: %s", kills, rest)
		}
		st := lookAtSwitch(t, dir, want)
		if st.Next == otherModel && st.Embedded < embedded {
			t.Fatalf("kill %d: %d vectors, there were %d", kills, st.Embedded, embedded)
		}
		embedded = st.Embedded
		if err == nil {
			if st.Current != otherModel {
				t.Fatalf("the switch ended with %+v", st)
			}
			break
		}
		kills++
	}
	t.Logf("%d kills", kills)
}

// lookAtSwitch expects a sound collection of one of two models.
func lookAtSwitch(t *testing.T, dir string, want map[store.Model]string) store.SwitchStatus {
	t.Helper()
	s, err := Open(t.Context(), dir, Options{LockTimeout: -1})
	if err != nil {
		t.Fatal(err)
	}
	st := switching(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, err = Open(t.Context(), dir, Options{Model: st.Current, LockTimeout: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	clean(t, s)
	if contentOf(t, s) != want[st.Current] {
		t.Fatalf("a collection of %s differs", st.Current.Fingerprint)
	}
	return st
}
