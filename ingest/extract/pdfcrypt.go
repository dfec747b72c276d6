package extract

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"crypto/rc4"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"

	"github.com/lore-kb/lore/ingest"
)

// pdfCrypt decrypts strings and streams: the standard security handler of
// ISO 32000-2, 7.6, revisions 2 to 6.
type pdfCrypt struct {
	key      []byte
	stmf     string // cipher of streams: "RC4", "AESV2", "AESV3" or "" for none
	strf     string
	metadata bool // metadata streams are encrypted too
	dictID   int  // object number of the encryption dictionary, which is not encrypted
}

func (f *pdfFile) openCrypt() error {
	f.crypt = nil
	ref, _ := f.trailer["Encrypt"].(pdfRef)
	d, _ := f.get(f.trailer["Encrypt"]).(pdfDict)
	if d == nil {
		return fmt.Errorf("%w: its encryption data cannot be read", ingest.ErrDamaged)
	}
	if n, _ := f.get(d["Filter"]).(pdfName); n != "Standard" {
		return fmt.Errorf("%w: it uses the scheme %q", ingest.ErrEncrypted, string(n))
	}
	num := func(k pdfName, def int) int {
		if v, ok := f.get(d[k]).(int64); ok {
			return int(v)
		}
		return def
	}
	str := func(k pdfName) []byte { s, _ := f.get(d[k]).(pdfStr); return []byte(s) }
	v, r := num("V", 0), num("R", 2)
	c := &pdfCrypt{metadata: true, dictID: ref.id}
	if m, ok := f.get(d["EncryptMetadata"]).(bool); ok {
		c.metadata = m
	}
	length := num("Length", 40) / 8
	if length < 5 || length > 32 {
		length = 5
		if num("Length", 40) >= 5 && num("Length", 40) <= 16 {
			length = num("Length", 40) // given in bytes by mistake
		}
	}
	switch v {
	case 1:
		length = 5
		c.stmf, c.strf = "RC4", "RC4"
	case 2, 3:
		c.stmf, c.strf = "RC4", "RC4"
	case 4, 5:
		cf, _ := f.get(d["CF"]).(pdfDict)
		method := func(k pdfName) string {
			n, _ := f.get(d[k]).(pdfName)
			if n == "" || n == "Identity" {
				return ""
			}
			filter, _ := f.get(cf[n]).(pdfDict)
			m, _ := f.get(filter["CFM"]).(pdfName)
			switch m {
			case "V2":
				return "RC4"
			case "AESV2", "AESV3":
				return string(m)
			}
			return ""
		}
		c.stmf, c.strf = method("StmF"), method("StrF")
		if v == 4 {
			length = 16
		}
	default:
		return fmt.Errorf("%w: encryption version %d is not known", ingest.ErrEncrypted, v)
	}
	var id []byte
	if ids, _ := f.get(f.trailer["ID"]).(pdfArr); len(ids) > 0 {
		s, _ := f.get(ids[0]).(pdfStr)
		id = []byte(s)
	}
	o, u, p := str("O"), str("U"), uint32(int64(num("P", 0)))
	for _, pw := range append([]string{""}, f.j.o.Passwords...) {
		var key []byte
		if r >= 5 {
			key = keyR5(pw, r, o, u, str("OE"), str("UE"))
		} else {
			key = keyR4(pw, r, length, o, u, p, id, c.metadata)
		}
		if key != nil {
			c.key = key
			f.crypt = c
			return nil
		}
	}
	return fmt.Errorf("%w: this PDF (--password-file names a file of passwords to try)", ingest.ErrEncrypted)
}

var pdfPad = []byte("\x28\xBF\x4E\x5E\x4E\x75\x8A\x41\x64\x00\x4E\x56\xFF\xFA\x01\x08\x2E\x2E\x00\xB6\xD0\x68\x3E\x80\x2F\x0C\xA9\xFE\x64\x53\x69\x7A")

func padPassword(pw []byte) []byte {
	return append(append([]byte{}, pw[:min(len(pw), 32)]...), pdfPad...)[:32]
}

// keyR4 returns the file's key when pw is the user or the owner password, else
// nil. Revisions 2 to 4.
func keyR4(pw string, r, n int, o, u []byte, p uint32, id []byte, metadata bool) []byte {
	if len(o) < 32 || len(u) < 16 {
		return nil
	}
	o = o[:32]
	if key := userKeyR4([]byte(pw), r, n, o, u, p, id, metadata); key != nil {
		return key
	}
	// As owner password: it decrypts O to the user password.
	h := md5.Sum(padPassword([]byte(pw)))
	k := h[:]
	if r >= 3 {
		for range 50 {
			s := md5.Sum(k)
			k = s[:]
		}
	}
	k = k[:min(n, 16)]
	user := bytes.Clone(o)
	if r == 2 {
		rc4With(k, user)
	} else {
		for i := 19; i >= 0; i-- {
			rc4With(xorKey(k, byte(i)), user)
		}
	}
	return userKeyR4(user, r, n, o, u, p, id, metadata)
}

func userKeyR4(pw []byte, r, n int, o, u []byte, p uint32, id []byte, metadata bool) []byte {
	h := md5.New()
	h.Write(padPassword(pw))
	h.Write(o)
	h.Write([]byte{byte(p), byte(p >> 8), byte(p >> 16), byte(p >> 24)})
	h.Write(id)
	if r >= 4 && !metadata {
		h.Write([]byte{0xff, 0xff, 0xff, 0xff})
	}
	key := h.Sum(nil)
	n = min(n, 16)
	if r >= 3 {
		for range 50 {
			s := md5.Sum(key[:n])
			key = s[:]
		}
	} else {
		n = 5
	}
	key = key[:n]
	if r == 2 {
		check := bytes.Clone(pdfPad)
		rc4With(key, check)
		if bytes.Equal(check[:16], u[:16]) {
			return key
		}
		return nil
	}
	s := md5.Sum(append(bytes.Clone(pdfPad), id...))
	check := s[:]
	for i := range 20 {
		rc4With(xorKey(key, byte(i)), check)
	}
	if bytes.Equal(check, u[:16]) {
		return key
	}
	return nil
}

func xorKey(key []byte, x byte) []byte {
	out := make([]byte, len(key))
	for i, c := range key {
		out[i] = c ^ x
	}
	return out
}

func rc4With(key, data []byte) {
	if c, err := rc4.NewCipher(key); err == nil {
		c.XORKeyStream(data, data)
	}
}

// keyR5 is keyR4 for revisions 5 and 6.
func keyR5(pw string, r int, o, u, oe, ue []byte) []byte {
	if len(o) < 48 || len(u) < 48 || len(oe) < 32 || len(ue) < 32 {
		return nil
	}
	p := []byte(pw)
	p = p[:min(len(p), 127)]
	hash := func(salt, extra []byte) []byte {
		if r == 5 {
			s := sha256.Sum256(append(append(bytes.Clone(p), salt...), extra...))
			return s[:]
		}
		return hashR6(p, salt, extra)
	}
	var k, wrapped []byte
	switch {
	case bytes.Equal(hash(u[32:40], nil), u[:32]):
		k, wrapped = hash(u[40:48], nil), ue[:32]
	case bytes.Equal(hash(o[32:40], u[:48]), o[:32]):
		k, wrapped = hash(o[40:48], u[:48]), oe[:32]
	default:
		return nil
	}
	block, err := aes.NewCipher(k)
	if err != nil {
		return nil
	}
	key := bytes.Clone(wrapped)
	cipher.NewCBCDecrypter(block, make([]byte, 16)).CryptBlocks(key, key)
	return key
}

// hashR6 is algorithm 2.B of ISO 32000-2.
func hashR6(pw, salt, extra []byte) []byte {
	s := sha256.Sum256(append(append(bytes.Clone(pw), salt...), extra...))
	k := s[:]
	for i := 0; ; i++ {
		k1 := bytes.Repeat(append(append(bytes.Clone(pw), k...), extra...), 64)
		block, err := aes.NewCipher(k[:16])
		if err != nil {
			return nil
		}
		cipher.NewCBCEncrypter(block, k[16:32]).CryptBlocks(k1, k1)
		mod := 0
		for _, c := range k1[:16] {
			mod += int(c)
		}
		switch mod % 3 {
		case 0:
			s := sha256.Sum256(k1)
			k = s[:]
		case 1:
			s := sha512.Sum384(k1)
			k = s[:]
		default:
			s := sha512.Sum512(k1)
			k = s[:]
		}
		if i >= 63 && int(k1[len(k1)-1]) <= i-31 {
			return k[:32]
		}
	}
}

func (c *pdfCrypt) apply(method string, ref pdfRef, data []byte) []byte {
	if method == "" {
		return data
	}
	key := c.key
	if method != "AESV3" {
		h := md5.New()
		h.Write(c.key)
		h.Write([]byte{byte(ref.id), byte(ref.id >> 8), byte(ref.id >> 16), byte(ref.gen), byte(ref.gen >> 8)})
		if method == "AESV2" {
			h.Write([]byte("sAlT"))
		}
		key = h.Sum(nil)[:min(len(c.key)+5, 16)]
	}
	if method == "RC4" {
		out := bytes.Clone(data)
		rc4With(key, out)
		return out
	}
	if len(data) < 32 {
		return nil
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil
	}
	out := bytes.Clone(data[16:])
	out = out[:len(out)&^15]
	cipher.NewCBCDecrypter(block, data[:16]).CryptBlocks(out, out)
	if n := len(out); n > 0 {
		if pad := int(out[n-1]); pad >= 1 && pad <= 16 {
			out = out[:n-pad]
		}
	}
	return out
}

func (c *pdfCrypt) stream(s *pdfStream, data []byte, names []pdfName, params []pdfDict) []byte {
	switch s.dict["Type"] {
	case pdfName("XRef"):
		return data
	case pdfName("Metadata"):
		if !c.metadata {
			return data
		}
	}
	for i, n := range names {
		if n == "Crypt" && (params[i]["Name"] == nil || params[i]["Name"] == pdfName("Identity")) {
			return data
		}
	}
	return c.apply(c.stmf, s.ref, data)
}

// decrypted is o with its strings decrypted.
func (f *pdfFile) decrypted(o any, ref pdfRef) any {
	if f.crypt == nil || ref.id == f.crypt.dictID {
		return o
	}
	switch v := o.(type) {
	case pdfStr:
		return pdfStr(f.crypt.apply(f.crypt.strf, ref, []byte(v)))
	case pdfArr:
		for i := range v {
			v[i] = f.decrypted(v[i], ref)
		}
	case pdfDict:
		for k := range v {
			v[k] = f.decrypted(v[k], ref)
		}
	}
	return o
}
