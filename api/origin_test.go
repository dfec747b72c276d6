package api_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
)

// lines is a log that tests read.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func TestTrustedProxy(t *testing.T) {
	for _, test := range []struct {
		name, networks, forwarded, proto, address, scheme string
	}{
		{"nobody is trusted", "", "203.0.113.9", "https", "127.0.0.1:", "http"},
		{"a proxy", "127.0.0.0/8", "203.0.113.9", "https", "203.0.113.9", "https"},
		{"a client that lies", "127.0.0.0/8", "1.1.1.1, 203.0.113.9", "http", "203.0.113.9", "http"},
		{"two proxies", "127.0.0.0/8 10.0.0.0/8", "203.0.113.9, 10.0.0.7", "https", "203.0.113.9", "https"},
		{"another's proxy", "10.0.0.0/8", "203.0.113.9", "https", "127.0.0.1:", "http"},
		{"no address", "127.0.0.0/8", "unknown", "gopher", "127.0.0.1:", "http"},
		{"version 6 with a port", "127.0.0.0/8", "[2606:4700::1]:443", "https", "2606:4700::1", "https"},
	} {
		t.Run(test.name, func(t *testing.T) {
			log := &lines{}
			o := options(t.TempDir(), nil)
			o.Log = slog.New(slog.NewJSONHandler(log, nil))
			for _, network := range strings.Fields(test.networks) {
				o.TrustedProxies = append(o.TrustedProxies, netip.MustParsePrefix(network))
			}
			server := serve(t, o)
			request(t, "GET", server.URL+"/healthz", "", "X-Forwarded-For", test.forwarded, "X-Forwarded-Proto", test.proto)
			server.Close()
			var line struct{ From, Scheme string }
			if err := json.Unmarshal([]byte(log.String()), &line); err != nil || !strings.HasPrefix(line.From, test.address) || line.Scheme != test.scheme {
				t.Errorf("%v: %s", err, log)
			}
		})
	}
}

func TestCrossOrigin(t *testing.T) {
	o := options(handbook(t), nil)
	o.Token, o.Origins = "secret", []string{"https://intranet.example"}
	server := serve(t, o)
	ask := func(method, origin string, more ...string) (int, string) {
		status, _, header := request(t, method, server.URL+"/v1/documents", "", append([]string{"Origin", origin}, more...)...)
		return status, header.Get("Access-Control-Allow-Origin")
	}
	if status, allowed := ask("OPTIONS", "https://intranet.example", "Access-Control-Request-Method", "POST"); status != 204 || allowed != "https://intranet.example" {
		t.Errorf("preflight: %d %q", status, allowed)
	}
	if status, allowed := ask("GET", "https://intranet.example", "Authorization", "Bearer secret"); status != 200 || allowed != "https://intranet.example" {
		t.Errorf("with the token: %d %q", status, allowed)
	}
	if status, allowed := ask("GET", "https://intranet.example"); status != 401 || allowed == "" {
		t.Errorf("without the token: %d %q", status, allowed)
	}
	for _, origin := range []string{"https://evil.example", "http://intranet.example", "https://intranet.example.evil.example", "null"} {
		for _, method := range []string{"GET", "OPTIONS"} {
			if status, allowed := ask(method, origin, "Authorization", "Bearer secret", "Access-Control-Request-Method", "POST"); status != 403 || allowed != "" {
				t.Errorf("%s from %s: %d %q", method, origin, status, allowed)
			}
		}
	}
}

func TestNoRoute(t *testing.T) {
	server := serve(t, options(t.TempDir(), nil))
	for _, test := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/nope", 404, ""},
		{"GET", "/v1/nope/x", 404, ""},
		{"GET", "/v1/ask", 405, "POST"},
		{"PUT", "/v1/documents", 405, "GET, HEAD, POST"},
		{"POST", "/healthz", 405, "GET, HEAD"},
		{"GET", "/web/../../etc/passwd", 404, ""},
	} {
		status, text, header := request(t, test.method, server.URL+test.path, "")
		var got struct {
			Error struct{ Message, Code string }
		}
		if err := json.Unmarshal([]byte(text), &got); err != nil || status != test.status || header.Get("Allow") != test.allow || got.Error.Code == "" {
			t.Errorf("%s %s: %d %v %q: %s", test.method, test.path, status, err, header.Get("Allow"), text)
		}
	}
}

func TestDocsPage(t *testing.T) {
	server := serve(t, options(t.TempDir(), nil))
	status, text, header := request(t, "GET", server.URL+"/docs", "")
	if status != 200 || !strings.Contains(text, "/v1/ask") || !strings.Contains(text, "POST /v1/responses") || header.Get("ETag") == "" {
		t.Errorf("%d %.300s", status, text)
	}
	for _, bad := range []string{"<script", "http://", "https://", "style=", "onclick"} {
		if strings.Contains(text, bad) {
			t.Errorf("the page holds %s", bad)
		}
	}
	if status, _, _ := request(t, "GET", server.URL+"/docs/docs.css", ""); status != 200 {
		t.Errorf("style: %d", status)
	}
	if status, _, _ := request(t, "GET", server.URL+"/docs", "", "If-None-Match", header.Get("ETag")); status != 304 {
		t.Errorf("not changed: %d", status)
	}
}
