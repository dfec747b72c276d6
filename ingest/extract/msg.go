package extract

import (
	"cmp"
	"encoding/binary"
	"path"
	"sort"
	"strings"
	"time"

	"github.com/lore-kb/lore/ingest"
)

func isMSG(p *probe) bool { return p.oleHas("__properties_version1.0") }

// readMSG reads a message that Outlook saved: headers, text, attachments as
// members.
func readMSG(j *job, in ingest.Input) ([]ingest.Document, error) {
	f, err := j.openOLE(in.Data)
	if err != nil {
		return nil, err
	}
	return j.msg(f, "")
}

// msg reads the message whose streams lie under a path.
func (j *job) msg(f *oleFile, under string) ([]ingest.Document, error) {
	m := &msgProps{f: f, under: under}
	head := 32
	if under != "" {
		head = 24
	}
	m.fixed(head)
	b := j.newBuilder()
	b.doc.MediaType = "application/vnd.ms-outlook"
	b.doc.Title = oneLine(m.str("0037"))
	from := m.str("0C1A")
	if addr := m.str("5D01"); addr == "" {
		addr = m.str("0C1F")
		if strings.Contains(addr, "@") {
			from = strings.TrimSpace(from + " <" + addr + ">")
		}
	} else {
		from = strings.TrimSpace(from + " <" + addr + ">")
	}
	b.doc.Date = m.date
	var lines []string
	add := func(key, value string) {
		if value = oneLine(value); value != "" {
			lines = append(lines, key+": "+value)
			if key != "Subject" {
				setLabel(&b.doc, strings.ToLower(key), value)
			}
		}
	}
	add("From", from)
	add("To", m.str("0E04"))
	add("Cc", m.str("0E03"))
	if !m.date.IsZero() {
		lines = append(lines, "Date: "+m.date.UTC().Format("2006-01-02 15:04 MST"))
	}
	add("Subject", b.doc.Title)
	setLabel(&b.doc, "message-id", m.str("1035"))
	b.para(strings.Join(lines, "\n"))
	if b.doc.Title != "" {
		b.open(1, b.doc.Title)
	}
	switch body, page := m.str("1000"), m.bin("1013"); {
	case hasLetters(body):
		b.mailText(body)
	case len(page) > 0:
		b.addHTML(decodeHTML(page))
	default:
		if rtf := unpackRTF(m.bin("1009"), 64<<20); rtf != nil {
			r := newRTF(j)
			r.run(rtf)
			for _, bl := range r.b.doc.Blocks {
				b.para(r.b.text.String()[bl.Start:bl.End])
			}
		}
	}
	docs := []ingest.Document{{}}
	for _, dir := range m.dirs("__attach_version1.0_") {
		a := &msgProps{f: f, under: dir, page: m.page}
		name := a.str("3707")
		if name == "" {
			name = a.str("3704")
		}
		data := a.bin("3701")
		var found []ingest.Document
		var warnings []string
		switch embedded := dir + "/__substg1.0_3701000D"; {
		case len(data) > 0:
			found, warnings = j.member(cmp.Or(name, "attachment"), data)
		case f.hasDir(embedded) && j.depth < j.o.MaxDepth:
			j.depth++
			inner, err := j.msg(f, embedded)
			j.depth--
			if err == nil {
				for i := range inner {
					inner[i].Member = path.Join(memberName(cmp.Or(name, cmp.Or(inner[0].Title, "message"))), inner[i].Member)
				}
				found = inner
			}
		}
		docs = append(docs, found...)
		for _, w := range warnings {
			b.warn(w)
		}
	}
	docs[0] = b.done()
	return docs, nil
}

func (f *oleFile) hasDir(dir string) bool {
	for _, n := range f.names {
		if strings.HasPrefix(n, dir+"/") {
			return true
		}
	}
	return false
}

// msgProps reads properties by their tag in hexadecimal (MS-OXPROPS).
type msgProps struct {
	f     *oleFile
	under string
	date  time.Time
	page  int // code page of strings
}

func (m *msgProps) name(s string) string {
	if m.under == "" {
		return s
	}
	return m.under + "/" + s
}

func (m *msgProps) bin(tag string) []byte { return m.f.streams[m.name("__substg1.0_"+tag+"0102")] }

func (m *msgProps) str(tag string) string {
	if b := m.f.streams[m.name("__substg1.0_"+tag+"001F")]; b != nil {
		s, _ := decode(b, csUTF16LE)
		return strings.TrimRight(s, "\x00")
	}
	b := m.f.streams[m.name("__substg1.0_"+tag+"001E")]
	if b == nil {
		return ""
	}
	if enc := codepage(m.page); enc != nil && m.page != 1252 {
		if s, err := enc.NewDecoder().Bytes(b); err == nil {
			return strings.TrimRight(string(s), "\x00")
		}
	}
	return strings.TrimRight(decodePart(b), "\x00")
}

// fixed reads the properties of fixed size: dates and the code page.
func (m *msgProps) fixed(head int) {
	b := m.f.streams[m.name("__properties_version1.0")]
	best := 0
	for at := head; at+16 <= len(b); at += 16 {
		value := binary.LittleEndian.Uint64(b[at+8:])
		switch tag := binary.LittleEndian.Uint32(b[at:]); tag {
		case 0x00390040, 0x0E060040, 0x30070040: // sent, delivered, created
			rank := map[uint32]int{0x00390040: 3, 0x0E060040: 2, 0x30070040: 1}[tag]
			const epoch = 116444736000000000 // 1970 in units of 100 ns since 1601
			if value > epoch && value < epoch+4e18 && rank > best {
				best = rank
				m.date = time.Unix(int64(value-epoch)/1e7, 0).UTC()
			}
		case 0x3FFD0003: // message code page
			m.page = int(uint32(value))
		case 0x3FDE0003:
			if m.page == 0 {
				m.page = int(uint32(value))
			}
		}
	}
}

// dirs are the folders of that prefix directly under the message.
func (m *msgProps) dirs(prefix string) []string {
	seen := map[string]bool{}
	var out []string
	for _, n := range m.f.names {
		rest, ok := strings.CutPrefix(n, m.name(""))
		if !ok {
			continue
		}
		dir, _, ok := strings.Cut(rest, "/")
		if ok && strings.HasPrefix(dir, prefix) && !seen[dir] {
			seen[dir] = true
			out = append(out, m.name(dir))
		}
	}
	sort.Strings(out)
	return out
}
