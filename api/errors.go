package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lore-kb/lore/ask"
	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/store"
)

// problem is an error as clients see it.
type problem struct {
	status int
	Detail detail `json:"error"`
}

type detail struct {
	Message string `json:"message" doc:"What went wrong, fit for a user"`
	Type    string `json:"type" doc:"Class of the error" example:"invalid_request_error"`
	Code    string `json:"code" doc:"Stable name of the error" example:"empty_question"`
	Param   string `json:"param,omitempty" doc:"The parameter at fault, on OpenAI's routes"`
}

func (p *problem) Error() string  { return p.Detail.Message }
func (p *problem) GetStatus() int { return p.status }

// GetHeaders implements huma.HeadersError.
func (p *problem) GetHeaders() http.Header {
	if p.retry() {
		return http.Header{"Retry-After": {"1"}}
	}
	return nil
}

// retry reports whether the same request may do better a moment later.
func (p *problem) retry() bool {
	return p.status == http.StatusServiceUnavailable || p.status == http.StatusTooManyRequests
}

// kinds of errors, in OpenAI's words.
const (
	typeInvalid     = "invalid_request_error"
	typeAuth        = "authentication_error"
	typePermission  = "permission_error"
	typeNotFound    = "not_found_error"
	typeRate        = "rate_limit_error"
	typeServer      = "server_error"
	typeUnavailable = "service_unavailable_error"
)

func newProblem(status int, kind, code, message string) *problem {
	return &problem{status: status, Detail: detail{Message: message, Type: kind, Code: code}}
}

// table maps the errors that clients can do something about; all others are
// internal, and their text stays in the log.
var table = []struct {
	err    error
	status int
	kind   string
	code   string
}{
	{ask.ErrEmptyQuestion, http.StatusBadRequest, typeInvalid, "empty_question"},
	{ask.ErrLongQuestion, http.StatusBadRequest, typeInvalid, "long_question"},
	{store.ErrNotFound, http.StatusNotFound, typeNotFound, "not_found"},
	{ask.ErrNoConversation, http.StatusNotFound, typeNotFound, "no_such_conversation"},
	{store.ErrNoCollection, http.StatusNotFound, typeNotFound, "no_such_collection"},
	{store.ErrEmptyFilter, http.StatusBadRequest, typeInvalid, "empty_filter"},
	{store.ErrReadOnly, http.StatusForbidden, typePermission, "read_only"},
	{store.ErrLocked, http.StatusConflict, typeUnavailable, "locked"},
	{store.ErrUnavailable, http.StatusServiceUnavailable, typeUnavailable, "store_unavailable"},
	{context.DeadlineExceeded, http.StatusGatewayTimeout, typeUnavailable, "timeout"},
	{context.Canceled, 499, typeInvalid, "cancelled"},
}

// publicText replaces an error's own text, which may name folders and hosts.
var publicText = map[string]string{
	"empty_question":       "the question is empty",
	"long_question":        "the question is too long; at most 8 kB are taken",
	"not_found":            "no such document",
	"no_such_conversation": "no such conversation",
	"no_such_collection":   "no such collection",
	"empty_filter":         "an empty filter would select every document",
	"read_only":            "this server does not write",
	"locked":               "another process is writing; try again",
	"store_unavailable":    "the store cannot be reached; try again",
	"timeout":              "it took too long; try again or ask for less",
	"cancelled":            "the request was cancelled",
}

// explain turns an error into what clients see.
func explain(err error) *problem {
	var known *problem
	if errors.As(err, &known) {
		return known
	}
	for _, row := range table {
		if errors.Is(err, row.err) {
			return newProblem(row.status, row.kind, row.code, publicText[row.code])
		}
	}
	var mismatch *store.ModelMismatchError
	if errors.As(err, &mismatch) {
		return newProblem(http.StatusConflict, typeServer, "model_mismatch", "the collection was embedded with another model than the server uses")
	}
	var failure *model.Error
	if errors.As(err, &failure) {
		return newProblem(http.StatusBadGateway, typeUnavailable, "model_"+string(failure.Kind), "the model server failed")
	}
	return newProblem(http.StatusInternalServerError, typeServer, "internal", "internal error; the server's log has the details under this request's id")
}

// fail writes an error, outside of huma's handlers.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := explain(err)
	s.logFailure(r.Context(), p, err)
	if p.retry() {
		w.Header().Set("Retry-After", "1")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(p.status)
	_ = json.NewEncoder(w).Encode(p)
}

func (s *Server) logFailure(ctx context.Context, p *problem, err error) {
	if p.status >= 500 {
		s.log.ErrorContext(ctx, "request failed", "request", requestID(ctx), "code", p.Detail.Code, "error", err)
	}
}

// failed returns err as huma wants it, after logging what is internal.
func (s *Server) failed(ctx context.Context, err error) error {
	p := explain(err)
	s.logFailure(ctx, p, err)
	return p
}

// inWords is an error of huma without the value at fault, which may be the whole
// body, and without the names of Go's types.
func inWords(err error) string {
	var at *huma.ErrorDetail
	if !errors.As(err, &at) {
		return err.Error()
	}
	message := at.Message
	if strings.Contains(message, "cannot unmarshal") {
		message = "a value has another type than is expected"
	}
	if at.Location != "" {
		message += " (" + at.Location + ")"
	}
	return message
}

// problemContent describes errors where a route lists its answers itself.
func problemContent(routes huma.API) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{"application/json": {Schema: huma.SchemaFromType(routes.OpenAPI().Components.Schemas, typeOf[problem]())}}
}

// huma asks this hook for its own errors: bodies that do not fit the schema and
// the like.
func init() {
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		for _, err := range errs {
			if err != nil {
				message += ": " + inWords(err)
			}
		}
		kind, code := typeInvalid, "invalid_request"
		switch {
		case status >= 500:
			kind, code, message = typeServer, "internal", "internal error"
		case status == http.StatusNotFound:
			kind, code = typeNotFound, "not_found"
		case status == http.StatusUnprocessableEntity:
			status = http.StatusBadRequest
		case status == http.StatusRequestEntityTooLarge:
			code = "too_large"
		}
		return newProblem(status, kind, code, message)
	}
}
