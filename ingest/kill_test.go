package ingest

import (
	"context"
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
