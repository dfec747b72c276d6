package layout

import (
	"encoding/binary"
	"fmt"
	"math"
)

// coarseBlockBytes is one group of a coarse word: a byte for its scale, in 255ths
// of the word's largest, and 12 bytes of codes, eight of three bits in three bytes,
// the first lowest. A coarse word starts with the largest scale as a float16. A
// value is coarseLevels[code] × scale.
const coarseBlockBytes = 1 + GroupSize*3/8

// coarseLevels are the eight values with the least squared error over the words
// of the model, each group having its best scale: 0.16 of the values' own size.
var coarseLevels = [8]float32{-2.15, -1.3503, -0.7427, -0.2267, 0.2267, 0.7427, 1.3503, 2.15}

func (s Shape) fineBytes() int { return s.Hidden / GroupSize * WordBlockBytes }

// CoarseBytes is the size of a coarse word.
func (s Shape) CoarseBytes() int { return 2 + s.Hidden/GroupSize*coarseBlockBytes }

// Word sets dst, of Hidden values, to a word's vector.
func (w *Weights) Word(dst []float32, word int) {
	switch {
	case word >= w.Pieces:
		word -= w.Pieces - w.Fine
	case word >= w.Fine:
		n := w.CoarseBytes()
		unpackCoarse(dst, w.Coarse[(word-w.Fine)*n:][:n])
		return
	}
	n := w.fineBytes()
	unpackFine(dst, w.Words[word*n:][:n])
}

func unpackFine(dst []float32, packed []byte) {
	for g := range len(dst) / GroupSize {
		block := packed[g*WordBlockBytes:][:WordBlockBytes]
		scale := Float16(binary.LittleEndian.Uint16(block))
		d := dst[g*GroupSize:][:GroupSize]
		for j, b := range block[2:] {
			d[j] = float32(int(b&15)-8) * scale
			d[j+16] = float32(int(b>>4)-8) * scale
		}
	}
}

func unpackCoarse(dst []float32, packed []byte) {
	unit := Float16(binary.LittleEndian.Uint16(packed)) / 255
	for g := range len(dst) / GroupSize {
		block := packed[2+g*coarseBlockBytes:][:coarseBlockBytes]
		scale := float32(block[0]) * unit
		d := dst[g*GroupSize:][:GroupSize]
		for i := range GroupSize / 8 {
			v := uint32(block[1+3*i]) | uint32(block[2+3*i])<<8 | uint32(block[3+3*i])<<16
			for j := range 8 {
				d[8*i+j] = coarseLevels[v&7] * scale
				v >>= 3
			}
		}
	}
}

// PackCoarse makes a coarse word of a fine one, whose values must be below 30,000.
func PackCoarse(fine []byte) ([]byte, error) {
	if len(fine)%WordBlockBytes != 0 {
		return nil, fmt.Errorf("pack word: %d bytes are not whole groups", len(fine))
	}
	values := make([]float32, len(fine)/WordBlockBytes*GroupSize)
	unpackFine(values, fine)
	scales := make([]float32, len(values)/GroupSize)
	top := float32(0)
	for g := range scales {
		scales[g] = coarseScale(values[g*GroupSize:][:GroupSize])
		top = max(top, scales[g])
	}
	if !(top < 30000) {
		return nil, fmt.Errorf("pack word: a scale of %g", top)
	}
	largest := ToFloat16(top * (1 + 1.0/1024)) // not below any scale after rounding
	packed := binary.LittleEndian.AppendUint16(nil, largest)
	unit := Float16(largest) / 255
	for g, s := range scales {
		code := 0.0
		if unit > 0 {
			code = min(255, math.Round(float64(s/unit)))
		}
		packed = append(packed, byte(code))
		x := values[g*GroupSize:][:GroupSize]
		for i := range GroupSize / 8 {
			v := uint32(0)
			for j := range 8 {
				v |= uint32(coarseCode(x[8*i+j], float32(code)*unit)) << (3 * j)
			}
			packed = append(packed, byte(v), byte(v>>8), byte(v>>16))
		}
	}
	return packed, nil
}

// coarseScale returns the scale with which a group's values come out best. It
// tries some about the values' root mean square.
func coarseScale(x []float32) float32 {
	square := 0.0
	for _, v := range x {
		square += float64(v) * float64(v)
	}
	size := math.Sqrt(square / float64(len(x)))
	if !(size < 30000) {
		return float32(math.Inf(1))
	}
	best, least := 0.0, math.Inf(1)
	for step := range 25 {
		s := size * (0.7 + 0.025*float64(step))
		off, own, both := 0.0, 0.0, 0.0
		for _, v := range x {
			q := float64(coarseLevels[coarseCode(v, float32(s))])
			off += (q*s - float64(v)) * (q*s - float64(v))
			own += q * q
			both += q * float64(v)
		}
		if off < least {
			least, best = off, both/own // the best scale for these codes
		}
	}
	return float32(best)
}

// coarseCode returns the code of the level next to v.
func coarseCode(v, scale float32) int {
	code := 0
	for code < 7 && v > (coarseLevels[code]+coarseLevels[code+1])/2*scale {
		code++
	}
	return code
}
