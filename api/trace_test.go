package api_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/lore-kb/lore/api"
)

// collector keeps the spans that it is sent.
type collector struct {
	*httptest.Server
	mu    sync.Mutex
	texts []string
	spans []sentSpan
	auth  string
}

type sentSpan struct {
	TraceID, SpanID, ParentSpanID, Name string
	Kind                                int
	Start                               string `json:"startTimeUnixNano"`
	End                                 string `json:"endTimeUnixNano"`
	Attributes                          []struct {
		Key   string
		Value map[string]string
	}
}

func newCollector(t *testing.T) *collector {
	c := &collector{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var sent struct {
			ResourceSpans []struct {
				ScopeSpans []struct{ Spans []sentSpan }
			}
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if err := json.Unmarshal(body, &sent); err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %v", r.URL.Path, err)
			return
		}
		c.auth = r.Header.Get("Authorization")
		c.texts = append(c.texts, string(body))
		for _, resource := range sent.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				c.spans = append(c.spans, scope.Spans...)
			}
		}
	}))
	t.Cleanup(c.Server.Close)
	return c
}

// traced serves the handbook with these variables, sends a question, and returns
// when all spans are sent.
func traced(t *testing.T, c *collector, parent string, variables map[string]string) {
	t.Helper()
	variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = c.URL
	tracer, err := api.NewTracer(func(name string) string { return variables[name] }, "test", nil)
	if err != nil {
		t.Fatal(err)
	}
	o := options(handbook(t), nil)
	o.Tracer, o.Token = tracer, "correct horse"
	server := serve(t, o)
	if status, text, _ := request(t, "POST", server.URL+"/v1/ask", `{"question":"Is business class paid for?"}`, "Traceparent", parent, "Authorization", "Bearer correct horse"); status != 200 {
		t.Fatal(text)
	}
	server.Close()
	if err := tracer.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestTrace(t *testing.T) {
	const trace, caller = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	c := newCollector(t)
	traced(t, c, "00-"+trace+"-"+caller+"-01", map[string]string{"OTEL_SERVICE_NAME": "team docs", "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Basic%20abc"})
	names := map[string]sentSpan{}
	for _, s := range c.spans {
		names[s.Name] = s
		if s.TraceID != trace || len(s.Start) != 19 || s.Start > s.End {
			t.Errorf("span %+v", s)
		}
	}
	root := names["POST /v1/ask"]
	if root.ParentSpanID != caller || root.Kind != 2 || names["retrieve"].ParentSpanID != root.SpanID || names["judge"].Name == "" {
		t.Errorf("spans %+v", c.spans)
	}
	all := strings.Join(c.texts, "")
	if !strings.Contains(all, `"team docs"`) || c.auth != "Basic abc" || !strings.Contains(all, `"lore.status"`) {
		t.Errorf("%s %s", c.auth, all)
	}
	for _, secret := range []string{"correct horse", "business class"} {
		if strings.Contains(all, secret) {
			t.Errorf("a span holds %q", secret)
		}
	}
}

func TestTraceSampling(t *testing.T) {
	for _, test := range []struct {
		name, parent string
		variables    map[string]string
		want         bool
	}{
		{"not sampled by the caller", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", map[string]string{}, false},
		{"switched off", "", map[string]string{"OTEL_TRACES_SAMPLER": "always_off"}, false},
		{"a caller goes before", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", map[string]string{"OTEL_TRACES_SAMPLER": "parentbased_always_off"}, true},
		{"nobody goes before", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", map[string]string{"OTEL_TRACES_SAMPLER": "always_on"}, true},
		{"a broken header", "00-zz-yy-01", map[string]string{"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "1"}, true},
		{"no share", "", map[string]string{"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0"}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newCollector(t)
			traced(t, c, test.parent, test.variables)
			if got := len(c.spans) > 0; got != test.want {
				t.Errorf("%d spans", len(c.spans))
			}
		})
	}
	for _, bad := range []map[string]string{
		{"OTEL_EXPORTER_OTLP_ENDPOINT": "collector"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_SAMPLER": "sometimes"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_EXPORTER": "zipkin"},
	} {
		if tracer, err := api.NewTracer(func(name string) string { return bad[name] }, "", nil); err == nil {
			tracer.Close()
			t.Errorf("%v is taken", bad)
		}
	}
	for _, off := range []map[string]string{{}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": "true"}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_EXPORTER": "none"}} {
		if tracer, err := api.NewTracer(func(name string) string { return off[name] }, "", nil); tracer != nil || err != nil {
			t.Errorf("%v: %v", off, err)
		}
	}
}
