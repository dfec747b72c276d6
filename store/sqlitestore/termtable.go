package sqlitestore

import (
	"encoding/binary"
	"slices"
)

// The terms of a segment, by ascending hash, each with the place of its list in
// the postings. Terms are coded in groups as the difference to the one before
// and the length of its list; an index gives the first hash of each group, where
// its list begins and where the group's code begins.

const termGroup = 32

// termTable finds the list of a term.
type termTable struct {
	n      int
	firsts []uint32 // by group
	lists  []uint32 // by group: where its first list begins
	starts []uint32 // by group: where its code begins
	code   []byte

	hashes, from []uint32 // instead of all the above in format 1
}

// termWriter codes a table.
type termWriter struct {
	n                     int
	firsts, lists, starts []uint32
	code                  []byte
	last                  uint32
}

// add takes terms in ascending order with lists that lie end to end.
func (w *termWriter) add(term, from, size uint32) {
	if w.n%termGroup == 0 {
		w.firsts, w.lists, w.starts = append(w.firsts, term), append(w.lists, from), append(w.starts, uint32(len(w.code)))
	} else {
		w.code = binary.AppendUvarint(w.code, uint64(term-w.last))
	}
	w.code = binary.AppendUvarint(w.code, uint64(size))
	w.last = term
	w.n++
}

func (w *termWriter) bytes() []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(w.n))
	for _, v := range [][]uint32{w.firsts, w.lists, w.starts} {
		b = append(b, bytesOf(v)...)
	}
	return append(b, w.code...)
}

// open reads what a termWriter wrote, without copying it.
func (t *termTable) open(b []byte) bool {
	if len(b) < 4 {
		return false
	}
	t.n = int(binary.LittleEndian.Uint32(b))
	groups := (t.n + termGroup - 1) / termGroup
	if len(b) < 4+12*groups {
		return false
	}
	b = b[4:]
	t.firsts, t.lists, t.starts = numbersOf[uint32](b[:4*groups]), numbersOf[uint32](b[4*groups:8*groups]), numbersOf[uint32](b[8*groups:12*groups])
	t.code = b[12*groups:]
	return true
}

func (t *termTable) find(term uint32) (from, to uint32, found bool) {
	if t.from != nil {
		i, found := slices.BinarySearch(t.hashes, term)
		if !found {
			return 0, 0, false
		}
		return t.from[i], t.from[i+1], true
	}
	g, exact := slices.BinarySearch(t.firsts, term)
	if !exact {
		if g--; g < 0 {
			return 0, 0, false
		}
	}
	w := termWalk{t: t, i: g * termGroup}
	for w.next() && w.term <= term {
		if w.term == term {
			return w.from, w.to, true
		}
		if w.i%termGroup == 0 {
			break
		}
	}
	return 0, 0, false
}

// termWalk visits terms in order. It panics with a bounds error on damaged bytes,
// which checksums keep away.
type termWalk struct {
	t        *termTable
	i        int // of the next term
	at       int // in code
	term     uint32
	from, to uint32 // of its list
}

func (t *termTable) walk() termWalk { return termWalk{t: t} }

func (w *termWalk) next() bool {
	t := w.t
	if t.from != nil {
		if w.i >= len(t.hashes) {
			return false
		}
		w.term, w.from, w.to = t.hashes[w.i], t.from[w.i], t.from[w.i+1]
		w.i++
		return true
	}
	if w.i >= t.n {
		return false
	}
	if w.i%termGroup == 0 {
		g := w.i / termGroup
		w.at, w.term, w.to = int(t.starts[g]), t.firsts[g], t.lists[g]
	} else {
		gap, k := binary.Uvarint(t.code[w.at:])
		if k <= 0 {
			panic(errTerms)
		}
		w.at += k
		w.term += uint32(gap)
	}
	size, k := binary.Uvarint(t.code[w.at:])
	if k <= 0 {
		panic(errTerms)
	}
	w.at += k
	w.from = w.to
	w.to += uint32(size)
	w.i++
	return true
}

// termsError is a damaged table.
type termsError struct{}

var errTerms = termsError{}

func (termsError) Error() string { return "table of terms is damaged" }

func (termsError) RuntimeError() {}
