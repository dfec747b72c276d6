package sqlitestore

import (
	"math"
	"slices"
)

// candidate is something that may be among the best, by an approximate score.
type candidate struct {
	score   float32
	segment int32
	local   uint32
	exact   float64 // score of the sparse leg, which knows it at once
}

// top keeps every candidate that may be among the best k, when an approximate
// score differs from the exact one by at most a bound. Equal scores are all
// kept: their order is decided later, by ID.
type top struct {
	k        int
	absolute float32 // bound of the difference of two scores that rank wrongly
	relative float32 // the same as a share of the score
	heap     []float32
	bar      float32 // what scores less is not among the best
	list     []candidate
	limit    int // length of list at which it is pruned
}

func (t *top) reset(k int, absolute, relative float32) {
	t.k, t.absolute, t.relative = k, absolute, relative
	t.heap, t.list = t.heap[:0], t.list[:0]
	t.bar = float32(math.Inf(-1))
	t.limit = max(4*k, 256)
}

// raise says that k candidates score at least so much.
func (t *top) raise(score float32) {
	if bar := score - t.absolute - t.relative*float32(math.Abs(float64(score))); bar > t.bar {
		t.bar = bar
	}
}

func (t *top) add(c candidate) {
	score := c.score
	if score < t.bar {
		return
	}
	t.list = append(t.list, c)
	if len(t.heap) < t.k {
		t.heap = append(t.heap, score)
		for i := len(t.heap) - 1; i > 0; {
			up := (i - 1) / 2
			if t.heap[up] <= t.heap[i] {
				break
			}
			t.heap[up], t.heap[i] = t.heap[i], t.heap[up]
			i = up
		}
		if len(t.heap) == t.k {
			t.raise(t.heap[0])
		}
		return
	}
	if score > t.heap[0] {
		h := t.heap
		h[0] = score
		for i := 0; ; {
			down := 2*i + 1
			if down >= len(h) {
				break
			}
			if down+1 < len(h) && h[down+1] < h[down] {
				down++
			}
			if h[i] <= h[down] {
				break
			}
			h[i], h[down] = h[down], h[i]
			i = down
		}
		t.raise(h[0])
	}
	if len(t.list) >= t.limit {
		t.prune()
		if len(t.list) > t.limit/2 {
			t.limit *= 2
		}
	}
}

func (t *top) prune() {
	t.list = slices.DeleteFunc(t.list, func(c candidate) bool { return c.score < t.bar })
}
