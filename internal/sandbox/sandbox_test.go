package sandbox_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lore-kb/lore/internal/sandbox"
)

// The test binary is its own child: with this argument it serves.
const childArg = "__sandbox_test_child"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == childArg {
		if err := sandbox.Confine(sandbox.Limits{}); err != nil {
			fmt.Fprintln(os.Stderr, "confine:", err)
		}
		var setup string
		os.Exit(sandbox.Serve(os.Stdin, os.Stdout, func(b []byte) { setup = string(b) },
			func(req []byte) []byte { return serve(setup, req) }))
	}
	goleak.VerifyTestMain(m)
}

func serve(setup string, req []byte) []byte {
	switch verb, arg, _ := strings.Cut(string(req), " "); verb {
	case "echo":
		return []byte(arg)
	case "setup":
		return []byte(setup)
	case "hang":
		for {
			runtime.Gosched()
		}
	case "bomb":
		var keep [][]byte
		for {
			b := make([]byte, 1<<20)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			keep = append(keep, b)
			if len(keep) > 1<<16 {
				return nil
			}
		}
	case "panic":
		panic("boom")
	case "exit":
		os.Exit(7)
	case "kill":
		p, _ := os.FindProcess(os.Getpid())
		_ = p.Kill()
		select {}
	case "large":
		return bytes.Repeat([]byte("x"), 2<<20)
	case "open":
		_, err := os.ReadFile(arg)
		return fmt.Append(nil, err)
	case "create":
		return fmt.Append(nil, os.WriteFile(arg, []byte("x"), 0o600))
	case "socket":
		_, err := net.Dial("tcp", arg)
		return fmt.Append(nil, err)
	case "exec":
		return fmt.Append(nil, exec.Command(arg).Run())
	case "pid":
		return fmt.Append(nil, os.Getpid())
	}
	return []byte("?")
}

func pool(t *testing.T, o sandbox.Options) *sandbox.Pool {
	t.Helper()
	o.Args = []string{childArg}
	p, err := sandbox.NewPool(&o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func mustEcho(t *testing.T, p *sandbox.Pool) {
	t.Helper()
	got, err := p.Do(context.Background(), []byte("echo hello"))
	if err != nil || string(got) != "hello" {
		t.Errorf("after a failure: got %q, %v; want hello", got, err)
	}
}

func TestFailuresCostOneRequest(t *testing.T) {
	tests := []struct {
		request string
		want    error
		text    string
	}{
		{"hang", sandbox.ErrTimeout, "400ms"},
		{"bomb", sandbox.ErrMemory, ""},
		{"panic", sandbox.ErrDied, "boom"},
		{"exit", sandbox.ErrDied, "exit status 7"},
		{"kill", sandbox.ErrDied, "killed"},
		{"large", sandbox.ErrTooLarge, "2097152"},
	}
	for _, tt := range tests {
		t.Run(tt.request, func(t *testing.T) {
			timeout := 30 * time.Second
			if tt.request == "hang" {
				timeout = 400 * time.Millisecond
			}
			p := pool(t, sandbox.Options{Workers: 1, Timeout: timeout, MemoryMB: 128, MaxReply: 1 << 20})
			mustEcho(t, p)
			_, err := p.Do(context.Background(), []byte(tt.request))
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if err != nil && runtime.GOOS != "windows" && !strings.Contains(err.Error(), tt.text) {
				t.Errorf("error %q does not name %q", err, tt.text)
			}
			mustEcho(t, p)
		})
	}
}

func TestCancelEndsTheRequest(t *testing.T) {
	p := pool(t, sandbox.Options{Workers: 1})
	mustEcho(t, p)
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	if _, err := p.Do(ctx, []byte("hang")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want a deadline", err)
	}
	mustEcho(t, p)
}

func TestSetupReachesEveryChild(t *testing.T) {
	p := pool(t, sandbox.Options{Workers: 3, Setup: []byte("options"), MaxUses: 2})
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			if got, err := p.Do(context.Background(), []byte("setup")); err != nil || string(got) != "options" {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
	wg.Wait()
}

func TestChildKilledWhileIdle(t *testing.T) {
	p := pool(t, sandbox.Options{Workers: 1})
	got, err := p.Do(context.Background(), []byte("pid"))
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Sscan(string(got), &pid); err != nil {
		t.Fatal(err)
	}
	proc, err := os.FindProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := proc.Kill(); err != nil {
		t.Fatal(err)
	}
	// Depending on when the pipe breaks the request is repeated on a fresh
	// child or fails; the one after it never fails.
	if got, err := p.Do(context.Background(), []byte("echo x")); err != nil && !errors.Is(err, sandbox.ErrDied) || err == nil && string(got) != "x" {
		t.Errorf("got %q, %v", got, err)
	}
	mustEcho(t, p)
}

func TestClosedPool(t *testing.T) {
	p := pool(t, sandbox.Options{})
	mustEcho(t, p)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Do(context.Background(), []byte("echo x")); !errors.Is(err, sandbox.ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
}

func TestMissingExecutable(t *testing.T) {
	p, err := sandbox.NewPool(&sandbox.Options{Executable: "/does/not/exist"})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for range 3 {
		if _, err := p.Do(context.Background(), []byte("echo x")); err == nil || !strings.Contains(err.Error(), "/does/not/exist") {
			t.Errorf("got %v, want an error that names the file", err)
		}
	}
}

func TestProcessorTime(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux limits the processor")
	}
	p := pool(t, sandbox.Options{Workers: 1, Timeout: time.Minute, CPU: time.Second})
	for range 3 { // each request has its own share
		if got, err := p.Do(t.Context(), []byte("echo x")); err != nil || string(got) != "x" {
			t.Fatalf("got %q, %v", got, err)
		}
	}
	_, err := p.Do(t.Context(), []byte("hang"))
	if !errors.Is(err, sandbox.ErrTimeout) || !strings.Contains(err.Error(), "1s of a processor") {
		t.Errorf("got %v, want the processor's limit", err)
	}
	if got, err := p.Do(t.Context(), []byte("echo y")); err != nil || string(got) != "y" {
		t.Errorf("afterwards: got %q, %v", got, err)
	}
}

func TestConfined(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux takes files and sockets away")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := pool(t, sandbox.Options{Workers: 1})
	for _, request := range []string{
		"open /etc/passwd",
		"create " + t.TempDir() + "/x",
		"socket " + l.Addr().String(),
		"exec /bin/true",
	} {
		got, err := p.Do(context.Background(), []byte(request))
		if err != nil {
			t.Fatalf("%s: %v", request, err)
		}
		if !strings.Contains(string(got), "not permitted") {
			t.Errorf("%s: got %q, want it refused", request, got)
		}
	}
}

func BenchmarkStart(b *testing.B) {
	p, err := sandbox.NewPool(&sandbox.Options{Args: []string{childArg}, Workers: 1, MaxUses: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	for b.Loop() {
		if _, err := p.Do(context.Background(), []byte("echo x")); err != nil {
			b.Fatal(err)
		}
	}
}
