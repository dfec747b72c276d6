// Package unigram cuts text into the pieces of a unigram language model. A
// Table normalises code points and keeps the pieces in a double-array trie that
// is read where it lies, so that opening one costs nothing. Cut finds the most
// probable sequence of pieces; a code point that is no piece becomes the unknown
// piece, so every text can be cut.
package unigram

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// Piece is a piece's number: its position in what Build was given, or Unknown.
type Piece = int32

// Unknown stands for a code point that no piece covers.
const Unknown Piece = -1

// space marks a word's start inside pieces, U+2581, as the model writes it.
const space = "\xe2\x96\x81"

// unknownPenalty is how far an unknown code point scores below the worst piece.
const unknownPenalty = 10

// longestPiece bounds a piece's bytes. With a limit on the number of pieces, text
// beyond that many of the longest is not looked at.
const longestPiece = 128

// Table holds pieces with their scores, and the normalisation.
type Table struct {
	units   []uint32
	scores  []float32
	unknown float32
	floor   float32 // the lowest score of a piece of the model the table came from
	// ascii gives the normalised byte for code points below 128 that stay one
	// byte; 0 means ask norm.
	ascii [128]byte
	norm  normTable
}

type normTable struct {
	// index has for each block of 128 code points the block's position in cells,
	// plus one; 0: nothing in it changes.
	index []uint16
	cells []uint16 // per code point 0 (unchanged) or 1 + its entry
	ends  []uint16 // entry i is text[ends[i]:ends[i+1]]
	text  []byte   // spaces are written as they are
}

// Mapping is what one code point becomes.
type Mapping struct {
	From rune
	To   string // may be empty
}

// scoreUnit is the precision of scores: fine enough that the sums of the best
// ways to cut a text stay in order, and even a float32 is hardly finer.
const scoreUnit = 1.0 / (1 << 20)

// Build makes a table. Pieces must be distinct, not empty and free of zero bytes;
// a piece's number is its position. Scores are rounded to 2⁻²⁰; a table is
// smallest if they fall. Floor is the lowest score of the whole model, from which
// the score of an unknown code point is taken.
func Build(pieces []string, scores []float32, floor float32, mappings []Mapping) (*Table, error) {
	if len(pieces) != len(scores) {
		return nil, fmt.Errorf("build pieces: %d pieces with %d scores", len(pieces), len(scores))
	}
	order := make([]int, len(pieces))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(pieces[a], pieces[b]) })
	keys := make([]string, len(pieces))
	t := &Table{scores: make([]float32, len(pieces)), floor: floor}
	for n, i := range order {
		keys[n] = pieces[i]
		if len(keys[n]) > longestPiece {
			return nil, fmt.Errorf("build pieces: %q has more than %d bytes", keys[n], longestPiece)
		}
	}
	for i, s := range scores {
		if !(math.Abs(float64(s)) < math.MaxInt32*scoreUnit) {
			return nil, fmt.Errorf("build pieces: %q has the score %g", pieces[i], s)
		}
		t.scores[i] = float32(math.Round(float64(s)/scoreUnit) * scoreUnit)
	}
	var err error
	if t.units, err = buildTrie(keys, order); err != nil {
		return nil, err
	}
	if err := t.norm.build(mappings); err != nil {
		return nil, err
	}
	t.prepare()
	return t, nil
}

// Len is the number of pieces.
func (t *Table) Len() int { return len(t.scores) }

func (t *Table) prepare() {
	t.unknown = t.floor - unknownPenalty
	for c := range t.ascii {
		if to, mapped := t.norm.lookup(rune(c)); !mapped {
			t.ascii[c] = byte(c)
		} else if len(to) == 1 && to[0] < 128 {
			t.ascii[c] = to[0]
		}
	}
}

func (n *normTable) build(mappings []Mapping) error {
	ms := slices.Clone(mappings)
	slices.SortFunc(ms, func(a, b Mapping) int { return int(a.From) - int(b.From) })
	blocks := 0
	n.ends = []uint16{0}
	for i, m := range ms {
		if m.From < 0 || m.From > utf8.MaxRune {
			return fmt.Errorf("build normalisation: %d is no code point", m.From)
		}
		if i > 0 && ms[i-1].From == m.From {
			return fmt.Errorf("build normalisation: code point %U twice", m.From)
		}
		block := int(m.From) / 128
		for len(n.index) <= block {
			n.index = append(n.index, 0)
		}
		if n.index[block] == 0 {
			blocks++
			n.index[block] = uint16(blocks)
			n.cells = append(n.cells, make([]uint16, 128)...)
		}
		n.text = append(n.text, m.To...)
		n.ends = append(n.ends, uint16(len(n.text)))
		if i+1 >= math.MaxUint16 || len(n.text) > math.MaxUint16 {
			return errors.New("build normalisation: too many entries")
		}
		n.cells[(int(n.index[block])-1)*128+int(m.From)%128] = uint16(i + 1)
	}
	return nil
}

func (n *normTable) lookup(r rune) (to []byte, mapped bool) {
	block := int(r) / 128
	if block >= len(n.index) || n.index[block] == 0 {
		return nil, false
	}
	e := n.cells[(int(n.index[block])-1)*128+int(r)%128]
	if e == 0 {
		return nil, false
	}
	return n.text[n.ends[e-1]:n.ends[e]], true
}

// AppendBinary appends the table in the form that Open reads.
func (t *Table) AppendBinary(b []byte) ([]byte, error) {
	le := binary.LittleEndian
	// Each score is written as the difference to the one before, in units of
	// scoreUnit.
	var scores []byte
	last := int64(0)
	for _, s := range t.scores {
		next := int64(math.Round(float64(s) / scoreUnit))
		scores = binary.AppendVarint(scores, next-last)
		last = next
	}
	for _, n := range []int{len(t.units), len(t.scores), len(scores), len(t.norm.index), len(t.norm.cells), len(t.norm.ends), len(t.norm.text)} {
		b = le.AppendUint32(b, uint32(n))
	}
	b = le.AppendUint32(b, math.Float32bits(t.floor))
	for _, u := range t.units {
		b = le.AppendUint32(b, u)
	}
	b = append(b, scores...)
	for _, values := range [][]uint16{t.norm.index, t.norm.cells, t.norm.ends} {
		for _, v := range values {
			b = le.AppendUint16(b, v)
		}
	}
	return append(b, t.norm.text...), nil
}

// Score returns the log probability of a piece; that of the rarest for Unknown.
func (t *Table) Score(p Piece) float32 {
	if p < 0 || int(p) >= len(t.scores) {
		return t.floor
	}
	return t.scores[p]
}

const headerBytes = 8 * 4

// Open reads what AppendBinary wrote. The arrays are copied out of b once, which
// takes about a millisecond for a hundred thousand pieces.
func Open(b []byte) (*Table, error) {
	le := binary.LittleEndian
	if len(b) < headerBytes {
		return nil, errors.New("open pieces: data too short")
	}
	var n [7]int
	for i := range n {
		n[i] = int(le.Uint32(b[4*i:]))
		if n[i] > len(b) {
			return nil, errors.New("open pieces: damaged header")
		}
	}
	units, pieces, scores, index, cells, ends, text := n[0], n[1], n[2], n[3], n[4], n[5], n[6]
	if want := headerBytes + 4*units + scores + 2*(index+cells+ends) + text; want != len(b) {
		return nil, fmt.Errorf("open pieces: %d bytes, want %d", len(b), want)
	}
	if units == 0 || units%256 != 0 || ends == 0 {
		return nil, errors.New("open pieces: damaged header")
	}
	t := &Table{floor: math.Float32frombits(le.Uint32(b[28:]))}
	b = b[headerBytes:]
	t.units = make([]uint32, units)
	for i := range t.units {
		t.units[i] = le.Uint32(b[4*i:])
	}
	b = b[4*units:]
	t.scores = make([]float32, pieces)
	last := int64(0)
	for i := range t.scores {
		step, n := binary.Varint(b[:scores])
		if n <= 0 {
			return nil, errors.New("open pieces: damaged scores")
		}
		last += step
		t.scores[i] = float32(float64(last) * scoreUnit)
		b, scores = b[n:], scores-n
	}
	if scores != 0 {
		return nil, errors.New("open pieces: damaged scores")
	}
	for _, part := range []struct {
		to *[]uint16
		n  int
	}{{&t.norm.index, index}, {&t.norm.cells, cells}, {&t.norm.ends, ends}} {
		*part.to = make([]uint16, part.n)
		for i := range *part.to {
			(*part.to)[i] = le.Uint16(b[2*i:])
		}
		b = b[2*part.n:]
	}
	t.norm.text = b
	if err := t.check(); err != nil {
		return nil, err
	}
	t.prepare()
	return t, nil
}

// check makes sure that no walk or lookup can leave the arrays.
func (t *Table) check() error {
	for _, u := range t.units {
		n := int(u >> unitShift)
		switch {
		case u&unitLeaf != 0:
			if n &= unitLeaf>>unitShift - 1; n >= len(t.scores) {
				return errors.New("open pieces: value out of range")
			}
			if u&unitEnds == 0 && u&0xFF != 0 {
				return errors.New("open pieces: value in a node's place")
			}
		case n|0xFF >= len(t.units):
			return errors.New("open pieces: base out of range")
		case u&unitEnds != 0:
			if v := t.units[n]; v&unitLeaf == 0 {
				return errors.New("open pieces: value missing")
			}
		}
	}
	for _, i := range t.norm.index {
		if int(i)*128 > len(t.norm.cells) {
			return errors.New("open pieces: normalisation block out of range")
		}
	}
	for _, c := range t.norm.cells {
		if int(c) >= len(t.norm.ends) {
			return errors.New("open pieces: normalisation entry out of range")
		}
	}
	last := uint16(0)
	for _, e := range t.norm.ends {
		if e < last || int(e) > len(t.norm.text) {
			return errors.New("open pieces: normalisation text out of range")
		}
		last = e
	}
	return nil
}

// Cutter cuts texts; it keeps its buffers between them. Not for concurrent use.
type Cutter struct {
	text  []byte // normalised, word starts marked
	nodes []node
	back  []Piece
}

// node is the best way to reach a byte of the normalised text.
type node struct {
	score float32
	from  int32
	piece Piece
}

// normalise writes prefix and text into c.text: code points mapped, runs of
// spaces made one, every space written as the word mark, one mark at the start.
// It stops once there are enough bytes for limit pieces (0: no limit).
func (c *Cutter) normalise(t *Table, limit int, parts ...string) {
	enough := math.MaxInt
	if limit > 0 {
		enough = (limit + 1) * longestPiece
	}
	dst := append(c.text[:0], space...)
	// afterSpace: the last thing written is a mark for a space. The mark at the
	// start stands for a leading space if there is one.
	afterSpace := true
	for _, s := range parts {
		for i := 0; i < len(s) && len(dst) < enough; {
			if b := s[i]; b < utf8.RuneSelf {
				i++
				if m := t.ascii[b]; m > ' ' {
					dst = append(dst, m)
					afterSpace = false
					continue
				} else if m == ' ' {
					if !afterSpace {
						dst = append(dst, space...)
						afterSpace = true
					}
					continue
				}
				dst, afterSpace = t.norm.append(dst, rune(b), s[i-1:i], afterSpace)
				continue
			}
			r, n := utf8.DecodeRuneInString(s[i:])
			piece := s[i : i+n]
			if r == utf8.RuneError && n == 1 {
				piece = string(utf8.RuneError)
			}
			i += n
			dst, afterSpace = t.norm.append(dst, r, piece, afterSpace)
		}
	}
	c.text = dst
}

func (n *normTable) append(dst []byte, r rune, same string, afterSpace bool) ([]byte, bool) {
	to, mapped := n.lookup(r)
	if !mapped {
		return append(dst, same...), false
	}
	for _, b := range to {
		if b != ' ' {
			dst = append(dst, b)
			afterSpace = false
		} else if !afterSpace {
			dst = append(dst, space...)
			afterSpace = true
		}
	}
	return dst, afterSpace
}

// Cut appends the pieces of the parts, read as one text, to dst, at most limit of
// them (0: all). An empty text is one word mark.
func (c *Cutter) Cut(t *Table, dst []Piece, limit int, parts ...string) []Piece {
	c.normalise(t, limit, parts...)
	text := c.text
	n := len(text)
	if cap(c.nodes) < n+1 {
		c.nodes = make([]node, n+1+n/2)
	}
	nodes := c.nodes[:n+1]
	unreached := float32(math.Inf(-1))
	for i := range nodes {
		nodes[i].score = unreached
	}
	nodes[0].score = 0
	units := t.units
	for i := 0; i < n; {
		size := 1
		if b := text[i]; b >= 0xC0 {
			switch {
			case b < 0xE0:
				size = 2
			case b < 0xF0:
				size = 3
			default:
				size = 4
			}
		}
		here := nodes[i].score
		if here == unreached {
			i += size
			continue
		}
		u := units[0]
		for j := i; j < n; j++ {
			b := text[j]
			if b == 0 {
				break
			}
			u = units[u>>unitShift^uint32(b)]
			if u&0xFF != uint32(b) {
				break
			}
			if u&unitEnds == 0 {
				continue
			}
			value := u
			if u&unitLeaf == 0 {
				value = units[u>>unitShift]
			}
			p := Piece(value&^unitLeaf) >> unitShift
			if s := here + t.scores[p]; s > nodes[j+1].score {
				nodes[j+1] = node{s, int32(i), p}
			}
			if u&unitLeaf != 0 {
				break
			}
		}
		if i+size > n {
			size = n - i
		}
		if s := here + t.unknown; s > nodes[i+size].score {
			nodes[i+size] = node{s, int32(i), Unknown}
		}
		i += size
	}
	c.back = c.back[:0]
	for i := n; i > 0; i = int(nodes[i].from) {
		c.back = append(c.back, nodes[i].piece)
	}
	for i := len(c.back) - 1; i >= 0; i-- {
		if limit > 0 && len(c.back)-1-i >= limit {
			break
		}
		dst = append(dst, c.back[i])
	}
	return dst
}
