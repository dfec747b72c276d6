package encoder

import (
	"math"
	"testing"

	"github.com/lore-kb/lore/model"
)

func TestChineseShare(t *testing.T) {
	for _, tt := range []struct {
		text string
		want float32
	}{
		{"", 0},
		{"123 ,.!", 0},
		{"only English", 0},
		{"只有中文。", 1},
		{"繁體字", 1},
		{"ab中文", 0.5},
		{"привет", 0},
		{"𠀀", 1}, // beyond the basic plane
	} {
		if got := chineseShare(tt.text); got != tt.want {
			t.Errorf("%q: %g, want %g", tt.text, got, tt.want)
		}
	}
}

func TestCentre(t *testing.T) {
	axis := func(i int) []float32 {
		v := make([]float32, 4)
		v[i] = 1
		return v
	}
	m := &means{
		english: [2][]float32{model.TaskPassage: axis(0), model.TaskQuery: axis(1)},
		chinese: [2][]float32{model.TaskPassage: axis(2), model.TaskQuery: axis(3)},
	}
	v := []float32{0.5, 0.5, 0.5, 0.5}
	m.centre(v, model.TaskPassage, "English")
	want := []float32{-0.5, 0.5, 0.5, 0.5}
	if err := near(v, want, 1e-6); err != nil {
		t.Errorf("English passage: %v", err)
	}
	v = []float32{0.5, 0.5, 0.5, 0.5}
	m.centre(v, model.TaskQuery, "ab中文")
	h := float32(1 / math.Sqrt2)
	if err := near(v, []float32{h, 0, h, 0}, 1e-6); err != nil {
		t.Errorf("mixed question: %v", err)
	}
	v = axis(2) // a vector that is its mean has no direction left
	m.centre(v, model.TaskPassage, "中文")
	if err := near(v, make([]float32, 4), 0); err != nil {
		t.Errorf("the mean itself: %v", err)
	}
}

func TestOpenMeansRefusesAnotherSize(t *testing.T) {
	if _, err := openMeans("short", 4); err == nil {
		t.Error("means of the wrong size were opened")
	}
}
