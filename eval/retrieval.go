package eval

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lore-kb/lore/analysis"
	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/retrieve"
	"github.com/lore-kb/lore/store"
)

// RetrievalOptions are for Retrieval. Store is required.
type RetrievalOptions struct {
	Store    store.Store    // an empty collection, or one that an earlier call filled for the same set, else [ErrOtherSet]
	Embedder model.Embedder // nil: keywords alone
	Reranker model.Reranker
	Fusion   retrieve.Fusion

	RerankTimeout time.Duration // of one question; 0: the retriever's

	// Index puts the set's documents into Store, the ID as path, each time. nil:
	// Index of this package, where they are not there already.
	Index func(ctx context.Context, docs []Document) error
	// Embed fills in their vectors. nil: Embed of this package.
	Embed func(ctx context.Context) error

	Limit    int    // questions at most; 0: all
	Depth    int    // documents ranked for a question; 0: 100
	Split    string // FIRST:LAST, positions of questions from 1, both included; "": all
	Compare  *Run   // an earlier run of the same set
	Progress func(stage string, done, total int)
}

// Figures are the means over some questions.
type Figures struct {
	Queries int `json:"queries"`
	Scores
	Answers5 *float64 `json:"answers@5,omitempty"` // share of the questions with known answers whose first 5 documents' passages hold one
}

// RetrievalReport says how well documents were found.
type RetrievalReport struct {
	Figures
	Documents    int                 `json:"documents"`
	Unasked      int                 `json:"unasked,omitempty"`           // questions without relevant documents that no label calls unanswerable
	Unknown      []string            `json:"unknown_documents,omitempty"` // that grades name and the corpus lacks
	P50          float64             `json:"p50_ms"`
	P95          float64             `json:"p95_ms"`
	Parts        map[string]Part     `json:"parts_ms"` // embed, sparse, dense, beyond: what a question takes beyond the slower leg
	IndexSeconds float64             `json:"index_seconds"`
	EmbedSeconds float64             `json:"embed_seconds"`
	ByType       map[string]*Figures `json:"by_type"`
	Degraded     map[string]int      `json:"degraded,omitempty"` // questions by reason
	Comparison   *Comparison         `json:"comparison,omitempty"`
	Run          *Run                `json:"-"`
}

// Part is how long a part of a question takes, in milliseconds. The legs run side
// by side; the dense one embeds the question first.
type Part struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
}

const (
	defaultDepth = 100
	answersDepth = 5

	// legTimeout is what a leg may take: figures are not to depend on what else a
	// machine has to do.
	legTimeout = 2 * time.Minute
)

// Retrieval indexes the set in dir, asks its questions and reports how well
// their documents were found. A document of several chunks counts where its best
// one does. Questions without relevant documents are not asked.
func Retrieval(ctx context.Context, dir string, opts *RetrievalOptions) (*RetrievalReport, error) {
	if opts == nil || opts.Store == nil {
		return nil, errors.New("eval retrieval: no store")
	}
	set, err := ReadSet(dir)
	if err != nil {
		return nil, err
	}
	questions, unasked, err := selectQuestions(set.Questions, opts.Split, opts.Limit)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	if c := opts.Compare; c != nil && !slices.ContainsFunc(questions, func(q Question) bool { return c.Has(q.ID) }) {
		return nil, fmt.Errorf("compare: the run %s has none of the questions asked; is it of another set?", c.Tag)
	}
	report := &RetrievalReport{Documents: len(set.Documents), Unasked: unasked, Unknown: set.Unknown, ByType: make(map[string]*Figures), Degraded: make(map[string]int)}
	progress := opts.Progress
	if progress == nil {
		progress = func(string, int, int) {}
	}
	if err := prepare(ctx, set, opts, report, progress); err != nil {
		return nil, err
	}
	r := retrieve.New(opts.Store, &retrieve.Options{
		Embedder: opts.Embedder, Reranker: opts.Reranker, RerankTimeout: opts.RerankTimeout, LegTimeout: legTimeout,
		Fusion: opts.Fusion, PassageTokens: -1,
	})
	depth := opts.Depth
	if depth <= 0 {
		depth = defaultDepth
	}
	// The first question pays for what is loaded once.
	if _, err := r.Retrieve(ctx, retrieve.Query{Text: questions[0].Text, Limit: depth}); err != nil {
		return nil, fmt.Errorf("eval retrieval: %w", err)
	}
	run := &Run{}
	report.Run = run
	all := newTally()
	types := make(map[string]*tally)
	var elapsed []float64
	parts := make(map[string][]float64)
	for i := range questions {
		q := &questions[i]
		begin := time.Now()
		result, err := r.Retrieve(ctx, retrieve.Query{Text: q.Text, Limit: depth})
		if err != nil {
			return nil, fmt.Errorf("eval retrieval, question %s: %w", q.ID, err)
		}
		elapsed = append(elapsed, milliseconds(time.Since(begin)))
		slower := time.Duration(0)
		for _, leg := range result.Legs {
			if leg.Elapsed > 0 {
				parts[string(leg.Leg)] = append(parts[string(leg.Leg)], milliseconds(leg.Elapsed))
			}
			slower = max(slower, leg.Elapsed)
		}
		parts["beyond"] = append(parts["beyond"], milliseconds(result.Timings["total"]-slower))
		if d, ok := result.Timings["embed"]; ok {
			parts["embed"] = append(parts["embed"], milliseconds(d))
		}
		for _, d := range result.Degraded {
			report.Degraded[string(d.Leg)+": "+d.Reason]++
		}
		list, texts := ranking(result)
		run.Add(q.ID, list)
		one := outcome{Scores: Score(run.Documents(q.ID), q.Relevant)}
		if len(q.Answers) > 0 {
			one.asked, one.answered = 1, holdsAnswer(texts, q.Answers)
		}
		all.add(one)
		if q.Type != "" {
			if types[q.Type] == nil {
				types[q.Type] = newTally()
			}
			types[q.Type].add(one)
		}
		progress("ask", i+1, len(questions))
	}
	report.Figures = all.figures()
	for t, v := range types {
		f := v.figures()
		report.ByType[t] = &f
	}
	slices.Sort(elapsed)
	report.P50, report.P95 = percentile(elapsed, 0.50), percentile(elapsed, 0.95)
	report.Parts = make(map[string]Part, len(parts))
	for name, v := range parts {
		slices.Sort(v)
		report.Parts[name] = Part{percentile(v, 0.50), percentile(v, 0.95)}
	}
	if opts.Compare != nil {
		report.Comparison = Compare(set, run, opts.Compare)
	}
	return report, nil
}

// prepare indexes and embeds what is not there yet of the set.
func prepare(ctx context.Context, set *Set, opts *RetrievalOptions, report *RetrievalReport, progress func(string, int, int)) error {
	index, fill := opts.Index, opts.Embed
	if index == nil {
		index = func(ctx context.Context, docs []Document) error { return Index(ctx, opts.Store, docs) }
	}
	if fill == nil {
		fill = func(ctx context.Context) error {
			return embed(ctx, opts.Store, opts.Embedder, func(done, total int) { progress("embed", done, total) })
		}
	}
	indexed := false
	if opts.Index == nil {
		var err error
		if indexed, err = claim(ctx, opts.Store, set); err != nil {
			return err
		}
	}
	if !indexed {
		begin := time.Now()
		progress("index", 0, len(set.Documents))
		if err := index(ctx, set.Documents); err != nil {
			return err
		}
		report.IndexSeconds = time.Since(begin).Seconds()
	}
	if opts.Embedder == nil {
		return nil
	}
	begin := time.Now()
	if err := fill(ctx); err != nil {
		return err
	}
	report.EmbedSeconds = time.Since(begin).Seconds()
	return nil
}

// ErrQuestions says that questions were selected that a set does not have.
var ErrQuestions = errors.New("no such questions")

// selectQuestions returns those with relevant documents within split, at most
// limit, and how many it passed over that have none and no label that says why. None
// at all is an error.
func selectQuestions(all []Question, split string, limit int) (out []Question, unasked int, err error) {
	first, last := 1, len(all)
	if split != "" {
		a, b, ok := strings.Cut(split, ":")
		var err1, err2 error
		if a != "" {
			first, err1 = strconv.Atoi(a)
		}
		if b != "" {
			last, err2 = strconv.Atoi(b)
		}
		if !ok || err1 != nil || err2 != nil || first < 1 || last < first {
			return nil, 0, fmt.Errorf("%w: split %q, want FIRST:LAST, positions from 1 to %d", ErrQuestions, split, len(all))
		}
		last = min(last, len(all))
	}
	if limit < 0 {
		return nil, 0, fmt.Errorf("%w: at most %d", ErrQuestions, limit)
	}
	for i := first - 1; i < last && (limit == 0 || len(out) < limit); i++ {
		switch q := &all[i]; {
		case len(q.Relevant) > 0:
			out = append(out, *q)
		case q.Answerable:
			unasked++
		}
	}
	if len(out) == 0 {
		within := fmt.Sprintf("none of its %d has", len(all))
		if split != "" {
			within = fmt.Sprintf("none of %s has, of %d in all,", split, len(all))
		}
		return nil, 0, fmt.Errorf("%w: %s a relevant document in qrels/test.tsv", ErrQuestions, within)
	}
	return out, unasked, nil
}

// ranking is the documents of a result, each by its best passage, and the texts
// of the passages that belong to the first few.
func ranking(result *retrieve.Result) (list []Ranked, texts []string) {
	rank := make(map[string]int)
	for i := range result.Passages {
		p := &result.Passages[i]
		if _, ok := rank[p.Path]; !ok {
			rank[p.Path] = len(list)
			list = append(list, Ranked{Document: p.Path, Score: p.Score})
		}
		if rank[p.Path] < answersDepth {
			texts = append(texts, p.Text)
		}
	}
	return list, texts
}

// holdsAnswer reports 1 if a text holds one of the answers, after folding.
func holdsAnswer(texts, answers []string) float64 {
	want := make([]string, 0, len(answers))
	for _, a := range answers {
		if f := strings.TrimSpace(analysis.Fold(a).Text); f != "" {
			want = append(want, f)
		}
	}
	for _, t := range texts {
		folded := analysis.Fold(t).Text
		for _, w := range want {
			if strings.Contains(folded, w) {
				return 1
			}
		}
	}
	return 0
}

// outcome is what became of one question.
type outcome struct {
	Scores
	asked, answered float64
}

// tally adds up outcomes.
type tally struct {
	sum             Scores
	n               int
	asked, answered float64
}

func newTally() *tally { return &tally{} }

func (t *tally) add(o outcome) {
	t.sum.add(o.Scores)
	t.n++
	t.asked += o.asked
	t.answered += o.answered
}

func (t *tally) figures() Figures {
	f := Figures{Queries: t.n, Scores: t.sum}
	f.Scores.divide(float64(t.n))
	if t.asked > 0 {
		share := t.answered / t.asked
		f.Answers5 = &share
	}
	return f
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// percentile of ascending values, by the nearest rank; 0 without values.
func percentile(v []float64, p float64) float64 {
	if len(v) == 0 {
		return 0
	}
	i := int(p*float64(len(v))+0.9999999) - 1
	return v[max(0, min(i, len(v)-1))]
}
