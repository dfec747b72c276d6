package analysis

import "strings"

// leastMisspelt is the length of the shortest word that may be misspelt: shorter
// ones have too many neighbours.
const leastMisspelt = 5

// Near returns the terms that are meant if the word t of a text is misspelt by one
// letter: one too many, one too few, another one, or two exchanged, the first
// letter apart. It returns nil unless t is a word of at least five Latin letters.
// Weights and places are those of t.
func Near(text string, t Term) []Term {
	if t.Kind != KindWord || t.Stop || t.Start < 0 || t.End > len(text) {
		return nil
	}
	word := strings.ToLower(text[t.Start:t.End])
	if len(word) < leastMisspelt {
		return nil
	}
	for i := range len(word) {
		if word[i] < 'a' || word[i] > 'z' {
			return nil
		}
	}
	seen := map[uint32]bool{t.Index: true}
	var out []Term
	var buf []byte
	letters := make([]byte, 0, len(word)+1)
	add := func() {
		stemmed := stem(letters, &buf)
		n := t
		if n.Index = hash(stemmed); seen[n.Index] || isStop(KindWord, stemmed) {
			return
		}
		seen[n.Index] = true
		n.Text = string(stemmed)
		out = append(out, n)
	}
	for i := 1; i < len(word); i++ {
		letters = append(append(letters[:0], word[:i]...), word[i+1:]...)
		add()
		letters = append(letters[:0], word...)
		letters[i-1], letters[i] = letters[i], letters[i-1]
		add()
		for c := byte('a'); c <= 'z'; c++ {
			letters = append(letters[:0], word...)
			letters[i] = c
			add()
		}
	}
	for i := 1; i <= len(word); i++ {
		for c := byte('a'); c <= 'z'; c++ {
			letters = append(append(append(letters[:0], word[:i]...), c), word[i:]...)
			add()
		}
	}
	return out
}
