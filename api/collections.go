package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"

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

type createInput struct {
	Body struct {
		Name string `json:"name" minLength:"1" maxLength:"64" pattern:"^[A-Za-z0-9_-]+$" example:"handbook"`
	}
}

type createdOutput struct {
	Location string `header:"Location"`
	Body     collectionBody
}

type collectionInput struct {
	Name string `path:"name" minLength:"1" maxLength:"64" pattern:"^[A-Za-z0-9_-]+$"`
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
		OperationID: "create-collection", Method: http.MethodPost, Path: "/v1/collections", Tags: []string{"documents"}, DefaultStatus: http.StatusCreated,
		Summary: "Make an empty collection", MaxBodyBytes: s.options.MaxBody,
	}, func(ctx context.Context, in *createInput) (*createdOutput, error) {
		made, err := s.createCollection(ctx, in.Body.Name)
		if err != nil {
			return nil, s.failed(ctx, err)
		}
		return &createdOutput{Location: "/v1/collections", Body: *made}, nil
	})
	huma.Register(routes, huma.Operation{
		OperationID: "remove-collection", Method: http.MethodDelete, Path: "/v1/collections/{name}", Tags: []string{"documents"},
		Summary:     "Remove a collection and its uploads",
		Description: "Folders that were indexed stay where they are. Needs a token with the scope admin.",
	}, func(ctx context.Context, in *collectionInput) (*struct{}, error) {
		if err := s.removeCollection(ctx, in.Name); err != nil {
			return nil, s.failed(ctx, err)
		}
		return nil, nil
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

// checkOwn refuses to make or remove a collection with a token that is bound to
// one, or to some documents.
func checkOwn(ctx context.Context) error {
	if g := grantOf(ctx); len(g.collections) > 0 || !g.limit.Empty() {
		return newProblem(http.StatusForbidden, typePermission, "scope", "this token is for one collection; making and removing them needs one without --collection")
	}
	return nil
}

// createCollection makes a collection that is empty.
func (s *Server) createCollection(ctx context.Context, name string) (*collectionBody, error) {
	if err := checkOwn(ctx); err != nil {
		return nil, err
	}
	if !collectionName(name) {
		return nil, newProblem(http.StatusBadRequest, typeInvalid, "name", "a collection's name is up to 64 letters, digits, '-' and '_'")
	}
	if s.options.Write == nil {
		return nil, errReadOnlyServer
	}
	names, err := s.names(ctx)
	if err != nil {
		return nil, err
	}
	if slices.Contains(names, name) {
		if c, err := s.opened(ctx, name); err == nil && c != nil {
			return nil, newProblem(http.StatusConflict, typeInvalid, "exists", "there is a collection of this name")
		}
	}
	l, err := s.writer(name, true)
	if err != nil {
		return nil, err
	}
	if err := l.with(ctx, func(store.Store) error { return nil }); err != nil {
		return nil, err
	}
	s.audit(ctx, "create collection", "collection", name)
	return &collectionBody{Name: name, Languages: map[string]int{}, Default: name == s.options.Default}, nil
}

// removeCollection removes a collection with its uploads. Files of indexed
// folders stay where they are.
func (s *Server) removeCollection(ctx context.Context, name string) error {
	if err := checkOwn(ctx); err != nil {
		return err
	}
	name, err := s.name(ctx, name)
	if err != nil {
		return err
	}
	if s.options.Remove == nil {
		return errReadOnlyServer
	}
	s.removing.Lock()
	defer s.removing.Unlock()
	s.jobs.cancelAll(ctx, name)
	if err := s.forget(name); err != nil {
		s.log.WarnContext(ctx, "close collection", "collection", name, "error", err)
	}
	if err := s.options.Remove(ctx, name); err != nil {
		return fmt.Errorf("remove collection %s: %w", name, err)
	}
	if s.options.Data != "" {
		if err := os.RemoveAll(s.uploadsDir(name)); err != nil {
			return fmt.Errorf("remove uploads of %s: %w", name, err)
		}
	}
	s.audit(ctx, "remove collection", "collection", name)
	select {
	case s.rooted <- struct{}{}:
	default:
	}
	return nil
}

// forget closes what is open of a collection.
func (s *Server) forget(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	if l := s.leases[name]; l != nil {
		errs = append(errs, l.Close())
		delete(s.leases, name)
	}
	if c := s.open[name]; c != nil {
		errs = append(errs, c.Store.Close())
		delete(s.open, name)
	}
	clear(s.parts)
	return errors.Join(errs...)
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
