package encoder

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/lore-kb/lore/model/encoder/internal/layout"
	"pgregory.net/rapid"
)

// eachKernel runs a test for every kernel of this processor but the portable one.
func eachKernel(t *testing.T, f func(t *testing.T, k *kernel)) {
	for _, k := range kernels() {
		if k != &portable {
			t.Run(k.name, func(t *testing.T) { f(t, k) })
		}
	}
}

// drawFloats makes n values of the given spread, sometimes zeros, sometimes with
// one far out.
func drawFloats(t *rapid.T, n int) []float32 {
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
	spread := rapid.SampledFrom([]float64{0, 1e-20, 1e-3, 1, 30, 1e10}).Draw(t, "spread")
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(r.NormFloat64() * spread)
	}
	if n > 0 && rapid.Bool().Draw(t, "outlier") {
		v[r.IntN(n)] *= 1000
	}
	return v
}

// drawSpread makes a power of two for each group of n values.
func drawSpread(t *rapid.T, n int) []float32 {
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "spread seed"), 3))
	s := make([]float32, n/layout.GroupSize)
	for i := range s {
		s[i] = []float32{1, 0.5, 0.0625}[r.IntN(3)]
	}
	return s
}

func drawPanel(t *rapid.T, in int) []byte {
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "panel"), 2))
	extreme := rapid.Bool().Draw(t, "extreme codes")
	panel := make([]byte, in/layout.GroupSize*layout.BlockBytes)
	for g := range in / layout.GroupSize {
		block := panel[g*layout.BlockBytes:]
		for o := range layout.PanelOutputs {
			binary.LittleEndian.PutUint16(block[2*o:], layout.ToFloat16(float32(r.NormFloat64()/64)))
		}
		for i := 2 * layout.PanelOutputs; i < layout.BlockBytes; i++ {
			block[i] = byte(r.Uint32())
			if extreme {
				block[i] = []byte{0, 0xFF}[r.IntN(2)]
			}
		}
	}
	return panel
}

// near reports whether values agree within share of the largest magnitude.
func near(got, want []float32, share float64) error {
	top := 0.0
	for _, v := range want {
		top = max(top, math.Abs(float64(v)))
	}
	for i := range want {
		if d := math.Abs(float64(got[i]) - float64(want[i])); !(d <= share*top) && got[i] != want[i] {
			return fmt.Errorf("value %d is %g, portable has %g (largest %g)", i, got[i], want[i], top)
		}
	}
	return nil
}

func TestQuantiseAgrees(t *testing.T) {
	eachKernel(t, func(t *testing.T, k *kernel) {
		rapid.Check(t, func(t *rapid.T) {
			rows, n := rapid.IntRange(1, 9).Draw(t, "rows"), 32*rapid.IntRange(1, 48).Draw(t, "groups")
			x := drawFloats(t, rows*n)
			var a, b activations
			a.grow(rows, n)
			b.grow(rows, n)
			spread := drawSpread(t, n)
			k.quantise(&a, x, spread, rows, n)
			portable.quantise(&b, x, spread, rows, n)
			for i := range b.q {
				if a.q[i] != b.q[i] {
					t.Fatalf("q[%d] of %g is %d, portable has %d", i, x[i], a.q[i], b.q[i])
				}
			}
			for i := range b.offsets {
				if a.offsets[i] != b.offsets[i] {
					t.Fatalf("offset %d is %d, portable has %d", i, a.offsets[i], b.offsets[i])
				}
			}
			for i := range b.scales {
				if a.scales[i] != b.scales[i] {
					t.Fatalf("scale %d is %g, portable has %g", i, a.scales[i], b.scales[i])
				}
			}
		})
	})
}

// plainLinear is the definition: weights and activations made float64.
func plainLinear(out []float64, panel []byte, bias []float32, a *activations, rows, in int) {
	for r := range rows {
		for o := range layout.PanelOutputs {
			sum := 0.0
			for i := range in {
				block := panel[i/layout.GroupSize*layout.BlockBytes:][:layout.BlockBytes]
				k := i % layout.GroupSize
				code := block[2*layout.PanelOutputs+64*(k/4)+4*(o%16)+k%4]
				if o >= 16 {
					code >>= 4
				}
				scale := layout.Float16(binary.LittleEndian.Uint16(block[2*o:]))
				sum += float64(int(code&15)-8) * float64(scale) * float64(a.q[r*in+i])
			}
			out[r*layout.PanelOutputs+o] = sum*float64(a.scales[r]) + float64(bias[o])
		}
	}
}

func TestLinear(t *testing.T) {
	for _, k := range kernels() {
		t.Run(k.name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				rows, in := rapid.IntRange(1, 20).Draw(t, "rows"), 32*rapid.IntRange(1, 48).Draw(t, "groups")
				x, panel, bias := drawFloats(t, rows*in), drawPanel(t, in), drawFloats(t, 32)
				var a activations
				a.grow(rows, in)
				portable.quantise(&a, x, drawSpread(t, in), rows, in)
				stride := 32 + rapid.IntRange(0, 64).Draw(t, "gap")
				out := make([]float32, rows*stride)
				for i := range out {
					out[i] = 12345
				}
				k.linear(out, stride, panel, bias, &a, rows, in, make([]byte, wideBytes(in)))
				want := make([]float64, rows*32)
				plainLinear(want, panel, bias, &a, rows, in)
				for r := range rows {
					got, wanted := out[r*stride:(r+1)*stride], make([]float32, stride)
					for i := range wanted {
						wanted[i] = 12345
						if i < 32 {
							wanted[i] = float32(want[r*32+i])
						}
					}
					if err := near(got[:32], wanted[:32], 2e-5); err != nil {
						t.Fatalf("row %d: %v", r, err)
					}
					if err := near(got[32:], wanted[32:], 0); err != nil {
						t.Fatalf("row %d beyond its panel: %v", r, err)
					}
				}
			})
		})
	}
}

func TestAttendAgrees(t *testing.T) {
	eachKernel(t, func(t *testing.T, k *kernel) {
		rapid.Check(t, func(t *rapid.T) {
			tokens := rapid.IntRange(1, 140).Draw(t, "tokens")
			const stride = 96
			qkv := drawFloats(t, tokens*stride)
			for i := range qkv { // scores beyond a few hundred have one winner
				qkv[i] = max(-20, min(20, qkv[i]))
			}
			got, want := make([]float32, tokens*40), make([]float32, tokens*40)
			k.attend(got, 40, qkv, stride, 32, 64, tokens, make([]float32, attendScratch(tokens)))
			portable.attend(want, 40, qkv, stride, 32, 64, tokens, make([]float32, attendScratch(tokens)))
			if err := near(got, want, 5e-4); err != nil {
				t.Fatal(err)
			}
		})
	})
}

func TestAddNormAgrees(t *testing.T) {
	eachKernel(t, func(t *testing.T, k *kernel) {
		rapid.Check(t, func(t *rapid.T) {
			rows, n := rapid.IntRange(1, 5).Draw(t, "rows"), 32*rapid.IntRange(1, 20).Draw(t, "size")
			x, y := drawFloats(t, rows*n), drawFloats(t, rows*n)
			scale, shift := drawFloats(t, n), drawFloats(t, n)
			want := append([]float32(nil), x...)
			portable.addNorm(want, y, scale, shift, rows, n)
			k.addNorm(x, y, scale, shift, rows, n)
			if err := near(x, want, 1e-3); err != nil {
				t.Fatal(err)
			}
		})
	})
}

func TestGeluAgrees(t *testing.T) {
	eachKernel(t, func(t *testing.T, k *kernel) {
		rapid.Check(t, func(t *rapid.T) {
			x := drawFloats(t, rapid.IntRange(0, 300).Draw(t, "n"))
			in, want := append([]float32(nil), x...), append([]float32(nil), x...)
			portable.gelu(want)
			k.gelu(x)
			for i := range x {
				if d := math.Abs(float64(x[i] - want[i])); d > 2e-6*max(1, math.Abs(float64(in[i]))) {
					t.Fatalf("value %d is %g, portable has %g", i, x[i], want[i])
				}
			}
		})
	})
}

func TestGelu(t *testing.T) {
	for x := -8.0; x <= 8; x += 1.0 / 64 {
		v := []float32{float32(x)}
		portable.gelu(v)
		want := x * (1 + math.Erf(x/math.Sqrt2)) / 2
		if d := math.Abs(float64(v[0]) - want); d > 2.5e-5 {
			t.Errorf("gelu(%g) = %g, want %g", x, v[0], want)
		}
	}
}

// The benchmarks have the sizes of a passage of 200 tokens; operations are
// multiplications and additions.
func benchEachKernel(b *testing.B, operations float64, f func(k *kernel)) {
	for _, k := range kernels() {
		b.Run(k.name, func(b *testing.B) {
			for b.Loop() {
				f(k)
			}
			b.ReportMetric(operations*float64(b.N)/b.Elapsed().Seconds()/1e9, "Gop/s")
		})
	}
}

func benchFloats(n int) []float32 {
	r := rand.New(rand.NewPCG(1, 1))
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

func BenchmarkLinear(b *testing.B) {
	const rows, in = 200, 384
	panel := make([]byte, in/layout.GroupSize*layout.BlockBytes)
	for i := range panel {
		panel[i] = byte(i*7)&0xBF | 0x20
	}
	var a activations
	a.grow(rows, in)
	spread := make([]float32, in/layout.GroupSize)
	for i := range spread {
		spread[i] = 1
	}
	portable.quantise(&a, benchFloats(rows*in), spread, rows, in)
	out, bias, wide := make([]float32, rows*32), benchFloats(32), make([]byte, wideBytes(in))
	benchEachKernel(b, 2*rows*in*32, func(k *kernel) { k.linear(out, 32, panel, bias, &a, rows, in, wide) })
}

func BenchmarkAttend(b *testing.B) {
	const tokens = 200
	qkv, out, scratch := benchFloats(tokens*96), make([]float32, tokens*32), make([]float32, attendScratch(tokens))
	benchEachKernel(b, 4*tokens*tokens*headSize, func(k *kernel) { k.attend(out, 32, qkv, 96, 32, 64, tokens, scratch) })
}

func BenchmarkQuantise(b *testing.B) {
	const rows, n = 96, 1536
	x := benchFloats(rows * n)
	var a activations
	a.grow(rows, n)
	spread := benchFloats(n / layout.GroupSize)
	benchEachKernel(b, rows*n, func(k *kernel) { k.quantise(&a, x, spread, rows, n) })
}

func BenchmarkAddNorm(b *testing.B) {
	const rows, n = 200, 384
	x, y, scale, shift := benchFloats(rows*n), benchFloats(rows*n), benchFloats(n), benchFloats(n)
	benchEachKernel(b, rows*n, func(k *kernel) { k.addNorm(x, y, scale, shift, rows, n) })
}

func BenchmarkGelu(b *testing.B) {
	x := benchFloats(96 * 1536)
	benchEachKernel(b, 96*1536, func(k *kernel) { k.gelu(x) })
}
