package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lore-kb/lore/store"
)

// documentBody is a document as it is listed.
type documentBody struct {
	ID        string            `json:"id"`
	Path      string            `json:"path"`
	URI       string            `json:"uri"`
	Title     string            `json:"title"`
	Type      string            `json:"type"`
	Language  string            `json:"language"`
	Version   string            `json:"version"`
	Size      int64             `json:"size" doc:"Of the file, in bytes"`
	Bytes     int               `json:"bytes" doc:"Of the text"`
	Chunks    int               `json:"chunks"`
	Embedded  int               `json:"embedded"`
	Status    store.Status      `json:"status" enum:"ok,stale,failed"`
	Error     string            `json:"error"`
	Date      *time.Time        `json:"date,omitempty"`
	IndexedAt *time.Time        `json:"indexed_at,omitempty"`
	Labels    map[string]string `json:"labels,omitempty"`
}

func listed(info store.DocumentInfo) documentBody {
	return documentBody{
		ID: info.ID, Path: info.Path, URI: info.URI, Title: info.Title, Type: info.MediaType, Language: info.Language, Version: info.Version,
		Size: info.Size, Bytes: info.Bytes, Chunks: info.Chunks, Embedded: info.Embedded, Status: info.Status, Error: info.Reason,
		Date: given(info.Date), IndexedAt: given(info.IndexedAt), Labels: info.Labels,
	}
}

func given(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

type documentsInput struct {
	Collection string   `query:"collection" maxLength:"64" pattern:"^[A-Za-z0-9_-]*$"`
	Path       []string `query:"path,explode" doc:"Prefixes of paths, or globs"`
	Status     []string `query:"status,explode" enum:"ok,stale,failed"`
	Offset     int      `query:"offset" minimum:"0"`
	Limit      int      `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type documentsOutput struct {
	Body struct {
		Documents []documentBody `json:"documents"`
		More      bool           `json:"more" doc:"There are more behind these"`
	}
}

type documentInput struct {
	ID         string `path:"id" minLength:"1" maxLength:"64"`
	Collection string `query:"collection" maxLength:"64" pattern:"^[A-Za-z0-9_-]*$"`
}

// ListedDocument is exported for the schema, which leaves out what is embedded
// under another name.
type ListedDocument = documentBody

// documentText is a document with its text.
type documentText struct {
	ListedDocument
	Text  string     `json:"text" doc:"The text that start and end of citations index, in bytes of UTF-8"`
	Pages []pageBody `json:"pages" doc:"Where pages, slides or sheets begin"`
}

type pageBody struct {
	Number int `json:"number"`
	Start  int `json:"start"`
}

// oneInput asks for a document unless it is the one that the client has.
type oneInput struct {
	ID          string `path:"id" minLength:"1" maxLength:"64"`
	Collection  string `query:"collection" maxLength:"64" pattern:"^[A-Za-z0-9_-]*$"`
	IfNoneMatch string `header:"If-None-Match"`
}

type documentOutput struct {
	Status       int
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	Body         *documentText
}

func (s *Server) documentRoutes(routes huma.API) {
	huma.Register(routes, huma.Operation{
		OperationID: "list-documents", Method: http.MethodGet, Path: "/v1/documents", Tags: []string{"documents"},
		Summary: "List the indexed documents",
	}, s.listDocuments)
	huma.Register(routes, huma.Operation{
		OperationID: "get-document", Method: http.MethodGet, Path: "/v1/documents/{id}", Tags: []string{"documents"},
		Summary:   "A document with its text, which citations point into",
		Responses: map[string]*huma.Response{"304": {Description: "Not changed since the ETag"}, "default": {Description: "Error", Content: problemContent(routes)}},
	}, s.getDocument)
}

func (s *Server) listDocuments(ctx context.Context, in *documentsInput) (*documentsOutput, error) {
	collection, err := s.collection(ctx, in.Collection)
	if err != nil {
		return nil, s.failed(ctx, err)
	}
	filter := store.Filter{Paths: in.Path}
	for _, status := range in.Status {
		filter.Statuses = append(filter.Statuses, store.Status(status))
	}
	out := &documentsOutput{}
	out.Body.Documents = []documentBody{}
	seen := 0
	for info, err := range collection.Store.Documents(ctx, filter) {
		if err != nil {
			return nil, s.failed(ctx, err)
		}
		if seen++; seen <= in.Offset {
			continue
		}
		if len(out.Body.Documents) == in.Limit {
			out.Body.More = true
			break
		}
		out.Body.Documents = append(out.Body.Documents, listed(info))
	}
	return out, nil
}

func (s *Server) getDocument(ctx context.Context, in *oneInput) (*documentOutput, error) {
	collection, err := s.collection(ctx, in.Collection)
	if err != nil {
		return nil, s.failed(ctx, err)
	}
	found, text, err := documentOf(ctx, collection.Store, in.ID)
	if err != nil {
		return nil, s.failed(ctx, err)
	}
	points, err := collection.Store.Points(ctx, in.ID, 0, found.Chunks)
	if err != nil {
		return nil, s.failed(ctx, err)
	}
	// What a token sees of a record, and how many vectors there are, is part of it.
	tag := fmt.Sprintf(`"%s-%d-%s-%t"`, found.Version, found.Embedded, found.Status, found.URI == "")
	out := &documentOutput{Status: http.StatusOK, ETag: tag, CacheControl: "private, no-cache"}
	if tagged(in.IfNoneMatch, tag) {
		out.Status = http.StatusNotModified
		return out, nil
	}
	out.Body = &documentText{ListedDocument: listed(*found), Text: text, Pages: pages(points)}
	return out, nil
}

// tagged reports whether a list of tags, as in If-None-Match, holds one.
func tagged(list, tag string) bool {
	for one := range strings.SplitSeq(list, ",") {
		if one = strings.TrimPrefix(strings.TrimSpace(one), "W/"); one == tag || one == "*" {
			return true
		}
	}
	return false
}

// pages gathers where pages begin from the points of a document. The start of a
// page that begins between chunks is that of its first chunk.
func pages(points []store.Point) []pageBody {
	out := []pageBody{}
	add := func(number, start int) {
		if number > 0 && (len(out) == 0 || out[len(out)-1].Number < number) {
			out = append(out, pageBody{number, start})
		}
	}
	for i := range points {
		p := &points[i].Payload
		add(p.Page, p.Start)
		for j, offset := range p.PageBreaks {
			add(p.Page+j+1, offset)
		}
	}
	return out
}
