//go:build !noencoder

package encoder

import (
	"context"
	"math"
	"testing"
)

// TestNearest holds what is told piece by piece against the mean of it.
func TestNearest(t *testing.T) {
	e := newEncoder(t, Options{})
	ctx := context.Background()
	texts := []string{"The chief financial officer is Anna Berg.", "Dogs may not enter the laboratory.", "财务总监是李娜。"}
	_, details, err := e.EmbedDetailed(ctx, texts)
	if err != nil {
		t.Fatal(err)
	}
	for _, question := range []string{"Who is the chief financial officer?", "谁是首席财务官？"} {
		for _, c := range []struct {
			name  string
			means func() ([]float64, error)
			parts func() ([]float64, [][]float32, error)
		}{
			{"rows", func() ([]float64, error) { return e.Likeness(ctx, question, append(details, nil)) },
				func() ([]float64, [][]float32, error) { return e.Nearest(ctx, question, append(details, nil)) }},
			{"pieces", func() ([]float64, error) { return e.Match(ctx, question, append(texts, "")) },
				func() ([]float64, [][]float32, error) { return e.NearestPieces(ctx, question, append(texts, "")) }},
		} {
			means, err := c.means()
			if err != nil {
				t.Fatal(err)
			}
			weights, nearest, err := c.parts()
			if err != nil || len(nearest) != len(texts)+1 || c.name == "rows" && nearest[len(texts)] != nil {
				t.Fatalf("%s of %q: %v, %v", c.name, question, nearest, err)
			}
			for i := range texts {
				if len(nearest[i]) != len(weights) || math.Abs(mean(weights, nearest[i])-means[i]) > 1e-9 {
					t.Errorf("%s of %q: %v weigh %v, not %v", c.name, question, nearest[i], weights, means[i])
				}
			}
			if means[0] < means[1]+0.1 || means[2] < means[1]+0.1 {
				t.Errorf("%s of %q: %v", c.name, question, means)
			}
		}
	}
	if weights, nearest, err := e.Nearest(ctx, "Who?", nil); weights != nil || nearest != nil || err != nil {
		t.Errorf("of nothing: %v, %v, %v", weights, nearest, err)
	}
}
