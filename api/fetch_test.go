package api_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/lore-kb/lore/api"
)

func TestPublicAddress(t *testing.T) {
	for text, want := range map[string]bool{
		"8.8.8.8": true, "2606:4700::1111": true, "172.15.0.1": true, "::ffff:8.8.8.8": true,
		"127.0.0.1": false, "127.9.9.9": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.1.1": false, "169.254.169.254": false, "100.64.0.1": false,
		"0.0.0.0": false, "0.1.2.3": false, "224.0.0.1": false, "240.0.0.1": false, "255.255.255.255": false, "198.18.0.1": false, "192.0.2.1": false,
		"::1": false, "::": false, "fe80::1": false, "fe80::1%eth0": false, "fc00::1": false, "fd12::1": false, "ff02::1": false, "fec0::1": false,
		"::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "::127.0.0.1": false, "64:ff9b::7f00:1": false, "2002:7f00:1::": false, "2001:db8::1": false, "2001::1": false,
	} {
		if got := api.PublicAddress(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s is public: %v", text, got)
		}
	}
}

// TestFetch has documents fetched from a server that plays all parts.
func TestFetch(t *testing.T) {
	inner := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "secret of the inner network") }))
	defer inner.Close()
	outer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/guide":
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprint(w, "<h1>Guide</h1><p>The kettle is in the pantry.</p>")
		case "/again":
			http.Redirect(w, r, "/guide", http.StatusFound)
		case "/circle":
			http.Redirect(w, r, "/circle", http.StatusFound)
		case "/inner":
			http.Redirect(w, r, inner.URL, http.StatusFound)
		case "/metadata":
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", http.StatusFound)
		case "/large":
			for range 100 {
				fmt.Fprint(w, strings.Repeat("x", 1000))
			}
		default:
			http.NotFound(w, r)
		}
	}))
	defer outer.Close()
	at, _ := url.Parse(outer.URL)
	dir := t.TempDir()
	o := writing(dir, options(dir, nil))
	closed := serve(t, o)
	o.AllowURLs, o.MaxUpload = []string{"127.0.0.1:" + at.Port(), "169.254.169.254", "10.0.0.1", "localhost:" + at.Port()}, 50_000
	server := serve(t, o)
	fetch := func(server *httptest.Server, address string) (int, string) {
		status, text, _ := request(t, "POST", server.URL+"/v1/documents", `{"url":"`+address+`"}`)
		if strings.Contains(text, "inner network") {
			t.Errorf("%s: %s", address, text)
		}
		return status, text
	}
	// An allowed host that is not public stays closed, by address and by name.
	for _, address := range []string{outer.URL + "/guide", "http://localhost:" + at.Port() + "/guide", "http://169.254.169.254/x", "http://10.0.0.1/"} {
		if status, text := fetch(server, address); status != 403 {
			t.Errorf("%s: %d %s", address, status, text)
		}
	}
	defer api.AllowDial(at.Host)()
	for address, want := range map[string]int{
		outer.URL + "/circle": 502, outer.URL + "/inner": 403, outer.URL + "/metadata": 403, outer.URL + "/gone": 502, outer.URL + "/large": 413,
		inner.URL: 403, "ftp://127.0.0.1:" + at.Port() + "/guide": 403, "file:///etc/passwd": 400, "http://u:p@" + at.Host + "/guide": 403,
		"http://other.example/": 403, "nonsense": 400, "": 400,
	} {
		if status, text := fetch(server, address); status != want {
			t.Errorf("%s: %d, want %d: %s", address, status, want, text)
		}
	}
	if status, _ := fetch(closed, outer.URL+"/guide"); status != 403 {
		t.Errorf("fetched without --allow-url: %d", status)
	}
	for _, path := range []string{"/guide", "/again"} {
		status, text := fetch(server, outer.URL+path)
		if status != 202 || !strings.Contains(text, `"127.0.0.1/guide.html"`) {
			t.Fatalf("%s: %d %s", path, status, text)
		}
		if state, last := finished(t, server.URL, jobOf(t, text)); state != "done" {
			t.Fatal(last)
		}
	}
	if _, text, _ := request(t, "POST", server.URL+"/v1/ask", `{"question":"Where is the kettle?"}`); !strings.Contains(text, "pantry") {
		t.Errorf("ask: %s", text)
	}
}

func TestURLHost(t *testing.T) {
	for host, want := range map[string]bool{"docs.example.com": true, "*.example.com": true, "docs.example.com:8443": true, "*": false, "": false, "https://a.example": false, "a.*.b": false, "a/b": false} {
		if got := api.URLHost(host) == nil; got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}
