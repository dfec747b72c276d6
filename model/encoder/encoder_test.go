package encoder

import (
	"context"
	"math"
	"testing"

	"github.com/lore-kb/lore/model"
)

func TestEmbedShapes(t *testing.T) {
	e, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if v, err := e.Embed(context.Background(), model.TaskPassage, nil); v != nil || err != nil {
		t.Errorf("no texts: %v, %v; want nothing", v, err)
	}
	vectors, err := e.Embed(context.Background(), model.TaskQuery, []string{"", "a", "你好"})
	if err != nil {
		t.Fatal(err)
	}
	if len(vectors) != 3 {
		t.Fatalf("%d vectors for 3 texts", len(vectors))
	}
	for i, v := range vectors {
		if len(v) != e.Info().Dimension {
			t.Errorf("vector %d has %d values, want %d", i, len(v), e.Info().Dimension)
		}
		sum := 0.0
		for _, f := range v {
			sum += float64(f) * float64(f)
		}
		if math.Abs(sum-1) > 1e-5 {
			t.Errorf("vector %d has length² %g, want 1", i, sum)
		}
	}
}

func TestEmbedCancelled(t *testing.T) {
	e, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := e.Embed(ctx, model.TaskPassage, []string{"a"}); err != context.Canceled {
		t.Errorf("error %v, want context.Canceled", err)
	}
}
