package qdrantstore

import (
	"testing"
	"time"
)

func TestDeadline(t *testing.T) {
	for _, c := range []struct {
		nodes  int
		method string
		n      int
		want   time.Duration
	}{
		{1, "/qdrant.Points/Query", 1, 32 * time.Second},
		{3, "/qdrant.Points/Query", 1, 2 * time.Second},
		{3, "/qdrant.Points/Query", 2, 8 * time.Second},
		{3, "/qdrant.Points/Query", 3, 32 * time.Second},
		{3, "/qdrant.Points/Query", 40, 32 * time.Second},
		{3, "/qdrant.Points/Upsert", 1, 32 * time.Second},
		{3, "/qdrant.Collections/Create", 1, 32 * time.Second},
		{3, "/qdrant.Points/Scroll", 1, 2 * time.Second},
	} {
		r := newRetrier(Options{Timeout: 32 * time.Second}, c.nodes)
		if got := r.deadline(c.method, c.n); got != c.want {
			t.Errorf("attempt %d of %s on %d nodes may take %s, want %s", c.n, c.method, c.nodes, got, c.want)
		}
	}
}
