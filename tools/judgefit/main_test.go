package main

import (
	"bytes"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// TestFit finds the weights by which samples were made.
func TestFit(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	want := []float64{-1, 4, -2}
	var samples []sample
	for range 20000 {
		x := []float64{1, r.Float64(), r.Float64()}
		samples = append(samples, sample{x: x, answerable: r.Float64() < confidence(want, x)})
	}
	w, err := fit(samples, 1e-6)
	if err != nil {
		t.Fatal(err)
	}
	for i := 1; i < len(want); i++ { // the first weighs how many there are of each
		if math.Abs(w[i]-want[i]) > 0.25 {
			t.Errorf("weights %v, want %v", w, want)
		}
	}
	if _, err := fit(samples[:0], 1); err == nil {
		t.Error("fitted on nothing")
	}
}

func TestAUROC(t *testing.T) {
	for _, c := range []struct {
		yes, no []float64
		want    float64
	}{
		{[]float64{3, 4}, []float64{1, 2}, 1},
		{[]float64{1, 2}, []float64{3}, 0},
		{[]float64{1}, []float64{1}, 0.5},
		{nil, []float64{1}, 0},
	} {
		if got := auroc(c.yes, c.no); got != c.want {
			t.Errorf("%v against %v: %v, want %v", c.yes, c.no, got, c.want)
		}
	}
}

func TestReadSelects(t *testing.T) {
	name := filepath.Join(t.TempDir(), "set.jsonl")
	text := `{"type":"a","answerable":true,"answer":{"confidence":0.5,"signals":{"unit":1,"han":0,"across":0}}}
{"type":"b","answerable":false,"answer":{"confidence":0.4,"signals":{"unit":2,"han":1,"across":0}}}
{"type":"c","answerable":false,"answer":{"confidence":0.3,"signals":{"unit":3,"han":1,"across":1}}}
`
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		han, across bool
		kind        string
		report      bool
	}{{false, false, "a", false}, {true, false, "b", true}, {true, true, "c", false}, {false, true, "c", false}} {
		list, err := read(name, []string{"unit"}, c.han, c.across)
		if err != nil || len(list) != 1 || list[0].kind != c.kind || list[0].report != c.report || len(list[0].x) != 2 {
			t.Errorf("han %v across %v: %+v, %v", c.han, c.across, list, err)
		}
	}
	if _, err := read(name, []string{"none"}, false, false); err == nil {
		t.Error("took a signal that is not there")
	}
	all, _ := read(name, nil, true, true)
	for i := range all {
		all[i].report = true
	}
	if svg := curves(append(all, sample{answerable: true, report: true, confidence: 1}), "A & B", func(s sample) float64 { return s.confidence }); !bytes.Contains(svg, []byte("A &amp; B")) || !bytes.Contains(svg, []byte("c, AUROC 1.000")) {
		t.Errorf("curves: %s", svg)
	}
}
