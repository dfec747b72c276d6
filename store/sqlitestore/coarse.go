package sqlitestore

import (
	"math"
	"math/bits"
	"math/rand/v2"
)

// Large segments of vectors are scanned in two steps. A coarse code of one bit a
// dimension, the signs of the rotated vector less the segment's mean, bounds the
// score from above with high probability; only rows whose bound reaches the bar
// are scored by their 8-bit codes. The estimate and its error are those of Gao
// and Long, RaBitQ (SIGMOD 2024): with o the vector less the mean, x the signs
// of its rotation R and q the question,
//
//	o·q ≈ |o|² / Σ|R o| × Σ x R q
//
// and the error has a deviation of |o| √((1-f²) / f² / (D-1)), f = Σ|R o| / (|o| √D).

// coarseRows is the number of vectors from which a segment has coarse codes.
// Smaller segments are fast without, and then nothing is left to chance. It is a
// variable for tests.
var coarseRows = 50_000

const (
	// coarseErrors is how many deviations the bound allows for.
	coarseErrors = 2.5
	// coarsePlanes is how many bits of a component of the question are compared.
	coarsePlanes = 4
)

// rotation is an orthogonal transformation that spreads each component over all
// others: three rounds of random signs, Hadamard transforms of blocks and a
// shuffle between blocks. It depends on the width alone.
type rotation struct {
	width, block int
	signs        [3][]float32
	scratch      []float32
}

func newRotation(width int) *rotation {
	r := &rotation{width: width, block: width & -width, scratch: make([]float32, width)}
	random := rand.New(rand.NewPCG(uint64(width), 0x6c6f7265))
	scale := float32(1 / math.Sqrt(float64(r.block)))
	for i := range r.signs {
		r.signs[i] = make([]float32, width)
		for j := range r.signs[i] {
			r.signs[i][j] = scale
			if random.Uint32()&1 != 0 {
				r.signs[i][j] = -scale
			}
		}
	}
	return r
}

// apply rotates v in place.
func (r *rotation) apply(v []float32) {
	blocks := r.width / r.block
	for round := range r.signs {
		for i, s := range r.signs[round] {
			v[i] *= s
		}
		for b := 0; b < r.width; b += r.block {
			hadamard(v[b : b+r.block])
		}
		if blocks == 1 || round == len(r.signs)-1 {
			continue
		}
		for b := range blocks {
			for i := range r.block {
				r.scratch[i*blocks+b] = v[b*r.block+i]
			}
		}
		copy(v, r.scratch)
	}
}

func hadamard(v []float32) {
	for h := 1; h < len(v); h *= 2 {
		for i := 0; i < len(v); i += 2 * h {
			x, y := v[i:i+h], v[i+h:i+2*h]
			for j := range x {
				a, b := x[j], y[j]
				x[j], y[j] = a+b, a-b
			}
		}
	}
}

// coarse are the coarse codes of a segment.
type coarse struct {
	mean   []float32
	bits   []uint64  // of eight rows together: their first words, their second words, …
	factor []float32 // by row: |o|² / Σ|R o|
	spread []float32 // by row: deviation of the estimate for a question of length 1
	ones   []int32   // by row: bits that are set
}

// coarseBuilder codes the vectors of a new segment.
type coarseBuilder struct {
	coarse
	rotation *rotation
	row      int
	v        []float32
}

func newCoarseBuilder(n int, mean []float32) *coarseBuilder {
	width := len(mean)
	b := &coarseBuilder{rotation: newRotation(width), v: make([]float32, width)}
	b.mean = mean
	b.bits = make([]uint64, (n+7)/8*width/8)
	b.factor, b.spread, b.ones = make([]float32, 0, n), make([]float32, 0, n), make([]int32, 0, n)
	return b
}

func (b *coarseBuilder) add(v []float32) {
	clear(b.v)
	var square float64
	for i, x := range v {
		b.v[i] = x - b.mean[i]
		square += float64(b.v[i]) * float64(b.v[i])
	}
	b.rotation.apply(b.v)
	var sum float64
	ones := 0
	at := b.row / 8 * len(b.v) / 8
	for w := 0; w < len(b.v)/64; w++ {
		var word uint64
		for i, x := range b.v[64*w : 64*w+64] {
			sum += math.Abs(float64(x))
			if x > 0 {
				word |= 1 << i
			}
		}
		ones += bits.OnesCount64(word)
		b.bits[at+8*w+b.row%8] = word
	}
	var factor, spread float64
	if sum > 0 {
		d := float64(len(b.v))
		factor = square / sum
		f := sum / math.Sqrt(square*d)
		spread = math.Sqrt(square * max(0, 1-f*f) / (f * f) / (d - 1))
	}
	b.factor = append(b.factor, float32(factor))
	b.spread = append(b.spread, float32(spread))
	b.ones = append(b.ones, int32(ones))
	b.row++
}

// coarseQuery is a question in the form that coarse codes are compared with:
// its rotated components in a few levels, one plane of bits for each bit of the
// level.
type coarseQuery struct {
	planes    []uint64 // of each word: its planes
	low, step float32
	sum       float32 // of all components as coded
}

func newCoarseQuery(q []float32, width int) *coarseQuery {
	v := make([]float32, width)
	copy(v, q)
	newRotation(width).apply(v)
	low, high := v[0], v[0]
	for _, x := range v {
		low, high = min(low, x), max(high, x)
	}
	const levels = 1<<coarsePlanes - 1
	c := &coarseQuery{planes: make([]uint64, coarsePlanes*width/64), low: low, step: (high - low) / levels}
	if c.step == 0 {
		c.step = 1
	}
	for i, x := range v {
		level := min(levels, int((x-low)/c.step+0.5))
		c.sum += low + c.step*float32(level)
		for p := range coarsePlanes {
			c.planes[i/64*coarsePlanes+p] |= uint64(level>>p&1) << (i & 63)
		}
	}
	return c
}

// coarseBoundsPlain bounds the scores of rows, less what the mean contributes,
// in groups of eight from a first one on, and sets the bit of each that is not
// below the bar in its group's mask. It is what the assembly is measured
// against; the bounds of both may differ in their last bits. What lies behind the
// last row of the segment has no bit.
func coarseBoundsPlain(bounds []float32, masks []byte, c *coarse, q *coarseQuery, first int, bar float32) {
	words := len(q.planes) / coarsePlanes
	low, step := 2*q.low, 2*q.step
	for g := range masks {
		group := c.bits[8*(first+g)*words : 8*(first+g+1)*words]
		mask := byte(0)
		for r := range min(8, len(c.factor)-8*(first+g)) {
			n := 0 // levels of the components whose bit is set
			for w := range words {
				x := group[8*w+r]
				p := q.planes[w*coarsePlanes : w*coarsePlanes+coarsePlanes]
				n += bits.OnesCount64(x&p[0]) + bits.OnesCount64(x&p[1])<<1 + bits.OnesCount64(x&p[2])<<2 + bits.OnesCount64(x&p[3])<<3
			}
			row := 8*(first+g) + r
			bound := c.factor[row]*(low*float32(c.ones[row])+step*float32(n)-q.sum) + coarseErrors*c.spread[row]
			bounds[8*g+r] = bound
			if !(bound < bar) {
				mask |= 1 << r
			}
		}
		masks[g] = mask
	}
}
