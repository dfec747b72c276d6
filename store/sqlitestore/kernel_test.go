package sqlitestore

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func randomCodes(r *rand.Rand, n int) []int8 {
	out := make([]int8, n)
	for i := range out {
		switch r.IntN(8) {
		case 0:
			out[i] = 127
		case 1:
			out[i] = -127
		default:
			out[i] = int8(r.IntN(255) - 127)
		}
	}
	return out
}

func sumsOf(rows []int8, width int) []int32 {
	var sums []int32
	for i := 0; i < len(rows); i += width {
		var s int32
		for _, c := range rows[i : i+width] {
			s += int32(c)
		}
		sums = append(sums, s)
	}
	return sums
}

func TestDotRows(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	forEachKernel(func(name string) {
		for _, width := range []int{64, 128, 384, 1024} {
			for n := range 12 {
				code, rows := randomCodes(r, width), randomCodes(r, n*width)
				q := newKernelQuery(code)
				got, want := make([]int32, n), make([]int32, n)
				dotRows(got, q, rows, sumsOf(rows, width))
				dotRowsPlain(want, q, rows)
				if !slices.Equal(got, want) {
					t.Errorf("%s: width %d, %d rows: %v, want %v", name, width, n, got, want)
				}
			}
		}
	})
}

func TestDotRowsAt(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	forEachKernel(func(name string) {
		for _, width := range []int{64, 384} {
			const n = 50
			code, codes := randomCodes(r, width), randomCodes(r, n*width)
			q, sums := newKernelQuery(code), sumsOf(codes, width)
			all := make([]int32, n)
			dotRowsPlain(all, q, codes)
			for count := range 12 {
				rows, want := make([]uint32, count), make([]int32, count)
				for i := range rows {
					rows[i] = r.Uint32N(n)
					want[i] = all[rows[i]]
				}
				got := make([]int32, count)
				dotRowsAt(got, q, codes, sums, rows)
				if !slices.Equal(got, want) {
					t.Errorf("%s: width %d, rows %v: %v, want %v", name, width, rows, got, want)
				}
			}
		}
	})
}

// randomCoarse makes codes that look like those of vectors.
func randomCoarse(r *rand.Rand, n, words int) (*coarse, *coarseQuery) {
	c := &coarse{bits: make([]uint64, (n+7)/8*8*words), factor: make([]float32, n), spread: make([]float32, n), ones: make([]int32, n)}
	for i := range c.bits {
		c.bits[i] = r.Uint64()
	}
	for i := range n {
		c.factor[i], c.spread[i], c.ones[i] = r.Float32(), r.Float32()/10, r.Int32N(int32(64*words))
	}
	q := make([]float32, 64*words)
	for i := range q {
		q[i] = float32(r.NormFloat64())
	}
	return c, newCoarseQuery(normalised(q), len(q))
}

func TestCoarseBounds(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	forEachKernel(func(name string) {
		for _, words := range []int{1, 6, 16} {
			for _, n := range []int{1, 8, 21, 64} {
				c, q := randomCoarse(r, n, words)
				for first := range (n + 7) / 8 {
					groups := (n+7)/8 - first
					got, want := make([]float32, 8*groups), make([]float32, 8*groups)
					gotMasks, wantMasks := make([]byte, groups), make([]byte, groups)
					coarseBoundsPlain(want, wantMasks, c, q, first, 0)
					bar := want[len(want)/2]
					coarseBoundsPlain(want, wantMasks, c, q, first, bar)
					coarseBounds(got, gotMasks, c, q, first, bar)
					for i := range n - 8*first {
						if d := got[i] - want[i]; d < -1e-5 || d > 1e-5 {
							t.Errorf("%s: %d words, row %d of %d: %v, want %v", name, words, 8*first+i, n, got[i], want[i])
						}
						if set := gotMasks[i/8]>>(i%8)&1 != 0; set != (got[i] >= bar) {
							t.Errorf("%s: %d words, row %d of %d: bound %v, bar %v, bit %v", name, words, 8*first+i, n, got[i], bar, set)
						}
					}
					if last := gotMasks[groups-1]; n%8 != 0 && last>>(n%8) != 0 {
						t.Errorf("%s: %d words, %d rows: bits behind the last row: %08b", name, words, n, last)
					}
				}
			}
		}
	})
}

// TestCoarse checks that a rotation keeps products and that the bound of the
// coarse codes holds as often as it says.
func TestCoarse(t *testing.T) {
	const dim, n = 90, 2000
	width := codeWidth(dim)
	mean := make([]float32, width)
	vectors := make([][]float32, n)
	for i := range vectors {
		vectors[i] = normalised(testVector(fmt.Sprint("v", i), dim))
		for j, x := range vectors[i] {
			mean[j] += x / n
		}
	}
	b := newCoarseBuilder(n, mean)
	for _, v := range vectors {
		b.add(v)
	}
	bounds, masks := make([]float32, n), make([]byte, n/8)
	missed := 0
	for k := range 20 {
		q := normalised(testVector(fmt.Sprint("q", k), dim))
		cq := newCoarseQuery(q, width)
		coarseBounds(bounds, masks, &b.coarse, cq, 0, 0)
		var shift float32
		for i, x := range q {
			shift += x * mean[i]
		}
		for i, v := range vectors {
			var exact float32
			for j := range v {
				exact += v[j] * q[j]
			}
			if bounds[i]+shift < exact {
				missed++
			}
		}
	}
	if share := float64(missed) / (20 * n); share > 0.02 {
		t.Errorf("the bound fails for %.1f %% of vectors", 100*share)
	} else {
		t.Logf("the bound fails for %.2f %% of vectors", 100*share)
	}
	v := append([]float32(nil), mean...)
	var before, after float64
	for _, x := range v {
		before += float64(x) * float64(x)
	}
	newRotation(width).apply(v)
	for _, x := range v {
		after += float64(x) * float64(x)
	}
	if after < before*0.9999 || after > before*1.0001 {
		t.Errorf("the rotation changes a length² from %v to %v", before, after)
	}
}

// TestPostings writes lists and reads them back.
func TestPostings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 700).Draw(t, "n")
		gap := rapid.SampledFrom([]uint32{1, 2, 50, 4000, 1 << 21}).Draw(t, "gap")
		seed := rapid.Uint64().Draw(t, "seed")
		r := rand.New(rand.NewPCG(seed, 0))
		var w weights
		var lw listWriter
		lw.weights = &w
		local := uint32(0)
		var locals, ranks []uint32
		byLocal := map[uint32]float32{}
		for range n {
			local += uint32(r.Uint32N(gap))
			locals = append(locals, local)
			ranks = append(ranks, uint32(r.IntN(3)*r.IntN(3)))
			local++
		}
		points := int(local)
		if points > 1<<16 {
			points = 1 << 16
			for i := range locals {
				locals[i] = uint32(i) * uint32(points/n)
			}
		}
		for i := range points {
			w.from = append(w.from, uint32(len(w.rest)))
			w.first = append(w.first, 0.1+r.Float32())
			for range 4 {
				w.rest = append(w.rest, w.first[i]+float32(len(w.rest)%4))
			}
		}
		for i := range locals {
			lw.add(locals[i], ranks[i])
			byLocal[locals[i]] = w.at(locals[i], ranks[i])
		}
		largest := max(slices.Max(w.first), slices.Max(w.rest))
		coded := append(lw.appendTo(nil, largest), make([]byte, 16)...)
		l, ok := openRiceList(coded, &w, largest)
		if !ok || l.n != n {
			t.Fatalf("list of %d opens as %d, %v", n, l.n, ok)
		}
		var blk block
		var gotLocals, gotRanks []uint32
		for b := range l.blocks {
			l.decode(b, &blk)
			gotLocals = append(gotLocals, blk.locals[:blk.n]...)
			gotRanks = append(gotRanks, blk.ranks[:blk.n]...)
			for i, local := range blk.locals[:blk.n] {
				if v := w.at(local, blk.ranks[i]); v > l.bound(b) {
					t.Fatalf("weight %v exceeds the bound %v of block %d", v, l.bound(b), b)
				}
			}
			if got := l.find(0, blk.locals[0]); got != b {
				t.Fatalf("find(%d) is block %d, want %d", blk.locals[0], got, b)
			}
		}
		if !slices.Equal(gotLocals, locals) || !slices.Equal(gotRanks, ranks) {
			t.Fatalf("got %v %v, want %v %v", gotLocals, gotRanks, locals, ranks)
		}
	})
}

func BenchmarkCoarseBounds(b *testing.B) {
	c, q := randomCoarse(rand.New(rand.NewPCG(1, 1)), scanRows, 384/64)
	bounds, masks := make([]float32, scanRows), make([]byte, scanRows/8)
	forEachKernel(func(name string) {
		b.Run(fmt.Sprint("kernel=", name), func(b *testing.B) {
			b.SetBytes(int64(8*len(c.bits) + 12*scanRows))
			for b.Loop() {
				coarseBounds(bounds, masks, c, q, 0, 1)
			}
		})
	})
}

func BenchmarkDotRows(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	const width, n = 384, scanRows
	code, rows := randomCodes(r, width), randomCodes(r, n*width)
	q, sums, out := newKernelQuery(code), sumsOf(rows, width), make([]int32, n)
	forEachKernel(func(name string) {
		b.Run(fmt.Sprint("kernel=", name), func(b *testing.B) {
			b.SetBytes(int64(len(rows)))
			for b.Loop() {
				dotRows(out, q, rows, sums)
			}
		})
	})
}

// BenchmarkReadMemory reads more than fits any cache, to hold the scans against.
func BenchmarkReadMemory(b *testing.B) {
	words := make([]uint64, 32<<20)
	for i := range words {
		words[i] = uint64(i)
	}
	b.SetBytes(int64(8 * len(words)))
	var a, c, d, e uint64
	for b.Loop() {
		for i := 0; i+8 <= len(words); i += 8 {
			w := words[i : i+8 : i+8]
			a += w[0] ^ w[4]
			c += w[1] ^ w[5]
			d += w[2] ^ w[6]
			e += w[3] ^ w[7]
		}
	}
	if a+c+d+e == 1 {
		b.Log(a)
	}
}

// BenchmarkReadMemoryWide does so with the widest loads that the standard library
// has, looking for a byte that is not there.
func BenchmarkReadMemoryWide(b *testing.B) {
	data := bytes.Repeat([]byte{1}, 256<<20)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if bytes.IndexByte(data, 2) >= 0 {
			b.Fatal("found")
		}
	}
}

// BenchmarkScanMemory runs the kernels over as much.
func BenchmarkScanMemory(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	const width, n = 384, 700_000 / scanRows * scanRows
	code, rows := randomCodes(r, width), make([]int8, n*width)
	for i := range rows {
		rows[i] = int8(i * 7)
	}
	q, sums, out := newKernelQuery(code), make([]int32, n), make([]int32, scanRows)
	forEachKernel(func(name string) {
		b.Run(fmt.Sprint("codes/kernel=", name), func(b *testing.B) {
			b.SetBytes(int64(len(rows)))
			for b.Loop() {
				for i := 0; i < n; i += scanRows {
					dotRows(out, q, rows[i*width:(i+scanRows)*width], sums[i:i+scanRows])
				}
			}
		})
	})
	c, cq := randomCoarse(r, 8*n/scanRows*scanRows, width/64)
	bounds, masks := make([]float32, scanRows), make([]byte, scanRows/8)
	forEachKernel(func(name string) {
		b.Run(fmt.Sprint("bits/kernel=", name), func(b *testing.B) {
			b.SetBytes(int64(8*len(c.bits) + 12*len(c.factor)))
			for b.Loop() {
				for first := 0; first < len(c.factor)/8; first += scanRows / 8 {
					coarseBounds(bounds, masks, c, cq, first, 1)
				}
			}
		})
	})
}

// BenchmarkPostings decodes full blocks with ranks.
func BenchmarkPostings(b *testing.B) {
	for _, gap := range []uint32{4, 60, 1000} {
		r := rand.New(rand.NewPCG(1, 1))
		n := 128 * 64
		w := weights{first: make([]float32, n*int(gap)), from: make([]uint32, n*int(gap)+1), rest: []float32{1, 2, 3, 4}}
		lw := listWriter{weights: &w}
		local := uint32(0)
		for range n {
			local += r.Uint32N(gap)
			lw.add(local%uint32(len(w.first)), uint32(r.IntN(3)*r.IntN(2)))
			local++
		}
		coded := append(lw.appendTo(nil, 4), make([]byte, 16)...)
		l, ok := openRiceList(coded, &w, 4)
		if !ok {
			b.Fatal("list does not open")
		}
		b.Run(fmt.Sprintf("gap=%d", gap), func(b *testing.B) {
			var blk block
			i := 0
			for b.Loop() {
				l.decode(i%l.blocks, &blk)
				i++
			}
			b.ReportMetric(float64(8*len(coded))/float64(n), "bits/posting")
		})
	}
}

func TestBitset(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		n := 1 + r.Uint32N(400)
		b, is := newBitset(int(n)), make([]bool, n)
		for range r.IntN(6) {
			from := r.Uint32N(n)
			to := from + r.Uint32N(n-from+1)
			b.setRange(from, to)
			for i := from; i < to; i++ {
				is[i] = true
			}
		}
		for i := range n {
			want, out := i, i
			for want < n && !is[want] {
				want++
			}
			for out < n && is[out] {
				out++
			}
			if got, ok := b.next(i); ok != (want < n) || ok && got != want {
				t.Fatalf("%v: next(%d) = %d, %v", is, i, got, ok)
			}
			if got := min(n, b.nextOut(i)); got != out {
				t.Fatalf("%v: nextOut(%d) = %d, want %d", is, i, got, out)
			}
		}
	}
}

// BenchmarkBitsetAnd joins the selections of a million points.
func BenchmarkBitsetAnd(b *testing.B) {
	x, y := newBitset(1_000_000), newBitset(1_000_000)
	for i := range y {
		y[i] = uint64(i) * 0x9e3779b97f4a7c15
	}
	x.setRange(0, 1_000_000)
	b.SetBytes(int64(8 * len(x)))
	for b.Loop() {
		x.and(y)
	}
}
