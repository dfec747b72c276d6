package extract

import (
	"encoding/binary"
	"errors"
)

// thriftReader reads Thrift's compact protocol, in which Parquet files describe
// themselves, into maps from field numbers to values: int64, bool, float64 as
// bits, []byte, []any and thriftStruct. It knows no schema.
type thriftReader struct {
	b     []byte
	nodes int // left
}

type thriftStruct map[int]any

var errThrift = errors.New("its description is malformed")

const maxThriftDepth = 32

func (t *thriftReader) byte() (byte, error) {
	if len(t.b) == 0 {
		return 0, errThrift
	}
	c := t.b[0]
	t.b = t.b[1:]
	return c, nil
}

func (t *thriftReader) uvarint() (uint64, error) {
	v, n := binary.Uvarint(t.b)
	if n <= 0 {
		return 0, errThrift
	}
	t.b = t.b[n:]
	return v, nil
}

func (t *thriftReader) varint() (int64, error) {
	v, err := t.uvarint()
	return int64(v>>1) ^ -int64(v&1), err
}

func (t *thriftReader) structure(depth int) (thriftStruct, error) {
	if depth > maxThriftDepth {
		return nil, errThrift
	}
	s := thriftStruct{}
	id := int64(0)
	for {
		c, err := t.byte()
		if err != nil {
			return nil, err
		}
		if c == 0 {
			return s, nil
		}
		if delta := int64(c >> 4); delta != 0 {
			id += delta
		} else if id, err = t.varint(); err != nil {
			return nil, err
		}
		var v any
		switch kind := c & 15; kind {
		case 1, 2:
			v = kind == 1
		default:
			if v, err = t.value(kind, depth); err != nil {
				return nil, err
			}
		}
		if id >= 0 && id < 1<<15 {
			s[int(id)] = v
		}
	}
}

func (t *thriftReader) value(kind byte, depth int) (any, error) {
	if t.nodes--; t.nodes < 0 || depth > maxThriftDepth {
		return nil, errThrift
	}
	switch kind {
	case 1, 2: // in lists a bool is a byte of its own
		c, err := t.byte()
		return c == 1, err
	case 3:
		c, err := t.byte()
		return int64(int8(c)), err
	case 4, 5, 6:
		return t.varint()
	case 7:
		if len(t.b) < 8 {
			return nil, errThrift
		}
		t.b = t.b[8:]
		return int64(0), nil
	case 8:
		n, err := t.uvarint()
		if err != nil || n > uint64(len(t.b)) {
			return nil, errThrift
		}
		v := t.b[:n:n]
		t.b = t.b[n:]
		return v, nil
	case 9, 10:
		c, err := t.byte()
		if err != nil {
			return nil, err
		}
		n := uint64(c >> 4)
		if n == 15 {
			if n, err = t.uvarint(); err != nil {
				return nil, err
			}
		}
		if n > uint64(len(t.b)) {
			return nil, errThrift
		}
		var out []any
		for range n {
			v, err := t.value(c&15, depth+1)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	case 11:
		n, err := t.uvarint()
		if err != nil || n == 0 {
			return nil, err
		}
		kinds, err := t.byte()
		if err != nil || n > uint64(len(t.b)) {
			return nil, errThrift
		}
		for range n { // nothing that is read here is a map
			for _, k := range []byte{kinds >> 4, kinds & 15} {
				if _, err := t.value(k, depth+1); err != nil {
					return nil, err
				}
			}
		}
		return nil, nil
	case 12:
		return t.structure(depth + 1)
	}
	return nil, errThrift
}

func (s thriftStruct) int(id int) int64 { v, _ := s[id].(int64); return v }

func (s thriftStruct) bool(id int) bool { v, _ := s[id].(bool); return v }

func (s thriftStruct) str(id int) string { v, _ := s[id].([]byte); return string(v) }

func (s thriftStruct) list(id int) []any { v, _ := s[id].([]any); return v }

// sub is the structure in a field; an empty one when there is none.
func (s thriftStruct) sub(id int) thriftStruct { v, _ := s[id].(thriftStruct); return v }

func (s thriftStruct) has(id int) bool { _, ok := s[id]; return ok }
