package retrieve

import (
	"errors"
	"math"
	"slices"
	"testing"
)

// TestSpread checks that what nothing is kept of counts as the least, and that an
// embedder that fails changes nothing.
func TestSpread(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name   string
		scores []float64
		err    error
		want   []float64
		any    bool
	}{
		{"some missing", []float64{0.5, nan, 0.25}, nil, []float64{1.25, 1.125, 1.125, 1.125}, true},
		{"all there", []float64{0.5, 0.75, 0.25}, nil, []float64{1.25, 1.125, 1.125, 1.375}, true},
		{"all missing", []float64{nan, nan, nan}, nil, []float64{1, 1, 1, 1}, false},
		{"failed", nil, errors.New("broken"), []float64{1, 1, 1, 1}, false},
		{"too few", []float64{0.5}, nil, []float64{1, 1, 1, 1}, false},
	} {
		out := []float64{1, 1, 1, 1}
		if any := spread(out, []int{0, 3, 1}, c.scores, c.err, 0.5); any != c.any || !slices.Equal(out, c.want) {
			t.Errorf("%s: %v, %v; want %v, %v", c.name, out, any, c.want, c.any)
		}
	}
}
