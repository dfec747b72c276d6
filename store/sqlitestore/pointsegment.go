package sqlitestore

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/lore-kb/lore/store"
)

// Sections of a segment of points.
const (
	secHead       = iota
	secRunKeys    // keys of points, see encodeRuns; before format 5 of the first of each document
	secRunLocals  // before format 5: local of the first point of each document, and the number of points
	secIDs        // see identities.go
	secWeights    // smallest weight of each point, see weights.go
	secWeightFrom // where its others begin
	secWeightRest
	secPostings
	secTerms      // see termtable.go
	secValues     // of weights; in format 1 where each term's list begins in the postings, and the end
	secAttrLocals // languages; before format 5 locals of attributes, and one after the other in the next five
	secAttrSeconds
	secAttrNanos
	secAttrCodes
	secAttrPathFrom
	secAttrPaths // attributes
	secDictionary
	pointSections
)

// pointSegment finds points by terms. Points are in order of their keys; those
// of one document are neighbours.
type pointSegment struct {
	*segment
	n         int
	runKeys   []uint32
	runLocals []uint32
	ids       identities
	weights   weights
	largest   float32 // weight; 0 in format 1
	postings  []byte
	terms     termTable
	languages languageRuns

	attrs      attributes // see pointSegment.attributes
	attrsCoded []byte
	attrsOnce  sync.Once
	attrsErr   error
}

// dictionary numbers strings in order of appearance.
type dictionary struct {
	numbers map[string]uint32
	list    []string
}

func (d *dictionary) number(s string) uint32 {
	n, ok := d.numbers[s]
	if !ok {
		if d.numbers == nil {
			d.numbers = map[string]uint32{}
		}
		n = uint32(len(d.list))
		d.numbers[s] = n
		d.list = append(d.list, s)
	}
	return n
}

// pointBuilder gathers what a segment of points has besides its postings.
type pointBuilder struct {
	runKeys, runLocals                []uint32
	ids                               []byte
	idsFrom                           int    // where those of the last document begin
	follows                           []byte // see identities
	weights                           weights
	values                            []float32 // of weights, as they are written
	attrLocals                        []uint32
	seconds                           []int64
	nanos, codes, pathFrom            []uint32
	paths                             []byte
	roots, media, languages, labelset dictionary
	n                                 int
}

// document begins the points of a document.
func (b *pointBuilder) document(key uint32) {
	b.runKeys = append(b.runKeys, key)
	b.runLocals = append(b.runLocals, uint32(b.n))
	b.idsFrom = len(b.ids)
}

// attribute says what the next points have, if that is news.
func (b *pointBuilder) attribute(date time.Time, root, media, language, path string, labels []byte) {
	codes := [4]uint32{b.roots.number(root), b.media.number(media), b.languages.number(language), b.labelset.number(string(labels))}
	seconds, nanos := date.Unix(), uint32(date.Nanosecond())
	if k := len(b.seconds); k > 0 && b.seconds[k-1] == seconds && b.nanos[k-1] == nanos && [4]uint32(b.codes[4*k-4:]) == codes && string(b.paths[b.pathFrom[k-1]:]) == path {
		return
	}
	b.attrLocals = append(b.attrLocals, uint32(b.n))
	b.seconds = append(b.seconds, seconds)
	b.nanos = append(b.nanos, nanos)
	b.codes = append(b.codes, codes[:]...)
	b.pathFrom = append(b.pathFrom, uint32(len(b.paths)))
	b.paths = append(b.paths, path...)
}

// point adds a point with its different weights, ascending.
func (b *pointBuilder) point(id []byte, weights []float32) {
	b.ids = append(b.ids, id...)
	b.weights.from = append(b.weights.from, uint32(len(b.weights.rest)))
	var first float32
	if len(weights) > 0 {
		first = weights[0]
		b.weights.rest = append(b.weights.rest, weights[1:]...)
	}
	b.weights.first = append(b.weights.first, first)
	b.n++
}

// write writes the segment. lists calls its argument for each term in ascending
// order, after filling the writer with the term's postings.
func (b *pointBuilder) write(out io.Writer, lists func(w *listWriter, yield func(term uint32) error) error) (int64, error) {
	largest := b.largest()
	s := b.begin(out, largest)
	w := listWriter{weights: &b.weights}
	var terms termWriter
	var buf []byte
	at := int64(0)
	err := lists(&w, func(term uint32) error {
		buf = w.appendTo(buf[:0], largest)
		terms.add(term, uint32(at), uint32(len(buf)))
		s.write(buf)
		if at += int64(len(buf)); at > math.MaxUint32 {
			return fmt.Errorf("postings of a segment exceed 4 GiB")
		}
		return s.err
	})
	if err != nil {
		return 0, err
	}
	return b.end(s, &terms)
}

// largest returns the largest weight. All points have been added.
func (b *pointBuilder) largest() (largest float32) {
	b.weights.from = append(b.weights.from, uint32(len(b.weights.rest)))
	for i, w := range b.weights.first {
		if from, to := b.weights.from[i], b.weights.from[i+1]; from < to {
			w = b.weights.rest[to-1]
		}
		largest = max(largest, w)
	}
	return largest
}

// begin writes what comes before the postings.
func (b *pointBuilder) begin(out io.Writer, largest float32) *segmentWriter {
	b.runLocals = append(b.runLocals, uint32(b.n))
	b.attrLocals = append(b.attrLocals, uint32(b.n))
	b.pathFrom = append(b.pathFrom, uint32(len(b.paths)))
	s := newSegmentWriter(out)
	coded, ok := b.weights.encode()
	forms := uint32(formWeights | formRuns | formIDs)
	if !ok {
		coded, forms = b.weights, formRuns|formIDs
	}
	b.values = coded.values
	s.section(pointHead(b.n, largest, forms))
	s.section(encodeRuns(b.runKeys, b.runLocals))
	s.section(nil)
	s.section(b.identities())
	coded.write(s)
	s.begin()
	return s
}

// end writes what comes behind the postings and returns the size of all.
func (b *pointBuilder) end(s *segmentWriter, terms *termWriter) (int64, error) {
	s.write(zeros[:16]) // room for unpack to read on
	s.section(terms.bytes())
	writeNumbers(s, b.values)
	a := attributes{locals: b.attrLocals, seconds: b.seconds, nanos: b.nanos, codes: b.codes, pathFrom: b.pathFrom, paths: b.paths}
	languages := languagesOf(&a)
	s.section(languages.encode())
	for range secAttrPaths - secAttrSeconds {
		s.section(nil)
	}
	s.section(a.encode())
	var d []byte
	for _, list := range [][]string{b.roots.list, b.media.list, b.languages.list, b.labelset.list} {
		d = putStrings(d, list)
	}
	s.section(d)
	return s.finish()
}

// pointDocument is a document of a new segment.
type pointDocument struct {
	key    uint32
	points []store.Point
}

// buildPoints writes a segment of documents in ascending order of keys.
func buildPoints(out io.Writer, docs []pointDocument) (int64, error) {
	var b pointBuilder
	list := make([]store.Document, len(docs))
	for i, d := range docs {
		list[i].Points = d.points
	}
	postings := gather(&b, list)
	for i, d := range docs {
		b.runKeys[i] = d.key
	}
	return b.write(out, postings.each)
}

// openPoints opens a segment of points and checks everything but the postings.
func openPoints(s *segment) (*pointSegment, error) {
	p := &pointSegment{segment: s}
	fail := fmt.Errorf("%s: %w", s.name, errSegment)
	if len(s.sections) != 2*pointSections {
		return nil, fail
	}
	for i := range pointSections {
		if i == secPostings {
			continue
		}
		if _, err := s.checked(i); err != nil {
			return nil, err
		}
	}
	head := s.section(secHead)
	forms := uint32(0)
	switch len(head) {
	case 4, 8:
	case 12:
		if forms = binary.LittleEndian.Uint32(head[8:]); forms&^formsKnown != 0 {
			return nil, fail
		}
	default:
		return nil, fail
	}
	p.n = int(binary.LittleEndian.Uint32(head))
	if forms&formRuns == 0 {
		p.runKeys, p.runLocals = numbersOf[uint32](s.section(secRunKeys)), numbersOf[uint32](s.section(secRunLocals))
	} else {
		var err error
		if p.runKeys, p.runLocals, err = decodeRuns(s.section(secRunKeys)); err != nil {
			return nil, fail
		}
	}
	if !p.weights.open(p.n, forms&formWeights != 0, s.section(secWeights), s.section(secWeightFrom), s.section(secWeightRest), s.section(secValues)) {
		return nil, fail
	}
	p.postings = s.section(secPostings)
	if len(head) == 4 {
		p.terms.hashes, p.terms.from = numbersOf[uint32](s.section(secTerms)), numbersOf[uint32](s.section(secValues))
		if len(p.terms.from) != len(p.terms.hashes)+1 {
			return nil, fail
		}
	} else {
		p.largest = math.Float32frombits(binary.LittleEndian.Uint32(head[4:]))
		if !p.terms.open(s.section(secTerms)) {
			return nil, fail
		}
	}
	a := &p.attrs
	r := record{b: s.section(secDictionary)}
	a.roots, a.media, a.languages = r.strings(), r.strings(), r.strings()
	for _, coded := range r.strings() {
		l := record{b: []byte(coded)}
		a.labels = append(a.labels, l.labels())
		if l.err != nil {
			return nil, fail
		}
	}
	if forms&formRuns != 0 {
		p.attrsCoded = s.section(secAttrPaths)
		if p.languages.decode(s.section(secAttrLocals), p.n, len(a.languages)) != nil {
			return nil, fail
		}
	} else {
		a.locals = numbersOf[uint32](s.section(secAttrLocals))
		a.seconds = numbersOf[int64](s.section(secAttrSeconds))
		a.nanos = numbersOf[uint32](s.section(secAttrNanos))
		a.codes = numbersOf[uint32](s.section(secAttrCodes))
		a.pathFrom = numbersOf[uint32](s.section(secAttrPathFrom))
		a.paths = s.section(secAttrPaths)
		if k := len(a.seconds); len(a.locals) != k+1 || len(a.nanos) != k || len(a.codes) != 4*k || len(a.pathFrom) != k+1 {
			return nil, fail
		}
		p.languages = languagesOf(a)
	}
	if r.err != nil || len(p.runLocals) != len(p.runKeys)+1 || !p.ids.open(s.section(secIDs), p.runLocals, forms&formIDs != 0) || len(p.postings) < 16 {
		return nil, fail
	}
	return p, nil
}

// firstKey and lastKey bound the keys of the segment.
func (p *pointSegment) firstKey() uint32 { return p.runKeys[0] }

func (p *pointSegment) lastKey() uint32 { return p.key(uint32(p.n - 1)) }

// run returns the document that holds a local.
func (p *pointSegment) run(local uint32) int {
	i, ok := slices.BinarySearch(p.runLocals, local)
	if !ok {
		i--
	}
	return i
}

// language returns the language of a point.
func (p *pointSegment) language(local uint32) string {
	i, ok := slices.BinarySearch(p.languages.locals, local)
	if !ok {
		i--
	}
	return p.attrs.languages[p.languages.code(i)]
}

func (p *pointSegment) key(local uint32) uint32 {
	run := p.run(local)
	return p.runKeys[run] + local - p.runLocals[run]
}

// local returns the number of the point with a key.
func (p *pointSegment) local(key uint32) (uint32, bool) {
	i, ok := slices.BinarySearch(p.runKeys, key)
	if !ok {
		if i--; i < 0 {
			return 0, false
		}
	}
	local := p.runLocals[i] + key - p.runKeys[i]
	return local, local < p.runLocals[i+1]
}

// list opens the list of a term; found is false when no point holds it.
func (p *pointSegment) list(term uint32) (l list, found bool, err error) {
	from, to, found := p.terms.find(term)
	if !found {
		return l, false, nil
	}
	l, err = p.listAt(from, to)
	return l, err == nil, err
}

// listAt opens the list that takes bytes [from, to) of the postings.
func (p *pointSegment) listAt(from, to uint32) (l list, err error) {
	return p.listWith(from, to, &p.weights)
}

// listWith is listAt for those who give no weights and ask for no bounds, too.
func (p *pointSegment) listWith(from, to uint32, w *weights) (l list, err error) {
	if from >= to || int64(to) > int64(len(p.postings))-8 {
		return l, fmt.Errorf("%s: %w", p.name, errSegment)
	}
	if err := p.verifyIn(secPostings, int64(from), int64(to)+8); err != nil {
		return l, err
	}
	var ok bool
	if p.largest == 0 {
		l, ok = openList(p.postings[from:])
	} else {
		l, ok = openRiceList(p.postings[from:], w, p.largest)
	}
	if !ok {
		return l, fmt.Errorf("%s: %w", p.name, errSegment)
	}
	return l, nil
}

// mergePoints writes one segment of the live points of neighbouring segments in
// order. interrupted is asked now and then.
func mergePoints(out io.Writer, in []*pointState, interrupted func() error) (n int, size int64, err error) {
	var b pointBuilder
	maps := make([][]uint32, len(in))
	for i, s := range in {
		if maps[i], err = b.take(s); err != nil {
			return 0, 0, err
		}
	}
	size, err = b.write(out, func(w *listWriter, yield func(uint32) error) error {
		walks := make([]termWalk, len(in))
		more := make([]bool, len(in))
		for i, s := range in {
			walks[i] = s.terms.walk()
			more[i] = walks[i].next()
		}
		var blk block
		for count := 0; ; count++ {
			if count%1024 == 0 {
				if err := interrupted(); err != nil {
					return err
				}
			}
			term, any := uint32(math.MaxUint32), false
			for i := range in {
				if more[i] {
					any = true
					term = min(term, walks[i].term)
				}
			}
			if !any {
				return nil
			}
			w.reset()
			for i, s := range in {
				if !more[i] || walks[i].term != term {
					continue
				}
				l, err := s.listWith(walks[i].from, walks[i].to, nil)
				if err != nil {
					return err
				}
				more[i] = walks[i].next()
				for j := range l.blocks {
					l.decode(j, &blk)
					for k := range blk.n {
						if local := maps[i][blk.locals[k]]; local != gone {
							w.add(local, blk.ranks[k])
						}
					}
				}
			}
			if len(w.locals) == 0 {
				continue
			}
			if err := yield(term); err != nil {
				return err
			}
		}
	})
	return b.n, size, err
}

// gone is the local of a point that a merge drops.
const gone = math.MaxUint32

// take adds the live points of a segment and returns their new locals.
func (b *pointBuilder) take(s *pointState) ([]uint32, error) {
	a, err := s.attributes()
	if err != nil {
		return nil, err
	}
	to := make([]uint32, s.n)
	attr, told := 0, -1
	var weights []float32
	for run, key := range s.runKeys {
		begun, live := false, true
		for local := s.runLocals[run]; local < s.runLocals[run+1]; local++ {
			live = live && !s.dead.has(local)
		}
		follow := live && s.ids.follows(run)
		for local := s.runLocals[run]; local < s.runLocals[run+1]; local++ {
			if s.dead.has(local) {
				to[local] = gone
				continue
			}
			if !begun {
				begun = true
				b.document(key + local - s.runLocals[run])
			}
			for a.locals[attr+1] <= local {
				attr++
			}
			if attr != told {
				told = attr
				c := a.codes[4*attr : 4*attr+4]
				b.attribute(time.Unix(a.seconds[attr], int64(a.nanos[attr])), a.roots[c[0]], a.media[c[1]], a.languages[c[2]],
					string(a.paths[a.pathFrom[attr]:a.pathFrom[attr+1]]), putLabels(nil, a.labels[c[3]]))
			}
			to[local] = uint32(b.n)
			weights = s.weights.row(weights[:0], local)
			if follow {
				b.point(nil, weights)
				continue
			}
			id := s.id(local)
			b.point(id[:], weights)
		}
		if follow {
			b.follow(s.ids.data[16*s.ids.from[run]:][:32])
		}
	}
	return to, nil
}
