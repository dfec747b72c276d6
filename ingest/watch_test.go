package ingest

import (
	"context"
	"os"
	"testing"
	"time"
)

func TestWatch(t *testing.T) {
	b := newBench(t)
	b.write("a.txt", "one")
	b.write(".gitignore", "out/\n")
	b.write("out/x.txt", "ignored")
	ctx, cancel := context.WithCancel(t.Context())
	reports, fills := make(chan string, 9), make(chan Filled, 9)
	done := make(chan error)
	go func() {
		done <- b.syncer().Watch(ctx, b.folder(".", nil), &WatchOptions{
			Quiet: 10 * time.Millisecond,
			Synced: func(r *Report, err error) {
				if err != nil {
					reports <- err.Error()
					return
				}
				reports <- summary(r)
			},
			Filled: func(f Filled, _ error) { fills <- f },
		})
	}()
	next := func(wanted string) {
		t.Helper()
		select {
		case got := <-reports:
			want(t, wanted, got)
		case <-time.After(20 * time.Second):
			t.Fatalf("waited in vain for %q", wanted)
		}
	}
	next("1 new, 0 updated, 0 unchanged, 0 removed, 0 failed")
	if f := <-fills; f.Embedded != 1 {
		t.Errorf("filled %+v", f)
	}
	b.write("a.txt", "one changed")
	next("0 new, 1 updated, 0 unchanged, 0 removed, 0 failed")

	b.write("out/y.txt", "ignored too")
	if err := os.Mkdir(b.path("later"), 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, b.path("b.tmp"), "two")
	if err := os.Rename(b.path("b.tmp"), b.path("later/b.txt")); err != nil {
		t.Fatal(err)
	}
	next("1 new, 0 updated, 1 unchanged, 0 removed, 0 failed")
	b.write("later/b.txt", "two changed") // in a folder that came later
	next("0 new, 1 updated, 1 unchanged, 0 removed, 0 failed")
	b.remove("later")
	next("0 new, 0 updated, 1 unchanged, 1 removed, 0 failed")

	b.write("torn.txt", "!torn")
	next("0 new, 0 updated, 1 unchanged, 0 removed, 1 failed")

	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestWatchChecksNowAndThen(t *testing.T) {
	b := newBench(t)
	b.write("mnt/a.txt", "one")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	reports := make(chan error, 99)
	done := make(chan error)
	go func() {
		done <- b.syncer().Watch(ctx, b.folder("mnt", nil), &WatchOptions{
			Every: 5 * time.Millisecond, Quiet: time.Hour,
			Synced: func(_ *Report, err error) {
				select {
				case reports <- err:
				default:
				}
			},
		})
	}()
	wait := func(failed bool) {
		t.Helper()
		for {
			select {
			case err := <-reports:
				if (err != nil) == failed {
					return
				}
			case <-time.After(20 * time.Second):
				t.Fatalf("waited in vain for failed=%v", failed)
			}
		}
	}
	wait(false)
	b.remove("mnt")
	wait(true) // the folder is gone
	b.write("mnt/b.txt", "two")
	wait(false) // and is back
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
