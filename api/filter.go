package api

import (
	"net/http"
	"time"

	"github.com/lore-kb/lore/store"
)

// filterBody is a filter as clients write it.
type filterBody struct {
	Documents []string          `json:"documents,omitempty" maxItems:"1000" doc:"Document identifiers"`
	Paths     []string          `json:"paths,omitempty" maxItems:"100" doc:"Prefixes of paths, or globs" example:"[\"policies/\"]"`
	Types     []string          `json:"types,omitempty" maxItems:"100" doc:"Media types; text/* works" example:"[\"application/pdf\"]"`
	Languages []string          `json:"languages,omitempty" maxItems:"10" doc:"en, zh"`
	Labels    map[string]string `json:"labels,omitempty" doc:"Labels that must all match"`
	After     string            `json:"after,omitempty" doc:"Date not before, YYYY-MM-DD" example:"2025-01-01"`
	Before    string            `json:"before,omitempty" doc:"Date before, YYYY-MM-DD"`
}

func (f *filterBody) filter() (store.Filter, error) {
	if f == nil {
		return store.Filter{}, nil
	}
	out := store.Filter{Documents: f.Documents, Paths: f.Paths, MediaTypes: f.Types, Languages: f.Languages, Labels: f.Labels}
	for _, day := range []struct {
		name, text string
		to         *time.Time
	}{{"after", f.After, &out.After}, {"before", f.Before, &out.Before}} {
		if day.text == "" {
			continue
		}
		parsed, err := time.Parse(time.DateOnly, day.text)
		if err != nil {
			return out, newProblem(http.StatusBadRequest, typeInvalid, "date", "filter: "+day.name+" is not a date of the form 2026-01-31")
		}
		*day.to = parsed
	}
	return out, nil
}
