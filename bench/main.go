// Command bench runs search engines over the same chunks and the same questions,
// each in a process of its own with the same limits, and writes a table.
//
// Bottom up: corpus.go reads texts, vectors and questions, from files or as
// generate.go makes them; each engine (lore.go, bleve.go, fts5.go, chromem.go,
// sqlitevec.go, scan.go, qdrant.go) builds an index in a folder and searches it;
// child.go measures one engine in a child process; peers.py does the same for
// engines that have Python packages; report.go puts the measurements beside
// each other. The plain scans give the exact answers that recall is counted by.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"
)

// settings are the flags, handed to each child as they are.
type settings struct {
	corpus   corpus
	dir      string
	name     string
	out      string
	engines  string
	python   string
	qdrant   string
	threads  int
	rounds   int
	patience int
	about    string
	reuse    bool

	engine, phase string // of a child
}

func main() {
	s := settings{}
	flag.StringVar(&s.dir, "dir", "", "folder for generated files and indexes; empty: a temporary one, removed at the end")
	flag.StringVar(&s.name, "name", "small", "name of the table in the report")
	flag.StringVar(&s.out, "out", "", "report to write the table into; empty: only print it")
	flag.StringVar(&s.engines, "engines", "", "engines to run, comma-separated; empty: all. "+strings.Join(engineNames(), ", "))
	flag.StringVar(&s.python, "python", "python3", "Python that may have tantivy and faiss-cpu")
	flag.StringVar(&s.qdrant, "qdrant", "", "address of a Qdrant server to run as well; its collection \"bench\" is replaced")
	flag.IntVar(&s.threads, "threads", 1, "threads of each engine")
	flag.IntVar(&s.rounds, "rounds", 3, "times all questions are asked; the median round counts")
	flag.IntVar(&s.patience, "patience", 20, "seconds that a round of an engine may take if there is to be another")
	flag.StringVar(&s.about, "about", "", "what the given files hold, for the report")
	flag.BoolVar(&s.reuse, "reuse", false, "keep indexes of an earlier run in -dir, with the time that building took then")
	flag.StringVar(&s.corpus.Texts, "texts", "", "file with a chunk on each line; empty: generated")
	flag.StringVar(&s.corpus.Vectors, "vectors", "", "file with their vectors, little-endian float32; empty: generated")
	flag.StringVar(&s.corpus.Questions, "questions", "", "file with a question on each line; empty: generated")
	flag.StringVar(&s.corpus.QuestionVectors, "question-vectors", "", "file with their vectors")
	flag.IntVar(&s.corpus.Dimension, "dim", 384, "numbers of a vector")
	flag.IntVar(&s.corpus.Chunks, "chunks", 20000, "chunks to make, or to read at most")
	flag.IntVar(&s.corpus.Asked, "asked", 200, "questions to make, or to read at most")
	flag.StringVar(&s.engine, "engine", "", "for child processes")
	flag.StringVar(&s.phase, "phase", "", "for child processes")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if s.engine != "" {
		err = child(ctx, &s)
	} else {
		err = run(ctx, &s)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s *settings) error {
	if s.dir == "" {
		dir, err := os.MkdirTemp("", "lore-bench-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		s.dir = dir
	}
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	if err := s.corpus.prepare(s.dir); err != nil {
		return err
	}
	chosen, err := chooseEngines(s.engines, s.qdrant)
	if err != nil {
		return err
	}
	var results []*result
	for _, e := range chosen {
		if why := e.missing(s); why != "" {
			fmt.Fprintf(os.Stderr, "%-22s left out: %s\n", e.name, why)
			results = append(results, &result{Engine: e.name, Missing: why})
			continue
		}
		began := time.Now()
		r, err := measure(ctx, s, e)
		if err != nil {
			return fmt.Errorf("%s: %w", e.name, err)
		}
		fmt.Fprintf(os.Stderr, "%-22s p50 %8.3f ms  p95 %8.3f ms  CPU %8.3f ms  (%s)\n", e.name, r.P50, r.P95, r.CPU, time.Since(began).Round(time.Second))
		results = append(results, r)
	}
	table := report(s, results)
	fmt.Println(table)
	if s.out == "" {
		return nil
	}
	return writeSection(filepath.Clean(s.out), s.name, table)
}
