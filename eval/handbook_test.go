package eval_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/ingest/extract"
	"github.com/lore-kb/lore/internal/memstore"
	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/model/encoder"
	"github.com/lore-kb/lore/retrieve"
	"github.com/lore-kb/lore/store"
)

var update = flag.Bool("update", false, "write golden files")

// asked is a question about the example handbook.
type asked struct {
	kind, text string
	answering  []string // paths
}

func handbookQuestions(t testing.TB) []asked {
	t.Helper()
	b, err := os.ReadFile("testdata/handbook.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var out []asked
	for _, line := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		f := strings.Split(line, "\t")
		if strings.HasPrefix(line, "#") {
			continue
		}
		if len(f) != 3 {
			t.Fatalf("line %q", line)
		}
		out = append(out, asked{f[0], f[1], strings.Fields(f[2])})
	}
	return out
}

// TestHandbook asks sixty questions of the example handbook, half of them in
// Chinese and a third across languages, and holds the rank of the first document
// that answers against a golden file: a change of ranking shows in its diff.
// Run with -update to accept one.
func TestHandbook(t *testing.T) {
	// Kernels differ in the last digits, and so may ranks: one that most machines
	// have is taken.
	e, err := encoder.New(encoder.Options{Kernel: "avx2"})
	if err != nil {
		t.Skip(err)
	}
	ctx := context.Background()
	info := e.Info()
	st := memstore.New(store.Model{Fingerprint: info.Fingerprint, Dimension: info.Dimension})
	source, err := ingest.OpenFolder("../examples/handbook", nil)
	if err != nil {
		t.Fatal(err)
	}
	syncer := ingest.NewSyncer(st, extract.New(nil), &ingest.SyncOptions{Collection: "handbook", Embedder: e})
	if _, err := syncer.Sync(ctx, source); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, leg := range []struct {
		name     string
		embedder model.Embedder
	}{{"keywords", nil}, {"keywords and vectors", e}} {
		r := retrieve.New(st, &retrieve.Options{Embedder: leg.embedder, PassageTokens: -1})
		sum, n := map[string]float64{}, map[string]int{}
		fmt.Fprintf(&out, "# %s: rank of the first document that answers, 0 beyond 10\n", leg.name)
		for _, q := range handbookQuestions(t) {
			result, err := r.Retrieve(ctx, retrieve.Query{Text: q.text, Limit: 30})
			if err != nil {
				t.Fatal(err)
			}
			rank, seen := 0, []string{}
			for _, p := range result.Passages {
				if slices.Contains(seen, p.Path) {
					continue
				}
				if seen = append(seen, p.Path); len(seen) > 10 {
					break
				}
				if slices.Contains(q.answering, p.Path) {
					rank = len(seen)
					break
				}
			}
			if rank > 0 {
				sum[q.kind] += 1 / float64(rank)
				sum["all"] += 1 / float64(rank)
			}
			n[q.kind]++
			n["all"]++
			fmt.Fprintf(&out, "%2d\t%s\t%s\n", rank, q.kind, q.text)
		}
		for _, kind := range []string{"en-en", "zh-zh", "en-zh", "zh-en", "all"} {
			fmt.Fprintf(&out, "MRR@10 %s %.3f over %d\n", kind, sum[kind]/float64(n[kind]), n[kind])
		}
		fmt.Fprintln(&out)
	}
	const golden = "testdata/handbook.golden"
	if *update {
		if err := os.WriteFile(golden, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), want) {
		t.Errorf("ranks changed (accept with -update):\n%s", lineDiff(string(want), out.String()))
	}
}

// lineDiff lists the lines that differ.
func lineDiff(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	var out strings.Builder
	for i := range max(len(x), len(y)) {
		var was, is string
		if i < len(x) {
			was = x[i]
		}
		if i < len(y) {
			is = y[i]
		}
		if was != is {
			fmt.Fprintf(&out, "- %s\n+ %s\n", was, is)
		}
	}
	return out.String()
}
