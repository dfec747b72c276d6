package extract

import (
	"bytes"
	"fmt"

	"github.com/lore-kb/lore/ingest"
)

// pdfFile finds the objects of a PDF file, by its cross-reference data when that
// is sound, else by looking for them.
type pdfFile struct {
	j       *job
	b       []byte
	at      map[int]pdfEntry
	trailer pdfDict
	cache   map[int]any
	busy    map[int]bool
	streams map[int]*objStream
	crypt   *pdfCrypt
	rebuilt bool
	found   map[int]int // offsets by search; nil until one is needed
}

// pdfEntry says where an object stands: at an offset, or as an element of an
// object stream.
type pdfEntry struct {
	offset int
	gen    int
	stream int // object number of the stream; 0 for none
	index  int
}

type objStream struct {
	data  []byte
	first int
	ids   []int
	offs  []int
}

const maxPDFObjects = 4 << 20

// openPDF reads the cross-reference data and the encryption.
func openPDF(j *job, data []byte) (*pdfFile, error) {
	if i := bytes.Index(data[:min(len(data), 1024)], []byte("%PDF-")); i > 0 {
		data = data[i:] // offsets count from the header
	}
	f := &pdfFile{j: j, b: data}
	f.reset()
	ok := f.readXref()
	if ok && f.trailer["Encrypt"] != nil {
		if err := f.openCrypt(); err != nil {
			return nil, err
		}
		f.cache, f.streams = map[int]any{}, map[int]*objStream{}
	}
	if ok && f.sound() {
		return f, nil
	}
	f.crypt = nil
	if err := f.rebuild(); err != nil {
		return nil, err
	}
	if !f.sound() {
		return nil, fmt.Errorf("%w: no pages can be found in this PDF", ingest.ErrDamaged)
	}
	return f, nil
}

func (f *pdfFile) reset() {
	f.at, f.trailer = map[int]pdfEntry{}, pdfDict{}
	f.cache, f.busy, f.streams = map[int]any{}, map[int]bool{}, map[int]*objStream{}
}

// sound reports whether the root leads to a page tree.
func (f *pdfFile) sound() bool {
	root, _ := f.get(f.trailer["Root"]).(pdfDict)
	if root == nil {
		return false
	}
	pages, _ := f.get(root["Pages"]).(pdfDict)
	if pages == nil {
		return false
	}
	kids, _ := f.get(pages["Kids"]).(pdfArr)
	for _, k := range kids {
		if d, _ := f.get(k).(pdfDict); d != nil {
			return true
		}
	}
	return false
}

func (f *pdfFile) readXref() bool {
	i := bytes.LastIndex(f.b, []byte("startxref"))
	if i < 0 {
		return false
	}
	l := &pdfLexer{b: f.b, pos: i + len("startxref")}
	at, ok := l.object().(int64)
	if !ok {
		return false
	}
	seen := map[int64]bool{}
	queue := []int64{at}
	for len(queue) > 0 && len(seen) < 4096 {
		at, queue = queue[0], queue[1:]
		if seen[at] || at < 0 || at >= int64(len(f.b)) {
			continue
		}
		seen[at] = true
		f.j.check()
		dict, ok := f.xrefSection(int(at))
		if !ok {
			return false
		}
		for k, v := range dict {
			if _, have := f.trailer[k]; !have {
				f.trailer[k] = v
			}
		}
		if x, ok := dict["XRefStm"].(int64); ok {
			queue = append(queue, x)
		}
		switch prev := dict["Prev"].(type) {
		case int64:
			queue = append(queue, prev)
		case float64:
			queue = append(queue, int64(prev))
		}
	}
	return len(f.at) > 0
}

func (f *pdfFile) xrefSection(at int) (pdfDict, bool) {
	l := &pdfLexer{b: f.b, pos: at, refs: true}
	l.space()
	if bytes.HasPrefix(f.b[l.pos:], []byte("xref")) {
		l.pos += 4
		return f.xrefTable(l)
	}
	_, o, ok := f.objectAt(l.pos)
	if !ok {
		return nil, false
	}
	s, ok := o.(*pdfStream)
	if !ok || s.dict["Type"] != pdfName("XRef") {
		return nil, false
	}
	s.ref = pdfRef{}
	return s.dict, f.xrefStream(s)
}

func (f *pdfFile) xrefTable(l *pdfLexer) (pdfDict, bool) {
	l.refs = false
	for {
		switch o := l.object().(type) {
		case pdfOp:
			if o != "trailer" {
				return nil, false
			}
			l.refs = true
			d, ok := l.object().(pdfDict)
			return d, ok
		case int64:
			n, ok := l.object().(int64)
			if !ok || o < 0 || n < 0 || n > maxPDFObjects || o+n > maxPDFObjects {
				return nil, false
			}
			for i := range n {
				off, ok1 := l.object().(int64)
				gen, ok2 := l.object().(int64)
				kind, ok3 := l.object().(pdfOp)
				if !ok1 || !ok2 || !ok3 {
					return nil, false
				}
				id := int(o + i)
				if _, have := f.at[id]; !have && kind == "n" && off > 0 && off < int64(len(f.b)) {
					f.at[id] = pdfEntry{offset: int(off), gen: int(gen)}
				} else if !have && kind == "f" {
					f.at[id] = pdfEntry{}
				}
			}
		default:
			return nil, false
		}
	}
}

func (f *pdfFile) xrefStream(s *pdfStream) bool {
	data, err := f.decode(s, 64<<20)
	if err != nil && len(data) == 0 {
		return false
	}
	w, _ := s.dict["W"].(pdfArr)
	if len(w) < 3 {
		return false
	}
	var width [3]int
	for i := range width {
		n, _ := w[i].(int64)
		if n < 0 || n > 8 {
			return false
		}
		width[i] = int(n)
	}
	row := width[0] + width[1] + width[2]
	if row == 0 {
		return false
	}
	index, _ := s.dict["Index"].(pdfArr)
	if index == nil {
		index = pdfArr{int64(0), s.dict["Size"]}
	}
	field := func(i int) int {
		v := 0
		for _, c := range data[:width[i]] {
			v = v<<8 | int(c)
		}
		data = data[width[i]:]
		return v
	}
	for i := 0; i+1 < len(index); i += 2 {
		first, _ := index[i].(int64)
		n, _ := index[i+1].(int64)
		if first < 0 || first > maxPDFObjects {
			return false
		}
		for k := int64(0); k < n && len(data) >= row && first+k < maxPDFObjects; k++ {
			kind := 1
			if width[0] > 0 {
				kind = field(0)
			}
			a, b := field(1), field(2)
			id := int(first + k)
			if _, have := f.at[id]; have {
				continue
			}
			switch kind {
			case 0:
				f.at[id] = pdfEntry{}
			case 1:
				if a > 0 && a < len(f.b) {
					f.at[id] = pdfEntry{offset: a, gen: b}
				}
			case 2:
				f.at[id] = pdfEntry{stream: a, index: b}
			}
		}
	}
	return true
}

// rebuild finds objects by their "n g obj" lines; later ones replace earlier.
func (f *pdfFile) rebuild() error {
	f.reset()
	f.rebuilt = true
	var containers []int
	f.scan(func(id, gen, start int) {
		f.at[id] = pdfEntry{offset: start, gen: gen}
		if head := f.b[start:min(len(f.b), start+500)]; bytes.Contains(head, []byte("/ObjStm")) || bytes.Contains(head, []byte("/XRef")) {
			containers = append(containers, id)
		}
	})
	for at := 0; ; {
		i := bytes.Index(f.b[at:], []byte("trailer"))
		if i < 0 {
			break
		}
		at += i + len("trailer")
		l := &pdfLexer{b: f.b, pos: at, refs: true}
		if d, ok := l.object().(pdfDict); ok {
			for k, v := range d {
				f.trailer[k] = v
			}
		}
	}
	for _, id := range containers {
		s, _ := f.get(pdfRef{id: id}).(*pdfStream)
		if s == nil {
			continue
		}
		switch s.dict["Type"] {
		case pdfName("XRef"):
			for _, k := range []pdfName{"Root", "Encrypt", "ID", "Info"} {
				if v := s.dict[k]; v != nil {
					f.trailer[k] = v
				}
			}
		}
	}
	if f.trailer["Encrypt"] != nil {
		if err := f.openCrypt(); err != nil {
			return err
		}
		f.cache, f.streams = map[int]any{}, map[int]*objStream{}
	}
	for _, id := range containers {
		if s, _ := f.get(pdfRef{id: id}).(*pdfStream); s != nil && s.dict["Type"] == pdfName("ObjStm") {
			if os := f.objStream(id); os != nil {
				for k, inner := range os.ids {
					if e, have := f.at[inner]; !have || e.stream != 0 {
						f.at[inner] = pdfEntry{stream: id, index: k}
					}
				}
			}
		}
	}
	if root, _ := f.get(f.trailer["Root"]).(pdfDict); root == nil || root["Pages"] == nil {
		f.findRoot()
	}
	return nil
}

// findRoot looks for a catalogue among all objects, or makes one of a page tree
// or of the pages that are there.
func (f *pdfFile) findRoot() {
	var ids []int
	for id := range f.at {
		ids = append(ids, id)
	}
	sortInts(ids)
	var tree *pdfRef
	var pages pdfArr
	for _, id := range ids {
		f.j.check()
		d, _ := f.get(pdfRef{id: id}).(pdfDict)
		switch d["Type"] {
		case pdfName("Catalog"):
			if d["Pages"] != nil {
				f.trailer["Root"] = pdfRef{id: id}
			}
		case pdfName("Pages"):
			if d["Parent"] == nil && tree == nil {
				tree = &pdfRef{id: id}
			}
		case pdfName("Page"):
			pages = append(pages, pdfRef{id: id})
		}
	}
	if root, _ := f.get(f.trailer["Root"]).(pdfDict); root != nil {
		if p, _ := f.get(root["Pages"]).(pdfDict); p != nil {
			return
		}
	}
	switch {
	case tree != nil:
		f.trailer["Root"] = pdfDict{"Type": pdfName("Catalog"), "Pages": *tree}
	case len(pages) > 0:
		f.trailer["Root"] = pdfDict{"Type": pdfName("Catalog"), "Pages": pdfDict{"Type": pdfName("Pages"), "Kids": pages}}
	}
}

// objHeader reads the "n g " before the keyword obj at p.
func objHeader(b []byte, p int) (id, gen, start int, ok bool) {
	back := func() (int, bool) {
		q := p
		for q > 0 && pdfClass[b[q-1]] == 's' {
			q--
		}
		end := q
		for q > 0 && end-q < 10 && b[q-1] >= '0' && b[q-1] <= '9' {
			q--
		}
		if q == end {
			return 0, false
		}
		v := 0
		for _, c := range b[q:end] {
			v = v*10 + int(c-'0')
		}
		p = q
		return v, true
	}
	if gen, ok = back(); !ok {
		return
	}
	if p == 0 || pdfClass[b[p-1]] != 's' {
		return 0, 0, 0, false
	}
	id, ok = back()
	return id, gen, p, ok
}

// get resolves references until it finds an object.
func (f *pdfFile) get(o any) any {
	for range 32 {
		ref, ok := o.(pdfRef)
		if !ok {
			return o
		}
		o = f.load(ref.id)
	}
	return nil
}

func (f *pdfFile) load(id int) any {
	if o, ok := f.cache[id]; ok {
		return o
	}
	if f.busy[id] {
		return nil
	}
	e, ok := f.at[id]
	if !ok || e == (pdfEntry{}) {
		return nil
	}
	f.busy[id] = true
	defer delete(f.busy, id)
	var o any
	if e.stream > 0 {
		if s := f.objStream(e.stream); s != nil {
			o = s.object(id, e.index)
		}
	} else {
		ref, got, ok := f.objectAt(e.offset)
		if ok && ref.id == id {
			o = got
		} else if !f.rebuilt {
			// One wrong offset: look for this object alone.
			if at := f.search(id); at >= 0 {
				_, o, _ = f.objectAt(at)
			}
		}
	}
	f.cache[id] = o
	return o
}

// search finds where an object stands by looking for it, -1 for nowhere. The
// file is looked through once.
func (f *pdfFile) search(id int) int {
	if f.found == nil {
		f.found = map[int]int{}
		f.scan(func(id, _, start int) { f.found[id] = start })
	}
	if at, ok := f.found[id]; ok {
		return at
	}
	return -1
}

// scan calls yield for each "n g obj" in the file, in order.
func (f *pdfFile) scan(yield func(id, gen, start int)) {
	for at, n := 0, 0; at < len(f.b); n++ {
		i := bytes.Index(f.b[at:], []byte("obj"))
		if i < 0 {
			return
		}
		p := at + i
		at = p + 3
		if p >= 3 && string(f.b[p-3:p]) == "end" {
			continue
		}
		if id, gen, start, ok := objHeader(f.b, p); ok && id > 0 && id < maxPDFObjects {
			yield(id, gen, start)
		}
		if n&0xff == 0 {
			f.j.check()
		}
	}
}

// objectAt reads the indirect object that starts at an offset.
func (f *pdfFile) objectAt(at int) (pdfRef, any, bool) {
	l := &pdfLexer{b: f.b, pos: at}
	id, ok1 := l.object().(int64)
	gen, ok2 := l.object().(int64)
	if kw, ok := l.object().(pdfOp); !ok || !ok1 || !ok2 || kw != "obj" {
		return pdfRef{}, nil, false
	}
	ref := pdfRef{int(id), int(gen)}
	l.refs = true
	o := l.object()
	switch o.(type) {
	case pdfEOF, pdfClose, pdfOp:
		return ref, nil, true
	}
	d, ok := o.(pdfDict)
	if !ok {
		return ref, f.decrypted(o, ref), true
	}
	l.space()
	if !bytes.HasPrefix(l.b[l.pos:], []byte("stream")) {
		return ref, f.decrypted(o, ref), true
	}
	p := l.pos + len("stream")
	if p < len(f.b) && f.b[p] == '\r' {
		p++
	}
	if p < len(f.b) && f.b[p] == '\n' {
		p++
	}
	return ref, &pdfStream{dict: f.decrypted(d, ref).(pdfDict), raw: f.streamBytes(d, p), ref: ref}, true
}

// streamBytes finds the end of a stream by its length, or by its end mark when
// the length is wrong.
func (f *pdfFile) streamBytes(d pdfDict, p int) []byte {
	if n, ok := f.get(d["Length"]).(int64); ok && n >= 0 && n <= int64(len(f.b)-p) {
		end := p + int(n)
		tail := bytes.TrimLeft(f.b[end:min(len(f.b), end+32)], "\r\n \t\x00")
		if bytes.HasPrefix(tail, []byte("endstream")) || bytes.HasPrefix(tail, []byte("endobj")) {
			return f.b[p:end]
		}
	}
	if p > len(f.b) {
		return nil
	}
	end := bytes.Index(f.b[p:], []byte("endstream"))
	if end < 0 {
		end = bytes.Index(f.b[p:], []byte("endobj"))
	}
	if end < 0 {
		return f.b[p:]
	}
	s := f.b[p : p+end]
	if n := len(s); n > 0 && s[n-1] == '\n' {
		s = s[:n-1]
	}
	if n := len(s); n > 0 && s[n-1] == '\r' {
		s = s[:n-1]
	}
	return s
}

func (f *pdfFile) objStream(id int) *objStream {
	if s, ok := f.streams[id]; ok {
		return s
	}
	f.streams[id] = nil // a stream inside itself is nothing
	s, _ := f.get(pdfRef{id: id}).(*pdfStream)
	if s == nil {
		return nil
	}
	data, _ := f.decode(s, 64<<20)
	n, _ := f.get(s.dict["N"]).(int64)
	first, _ := f.get(s.dict["First"]).(int64)
	if first < 0 || first > int64(len(data)) || n < 0 {
		return nil
	}
	os := &objStream{data: data, first: int(first)}
	l := &pdfLexer{b: data[:first]}
	for range n {
		id, ok1 := l.object().(int64)
		off, ok2 := l.object().(int64)
		if !ok1 || !ok2 || off < 0 || off > int64(len(data))-first {
			break
		}
		os.ids = append(os.ids, int(id))
		os.offs = append(os.offs, int(off))
	}
	f.streams[id] = os
	return os
}

func (s *objStream) object(id, index int) any {
	if index < 0 || index >= len(s.ids) || s.ids[index] != id {
		index = -1
		for i, v := range s.ids {
			if v == id {
				index = i
			}
		}
		if index < 0 {
			return nil
		}
	}
	l := &pdfLexer{b: s.data, pos: s.first + s.offs[index], refs: true}
	switch o := l.object().(type) {
	case pdfEOF, pdfClose, pdfOp:
		return nil
	default:
		return o
	}
}
