package layout

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
)

func TestFloat16RoundTrip(t *testing.T) {
	for h := range 1 << 16 {
		f := Float16(uint16(h))
		if f != f {
			continue
		}
		if got := ToFloat16(f); got != uint16(h) {
			t.Fatalf("%#04x is %g, which narrows to %#04x", h, f, got)
		}
	}
	for f, want := range map[float32]uint16{1e10: 0x7C00, -1e10: 0xFC00, 65519: 0x7BFF, 65520: 0x7C00, 1e-9: 0, 2049: 0x6800, 2051: 0x6802} {
		if got := ToFloat16(f); got != want {
			t.Errorf("%g narrows to %#04x, want %#04x", f, got, want)
		}
	}
	if h := ToFloat16(float32(math.NaN())); Float16(h) == Float16(h) {
		t.Error("not-a-number became a number")
	}
}

func TestPackPanels(t *testing.T) {
	const in, out = 64, 96
	r := rand.New(rand.NewPCG(1, 2))
	rows := make([]byte, out*in/GroupSize*WordBlockBytes)
	for i := range rows {
		rows[i] = byte(r.Uint32())
		if i%WordBlockBytes == 1 {
			rows[i] = 0x20 | rows[i]&0x0F // neither tiny nor huge
		}
	}
	spread := []float32{1, 0.25}
	panels, err := PackPanels(rows, in, out, spread)
	if err != nil {
		t.Fatal(err)
	}
	m := Matrix{In: in, Out: out, Panels: panels}
	for o := range out {
		for i := range in {
			source := rows[(o*in+i)/GroupSize*WordBlockBytes:][:WordBlockBytes]
			block := m.Panel(o / 32)[i/GroupSize*BlockBytes:]
			if got, want := Float16(binary.LittleEndian.Uint16(block[2*(o%32):])), Float16(binary.LittleEndian.Uint16(source))/spread[i/GroupSize]; got != want {
				t.Fatalf("scale of output %d, input %d is %g, want %g", o, i, got, want)
			}
			k := i % GroupSize
			code := block[64+64*(k/4)+4*(o%16)+k%4] >> (o % 32 / 16 * 4) & 15
			if want := Code(source, k); code != want {
				t.Fatalf("code of output %d, input %d is %d, want %d", o, i, code, want)
			}
		}
	}
	if _, err := PackPanels(rows[1:], in, out, spread); err == nil {
		t.Error("a matrix of the wrong size was packed")
	}
	if _, err := PackPanels(rows, in, out, []float32{1, 1e-8}); err == nil {
		t.Error("scales that do not fit were packed")
	}
}

// small makes weights of the smallest shape.
func small() *Weights {
	w := &Weights{Shape: Shape{Hidden: 32, Depth: 2, Heads: 1, Inner: 64, Span: 3, Pieces: 4, Fine: 3}, Layers: make([]Layer, 2), Table: []byte("the pieces")}
	n := byte(0)
	for _, p := range w.parts() {
		n++
		if p.floats != nil {
			*p.floats = make([]float32, p.size/4)
			(*p.floats)[0] = float32(n)
		} else {
			*p.bytes = bytes.Repeat([]byte{n}, p.size)
		}
	}
	return w
}

func TestOpenReadsWhatEncodeWrote(t *testing.T) {
	want := small()
	b, err := Encode(want)
	if err != nil {
		t.Fatal(err)
	}
	if err := Check(b); err != nil {
		t.Error(err)
	}
	got, err := Open(b)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("opened %+v, want %+v", got, want)
	}
	for n := range len(b) {
		if _, err := Open(b[:n]); err == nil {
			t.Fatalf("%d of %d bytes opened without error", n, len(b))
		}
	}
	b[len(b)-1]++
	if Check(b) == nil {
		t.Error("a changed file passes its check")
	}
}

func TestEncodeRefusesAWrongSize(t *testing.T) {
	w := small()
	w.Layers[1].Output.Bias = nil
	if _, err := Encode(w); err == nil {
		t.Error("a missing bias was encoded")
	}
}

func FuzzOpen(f *testing.F) {
	b, _ := Encode(small())
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		if w, err := Open(b); err == nil && len(w.Layers) != w.Depth {
			t.Error("opened with layers missing")
		}
	})
}
