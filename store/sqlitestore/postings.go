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
// A list is: its length, a bound of its weights, and blocks of 128 postings.
// Lists of a block or more begin with a skip table that gives for each block the
// last local, where the block starts and a bound of its weights. A block is the
// gaps between locals, and the ranks where one is not 0, in Rice codes: each
// number's high bits count zeros in a run of bits, its low bits lie side by side
// behind that run. How many bits are low is chosen by block.
//
// Format 1 had fixed widths and, in the last block, bytes; it is still read.

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
	gaps    [blockSize]uint32
}

func (w *listWriter) reset() { w.locals, w.ranks = w.locals[:0], w.ranks[:0] }

func (w *listWriter) add(local, rank uint32) {
	w.locals = append(w.locals, local)
	w.ranks = append(w.ranks, rank)
}

// smallList is the length below which a list has no bound: its weights are
// looked at when it is opened.
const smallList = 4

// appendTo codes the list that was added. largest is the largest weight of the
// segment.
func (w *listWriter) appendTo(b []byte, largest float32) []byte {
	n := len(w.locals)
	w.data, w.skips, w.offsets, w.tops = w.data[:0], w.skips[:0], w.offsets[:0], w.tops[:0]
	next := uint32(0) // smallest local that can follow
	for from := 0; from < n; from += blockSize {
		to := min(n, from+blockSize)
		locals, ranks := w.locals[from:to], w.ranks[from:to]
		ranks = ranks[:len(locals)]
		var top float32
		gaps := &w.gaps
		ranked := byte(0)
		for i, local := range locals {
			if n >= smallList {
				top = max(top, w.weights.at(local, ranks[i]))
			}
			gaps[i] = local - next
			next = local + 1
			if ranks[i] != 0 {
				ranked = hasRanks
			}
		}
		w.tops = append(w.tops, top)
		if n >= blockSize {
			w.skips = binary.LittleEndian.AppendUint32(w.skips, next-1)
			w.offsets = binary.LittleEndian.AppendUint32(w.offsets, uint32(len(w.data)))
		}
		low := lowBits(gaps[:len(locals)])
		w.data = append(w.data, byte(low)|ranked)
		if ranked == 0 {
			w.data = appendRice(w.data, gaps[:len(locals)], low)
			continue
		}
		lowRank := lowBits(ranks)
		w.data = append(w.data, byte(lowRank))
		w.data = appendRice(w.data, gaps[:len(locals)], low)
		w.data = appendRice(w.data, ranks, lowRank)
	}
	b = putUint(b, n)
	switch {
	case n >= blockSize:
		own := slices.Max(w.tops)
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(own))
		b = append(append(b, w.skips...), w.offsets...)
		for _, top := range w.tops {
			b = append(b, bound(top, own))
		}
	case n >= smallList:
		b = append(b, bound(w.tops[0], largest))
	}
	return append(b, w.data...)
}

// hasRanks marks a block with ranks other than 0.
const hasRanks = 1 << 5

// lowBits returns the number of low bits that makes numbers shortest.
func lowBits(v []uint32) int {
	sum := uint64(0)
	for _, x := range v {
		sum += uint64(x)
	}
	// The best is near the logarithm of the mean.
	k := max(0, bits.Len64(sum/uint64(len(v)))-2)
	var h0, h1, h2, h3 uint64 // sums of what is left of the numbers with k, k+1, … low bits
	for _, x := range v {
		x := uint64(x >> k)
		h0 += x
		h1 += x >> 1
		h2 += x >> 2
		h3 += x >> 3
	}
	best, least := 0, uint64(math.MaxUint64)
	for i, h := range [4]uint64{h0, h1, h2, h3} {
		if size := uint64((k+i)*len(v)) + h; size < least && k+i <= 31 {
			best, least = k+i, size
		}
	}
	return best
}

// appendRice appends numbers with so many low bits each.
func appendRice(b []byte, v []uint32, low int) []byte {
	// The word at the end of b is gathered first; used is how many of its bits count.
	var word uint64
	used := 0
	for _, x := range v {
		for used += int(x >> low); used >= 64; used -= 64 {
			b = binary.LittleEndian.AppendUint64(b, word)
			word = 0
		}
		word |= 1 << used
		if used++; used == 64 {
			b = binary.LittleEndian.AppendUint64(b, word)
			word, used = 0, 0
		}
	}
	b = appendBits(b, word, used)
	if low == 0 {
		return b
	}
	word, used = 0, 0
	mask := uint32(1)<<low - 1
	for _, x := range v {
		y := uint64(x & mask)
		word |= y << used
		if used += low; used >= 64 {
			b = binary.LittleEndian.AppendUint64(b, word)
			used -= 64
			word = y >> (low - used)
		}
	}
	return appendBits(b, word, used)
}

// appendBits appends the bytes that hold the first bits of a word.
func appendBits(b []byte, word uint64, n int) []byte {
	for ; n > 0; n -= 8 {
		b = append(b, byte(word))
		word >>= 8
	}
	return b
}

// readRice reads n numbers into dst and returns how many bytes they take. src
// goes on for 8 bytes behind them.
func readRice(dst []uint32, src []byte, low int) int {
	word := binary.LittleEndian.Uint64(src)
	base, last := 0, -1
	for i := range dst {
		for word == 0 {
			base += 64
			word = binary.LittleEndian.Uint64(src[base>>3:])
		}
		at := base + bits.TrailingZeros64(word)
		word &= word - 1
		dst[i] = uint32(at-last-1) << low
		last = at
	}
	used := last>>3 + 1
	if low == 0 {
		return used
	}
	src = src[used:]
	mask := uint32(1)<<low - 1
	at := 0
	for i := range dst {
		dst[i] |= uint32(binary.LittleEndian.Uint64(src[at>>3:])>>(at&7)) & mask
		at += low
	}
	return used + (at+7)>>3
}

// unpack reads 128 numbers. src must go on for 8 bytes behind them.
func unpack(dst *[blockSize]uint32, src []byte, width int) {
	if width == 0 {
		*dst = [blockSize]uint32{}
		return
	}
	unpackPlain(dst, src, width)
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
	rice    bool   // false in format 1
}

// openList reads the head of a list of format 1; the bytes behind b's list must
// be at least 8. ok is false for damaged bytes.
func openList(b []byte) (l list, ok bool) {
	n, k := binary.Uvarint(b)
	if k <= 0 || len(b) < k+4 || n == 0 || n > math.MaxUint32 {
		return l, false
	}
	l.n = int(n)
	l.largest = math.Float32frombits(binary.LittleEndian.Uint32(b[k:]))
	return l, l.skipTable(b[k+4:])
}

// openRiceList is openList for what listWriter writes: with the weights of the
// segment and the largest of them. Without weights, short lists have no bound.
func openRiceList(b []byte, w *weights, largest float32) (l list, ok bool) {
	n, k := binary.Uvarint(b)
	if k <= 0 || len(b) < k+4 || n == 0 || n > math.MaxUint32 {
		return l, false
	}
	l.n, l.rice = int(n), true
	b = b[k:]
	switch {
	case l.n >= blockSize:
		l.largest = math.Float32frombits(binary.LittleEndian.Uint32(b))
		b = b[4:]
	case l.n >= smallList:
		l.largest = unbound(b[0], largest)
		b = b[1:]
	default:
		l.data, l.blocks = b, 1
		if w == nil {
			return l, true
		}
		var blk block
		l.decode(0, &blk)
		for i, local := range blk.locals[:l.n] {
			l.largest = max(l.largest, w.at(local, blk.ranks[i]))
		}
		return l, true
	}
	return l, l.skipTable(b)
}

// skipTable reads what stands before the blocks.
func (l *list) skipTable(b []byte) bool {
	l.blocks = (l.n + blockSize - 1) / blockSize
	if l.n >= blockSize {
		if len(b) < 9*l.blocks {
			return false
		}
		l.skips, l.offsets, l.bounds = b[:4*l.blocks], b[4*l.blocks:8*l.blocks], b[8*l.blocks:9*l.blocks]
		b = b[9*l.blocks:]
	}
	l.data = b
	return true
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
	if l.rice {
		n := min(blockSize, l.n-i*blockSize)
		out.n = n
		at := 1
		ranked := data[0]&hasRanks != 0
		if ranked {
			at = 2
		}
		at += readRice(out.locals[:n], data[at:], int(data[0]&31))
		for j, gap := range out.locals[:n] {
			next += gap
			out.locals[j] = next
			next++
		}
		if ranked {
			readRice(out.ranks[:n], data[at:], int(data[1]&31))
		} else {
			clear(out.ranks[:n])
		}
		return
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
