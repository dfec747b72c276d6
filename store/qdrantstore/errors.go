package qdrantstore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/lore-kb/lore/store"
)

// unavailableError is one line for a user; it wraps store.ErrUnavailable and the
// server's own error.
type unavailableError struct {
	line  string
	cause error
}

func (e *unavailableError) Error() string   { return e.line }
func (e *unavailableError) Unwrap() []error { return []error{store.ErrUnavailable, e.cause} }

// fail wraps an error of a call: the context's own when it has ended, else the
// server's, explained.
func (s *Store) fail(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	return s.conn.fail(ctx, op, err)
}

func (c *connection) fail(ctx context.Context, op string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", op, ctx.Err())
	}
	return c.explain(op, err)
}

func (c *connection) explain(op string, err error) error {
	for _, done := range []error{context.Canceled, store.ErrUnavailable, store.ErrNoCollection, store.ErrCorrupt} {
		if errors.Is(err, done) {
			return fmt.Errorf("%s: %w", op, err)
		}
	}
	unavailable := func(format string, args ...any) error {
		return &unavailableError{line: fmt.Sprintf("%s: qdrant at %s ", op, c.target) + fmt.Sprintf(format, args...), cause: err}
	}
	var exhausted *qdrant.QdrantResourceExhaustedError
	if errors.As(err, &exhausted) {
		return unavailable("refuses more work (%s); try again later or give the server more room", oneLine(exhausted.Reason))
	}
	var st interface{ GRPCStatus() *status.Status }
	if !errors.As(err, &st) {
		return fmt.Errorf("%s: %w", op, err)
	}
	code, message := st.GRPCStatus().Code(), oneLine(st.GRPCStatus().Message())
	switch code {
	case codes.Unavailable:
		switch wrongProtocol(message) {
		case protocolHTTP1:
			return unavailable("speaks HTTP/1.1, not gRPC: this looks like the REST port (%d); use the gRPC port, usually %d", restPort, grpcPort)
		case protocolPlain:
			return unavailable("does not speak TLS: use qdrant:// or http:// instead of https://, or turn TLS on in the server")
		case protocolTLS:
			return unavailable("closes plain connections: if the server uses TLS write https://HOST:PORT")
		case protocolCertificate:
			return unavailable("shows a certificate that this machine does not trust (%s); give lore the authority's certificate or fix the server's", message)
		}
		if strings.Contains(message, "connection refused") || strings.Contains(message, "no such host") || strings.Contains(message, "no route") || strings.Contains(message, "name resolver") {
			return unavailable("cannot be reached (%s); start the server or correct the address", reason(message))
		}
		return unavailable("does not answer (%s); start the server or correct the address", reason(message))
	case codes.DeadlineExceeded:
		return unavailable("did not answer within %s; check that port %d is Qdrant's gRPC port and that the server is not overloaded", c.options.Timeout, c.address.nodes[0].port)
	case codes.Unauthenticated, codes.PermissionDenied:
		if c.options.APIKey == "" {
			return unavailable("wants an API key; set QDRANT_API_KEY")
		}
		return unavailable("refuses the API key; check QDRANT_API_KEY (%s)", message)
	case codes.Unimplemented:
		if wrongProtocol(message) == protocolHTTP1 || c.address.nodes[0].port == restPort {
			return unavailable("does not speak gRPC: this looks like the REST port (%d); use the gRPC port, usually %d", restPort, grpcPort)
		}
		return unavailable("does not know this call: it is not a Qdrant server, or one older than %d.%d", oldestMajor, oldestMinor)
	case codes.ResourceExhausted:
		return unavailable("refuses more work (%s); try again later or give the server more room", message)
	case codes.NotFound:
		if strings.Contains(message, "Collection") || strings.Contains(message, "collection") {
			return fmt.Errorf("%s: qdrant at %s: %s: %w", op, c.target, message, store.ErrNoCollection)
		}
	case codes.Unknown:
		if wrongProtocol(message) == protocolHTTP1 || strings.Contains(message, "HTTP status code") {
			return unavailable("does not speak gRPC (%s); use the gRPC port, usually %d", message, grpcPort)
		}
	case codes.Canceled:
		// By the server: its own nodes did not answer each other in time.
		return unavailable("broke the call off (%s); try again, and see that all of its nodes run", message)
	}
	return fmt.Errorf("%s: qdrant at %s: %s: %w", op, c.target, strings.ToLower(code.String()), &quietError{message, err})
}

// quietError shows a server's message without the client's trimmings.
type quietError struct {
	message string
	cause   error
}

func (e *quietError) Error() string { return e.message }
func (e *quietError) Unwrap() error { return e.cause }

// What a server seems to speak that does not speak what we do.
const (
	protocolHTTP1       = "HTTP/1.1"
	protocolPlain       = "plain"
	protocolTLS         = "TLS"
	protocolCertificate = "certificate"
)

// wrongProtocol reads from gRPC's message what the other side speaks; "" when
// nothing points at a mistake.
func wrongProtocol(message string) string {
	switch {
	case strings.Contains(message, "looked like an HTTP/1.1 header"), strings.Contains(message, "malformed HTTP"),
		strings.Contains(message, "unexpected content-type"), strings.Contains(message, "unexpected HTTP status code"),
		strings.Contains(message, "no application protocol"):
		return protocolHTTP1
	case strings.Contains(message, "first record does not look like a TLS handshake"):
		return protocolPlain
	case strings.Contains(message, "x509:"), strings.Contains(message, "certificate"):
		return protocolCertificate
	case strings.Contains(message, "error reading server preface: EOF"), strings.Contains(message, "error reading server preface: http2: frame too large"),
		strings.Contains(message, "error reading server preface") && strings.Contains(message, "connection reset by peer"),
		strings.Contains(message, "looked like a TLS"):
		return protocolTLS
	}
	return ""
}

// reason keeps the last, most telling part of a transport error.
func reason(message string) string {
	message = strings.Trim(message, `"`)
	if i := strings.LastIndex(message, "dial tcp "); i >= 0 {
		return strings.Trim(message[i:], `"`)
	}
	return message
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
