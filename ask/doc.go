// Package ask answers questions from passages and checks what it says.
//
// Bottom up: [Verify] holds a statement against the documents it cites; the
// extractive answerer picks the sentences that answer; the judge decides whether
// the documents answer at all; the [Assistant] retrieves, prompts a model or
// extracts, verifies, and returns an [Answer] in which each statement has a
// [Citation] whose quote stands in its document, or says that the documents do
// not tell.
package ask
