package extract

import (
	"bytes"
	"compress/flate"
	"crypto/aes"
	"encoding/binary"
	"fmt"
	"io"
	"sort"
	"strings"
	"unicode/utf16"

	"github.com/lore-kb/lore/ingest"
)

func isHWP(p *probe) bool { return p.oleHas("HwpSummaryInformation") }

// Flags of a Hangul file, and numbers of its records.
const (
	hwpCompressed  = 1 << 0
	hwpPassword    = 1 << 1
	hwpDistributed = 1 << 2

	hwpKeyRecord = 28
	hwpParaText  = 67
)

// readHWP reads the paragraphs of a Hangul 5 file, those of tables and notes
// included, in the order of the file. Files for distribution are encrypted with a
// key that lies beside the text.
func readHWP(j *job, in ingest.Input) ([]ingest.Document, error) {
	f, err := j.openOLE(in.Data)
	if err != nil {
		return nil, err
	}
	head := f.streams["FileHeader"]
	if len(head) < 40 || !bytes.HasPrefix(head, []byte("HWP Document File")) {
		return nil, fmt.Errorf("%w: it has no file header", ingest.ErrDamaged)
	}
	flags := binary.LittleEndian.Uint32(head[36:])
	if flags&hwpPassword != 0 {
		return nil, fmt.Errorf("%w: this Hangul file", ingest.ErrEncrypted)
	}
	b := j.newBuilder()
	folder := "BodyText/"
	if flags&hwpDistributed != 0 {
		folder = "ViewText/"
	}
	var names []string
	for _, n := range f.names {
		if strings.HasPrefix(n, folder+"Section") {
			names = append(names, n)
		}
	}
	sort.Slice(names, func(a, b int) bool { return naturalLess(names[a], names[b]) })
	for _, name := range names {
		data := f.streams[name]
		if flags&hwpDistributed != 0 {
			if data = hwpOpen(data); data == nil {
				b.warn(name + " cannot be decrypted")
				continue
			}
		}
		if flags&hwpCompressed != 0 {
			limit := min(int64(maxMemberBytes), j.unpackLeft)
			unpacked, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(data)), limit))
			j.spendUnpacked(int64(len(unpacked)))
			if err != nil && len(unpacked) == 0 {
				b.warn(name + ": " + err.Error())
				continue
			}
			data = unpacked
		}
		hwpRecords(data, func(tag int, body []byte) {
			if tag == hwpParaText {
				j.check()
				b.para(hwpText(body))
			}
		})
	}
	return []ingest.Document{b.done()}, nil
}

// hwpRecords calls yield for each record of a stream.
func hwpRecords(b []byte, yield func(tag int, body []byte)) {
	for len(b) >= 4 {
		head := binary.LittleEndian.Uint32(b)
		size := int(head >> 20)
		b = b[4:]
		if size == 0xfff {
			if len(b) < 4 {
				return
			}
			size = int(binary.LittleEndian.Uint32(b))
			b = b[4:]
		}
		if size < 0 || size > len(b) {
			return
		}
		yield(int(head&0x3ff), b[:size])
		b = b[size:]
	}
}

// hwpText is the text of a paragraph without its controls, most of which take
// eight characters.
func hwpText(b []byte) string {
	var u []uint16
	for len(b) >= 2 {
		c := binary.LittleEndian.Uint16(b)
		n := 2
		switch {
		case c >= 32:
			u = append(u, c)
		case c == 10 || c == 13:
			u = append(u, '\n')
		case c == 0:
		case c == 24:
			u = append(u, '-')
		case c == 30 || c == 31:
			u = append(u, ' ')
		case c >= 25:
		default:
			n = 16
			if c == 9 {
				u = append(u, '\t')
			}
		}
		b = b[min(n, len(b)):]
	}
	return string(utf16.Decode(u))
}

// hwpOpen decrypts a stream of a file for distribution: its first record hides
// the key among random bytes whose seed it begins with.
func hwpOpen(b []byte) []byte {
	if len(b) < 4+256 || binary.LittleEndian.Uint32(b)&0x3ff != hwpKeyRecord {
		return nil
	}
	record := bytes.Clone(b[4 : 4+256])
	seed := binary.LittleEndian.Uint32(record)
	state := seed
	random := func() uint32 {
		state = state*214013 + 2531011
		return state >> 16 & 0x7fff
	}
	var mask byte
	for i, n := 0, 0; i < len(record); i, n = i+1, n-1 {
		if n == 0 {
			mask = byte(random())
			n = int(random()&0xf) + 1
		}
		if i >= 4 {
			record[i] ^= mask
		}
	}
	at := 4 + int(seed&0xf)
	block, err := aes.NewCipher(record[at : at+16])
	if err != nil {
		return nil
	}
	data := b[4+256:]
	out := make([]byte, len(data)/aes.BlockSize*aes.BlockSize)
	for i := 0; i < len(out); i += aes.BlockSize {
		block.Decrypt(out[i:], data[i:])
	}
	return out
}
