package ingest

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
)

// FileURI returns the file URI of an absolute path. Letters of all scripts stay
// readable; only what would break a URI is escaped.
func FileURI(path string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/folder
	}
	var b strings.Builder
	b.Grow(len("file://") + len(path))
	b.WriteString("file://")
	for i := 0; i < len(path); i++ {
		if c := path[i]; c <= ' ' || c == 0x7f || strings.IndexByte(`%?#"<>`, c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// FilePath returns the path of a file URI, and false for another URI.
func FilePath(uri string) (string, bool) {
	rest, ok := strings.CutPrefix(uri, "file://")
	if !ok || !strings.HasPrefix(rest, "/") {
		return "", false
	}
	path, err := url.PathUnescape(rest)
	if err != nil {
		return "", false
	}
	if len(path) > 2 && path[2] == ':' && filepath.Separator == '\\' {
		path = path[1:]
	}
	return filepath.FromSlash(path), true
}
