package api

import (
	"context"
	"net/http"
	"net/http/pprof"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/lore-kb/lore/ask"
)

// metrics are what /metrics tells. Label values come from fixed sets only: a
// client cannot make them many.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
	answers  *prometheus.CounterVec
	steps    *prometheus.HistogramVec
	removed  *prometheus.CounterVec
	degraded *prometheus.CounterVec
}

var latencyBuckets = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120}

func newMetrics(s *Server) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "lore_http_request_duration_seconds", Help: "Requests by route and status.", Buckets: latencyBuckets}, []string{"route", "status"}),
		answers:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "lore_answers_total", Help: "Answers by status."}, []string{"status"}),
		steps:    prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "lore_answer_step_duration_seconds", Help: "Steps of answers: retrieve, judge, generate and others.", Buckets: latencyBuckets}, []string{"step"}),
		removed:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "lore_statements_removed_total", Help: "Statements that did not stand the check, by reason."}, []string{"reason"}),
		degraded: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "lore_degraded_total", Help: "Answers that a leg of the search was missing from."}, []string{"leg"}),
	}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.requests, m.answers, m.steps, m.removed, m.degraded, &sizes{server: s})
	return m
}

func (m *metrics) served(route string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Observe(took.Seconds())
}

// answered counts an answer.
func (s *Server) answered(ctx context.Context, a *ask.Answer) {
	if a == nil {
		return
	}
	spanOf(ctx).steps(a.Timings, "status", string(a.Status), "model", a.Model)
	m := s.metrics
	m.answers.WithLabelValues(string(a.Status)).Inc()
	s.recent.answered(a.Status)
	s.keepUnanswered(ctx, a)
	for step, took := range a.Timings {
		m.steps.WithLabelValues(step).Observe(took.Seconds())
	}
	for _, r := range a.Removed {
		m.removed.WithLabelValues(string(r.Reason)).Inc()
	}
	for _, d := range a.Degraded {
		m.degraded.WithLabelValues(string(d.Leg)).Inc()
	}
}

// routeOf names a request for metrics: its pattern, which is one of few.
func routeOf(r *http.Request, status int) string {
	switch {
	case r.Pattern != "" && r.Pattern != "/":
		return r.Pattern
	case status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusMisdirectedRequest || status == http.StatusServiceUnavailable:
		return "refused"
	}
	return "other"
}

// sizes collects the sizes of stores and queues when they are asked for.
type sizes struct{ server *Server }

var (
	documentsDesc = prometheus.NewDesc("lore_documents", "Documents by collection.", []string{"collection"}, nil)
	failedDesc    = prometheus.NewDesc("lore_documents_failed", "Documents that could not be read.", []string{"collection"}, nil)
	chunksDesc    = prometheus.NewDesc("lore_chunks", "Chunks by collection.", []string{"collection"}, nil)
	embeddedDesc  = prometheus.NewDesc("lore_chunks_embedded", "Chunks that have a vector.", []string{"collection"}, nil)
	bytesDesc     = prometheus.NewDesc("lore_text_bytes", "Stored text.", []string{"collection"}, nil)
	diskDesc      = prometheus.NewDesc("lore_disk_bytes", "Files of the store; 0 when not known.", []string{"collection"}, nil)
	busyDesc      = prometheus.NewDesc("lore_requests_running", "Requests that count against the limit.", nil, nil)
	streamsDesc   = prometheus.NewDesc("lore_streams_open", "Streams of events that are open.", nil, nil)
	jobsDesc      = prometheus.NewDesc("lore_jobs", "Jobs that are remembered, by state.", []string{"state"}, nil)
)

// Describe implements prometheus.Collector.
func (*sizes) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{documentsDesc, failedDesc, chunksDesc, embeddedDesc, bytesDesc, diskDesc, busyDesc, streamsDesc, jobsDesc} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *sizes) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	s := c.server
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	gauge(busyDesc, float64(len(s.slots)))
	gauge(streamsDesc, float64(len(s.streams)))
	states := map[string]int{jobQueued: 0, jobRunning: 0, jobDone: 0, jobFailed: 0, jobCancelled: 0}
	for _, j := range s.jobs.list(everything) {
		states[j.State]++
	}
	for state, n := range states {
		gauge(jobsDesc, float64(n), state)
	}
	names, err := s.names(ctx)
	if err != nil {
		return
	}
	for _, name := range names {
		collection, err := s.opened(ctx, name)
		if err != nil {
			continue
		}
		stats, err := collection.Store.Stats(ctx)
		if err != nil {
			continue
		}
		gauge(documentsDesc, float64(stats.Documents), name)
		gauge(failedDesc, float64(stats.Failed), name)
		gauge(chunksDesc, float64(stats.Points), name)
		gauge(embeddedDesc, float64(stats.Embedded), name)
		gauge(bytesDesc, float64(stats.Bytes), name)
		gauge(diskDesc, float64(stats.DiskBytes), name)
	}
}

// metricRoutes serve metrics and profiles, to admins alone: wants says so.
func (s *Server) metricRoutes(mux *router) {
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{DisableCompression: true}))
	mux.HandleFunc("GET /debug/pprof/", func(w http.ResponseWriter, r *http.Request) {
		switch name := strings.TrimPrefix(r.URL.Path, "/debug/pprof/"); name {
		case "profile":
			pprof.Profile(w, r)
		case "trace":
			pprof.Trace(w, r)
		case "symbol":
			pprof.Symbol(w, r)
		case "cmdline":
			http.NotFound(w, r) // may hold secrets
		default:
			pprof.Index(w, r)
		}
	})
}
