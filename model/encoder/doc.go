// Package encoder turns texts into vectors of meaning with nothing but the
// processor: multilingual-e5-small, a sentence encoder of 12 layers and 384
// dimensions, with its weights inside the binary.
//
// Bottom up: internal/unigram cuts a text into the model's pieces.
// internal/layout reads the weights file, whose matrices lie as the kernels want
// them. A kernel (kernel.go) has the arithmetic: linear layers as products of
// four-bit weights and int8 activations, attention and normalisation in float32;
// one in Go for every machine, others in assembly, chosen when the program
// starts. network.go runs the layers over a pack of texts laid end to end.
// centre.go takes the mean of the text's language off the vector. Encoder
// (encoder.go) shares texts out over workers and lets questions go first.
//
// The vocabulary is that of English and Chinese: all Latin words without accents,
// all Chinese ones, digits, punctuation and symbols, words with accents as far as
// English uses them, and single characters of every script. Text in other
// languages is cut into smaller pieces down to those characters: it works, with a
// quality that nobody measured. A character that the model does not know at all
// counts as its unknown piece.
//
// The build tag noencoder leaves the weights out, purego the assembly.
package encoder
