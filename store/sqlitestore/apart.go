package sqlitestore

import (
	"slices"
	"sync"
)

// apart keeps the best of several languages in one scan.
type apart struct {
	languages []string
	tops      []top  // of each language, of all others, and of rows of unknown language
	codes     []byte // of the segment's rows
	topOf     [256]byte
}

// maxApart is how many languages are kept apart at most; the others count as
// one.
const maxApart = 250

func newApart(languages []string, sc *scratch, limit int, slack float32) *apart {
	languages = languages[:min(len(languages), maxApart)]
	n := len(languages) + 2
	if cap(sc.apart) < n {
		sc.apart = make([]top, n)
	}
	a := &apart{languages: languages, tops: sc.apart[:n]}
	for i := range a.tops {
		a.tops[i].reset(limit, slack, 0)
	}
	a.tops[n-1].reset(1<<24, slack, 0) // may be of any: all are kept
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
	if a == nil {
		return
	}
	codes, names := v.languages.of(ix, v.vectorSegment)
	a.codes = codes
	for i := range a.topOf {
		a.topOf[i] = byte(len(a.languages))
	}
	for i, name := range names {
		if k := slices.Index(a.languages, name); k >= 0 {
			a.topOf[i] = byte(k)
		}
	}
	a.topOf[unknownLanguage] = byte(len(a.languages) + 1)
}

// top returns where a row belongs.
func (a *apart) top(row uint32) *top { return &a.tops[a.topOf[a.codes[row]]] }

// unknownLanguage is the code of rows whose point is not in the index, since it
// was removed, and of languages beyond the number that a byte can tell apart.
const unknownLanguage = 255

// rowLanguages are the languages of a segment's rows, found when they are first
// asked for. They hold for every later index: a key never gets another point.
type rowLanguages struct {
	mu    sync.Mutex
	codes []byte
	names []string
}

func (r *rowLanguages) of(ix *index, v *vectorSegment) (codes []byte, names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.codes != nil {
		return r.codes, r.names
	}
	r.codes = make([]byte, v.n)
	segment, run, attr := 0, 0, -1
	code := byte(unknownLanguage)
	for row, key := range v.keys {
		for segment < len(ix.points) && ix.points[segment].lastKey() < key {
			segment++
			run, attr = 0, -1
		}
		r.codes[row] = unknownLanguage
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
	return r.codes, r.names
}

// code numbers a language.
func (r *rowLanguages) code(name string) byte {
	i := slices.Index(r.names, name)
	if i < 0 {
		if i = len(r.names); i == unknownLanguage {
			return unknownLanguage
		}
		r.names = append(r.names, name)
	}
	return byte(i)
}
