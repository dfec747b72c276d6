package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

// The description of the routes says what huma's own would not: that a field of a
// body which may be missing may be null, and what the handlers themselves look
// for in a value, so that who generates requests from it knows all.

// looked are the conditions that handlers check, by schema and field.
var looked = map[string]map[string]map[string]any{
	"AskInputBody":    {"question": {"pattern": `[\p{L}\p{Nd}]`}},
	"SearchInputBody": {"query": {"pattern": `\S`}},
	"WhyNotInputBody": {"query": {"pattern": `\S`}},
	"FilterBody": {
		"after":  {"anyOf": []any{map[string]any{"type": "string", "format": "date"}, map[string]any{"type": "string", "maxLength": 0}}},
		"before": {"anyOf": []any{map[string]any{"type": "string", "format": "date"}, map[string]any{"type": "string", "maxLength": 0}}},
	},
	"IndexBody": {"path": {"pattern": absolutePattern}},
}

// absolutePattern is what paths of this system begin with; none is fine too.
var absolutePattern = map[bool]string{true: `^(/|$)`, false: `^([A-Za-z]:[/\\]|\\\\|$)`}[filepath.Separator == '/']

// oneHistory says that a question goes on with a conversation, or brings its own
// history.
var oneHistory = object{"required": []any{"history", "conversation"}, "properties": object{
	"history": object{"type": "array", "minItems": 1}, "conversation": object{"type": "string", "minLength": 1},
}}

// descriptionRoutes serve the description as OpenAPI 3.1.
func (s *Server) descriptionRoutes(mux *router, routes huma.API) {
	text := sync.OnceValues(func() ([]byte, error) { return description(routes.OpenAPI()) })
	mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, r *http.Request) {
		body, err := text()
		if err != nil {
			s.fail(w, r, err)
			return
		}
		serveStatic(w, r, "application/openapi+json", body)
	})
}

// object is a part of the description.
type object = map[string]any

func description(api *huma.OpenAPI) ([]byte, error) {
	plain, err := json.Marshal(api)
	var all object
	if err == nil {
		err = json.Unmarshal(plain, &all)
	}
	if err != nil {
		return nil, fmt.Errorf("describe the routes: %w", err)
	}
	components, _ := all["components"].(object)
	schemas, _ := components["schemas"].(object)
	for name, fields := range looked {
		schema, _ := schemas[name].(object)
		properties, _ := schema["properties"].(object)
		for field, conditions := range fields {
			property, ok := properties[field].(object)
			if !ok {
				return nil, fmt.Errorf("describe the routes: there is no %s of %s", field, name)
			}
			if _, whole := conditions["anyOf"]; whole {
				delete(property, "type")
			}
			for keyword, value := range conditions {
				property[keyword] = value
			}
		}
	}
	if question, ok := schemas["AskInputBody"].(object); ok {
		question["not"] = oneHistory
	}
	seen := map[string]bool{}
	paths, _ := all["paths"].(object)
	for _, path := range paths {
		methods, _ := path.(object)
		for _, operation := range methods {
			described, _ := operation.(object)
			body, _ := described["requestBody"].(object)
			content, _ := body["content"].(object)
			for _, kind := range content {
				media, _ := kind.(object)
				optional(schemas, media["schema"], seen)
			}
		}
	}
	return json.Marshal(all)
}

// optional says of the fields of a body that may be missing, and of those in
// them, that they may be null.
func optional(schemas object, of any, seen map[string]bool) {
	schema, _ := of.(object)
	if schema == nil {
		return
	}
	if ref, ok := schema["$ref"].(string); ok {
		name := ref[strings.LastIndexByte(ref, '/')+1:]
		if !seen[name] {
			seen[name] = true
			optional(schemas, schemas[name], seen)
		}
		return
	}
	optional(schemas, schema["items"], seen)
	properties, _ := schema["properties"].(object)
	required, _ := schema["required"].([]any)
	for name, value := range properties {
		property, _ := value.(object)
		optional(schemas, property, seen)
		if property == nil || slices.Contains(required, any(name)) {
			continue
		}
		null := object{"type": "null"}
		switch kind := property["type"].(type) {
		case string:
			property["type"] = []any{kind, "null"}
			if values, ok := property["enum"].([]any); ok {
				property["enum"] = append(values, nil)
			}
		case nil:
			if ref, ok := property["$ref"]; ok {
				delete(property, "$ref")
				property["anyOf"] = []any{object{"$ref": ref}, null}
			} else if any, ok := property["anyOf"].([]any); ok {
				property["anyOf"] = append(slices.Clip(any), null)
			}
		}
	}
}

// noEmpty refuses a parameter in the address that is there and empty, where its
// kind has no empty value: a number, or one of a list.
func noEmpty(routes huma.API) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		at := ctx.URL()
		if at.RawQuery == "" {
			next(ctx)
			return
		}
		given := at.Query()
		for _, p := range ctx.Operation().Parameters {
			if p.In != "query" || p.Schema == nil || !slices.Contains(given[p.Name], "") {
				continue
			}
			kind := p.Schema
			if kind.Items != nil {
				kind = kind.Items
			}
			if kind.Type != huma.TypeString || len(kind.Enum) > 0 {
				_ = huma.WriteErr(routes, ctx, http.StatusBadRequest, p.Name+" is empty; give it a value or leave it out")
				return
			}
		}
		next(ctx)
	}
}
