package encoder

import (
	"encoding/binary"
	"math"

	"github.com/lore-kb/lore/model/encoder/internal/layout"
)

// portable is the kernel in Go. The others are tested against it.
var portable = kernel{
	name:     "portable",
	quantise: quantisePortable,
	linear:   linearPortable,
	attend:   attendPortable,
	addNorm:  addNormPortable,
	gelu:     geluPortable,
}

func quantisePortable(q []int8, offsets []int32, scales []float32, x []float32, rows, n int) {
	groups := n / layout.GroupSize
	for r := range rows {
		row := x[r*n : (r+1)*n]
		top := float32(0)
		for _, v := range row {
			if v < 0 {
				v = -v
			}
			if v > top {
				top = v
			}
		}
		scales[r] = top / 127
		inverse := float32(0)
		if top > 0 {
			inverse = 127 / top
		}
		dst := q[r*n : (r+1)*n]
		for g := range groups {
			sum := int32(0)
			src := row[g*layout.GroupSize:][:layout.GroupSize]
			d := dst[g*layout.GroupSize:][:layout.GroupSize]
			for i, v := range src {
				k := roundEven(float32(v * inverse)) // the conversion forbids a fused addition
				d[i] = int8(k)
				sum += k
			}
			offsets[r*groups+g] = -8 * sum
		}
	}
}

// roundEven rounds a value of magnitude below 2²² to the nearest, ties to even:
// adding 1.5·2²³ leaves no bits for a fraction.
func roundEven(v float32) int32 {
	const shift = 3 << 22
	return int32(math.Float32bits(v+shift)) - int32(math.Float32bits(shift))
}

// linearPortable multiplies four outputs at a time in one 64-bit word: each has
// 16 bits, enough for 16 products of a code (at most 15) and an activation made
// unsigned by adding 128 (at most 255).
func linearPortable(out []float32, stride int, panel []byte, bias []float32, a *activations, rows, in int, wide []byte) {
	groups := in / layout.GroupSize
	const lanes = 4
	const sets = layout.PanelOutputs / lanes
	var words [layout.GroupSize * sets]uint64 // [set][input]
	var scales, base [layout.PanelOutputs]float32
	for g := range groups {
		block := panel[g*layout.BlockBytes : (g+1)*layout.BlockBytes]
		codes := block[2*layout.PanelOutputs:]
		clear(words[:])
		var sums [layout.PanelOutputs]int32
		for s := range 8 {
			step := codes[64*s:][:64]
			for j, b := range step {
				k, o := 4*s+j%4, j/4
				low, high := uint64(b&15), uint64(b>>4)
				words[o/lanes*layout.GroupSize+k] |= low << (16 * (o % lanes))
				words[(16+o)/lanes*layout.GroupSize+k] |= high << (16 * (o % lanes))
				sums[o] += int32(low)
				sums[16+o] += int32(high)
			}
		}
		for o := range scales {
			scales[o] = layout.Float16(binary.LittleEndian.Uint16(block[2*o:]))
			base[o] = float32(-128 * sums[o])
		}
		for r := range rows {
			var act [layout.GroupSize]uint64
			for i, v := range a.q[r*in+g*layout.GroupSize:][:layout.GroupSize] {
				act[i] = uint64(int(v) + 128)
			}
			offset := float32(a.offsets[r*groups+g])
			dst := out[r*stride:][:layout.PanelOutputs]
			if g == 0 {
				clear(dst)
			}
			for set := range sets {
				w := (*[layout.GroupSize]uint64)(words[set*layout.GroupSize:])
				var s0, s1 uint64
				for i := 0; i < 16; i += 2 {
					s0 += w[i]*act[i] + w[i+1]*act[i+1]
					s1 += w[16+i]*act[16+i] + w[17+i]*act[17+i]
				}
				const mask = 0x0000FFFF_0000FFFF
				even := s0&mask + s1&mask
				odd := s0>>16&mask + s1>>16&mask
				o := set * lanes
				d := dst[o : o+4 : o+4]
				d[0] += (float32(uint32(even)) + base[o] + offset) * scales[o]
				d[1] += (float32(uint32(odd)) + base[o+1] + offset) * scales[o+1]
				d[2] += (float32(uint32(even>>32)) + base[o+2] + offset) * scales[o+2]
				d[3] += (float32(uint32(odd>>32)) + base[o+3] + offset) * scales[o+3]
			}
		}
	}
	for r := range rows {
		dst := out[r*stride:][:layout.PanelOutputs]
		s := a.scales[r]
		for o := range dst {
			dst[o] = dst[o]*s + bias[o]
		}
	}
}

func attendPortable(out []float32, outStride int, qkv []float32, stride, keyAt, valueAt, tokens int, scratch []float32) {
	scores := scratch[:tokens]
	scale := float32(1 / math.Sqrt(headSize))
	for i := range tokens {
		q := (*[headSize]float32)(qkv[i*stride:])
		top := float32(math.Inf(-1))
		for j := range scores {
			k := (*[headSize]float32)(qkv[j*stride+keyAt:])
			var d0, d1, d2, d3 float32
			for e := 0; e < headSize; e += 4 {
				d0 += q[e] * k[e]
				d1 += q[e+1] * k[e+1]
				d2 += q[e+2] * k[e+2]
				d3 += q[e+3] * k[e+3]
			}
			d := (d0 + d1 + d2 + d3) * scale
			scores[j] = d
			if d > top {
				top = d
			}
		}
		sum := float32(0)
		for j, s := range scores {
			e := expPortable(s - top)
			scores[j] = e
			sum += e
		}
		dst := (*[headSize]float32)(out[i*outStride:])
		*dst = [headSize]float32{}
		for j, s := range scores {
			v := (*[headSize]float32)(qkv[j*stride+valueAt:])
			for e := range dst {
				dst[e] += s * v[e]
			}
		}
		inverse := 1 / sum
		for e := range dst {
			dst[e] *= inverse
		}
	}
}

// expPortable is e^x for x ≤ 0, to about 1 part in 10⁷; below −87 it is 0.
func expPortable(x float32) float32 {
	if x < -87 {
		return 0
	}
	const log2e, ln2High, ln2Low = 1.44269504, 0.693359375, -2.12194440e-4
	n := roundEven(x * log2e)
	f := float32(n)
	r := x - f*ln2High
	r -= f * ln2Low
	p := float32(1.9875691500e-4)
	p = p*r + 1.3981999507e-3
	p = p*r + 8.3334519073e-3
	p = p*r + 4.1665795894e-2
	p = p*r + 1.6666665459e-1
	p = p*r + 5.0000001201e-1
	p = p*r*r + r + 1
	return p * math.Float32frombits(uint32(n+127)<<23)
}

func addNormPortable(x, y, scale, shift []float32, rows, n int) {
	scale, shift = scale[:n], shift[:n]
	for r := range rows {
		a, b := x[r*n:(r+1)*n], y[r*n:(r+1)*n]
		sum := float32(0)
		for i, v := range b {
			a[i] += v
			sum += a[i]
		}
		mean := sum / float32(n)
		squares := float32(0)
		for _, v := range a {
			squares += (v - mean) * (v - mean)
		}
		inverse := float32(1 / math.Sqrt(float64(squares/float32(n))+normEpsilon))
		for i, v := range a {
			a[i] = (v-mean)*inverse*scale[i] + shift[i]
		}
	}
}

// geluTerms are the coefficients, constant first, of P in
// gelu(x) = x·(1/2 + c·P(2c²/25 − 1)), c being x clamped to ±5: a least-squares
// fit to Φ(x) − 1/2, with an error of 2e-5 at most up to |x| = 8.
var geluTerms = [...]float32{
	0.14136427640914917, -0.07030607759952545, 0.05149528384208679, -0.040215812623500824,
	0.03162497654557228, -0.0247093066573143, 0.01609210856258869, -0.007486001588404179,
	0.006113771814852953, -0.0067450255155563354, 0.002772292820736766,
}

func geluPortable(x []float32) {
	for i, v := range x {
		c := max(-5, min(5, v))
		u := c*c*0.08 - 1
		p := geluTerms[len(geluTerms)-1]
		for t := len(geluTerms) - 2; t >= 0; t-- {
			p = p*u + geluTerms[t]
		}
		x[i] = v * (0.5 + c*p)
	}
}
