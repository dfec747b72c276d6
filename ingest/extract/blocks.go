package extract

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"

	"github.com/klauspost/compress/zstd"

	"github.com/lore-kb/lore/ingest"
)

// unLZ4 unpacks an LZ4 block to at most limit bytes, as far as it is sound.
func unLZ4(b []byte, limit int) []byte {
	var out []byte
	for len(b) > 0 {
		token := b[0]
		b = b[1:]
		length := func(n int) (int, bool) {
			if n != 15 {
				return n, true
			}
			for {
				if len(b) == 0 {
					return 0, false
				}
				c := b[0]
				b = b[1:]
				n += int(c)
				if c != 255 {
					return n, true
				}
			}
		}
		n, ok := length(int(token >> 4))
		if !ok || n > len(b) || n > limit-len(out) {
			return out
		}
		out = append(out, b[:n]...)
		if b = b[n:]; len(b) < 2 {
			return out
		}
		back := int(binary.LittleEndian.Uint16(b))
		b = b[2:]
		n, ok = length(int(token & 15))
		if n += 4; !ok || back == 0 || back > len(out) || n > limit-len(out) {
			return out
		}
		for range n {
			out = append(out, out[len(out)-back])
		}
	}
	return out
}

// unLZ4Hadoop unpacks blocks with the sizes that Hadoop writes before each, or a
// plain block.
func unLZ4Hadoop(b []byte, limit int) []byte {
	var out []byte
	for rest := b; ; {
		if len(rest) == 0 {
			return out
		}
		if len(rest) < 8 {
			break
		}
		size, packed := int64(binary.BigEndian.Uint32(rest)), int64(binary.BigEndian.Uint32(rest[4:]))
		if packed > int64(len(rest)-8) || size > int64(limit-len(out)) {
			break
		}
		part := unLZ4(rest[8:8+packed], int(size))
		if int64(len(part)) != size {
			break
		}
		out = append(out, part...)
		rest = rest[8+packed:]
	}
	return unLZ4(b, limit)
}

// unzstd unpacks Zstandard data to at most limit bytes.
func unzstd(b []byte, limit int) ([]byte, error) {
	d, err := newZstd(b)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	out, err := readLimited(d, limit, limit)
	if err != nil {
		return out, fmt.Errorf("%w: %w", ingest.ErrDamaged, err)
	}
	return out, nil
}

// newZstd bounds what a frame may ask for before it gives anything.
func newZstd(b []byte) (*zstd.Decoder, error) {
	return zstd.NewReader(bytes.NewReader(b), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(64<<20))
}

func gunzip(b []byte, limit int) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return readLimited(r, limit, limit)
}
