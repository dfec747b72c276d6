package store_test

import (
	"testing"

	"github.com/lore-kb/lore/store"
)

func TestRegionOf(t *testing.T) {
	boxes := []store.Box{
		{Offset: 10, Page: 2, Left: 1000, Top: 5000, Width: 500, Height: 100},
		{Offset: 16, Page: 2, Left: 2000, Top: 5100, Width: 500, Height: 100},
		{Offset: 20, Page: 3, Left: 0, Top: 0, Width: 10000, Height: 50},
	}
	ended := append(boxes[:len(boxes):len(boxes)], store.Box{Offset: 25, Page: 3})
	first := store.Region{Page: 2, X: 0.1, Y: 0.5, W: 0.05, H: 0.01}
	for _, c := range []struct {
		name       string
		boxes      []store.Box
		start, end int
		want       store.Region
		ok         bool
	}{
		{"one word", boxes, 10, 15, first, true},
		{"a part of a word", boxes, 12, 13, first, true},
		{"two words", boxes, 10, 18, store.Region{Page: 2, X: 0.1, Y: 0.5, W: 0.15, H: 0.02}, true},
		{"over the page's end", boxes, 17, 25, store.Region{Page: 2, X: 0.2, Y: 0.51, W: 0.05, H: 0.01}, true},
		{"the last", boxes, 20, 30, store.Region{Page: 3, W: 1, H: 0.005}, true},
		{"the last before an end", ended, 22, 40, store.Region{Page: 3, W: 1, H: 0.005}, true},
		{"behind the end", ended, 25, 40, store.Region{}, false},
		{"before the first", boxes, 0, 9, store.Region{}, false},
		{"no boxes", nil, 0, 100, store.Region{}, false},
	} {
		if got, ok := store.RegionOf(c.boxes, c.start, c.end); got != c.want || ok != c.ok {
			t.Errorf("%s: %v, %v; want %v, %v", c.name, got, ok, c.want, c.ok)
		}
	}
}
