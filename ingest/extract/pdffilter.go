package extract

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/lore-kb/lore/ingest"
)

func sortInts(s []int) { slices.Sort(s) }

var errPDFFilter = errors.New("filter that carries no text")

// filters are the names of a stream's filters with their parameters.
func (f *pdfFile) filters(s *pdfStream) (names []pdfName, params []pdfDict) {
	get := func(long, short pdfName) any {
		if v := f.get(s.dict[long]); v != nil {
			return v
		}
		return f.get(s.dict[short])
	}
	filter, parms := get("Filter", "F"), get("DecodeParms", "DP")
	switch v := filter.(type) {
	case pdfName:
		names = []pdfName{v}
	case pdfArr:
		for _, o := range v {
			n, _ := f.get(o).(pdfName)
			names = append(names, n)
		}
	}
	params = make([]pdfDict, len(names))
	switch v := parms.(type) {
	case pdfDict:
		if len(params) > 0 {
			params[0] = v
		}
	case pdfArr:
		for i, o := range v {
			if i < len(params) {
				params[i], _ = f.get(o).(pdfDict)
			}
		}
	}
	return names, params
}

// decode decrypts and decodes a stream. When its data breaks off, what came
// before is returned with the error. More than limit bytes end the reading.
func (f *pdfFile) decode(s *pdfStream, limit int) ([]byte, error) {
	names, params := f.filters(s)
	if len(names) > 8 {
		return nil, errPDFFilter
	}
	data := s.raw
	if s.ref != (pdfRef{}) && f.crypt != nil {
		data = f.crypt.stream(s, data, names, params)
	}
	if f.j.streamMax > 0 {
		limit = min(limit, f.j.streamMax)
	}
	var err error
	for i, n := range names {
		f.j.check()
		var e error
		switch n {
		case "FlateDecode", "Fl":
			data, e = inflate(data, limit)
			data = f.unpredict(data, params[i])
		case "LZWDecode", "LZW":
			early := int64(1)
			if v, ok := f.get(params[i]["EarlyChange"]).(int64); ok {
				early = v
			}
			data, e = unLZW(data, early != 0, limit)
			data = f.unpredict(data, params[i])
		case "ASCII85Decode", "A85":
			data = unASCII85(data)
		case "ASCIIHexDecode", "AHx":
			l := &pdfLexer{b: append([]byte{'<'}, data...)}
			data = []byte(l.hex())
		case "RunLengthDecode", "RL":
			data, e = unRunLength(data, limit)
		case "Crypt":
		default:
			return nil, errPDFFilter
		}
		if e != nil {
			err = e
		}
		if errors.Is(e, ingest.ErrTooLarge) {
			return nil, e
		}
	}
	return data, err
}

func tooMuch(limit int) error {
	return fmt.Errorf("%w: a stream unpacks to more than %d MB", ingest.ErrTooLarge, limit>>20)
}

func inflate(data []byte, limit int) ([]byte, error) {
	if len(data) < 2 {
		return nil, io.ErrUnexpectedEOF
	}
	src := data
	if data[0]&0x0f == 8 && (int(data[0])<<8|int(data[1]))%31 == 0 {
		src = data[2:]
	} else if data = bytes.TrimLeft(data, "\r\n"); len(data) > 2 && data[0]&0x0f == 8 {
		src = data[2:]
	}
	// The checksum after the data is not looked at: readers of every make
	// accept files in which it is wrong.
	r := flate.NewReader(bytes.NewReader(src))
	out, err := readLimited(r, limit, len(src)*4)
	if err != nil && !errors.Is(err, ingest.ErrTooLarge) && len(out) == 0 {
		if raw, e := readLimited(flate.NewReader(bytes.NewReader(data)), limit, len(data)*4); e == nil {
			return raw, nil
		}
	}
	return out, err
}

// readLimited reads all of r and fails beyond limit bytes.
func readLimited(r io.Reader, limit, guess int) ([]byte, error) {
	buf := make([]byte, 0, max(512, min(guess, limit, 8<<20)))
	for {
		if len(buf) == cap(buf) {
			buf = slices.Grow(buf, max(cap(buf), 512))
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if len(buf) > limit {
			return nil, tooMuch(limit)
		}
		if err == io.EOF {
			return buf, nil
		}
		if err != nil {
			return buf, err
		}
	}
}

// unLZW decodes PDF's variant of LZW: codes of 9 to 12 bits, most significant
// bit first; early says that the width grows one code early.
func unLZW(data []byte, early bool, limit int) ([]byte, error) {
	type entry struct {
		prev  int16
		first byte
		last  byte
		n     int
	}
	var table [4096]entry
	for i := range 256 {
		table[i] = entry{-1, byte(i), byte(i), 1}
	}
	next, width, prev := 258, 9, -1
	var out []byte
	acc, bits := 0, 0
	delta := 0
	if early {
		delta = 1
	}
	for _, c := range data {
		acc = acc<<8 | int(c)
		bits += 8
		if bits < width {
			continue
		}
		code := acc >> (bits - width) & (1<<width - 1)
		bits -= width
		acc &= 1<<bits - 1
		switch {
		case code == 256:
			next, width, prev = 258, 9, -1
			continue
		case code == 257:
			return out, nil
		case code < next && code != 256 && code != 257, code == next && prev >= 0:
		default:
			return out, errors.New("broken LZW data")
		}
		if prev >= 0 && next < 4096 {
			e := entry{int16(prev), table[prev].first, 0, table[prev].n + 1}
			if code == next {
				e.last = e.first
			} else {
				e.last = table[code].first
			}
			table[next] = e
			next++
		}
		n := table[code].n
		if len(out)+n > limit {
			return nil, tooMuch(limit)
		}
		at := len(out)
		out = append(out, make([]byte, n)...)
		for k, c := n-1, code; k >= 0 && c >= 0; k-- {
			out[at+k] = table[c].last
			c = int(table[c].prev)
		}
		prev = code
		if next+delta >= 1<<width && width < 12 {
			width++
		}
	}
	return out, nil
}

func unASCII85(data []byte) []byte {
	data = bytes.TrimPrefix(bytes.TrimLeft(data, "\r\n\t "), []byte("<~"))
	out := make([]byte, 0, len(data)*4/5)
	var v uint32
	n := 0
	for _, c := range data {
		switch {
		case c == '~':
			goto tail
		case c == 'z' && n == 0:
			out = append(out, 0, 0, 0, 0)
		case c >= '!' && c <= 'u':
			v = v*85 + uint32(c-'!')
			if n++; n == 5 {
				out = append(out, byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
				v, n = 0, 0
			}
		}
	}
tail:
	if n > 1 {
		for k := n; k < 5; k++ {
			v = v*85 + 84
		}
		out = append(out, []byte{byte(v >> 24), byte(v >> 16), byte(v >> 8)}[:n-1]...)
	}
	return out
}

func unRunLength(data []byte, limit int) ([]byte, error) {
	var out []byte
	for i := 0; i < len(data); {
		n := int(data[i])
		i++
		switch {
		case n == 128:
			return out, nil
		case n < 128:
			end := min(i+n+1, len(data))
			out = append(out, data[i:end]...)
			i = end
		case i < len(data):
			out = append(out, bytes.Repeat(data[i:i+1], 257-n)...)
			i++
		}
		if len(out) > limit {
			return nil, tooMuch(limit)
		}
	}
	return out, nil
}

// unpredict undoes the PNG and TIFF predictors.
func (f *pdfFile) unpredict(data []byte, p pdfDict) []byte {
	num := func(k pdfName, def int) int {
		if v, ok := f.get(p[k]).(int64); ok && v > 0 && v < 1<<20 {
			return int(v)
		}
		return def
	}
	pred := num("Predictor", 1)
	if pred < 2 {
		return data
	}
	colors, bits, columns := num("Colors", 1), num("BitsPerComponent", 8), num("Columns", 1)
	if colors > 64 || bits > 32 {
		return data
	}
	bpp := max(1, colors*bits/8)
	row := (columns*colors*bits + 7) / 8
	if pred == 2 {
		if bits == 8 {
			for at := 0; at+row <= len(data); at += row {
				for i := at + bpp; i < at+row; i++ {
					data[i] += data[i-bpp]
				}
			}
		}
		return data
	}
	out := make([]byte, 0, len(data))
	up := make([]byte, row)
	for len(data) > 1 {
		kind := data[0]
		n := min(row, len(data)-1)
		cur := make([]byte, row)
		copy(cur, data[1:1+n])
		data = data[1+n:]
		for i := range n {
			var left, upLeft byte
			if i >= bpp {
				left, upLeft = cur[i-bpp], up[i-bpp]
			}
			switch kind {
			case 1:
				cur[i] += left
			case 2:
				cur[i] += up[i]
			case 3:
				cur[i] += byte((int(left) + int(up[i])) / 2)
			case 4:
				a, b, c := int(left), int(up[i]), int(upLeft)
				pa, pb, pc := abs(b-c), abs(a-c), abs(a+b-2*c)
				switch {
				case pa <= pb && pa <= pc:
					cur[i] += left
				case pb <= pc:
					cur[i] += up[i]
				default:
					cur[i] += upLeft
				}
			}
		}
		out = append(out, cur[:n]...)
		up = cur
	}
	return out
}

func abs(v int) int {
	if v < 0 {
		return -v
	}
	return v
}
