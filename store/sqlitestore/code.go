package sqlitestore

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"time"

	"github.com/lore-kb/lore/store"
)

// Records are coded as variable-length integers and length-prefixed strings.

func putInt(b []byte, n int) []byte { return binary.AppendVarint(b, int64(n)) }

func putUint(b []byte, n int) []byte { return binary.AppendUvarint(b, uint64(n)) }

func putString(b []byte, s string) []byte {
	return append(putUint(b, len(s)), s...)
}

func putStrings(b []byte, list []string) []byte {
	b = putUint(b, len(list))
	for _, s := range list {
		b = putString(b, s)
	}
	return b
}

// putTime codes an instant; the zone is dropped.
func putTime(b []byte, t time.Time) []byte {
	b = binary.AppendVarint(b, t.Unix())
	return putUint(b, t.Nanosecond())
}

var errRecord = errors.New("record is cut short or damaged")

// record decodes what the functions above coded. After the first fault it
// yields zero values and err is set.
type record struct {
	b   []byte
	err error
}

func (r *record) int() int {
	n, k := binary.Varint(r.b)
	if k <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[k:]
	return int(n)
}

func (r *record) uint() int {
	n, k := binary.Uvarint(r.b)
	if k <= 0 || n > math.MaxInt64 {
		r.fail()
		return 0
	}
	r.b = r.b[k:]
	return int(n)
}

// count reads a number of things that take at least a byte each.
func (r *record) count() int {
	n := r.uint()
	if n > len(r.b) {
		r.fail()
		return 0
	}
	return n
}

func (r *record) bytes(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.fail()
		return nil
	}
	out := r.b[:n:n]
	r.b = r.b[n:]
	return out
}

func (r *record) string() string { return string(r.bytes(r.uint())) }

func (r *record) hex() string {
	n := r.uint()
	b := r.bytes(n / 2)
	if n&1 == 0 {
		return string(b)
	}
	return hex.EncodeToString(b)
}

func (r *record) strings() []string {
	n := r.count()
	if n == 0 {
		return nil
	}
	out := make([]string, n)
	for i := range out {
		out[i] = r.string()
	}
	return out
}

func (r *record) time() time.Time {
	sec, nsec := r.int(), r.uint()
	return time.Unix(int64(sec), int64(nsec)).UTC()
}

func (r *record) fail() {
	r.b = nil
	if r.err == nil {
		r.err = errRecord
	}
}

// sortableTime codes an instant so that bytes compare as instants do.
func sortableTime(t time.Time) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(t.Unix())^1<<63)
	return binary.BigEndian.AppendUint32(b, uint32(t.Nanosecond()))
}

// timeOf is the inverse of sortableTime; the zero time for what is none.
func timeOf(b []byte) time.Time {
	if len(b) != 12 {
		return time.Time{}
	}
	return time.Unix(int64(binary.BigEndian.Uint64(b)^1<<63), int64(binary.BigEndian.Uint32(b[8:]))).UTC()
}

// parseUUID reads the canonical form and reports whether s is in it.
func parseUUID(s string) (id [16]byte, ok bool) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return id, false
	}
	for i, from := range [16]int{0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34} {
		hi, lo := nibble(s[from]), nibble(s[from+1])
		if hi|lo > 15 {
			return id, false
		}
		id[i] = hi<<4 | lo
	}
	return id, true
}

func nibble(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	}
	return 0xff
}

func formatUUID(id []byte) string {
	var b [36]byte
	hex.Encode(b[:8], id[:4])
	hex.Encode(b[9:13], id[4:6])
	hex.Encode(b[14:18], id[6:8])
	hex.Encode(b[19:23], id[8:10])
	hex.Encode(b[24:], id[10:16])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

// parseDigest reads 32 lower-case hexadecimal digits.
func parseDigest(s string) (d [16]byte, ok bool) {
	if len(s) != 32 {
		return d, false
	}
	for i := range d {
		hi, lo := nibble(s[2*i]), nibble(s[2*i+1])
		if hi|lo > 15 {
			return d, false
		}
		d[i] = hi<<4 | lo
	}
	return d, true
}

// digestKey is a digest as segments keep it; what is no digest is hashed.
func digestKey(s string) [16]byte {
	d, ok := parseDigest(s)
	if !ok {
		d, _ = parseDigest(store.Digest(s))
	}
	return d
}
