// Package httprr records HTTP exchanges with real servers in files and replays
// them in tests, so that tests run without the servers and still see what the
// servers really say.
//
// A file holds exchanges in order; in replay each request must be the next one
// in the file, compared by method, path and body. Credentials are taken out
// before anything is written, and a test over the repository makes sure of it.
package httprr

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
)

var record = flag.String("httprecord", "", "record the exchanges of files that match this `regexp` anew")

// Magic is the first line of a recording.
const Magic = "httprr trace v1\n"

// Transport replays a recording, or makes one.
type Transport struct {
	file      string
	recording bool
	real      http.RoundTripper

	mu       sync.Mutex
	written  bytes.Buffer
	exchange []exchange // left to be replayed
}

type exchange struct{ request, response []byte }

// Open returns a transport for the recording in file. When -httprecord matches
// the file's name, exchanges go to the real server and are written when the test
// ends.
func Open(t testing.TB, file string, real http.RoundTripper) *Transport {
	t.Helper()
	rr := &Transport{file: file, real: real}
	if *record != "" {
		match, err := regexp.MatchString(*record, file)
		if err != nil {
			t.Fatalf("-httprecord: %v", err)
		}
		rr.recording = match
	}
	if rr.recording {
		rr.written.WriteString(Magic)
		t.Cleanup(func() {
			if err := os.WriteFile(file, rr.written.Bytes(), 0o644); err != nil {
				t.Errorf("write recording: %v", err)
			}
		})
		return rr
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; record it with -httprecord=%s", err, regexp.QuoteMeta(file))
	}
	if rr.exchange, err = parse(data); err != nil {
		t.Fatalf("recording %s: %v", file, err)
	}
	t.Cleanup(func() {
		if len(rr.exchange) > 0 && !t.Failed() {
			t.Errorf("recording %s: %d exchanges were not asked for", file, len(rr.exchange))
		}
	})
	return rr
}

// Recording reports whether exchanges go to the real server.
func (rr *Transport) Recording() bool { return rr.recording }

// RoundTrip implements http.RoundTripper.
func (rr *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	rr.mu.Lock()
	defer rr.mu.Unlock()
	request, err := encodeRequest(req)
	if err != nil {
		return nil, err
	}
	if rr.recording {
		return rr.recordOne(req, request)
	}
	if len(rr.exchange) == 0 {
		return nil, fmt.Errorf("recording %s: no exchange is left for %s %s", rr.file, req.Method, req.URL.Path)
	}
	next := rr.exchange[0]
	if !bytes.Equal(next.request, request) {
		return nil, fmt.Errorf("recording %s: request differs from the recorded one; record it anew if that is wanted\ngot:  %s\nwant: %s", rr.file, request, next.request)
	}
	rr.exchange = rr.exchange[1:]
	return http.ReadResponse(bufio.NewReader(bytes.NewReader(next.response)), req)
}

func (rr *Transport) recordOne(req *http.Request, request []byte) (*http.Response, error) {
	resp, err := rr.real.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		return nil, err
	}
	var response bytes.Buffer
	fmt.Fprintf(&response, "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", resp.Status, resp.Header.Get("Content-Type"), len(body))
	response.Write(body)
	fmt.Fprintf(&rr.written, "%d %d\n%s%s\n", len(request), response.Len(), request, response.Bytes())
	return http.ReadResponse(bufio.NewReader(bytes.NewReader(response.Bytes())), req)
}

// encodeRequest writes what identifies a request. Headers are left out, and
// credentials with them.
func encodeRequest(req *http.Request) ([]byte, error) {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
		req.Body = io.NopCloser(bytes.NewReader(body))
	}
	return append([]byte(req.Method+" "+req.URL.Path+"\n"), body...), nil
}

func parse(data []byte) ([]exchange, error) {
	text, ok := strings.CutPrefix(string(data), Magic)
	if !ok {
		return nil, errors.New("not a recording")
	}
	var all []exchange
	for text != "" {
		line, rest, ok := strings.Cut(text, "\n")
		var n, m int
		if _, err := fmt.Sscanf(line, "%d %d", &n, &m); err != nil || !ok || n < 0 || m < 0 || len(rest) < n+m+1 {
			return nil, fmt.Errorf("exchange %d is damaged", len(all)+1)
		}
		all = append(all, exchange{[]byte(rest[:n]), []byte(rest[n : n+m])})
		text = rest[n+m+1:]
	}
	return all, nil
}
