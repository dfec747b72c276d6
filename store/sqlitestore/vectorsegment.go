package sqlitestore

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/lore-kb/lore/store"
)

// Sections of a segment of vectors.
const (
	vecHead  = iota // rows, dimension, bytes of a code
	vecCodes        // 8 bits a dimension
	vecFloats
	vecKeys        // key of the point of each row, ascending
	vecDigests     // 16 bytes a row
	vecDigestOrder // rows in order of digest
	vecScales
	vecSums // of a row's code
	vectorSections

	// What follows is there in large segments.
	vecMean = iota - 1
	vecBits
	vecFactors
	vecSpreads
	vecOnes
	coarseSections
)

// detailSections are the last two of a segment that holds details: where each
// row's ends, 8 bytes a row, and the bytes.
const detailSections = 2

// vectorSegment holds dense vectors in order of the keys of their points: the
// normalised vector and an 8-bit code of it, which is scale × code.
type vectorSegment struct {
	*segment
	n, dim, width int
	keys          []uint32
	digests       []byte   // unverified
	digestOrder   []uint32 // unverified
	scales        []float32
	sums          []int32 // unverified
	largestScale  float32
	codes         []int8    // unverified
	floats        []float32 // unverified
	coarse        *coarse   // nil in small segments; its bits are unverified
	detailAt      int       // section of the details' ends; 0: there are none. Both are unverified
	languages     *rowLanguages
}

// vectorRow is a row of a new segment.
type vectorRow struct {
	key    uint32
	digest [16]byte
	vector store.Vector // normalised
	detail []byte

	// What quantise gives, where a segment has it already; else code is empty.
	code  []int8
	scale float32
	sum   int32
}

// codeWidth is the length of a code: the dimension, padded for the kernels.
func codeWidth(dim int) int { return (dim + 63) / 64 * 64 }

// quantise codes a vector with 8 bits a dimension; code is padded with zeros.
func quantise(v []float32, code []int8) (scale float32, sum int32) {
	var top float32
	for _, x := range v {
		top = max(top, float32(math.Abs(float64(x))))
	}
	clear(code)
	if top == 0 {
		return 0, 0
	}
	f := 127 / top
	for i, x := range v {
		c := int8(math.RoundToEven(float64(x * f)))
		code[i] = c
		sum += int32(c)
	}
	return top / 127, sum
}

// vectorSource yields the rows of a new segment, in order of keys. Of their
// details only the length is sure unless they are wanted. A row is good until the
// next one.
type vectorSource func(details bool, yield func(*vectorRow) error) error

// writeVectors writes a segment of n rows. The source is read several times, so
// that a large segment needs little memory.
func writeVectors(out io.Writer, n, dim int, source vectorSource) (int64, error) {
	width := codeWidth(dim)
	s := newSegmentWriter(out)
	head := binary.LittleEndian.AppendUint32(nil, uint32(n))
	head = binary.LittleEndian.AppendUint32(head, uint32(dim))
	s.section(binary.LittleEndian.AppendUint32(head, uint32(width)))
	keys := make([]uint32, 0, n)
	digests := make([]byte, 0, 16*n)
	code := make([]int8, width)
	scales, sums := make([]float32, 0, n), make([]int32, 0, n)
	s.begin()
	var ends []uint64
	end := uint64(0)
	if err := source(false, func(r *vectorRow) error {
		keys = append(keys, r.key)
		digests = append(digests, r.digest[:]...)
		end += uint64(len(r.detail))
		ends = append(ends, end)
		row, scale, sum := r.code, r.scale, r.sum
		if len(row) == 0 {
			row = code
			scale, sum = quantise(r.vector, code)
		}
		scales, sums = append(scales, scale), append(sums, sum)
		s.write(bytesOf(row))
		return s.err
	}); err != nil {
		return 0, err
	}
	s.begin()
	if err := source(false, func(r *vectorRow) error {
		s.write(bytesOf(r.vector))
		return s.err
	}); err != nil {
		return 0, err
	}
	order := make([]uint32, n)
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(a, b uint32) int {
		if c := bytes.Compare(digests[16*a:16*a+16], digests[16*b:16*b+16]); c != 0 {
			return c
		}
		return int(a) - int(b)
	})
	writeNumbers(s, keys)
	s.section(digests)
	writeNumbers(s, order)
	writeNumbers(s, scales)
	writeNumbers(s, sums)
	if n >= coarseRows {
		if err := writeCoarse(s, n, width, source); err != nil {
			return 0, err
		}
	}
	if end > 0 {
		writeNumbers(s, ends)
		s.begin()
		if err := source(true, func(r *vectorRow) error {
			s.write(r.detail)
			return s.err
		}); err != nil {
			return 0, err
		}
	}
	return s.finish()
}

func writeCoarse(s *segmentWriter, n, width int, source vectorSource) error {
	total := make([]float64, width)
	if err := source(false, func(r *vectorRow) error {
		for i, x := range r.vector {
			total[i] += float64(x)
		}
		return nil
	}); err != nil {
		return err
	}
	mean := make([]float32, width)
	for i, x := range total {
		mean[i] = float32(x / float64(n))
	}
	b := newCoarseBuilder(n, mean)
	if err := source(false, func(r *vectorRow) error {
		b.add(r.vector)
		return nil
	}); err != nil {
		return err
	}
	writeNumbers(s, mean)
	writeNumbers(s, b.bits)
	writeNumbers(s, b.factor)
	writeNumbers(s, b.spread)
	writeNumbers(s, b.ones)
	return nil
}

func buildVectors(out io.Writer, dim int, rows []vectorRow) (int64, error) {
	return writeVectors(out, len(rows), dim, func(_ bool, yield func(*vectorRow) error) error {
		for i := range rows {
			if err := yield(&rows[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// openVectors opens a segment of vectors and checks what every search needs of
// it; the rest is checked when it is read.
func openVectors(s *segment) (*vectorSegment, error) {
	v := &vectorSegment{segment: s, languages: &rowLanguages{}}
	fail := fmt.Errorf("%s: %w", s.name, errSegment)
	if len(s.sections) < 2*vectorSections {
		return nil, fail
	}
	for _, i := range []int{vecHead, vecKeys, vecScales} {
		if _, err := s.checked(i); err != nil {
			return nil, err
		}
	}
	head := s.section(vecHead)
	if len(head) != 12 {
		return nil, fail
	}
	v.n, v.dim, v.width = int(binary.LittleEndian.Uint32(head)), int(binary.LittleEndian.Uint32(head[4:])), int(binary.LittleEndian.Uint32(head[8:]))
	v.keys = numbersOf[uint32](s.section(vecKeys))
	v.digests = s.section(vecDigests)
	v.digestOrder = numbersOf[uint32](s.section(vecDigestOrder))
	v.scales = numbersOf[float32](s.section(vecScales))
	v.sums = numbersOf[int32](s.section(vecSums))
	v.codes = numbersOf[int8](s.section(vecCodes))
	v.floats = numbersOf[float32](s.section(vecFloats))
	for _, x := range v.scales {
		v.largestScale = max(v.largestScale, x)
	}
	if len(v.keys) != v.n || len(v.digests) != 16*v.n || len(v.digestOrder) != v.n || len(v.scales) != v.n || len(v.sums) != v.n ||
		v.width != codeWidth(v.dim) || len(v.codes) != v.n*v.width || len(v.floats) != v.n*v.dim {
		return nil, fail
	}
	sections := len(s.sections) / 2
	if sections == vectorSections+detailSections || sections == coarseSections+detailSections {
		sections -= detailSections
		v.detailAt = sections
		ends := s.section(v.detailAt)
		if len(ends) != 8*v.n {
			return nil, fail
		}
		if v.n > 0 {
			if err := s.verifyIn(v.detailAt, int64(8*v.n-8), int64(8*v.n)); err != nil {
				return nil, err
			}
			if binary.LittleEndian.Uint64(ends[8*v.n-8:]) != uint64(len(s.section(v.detailAt+1))) {
				return nil, fail
			}
		}
	}
	if sections == vectorSections {
		return v, nil
	}
	if sections != coarseSections {
		return nil, fail
	}
	for _, i := range []int{vecMean, vecFactors, vecSpreads, vecOnes} {
		if _, err := s.checked(i); err != nil {
			return nil, err
		}
	}
	c := &coarse{
		mean: numbersOf[float32](s.section(vecMean)), bits: numbersOf[uint64](s.section(vecBits)), factor: numbersOf[float32](s.section(vecFactors)),
		spread: numbersOf[float32](s.section(vecSpreads)), ones: numbersOf[int32](s.section(vecOnes)),
	}
	if len(c.mean) != v.width || len(c.bits) != (v.n+7)/8*v.width/8 || len(c.factor) != v.n || len(c.spread) != v.n || len(c.ones) != v.n {
		return nil, fail
	}
	v.coarse = c
	return v, nil
}

// row returns the row of a key.
func (v *vectorSegment) row(key uint32) (uint32, bool) {
	i, ok := slices.BinarySearch(v.keys, key)
	return uint32(i), ok
}

// vector returns the vector of a row; it is a view of the segment.
func (v *vectorSegment) vector(row uint32) ([]float32, error) {
	from, to := int(row)*v.dim, int(row+1)*v.dim
	if err := v.verifyIn(vecFloats, int64(4*from), int64(4*to)); err != nil {
		return nil, err
	}
	return v.floats[from:to:to], nil
}

// code returns what quantise gave for the vector of a row; the code is a view of
// the segment.
func (v *vectorSegment) code(row uint32) (code []int8, scale float32, sum int32, err error) {
	from, to := int(row)*v.width, int(row+1)*v.width
	if err := v.verifyIn(vecCodes, int64(from), int64(to)); err != nil {
		return nil, 0, 0, err
	}
	if err := v.verifyIn(vecSums, 4*int64(row), 4*int64(row)+4); err != nil {
		return nil, 0, 0, err
	}
	return v.codes[from:to:to], v.scales[row], v.sums[row], nil
}

// detail returns what is kept beside the vector of a row, a view of the segment
// whose bytes are verified if they are wanted; nil when there is nothing.
func (v *vectorSegment) detail(row uint32, wanted bool) ([]byte, error) {
	if v.detailAt == 0 {
		return nil, nil
	}
	first := int64(8 * row)
	if row > 0 {
		first -= 8
	}
	if err := v.verifyIn(v.detailAt, first, int64(8*row+8)); err != nil {
		return nil, err
	}
	ends, all := v.section(v.detailAt), v.section(v.detailAt+1)
	var from uint64
	if row > 0 {
		from = binary.LittleEndian.Uint64(ends[8*row-8:])
	}
	to := binary.LittleEndian.Uint64(ends[8*row:])
	if from > to || to > uint64(len(all)) {
		return nil, fmt.Errorf("%s: %w: detail of row %d", v.name, errSegment, row)
	}
	if from == to {
		return nil, nil
	}
	if wanted {
		if err := v.verifyIn(v.detailAt+1, int64(from), int64(to)); err != nil {
			return nil, err
		}
	}
	return all[from:to:to], nil
}

// digest returns the digest of the text of a row.
func (v *vectorSegment) digest(row uint32) (d [16]byte, err error) {
	if err := v.verifyIn(vecDigests, int64(16*row), int64(16*row+16)); err != nil {
		return d, err
	}
	return [16]byte(v.digests[16*row:]), nil
}

// eachDigest visits the rows of a digest.
func (v *vectorSegment) eachDigest(digest []byte, visit func(row uint32) bool) error {
	for _, i := range []int{vecDigests, vecDigestOrder} {
		if _, err := v.checked(i); err != nil {
			return err
		}
	}
	i, _ := slices.BinarySearchFunc(v.digestOrder, digest, func(row uint32, digest []byte) int {
		return bytes.Compare(v.digests[16*row:16*row+16], digest)
	})
	for ; i < v.n; i++ {
		row := v.digestOrder[i]
		if !bytes.Equal(v.digests[16*row:16*row+16], digest) || !visit(row) {
			break
		}
	}
	return nil
}

// mergeVectors writes one segment of the live rows of several segments, which
// have no live key in common.
func mergeVectors(out io.Writer, in []*vectorState, interrupted func() error) (n int, size int64, err error) {
	for _, s := range in {
		n += s.n - s.dead.count()
	}
	if n == 0 {
		return 0, 0, nil
	}
	count := 0
	size, err = writeVectors(out, n, in[0].dim, func(details bool, yield func(*vectorRow) error) error {
		at := make([]uint32, len(in))
		var r vectorRow
		for {
			best := -1
			for i, s := range in {
				for int(at[i]) < s.n && s.dead.has(at[i]) {
					at[i]++
				}
				if int(at[i]) < s.n && (best < 0 || s.keys[at[i]] < in[best].keys[at[best]]) {
					best = i
				}
			}
			if best < 0 {
				return nil
			}
			if count++; count%1024 == 0 {
				if err := interrupted(); err != nil {
					return err
				}
			}
			s, row := in[best], at[best]
			at[best]++
			r.key = s.keys[row]
			if r.digest, err = s.digest(row); err != nil {
				return err
			}
			if r.vector, err = s.vector(row); err != nil {
				return err
			}
			if r.detail, err = s.detail(row, details); err != nil {
				return err
			}
			if r.code, r.scale, r.sum, err = s.code(row); err != nil {
				return err
			}
			if err := yield(&r); err != nil {
				return err
			}
		}
	})
	return n, size, err
}
