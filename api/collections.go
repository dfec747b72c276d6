package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// collectionBody is a collection with its counts.
type collectionBody struct {
	Name      string         `json:"name"`
	Documents int            `json:"documents"`
	Failed    int            `json:"failed"`
	Chunks    int            `json:"chunks"`
	Embedded  int            `json:"embedded"`
	Bytes     int64          `json:"bytes"`
	Model     string         `json:"model"`
	Languages map[string]int `json:"languages"`
	Default   bool           `json:"default"`
}

type collectionsOutput struct {
	Body struct {
		Collections []collectionBody `json:"collections"`
	}
}

func (s *Server) collectionRoutes(routes huma.API) {
	huma.Register(routes, huma.Operation{
		OperationID: "list-collections", Method: http.MethodGet, Path: "/v1/collections", Tags: []string{"documents"},
		Summary: "List the collections with their counts",
	}, func(ctx context.Context, _ *struct{}) (*collectionsOutput, error) {
		collections, err := s.collectionBodies(ctx)
		if err != nil {
			return nil, s.failed(ctx, err)
		}
		out := &collectionsOutput{}
		out.Body.Collections = collections
		return out, nil
	})
}

// collectionBodies lists the collections with their counts.
func (s *Server) collectionBodies(ctx context.Context) ([]collectionBody, error) {
	names, err := s.namesFor(ctx)
	if err != nil {
		return nil, err
	}
	bodies := []collectionBody{}
	for _, name := range names {
		c, err := s.collection(ctx, name)
		if err != nil {
			return nil, err
		}
		stats, err := c.Store.Stats(ctx)
		if err != nil {
			return nil, err
		}
		languages := stats.Languages
		if languages == nil {
			languages = map[string]int{}
		}
		bodies = append(bodies, collectionBody{
			Name: name, Documents: stats.Documents, Failed: stats.Failed, Chunks: stats.Points, Embedded: stats.Embedded,
			Bytes: stats.Bytes, Model: stats.Model.Fingerprint, Languages: languages, Default: name == s.options.Default,
		})
	}
	return bodies, nil
}
