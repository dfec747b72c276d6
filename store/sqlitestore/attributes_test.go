package sqlitestore

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAttributes codes runs of points with equal attributes, and their languages.
func TestAttributes(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, runs := range []int{0, 1, 2, 500} {
		dictionary := attributes{roots: make([]string, 3), media: make([]string, 200), languages: make([]string, 2), labels: make([]map[string]string, 2)}
		a := dictionary
		n := uint32(0)
		for i := range runs {
			a.locals, a.pathFrom = append(a.locals, n), append(a.pathFrom, uint32(len(a.paths)))
			n += uint32(1 + r.IntN(300))
			if i > 0 && r.IntN(3) == 0 {
				a.codes, a.seconds, a.nanos = append(a.codes, a.codes[4*i-4:]...), append(a.seconds, a.seconds[i-1]), append(a.nanos, a.nanos[i-1])
				a.paths = append(a.paths, a.paths[a.pathFrom[i-1]:a.pathFrom[i]]...)
				continue
			}
			a.codes = append(a.codes, uint32(r.IntN(3)), uint32(r.IntN(200)), uint32(r.IntN(2)), uint32(r.IntN(2)))
			a.seconds, a.nanos = append(a.seconds, r.Int64N(1<<40)-1<<39), append(a.nanos, uint32(r.IntN(1_000_000_000)))
			if i%7 != 6 {
				a.paths = append(a.paths, fmt.Sprint("folder/", i/10, "/", i)...)
			}
		}
		a.locals, a.pathFrom = append(a.locals, n), append(a.pathFrom, uint32(len(a.paths)))
		got := dictionary
		coded := a.encode()
		if err := got.decode(coded, int(n)); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.locals, a.locals) || !slices.Equal(got.seconds, a.seconds) || !slices.Equal(got.nanos, a.nanos) ||
			!slices.Equal(got.codes, a.codes) || !slices.Equal(got.pathFrom, a.pathFrom) || string(got.paths) != string(a.paths) {
			t.Errorf("%d runs: other attributes", runs)
		}
		for k := range coded {
			if cut := dictionary; runs > 0 && cut.decode(coded[:k], int(n)) == nil {
				t.Fatalf("%d runs: %d of %d bytes are taken for the whole", runs, k, len(coded))
			}
		}
		if other := dictionary; other.decode(coded, int(n)+1) == nil {
			t.Errorf("%d runs: taken for more points", runs)
		}
		l, read := languagesOf(&a), languageRuns{}
		if err := read.decode(l.encode(), int(n), 2); err != nil {
			t.Fatal(err)
		}
		of := func(l *languageRuns, local uint32) uint32 {
			i, ok := slices.BinarySearch(l.locals, local)
			if !ok {
				i--
			}
			return l.code(i)
		}
		for local := range n {
			if got, want := of(&read, local), of(&l, local); got != want {
				t.Fatalf("%d runs: point %d has language %d, want %d", runs, local, got, want)
			}
		}
		if len(read.codes) > runs {
			t.Errorf("%d runs of languages of %d", len(read.codes), runs)
		}
	}
}

// TestRuns codes the keys of documents.
func TestRuns(t *testing.T) {
	for _, keys := range [][]uint32{{}, {0}, {1, 4, 7, 100, 4_000_000_000}, {3, 6, 9}} {
		locals := []uint32{0}
		for range keys {
			locals = append(locals, locals[len(locals)-1]+3)
		}
		gotKeys, gotLocals, err := decodeRuns(encodeRuns(keys, locals))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(keys, gotKeys); diff != "" {
			t.Errorf("keys (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(locals, gotLocals); diff != "" {
			t.Errorf("locals (-want +got):\n%s", diff)
		}
	}
	for _, b := range [][]byte{{0x80}, putUint(nil, 1<<40), putInt(putUint(nil, 3), -1), putInt(putUint(nil, 3), 1<<33)} {
		if _, _, err := decodeRuns(b); err == nil {
			t.Errorf("% x is taken for keys", b)
		}
	}
}

// FuzzAttributes decodes damaged attributes, languages and keys, which a checksum
// keeps away otherwise.
func FuzzAttributes(f *testing.F) {
	p := generatedPoints(f, 30)
	f.Add(p.attrsCoded)
	f.Add(p.section(secAttrLocals))
	f.Add(p.section(secRunKeys))
	f.Fuzz(func(t *testing.T, b []byte) {
		a := attributes{roots: make([]string, 1), media: make([]string, 1), languages: make([]string, 1), labels: make([]map[string]string, 1)}
		_ = a.decode(b, 30)
		_ = (&languageRuns{}).decode(b, 30, 1)
		_, _, _ = decodeRuns(b)
	})
}
