package extract

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"

	"github.com/richardlehane/mscfb"
	"github.com/xuri/excelize/v2"

	"github.com/lore-kb/lore/ingest"
)

const oleMagic = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

func isOLE(data []byte) bool { return bytes.HasPrefix(data, []byte(oleMagic)) }

// oleFile is a compound file: the container of the old Office formats, of
// Outlook messages and of encrypted new ones.
type oleFile struct {
	names   []string // full paths, in order
	streams map[string][]byte
}

const maxOLEEntries = 20000

// openOLE reads the streams of a compound file, by path with "/".
func (j *job) openOLE(data []byte) (*oleFile, error) {
	r, err := mscfb.New(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ingest.ErrDamaged, err)
	}
	f := &oleFile{streams: map[string][]byte{}}
	total := 0
	for n := 0; ; n++ {
		e, err := r.Next()
		if err != nil || n > maxOLEEntries {
			break
		}
		j.check()
		if e.Size <= 0 {
			continue
		}
		// A stream cannot be longer than the file that holds it; together they
		// can, when they share sectors.
		content, _ := io.ReadAll(io.LimitReader(e, int64(len(data))))
		if total += len(content); total > 4*len(data)+1<<20 {
			break
		}
		name := strings.Join(append(append([]string{}, e.Path...), e.Name), "/")
		if _, dup := f.streams[name]; !dup {
			f.names = append(f.names, name)
			f.streams[name] = content
		}
	}
	if len(f.streams) == 0 {
		return nil, fmt.Errorf("%w: this compound file has no streams", ingest.ErrDamaged)
	}
	return f, nil
}

// stream is the stream at a path; letter case does not matter. Names come without
// the control character that may begin them.
func (f *oleFile) stream(name string) []byte {
	if b := f.streams[name]; b != nil {
		return b
	}
	for _, n := range f.names {
		if strings.EqualFold(n, name) {
			return f.streams[n]
		}
	}
	return nil
}

// under is the file inside a storage, such as an embedded workbook; nil when the
// storage is empty.
func (f *oleFile) under(storage string) *oleFile {
	inner := &oleFile{streams: map[string][]byte{}}
	for _, n := range f.names {
		if rest, ok := strings.CutPrefix(n, storage+"/"); ok {
			inner.names = append(inner.names, rest)
			inner.streams[rest] = f.streams[n]
		}
	}
	if len(inner.names) == 0 {
		return nil
	}
	return inner
}

// utf16Name is a stream name as compound files spell it.
func utf16Name(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

// oleHas reports whether a compound file has a stream or a storage of that name
// at its root; those of embedded files are deeper. Names differ in case between
// writers. Where only the start of a file is at hand, the bytes tell.
func (p *probe) oleHas(name string) bool {
	if !isOLE(p.data) {
		return false
	}
	if p.streams == nil {
		p.streams = map[string]bool{}
		if r, err := mscfb.New(bytes.NewReader(p.data)); err == nil {
			for range maxOLEEntries {
				e, err := r.Next()
				if err != nil {
					break
				}
				if len(e.Path) == 0 {
					p.streams[strings.ToLower(e.Name)] = true
				}
			}
		}
	}
	if len(p.streams) == 0 {
		return bytes.Contains(p.data, utf16Name(name))
	}
	return p.streams[strings.ToLower(name)]
}

// oleNative returns the file inside an "Ole10Native" or "CONTENTS" stream, nil
// when there is none.
func oleNative(data []byte) ([]byte, string) {
	r, err := mscfb.New(bytes.NewReader(data))
	if err != nil {
		return nil, ""
	}
	for range maxOLEEntries {
		e, err := r.Next()
		if err != nil {
			return nil, ""
		}
		switch e.Name {
		case "Ole10Native":
			b, _ := io.ReadAll(io.LimitReader(e, int64(len(data))))
			if inner, name := parseOle10(b); inner != nil {
				return inner, name
			}
		case "CONTENTS", "Package":
			if b, _ := io.ReadAll(io.LimitReader(e, int64(len(data)))); len(b) > 0 {
				return b, "embedded"
			}
		}
	}
	return nil, ""
}

// parseOle10 reads the packager's format: label, path, temporary path, data.
func parseOle10(b []byte) ([]byte, string) {
	if len(b) < 8 {
		return nil, ""
	}
	b = b[6:]
	str := func() (string, bool) {
		i := bytes.IndexByte(b, 0)
		if i < 0 {
			return "", false
		}
		s := string(b[:i])
		b = b[i+1:]
		return s, true
	}
	name, ok := str()
	if !ok {
		return nil, ""
	}
	if _, ok = str(); !ok || len(b) < 8 {
		return nil, ""
	}
	b = b[4:]
	n := int(binary.LittleEndian.Uint32(b))
	if b = b[4:]; n < 0 || n > len(b) {
		return nil, ""
	}
	b = b[n:]
	if len(b) < 4 {
		return nil, ""
	}
	if n = int(binary.LittleEndian.Uint32(b)); n <= 0 || n > len(b)-4 {
		return nil, ""
	}
	return b[4 : 4+n], memberName(decodeName(name))
}

func isEncryptedOffice(p *probe) bool { return p.oleHas("EncryptedPackage") }

// readEncryptedOffice decrypts an Office file with the passwords at hand.
func readEncryptedOffice(j *job, in ingest.Input) ([]ingest.Document, error) {
	// Files "encrypted" only to mark them read-only have this password.
	for _, pw := range append([]string{"VelvetSweatshop"}, j.o.Passwords...) {
		plain, err := decryptOffice(in.Data, pw)
		if err != nil || !bytes.HasPrefix(plain, []byte("PK")) {
			continue
		}
		return j.read(ingest.Input{Name: in.Name, Data: plain})
	}
	return nil, fmt.Errorf("%w: this Office file (--password-file names a file of passwords to try)", ingest.ErrEncrypted)
}

func decryptOffice(data []byte, password string) (plain []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	return excelize.Decrypt(data, &excelize.Options{Password: password})
}
