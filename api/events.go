package api

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// eventPulse is how often an open stream says that it is alive.
const eventPulse = 15 * time.Second

// eventTimeout bounds the writing of one event: who does not read is let go.
const eventTimeout = 30 * time.Second

// eventStream writes server-sent events, each at once. Between them it sends
// comments, so that neither side takes the other for gone. It is safe for
// concurrent use; close must be called.
type eventStream struct {
	w       http.ResponseWriter
	control *http.ResponseController

	mu    sync.Mutex
	begun bool
	stop  chan struct{}
	pulse sync.WaitGroup
}

func newEventStream(w http.ResponseWriter) *eventStream {
	return &eventStream{w: w, control: http.NewResponseController(w), stop: make(chan struct{})}
}

// eventsOf returns the stream of a huma response.
func eventsOf(h huma.Context) *eventStream {
	w, ok := h.BodyWriter().(http.ResponseWriter)
	if !ok {
		w = bodyOnly{h}
	}
	return newEventStream(w)
}

// bodyOnly is a response of which huma shows the body alone.
type bodyOnly struct{ h huma.Context }

func (b bodyOnly) Header() http.Header         { return http.Header{} }
func (b bodyOnly) WriteHeader(status int)      { b.h.SetStatus(status) }
func (b bodyOnly) Write(p []byte) (int, error) { return b.h.BodyWriter().Write(p) }

// begin writes the header; after it an error can only be an event.
func (s *eventStream) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.begun {
		return
	}
	s.begun = true
	h := s.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Accel-Buffering", "no")
	s.pulse.Go(func() {
		tick := time.NewTicker(eventPulse)
		defer tick.Stop()
		for {
			select {
			case <-s.stop:
				return
			case <-tick.C:
				s.mu.Lock()
				_ = s.write(":\n\n")
				s.mu.Unlock()
			}
		}
	})
}

// started reports whether the header is written.
func (s *eventStream) started() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.begun
}

// send writes an event; one without a name has data alone. A nil pointer is not
// written.
func (s *eventStream) send(event string, data any) error {
	if v := reflect.ValueOf(data); v.Kind() == reflect.Pointer && v.IsNil() {
		return nil
	}
	encoded, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("send %s: %w", event, err)
	}
	s.begin()
	s.mu.Lock()
	defer s.mu.Unlock()
	text := "data: " + string(encoded) + "\n\n"
	if event != "" {
		text = "event: " + event + "\n" + text
	}
	if err := s.write(text); err != nil {
		return fmt.Errorf("send %s: %w", event, err)
	}
	return nil
}

// text writes text as it is.
func (s *eventStream) text(text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.write(text)
}

// write writes text through; the caller holds mu.
func (s *eventStream) write(text string) error {
	_ = s.control.SetWriteDeadline(time.Now().Add(eventTimeout))
	if _, err := io.WriteString(s.w, text); err != nil {
		return err
	}
	return s.control.Flush()
}

// close ends the pulse.
func (s *eventStream) close() {
	close(s.stop)
	s.pulse.Wait()
}
