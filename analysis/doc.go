// Package analysis turns text into terms, and terms into sparse vectors. Both
// paths use it, so that a question and the passage that answers it meet in the
// same terms; it knows neither path and no store.
//
// Bottom up: [Fold] makes text comparable (compatibility forms, case, width,
// traditional to simplified Chinese) and remembers where each byte came from;
// [Sentences] finds sentence ends of English and Chinese; [Terms] cuts folded
// text into words, stems, Han characters and bigrams, and identifiers whole and
// in parts; [Passage] and [Question] weigh terms for BM25; [Tokens] estimates
// what a language model would count; [Language] tells English from Chinese.
package analysis

// Version changes whenever the same text would yield other terms or weights, so
// that what was indexed before is indexed again.
const Version = 1
