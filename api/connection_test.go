package api_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
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
