package api_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestMetrics(t *testing.T) {
	dir := handbook(t)
	server := serve(t, writing(dir, options(dir, nil)))
	request(t, "POST", server.URL+"/v1/ask", `{"question":"Is business class paid for?"}`)
	request(t, "GET", server.URL+"/no/such/page", "")
	_, text, _ := request(t, "GET", server.URL+"/metrics", "")
	for _, want := range []string{
		`lore_answers_total{status="answered"} 1`, `lore_documents{collection="default"} 20`,
		`lore_http_request_duration_seconds_count{route="POST /v1/ask",status="200"} 1`,
		`lore_http_request_duration_seconds_count{route="other",status="404"} 1`, `lore_answer_step_duration_seconds_count{step="retrieve"} 1`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	if status, _, _ := request(t, "GET", server.URL+"/debug/pprof/goroutine?debug=1", ""); status != 200 {
		t.Errorf("profile: %d", status)
	}
	if status, _, _ := request(t, "GET", server.URL+"/debug/pprof/cmdline", ""); status != 404 {
		t.Errorf("the command line is told: %d", status)
	}
}

func TestCompression(t *testing.T) {
	server := serve(t, options(handbook(t), nil))
	get := func(path, accept string) *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept-Encoding", accept)
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		return resp
	}
	for _, path := range []string{"/v1/documents", "/", "/web/app.js"} {
		resp := get(path, "br, gzip;q=0.8")
		if resp.Header.Get("Content-Encoding") != "gzip" || !strings.Contains(resp.Header.Get("Vary"), "Accept-Encoding") {
			t.Fatalf("%s is not compressed: %v", path, resp.Header)
		}
		zip, err := gzip.NewReader(resp.Body)
		if err != nil {
			t.Fatal(path, err)
		}
		zipped, err := io.ReadAll(zip)
		if err != nil {
			t.Fatal(path, err)
		}
		plain, err := io.ReadAll(get(path, "identity").Body)
		if err != nil || string(plain) != string(zipped) {
			t.Errorf("%s differs when it is compressed: %v", path, err)
		}
		if get(path, "gzip;q=0").Header.Get("Content-Encoding") != "" {
			t.Errorf("%s is compressed for who refuses it", path)
		}
	}
}
