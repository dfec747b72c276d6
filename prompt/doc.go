// Package prompt turns a question, its passages and the turns before it into
// messages for a model.
//
// Bottom up: [Neutralise] takes from a passage whatever could be mistaken for a
// fence, a marker or a model's own control words; a [Builder] numbers the
// passages, fences them as data, cuts them on sentences to a budget of tokens,
// best first, and fills the templates of the answer's language. What a passage
// says is never an instruction. [Prompt.Sources][n-1] is what marker [n] of an
// answer means. The wording lives in templates/*.tmpl, one file for each kind of
// prompt and language.
package prompt
