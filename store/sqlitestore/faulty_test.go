package sqlitestore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/lore-kb/lore/store"
)

// faultyWrites are what TestFaults lets fail anywhere. Run again, they lead to the
// same content. what names the documents that are there when a call reports that it
// is done; "" says that one is not.
var faultyWrites = []struct {
	name string
	run  func(ctx context.Context, s *Store) error
	what map[string]string // version by path
}{
	{"put", func(ctx context.Context, s *Store) error {
		return s.Put(ctx, []store.Document{testDocument("1.md", "v2", 3, 30), testDocument("new.md", "v1", 4, 30)})
	}, map[string]string{"1.md": "v2", "new.md": "v1"}},
	{"embed", func(ctx context.Context, s *Store) error { return embedAll(ctx, s, 40) }, nil},
	{"remove", func(ctx context.Context, s *Store) error {
		_, err := s.Remove(ctx, store.Filter{Paths: []string{"2.md", "7.md"}})
		return err
	}, map[string]string{"2.md": "", "7.md": ""}},
	{"put a large one", func(ctx context.Context, s *Store) error {
		return s.Put(ctx, []store.Document{testDocument("large.md", "v1", 60, 60)})
	}, map[string]string{"large.md": "v1"}},
	{"embed the rest", func(ctx context.Context, s *Store) error { return embedAll(ctx, s, 100) }, nil},
	{"mark", func(ctx context.Context, s *Store) error {
		return s.Mark(ctx, []string{testDocument("3.md", "v1", 1, 1).ID}, store.StatusStale, "unreadable")
	}, nil},
	{"settings", func(ctx context.Context, s *Store) error {
		return s.SetSettings(ctx, store.Settings{Roots: []store.Root{{ID: "r", URI: "file:///r"}}})
	}, nil},
	{"compact", func(ctx context.Context, s *Store) error { return s.Compact(ctx) }, nil},
}

// faultyRun opens the collection and does everything. It returns the errors, and
// which documents must be there, or must not, afterwards.
func faultyRun(t *testing.T, dir string) (errs []error, done map[string]string) {
	ctx := context.Background()
	done = map[string]string{}
	s, err := Open(ctx, dir, Options{Model: testModel, LockTimeout: -1})
	if err != nil {
		return []error{err}, done
	}
	for _, w := range faultyWrites {
		err := w.run(ctx, s)
		s.mergers.Wait() // so that a step has the same number in each run
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", w.name, err))
			continue
		}
		maps.Copy(done, w.what)
	}
	// What is read meanwhile is right or an error.
	for d, err := range s.Documents(ctx, store.Filter{}) {
		if err != nil {
			errs = append(errs, err)
			break
		}
		text, err := s.Text(ctx, d.ID)
		if err != nil {
			errs = append(errs, err)
		} else if want := testDocument(d.Path, d.Version, d.Chunks, words(d.Path)); text != want.Text {
			t.Errorf("%s %s: another text", d.Path, d.Version)
		}
	}
	if err := s.Close(); err != nil {
		errs = append(errs, err)
	}
	return errs, done
}

func words(path string) int {
	if path == "large.md" {
		return 60
	}
	return 30
}

// faultyBase makes the collection that TestFaults works on.
func faultyBase(t *testing.T, dir string) {
	s := openTest(t, dir, Options{Create: true})
	for i := range 12 {
		putTest(t, s, testDocument(fmt.Sprint(i, ".md"), "v1", 3, 30))
		if i%4 == 3 {
			if err := embedAll(context.Background(), s, 15); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestFaults lets every read, write, sync and so on fail, one in each run, once
// and for good, of SQLite and of the files of segments: what is reported as done is
// there, nothing is there twice, nobody panics, errors name the file, and the next
// run without faults leads to the content of an undisturbed one. With LORE_SOAK
// each step fails in turn, else a few of each kind.
func TestFaults(t *testing.T) {
	install()
	defer func(level, name string) { synchronous, vfs, fileStep = level, name, nil }(synchronous, vfs)
	synchronous, vfs = "FULL", faultVFS
	fileStep = func(step, name string) error {
		if code := disk.step("segment"); code != 0 {
			return &os.PathError{Op: step, Path: name, Err: errors.New("input/output error")}
		}
		return nil
	}
	defer func(limit, fan int, first int64, removed int) {
		inlineLimit, fanIn, learnFirst, removedAtOnce = limit, fan, first, removed
	}(inlineLimit, fanIn, learnFirst, removedAtOnce)
	inlineLimit, fanIn, learnFirst, removedAtOnce = 8<<10, 3, 8<<10, 1
	base := t.TempDir()
	faultyBase(t, base)

	undisturbed := t.TempDir()
	copyFolder(t, base, undisturbed)
	if errs, _ := faultyRun(t, undisturbed); len(errs) > 0 {
		t.Fatal(errs)
	}
	want := contentOf(t, openTest(t, undisturbed, Options{ReadOnly: true}))

	perKind := 2
	if testing.Short() {
		perKind = 1
	}
	if os.Getenv("LORE_SOAK") != "" {
		perKind = 1 << 30
	}
	for _, kind := range []struct {
		name, class string
		code        int32
		lasts       bool
	}{
		{"disk full", "write", sqlite3.SQLITE_FULL, true},
		{"disk full for a moment", "write", sqlite3.SQLITE_FULL, false},
		{"write fails", "write", sqlite3.SQLITE_IOERR_WRITE, false},
		{"writes fail", "write", sqlite3.SQLITE_IOERR_WRITE, true},
		{"read fails", "read", sqlite3.SQLITE_IOERR_READ, false},
		{"reads fail", "read", sqlite3.SQLITE_IOERR_READ, true},
		{"read is corrupt", "read", sqlite3.SQLITE_IOERR_CORRUPTFS, false},
		{"sync fails", "sync", sqlite3.SQLITE_IOERR_FSYNC, false},
		{"syncs fail", "sync", sqlite3.SQLITE_IOERR_FSYNC, true},
		{"open fails", "open", sqlite3.SQLITE_CANTOPEN, false},
		{"opens fail", "open", sqlite3.SQLITE_CANTOPEN, true},
		{"truncate fails", "truncate", sqlite3.SQLITE_IOERR_TRUNCATE, false},
		{"delete fails", "delete", sqlite3.SQLITE_IOERR_DELETE, false},
		{"size fails", "size", sqlite3.SQLITE_IOERR_FSTAT, false},
		{"shared memory fails", "shared memory", sqlite3.SQLITE_IOERR_SHMMAP, false},
		{"segment file fails", "segment", 1, false},
		{"segment files fail", "segment", 1, true},
	} {
		t.Run(kind.name, func(t *testing.T) {
			dir := t.TempDir()
			copyFolder(t, base, dir)
			disk.arm(kind.class, 0, false, 0)
			_, _ = faultyRun(t, dir)
			steps, _ := disk.heal()
			if steps == 0 {
				t.Fatal("nothing to fail")
			}
			runs, silent := 0, 0
			for at := 1; at <= steps; at += max(1, (steps-1)/perKind) {
				runs++
				dir := t.TempDir()
				copyFolder(t, base, dir)
				disk.arm(kind.class, at, kind.lasts, kind.code)
				errs, done := faultyRun(t, dir)
				if _, failed := disk.heal(); failed > 0 && len(errs) == 0 {
					silent++ // it could be done without
				}
				afterFault(t, dir, errs, done, want)
				if t.Failed() {
					t.Fatalf("step %d of %d: %v", at, steps, errs)
				}
			}
			t.Logf("%d of %d steps failed in turn; %d of them were no obstacle", runs, steps, silent)
		})
	}
}

// afterFault looks at what a run with a fault left behind, and ends the work.
func afterFault(t *testing.T, dir string, errs []error, done map[string]string, want string) {
	t.Helper()
	for _, err := range errs {
		if m := err.Error(); !strings.Contains(m, "default.db") || strings.Contains(m, "\n") {
			t.Errorf("the error is no line that names the file: %q", m)
		}
	}
	s := openTest(t, dir, Options{})
	clean(t, s)
	versions := map[string][]string{}
	for d, err := range s.Documents(context.Background(), store.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		versions[d.Path] = append(versions[d.Path], d.Version)
		if text, err := s.Text(context.Background(), d.ID); err != nil || text != testDocument(d.Path, d.Version, d.Chunks, words(d.Path)).Text {
			t.Errorf("%s %s: another text (%v)", d.Path, d.Version, err)
		}
	}
	for path, v := range versions {
		if len(v) > 1 {
			t.Errorf("%s is there in versions %q", path, v)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(done)) {
		if got := strings.Join(versions[path], ","); got != done[path] {
			t.Errorf("%s was reported as in version %q and is in %q", path, done[path], got)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if errs, _ := faultyRun(t, dir); len(errs) > 0 {
		t.Errorf("the next run fails: %v", errs)
		return
	}
	s = openTest(t, dir, Options{ReadOnly: true})
	clean(t, s)
	if contentOf(t, s) != want {
		t.Errorf("the content differs from that of an undisturbed run")
	}
	_ = s.Close()
	if left, _ := filepath.Glob(filepath.Join(dir, "*-segments", "*.new")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}
