package sqlitestore

import (
	"math/bits"
	"slices"
)

// bitset is a set of locals or rows; nil is empty.
type bitset []uint64

func newBitset(n int) bitset { return make(bitset, (n+63)/64) }

func (b bitset) has(i uint32) bool {
	w := int(i >> 6)
	return w < len(b) && b[w]>>(i&63)&1 != 0
}

func (b bitset) set(i uint32) { b[i>>6] |= 1 << (i & 63) }

// setRange adds [from, to).
func (b bitset) setRange(from, to uint32) {
	for from < to && from&63 != 0 {
		b.set(from)
		from++
	}
	for ; from+64 <= to; from += 64 {
		b[from>>6] = ^uint64(0)
	}
	for ; from < to; from++ {
		b.set(from)
	}
}

// and drops what is not in other, which has the same length.
func (b bitset) and(other bitset) {
	other = other[:len(b)]
	for i := range b {
		b[i] &= other[i]
	}
}

func (b bitset) count() (n int) {
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

func (b bitset) clone(n int) bitset {
	if b == nil {
		return newBitset(n)
	}
	return slices.Clone(b)
}

// next returns the first member from i on, or false.
func (b bitset) next(i uint32) (uint32, bool) {
	w := int(i >> 6)
	if w >= len(b) {
		return 0, false
	}
	if v := b[w] >> (i & 63); v != 0 {
		return i + uint32(bits.TrailingZeros64(v)), true
	}
	for w++; w < len(b); w++ {
		if b[w] != 0 {
			return uint32(w)<<6 + uint32(bits.TrailingZeros64(b[w])), true
		}
	}
	return 0, false
}

// nextOut returns the first number from i on that is no member.
func (b bitset) nextOut(i uint32) uint32 {
	w := int(i >> 6)
	if w >= len(b) {
		return i
	}
	if v := ^b[w] >> (i & 63); v != 0 {
		return i + uint32(bits.TrailingZeros64(v))
	}
	for w++; w < len(b); w++ {
		if b[w] != ^uint64(0) {
			break
		}
	}
	if w == len(b) {
		return uint32(w) << 6
	}
	return uint32(w)<<6 + uint32(bits.TrailingZeros64(^b[w]))
}
