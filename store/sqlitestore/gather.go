package sqlitestore

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"sync"

	"github.com/lore-kb/lore/store"
)

type posting struct{ term, local, rank uint32 }

// postings are those of new points, by the first byte of their terms.
type postings struct {
	list []posting
	ends [256]int // in list
}

// postingRoom and segmentRoom keep the memory of one batch for the next.
var (
	postingRoom = sync.Pool{New: func() any { return new([]posting) }}
	codeRoom    = sync.Pool{New: func() any { return new([]byte) }}
	segmentRoom = sync.Pool{New: func() any { return new(bytes.Buffer) }}
)

// gather adds the documents that have points to b, with keys that are still to be
// filled in, and returns their postings.
func gather(b *pointBuilder, docs []store.Document) *postings {
	var p postings
	for i := range docs {
		for j := range docs[i].Points {
			for _, term := range docs[i].Points[j].Sparse.Indices {
				p.ends[term>>24]++
			}
		}
	}
	n := 0
	for i, k := range p.ends {
		p.ends[i] = n // grows to the end of the byte's postings
		n += k
	}
	room := postingRoom.Get().(*[]posting)
	p.list = slices.Grow((*room)[:0], n)[:n]
	var w ranker
	for i := range docs {
		d := &docs[i]
		if len(d.Points) > 0 {
			b.document(0)
		}
		for j := range d.Points {
			point := &d.Points[j]
			pay := &point.Payload
			b.attribute(pay.Date, pay.Root, pay.MediaType, pay.Language, pay.Path, putLabels(nil, pay.Labels))
			id, _ := parseUUID(point.ID) // checked when the document came in
			w.rank(point.Sparse.Values)
			local := uint32(b.n)
			for k, term := range point.Sparse.Indices {
				end := &p.ends[term>>24]
				p.list[*end] = posting{term, local, w.ranks[k]}
				*end++
			}
			b.point(id[:], w.values)
		}
		if id, ok := identity(d.Points); ok {
			b.follow(id[:])
		}
	}
	return &p
}

// ranker finds the different weights of a point.
type ranker struct {
	values []float32 // ascending
	ranks  []uint32  // of each weight: its place in values

	found []float32 // values in the order in which they were found
	slots [2 * fewValues]uint8
	order [fewValues]uint32
}

// fewValues is how many different weights are found by a small table.
const fewValues = 32

func (w *ranker) rank(weights []float32) {
	w.found, w.ranks = w.found[:0], w.ranks[:0]
	clear(w.slots[:])
	for _, v := range weights {
		slot := math.Float32bits(v) * 0x9E3779B1 >> 16 % uint32(len(w.slots))
		for w.slots[slot] != 0 && w.found[w.slots[slot]-1] != v {
			slot = (slot + 1) % uint32(len(w.slots))
		}
		if w.slots[slot] == 0 {
			if len(w.found) == fewValues {
				w.rankMany(weights)
				return
			}
			w.found = append(w.found, v)
			w.slots[slot] = uint8(len(w.found))
		}
		w.ranks = append(w.ranks, uint32(w.slots[slot]-1))
	}
	w.values = append(w.values[:0], w.found...)
	slices.Sort(w.values)
	for i, v := range w.found {
		w.order[i] = uint32(slices.Index(w.values, v))
	}
	for i, k := range w.ranks {
		w.ranks[i] = w.order[k]
	}
}

func (w *ranker) rankMany(weights []float32) {
	w.values = append(w.values[:0], weights...)
	slices.Sort(w.values)
	w.values = slices.Compact(w.values)
	w.ranks = w.ranks[:0]
	for _, v := range weights {
		k, _ := slices.BinarySearch(w.values, v)
		w.ranks = append(w.ranks, uint32(k))
	}
}

// each fills w with the postings of each term in turn. It is called once.
func (p *postings) each(w *listWriter, yield func(term uint32) error) error {
	defer postingRoom.Put(&p.list)
	var room []posting
	from := 0
	for _, to := range p.ends {
		list := p.list[from:to]
		if from = to; len(list) > len(room) {
			room = make([]posting, len(list)+len(list)/8)
		}
		list = sortByTerm(list, room[:len(list)])
		for i := 0; i < len(list); {
			w.reset()
			term := list[i].term
			for ; i < len(list) && list[i].term == term; i++ {
				w.add(list[i].local, list[i].rank)
			}
			if err := yield(term); err != nil {
				return err
			}
		}
	}
	return nil
}

// sortByTerm sorts postings, whose terms have one first byte, by the other three
// and keeps the order of equal ones. The result is in p or in room, which is as
// long; both are written to.
func sortByTerm(p, room []posting) []posting {
	if len(p) < 64 {
		slices.SortStableFunc(p, func(a, b posting) int { return cmp.Compare(a.term, b.term) })
		return p
	}
	var at [3][256]uint32
	for i := range p {
		term := p[i].term
		at[0][term&255]++
		at[1][term>>8&255]++
		at[2][term>>16&255]++
	}
	for pass := range at {
		at := &at[pass]
		sum := uint32(0)
		for i, n := range at {
			at[i] = sum
			sum += n
		}
		for i := range p {
			k := &at[p[i].term>>(8*pass)&255]
			room[*k] = p[i]
			*k++
		}
		p, room = room, p
	}
	return p
}
