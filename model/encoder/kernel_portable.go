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

func quantisePortable(a *activations, x, spread []float32, rows, n int) {
	groups := n / layout.GroupSize
	for r := range rows {
		row := x[r*n : (r+1)*n]
		top := float32(0)
		for g, s := range spread[:groups] {
			for _, v := range row[g*layout.GroupSize:][:layout.GroupSize] {
				if v < 0 {
					v = -v
				}
				if v *= s; v > top {
					top = v
				}
			}
		}
		a.scales[r] = top / 127
		inverse := float32(0)
		if top > 0 {
			inverse = 127 / top
		}
		dst := a.q[r*n : (r+1)*n]
		for g, s := range spread[:groups] {
			sum := int32(0)
			factor := s * inverse
			d := dst[g*layout.GroupSize:][:layout.GroupSize]
			for i, v := range row[g*layout.GroupSize:][:layout.GroupSize] {
				k := roundEven(float32(v * factor)) // the conversion forbids a fused addition
				d[i] = int8(k)
				sum += k
			}
			a.offsets[r*groups+g] = -8 * sum
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
	var words [sets][layout.GroupSize]uint64 // by four outputs and input
	var scales [layout.PanelOutputs]float32
	var base [layout.PanelOutputs]int32
	var act [layout.GroupSize]uint64
	for g := range groups {
		block := panel[g*layout.BlockBytes : (g+1)*layout.BlockBytes]
		codes := block[2*layout.PanelOutputs:]
		for set := range sets / 2 {
			for k := range layout.GroupSize {
				b := codes[64*(k/4)+16*set+k%4:][:13]
				v := uint64(b[0]) | uint64(b[4])<<16 | uint64(b[8])<<32 | uint64(b[12])<<48
				words[set][k] = v & 0x000F_000F_000F_000F
				words[set+sets/2][k] = v >> 4 & 0x000F_000F_000F_000F
			}
		}
		for o := range scales {
			scales[o] = layout.Float16(binary.LittleEndian.Uint16(block[2*o:]))
		}
		for set := range sets {
			sum := uint64(0)
			for _, w := range &words[set] {
				sum += w
			}
			for i := range lanes {
				base[set*lanes+i] = -128 * int32(uint16(sum>>(16*i)))
			}
		}
		for r := range rows {
			for i, v := range (*[layout.GroupSize]int8)(a.q[r*in+g*layout.GroupSize:]) {
				act[i] = uint64(uint8(v) ^ 0x80)
			}
			offset := a.offsets[r*groups+g]
			dst := (*[layout.PanelOutputs]float32)(out[r*stride:])
			if g == 0 {
				clear(dst[:])
			}
			for set := range sets {
				w := &words[set]
				s0 := dot16((*[16]uint64)(w[:16]), (*[16]uint64)(act[:16]))
				s1 := dot16((*[16]uint64)(w[16:]), (*[16]uint64)(act[16:]))
				const mask = 0x0000FFFF_0000FFFF
				even := s0&mask + s1&mask
				odd := s0>>16&mask + s1>>16&mask
				o := set * lanes
				d, b, c := dst[o:o+4:o+4], base[o:o+4:o+4], scales[o:o+4:o+4]
				d[0] += float32(int32(even)+b[0]+offset) * c[0]
				d[1] += float32(int32(odd)+b[1]+offset) * c[1]
				d[2] += float32(int32(even>>32)+b[2]+offset) * c[2]
				d[3] += float32(int32(odd>>32)+b[3]+offset) * c[3]
			}
		}
	}
	for r := range rows {
		dst := (*[layout.PanelOutputs]float32)(out[r*stride:])
		s := a.scales[r]
		for o, b := range bias[:layout.PanelOutputs] {
			dst[o] = dst[o]*s + b
		}
	}
}

func dot16(w, a *[16]uint64) uint64 {
	return w[0]*a[0] + w[1]*a[1] + w[2]*a[2] + w[3]*a[3] +
		w[4]*a[4] + w[5]*a[5] + w[6]*a[6] + w[7]*a[7] +
		w[8]*a[8] + w[9]*a[9] + w[10]*a[10] + w[11]*a[11] +
		w[12]*a[12] + w[13]*a[13] + w[14]*a[14] + w[15]*a[15]
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
