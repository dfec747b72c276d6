package api

import (
	"compress/gzip"
	"net/http"
	"strings"
	"sync"
)

var gzips = sync.Pool{New: func() any { w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed); return w }}

// compress returns a writer that compresses what a client takes compressed, or
// nil. Answers hold no secrets of their own beside what the client sends in its
// body, so that their size tells nothing new.
func compress(w http.ResponseWriter, r *http.Request) *zipWriter {
	if r.Method == http.MethodHead || r.Header.Get("Range") != "" {
		return nil
	}
	if takesGzip(r) {
		return &zipWriter{ResponseWriter: w}
	}
	return nil
}

// takesGzip reports whether the client takes what is compressed by gzip.
func takesGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") && strings.TrimRight(strings.ReplaceAll(weight, " ", ""), ".0") != "q=" {
			return true
		}
	}
	return false
}

// zipWriter compresses text and JSON. It decides when the header is written:
// event streams, and what has an encoding or a length already, go through as
// they are.
type zipWriter struct {
	http.ResponseWriter
	zip   *gzip.Writer
	begun bool
}

func (w *zipWriter) begin(status int) {
	if w.begun {
		return
	}
	w.begun = true
	h := w.Header()
	kind, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	text := strings.HasPrefix(kind, "text/") && kind != "text/event-stream" || kind == "application/json" || strings.HasSuffix(kind, "+json") ||
		kind == "image/svg+xml" || kind == "application/javascript"
	if !text || status < 200 || status == http.StatusNoContent || status == http.StatusNotModified || status == http.StatusPartialContent ||
		h.Get("Content-Encoding") != "" || h.Get("Content-Disposition") != "" {
		return
	}
	h.Set("Content-Encoding", "gzip")
	h.Add("Vary", "Accept-Encoding")
	h.Del("Content-Length")
	// The tag of the bytes as they are would be that of other bytes.
	if tag := h.Get("ETag"); tag != "" && !strings.HasPrefix(tag, "W/") {
		h.Set("ETag", "W/"+tag)
	}
	w.zip = gzips.Get().(*gzip.Writer)
	w.zip.Reset(w.ResponseWriter)
}

func (w *zipWriter) WriteHeader(status int) {
	w.begin(status)
	w.ResponseWriter.WriteHeader(status)
}

func (w *zipWriter) Write(p []byte) (int, error) {
	w.begin(http.StatusOK)
	if w.zip != nil {
		return w.zip.Write(p)
	}
	return w.ResponseWriter.Write(p)
}

// Flush passes on what was written so far.
func (w *zipWriter) Flush() {
	if w.zip != nil {
		_ = w.zip.Flush()
	}
	_ = http.NewResponseController(w.ResponseWriter).Flush()
}

func (w *zipWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// close ends the stream.
func (w *zipWriter) close() {
	if w.zip == nil {
		return
	}
	_ = w.zip.Close()
	w.zip.Reset(nil)
	gzips.Put(w.zip)
	w.zip = nil
}
