package sqlitestore

import (
	"encoding/binary"
	"math"
)

// weights are the different weights of each point of a segment, ascending. The
// smallest is kept apart, since most postings have it.
//
// Weights of BM25 take some thousand values in a segment, however large, so that a
// segment holds numbers of 16 bits into a table of them. A segment with more values
// holds the weights themselves, like those of formats before 5; so does one that is
// being built.
type weights struct {
	first []float32 // by local
	from  []uint32  // by local, and one more: where its others begin in rest
	rest  []float32

	values []float32 // nil: the above; those of first come first
	codes  []uint16  // by local
	bases  []uint32  // where the others of each weightsApart points begin
	begins []uint16  // by local, and one more: behind that
	others []uint16
}

const weightsApart = 64

func (w *weights) at(local, rank uint32) float32 {
	if w.values != nil {
		return w.values[w.code(local, rank)]
	}
	if rank == 0 {
		return w.first[local]
	}
	return w.rest[w.from[local]+rank-1]
}

// code returns the number of a weight among the values.
func (w *weights) code(local, rank uint32) uint16 {
	if rank == 0 {
		return w.codes[local]
	}
	return w.others[w.bases[local/weightsApart]+uint32(w.begins[local])+rank-1]
}

// row appends the weights of a point to out.
func (w *weights) row(out []float32, local uint32) []float32 {
	if w.values == nil {
		return append(append(out, w.first[local]), w.rest[w.from[local]:w.from[local+1]]...)
	}
	out = append(out, w.values[w.codes[local]])
	next := local + 1
	for _, c := range w.others[w.bases[local/weightsApart]+uint32(w.begins[local]) : w.bases[next/weightsApart]+uint32(w.begins[next])] {
		out = append(out, w.values[c])
	}
	return out
}

// encode numbers the weights and reports whether 16 bits are enough.
func (w *weights) encode() (coded weights, ok bool) {
	t := valueTable{slots: make([]uint32, 1<<valueBits)}
	coded.codes = make([]uint16, len(w.first))
	for i, v := range w.first {
		coded.codes[i] = t.number(v)
	}
	coded.others = make([]uint16, len(w.rest))
	for i, v := range w.rest {
		if coded.others[i] = t.number(v); t.full {
			return coded, false
		}
	}
	coded.begins = make([]uint16, len(w.from))
	for i, from := range w.from {
		if i%weightsApart == 0 {
			coded.bases = append(coded.bases, from)
		}
		behind := from - coded.bases[i/weightsApart]
		if behind > math.MaxUint16 {
			return coded, false
		}
		coded.begins[i] = uint16(behind)
	}
	coded.values = t.values
	return coded, !t.full && len(t.values) > 0
}

// valueTable numbers up to 65,536 values in order of appearance.
type valueTable struct {
	slots  []uint32 // number and 1, by hash
	values []float32
	full   bool
}

const valueBits = 18

func (t *valueTable) number(v float32) uint16 {
	bits := math.Float32bits(v)
	for i := bits * 2654435761 >> (32 - valueBits); ; i = (i + 1) & (1<<valueBits - 1) {
		k := t.slots[i]
		if k == 0 {
			if len(t.values) > math.MaxUint16 {
				t.full = true
				return 0
			}
			t.values = append(t.values, v)
			t.slots[i] = uint32(len(t.values))
			return uint16(len(t.values) - 1)
		}
		if math.Float32bits(t.values[k-1]) == bits {
			return uint16(k - 1)
		}
	}
}

// open views the sections of n points; ok is false if they do not fit together.
func (w *weights) open(n int, coded bool, first, from, rest, values []byte) (ok bool) {
	if !coded {
		w.first, w.from, w.rest = numbersOf[float32](first), numbersOf[uint32](from), numbersOf[float32](rest)
		return len(w.first) == n && len(w.from) == n+1
	}
	bases := 4 * (n/weightsApart + 1)
	if len(from) != bases+2*(n+1) {
		return false
	}
	w.bases, w.begins = numbersOf[uint32](from[:bases]), numbersOf[uint16](from[bases:])
	w.codes, w.others, w.values = numbersOf[uint16](first), numbersOf[uint16](rest), numbersOf[float32](values)
	return len(w.codes) == n && (n == 0 || len(w.values) > 0)
}

// write writes the sections that open reads, except values.
func (w *weights) write(s *segmentWriter) {
	if w.values == nil {
		writeNumbers(s, w.first)
		writeNumbers(s, w.from)
		writeNumbers(s, w.rest)
		return
	}
	writeNumbers(s, w.codes)
	writeNumbers(s, w.bases)
	s.write(bytesOf(w.begins))
	writeNumbers(s, w.others)
}

// Forms of the parts of a segment of points, in its head. Segments of formats
// before 5 have none of them.
const (
	formWeights = 1 << iota // numbers of weights in place of weights
	formRuns                // runs of documents and of attributes coded
	formIDs                 // identifiers of points that follow from their document
	formsKnown  = 1<<iota - 1
)

// pointHead is the head of a segment of points.
func pointHead(n int, largest float32, forms uint32) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(n))
	b = binary.LittleEndian.AppendUint32(b, math.Float32bits(largest))
	return binary.LittleEndian.AppendUint32(b, forms)
}
