package store_test

import (
	"testing"
	"time"

	"github.com/lore-kb/lore/store"
)

func TestSpoken(t *testing.T) {
	s := time.Second
	cues := []store.Cue{
		{Offset: 10, Span: store.Span{From: 2 * s, To: 4 * s}},
		{Offset: 20, Span: store.Span{From: 6 * s, To: 16 * s}},
	}
	whole := store.Span{From: 2 * s, To: 16 * s}
	for _, c := range []struct {
		name       string
		cues       []store.Cue
		start, end int
		want       store.Span
	}{
		{"all", cues, 10, 30, whole},
		{"first cue", cues, 10, 20, store.Span{From: 2 * s, To: 4 * s}},
		{"inside the second", cues, 22, 25, store.Span{From: 8 * s, To: 11 * s}},
		{"over both", cues, 15, 21, store.Span{From: 3 * s, To: 7 * s}},
		{"before the first", cues, 5, 12, whole},
		{"no cues", nil, 10, 12, whole},
	} {
		if got := store.Spoken(c.cues, whole, 30, c.start, c.end); got != c.want {
			t.Errorf("%s: %v; want %v", c.name, got, c.want)
		}
	}
}
