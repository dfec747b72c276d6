package store

import (
	"math"
	"slices"
	"testing"
)

func TestCentreKnows(t *testing.T) {
	c := Centre{Means: map[string][]float32{"en/query": {1}, "zh/query": {1}}, Languages: []string{"en"}}
	if !c.Knows("en") || c.Knows("zh") || !c.Knows("") || !(Centre{}).Knows("zh") {
		t.Error("what is known is wrong")
	}
}

func TestCentreLess(t *testing.T) {
	c := Centre{Means: map[string][]float32{"en/query": {0.5, 0}, "zh/query": {0, 0.5}}}
	for _, tt := range []struct {
		name           string
		v              []float32
		language, task string
		want           []float32
	}{
		{"less its mean, at length 1", []float32{3, 4}, "en", "query", []float32{0.1, 0.8}},
		{"another language", []float32{3, 4}, "zh", "query", []float32{0.6, 0.3}},
		{"an unknown language counts as English", []float32{3, 4}, "", "query", []float32{0.1, 0.8}},
		{"no mean of the task", []float32{3, 4}, "en", "passage", []float32{3, 4}},
		{"no mean of the length", []float32{3, 4, 0}, "en", "query", []float32{3, 4, 0}},
		{"no length", []float32{0, 0}, "en", "query", []float32{0, 0}},
	} {
		before := slices.Clone(tt.v)
		got := c.Less(tt.v, tt.language, tt.task)
		for i := range tt.want {
			if math.Abs(float64(got[i]-tt.want[i])) > 1e-6 {
				t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
				break
			}
		}
		if !slices.Equal(before, tt.v) {
			t.Errorf("%s: the vector was changed to %v", tt.name, tt.v)
		}
	}
}
