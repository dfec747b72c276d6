package sqlitestore

import (
	"bytes"
	"cmp"
	"compress/flate"
	"encoding/binary"
	"io"
	"math"
	"runtime"
	"slices"
	"sync"
)

// Texts are coded with a vocabulary: strings that are common in the collection,
// each with a code of so many bits as it is rare (Huffman). Documents are short,
// and Chinese ones even more so; a coder that has to learn from one document
// alone gets half as far. The vocabulary is learned from a sample of the texts
// and kept in the database; a text says which one it was coded with.
//
// Symbols below 256 are the bytes themselves, so that every text can be coded.

const (
	maxSymbol     = 40 // bytes
	maxCode       = 20 // bits
	primaryBits   = 12 // of the table that decodes most codes in one step
	learnSample   = 3 << 20
	mostSymbols   = 1 << 16
	minPairCount  = 3
	symbolsPerKiB = 16 // of the sample
)

// vocabulary codes and decodes texts. It does not change once it is made.
type vocabulary struct {
	id      int64
	strings []byte   // of all symbols, and 8 bytes
	from    []uint32 // by symbol, and one more
	lengths []uint8  // bits of the code of each symbol
	codes   []uint32

	// Of the decoder: symbol and length by the first bits of a code, and for
	// longer codes the first code, its place in sorted, and sorted itself.
	primary []uint32 // symbol << 5 | length; 0 for longer codes
	first   [maxCode + 2]uint32
	place   [maxCode + 2]uint32
	sorted  []uint32

	trie *trie // of the encoder, made when first needed
}

// trie finds the longest symbol at a place of a text. The children of a node lie
// at its base plus their bytes, those of different nodes between one another. No
// two nodes have one base, so that a byte tells whose child a slot holds.
type trie struct {
	nodes []uint32 // base << labelBits | byte that leads to the node + 1; 0: free
	best  []uint32 // value of the longest symbol that a node's bytes begin with << lengthBits | its length
}

const (
	labelBits  = 9
	lengthBits = 6
)

// newTrie makes a trie of different symbols, all bytes among them, each with a
// value of up to 26 bits.
func newTrie(symbols []string, value func(symbol uint32) uint32) *trie {
	order := sorted(symbols)
	t := &trie{nodes: make([]uint32, 1), best: make([]uint32, 1)}
	var based []bool
	free := 1 // slots below are not worth looking at
	// A node, and the symbols that begin with its bytes: those of order[from:to].
	type span struct{ node, from, to, depth int }
	type child struct {
		label    byte
		from, to int
	}
	var children []child
	stack := []span{{0, 0, len(order), 0}}
	for len(stack) > 0 {
		s := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if s.from < s.to && len(symbols[order[s.from]]) == s.depth {
			t.best[s.node] = value(order[s.from])<<lengthBits | uint32(s.depth)
			s.from++
		}
		if s.from == s.to {
			continue
		}
		children = children[:0]
		for from := s.from; from < s.to; {
			c := symbols[order[from]][s.depth]
			to := from + 1
			for to < s.to && symbols[order[to]][s.depth] == c {
				to++
			}
			children = append(children, child{c, from, to})
			from = to
		}
		// The first base at which all of them find a free slot.
		free = max(free, len(t.nodes)-scanSlots)
		for free < len(t.nodes) && t.nodes[free] != 0 {
			free++
		}
		base := max(1, free-int(children[0].label))
	search:
		for ; ; base++ {
			if base < len(based) && based[base] {
				continue
			}
			for _, c := range children {
				if slot := base + int(c.label); slot < len(t.nodes) && t.nodes[slot] != 0 {
					continue search
				}
			}
			break
		}
		for len(t.nodes) < base+256 {
			t.nodes, t.best, based = append(t.nodes, 0), append(t.best, 0), append(based, false)
		}
		based[base] = true
		t.nodes[s.node] |= uint32(base) << labelBits
		for _, c := range children {
			slot := base + int(c.label)
			t.nodes[slot] = uint32(c.label) + 1
			t.best[slot] = t.best[s.node]
			stack = append(stack, span{slot, c.from, c.to, s.depth + 1})
		}
	}
	return t
}

// sorted returns the numbers of symbols in order of their bytes.
func sorted(symbols []string) []uint32 {
	type entry struct {
		head   uint64 // its first bytes, most of the time enough to compare
		symbol uint32
	}
	entries := make([]entry, len(symbols))
	for i, s := range symbols {
		var head [8]byte
		copy(head[:], s)
		entries[i] = entry{binary.BigEndian.Uint64(head[:]), uint32(i)}
	}
	slices.SortFunc(entries, func(a, b entry) int {
		if a.head != b.head {
			return cmp.Compare(a.head, b.head)
		}
		return cmp.Compare(symbols[a.symbol], symbols[b.symbol])
	})
	order := make([]uint32, len(entries))
	for i, e := range entries {
		order[i] = e.symbol
	}
	return order
}

// scanSlots is how far behind the end free slots are looked for.
const scanSlots = 1 << 9

// longest returns the value of the longest symbol that text, which is not empty,
// begins with, and its length.
func (t *trie) longest(text string) (value uint32, length int) {
	nodes := t.nodes
	slot, node := uint32(0), nodes[0]
	for i := range len(text) {
		next := node>>labelBits + uint32(text[i])
		if int(next) >= len(nodes) || nodes[next]&(1<<labelBits-1) != uint32(text[i])+1 {
			break
		}
		slot, node = next, nodes[next]
	}
	best := t.best[slot]
	return best >> lengthBits, int(best & (1<<lengthBits - 1))
}

// learnSteps says for each round of learning which part of the samples it looks
// at: one in so many, others in each round. Short symbols are known from little,
// and vocabularies that begin with what is common in a part code other texts
// better than those that begin with all of it: Chinese news to 0.381 instead of
// 0.398, English documentation to 0.401 instead of 0.415. The last round only
// counts.
var learnSteps = [...]int{64, 64, 32, 32, 16, 16, 8, 8, 4, 2, 1, 1}

// learn makes a vocabulary from samples of text. The same samples give the same
// vocabulary.
func learn(samples []string) *vocabulary {
	size := 0
	for _, s := range samples {
		size += len(s)
	}
	most := min(mostSymbols, 512+size/1024*symbolsPerKiB)
	symbols := make([]string, 256)
	for i := range symbols {
		symbols[i] = string([]byte{byte(i)})
	}
	var counts []int
	for round := 0; ; round++ {
		t := newTrie(symbols, func(symbol uint32) uint32 { return symbol })
		// Small samples are not cut further than to 64 KiB.
		step := max(1, min(learnSteps[round], size>>16))
		var some []string
		for i := round % step; i < len(samples); i += step {
			some = append(some, samples[i])
		}
		last := round == len(learnSteps)-1
		var pairs pairCounts
		counts, pairs = countSymbols(some, symbols, t, !last)
		if last {
			break
		}
		// The best of the symbols and of their neighbours joined.
		type candidate struct {
			text string
			gain int
		}
		var list []candidate
		known := make(map[string]bool, len(symbols))
		for i, s := range symbols[256:] {
			if n := counts[256+i]; n >= minPairCount {
				list = append(list, candidate{s, n * len(s)})
				known[s] = true
			}
		}
		joined := map[string]int{}
		for _, p := range pairs.slots {
			n := int(uint32(p))
			if n < minPairCount {
				continue
			}
			if s := symbols[p>>48] + symbols[uint16(p>>32)]; !known[s] {
				joined[s] += n
			}
		}
		for s, n := range joined {
			list = append(list, candidate{s, n * len(s)})
		}
		slices.SortFunc(list, func(a, b candidate) int { return cmp.Or(b.gain-a.gain, cmp.Compare(a.text, b.text)) })
		symbols = symbols[:256]
		for _, c := range list[:min(len(list), most-256)] {
			symbols = append(symbols, c.text)
		}
	}
	// Symbols that the last round did not use are only in the way.
	v := &vocabulary{from: []uint32{0}}
	var used []int
	for i, s := range symbols {
		if i < 256 || counts[i] > 0 {
			v.strings = append(v.strings, s...)
			v.from = append(v.from, uint32(len(v.strings)))
			used = append(used, max(1, counts[i]))
		}
	}
	v.strings = append(v.strings, make([]byte, 8)...)
	v.lengths = codeLengths(used)
	v.assign()
	return v
}

// countSymbols counts the symbols that samples are made of and, if wanted, those
// that are neighbours, on all processors.
func countSymbols(samples []string, symbols []string, t *trie, neighbours bool) ([]int, pairCounts) {
	parts := min(len(samples), runtime.GOMAXPROCS(0))
	counts, pairs := make([][]int, parts), make([]pairCounts, parts)
	var wg sync.WaitGroup
	for part := range parts {
		wg.Go(func() {
			n := make([]int, len(symbols))
			p := newPairCounts(1 << 14)
			for i := part; i < len(samples); i += parts {
				last, before := uint32(0), maxSymbol // and its length
				for text := samples[i]; text != ""; {
					s, k := t.longest(text)
					n[s]++
					if neighbours && before+k <= maxSymbol {
						p.add(last<<16|s, 1)
					}
					last, before, text = s, k, text[k:]
				}
			}
			counts[part], pairs[part] = n, p
		})
	}
	wg.Wait()
	if parts == 0 {
		return make([]int, len(symbols)), newPairCounts(1)
	}
	for part := 1; part < parts; part++ {
		for s, n := range counts[part] {
			counts[0][s] += n
		}
		for _, p := range pairs[part].slots {
			if p != 0 {
				pairs[0].add(uint32(p>>32), uint32(p))
			}
		}
	}
	return counts[0], pairs[0]
}

// pairCounts counts pairs of symbols, each of them in 16 bits.
type pairCounts struct {
	slots []uint64 // pair << 32 | count; 0: free
	n     int
}

func newPairCounts(size int) pairCounts { return pairCounts{slots: make([]uint64, size)} }

func (p *pairCounts) add(pair, n uint32) {
	slot := p.slot(pair)
	if *slot == 0 {
		if p.n++; 2*p.n > len(p.slots) {
			old := p.slots
			p.slots = make([]uint64, 2*len(old))
			for _, x := range old {
				if x != 0 {
					*p.slot(uint32(x >> 32)) = x
				}
			}
			slot = p.slot(pair)
		}
		*slot = uint64(pair) << 32
	}
	*slot += uint64(n)
}

// slot returns where a pair is or would be.
func (p *pairCounts) slot(pair uint32) *uint64 {
	mask := uint32(len(p.slots) - 1)
	i := uint32(uint64(pair)*0x9E3779B97F4A7C15>>32) & mask
	for p.slots[i] != 0 && uint32(p.slots[i]>>32) != pair {
		i = (i + 1) & mask
	}
	return &p.slots[i]
}

// codeLengths returns the lengths of an optimal code, none beyond maxCode.
func codeLengths(counts []int) []uint8 {
	n := len(counts)
	weights := slices.Clone(counts)
	for {
		order := make([]int, n)
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(weights[a], weights[b]) })
		// Two queues: leaves in order, and inner nodes in the order they arise.
		sums := make([]int, 0, n)
		parent := make([]int, 2*n)
		leaf, inner := 0, 0
		take := func() (node, weight int) {
			if leaf < n && (inner == len(sums) || weights[order[leaf]] <= sums[inner]) {
				leaf++
				return order[leaf-1], weights[order[leaf-1]]
			}
			inner++
			return n + inner - 1, sums[inner-1]
		}
		for len(sums) < n-1 {
			a, wa := take()
			b, wb := take()
			parent[a], parent[b] = n+len(sums), n+len(sums)
			sums = append(sums, wa+wb)
		}
		depth := make([]uint8, 2*n)
		longest := uint8(0)
		for i := 2*n - 3; i >= 0; i-- {
			depth[i] = depth[parent[i]] + 1
			longest = max(longest, depth[i])
		}
		if longest <= maxCode {
			return depth[:n]
		}
		for i := range weights {
			weights[i] = weights[i]/2 + 1
		}
	}
}

// assign gives out canonical codes by their lengths and makes the tables of the
// decoder. It reports whether the lengths are those of a code.
func (v *vocabulary) assign() bool {
	var count [maxCode + 2]uint32
	for _, l := range v.lengths {
		if l == 0 || l > maxCode {
			return false
		}
		count[l]++
	}
	code, place := uint64(0), uint32(0)
	for l := 1; l <= maxCode; l++ {
		v.first[l], v.place[l] = uint32(code), place
		place += count[l]
		code = (code + uint64(count[l])) << 1
	}
	if code != 1<<(maxCode+1) {
		return false
	}
	v.codes = make([]uint32, len(v.lengths))
	v.sorted = make([]uint32, len(v.lengths))
	v.primary = make([]uint32, 1<<primaryBits)
	next := v.first
	for s, l := range v.lengths {
		c := next[l]
		next[l]++
		v.codes[s] = c
		v.sorted[v.place[l]+c-v.first[l]] = uint32(s)
		if l <= primaryBits {
			for i := range uint32(1) << (primaryBits - l) {
				v.primary[c<<(primaryBits-l)|i] = uint32(s)<<5 | uint32(l)
			}
		}
	}
	return true
}

// encoder prepares v for encode. It is not safe for concurrent use; encode is.
func (v *vocabulary) encoder() {
	if v.trie != nil {
		return
	}
	all := string(v.strings)
	symbols := make([]string, len(v.lengths))
	for s := range symbols {
		symbols[s] = all[v.from[s]:v.from[s+1]]
	}
	v.trie = newTrie(symbols, func(symbol uint32) uint32 { return v.codes[symbol]<<5 | uint32(v.lengths[symbol]) })
}

// encode appends the code of text to b.
func (v *vocabulary) encode(b []byte, text string) []byte {
	var acc uint64
	n := 0
	for i := 0; i < len(text); {
		code, k := v.trie.longest(text[i:])
		l := int(code & 31)
		acc = acc<<l | uint64(code>>5)
		for n += l; n >= 32; {
			n -= 32
			b = binary.BigEndian.AppendUint32(b, uint32(acc>>n))
		}
		i += k
	}
	for n > 0 {
		if n < 8 {
			acc <<= 8 - n
			n = 8
		}
		n -= 8
		b = append(b, byte(acc>>n))
	}
	return b
}

// decode returns the first size bytes of a coded text.
func (v *vocabulary) decode(b []byte, size int) ([]byte, error) {
	out := make([]byte, size+maxSymbol+8)
	at := 0
	var acc uint64 // bits that are read, at the top
	n := 0
	ended := false
	for at < size {
		for n <= 32 {
			switch {
			case len(b) >= 8:
				acc |= binary.BigEndian.Uint64(b) >> n
				k := (63 - n) >> 3
				b, n = b[k:], n+8*k
			case len(b) > 0:
				acc |= uint64(b[0]) << (56 - n)
				b, n = b[1:], n+8
			case !ended:
				ended = true
				n += 32 // zeros, for the last code to be looked up with
			default:
				return nil, errRecord
			}
		}
		e := v.primary[acc>>(64-primaryBits)]
		s, l := e>>5, int(e&31)
		if e == 0 {
			for l = primaryBits + 1; ; l++ {
				if l > maxCode {
					return nil, errRecord
				}
				c := uint32(acc >> (64 - l))
				if k := c - v.first[l]; c >= v.first[l] && k < v.place[l+1]-v.place[l] {
					s = v.sorted[v.place[l]+k]
					break
				}
			}
		}
		acc <<= l
		n -= l
		from, to := v.from[s], v.from[s+1]
		binary.NativeEndian.PutUint64(out[at:], binary.NativeEndian.Uint64(v.strings[from:]))
		if to-from > 8 {
			copy(out[at+8:], v.strings[from+8:to])
		}
		at += int(to - from)
	}
	return out[:size], nil
}

// coded codes the vocabulary itself.
func (v *vocabulary) coded() []byte {
	var b []byte
	b = putUint(b, len(v.lengths))
	for s := range v.lengths {
		b = append(b, byte(v.from[s+1]-v.from[s]), v.lengths[s])
	}
	b = append(b, v.strings[:v.from[len(v.lengths)]]...)
	var buf bytes.Buffer
	w, _ := flate.NewWriter(&buf, flate.DefaultCompression) // fails for unknown levels only
	_, _ = w.Write(b)                                       // a buffer takes everything
	_ = w.Close()
	return buf.Bytes()
}

// decodeVocabulary is the inverse of coded.
func decodeVocabulary(id int64, b []byte) (*vocabulary, error) {
	const most = mostSymbols*(maxSymbol+2) + 16
	plain, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(b)), most))
	if err != nil {
		return nil, errRecord
	}
	r := record{b: plain}
	n := r.count()
	heads := r.bytes(2 * n)
	if r.err != nil || n < 256 || n > math.MaxUint16+1 {
		return nil, errRecord
	}
	v := &vocabulary{id: id, strings: r.b, from: make([]uint32, n+1), lengths: make([]uint8, n)}
	for s := range n {
		v.from[s+1] = v.from[s] + uint32(heads[2*s])
		v.lengths[s] = heads[2*s+1]
		if heads[2*s] == 0 || heads[2*s] > maxSymbol {
			return nil, errRecord
		}
	}
	if int(v.from[n]) != len(v.strings) || !v.assign() {
		return nil, errRecord
	}
	v.strings = append(v.strings, make([]byte, 8)...)
	return v, nil
}
