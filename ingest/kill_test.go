package ingest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lore-kb/lore/store"
	"github.com/lore-kb/lore/store/sqlitestore"
)

// childEnv makes the test binary sync a folder and exit.
const childEnv = "LORE_INGEST_TEST_CHILD"

func TestMain(m *testing.M) {
	if args, ok := os.LookupEnv(childEnv); ok {
		dir, data, _ := strings.Cut(args, "|")
		if err := child(dir, data); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func child(dir, data string) error {
	ctx := context.Background()
	st, err := sqlitestore.Open(ctx, data, sqlitestore.Options{Create: true, Model: store.Model{Fingerprint: "counter/2", Dimension: 2}})
	if err != nil {
		return err
	}
	f, err := OpenFolder(dir, nil)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	_, err = NewSyncer(st, &reader{}, &SyncOptions{Embedder: &counter{batch: 8}, Workers: 2}).Sync(ctx, f)
	return err
}

// TestKilled kills a process that syncs at random moments, again and again on
// one store, while the folder changes; the next undisturbed run must leave what a
// run that was never disturbed leaves.
func TestKilled(t *testing.T) {
	b := newBench(t)
	if err := b.st.Close(); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(7, 11))
	text := func(i, v int) string {
		if i%10 == 0 {
			return fmt.Sprintf("=\nmember a of %d\nmember b of %d in %d", i, i, v) + strings.Repeat("\nanother member", v%3)
		}
		return fmt.Sprintf("# File %d\n\nVersion %d of it.\n\n%s", i, v, strings.Repeat(fmt.Sprintf("More of %d. ", i), i))
	}
	for i := range 240 {
		b.write(fmt.Sprintf("d%d/f%03d.txt", i%4, i), text(i, 0))
	}
	data := t.TempDir()
	whole := time.Duration(0)
	cut := 0
	for round := range 20 {
		for range 20 {
			i := r.IntN(240)
			switch name := fmt.Sprintf("d%d/f%03d.txt", i%4, i); r.IntN(3) {
			case 0:
				b.remove(name)
			case 1:
				b.remove(name)
				b.write("moved/"+name, text(i, round))
			default:
				b.write(name, text(i, round+1))
			}
		}
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), childEnv+"="+b.dir+"|"+data)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Read(make([]byte, 6)); err != nil {
			t.Fatalf("child: %v", err)
		}
		if round == 0 {
			whole = 300 * time.Millisecond
		}
		kill := time.AfterFunc(time.Duration(r.Int64N(int64(whole))), func() { _ = cmd.Process.Kill() })
		began := time.Now()
		if err := cmd.Wait(); err != nil {
			cut++
		} else {
			whole = max(time.Since(began), 20*time.Millisecond)
			if err := os.RemoveAll(data); err != nil { // from the start again
				t.Fatal(err)
			}
		}
		kill.Stop()
	}
	if cut < 5 {
		t.Logf("only %d of 20 runs were cut off", cut)
	}

	disturbed := &bench{t: t, dir: b.dir, st: openStore(t, data), x: &reader{}, e: &counter{batch: 64}, now: time.Now().Add(time.Hour)}
	disturbed.all()
	calm := &bench{t: t, dir: b.dir, st: openStore(t, t.TempDir()), x: &reader{}, e: &counter{batch: 64}, now: time.Now().Add(time.Hour)}
	calm.all()
	want(t, calm.ls(), disturbed.ls())
	want(t, calm.contents(), disturbed.contents())
	r2 := disturbed.all()
	if r2.New+r2.Updated+r2.Removed+r2.Failed+r2.Embedded != 0 {
		t.Errorf("one more run: %s", summary(r2))
	}
	if left, err := filepath.Glob(filepath.Join(data, "*.tmp")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// severed is a store whose writes fail from the nth on.
type severed struct {
	store.Store
	left int
}

var errSevered = errors.New("severed")

func (s *severed) write() error {
	if s.left--; s.left < 0 {
		return errSevered
	}
	return nil
}

func (s *severed) Put(ctx context.Context, docs []store.Document) error {
	for _, d := range docs { // documents of one call are independent
		if err := s.write(); err != nil {
			return err
		}
		if err := s.Store.Put(ctx, []store.Document{d}); err != nil {
			return err
		}
	}
	return nil
}

func (s *severed) Mark(ctx context.Context, ids []string, status store.Status, reason string) error {
	if err := s.write(); err != nil {
		return err
	}
	return s.Store.Mark(ctx, ids, status, reason)
}

func (s *severed) Remove(ctx context.Context, f store.Filter) (int, error) {
	if err := s.write(); err != nil {
		return 0, err
	}
	return s.Store.Remove(ctx, f)
}

func (s *severed) SetSettings(ctx context.Context, settings store.Settings) error {
	if err := s.write(); err != nil {
		return err
	}
	return s.Store.SetSettings(ctx, settings)
}

func (s *severed) SetVectors(ctx context.Context, v []store.PointVector) error {
	if err := s.write(); err != nil {
		return err
	}
	return s.Store.SetVectors(ctx, v)
}

// TestSevered cuts a run off after each of its writes in turn. Nothing may be
// lost then, and the next run must finish the rest.
func TestSevered(t *testing.T) {
	for n := 0; ; n++ {
		b := newBench(t)
		b.write("docs/box.txt", "=\nfirst\nsecond\nthird")
		b.write("docs/a.txt", "alpha")
		b.write("docs/old.txt", "omega")
		b.write("docs/stale.txt", "sigma")
		b.sync(b.folder("docs", nil))
		b.write("docs/box.txt", "=\nfirst\nother")
		b.write("docs/a.txt", "alpha changed")
		b.remove("docs/old.txt")
		b.write("docs/moved.txt", "omega")
		b.write("docs/stale.txt", "!torn")

		whole := b.st
		b.st = &severed{Store: whole, left: n}
		_, err := b.syncer().Sync(t.Context(), b.folder(".", nil)) // takes over docs
		b.st = whole
		for _, word := range []string{"first", "alpha", "omega", "sigma"} {
			if len(b.search(word)) == 0 {
				t.Fatalf("%q is lost after %d writes", word, n)
			}
		}
		r := b.all()
		want(t, []string{
			"docs/a.txt ok 1/1", "docs/box.txt ok 0/0", "docs/box.txt!/part1.txt ok 1/1", "docs/box.txt!/part2.txt ok 1/1", "docs/moved.txt ok 1/1",
			"docs/stale.txt failed 0/0 bad cross reference: damaged file", "stale.txt stale 1/1 bad cross reference: damaged file",
		}, b.ls())
		want(t, []string{"docs/box.txt!/part2.txt"}, b.search("other"))
		if t.Failed() {
			t.Fatalf("after %d writes and %s", n, summary(r))
		}
		if err == nil {
			if n < 10 {
				t.Errorf("only %d writes", n)
			}
			return
		}
		if !errors.Is(err, errSevered) {
			t.Fatal(err)
		}
	}
}

// contents returns every point as one line.
func (b *bench) contents() []string {
	b.t.Helper()
	var out []string
	for _, d := range b.infos() {
		points, err := b.st.Points(b.t.Context(), d.ID, 0, 1<<30)
		if err != nil {
			b.t.Fatal(err)
		}
		for _, p := range points {
			out = append(out, fmt.Sprintf("%s %s %s %q", p.ID, p.Digest, p.Payload.Path, p.Payload.Text))
		}
	}
	return out
}
