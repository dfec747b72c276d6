package extract

import (
	"bytes"
	"encoding/binary"
	"strings"

	"github.com/lore-kb/lore/ingest"
)

const oneMagic = "\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d"

func isOneNote(p *probe) bool { return p.hasPrefix(oneMagic) }

// Properties of OneNote objects that hold words (MS-ONE 2.1.12).
const (
	oneTextUnicode = 0x1c001c22
	oneTextBytes   = 0x1c003498
	oneTitle       = 0x1c001cf3
)

// maxOneProperties bounds the properties of one object.
const maxOneProperties = 120

// readOneNote reads the texts of a section. The objects of a section lie in its
// file by the order in which they were written, older revisions among them; they
// are found by their properties rather than by the file's lists, and each text is
// kept once.
func readOneNote(j *job, in ingest.Input) ([]ingest.Document, error) {
	b := j.newBuilder()
	seen := map[string]bool{}
	for at := 0; ; {
		// All three properties end in these two bytes.
		i := bytes.Index(in.Data[at:], []byte{0x00, 0x1c})
		if i < 0 {
			break
		}
		p := at + i - 2
		at += i + 1
		if p < 2 {
			continue
		}
		id := binary.LittleEndian.Uint32(in.Data[p:])
		if id != oneTextUnicode && id != oneTextBytes && id != oneTitle {
			continue
		}
		j.check()
		value := oneValue(in.Data, p)
		if value == nil {
			continue
		}
		var text string
		if id == oneTextBytes {
			text = decodePart(bytes.TrimRight(value, "\x00"))
		} else {
			text, _ = decode(value, csUTF16LE)
			text = strings.TrimRight(text, "\x00")
		}
		text = cleanText(strings.ReplaceAll(text, "\v", "\n"))
		if text == "" || seen[text] {
			continue
		}
		seen[text] = true
		if id == oneTitle {
			b.heading(1, text)
		} else {
			b.para(text)
		}
	}
	if !b.empty() {
		b.warn("texts stand in the order in which they were written; places on the page and ink are not read")
	}
	return []ingest.Document{b.done()}, nil
}

// oneValue returns the value of the property whose identifier stands at p: it
// looks for the start of the set that holds it, and goes over the values before
// it.
func oneValue(data []byte, p int) []byte {
	le := binary.LittleEndian
	for k := 0; k < maxOneProperties; k++ {
		start := p - 4*k - 2
		if start < 0 {
			return nil
		}
		if k > 0 && oneType(le.Uint32(data[start+2:])) == 0 {
			return nil // no identifier can stand there, nor farther back
		}
		n := int(le.Uint16(data[start:]))
		if n <= k || n > maxOneProperties || start+2+4*n > len(data) {
			continue
		}
		ids := data[start+2 : start+2+4*n]
		sound := true
		for i := 0; i < len(ids) && sound; i += 4 {
			sound = oneType(le.Uint32(ids[i:])) != 0
		}
		if !sound {
			continue
		}
		rest := data[start+2+4*n:]
		for i := 0; i < k && rest != nil; i++ {
			rest = oneSkip(rest, le.Uint32(ids[4*i:]), 0)
		}
		if len(rest) < 4 {
			continue
		}
		if size := le.Uint32(rest); size > 0 && size <= uint32(min(len(rest)-4, 1<<20)) {
			return rest[4 : 4+size]
		}
	}
	return nil
}

// oneType is the type of a property's value; 0 when there is no such type.
func oneType(id uint32) int {
	t := int(id >> 26 & 0x1f)
	if t > 0x11 || t == 0xe || t == 0xf {
		return 0
	}
	return t
}

// oneSkip returns what follows a value.
func oneSkip(b []byte, id uint32, depth int) []byte {
	le := binary.LittleEndian
	n := 0
	switch oneType(id) {
	case 0:
		return nil
	case 1, 2, 8, 0xa, 0xc: // in the identifier itself, or in a list elsewhere
	case 3:
		n = 1
	case 4:
		n = 2
	case 5, 9, 0xb, 0xd:
		n = 4
	case 6:
		n = 8
	case 7:
		if len(b) < 4 {
			return nil
		}
		n = 4 + int(le.Uint32(b))
	case 0x10:
		if len(b) < 8 || depth > 4 {
			return nil
		}
		count, inner := le.Uint32(b), b[8:]
		for ; count > 0 && inner != nil; count-- {
			inner = oneSkipSet(inner, depth+1)
		}
		return inner
	case 0x11:
		return oneSkipSet(b, depth+1)
	}
	if n < 0 || n > len(b) {
		return nil
	}
	return b[n:]
}

func oneSkipSet(b []byte, depth int) []byte {
	if len(b) < 2 || depth > 4 {
		return nil
	}
	n := int(binary.LittleEndian.Uint16(b))
	if n > maxOneProperties || 2+4*n > len(b) {
		return nil
	}
	ids, rest := b[2:2+4*n], b[2+4*n:]
	for i := 0; i < n && rest != nil; i++ {
		rest = oneSkip(rest, binary.LittleEndian.Uint32(ids[4*i:]), depth)
	}
	return rest
}
