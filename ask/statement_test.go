package ask

import (
	"fmt"
	"strings"
	"testing"
)

func TestClaims(t *testing.T) {
	cases := []struct{ name, text, want string }{
		{"plain", "The office opens at 8:30. [1]\nDogs are welcome. [2]", "The office opens at 8:30.[1] Dogs are welcome.[2]"},
		{"inside sentence end", "The office opens at 8:30 [1].", "The office opens at 8:30.[1]"},
		{"several markers", "A and B. [1][3]", "A and B.[1 3]"},
		{"comma list", "A and B. [1, 3]", "A and B.[1 3]"},
		{"range", "A and B. [1-3]", "A and B.[1 2 3]"},
		{"wide brackets", "办公室八点半开门。【1】", "办公室八点半开门。[1]"},
		{"full-width digit", "办公室八点半开门。［１］", "办公室八点半开门。[1]"},
		{"chinese phrase", "根据第2段，年假有十五天。", "年假有十五天。[2]"},
		{"chinese numeral phrase", "根据第二段，年假有十五天。", "年假有十五天。[2]"},
		{"chinese round", "年假有十五天（段落2）。", "年假有十五天。[2]"},
		{"source", "The fee is 10 € (source 1).", "The fee is 10 €.[1]"},
		{"passage in brackets", "The fee is 10 €. [passage 2]", "The fee is 10 €.[2]"},
		{"english phrase", "According to passage 2, the fee is 10 €.", "The fee is 10 €.[2]"},
		{"says phrase", "Passage 3 says that the fee is 10 €.", "The fee is 10 €.[3]"},
		{"two sentences in a line", "A is one. [1] B is two. [2]", "A is one.[1] B is two.[2]"},
		{"one marker at the end", "A is one. B is two. [2]", "A is one. B is two.[2]"},
		{"marker in the middle", "A is one [1] and B is two [2].", "A is one and B is two.[1 2]"},
		{"list", "1. A is one. [1]\n2. B is two. [2]\n- C is three. [3]", "A is one.[1] B is two.[2] C is three.[3]"},
		{"preamble", "Answer: A is one. [1]", "A is one.[1]"},
		{"no marker", "A is one. B is two.", "A is one.[] B is two.[]"},
		{"marker on its own line", "A is one.\n[1]", "A is one.[]"},
		{"bare number at the end", "A is one. (2)", "A is one.[2]"},
		{"version is no marker", "The array is a[1] in v2.0.1. [2]", "The array is a in v2.0.1.[1 2]"},
		{"not found", "NOT_FOUND", ""},
		{"not found in words", "The passages do not mention the price.", ""},
		{"not found chinese", "段落中没有提到价格。", ""},
		{"identifier keeps its case", "max_tokens was renamed. [1]", "max_tokens was renamed.[1]"},
		{"empty", "  \n\n", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var parts []string
			for _, x := range claims(c.text) {
				parts = append(parts, x.text+fmt.Sprint(x.markers))
			}
			if got := strings.Join(parts, " "); got != c.want {
				t.Errorf("claims(%q)\n got %q\nwant %q", c.text, got, c.want)
			}
		})
	}
}

func TestDenies(t *testing.T) {
	for text, want := range map[string]bool{
		"NOT_FOUND": true, "NOT_FOUND.": true, "**NOT_FOUND**": true, "Answer: NOT_FOUND": true, "not found": true, "Not Found\n": true,
		"The passages do not answer the question.": true, "段落没有回答这个问题。": true, "抱歉，无法回答。": true, "无法回答": true,
		"The office is not found on the first floor.": false, "没有人可以在试用期使用年假。[1]": false, "": false, "The page is open. [1]": false,
	} {
		if got := denies(text); got != want {
			t.Errorf("denies(%q) = %v", text, got)
		}
	}
}

func FuzzClaims(f *testing.F) {
	for _, s := range []string{"A. [1]", "根据第2段，B。", "[1][2][", "[1-99]", "（段落３）", "\"quoted\" [1]", "[1] [2] x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, c := range claims(s) {
			if strings.TrimSpace(c.text) == "" {
				t.Fatalf("claims(%q) gives an empty claim", s)
			}
			if len(c.markers) > 64 {
				t.Fatalf("claims(%q) gives %d markers", s, len(c.markers))
			}
		}
	})
}
