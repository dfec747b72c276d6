package encoder

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/model/encoder/internal/layout"
	"github.com/lore-kb/lore/model/encoder/internal/unigram"
)

// ErrNoWeights is returned by New in a binary built without the weights.
var ErrNoWeights = errors.New("this binary was built without the built-in encoder (build tag noencoder); choose another embedder")

// The prefixes tell the model what a text is embedded for.
const (
	queryPrefix   = "query: "
	passagePrefix = "passage: "
)

// packTokens is how many tokens of short texts are sent through the network
// together; a longer text goes alone.
const packTokens = 256

// Options are for New; the zero value is right for most.
type Options struct {
	Threads   int    // workers at most; 0: GOMAXPROCS
	Kernel    string // one of Kernels; "": the fastest
	Uncentred bool   // leave the language means in, for measuring
	NoRows    bool   // keep nothing beside the vectors
}

// Encoder is the built-in model.Embedder. It is safe for concurrent use.
type Encoder struct {
	net      network
	pieces   *unigram.Table
	means    *means      // nil: uncentred
	form     *rowForm    // nil: nothing is kept beside a vector
	table    *pieceTable // nil: Match knows nothing
	tables   sync.Pool
	asked    askedRing
	prefixed [2]int // pieces of the prefix, by model.Task
	info     model.EmbedderInfo
	threads  int
	gate     *gate
	// spaces holds the workspaces that are not in use, by model.Task. Each task
	// has threads of them, made when first needed (nil until then).
	spaces [2]chan *workspace
	calls  sync.Pool
}

// New returns an encoder. It takes a few milliseconds and little memory: the
// weights are used where they lie in the binary.
func New(opts Options) (*Encoder, error) {
	if weightsFile == "" {
		return nil, ErrNoWeights
	}
	k, err := chooseKernel(opts.Kernel)
	if err != nil {
		return nil, err
	}
	w, err := layout.Open(unsafe.Slice(unsafe.StringData(weightsFile), len(weightsFile)))
	if err != nil {
		return nil, fmt.Errorf("built-in encoder: %w", err)
	}
	e := &Encoder{net: network{w: w, k: k}, threads: opts.Threads}
	if e.pieces, err = unigram.Open(w.Table); err != nil {
		return nil, fmt.Errorf("built-in encoder: %w", err)
	}
	if e.pieces.Len() != w.Pieces {
		return nil, errors.New("built-in encoder: pieces and words differ in number")
	}
	fingerprint := fmt.Sprintf("builtin:%d:%s:%q:%q", w.Hidden, hex.EncodeToString(w.Sum[:8]), queryPrefix, passagePrefix)
	if !opts.Uncentred {
		if e.means, err = openMeans(meansFile, w.Hidden); err != nil {
			return nil, fmt.Errorf("built-in encoder: %w", err)
		}
		fingerprint += ":means-" + meansSum()
	}
	if !opts.Uncentred {
		// Without its table, as while the weights are changed, only Match is missing.
		e.table, _ = openPieces(piecesFile, w)
	}
	if !opts.Uncentred && !opts.NoRows {
		// Without its form, as while the weights are changed, only Likeness is missing.
		if e.form, _ = openRows(rowsFile, w); e.form != nil {
			fingerprint += ":rows-" + rowsSum()
		}
	}
	var cutter unigram.Cutter
	for task, prefix := range [...]string{model.TaskPassage: passagePrefix, model.TaskQuery: queryPrefix} {
		e.prefixed[task] = len(cutter.Cut(e.pieces, nil, 0, strings.TrimSpace(prefix)))
	}
	if e.threads <= 0 {
		e.threads = runtime.GOMAXPROCS(0)
	}
	name := "builtin"
	if opts.NoRows {
		name += ":norows"
	}
	e.info = model.EmbedderInfo{
		Name:        name,
		Fingerprint: fingerprint,
		Dimension:   w.Hidden,
		Batch:       32,
		MaxTokens:   w.Span,
		Centred:     !opts.Uncentred,
	}
	e.gate = newGate(e.threads)
	for i := range e.spaces {
		e.spaces[i] = make(chan *workspace, e.threads)
		for range e.threads {
			e.spaces[i] <- nil
		}
	}
	e.calls.New = func() any { return new(call) }
	e.tables.New = func() any { return new(table) }
	return e, nil
}

// Info describes the encoder.
func (e *Encoder) Info() model.EmbedderInfo { return e.info }

// Kernel names the arithmetic in use, one of Kernels.
func (e *Encoder) Kernel() string { return e.net.k.name }

// call is what one Embed needs beside its results.
type call struct {
	cutter unigram.Cutter
	pieces []unigram.Piece
	rows   []int32
	starts []int     // by text; one more at the end
	packs  []int     // first text of each pack; one more at the end
	asked  *question // a single question
	next   atomic.Int64
}

// Embed returns a vector for each text. A text beyond the model's 512 tokens is
// cut there. Questions (model.TaskQuery) go ahead of passages within one layer of
// the network. If ctx ends, Embed returns its error within one layer.
func (e *Encoder) Embed(ctx context.Context, task model.Task, texts []string) ([][]float32, error) {
	return e.embed(ctx, task, texts, nil)
}

// EmbedDetailed is Embed for passages that also returns what Likeness reads of
// each: up to keptRows rows of rowBytes, and a byte. It is nil with
// Options.NoRows.
func (e *Encoder) EmbedDetailed(ctx context.Context, texts []string) (vectors [][]float32, details [][]byte, err error) {
	details = make([][]byte, len(texts))
	if e.form == nil {
		vectors, err = e.embed(ctx, model.TaskPassage, texts, nil)
	} else {
		vectors, err = e.embed(ctx, model.TaskPassage, texts, details)
	}
	return vectors, details, err
}

// embed fills details too unless they are nil.
func (e *Encoder) embed(ctx context.Context, task model.Task, texts []string, details [][]byte) ([][]float32, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if task != model.TaskQuery {
		task = model.TaskPassage
	}
	c := e.calls.Get().(*call)
	defer e.calls.Put(c)
	e.cut(c, task, texts)

	dimension := e.info.Dimension
	all := make([]float32, len(texts)*dimension)
	vectors := make([][]float32, len(texts))
	for i := range vectors {
		vectors[i] = all[i*dimension : (i+1)*dimension : (i+1)*dimension]
	}
	c.next.Store(0)
	c.asked = nil
	packs := len(c.packs) - 1
	if workers := min(e.threads, packs); workers > 1 {
		errs := make([]error, workers)
		var wg sync.WaitGroup
		for i := range workers {
			wg.Go(func() { errs[i] = e.work(ctx, task, c, texts, vectors, details) })
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			return nil, ctx.Err()
		}
	} else if err := e.work(ctx, task, c, texts, vectors, details); err != nil {
		return nil, err
	}
	if c.asked != nil {
		e.asked.keep(c.asked)
	}
	for i, v := range vectors {
		normalise(v)
		if e.means != nil {
			e.means.centre(v, task, texts[i])
		}
	}
	return vectors, nil
}

// cut turns texts into rows of the weights' words and shares them out into packs.
func (e *Encoder) cut(c *call, task model.Task, texts []string) {
	prefix := passagePrefix
	if task == model.TaskQuery {
		prefix = queryPrefix
	}
	w := e.net.w
	c.rows, c.starts, c.packs = c.rows[:0], append(c.starts[:0], 0), append(c.packs[:0], 0)
	packStart := 0
	for i, text := range texts {
		c.pieces = c.cutter.Cut(e.pieces, c.pieces[:0], w.Span-2, prefix, text)
		c.rows = append(c.rows, int32(w.Begin()))
		for _, p := range c.pieces {
			if p == unigram.Unknown {
				p = int32(w.Unknown())
			}
			c.rows = append(c.rows, p)
		}
		c.rows = append(c.rows, int32(w.End()))
		if first := c.starts[i]; first > packStart && len(c.rows)-packStart > packTokens {
			c.packs = append(c.packs, i)
			packStart = first
		}
		c.starts = append(c.starts, len(c.rows))
	}
	c.packs = append(c.packs, len(texts))
}

// work takes packs of the call until none is left.
func (e *Encoder) work(ctx context.Context, task model.Task, c *call, texts []string, vectors [][]float32, details [][]byte) error {
	var ws *workspace
	select {
	case ws = <-e.spaces[task]:
	case <-ctx.Done():
		return ctx.Err()
	}
	if ws == nil {
		ws = new(workspace)
	}
	defer func() { e.spaces[task] <- ws }()
	pause := ctx.Err
	if task == model.TaskQuery {
		e.gate.startQuestion()
		defer e.gate.endQuestion()
	} else {
		e.gate.startPassages()
		defer e.gate.endPassages()
		pause = func() error {
			e.gate.pass()
			return ctx.Err()
		}
	}
	for {
		p := int(c.next.Add(1)) - 1
		if p >= len(c.packs)-1 {
			return nil
		}
		first, last := c.packs[p], c.packs[p+1]
		from, to := c.starts[first], c.starts[last]
		ws.starts = ws.starts[:0]
		for _, s := range c.starts[first : last+1] {
			ws.starts = append(ws.starts, s-from)
		}
		if err := e.net.run(ws, c.rows[from:to], ws.starts, vectors[first:last], pause); err != nil {
			return err
		}
		if details == nil && (task != model.TaskQuery || len(texts) > 1 || e.form == nil && e.table == nil) {
			continue
		}
		for i := first; i < last; i++ {
			inside, outside := inner(c.starts[i+1]-c.starts[i], e.prefixed[task])
			inside, outside = inside+c.starts[i], outside+c.starts[i]
			words, rows := c.rows[inside:outside], ws.x[(inside-from)*e.info.Dimension:(outside-from)*e.info.Dimension]
			if task == model.TaskQuery {
				c.asked = e.question(ws, texts[i], words, rows)
			} else {
				details[i] = e.detail(ws, words, rows, chineseShare(texts[i]))
			}
		}
	}
}

// Tokens returns the number of tokens that a text takes of the model's 512, its
// prefix and marks included; it may be more than 512.
func (e *Encoder) Tokens(task model.Task, text string) int {
	c := e.calls.Get().(*call)
	defer e.calls.Put(c)
	prefix := passagePrefix
	if task == model.TaskQuery {
		prefix = queryPrefix
	}
	c.pieces = c.cutter.Cut(e.pieces, c.pieces[:0], 0, prefix, text)
	return len(c.pieces) + 2
}

// Speed is what Probe measured.
type Speed struct {
	Passages float64       // of 200 tokens a second, all threads
	Question time.Duration // one of about 12 tokens
}

// Probe measures the encoder on this machine; it takes about half a second, more
// where the arithmetic is slow.
func (e *Encoder) Probe(ctx context.Context) (Speed, error) {
	passage := strings.Repeat("The store keeps what was read. ", 28)
	texts := make([]string, 2*e.threads)
	for i := range texts {
		texts[i] = passage
	}
	tokens := e.Tokens(model.TaskPassage, passage)
	var s Speed
	if _, err := e.Embed(ctx, model.TaskQuery, []string{"Where does the store keep it?"}); err != nil {
		return s, err
	}
	start := time.Now()
	const questions = 5
	for range questions {
		if _, err := e.Embed(ctx, model.TaskQuery, []string{"Where does the store keep it?"}); err != nil {
			return s, err
		}
	}
	s.Question = time.Since(start) / questions
	start = time.Now()
	n := 0
	for n == 0 || time.Since(start) < 300*time.Millisecond {
		if _, err := e.Embed(ctx, model.TaskPassage, texts); err != nil {
			return s, err
		}
		n += len(texts)
	}
	s.Passages = float64(n) * float64(tokens) / 200 / time.Since(start).Seconds()
	return s, nil
}
