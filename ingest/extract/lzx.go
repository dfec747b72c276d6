package extract

import (
	"encoding/binary"
	"errors"
)

// LZX is the compression of compiled help and of cabinets: LZ77 with Huffman
// codes that are sent as differences, three remembered distances, and frames of
// 32 KB after which the bits are aligned.

var errLZX = errors.New("damaged LZX data")

const (
	lzxFrame     = 32 << 10
	lzxLiterals  = 256
	lzxLengths   = 249
	lzxPre       = 20
	lzxAligned   = 8
	lzxMinMatch  = 2
	lzxMaxLength = 16 // of a code
)

// lzxTree decodes one Huffman code: canonical, shortest first.
type lzxTree struct {
	lens   []byte
	count  [lzxMaxLength + 1]int
	symbol []uint16
}

func (t *lzxTree) build() error {
	t.count = [lzxMaxLength + 1]int{}
	for _, l := range t.lens {
		if l > lzxMaxLength {
			return errLZX
		}
		t.count[l]++
	}
	used := len(t.lens) - t.count[0]
	t.count[0] = 0
	left := 1
	for _, n := range t.count[1:] {
		if left = left<<1 - n; left < 0 {
			return errLZX
		}
	}
	if cap(t.symbol) < used {
		t.symbol = make([]uint16, len(t.lens))
	}
	t.symbol = t.symbol[:used]
	var next [lzxMaxLength + 2]int
	for l := 1; l <= lzxMaxLength; l++ {
		next[l+1] = next[l] + t.count[l]
	}
	for s, l := range t.lens {
		if l > 0 {
			t.symbol[next[l]] = uint16(s)
			next[l]++
		}
	}
	return nil
}

type lzx struct {
	in     []byte
	at     int
	bits   uint32 // the highest n are unread
	n      int
	over   int // words read behind the end
	out    []byte
	window int
	slots  int

	main, length, aligned, pre lzxTree
	r                          [3]int
	block, left                int // kind of the current block, bytes left of it
	started                    bool
	e8                         int // size for the translation of calls; 0: none
	start                      int // where the current reset interval begins in out
}

func newLZX(window int) (*lzx, error) {
	slots := map[int]int{1 << 15: 30, 1 << 16: 32, 1 << 17: 34, 1 << 18: 36, 1 << 19: 38, 1 << 20: 42, 1 << 21: 50}[window]
	if slots == 0 {
		return nil, errLZX
	}
	d := &lzx{window: window, slots: slots}
	d.main.lens = make([]byte, lzxLiterals+8*slots)
	d.length.lens = make([]byte, lzxLengths)
	d.aligned.lens = make([]byte, lzxAligned)
	d.pre.lens = make([]byte, lzxPre)
	return d, nil
}

// reset begins an interval that needs nothing of what was before.
func (d *lzx) reset(in []byte) {
	d.in, d.at, d.bits, d.n, d.over = in, 0, 0, 0, 0
	d.r = [3]int{1, 1, 1}
	clear(d.main.lens)
	clear(d.length.lens)
	d.block, d.left, d.started, d.e8, d.start = 0, 0, false, 0, len(d.out)
}

func (d *lzx) need(n int) {
	for d.n < n {
		var w uint32
		if d.at+1 < len(d.in) {
			w = uint32(binary.LittleEndian.Uint16(d.in[d.at:]))
		} else {
			d.over++
			if d.at < len(d.in) {
				w = uint32(d.in[d.at])
			}
		}
		d.at += 2
		d.bits |= w << (16 - d.n)
		d.n += 16
	}
}

func (d *lzx) take(n int) int {
	if n == 0 {
		return 0
	}
	if n > 16 {
		hi := d.take(n - 16)
		return hi<<16 | d.take(16)
	}
	d.need(n)
	v := d.bits >> (32 - n)
	d.bits <<= n
	d.n -= n
	return int(v)
}

func (d *lzx) decode(t *lzxTree) (int, error) {
	d.need(lzxMaxLength)
	code, first, index := 0, 0, 0
	for l := 1; l <= lzxMaxLength; l++ {
		code |= int(d.bits>>(32-l)) & 1
		if n := t.count[l]; code-first < n {
			d.bits <<= l
			d.n -= l
			return int(t.symbol[index+code-first]), nil
		}
		index += t.count[l]
		first = (first + t.count[l]) << 1
		code <<= 1
	}
	return 0, errLZX
}

// lengths reads the code lengths of symbols [from, to) as differences.
func (d *lzx) lengths(lens []byte, from, to int) error {
	for i := range d.pre.lens {
		d.pre.lens[i] = byte(d.take(4))
	}
	if err := d.pre.build(); err != nil {
		return err
	}
	for i := from; i < to; {
		s, err := d.decode(&d.pre)
		if err != nil {
			return err
		}
		run, value := 1, byte(0)
		switch s {
		case 17:
			run = d.take(4) + 4
		case 18:
			run = d.take(5) + 20
		case 19:
			run = d.take(1) + 4
			if s, err = d.decode(&d.pre); err != nil {
				return err
			}
			if s > 16 {
				return errLZX
			}
			value = byte((int(lens[i]) - s + 17) % 17)
		default:
			value = byte((int(lens[i]) - s + 17) % 17)
		}
		for ; run > 0 && i < to; run-- {
			lens[i] = value
			i++
		}
		if d.over > 16 {
			return errLZX
		}
	}
	return nil
}

// header reads the start of a block.
func (d *lzx) header() error {
	if !d.started {
		d.started = true
		if d.take(1) == 1 {
			d.e8 = d.take(32)
		}
	}
	d.block, d.left = d.take(3), d.take(24)
	switch d.block {
	case 2:
		for i := range d.aligned.lens {
			d.aligned.lens[i] = byte(d.take(3))
		}
		if err := d.aligned.build(); err != nil {
			return err
		}
		fallthrough
	case 1:
		if err := d.lengths(d.main.lens, 0, lzxLiterals); err != nil {
			return err
		}
		if err := d.lengths(d.main.lens, lzxLiterals, len(d.main.lens)); err != nil {
			return err
		}
		if err := d.main.build(); err != nil {
			return err
		}
		if err := d.lengths(d.length.lens, 0, lzxLengths); err != nil {
			return err
		}
		return d.length.build()
	case 3:
		d.take(max(1, d.n%16)) // to the next word, a whole one where it is there already
		if d.n == 15 {
			d.take(15)
		}
		d.at -= d.n / 8
		d.bits, d.n = 0, 0
		if d.at < 0 || d.at+12 > len(d.in) {
			return errLZX
		}
		for i := range d.r {
			d.r[i] = int(int32(binary.LittleEndian.Uint32(d.in[d.at+4*i:])))
		}
		d.at += 12
		return nil
	}
	return errLZX
}

// frame appends up to lzxFrame bytes to out.
func (d *lzx) frame(size int) error {
	from := len(d.out)
	end := from + size
	for len(d.out) < end {
		if d.left == 0 {
			if err := d.header(); err != nil {
				return err
			}
		}
		if d.over > 16 {
			return errLZX
		}
		n := min(d.left, end-len(d.out))
		before := len(d.out)
		var err error
		if d.block == 3 {
			err = d.stored(n)
		} else {
			err = d.matches(before + n)
		}
		if err != nil {
			return err
		}
		d.left -= len(d.out) - before
		if d.left < 0 {
			return errLZX
		}
	}
	if d.n%16 > 0 {
		d.take(d.n % 16)
	}
	if len(d.out) > end { // a match over the end of a frame is not allowed
		return errLZX
	}
	d.translate(from, end)
	return nil
}

func (d *lzx) stored(n int) error {
	if d.at+n > len(d.in) {
		return errLZX
	}
	d.out = append(d.out, d.in[d.at:d.at+n]...)
	d.at += n
	if d.left == n && n%2 == 1 {
		d.at++
	}
	return nil
}

func (d *lzx) matches(end int) error {
	for len(d.out) < end {
		s, err := d.decode(&d.main)
		if err != nil {
			return err
		}
		if d.over > 16 {
			return errLZX
		}
		if s < lzxLiterals {
			d.out = append(d.out, byte(s))
			continue
		}
		s -= lzxLiterals
		length, slot := s&7, s>>3
		if length == 7 {
			more, err := d.decode(&d.length)
			if err != nil {
				return err
			}
			length += more
		}
		length += lzxMinMatch
		var back int
		switch slot {
		case 0:
			back = d.r[0]
		case 1, 2:
			back = d.r[slot]
			d.r[slot] = d.r[0]
		default:
			extra := min(max(slot/2-1, 0), 17)
			if back, err = d.distance(extra); err != nil {
				return err
			}
			back += lzxBase(slot) - 2
			d.r[2], d.r[1] = d.r[1], d.r[0]
		}
		d.r[0] = back
		if back <= 0 || back > len(d.out)-d.start || back > d.window || d.over > 16 {
			return errLZX
		}
		for range length {
			d.out = append(d.out, d.out[len(d.out)-back])
		}
	}
	return nil
}

// lzxBase is the smallest distance of a slot, counted from 2.
func lzxBase(slot int) int {
	base := 0
	for i := range slot {
		base += 1 << min(max(i/2-1, 0), 17)
	}
	return base
}

func (d *lzx) distance(extra int) (int, error) {
	if d.block != 2 || extra < 3 {
		return d.take(extra), nil
	}
	v := d.take(extra-3) << 3
	low, err := d.decode(&d.aligned)
	return v + low, err
}

// translate turns absolute targets of x86 calls back into relative ones.
func (d *lzx) translate(from, end int) {
	if d.e8 <= 0 || end-from <= 10 || (from-d.start)/lzxFrame >= 32768 {
		return
	}
	b := d.out[from:end]
	for i := 0; i < len(b)-10; i++ {
		if b[i] != 0xe8 {
			continue
		}
		cur := from - d.start + i
		abs := int(int32(binary.LittleEndian.Uint32(b[i+1:])))
		if abs >= -cur && abs < d.e8 {
			rel := abs - cur
			if abs < 0 {
				rel = abs + d.e8
			}
			binary.LittleEndian.PutUint32(b[i+1:], uint32(rel))
		}
		i += 4
	}
}
