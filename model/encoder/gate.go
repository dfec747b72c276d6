package encoder

import "sync"

// gate lets questions go ahead. Workers on passages call pass between layers;
// they wait there while questions run and there are not processors enough for
// both.
type gate struct {
	limit     int // workers that may run at once
	mu        sync.Mutex
	cond      sync.Cond
	questions int
	passages  int // running, not waiting
}

func newGate(limit int) *gate {
	g := &gate{limit: limit}
	g.cond.L = &g.mu
	return g
}

func (g *gate) startQuestion() {
	g.mu.Lock()
	g.questions++
	g.mu.Unlock()
}

func (g *gate) endQuestion() {
	g.mu.Lock()
	g.questions--
	g.mu.Unlock()
	g.cond.Broadcast()
}

// full reports whether a passage worker must wait, others being as counted.
func (g *gate) full() bool { return g.questions > 0 && g.questions+g.passages >= g.limit }

func (g *gate) startPassages() {
	g.mu.Lock()
	for g.full() {
		g.cond.Wait()
	}
	g.passages++
	g.mu.Unlock()
}

func (g *gate) endPassages() {
	g.mu.Lock()
	g.passages--
	g.mu.Unlock()
	g.cond.Broadcast()
}

// pass is called by a running passage worker.
func (g *gate) pass() {
	g.mu.Lock()
	g.passages--
	if g.full() {
		g.cond.Broadcast() // another may go on in this one's place, never more than limit
		for g.full() {
			g.cond.Wait()
		}
	}
	g.passages++
	g.mu.Unlock()
}
