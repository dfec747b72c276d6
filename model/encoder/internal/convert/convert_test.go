package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"reflect"
	"slices"
	"testing"
)

func TestWant(t *testing.T) {
	for piece, w := range map[string]wanted{
		"▁the": always, "s": always, "▁": always, "中": always, "中国": always, "▁(1)": always, "の": always, "です": neither,
		"привет": neither, "▁café": ifSeen, "αβ": ifSeen, "123": always, "ß": always, "ção": ifSeen, "한국": neither,
	} {
		if got := want(piece); got != w {
			t.Errorf("%q is wanted %d, want %d", piece, got, w)
		}
	}
}

func TestChoose(t *testing.T) {
	m := &model{begin: 0, end: 1, pad: 2, unknown: 3}
	m.pieces = []string{"<s>", "</s>", "<pad>", "<unk>", "▁the", "rare", "▁café", "▁élan", "привет", "中"}
	m.scores = []float32{-1, -1, -1, -1, -3, -12, -9, -10, -5, -6}
	seen := []int{9, 9, 9, 9, 50, 0, 7, 0, 99, 8}
	got := choose(m, seen, 4, 2)
	if want := (choice{fine: []int{4, 9}, coarse: []int{5, 6}}); !reflect.DeepEqual(got, want) {
		t.Errorf("chose %v, want %v", got, want)
	}
	if got, want := choose(m, seen, 3, 1).order(m), []int{4, 9, 5}; !slices.Equal(got, want) {
		t.Errorf("with less room %v, want %v", got, want)
	}
}

func TestChoiceRoundTrip(t *testing.T) {
	name := t.TempDir() + "/pieces"
	want := choice{fine: []int{0, 7, 99}, coarse: []int{8, 98}}
	if err := want.write(name, 100); err != nil {
		t.Fatal(err)
	}
	file := readFile(t, name)
	if got, err := readChoice(file, 100); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("read %v, %v; want %v", got, err, want)
	}
	if _, err := readChoice(file, 1000); err == nil {
		t.Error("pieces of another vocabulary were read")
	}
}

func TestLinesCount(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"a.txt": "one\ntwo\n", "b.tsv": "30\tthree\tfour\n", "c.bin": "none\n"} {
		if err := os.WriteFile(dir+"/"+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	if err := lines(dir, func(line string, times int) { got = append(got, fmt.Sprint(times, " ", line)) }); err != nil {
		t.Fatal(err)
	}
	if want := []string{"1 one", "1 two", "30 three\tfour"}; !slices.Equal(got, want) {
		t.Errorf("lines %q, want %q", got, want)
	}
	if err := os.WriteFile(dir+"/b.tsv", []byte("no number\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := lines(dir, func(string, int) {}); err == nil {
		t.Error("a line without its number was read")
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
