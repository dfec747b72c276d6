package store

import (
	"math"
	"slices"
)

// Centre is what the vectors of an embedding model have in common. Many models put
// all texts of a language close together, so that a text's language outweighs what
// it says.
type Centre struct {
	// Means are the mean vectors of texts at length 1, by "language/task".
	Means map[string][]float32
	// OwnLanguage is by how much a question is nearer to a passage in its own
	// language than to the same passage in another, as cosine, less the means.
	OwnLanguage float64
	// Languages are those that the model tells texts apart in.
	Languages []string
}

// Knows reports whether the model tells texts of a language apart; nothing is
// known against one that was not measured.
func (c Centre) Knows(language string) bool {
	return len(c.Means[language+"/query"]) == 0 || slices.Contains(c.Languages, language)
}

// Less returns v at length 1 less the mean of its language and task, "en" where
// the language is unknown; v itself where there is no mean of its length.
func (c Centre) Less(v []float32, language, task string) []float32 {
	if language == "" {
		language = "en"
	}
	mean := c.Means[language+"/"+task]
	if len(mean) != len(v) {
		return v
	}
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if sum == 0 {
		return v
	}
	out := make([]float32, len(v))
	n := 1 / math.Sqrt(sum)
	for i, x := range v {
		out[i] = float32(float64(x)*n) - mean[i]
	}
	return out
}
