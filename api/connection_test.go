package api_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lore-kb/lore/api"
)

func raw(t *testing.T, address, text string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(address, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	return conn
}

// TestSmuggling sends requests that two servers may read differently: none is
// answered twice, and none breaks the server.
func TestSmuggling(t *testing.T) {
	server := serve(t, options(handbook(t), nil))
	for _, text := range smuggled {
		conn := raw(t, server.URL, text)
		_ = conn.(*net.TCPConn).CloseWrite()
		answers, _ := io.ReadAll(conn)
		if n := bytes.Count(answers, []byte("HTTP/1.1 ")); n != 1 || bytes.Contains(answers, []byte("HTTP/1.1 500")) {
			t.Errorf("%q: %d answers: %.300q", text, n, answers)
		}
	}
}

// TestHalfSentBodies holds many requests half sent: they take no place.
func TestHalfSentBodies(t *testing.T) {
	o := options(handbook(t), nil)
	o.MaxConcurrent = 2
	server := serve(t, o)
	for range 20 {
		raw(t, server.URL, "POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
	}
	if status, text, _ := request(t, "POST", server.URL+"/v1/search", `{"query":"leave"}`); status != 200 {
		t.Errorf("%d %s", status, text)
	}
}

// TestLargeHeadersAndBodies are refused as what they are.
func TestLargeHeadersAndBodies(t *testing.T) {
	o := options(t.TempDir(), nil)
	s, err := api.New(o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(t.Context(), listener)
	address := "http://" + listener.Addr().String()
	conn := raw(t, address, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Big: "+strings.Repeat("a", 40<<10)+"\r\n\r\n")
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("headers: %v %+v", err, answer)
	}
	if status, text, _ := request(t, "POST", address+"/v1/search", `{"query":"`+strings.Repeat("a", 2<<20)+`"}`); status != 413 || !strings.Contains(text, "too_large") {
		t.Errorf("body: %d %s", status, text)
	}
}

// timed is a connection that remembers the deadline of its reads.
type timed struct {
	net.Conn
	mu sync.Mutex
	at time.Time
}

func (c *timed) SetReadDeadline(at time.Time) error {
	c.mu.Lock()
	c.at = at
	c.mu.Unlock()
	return c.Conn.SetReadDeadline(at)
}

func (c *timed) deadline() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// oneConn is a listener that hands on its connections.
type oneConn struct {
	net.Listener
	last chan *timed
}

func (l oneConn) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &timed{Conn: conn}
	l.last <- c
	return c, nil
}

// TestLongAnswersAreNotCutOff looks at the connection while an answer is made:
// a deadline for reading would end the request when it passes.
func TestLongAnswersAreNotCutOff(t *testing.T) {
	for _, path := range []string{"/v1/ask", "/v1/chat/completions", "/v1/responses"} {
		b := blocked{make(chan struct{}, 1), make(chan struct{})}
		s, err := api.New(api.Options{Open: func(context.Context, string) (*api.Collection, error) {
			return &api.Collection{Store: empty{}, Assistant: b}, nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listener := oneConn{tcp, make(chan *timed, 1)}
		ctx, stop := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() { served <- s.Serve(ctx, listener) }()
		body := `{"question":"long?","input":"long?","messages":[{"role":"user","content":"long?"}]}`
		if path == "/v1/ask" {
			body = `{"question":"long?"}`
		}
		done := make(chan string, 1)
		go func() {
			resp, err := http.Post("http://"+tcp.Addr().String()+path, "application/json", strings.NewReader(body))
			if err != nil {
				done <- err.Error()
				return
			}
			text, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			done <- string(text)
		}()
		conn := <-listener.last
		<-b.begun
		if at := conn.deadline(); !at.IsZero() {
			t.Errorf("%s: the answer must be there by %v", path, at)
		}
		close(b.release)
		if text := <-done; !strings.Contains(text, "done") {
			t.Errorf("%s: %s", path, text)
		}
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
		s.Close()
	}
}
