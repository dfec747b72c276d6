package sqlitestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lore-kb/lore/store"
)

// TestMerge compares a collection that merged often with one that never did,
// while readers search.
func TestMerge(t *testing.T) {
	defer func(limit, fan int) { inlineLimit, fanIn = limit, fan }(inlineLimit, fanIn)
	ctx := context.Background()
	write := func(s *Store, check func()) string {
		for i := range 60 {
			putTest(t, s, testDocument(fmt.Sprint(i, ".md"), "v1", 1+i%9, 50))
			if i%3 == 2 {
				putTest(t, s, testDocument(fmt.Sprint(i/2, ".md"), "v2", 1+i%4, 50))
			}
			if i%6 == 5 {
				if err := embedAll(ctx, s, 25); err != nil {
					t.Fatal(err)
				}
			}
			if i%10 == 9 {
				if _, err := s.Remove(ctx, store.Filter{Paths: []string{fmt.Sprint(i-7, ".md")}}); err != nil {
					t.Fatal(err)
				}
			}
			check()
		}
		return contentOf(t, s)
	}
	fanIn = 1 << 20
	plain := openTest(t, t.TempDir(), Options{Create: true})
	want := write(plain, func() {})
	if ix := indexOf(t, plain); len(ix.points) < 40 {
		t.Fatalf("%d segments", len(ix.points))
	}
	lookOften(t, 0, time.Millisecond)
	inlineLimit, fanIn = 16<<10, 3
	dir := t.TempDir()
	merged := openTest(t, dir, Options{Create: true})
	reader := openTest(t, dir, Options{ReadOnly: true})
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			if _, err := reader.Search(ctx, store.Query{Leg: store.LegSparse, Sparse: testSparse("everywhere w1 w2"), Limit: 10}); err != nil {
				t.Error(err)
				return
			}
		}
	})
	got := write(merged, func() {})
	close(done)
	wg.Wait()
	if got != want {
		t.Error("merging changes answers")
	}
	clean(t, merged)
	if err := merged.Compact(ctx); err != nil {
		t.Fatal(err)
	}
	if got := contentOf(t, merged); got != want {
		t.Error("compacting changes answers")
	}
	if got := contentOf(t, reader); got != want {
		t.Error("a reader sees another content after compacting")
	}
	clean(t, merged)
	ix := indexOf(t, merged)
	if len(ix.points) != 1 || len(ix.vectors) != 1 || ix.points[0].nDead != 0 {
		t.Errorf("%d and %d segments after compacting", len(ix.points), len(ix.vectors))
	}
	n, err := merged.writer.int("SELECT (SELECT count(*) FROM dead) + (SELECT count(*) FROM dead_vectors)")
	if err != nil || n != 0 {
		t.Errorf("%d notes of removed points are left, %v", n, err)
	}
}

func indexOf(t testing.TB, s *Store) *index {
	t.Helper()
	var ix *index
	if err := s.read(context.Background(), func(c *conn) (err error) {
		ix, err = s.current(c)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ix.release)
	return ix
}

func TestBackup(t *testing.T) {
	dir := t.TempDir()
	filled(t, dir)
	s := openTest(t, dir, Options{})
	want := contentOf(t, s)
	ctx := context.Background()
	file := filepath.Join(t.TempDir(), "copy.db")
	if err := s.Backup(ctx, file); err != nil {
		t.Fatal(err)
	}
	if err := s.Backup(ctx, file); !errors.Is(err, os.ErrExist) {
		t.Errorf("backup over a file: %v", err)
	}
	putTest(t, s, testDocument("later.md", "v1", 3, 20))
	for _, readOnly := range []bool{true, false, true} {
		s := openTest(t, file, Options{ReadOnly: readOnly})
		if got := contentOf(t, s); got != want {
			t.Errorf("read-only %v: another content", readOnly)
		}
		clean(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	// A copy of a copy, and one that goes on.
	s = openTest(t, file, Options{})
	again := filepath.Join(t.TempDir(), "again.db")
	if err := s.Backup(ctx, again); err != nil {
		t.Fatal(err)
	}
	s = openTest(t, again, Options{})
	putTest(t, s, testDocument("later.md", "v1", 3, 20))
	clean(t, s)
}

func TestCollections(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if got, err := Collections(dir); err != nil || len(got) != 0 {
		t.Errorf("no folder: %v, %v", got, err)
	}
	for _, name := range []string{"b", "a", "手册"} {
		if err := openTest(t, dir, Options{Collection: name, Create: true}).Close(); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Collections(dir)
	if err != nil || !slices.Equal(got, []string{"a", "b", "手册"}) {
		t.Errorf("collections %v, %v", got, err)
	}
	ctx := context.Background()
	if err := RemoveCollection(ctx, dir, "b"); err != nil {
		t.Fatal(err)
	}
	if err := RemoveCollection(ctx, dir, "b"); !errors.Is(err, store.ErrNoCollection) {
		t.Errorf("remove twice: %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "b") {
			t.Errorf("%s is left behind", e.Name())
		}
	}
	for _, name := range []string{"a/b", "..", `a\b`, "a:b"} {
		if _, err := Open(ctx, dir, Options{Collection: name, Create: true}); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("collection %q: error %v", name, err)
		}
	}
}

func TestNewerVersion(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir, Options{Create: true})
	if _, err := s.writer.exec("PRAGMA user_version = 99"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, readOnly := range []bool{true, false} {
		if _, err := Open(context.Background(), dir, Options{ReadOnly: readOnly, Create: !readOnly, LockTimeout: -1}); !errors.Is(err, store.ErrNewerVersion) || !strings.Contains(err.Error(), "install the newer lore") {
			t.Errorf("read-only %v: error %v", readOnly, err)
		}
	}
}

func TestForeignFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "default.db"), []byte(strings.Repeat("not a database ", 1000)), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, readOnly := range []bool{true, false} {
		_, err := Open(context.Background(), dir, Options{ReadOnly: readOnly, Create: !readOnly, LockTimeout: -1})
		if !errors.Is(err, store.ErrCorrupt) || !strings.Contains(err.Error(), "default.db") {
			t.Errorf("read-only %v: error %v", readOnly, err)
		}
	}
	c, err := openConn(filepath.Join(dir, "other.db"), "rwc", false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.exec("CREATE TABLE notes (x)"); err != nil {
		t.Fatal(err)
	}
	if err := c.close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(context.Background(), dir, Options{Collection: "other", Create: true}); err == nil || !strings.Contains(err.Error(), "another program") {
		t.Errorf("a database of another program: %v", err)
	}
}

// TestWritesDuringMerge writes between the reading of segments and the exchange
// for their merger, as happens while a merge runs in the background.
func TestWritesDuringMerge(t *testing.T) {
	defer func(fan int) { fanIn = fan }(fanIn)
	fanIn = 1 << 20
	ctx := context.Background()
	s := openTest(t, t.TempDir(), Options{Create: true})
	var last store.Document
	for i := range 8 {
		last = testDocument(fmt.Sprint(i, ".md"), "v1", 6, 30)
		putTest(t, s, last)
		if err := embedAll(ctx, s, 10); err != nil {
			t.Fatal(err)
		}
	}
	for _, kind := range []string{kindPoints, kindVectors} {
		ix := indexOf(t, s)
		p := &plan{kind: kind}
		if kind == kindPoints {
			p.points = ix.points
		} else {
			p.vectors = ix.vectors
		}
		s.writing.Lock()
		s.merging = map[int64]bool{}
		for _, id := range p.rows() {
			s.merging[id] = true
		}
		s.writing.Unlock()
		var buf bytes.Buffer
		n, size, err := s.build(&buf, p, func() error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		if err := s.SetVectors(ctx, []store.PointVector{{ID: last.Points[2].ID, Digest: last.Points[2].Digest, Vector: testVector("changed while "+kind, testModel.Dimension), Detail: testDetail("changed while " + kind)}}); err != nil {
			t.Fatal(err)
		}
		putTest(t, s, testDocument("1.md", "while "+kind, 3, 30), testDocument("new "+kind, "v1", 2, 10))
		if _, err := s.Remove(ctx, store.Filter{Paths: []string{map[string]string{kindPoints: "2.md", kindVectors: "3.md"}[kind]}}); err != nil {
			t.Fatal(err)
		}
		want := contentOf(t, s)
		s.writing.Lock()
		err = s.replace(ix, p, n, size, func(*txn, int64) ([]byte, error) { return buf.Bytes(), nil })
		s.merging = nil
		s.writing.Unlock()
		if err != nil {
			t.Fatal(err)
		}
		if got := contentOf(t, s); got != want {
			t.Errorf("exchanging %s changes answers", kind)
		}
		clean(t, s)
		// The same from a fresh start.
		again := openTest(t, filepath.Dir(s.file), Options{ReadOnly: true})
		if got := contentOf(t, again); got != want {
			t.Errorf("after reopening, exchanging %s changes answers", kind)
		}
	}
}

// TestCleared removes more than a transaction deletes whole: the rest goes in the
// background, or when the collection is next written to.
func TestCleared(t *testing.T) {
	defer func(n int) { removedAtOnce = n }(removedAtOnce)
	removedAtOnce = 4
	ctx := context.Background()
	dir := t.TempDir()
	s := openTest(t, dir, Options{Create: true})
	var docs []store.Document
	for i := range 250 {
		docs = append(docs, testDocument(fmt.Sprintf("d%d/%d.md", i%5, i), "v1", 2, 20))
	}
	// The same document twice in a call: the first is removed before any index
	// knows it.
	putTest(t, s, append(docs, testDocument("d0/0.md", "v2", 3, 20))...)
	left := func(s *Store) (n int64) {
		t.Helper()
		for _, table := range []string{"payloads", "texts", "gone"} {
			k, err := s.writer.int("SELECT count(*) FROM " + table)
			if err != nil {
				t.Fatal(err)
			}
			n += k
		}
		return n
	}
	remove := func(path string, want int) {
		t.Helper()
		if n, err := s.Remove(ctx, store.Filter{Paths: []string{path}}); err != nil || n != want {
			t.Fatalf("removed %d, %v; want %d", n, err, want)
		}
		clean(t, s) // whatever is still to be cleared
		s.mergers.Wait()
		clean(t, s)
	}
	remove("d1", 50)
	if n := left(s); n != 400 {
		t.Errorf("%d rows after clearing, want 400", n)
	}
	// One that was killed before it cleared.
	s.writing.Lock()
	s.clearing = true
	s.writing.Unlock()
	remove("d2", 50)
	if n := left(s); n != 300+3*46 {
		t.Errorf("%d rows before clearing, want %d", n, 300+3*46)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openTest(t, dir, Options{})
	putTest(t, s, testDocument("d0/0.md", "v2", 3, 20))
	s.mergers.Wait()
	if n := left(s); n != 300 {
		t.Errorf("%d rows after the next write, want 300", n)
	}
	s.writing.Lock()
	s.clearing = true
	s.writing.Unlock()
	remove("d3", 50)
	s.writing.Lock()
	s.clearing = false
	s.writing.Unlock()
	if err := s.Compact(ctx); err != nil {
		t.Fatal(err)
	}
	if n := left(s); n != 200 {
		t.Errorf("%d rows after compacting, want 200", n)
	}
}
