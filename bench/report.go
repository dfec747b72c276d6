package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// report is the table of a run, one part for each leg, with lore first and every
// figure also as a multiple of lore's.
func report(s *settings, results []*result) string {
	var b strings.Builder
	kind := cmp.Or(s.about, "given texts and vectors")
	if s.corpus.Made {
		kind = "generated texts and vectors"
	}
	fmt.Fprintf(&b, "%s, %s, %d threads an engine, Go %s; %s.\n", time.Now().UTC().Format("2006-01-02"), processor(), s.threads, strings.TrimPrefix(runtime.Version(), "go"), kind)
	fmt.Fprintf(&b, "%d chunks, %.1f MB of text, %d dimensions, %d questions, %d rounds, the median round; times by clock, warm.\n", s.corpus.Chunks, float64(s.corpus.Bytes)/1e6, s.corpus.Dimension, s.corpus.Asked, s.rounds)
	if load := busy(); load > float64(runtime.NumCPU())/2 {
		fmt.Fprintf(&b, "The machine had other work meanwhile (load %.0f): compare processor times, not the clock's.\n", load)
	}
	for _, l := range []leg{words, vectors} {
		b.WriteString("\n" + legTable(s, l, results))
	}
	return b.String()
}

// busy is how many processes have wanted to run in the last five minutes,
// beyond one; 0 where the system does not tell.
func busy() float64 {
	var one, five, fifteen float64
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	if _, err := fmt.Sscan(string(b), &one, &five, &fifteen); err != nil {
		return 0
	}
	return five - 1
}

func legTable(s *settings, l leg, results []*result) string {
	byName := map[string]*result{}
	for _, r := range results {
		byName[r.Engine] = r
	}
	var base, truth *result
	for _, e := range engines {
		r := byName[e.name]
		if e.leg != l || r == nil || r.Missing != "" {
			continue
		}
		if strings.HasPrefix(e.name, "lore/") {
			base = r
		}
		if e.exact {
			truth = r
		}
	}
	var b strings.Builder
	if l == words {
		b.WriteString("By words, top 10:\n\n| engine | in | indexing MB/s | p50 ms | p95 ms | CPU ms | × lore | peak memory MB | disk ÷ text | recall | notes |\n")
	} else {
		b.WriteString("By vectors, top 10:\n\n| engine | in | adding vectors/s | p50 ms | p95 ms | CPU ms | × lore | peak memory MB | disk ÷ float32 | recall | notes |\n")
	}
	b.WriteString("|---|---|---|---|---|---|---|---|---|---|---|\n")
	ordered := slices.Clone(engines)
	slices.SortStableFunc(ordered, func(x, y engine) int {
		return rankOf(x.name) - rankOf(y.name)
	})
	for _, e := range ordered {
		r := byName[e.name]
		if e.leg != l || r == nil {
			continue
		}
		name := strings.Split(e.name, "/")[0]
		if r.Missing != "" {
			fmt.Fprintf(&b, "| %s | %s | – | – | – | – | – | – | – | – | not run: %s |\n", name, e.language, r.Missing)
			continue
		}
		rate, disk := "–", "–"
		did, stored, format := float64(s.corpus.Bytes)/1e6, float64(s.corpus.Bytes), "%.1f"
		if l == vectors {
			did, stored, format = float64(s.corpus.Chunks), float64(4*s.corpus.Chunks*s.corpus.Dimension), "%.0f"
		}
		if r.Build.Seconds > 0 && !e.exact {
			rate = fmt.Sprintf(format, did/r.Build.Seconds)
		}
		if r.Build.Disk > 0 {
			disk = fmt.Sprintf("%.2f", float64(r.Build.Disk)/stored)
		}
		ratio, recall, peak := "–", "–", "–"
		if base != nil && base.CPU > 0 && r.CPU > 0 {
			ratio = fmt.Sprintf("%.2f", r.CPU/base.CPU)
		}
		if truth != nil && (l == vectors || e.sharesTerms()) {
			recall = fmt.Sprintf("%.4f", recallOf(r.Hits, truth.Hits))
		}
		if r.Peak > 0 {
			peak = fmt.Sprintf("%.0f", float64(r.Peak)/1e6)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %.2f | %.2f | %.2f | %s | %s | %s | %s | %s |\n", name, e.language, rate, r.P50, r.P95, r.CPU, ratio, peak, disk, recall, e.note)
	}
	if q := byName["qdrant/"+string(l)]; base != nil && q != nil && q.Missing == "" {
		same := 0
		for i := range q.Hits {
			if slices.Equal(q.Hits[i], base.Hits[i]) {
				same++
			}
		}
		fmt.Fprintf(&b, "\nlore's two stores give the same ten in the same order for %d of %d questions.\n", same, len(q.Hits))
	}
	return b.String()
}

func rankOf(name string) int {
	if strings.HasPrefix(name, "lore/") {
		return 0
	}
	return 1
}

// sharesTerms reports whether the engine ranks by lore's terms and formula, so
// that the exact scan is what it should find.
func (e *engine) sharesTerms() bool {
	return e.exact || strings.HasPrefix(e.name, "lore/") || strings.HasPrefix(e.name, "qdrant/")
}

// recallOf is the mean share of the exact answers that was found. Chunks that
// score as the last of them are as good.
func recallOf(got, exact [][]int) float64 {
	sum, asked := 0.0, 0
	for i := range exact {
		n := min(limit, len(exact[i]))
		if n == 0 {
			continue
		}
		found := 0
		for _, x := range got[i][:min(limit, len(got[i]))] {
			if slices.Contains(exact[i], x) {
				found++
			}
		}
		sum += float64(found) / float64(n)
		asked++
	}
	if asked == 0 {
		return 0
	}
	return sum / float64(asked)
}

// processor names the machine, as far as the system tells.
func processor() string {
	name := runtime.GOARCH
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
				name = strings.TrimSpace(v)
				break
			}
		}
	}
	return fmt.Sprintf("%d cores of %s (%s)", runtime.NumCPU(), name, runtime.GOOS)
}

// writeSection puts text between the marks of a section of a Markdown file; a
// section that is not there yet is added at the end.
func writeSection(file, name, text string) error {
	begin, end := "<!-- begin "+name+" -->\n", "<!-- end "+name+" -->\n"
	b, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	old := string(b)
	head, rest, found := strings.Cut(old, begin)
	if !found {
		return os.WriteFile(file, []byte(old+"\n## "+name+"\n\n"+begin+text+end), 0o644)
	}
	_, tail, found := strings.Cut(rest, end)
	if !found {
		return fmt.Errorf("%s: section %q has no end", file, name)
	}
	return os.WriteFile(file, []byte(head+begin+text+end+tail), 0o644)
}
