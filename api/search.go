package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lore-kb/lore/retrieve"
)

// searchInput is a search.
type searchInput struct {
	Body struct {
		Query      string      `json:"query" minLength:"1" maxLength:"8192" doc:"What is searched for" example:"certificate renewal"`
		Collection string      `json:"collection,omitempty" maxLength:"64" pattern:"^[A-Za-z0-9_-]*$"`
		Limit      whole       `json:"limit,omitempty" minimum:"0" maximum:"100" doc:"Passages at most; default 8"`
		Filter     *filterBody `json:"filter,omitempty"`
		Explain    bool        `json:"explain,omitempty" doc:"Say why each passage ranks where it does"`
	}
}

type searchOutput struct{ Body retrieve.ResultJSON }

func (s *Server) searchRoutes(routes huma.API) {
	huma.Register(routes, huma.Operation{
		OperationID: "search", Method: http.MethodPost, Path: "/v1/search", Tags: []string{"answers"},
		Summary: "Find passages, best first", MaxBodyBytes: s.options.MaxBody,
	}, func(ctx context.Context, in *searchInput) (*searchOutput, error) {
		filter, collection, err := s.searched(ctx, in.Body.Query, in.Body.Filter, in.Body.Collection)
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
		defer cancel()
		result, err := collection.Retriever.Retrieve(ctx, retrieve.Query{
			Text: in.Body.Query, Filter: filter, Limit: int(in.Body.Limit), Explain: in.Body.Explain,
		})
		if err != nil {
			return nil, s.failed(ctx, err)
		}
		return &searchOutput{Body: result.JSON()}, nil
	})
}

// searched returns the filter and the collection that a search names, whose query
// must not be empty.
func (s *Server) searched(ctx context.Context, query string, filter *filterBody, name string) (retrieve.Filter, *Collection, error) {
	chosen, err := filter.filter()
	if err != nil {
		return retrieve.Filter{}, nil, err
	}
	if strings.TrimSpace(query) == "" {
		return retrieve.Filter{}, nil, newProblem(http.StatusBadRequest, typeInvalid, "empty_query", "the query is empty")
	}
	collection, err := s.collection(ctx, name)
	if err != nil {
		return retrieve.Filter{}, nil, s.failed(ctx, err)
	}
	return chosen, collection, nil
}
