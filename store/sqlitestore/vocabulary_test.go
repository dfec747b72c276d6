package sqlitestore

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lore-kb/lore/store"
)

// vocabularyTexts are short documents with much in common.
func vocabularyTexts(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("第%d条 员工年休假由部门负责人批准后生效，最迟于次年三月底前休完。Leave of up to %d days is granted by the head of the department.\n", i, i%30)
	}
	return out
}

func TestVocabulary(t *testing.T) {
	texts := vocabularyTexts(400)
	v := learn(texts)
	again := learn(texts)
	if !bytes.Equal(v.coded(), again.coded()) {
		t.Error("the same texts give another vocabulary")
	}
	v, err := decodeVocabulary(7, v.coded())
	if err != nil {
		t.Fatal(err)
	}
	v.encoder()
	in, out := 0, 0
	for _, text := range texts {
		c := v.encode(nil, text)
		in, out = in+len(text), out+len(c)
	}
	if 5*out > in {
		t.Errorf("%d bytes are coded in %d", in, out)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOf(rapid.OneOf(rapid.String(), rapid.SampledFrom(texts), rapid.StringN(0, 3, -1))).Draw(t, "texts"), "")
		c := v.encode(nil, text)
		size := rapid.IntRange(0, len(text)).Draw(t, "size")
		for _, n := range []int{len(text), size} {
			back, err := v.decode(c, n)
			if err != nil || string(back) != text[:n] {
				t.Fatalf("decode %d of %d: %v", n, len(text), err)
			}
		}
		if _, err := v.decode(c, len(text)+2*maxSymbol+64); err == nil && len(text) > 0 {
			t.Fatal("more is decoded than was coded")
		}
	})
}

// TestTrie compares the trie with a look at every symbol.
func TestTrie(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		short := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 'a', 'b', 0xE4, 0xFE, 0xFF}), 1, 6)
		symbols := map[string]bool{}
		for c := range 256 {
			symbols[string([]byte{byte(c)})] = true
		}
		for _, s := range rapid.SliceOfN(short, 0, 400).Draw(t, "symbols") {
			symbols[string(s)] = true
		}
		list := slices.Sorted(maps.Keys(symbols))
		trie := newTrie(list, func(symbol uint32) uint32 { return symbol })
		text := string(slices.Concat(rapid.SliceOfN(short, 1, 20).Draw(t, "text")...))
		for ; text != ""; text = text[1:] {
			want := 0
			for n := 1; n <= len(text); n++ {
				if symbols[text[:n]] {
					want = n
				}
			}
			if symbol, n := trie.longest(text); n != want || list[symbol] != text[:n] {
				t.Fatalf("longest of %q: %q, want %q", text, list[symbol], text[:want])
			}
		}
	})
}

// FuzzVocabulary decodes damaged vocabularies and texts, which a checksum keeps
// away otherwise.
func FuzzVocabulary(f *testing.F) {
	v := learn(vocabularyTexts(50))
	v.encoder()
	f.Add(v.coded(), v.encode(nil, "第7条 员工"))
	f.Fuzz(func(t *testing.T, words, text []byte) {
		_, _ = v.decode(text, 200)
		if v, err := decodeVocabulary(1, words); err == nil {
			_, _ = v.decode(text, 200)
			v.encoder()
			if c := v.encode(nil, string(text)); len(text) > 0 {
				if back, err := v.decode(c, len(text)); err != nil || !bytes.Equal(back, text) {
					t.Errorf("%q comes back as %q (%v)", text, back, err)
				}
			}
		}
	})
}

// TestVocabularyGrows indexes enough for several vocabularies, damages one copy,
// and compacts.
func TestVocabularyGrows(t *testing.T) {
	defer func(first int64) { learnFirst = first }(learnFirst)
	learnFirst = 2 << 10
	ctx := context.Background()
	dir := t.TempDir()
	s := openTest(t, dir, Options{Create: true})
	want := map[string]string{}
	for i, text := range vocabularyTexts(300) {
		d := textDocument(fmt.Sprint(i, ".md"), "v1", text)
		want[d.ID] = text
		putTest(t, s, d)
	}
	n, err := s.writer.int("SELECT count(*) FROM vocabularies")
	if err != nil || n < 4 {
		t.Fatalf("%d rows of vocabularies (%v), want some", n, err)
	}
	if _, err := s.writer.exec("UPDATE vocabularies SET data = x'00' WHERE id > 0"); err != nil {
		t.Fatal(err)
	}
	for _, compact := range []bool{false, true} {
		if compact {
			if err := s.Compact(ctx); err != nil {
				t.Fatal(err)
			}
			if n, err := s.writer.int("SELECT count(*) FROM texts WHERE substr(data, 1, 1) <> x'02'"); err != nil || n != 0 {
				t.Errorf("%d texts are not coded with a vocabulary (%v)", n, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if problems, err := openTest(t, dir, Options{ReadOnly: true}).Check(ctx); err != nil || len(problems) == 0 != compact {
			t.Errorf("check after compact %v: %v (%v)", compact, problems, err)
		}
		if _, err := Repair(ctx, dir, Options{LockTimeout: -1}, RepairOptions{}); err != nil {
			t.Fatal(err)
		}
		s = openTest(t, dir, Options{})
		clean(t, s)
		for id, text := range want {
			if got, err := s.Text(ctx, id); err != nil || got != text {
				t.Fatalf("%q, want %q (%v)", got, text, err)
			}
		}
	}
	if _, err := s.writer.exec("DELETE FROM vocabularies"); err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	s = openTest(t, dir, Options{ReadOnly: true})
	for d := range s.Documents(ctx, store.Filter{}) {
		if _, err := s.Text(ctx, d.ID); err == nil || !strings.Contains(err.Error(), "default.db") || !strings.Contains(err.Error(), "vocabulary") {
			t.Errorf("without a vocabulary: %v", err)
		}
		break
	}
}
