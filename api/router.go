package api

import (
	"net/http"
	"slices"
	"strings"
)

// router is a mux that remembers its patterns, so that a test can hold the
// documents against them.
type router struct {
	*http.ServeMux
	patterns []string
}

// HandleFunc adds a route.
func (m *router) HandleFunc(pattern string, handler func(http.ResponseWriter, *http.Request)) {
	m.patterns = append(m.patterns, pattern)
	m.ServeMux.HandleFunc(pattern, handler)
}

// Handle adds a route.
func (m *router) Handle(pattern string, handler http.Handler) {
	m.HandleFunc(pattern, handler.ServeHTTP)
}

// methods that routes have.
var methods = []string{http.MethodGet, http.MethodPost, http.MethodDelete, http.MethodPut, http.MethodPatch}

// noRoute answers what no route is for, in the shape of all errors: 405 where
// another method would do.
func (s *Server) noRoute(mux *http.ServeMux) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		var allowed []string
		for _, method := range methods {
			other := r.Clone(r.Context())
			other.Method = method
			if _, pattern := mux.Handler(other); pattern != "/" && pattern != "" {
				allowed = append(allowed, method)
				if method == http.MethodGet {
					allowed = append(allowed, http.MethodHead)
				}
			}
		}
		if len(allowed) > 0 && !slices.Contains(allowed, r.Method) {
			w.Header().Set("Allow", strings.Join(allowed, ", "))
			s.fail(w, r, newProblem(http.StatusMethodNotAllowed, typeInvalid, "method", "this route takes "+strings.Join(allowed, ", ")))
			return
		}
		s.fail(w, r, newProblem(http.StatusNotFound, typeNotFound, "no_such_route", "no such route; /docs lists them"))
	}
}
