package sqlitestore

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/lore-kb/lore/store"
)

var update = flag.Bool("update", false, "write the golden file of the newest schema version")

// goldenFile returns the file of a schema version and the content it has.
func goldenFile(t *testing.T, version int) (file, content []byte) {
	t.Helper()
	name := filepath.Join("testdata", fmt.Sprintf("v%d", version))
	content, err := os.ReadFile(name + ".content")
	if err != nil {
		t.Fatal(err)
	}
	if file, err = os.ReadFile(name + ".db"); err != nil {
		t.Fatal(err)
	}
	return file, content
}

// TestGolden opens a file of each schema version that was ever released.
func TestGolden(t *testing.T) {
	if *update {
		writeGolden(t, schemaVersion)
	}
	for version := 1; version <= schemaVersion; version++ {
		t.Run(fmt.Sprint("version ", version), func(t *testing.T) {
			b, want := goldenFile(t, version)
			file := filepath.Join(t.TempDir(), "default.db")
			if err := os.WriteFile(file, b, 0o644); err != nil {
				t.Fatal(err)
			}
			for _, readOnly := range []bool{true, false, true} {
				s := openTest(t, file, Options{ReadOnly: readOnly})
				if got := contentOf(t, s); got != string(want) {
					t.Errorf("read-only %v: the content is not that of v%d.content", readOnly, version)
				}
				clean(t, s)
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
			// Neither coding all of it again nor repairing it may lose anything.
			s := openTest(t, file, Options{})
			if err := s.Compact(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if report, err := Repair(t.Context(), file, Options{}, RepairOptions{}); err != nil || len(report.Removed) > 0 || report.Rebuilt > 0 {
				t.Errorf("repair: %+v, %v", report, err)
			}
			s = openTest(t, file, Options{})
			if got := contentOf(t, s); got != string(want) {
				t.Error("repaired, the content is another")
			}
			putTest(t, s, testDocument("1.md", "v2", 3, 10))
			clean(t, s)
		})
	}
}

// TestMigrationIsOneStep breaks a migration off after its first statement.
func TestMigrationIsOneStep(t *testing.T) {
	defer func(m [][]string) { migrations = m }(migrations)
	b, err := os.ReadFile(filepath.Join("testdata", "v1.db"))
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join("testdata", "v1.content"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "default.db")
	if err := os.WriteFile(file, b, 0o644); err != nil {
		t.Fatal(err)
	}
	whole := migrations
	migrations = [][]string{append(slices.Clone(whole[0]), "INSERT INTO nothing VALUES(1)")}
	if _, err := Open(context.Background(), file, Options{LockTimeout: -1}); err == nil || !strings.Contains(err.Error(), "default.db") || !strings.Contains(err.Error(), "format 2") {
		t.Errorf("a broken migration: %v", err)
	}
	migrations = whole
	for _, readOnly := range []bool{true, false} {
		s := openTest(t, file, Options{ReadOnly: readOnly})
		if got := contentOf(t, s); got != string(want) {
			t.Errorf("read-only %v: another content after a migration that broke off", readOnly)
		}
		clean(t, s)
		_ = s.Close()
	}
}

// migrateScript brings a collection to the newest version and is killed at one of
// its steps: the class of the step, its number, and the file.
func migrateScript(arg string) error {
	class, arg, _ := strings.Cut(arg, " ")
	number, file, _ := strings.Cut(arg, " ")
	at, err := strconv.Atoi(number)
	if err != nil {
		return err
	}
	install()
	synchronous, vfs = "FULL", faultVFS
	disk.arm(class, at, false, killed)
	s, err := Open(context.Background(), file, Options{LockTimeout: -1})
	if err != nil {
		return err
	}
	return s.Close()
}

// TestMigrationKilled kills a migration at each step in turn, in the midst of a
// write too, and looks at what it leaves behind. With LORE_SOAK it does so at every
// step of every version, else at some.
func TestMigrationKilled(t *testing.T) {
	versions, stride := []int{1, 4}, 9
	if os.Getenv("LORE_SOAK") != "" {
		versions, stride = nil, 1
		for v := 1; v < schemaVersion; v++ {
			versions = append(versions, v)
		}
	}
	kills := 0
	for _, version := range versions {
		b, want := goldenFile(t, version)
		for _, class := range []string{"write", "sync", "truncate", "delete", "open"} {
			for at := 1; ; at += stride {
				file := filepath.Join(t.TempDir(), "default.db")
				if err := os.WriteFile(file, b, 0o644); err != nil {
					t.Fatal(err)
				}
				cmd := childCommand(t, "migrate", fmt.Sprint(class, " ", at, " ", file))
				out, err := cmd.CombinedOutput()
				if err == nil {
					break
				}
				if cmd.ProcessState.ExitCode() == 1 {
					t.Fatalf("version %d, %s %d: the child failed: %s", version, class, at, out)
				}
				kills++
				for _, readOnly := range []bool{true, false} {
					s, err := Open(t.Context(), file, Options{ReadOnly: readOnly, Model: testModel, LockTimeout: -1})
					if err != nil {
						t.Fatalf("version %d, killed at %s %d: %v", version, class, at, err)
					}
					if got := contentOf(t, s); got != string(want) {
						t.Errorf("version %d, killed at %s %d, read-only %v: another content", version, class, at, readOnly)
					}
					clean(t, s)
					if err := s.Close(); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	}
	t.Logf("%d kills", kills)
	if kills == 0 {
		t.Error("nothing was killed")
	}
}

func writeGolden(t *testing.T, version int) {
	t.Helper()
	dir := t.TempDir()
	defer func(limit, fan, coarse int) { inlineLimit, fanIn, coarseRows = limit, fan, coarse }(inlineLimit, fanIn, coarseRows)
	inlineLimit, fanIn, coarseRows = 8<<10, 4, 4
	defer func(first int64) { learnFirst = first }(learnFirst)
	learnFirst = 4 << 10
	s := openTest(t, dir, Options{Create: true})
	for i := range 14 {
		putTest(t, s, testDocument(fmt.Sprint(i, ".md"), "v1", 1+i%4, 30))
		if i == 9 {
			if err := embedAll(context.Background(), s, 15); err != nil {
				t.Fatal(err)
			}
		}
	}
	rich := textDocument("dir/手册.md", "v1", "年假 everywhere", "第二段 w1 w2")
	rich.Labels = map[string]string{"team": "legal"}
	for i := range rich.Points {
		p := &rich.Points[i].Payload
		p.Labels, p.Language, p.Section, p.Page, p.Context = rich.Labels, "zh", []string{"第一章", "假期"}, i+1, "| 表头 |"
	}
	rich.Points[1].Payload.PageBreaks = []int{rich.Points[1].Payload.Start + 3}
	failed := textDocument("broken.pdf", "v1")
	failed.Status, failed.Reason = store.StatusFailed, "encrypted"
	putTest(t, s, rich, failed)
	putTest(t, s, testDocument("long.md", "v1", 12, 700)) // several blocks
	// What this removes is not cleared yet.
	defer func(n int) { removedAtOnce = n }(removedAtOnce)
	removedAtOnce, s.clearing = 0, true
	defer func() { s.clearing = false }()
	if _, err := s.Remove(context.Background(), store.Filter{Paths: []string{"3.md"}}); err != nil {
		t.Fatal(err)
	}
	if err := s.SetSettings(context.Background(), store.Settings{Roots: []store.Root{{ID: "r", URI: "file:///r"}}}); err != nil {
		t.Fatal(err)
	}
	fanIn = 1 << 20 // the last segments stay apart
	putTest(t, s, textDocument("last.md", "v1", "everywhere once more"))
	if ix := indexOf(t, s); len(ix.points) < 2 || ix.vectors[0].coarse == nil {
		t.Fatalf("the golden file would not hold every kind of segment: %d of points, %d of vectors", len(ix.points), len(ix.vectors))
	}
	if err := os.MkdirAll("testdata", 0o755); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join("testdata", fmt.Sprintf("v%d", version))
	if err := os.Remove(name + ".db"); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if err := s.Backup(context.Background(), name+".db"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name+".content", []byte(contentOf(t, s)), 0o644); err != nil {
		t.Fatal(err)
	}
}
