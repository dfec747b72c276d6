package api

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// sender says where a request comes from: the address of the connection, or what
// a trusted proxy says of who connected to it.
type sender struct {
	address string // without a port where a proxy named it
	scheme  string
}

// senderOf believes X-Forwarded-For and X-Forwarded-Proto from trusted proxies
// alone, and of the addresses in the former the last that is not itself a
// trusted proxy: those before it are what the client says.
func (s *Server) senderOf(r *http.Request) sender {
	from := sender{address: r.RemoteAddr, scheme: "http"}
	if r.TLS != nil {
		from.scheme = "https"
	}
	if !s.trusted(r.RemoteAddr) {
		return from
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		hop = strings.TrimSpace(hop)
		address, ok := addressOf(hop)
		if !ok {
			break
		}
		from.address = address.String()
		if !s.trusted(hop) {
			break
		}
	}
	switch scheme := strings.ToLower(strings.TrimSpace(r.Header.Get("X-Forwarded-Proto"))); scheme {
	case "http", "https":
		from.scheme = scheme
	}
	return from
}

// trusted reports whether an address, with or without a port, is a proxy's.
func (s *Server) trusted(text string) bool {
	address, ok := addressOf(text)
	return ok && slices.ContainsFunc(s.options.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(address) })
}

func addressOf(text string) (netip.Addr, bool) {
	if host, _, err := net.SplitHostPort(text); err == nil {
		text = host
	}
	address, err := netip.ParseAddr(strings.Trim(text, "[]"))
	return address.Unmap().WithZone(""), err == nil
}

// originAllowed reports whether a page of an origin may read answers: the
// server's own, and those that were named.
func (s *Server) originAllowed(r *http.Request, origin string) (own, named bool) {
	named = slices.ContainsFunc(s.options.Origins, func(o string) bool { return strings.EqualFold(o, origin) })
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host), named
}

// crossOrigin lets a page of a named origin read the answer, and answers what a
// browser asks beforehand; it reports whether that is all.
func crossOrigin(w http.ResponseWriter, r *http.Request, origin string) (answered bool) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", origin)
	h.Add("Vary", "Origin")
	h.Set("Access-Control-Expose-Headers", "X-Request-Id, Location, Retry-After, ETag")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST, PATCH, DELETE")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Accept, X-Api-Key, If-None-Match, Mcp-Protocol-Version, Mcp-Session-Id, Last-Event-Id, OpenAI-Beta, Traceparent, X-Stainless-Arch, X-Stainless-Lang, X-Stainless-Os, X-Stainless-Package-Version, X-Stainless-Retry-Count, X-Stainless-Runtime, X-Stainless-Runtime-Version, X-Stainless-Timeout")
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}
