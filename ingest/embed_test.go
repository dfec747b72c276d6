package ingest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/store"
)

// unembedded returns a bench whose store holds n texts without vectors.
func unembedded(t *testing.T, n int) *bench {
	b := newBench(t)
	for i := range n {
		b.write(fmt.Sprintf("%03d.txt", i), fmt.Sprintf("text %03d%s", i, strings.Repeat(" word", i%7)))
	}
	b.opts.NoWait = true
	if r := b.all(); r.Pending != n || r.Embedded != 0 {
		t.Fatalf("%d pending, %d embedded", r.Pending, r.Embedded)
	}
	return b
}

// fill runs Fill and returns the waits it asked for.
func (b *bench) fill(ctx context.Context) (Filled, []time.Duration, error) {
	var waits []time.Duration
	f := &filler{store: b.st, embedder: b.e, now: time.Now, wait: func(ctx context.Context, d time.Duration) error {
		waits = append(waits, d)
		return ctx.Err()
	}}
	out, err := f.fill(ctx)
	return out, waits, err
}

func TestFill(t *testing.T) {
	b := unembedded(t, 50)
	got, waits, err := b.fill(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want(t, Filled{Embedded: 50}, got)
	want(t, 0, len(waits))
	want(t, 50, len(b.e.texts))
	if got, _, err := b.fill(t.Context()); err != nil || got != (Filled{}) {
		t.Errorf("second: %+v, %v", got, err)
	}
	want(t, 50, len(b.e.texts))
	hits, err := b.st.Search(t.Context(), store.Query{Leg: store.LegDense, Dense: store.Vector{8, 2}, Limit: 3})
	if err != nil || len(hits) != 3 {
		t.Errorf("%d hits, %v", len(hits), err)
	}
}

func TestFillIsInterruptedAndGoesOn(t *testing.T) {
	b := unembedded(t, 50)
	ctx, cancel := context.WithCancel(t.Context())
	b.e.fail = func([]string) error {
		if len(b.e.texts) >= 12 {
			cancel()
			return ctx.Err()
		}
		return nil
	}
	got, _, err := b.fill(ctx)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	want(t, Filled{Embedded: 12, Pending: 38}, got)
	b.e.fail = nil
	got, _, err = b.fill(t.Context())
	want(t, Filled{Embedded: 38}, got)
	want(t, 50, len(b.e.texts))
	if err != nil {
		t.Error(err)
	}
}

func TestFillRetriesWhatIsTemporary(t *testing.T) {
	b := unembedded(t, 3)
	failures := []error{
		&model.Error{Kind: model.KindRateLimit, RetryAfter: 7 * time.Second, Message: "slow down"},
		&model.Error{Kind: model.KindUnavailable, Message: "starting"},
	}
	b.e.fail = func([]string) error {
		if len(failures) == 0 {
			return nil
		}
		err := failures[0]
		failures = failures[1:]
		return err
	}
	got, waits, err := b.fill(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want(t, Filled{Embedded: 3}, got)
	want(t, []time.Duration{7 * time.Second, 2 * time.Second}, waits)
}

func TestFillGivesUp(t *testing.T) {
	tests := map[string]struct {
		fail  error
		calls int
		says  string
	}{
		"server down":          {&model.Error{Kind: model.KindUnavailable, Server: "http://localhost:1", Message: "connection refused"}, embedTries, "connection refused"},
		"key refused":          {&model.Error{Kind: model.KindAuth, Message: "bad key"}, 1, "bad key"},
		"limit for hours":      {&model.Error{Kind: model.KindRateLimit, RetryAfter: time.Hour, Message: "quota used up"}, 1, "quota used up"},
		"something unexpected": {errors.New("no idea"), 1, "no idea"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := unembedded(t, 9)
			calls := 0
			b.e.fail = func([]string) error { calls++; return tt.fail }
			got, _, err := b.fill(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got.Embedded != 0 || got.Pending != 9 || !strings.Contains(got.Warning, tt.says) || !strings.HasPrefix(got.Warning, "9 of 9 vectors are missing") {
				t.Errorf("%+v", got)
			}
			want(t, tt.calls, calls)
			want(t, 9, len(b.ls())) // the documents are there all the same
		})
	}
}

func TestFillPassesOverWhatIsRefused(t *testing.T) {
	b := unembedded(t, 30)
	b.write("bad.txt", "unspeakable")
	b.write("long.txt", strings.Repeat("long ", 200))
	b.all()
	b.e.fail = func(texts []string) error {
		for _, x := range texts {
			if strings.Contains(x, "unspeakable") {
				return &model.Error{Kind: model.KindInvalid, Message: "cannot tokenise"}
			}
			if len(x) > 600 {
				return &model.Error{Kind: model.KindTooLarge, Message: "too long"}
			}
		}
		return nil
	}
	got, _, err := b.fill(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want(t, Filled{Embedded: 31, Pending: 1, Refused: 1, Warning: "1 texts got no vector, because the embedder refused them: model server : cannot tokenise"}, got)
	if !slices.ContainsFunc(b.e.texts, func(x string) bool { return strings.HasPrefix(x, "long long") }) {
		t.Error("the long text was not shortened")
	}
}

// odd is an embedder that gives wrong vectors.
type odd struct {
	*counter
	vectors [][]float32
}

func (o odd) Embed(context.Context, model.Task, []string) ([][]float32, error) { return o.vectors, nil }

func TestFillRefusesWrongVectors(t *testing.T) {
	nan := float32(0)
	nan /= nan
	for name, tt := range map[string]struct {
		vectors [][]float32
		says    string
	}{
		"too few":       {[][]float32{{1, 2}}, "gave 1 vectors for 2 texts"},
		"too long":      {[][]float32{{1, 2, 3}, {1, 2, 3}}, "of 3 dimensions instead of 2"},
		"not a number":  {[][]float32{{1, nan}, {1, 2}}, "not finite"},
		"no vector":     {[][]float32{{}, {}}, "of 0 dimensions"},
		"none whatever": {nil, "gave 0 vectors"},
	} {
		b := unembedded(t, 2)
		got, err := Fill(t.Context(), b.st, odd{b.e, tt.vectors}, nil)
		if err != nil || got.Pending != 2 || !strings.Contains(got.Warning, tt.says) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// forgetful is a store that keeps no vectors.
type forgetful struct{ store.Store }

func (forgetful) SetVectors(context.Context, []store.PointVector) error { return nil }

func TestFillEnds(t *testing.T) {
	b := unembedded(t, 9)
	b.st = forgetful{b.st}
	got, _, err := b.fill(t.Context())
	if err != nil || got.Warning == "" {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestFillCentres fills with an embedder that does not centre its vectors: what
// they have in common is learnt once, before the first is stored.
func TestFillCentres(t *testing.T) {
	b := unembedded(t, 9)
	b.e.plain = true
	rec := &vectors{Store: b.st}
	b.st = rec
	if _, _, err := b.fill(t.Context()); err != nil {
		t.Fatal(err)
	}
	settings, err := b.st.Settings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c := settings.Centres["counter/2"]
	if len(c.Means) != 4 || len(settings.Roots) != 1 {
		t.Fatalf("settings %+v", settings)
	}
	mean := c.Means["en/passage"]
	for _, v := range rec.got {
		// the embedder's own is (length, count of e + 1), all within a right angle
		x, y := float64(v.Vector[0]+mean[0]), float64(v.Vector[1]+mean[1])
		if math.Abs(math.Hypot(x, y)-1) > 1e-5 || x <= 0 || y <= 0 {
			t.Errorf("vector %v is not one at length 1 less the mean %v", v.Vector, mean)
		}
	}
	n := len(b.e.texts)
	b.write("more.txt", "one text more")
	b.opts.NoWait = true
	b.all()
	if _, _, err := b.fill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(b.e.texts) != n+1 {
		t.Errorf("%d texts embedded for one text more", len(b.e.texts)-n)
	}
}

// TestFillLeavesVectorsAlike fills a collection that has vectors as the embedder
// gives them already.
func TestFillLeavesVectorsAlike(t *testing.T) {
	b := unembedded(t, 3)
	if _, _, err := b.fill(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.e.plain = true
	b.write("more.txt", "one text more")
	b.all()
	rec := &vectors{Store: b.st}
	b.st = rec
	if _, _, err := b.fill(t.Context()); err != nil || len(rec.got) != 1 || rec.got[0].Vector[0] < 1 {
		t.Errorf("%v, %v", rec.got, err)
	}
	if settings, err := b.st.Settings(t.Context()); err != nil || len(settings.Centres) != 0 {
		t.Errorf("settings %+v, %v", settings, err)
	}
}

// TestFillCannotLearn has an embedder that fails at the first text.
func TestFillCannotLearn(t *testing.T) {
	b := unembedded(t, 3)
	b.e.plain = true
	b.e.fail = func([]string) error { return &model.Error{Kind: model.KindAuth, Message: "no key"} }
	got, _, err := b.fill(t.Context())
	if err != nil || got.Pending != 3 || !strings.Contains(got.Warning, "no key") {
		t.Errorf("%+v, %v", got, err)
	}
	if settings, err := b.st.Settings(t.Context()); err != nil || len(settings.Centres) != 0 {
		t.Errorf("settings %+v, %v", settings, err)
	}
}

type vectors struct {
	store.Store
	got []store.PointVector
}

func (s *vectors) SetVectors(ctx context.Context, v []store.PointVector) error {
	s.got = append(s.got, v...)
	return s.Store.SetVectors(ctx, v)
}

func TestSyncWithoutEmbedder(t *testing.T) {
	b := newBench(t)
	b.e = nil
	b.write("a.txt", "one")
	if r := b.all(); r.New != 1 || r.Pending != 0 || len(r.Warnings) != 0 {
		t.Errorf("%+v", r)
	}
}

func TestEmbedText(t *testing.T) {
	long := strings.Repeat("very ", 100) + "long"
	for _, tt := range []struct {
		p    store.Payload
		want string
	}{
		{store.Payload{Title: "Guide", Section: []string{"Guide", "Setup", "Linux"}, Path: "a.md", Text: "Run it."}, "Guide\nSetup > Linux\nRun it."},
		{store.Payload{Section: []string{"Setup"}, Context: "| a | b |", Text: "| 1 | 2 |"}, "Setup\n| a | b |\n| 1 | 2 |"},
		{store.Payload{Title: long, Text: "x"}, strings.TrimSpace(strings.Repeat("very ", titleTokens)) + "\nx"},
		{store.Payload{Title: strings.Repeat("标", 50), Text: "x"}, strings.Repeat("标", titleTokens) + "\nx"},
	} {
		if got := EmbedText(&tt.p); got != tt.want {
			t.Errorf("%q, not %q", got, tt.want)
		}
	}
}
