package api

import (
	"context"
	"io"
	"net/http"
	"time"
)

// healthRoutes: /healthz says that the process lives, /readyz that it can
// answer. Both are open to everyone and tell nothing else.
func (s *Server) healthRoutes(mux *router) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 3*time.Second)
		defer cancel()
		collection, err := s.collection(withGrant(ctx, everything), "")
		if err == nil {
			_, err = collection.Store.Stats(ctx)
		}
		if err != nil {
			s.log.WarnContext(ctx, "not ready", "error", err)
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, "not ready\n")
			return
		}
		_, _ = io.WriteString(w, "ready\n")
	})
}
