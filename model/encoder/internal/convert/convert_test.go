package main

import (
	"encoding/binary"
	"os"
	"slices"
	"testing"
)

func TestRank(t *testing.T) {
	for piece, want := range map[string]int{
		"▁the": 2, "s": 0, "▁": 0, "中": 0, "中国": 0, "▁(1)": 0, "の": 0, "です": 3, "привет": 3, "▁café": 1, "αβ": 1, "123": 0, "ß": 0, "ção": 1, "한국": 3,
	} {
		if got := rank(piece); got != want {
			t.Errorf("%q has rank %d, want %d", piece, got, want)
		}
	}
}

func TestKeptPiecesRoundTrip(t *testing.T) {
	name := t.TempDir() + "/pieces"
	want := []int{0, 7, 8, 99}
	if err := writeKept(name, 100, want); err != nil {
		t.Fatal(err)
	}
	file := readFile(t, name)
	if got, err := readKept(file, 100); err != nil || !slices.Equal(got, want) {
		t.Errorf("read %v, %v; want %v", got, err, want)
	}
	if _, err := readKept(file, 1000); err == nil {
		t.Error("pieces of another vocabulary were read")
	}
}

func TestSpellingKnowsItsLanguage(t *testing.T) {
	m := &model{}
	m.pieces = append(m.pieces, "▁strength", "▁weather", "▁nothing", "▁thinking", "▁other", "▁whether", "▁father")
	seen := make([]int, len(m.pieces))
	for i := range seen {
		seen[i] = 5
	}
	s := newSpelling(m, seen)
	if a, b := s.score("▁gather"), s.score("▁wszystkie"); a <= b {
		t.Errorf("gather scores %g, not above %g", a, b)
	}
}

func TestCommon(t *testing.T) {
	if got := common([]int32{1, 2, 3, 4, 5}, []int32{1, 2, 9, 9, 4, 5}); got != 4 {
		t.Errorf("%d tokens in common, want 4", got)
	}
}

func FuzzParse(f *testing.F) {
	b := []byte("E5S1")
	for _, n := range []uint32{1, 32, 1, 1, 64, 10, 8, 2, 0, 32, 1, 0, 2, 1, 3} {
		b = binary.LittleEndian.AppendUint32(b, n)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := parse(b); err == nil && len(m.pieces) != len(m.scores) {
			t.Error("pieces without scores")
		}
	})
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
