package sqlitestore

import (
	"context"
	"encoding/binary"
	"math"
	"math/bits"
	"slices"

	"github.com/lore-kb/lore/store"
)

// dense returns the best points by cosine, and the best of each language that is
// kept apart, in no order; there may be more than limit.
func (ix *index) dense(ctx context.Context, v store.Vector, chosen []selection, languages []string, limit int) ([]ranked, error) {
	q := normalised(v)
	sc := scratches.Get().(*scratch)
	defer scratches.Put(sc)
	// Codes first; what may be among the best by them is compared exactly.
	code := make([]int8, codeWidth(len(q)))
	scale, _ := quantise(q, code)
	dq := &denseQuery{vector: q, code: newKernelQuery(code), scale: scale}
	var largest float32
	for _, vs := range ix.vectors {
		if vs.dim != len(q) {
			continue
		}
		largest = max(largest, vs.largestScale)
	}
	slack := codeSlack(scale, largest)
	sc.top.reset(limit, slack, 0)
	tops := []*top{&sc.top}
	if len(languages) > 0 {
		dq.apart = newApart(languages, sc, limit, slack)
		tops = dq.apart.all()
	}
	var keys [][2]uint32
	many := false
	if chosen != nil {
		keys, many = ix.chosenKeys(chosen, ix.live/manyRanges)
	}
	for i, vs := range ix.vectors {
		if vs.dim != len(q) {
			continue
		}
		dq.enter(ix, vs)
		var err error
		if many {
			err = vs.scanChosen(ctx, &sc.top, dq, vs.chosenRows(ix, chosen), int32(i))
		} else {
			err = vs.scan(ctx, &sc.top, dq, vs.ranges(keys, chosen != nil), int32(i))
		}
		if err != nil {
			return nil, err
		}
	}
	var out []ranked
	for _, t := range tops {
		t.prune()
		for _, c := range t.list {
			vs := ix.vectors[c.segment]
			stored, err := vs.vector(c.local)
			if err != nil {
				return nil, err
			}
			var sum float64
			for i, x := range stored {
				sum += float64(x) * float64(q[i])
			}
			if p, local, ok := ix.find(vs.keys[c.local]); ok {
				out = append(out, ranked{p, local, sum})
			}
		}
	}
	return out, nil
}

// codeSlack bounds, but for one case in millions, how much the difference of
// two scores by codes is off. Each component of a code is off by an amount that
// is spread evenly over a step, so that a score with a vector of length 1 is
// off by step / √12 in the mean, for either vector.
func codeSlack(a, b float32) float32 {
	sigma := math.Sqrt((float64(a)*float64(a) + float64(b)*float64(b)) / 12)
	return float32(5 * math.Sqrt2 * sigma)
}

// manyRanges is the part of all points from which it is faster to look at every
// row than at so many ranges.
var manyRanges = 64 // a variable for tests

// chosenRows returns the rows of a selection.
func (v *vectorSegment) chosenRows(ix *index, chosen []selection) bitset {
	rows := newBitset(v.n)
	segment, run := 0, 0
	var p *pointSegment
	last := int64(-1) // key of p
	for row, key := range v.keys {
		for ; last < int64(key) && segment < len(ix.points); segment++ {
			p, run = ix.points[segment].pointSegment, 0
			last = int64(p.lastKey())
		}
		if last < int64(key) {
			break
		}
		if p.runKeys[0] > key {
			continue
		}
		for run+1 < len(p.runKeys) && p.runKeys[run+1] <= key {
			run++
		}
		if local := p.runLocals[run] + key - p.runKeys[run]; local < p.runLocals[run+1] && chosen[segment-1].set.has(local) {
			rows.set(uint32(row))
		}
	}
	return rows
}

// scanChosen is scan for a set of rows.
func (v *vectorState) scanChosen(ctx context.Context, t *top, q *denseQuery, rows bitset, segment int32) error {
	for from := uint32(0); int(from) < v.n; from += scanRows {
		if err := ctx.Err(); err != nil {
			return err
		}
		var mask [scanRows / 64]uint64
		some := uint64(0)
		for i := range copy(mask[:], rows[from/64:]) {
			some |= mask[i]
		}
		if some == 0 {
			continue
		}
		scan := v.scanCodes
		if v.coarse != nil {
			scan = v.scanCoarse
		}
		if err := scan(t, q, from, min(from+scanRows, uint32(v.n)), &mask, segment); err != nil {
			return err
		}
	}
	return nil
}

// chosenKeys returns the keys of the points of a selection as ranges in order,
// unless there are more than so many.
func (ix *index) chosenKeys(chosen []selection, most int) (keys [][2]uint32, more bool) {
	for i, p := range ix.points {
		if chosen[i].count == 0 {
			continue
		}
		run := 0
		for local, ok := chosen[i].set.next(0); ok; local, ok = chosen[i].set.next(local) {
			// What follows one another within a document has keys that do.
			for p.runLocals[run+1] <= local {
				run++
			}
			end := min(chosen[i].set.nextOut(local), p.runLocals[run+1])
			key := p.runKeys[run] + local - p.runLocals[run]
			if n := len(keys); n > 0 && keys[n-1][1] == key {
				keys[n-1][1] += end - local
			} else {
				if len(keys) > most {
					return nil, true
				}
				keys = append(keys, [2]uint32{key, key + end - local})
			}
			local = end
		}
	}
	return keys, false
}

// ranges returns the rows of ranges of keys as ranges; of all rows when not
// chosen.
func (v *vectorSegment) ranges(keys [][2]uint32, chosen bool) [][2]uint32 {
	if !chosen {
		return [][2]uint32{{0, uint32(v.n)}}
	}
	var out [][2]uint32
	row := 0
	for _, k := range keys {
		from, to := k[0], k[1]
		row = v.from(row, from)
		if row == v.n {
			break
		}
		// Most often all of them have vectors.
		end := row + int(to-from)
		if end > v.n || v.keys[end-1] != to-1 {
			end = v.from(row, to)
		}
		if end == row {
			continue
		}
		if n := len(out); n > 0 && out[n-1][1] == uint32(row) {
			out[n-1][1] = uint32(end)
		} else {
			out = append(out, [2]uint32{uint32(row), uint32(end)})
		}
		row = end
	}
	return out
}

// from returns the first row from row on whose key is not less than key, or v.n.
func (v *vectorSegment) from(row int, key uint32) int {
	// Jump ahead, then halve.
	if row < v.n && v.keys[row] >= key {
		return row
	}
	hi, step := row, 1
	for hi < v.n && v.keys[hi] < key {
		row = hi + 1
		hi += step
		step *= 2
	}
	i, _ := slices.BinarySearch(v.keys[row:min(hi, v.n)], key)
	return row + i
}

// scanRows is how many rows a kernel is asked for at a time.
const scanRows = 512

// denseQuery is a question in the forms that scans want.
type denseQuery struct {
	vector []float32 // normalised
	code   *kernelQuery
	scale  float32
	coarse *coarseQuery // made when it is first needed
	shift  float32      // product with the mean of the segment that is scanned
	apart  *apart       // nil: all languages together
}

// enter prepares for the rows of a segment.
func (q *denseQuery) enter(ix *index, v *vectorState) {
	if q.apart != nil {
		q.apart.enter(ix, v)
	}
	if v.coarse == nil {
		return
	}
	if q.coarse == nil {
		q.coarse = newCoarseQuery(q.vector, v.width)
	}
	q.shift = 0
	for i, x := range q.vector {
		q.shift += x * v.coarse.mean[i]
	}
}

// rowMask says which rows of a stretch are chosen; nil means all.
type rowMask *[scanRows / 64]uint64

// scan scores rows by their codes.
func (v *vectorState) scan(ctx context.Context, t *top, q *denseQuery, ranges [][2]uint32, segment int32) error {
	for i := 0; i < len(ranges); {
		if err := ctx.Err(); err != nil {
			return err
		}
		from, to := ranges[i][0], min(ranges[i][1], ranges[i][0]+scanRows)
		var mask rowMask
		n := 1
		if to == ranges[i][1] {
			// Short ranges that lie close are one stretch: looking at all of it is
			// faster than going from one to the next.
			var bits [scanRows / 64]uint64
			count := uint32(0)
			for n = 0; i+n < len(ranges) && ranges[i+n][1] <= from+scanRows; n++ {
				for row := ranges[i+n][0]; row < ranges[i+n][1]; row++ {
					bits[(row-from)/64] |= 1 << ((row - from) % 64)
				}
				count += ranges[i+n][1] - ranges[i+n][0]
			}
			if to = ranges[i+n-1][1]; n > 1 {
				mask = &bits
				share := to - from
				if v.coarse != nil {
					share /= 2
				}
				if 3*count < share { // too far apart
					mask, n, to = nil, 1, ranges[i][1]
				}
			}
		}
		var err error
		if v.coarse != nil && to-from >= 64 {
			err = v.scanCoarse(t, q, from, to, mask, segment)
		} else {
			err = v.scanCodes(t, q, from, to, mask, segment)
		}
		if err != nil {
			return err
		}
		if to < ranges[i+n-1][1] {
			ranges[i][0] = to
			continue
		}
		i += n
	}
	return nil
}

func (v *vectorState) scanCodes(t *top, q *denseQuery, from, to uint32, mask rowMask, segment int32) error {
	if err := v.verifyIn(vecCodes, int64(from)*int64(v.width), int64(to)*int64(v.width)); err != nil {
		return err
	}
	if err := v.verifyIn(vecSums, 4*int64(from), 4*int64(to)); err != nil {
		return err
	}
	var dots [scanRows]int32
	out := dots[:to-from]
	dotRows(out, q.code, v.codes[int(from)*v.width:int(to)*v.width], v.sums[from:to])
	scales := v.scales[from:to]
	for i, d := range out {
		score := float32(d) * q.scale * scales[i]
		if q.apart != nil {
			t = q.apart.top(from + uint32(i))
		}
		if score < t.bar || mask != nil && mask[i/64]>>(i%64)&1 == 0 {
			continue
		}
		if row := from + uint32(i); !v.dead.has(row) {
			t.add(candidate{score: score, segment: segment, local: row})
		}
	}
	return nil
}

// scanCoarse scores the rows that the coarse codes do not rule out.
func (v *vectorState) scanCoarse(t *top, q *denseQuery, from, to uint32, mask rowMask, segment int32) error {
	cq := q.coarse
	first, last := int(from)/8, (int(to)+7)/8
	words := v.width / 64
	if err := v.verifyIn(vecBits, int64(64*first*words), int64(64*last*words)); err != nil {
		return err
	}
	bar := t.bar
	if q.apart != nil {
		bar = q.apart.lowest()
	}
	var boundsOf [scanRows + 16]float32
	var masksOf [scanRows/8 + 16]byte // goes on to a whole word
	bounds, masks := boundsOf[:8*(last-first)], masksOf[:last-first]
	coarseBounds(bounds, masks, v.coarse, cq, first, bar-q.shift)
	var rowsOf [rowsAtOnce]uint32
	rows := rowsOf[:0]
	for at := 0; at < len(bounds); at += 64 {
		for word := binary.LittleEndian.Uint64(masksOf[at/8:]); word != 0; word &= word - 1 {
			i := at + bits.TrailingZeros64(word)
			row := uint32(8*first + i)
			if row < from || row >= to {
				continue
			}
			if q.apart != nil {
				t = q.apart.top(row)
			}
			if k := row - from; bounds[i] < t.bar-q.shift || mask != nil && mask[k/64]>>(k%64)&1 == 0 || v.dead.has(row) {
				continue
			}
			if rows = append(rows, row); len(rows) == rowsAtOnce {
				if err := v.scanRows(t, q, rows, segment); err != nil {
					return err
				}
				rows = rows[:0]
			}
		}
	}
	return v.scanRows(t, q, rows, segment)
}

// rowsAtOnce is how many rows that lie apart are scored together, for their
// reads of memory to wait together; meanwhile the bar stays.
const rowsAtOnce = 16

// scanRows is scanCodes for rows that lie apart.
func (v *vectorState) scanRows(t *top, q *denseQuery, rows []uint32, segment int32) error {
	for _, row := range rows {
		if err := v.verifyIn(vecCodes, int64(row)*int64(v.width), int64(row+1)*int64(v.width)); err != nil {
			return err
		}
		if err := v.verifyIn(vecSums, 4*int64(row), 4*int64(row)+4); err != nil {
			return err
		}
	}
	var dots [rowsAtOnce]int32
	dotRowsAt(dots[:len(rows)], q.code, v.codes, v.sums, rows)
	for i, row := range rows {
		if q.apart != nil {
			t = q.apart.top(row)
		}
		t.add(candidate{score: float32(dots[i]) * q.scale * v.scales[row], segment: segment, local: row})
	}
	return nil
}
