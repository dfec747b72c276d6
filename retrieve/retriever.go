package retrieve

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/lore-kb/lore/analysis"
	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/store"
)

// Legs in reports that are not searched.
const (
	LegRerank   store.Leg = "rerank"   // a reranker
	LegLikeness store.Leg = "likeness" // the question held against the passages' words, and against what is kept of them
)

// Options are for New; the zero value searches by keywords alone.
type Options struct {
	Embedder model.Embedder // nil: no dense leg
	NoVector string         // why there is no Embedder, for Degraded; "": none is configured
	Reranker model.Reranker // nil: the fused order stands

	Window        int           // hits taken from each leg; 0: 100, and at least three times the limit
	LegTimeout    time.Duration // for one leg, embedding included; 0: 5 s
	RerankTimeout time.Duration // 0: 2 s
	RerankDepth   int           // passages given to the reranker; 0: 24
	PassageTokens int           // neighbouring chunks are joined up to this; 0: 480, negative: never joined
	Fusion        Fusion
}

// Fusion is a way of joining the legs.
type Fusion string

const (
	FusionConvex         Fusion = ""    // weighted sum of comparable scores
	FusionReciprocalRank Fusion = "rrf" // by ranks alone
)

const (
	defaultLimit         = 8
	defaultWindow        = 100
	defaultLegTimeout    = 5 * time.Second
	defaultRerankTimeout = 2 * time.Second
	defaultRerankDepth   = 24
	defaultPassageTokens = 480
	statsAge             = 3 * time.Second
)

// Retriever finds passages in one collection. It is safe for concurrent use.
type Retriever struct {
	store   store.Store
	options Options

	mu      sync.Mutex
	seen    collection
	seenAt  time.Time
	present func() time.Time
}

// New returns a retriever over st. It touches neither the store nor the models.
func New(st store.Store, opts *Options) *Retriever {
	r := &Retriever{store: st, present: time.Now}
	if opts != nil {
		r.options = *opts
	}
	o := &r.options
	if o.Window <= 0 {
		o.Window = defaultWindow
	}
	if o.LegTimeout <= 0 {
		o.LegTimeout = defaultLegTimeout
	}
	if o.RerankTimeout <= 0 {
		o.RerankTimeout = defaultRerankTimeout
	}
	if o.RerankDepth <= 0 {
		o.RerankDepth = defaultRerankDepth
	}
	if o.PassageTokens == 0 {
		o.PassageTokens = defaultPassageTokens
	}
	return r
}

// Retrieve finds the passages for a question. A question without any term, or a
// collection without documents, gives a result without passages and no error. A
// leg that fails is reported in Degraded; it is an error only when no leg could
// be searched, when the collection holds another model's vectors, or when ctx
// ended.
func (r *Retriever) Retrieve(ctx context.Context, q Query) (*Result, error) {
	s, list, err := r.chosen(ctx, q, true)
	if errors.Is(err, errChanged) {
		// What is read with the search itself is of one state of the store.
		s, list, err = r.chosen(ctx, q, false)
	}
	if err != nil {
		return nil, fmt.Errorf("retrieve: %w", err)
	}
	begin := time.Now()
	s.result.Passages, err = r.passages(ctx, s, list)
	if err != nil {
		return nil, fmt.Errorf("retrieve: %w", err)
	}
	s.result.Timings["merge"] = time.Since(begin)
	s.result.Timings["total"] = time.Since(s.begin)
	return s.result, nil
}

// chosen ranks the candidates and takes the best. With bare the legs are searched
// for bare hits; the error is errChanged when one of those was gone when it was
// needed.
func (r *Retriever) chosen(ctx context.Context, q Query, bare bool) (*search, []chosen, error) {
	s, err := r.rank(ctx, q, r.options.Reranker, bare)
	if err == nil {
		err = r.noteRemoved(ctx, s)
	}
	if err != nil {
		return nil, nil, err
	}
	list, err := s.choose(s.limit)
	return s, list, err
}

// search is one question on its way.
type search struct {
	query       Query
	parsed      *analysis.Parsed
	filter      store.Filter
	centred     bool    // vectors are free of their language's mean
	ownLanguage float64 // what a passage in the question's language gives up
	limit       int
	window      int
	legTimeout  time.Duration
	bare        bool // the legs give bare hits, which payloads completes
	payloads    func([]store.Hit) error
	budget      int // tokens of a passage
	collection  collection
	terms       []TermWeight
	sparse      legHits
	dense       legHits
	phrase      []store.Hit                                    // holding the quoted phrases' terms
	matcher     func(texts []string) ([]float64, error)        // nil: the embedder cannot
	likenesses  func([]store.Hit) ([]float64, [][]byte, error) // nil when nothing is kept of passages
	kept        bool                                           // something was kept of the candidates
	candidates  []candidate                                    // ranked
	weights     weights
	notes       []string
	embedding   time.Duration // of the question, a part of the dense leg
	result      *Result
	begin       time.Time
}

// legHits is what one leg gave.
type legHits struct {
	hits    []store.Hit
	elapsed time.Duration
	err     error
	skipped string // why the leg was not searched; "" when it was
}

// rank runs the question up to the ranked candidates.
func (r *Retriever) rank(ctx context.Context, q Query, reranker model.Reranker, bare bool) (*search, error) {
	s := &search{query: q, begin: time.Now(), limit: q.Limit, legTimeout: r.options.LegTimeout}
	s.payloads = func(hits []store.Hit) error {
		limited, cancel := context.WithTimeout(ctx, r.options.LegTimeout)
		defer cancel()
		return r.store.Payloads(limited, hits)
	}
	if s.limit <= 0 {
		s.limit = defaultLimit
	}
	s.window = max(r.options.Window, 3*s.limit)
	s.budget = r.options.PassageTokens
	s.parsed = analysis.Question(q.Text)
	s.bare = bare && len(s.parsed.Phrases) == 0 // else all are read to look for the phrase
	var err error
	if s.filter, err = r.narrow(ctx, q.Filter, &s.parsed.Filter); err != nil {
		return nil, err
	}
	s.result = &Result{Query: s.parsed.Text, Language: s.parsed.Language, Timings: make(map[string]time.Duration)}
	s.result.Timings["analysis"] = time.Since(s.begin)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(s.parsed.Terms) == 0 && strings.TrimSpace(s.parsed.Text) == "" {
		return s, nil
	}
	if err := r.searchLegs(ctx, s); err != nil {
		return nil, err
	}
	if m, ok := r.options.Embedder.(matcher); ok {
		s.matcher = func(texts []string) ([]float64, error) { return m.Match(ctx, s.parsed.Text, texts) }
	}
	s.likenesses = r.likenesses(ctx, s.parsed.Text)
	begin := time.Now()
	if s.candidates, s.weights, err = fuse(s, r.options.Fusion); err != nil {
		return nil, err
	}
	s.requirePhrases()
	s.result.Timings["fuse"] = time.Since(begin)
	if reranker != nil {
		begin := time.Now()
		if err := r.rerank(ctx, reranker, s); err != nil {
			return nil, err
		}
		s.result.Timings["rerank"] = time.Since(begin)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	s.result.Terms = s.terms
	s.result.Legs = []LegReport{
		{Leg: store.LegSparse, Hits: len(s.sparse.hits), Weight: s.weights.sparse, Elapsed: s.sparse.elapsed},
		{Leg: store.LegDense, Hits: len(s.dense.hits), Weight: s.weights.dense, Elapsed: s.dense.elapsed},
	}
	return s, nil
}

func (s *search) degrade(leg store.Leg, format string, args ...any) {
	s.result.Degraded = append(s.result.Degraded, Degraded{Leg: leg, Reason: fmt.Sprintf(format, args...)})
}

// reason is an error in one line for a user.
func reason(err error, timeout time.Duration) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Sprintf("no answer within %v", timeout)
	}
	return strings.Join(strings.Fields(err.Error()), " ")
}
