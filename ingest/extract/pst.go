package extract

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lore-kb/lore/ingest"
)

func isPST(p *probe) bool { return p.hasPrefix("!BDN") }

// An Outlook store (MS-PST) is two B-trees, of nodes and of blocks. A node is a
// heap whose root is a list of properties, and may have nodes of its own under
// it, such as attachments.

// pstCode undoes the permutation of bytes by which stores hide their blocks
// (MS-PST 5.1).
var pstCode = [256]byte{
	0x47, 0xf1, 0xb4, 0xe6, 0x0b, 0x6a, 0x72, 0x48, 0x85, 0x4e, 0x9e, 0xeb, 0xe2, 0xf8, 0x94, 0x53,
	0xe0, 0xbb, 0xa0, 0x02, 0xe8, 0x5a, 0x09, 0xab, 0xdb, 0xe3, 0xba, 0xc6, 0x7c, 0xc3, 0x10, 0xdd,
	0x39, 0x05, 0x96, 0x30, 0xf5, 0x37, 0x60, 0x82, 0x8c, 0xc9, 0x13, 0x4a, 0x6b, 0x1d, 0xf3, 0xfb,
	0x8f, 0x26, 0x97, 0xca, 0x91, 0x17, 0x01, 0xc4, 0x32, 0x2d, 0x6e, 0x31, 0x95, 0xff, 0xd9, 0x23,
	0xd1, 0x00, 0x5e, 0x79, 0xdc, 0x44, 0x3b, 0x1a, 0x28, 0xc5, 0x61, 0x57, 0x20, 0x90, 0x3d, 0x83,
	0xb9, 0x43, 0xbe, 0x67, 0xd2, 0x46, 0x42, 0x76, 0xc0, 0x6d, 0x5b, 0x7e, 0xb2, 0x0f, 0x16, 0x29,
	0x3c, 0xa9, 0x03, 0x54, 0x0d, 0xda, 0x5d, 0xdf, 0xf6, 0xb7, 0xc7, 0x62, 0xcd, 0x8d, 0x06, 0xd3,
	0x69, 0x5c, 0x86, 0xd6, 0x14, 0xf7, 0xa5, 0x66, 0x75, 0xac, 0xb1, 0xe9, 0x45, 0x21, 0x70, 0x0c,
	0x87, 0x9f, 0x74, 0xa4, 0x22, 0x4c, 0x6f, 0xbf, 0x1f, 0x56, 0xaa, 0x2e, 0xb3, 0x78, 0x33, 0x50,
	0xb0, 0xa3, 0x92, 0xbc, 0xcf, 0x19, 0x1c, 0xa7, 0x63, 0xcb, 0x1e, 0x4d, 0x3e, 0x4b, 0x1b, 0x9b,
	0x4f, 0xe7, 0xf0, 0xee, 0xad, 0x3a, 0xb5, 0x59, 0x04, 0xea, 0x40, 0x55, 0x25, 0x51, 0xe5, 0x7a,
	0x89, 0x38, 0x68, 0x52, 0x7b, 0xfc, 0x27, 0xae, 0xd7, 0xbd, 0xfa, 0x07, 0xf4, 0xcc, 0x8e, 0x5f,
	0xef, 0x35, 0x9c, 0x84, 0x2b, 0x15, 0xd5, 0x77, 0x34, 0x49, 0xb6, 0x12, 0x0a, 0x7f, 0x71, 0x88,
	0xfd, 0x9d, 0x18, 0x41, 0x7d, 0x93, 0xd8, 0x58, 0x2c, 0xce, 0xfe, 0x24, 0xaf, 0xde, 0xb8, 0x36,
	0xc8, 0xa1, 0x80, 0xa6, 0x99, 0x98, 0xa8, 0x2f, 0x0e, 0x81, 0x65, 0x73, 0xe4, 0xc2, 0xa2, 0x8a,
	0xd4, 0xe1, 0x11, 0xd0, 0x08, 0x8b, 0x2a, 0xf2, 0xed, 0x9a, 0x64, 0x3f, 0xc1, 0x6c, 0xf9, 0xec,
}

// Kinds of nodes, in the low five bits of their numbers.
const (
	pstFolder     = 0x02
	pstMessage    = 0x04
	pstAttachment = 0x05
)

// Limits of one store.
const (
	maxPSTNodes  = 500_000
	maxPSTBlocks = 2_000_000
	maxPSTTree   = 12 // levels
)

type pstNode struct {
	id, parent uint64
	data, sub  uint64 // blocks
}

type pstBlock struct{ at, size int }

type pstFile struct {
	j      *job
	data   []byte
	wide   bool // 64 bits, since Outlook 2003
	coded  bool
	nodes  map[uint64]pstNode
	order  []uint64
	blocks map[uint64]pstBlock
	spent  int
}

func (f *pstFile) word(b []byte) uint64 {
	if f.wide {
		return binary.LittleEndian.Uint64(b)
	}
	return uint64(binary.LittleEndian.Uint32(b))
}

// width of a number of a node or block.
func (f *pstFile) width() int {
	if f.wide {
		return 8
	}
	return 4
}

func (j *job) openPST(data []byte) (*pstFile, error) {
	if len(data) < 564 {
		return nil, fmt.Errorf("%w: its header is cut off", ingest.ErrDamaged)
	}
	f := &pstFile{j: j, data: data, nodes: map[uint64]pstNode{}, blocks: map[uint64]pstBlock{}}
	version := binary.LittleEndian.Uint16(data[10:])
	nodes, blocks, code := 188, 196, 461
	switch {
	case version == 14 || version == 15:
	case version == 23 || version == 21:
		f.wide = true
		nodes, blocks, code = 224, 240, 513
	default:
		return nil, fmt.Errorf("%w: an Outlook store of version %d; export it as PST", ingest.ErrUnsupported, version)
	}
	switch data[code] {
	case 0:
	case 1:
		f.coded = true
	default:
		return nil, fmt.Errorf("%w: this Outlook store is encrypted by method %d", ingest.ErrUnsupported, data[code])
	}
	f.tree(f.word(data[blocks:]), 0x80, maxPSTTree, func(e []byte) bool {
		w := f.width()
		f.blocks[f.word(e)&^1] = pstBlock{int(f.word(e[w:])), int(binary.LittleEndian.Uint16(e[2*w:]))}
		return len(f.blocks) < maxPSTBlocks
	})
	f.tree(f.word(data[nodes:]), 0x81, maxPSTTree, func(e []byte) bool {
		w := f.width()
		n := pstNode{id: f.word(e) & 0xffffffff, data: f.word(e[w:]), sub: f.word(e[2*w:]), parent: uint64(binary.LittleEndian.Uint32(e[3*w:]))}
		if _, dup := f.nodes[n.id]; !dup {
			f.order = append(f.order, n.id)
		}
		f.nodes[n.id] = n
		return len(f.nodes) < maxPSTNodes
	})
	if len(f.nodes) == 0 {
		return nil, fmt.Errorf("%w: its list of nodes cannot be read", ingest.ErrDamaged)
	}
	return f, nil
}

// tree calls leaf for the entries of a B-tree whose pages are of a kind.
func (f *pstFile) tree(at uint64, kind byte, depth int, leaf func(e []byte) bool) bool {
	f.j.check()
	if depth == 0 || at > uint64(len(f.data)) || len(f.data)-int(at) < 512 {
		return true
	}
	page := f.data[at : at+512]
	info := page[496:]
	trailer := page[500]
	if f.wide {
		info, trailer = page[488:], page[496]
	}
	count, size, level := int(info[0]), int(info[2]), info[3]
	w := f.width()
	least := 3 * w
	if level == 0 && kind == 0x81 {
		least = 3*w + 4
	} else if level == 0 {
		least = 2*w + 2
	}
	if trailer != kind || size < least || count*size > 496 {
		return true
	}
	for i := range count {
		e := page[i*size : (i+1)*size]
		if level > 0 {
			if !f.tree(f.word(e[2*w:]), kind, min(depth-1, int(level)), leaf) {
				return false
			}
		} else if !leaf(e) {
			return false
		}
	}
	return true
}

// block returns the bytes of one block, decoded.
func (f *pstFile) block(id uint64) []byte {
	b, ok := f.blocks[id&^1]
	if !ok || b.at < 0 || b.at > len(f.data) || b.size > len(f.data)-b.at {
		return nil
	}
	data := f.data[b.at : b.at+b.size]
	if id&2 != 0 || !f.coded {
		return data
	}
	out := make([]byte, len(data))
	for i, c := range data {
		out[i] = pstCode[c]
	}
	return out
}

// content returns the data blocks of a node: one, or those that a list names.
func (f *pstFile) content(id uint64, depth int) [][]byte {
	b := f.block(id)
	if b == nil || depth > 2 {
		return nil
	}
	if id&2 == 0 {
		// Blocks that several nodes share count each time they are read.
		if f.spent += len(b); f.spent > 4*len(f.data)+1<<20 {
			panic(stop{fmt.Errorf("%w: its blocks are shared too often", ingest.ErrTooLarge)})
		}
		return [][]byte{b}
	}
	if len(b) < 8 || b[0] != 1 {
		return nil
	}
	f.j.check()
	var out [][]byte
	w := f.width()
	for i := range int(binary.LittleEndian.Uint16(b[2:])) {
		if at := 8 + i*w; at+w <= len(b) {
			out = append(out, f.content(f.word(b[at:]), depth+1)...)
		}
	}
	return out
}

// subnodes lists the nodes under a node.
func (f *pstFile) subnodes(id uint64, depth int) []pstNode {
	b := f.block(id)
	if id == 0 || len(b) < 8 || b[0] != 2 || depth > 3 {
		return nil
	}
	w, at := f.width(), 4
	if f.wide {
		at = 8
	}
	var out []pstNode
	for range int(binary.LittleEndian.Uint16(b[2:])) {
		if b[1] > 0 {
			if at+2*w > len(b) {
				break
			}
			out = append(out, f.subnodes(f.word(b[at+w:]), depth+1)...)
			at += 2 * w
			continue
		}
		if at+3*w > len(b) {
			break
		}
		out = append(out, pstNode{id: f.word(b[at:]) & 0xffffffff, data: f.word(b[at+w:]), sub: f.word(b[at+2*w:])})
		at += 3 * w
	}
	return out
}

// pstProps are the properties of a node.
type pstProps struct {
	f      *pstFile
	blocks [][]byte
	subs   []pstNode
	values map[uint16]pstValue
	page   int
}

type pstValue struct {
	kind  uint16
	value uint32
}

// props reads a node as a list of properties; nil when it is none.
func (f *pstFile) props(n pstNode) *pstProps {
	p := &pstProps{f: f, blocks: f.content(n.data, 0), subs: f.subnodes(n.sub, 0), values: map[uint16]pstValue{}}
	if len(p.blocks) == 0 || len(p.blocks[0]) < 12 || p.blocks[0][2] != 0xec || p.blocks[0][3] != 0xbc {
		return nil
	}
	head := p.heap(binary.LittleEndian.Uint32(p.blocks[0][4:]))
	if len(head) < 8 || head[0] != 0xb5 || head[1] != 2 || head[2] != 6 {
		return nil
	}
	p.records(binary.LittleEndian.Uint32(head[4:]), int(head[3]))
	for _, tag := range []uint16{0x3ffd, 0x3fde} { // code pages
		if v, ok := p.values[tag]; ok && p.page == 0 {
			p.page = int(v.value)
		}
	}
	return p
}

// records reads the leaves of the tree of properties.
func (p *pstProps) records(id uint32, level int) {
	b := p.heap(id)
	if level > 4 {
		return
	}
	if level > 0 {
		for ; len(b) >= 6; b = b[6:] {
			p.records(binary.LittleEndian.Uint32(b[2:]), level-1)
		}
		return
	}
	for ; len(b) >= 8 && len(p.values) < 5000; b = b[8:] {
		p.values[binary.LittleEndian.Uint16(b)] = pstValue{binary.LittleEndian.Uint16(b[2:]), binary.LittleEndian.Uint32(b[4:])}
	}
}

// heap returns an allocation of the node's heap.
func (p *pstProps) heap(id uint32) []byte {
	n, block := int(id>>5&0x7ff), int(id>>16)
	if id&0x1f != 0 || n == 0 || block >= len(p.blocks) {
		return nil
	}
	b := p.blocks[block]
	le := binary.LittleEndian
	if len(b) < 2 {
		return nil
	}
	at := int(le.Uint16(b))
	if at+4 > len(b) || n > int(le.Uint16(b[at:])) || at+4+2*n+2 > len(b) {
		return nil
	}
	from, to := int(le.Uint16(b[at+2+2*n:])), int(le.Uint16(b[at+4+2*n:]))
	if from > to || to > len(b) {
		return nil
	}
	return b[from:to]
}

// raw is a value of variable length: on the heap, or a node of its own.
func (p *pstProps) raw(v pstValue) []byte {
	if v.value&0x1f == 0 {
		return p.heap(v.value)
	}
	for _, n := range p.subs {
		if n.id == uint64(v.value) {
			return slices.Concat(p.f.content(n.data, 0)...)
		}
	}
	return nil
}

func pstTag(tag string) uint16 {
	var v uint16
	for _, c := range []byte(tag) {
		d := c - '0'
		if c >= 'A' {
			d = c - 'A' + 10
		}
		v = v<<4 | uint16(d)
	}
	return v
}

func (p *pstProps) str(tag string) string {
	v, ok := p.values[pstTag(tag)]
	if !ok {
		return ""
	}
	switch v.kind {
	case 0x1f:
		s, _ := decode(p.raw(v), csUTF16LE)
		return strings.TrimRight(s, "\x00")
	case 0x1e:
		b := p.raw(v)
		if enc := codepage(p.page); enc != nil && p.page != 1252 {
			if s, err := enc.NewDecoder().Bytes(b); err == nil {
				return strings.TrimRight(string(s), "\x00")
			}
		}
		return strings.TrimRight(decodePart(b), "\x00")
	}
	return ""
}

func (p *pstProps) bin(tag string) []byte {
	if v, ok := p.values[pstTag(tag)]; ok && v.kind == 0x102 {
		return p.raw(v)
	}
	return nil
}

func (p *pstProps) sent() time.Time {
	for _, tag := range []uint16{0x0039, 0x0e06, 0x3007} {
		if v, ok := p.values[tag]; ok && v.kind == 0x40 {
			if b := p.raw(v); len(b) == 8 {
				const epoch = 116444736000000000 // 1970 in units of 100 ns since 1601
				if t := binary.LittleEndian.Uint64(b); t > epoch && t < epoch+4e18 {
					return time.Unix(int64(t-epoch)/1e7, 0).UTC()
				}
			}
		}
	}
	return time.Time{}
}

func (p *pstProps) attachments() []outlookAttachment {
	var out []outlookAttachment
	for _, n := range p.subs {
		if n.id&0x1f != pstAttachment {
			continue
		}
		a := p.f.props(n)
		if a == nil {
			continue
		}
		a.page = p.page
		found := outlookAttachment{name: cmp.Or(a.str("3707"), a.str("3704"), a.str("3001"))}
		switch v := a.values[0x3701]; v.kind {
		case 0x102:
			found.data = a.raw(v)
		case 0x0d: // an object: the number of a node, and its size
			if b := a.raw(v); len(b) >= 4 {
				for _, inner := range a.subs {
					if inner.id == uint64(binary.LittleEndian.Uint32(b)) {
						if m := p.f.props(inner); m != nil {
							m.page = cmp.Or(m.page, p.page)
							found.message = m
						}
					}
				}
			}
		}
		out = append(out, found)
	}
	return out
}

// folder is the path of a folder's names.
func (f *pstFile) folder(id uint64, names map[uint64]string, depth int) string {
	if name, ok := names[id]; ok {
		return name
	}
	n, ok := f.nodes[id]
	if !ok || id&0x1f != pstFolder || depth > 32 {
		return ""
	}
	name := ""
	if p := f.props(n); p != nil {
		name = strings.ReplaceAll(oneLine(p.str("3001")), "/", "_")
	}
	if n.parent != id {
		if above := f.folder(n.parent, names, depth+1); above != "" && name != "" {
			name = above + "/" + name
		}
	}
	names[id] = name
	return name
}

// readPST reads a store: a list of its messages, and each message as a member
// named by folder and subject.
func readPST(j *job, in ingest.Input) ([]ingest.Document, error) {
	f, err := j.openPST(in.Data)
	if err != nil {
		return nil, err
	}
	b := j.newBuilder()
	b.doc.Title = titleFromName(in.Name)
	docs := []ingest.Document{{}}
	names := map[uint64]string{}
	used := map[string]int{}
	section := "\x00"
	slices.SortStableFunc(f.order, func(a, b uint64) int { return cmp.Compare(f.nodes[a].parent, f.nodes[b].parent) })
	for _, id := range f.order {
		n := f.nodes[id]
		if id&0x1f != pstMessage {
			continue
		}
		j.check()
		p := f.props(n)
		if p == nil {
			b.warn(fmt.Sprintf("message %d cannot be read", id>>5))
			continue
		}
		folder := f.folder(n.parent, names, 0)
		if folder != section {
			b.open(1, folder)
			section = folder
		}
		if j.depth >= j.o.MaxDepth {
			return nil, fmt.Errorf("%w: containers nested deeper than %d", ingest.ErrTooLarge, j.o.MaxDepth)
		}
		j.depth++
		found := j.outlook(p)
		j.depth--
		title := cmp.Or(found[0].Title, "message")
		line := title
		if from := found[0].Labels["from"]; from != "" {
			line = from + ": " + line
		}
		if !found[0].Date.IsZero() {
			line = found[0].Date.Format("2006-01-02") + " " + line
		}
		b.item(0, "-", line)
		member := memberName(strings.TrimPrefix(folder+"/"+strings.ReplaceAll(title, "/", "_"), "/"))
		if used[member]++; used[member] > 1 {
			member = fmt.Sprintf("%s (%d)", member, used[member])
		}
		for i := range found {
			if found[i].Member == "" {
				found[i].Member = member
			} else {
				found[i].Member = member + "!/" + found[i].Member
			}
		}
		docs = append(docs, found...)
	}
	docs[0] = b.done()
	return docs, nil
}
