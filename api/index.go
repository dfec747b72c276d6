package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/store"
)

// indexInput asks for indexing.
type indexInput struct{ Body *indexBody }

type indexBody struct {
	Collection string `json:"collection,omitempty" maxLength:"64" pattern:"^[A-Za-z0-9_-]*$"`
	Path       string `json:"path,omitempty" maxLength:"4096" doc:"Folder or file on the server, below one that it was started with as --allow-path; default: all remembered folders"`
	Rebuild    bool   `json:"rebuild,omitempty" doc:"Read every file again, even if it did not change"`
}

type jobOutput struct {
	Location string `header:"Location"`
	Body     jobBody
}

type jobsOutput struct {
	Body struct {
		Jobs []jobBody `json:"jobs"`
	}
}

type jobInput struct {
	ID     string `path:"id" minLength:"1" maxLength:"64"`
	Accept string `header:"Accept" doc:"text/event-stream streams the progress"`
}

func accepted(j *job) *jobOutput {
	body, _ := j.state()
	return &jobOutput{Location: "/v1/jobs/" + body.ID, Body: body}
}

func (s *Server) jobRoutes(routes huma.API) {
	huma.Register(routes, huma.Operation{
		OperationID: "index", Method: http.MethodPost, Path: "/v1/index", Tags: []string{"jobs"}, DefaultStatus: http.StatusAccepted,
		Summary: "Bring remembered folders up to date, or index another", MaxBodyBytes: s.options.MaxBody,
	}, s.startIndex)
	huma.Register(routes, huma.Operation{
		OperationID: "list-jobs", Method: http.MethodGet, Path: "/v1/jobs", Tags: []string{"jobs"}, Summary: "List jobs, newest first",
	}, func(ctx context.Context, _ *struct{}) (*jobsOutput, error) {
		out := &jobsOutput{}
		out.Body.Jobs = s.jobs.list(grantOf(ctx))
		return out, nil
	})
	body := huma.SchemaFromType(routes.OpenAPI().Components.Schemas, typeOf[jobBody]())
	huma.Register(routes, huma.Operation{
		OperationID: "get-job", Method: http.MethodGet, Path: "/v1/jobs/{id}", Tags: []string{"jobs"}, Summary: "How a job stands",
		Description: "With `Accept: text/event-stream` a `job` event comes with every change until the job ends.",
		Responses: map[string]*huma.Response{"200": {Description: "The job", Content: map[string]*huma.MediaType{
			"application/json":  {Schema: body},
			"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}},
		}}},
	}, func(ctx context.Context, in *jobInput) (*huma.StreamResponse, error) {
		j := s.job(ctx, in.ID)
		if j == nil {
			return nil, newProblem(http.StatusNotFound, typeNotFound, "no_such_job", "no such job")
		}
		if strings.Contains(in.Accept, "text/event-stream") {
			return &huma.StreamResponse{Body: func(h huma.Context) { s.streamJob(h, j) }}, nil
		}
		now, _ := j.state()
		return jsonResponse(now), nil
	})
	huma.Register(routes, huma.Operation{
		OperationID: "cancel-job", Method: http.MethodDelete, Path: "/v1/jobs/{id}", Tags: []string{"jobs"}, DefaultStatus: http.StatusOK,
		Summary: "Cancel a job; what it did is kept",
	}, func(ctx context.Context, in *jobInput) (*jobOutput, error) {
		j := s.job(ctx, in.ID)
		if j == nil {
			return nil, newProblem(http.StatusNotFound, typeNotFound, "no_such_job", "no such job")
		}
		cancelJob(j)
		s.audit(ctx, "cancel job", "job", in.ID)
		return accepted(j), nil
	})
}

func (s *Server) startIndex(ctx context.Context, in *indexInput) (*jobOutput, error) {
	if in.Body == nil {
		in = new(indexInput)
		in.Body = new(indexBody)
	}
	collection, err := s.name(ctx, in.Body.Collection)
	if err != nil {
		return nil, s.failed(ctx, err)
	}
	var j *job
	if in.Body.Path == "" {
		j, err = s.indexJob(collection, fmt.Sprint("roots ", in.Body.Rebuild), false, in.Body.Rebuild, func(ctx context.Context, st store.Store) ([]ingest.Source, error) {
			folders, err := s.knownRoots(ctx, st)
			if err == nil && len(folders) == 0 {
				err = newProblem(http.StatusConflict, typeInvalid, "no_roots", "no folder is remembered yet; upload documents, or index a folder with `lore index FOLDER`")
			}
			sources := make([]ingest.Source, 0, len(folders))
			for _, f := range folders {
				sources = append(sources, f)
			}
			return sources, err
		})
	} else {
		path, refused := s.allowedPath(in.Body.Path)
		if refused != nil {
			return nil, s.failed(ctx, refused)
		}
		j, err = s.indexJob(collection, fmt.Sprint("path ", in.Body.Rebuild, path), true, in.Body.Rebuild, func(context.Context, store.Store) ([]ingest.Source, error) {
			folder, err := ingest.OpenFolder(path, &ingest.FolderOptions{Apart: s.apart(""), IgnoreLinks: true})
			return []ingest.Source{folder}, err
		})
	}
	if err != nil {
		return nil, s.failed(ctx, err)
	}
	body, _ := j.state()
	s.audit(ctx, "index", "collection", collection, "path", in.Body.Path, "job", body.ID)
	return accepted(j), nil
}

// job returns a job of this server or of another with the same data folder, as
// long as ctx lives; nil where there is none.
func (s *Server) job(ctx context.Context, id string) *job {
	if j := s.jobs.find(grantOf(ctx), id); j != nil {
		return j
	}
	return s.jobs.standIn(ctx, grantOf(ctx), id)
}

// streamJob writes a job's changes as events until it ends.
func (s *Server) streamJob(h huma.Context, j *job) {
	out := eventsOf(h)
	defer out.close()
	for {
		body, changed := j.state()
		if out.send("job", body) != nil || body.ended() {
			return
		}
		if j.look != nil {
			j.look()
		}
		select {
		case <-changed:
		case <-h.Context().Done():
			return
		}
	}
}
