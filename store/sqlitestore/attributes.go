package sqlitestore

import (
	"encoding/binary"
	"math"
	"slices"
)

// attributes are what filters ask of points: of each run of points with equal ones.
type attributes struct {
	locals    []uint32 // first of each run, and the number of points
	seconds   []int64
	nanos     []uint32
	codes     []uint32 // root, media type, language, labels: numbers in the dictionary
	pathFrom  []uint32
	paths     []byte
	roots     []string
	media     []string
	languages []string
	labels    []map[string]string
}

// What of a run is the same as in the one before.
const (
	sameCodes = 1 << iota
	sameDate
	samePath
)

// encode codes the runs: how many there are, and of each its number of points and
// what is not as in the run before; paths share their beginning with the one before.
// They are decoded when a filter first asks.
func (a *attributes) encode() []byte {
	b := putUint(nil, len(a.seconds))
	var path []byte
	for i, second := range a.seconds {
		b = putUint(b, int(a.locals[i+1]-a.locals[i]))
		codes, before := [4]uint32(a.codes[4*i:]), [4]uint32{}
		last, lastNano := int64(0), uint32(0)
		if i > 0 {
			before, last, lastNano = [4]uint32(a.codes[4*i-4:]), a.seconds[i-1], a.nanos[i-1]
		}
		own := a.paths[a.pathFrom[i]:a.pathFrom[i+1]]
		head := 0
		if codes == before {
			head |= sameCodes
		}
		if second == last && a.nanos[i] == lastNano {
			head |= sameDate
		}
		if slices.Equal(own, path) {
			head |= samePath
		}
		b = append(b, byte(head))
		if head&sameCodes == 0 {
			for _, c := range codes {
				b = putUint(b, int(c))
			}
		}
		if head&sameDate == 0 {
			b = binary.LittleEndian.AppendUint32(putInt(b, int(second-last)), a.nanos[i])
		}
		if head&samePath == 0 {
			n := 0
			for n < min(len(own), len(path)) && own[n] == path[n] {
				n++
			}
			b = putString(putUint(b, n), string(own[n:]))
		}
		path = own
	}
	return b
}

// decode is the inverse of encode, for n points. Codes have to be in the dictionary.
func (a *attributes) decode(b []byte, n int) error {
	r := record{b: b}
	k := r.count()
	a.locals, a.seconds, a.nanos = make([]uint32, 0, k+1), make([]int64, 0, k), make([]uint32, 0, k)
	a.codes, a.pathFrom = make([]uint32, 0, 4*k), make([]uint32, 0, k+1)
	var codes [4]uint32
	var second int64
	var nano uint32
	local, path := 0, 0
	for i := 0; i < k && r.err == nil; i++ {
		a.locals, a.pathFrom = append(a.locals, uint32(local)), append(a.pathFrom, uint32(len(a.paths)))
		points, head := r.uint(), r.bytes(1)
		if head == nil || points > n-local {
			r.fail()
			break
		}
		local += points
		if head[0]&sameCodes == 0 {
			for j, known := range [4]int{len(a.roots), len(a.media), len(a.languages), len(a.labels)} {
				c := r.uint()
				if c >= known {
					r.fail()
					break
				}
				codes[j] = uint32(c)
			}
		}
		if head[0]&sameDate == 0 {
			second += int64(r.int())
			if b := r.bytes(4); b != nil {
				nano = binary.LittleEndian.Uint32(b)
			}
		}
		shared, rest := len(a.paths)-path, []byte(nil)
		if head[0]&samePath == 0 {
			if at := r.uint(); at <= shared {
				shared, rest = at, r.bytes(r.uint())
			} else {
				r.fail()
			}
		}
		if len(a.paths)+shared+len(rest) > math.MaxUint32 {
			r.fail()
			break
		}
		begin := len(a.paths)
		a.paths = append(append(a.paths, a.paths[path:path+shared]...), rest...)
		path = begin
		a.codes = append(a.codes, codes[:]...)
		a.seconds, a.nanos = append(a.seconds, second), append(a.nanos, nano)
	}
	if r.err == nil && local != n {
		r.fail()
	}
	a.locals, a.pathFrom = append(a.locals, uint32(local)), append(a.pathFrom, uint32(len(a.paths)))
	return r.err
}

// attributes returns those of the segment.
func (p *pointSegment) attributes() (*attributes, error) {
	p.attrsOnce.Do(func() {
		if p.attrsCoded != nil {
			p.attrsErr = p.attrs.decode(p.attrsCoded, p.n)
		}
	})
	return &p.attrs, p.attrsErr
}

// languageRuns are the languages of points: from which local on it is which. They
// are apart from the other attributes since every hit tells its language.
type languageRuns struct {
	locals []uint32 // and the number of points
	codes  []uint32
	apart  uint32 // between two of codes
}

func (l *languageRuns) code(run int) uint32 { return l.codes[uint32(run)*l.apart] }

// languagesOf views the languages of attributes.
func languagesOf(a *attributes) languageRuns {
	l := languageRuns{locals: a.locals, apart: 4}
	if len(a.codes) > 2 {
		l.codes = a.codes[2:]
	}
	return l
}

// encode appends the runs: of each its number of points and its language.
func (l *languageRuns) encode() []byte {
	var b []byte
	points := uint32(0)
	for i := range len(l.locals) - 1 {
		points += l.locals[i+1] - l.locals[i]
		if i+2 == len(l.locals) || l.code(i+1) != l.code(i) {
			b = putUint(putUint(b, int(points)), int(l.code(i)))
			points = 0
		}
	}
	return b
}

func (l *languageRuns) decode(b []byte, n, known int) error {
	r := record{b: b}
	l.apart = 1
	local := 0
	for len(r.b) > 0 {
		l.locals = append(l.locals, uint32(local))
		points, code := r.uint(), r.uint()
		if points > n-local || code >= known {
			r.fail()
		}
		local += points
		l.codes = append(l.codes, uint32(code))
	}
	l.locals = append(l.locals, uint32(local))
	if r.err == nil && local != n {
		r.fail()
	}
	return r.err
}

// encodeRuns codes which keys the points of each document have: their number,
// doubled, and one more where keys were left out before, with how many.
func encodeRuns(keys, locals []uint32) []byte {
	var b []byte
	next := uint32(0)
	for i, key := range keys {
		n := locals[i+1] - locals[i]
		if key == next {
			b = putUint(b, int(n)<<1)
		} else {
			b = putInt(putUint(b, int(n)<<1|1), int(key)-int(next))
		}
		next = key + n
	}
	return b
}

func decodeRuns(b []byte) (keys, locals []uint32, err error) {
	r := record{b: b}
	keys, locals = make([]uint32, 0, len(b)), make([]uint32, 0, len(b)+1)
	next, local := 0, 0
	for len(r.b) > 0 {
		n := r.uint()
		if n&1 != 0 {
			next += r.int()
		}
		if n >>= 1; r.err != nil || next < 0 || next > maxKey || n > maxKey {
			return nil, nil, errRecord
		}
		keys, locals = append(keys, uint32(next)), append(locals, uint32(local))
		next, local = next+n, local+n
		if next > maxKey || local > maxKey {
			return nil, nil, errRecord
		}
	}
	return slices.Clip(keys), append(locals, uint32(local)), nil
}
