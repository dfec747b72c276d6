package sqlitestore

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lore-kb/lore/store"
)

// childVariable tells a child process of this test what to do.
const childVariable = "LORE_SQLITESTORE_CHILD"

// child runs a script on the folder in its second argument.
func child(run string) {
	name, arg, _ := strings.Cut(run, " ")
	var err error
	switch name {
	case "crash":
		err = crashScript(arg)
	case "full":
		err = fullScript(arg)
	case "read":
		err = readScript(arg)
	case "hold":
		err = holdScript(arg)
	case "switch":
		err = switchScript(arg)
	case "migrate":
		err = migrateScript(arg)
	}
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Println("done")
	os.Exit(0)
}

func childCommand(t testing.TB, script, arg string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "-test.run=^$")
	cmd.Env = append(os.Environ(), childVariable+"="+script+" "+arg)
	return cmd
}

// crashSteps is how many documents the script works on.
const crashSteps = 60

// crashScript brings a collection from any state that it may have left behind
// to the same end: it puts, replaces, embeds, removes, and compacts.
func crashScript(dir string) error {
	// Merges start early, and what is removed is cleared in the background, so that
	// both are hit, too.
	inlineLimit, fanIn, learnFirst, removedAtOnce = 8<<10, 3, 8<<10, 0
	ctx := context.Background()
	s, err := Open(ctx, dir, Options{Create: true, Model: testModel, LockTimeout: 20 * time.Second})
	if err != nil {
		return err
	}
	have := map[string]string{}
	for d, err := range s.Documents(ctx, store.Filter{}) {
		if err != nil {
			return err
		}
		have[d.Path] = d.Version
	}
	fmt.Println("open")
	for i := range crashSteps {
		path := fmt.Sprintf("d%d/%d.md", i%5, i)
		removed := i%7 == 3
		version := fmt.Sprint("v", 1+i%3)
		if !removed && have[path] == version {
			continue
		}
		// An older version first, then the one that stays.
		for _, v := range []string{"v0", version} {
			if err := s.Put(ctx, []store.Document{testDocument(path, v, 1+i%6, 30)}); err != nil {
				return err
			}
		}
		if i%4 == 0 {
			if err := embedAll(ctx, s, 7); err != nil {
				return err
			}
		}
		if removed {
			if _, err := s.Remove(ctx, store.Filter{Paths: []string{path}}); err != nil {
				return err
			}
		}
		if i%20 == 19 {
			if err := s.Compact(ctx); err != nil {
				return err
			}
		}
	}
	if err := embedAll(ctx, s, 7); err != nil {
		return err
	}
	return s.Close()
}

// TestCrash kills a process that writes, again and again, and looks at what it
// leaves behind each time. With LORE_SOAK it does so 200 times, or as often as that
// says.
func TestCrash(t *testing.T) {
	kills := 12
	if testing.Short() {
		kills = 3
	}
	if soak := os.Getenv("LORE_SOAK"); soak != "" {
		kills = 200
		if n, err := strconv.Atoi(soak); err == nil && n > 1 {
			kills = n
		}
	}
	want := func() string {
		dir := t.TempDir()
		if out, err := childCommand(t, "crash", dir).CombinedOutput(); err != nil {
			t.Fatalf("undisturbed run: %v\n%s", err, out)
		}
		return contentOf(t, openTest(t, dir, Options{ReadOnly: true}))
	}()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	for kill := 0; kill < kills; kill++ {
		cmd := childCommand(t, "crash", dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		_, _ = out.Read(make([]byte, 1)) // it has begun, or ended
		timer := time.AfterFunc(time.Duration(r.IntN(150_000))*time.Microsecond, func() { _ = cmd.Process.Kill() })
		rest, _ := io.ReadAll(out)
		err = cmd.Wait()
		timer.Stop()
		if cmd.ProcessState.ExitCode() == 1 {
			t.Fatalf("kill %d: the child failed: %s", kill, rest)
		}
		finished := err == nil
		lookAt(t, dir)
		if t.Failed() {
			t.Fatalf("after kill %d (finished: %v)", kill, finished)
		}
		if finished {
			if got := contentOf(t, openTest(t, dir, Options{ReadOnly: true})); got != want {
				t.Fatalf("after kill %d the content differs from that of an undisturbed run", kill)
			}
			dir = t.TempDir()
		}
	}
	if out, err := childCommand(t, "crash", dir).CombinedOutput(); err != nil {
		t.Fatalf("last run: %v\n%s", err, out)
	}
	if got := contentOf(t, openTest(t, dir, Options{ReadOnly: true})); got != want {
		t.Errorf("the content differs from that of an undisturbed run:\n%s\nwant\n%s", got, want)
	}
}

// lookAt checks a collection that a killed process left behind.
func lookAt(t *testing.T, dir string) {
	t.Helper()
	ctx := context.Background()
	for _, readOnly := range []bool{true, false} {
		s, err := Open(ctx, dir, Options{ReadOnly: readOnly, Model: testModel, LockTimeout: -1})
		if err != nil {
			t.Errorf("open (read-only %v): %v", readOnly, err)
			return
		}
		clean(t, s)
		seen := map[string]bool{}
		for d, err := range s.Documents(ctx, store.Filter{}) {
			if err != nil {
				t.Error(err)
				break
			}
			if seen[d.Path] {
				t.Errorf("%s is there twice", d.Path)
			}
			seen[d.Path] = true
			want := testDocument(d.Path, d.Version, d.Chunks, 30)
			text, err := s.Text(ctx, d.ID)
			if err != nil || text != want.Text {
				t.Errorf("%s %s: another text (%v)", d.Path, d.Version, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
