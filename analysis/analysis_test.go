package analysis

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestFold(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"Hello,   World\n\tagain", "hello, world again"},
		{"“Hello” ‘it’s’ 「好」", `"hello" 'it's'"好"`},
		{"ＡＢＣ１２３", "abc123"},
		{"臺灣 後來\n的 GPU", "台湾后来的gpu"},
		{"ﬁle — x–y−z…", "file - x-y-z..."},
		{"so\u00adft\u200b hy\ufeffphen", "soft hyphen"},
		{"Cafe\u0301", "café"},
		{"a\u00a0b\u3000c", "a b c"},
		{"\xff", "\ufffd"},
	} {
		if got := Fold(c.in).Text; got != c.want {
			t.Errorf("Fold(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func TestFoldedIndex(t *testing.T) {
	text := "Er sagt: “臺灣   的 ＧＰＵ” ende"
	f := Fold(text)
	r, next, ok := f.Index(Fold("台湾的GPU").Text, 0)
	if !ok || text[r.Start:r.End] != "臺灣   的 ＧＰＵ" {
		t.Fatalf("Index = %v %v, %q", r, ok, text[r.Start:r.End])
	}
	if _, _, ok = f.Index("台", next); ok {
		t.Error("found a second place")
	}
	if _, _, ok = f.Index("", 0); ok {
		t.Error("found nothing")
	}
}

// written draws text of the kinds that folding and cutting treat apart.
func written() *rapid.Generator[string] {
	piece := rapid.SampledFrom([]string{"a", "B", "word ", "Running ", "max_tokens", "v2.0.1", ".", ". ", "? ", "!", "。", "！", "”", "“", "「", "」", "\n", "\n\n",
		"- ", "1. ", "三十二", "第", "条", "臺灣", "的", "年", "月", "2013", "5", ",", "，", "…", " ", "\u3000", "\u200b", "ﬁ", "①", "é", "e\u0301", "Ｋ", "ー", "カ", "한",
		"½", "㎞", "-", "_", "/", "'s ", "C++", "May 3, ", "|", "#", "\xff", "\xe4\xb8", "𠀀", "İ", "ẞ", "U.S. ", "e.g. ", "3.14"})
	return rapid.Map(rapid.SliceOfN(rapid.OneOf(piece, rapid.StringN(0, 3, -1)), 0, 40), func(s []string) string { return strings.Join(s, "") })
}

func checkFold(t interface{ Fatalf(string, ...any) }, text string) {
	f := Fold(text)
	if !utf8.ValidString(f.Text) {
		t.Fatalf("Fold(%q) is not UTF-8: %q", text, f.Text)
	}
	if len(f.starts) != len(f.Text) || len(f.ends) != len(f.Text) {
		t.Fatalf("Fold(%q): %d offsets for %d bytes", text, len(f.starts), len(f.Text))
	}
	last := 0
	for i := range f.Text {
		if int(f.starts[i]) < last || f.ends[i] <= f.starts[i] || int(f.ends[i]) > len(text) {
			t.Fatalf("Fold(%q): byte %d comes from [%d,%d) after %d", text, i, f.starts[i], f.ends[i], last)
		}
		last = int(f.starts[i])
	}
}

func checkSentences(t interface{ Fatalf(string, ...any) }, text string) {
	last := 0
	blank := func(s string) bool { s0, e0 := trim(s, 0, len(s)); return s0 >= e0 }
	for _, r := range Sentences(text) {
		if r.Start < last || r.End <= r.Start || r.End > len(text) {
			t.Fatalf("Sentences(%q): range %v after %d", text, r, last)
		}
		if s, e := trim(text, r.Start, r.End); s != r.Start || e != r.End {
			t.Fatalf("Sentences(%q): range %v is not trimmed", text, r)
		}
		if !blank(text[last:r.Start]) {
			t.Fatalf("Sentences(%q): leaves out %q", text, text[last:r.Start])
		}
		last = r.End
	}
	if !blank(text[last:]) {
		t.Fatalf("Sentences(%q): leaves out %q", text, text[last:])
	}
}

func checkTerms(t interface{ Fatalf(string, ...any) }, text string) {
	for _, term := range Terms(text) {
		if term.Text == "" || len(term.Text) > maxTerm || term.Index != Index(term.Text) {
			t.Fatalf("Terms(%q): %+v", text, term)
		}
		if term.Start < 0 || term.End <= term.Start || term.End > len(text) {
			t.Fatalf("Terms(%q): %+v out of range", text, term)
		}
	}
	indices, values := Passage(Fields{Title: text, Text: text})
	if len(indices) != len(values) || !slices.IsSorted(indices) || len(slices.Compact(slices.Clone(indices))) != len(indices) {
		t.Fatalf("Passage(%q): %v", text, indices)
	}
	for _, v := range values {
		if !(v > 0 && v < k1+1) {
			t.Fatalf("Passage(%q): weight %v", text, v)
		}
	}
	_ = Tokens(text)
	_ = Language(text)
	q := Question(text)
	for _, term := range q.Terms {
		if q.Text == text && term.End > len(text) || term.Weight <= 0 {
			t.Fatalf("Question(%q): %+v", text, term)
		}
	}
}

func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := written().Draw(t, "text")
		checkFold(t, text)
		checkSentences(t, text)
		checkTerms(t, text)
	})
}

func TestFoldIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOf(rapid.SampledFrom([]string{"Hello", "臺灣", "的", "“x”", "ＧＰＵ", "3.14", "— ", "…", "a b", "\n"})).Draw(t, "words")
		once := Fold(strings.Join(words, " ")).Text
		if twice := Fold(once).Text; twice != once {
			t.Fatalf("%q folds to %q, and that to %q", words, once, twice)
		}
	})
}

func FuzzAnalysis(f *testing.F) {
	for _, s := range []string{"", "Dr. Smith paid $3.14.", "第三十二条　2013年5月3日", "max_tokens a/b/c.go K8s集群", "‘a-’b,1", "½-x", "path:\"a b\" \"q\" type:pdf"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		checkFold(t, text)
		checkSentences(t, text)
		checkTerms(t, text)
	})
}
