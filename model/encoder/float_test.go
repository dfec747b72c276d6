//go:build !noencoder

package encoder

import (
	"encoding/binary"
	"os"
	"strings"
	"testing"
	"unsafe"

	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/model/encoder/internal/layout"
)

// floatKernel evaluates the same weights in float32: its quantise remembers the
// rows as they are, its linear multiplies them with the weights widened.
func floatKernel() *kernel {
	type input struct {
		a       *int8
		rows, n int
		x       []float32
	}
	var inputs [2]input // the last of the narrow and of the wide layers
	k := portable
	k.name = "float32"
	k.quantise = func(a *activations, x, spread []float32, rows, n int) {
		in := input{a: &a.q[0], rows: rows, n: n, x: make([]float32, rows*n)}
		for i := range in.x {
			in.x[i] = x[i] * spread[i%n/layout.GroupSize]
		}
		inputs[min(1, n/1000)] = in
	}
	k.linear = func(out []float32, stride int, panel []byte, bias []float32, a *activations, rows, n int, wide []byte) {
		in := inputs[min(1, n/1000)]
		// A tile of rows starts some way into the input.
		first := int(uintptr(unsafe.Pointer(&a.q[0]))-uintptr(unsafe.Pointer(in.a))) / n
		weights := make([]float32, n)
		for o := range layout.PanelOutputs {
			for i := range weights {
				block := panel[i/layout.GroupSize*layout.BlockBytes:][:layout.BlockBytes]
				code := block[2*layout.PanelOutputs+64*(i%32/4)+4*(o%16)+i%4] >> (o / 16 * 4) & 15
				weights[i] = float32(int(code)-8) * layout.Float16(binary.LittleEndian.Uint16(block[2*o:]))
			}
			for r := range rows {
				x := in.x[(first+r)*n:][:n]
				var s0, s1, s2, s3 float32
				for i := 0; i < n; i += 4 {
					s0 += x[i] * weights[i]
					s1 += x[i+1] * weights[i+1]
					s2 += x[i+2] * weights[i+2]
					s3 += x[i+3] * weights[i+3]
				}
				out[r*stride+o] = s0 + s1 + s2 + s3 + bias[o]
			}
		}
	}
	return &k
}

// TestAgainstFloat compares with a float32 evaluation of the same weights: a few
// golden texts, or every line of the file that LORE_ENCODER_TEXTS names.
func TestAgainstFloat(t *testing.T) {
	e := newEncoder(t, Options{Uncentred: true})
	texts := []string{"how do I reset the thermostat", "祖母把信放在饼干盒里，用绿色毛线捆着，从来没有人问起过。", "α-synuclein 与 β-amyloid 都会聚集"}
	if name := os.Getenv("LORE_ENCODER_TEXTS"); name != "" {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts = strings.Split(strings.TrimSpace(string(data)), "\n")
	}
	exact := newEncoder(t, Options{Uncentred: true})
	exact.net.k = floatKernel()
	exact.threads = 1
	mean, least := 0.0, 1.0
	for _, text := range texts {
		c := dot(embed(t, e, model.TaskPassage, text)[0], embed(t, exact, model.TaskPassage, text)[0])
		mean += c / float64(len(texts))
		least = min(least, c)
	}
	t.Logf("%d texts: mean cosine %.5f, least %.5f", len(texts), mean, least)
	if mean < 0.998 || least < 0.99 {
		t.Errorf("%d texts: mean cosine %.5f, least %.5f; want 0.998 and 0.99", len(texts), mean, least)
	}
}
