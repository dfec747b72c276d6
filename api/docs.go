package api

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed docs.html
var docsHTML string

//go:embed docs.css
var docsCSS []byte

var docsTemplate = template.Must(template.New("docs").Parse(docsHTML))

// docsRoutes serve the description of the routes as a page, rendered from the
// OpenAPI document, without a script and without a request to anywhere else.
func (s *Server) docsRoutes(mux *router, routes huma.API) {
	page := sync.OnceValues(func() ([]byte, error) {
		var out bytes.Buffer
		err := docsTemplate.Execute(&out, describe(routes.OpenAPI(), mux.patterns))
		return out.Bytes(), err
	})
	mux.HandleFunc("GET /docs", func(w http.ResponseWriter, r *http.Request) {
		html, err := page()
		if err != nil {
			s.fail(w, r, err)
			return
		}
		serveStatic(w, r, "text/html; charset=utf-8", html)
	})
	mux.HandleFunc("GET /docs/docs.css", func(w http.ResponseWriter, r *http.Request) {
		serveStatic(w, r, "text/css; charset=utf-8", docsCSS)
	})
}

func serveStatic(w http.ResponseWriter, r *http.Request, kind string, data []byte) {
	sum := sha256.Sum256(data)
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("ETag", `"`+hex.EncodeToString(sum[:8])+`"`)
	h.Set("Cache-Control", "no-cache")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

// docsPage is what the template shows.
type docsPage struct {
	Title, Version, Description string
	Groups                      []docsGroup
	Others                      []string // routes that others describe
}

type docsGroup struct {
	Name   string
	Routes []docsRoute
}

type docsRoute struct {
	ID, Method, Path, Summary, Description string
	Parameters                             []docsField
	Body                                   []docsBody
	Answers                                []docsBody
}

type docsBody struct {
	Name, Kind, Description string
	Fields                  []docsField
}

type docsField struct {
	Name, In, Kind, Description string
	Required                    bool
	Depth                       int
}

// docsDepth bounds how deep bodies are unfolded.
const docsDepth = 3

// describe gathers the routes by their first tag.
func describe(api *huma.OpenAPI, patterns []string) docsPage {
	page := docsPage{Title: api.Info.Title, Version: api.Info.Version, Description: api.Info.Description}
	groups := map[string][]docsRoute{}
	described := map[string]bool{}
	for path, item := range api.Paths {
		for method, operation := range map[string]*huma.Operation{"GET": item.Get, "POST": item.Post, "DELETE": item.Delete, "PUT": item.Put, "PATCH": item.Patch} {
			if operation == nil {
				continue
			}
			described[method+" "+path] = true
			tag := "server"
			if len(operation.Tags) > 0 {
				tag = operation.Tags[0]
			}
			groups[tag] = append(groups[tag], routeOfOperation(api, method, path, operation))
		}
	}
	for tag, list := range groups {
		slices.SortFunc(list, func(a, b docsRoute) int { return strings.Compare(a.Path+" "+a.Method, b.Path+" "+b.Method) })
		page.Groups = append(page.Groups, docsGroup{tag, list})
	}
	slices.SortFunc(page.Groups, func(a, b docsGroup) int { return strings.Compare(a.Name, b.Name) })
	for _, pattern := range patterns {
		if !described[pattern] && !strings.HasPrefix(pattern, "GET /docs") && !strings.HasPrefix(pattern, "GET /openapi") {
			page.Others = append(page.Others, pattern)
		}
	}
	return page
}

func routeOfOperation(api *huma.OpenAPI, method, path string, o *huma.Operation) docsRoute {
	out := docsRoute{ID: o.OperationID, Method: method, Path: path, Summary: o.Summary, Description: o.Description}
	for _, p := range o.Parameters {
		out.Parameters = append(out.Parameters, docsField{Name: p.Name, In: p.In, Kind: kindOfSchema(api, p.Schema), Description: p.Description, Required: p.Required})
	}
	if o.RequestBody != nil {
		out.Body = bodies(api, "", "", o.RequestBody.Content)
	}
	codes := make([]string, 0, len(o.Responses))
	for code := range o.Responses {
		codes = append(codes, code)
	}
	slices.Sort(codes)
	for _, code := range codes {
		response := o.Responses[code]
		if len(response.Content) == 0 {
			out.Answers = append(out.Answers, docsBody{Name: code, Description: response.Description})
			continue
		}
		out.Answers = append(out.Answers, bodies(api, code, response.Description, response.Content)...)
	}
	return out
}

func bodies(api *huma.OpenAPI, name, description string, content map[string]*huma.MediaType) []docsBody {
	kinds := make([]string, 0, len(content))
	for kind := range content {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	var out []docsBody
	for _, kind := range kinds {
		body := docsBody{Name: name, Kind: kind, Description: description}
		body.Fields = fieldsOf(api, content[kind].Schema, 0, nil)
		out = append(out, body)
	}
	return out
}

// resolved follows a reference.
func resolved(api *huma.OpenAPI, schema *huma.Schema) *huma.Schema {
	for range 8 {
		if schema == nil || schema.Ref == "" {
			break
		}
		schema = api.Components.Schemas.SchemaFromRef(schema.Ref)
	}
	return schema
}

func fieldsOf(api *huma.OpenAPI, schema *huma.Schema, depth int, out []docsField) []docsField {
	schema = resolved(api, schema)
	if schema != nil && schema.Type == huma.TypeArray {
		schema = resolved(api, schema.Items)
	}
	if schema == nil || depth > docsDepth {
		return out
	}
	names := make([]string, 0, len(schema.Properties))
	for name := range schema.Properties {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		property := schema.Properties[name]
		full := resolved(api, property)
		description := property.Description
		if description == "" && full != nil {
			description = full.Description
		}
		out = append(out, docsField{Name: name, Kind: kindOfSchema(api, property), Description: description, Required: slices.Contains(schema.Required, name), Depth: depth})
		out = fieldsOf(api, property, depth+1, out)
	}
	return out
}

func kindOfSchema(api *huma.OpenAPI, schema *huma.Schema) string {
	schema = resolved(api, schema)
	if schema == nil {
		return ""
	}
	kind := schema.Type
	if kind == huma.TypeArray {
		kind = "list of " + kindOfSchema(api, schema.Items)
	}
	var values []string
	for _, v := range schema.Enum {
		if text, ok := v.(string); ok {
			values = append(values, text)
		}
	}
	if len(values) > 0 {
		kind = strings.Join(values, ", ")
	}
	if schema.Minimum != nil {
		kind += ", at least " + strconv.FormatFloat(*schema.Minimum, 'g', -1, 64)
	}
	if schema.Maximum != nil {
		kind += ", at most " + strconv.FormatFloat(*schema.Maximum, 'g', -1, 64)
	}
	if schema.MaxLength != nil {
		kind += ", up to " + strconv.Itoa(*schema.MaxLength) + " characters"
	}
	return kind
}
