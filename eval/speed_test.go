//go:build unix

package eval_test

import (
	"fmt"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/model/encoder"
	"github.com/lore-kb/lore/retrieve"
	"github.com/lore-kb/lore/store"
	"github.com/lore-kb/lore/store/sqlitestore"
)

// BenchmarkQuestion says what a question takes on the index in the folder that
// LORE_BENCH_INDEX names, whose vectors are the built-in encoder's: the embedding
// alone, the search of the vectors alone, a search by words, and one by
// both, one after the other for each question, so that what else a machine does
// slows all of them. Times are medians in milliseconds of the clock, and means in
// milliseconds of the processor; beyond is what a search by both takes beyond the
// slower of its legs, the embedding being part of the dense one. Its questions are
// those of the handbook, each with a number that makes it new to the encoder.
func BenchmarkQuestion(b *testing.B) {
	dir := os.Getenv("LORE_BENCH_INDEX")
	if dir == "" {
		b.Skip("set LORE_BENCH_INDEX=FOLDER to run it")
	}
	ctx := b.Context()
	e, err := encoder.New(encoder.Options{})
	if err != nil {
		b.Fatal(err)
	}
	info := e.Info()
	st, err := sqlitestore.Open(ctx, dir, sqlitestore.Options{
		Collection: "default", ReadOnly: true, Model: store.Model{Fingerprint: info.Fingerprint, Dimension: info.Dimension},
	})
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	questions := handbookQuestions(b)
	words, both := retrieve.New(st, nil), retrieve.New(st, &retrieve.Options{Embedder: e})
	var beyond []float64
	var vector []float32
	do := []struct {
		name string
		run  func(text string) error
	}{
		{"embed", func(text string) error {
			v, err := e.Embed(ctx, model.TaskQuery, []string{text})
			if err == nil {
				vector = v[0]
			}
			return err
		}},
		{"vectors", func(string) error {
			_, err := st.Search(ctx, store.Query{Leg: store.LegDense, Dense: vector, Limit: 100, Bare: true})
			return err
		}},
		{"words", func(text string) error {
			_, err := words.Retrieve(ctx, retrieve.Query{Text: text})
			return err
		}},
		{"both", func(text string) error {
			result, err := both.Retrieve(ctx, retrieve.Query{Text: text + "?"}) // not embedded yet
			if err != nil {
				return err
			}
			slower := time.Duration(0)
			for _, leg := range result.Legs {
				slower = max(slower, leg.Elapsed)
			}
			beyond = append(beyond, milliseconds(result.Timings["total"]-slower))
			return nil
		}},
	}
	took, spent := make([][]float64, len(do)), make([]time.Duration, len(do))
	ask := func(n int) {
		text := fmt.Sprintf("%s %d", questions[n%len(questions)].text, 100_000_000+n)
		for i := range do {
			used, begin := processorTime(b), time.Now()
			if err := do[i].run(text); err != nil {
				b.Fatal(err)
			}
			took[i] = append(took[i], milliseconds(time.Since(begin)))
			spent[i] += processorTime(b) - used
		}
	}
	for n := range len(questions) { // reads what later ones find in memory
		ask(n)
	}
	beyond = nil
	clear(spent)
	for i := range took {
		took[i] = nil
	}
	n := len(questions)
	for b.Loop() {
		ask(n)
		n++
	}
	for i := range do {
		b.ReportMetric(median(took[i]), do[i].name+"-ms")
		b.ReportMetric(milliseconds(spent[i])/float64(len(took[i])), do[i].name+"-cpu-ms")
	}
	b.ReportMetric(median(beyond), "beyond-ms")
	b.ReportMetric(0, "ns/op")
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

// processorTime is what the process has used so far, on all cores.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
