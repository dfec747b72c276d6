package sqlitestore

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
)

// The postings of a term are the points that hold it, by their local number in
// the segment, each with the rank of its weight among the different weights of
// that point: 0 for the smallest. Weights of BM25 take few values in a point,
// so ranks take a bit or two and lose nothing.
//
// A list is: its length, its largest weight, and blocks of 128 postings. Longer
// lists begin with a skip table that gives for each block the last local, where
// the block starts and a bound of its weights. Full blocks are two runs of
// numbers of fixed width; the last, partial block is coded byte by byte.

const blockSize = 128

// bound codes weight as a share of largest, rounded up.
func bound(weight, largest float32) byte {
	q := int(math.Ceil(float64(weight) / float64(largest) * 255))
	for q < 255 && unbound(byte(q), largest) < weight {
		q++
	}
	return byte(max(1, min(255, q)))
}

func unbound(q byte, largest float32) float32 {
	if q == 255 {
		return largest
	}
	return largest * (float32(q) * (1.0 / 255) * (1 + 1e-6))
}

// listWriter codes lists.
type listWriter struct {
	weights *weights
	locals  []uint32
	ranks   []uint32
	data    []byte
	skips   []byte
	offsets []byte
	tops    []float32
}

func (w *listWriter) reset() { w.locals, w.ranks = w.locals[:0], w.ranks[:0] }

func (w *listWriter) add(local, rank uint32) {
	w.locals = append(w.locals, local)
	w.ranks = append(w.ranks, rank)
}

// appendTo codes the list that was added.
func (w *listWriter) appendTo(b []byte) []byte {
	n := len(w.locals)
	w.data, w.skips, w.offsets, w.tops = w.data[:0], w.skips[:0], w.offsets[:0], w.tops[:0]
	next := uint32(0) // smallest local that can follow
	for from := 0; from < n; from += blockSize {
		to := min(n, from+blockSize)
		locals, ranks := w.locals[from:to], w.ranks[from:to]
		ranks = ranks[:len(locals)]
		var top float32
		for i, local := range locals {
			top = max(top, w.weights.at(local, ranks[i]))
		}
		w.tops = append(w.tops, top)
		if n >= blockSize {
			w.skips = binary.LittleEndian.AppendUint32(w.skips, locals[len(locals)-1])
			w.offsets = binary.LittleEndian.AppendUint32(w.offsets, uint32(len(w.data)))
		}
		if len(locals) < blockSize {
			for i, local := range locals {
				v := uint64(local-next) << 1
				if ranks[i] != 0 {
					v |= 1
				}
				w.data = binary.AppendUvarint(w.data, v)
				if ranks[i] != 0 {
					w.data = binary.AppendUvarint(w.data, uint64(ranks[i]))
				}
				next = local + 1
			}
			break
		}
		var deltas [blockSize]uint32
		var all, allRanks uint32
		for i, local := range locals {
			deltas[i] = local - next
			next = local + 1
			all |= deltas[i]
			allRanks |= ranks[i]
		}
		wd, wr := bits.Len32(all), bits.Len32(allRanks)
		w.data = append(w.data, byte(wd), byte(wr))
		w.data = pack(w.data, deltas[:], wd)
		w.data = pack(w.data, ranks, wr)
	}
	largest := slices.Max(w.tops)
	b = putUint(b, n)
	b = binary.LittleEndian.AppendUint32(b, math.Float32bits(largest))
	if n >= blockSize {
		b = append(append(b, w.skips...), w.offsets...)
		for _, top := range w.tops {
			b = append(b, bound(top, largest))
		}
	}
	return append(b, w.data...)
}

// pack appends 128 numbers of width bits each.
func pack(b []byte, v []uint32, width int) []byte {
	if width == 0 {
		return b
	}
	var acc uint64
	n := 0
	for _, x := range v {
		acc |= uint64(x) << n
		for n += width; n >= 8; n -= 8 {
			b = append(b, byte(acc))
			acc >>= 8
		}
	}
	return b
}

// unpack reads 128 numbers. src must go on for 8 bytes behind them.
func unpack(dst *[blockSize]uint32, src []byte, width int) {
	if width == 0 {
		*dst = [blockSize]uint32{}
		return
	}
	unpackPlain(dst, src, width)
}

// weights are the different weights of each point of a segment, ascending. The
// smallest is kept apart, since most postings have it.
type weights struct {
	first []float32 // by local
	from  []uint32  // by local, and one more: where its others begin in rest
	rest  []float32
}

func (w *weights) at(local, rank uint32) float32 {
	if rank == 0 {
		return w.first[local]
	}
	return w.rest[w.from[local]+rank-1]
}

// list is a coded list, opened.
type list struct {
	n       int
	largest float32
	blocks  int
	skips   []byte // 4 bytes a block; nil when n < 128
	offsets []byte
	bounds  []byte
	data    []byte // goes on behind the list
}

// openList reads the head of a list; the bytes behind b's list must be at least
// 8. ok is false for damaged bytes.
func openList(b []byte) (l list, ok bool) {
	n, k := binary.Uvarint(b)
	if k <= 0 || len(b) < k+4 || n == 0 || n > math.MaxUint32 {
		return l, false
	}
	l.n = int(n)
	l.largest = math.Float32frombits(binary.LittleEndian.Uint32(b[k:]))
	b = b[k+4:]
	l.blocks = (l.n + blockSize - 1) / blockSize
	if l.n >= blockSize {
		if len(b) < 9*l.blocks {
			return l, false
		}
		l.skips, l.offsets, l.bounds = b[:4*l.blocks], b[4*l.blocks:8*l.blocks], b[8*l.blocks:9*l.blocks]
		b = b[9*l.blocks:]
	}
	l.data = b
	return l, true
}

func (l *list) last(block int) uint32 {
	if l.skips == nil {
		return math.MaxUint32
	}
	return binary.LittleEndian.Uint32(l.skips[4*block:])
}

// bound returns a bound of the weights of a block.
func (l *list) bound(block int) float32 {
	if l.bounds == nil {
		return l.largest
	}
	return unbound(l.bounds[block], l.largest)
}

// block is a decoded block.
type block struct {
	n      int
	locals [blockSize]uint32
	ranks  [blockSize]uint32
}

// decode reads a block. It panics with a bounds error on damaged bytes, which
// checksums keep away.
func (l *list) decode(i int, out *block) {
	next := uint32(0)
	data := l.data
	if l.skips != nil {
		data = data[binary.LittleEndian.Uint32(l.offsets[4*i:]):]
		if i > 0 {
			next = l.last(i-1) + 1
		}
	}
	if n := l.n - i*blockSize; n < blockSize {
		out.n = n
		for j := range n {
			v, k := uint64(data[0]), 1
			if v >= 0x80 {
				v, k = binary.Uvarint(data)
			}
			data = data[k:]
			next += uint32(v >> 1)
			out.locals[j] = next
			next++
			out.ranks[j] = 0
			if v&1 != 0 {
				r, k := binary.Uvarint(data)
				data = data[k:]
				out.ranks[j] = uint32(r)
			}
		}
		return
	}
	out.n = blockSize
	wd, wr := int(data[0]), int(data[1])
	unpack(&out.locals, data[2:], wd)
	for j := range out.locals {
		next += out.locals[j]
		out.locals[j] = next
		next++
	}
	unpack(&out.ranks, data[2+16*wd:], wr)
}

// find returns the first block from block i on whose last local is not less
// than local, or l.blocks.
func (l *list) find(i int, local uint32) int {
	if l.skips == nil {
		return i
	}
	// Gallop, then halve.
	step := 1
	hi := i
	for hi < l.blocks && l.last(hi) < local {
		i = hi + 1
		hi += step
		step *= 2
	}
	hi = min(hi, l.blocks)
	for i < hi {
		mid := int(uint(i+hi) / 2)
		if l.last(mid) < local {
			i = mid + 1
		} else {
			hi = mid
		}
	}
	return i
}
