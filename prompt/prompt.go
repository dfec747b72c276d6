package prompt

import (
	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/retrieve"
)

// Input is what a prompt is built from.
type Input struct {
	Question string
	Language string // of the answer: "en", "zh"; "" follows the question
	Passages []retrieve.Passage
	History  []Turn // older turns first
	Summary  string // of the turns before History; may be empty
	Wish     string // how the answer should be written, by who runs the client; may be empty
	// Omit reports the sentences of passages that are not to be shown; nil shows
	// all.
	Omit func(sentence string) bool
}

// Turn is one question of a conversation with its answer.
type Turn struct{ Question, Answer string }

// Prompt is what is sent to a model.
type Prompt struct {
	Messages []model.Message
	Sources  []retrieve.Passage // Sources[n-1] is what marker [n] means; passages beyond the budget are left out
	Tokens   int                // estimate
}
