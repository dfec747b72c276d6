package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"syscall"
	"time"
)

// Documents can be fetched from hosts that the server was started with; by
// default there are none. The address of a host is looked at when the connection
// is made, after its name was resolved, so that no name leads to an address of
// the inner network; a redirect goes through the same gates.

// Limits of fetching.
const (
	fetchTime      = time.Minute
	fetchRedirects = 5
)

// URLHost checks a host that documents may be fetched from: a name, *.NAME for
// those below it, each with :PORT where it is not the scheme's.
func URLHost(host string) error {
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name, port = host, "443"
	}
	name = strings.TrimPrefix(name, "*.")
	if name == "" || port == "" || strings.ContainsAny(name, "/*?#@ :") || strings.Contains(host, "://") {
		return fmt.Errorf("%q is not a host; give a name such as docs.example.com or *.example.com, with :PORT where it needs one", host)
	}
	return nil
}

// errURL is told of what may not be fetched; the reason is not, since it would
// tell what is in the inner network.
var errURL = newProblem(http.StatusForbidden, typePermission, "url", "this address is not fetched: its host is not among those that the server was started with as --allow-url, or it is not a public one")

// urlAllowed checks an address against the allowed hosts.
func (s *Server) urlAllowed(u *url.URL) error {
	if u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
		return errURL
	}
	usual := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	port := u.Port()
	if port == "" {
		port = usual
	}
	name := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	for _, allowed := range s.options.AllowURLs {
		host, wanted, err := net.SplitHostPort(allowed)
		if err != nil {
			host, wanted = allowed, usual
		}
		host = strings.ToLower(host)
		below, any := strings.CutPrefix(host, "*.")
		if port == wanted && name != "" && (name == host || any && strings.HasSuffix(name, "."+below)) {
			return nil
		}
	}
	return errURL
}

// special are networks that no public host is in, besides those that netip knows.
var special = func() (list []netip.Prefix) {
	for _, text := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10", "::/96",
	} {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}()

// publicAddress reports whether an address is one of the public network.
func publicAddress(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() {
		return false
	}
	for _, p := range special {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// dialPublic refuses a connection to an address that is not public. It is asked
// with the address that the system is about to connect to.
var dialPublic = func(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !publicAddress(at.Addr()) {
		return errURL
	}
	return nil
}

func (s *Server) newFetcher() *http.Client {
	dialer := &net.Dialer{Timeout: 10 * time.Second, Control: func(network, address string, c syscall.RawConn) error { return dialPublic(network, address, c) }}
	return &http.Client{
		Timeout: fetchTime,
		Transport: &http.Transport{
			Proxy: nil, DialContext: dialer.DialContext, TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: 20 * time.Second,
			MaxResponseHeaderBytes: 64 << 10, DisableKeepAlives: true, ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > fetchRedirects {
				return newProblem(http.StatusBadGateway, typeUnavailable, "fetch", "the address leads on too often")
			}
			return s.urlAllowed(r.URL)
		},
	}
}

// fetched is what an address gave.
type fetched struct {
	name string
	body io.ReadCloser
}

// fetch opens a document at an address. The caller closes its body.
func (s *Server) fetch(ctx context.Context, address string) (*fetched, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return nil, newProblem(http.StatusBadRequest, typeInvalid, "url", "this is not an address such as https://docs.example.com/page")
	}
	if err := s.urlAllowed(u); err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, errURL
	}
	request.Header.Set("User-Agent", "lore/"+s.options.Version)
	request.Header.Set("Accept-Encoding", "identity")
	response, err := s.fetcher.Do(request)
	var refused *problem
	switch {
	case errors.As(err, &refused):
		return nil, refused
	case err != nil:
		s.log.WarnContext(ctx, "fetch", "request", requestID(ctx), "host", u.Host, "error", unaddressed(err))
		return nil, newProblem(http.StatusBadGateway, typeUnavailable, "fetch", "the address did not answer")
	case response.StatusCode != http.StatusOK:
		response.Body.Close()
		return nil, newProblem(http.StatusBadGateway, typeUnavailable, "fetch", fmt.Sprintf("the address answered with HTTP %d", response.StatusCode))
	case response.ContentLength > s.options.MaxUpload:
		response.Body.Close()
		return nil, newProblem(http.StatusRequestEntityTooLarge, typeInvalid, "too_large", fmt.Sprintf("the document is larger than %d bytes", s.options.MaxUpload))
	}
	return &fetched{fetchedName(response.Request.URL, response.Header.Get("Content-Type")), http.MaxBytesReader(nil, response.Body, s.options.MaxUpload)}, nil
}

// fetchedName names a document by its host and path, with an ending that says
// what it is.
func fetchedName(u *url.URL, contentType string) string {
	clean := func(text string) string {
		text = strings.Map(func(r rune) rune {
			if r < 0x20 || strings.ContainsRune(`\:*?"<>|!`, r) {
				return '_'
			}
			return r
		}, text)
		if text = strings.TrimLeft(text, "."); len(text) > 100 {
			text = strings.ToValidUTF8(text[:100], "")
		}
		return text
	}
	parts := []string{clean(u.Hostname())}
	for part := range strings.SplitSeq(path.Clean("/"+u.Path), "/") {
		if part = clean(part); part != "" && len(parts) < 12 {
			parts = append(parts, part)
		}
	}
	if len(parts) == 1 || strings.HasSuffix(u.Path, "/") {
		parts = append(parts, "index")
	}
	last := &parts[len(parts)-1]
	kind, _, _ := mime.ParseMediaType(contentType)
	ending := map[string]string{
		"text/html": ".html", "application/xhtml+xml": ".html", "application/pdf": ".pdf", "text/markdown": ".md", "text/plain": ".txt",
		"text/csv": ".csv", "application/json": ".json", "application/xml": ".xml", "text/xml": ".xml",
	}[kind]
	if have := strings.ToLower(path.Ext(*last)); ending != "" && have != ending && (ending == ".html" || len(have) < 2 || len(have) > 5) {
		*last += ending
	}
	return strings.Join(parts, "/")
}
