package langchain

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/lore-kb/lore/model"
)

// Bodies are read up to these sizes: an error page, a whole answer.
const (
	maxErrorBody = 8 << 10
	maxBody      = 64 << 20
)

// exchange is the HTTP client of one call to a model server. It keeps the
// failure it saw, because langchaingo replaces some by text and drops others.
type exchange struct {
	opts   Options
	stream bool // the response is to be an event stream
	cancel context.CancelCauseFunc
	timer  *time.Timer

	failure *model.Error // the first failure seen; nil when none
	watch   *streamWatch // of the response's body
}

// errStalled is the cause of a cancelled call that waited too long.
var errStalled = errors.New("no answer in time")

// newExchange returns an exchange and the context its call must run under;
// close releases both.
func newExchange(ctx context.Context, opts Options, stream bool) (context.Context, *exchange) {
	ctx, cancel := context.WithCancelCause(ctx)
	x := &exchange{opts: opts, stream: stream, cancel: cancel}
	x.timer = time.AfterFunc(opts.Timeout, func() { cancel(errStalled) })
	return ctx, x
}

func (x *exchange) close() {
	x.timer.Stop()
	x.cancel(nil)
}

// progress restarts the wait: the server showed that it is alive.
func (x *exchange) progress() { x.timer.Reset(x.opts.Timeout) }

// Do sends a request, again if the server asks to be asked later, and returns
// a response with status 200 or a *model.Error.
func (x *exchange) Do(req *http.Request) (*http.Response, error) {
	for attempt := 0; ; attempt++ {
		x.failure = nil
		resp, failure := x.send(req)
		if failure == nil {
			return resp, nil
		}
		x.failure = failure
		if attempt >= x.opts.Retries || !worthRetrying(failure) || req.GetBody == nil {
			return nil, failure
		}
		if !x.pause(req.Context(), attempt, failure.RetryAfter) {
			return nil, failure
		}
		body, err := req.GetBody()
		if err != nil {
			return nil, failure
		}
		req.Body = body
	}
}

// worthRetrying reports whether a server itself said that the call may succeed
// later. A server that does not answer at all is not asked again: the caller has
// something better to do than to wait for it.
func worthRetrying(e *model.Error) bool {
	return e.Kind == model.KindRateLimit || (e.Kind == model.KindUnavailable && e.Status != 0)
}

// maxPause is the longest wait that a server's Retry-After is granted.
const maxPause = 30 * time.Second

func (x *exchange) pause(ctx context.Context, attempt int, after time.Duration) bool {
	if after > maxPause {
		return false
	}
	if after == 0 {
		after = 200 * time.Millisecond << attempt
	}
	timer := time.NewTimer(after)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		x.progress()
		return true
	}
}

func (x *exchange) send(req *http.Request) (*http.Response, *model.Error) {
	resp, err := x.opts.Client.Do(req)
	if err != nil {
		return nil, x.transportError(req.Context(), err)
	}
	x.progress()
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
		return nil, x.statusError(resp, body)
	}
	if x.stream {
		x.watch = newStreamWatch(x, resp)
		resp.Body = x.watch
		return resp, nil
	}
	return x.whole(resp)
}

// whole reads a response that is one JSON value, so that a body that breaks off
// and an error inside a 200 are seen, and puts embeddings into the order of
// their index.
func (x *exchange) whole(resp *http.Response) (*http.Response, *model.Error) {
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return nil, x.errorf(model.KindTruncated, 0, "the answer broke off: %v", err)
	}
	if text, code := errorIn(body); text != "" {
		return nil, x.errorf(kindOf(code, text), code, "%s", text)
	}
	if !json.Valid(body) {
		return nil, x.errorf(model.KindInvalid, resp.StatusCode, "the answer is not JSON (%s): is this the address of an OpenAI-compatible API?", excerpt(body))
	}
	if body, err = orderEmbeddings(body); err != nil {
		return nil, x.errorf(model.KindInvalid, resp.StatusCode, "%v", err)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	resp.ContentLength = int64(len(body))
	return resp, nil
}

func (x *exchange) errorf(kind model.Kind, status int, format string, args ...any) *model.Error {
	return &model.Error{Kind: kind, Server: x.opts.BaseURL, Model: x.opts.Model, Status: status, Message: fmt.Sprintf(format, args...)}
}

// transportError describes a call that got no response. It does not wrap err:
// langchaingo replaces errors that wrap a net.Error or a context error by text.
func (x *exchange) transportError(ctx context.Context, err error) *model.Error {
	if cause := context.Cause(ctx); cause != nil {
		if errors.Is(cause, errStalled) || errors.Is(cause, context.DeadlineExceeded) {
			return x.errorf(model.KindTimeout, 0, "no answer within %s", x.opts.Timeout)
		}
		return x.errorf(model.KindUnavailable, 0, "cancelled")
	}
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return x.errorf(model.KindUnavailable, 0, "nothing listens there; is the server running?")
	case errors.As(err, &dns):
		return x.errorf(model.KindUnavailable, 0, "host %s is not known", dns.Name)
	case errors.As(err, &op) && op.Timeout():
		return x.errorf(model.KindTimeout, 0, "no connection in time")
	case strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return x.errorf(model.KindInvalid, 0, "the server speaks http, not https")
	}
	return x.errorf(model.KindUnavailable, 0, "no answer: %v", unwrapAll(err))
}

// unwrapAll returns the innermost error: the outer ones repeat the URL.
func unwrapAll(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

func (x *exchange) statusError(resp *http.Response, body []byte) *model.Error {
	text, _ := errorIn(body)
	if text == "" {
		text = excerpt(body)
	}
	kind := kindOf(resp.StatusCode, text)
	if text == "" {
		text = http.StatusText(resp.StatusCode)
	}
	e := x.errorf(kind, resp.StatusCode, "HTTP %d: %s", resp.StatusCode, text)
	e.RetryAfter = retryAfter(resp.Header.Get("Retry-After"))
	switch {
	case kind == model.KindAuth:
		e.Message += "; check the API key"
	case kind == model.KindNotFound && x.opts.Provider == Ollama:
		e.Message += "; get it with `ollama pull " + x.opts.Model + "`"
	}
	return e
}

// kindOf classes a failure by its HTTP status and text.
func kindOf(status int, text string) model.Kind {
	lower := strings.ToLower(text)
	switch {
	case strings.Contains(lower, "context length"), strings.Contains(lower, "context_length"), strings.Contains(lower, "too many tokens"),
		strings.Contains(lower, "maximum context"), strings.Contains(lower, "prompt is too long"), strings.Contains(lower, "too large"),
		strings.Contains(lower, "input length exceeds"):
		return model.KindTooLarge
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return model.KindAuth
	case status == http.StatusNotFound:
		return model.KindNotFound
	case status == http.StatusRequestEntityTooLarge:
		return model.KindTooLarge
	case status == http.StatusTooManyRequests:
		return model.KindRateLimit
	case status == http.StatusRequestTimeout, status == http.StatusGatewayTimeout:
		return model.KindTimeout
	case status >= 500, strings.Contains(lower, "overloaded"):
		return model.KindUnavailable
	}
	return model.KindInvalid
}

func retryAfter(header string) time.Duration {
	if header == "" {
		return 0
	}
	if seconds, err := strconv.ParseFloat(header, 64); err == nil && seconds >= 0 {
		return time.Duration(seconds * float64(time.Second))
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

// errorIn returns the text and the numeric code of an error object in a JSON
// body: {"error":{"message":…,"code":…}}, {"error":"…"}, or Anthropic's
// {"type":"error","error":{…}}.
func errorIn(body []byte) (string, int) {
	var outer struct {
		Error json.RawMessage `json:"error"`
	}
	if json.Unmarshal(body, &outer) != nil || len(outer.Error) == 0 || string(outer.Error) == "null" {
		return "", 0
	}
	var text string
	if json.Unmarshal(outer.Error, &text) == nil {
		return oneLine(text), 0
	}
	var inner struct {
		Message string          `json:"message"`
		Type    string          `json:"type"`
		Code    json.RawMessage `json:"code"`
	}
	if json.Unmarshal(outer.Error, &inner) != nil {
		return "the server reports an error", 0
	}
	code, _ := strconv.Atoi(strings.Trim(string(inner.Code), `"`))
	return oneLine(cmp.Or(inner.Message, cmp.Or(inner.Type, "the server reports an error"))), code
}

// excerpt returns the start of a body as one line, without markup.
func excerpt(body []byte) string {
	text := string(body)
	if strings.HasPrefix(strings.TrimSpace(text), "<") {
		return "a web page"
	}
	return oneLine(text)
}

func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 300 {
		s = string(r[:300]) + "…"
	}
	return s
}
