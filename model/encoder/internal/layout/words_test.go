package layout

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"
)

// fineWord makes a packed word whose codes lie as a model's do.
func fineWord(r *rand.Rand, hidden int) []byte {
	var packed []byte
	for range hidden / GroupSize {
		packed = binary.LittleEndian.AppendUint16(packed, ToFloat16(float32(0.01+0.02*r.Float64())*float32(1-2*r.IntN(2))))
		code := func() byte { return byte(max(0, min(15, 8+math.Round(3*r.NormFloat64())))) }
		for range GroupSize / 2 {
			packed = append(packed, code()|code()<<4)
		}
	}
	return packed
}

func TestCoarseWordsStayClose(t *testing.T) {
	const hidden = 384
	r := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		fine := fineWord(r, hidden)
		packed, err := PackCoarse(fine)
		if err != nil {
			t.Fatal(err)
		}
		if want := (Shape{Hidden: hidden}).CoarseBytes(); len(packed) != want {
			t.Fatalf("%d bytes, want %d", len(packed), want)
		}
		want, got := make([]float32, hidden), make([]float32, hidden)
		unpackFine(want, fine)
		unpackCoarse(got, packed)
		off, size := 0.0, 0.0
		for i := range want {
			off += float64(got[i]-want[i]) * float64(got[i]-want[i])
			size += float64(want[i]) * float64(want[i])
		}
		if share := math.Sqrt(off / size); share > 0.2 {
			t.Errorf("relative error %.3f, want 0.2 at most", share)
		}
	}
}

func TestPackCoarseEdges(t *testing.T) {
	zero := make([]byte, WordBlockBytes*2)
	packed, err := PackCoarse(zero)
	if err != nil {
		t.Fatal(err)
	}
	got := []float32{1, 63: 1}
	unpackCoarse(got, packed)
	for i, v := range got {
		if v != 0 {
			t.Fatalf("value %d of a word of zeros is %g", i, v)
		}
	}
	if _, err := PackCoarse(zero[1:]); err == nil {
		t.Error("half a group was packed")
	}
	binary.LittleEndian.PutUint16(zero, 0x7C00)
	if _, err := PackCoarse(zero); err == nil {
		t.Error("an infinite scale was packed")
	}
}

func TestWord(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	w := &Weights{Shape: Shape{Hidden: 64, Pieces: 3, Fine: 1}}
	var fine [][]byte
	for range 6 {
		fine = append(fine, fineWord(r, 64))
	}
	for _, i := range []int{0, 3, 4, 5} {
		w.Words = append(w.Words, fine[i]...)
	}
	for _, i := range []int{1, 2} {
		p, err := PackCoarse(fine[i])
		if err != nil {
			t.Fatal(err)
		}
		w.Coarse = append(w.Coarse, p...)
	}
	for word := range 6 {
		want, got := make([]float32, 64), make([]float32, 64)
		unpackFine(want, fine[word])
		w.Word(got, word)
		for i := range want {
			tolerance := 0.0
			if word == 1 || word == 2 {
				tolerance = 0.2
			}
			if math.Abs(float64(got[i]-want[i])) > tolerance {
				t.Fatalf("value %d of word %d is %g, want %g", i, word, got[i], want[i])
			}
		}
	}
}
