// Package prompt turns a question, its passages and the turns before it into
// messages for a model.
//
// Passages are numbered and fenced as data: what they say is never an
// instruction. [Prompt.Sources][n-1] is what marker [n] of an answer means. The
// wording lives in templates/*.tmpl.
package prompt
