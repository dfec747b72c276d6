package api

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

type contextKey int

const (
	requestKey contextKey = iota
	grantKey
	seatKey
	spanKey
)

// requestID returns the identifier of the request that ctx belongs to.
func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestKey).(string)
	return id
}

// guard stands before every route.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		id, from := newRequestID(), s.senderOf(r)
		span := s.options.Tracer.request(r)
		r = r.WithContext(context.WithValue(context.WithValue(r.Context(), requestKey, id), spanKey, span))
		h := w.Header()
		h.Set("X-Request-Id", id)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		recorded := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		defer func() {
			if failure := recover(); failure != nil {
				if failure == http.ErrAbortHandler {
					panic(failure)
				}
				s.log.ErrorContext(r.Context(), "panic", "request", id, "error", failure, "stack", string(debug.Stack()))
				if !recorded.begun {
					s.fail(recorded, r, newProblem(http.StatusInternalServerError, typeServer, "internal", "internal error"))
				}
			}
			took := time.Since(began)
			route := routeOf(r, recorded.status)
			s.metrics.served(route, recorded.status, took)
			s.recent.served(route, recorded.status, took)
			token := grantOf(r.Context()).id
			span.end(r, route, recorded.status, id, token, from)
			if s.log.Enabled(r.Context(), slog.LevelInfo) {
				about := []any{"request", id, "method", r.Method, "path", r.URL.Path, "route", route, "status", recorded.status,
					"bytes", recorded.bytes, "took_ms", took.Milliseconds(), "token", token, "from", from.address, "scheme", from.scheme}
				if trace := span.trace(); trace != "" {
					about = append(about, "trace", trace)
				}
				s.log.InfoContext(r.Context(), "request", about...)
			}
		}()
		own, named := true, false
		if origin := r.Header.Get("Origin"); origin != "" {
			if own, named = s.originAllowed(r, origin); named && s.hostAllowed(r.Host) && crossOrigin(recorded, r, origin) {
				return
			}
		}
		g, err := s.admit(r, own || named)
		if err != nil {
			if err.status == http.StatusUnauthorized {
				h.Set("WWW-Authenticate", "Bearer")
			}
			s.fail(recorded, r, err)
			return
		}
		r = r.WithContext(withGrant(r.Context(), g))
		if r.ProtoMajor == 1 && len(r.TransferEncoding) > 0 {
			// Where such a request ends is what two servers may read differently:
			// nothing that follows on its connection is taken for another.
			h.Set("Connection", "close")
		}
		if limited(r) {
			if !uploads(r) {
				if err := s.wholeBody(recorded, r); err != nil {
					h.Set("Connection", "close")
					s.fail(recorded, r, err)
					return
				}
			}
			place := s.sit(g, streams(r) || uploads(r))
			if place == nil {
				s.fail(recorded, r, errBusy)
				return
			}
			defer place.leave()
			r = r.WithContext(context.WithValue(r.Context(), seatKey, place))
			if uploads(r) {
				r.Body = http.MaxBytesReader(recorded, r.Body, s.options.MaxUpload)
			}
		}
		if zip := compress(recorded, r); zip != nil {
			defer zip.close()
			next.ServeHTTP(zip, r)
			return
		}
		next.ServeHTTP(recorded, r)
	})
}

// limited reports whether a request counts against the limit of work at a time;
// pages and health checks do not.
func limited(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, "/v1/") || strings.HasPrefix(r.URL.Path, "/mcp")
}

// bodyTime bounds the sending of a body that is not an upload.
const bodyTime = 10 * time.Second

// wholeBody reads a body before its request takes a place, so that who sends
// slowly keeps nobody out.
func (s *Server) wholeBody(w *statusWriter, r *http.Request) error {
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.options.MaxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return newProblem(http.StatusRequestEntityTooLarge, typeInvalid, "too_large", fmt.Sprintf("the request is larger than %d bytes", large.Limit))
	case errors.Is(err, os.ErrDeadlineExceeded):
		return newProblem(http.StatusRequestTimeout, typeInvalid, "slow", "the body did not come within ten seconds")
	case err != nil:
		return newProblem(http.StatusBadRequest, typeInvalid, "invalid_request", "the body broke off or is not what its headers say")
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	w.read = true
	return nil
}

// streams reports whether a request asks for events of lore's own routes.
// OpenAI's clients say it in the body.
func streams(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/event-stream") && (r.URL.Path == "/v1/ask" || strings.HasPrefix(r.URL.Path, "/v1/jobs/"))
}

// uploads reports whether the body of a request is files.
func uploads(r *http.Request) bool {
	return r.Method == http.MethodPost && (r.URL.Path == "/v1/documents" || r.URL.Path == "/v1/files")
}

// open reports whether a request is answered without a token: the page and its
// parts, health, and the description of the routes.
func open(r *http.Request) bool {
	path := r.URL.Path
	return path == "/" || path == "/healthz" || path == "/readyz" || strings.HasPrefix(path, "/web/") || strings.HasPrefix(path, "/openapi") ||
		path == "/docs" || strings.HasPrefix(path, "/docs/")
}

// admit refuses requests that a browser was tricked into, those without a token
// where one is asked for, and those beyond the token's scope.
func (s *Server) admit(r *http.Request, originFine bool) (*grant, *problem) {
	if !s.hostAllowed(r.Host) {
		return nil, newProblem(http.StatusMisdirectedRequest, typePermission, "host", "this server does not answer for the host "+cleanHost(r.Host)+"; name it with --host")
	}
	if !originFine {
		return nil, newProblem(http.StatusForbidden, typePermission, "origin", "requests from other sites are not answered; name this one with --cors-origin")
	}
	if open(r) {
		return &grant{collections: []string{""}}, nil
	}
	g := everything
	if s.closed() {
		given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok {
			given = r.Header.Get("X-Api-Key")
		}
		if g = s.grantFor(r, given); g == nil {
			return nil, newProblem(http.StatusUnauthorized, typeAuth, "token", "send a token of this server as Authorization: Bearer TOKEN")
		}
	}
	if wanted := wants(r); !g.scope.holds(wanted) {
		return nil, newProblem(http.StatusForbidden, typePermission, "scope", "this token may not do that; it needs one with the scope "+string(wanted))
	}
	return g, nil
}

// closed reports whether a token is asked for.
func (s *Server) closed() bool {
	if s.options.Token != "" {
		return true
	}
	if s.options.Tokens == nil {
		return false
	}
	_, there, err := s.options.Tokens.All()
	return there || err != nil
}

// grantFor returns what a token grants, or nil.
func (s *Server) grantFor(r *http.Request, token string) *grant {
	if token == "" {
		return nil
	}
	if s.options.Token != "" && sameSecret(token, s.options.Token) {
		return everything
	}
	if s.options.Tokens == nil {
		return nil
	}
	found, err := s.options.Tokens.find(token, time.Now())
	if err != nil {
		s.log.ErrorContext(r.Context(), "tokens", "error", err)
	}
	if found == nil {
		return nil
	}
	return found.grant()
}

// hostAllowed keeps a page of somebody else from reaching a server on loopback
// by a name that it points there. With a token any host will do: the page does
// not know the token.
func (s *Server) hostAllowed(host string) bool {
	if s.closed() && len(s.options.Hosts) == 0 {
		return true
	}
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.Trim(name, "[]")
	if ip := net.ParseIP(name); ip != nil && ip.IsLoopback() {
		return true
	}
	return strings.EqualFold(name, "localhost") || slices.ContainsFunc(s.options.Hosts, func(h string) bool { return strings.EqualFold(h, name) })
}

func cleanHost(host string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e {
			return -1
		}
		return r
	}, host)
}

// sameSecret compares in a time that tells nothing, not even a length.
func sameSecret(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

func newRequestID() string {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// statusWriter remembers what was answered.
type statusWriter struct {
	http.ResponseWriter
	status int
	begun  bool
	bytes  int64
	read   bool // the whole body was read
}

// SetReadDeadline does nothing once the body was read: what is read then is only
// whether the client is there still, and a deadline would take it for gone.
func (w *statusWriter) SetReadDeadline(at time.Time) error {
	if w.read {
		return nil
	}
	return http.NewResponseController(w.ResponseWriter).SetReadDeadline(at)
}

func (w *statusWriter) WriteHeader(status int) {
	if !w.begun {
		w.status, w.begun = status, true
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(p []byte) (int, error) {
	w.begun = true
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush passes on what was written so far.
func (w *statusWriter) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }
