package ingest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// lawSeeds is how many histories TestSyncLaw tries.
const lawSeeds = 6

// TestSyncLaw changes a folder at random and syncs it, or parts of it, at random
// moments, some runs being cut off. A last sync of the whole must leave what a
// first sync into an empty store leaves.
func TestSyncLaw(t *testing.T) {
	for seed := range uint64(lawSeeds) {
		r := rand.New(rand.NewPCG(seed, 99))
		b := newBench(t)
		b.x.version = "1"
		names := []string{"a.txt", "d0/b.txt", "d0/c.txt", "d0/e/f.txt", "d1/g.txt", "d1/h.txt", ".hidden/i.txt", "d1/box!/j.txt", "d1/box"}
		text := func() string {
			switch n := r.IntN(8); n {
			case 0:
				return "!torn"
			case 1:
				return "!timeout"
			case 2:
				return "!nothing"
			case 3:
				return "=\nmember one" + strings.Repeat("\nanother", r.IntN(3))
			default:
				return fmt.Sprintf("# H\n\nshared text %d", n)
			}
		}
		b.write("keep.txt", "keep") // so that no listing is empty
		b.write("d0/keep.txt", "keep")
		b.write("d1/keep.txt", "keep")
		// A clock finer than the file system's, so that files of one size that
		// take each other's place can be told apart.
		clock := time.Now().Add(-24 * time.Hour).Truncate(time.Second)
		stamp := func(name string) {
			clock = clock.Add(time.Second)
			if err := os.Chtimes(b.path(name), clock, clock); err != nil {
				t.Fatal(err)
			}
		}
		var log []string
		note := func(format string, args ...any) { log = append(log, fmt.Sprintf(format, args...)) }
		for range 40 {
			name, other := names[r.IntN(len(names))], names[r.IntN(len(names))]
			switch r.IntN(8) {
			case 0, 1, 2:
				x := text()
				note("write %s %q", name, x)
				b.write(name, x)
				stamp(name)
			case 3:
				note("remove %s", name)
				b.remove(name)
			case 4:
				if _, err := os.Stat(b.path(name)); err == nil && name != other {
					note("rename %s %s", name, other)
					b.remove(other)
					b.write(other, "")
					if err := os.Rename(b.path(name), b.path(other)); err != nil {
						t.Fatal(err)
					}
				}
			case 5:
				if _, err := os.Stat(b.path(name)); err == nil {
					note("touch %s", name)
					stamp(name)
				}
			default:
				part := []string{".", ".", "d0", "d0/e", "d1", "d1/g.txt", ".hidden"}[r.IntN(7)]
				f, err := OpenFolder(b.path(part), nil)
				if err != nil {
					continue
				}
				whole := b.st
				if r.IntN(2) == 0 {
					b.st = &severed{Store: whole, left: r.IntN(9)}
				}
				_, err = b.syncer().Sync(t.Context(), f)
				note("sync %s: %v", part, err)
				if err != nil && !errors.Is(err, errSevered) {
					t.Fatal(err)
				}
				b.st = whole
			}
		}
		for _, name := range names { // nothing that only an older version answers
			if data, err := os.ReadFile(b.path(name)); err == nil && strings.HasPrefix(string(data), "!") {
				b.write(name, "mended "+name)
			}
		}
		b.sync(b.folder(".", nil))
		fresh := &bench{t: t, dir: b.dir, st: openStore(t, t.TempDir()), x: b.x, e: &counter{}, now: b.now}
		fresh.all()
		if slices.Contains(b.roots(), "[.hidden]") { // a root of its own, once it was named
			for _, both := range []*bench{b, fresh} {
				both.opts.AllowEmpty = true
				both.sync(both.folder(".hidden", nil))
			}
		}
		want(t, fresh.ls(), b.ls())
		want(t, sorted(fresh.contents()), sorted(b.contents()))
		if again := b.all(); again.New+again.Updated+again.Removed+again.Embedded > 0 {
			t.Errorf("one more run: %s", summary(again))
		}
		if t.Failed() {
			t.Fatalf("seed %d, roots %q:\n%s", seed, b.roots(), strings.Join(log, "\n"))
		}
	}
}
