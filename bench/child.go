package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// buildCost is what making an index took.
type buildCost struct {
	Seconds float64
	CPU     float64 // seconds, user and system
	Disk    int64
}

// result is what is known of one engine.
type result struct {
	Engine   string
	Missing  string // why there is nothing else
	Build    buildCost
	P50, P95 float64 // ms, of the median round
	CPU      float64 // ms a question, of the median round
	Peak     int64   // bytes resident at most while searching; 0 when unknown
	Hits     [][]int `json:",omitempty"` // by question
}

// measure builds the engine's index in one child process and asks it in another.
func measure(ctx context.Context, s *settings, e engine) (*result, error) {
	dir := filepath.Join(s.dir, fmt.Sprintf("%s-%d", strings.ReplaceAll(e.name, "/", "-"), s.corpus.Chunks))
	mark := dir + ".built"
	r := &result{Engine: e.name}
	if !s.reuse || readJSON(mark, &r.Build) != nil {
		if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
			return nil, err
		}
		began := time.Now()
		process, _, err := spawn(ctx, s, e, "index", dir)
		if err != nil {
			return nil, fmt.Errorf("index: %w", err)
		}
		r.Build = buildCost{Seconds: time.Since(began).Seconds(), CPU: (process.UserTime() + process.SystemTime()).Seconds()}
		if r.Build.Disk, err = diskBytes(dir); err != nil {
			return nil, err
		}
		if e.cost != nil {
			if c, ok := e.cost(dir); ok {
				r.Build = c
			}
		}
		if err := writeJSON(mark, r.Build); err != nil {
			return nil, err
		}
	}
	_, out, err := spawn(ctx, s, e, "search", dir)
	if err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	build := r.Build
	if err := json.Unmarshal(out, r); err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	r.Engine, r.Build = e.name, build
	return r, nil
}

// spawn runs a phase of an engine in a process of its own: with as many threads
// as all others.
func spawn(ctx context.Context, s *settings, e engine, phase, dir string) (*os.ProcessState, []byte, error) {
	args := []string{"-dir", dir, "-engine", e.name, "-phase", phase, "-threads", strconv.Itoa(s.threads), "-rounds", strconv.Itoa(s.rounds), "-patience", strconv.Itoa(s.patience), "-qdrant", s.qdrant,
		"-texts", s.corpus.Texts, "-vectors", s.corpus.Vectors, "-questions", s.corpus.Questions, "-question-vectors", s.corpus.QuestionVectors,
		"-dim", strconv.Itoa(s.corpus.Dimension), "-chunks", strconv.Itoa(s.corpus.Chunks), "-asked", strconv.Itoa(s.corpus.Asked)}
	program, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	if e.peer {
		program = s.python
		args = append([]string{"-c", peersScript}, args...)
	}
	cmd := exec.CommandContext(ctx, program, args...)
	threads := strconv.Itoa(s.threads)
	cmd.Env = append(os.Environ(), "GOMAXPROCS="+threads, "OMP_NUM_THREADS="+threads, "RAYON_NUM_THREADS="+threads)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	return cmd.ProcessState, out, err
}

// child is one phase of one engine.
func child(ctx context.Context, s *settings) error {
	at := slices.IndexFunc(engines, func(e engine) bool { return e.name == s.engine })
	if at < 0 {
		return fmt.Errorf("no engine %q", s.engine)
	}
	e := &engines[at]
	if s.phase == "index" {
		return e.index(ctx, s, s.dir)
	}
	open, err := e.open(ctx, s, s.dir)
	if err != nil {
		return err
	}
	defer open.Close()
	r, err := ask(ctx, s, open)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// ask puts all questions, once to warm up and then for each round. A round that
// takes longer than the patience is the last, and counts even if it is the first.
func ask(ctx context.Context, s *settings, from searcher) (*result, error) {
	questions, err := s.corpus.questions()
	if err != nil {
		return nil, err
	}
	r := &result{Hits: make([][]int, len(questions))}
	var p50, p95, cpu []float64
	for round := -1; round < s.rounds; round++ {
		var took []float64
		start, began := time.Now(), cpuTime()
		for i := range questions {
			asked := time.Now()
			hits, err := from.search(ctx, &questions[i])
			if err != nil {
				return nil, fmt.Errorf("question %d: %w", i, err)
			}
			took = append(took, time.Since(asked).Seconds()*1e3)
			r.Hits[i] = hits
		}
		slow := time.Since(start) > time.Duration(s.patience)*time.Second
		if round < 0 && !slow {
			continue
		}
		cpu = append(cpu, (cpuTime()-began).Seconds()*1e3/float64(len(questions)))
		p50, p95 = append(p50, quantile(took, 0.5)), append(p95, quantile(took, 0.95))
		if slow {
			break
		}
	}
	r.P50, r.P95, r.CPU = quantile(p50, 0.5), quantile(p95, 0.5), quantile(cpu, 0.5)
	r.Peak = peakBytes()
	return r, nil
}

// quantile is the smallest value that a share p of the list does not exceed.
func quantile(list []float64, p float64) float64 {
	if len(list) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(list))
	return sorted[min(len(sorted)-1, int(p*float64(len(sorted))))]
}

// peakBytes is the most memory that this process has had resident; 0 where the
// system does not tell.
func peakBytes() int64 {
	if runtime.GOOS != "linux" {
		return 0
	}
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmHWM:" {
			kb, _ := strconv.ParseInt(f[1], 10, 64)
			return kb << 10
		}
	}
	return 0
}
