package extract

import (
	"bytes"
	"compress/bzip2"
	"compress/flate"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path"
	"unicode/utf16"

	"github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"

	"github.com/lore-kb/lore/ingest"
)

const sevenMagic = "7z\xbc\xaf\x27\x1c"

func is7z(p *probe) bool { return p.hasPrefix(sevenMagic) }

// Property numbers of 7z headers.
const (
	sevenEnd          = 0x00
	sevenHeader       = 0x01
	sevenMainStreams  = 0x04
	sevenFiles        = 0x05
	sevenPackInfo     = 0x06
	sevenUnpackInfo   = 0x07
	sevenSubStreams   = 0x08
	sevenSize         = 0x09
	sevenCRC          = 0x0a
	sevenFolder       = 0x0b
	sevenUnpackSizes  = 0x0c
	sevenNumUnpack    = 0x0d
	sevenEmptyStream  = 0x0e
	sevenNames        = 0x11
	sevenEncodedHead  = 0x17
	sevenMaxHeader    = 64 << 20
	sevenMaxDict      = 128 << 20
	sevenMaxAESRounds = 24
)

// errSeven ends the reading of a damaged header; it is a panic inside sevenReader.
var errSeven = errors.New("damaged 7z header")

// sevenReader reads the numbers of a header.
type sevenReader struct{ b []byte }

func (r *sevenReader) bytes(n int) []byte {
	if n < 0 || n > len(r.b) {
		panic(errSeven)
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *sevenReader) byte() int { return int(r.bytes(1)[0]) }

// number reads an integer whose first byte says how many follow.
func (r *sevenReader) number() int {
	first := r.byte()
	value := uint64(0)
	mask := 0x80
	for i := range 8 {
		if first&mask == 0 {
			value |= uint64(first&(mask-1)) << (8 * i)
			break
		}
		value |= uint64(r.byte()) << (8 * i)
		mask >>= 1
	}
	if value > 1<<50 {
		panic(errSeven)
	}
	return int(value)
}

// count is a number of things that take at least one byte or one file each.
func (r *sevenReader) count() int {
	n := r.number()
	if n > maxZipEntries {
		panic(stop{fmt.Errorf("%w: more than %d entries", ingest.ErrTooLarge, maxZipEntries)})
	}
	return n
}

// bits reads a vector of n booleans; with all, a first byte may say that all are
// set.
func (r *sevenReader) bits(n int, all bool) []bool {
	out := make([]bool, n)
	if all && r.byte() != 0 {
		for i := range out {
			out[i] = true
		}
		return out
	}
	var mask, b int
	for i := range out {
		if mask == 0 {
			mask, b = 0x80, r.byte()
		}
		out[i] = b&mask != 0
		mask >>= 1
	}
	return out
}

type sevenCoder struct {
	id      string
	in, out int
	props   []byte
}

type sevenFolderInfo struct {
	coders  []sevenCoder
	binds   [][2]int // in, out
	packed  []int    // in-streams that are packed streams
	sizes   []int    // of out-streams
	files   int
	lengths []int // of its files
	summed  bool  // its checksum is known
}

type sevenArchive struct {
	j       *job
	data    []byte
	packPos int
	packs   []int
	folders []sevenFolderInfo
}

// open7z reads the header of an archive; it returns the names of its files in
// order, with those that have no content marked.
func (j *job) open7z(data []byte) (a *sevenArchive, names []string, empty []bool, err error) {
	defer func() {
		if r := recover(); r != nil {
			if r != errSeven {
				panic(r)
			}
			err = fmt.Errorf("%w: %w", ingest.ErrDamaged, errSeven)
		}
	}()
	le := binary.LittleEndian
	if len(data) < 32 {
		panic(errSeven)
	}
	offset, size := le.Uint64(data[12:]), le.Uint64(data[20:])
	if offset > uint64(len(data)-32) || size > uint64(len(data)-32)-offset || size == 0 {
		return nil, nil, nil, fmt.Errorf("%w: the archive is cut off", ingest.ErrDamaged)
	}
	head := data[32+offset : 32+offset+size]
	for depth := 0; ; depth++ {
		r := &sevenReader{head}
		switch r.byte() {
		case sevenHeader:
			a, names, empty = j.sevenHeader(r, data)
			return a, names, empty, nil
		case sevenEncodedHead:
			if depth > 3 {
				panic(errSeven)
			}
			packed := &sevenArchive{j: j, data: data}
			packed.streams(r)
			if len(packed.folders) != 1 {
				panic(errSeven)
			}
			if head, err = packed.unpack(0, sevenMaxHeader); err != nil {
				return nil, nil, nil, err
			}
		default:
			panic(errSeven)
		}
	}
}

func (j *job) sevenHeader(r *sevenReader, data []byte) (a *sevenArchive, names []string, empty []bool) {
	a = &sevenArchive{j: j, data: data}
	for {
		switch id := r.byte(); id {
		case sevenEnd:
			return a, names, empty
		case sevenMainStreams:
			a.streams(r)
		case sevenFiles:
			names, empty = sevenFileList(r)
		default:
			panic(errSeven)
		}
	}
}

func sevenFileList(r *sevenReader) (names []string, empty []bool) {
	n := r.count()
	empty = make([]bool, n)
	for {
		id := r.byte()
		if id == sevenEnd {
			return names, empty
		}
		p := &sevenReader{r.bytes(r.number())}
		switch id {
		case sevenEmptyStream:
			empty = p.bits(n, false)
		case sevenNames:
			if p.byte() != 0 {
				panic(errSeven)
			}
			for range n {
				var u []uint16
				for {
					c := binary.LittleEndian.Uint16(p.bytes(2))
					if c == 0 {
						break
					}
					u = append(u, c)
				}
				names = append(names, string(utf16.Decode(u)))
			}
		}
	}
}

// streams reads where the packed streams lie and how they are unpacked.
func (a *sevenArchive) streams(r *sevenReader) {
	for {
		switch r.byte() {
		case sevenEnd:
			for i := range a.folders {
				if f := &a.folders[i]; f.lengths == nil {
					f.files, f.lengths = 1, []int{f.size()}
				}
			}
			return
		case sevenPackInfo:
			a.packPos = r.number()
			n := r.count()
			for id := r.byte(); id != sevenEnd; id = r.byte() {
				switch id {
				case sevenSize:
					for range n {
						a.packs = append(a.packs, r.number())
					}
				case sevenCRC:
					r.digests(n)
				default:
					panic(errSeven)
				}
			}
		case sevenUnpackInfo:
			if r.byte() != sevenFolder {
				panic(errSeven)
			}
			n := r.count()
			if r.byte() != 0 {
				panic(errSeven)
			}
			for range n {
				a.folders = append(a.folders, r.folder())
			}
			for id := r.byte(); id != sevenEnd; id = r.byte() {
				switch id {
				case sevenUnpackSizes:
					for i := range a.folders {
						for range a.folders[i].outs() {
							a.folders[i].sizes = append(a.folders[i].sizes, r.number())
						}
					}
				case sevenCRC:
					for i, have := range r.digests(n) {
						a.folders[i].summed = have
					}
				default:
					panic(errSeven)
				}
			}
		case sevenSubStreams:
			a.subStreams(r)
		default:
			panic(errSeven)
		}
	}
}

// digests skips checksums and returns which of n are there.
func (r *sevenReader) digests(n int) []bool {
	have := r.bits(n, true)
	for _, h := range have {
		if h {
			r.bytes(4)
		}
	}
	return have
}

func (a *sevenArchive) subStreams(r *sevenReader) {
	for i := range a.folders {
		a.folders[i].files = 1
	}
	id := r.byte()
	if id == sevenNumUnpack {
		for i := range a.folders {
			a.folders[i].files = r.count()
		}
		id = r.byte()
	}
	for i := range a.folders {
		f := &a.folders[i]
		f.lengths = []int{}
		left := f.size()
		for k := range f.files {
			n := left
			if k < f.files-1 {
				if id != sevenSize {
					panic(errSeven)
				}
				n = r.number()
			}
			if left -= n; left < 0 {
				panic(errSeven)
			}
			f.lengths = append(f.lengths, n)
		}
	}
	if id == sevenSize {
		id = r.byte()
	}
	for ; id != sevenEnd; id = r.byte() {
		if id != sevenCRC {
			panic(errSeven)
		}
		unknown := 0
		for i := range a.folders {
			if f := &a.folders[i]; f.files != 1 || !f.summed {
				unknown += f.files
			}
		}
		r.digests(unknown)
	}
}

func (r *sevenReader) folder() (f sevenFolderInfo) {
	n := r.number()
	if n == 0 || n > 16 {
		panic(errSeven)
	}
	ins, outs := 0, 0
	for range n {
		flags := r.byte()
		c := sevenCoder{id: string(r.bytes(flags & 15)), in: 1, out: 1}
		if flags&0x10 != 0 {
			c.in, c.out = r.number(), r.number()
			if c.in > 16 || c.out > 16 {
				panic(errSeven)
			}
		}
		if flags&0x20 != 0 {
			c.props = r.bytes(r.number())
		}
		ins, outs = ins+c.in, outs+c.out
		f.coders = append(f.coders, c)
	}
	for range outs - 1 {
		f.binds = append(f.binds, [2]int{r.number(), r.number()})
	}
	packed := ins - (outs - 1)
	if packed < 1 {
		panic(errSeven)
	}
	if packed > 1 {
		for range packed {
			f.packed = append(f.packed, r.number())
		}
		return f
	}
	for in := range ins {
		bound := false
		for _, b := range f.binds {
			bound = bound || b[0] == in
		}
		if !bound {
			f.packed = append(f.packed, in)
			break
		}
	}
	return f
}

func (f *sevenFolderInfo) outs() int {
	n := 0
	for _, c := range f.coders {
		n += c.out
	}
	return n
}

// last is the out-stream that nothing reads: the folder's content.
func (f *sevenFolderInfo) last() int {
	for out := range f.outs() {
		bound := false
		for _, b := range f.binds {
			bound = bound || b[1] == out
		}
		if !bound {
			return out
		}
	}
	panic(errSeven)
}

func (f *sevenFolderInfo) size() int {
	last := f.last()
	if last >= len(f.sizes) {
		panic(errSeven)
	}
	return f.sizes[last]
}

// unpack returns the content of a folder.
func (a *sevenArchive) unpack(n, limit int) ([]byte, error) {
	f := &a.folders[n]
	size := f.size()
	if limit = min(limit, int(min(int64(maxMemberBytes), a.j.unpackLeft))); size > limit {
		return nil, fmt.Errorf("%w: unpacks to more than %d MB", ingest.ErrTooLarge, limit>>20)
	}
	first := 0
	for i := range n {
		first += len(a.folders[i].packed)
	}
	at := 32 + a.packPos
	for i := range first {
		if i >= len(a.packs) {
			panic(errSeven)
		}
		at += a.packs[i]
	}
	packs := map[int]io.Reader{}
	for i, in := range f.packed {
		if first+i >= len(a.packs) || at < 0 || at > len(a.data) || a.packs[first+i] > len(a.data)-at {
			return nil, fmt.Errorf("%w: the archive is cut off", ingest.ErrDamaged)
		}
		packs[in] = bytes.NewReader(a.data[at : at+a.packs[first+i]])
		at += a.packs[first+i]
	}
	r, err := a.output(f, packs, f.last(), 0)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(r, int64(size)))
	a.j.spendUnpacked(int64(len(data)))
	if err != nil || len(data) < size {
		if err == nil {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("%w: %w", ingest.ErrDamaged, err)
	}
	return data, nil
}

// output is the reader of an out-stream.
func (a *sevenArchive) output(f *sevenFolderInfo, packs map[int]io.Reader, out, depth int) (io.Reader, error) {
	if depth > len(f.coders) {
		panic(errSeven)
	}
	in, coder := 0, -1
	for i, at := 0, 0; i < len(f.coders); i++ {
		if c := f.coders[i]; out >= at && out < at+c.out {
			coder = i
			break
		} else {
			at, in = at+c.out, in+c.in
		}
	}
	if coder < 0 || out >= len(f.sizes) {
		panic(errSeven)
	}
	c := f.coders[coder]
	if c.in != 1 || c.out != 1 {
		return nil, fmt.Errorf("%w: a 7z filter for programs (BCJ2)", ingest.ErrUnsupported)
	}
	src := packs[in]
	if src == nil {
		for _, b := range f.binds {
			if b[0] == in {
				var err error
				if src, err = a.output(f, packs, b[1], depth+1); err != nil {
					return nil, err
				}
				break
			}
		}
	}
	if src == nil {
		panic(errSeven)
	}
	return a.decoder(c, src, f.sizes[out])
}

func (a *sevenArchive) decoder(c sevenCoder, src io.Reader, size int) (io.Reader, error) {
	damaged := func(err error) error { return fmt.Errorf("%w: %w", ingest.ErrDamaged, err) }
	switch c.id {
	case "\x00":
		return src, nil
	case "\x03\x01\x01":
		if len(c.props) < 5 {
			panic(errSeven)
		}
		dict := binary.LittleEndian.Uint32(c.props[1:])
		if dict > sevenMaxDict && int(dict) > size {
			dict = uint32(max(size, 4096)) // no distance is longer than what there is
		}
		if dict > sevenMaxDict {
			return nil, fmt.Errorf("%w: its dictionary takes %d MB", ingest.ErrTooLarge, dict>>20)
		}
		head := append([]byte{c.props[0]}, binary.LittleEndian.AppendUint32(nil, dict)...)
		head = binary.LittleEndian.AppendUint64(head, uint64(size))
		r, err := lzma.ReaderConfig{DictCap: int(max(dict, lzma.MinDictCap))}.NewReader(io.MultiReader(bytes.NewReader(head), src))
		if err != nil {
			return nil, damaged(err)
		}
		return r, nil
	case "\x21":
		if len(c.props) < 1 || c.props[0] > 40 {
			panic(errSeven)
		}
		dict := int64(2|int(c.props[0])&1) << (c.props[0]/2 + 11)
		if dict = min(dict, int64(max(size, lzma.MinDictCap))); dict > sevenMaxDict {
			return nil, fmt.Errorf("%w: its dictionary takes %d MB", ingest.ErrTooLarge, dict>>20)
		}
		r, err := lzma.Reader2Config{DictCap: int(max(dict, lzma.MinDictCap))}.NewReader2(src)
		if err != nil {
			return nil, damaged(err)
		}
		return r, nil
	case "\x04\x01\x08":
		return flate.NewReader(src), nil
	case "\x04\x02\x02":
		return bzip2.NewReader(src), nil
	case "\x03":
		return &undelta{r: src, step: int(firstByte(c.props)) + 1}, nil
	case "\x03\x03\x01\x03", "\x04", "\x03\x03\x02\x05", "\x03\x03\x05\x01", "\x03\x03\x07\x01", "\x03\x03\x08\x05", "\x0a", "\x08", "\x07", "\x05", "\x06", "\x09":
		// Filters for machine code: text passes through them almost unchanged,
		// and programs are not read.
		return src, nil
	case "\x06\xf1\x07\x01":
		return a.decrypt(c.props, src, size)
	case "\x03\x04\x01":
		return nil, fmt.Errorf("%w: 7z with PPMd", ingest.ErrUnsupported)
	}
	return nil, fmt.Errorf("%w: 7z method %x", ingest.ErrUnsupported, c.id)
}

func firstByte(b []byte) byte {
	if len(b) == 0 {
		return 0
	}
	return b[0]
}

// undelta adds up differences between bytes that lie step apart.
type undelta struct {
	r    io.Reader
	step int
	last [256]byte
	at   int
}

func (d *undelta) Read(p []byte) (int, error) {
	n, err := d.r.Read(p)
	for i := range n {
		d.last[d.at] += p[i]
		p[i] = d.last[d.at]
		d.at = (d.at + 1) % d.step
	}
	return n, err
}

// decrypt opens AES-256 with the key that each password gives, and takes the
// first under which the content begins as the next method wants it: the archive
// has no other check before its end.
func (a *sevenArchive) decrypt(props []byte, src io.Reader, size int) (io.Reader, error) {
	if len(props) < 1 {
		panic(errSeven)
	}
	rounds := int(props[0] & 0x3f)
	salt, iv := int(props[0]>>7&1), int(props[0]>>6&1)
	r := &sevenReader{props[1:]}
	if salt+iv > 0 {
		sizes := r.byte()
		salt, iv = salt+sizes>>4, iv+sizes&15
	}
	saltBytes, ivBytes := r.bytes(salt), r.bytes(iv)
	if rounds > sevenMaxAESRounds {
		return nil, fmt.Errorf("%w: its key takes 2^%d rounds", ingest.ErrTooLarge, rounds)
	}
	data, err := io.ReadAll(src)
	if err != nil || len(data)%aes.BlockSize != 0 || len(data) == 0 {
		return nil, fmt.Errorf("%w: its encrypted part is cut off", ingest.ErrDamaged)
	}
	full := make([]byte, aes.BlockSize)
	copy(full, ivBytes)
	var first []byte
	for _, password := range a.j.o.Passwords {
		a.j.check()
		key := sevenKey(password, saltBytes, rounds)
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		plain := make([]byte, len(data))
		cipher.NewCBCDecrypter(block, full).CryptBlocks(plain, data)
		// LZMA begins with a byte 0, LZMA2 with a control byte that resets it.
		if plain[0] == 0 || plain[0] == 1 || plain[0] >= 0xe0 {
			if first == nil {
				first = plain
			}
			if padded(plain, size) {
				return bytes.NewReader(plain[:min(size, len(plain))]), nil
			}
		}
	}
	if first == nil {
		return nil, fmt.Errorf("%w: this 7z archive (--password-file names a file of passwords to try)", ingest.ErrEncrypted)
	}
	return bytes.NewReader(first[:min(size, len(first))]), nil
}

// padded reports whether what lies behind size is zero, as 7z fills the last
// block.
func padded(b []byte, size int) bool {
	if size > len(b) || size < 0 {
		return false
	}
	for _, c := range b[size:] {
		if c != 0 {
			return false
		}
	}
	return size < len(b)
}

// sevenKey hashes a password as often as 2^rounds.
func sevenKey(password string, salt []byte, rounds int) []byte {
	var text []byte
	for _, u := range utf16.Encode([]rune(password)) {
		text = binary.LittleEndian.AppendUint16(text, u)
	}
	text = append(bytes.Clone(salt), text...)
	if rounds == 0x3f {
		return append(text, make([]byte, 32)...)[:32]
	}
	h := sha256.New()
	// Written in pieces of many rounds: a call of the hash for each is slow.
	var buf []byte
	for i := range uint64(1) << rounds {
		buf = append(buf, text...)
		buf = binary.LittleEndian.AppendUint64(buf, i)
		if len(buf) > 16<<10 {
			h.Write(buf)
			buf = buf[:0]
		}
	}
	h.Write(buf)
	return h.Sum(nil)
}

// read7z lists an archive and reads its files as members.
func read7z(j *job, in ingest.Input) ([]ingest.Document, error) {
	a, names, empty, err := j.open7z(in.Data)
	if err != nil {
		return nil, err
	}
	b := j.newBuilder()
	b.doc.Title = path.Base(in.Name)
	docs := []ingest.Document{{}}
	var listed []string
	file := 0
	next := func() string {
		for file < len(names) && file < len(empty) && empty[file] {
			file++
		}
		if file >= len(names) {
			return ""
		}
		file++
		return memberName(names[file-1])
	}
	var failure error
	read := 0
	for i := range a.folders {
		j.check()
		data, err := a.content(i)
		if err != nil {
			failure = err
			b.warn(err.Error())
		}
		for _, n := range a.folders[i].lengths {
			name := next()
			if name == "" {
				break
			}
			if n > len(data) {
				continue
			}
			member := data[:n]
			data = data[n:]
			if hiddenMember(name) {
				continue
			}
			listed = append(listed, name)
			if n > 0 {
				read++
			}
			found, warnings := j.member(name, member)
			for _, w := range warnings {
				b.warn(w)
			}
			docs = append(docs, found...)
		}
	}
	if read == 0 && failure != nil {
		return nil, failure
	}
	listing(b, listed)
	docs[0] = b.done()
	return docs, nil
}

// content is unpack with a damaged header as an error.
func (a *sevenArchive) content(n int) (data []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			if r != errSeven {
				panic(r)
			}
			err = fmt.Errorf("%w: %w", ingest.ErrDamaged, errSeven)
		}
	}()
	return a.unpack(n, maxMemberBytes)
}

func isXZ(p *probe) bool { return p.hasPrefix("\xfd7zXZ\x00") }

// readXZ reads what an xz file holds in place of it.
func readXZ(j *job, in ingest.Input) ([]ingest.Document, error) {
	// The first block says how much memory it wants, at most 24 bytes into it.
	if head := in.Data[min(12, len(in.Data)):min(36, len(in.Data))]; len(head) > 2 {
		if i := bytes.Index(head, []byte{0x21, 1}); i >= 0 && i+2 < len(head) && head[i+2] > 2*(27-12) {
			return nil, fmt.Errorf("%w: its dictionary takes more than %d MB", ingest.ErrTooLarge, sevenMaxDict>>20)
		}
	}
	r, err := xz.ReaderConfig{DictCap: 8 << 20}.NewReader(bytes.NewReader(in.Data))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ingest.ErrDamaged, err)
	}
	return j.unpacked(r, in.Name, "", ".xz")
}
