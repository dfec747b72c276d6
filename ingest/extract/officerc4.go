package extract

import (
	"bytes"
	"crypto/md5"
	"crypto/rc4"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"hash"
	"unicode/utf16"

	"github.com/lore-kb/lore/ingest"
)

// The binary formats of Office encrypt by RC4, with a new key for each block of
// the stream (MS-OFFCRYPTO 2.3.5 and 2.3.6).

// officeRC4 is an encryption whose password was found.
type officeRC4 struct {
	key   func(block int) []byte
	block int // bytes
}

// excelDefault is the password of workbooks that are only protected from changes.
const excelDefault = "VelvetSweatshop"

// openOfficeRC4 tries passwords on an encryption header, whose first four bytes
// are its version.
func (j *job) openOfficeRC4(head []byte, block int) (*officeRC4, error) {
	unknown := fmt.Errorf("%w: this Office file (--password-file names a file of passwords to try)", ingest.ErrEncrypted)
	if len(head) < 4 {
		return nil, unknown
	}
	le := binary.LittleEndian
	major, minor := le.Uint16(head), le.Uint16(head[2:])
	var salt, verifier, sum []byte
	var derive func(password []byte) func(int) []byte
	newHash := md5.New
	switch {
	case major == 1 && minor == 1 && len(head) >= 52:
		salt, verifier, sum = head[4:20], head[20:36], head[36:52]
		derive = func(password []byte) func(int) []byte {
			h := md5.Sum(password)
			var all []byte
			for range 16 {
				all = append(append(all, h[:5]...), salt...)
			}
			h = md5.Sum(all)
			return func(n int) []byte {
				k := md5.Sum(le.AppendUint32(bytes.Clone(h[:5]), uint32(n)))
				return k[:]
			}
		}
	case minor == 2 && len(head) >= 12:
		size := int(le.Uint32(head[8:]))
		if size < 32 || 12+size+4+16+16+4+20 > len(head) {
			return nil, fmt.Errorf("%w: its encryption header is cut off", ingest.ErrDamaged)
		}
		bits := int(le.Uint32(head[12+16:]))
		if bits == 0 {
			bits = 40
		}
		if bits < 40 || bits > 128 {
			return nil, fmt.Errorf("%w: a key of %d bits", ingest.ErrUnsupported, bits)
		}
		v := head[12+size:]
		salt, verifier, sum = v[4:20], v[20:36], v[40:60]
		newHash = sha1.New
		derive = func(password []byte) func(int) []byte {
			h := sha1.Sum(append(bytes.Clone(salt), password...))
			return func(n int) []byte {
				k := sha1.Sum(le.AppendUint32(bytes.Clone(h[:]), uint32(n)))
				key := make([]byte, 16)
				if copy(key, k[:bits/8]); bits == 40 {
					return key
				}
				return key[:bits/8]
			}
		}
	default:
		return nil, fmt.Errorf("%w: encryption of version %d.%d", ingest.ErrUnsupported, major, minor)
	}
	for _, password := range append([]string{"", excelDefault}, j.o.Passwords...) {
		j.check()
		var text []byte
		for _, u := range utf16.Encode([]rune(password)) {
			text = le.AppendUint16(text, u)
		}
		key := derive(text)
		if rc4Verifies(newHash(), key(0), verifier, sum) {
			return &officeRC4{key: key, block: block}, nil
		}
	}
	return nil, unknown
}

func rc4Verifies(h hash.Hash, key, verifier, sum []byte) bool {
	c, err := rc4.NewCipher(key)
	if err != nil {
		return false
	}
	v, s := make([]byte, len(verifier)), make([]byte, len(sum))
	c.XORKeyStream(v, verifier)
	c.XORKeyStream(s, sum)
	h.Write(v)
	return bytes.Equal(h.Sum(nil), s)
}

// stream returns a stream decrypted as a whole.
func (o *officeRC4) stream(b []byte) []byte {
	out := make([]byte, len(b))
	for n := 0; n*o.block < len(b); n++ {
		c, err := rc4.NewCipher(o.key(n))
		if err != nil {
			return out
		}
		from, to := n*o.block, min((n+1)*o.block, len(b))
		c.XORKeyStream(out[from:to], b[from:to])
	}
	return out
}

// workbook decrypts the records of a workbook; their heads, and a few records
// that must be read before, are plain.
func (o *officeRC4) workbook(b []byte) []byte {
	out := o.stream(b)
	for at := 0; at+4 <= len(b); {
		copy(out[at:at+4], b[at:at+4])
		kind, n := binary.LittleEndian.Uint16(b[at:]), int(binary.LittleEndian.Uint16(b[at+2:]))
		end := min(at+4+n, len(b))
		switch kind {
		case 0x809, 0x2f, 0xe1, 0x194, 0x195, 0x196, 0x138, 0x60: // BOF, FILEPASS, INTERFACEHDR, revisions
			copy(out[at:end], b[at:end])
		case 0x85: // BOUNDSHEET: where the sheet begins
			copy(out[at:min(at+8, end)], b[at:min(at+8, end)])
		}
		at += 4 + n
	}
	return out
}
