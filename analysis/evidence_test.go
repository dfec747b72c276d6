package analysis

import (
	"math"
	"testing"
)

func TestMatcher(t *testing.T) {
	for _, c := range []struct {
		question, title, text string
		sentence, order       float64
	}{
		{"annual leave days", "", "", 0, 0},
		{"annual leave days", "", "Nothing here.", 0, 0},
		{"annual leave days", "", "Annual leave. Ten days.", 2.0 / 3, 2.0 / 3},
		{"annual leave days", "", "Days of annual leave.", 1, 1.0 / 3},
		{"annual leave days", "", "Annual leave: days.", 1, 2.0 / 3},
		{"annual leave days", "Leave", "Ten days.", 2.0 / 3, 0},
		{"annual leave days", "", "leave leave leave", 1.0 / 3, 0},
		{"annual leave", "", "leave annual", 1, 0.5},
		{"annual leave", "", "annual and one two three leave", 1, 0},
		{"clara price", "", "| Name | Price |\n|---|---|\n| Vega | 2 |\n| Clara | 1 |", 1, 0},
		{"clara price", "", "All prices.\n\n| Name | Price |\n|---|---|\n| Clara | 1 |\n\nVega.", 1, 0.5},
		{"clara price", "", "| Name | Price |\n|---|---|\n| Vega | 2 |\n\nClara.", 0.5, 0},
		{"clara price", "", "Name | Price\nVega | 2\nClara | 1", 1, 0},
		{"clara price", "", "Prices:\n\nName | Price\nVega | 2\n\nClara.", 0.5, 0},
		{"clara vega", "", "| Name | Price |\n|---|---|\n| Vega | 2 |\n| Clara | 1 |", 0.5, 0.5},
	} {
		terms := Question(c.question).Terms
		weights := make([]float64, len(terms))
		for i := range weights {
			weights[i] = 1
		}
		m := NewMatcher(terms, weights)
		for range 2 { // a matcher keeps nothing from text to text
			if e := m.Match(c.title, c.text); math.Abs(e.Sentence-c.sentence) > 1e-9 || math.Abs(e.Order-c.order) > 1e-9 {
				t.Errorf("%q in %q, %q: %+v, want %v %v", c.question, c.title, c.text, e, c.sentence, c.order)
			}
		}
	}
	chinese := Question("上海交通大学").Terms
	weights := make([]float64, len(chinese))
	for i := range weights {
		weights[i] = 1
	}
	m := NewMatcher(chinese, weights)
	if whole, apart := m.Match("", "上海交通大学在上海。"), m.Match("", "上海的大学与交通。"); whole.Order <= 2*apart.Order || whole.Sentence != 1 {
		t.Errorf("whole %+v, in pieces %+v", whole, apart)
	}
	if e := NewMatcher(nil, nil).Match("a", "b"); e != (Evidence{}) {
		t.Errorf("without terms: %+v", e)
	}
}

func BenchmarkMatcher(b *testing.B) {
	terms := Question("How many days of annual leave may be carried over to the next year?").Terms
	weights := make([]float64, len(terms))
	for i := range weights {
		weights[i] = 1
	}
	m := NewMatcher(terms, weights)
	text := englishSample + englishSample + englishSample + englishSample + englishSample
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		m.Match("Annual leave", text)
	}
}

func TestWhole(t *testing.T) {
	for _, c := range []struct {
		question, text string
		whole          bool
	}{
		{"上海交通大学", "他在上海交通大学读书。", true},
		{"上海交通大学", "上海交通便利，交通大学很多。", false},
		{"上海交通大学", "上海交通。大学", false},
		{"Northern Harbour Trust", "the Northern Harbour Trust", true},
		{"Northern Harbour Trust", "a northern harbour, the harbour trust", false},
		{"Bank of China", "the Bank of China", true},
		{"what is the harbour trust", "harbour trusts", true},
		{"harbour", "a harbour", false}, // nothing stands in any order
		{"", "a harbour", false},
	} {
		var weights []float64
		terms := Question(c.question).Terms
		for _, term := range terms {
			weights = append(weights, term.Weight)
		}
		m := NewMatcher(terms, weights)
		for range 2 {
			if got := m.Match("", c.text).Whole; got != c.whole {
				t.Errorf("%q in %q: %v", c.question, c.text, got)
			}
		}
	}
}
