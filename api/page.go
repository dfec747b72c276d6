package api

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"time"
)

//go:embed web
var web embed.FS

// pageRoutes serve the page and its parts out of the binary.
func (s *Server) pageRoutes(mux *http.ServeMux) {
	entries, err := fs.ReadDir(web, "web")
	if err != nil {
		panic(err) // the files are part of the program
	}
	for _, entry := range entries {
		data, err := web.ReadFile("web/" + entry.Name())
		if err != nil {
			panic(err)
		}
		route := "GET /web/" + entry.Name()
		if entry.Name() == "index.html" {
			route = "GET /{$}"
		}
		sum := sha256.Sum256(data)
		tag := `"` + hex.EncodeToString(sum[:8]) + `"`
		kind := mime.TypeByExtension(path.Ext(entry.Name()))
		mux.HandleFunc(route, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.Header().Set("ETag", tag)
			w.Header().Set("Cache-Control", "no-cache")
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
		})
	}
}
