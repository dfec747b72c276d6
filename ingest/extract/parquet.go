package extract

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lore-kb/lore/ingest"
)

// A Parquet file is a footer that describes columns, and for every group of rows
// the values of one column after the other, in pages: how deep each value is
// nested, then the values, packed. Read here are the encodings and the methods of
// compression that pandas, Arrow, DuckDB, Spark and Polars write.

func isParquet(p *probe) bool { return p.hasPrefix("PAR1") || p.hasPrefix("PARE") }

const (
	maxParquetNodes = 4 << 20 // values in the footer
	// maxParquetCells bounds the cells of a group of rows that are held at once.
	maxParquetCells = 4 << 20
)

// parquetColumn is a leaf of the schema.
type parquetColumn struct {
	name      string // with the names of what it is in
	kind      int    // physical type
	size      int    // bytes of a fixed value
	converted int64  // -1: none
	logical   thriftStruct
	scale     int
	maxDef    int // level at which a value is there
	maxRep    int // 0: one value a row
}

// Physical types.
const (
	parquetBool = iota
	parquetInt32
	parquetInt64
	parquetInt96
	parquetFloat
	parquetDouble
	parquetBytes
	parquetFixed
)

// readParquet reads the rows of a Parquet file as a table. Values of a list stand
// in one cell.
func readParquet(j *job, in ingest.Input) ([]ingest.Document, error) {
	data := in.Data
	if string(data[:4]) == "PARE" {
		return nil, fmt.Errorf("%w: this Parquet file", ingest.ErrEncrypted)
	}
	if len(data) < 12 || string(data[len(data)-4:]) != "PAR1" {
		return nil, fmt.Errorf("%w: this Parquet file is cut off", ingest.ErrDamaged)
	}
	n := int64(binary.LittleEndian.Uint32(data[len(data)-8:]))
	if n > int64(len(data)-12) {
		return nil, fmt.Errorf("%w: the footer of this Parquet file lies outside it", ingest.ErrDamaged)
	}
	t := &thriftReader{b: data[len(data)-8-int(n) : len(data)-8], nodes: maxParquetNodes}
	meta, err := t.structure(0)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ingest.ErrDamaged, err)
	}
	columns := parquetSchema(meta.list(2))
	if len(columns) == 0 {
		return nil, fmt.Errorf("%w in this Parquet file: it has no columns", ingest.ErrNoText)
	}
	b := j.newBuilder()
	table := b.openTable()
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	table.row(names, true)
	for _, g := range meta.list(4) {
		group, _ := g.(thriftStruct)
		chunks := group.list(1)
		rows := int(min(max(group.int(3), 0), int64(maxParquetCells/len(columns))))
		if int64(rows) < group.int(3) {
			b.warn(fmt.Sprintf("only the first %d of %d rows of a group are read", rows, group.int(3)))
		}
		cells := make([][]string, len(columns))
		for i := range columns {
			if i >= len(chunks) {
				break
			}
			chunk, _ := chunks[i].(thriftStruct)
			p := &parquetChunk{j: j, c: &columns[i], meta: chunk.sub(3), rows: rows}
			if chunk.has(8) || chunk.has(9) || len(chunk.sub(3)) == 0 {
				b.warn("column " + columns[i].name + " is encrypted")
				continue
			}
			if err := p.read(data); err != nil {
				b.warn("column " + columns[i].name + ": " + err.Error())
			}
			cells[i] = p.cells
		}
		row := make([]string, len(columns))
		for r := range rows {
			if r&0x3ff == 0 {
				j.check()
			}
			for i := range columns {
				row[i] = ""
				if r < len(cells[i]) {
					row[i] = cells[i][r]
				}
			}
			table.row(row, false)
		}
	}
	table.close()
	return []ingest.Document{b.done()}, nil
}

// parquetSchema lists the leaves of the schema, which is a tree written depth
// first.
func parquetSchema(elements []any) (out []parquetColumn) {
	at := 0
	var walk func(path []string, def, rep, depth int)
	walk = func(path []string, def, rep, depth int) {
		if at >= len(elements) || depth > maxThriftDepth {
			return
		}
		e, _ := elements[at].(thriftStruct)
		root := at == 0
		at++
		if !root {
			switch e.int(3) {
			case 1:
				def++
			case 2:
				def, rep = def+1, rep+1
			}
			// The middle names of lists and maps say nothing.
			if name := e.str(4); !(depth > 1 && (name == "list" || name == "element" || name == "array" || name == "item" || name == "bag" || name == "array_element" || name == "key_value")) {
				path = append(path[:len(path):len(path)], oneLine(strings.ToValidUTF8(name, "\uFFFD")))
			}
		}
		if children := e.int(5); children > 0 || root {
			for k := int64(0); k < children && at < len(elements); k++ {
				walk(path, def, rep, depth+1)
			}
			return
		}
		c := parquetColumn{
			name: strings.Join(path, "."), kind: int(e.int(1)), size: int(e.int(2)), converted: -1, logical: e.sub(10), maxDef: def, maxRep: rep, scale: int(e.int(7)),
		}
		if e.has(6) {
			c.converted = e.int(6)
		}
		if c.logical.has(5) {
			c.converted, c.scale = 5, int(c.logical.sub(5).int(1))
		}
		out = append(out, c)
	}
	walk(nil, 0, 0, 0)
	return out
}

// parquetChunk is a column of a group of rows while it is read.
type parquetChunk struct {
	j     *job
	c     *parquetColumn
	meta  thriftStruct
	rows  int
	dict  []string
	cells []string
	seen  int // values so far
}

func (p *parquetChunk) read(data []byte) error {
	at := p.meta.int(9)
	if d := p.meta.int(11); p.meta.has(11) && d > 0 && d < at {
		at = d
	}
	left := p.meta.int(5)
	for left > 0 && len(p.cells) <= p.rows {
		p.j.check()
		if at < 4 || at >= int64(len(data)) {
			return fmt.Errorf("a page lies outside the file")
		}
		t := &thriftReader{b: data[at:], nodes: 1 << 16}
		head, err := t.structure(0)
		if err != nil {
			return err
		}
		size := head.int(3)
		if size < 0 || size > int64(len(t.b)) {
			return fmt.Errorf("a page lies outside the file")
		}
		body := t.b[:size]
		at = int64(len(data)-len(t.b)) + size
		switch head.int(1) {
		case 0:
			h := head.sub(5)
			if body, err = p.unpack(body, head.int(2)); err != nil {
				return err
			}
			n := h.int(1)
			left -= max(n, 1)
			err = p.page(body, nil, nil, false, int(h.int(2)), int(n))
		case 2:
			h := head.sub(7)
			if body, err = p.unpack(body, head.int(2)); err != nil {
				return err
			}
			p.dict, _, err = p.plain(body, int(h.int(1)))
		case 3:
			h := head.sub(8)
			defs, reps := h.int(5), h.int(6)
			if defs < 0 || reps < 0 || defs+reps > size {
				return fmt.Errorf("levels of a page lie outside it")
			}
			levels, values := body[:defs+reps], body[defs+reps:]
			if v, given := h[7].(bool); !given || v {
				if values, err = p.unpack(values, head.int(2)-defs-reps); err != nil {
					return err
				}
			}
			n := h.int(1)
			left -= max(n, 1)
			err = p.page(values, levels[:reps], levels[reps:], true, int(h.int(4)), int(n))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// unpack undoes the compression of a page that is to be size bytes long.
func (p *parquetChunk) unpack(b []byte, size int64) ([]byte, error) {
	if size < 0 || size > min(int64(maxMemberBytes), p.j.unpackLeft) {
		return nil, fmt.Errorf("%w: a page of %d bytes", ingest.ErrTooLarge, size)
	}
	var out []byte
	var err error
	switch codec := p.meta.int(4); codec {
	case 0:
		return b, nil
	case 1:
		out = unsnappyBlock(nil, b, int(size))
	case 2:
		out, err = gunzip(b, int(size))
	case 5:
		out = unLZ4Hadoop(b, int(size))
	case 6:
		out, err = unzstd(b, int(size))
	case 7:
		out = unLZ4(b, int(size))
	default:
		name := map[int64]string{3: "LZO", 4: "Brotli"}[codec]
		if name == "" {
			name = "an unknown method"
		}
		return nil, fmt.Errorf("packed by %s, which is not read", name)
	}
	p.j.spendUnpacked(int64(len(out)))
	if err == nil && int64(len(out)) < size {
		err = fmt.Errorf("a page unpacks to %d bytes in place of %d", len(out), size)
	}
	return out, err
}

// page adds the values of a data page. In pages of the first version the levels
// stand before the values, each with its length.
func (p *parquetChunk) page(b, reps, defs []byte, v2 bool, encoding, n int) error {
	// A run of one level for all takes a few bytes, whatever n is.
	if n < 0 || p.seen+n > 4*maxParquetCells {
		return fmt.Errorf("%w: %d values in one group of rows", ingest.ErrTooLarge, p.seen+n)
	}
	p.seen += n
	if p.c.maxRep == 0 {
		n = min(n, p.rows-len(p.cells)+1)
	}
	cut := func(most int) ([]byte, error) {
		if most == 0 {
			return nil, nil
		}
		if len(b) < 4 {
			return nil, fmt.Errorf("a page ends in its levels")
		}
		size := int64(binary.LittleEndian.Uint32(b))
		if size > int64(len(b)-4) {
			return nil, fmt.Errorf("a page ends in its levels")
		}
		l := b[4 : 4+size]
		b = b[4+size:]
		return l, nil
	}
	if !v2 {
		var err error
		if reps, err = cut(p.c.maxRep); err != nil {
			return err
		}
		if defs, err = cut(p.c.maxDef); err != nil {
			return err
		}
	}
	rep := newHybrid(reps, bits.Len(uint(p.c.maxRep)))
	def := newHybrid(defs, bits.Len(uint(p.c.maxDef)))
	// What is there, before the values: nulls take no place among them.
	there := n
	if p.c.maxDef > 0 {
		there = 0
		count := newHybrid(defs, bits.Len(uint(p.c.maxDef)))
		for range n {
			if v, ok := count.next(); ok && int(v) == p.c.maxDef {
				there++
			}
		}
	}
	values, err := p.values(b, encoding, there)
	if err != nil {
		return err
	}
	for i := range n {
		if i&0xffff == 0 {
			p.j.check()
		}
		level, ok := uint64(p.c.maxDef), true
		if p.c.maxDef > 0 {
			level, ok = def.next()
		}
		r := uint64(0)
		if p.c.maxRep > 0 {
			r, _ = rep.next()
		}
		if r == 0 {
			if len(p.cells) >= p.rows {
				p.cells = append(p.cells, "") // tells that there are more
				return nil
			}
			p.cells = append(p.cells, "")
		}
		if !ok || int(level) != p.c.maxDef {
			continue
		}
		s := ""
		if s, ok = values(); !ok {
			return fmt.Errorf("a page ends before its values")
		}
		switch last := len(p.cells) - 1; {
		case last < 0:
		case p.cells[last] == "" || r == 0:
			p.cells[last] = s
		default:
			if len(p.cells[last]) > 1<<20 {
				continue
			}
			p.cells[last] += ", " + s
		}
	}
	return nil
}

// values returns what gives one value after the other as text.
func (p *parquetChunk) values(b []byte, encoding, n int) (func() (string, bool), error) {
	fromList := func(list []string) func() (string, bool) {
		return func() (string, bool) {
			if len(list) == 0 {
				return "", false
			}
			s := list[0]
			list = list[1:]
			return s, true
		}
	}
	switch encoding {
	case 0:
		list, _, err := p.plain(b, n)
		return fromList(list), err
	case 2, 8:
		if n == 0 {
			return fromList(nil), nil
		}
		if len(b) == 0 {
			return nil, fmt.Errorf("a page without values")
		}
		index := newHybrid(b[1:], int(b[0]))
		return func() (string, bool) {
			i, ok := index.next()
			if !ok || i >= uint64(len(p.dict)) {
				return "", false
			}
			return p.dict[i], true
		}, nil
	case 3:
		if len(b) < 4 {
			return nil, fmt.Errorf("a page without values")
		}
		run := newHybrid(b[4:], 1)
		return func() (string, bool) {
			v, ok := run.next()
			return strconv.FormatBool(v == 1), ok
		}, nil
	case 5:
		numbers, _, err := deltaPacked(b, n)
		var list []string
		for _, v := range numbers {
			if p.c.kind == parquetInt32 {
				v = int64(int32(v)) // differences of such numbers wrap
			}
			list = append(list, p.number(v))
		}
		return fromList(list), err
	case 6:
		list, err := deltaLengths(b, n)
		for i, s := range list {
			list[i] = p.bytes([]byte(s))
		}
		return fromList(list), err
	case 7:
		prefixes, rest, err := deltaPacked(b, n)
		if err != nil {
			return nil, err
		}
		list, err := deltaLengths(rest, n)
		last := ""
		total := 0
		for i, s := range list {
			if i >= len(prefixes) || prefixes[i] < 0 || prefixes[i] > int64(len(last)) {
				return nil, fmt.Errorf("a value begins with more of the last than there is")
			}
			last = last[:prefixes[i]] + s
			if total += len(last); total > p.j.textLeft {
				p.j.spendText(total)
			}
			list[i] = p.bytes([]byte(last))
		}
		return fromList(list), err
	case 9:
		size := p.width()
		if size == 0 || n > len(b)/size {
			return nil, fmt.Errorf("a page without values")
		}
		joined := make([]byte, n*size)
		for i := range n {
			for k := range size {
				joined[i*size+k] = b[k*n+i]
			}
		}
		list, _, err := p.plain(joined, n)
		return fromList(list), err
	}
	return nil, fmt.Errorf("encoding %d is not read", encoding)
}

// width is how many bytes a value of a fixed size takes; 0 for others.
func (p *parquetChunk) width() int {
	switch p.c.kind {
	case parquetInt32, parquetFloat:
		return 4
	case parquetInt64, parquetDouble:
		return 8
	case parquetInt96:
		return 12
	case parquetFixed:
		if p.c.size > 0 && p.c.size < 1<<16 {
			return p.c.size
		}
	}
	return 0
}

// plain reads n values that stand one after the other, as far as they go.
func (p *parquetChunk) plain(b []byte, n int) (out []string, rest []byte, err error) {
	if n < 0 {
		return nil, b, fmt.Errorf("a page of %d values", n)
	}
	size := p.width()
	for i := range n {
		if i&0xffff == 0 {
			p.j.check()
		}
		switch {
		case p.c.kind == parquetBool:
			if i/8 >= len(b) {
				return out, nil, nil
			}
			out = append(out, strconv.FormatBool(b[i/8]>>(i%8)&1 == 1))
		case p.c.kind == parquetBytes:
			if len(b) < 4 {
				return out, nil, nil
			}
			l := int64(binary.LittleEndian.Uint32(b))
			if l > int64(len(b)-4) {
				return out, nil, nil
			}
			out = append(out, p.bytes(b[4:4+l]))
			b = b[4+l:]
		case size == 0 || len(b) < size:
			return out, nil, nil
		default:
			out = append(out, p.fixed(b[:size]))
			b = b[size:]
		}
	}
	return out, b, nil
}

// fixed shows a value of a fixed size.
func (p *parquetChunk) fixed(b []byte) string {
	switch p.c.kind {
	case parquetInt32:
		return p.number(int64(int32(binary.LittleEndian.Uint32(b))))
	case parquetInt64:
		return p.number(int64(binary.LittleEndian.Uint64(b)))
	case parquetInt96: // nanoseconds of the day, then the Julian day
		days := int64(binary.LittleEndian.Uint32(b[8:])) - 2440588
		return time.Unix(days*86400, int64(binary.LittleEndian.Uint64(b))).UTC().Format("2006-01-02 15:04:05.999999999")
	case parquetFloat:
		return strconv.FormatFloat(float64(math.Float32frombits(binary.LittleEndian.Uint32(b))), 'g', -1, 32)
	case parquetDouble:
		f := math.Float64frombits(binary.LittleEndian.Uint64(b))
		if f == math.Trunc(f) && math.Abs(f) < 1e15 {
			return strconv.FormatFloat(f, 'f', 1, 64)
		}
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return p.bytes(b)
}

// bytes shows a value of bytes: text, a decimal number, or what it is.
func (p *parquetChunk) bytes(b []byte) string {
	switch {
	case p.c.converted == 5:
		v := new(big.Int).SetBytes(b[:min(len(b), 64)])
		if len(b) > 0 && b[0]&0x80 != 0 {
			v.Sub(v, new(big.Int).Lsh(big.NewInt(1), uint(8*min(len(b), 64))))
		}
		return decimalText(v.String(), p.c.scale)
	case p.c.logical.has(14) && len(b) == 16:
		h := hex.EncodeToString(b)
		return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
	case p.c.logical.has(15) && len(b) == 2:
		return strconv.FormatFloat(float16(binary.LittleEndian.Uint16(b)), 'g', 5, 64)
	case !utf8.Valid(b):
		return fmt.Sprintf("(%d bytes)", len(b))
	}
	return string(b)
}

func float16(h uint16) float64 {
	exp, frac := int(h>>10&31), float64(h&1023)
	v := math.Ldexp(1+frac/1024, exp-15)
	switch exp {
	case 0:
		v = math.Ldexp(frac/1024, -14)
	case 31:
		if v = math.Inf(1); frac > 0 {
			return math.NaN()
		}
	}
	if h>>15 == 1 {
		return -v
	}
	return v
}

// decimalText puts the point into a whole number.
func decimalText(s string, scale int) string {
	if scale <= 0 || scale > 64 {
		return s
	}
	sign := ""
	if s, sign = strings.TrimPrefix(s, "-"), s[:len(s)-len(strings.TrimPrefix(s, "-"))]; len(s) <= scale {
		s = strings.Repeat("0", scale-len(s)+1) + s
	}
	return sign + s[:len(s)-scale] + "." + s[len(s)-scale:]
}

// number shows a whole number as what the schema says it is.
func (p *parquetChunk) number(v int64) string {
	since := func(unit time.Duration) string {
		per := int64(time.Second / unit)
		t := time.Unix(floorDiv(v, per), (v-floorDiv(v, per)*per)*int64(unit)).UTC()
		if y := t.Year(); y < 0 || y > 9999 {
			return strconv.FormatInt(v, 10)
		}
		return t.Format("2006-01-02 15:04:05.999999999")
	}
	clock := func(unit time.Duration) string {
		if v < 0 || v > int64(24*time.Hour/unit) {
			return strconv.FormatInt(v, 10)
		}
		return time.Unix(0, v*int64(unit)).UTC().Format("15:04:05.999999999")
	}
	unit := func(u thriftStruct) time.Duration {
		switch {
		case u.has(1):
			return time.Millisecond
		case u.has(2):
			return time.Microsecond
		}
		return time.Nanosecond
	}
	switch l := p.c.logical; {
	case l.has(8):
		return since(unit(l.sub(8).sub(2)))
	case l.has(7):
		return clock(unit(l.sub(7).sub(2)))
	case l.has(10) && !l.sub(10).bool(2), p.c.converted >= 11 && p.c.converted <= 14:
		if p.c.kind == parquetInt32 {
			return strconv.FormatUint(uint64(uint32(v)), 10)
		}
		return strconv.FormatUint(uint64(v), 10)
	}
	switch p.c.converted {
	case 5:
		return decimalText(strconv.FormatInt(v, 10), p.c.scale)
	case 6:
		if v < -800_000 || v > 3_000_000 {
			return strconv.FormatInt(v, 10)
		}
		return time.Unix(v*86400, 0).UTC().Format(time.DateOnly)
	case 7:
		return clock(time.Millisecond)
	case 8:
		return clock(time.Microsecond)
	case 9:
		return since(time.Millisecond)
	case 10:
		return since(time.Microsecond)
	}
	if p.c.logical.has(6) {
		return time.Unix(v*86400, 0).UTC().Format(time.DateOnly)
	}
	return strconv.FormatInt(v, 10)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// hybrid reads numbers of a few bits, in runs of one value and in groups of
// eight (Parquet: RLE / bit-packing hybrid).
type hybrid struct {
	b     []byte
	width int
	run   int // left of the current run
	value uint64
	group []byte // of packed values
	at    int    // bit in group
}

func newHybrid(b []byte, width int) *hybrid { return &hybrid{b: b, width: width} }

func (h *hybrid) next() (uint64, bool) {
	if h.width == 0 {
		return 0, true
	}
	if h.width > 32 {
		return 0, false
	}
	for h.run == 0 {
		head, n := binary.Uvarint(h.b)
		if n <= 0 || head>>1 > 1<<31 {
			return 0, false
		}
		h.b = h.b[n:]
		if head&1 == 1 {
			size := min(int(head>>1)*h.width, len(h.b))
			h.group, h.at, h.b = h.b[:size], 0, h.b[size:]
			if h.run = int(head>>1) * 8; size == 0 {
				return 0, false
			}
			continue
		}
		size := (h.width + 7) / 8
		if size > len(h.b) {
			return 0, false
		}
		h.value = 0
		for k := range size {
			h.value |= uint64(h.b[k]) << (8 * k)
		}
		h.b, h.group, h.run = h.b[size:], nil, int(head>>1)
		if h.run == 0 && len(h.b) == 0 {
			return 0, false
		}
	}
	h.run--
	if h.group == nil {
		return h.value, true
	}
	v, ok := bitsAt(h.group, h.at, h.width)
	h.at += h.width
	return v, ok
}

// bitsAt is the number of width bits at a bit, least significant first.
func bitsAt(b []byte, at, width int) (v uint64, ok bool) {
	if at+width > 8*len(b) {
		return 0, false
	}
	for got := 0; got < width; {
		take := min(8-at%8, width-got)
		v |= uint64(b[at/8]>>(at%8)&(1<<take-1)) << got
		got += take
		at += take
	}
	return v, true
}

// deltaPacked reads numbers by their differences (Parquet: DELTA_BINARY_PACKED),
// at most n, and returns what follows them.
func deltaPacked(b []byte, n int) (out []int64, rest []byte, err error) {
	t := &thriftReader{b: b}
	block, err1 := t.uvarint()
	minis, err2 := t.uvarint()
	total, err3 := t.uvarint()
	value, err4 := t.varint()
	if err1 != nil || err2 != nil || err3 != nil || err4 != nil || minis == 0 || minis > 1024 || block > 1<<20 || block%minis != 0 || block == 0 {
		return nil, nil, errDelta
	}
	per := int(block / minis)
	if total == 0 {
		return nil, t.b, nil
	}
	out = append(out, value)
	for count := uint64(1); count < total; {
		least, err := t.varint()
		if err != nil || uint64(len(t.b)) < minis {
			return nil, nil, errDelta
		}
		widths := t.b[:minis]
		t.b = t.b[minis:]
		for _, w := range widths {
			if count >= total {
				break
			}
			size := int(w) * per / 8
			if w > 64 || size > len(t.b) {
				return nil, nil, errDelta
			}
			for i := range min(uint64(per), total-count) {
				if len(out) >= n {
					break
				}
				v, _ := bitsAt(t.b[:size], int(i)*int(w), int(w))
				value += least + int64(v)
				out = append(out, value)
			}
			count += uint64(per)
			t.b = t.b[size:]
		}
	}
	return out[:min(len(out), n)], t.b, nil
}

var errDelta = fmt.Errorf("its differences are malformed")

// deltaLengths reads strings whose lengths come first.
func deltaLengths(b []byte, n int) ([]string, error) {
	lengths, rest, err := deltaPacked(b, n)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, l := range lengths {
		if l < 0 || l > int64(len(rest)) {
			return nil, errDelta
		}
		out = append(out, string(rest[:l]))
		rest = rest[l:]
	}
	return out, nil
}
