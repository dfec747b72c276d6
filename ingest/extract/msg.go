package extract

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"path"
	"sort"
	"strings"
	"time"
	"unicode/utf8"

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
	return j.outlook(newMSG(f, "")), nil
}

// outlookMessage is a message as Outlook keeps it: properties by their tag in
// hexadecimal (MS-OXPROPS).
type outlookMessage interface {
	str(tag string) string
	bin(tag string) []byte
	sent() time.Time
	attachments() []outlookAttachment
}

// outlookAttachment is a file, or a message, under a message.
type outlookAttachment struct {
	name    string
	data    []byte
	message outlookMessage // nil: a file
}

// outlook lays out a message with its attachments as members.
func (j *job) outlook(m outlookMessage) []ingest.Document {
	b := j.newBuilder()
	b.doc.MediaType = "application/vnd.ms-outlook"
	// A subject may begin with the length of its "Re: ".
	subject := m.str("0037")
	if len(subject) > 1 && subject[0] == 1 {
		_, n := utf8.DecodeRuneInString(subject[1:])
		subject = subject[1+n:]
	}
	b.doc.Title = oneLine(subject)
	from := m.str("0C1A")
	if addr := m.str("5D01"); addr == "" {
		addr = m.str("0C1F")
		if strings.Contains(addr, "@") {
			from = strings.TrimSpace(from + " <" + addr + ">")
		}
	} else {
		from = strings.TrimSpace(from + " <" + addr + ">")
	}
	b.doc.Date = m.sent()
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
	if date := m.sent(); !date.IsZero() {
		lines = append(lines, "Date: "+date.UTC().Format("2006-01-02 15:04 MST"))
	}
	add("Subject", b.doc.Title)
	setLabel(&b.doc, "message-id", m.str("1035"))
	setLabel(&b.doc, "in-reply-to", m.str("1042"))
	setThread(&b.doc, m.str("1039"))
	b.para(strings.Join(lines, "\n"))
	if b.doc.Title != "" {
		b.open(1, b.doc.Title)
	}
	switch body, page := m.str("1000"), m.bin("1013"); {
	case hasLetters(body):
		b.mailText(body)
	case len(page) > 0:
		b.addHTML(decodeHTML(page))
	case hasLetters(m.str("1013")):
		b.addHTML(m.str("1013"))
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
	for _, a := range m.attachments() {
		if a.message != nil {
			if j.depth >= j.o.MaxDepth {
				b.warn(fmt.Sprintf("%s: not read: containers nested deeper than %d", cmp.Or(memberName(a.name), "message"), j.o.MaxDepth))
				continue
			}
			j.depth++
			inner := j.outlook(a.message)
			j.depth--
			for i := range inner {
				inner[i].Member = path.Join(memberName(cmp.Or(a.name, inner[0].Title, "message")), inner[i].Member)
			}
			docs = append(docs, inner...)
			continue
		}
		if len(a.data) == 0 {
			continue
		}
		found, warnings := j.member(cmp.Or(a.name, "attachment"), a.data)
		docs = append(docs, found...)
		for _, w := range warnings {
			b.warn(w)
		}
	}
	docs[0] = b.done()
	return docs
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

// newMSG reads the message whose streams lie under a path.
func newMSG(f *oleFile, under string) *msgProps {
	m := &msgProps{f: f, under: under}
	head := 32
	if under != "" {
		head = 24
	}
	m.fixed(head)
	return m
}

func (m *msgProps) sent() time.Time { return m.date }

func (m *msgProps) attachments() []outlookAttachment {
	var out []outlookAttachment
	for _, dir := range m.dirs("__attach_version1.0_") {
		a := &msgProps{f: m.f, under: dir, page: m.page}
		found := outlookAttachment{name: cmp.Or(a.str("3707"), a.str("3704")), data: a.bin("3701")}
		if embedded := dir + "/__substg1.0_3701000D"; len(found.data) == 0 && m.f.hasDir(embedded) {
			found.message = newMSG(m.f, embedded)
		}
		out = append(out, found)
	}
	return out
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
