package ingest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/lore-kb/lore/analysis"
	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/model/neutral"
	"github.com/lore-kb/lore/store"
)

// embedTextVersion changes whenever EmbedText would give other text.
const embedTextVersion = 1

const (
	embedBatch  = 32   // texts a call when the embedder does not say
	embedTokens = 8192 // of one call, about
	embedPull   = 8    // batches taken from the store at a time
	embedTries  = 5    // calls for one batch while failures are temporary
	embedRefuse = 200  // texts that the embedder may refuse before filling stops

	titleTokens   = 32
	sectionTokens = 64

	longestWait = time.Minute
)

// EmbedText returns the text of which a point's dense vector is made: title,
// section path, the repeated head of a cut table, and text. A title that is only
// the file's name is left out, so that the text, and with it the vector, survives
// renaming.
func EmbedText(p *store.Payload) string { return embedHead(p) + p.Text }

// embedHead is what stands before the text in EmbedText.
func embedHead(p *store.Payload) string {
	var b strings.Builder
	if p.Title != "" && p.Title != nameTitle(p.Path) {
		b.WriteString(firstTokens(p.Title, titleTokens) + "\n")
	}
	section := p.Section
	if len(section) > 0 && section[0] == p.Title {
		section = section[1:]
	}
	if s := strings.Join(section, " > "); s != "" {
		b.WriteString(firstTokens(s, sectionTokens) + "\n")
	}
	if p.Context != "" {
		b.WriteString(p.Context + "\n")
	}
	return b.String()
}

// firstTokens cuts text after about n tokens, between words.
func firstTokens(text string, n int) string {
	if len(text) <= n || tokens(text) <= n {
		return text
	}
	end := 0
	for end < len(text) {
		w := text[end : end+wordEnd(text[end:])]
		if n -= tokens(w); n < 0 {
			break
		}
		end += len(w)
	}
	return strings.TrimSpace(text[:end])
}

// FillOptions says how Fill works. The zero value works silently.
type FillOptions struct {
	Progress func(Progress)
}

// Vectors are points that want vectors: those of a [store.Store], or those that
// a switch of models builds, with Settings and Stats to match.
type Vectors interface {
	Pending(ctx context.Context, limit int) ([]store.Point, error)
	SetVectors(ctx context.Context, vectors []store.PointVector) error
	Settings(ctx context.Context) (store.Settings, error)
	SetSettings(ctx context.Context, s store.Settings) error
	Stats(ctx context.Context) (store.Stats, error) // Points and Embedded are read
}

// Filled says what a Fill did.
type Filled struct {
	Embedded int    // points that got a vector
	Pending  int    // points still without one
	Refused  int    // of Pending: points whose text the embedder does not take
	Warning  string // why some are, in one line; "" when none are
}

// Fill makes the vectors that points of to still lack, newest documents first,
// and stores them batch by batch: it can be cut off anywhere and goes on from
// there when it is called again. Equal texts are embedded once.
//
// A failing embedder is no error: temporary failures are tried again a few
// times, after the wait that the server asks for; then, or at a lasting one, the
// rest stays pending and Warning says why. A text that the embedder refuses is
// shortened if it is too long, else passed over. Errors are those of the store
// and of ctx.
func Fill(ctx context.Context, to Vectors, e model.Embedder, opts *FillOptions) (Filled, error) {
	f := &filler{store: to, embedder: e, wait: wait, now: time.Now}
	if opts != nil {
		f.progress = opts.Progress
	}
	return f.fill(ctx)
}

// filler is one Fill.
type filler struct {
	store    Vectors
	embedder model.Embedder
	progress func(Progress)
	wait     func(context.Context, time.Duration) error
	now      func() time.Time

	centre  store.Centre
	ticker  ticker
	done    int
	refused map[string]bool // points whose text the embedder refuses
	reason  error           // of the last refusal
}

// errEmbedder ends a fill without being an error of it.
type errEmbedder struct{ error }

func (f *filler) fill(ctx context.Context) (Filled, error) {
	var out Filled
	stats, err := f.store.Stats(ctx)
	if err != nil {
		return out, fmt.Errorf("fill vectors: %w", err)
	}
	f.refused = map[string]bool{}
	total := stats.Points - stats.Embedded
	if total <= 0 {
		return out, nil
	}
	f.ticker = ticker{report: f.progress, now: f.now}
	f.ticker.start(StageEmbed, total)
	if err = f.learn(ctx, stats.Embedded > 0); err == nil {
		err = f.run(ctx)
	}
	f.ticker.end()
	out.Embedded, out.Refused = f.done, len(f.refused)
	if stats, e := f.store.Stats(context.WithoutCancel(ctx)); e == nil {
		out.Pending = stats.Points - stats.Embedded
	}
	stop := errEmbedder{}
	switch {
	case errors.As(err, &stop):
		out.Warning = fmt.Sprintf("%d of %d vectors are missing, because the embedder failed: %s; the next run makes them",
			out.Pending, stats.Points, oneLine(stop.Error()))
	case err != nil:
		return out, fmt.Errorf("fill vectors: %w", err)
	case len(f.refused) > 0:
		out.Warning = fmt.Sprintf("%d texts got no vector, because the embedder refused them: %s", len(f.refused), oneLine(f.reason.Error()))
	}
	return out, nil
}

// learn finds what the model's vectors have in common: of the settings, or of
// neutral text, which the settings then remember before any vector is stored.
// Vectors that are stored as the model gave them stay alone among their like.
func (f *filler) learn(ctx context.Context, stored bool) error {
	info := f.embedder.Info()
	if info.Centred {
		return nil
	}
	settings, err := f.store.Settings(ctx)
	if err != nil {
		return err
	}
	known := false
	if f.centre, known = settings.Centres[info.Fingerprint]; known || stored {
		return nil
	}
	c, err := neutral.Learn(ctx, f.call)
	if err != nil {
		if cancelled(ctx, err) {
			return ctx.Err()
		}
		return errEmbedder{err}
	}
	if settings, err = f.store.Settings(ctx); err != nil {
		return err
	}
	if settings.Centres = maps.Clone(settings.Centres); settings.Centres == nil {
		settings.Centres = map[string]store.Centre{}
	}
	f.centre = store.Centre(c)
	settings.Centres[info.Fingerprint] = f.centre
	return f.store.SetSettings(ctx, settings)
}

func (f *filler) run(ctx context.Context) error {
	size := f.embedder.Info().Batch
	if size <= 0 {
		size = embedBatch
	}
	var before []string
	for {
		limit := size*embedPull + len(f.refused)
		points, err := f.store.Pending(ctx, limit)
		if err != nil {
			return err
		}
		points = slices.DeleteFunc(points, func(p store.Point) bool { return f.refused[p.ID] })
		if len(points) == 0 {
			return nil
		}
		ids := make([]string, len(points))
		for i := range points {
			ids[i] = points[i].ID
		}
		if slices.Equal(ids, before) {
			return errEmbedder{errors.New("the store keeps no vectors of this embedder")}
		}
		before = ids
		for _, b := range batches(points, size) {
			if err := f.embedBatch(ctx, b); err != nil {
				return err
			}
		}
		if len(f.refused) > embedRefuse {
			return errEmbedder{f.reason}
		}
	}
}

// text is one text to embed, with the points that share it.
type text struct {
	text   string
	tokens int
	digest string
	points []*store.Point
}

// batches gathers the distinct texts of points, long ones with long ones, so
// that little is wasted on padding.
func batches(points []store.Point, size int) [][]*text {
	byDigest := map[string]*text{}
	var texts []*text
	for i := range points {
		p := &points[i]
		t := byDigest[p.Digest]
		if t == nil {
			t = &text{text: EmbedText(&p.Payload), digest: p.Digest}
			t.tokens = tokens(t.text)
			byDigest[p.Digest] = t
			texts = append(texts, t)
		}
		t.points = append(t.points, p)
	}
	sort.SliceStable(texts, func(i, j int) bool { return texts[i].tokens > texts[j].tokens })
	var out [][]*text
	for len(texts) > 0 {
		n := 1
		for n < min(size, len(texts)) && (n+1)*texts[0].tokens <= embedTokens {
			n++
		}
		out = append(out, texts[:n])
		texts = texts[n:]
	}
	return out
}

// embedBatch embeds and stores one batch. A batch that is refused is halved,
// down to the one text that is to blame.
func (f *filler) embedBatch(ctx context.Context, batch []*text) error {
	texts := make([]string, len(batch))
	for i, t := range batch {
		texts[i] = t.text
	}
	vectors, details, err := f.passages(ctx, texts)
	me := (*model.Error)(nil)
	switch {
	case err == nil:
		return f.put(ctx, batch, vectors, details)
	case cancelled(ctx, err):
		return ctx.Err()
	case errors.As(err, &me) && (me.Kind == model.KindTooLarge || me.Kind == model.KindInvalid):
	default:
		return errEmbedder{err}
	}
	if len(batch) > 1 {
		if err := f.embedBatch(ctx, batch[:len(batch)/2]); err != nil {
			return err
		}
		return f.embedBatch(ctx, batch[len(batch)/2:])
	}
	if t := batch[0]; me.Kind == model.KindTooLarge && t.tokens > titleTokens {
		short := *t
		short.text = firstTokens(t.text, t.tokens/2)
		if short.tokens = tokens(short.text); short.text != "" && short.tokens < t.tokens {
			return f.embedBatch(ctx, []*text{&short})
		}
	}
	f.reason = err
	for _, p := range batch[0].points {
		f.refused[p.ID] = true
	}
	if f.done == 0 && len(f.refused) > embedBatch {
		return errEmbedder{err} // it refuses everything
	}
	return nil
}

// passages embeds texts with their details.
func (f *filler) passages(ctx context.Context, texts []string) (vectors [][]float32, details [][]byte, err error) {
	err = f.again(ctx, func() (err error) {
		vectors, details, err = model.EmbedPassages(ctx, f.embedder, texts)
		return err
	})
	if err == nil {
		err = f.check(vectors, len(texts))
	}
	return vectors, details, err
}

// call embeds texts.
func (f *filler) call(ctx context.Context, task model.Task, texts []string) (vectors [][]float32, err error) {
	err = f.again(ctx, func() (err error) {
		vectors, err = f.embedder.Embed(ctx, task, texts)
		return err
	})
	if err == nil {
		err = f.check(vectors, len(texts))
	}
	return vectors, err
}

// again calls the embedder again while failures are temporary.
func (f *filler) again(ctx context.Context, embed func() error) error {
	pause := time.Second
	for try := 1; ; try++ {
		err := embed()
		if err == nil {
			return nil
		}
		me := (*model.Error)(nil)
		if try == embedTries || ctx.Err() != nil || !errors.As(err, &me) || !me.Temporary() || me.RetryAfter > longestWait {
			return err
		}
		if err := f.wait(ctx, max(pause, me.RetryAfter)); err != nil {
			return err
		}
		pause *= 2
	}
}

// check refuses vectors that are not what was asked for.
func (f *filler) check(vectors [][]float32, n int) error {
	if len(vectors) != n {
		return fmt.Errorf("%s gave %d vectors for %d texts", f.embedder.Info().Name, len(vectors), n)
	}
	for _, v := range vectors {
		if d := f.embedder.Info().Dimension; len(v) == 0 || d > 0 && len(v) != d {
			return fmt.Errorf("%s gave a vector of %d dimensions instead of %d", f.embedder.Info().Name, len(v), d)
		}
		for _, x := range v {
			if x != x || math.IsInf(float64(x), 0) {
				return fmt.Errorf("%s gave a vector that is not finite", f.embedder.Info().Name)
			}
		}
	}
	return nil
}

func (f *filler) put(ctx context.Context, batch []*text, vectors [][]float32, details [][]byte) error {
	var out []store.PointVector
	for i, t := range batch {
		var detail []byte
		if details != nil {
			detail = details[i]
		}
		v := f.centre.Less(vectors[i], languageOf(t), model.TaskPassage.String())
		for _, p := range t.points {
			out = append(out, store.PointVector{ID: p.ID, Digest: t.digest, Vector: v, Detail: detail})
		}
	}
	if err := f.store.SetVectors(ctx, out); err != nil {
		if errors.Is(err, store.ErrDimension) {
			return errEmbedder{err}
		}
		return err
	}
	f.done += len(out)
	last := batch[len(batch)-1].points[0]
	f.ticker.step(f.done, last.Payload.Path, f.done, len(f.refused))
	return nil
}

func languageOf(t *text) string {
	if l := t.points[0].Payload.Language; l != "" {
		return l
	}
	return analysis.Language(t.text)
}

// wait lets d pass, or ctx end.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// embed is the last stage of a sync.
func (r *run) embed(ctx context.Context) error {
	if r.noWait {
		stats, err := r.store.Stats(ctx)
		if err != nil {
			return err
		}
		r.report.Pending = stats.Points - stats.Embedded
		return nil
	}
	filled, err := r.fill(ctx)
	r.report.Embedded, r.report.Pending = filled.Embedded, filled.Pending
	if filled.Warning != "" {
		r.warn("%s", filled.Warning)
	}
	return err
}

// fill makes the vectors that are missing.
func (s *Syncer) fill(ctx context.Context) (Filled, error) {
	s.filling.Lock()
	defer s.filling.Unlock()
	return Fill(ctx, s.store, s.opts.Embedder, &FillOptions{Progress: s.opts.Progress})
}
