package api_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

// TestPageFiles follows the page to all of its parts: each is there under the
// page's version and without it, small, compressed, and asks nothing of others.
func TestPageFiles(t *testing.T) {
	server := serve(t, options(t.TempDir(), nil))
	_, page, header := request(t, "GET", server.URL+"/", "")
	version := regexp.MustCompile(`/web/([0-9a-f]{12})/app\.js`).FindStringSubmatch(page)
	if version == nil {
		t.Fatalf("the page names no version: %s", page)
	}
	if policy := header.Get("Content-Security-Policy"); strings.Contains(policy, "unsafe") || !strings.Contains(policy, "worker-src 'self'") {
		t.Errorf("the page's policy: %s", policy)
	}
	for _, found := range regexp.MustCompile(`(?:href|src)="/web/([^"]+)"`).FindAllStringSubmatch(page, -1) {
		if status, _, _ := request(t, "GET", server.URL+"/web/"+found[1], ""); status != http.StatusOK {
			t.Errorf("%s: %d", found[1], status)
		}
	}
	entries, err := os.ReadDir("web")
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, entry := range entries {
		name := entry.Name()
		if entry.IsDir() || name == "index.html" {
			continue
		}
		status, text, header := request(t, "GET", server.URL+"/web/"+name, "")
		if status != http.StatusOK || header.Get("ETag") == "" || header.Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: %d %v", name, status, header)
		}
		if status, _, header = request(t, "GET", server.URL+"/web/"+version[1]+"/"+name, ""); status != http.StatusOK || !strings.Contains(header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s by version: %d %v", name, status, header)
		}
		if status, _, _ = request(t, "GET", server.URL+"/web/"+name, "", "If-None-Match", header.Get("ETag")); status != http.StatusNotModified {
			t.Errorf("%s again: %d", name, status)
		}
		outside := strings.ReplaceAll(text, "http://www.w3.org/2000/svg", "")
		if strings.Contains(outside, "http://") || strings.Contains(outside, "https://") || strings.Contains(outside, "sourceMappingURL") {
			t.Errorf("%s reaches outside", name)
		}
		for _, imported := range regexp.MustCompile(`(?:from|import\()\s*"\./([^"]+)"`).FindAllStringSubmatch(text, -1) {
			if status, _, _ := request(t, "GET", server.URL+"/web/"+imported[1], ""); status != http.StatusOK {
				t.Errorf("%s imports %s: %d", name, imported[1], status)
			}
		}
		total += len(text)
	}
	if total += len(page); total > 400_000 {
		t.Errorf("the page is %d bytes", total)
	}
	t.Logf("%d bytes without the PDF viewer", total)
}

// TestPageVendored gets what shows PDFs, as who takes gzip and who does not.
func TestPageVendored(t *testing.T) {
	server := serve(t, options(t.TempDir(), nil))
	for name, kind := range map[string]string{
		"pdf.min.mjs": "text/javascript", "pdf.worker.min.mjs": "text/javascript", "jbig2.wasm": "application/wasm",
		"cmaps/UniGB-UCS2-H.bcmap": "application/octet-stream", "LICENSE": "text/plain",
	} {
		_, plain, _ := request(t, "GET", server.URL+"/web/vendor/"+name, "", "Accept-Encoding", "identity")
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/web/vendor/"+name, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept-Encoding", "gzip")
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		unzip, err := gzip.NewReader(resp.Body)
		if err != nil {
			t.Fatalf("%s: %v, %v", name, err, resp.Header)
		}
		text, err := io.ReadAll(unzip)
		resp.Body.Close()
		if err != nil || string(text) != plain || len(plain) == 0 {
			t.Errorf("%s: %d bytes compressed, %d plain: %v", name, len(text), len(plain), err)
		}
		if got := resp.Header.Get("Content-Type"); !strings.HasPrefix(got, kind) {
			t.Errorf("%s is served as %s", name, got)
		}
		// WebAssembly runs in the worker alone.
		if policy := resp.Header.Get("Content-Security-Policy"); strings.Contains(policy, "unsafe") != strings.Contains(name, "worker") || strings.Contains(policy, "unsafe-inline") || strings.Contains(policy, "unsafe-eval'") && !strings.Contains(policy, "wasm-unsafe-eval") {
			t.Errorf("policy of %s: %s", name, policy)
		}
		if strings.Contains(plain, "//# sourceMappingURL") {
			t.Errorf("%s names a source map", name)
		}
	}
	if status, _, _ := request(t, "GET", server.URL+"/web/"+path.Join("vendor", "..", "..", "page.go"), ""); status == http.StatusOK {
		t.Error("a file outside was served")
	}
}
