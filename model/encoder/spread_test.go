//go:build !noencoder

package encoder

import (
	"context"
	"flag"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/model/encoder/internal/layout"
)

var spreadFile = flag.String("spread", "", "write the group exponents that the golden texts suggest to this file (internal/convert/spread.bin)")

// TestSpread watches what the layers quantise and compares the groups' sizes: the
// exponents say how often a group must be halved to be no larger than the smallest.
// With -spread it writes them for the converter; without, it checks that the
// weights' spread leaves no group much larger than the others.
func TestSpread(t *testing.T) {
	e := newEncoder(t, Options{Uncentred: true, Threads: 1})
	if e.Kernel() == portable.name {
		t.Skip("needs all texts, which is slow with the portable kernel")
	}
	w := e.net.w
	// By layer and matrix, group and row: the largest magnitude.
	seen := make([][4][][]float64, w.Depth)
	calls := 0
	watching := *e.net.k
	watching.quantise = func(a *activations, x, spread []float32, rows, n int) {
		matrix := 3
		if n == w.Hidden {
			matrix = calls % 3
			calls++
		}
		layer := (calls - 1) / 3 % w.Depth
		s := &seen[layer][matrix]
		if *s == nil {
			*s = make([][]float64, n/layout.GroupSize)
		}
		for r := range rows {
			for g := range *s {
				top := 0.0
				for _, v := range x[r*n+g*layout.GroupSize:][:layout.GroupSize] {
					top = max(top, math.Abs(float64(v)))
				}
				(*s)[g] = append((*s)[g], top)
			}
		}
		e.net.k.quantise(a, x, spread, rows, n)
	}
	observed := &Encoder{net: network{w: w, k: &watching}, pieces: e.pieces, info: e.info, threads: 1, gate: e.gate, spaces: e.spaces}
	observed.calls.New = e.calls.New
	for _, task := range []model.Task{model.TaskPassage, model.TaskQuery} {
		for _, g := range readGolden(t) {
			if _, err := observed.Embed(context.Background(), task, []string{g.text}); err != nil {
				t.Fatal(err)
			}
		}
	}
	var file []byte
	for l := range seen {
		for m, groups := range seen[l] {
			sizes := make([]float64, len(groups))
			for g, v := range groups {
				slices.Sort(v)
				sizes[g] = v[len(v)*995/1000]
			}
			least := slices.Min(sizes)
			layer := &w.Layers[l]
			matrix := [...]*layout.Matrix{&layer.Attention, &layer.Output, &layer.Expand, &layer.Contract}[m]
			most, after := 0.0, math.Inf(1)
			for g, s := range sizes {
				file = append(file, byte(math.Round(math.Log2(s/least))))
				spread := s * float64(matrix.Spread[g])
				most, after = max(most, spread), min(after, spread)
			}
			if *spreadFile == "" && most > 3*after {
				t.Errorf("layer %d, matrix %d: the largest group is %.1f times the smallest", l, m, most/after)
			}
		}
	}
	if *spreadFile != "" {
		if err := os.WriteFile(*spreadFile, file, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
