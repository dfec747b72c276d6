//go:build !noencoder

package encoder

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/model/encoder/internal/layout"
)

func newEncoder(t testing.TB, opts Options) *Encoder {
	t.Helper()
	e, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func embed(t testing.TB, e *Encoder, task model.Task, texts ...string) [][]float32 {
	t.Helper()
	vectors, err := e.Embed(context.Background(), task, texts)
	if err != nil {
		t.Fatal(err)
	}
	if len(vectors) != len(texts) {
		t.Fatalf("%d vectors for %d texts", len(vectors), len(texts))
	}
	return vectors
}

func TestWeightsMatchTheirSum(t *testing.T) {
	if err := layout.Check([]byte(weightsFile)); err != nil {
		t.Error(err)
	}
	if n := len(weightsFile) + len(meansFile); n > 32<<20 {
		t.Errorf("weights and means take %d bytes, more than 32 MiB", n)
	}
}

func TestEmbedShapes(t *testing.T) {
	e := newEncoder(t, Options{})
	if v, err := e.Embed(context.Background(), model.TaskPassage, nil); v != nil || err != nil {
		t.Errorf("no texts: %v, %v; want nothing", v, err)
	}
	texts := []string{"", "a", "你好", " \n\t ", "\xff\xfe", "\x00", strings.Repeat("long ", 2000)}
	for i, v := range embed(t, e, model.TaskQuery, texts...) {
		if len(v) != e.Info().Dimension {
			t.Errorf("vector %d has %d values, want %d", i, len(v), e.Info().Dimension)
		}
		if l := dot(v, v); math.Abs(l-1) > 1e-5 {
			t.Errorf("vector %d has length² %g, want 1", i, l)
		}
	}
}

func TestEmbedCutsAtTheModelsLength(t *testing.T) {
	e := newEncoder(t, Options{})
	long := strings.Repeat("one two three four five six seven eight nine ten ", 80)
	if n := e.Tokens(model.TaskPassage, long); n <= e.Info().MaxTokens {
		t.Fatalf("the long text has only %d tokens", n)
	}
	v := embed(t, e, model.TaskPassage, long, long+"and something else")
	if c := dot(v[0], v[1]); c < 0.99999 {
		t.Errorf("text beyond the limit counts: cosine %f", c)
	}
}

// TestPacksDoNotMix: a text's vector does not depend on its neighbours.
func TestPacksDoNotMix(t *testing.T) {
	e := newEncoder(t, Options{Threads: 2})
	var texts []string
	for _, g := range fewer(e.Kernel(), readGolden(t)) {
		texts = append(texts, g.text)
	}
	together := embed(t, e, model.TaskPassage, texts...)
	for i := 0; i < len(texts); i += 7 {
		alone := embed(t, e, model.TaskPassage, texts[i])[0]
		if err := near(together[i], alone, 1e-6); err != nil {
			t.Errorf("%q: %v", texts[i], err)
		}
	}
}

func TestEmbedConcurrently(t *testing.T) {
	e := newEncoder(t, Options{Threads: 2})
	texts := []string{"the first of three texts", "第二段文字", strings.Repeat("the third is longer than the others ", 12)}
	want := embed(t, e, model.TaskPassage, texts...)
	wantQuery := embed(t, e, model.TaskQuery, texts[1])
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if i%2 == 0 {
				got, err := e.Embed(context.Background(), model.TaskQuery, texts[1:2])
				if err != nil || !slices.Equal(got[0], wantQuery[0]) {
					t.Errorf("a question beside others: %v, another vector or error", err)
				}
				return
			}
			got, err := e.Embed(context.Background(), model.TaskPassage, texts)
			if err != nil {
				t.Error(err)
				return
			}
			for j := range got {
				if !slices.Equal(got[j], want[j]) {
					t.Errorf("text %d has another vector beside others", j)
				}
			}
		})
	}
	wg.Wait()
}

// countdown is a context that ends when its error was asked for often enough.
type countdown struct {
	context.Context
	mu   sync.Mutex
	left int
	past int // how often it was asked after its end
}

func (c *countdown) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left--; c.left < 0 {
		c.past++
		return context.Canceled
	}
	return nil
}

func TestEmbedStopsBetweenLayers(t *testing.T) {
	e := newEncoder(t, Options{Threads: 1})
	text := []string{strings.Repeat("word ", 300), strings.Repeat("word ", 300)}
	for _, left := range []int{0, 1, 5, 14} {
		ctx := &countdown{Context: context.Background(), left: left}
		if _, err := e.Embed(ctx, model.TaskPassage, text); !errors.Is(err, context.Canceled) {
			t.Errorf("ended after %d: error %v, want context.Canceled", left, err)
		}
		if ctx.past > 2 {
			t.Errorf("ended after %d: asked %d times more", left, ctx.past)
		}
	}
	// What was cut off leaves nothing behind.
	if v := embed(t, e, model.TaskPassage, text...); len(v) != 2 {
		t.Error("no vectors after cancelled calls")
	}
}

func TestEmbedAllocatesOnlyResults(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector empties pools at random")
	}
	e := newEncoder(t, Options{Threads: 1})
	texts := []string{"how many objects does a call make", "再问一个问题"}
	embed(t, e, model.TaskQuery, texts...)
	if n := testing.AllocsPerRun(20, func() { embed(t, e, model.TaskQuery, texts...) }); n > 4 {
		t.Errorf("%g allocations a call, want 4 at most", n)
	}
}

func TestNewRefusesAnUnknownKernel(t *testing.T) {
	_, err := New(Options{Kernel: "abacus"})
	if err == nil || !strings.Contains(err.Error(), "abacus") || !strings.Contains(err.Error(), "portable") {
		t.Errorf("error %v, want one that names the kernel and those there are", err)
	}
}

func TestFingerprints(t *testing.T) {
	a, b := newEncoder(t, Options{}).Info(), newEncoder(t, Options{Uncentred: true}).Info()
	if a.Fingerprint == b.Fingerprint || a.Centred == b.Centred {
		t.Errorf("centred and uncentred vectors look the same: %+v, %+v", a, b)
	}
	if c := newEncoder(t, Options{Kernel: "portable", Threads: 1}).Info(); c != a {
		t.Errorf("the kernel changes the description: %+v, %+v", c, a)
	}
}

// TestLanguagesMeet: a question finds its answer across languages, though texts
// of its own language are there too.
func TestLanguagesMeet(t *testing.T) {
	e := newEncoder(t, Options{})
	passages := embed(t, e, model.TaskPassage,
		"To reset the thermostat, hold the round button until the display blinks twice.",
		"冰川之所以移动，是因为冰在压力下会变形。",
		"祖母把信放在饼干盒里，用绿色毛线捆着。",
		"The night train to the coast leaves from platform four.")
	for _, tt := range []struct {
		question string
		want     int
	}{
		{"怎么重置恒温器", 0},
		{"why do glaciers move", 1},
		{"夜班火车从几号站台出发", 3},
		{"where did grandmother keep the letters", 2},
	} {
		q := embed(t, e, model.TaskQuery, tt.question)[0]
		best := 0
		for i, p := range passages {
			if dot(q, p) > dot(q, passages[best]) {
				best = i
			}
		}
		if best != tt.want {
			t.Errorf("%q finds passage %d, want %d", tt.question, best, tt.want)
		}
	}
}

func TestProbe(t *testing.T) {
	e := newEncoder(t, Options{})
	s, err := e.Probe(context.Background())
	if err != nil || s.Passages <= 0 || s.Question <= 0 {
		t.Errorf("probe: %+v, %v", s, err)
	}
}

func benchKernels(b *testing.B, f func(b *testing.B, e *Encoder)) {
	for _, name := range Kernels() {
		b.Run(name, func(b *testing.B) { f(b, newEncoder(b, Options{Kernel: name, Threads: 1})) })
	}
}

// BenchmarkPassages embeds passages of 200 tokens on one thread.
func BenchmarkPassages(b *testing.B) {
	benchKernels(b, func(b *testing.B, e *Encoder) {
		text := strings.Repeat("The store keeps what was read, and gives it back when asked. ", 13)
		b.ReportAllocs()
		for b.Loop() {
			embed(b, e, model.TaskPassage, text)
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "passages/s")
	})
}

// BenchmarkQuestion embeds a question of 12 tokens on one thread.
func BenchmarkQuestion(b *testing.B) {
	benchKernels(b, func(b *testing.B, e *Encoder) {
		b.ReportAllocs()
		for b.Loop() {
			embed(b, e, model.TaskQuery, "where does the store keep what was")
		}
	})
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		newEncoder(b, Options{})
	}
}

func BenchmarkTokens(b *testing.B) {
	e := newEncoder(b, Options{})
	var text strings.Builder
	for _, g := range readGolden(b) {
		text.WriteString(g.text + "\n")
	}
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		e.Tokens(model.TaskPassage, text.String())
	}
}
