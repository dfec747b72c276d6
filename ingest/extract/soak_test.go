package extract_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/ingest/extract"
)

// memoryBytes is the resident memory of a process and of its children, the
// largest child alone, and whether the system tells.
func memoryBytes(pid int) (own, largest, all int64, ok bool) {
	resident := func(pid string) int64 {
		b, err := os.ReadFile("/proc/" + pid + "/statm")
		if err != nil {
			return 0
		}
		f := strings.Fields(string(b))
		if len(f) < 2 {
			return 0
		}
		n, _ := strconv.ParseInt(f[1], 10, 64)
		return n * int64(os.Getpagesize())
	}
	own = resident(strconv.Itoa(pid))
	all = own
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, t := range tasks {
		b, err := os.ReadFile(t)
		if err != nil {
			continue
		}
		for _, child := range strings.Fields(string(b)) {
			n := resident(child)
			all += n
			largest = max(largest, n)
		}
	}
	return own, largest, all, own > 0
}

// filesIn are the files of a folder and its folders, in order; not its tables.
func filesIn(t testing.TB, dir string) (files []string) {
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() && filepath.Base(path) != "MANIFEST.tsv" {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in %s: %v", dir, err)
	}
	return files
}

// TestMutationsInPool reads damaged files in child processes as a service does:
// our own samples, or the files of the folder LORE_FILES. With LORE_SOAK it
// reads 5,000 of them. It reports what came of them and how much memory the
// parent and its children took.
func TestMutationsInPool(t *testing.T) {
	n := uint64(200)
	if os.Getenv("LORE_SOAK") != "" {
		n = 5000
	}
	type source struct {
		name string
		load func() ([]byte, error)
	}
	var files []source
	if dir := os.Getenv("LORE_FILES"); dir != "" {
		for _, path := range filesIn(t, dir) {
			files = append(files, source{filepath.Base(path), func() ([]byte, error) { return os.ReadFile(path) }})
		}
	} else {
		for _, s := range samples(t) {
			files = append(files, source{s.name, func() ([]byte, error) { return s.data, nil }})
		}
	}
	const timeout = time.Minute
	p := newPool(t, &extract.PoolOptions{NoOCR: true, Timeout: timeout})
	var next, done atomic.Uint64
	var mu sync.Mutex
	outcome := map[string]int{}
	var slowest time.Duration
	slowestFile := ""
	stop := make(chan struct{})
	var sampler sync.WaitGroup
	var peakOne, peakAll, peakOwn int64
	sampler.Go(func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		var stepOne, stepAll int64
		reported := uint64(0)
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			own, largest, all, ok := memoryBytes(os.Getpid())
			if !ok {
				return
			}
			peakOwn, peakOne, peakAll = max(peakOwn, own), max(peakOne, own+largest), max(peakAll, all)
			stepOne, stepAll = max(stepOne, own+largest), max(stepAll, all)
			if d := done.Load(); d >= reported+250 {
				t.Logf("after %4d files: parent and its largest child at most %3d MB, with both children %3d MB", d, stepOne>>20, stepAll>>20)
				reported, stepOne, stepAll = d, 0, 0
			}
		}
	})
	sentinels := []error{ingest.ErrUnsupported, ingest.ErrEncrypted, ingest.ErrNoText, ingest.ErrDamaged, ingest.ErrTooLarge, ingest.ErrTimeout}
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				seed := next.Add(1) - 1
				if seed >= n {
					return
				}
				r := rand.New(rand.NewPCG(seed, 2))
				f := files[r.IntN(len(files))]
				data, err := f.load()
				if err != nil {
					t.Error(err)
					return
				}
				data = mutate(r, data)
				start := time.Now()
				docs, err := p.Extract(context.Background(), ingest.Input{Name: f.name, Data: data})
				took := time.Since(start)
				result := "read"
				if err != nil {
					i := slices.IndexFunc(sentinels, func(s error) bool { return errors.Is(err, s) })
					if i < 0 {
						t.Errorf("seed %d of %s: an error of no known kind: %v", seed, f.name, err)
						result = "other"
					} else {
						result = sentinels[i].Error()
					}
					msg := err.Error()
					if strings.Contains(msg, "\n") || strings.TrimSpace(msg) == "" {
						t.Errorf("seed %d of %s: error is not one line: %q", seed, f.name, msg)
					}
					if strings.Contains(msg, "the reader failed") || strings.Contains(msg, "process that read it died") {
						t.Errorf("seed %d of %s: %v", seed, f.name, err)
					}
				}
				for i := range docs {
					check(t, &docs[i])
				}
				mu.Lock()
				outcome[result]++
				if took > slowest {
					slowest, slowestFile = took, fmt.Sprintf("seed %d of %s", seed, f.name)
				}
				mu.Unlock()
				done.Add(1)
			}
		})
	}
	readers.Wait()
	close(stop)
	sampler.Wait()
	t.Logf("%d damaged files of %d: %v", n, len(files), outcome)
	t.Logf("slowest %s (%s)", slowest.Round(time.Millisecond), slowestFile)
	t.Logf("peak memory: parent %d MB, with its largest child %d MB, with both children %d MB", peakOwn>>20, peakOne>>20, peakAll>>20)
	if slowest > 2*timeout {
		t.Errorf("%s held its reader for %s", slowestFile, slowest)
	}
	if peakOne > 600<<20 && runtime.GOOS == "linux" {
		t.Errorf("parent and child took %d MB", peakOne>>20)
	}
}
