package sqlitestore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sync/atomic"
	"unsafe"
)

// A segment is an immutable run of bytes: sections that start at multiples of
// 64, then a footer with the place of each section and a checksum of each chunk
// of 64 KiB. Small segments are rows of the database, large ones files beside
// it that are mapped into memory. A checksum is compared before the bytes are
// first used, so that a damaged medium is an error and not a wrong answer.

const (
	segmentMagic = 0x3147455345524f4c // "LORESEG1"
	chunkSize    = 64 << 10
	tailSize     = 32
	maxSections  = 64
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// segmentWriter writes a segment front to back.
type segmentWriter struct {
	w        io.Writer
	at       int64
	sections []int64 // start and end of each
	sums     []uint32
	sum      uint32 // of the current chunk so far
	err      error
}

func newSegmentWriter(w io.Writer) *segmentWriter {
	s := &segmentWriter{w: w}
	s.write(binary.LittleEndian.AppendUint64(nil, segmentMagic))
	return s
}

func (s *segmentWriter) write(b []byte) {
	if s.err != nil {
		return
	}
	if _, s.err = s.w.Write(b); s.err != nil {
		return
	}
	for len(b) > 0 {
		n := min(len(b), int(chunkSize-s.at%chunkSize))
		s.sum = crc32.Update(s.sum, castagnoli, b[:n])
		s.at += int64(n)
		b = b[n:]
		if s.at%chunkSize == 0 {
			s.sums = append(s.sums, s.sum)
			s.sum = 0
		}
	}
}

var zeros [64]byte

// begin starts the next section.
func (s *segmentWriter) begin() {
	s.end()
	s.write(zeros[:-s.at&63])
	s.sections = append(s.sections, s.at)
}

func (s *segmentWriter) end() {
	if len(s.sections)%2 == 1 {
		s.sections = append(s.sections, s.at)
	}
}

// section writes a whole section.
func (s *segmentWriter) section(b []byte) {
	s.begin()
	s.write(b)
}

func writeNumbers[T uint32 | int32 | float32 | uint64 | int64 | uint16](s *segmentWriter, v []T) {
	s.begin()
	s.write(bytesOf(v))
}

// finish writes the footer and returns the size of the segment.
func (s *segmentWriter) finish() (int64, error) {
	s.end()
	s.write(zeros[:-s.at&63])
	if s.at%chunkSize != 0 {
		s.sums = append(s.sums, s.sum)
	}
	foot := append(bytesOf(s.sections), bytesOf(s.sums)...)
	body := s.at
	foot = binary.LittleEndian.AppendUint64(foot, uint64(body))
	foot = binary.LittleEndian.AppendUint32(foot, uint32(len(s.sections)/2))
	foot = binary.LittleEndian.AppendUint32(foot, uint32(len(s.sums)))
	foot = binary.LittleEndian.AppendUint32(foot, crc32.Checksum(foot, castagnoli))
	foot = binary.LittleEndian.AppendUint32(foot, 0)
	foot = binary.LittleEndian.AppendUint64(foot, segmentMagic)
	if s.err == nil {
		_, s.err = s.w.Write(foot)
	}
	return body + int64(len(foot)), s.err
}

// segment is an opened segment.
type segment struct {
	name     string // for errors
	b        []byte
	sections []int64
	sums     []uint32
	verified []atomic.Uint32 // one bit a chunk
	refs     atomic.Int32
	unmap    func() error
}

var errSegment = errors.New("segment is cut short or damaged")

// openSegment reads the footer.
func openSegment(name string, b []byte) (*segment, error) {
	fail := fmt.Errorf("%s: %w", name, errSegment)
	if len(b) < tailSize {
		return nil, fail
	}
	tail := b[len(b)-tailSize:]
	body := binary.LittleEndian.Uint64(tail)
	nSections, nSums := int(binary.LittleEndian.Uint32(tail[8:])), int(binary.LittleEndian.Uint32(tail[12:]))
	if binary.LittleEndian.Uint64(tail[24:]) != segmentMagic || nSections > maxSections || body > uint64(len(b)) ||
		nSums != int((body+chunkSize-1)/chunkSize) || uint64(len(b)) != body+uint64(16*nSections+4*nSums+tailSize) {
		return nil, fail
	}
	foot := b[body:]
	if crc32.Checksum(foot[:len(foot)-16], castagnoli) != binary.LittleEndian.Uint32(tail[16:]) {
		return nil, fail
	}
	s := &segment{
		name: name, b: b[:body:body], sections: append([]int64(nil), numbersOf[int64](foot[:16*nSections])...),
		sums: append([]uint32(nil), numbersOf[uint32](foot[16*nSections:16*nSections+4*nSums])...), verified: make([]atomic.Uint32, (nSums+31)/32),
	}
	for i := 0; i < 2*nSections; i += 2 {
		if from, to := s.sections[i], s.sections[i+1]; from < 8 || from%64 != 0 || to < from || to > int64(body) {
			return nil, fail
		}
	}
	return s, nil
}

// verify compares the checksums of bytes [from, to) once.
func (s *segment) verify(from, to int64) error {
	if from >= to {
		return nil
	}
	for i := from / chunkSize; i <= (to-1)/chunkSize; i++ {
		word, bit := &s.verified[i/32], uint32(1)<<(i%32)
		if word.Load()&bit != 0 {
			continue
		}
		if crc32.Checksum(s.b[i*chunkSize:min(len(s.b), int(i+1)*chunkSize)], castagnoli) != s.sums[i] {
			return fmt.Errorf("%s: %w: chunk %d", s.name, errSegment, i)
		}
		word.Or(bit)
	}
	return nil
}

// section returns a section whose bytes are not verified yet; nil if the
// segment has fewer.
func (s *segment) section(i int) []byte {
	if 2*i+1 >= len(s.sections) {
		return nil
	}
	return s.b[s.sections[2*i]:s.sections[2*i+1]:s.sections[2*i+1]]
}

// checked returns a section after comparing its checksums.
func (s *segment) checked(i int) ([]byte, error) {
	if 2*i+1 >= len(s.sections) {
		return nil, fmt.Errorf("%s: %w", s.name, errSegment)
	}
	return s.section(i), s.verify(s.sections[2*i], s.sections[2*i+1])
}

// verifyIn verifies bytes [from, to) of a section.
func (s *segment) verifyIn(section int, from, to int64) error {
	at := s.sections[2*section]
	return s.verify(at+from, at+to)
}

func (s *segment) acquire() { s.refs.Add(1) }

func (s *segment) release() error {
	if s.refs.Add(-1) == 0 && s.unmap != nil {
		return s.unmap()
	}
	return nil
}

type number interface {
	uint32 | int32 | float32 | uint64 | int64 | uint16 | int8
}

// littleEndian says whether numbers in memory look as they do in a segment.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// numbersOf views bytes as numbers, without copying where the machine allows.
func numbersOf[T number](b []byte) []T {
	size := int(unsafe.Sizeof(*new(T)))
	n := len(b) / size
	if n == 0 {
		return nil
	}
	if !littleEndian || uintptr(unsafe.Pointer(unsafe.SliceData(b)))%uintptr(size) != 0 {
		out := make([]T, n)
		_, _ = binary.Decode(b[:n*size], binary.LittleEndian, out) // fails for short input only
		return out
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), n)
}

// bytesOf is the inverse of numbersOf. The result must not be kept while v
// changes.
func bytesOf[T number](v []T) []byte {
	if len(v) == 0 {
		return nil
	}
	if !littleEndian {
		b, _ := binary.Append(nil, binary.LittleEndian, v) // fails for other types only
		return b
	}
	n := len(v) * int(unsafe.Sizeof(v[0]))
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), n)
}
