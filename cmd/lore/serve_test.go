package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// screen is what a run writes, with a call for every write.
type screen struct {
	mu      sync.Mutex
	text    bytes.Buffer
	written func(text string)
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	s.text.Write(p)
	text := s.text.String()
	s.mu.Unlock()
	if s.written != nil {
		s.written(text)
	}
	return len(p), nil
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// isolate gives a test a data folder and settings of its own.
func isolate(t *testing.T) {
	t.Helper()
	t.Setenv("LORE_DATA", filepath.Join(t.TempDir(), "data"))
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("LORE_EMBEDDER", "none")
	for _, name := range []string{"LORE_STORE", "LORE_MODEL", "LORE_TOKEN", "LORE_COLLECTION", "LORE_CONFIG"} {
		t.Setenv(name, "")
	}
}

func TestServe(t *testing.T) {
	isolate(t)
	var out, errs screen
	if code := run(t.Context(), []string{"index", "../../examples/handbook"}, nil, &out, &errs); code != exitOK {
		t.Fatalf("index: exit %d: %s", code, errs.String())
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	address := make(chan string, 1)
	at := regexp.MustCompile(`lore is at (http://\S+)`)
	serving := &screen{}
	serving.written = func(text string) {
		if found := at.FindStringSubmatch(text); found != nil {
			select {
			case address <- found[1]:
			default:
			}
		}
	}
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, []string{"serve", "--addr", "127.0.0.1:0"}, nil, io.Discard, serving) }()
	var url string
	select {
	case url = <-address:
	case code := <-ended:
		t.Fatalf("serve: exit %d: %s", code, serving)
	}
	resp, err := http.Post(url+"/v1/ask", "application/json", strings.NewReader(`{"question":"Is business class paid for?"}`))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK || !strings.Contains(string(body), "Business class is not paid for") {
		t.Errorf("ask: %d %s", resp.StatusCode, body)
	}
	var ready screen
	if code := run(t.Context(), []string{"status", "--server", url}, nil, &ready, io.Discard); code != exitOK || ready.String() != "ready\n" {
		t.Errorf("status of the server: exit %d, %q", code, ready.String())
	}
	var taken screen
	if code := run(t.Context(), []string{"serve", "--addr", strings.TrimPrefix(url, "http://")}, nil, io.Discard, &taken); code != exitFailure || !strings.Contains(taken.String(), "in use") {
		t.Errorf("second server: exit %d, %q", code, taken.String())
	}
	stop()
	if code := <-ended; code != exitOK {
		t.Errorf("serve ended with %d: %s", code, serving)
	}
}

func TestInterruptedIndex(t *testing.T) {
	isolate(t)
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	var out, errs screen
	if code := run(ctx, []string{"index", "../../examples/handbook"}, nil, &out, &errs); code != exitInterrupted {
		t.Errorf("exit %d: %s", code, errs.String())
	}
	out2, errs2 := &screen{}, &screen{}
	if code := run(t.Context(), []string{"index", "../../examples/handbook"}, nil, out2, errs2); code != exitOK || !strings.Contains(out2.String(), "20 new") {
		t.Errorf("the run after: exit %d: %s%s", code, out2, errs2)
	}
}

func TestWatchEnds(t *testing.T) {
	isolate(t)
	ctx, stop := context.WithCancel(t.Context())
	errs := &screen{written: func(text string) {
		if strings.Contains(text, "watching") {
			stop()
		}
	}}
	var out screen
	code := run(ctx, []string{"index", "--watch", "../../examples/handbook"}, nil, &out, errs)
	if !strings.Contains(out.String(), "20 new") || (code != exitOK && code != exitInterrupted) {
		t.Errorf("exit %d: %s%s", code, out.String(), errs.String())
	}
}

func TestProgressLine(t *testing.T) {
	if got := clip("第三十二条", 5); got != "第三" {
		t.Errorf("clip cut to %q", got)
	}
	if got := wrap("one two three four", 9, 2); strings.Join(got, "|") != "one two|three …" {
		t.Errorf("wrap: %q", got)
	}
}
