package eval

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Run is the ranked lists of a set's questions.
type Run struct {
	Tag    string
	ranked map[string][]Ranked
	order  []string // questions as they were added
}

// Ranked is a document in a ranked list.
type Ranked struct {
	Document string
	Score    float64
}

// Add sets the list of a question, best first.
func (r *Run) Add(question string, list []Ranked) {
	if r.ranked == nil {
		r.ranked = make(map[string][]Ranked)
	}
	if _, ok := r.ranked[question]; !ok {
		r.order = append(r.order, question)
	}
	r.ranked[question] = list
}

// Has reports whether the run asked the question.
func (r *Run) Has(question string) bool {
	_, ok := r.ranked[question]
	return ok
}

// Documents returns the documents ranked for a question, best first.
func (r *Run) Documents(question string) []string {
	list := r.ranked[question]
	out := make([]string, len(list))
	for i, d := range list {
		out[i] = d.Document
	}
	return out
}

// Write writes the run in the format of TREC: question, Q0, document, rank from
// 1, score and tag. trec_eval orders by score, so where ours do not fall a score
// is lowered to just below the one before.
func (r *Run) Write(w io.Writer) error {
	b := bufio.NewWriter(w)
	tag := r.Tag
	if tag == "" {
		tag = "lore"
	}
	for _, q := range r.order {
		last := 0.0
		for i, d := range r.ranked[q] {
			score := d.Score
			if i > 0 && score >= last {
				score = last - 1e-6
			}
			last = score
			fmt.Fprintf(b, "%s Q0 %s %d %.6f %s\n", q, d.Document, i+1, score, tag)
		}
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("write run: %w", err)
	}
	return nil
}

// ReadRun reads a run in the format of TREC. Lists are ordered by rank.
func ReadRun(rd io.Reader) (*Run, error) {
	type line struct {
		Ranked
		rank int
	}
	lists := make(map[string][]line)
	r := &Run{}
	s := bufio.NewScanner(rd)
	s.Buffer(nil, 1<<20)
	for n := 1; s.Scan(); n++ {
		f := strings.Fields(s.Text())
		if len(f) == 0 {
			continue
		}
		if len(f) != 6 {
			return nil, fmt.Errorf("read run, line %d: %d columns, want 6", n, len(f))
		}
		rank, err := strconv.Atoi(f[3])
		if err != nil {
			return nil, fmt.Errorf("read run, line %d: rank %q", n, f[3])
		}
		score, err := strconv.ParseFloat(f[4], 64)
		if err != nil {
			return nil, fmt.Errorf("read run, line %d: score %q", n, f[4])
		}
		if _, ok := lists[f[0]]; !ok {
			r.order = append(r.order, f[0])
		}
		lists[f[0]] = append(lists[f[0]], line{Ranked{f[2], score}, rank})
		r.Tag = f[5]
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("read run: %w", err)
	}
	r.ranked = make(map[string][]Ranked, len(lists))
	for q, list := range lists {
		slices.SortStableFunc(list, func(a, b line) int { return cmp.Compare(a.rank, b.rank) })
		for _, l := range list {
			r.ranked[q] = append(r.ranked[q], l.Ranked)
		}
	}
	return r, nil
}
