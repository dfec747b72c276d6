package transcribe

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/lore-kb/lore/model"
)

// OpenAIOptions say which model to reach and how. Model is required.
type OpenAIOptions struct {
	Model    string
	BaseURL  string // "": https://api.openai.com/v1
	APIKey   string
	Language string       // of the speech, such as "en"; "": the model finds out
	Client   *http.Client // nil: a client of its own
	Timeout  time.Duration
	Retries  int // of a call that a server refuses for now; 0 means 2, negative none
}

const (
	openaiURL = "https://api.openai.com/v1"
	// openaiBytes is what api.openai.com takes at once; servers of one's own
	// mostly take more, but pieces below it suit them as well.
	openaiBytes = 25 << 20

	maxReply      = 16 << 20
	maxErrorReply = 8 << 10
	// A whisper on a slow processor takes a few times as long as the speech.
	leastTimeout = 2 * time.Minute
	slowness     = 6
	// speechBytes is how many bytes a second of speech takes: 16-bit samples at
	// 16 kHz. Compressed ones take less, and get proportionally more time.
	speechBytes = 32000
	thinBytes   = 4000
)

// OpenAI is a [model.Transcriber] behind OpenAI's API.
type OpenAI struct {
	o     OpenAIOptions
	plain atomic.Bool // the server knows no verbose_json
}

// NewOpenAI returns a transcriber without calling the server.
func NewOpenAI(o OpenAIOptions) (*OpenAI, error) {
	if o.Model == "" {
		return nil, errors.New("model name missing: write it as openai:NAME")
	}
	o.BaseURL = strings.TrimRight(cmp.Or(o.BaseURL, openaiURL), "/")
	u, err := url.Parse(o.BaseURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("transcriber address %q is not an http:// or https:// URL", o.BaseURL)
	}
	if o.APIKey == "" && o.BaseURL == openaiURL {
		return nil, fmt.Errorf("no key for %s: set OPENAI_API_KEY, or LORE_TRANSCRIBER_BASE_URL for a server of your own", openaiURL)
	}
	if o.Client == nil {
		o.Client = &http.Client{}
	}
	switch {
	case o.Retries == 0:
		o.Retries = 2
	case o.Retries < 0:
		o.Retries = 0
	}
	return &OpenAI{o: o}, nil
}

// Info implements [model.Transcriber].
func (t *OpenAI) Info() model.TranscriberInfo {
	return model.TranscriberInfo{Name: "openai:" + t.o.Model, MaxBytes: openaiBytes}
}

// Transcribe implements [model.Transcriber]. A server that gives no times gives
// one segment without a span.
func (t *OpenAI) Transcribe(ctx context.Context, audio io.Reader, name string) ([]model.Segment, error) {
	data, err := io.ReadAll(audio)
	if err != nil {
		return nil, fmt.Errorf("read recording: %w", err)
	}
	for attempt := 0; ; attempt++ {
		segments, failure := t.call(ctx, data, name)
		switch {
		case failure == nil:
			return segments, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case !t.plain.Load() && failure.Kind == model.KindInvalid && failure.Status != 0 && strings.Contains(failure.Message, "verbose_json"):
			t.plain.Store(true)
			attempt--
			continue
		case attempt >= t.o.Retries || failure.Kind != model.KindRateLimit && (failure.Kind != model.KindUnavailable || failure.Status == 0):
			return nil, failure
		}
		if !pause(ctx, attempt, failure.RetryAfter) {
			return nil, failure
		}
	}
}

// pause waits before the next attempt; false when that is too long.
func pause(ctx context.Context, attempt int, after time.Duration) bool {
	const most = 30 * time.Second
	if after > most {
		return false
	}
	if after <= 0 {
		after = 200 * time.Millisecond << attempt
	}
	timer := time.NewTimer(after)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func (t *OpenAI) errorf(kind model.Kind, status int, format string, args ...any) *model.Error {
	return &model.Error{Kind: kind, Server: t.o.BaseURL, Model: t.o.Model, Status: status, Message: fmt.Sprintf(format, args...)}
}

// form lays out the fields of a request.
func (t *OpenAI) form(data []byte, name string) (body []byte, contentType string) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	format := "verbose_json"
	if t.plain.Load() {
		format = "json"
	}
	fields := [][2]string{{"model", t.o.Model}, {"response_format", format}, {"temperature", "0"}}
	if format == "verbose_json" {
		fields = append(fields, [2]string{"timestamp_granularities[]", "segment"})
	}
	if t.o.Language != "" {
		fields = append(fields, [2]string{"language", t.o.Language})
	}
	// Writes to a buffer do not fail.
	for _, f := range fields {
		_ = w.WriteField(f[0], f[1])
	}
	file, _ := w.CreateFormFile("file", name)
	_, _ = file.Write(data)
	_ = w.Close()
	return b.Bytes(), w.FormDataContentType()
}

func (t *OpenAI) timeout(data []byte, name string) time.Duration {
	if t.o.Timeout > 0 {
		return t.o.Timeout
	}
	rate := thinBytes
	if strings.HasSuffix(name, ".wav") {
		rate = speechBytes
	}
	return leastTimeout + slowness*time.Duration(len(data)/rate)*time.Second
}

func (t *OpenAI) call(ctx context.Context, data []byte, name string) ([]model.Segment, *model.Error) {
	timeout := t.timeout(data, name)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	body, contentType := t.form(data, name)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.o.BaseURL+"/audio/transcriptions", bytes.NewReader(body))
	if err != nil {
		return nil, t.errorf(model.KindInvalid, 0, "%v", err)
	}
	req.Header.Set("Content-Type", contentType)
	if t.o.APIKey != "" {
		req.Header.Set("Authorization", "Bearer "+t.o.APIKey)
	}
	resp, err := t.o.Client.Do(req)
	if err != nil {
		return nil, t.transportError(ctx, err, timeout)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorReply))
		return nil, t.statusError(resp, text)
	}
	reply, err := io.ReadAll(io.LimitReader(resp.Body, maxReply+1))
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, t.transportError(ctx, err, timeout)
	case err != nil:
		return nil, t.errorf(model.KindTruncated, 0, "the answer broke off: %v", err)
	case len(reply) > maxReply:
		return nil, t.errorf(model.KindInvalid, 0, "the answer is longer than %d MB", maxReply>>20)
	}
	segments, err := parseReply(reply)
	if err != nil {
		return nil, t.errorf(model.KindInvalid, resp.StatusCode, "%v", err)
	}
	return segments, nil
}

func (t *OpenAI) transportError(ctx context.Context, err error, timeout time.Duration) *model.Error {
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return t.errorf(model.KindTimeout, 0, "no transcript within %s", timeout)
	case ctx.Err() != nil:
		return t.errorf(model.KindUnavailable, 0, "cancelled")
	case errors.Is(err, syscall.ECONNREFUSED):
		return t.errorf(model.KindUnavailable, 0, "nothing listens there; is the server running?")
	}
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner // the outer ones repeat the address
	}
	return t.errorf(model.KindUnavailable, 0, "no answer: %v", err)
}

func (t *OpenAI) statusError(resp *http.Response, body []byte) *model.Error {
	text := errorText(body)
	kind := model.KindInvalid
	switch s := resp.StatusCode; {
	case s == http.StatusUnauthorized || s == http.StatusForbidden:
		kind = model.KindAuth
		text += "; check the API key"
	case s == http.StatusNotFound:
		kind = model.KindNotFound
		text += "; is this the address of a server with /audio/transcriptions, and the model's name right?"
	case s == http.StatusRequestEntityTooLarge:
		kind = model.KindTooLarge
	case s == http.StatusTooManyRequests:
		kind = model.KindRateLimit
	case s == http.StatusRequestTimeout || s == http.StatusGatewayTimeout:
		kind = model.KindTimeout
	case s >= 500:
		kind = model.KindUnavailable
	}
	e := t.errorf(kind, resp.StatusCode, "HTTP %d: %s", resp.StatusCode, text)
	if seconds, err := strconv.ParseFloat(resp.Header.Get("Retry-After"), 64); err == nil && seconds >= 0 && seconds < 1e6 {
		e.RetryAfter = time.Duration(seconds * float64(time.Second))
	}
	return e
}

// errorText is what a server says went wrong, as one line.
func errorText(body []byte) string {
	var reply struct {
		Error  json.RawMessage `json:"error"`
		Detail json.RawMessage `json:"detail"`
	}
	text := string(body)
	if strings.HasPrefix(strings.TrimSpace(text), "<") {
		return "a web page"
	}
	if json.Unmarshal(body, &reply) == nil {
		for _, raw := range []json.RawMessage{reply.Error, reply.Detail} {
			var plain string
			var inner struct {
				Message string `json:"message"`
			}
			if json.Unmarshal(raw, &plain) == nil && plain != "" {
				text = plain
				break
			}
			if json.Unmarshal(raw, &inner) == nil && inner.Message != "" {
				text = inner.Message
				break
			}
		}
	}
	return oneLine(text)
}

func oneLine(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "\uFFFD")), " ")
	if r := []rune(s); len(r) > 300 {
		s = string(r[:300]) + "…"
	}
	return s
}

// Segments that Whisper itself would not believe: it hears no speech, and is
// unsure of the words. The limits are those of its own decoder.
const (
	noSpeech   = 0.6
	unsureWord = -1.0
)

// parseReply reads verbose_json, and json, which has no times.
func parseReply(body []byte) ([]model.Segment, error) {
	var reply struct {
		Text     *string `json:"text"`
		Segments []struct {
			Start    float64 `json:"start"`
			End      float64 `json:"end"`
			Text     string  `json:"text"`
			NoSpeech float64 `json:"no_speech_prob"`
			LogProb  float64 `json:"avg_logprob"`
		} `json:"segments"`
	}
	if err := json.Unmarshal(body, &reply); err != nil || reply.Text == nil && reply.Segments == nil {
		if s := errorText(body); s != "" && json.Valid(body) {
			return nil, fmt.Errorf("no transcript in the answer (%s)", s)
		}
		return nil, errors.New("the answer is not a transcript: is this the address of an OpenAI-compatible API?")
	}
	var out []model.Segment
	for _, s := range reply.Segments {
		if s.NoSpeech > noSpeech && s.LogProb < unsureWord {
			continue
		}
		out = append(out, model.Segment{From: seconds(s.Start), To: seconds(s.End), Text: s.Text})
	}
	if len(reply.Segments) == 0 && reply.Text != nil {
		out = []model.Segment{{Text: *reply.Text}}
	}
	return tidy(out), nil
}

// seconds is a stretch of time of any number.
func seconds(s float64) time.Duration {
	if !(s > 0) {
		return 0
	}
	return time.Duration(math.Min(s, 1e8) * float64(time.Second))
}

// tidy makes segments one line each, drops empty ones and what a model repeats
// over and over where it hears nothing, and puts their times in order.
func tidy(segments []model.Segment) []model.Segment {
	const most = 3
	out := segments[:0]
	same := 0
	for _, s := range segments {
		s.Text = strings.Join(strings.Fields(strings.ToValidUTF8(s.Text, "\uFFFD")), " ")
		if s.Text == "" {
			continue
		}
		if n := len(out); n > 0 {
			s.From = max(s.From, out[n-1].From)
			if out[n-1].Text != s.Text {
				same = 0
			} else if same++; same >= most {
				continue
			}
		}
		s.To = max(s.To, s.From)
		out = append(out, s)
	}
	return out
}
