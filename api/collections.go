package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lore-kb/lore/store"
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
	Error     string         `json:"error,omitempty" doc:"Why the collection cannot be used"`
}

type collectionsOutput struct {
	Body struct {
		Collections []collectionBody `json:"collections"`
	}
}

type sessionOutput struct {
	Body struct {
		Scope         Scope  `json:"scope" enum:"read,write,admin"`
		Writes        bool   `json:"writes" doc:"Documents can be uploaded, indexed and removed"`
		Conversations bool   `json:"conversations" doc:"Conversations and feedback are kept"`
		Limited       bool   `json:"limited" doc:"Only some documents are seen"`
		Version       string `json:"version"`
	}
}

func (s *Server) collectionRoutes(routes huma.API) {
	huma.Register(routes, huma.Operation{
		OperationID: "session", Method: http.MethodGet, Path: "/v1/session", Tags: []string{"server"},
		Summary: "What one may do here",
	}, func(ctx context.Context, _ *struct{}) (*sessionOutput, error) {
		g := grantOf(ctx)
		out := &sessionOutput{}
		out.Body.Scope, out.Body.Limited, out.Body.Version = g.scope, !g.limit.Empty() || len(g.collections) > 0, s.options.Version
		out.Body.Conversations = s.options.Data != ""
		out.Body.Writes = g.scope.holds(ScopeWrite) && s.options.Write != nil && s.options.Data != ""
		return out, nil
	})
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
		var mismatch *store.ModelMismatchError
		switch {
		case errors.Is(err, store.ErrNoCollection) && len(names) > 1: // removed since it was listed
			continue
		case errors.As(err, &mismatch): // others can be used all the same
			bodies = append(bodies, collectionBody{Name: name, Languages: map[string]int{}, Default: name == s.options.Default, Error: explain(err).Detail.Message})
			continue
		case err != nil:
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
