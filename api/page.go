package api

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

// web holds the page and, below vendor, what shows PDFs. Files whose name ends
// in .gz are stored compressed and are served under the name without it.
//
//go:embed web
var web embed.FS

// pagePolicy lets the page run its own scripts and nothing else; the fonts and
// images are those that a PDF carries.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// workerPolicy is that of the worker that reads PDFs: it alone may run
// WebAssembly, for images that the browser cannot decode.
const workerPolicy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'"

// asset is a file of the page.
type asset struct {
	name string // below web/
	data []byte // as it is
	zip  []byte // compressed; nil where that gains nothing
	kind string
	tag  string
}

// assets reads the page's files, and a version that changes with any of them.
func assets() (list []asset, version string, err error) {
	sum := sha256.New()
	err = fs.WalkDir(web, "web", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := web.ReadFile(name)
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "%s %d\n", name, len(data))
		sum.Write(data)
		a := asset{name: strings.TrimPrefix(name, "web/")}
		own := sha256.Sum256(data)
		a.tag = hex.EncodeToString(own[:8])
		if plain, ok := strings.CutSuffix(a.name, ".gz"); ok {
			a.name, a.zip = plain, data
		} else {
			a.data = data
			a.zip = zipped(data)
		}
		if a.kind = mime.TypeByExtension(path.Ext(a.name)); a.kind == "" {
			a.kind = "application/octet-stream"
		}
		switch path.Ext(a.name) { // whatever the machine's table says
		case ".mjs", ".js":
			a.kind = "text/javascript; charset=utf-8"
		case ".wasm":
			a.kind = "application/wasm"
		case "":
			a.kind = "text/plain; charset=utf-8"
		}
		list = append(list, a)
		return nil
	})
	if err != nil {
		return nil, "", fmt.Errorf("read the page's files: %w", err)
	}
	return list, hex.EncodeToString(sum.Sum(nil)[:6]), nil
}

// zipped compresses data as well as it goes.
func zipped(data []byte) []byte {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err == nil {
		_, err = w.Write(data)
	}
	if err != nil || w.Close() != nil || b.Len() >= len(data) {
		return nil
	}
	return b.Bytes()
}

// pageRoutes serve the page and its parts out of the binary. The page names its
// parts with the version in the path, so that browsers keep them for good; each
// is there without the version too.
func (s *Server) pageRoutes(mux *http.ServeMux) {
	list, version, err := assets()
	if err != nil {
		panic(err) // the files are part of the program
	}
	for _, a := range list {
		if a.name == "index.html" {
			a.data = bytes.ReplaceAll(a.data, []byte("/web/"), []byte("/web/"+version+"/"))
			a.zip = zipped(a.data)
			a.tag += version
			mux.HandleFunc("GET /{$}", a.serve("no-cache"))
			continue
		}
		mux.HandleFunc("GET /web/"+a.name, a.serve("no-cache"))
		mux.HandleFunc("GET /web/"+version+"/"+a.name, a.serve("public, max-age=31536000, immutable"))
	}
}

// serve answers with the file, compressed to who takes that.
func (a *asset) serve(keep string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", a.kind)
		h.Set("Cache-Control", keep)
		h.Set("Vary", "Accept-Encoding")
		h.Set("Content-Security-Policy", pagePolicy)
		if strings.HasSuffix(a.name, ".worker.min.mjs") {
			h.Set("Content-Security-Policy", workerPolicy)
		}
		if a.zip != nil && takesGzip(r) {
			h.Set("Content-Encoding", "gzip")
			h.Set("ETag", `"`+a.tag+`-gzip"`)
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.zip))
			return
		}
		h.Set("ETag", `"`+a.tag+`"`)
		data := a.data
		if data == nil {
			unzip, err := gzip.NewReader(bytes.NewReader(a.zip))
			if err == nil {
				data, err = io.ReadAll(unzip)
			}
			if err != nil {
				http.Error(w, "damaged file", http.StatusInternalServerError)
				return
			}
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	}
}
