package api_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// These tests drive the program itself, hard and for long. They run where
// LORE_SOAK names them (streams, overload, attack, mixed; all), on the index in
// LORE_SOAK_DATA or else the example handbook, and print what they measured.
// LORE_SOAK_BIN is a built program; LORE_SOAK_MINUTES is how long mixed runs, 30
// by default.

func soaks(t *testing.T, name string) {
	t.Helper()
	wanted := strings.Split(os.Getenv("LORE_SOAK"), ",")
	if !slices.Contains(wanted, name) && !slices.Contains(wanted, "all") {
		t.Skip("set LORE_SOAK=" + name + " to run it")
	}
}

// process is the program as it serves.
type process struct {
	url string
	pid int
}

// start runs the program with more arguments and variables.
func start(t *testing.T, arguments []string, variables ...string) *process {
	t.Helper()
	program := os.Getenv("LORE_SOAK_BIN")
	if program == "" {
		program = filepath.Join(t.TempDir(), "lore")
		if out, err := exec.Command("go", "build", "-o", program, "../cmd/lore").CombinedOutput(); err != nil {
			t.Fatalf("build: %v\n%s", err, out)
		}
	}
	data := os.Getenv("LORE_SOAK_DATA")
	environment := append(os.Environ(), variables...)
	if data == "" {
		data = t.TempDir()
		index := exec.Command(program, "index", "--data", data, "../examples/handbook")
		index.Env = environment
		if out, err := index.CombinedOutput(); err != nil {
			t.Fatalf("index: %v\n%s", err, out)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, append([]string{"serve", "--addr", "127.0.0.1:0", "--data", data}, arguments...)...)
	cmd.Env = environment
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	errs, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	address := make(chan string, 1)
	var read sync.WaitGroup
	read.Go(func() {
		lines := bufio.NewScanner(errs)
		for lines.Scan() {
			if at, ok := strings.CutPrefix(lines.Text(), "lore is at "); ok {
				address <- at
			}
		}
		close(address)
	})
	t.Cleanup(func() {
		stop()
		read.Wait()
		if err := cmd.Wait(); err != nil && !strings.Contains(err.Error(), "interrupt") {
			t.Log("serve:", err)
		}
	})
	at, ok := <-address
	if !ok {
		t.Fatal("the server did not start")
	}
	return &process{at, cmd.Process.Pid}
}

// memory returns what /proc says of the process's memory, in MB.
func (p *process) memory(field string) float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	if err != nil {
		return 0
	}
	found := regexp.MustCompile(field + `:\s+(\d+) kB`).FindSubmatch(status)
	if found == nil {
		return 0
	}
	kb, _ := strconv.ParseFloat(string(found[1]), 64)
	return kb / 1024
}

// metric returns one number of /metrics.
func (p *process) metric(client *http.Client, name string) float64 {
	resp, err := client.Get(p.url + "/metrics")
	if err != nil {
		return -1
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	found := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindSubmatch(text)
	if found == nil {
		return -1
	}
	value, _ := strconv.ParseFloat(string(found[1]), 64)
	return value
}

func clientOf(connections int) *http.Client {
	return &http.Client{Timeout: 2 * time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections, DisableCompression: true}}
}

var soakWords = strings.Fields("leave travel expenses gateway certificate onboarding backup class hotel meal laptop password error code renewal week manager customer firmware sensor release incident review policy budget hours approval office train")

func soakQuery() string {
	return soakWords[rand.IntN(len(soakWords))] + " " + soakWords[rand.IntN(len(soakWords))] + " " + soakWords[rand.IntN(len(soakWords))]
}

func post(client *http.Client, address, body string) (status int, retry string, took time.Duration) {
	began := time.Now()
	resp, err := client.Post(address, "application/json", strings.NewReader(body))
	if err != nil {
		return 0, "", time.Since(began)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return resp.StatusCode, resp.Header.Get("Retry-After"), time.Since(began)
}

func search(client *http.Client, at string) (int, string, time.Duration) {
	return post(client, at+"/v1/search", `{"query":"`+soakQuery()+`"}`)
}

func quantile(took []time.Duration, q float64) time.Duration {
	if len(took) == 0 {
		return 0
	}
	took = slices.Sorted(slices.Values(took))
	return took[min(len(took)-1, int(q*float64(len(took))))]
}

// closedLoop lets clients ask one after another for a while.
func closedLoop(clients int, during time.Duration, ask func(*http.Client) (int, string, time.Duration)) (accepted []time.Duration, refused, bare int) {
	client := clientOf(clients)
	defer client.CloseIdleConnections()
	var mu sync.Mutex
	var group sync.WaitGroup
	end := time.Now().Add(during)
	for range clients {
		group.Go(func() {
			for time.Now().Before(end) {
				status, retry, took := ask(client)
				mu.Lock()
				switch {
				case status == 200:
					accepted = append(accepted, took)
				case status == 429 || status == 503:
					refused++
					if retry == "" {
						bare++
					}
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return accepted, refused, bare
}

// slowModel is a model server that speaks OpenAI's protocol a word at a time.
func slowModel(words int, every time.Duration) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		text := "Business class is not paid for. [1]"
		for i := range words {
			piece := ""
			if i == words-1 {
				piece = text
			}
			encoded, _ := json.Marshal(piece)
			fmt.Fprintf(w, "data: {\"id\":\"x\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":%s}}]}\n\n", encoded)
			_ = http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
				return
			case <-time.After(every):
			}
		}
		fmt.Fprint(w, "data: {\"id\":\"x\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
	}))
}

// TestSoakStreams holds 500 streams of answers open at once.
func TestSoakStreams(t *testing.T) {
	soaks(t, "streams")
	const streams = 500
	model := slowModel(30, time.Second)
	defer model.Close()
	p := start(t, []string{"--model", "openai:slow"}, "OPENAI_BASE_URL="+model.URL+"/v1", "OPENAI_API_KEY=none")
	before := p.memory("VmRSS")
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	defer client.CloseIdleConnections()
	var mu sync.Mutex
	var first, gaps []time.Duration
	failed := map[string]int{}
	var group sync.WaitGroup
	var open atomic.Int64
	for range streams {
		group.Go(func() {
			began := time.Now()
			req, _ := http.NewRequest(http.MethodPost, p.url+"/v1/ask", strings.NewReader(`{"question":"Is business class paid for?"}`))
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("Accept", "text/event-stream")
			resp, err := client.Do(req)
			if err != nil {
				mu.Lock()
				failed[err.Error()]++
				mu.Unlock()
				return
			}
			defer resp.Body.Close()
			open.Add(1)
			defer open.Add(-1)
			last, widest, event, ended := began, time.Duration(0), "", false
			var begun time.Duration
			lines := bufio.NewScanner(resp.Body)
			lines.Buffer(nil, 1<<20)
			for lines.Scan() {
				now := time.Now()
				if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
					event = name
					if name == "passages" {
						begun = now.Sub(began)
					}
					ended = ended || name == "answer"
				}
				if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok && event == "error" {
					event = data
				}
				if begun > 0 {
					widest = max(widest, now.Sub(last))
				}
				last = now
			}
			mu.Lock()
			defer mu.Unlock()
			if !ended {
				failed[fmt.Sprintf("HTTP %d, last event %q", resp.StatusCode, event)]++
				return
			}
			first, gaps = append(first, begun), append(gaps, widest)
		})
	}
	most, peak := int64(0), 0.0
	beside := []time.Duration{}
	done := make(chan struct{})
	go func() { group.Wait(); close(done) }()
	other := clientOf(2)
	for waiting := true; waiting; {
		select {
		case <-done:
			waiting = false
		case <-time.After(200 * time.Millisecond):
			most, peak = max(most, open.Load()), max(peak, p.memory("VmRSS"))
			if status, _, took := search(other, p.url); status == 200 {
				beside = append(beside, took)
			}
		}
	}
	t.Logf("%d streams, most open at once %d; memory before %.0f MB, most %.0f MB (VmHWM %.0f MB)", streams, most, before, peak, p.memory("VmHWM"))
	t.Logf("passages after p50 %v, most %v; widest gap between lines p50 %v, most %v; %d searches beside, p50 %v p99 %v",
		quantile(first, .5), quantile(first, 1), quantile(gaps, .5), quantile(gaps, 1), len(beside), quantile(beside, .5), quantile(beside, .99))
	if len(failed) > 0 || most < streams {
		t.Errorf("%d open at most; failed: %v", most, failed)
	}
	if peak > 400 {
		t.Errorf("%.0f MB", peak)
	}
}

// TestSoakOverload brings ten times what the server can take.
func TestSoakOverload(t *testing.T) {
	soaks(t, "overload")
	p := start(t, nil)
	ask := func(c *http.Client) (int, string, time.Duration) { return search(c, p.url) }
	closedLoop(32, 3*time.Second, ask) // warm
	const normally = 8 * time.Second
	normal, _, _ := closedLoop(32, normally, ask)
	rate := float64(len(normal)) / normally.Seconds()
	t.Logf("normal, 32 clients: %.0f a second, p50 %v, p99 %v", rate, quantile(normal, .5), quantile(normal, .99))

	// Open loop: requests come at ten times that rate, whether or not others end.
	client := clientOf(2000)
	var mu sync.Mutex
	var accepted []time.Duration
	var group sync.WaitGroup
	sent, refused, bare, lost := 0, 0, 0, 0
	gate := make(chan struct{}, 4000) // of this side
	tick := time.NewTicker(10 * time.Millisecond)
	end := time.Now().Add(10 * time.Second)
	began := time.Now()
	for now := range tick.C {
		if now.After(end) {
			break
		}
		for due := int(10 * rate * now.Sub(began).Seconds()); sent < due; sent++ {
			select {
			case gate <- struct{}{}:
			default:
				lost++
				continue
			}
			group.Go(func() {
				status, retry, took := ask(client)
				<-gate
				mu.Lock()
				defer mu.Unlock()
				switch {
				case status == 200:
					accepted = append(accepted, took)
				case status == 429 || status == 503:
					refused++
					if retry == "" {
						bare++
					}
				default:
					lost++
				}
			})
		}
	}
	tick.Stop()
	stopped := time.Now()
	var recovered time.Duration
	single := clientOf(1)
	for recovered == 0 && time.Since(stopped) < 20*time.Second {
		var few []time.Duration
		for range 5 {
			if status, _, took := search(single, p.url); status == 200 {
				few = append(few, took)
			}
		}
		if len(few) == 5 && quantile(few, .5) <= max(quantile(normal, .5), 20*time.Millisecond) {
			recovered = time.Since(stopped)
		}
	}
	group.Wait()
	t.Logf("ten times: %d sent, %d accepted, %d refused (%d without Retry-After), %d not sent or lost on this side; p50 of the accepted %v (%.1f × normal), p99 %v; recovered after %v",
		sent, len(accepted), refused, bare, lost, quantile(accepted, .5), float64(quantile(accepted, .5))/float64(quantile(normal, .5)), quantile(accepted, .99), recovered)
	if bare > 0 || recovered == 0 {
		t.Errorf("%d without Retry-After, recovered %v", bare, recovered)
	}
}

// smuggled are requests that two servers may read differently.
var smuggled = []string{
	"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
	"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
	"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
	"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
	"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
	"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: +4\r\n\r\nabcd",
	"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
	"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
	"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
	"GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
	"GET /healthz HTTP/1.1\r\n\r\n",
	"GET /healthz HTTP/1.1\nHost: localhost\n X: y\n\n",
	"GET /healthz HTTP/9.9\r\nHost: localhost\r\n\r\n",
	"GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
}

// TestSoakAttack measures other clients while connections are misused.
func TestSoakAttack(t *testing.T) {
	soaks(t, "attack")
	p := start(t, nil)
	at, _ := url.Parse(p.url)
	ask := func(c *http.Client) (int, string, time.Duration) { return search(c, p.url) }
	closedLoop(4, 3*time.Second, ask) // warm
	const during = 8 * time.Second
	calm, _, _ := closedLoop(4, during, ask)
	t.Logf("calm, 4 clients: %d requests, p50 %v, p99 %v", len(calm), quantile(calm, .5), quantile(calm, .99))
	dial := func() net.Conn {
		conn, err := net.DialTimeout("tcp", at.Host, 5*time.Second)
		if err != nil {
			return nil
		}
		return conn
	}
	attacks := map[string]func(ctx context.Context){
		"slowloris": func(ctx context.Context) {
			var group sync.WaitGroup
			for range 300 {
				group.Go(func() {
					conn := dial()
					if conn == nil {
						return
					}
					defer conn.Close()
					_, _ = io.WriteString(conn, "GET /v1/documents HTTP/1.1\r\nHost: localhost\r\n")
					for i := 0; ctx.Err() == nil; i++ {
						if _, err := fmt.Fprintf(conn, "X-%d: y\r\n", i); err != nil {
							return
						}
						select {
						case <-ctx.Done():
						case <-time.After(300 * time.Millisecond):
						}
					}
				})
			}
			group.Wait()
		},
		"half-open": func(ctx context.Context) {
			var list []net.Conn
			for range 300 {
				if conn := dial(); conn != nil {
					_, _ = io.WriteString(conn, "POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
					list = append(list, conn)
				}
			}
			<-ctx.Done()
			for _, conn := range list {
				conn.Close()
			}
		},
		"huge headers": func(ctx context.Context) {
			big := "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Big: " + strings.Repeat("a", 1<<20) + "\r\n\r\n"
			for ctx.Err() == nil {
				if conn := dial(); conn != nil {
					_ = conn.SetDeadline(time.Now().Add(2 * time.Second))
					_, _ = io.WriteString(conn, big)
					answer, _ := bufio.NewReader(conn).ReadString('\n')
					if answer != "" && !strings.Contains(answer, "431") {
						t.Errorf("huge headers: %q", answer)
					}
					conn.Close()
				}
				time.Sleep(20 * time.Millisecond)
			}
		},
		"smuggling": func(ctx context.Context) {
			for i := 0; ctx.Err() == nil; i++ {
				if conn := dial(); conn != nil {
					_ = conn.SetDeadline(time.Now().Add(2 * time.Second))
					_, _ = io.WriteString(conn, smuggled[i%len(smuggled)])
					answers, _ := io.ReadAll(conn)
					// The first shape is read as chunked, and its connection closed:
					// the rest of it is never a request.
					if n := bytes.Count(answers, []byte("HTTP/1.1 ")); n > 1 || bytes.Contains(answers, []byte("HTTP/1.1 500")) {
						t.Errorf("%q: %d answers: %.200q", smuggled[i%len(smuggled)], n, answers)
					}
					conn.Close()
				}
				time.Sleep(5 * time.Millisecond)
			}
		},
		"bad UTF-8": func(ctx context.Context) {
			client := clientOf(8)
			for i := 0; i < 1000 && ctx.Err() == nil; i++ {
				noise := make([]byte, 64)
				for j := range noise {
					noise[j] = byte(rand.IntN(256))
				}
				paths := []string{"/v1/search", "/v1/ask", "/v1/chat/completions", "/v1/responses", "/mcp"}
				body := append([]byte(`{"query":"`), append(noise, []byte(`","question":"a`+string([]byte{0xff, 0xfe})+`"}`)...)...)
				if status, _, _ := post(client, p.url+paths[i%len(paths)], string(body)); status >= 500 && status != 503 {
					t.Errorf("%s: %d for %q", paths[i%len(paths)], status, body)
				}
			}
		},
	}
	for _, name := range []string{"slowloris", "half-open", "huge headers", "smuggling", "bad UTF-8"} {
		ctx, cancel := context.WithCancel(context.Background())
		var group sync.WaitGroup
		group.Go(func() { attacks[name](ctx) })
		time.Sleep(time.Second)
		took, refused, _ := closedLoop(4, during, ask)
		cancel()
		group.Wait()
		t.Logf("%s: %d requests, %d refused, p50 %v, p99 %v (%.1f × calm)", name, len(took), refused, quantile(took, .5), quantile(took, .99), float64(quantile(took, .99))/float64(max(1, quantile(calm, .99))))
	}
	t.Logf("memory %.0f MB", p.memory("VmRSS"))
}

// TestSoakMixed runs a mixture of requests for long, and looks for growth.
func TestSoakMixed(t *testing.T) {
	soaks(t, "mixed")
	minutes, err := strconv.ParseFloat(os.Getenv("LORE_SOAK_MINUTES"), 64)
	if err != nil {
		minutes = 30
	}
	p := start(t, []string{"--watch"})
	client := clientOf(16)
	slow := &durations{}
	statuses := map[int]*atomic.Int64{}
	for status := range 600 {
		statuses[status] = &atomic.Int64{}
	}
	do := func(method, path, body string, header ...string) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, method, p.url+path, strings.NewReader(body))
		if err != nil {
			return
		}
		req.Header.Set("Content-Type", "application/json")
		for i := 0; i+1 < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		began := time.Now()
		resp, err := client.Do(req)
		if err != nil {
			statuses[0].Add(1)
			t.Logf("%s %s: no answer after %v: %v", method, path, time.Since(began).Round(time.Millisecond), err)
			return
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		statuses[resp.StatusCode].Add(1)
		slow.add(time.Since(began))
		if resp.StatusCode >= 500 {
			t.Logf("%s %s: %d after %v", method, path, resp.StatusCode, time.Since(began).Round(time.Millisecond))
		}
	}
	kinds := []func(){
		func() { do("POST", "/v1/search", `{"query":"`+soakQuery()+`","explain":true}`) },
		func() { do("POST", "/v1/ask", `{"question":"What about `+soakQuery()+`?"}`) },
		func() {
			do("POST", "/v1/ask", `{"question":"Is business class paid for?"}`, "Accept", "text/event-stream")
		},
		func() {
			do("POST", "/v1/chat/completions", `{"model":"lore","stream":true,"messages":[{"role":"user","content":"`+soakQuery()+`"}]}`)
		},
		func() { do("POST", "/v1/responses", `{"input":"`+soakQuery()+`","store":false}`) },
		func() { do("POST", "/v1/embeddings", `{"input":["`+soakQuery()+`"]}`) },
		func() {
			do("POST", "/mcp", tool("search", `{"query":"`+soakQuery()+`"}`), "Accept", "application/json, text/event-stream")
		},
		func() { do("GET", "/v1/documents?limit=10", "") },
		func() { do("GET", "/docs", "") },
		func() { do("GET", "/nope", "") },
		func() { do("POST", "/v1/ask", `{"question":`) },
		func() { // a client that goes away
			ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rand.IntN(20))*time.Millisecond)
			defer cancel()
			req, _ := http.NewRequestWithContext(ctx, "POST", p.url+"/v1/ask", strings.NewReader(`{"question":"Is business class paid for?"}`))
			req.Header.Set("Content-Type", "application/json")
			if resp, err := client.Do(req); err == nil {
				resp.Body.Close()
			}
		},
		func() {
			do("POST", fmt.Sprintf("/v1/documents?name=soak/%d.md", rand.IntN(20)), "# Note\n\n"+strings.Repeat(soakQuery()+". ", 1+rand.IntN(50)), "Content-Type", "text/markdown")
		},
	}
	weights := []int{20, 20, 8, 8, 8, 8, 8, 6, 2, 3, 3, 5, 1}
	end := time.Now().Add(time.Duration(minutes * float64(time.Minute)))
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for time.Now().Before(end) {
				n := rand.IntN(100)
				for i, w := range weights {
					if n -= w; n < 0 {
						kinds[i]()
						break
					}
				}
				time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
			}
		})
	}
	type sample struct{ memory, goroutines, files float64 }
	var samples []sample
	watch := clientOf(1)
	for time.Now().Before(end) {
		time.Sleep(min(10*time.Second, time.Until(end)))
		s := sample{p.memory("VmRSS"), p.metric(watch, "go_goroutines"), p.metric(watch, "process_open_fds")}
		samples = append(samples, s)
		if len(samples)%6 == 0 {
			t.Logf("%3d s: %.0f MB, %.0f goroutines, %.0f files", len(samples)*10, s.memory, s.goroutines, s.files)
		}
	}
	group.Wait()
	var counts []string
	for status := range 600 {
		if n := statuses[status].Load(); n > 0 {
			counts = append(counts, fmt.Sprintf("%d: %d", status, n))
		}
	}
	t.Log("answers by status:", strings.Join(counts, ", "))
	t.Logf("time of an answer: p50 %v, p99 %v, most %v", quantile(slow.list, .5), quantile(slow.list, .99), quantile(slow.list, 1))
	middle := func(from, to int, of func(sample) float64) float64 {
		var values []float64
		for _, s := range samples[from:to] {
			values = append(values, of(s))
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	if n := len(samples); n >= 8 {
		for name, of := range map[string]func(sample) float64{"memory": func(s sample) float64 { return s.memory }, "goroutines": func(s sample) float64 { return s.goroutines }, "files": func(s sample) float64 { return s.files }} {
			early, late := middle(n/4, n/2, of), middle(3*n/4, n, of)
			t.Logf("%s: median of the second quarter %.0f, of the last %.0f", name, early, late)
			if late > early*1.15+10 {
				t.Errorf("%s grows from %.0f to %.0f", name, early, late)
			}
		}
	}
	for status := 500; status < 600; status++ {
		// 503 and 504 say that there was no room or time, as on a machine that
		// others use.
		if n := statuses[status].Load(); n > 0 && status != 503 && status != 504 {
			t.Errorf("%d answers with status %d", n, status)
		}
	}
}

// durations gathers how long answers took, from several goroutines.
type durations struct {
	mu   sync.Mutex
	list []time.Duration
}

func (d *durations) add(one time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.list = append(d.list, one)
}
