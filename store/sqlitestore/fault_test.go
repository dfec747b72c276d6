package sqlitestore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/lore-kb/lore/store"
)

// fullScript writes until the disk is full, which a limit on the size of files
// stands for, and then expects an error and a sound collection.
func fullScript(arg string) error {
	limit, dir, _ := strings.Cut(arg, " ")
	var bytes uint64
	if _, err := fmt.Sscan(limit, &bytes); err != nil {
		return err
	}
	inlineLimit, fanIn = 8<<10, 3
	ctx := context.Background()
	s, err := Open(ctx, dir, Options{Create: true, Model: testModel, LockTimeout: -1})
	if err != nil {
		return err
	}
	if err := limitFileSize(bytes); err != nil {
		return err
	}
	var failed error
	for i := 0; failed == nil && i < 2000; i++ {
		failed = s.Put(ctx, []store.Document{testDocument(fmt.Sprint(i, ".md"), "v1", 4, 60)})
		if failed == nil && i%3 == 0 {
			failed = embedAll(ctx, s, 20)
		}
	}
	if failed == nil {
		return errors.New("the disk never became full")
	}
	fmt.Println("full:", failed)
	if !strings.Contains(failed.Error(), filepath.Base(dir)) && !strings.Contains(failed.Error(), ".db") {
		return fmt.Errorf("the error does not name the file: %w", failed)
	}
	// What can be read is still right.
	if _, err := content(ctx, s); err != nil {
		return fmt.Errorf("read after the disk was full: %w", err)
	}
	_ = s.Close()
	return nil
}

func TestDiskFull(t *testing.T) {
	limits := []int{100_000, 150_000, 300_000, 700_000}
	if os.Getenv("LORE_SOAK") != "" { // every few pages that a write may end at
		for limit := 40_000; limit < 900_000; limit += 8 << 10 {
			limits = append(limits, limit)
		}
	}
	for _, limit := range limits {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			dir := t.TempDir()
			out, err := childCommand(t, "full", fmt.Sprint(limit, " ", dir)).CombinedOutput()
			if strings.Contains(string(out), errUnsupported.Error()) {
				t.Skip(errUnsupported)
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			// With room again everything goes on.
			s := openTest(t, dir, Options{Create: true})
			clean(t, s)
			putTest(t, s, testDocument("next.md", "v1", 3, 20))
			clean(t, s)
		})
	}
}

// holdScript holds the lock of a collection until its input ends.
func holdScript(dir string) error {
	s, err := Open(context.Background(), dir, Options{Create: true, LockTimeout: -1})
	if err != nil {
		return err
	}
	fmt.Println("held")
	_, _ = os.Stdin.Read(make([]byte, 1))
	return s.Close()
}

// TestLock meets another process that writes.
func TestLock(t *testing.T) {
	dir := t.TempDir()
	cmd := childCommand(t, "hold", dir)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	_, err = Open(ctx, dir, Options{LockTimeout: -1})
	if !errors.Is(err, store.ErrLocked) || !strings.Contains(err.Error(), fmt.Sprint("process ", cmd.Process.Pid)) || !strings.Contains(err.Error(), "since") {
		t.Errorf("open: %v, want ErrLocked with the other process", err)
	}
	if err := RemoveCollection(ctx, dir, ""); !errors.Is(err, store.ErrLocked) {
		t.Errorf("remove: %v, want ErrLocked", err)
	}
	reader := openTest(t, dir, Options{ReadOnly: true})
	if _, err := reader.Stats(ctx); err != nil {
		t.Errorf("read while another writes: %v", err)
	}
	// One who waits is told for whom, and gets the lock when it is free.
	told := make(chan string, 1)
	go func() {
		<-told
		_ = in.Close()
	}()
	s, err := Open(ctx, dir, Options{LockTimeout: time.Minute, OnWait: func(m string) {
		if !strings.Contains(m, fmt.Sprint("process ", cmd.Process.Pid)) {
			t.Errorf("message %q does not name the process", m)
		}
		told <- m
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := Open(cancelled, dir, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("open with a cancelled context: %v", err)
	}
}

// TestTurns lets another writer in between the writes of one that stays.
func TestTurns(t *testing.T) {
	dir := t.TempDir()
	ctx := context.Background()
	stays := openTest(t, dir, Options{Create: true, Turns: true})
	for i := range 6 {
		putTest(t, stays, testDocument(fmt.Sprint("stays", i, ".md"), "v1", 2, 10))
		comes := openTest(t, dir, Options{})
		putTest(t, comes, testDocument(fmt.Sprint("comes", i, ".md"), "v1", 2, 10), testDocument("both.md", fmt.Sprint(i), 2, 10))
		if err := stays.Put(ctx, []store.Document{testDocument("late.md", "v1", 2, 10)}); !errors.Is(err, store.ErrLocked) {
			t.Fatalf("put while another writes: %v, want ErrLocked", err)
		}
		if err := comes.Compact(ctx); err != nil {
			t.Fatal(err)
		}
		if err := comes.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := embedAll(ctx, stays, 5); err != nil {
		t.Fatal(err)
	}
	clean(t, stays)
	if st, err := stays.Stats(ctx); err != nil || st.Documents != 13 || st.Embedded != st.Points {
		t.Errorf("%+v, %v; want 13 documents with vectors", st, err)
	}
}

// filled makes a collection with segments inside and outside the database.
func filled(t testing.TB, dir string) {
	t.Helper()
	defer func(limit, fan, coarse int) { inlineLimit, fanIn, coarseRows = limit, fan, coarse }(inlineLimit, fanIn, coarseRows)
	inlineLimit, fanIn, coarseRows = 16<<10, 4, 40
	defer func(first int64) { learnFirst = first }(learnFirst)
	learnFirst = 8 << 10
	s := openTest(t, dir, Options{Create: true})
	for i := range 40 {
		putTest(t, s, testDocument(fmt.Sprint(i, ".md"), "v1", 5, 40))
		if i%5 == 4 {
			if err := embedAll(context.Background(), s, 15); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := s.Remove(context.Background(), store.Filter{Paths: []string{"3.md", "33.md"}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if files, _ := os.ReadDir(segmentDir(filepath.Join(dir, "default.db"))); len(files) == 0 {
		t.Fatal("no segment outside the database")
	}
}

// copyFolder copies all files of a collection.
func copyFolder(t testing.TB, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// collectionFiles are the files that hold the collection's data.
func collectionFiles(t testing.TB, dir string) (files []string) {
	t.Helper()
	_ = filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && (strings.HasSuffix(p, ".db") || strings.HasSuffix(p, ".seg")) {
			files = append(files, p)
		}
		return err
	})
	return files
}

// TestFlippedBytes damages a byte at a time: every answer is then an error or
// the right one. Repair brings back a sound collection.
func TestFlippedBytes(t *testing.T) {
	flips := 60
	if os.Getenv("LORE_SOAK") != "" {
		flips = 1000
	}
	whole := t.TempDir()
	filled(t, whole)
	want := contentOf(t, openTest(t, whole, Options{ReadOnly: true}))
	r := rand.New(rand.NewPCG(11, 12))
	silent, failedOpen, refused, repaired := 0, 0, 0, 0
	for i := range flips {
		dir := t.TempDir()
		copyFolder(t, whole, dir)
		files := collectionFiles(t, dir)
		file := files[r.IntN(len(files))]
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		at, bit := r.IntN(len(b)), byte(1)<<r.IntN(8)
		b[at] ^= bit
		if err := os.WriteFile(file, b, 0o644); err != nil {
			t.Fatal(err)
		}
		what := fmt.Sprintf("flip %d: %s at %d by %#x", i, filepath.Base(file), at, bit)
		ctx := context.Background()
		s, err := Open(ctx, dir, Options{ReadOnly: true, Model: testModel})
		var got string
		if err == nil {
			if got, err = content(ctx, s); err != nil {
				refused++
			}
			if err == nil && got != want {
				if problems, e := s.Check(ctx); e == nil && len(problems) == 0 {
					t.Errorf("%s: a wrong answer, and Check finds nothing", what)
				}
				silent++
			}
			_ = s.Close()
		} else {
			failedOpen++
		}
		if err != nil && !strings.Contains(err.Error(), "default.db") {
			t.Errorf("%s: the error does not name the file: %v", what, err)
		}
		if i%4 != 0 {
			continue
		}
		report, err := Repair(ctx, dir, Options{LockTimeout: -1}, RepairOptions{Sparse: func(p *store.Payload) store.SparseVector { return testSparse(p.Text) }})
		if err != nil {
			if !strings.Contains(err.Error(), "another program") && !errors.Is(err, store.ErrNewerVersion) {
				t.Errorf("%s: repair: %v", what, err)
			}
			continue
		}
		repaired++
		s = openTest(t, dir, Options{})
		clean(t, s)
		if report.Saved == "" && len(report.Removed) == 0 && report.Vectors == 0 {
			if got := contentOf(t, s); got != want {
				t.Errorf("%s: repair says that nothing was lost, but the content differs", what)
			}
		}
		if err := embedAll(ctx, s, 50); err != nil {
			t.Errorf("%s: embed after repair: %v", what, err)
		}
		if t.Failed() {
			t.Fatalf("%+v", report)
		}
		_ = s.Close()
	}
	t.Logf("%d flips: %d keep the collection from opening, %d are an error when they are read, %d change an answer and are found by Check, %d repaired", flips, failedOpen, refused, silent, repaired)
	if silent*10 > flips {
		t.Errorf("%d of %d flips change an answer without an error", silent, flips)
	}
}

func TestTruncated(t *testing.T) {
	whole := t.TempDir()
	filled(t, whole)
	want := contentOf(t, openTest(t, whole, Options{ReadOnly: true}))
	r := rand.New(rand.NewPCG(21, 22))
	type cut struct{ file, size int64 }
	var cuts []cut
	files := collectionFiles(t, whole)
	for i, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if os.Getenv("LORE_SOAK") != "" { // at every page
			for size := int64(0); size < info.Size(); size += pageSize {
				cuts = append(cuts, cut{int64(i), size})
			}
		}
		for range 1 + 16/len(files) {
			cuts = append(cuts, cut{int64(i), r.Int64N(info.Size())})
		}
	}
	defer func() { t.Logf("%d cuts of %d files", len(cuts), len(files)) }()
	for _, c := range cuts {
		dir := t.TempDir()
		copyFolder(t, whole, dir)
		file, size := collectionFiles(t, dir)[c.file], c.size
		if err := os.Truncate(file, size); err != nil {
			t.Fatal(err)
		}
		ctx := context.Background()
		s, err := Open(ctx, dir, Options{ReadOnly: true, Model: testModel})
		if err == nil {
			var got string
			if got, err = content(ctx, s); err == nil && got != want {
				t.Errorf("%s of %d bytes: a wrong answer without an error", filepath.Base(file), size)
			}
			_ = s.Close()
		}
		if err != nil && !strings.Contains(err.Error(), "default.db") && !errors.Is(err, store.ErrNoCollection) {
			t.Errorf("%s of %d bytes: the error does not name the file: %v", filepath.Base(file), size, err)
		}
		if _, err := Repair(ctx, dir, Options{LockTimeout: -1}, RepairOptions{Sparse: func(p *store.Payload) store.SparseVector { return testSparse(p.Text) }}); err != nil {
			t.Errorf("%s of %d bytes: repair: %v", filepath.Base(file), size, err)
			continue
		}
		clean(t, openTest(t, dir, Options{}))
	}
}

// TestTruncatedWhileOpen cuts a mapped file, which would end the process.
func TestTruncatedWhileOpen(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("files are not mapped")
	}
	dir := t.TempDir()
	filled(t, dir)
	s := openTest(t, dir, Options{ReadOnly: true})
	contentOf(t, s)
	for _, file := range collectionFiles(t, dir) {
		if strings.HasSuffix(file, ".seg") {
			if err := os.Truncate(file, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	_, err := content(context.Background(), s)
	if !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("error %v, want ErrCorrupt", err)
	}
	if problems, err := s.Check(context.Background()); err == nil && len(problems) == 0 {
		t.Error("check finds nothing")
	}
}

// readScript compares what a folder answers with a file that holds it.
func readScript(arg string) error {
	want, dir, _ := strings.Cut(arg, " ")
	s, err := Open(context.Background(), dir, Options{ReadOnly: true, Model: testModel})
	if err != nil {
		return err
	}
	got, err := content(context.Background(), s)
	if err != nil {
		return err
	}
	if store.Digest(got) != want {
		return errors.New("another content")
	}
	if _, err := Open(context.Background(), dir, Options{LockTimeout: -1}); err == nil || !strings.Contains(err.Error(), "default.db") || strings.Contains(err.Error(), "\n") {
		return fmt.Errorf("open for writing: %v, want a line that names the file", err)
	}
	return s.Close()
}

// TestReadOnlyFolder reads as a user who may not write.
func TestReadOnlyFolder(t *testing.T) {
	dir := t.TempDir()
	filled(t, dir)
	s := openTest(t, dir, Options{ReadOnly: true})
	want := store.Digest(contentOf(t, s))
	_ = s.Close()
	cmd := childCommand(t, "read", want+" "+dir)
	if !asOther(cmd) {
		t.Skip("no other user to be")
	}
	// The program lies where the other user may not go.
	b, err := os.ReadFile(cmd.Path)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Path = filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(cmd.Path, b, 0o755); err != nil {
		t.Fatal(err)
	}
	for p := dir; p != filepath.Dir(p) && p != os.TempDir(); p = filepath.Dir(p) {
		if err := os.Chmod(p, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, os.ErrPermission) {
		t.Skip("the other user cannot run this test")
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestVanishedFolder deletes and replaces a collection that is open.
func TestVanishedFolder(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("files that are open cannot be deleted")
	}
	ctx := context.Background()
	dir := filepath.Join(t.TempDir(), "data")
	filled(t, dir)
	copied := t.TempDir()
	copyFolder(t, dir, copied)
	want := contentOf(t, openTest(t, copied, Options{ReadOnly: true}))
	writer, reader := openTest(t, dir, Options{}), openTest(t, dir, Options{ReadOnly: true})
	putTest(t, writer, testDocument("more.md", "v1", 2, 9))
	contentOf(t, reader)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	named := func(what string, err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), "default.db") || !strings.Contains(err.Error(), "run the command again") {
			t.Errorf("%s: error %v", what, err)
		}
	}
	named("put", writer.Put(ctx, []store.Document{testDocument("more.md", "v2", 2, 9)}))
	_, err := content(ctx, reader)
	named("read", err)
	copyFolder(t, copied, dir)
	named("put on another file", writer.Put(ctx, []store.Document{testDocument("more.md", "v2", 2, 9)}))
	if got := contentOf(t, reader); got != want {
		t.Error("a reader does not see the collection that was put back")
	}
}

// TestNoDatabase repairs a file that never was a collection: the loss is
// reported, and the file stays.
func TestNoDatabase(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "default.db")
	junk := []byte(strings.Repeat("this is a letter to a friend\n", 4000))
	if err := os.WriteFile(file, junk, 0o644); err != nil {
		t.Fatal(err)
	}
	report, err := Repair(context.Background(), dir, Options{LockTimeout: -1}, RepairOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !report.Lost || report.Kept != 0 || report.Saved == "" {
		t.Errorf("report %+v does not say that everything is lost", report)
	}
	if b, err := os.ReadFile(report.Saved); err != nil || string(b) != string(junk) {
		t.Errorf("the file is not kept as %q: %v", report.Saved, err)
	}
	s := openTest(t, dir, Options{})
	clean(t, s)
	target := filepath.Join(dir, "nowhere", "x.db")
	if err := s.Backup(context.Background(), target); err == nil || !strings.Contains(err.Error(), filepath.Dir(target)) || !strings.Contains(err.Error(), "make it") {
		t.Errorf("backup to a folder that is not there: %v", err)
	}
}
