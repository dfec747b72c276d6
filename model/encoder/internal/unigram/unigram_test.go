package unigram

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// toy is a table small enough to see through: the mark is written _.
func toy(t testing.TB) (*Table, []string) {
	t.Helper()
	scores := map[string]float32{
		"_": -3, "_the": -2, "the": -4, "_t": -3, "h": -5, "e": -4, "_cat": -3, "s": -3, "_cats": -7,
		"a": -4, "c": -5, "t": -5, "北京": -4, "北": -6, "京": -6, "_北京": -9, "1": -3, "2": -3,
	}
	var pieces []string
	for p := range scores {
		pieces = append(pieces, p)
	}
	slices.SortFunc(pieces, func(a, b string) int { return cmp.Or(cmp.Compare(scores[b], scores[a]), cmp.Compare(a, b)) })
	var values []float32
	var marked []string
	for _, p := range pieces {
		values = append(values, scores[p])
		marked = append(marked, strings.ReplaceAll(p, "_", "▁"))
	}
	table, err := Build(marked, values, -9, []Mapping{
		{'\n', " "}, {'\t', " "}, {0x200B, ""}, {0x3000, " "}, {'½', "1 2"}, {'Ａ', "A"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return table, pieces
}

func cutToy(t *Table, names []string, parts ...string) string {
	var c Cutter
	var out []string
	for _, p := range c.Cut(t, nil, 0, parts...) {
		if p == Unknown {
			out = append(out, "?")
		} else {
			out = append(out, names[p])
		}
	}
	return strings.Join(out, " ")
}

func TestCut(t *testing.T) {
	table, names := toy(t)
	for _, tt := range []struct{ text, want string }{
		{"", "_"},
		{" ", "_"},
		{"the cats", "_the _cat s"},
		{"  the \n\t cat ", "_the _cat _"},
		{"the\u200bcat", "_the c a t"},
		{"北京", "_ 北京"},
		{"the　北", "_the _ 北"},
		{"½", "_ 1 _ 2"},
		{"z", "_ ?"},
		{"zz1", "_ ? ? 1"},
		{"the\xff", "_the ?"},
		{"the\x00s", "_the ? s"},
		{"Ａ", "_ ?"},
		{"😀s", "_ ? s"},
	} {
		if got := cutToy(table, names, tt.text); got != tt.want {
			t.Errorf("cut %q: %s; want %s", tt.text, got, tt.want)
		}
	}
	if got, want := cutToy(table, names, "the ", " cat"), "_the _cat"; got != want {
		t.Errorf("cut in two parts: %s; want %s", got, want)
	}
}

func TestCutLimit(t *testing.T) {
	table, _ := toy(t)
	var c Cutter
	if got := c.Cut(table, nil, 2, "the cat the cat"); len(got) != 2 {
		t.Errorf("limit 2 gave %d pieces", len(got))
	}
	long := strings.Repeat("the cats 北京 ", 5000)
	all := c.Cut(table, nil, 0, long)
	if got := c.Cut(table, nil, 40, long); !slices.Equal(got, all[:40]) {
		t.Errorf("with a limit %v, without %v", got, all[:40])
	}
	if n := len(c.text); n > 41*longestPiece+16 {
		t.Errorf("%d bytes were looked at for 40 pieces", n)
	}
}

// TestCutIsBest compares with the definition: of all ways to cut the text the one
// with the highest sum of scores.
func TestCutIsBest(t *testing.T) {
	table, names := toy(t)
	number := map[string]Piece{}
	for i, n := range names {
		number[n] = Piece(i)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[thecas北京 1]{0,12}`).Draw(t, "text")
		marked := []rune("_" + strings.ReplaceAll(strings.TrimLeft(strings.Join(strings.FieldsFunc(text+"x", func(r rune) bool { return r == ' ' }), "_"), "_"), "x", ""))
		best := make([]float64, len(marked)+1)
		for i := range marked {
			best[i+1] = best[i] + float64(table.unknown)
			for j := 0; j <= i; j++ {
				if p, ok := number[string(marked[j:i+1])]; ok {
					best[i+1] = max(best[i+1], best[j]+float64(table.scores[p]))
				}
			}
		}
		var c Cutter
		sum := 0.0
		for _, p := range c.Cut(table, nil, 0, text) {
			if p == Unknown {
				sum += float64(table.unknown)
			} else {
				sum += float64(table.scores[p])
			}
		}
		if math.Abs(sum-best[len(marked)]) > 1e-3 {
			t.Fatalf("cut %q scores %g, best is %g", text, sum, best[len(marked)])
		}
	})
}

func TestOpenGivesTheSameTable(t *testing.T) {
	table, names := toy(t)
	b, err := table.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Open(b)
	if err != nil {
		t.Fatal(err)
	}
	const text = "the cats 北京 ½ z\n1"
	if got, want := cutToy(again, names, text), cutToy(table, names, text); got != want {
		t.Errorf("after opening: %s; want %s", got, want)
	}
	for n := range len(b) {
		if _, err := Open(b[:n]); err == nil {
			t.Fatalf("%d of %d bytes opened without error", n, len(b))
		}
	}
}

func TestBuildRefuses(t *testing.T) {
	for _, pieces := range [][]string{{"a", "a"}, {""}, {"a\x00"}, {strings.Repeat("a", longestPiece+1)}} {
		if _, err := Build(pieces, make([]float32, len(pieces)), -1, nil); err == nil {
			t.Errorf("pieces %q were taken", pieces)
		}
	}
	if _, err := Build([]string{"a"}, nil, -1, nil); err == nil {
		t.Error("a piece without score was taken")
	}
	if _, err := Build([]string{"a"}, []float32{float32(math.Inf(-1))}, -1, nil); err == nil {
		t.Error("a piece without end to its score was taken")
	}
}

func TestTrieHoldsItsKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfNDistinct(rapid.StringMatching("[a-c\xe4\xb8\x80]{1,6}"), 0, 60, func(s string) string { return s }).Draw(t, "keys")
		slices.Sort(keys)
		values := rand.New(rand.NewPCG(1, 1)).Perm(len(keys))
		units, err := buildTrie(keys, values)
		if err != nil {
			t.Fatal(err)
		}
		find := func(s string) int {
			u := units[0]
			for i := 0; i < len(s); i++ {
				if u&unitLeaf != 0 {
					return -1
				}
				u = units[u>>unitShift^uint32(s[i])]
				if u&0xFF != uint32(s[i]) {
					return -1
				}
			}
			if u&unitEnds == 0 {
				return -1
			}
			if u&unitLeaf == 0 {
				u = units[u>>unitShift]
			}
			return int(u &^ unitLeaf >> unitShift)
		}
		for i, k := range keys {
			if got := find(k); got != values[i] {
				t.Fatalf("key %q found as %d, want %d", k, got, values[i])
			}
			if k := k + "d"; find(k) != -1 {
				t.Fatalf("%q found, but is no key", k)
			}
		}
	})
}

func FuzzCut(f *testing.F) {
	table, names := toy(f)
	for _, s := range []string{"", "the cats", "北京\xff", "\x00", " ▁ ", "\U0010FFFF½"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var c Cutter
		size := 0
		for _, p := range c.Cut(table, nil, 0, text) {
			if p == Unknown {
				size++
			} else {
				size += utf8.RuneCountInString(names[p])
			}
		}
		if want := utf8.RuneCount(c.text); size != want {
			t.Errorf("cut %q covers %d code points of %d", text, size, want)
		}
		if !utf8.Valid(c.text) {
			t.Errorf("normalised %q is not UTF-8", text)
		}
	})
}

func FuzzOpen(f *testing.F) {
	table, _ := toy(f)
	b, _ := table.AppendBinary(nil)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		table, err := Open(b)
		if err != nil {
			return
		}
		var c Cutter
		c.Cut(table, nil, 0, "the cats 北京 ½\xff")
	})
}

func BenchmarkCut(b *testing.B) {
	table, _ := toy(b)
	text := strings.Repeat("the cats the 北京 1 2 ", 100)
	var c Cutter
	var pieces []Piece
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		pieces = c.Cut(table, pieces[:0], 0, text)
	}

}
