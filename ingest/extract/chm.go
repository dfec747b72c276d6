package extract

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"path"
	"sort"
	"strings"

	"golang.org/x/net/html"

	"github.com/lore-kb/lore/ingest"
)

func isCHM(p *probe) bool { return p.hasPrefix("ITSF") }

// chmFile is a compiled help file: a directory of names and two sections of
// content, one plain and one compressed as a whole.
type chmFile struct {
	j       *job
	plain   []byte // section 0
	entries map[string]chmEntry
	names   []string
	content []byte // section 1, unpacked
	broken  error
}

type chmEntry struct{ section, offset, length int }

const maxCHMEntries = 200_000

// openCHM reads the directory.
func (j *job) openCHM(data []byte) (*chmFile, error) {
	le := binary.LittleEndian
	damaged := func(what string) error { return fmt.Errorf("%w: %s", ingest.ErrDamaged, what) }
	if len(data) < 0x60 {
		return nil, damaged("its header is cut off")
	}
	dir, content := le.Uint64(data[0x48:]), le.Uint64(data[0x58:])
	if dir+0x54 > uint64(len(data)) || dir > uint64(len(data)) || content > uint64(len(data)) || string(data[dir:dir+4]) != "ITSP" {
		return nil, damaged("its directory is missing")
	}
	f := &chmFile{j: j, plain: data[content:], entries: map[string]chmEntry{}}
	head := data[dir:]
	size, chunk, count := uint64(le.Uint32(head[8:])), uint64(le.Uint32(head[16:])), uint64(le.Uint32(head[44:]))
	if size > uint64(len(head)) || chunk < 32 || chunk > uint64(len(head)) {
		return nil, damaged("its directory is missing")
	}
	for at := size; count > 0 && at+chunk <= uint64(len(head)); at, count = at+chunk, count-1 {
		if page := head[at : at+chunk]; string(page[:4]) == "PMGL" {
			j.check()
			f.page(page)
		}
		if len(f.names) > maxCHMEntries {
			return nil, fmt.Errorf("%w: more than %d entries", ingest.ErrTooLarge, maxCHMEntries)
		}
	}
	if len(f.names) == 0 {
		return nil, damaged("its directory is empty")
	}
	sort.Strings(f.names)
	return f, nil
}

// page reads a listing chunk.
func (f *chmFile) page(b []byte) {
	free := int(min(binary.LittleEndian.Uint32(b[4:]), uint32(len(b))))
	b = b[20:max(20, len(b)-free)]
	for len(b) > 0 {
		n := encInt(&b)
		if n < 0 || n > len(b) {
			return
		}
		name := string(b[:n])
		b = b[n:]
		e := chmEntry{encInt(&b), encInt(&b), encInt(&b)}
		if e.section < 0 || e.offset < 0 || e.length < 0 {
			return
		}
		if _, dup := f.entries[name]; !dup {
			f.entries[name] = e
			f.names = append(f.names, name)
		}
	}
}

// encInt reads a number of seven bits a byte, the highest first; -1 when there
// is none.
func encInt(b *[]byte) int {
	v := 0
	for i, c := range *b {
		if i > 7 {
			break
		}
		v = v<<7 | int(c&0x7f)
		if c&0x80 == 0 {
			*b = (*b)[i+1:]
			return v
		}
	}
	*b = nil
	return -1
}

// read returns an entry, nil when there is none of that name.
func (f *chmFile) read(name string) []byte {
	e, ok := f.entries[name]
	if !ok {
		return nil
	}
	from := f.plain
	if e.section == 1 {
		if f.content == nil && f.broken == nil {
			f.content, f.broken = f.unpack()
		}
		from = f.content
	} else if e.section != 0 {
		return nil
	}
	if e.offset > len(from) || e.length > len(from)-e.offset {
		return nil
	}
	return from[e.offset : e.offset+e.length]
}

// unpack decompresses section 1; what comes before damage is kept.
func (f *chmFile) unpack() ([]byte, error) {
	const storage = "::DataSpace/Storage/MSCompressed/"
	le := binary.LittleEndian
	packed, control := f.read(storage+"Content"), f.read(storage+"ControlData")
	resets := f.read(storage + "Transform/{7FC28940-9D31-11D0-9B27-00A0C91E9C7C}/InstanceData/ResetTable")
	if packed == nil || len(control) < 24 || string(control[4:8]) != "LZXC" || len(resets) < 40 {
		return nil, fmt.Errorf("%w: its compressed part is incomplete", ingest.ErrDamaged)
	}
	interval, window := int(le.Uint32(control[12:])), int(le.Uint32(control[16:]))
	if le.Uint32(control[8:]) == 2 {
		interval, window = interval*lzxFrame, window*lzxFrame
	}
	table, size := int(le.Uint32(resets[12:])), le.Uint64(resets[16:])
	if table < 0 || table > len(resets) || size > uint64(f.j.streamMax) || interval < lzxFrame || interval%lzxFrame != 0 {
		if size > uint64(f.j.streamMax) {
			return nil, fmt.Errorf("%w: unpacks to more than %d bytes for each byte of the file", ingest.ErrTooLarge, f.j.o.MaxRatio)
		}
		return nil, fmt.Errorf("%w: its compressed part is incomplete", ingest.ErrDamaged)
	}
	d, err := newLZX(window)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ingest.ErrDamaged, err)
	}
	offsets := resets[table:]
	for frame := 0; len(d.out) < int(size); frame++ {
		f.j.check()
		if len(d.out)%interval == 0 {
			if 8*frame+8 > len(offsets) {
				return d.out, fmt.Errorf("%w: its compressed part breaks off", ingest.ErrDamaged)
			}
			at := le.Uint64(offsets[8*frame:])
			if at > uint64(len(packed)) {
				return d.out, fmt.Errorf("%w: its compressed part breaks off", ingest.ErrDamaged)
			}
			d.reset(packed[at:])
		}
		n := min(lzxFrame, int(size)-len(d.out))
		f.j.spendUnpacked(int64(n))
		before := len(d.out)
		if err := d.frame(n); err != nil {
			return d.out[:min(before, len(d.out))], fmt.Errorf("%w: %w", ingest.ErrDamaged, err)
		}
	}
	return d.out, nil
}

// readCHM reads the pages of a help file in the order of its contents, then the
// others by name.
func readCHM(j *job, in ingest.Input) ([]ingest.Document, error) {
	f, err := j.openCHM(in.Data)
	if err != nil {
		return nil, err
	}
	b := j.newBuilder()
	b.doc.Title = f.title()
	seen := map[string]bool{}
	page := func(name, title string, level int) {
		name, _, _ = strings.Cut(name, "#")
		name = "/" + strings.TrimPrefix(path.Clean("/"+strings.ReplaceAll(name, "\\", "/")), "/")
		key := strings.ToLower(name)
		if seen[key] {
			if title != "" {
				b.open(level, title)
			}
			return
		}
		data := f.find(name)
		if data == nil {
			if title != "" {
				b.open(level, title)
			}
			return
		}
		seen[key] = true
		j.check()
		text := decodeHTML(data)
		root, err := html.Parse(strings.NewReader(text))
		if err != nil {
			b.plainHTML(text)
			return
		}
		if title == "" {
			title = pageMeta(root).title
		}
		b.open(level, title)
		w := &htmlWalk{b: b, shift: level}
		w.walk(prune(root), 0)
		w.flush()
	}
	for _, n := range f.names {
		if strings.EqualFold(path.Ext(n), ".hhc") {
			for _, e := range tocEntries(decodeHTML(f.read(n))) {
				page(e.file, e.title, e.level)
			}
		}
	}
	for _, n := range f.names {
		if ext := strings.ToLower(path.Ext(n)); ext == ".htm" || ext == ".html" || ext == ".xhtml" {
			page(n, "", 1)
		}
	}
	if f.broken != nil {
		if b.empty() {
			return nil, f.broken
		}
		b.warn("pages are missing: " + f.broken.Error())
	}
	return []ingest.Document{b.done()}, nil
}

// find is read without regard to case, as help is linked.
func (f *chmFile) find(name string) []byte {
	if data := f.read(name); data != nil {
		return data
	}
	for _, n := range f.names {
		if strings.EqualFold(n, name) {
			return f.read(n)
		}
	}
	return nil
}

// title is what the file's own settings call it.
func (f *chmFile) title() string {
	b := f.read("/#SYSTEM")
	if len(b) < 4 {
		return ""
	}
	for b = b[4:]; len(b) >= 4; {
		code, n := binary.LittleEndian.Uint16(b), int(binary.LittleEndian.Uint16(b[2:]))
		if n > len(b)-4 {
			break
		}
		if code == 3 {
			text, _, _ := bytes.Cut(b[4:4+n], []byte{0})
			return oneLine(decodePart(text))
		}
		b = b[4+n:]
	}
	return ""
}

// tocEntry is a line of a table of contents.
type tocEntry struct {
	title, file string
	level       int
}

// tocEntries reads a .hhc file: nested lists of objects with parameters.
func tocEntries(page string) []tocEntry {
	var out []tocEntry
	level := 0
	var e *tocEntry
	for z := html.NewTokenizer(strings.NewReader(page)); len(out) < maxCHMEntries; {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		t := z.Token()
		attr := func(key string) string {
			for _, a := range t.Attr {
				if a.Key == key {
					return a.Val
				}
			}
			return ""
		}
		switch {
		case t.Data == "ul" && kind == html.StartTagToken:
			level++
		case t.Data == "ul" && kind == html.EndTagToken:
			level--
		case t.Data == "object" && kind == html.StartTagToken && strings.EqualFold(attr("type"), "text/sitemap"):
			e = &tocEntry{level: min(max(level, 1), 6)}
		case t.Data == "object" && kind == html.EndTagToken && e != nil:
			out = append(out, *e)
			e = nil
		case t.Data == "param" && e != nil:
			switch strings.ToLower(attr("name")) {
			case "name":
				if e.title == "" {
					e.title = oneLine(attr("value"))
				}
			case "local":
				e.file = attr("value")
			}
		}
	}
	return out
}
