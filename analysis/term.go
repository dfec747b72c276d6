package analysis

// Kind classes terms.
type Kind uint8

const (
	KindWord       Kind = iota // a word, led to its stem
	KindHan                    // one Han character (or kana, Hangul syllable, Thai letter)
	KindBigram                 // two neighbouring ones
	KindIdentifier             // a compound as a whole: max_tokens, v2.0.1, ERR-4012, a/b/c.go
	KindPart                   // a piece of a compound
	KindNumber                 // 32, 1000000, 3.14; also of Chinese numerals
	KindDate                   // 2013-05-03, 2013-05, --05-03; also a month, --05
)

func (k Kind) String() string {
	return [...]string{"word", "character", "bigram", "identifier", "part", "number", "date"}[k]
}

// Term is one term of a text. Terms overlap: a compound stands beside its parts
// and a bigram beside its characters.
type Term struct {
	Text       string // folded and stemmed, as it is indexed
	Index      uint32 // hash of Text
	Start, End int    // byte range in the source text
	Kind       Kind
	Stop       bool    // says little by itself: the, of, what; 的, 什么
	Weight     float64 // share of a term of its kind in the score of a question, before IDF
}

// Terms returns the terms of text in order of appearance.
func Terms(text string) []Term {
	var terms []Term
	var l lexer
	l.run(text, func(kind Kind, folded []byte, start, end int) {
		stop := isStop(kind, folded)
		terms = append(terms, Term{
			Text: string(folded), Index: hash(folded), Start: start, End: end,
			Kind: kind, Stop: stop, Weight: questionWeight(kind, stop),
		})
	})
	return terms
}

// Index returns the sparse index of a term's text.
func Index(term string) uint32 { return hash([]byte(term)) }

// hash is FNV-1a with a final mix, so that short terms spread over all bits.
func hash(b []byte) uint32 {
	h := uint32(2166136261)
	for _, c := range b {
		h = (h ^ uint32(c)) * 16777619
	}
	h ^= h >> 16
	h *= 0x85ebca6b
	h ^= h >> 13
	return h
}
