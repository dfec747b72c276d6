package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lore-kb/lore/retrieve"
)

// follower says what became of a document in a search; a *retrieve.Retriever is
// one.
type follower interface {
	WhyNot(ctx context.Context, document string, q retrieve.Query) (*retrieve.WhyNot, error)
}

// whyNotInput is a search and the document that was missed in it.
type whyNotInput struct {
	Body struct {
		Query      string      `json:"query" minLength:"1" maxLength:"8192" doc:"What is searched for" example:"certificate renewal"`
		Document   string      `json:"document" minLength:"1" maxLength:"4096" doc:"Identifier, path, URI or title of the document that is missed" example:"policies/annual-leave.md"`
		Collection string      `json:"collection,omitempty" maxLength:"64" pattern:"^[A-Za-z0-9_-]*$"`
		Limit      whole       `json:"limit,omitempty" minimum:"0" maximum:"100" doc:"Passages at most; default 8"`
		Filter     *filterBody `json:"filter,omitempty"`
	}
}

type whyNotOutput struct {
	Body struct {
		Document string   `json:"document" doc:"Its path"`
		Lost     string   `json:"lost" enum:"stored,filter,legs,phrase,rank,duplicate," doc:"The step at which it fell out; empty when it is found"`
		Rank     int      `json:"rank" doc:"Of its passage in the result; 0 when it has none"`
		Steps    []string `json:"steps"`
	}
}

func (s *Server) whyNotRoutes(routes huma.API) {
	huma.Register(routes, huma.Operation{
		OperationID: "why-not", Method: http.MethodPost, Path: "/v1/search/why-not", Tags: []string{"answers"},
		Summary: "Say why a search does not find a document", MaxBodyBytes: s.options.MaxBody,
	}, func(ctx context.Context, in *whyNotInput) (*whyNotOutput, error) {
		filter, collection, err := s.searched(ctx, in.Body.Query, in.Body.Filter, in.Body.Collection)
		if err != nil {
			return nil, err
		}
		by, ok := collection.Retriever.(follower)
		if !ok {
			return nil, newProblem(http.StatusNotFound, typeNotFound, "not_found", "this server cannot follow a document through a search")
		}
		ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
		defer cancel()
		why, err := by.WhyNot(ctx, strings.TrimSpace(in.Body.Document), retrieve.Query{Text: in.Body.Query, Filter: filter, Limit: int(in.Body.Limit)})
		if err != nil {
			return nil, s.failed(ctx, err)
		}
		out := &whyNotOutput{}
		out.Body.Document, out.Body.Lost, out.Body.Rank, out.Body.Steps = why.Document, why.Lost, why.Rank, why.Steps
		return out, nil
	})
}
