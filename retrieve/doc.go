// Package retrieve is the read path: it finds the passages that a question
// needs.
//
// Bottom up: a [Query] is analysed into a sparse vector and embedded into a
// dense one; each leg of the store is searched; the legs are fused into one
// ranking by a rule that follows the question; neighbouring chunks of a document
// are merged into [Passage]s; the [Result] says what each leg did and what was
// missing.
package retrieve
