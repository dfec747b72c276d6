package sqlitestore

import (
	"context"
	"math/bits"
	"slices"
	"sync"

	"github.com/lore-kb/lore/store"
)

// window is how many points are scored at a time: their sums fit the first
// cache.
const window = 4096

// sparseSlack bounds how much a sum of 32-bit products of so many terms differs
// from the exact one, as a share of it.
func sparseSlack(terms int) float32 { return 1e-5 + 2e-7*float32(terms) }

// keptCursors is how many cursors a search leaves to the next.
const keptCursors = 256

// cursor walks the list of one term of a question.
type cursor struct {
	list
	weight   float32 // of the question × IDF
	most     float32 // weight × the largest weight of the list
	bound    float32 // the same for the window
	at       int     // first block that may reach into the window
	probeAt  int     // first block that may hold the next probe
	decoded  int     // number of the block in blk, -1 for none
	position int     // in blk, of the next probe
	value    float64 // weight of the question
	idf      float64
	slot     int    // in scratch.held of a term whose postings are summed, or -1
	held     uint32 // by the probed point: rank + 1, or 0
	blk      block
}

func (c *cursor) load(i int) {
	if c.decoded != i {
		c.decode(i, &c.blk)
		c.decoded = i
		c.position = 0
	}
}

// enter moves to the window [base, end) and sets its bound.
func (c *cursor) enter(base, end uint32) {
	c.at = c.find(c.at, base)
	c.probeAt = max(c.probeAt, c.at)
	c.bound = 0
	if c.skips == nil {
		c.load(0)
		i, _ := slices.BinarySearch(c.blk.locals[:c.blk.n], base)
		if i < c.blk.n && c.blk.locals[i] < end {
			c.bound = c.most
		}
		return
	}
	var top byte
	for i := c.at; i < c.blocks; i++ {
		top = max(top, c.bounds[i])
		if c.last(i) >= end-1 {
			break
		}
	}
	if top > 0 {
		c.bound = c.weight * unbound(top, c.largest)
	}
}

// probe returns the contribution of the term to a point, or false if it cannot
// lift the point's sum to need. Points are asked for in ascending order.
func (c *cursor) probe(local uint32, w *weights, need float32) (float32, bool) {
	c.held = 0
	i := c.find(c.probeAt, local)
	c.probeAt = i
	if i >= c.blocks {
		return 0, true
	}
	if c.weight*c.list.bound(i) < need {
		return 0, false
	}
	c.load(i)
	locals := c.blk.locals[:c.blk.n]
	// The point is ahead of the last one; jump, then halve.
	lo, step := c.position, 1
	hi := lo
	for hi < len(locals) && locals[hi] < local {
		lo = hi + 1
		hi += step
		step *= 2
	}
	hi = min(hi, len(locals))
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if locals[mid] < local {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	c.position = lo
	if lo < len(locals) && locals[lo] == local {
		c.held = c.blk.ranks[lo] + 1
		return c.weight * w.at(local, c.blk.ranks[lo]), true
	}
	return 0, true
}

// exact returns the score of a point to which the cursors, in order of terms, have
// been moved: the sum of double precision in that order. at is its place in the
// window.
func (sc *scratch) exact(cursors []cursor, w *weights, local uint32, at int) (sum float64) {
	for i := range cursors {
		c := &cursors[i]
		held := c.held
		if c.slot >= 0 {
			held = uint32(sc.held[c.slot][at])
			if held == manyRanks {
				held = c.rank(local)
			}
		}
		if held > 0 {
			sum += c.value * float64(w.at(local, held-1)) * c.idf
		}
	}
	return sum
}

// rank looks for a point that holds the term and returns its rank + 1.
func (c *cursor) rank(local uint32) uint32 {
	var blk block
	c.decode(c.find(0, local), &blk)
	i, _ := slices.BinarySearch(blk.locals[:blk.n], local)
	return blk.ranks[i] + 1
}

// manyRanks stands in scratch.held for a rank that is looked for again.
const manyRanks = 255

// scratch is the memory of a search, used again by the next.
type scratch struct {
	sums    [window]float32
	touched [window / 64]uint64
	held    [][]byte // by slot and place in the window: rank + 1 of the term, 0 where it is not
	cursors []cursor
	order   []*cursor
	top     top
	apart   []top
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// sparseQuery is a question's vector with the IDF of its terms.
type sparseQuery struct {
	terms  []uint32
	values []float32
	idf    []float64
	lists  [][]list // by segment and term
}

func (ix *index) sparseQuery(v store.SparseVector) (*sparseQuery, error) {
	q := &sparseQuery{lists: make([][]list, len(ix.points))}
	for i, t := range v.Indices {
		if v.Values[i] > 0 {
			q.terms = append(q.terms, t)
			q.values = append(q.values, v.Values[i])
		}
	}
	df := make([]int, len(q.terms))
	for i, p := range ix.points {
		q.lists[i] = make([]list, len(q.terms))
		for j, t := range q.terms {
			l, found, err := p.list(t)
			if err != nil {
				return nil, err
			}
			if !found {
				continue
			}
			q.lists[i][j] = l
			df[j] += l.n - p.deadHolding(t, &l)
		}
	}
	for _, n := range df {
		q.idf = append(q.idf, store.IDF(ix.live, n))
	}
	return q, nil
}

// ranked is a point with its exact score.
type ranked struct {
	p     *pointState
	local uint32
	score float64
}

// sparse returns the best points, in no order; there may be more than limit.
func (ix *index) sparse(ctx context.Context, v store.SparseVector, chosen []selection, limit int) ([]ranked, error) {
	q, err := ix.sparseQuery(v)
	if err != nil {
		return nil, err
	}
	sc := scratches.Get().(*scratch)
	defer func() {
		if cap(sc.cursors) > keptCursors {
			sc.cursors, sc.order, sc.held = nil, nil, nil
		}
		scratches.Put(sc)
	}()
	sc.top.reset(limit, 0, sparseSlack(len(q.terms)))
	// Large segments first: they set the bar.
	order := make([]int, len(ix.points))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return ix.points[b].n - ix.points[a].n })
	for _, i := range order {
		var s selection
		if chosen != nil {
			s = chosen[i]
			if s.count == 0 {
				continue
			}
		}
		if err := ix.points[i].scan(ctx, sc, q, q.lists[i], s, int32(i)); err != nil {
			return nil, err
		}
	}
	sc.top.prune()
	out := make([]ranked, 0, len(sc.top.list))
	for _, c := range sc.top.list {
		p := ix.points[c.segment]
		out = append(out, ranked{p, c.local, c.exact})
	}
	return out, nil
}

// scan finds the best points of one segment.
func (p *pointState) scan(ctx context.Context, sc *scratch, q *sparseQuery, lists []list, chosen selection, segment int32) error {
	if cap(sc.cursors) < len(lists) {
		sc.cursors = make([]cursor, len(lists))
	}
	cursors := sc.cursors[:0]
	for j := range lists {
		if lists[j].n == 0 {
			continue
		}
		cursors = cursors[:len(cursors)+1]
		c := &cursors[len(cursors)-1]
		c.list = lists[j]
		c.value, c.idf = float64(q.values[j]), q.idf[j]
		c.weight = float32(c.value * c.idf)
		c.most = c.weight * c.largest
		c.at, c.probeAt, c.decoded, c.position, c.slot, c.held = 0, 0, -1, 0, -1, 0
	}
	sc.order = sc.order[:0]
	for i := range cursors {
		sc.order = append(sc.order, &cursors[i])
	}
	if len(cursors) == 0 {
		return nil
	}
	if chosen.set != nil && chosen.count < p.n/64 {
		return p.scanChosen(ctx, sc, cursors, chosen.set, segment)
	}
	for base := uint32(0); base < uint32(p.n); base += window {
		if err := ctx.Err(); err != nil {
			return err
		}
		p.scanWindow(sc, cursors, chosen.set, base, min(base+window, uint32(p.n)), segment)
	}
	return nil
}

func (p *pointState) scanWindow(sc *scratch, cursors []cursor, chosen bitset, base, end uint32, segment int32) {
	order := sc.order
	var total float32
	for _, c := range order {
		c.enter(base, end)
		total += c.bound
	}
	t := &sc.top
	if total < t.bar || total == 0 {
		return
	}
	// Smallest bounds first; what all of the first ones cannot lift over the
	// bar together is looked up only for points that the others find.
	for i := 1; i < len(order); i++ {
		for j := i; j > 0 && order[j].bound < order[j-1].bound; j-- {
			order[j], order[j-1] = order[j-1], order[j]
		}
	}
	first := 0
	var rest float32 // bound of the first ones together
	for first < len(order) && rest+order[first].bound < t.bar {
		rest += order[first].bound
		first++
	}
	slots := 0
	for i, c := range order {
		c.slot, c.held = -1, 0
		if i >= first && c.bound > 0 {
			c.slot = sc.slot(slots)
			slots++
			c.accumulate(sc, &p.weights, base, end)
		}
	}
	for w := range sc.touched {
		m := sc.touched[w]
		if m == 0 {
			continue
		}
		sc.touched[w] = 0
		at := int(base)/64 + w
		keep := ^uint64(0)
		if chosen != nil {
			keep = chosen[at]
		}
		if p.dead != nil {
			keep &^= p.dead[at]
		}
		for ; m != 0; m &= m - 1 {
			i := w*64 + bits.TrailingZeros64(m)
			sum := sc.sums[i]
			sc.sums[i] = 0
			if keep>>(i&63)&1 == 0 || sum+rest < t.bar {
				continue
			}
			local := base + uint32(i)
			left := rest
			ok := true
			for j := first - 1; j >= 0 && order[j].bound > 0; j-- {
				c := order[j]
				left -= c.bound
				var add float32
				if add, ok = c.probe(local, &p.weights, t.bar-sum-left); !ok {
					break
				}
				if sum += add; sum+left < t.bar {
					ok = false
					break
				}
			}
			if ok && sum >= t.bar {
				t.add(candidate{sum, segment, local, sc.exact(cursors, &p.weights, local, i)})
			}
		}
	}
}

// slot clears a slot of held, and makes it if need be.
func (sc *scratch) slot(i int) int {
	if i == len(sc.held) {
		sc.held = append(sc.held, make([]byte, window))
	}
	clear(sc.held[i])
	return i
}

// accumulate adds the term's contributions to the points of the window.
func (c *cursor) accumulate(sc *scratch, w *weights, base, end uint32) {
	held := (*[window]byte)(sc.held[c.slot])
	for i := c.at; i < c.blocks; i++ {
		c.load(i)
		locals := c.blk.locals[:c.blk.n]
		ranks := c.blk.ranks[:len(locals)]
		j := 0
		if locals[0] < base {
			j, _ = slices.BinarySearch(locals, base)
		}
		for ; j < len(locals); j++ {
			local := locals[j]
			if local >= end {
				return
			}
			k := (local - base) & (window - 1)
			sc.sums[k] += c.weight * w.at(local, ranks[j])
			sc.touched[k/64] |= 1 << (k & 63)
			held[k] = byte(min(ranks[j]+1, manyRanks))
		}
		if locals[len(locals)-1] >= end-1 {
			return
		}
	}
}

// scanChosen looks at each of a few chosen points.
func (p *pointState) scanChosen(ctx context.Context, sc *scratch, cursors []cursor, chosen bitset, segment int32) error {
	order := sc.order
	slices.SortStableFunc(order, func(a, b *cursor) int {
		switch {
		case a.most > b.most:
			return -1
		case a.most < b.most:
			return 1
		}
		return 0
	})
	var all float32
	for _, c := range order {
		all += c.most
	}
	t := &sc.top
	slack := all * sparseSlack(len(order))
	for local, ok := chosen.next(0); ok; local, ok = chosen.next(local + 1) {
		if local%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if p.dead.has(local) {
			continue
		}
		var sum float32
		left, may := all, true
		for _, c := range order {
			left -= c.most
			var add float32
			if add, may = c.probe(local, &p.weights, max(t.bar, 0)-sum-left-slack); !may {
				break
			}
			if sum += add; sum+left+slack < t.bar {
				may = false
				break
			}
		}
		if may && sum > 0 && sum >= t.bar {
			t.add(candidate{sum, segment, local, sc.exact(cursors, &p.weights, local, 0)})
		}
	}
	return nil
}

// deadHolding returns how many removed points of the segment hold a term.
func (p *pointState) deadHolding(term uint32, l *list) int {
	if p.nDead == 0 || l.n == 0 {
		return 0
	}
	p.mu.Lock()
	n, known := p.deadIn[term]
	p.mu.Unlock()
	if known {
		return n
	}
	// Only blocks that a removed point may be in are decoded.
	var blk block
	for b := 0; b < l.blocks; {
		from := uint32(0)
		if b > 0 {
			from = l.last(b-1) + 1
		}
		dead, ok := p.dead.next(from)
		if !ok {
			break
		}
		if next := l.find(b, dead); next != b {
			b = next
			continue
		}
		l.decode(b, &blk)
		for _, local := range blk.locals[:blk.n] {
			if p.dead.has(local) {
				n++
			}
		}
		b++
	}
	p.mu.Lock()
	if p.deadIn == nil || len(p.deadIn) > 1<<16 {
		p.deadIn = map[uint32]int{}
	}
	p.deadIn[term] = n
	p.mu.Unlock()
	return n
}

// idf returns the weight of each term by its document frequency among live
// points.
func (ix *index) idf(terms []uint32) ([]float64, error) {
	values := make([]float32, len(terms))
	for i := range values {
		values[i] = 1
	}
	q, err := ix.sparseQuery(store.SparseVector{Indices: terms, Values: values})
	if err != nil {
		return nil, err
	}
	return q.idf, nil
}
