package sqlitestore

import (
	"math"
	"slices"
	"sync"
)

// apart keeps the best of several languages in one scan.
type apart struct {
	languages []string
	tops      []top  // of each language, of all others, of rows that may be of any, and of removed ones
	codes     []byte // of the segment's rows
	topOf     [256]byte
	present   []*top // those of the segment's rows
}

// maxApart is how many languages are kept apart at most; the others count as
// one.
const maxApart = 250

func newApart(languages []string, sc *scratch, limit int, slack float32) *apart {
	languages = languages[:min(len(languages), maxApart)]
	n := len(languages) + 3
	if cap(sc.apart) < n {
		sc.apart = make([]top, n)
	}
	a := &apart{languages: languages, tops: sc.apart[:n]}
	for i := range a.tops {
		a.tops[i].reset(limit, slack, 0)
	}
	a.tops[n-2].reset(1<<24, slack, 0)     // may be of any: all are kept
	a.tops[n-1].bar = float32(math.Inf(1)) // removed: none is
	return a
}

func (a *apart) all() []*top {
	out := make([]*top, len(a.tops))
	for i := range out {
		out[i] = &a.tops[i]
	}
	return out
}

// enter prepares for the rows of a segment.
func (a *apart) enter(ix *index, v *vectorState) {
	rows := v.languages.of(ix, v.vectorSegment)
	a.codes, a.present = rows.codes, a.present[:0]
	others := len(a.languages)
	for i, name := range rows.names {
		k := slices.Index(a.languages, name)
		if k < 0 {
			k = others
		}
		a.topOf[i] = byte(k)
		a.present = append(a.present, &a.tops[k])
	}
	a.topOf[manyLanguages] = byte(others + 1)
	if rows.many {
		a.present = append(a.present, &a.tops[others+1])
	}
	a.topOf[removedRow] = byte(others + 2)
}

// top returns where a row belongs.
func (a *apart) top(row uint32) *top { return &a.tops[a.topOf[a.codes[row]]] }

// lowest returns the lowest bar of the languages that rows of the segment have.
func (a *apart) lowest() float32 {
	bar := float32(math.Inf(1))
	for _, t := range a.present {
		bar = min(bar, t.bar)
	}
	return bar
}

// Codes of rows that are no numbers of languages.
const (
	manyLanguages = 254 + iota // of a language beyond those that a byte can tell apart
	removedRow                 // its point is not in the index
)

// rowLanguages are the languages of a segment's rows, found when they are first
// asked for. They hold for every later index: a key never gets another point.
type rowLanguages struct {
	mu    sync.Mutex
	codes []byte
	names []string
	many  bool // some row has the code manyLanguages
}

// of returns r, filled in; it does not change any more.
func (r *rowLanguages) of(ix *index, v *vectorSegment) *rowLanguages {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.codes != nil {
		return r
	}
	r.codes = make([]byte, v.n)
	segment, run, attr := 0, 0, -1
	code := byte(removedRow)
	for row, key := range v.keys {
		for segment < len(ix.points) && ix.points[segment].lastKey() < key {
			segment++
			run, attr = 0, -1
		}
		r.codes[row] = removedRow
		if segment == len(ix.points) || ix.points[segment].firstKey() > key {
			continue
		}
		p := ix.points[segment]
		for run+1 < len(p.runKeys) && p.runKeys[run+1] <= key {
			run++
		}
		local := p.runLocals[run] + key - p.runKeys[run]
		if local >= p.runLocals[run+1] {
			continue
		}
		if attr < 0 || p.languages.locals[attr+1] <= local {
			for attr++; p.languages.locals[attr+1] <= local; {
				attr++
			}
			code = r.code(p.attrs.languages[p.languages.code(attr)])
		}
		r.codes[row] = code
	}
	return r
}

// code numbers a language.
func (r *rowLanguages) code(name string) byte {
	i := slices.Index(r.names, name)
	if i < 0 {
		if i = len(r.names); i == manyLanguages {
			r.many = true
			return manyLanguages
		}
		r.names = append(r.names, name)
	}
	return byte(i)
}
