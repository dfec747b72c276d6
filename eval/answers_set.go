package eval

import (
	"path/filepath"
)

// readEvidence returns the gold evidence sentences of a set by question; sets
// without answers.jsonl, or without evidence in it, have none.
func readEvidence(dir string) (map[string][]string, error) {
	out := map[string][]string{}
	err := optional(readLines(filepath.Join(dir, "answers.jsonl"), func(a struct {
		ID       string   `json:"_id"`
		Evidence []string `json:"evidence"`
	}) error {
		if len(a.Evidence) > 0 {
			out[a.ID] = a.Evidence
		}
		return nil
	}))
	return out, err
}
