package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/lore-kb/lore/ingest/extract"
)

func TestMain(m *testing.M) {
	extract.MaybeChild()
	testscript.Main(m, map[string]func(){
		"lore": func() {
			extract.MaybeChild()
			os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
		},
	})
}

// TestScripts runs testdata/*.txtar. Beside testscript's own commands they have
//
//	newer FILE       mark an index as written by a newer lore
//	small DIR SIZE   mount a small file system at DIR, where the condition [mount] holds
//	fill FILE SIZE   write that many bytes of text
//	ask SIZE         ask a question of that many bytes; wants exit code 2
//	exit CODE CMD…   run a command and want its exit code
func TestScripts(t *testing.T) {
	handbook, err := filepath.Abs("../../examples/handbook")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("LORE_DATA", filepath.Join(env.WorkDir, "data"))
			env.Setenv("LORE_EMBEDDER", "none")
			env.Setenv("XDG_CONFIG_HOME", filepath.Join(env.WorkDir, "config"))
			env.Setenv("HANDBOOK", handbook)
			return nil
		},
		Condition: func(name string) (bool, error) {
			switch name {
			case "mount":
				return canMount(t), nil
			case "root":
				return os.Geteuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"newer": newer, "small": small, "fill": fill, "ask": askLong, "exit": exitCode,
		},
	})
}

// newer sets SQLite's user_version, four bytes at offset 60 of its header.
func newer(ts *testscript.TestScript, _ bool, args []string) {
	file, err := os.OpenFile(ts.MkAbs(args[0]), os.O_WRONLY, 0)
	ts.Check(err)
	var version [4]byte
	binary.BigEndian.PutUint32(version[:], 9999)
	_, err = file.WriteAt(version[:], 60)
	ts.Check(err)
	ts.Check(file.Close())
}

func small(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o755))
	ts.Check(mount(dir, args[1]))
	ts.Defer(func() { unmount(dir) })
}

func mount(dir, size string) error {
	return exec.Command("mount", "-t", "tmpfs", "-o", "size="+size, "tmpfs", dir).Run()
}

func unmount(dir string) { _ = exec.Command("umount", "-l", dir).Run() }

// canMount reports whether this process may mount a file system.
func canMount(t *testing.T) bool {
	dir := t.TempDir()
	if runtime.GOOS != "linux" || mount(dir, "100k") != nil {
		return false
	}
	unmount(dir)
	return true
}

// fill writes words that differ, so that an index of them is not small.
func fill(ts *testscript.TestScript, _ bool, args []string) {
	size, err := strconv.Atoi(args[1])
	ts.Check(err)
	var b strings.Builder
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, "Sentence %d speaks of item%d. ", i, i*7919)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(b.String()), 0o644))
}

// askLong asks in pieces: the system limits the length of one argument.
func askLong(ts *testscript.TestScript, neg bool, args []string) {
	size, err := strconv.Atoi(args[0])
	ts.Check(err)
	words := []string{"2", "lore", "ask"}
	for ; size > 0; size -= 100_000 {
		words = append(words, strings.Repeat("x", min(size, 100_000)-1))
	}
	exitCode(ts, neg, words)
}

func exitCode(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if err != nil {
		exit, ok := err.(*exec.ExitError)
		if !ok {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if want := args[0]; want != strconv.Itoa(code) {
		ts.Fatalf("exit code %d, want %s", code, want)
	}
}
