package api

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Tracer sends a span for every request, with one for each step of an answer, to
// an OpenTelemetry collector: OTLP over HTTP in its JSON form, which collectors
// take at the same address as the other. Spans wait in memory, are sent in
// batches, and are dropped when the collector is slower than they come. A nil
// Tracer does nothing. It is safe for concurrent use.
type Tracer struct {
	url      string
	headers  map[string]string
	resource []otlpAttribute
	ratio    float64
	parent   bool // what the caller decided goes before the ratio
	client   *http.Client
	log      *slog.Logger

	spans   chan *span
	dropped atomic.Int64
	stop    chan struct{}
	sender  sync.WaitGroup
}

// Limits of tracing.
const (
	spansWaiting = 2048
	spansBatch   = 256
	spansEvery   = 2 * time.Second
)

// NewTracer returns what the standard variables of OpenTelemetry ask for; nil
// when they name no collector, or switch tracing off. getenv is os.Getenv in
// programs. Read are OTEL_EXPORTER_OTLP_[TRACES_]ENDPOINT, _HEADERS, _TIMEOUT and
// _PROTOCOL, OTEL_TRACES_EXPORTER, OTEL_TRACES_SAMPLER[_ARG], OTEL_SERVICE_NAME,
// OTEL_RESOURCE_ATTRIBUTES and OTEL_SDK_DISABLED. Close must be called.
func NewTracer(getenv func(string) string, version string, log *slog.Logger) (*Tracer, error) {
	if getenv == nil {
		getenv = os.Getenv
	}
	either := func(name string) string {
		return cmp.Or(getenv("OTEL_EXPORTER_OTLP_TRACES_"+name), getenv("OTEL_EXPORTER_OTLP_"+name))
	}
	endpoint := getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
	if base := getenv("OTEL_EXPORTER_OTLP_ENDPOINT"); endpoint == "" && base != "" {
		endpoint = strings.TrimRight(base, "/") + "/v1/traces"
	}
	exporter := getenv("OTEL_TRACES_EXPORTER")
	switch {
	case strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true"), endpoint == "", exporter == "none":
		return nil, nil
	case exporter != "" && exporter != "otlp":
		return nil, fmt.Errorf("OTEL_TRACES_EXPORTER=%s: only otlp and none are known", exporter)
	}
	if protocol := either("PROTOCOL"); protocol == "grpc" {
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL=grpc is not spoken; use http/json, with the collector's HTTP port (4318 by default)")
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_ENDPOINT: not an address such as http://127.0.0.1:4318")
	}
	t := &Tracer{url: endpoint, headers: map[string]string{}, ratio: 1, parent: true, log: log, spans: make(chan *span, spansWaiting), stop: make(chan struct{})}
	timeout := 10 * time.Second
	if ms, err := strconv.Atoi(either("TIMEOUT")); err == nil && ms > 0 {
		timeout = time.Duration(ms) * time.Millisecond
	}
	t.client = &http.Client{Timeout: timeout}
	for name, value := range pairs(either("HEADERS")) {
		t.headers[name] = value
	}
	if err := t.sampler(getenv("OTEL_TRACES_SAMPLER"), getenv("OTEL_TRACES_SAMPLER_ARG")); err != nil {
		return nil, err
	}
	about := pairs(getenv("OTEL_RESOURCE_ATTRIBUTES"))
	about["service.name"] = cmp.Or(getenv("OTEL_SERVICE_NAME"), about["service.name"], "lore")
	about["service.version"] = version
	for _, name := range slices.Sorted(maps.Keys(about)) {
		t.resource = append(t.resource, textAttribute(name, about[name]))
	}
	if t.log == nil {
		t.log = slog.New(slog.DiscardHandler)
	}
	t.sender.Go(t.send)
	return t, nil
}

func (t *Tracer) sampler(name, argument string) error {
	parent, kind := strings.CutPrefix(name, "parentbased_")
	if name != "" {
		t.parent = kind
		name = parent
	}
	switch name {
	case "", "always_on":
	case "always_off":
		t.ratio = 0
	case "traceidratio":
		ratio, err := strconv.ParseFloat(cmp.Or(argument, "1"), 64)
		if err != nil || !(ratio >= 0 && ratio <= 1) {
			return fmt.Errorf("OTEL_TRACES_SAMPLER_ARG=%s: not a share from 0 to 1", argument)
		}
		t.ratio = ratio
	default:
		return fmt.Errorf("OTEL_TRACES_SAMPLER=%s is not known; use always_on, always_off, traceidratio, or one of them with parentbased_ before", name)
	}
	return nil
}

// pairs reads name=value,name=value with percent signs resolved.
func pairs(text string) map[string]string {
	out := map[string]string{}
	for part := range strings.SplitSeq(text, ",") {
		name, value, ok := strings.Cut(part, "=")
		if name = strings.TrimSpace(name); !ok || name == "" {
			continue
		}
		value = strings.TrimSpace(value)
		if plain, err := url.PathUnescape(value); err == nil {
			value = plain
		}
		out[name] = value
	}
	return out
}

// Close sends what waits, and ends the tracer.
func (t *Tracer) Close() error {
	if t == nil {
		return nil
	}
	close(t.stop)
	t.sender.Wait()
	return nil
}

// span is one piece of work. A nil span does nothing.
type span struct {
	tracer     *Tracer
	traceID    [16]byte
	id, parent [8]byte
	name       string
	kind       int
	begin, fin time.Time
	about      []otlpAttribute
	failed     bool
}

func spanOf(ctx context.Context) *span {
	s, _ := ctx.Value(spanKey).(*span)
	return s
}

// Kinds of spans, as OTLP numbers them.
const (
	spanInternal = 1
	spanServer   = 2
)

// request begins the span of a request, under that of its caller where there is
// one; nil when it is not to be traced.
func (t *Tracer) request(r *http.Request) *span {
	if t == nil {
		return nil
	}
	s := &span{tracer: t, kind: spanServer, begin: time.Now()}
	known, sampled := s.adopt(r.Header.Get("Traceparent"))
	if !known {
		_, _ = rand.Read(s.traceID[:])
	}
	_, _ = rand.Read(s.id[:])
	if known && t.parent {
		if !sampled {
			return nil
		}
	} else if float64(binary.BigEndian.Uint64(s.traceID[8:])>>1) >= t.ratio*math.MaxInt64 {
		return nil
	}
	return s
}

// adopt reads a traceparent header of version 00 or later.
func (s *span) adopt(header string) (known, sampled bool) {
	parts := strings.Split(header, "-")
	if len(parts) < 4 || len(parts[0]) != 2 || parts[0] == "ff" || len(parts[1]) != 32 || len(parts[2]) != 16 || len(parts[3]) != 2 {
		return false, false
	}
	var trace [16]byte
	var parent [8]byte
	var flags [1]byte
	for i, into := range [][]byte{trace[:], parent[:], flags[:]} {
		if _, err := hex.Decode(into, []byte(parts[i+1])); err != nil {
			return false, false
		}
	}
	if trace == [16]byte{} || parent == [8]byte{} {
		return false, false
	}
	s.traceID, s.parent = trace, parent
	return true, flags[0]&1 == 1
}

// trace is the ID of the trace, "" for a nil span.
func (s *span) trace() string {
	if s == nil {
		return ""
	}
	return hex.EncodeToString(s.traceID[:])
}

// end ends the span of a request. Neither bodies nor queries are part of it.
func (s *span) end(r *http.Request, route string, status int, id, token string, from sender) {
	if s == nil {
		return
	}
	s.name, s.fin, s.failed = route, time.Now(), status >= 500
	s.about = append(s.about, textAttribute("http.request.method", r.Method), textAttribute("url.path", r.URL.Path), textAttribute("url.scheme", from.scheme),
		textAttribute("http.route", route), numberAttribute("http.response.status_code", int64(status)), textAttribute("client.address", from.address),
		textAttribute("lore.request", id))
	if token != "" {
		s.about = append(s.about, textAttribute("lore.token", token))
	}
	s.queue()
}

// steps adds a span for each step of an answer, in the order in which they run,
// and what there is to say of the whole: names and values in turn.
func (s *span) steps(timings map[string]time.Duration, about ...string) {
	if s == nil {
		return
	}
	for i := 0; i+1 < len(about); i += 2 {
		s.about = append(s.about, textAttribute("lore."+about[i], about[i+1]))
	}
	order := []string{"rewrite", "retrieve", "judge", "model", "verify"}
	for _, name := range slices.Sorted(maps.Keys(timings)) {
		if !slices.Contains(order, name) && name != "total" {
			order = append(order, name)
		}
	}
	at := time.Now().Add(-timings["total"])
	for _, name := range order {
		took, ok := timings[name]
		if !ok {
			continue
		}
		step := &span{tracer: s.tracer, traceID: s.traceID, parent: s.id, name: name, kind: spanInternal, begin: at, fin: at.Add(took)}
		_, _ = rand.Read(step.id[:])
		step.queue()
		at = step.fin
	}
}

func (s *span) queue() {
	select {
	case s.tracer.spans <- s:
	default:
		s.tracer.dropped.Add(1)
	}
}

// send sends what was queued, until stop.
func (t *Tracer) send() {
	tick := time.NewTicker(spansEvery)
	defer tick.Stop()
	var batch []*span
	flush := func() {
		if len(batch) > 0 {
			t.post(batch)
			batch = nil
		}
		if n := t.dropped.Swap(0); n > 0 {
			t.log.Warn("spans dropped", "spans", n)
		}
	}
	for {
		select {
		case s := <-t.spans:
			if batch = append(batch, s); len(batch) == spansBatch {
				flush()
			}
		case <-tick.C:
			flush()
		case <-t.stop:
			for {
				select {
				case s := <-t.spans:
					batch = append(batch, s)
					continue
				default:
				}
				break
			}
			flush()
			return
		}
	}
}

func (t *Tracer) post(batch []*span) {
	spans := make([]otlpSpan, len(batch))
	for i, s := range batch {
		spans[i] = s.otlp()
	}
	body, err := json.Marshal(otlpRequest{[]otlpResource{{
		Resource: otlpAbout{t.resource}, Scopes: []otlpScope{{Scope: map[string]string{"name": "github.com/lore-kb/lore/api"}, Spans: spans}},
	}}})
	if err != nil {
		t.log.Warn("spans not sent", "error", err)
		return
	}
	request, err := http.NewRequest(http.MethodPost, t.url, bytes.NewReader(body))
	if err != nil {
		t.log.Warn("spans not sent", "error", err)
		return
	}
	request.Header.Set("Content-Type", "application/json")
	for name, value := range t.headers {
		request.Header.Set(name, value)
	}
	response, err := t.client.Do(request)
	if err != nil {
		t.log.Warn("spans not sent", "spans", len(batch), "error", unaddressed(err))
		return
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10))
	response.Body.Close()
	if response.StatusCode >= 300 {
		t.log.Warn("spans not taken", "spans", len(batch), "status", response.StatusCode)
	}
}

// unaddressed is the cause of an error of a request, without the address, which
// may hold a secret.
func unaddressed(err error) error {
	if failure, ok := err.(*url.Error); ok {
		return failure.Err
	}
	return err
}

func (s *span) otlp() otlpSpan {
	out := otlpSpan{
		TraceID: hex.EncodeToString(s.traceID[:]), SpanID: hex.EncodeToString(s.id[:]), Name: s.name, Kind: s.kind,
		Start: strconv.FormatInt(s.begin.UnixNano(), 10), End: strconv.FormatInt(s.fin.UnixNano(), 10), Attributes: s.about,
	}
	if s.parent != [8]byte{} {
		out.Parent = hex.EncodeToString(s.parent[:])
	}
	if s.failed {
		out.Status = map[string]int{"code": 2}
	}
	return out
}

// The JSON form of OTLP: numbers of 64 bits are texts, identifiers hexadecimal.
type otlpRequest struct {
	Resources []otlpResource `json:"resourceSpans"`
}

type otlpResource struct {
	Resource otlpAbout   `json:"resource"`
	Scopes   []otlpScope `json:"scopeSpans"`
}

type otlpAbout struct {
	Attributes []otlpAttribute `json:"attributes"`
}

type otlpScope struct {
	Scope map[string]string `json:"scope"`
	Spans []otlpSpan        `json:"spans"`
}

type otlpSpan struct {
	TraceID    string          `json:"traceId"`
	SpanID     string          `json:"spanId"`
	Parent     string          `json:"parentSpanId,omitempty"`
	Name       string          `json:"name"`
	Kind       int             `json:"kind"`
	Start      string          `json:"startTimeUnixNano"`
	End        string          `json:"endTimeUnixNano"`
	Attributes []otlpAttribute `json:"attributes,omitempty"`
	Status     map[string]int  `json:"status,omitempty"`
}

type otlpAttribute struct {
	Key   string            `json:"key"`
	Value map[string]string `json:"value"`
}

func textAttribute(key, value string) otlpAttribute {
	return otlpAttribute{key, map[string]string{"stringValue": value}}
}

func numberAttribute(key string, value int64) otlpAttribute {
	return otlpAttribute{key, map[string]string{"intValue": strconv.FormatInt(value, 10)}}
}
