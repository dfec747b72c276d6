// Package sandbox runs work on untrusted bytes in child processes that can be
// killed.
//
// A [Pool] keeps a few children of one executable. Parent and child talk over
// the child's standard input and output in frames: four bytes of length, most
// significant first, then that many bytes. The first frame carries the set-up
// and has no reply; each later one is a request with exactly one reply. A child
// serves one request at a time, so one that hangs, eats memory or crashes costs
// one request; the next request gets a fresh child.
//
// The child's side is [Serve], after [Confine] has taken from the process what
// the work does not need: memory beyond a cap and, on Linux, files, sockets and
// other programs.
package sandbox

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// Failures of a request. A failed request never harms the pool.
var (
	ErrTimeout  = errors.New("took too long")
	ErrMemory   = errors.New("needs more memory than allowed")
	ErrTooLarge = errors.New("reply too large")
	ErrDied     = errors.New("process died")
	ErrClosed   = errors.New("pool is closed")
)

// Options for [NewPool]. Zero fields mean the defaults in parentheses.
type Options struct {
	Executable string        // (the running executable)
	Args       []string      // arguments that make it call [Serve]
	Env        []string      // added to a nearly empty environment
	Setup      []byte        // first frame every child gets
	Workers    int           // children at once (2)
	Timeout    time.Duration // for one request (60s)
	CPU        time.Duration // of a processor for one request, in whole seconds; Linux only (twice Timeout)
	MemoryMB   int           // cap on a child's memory (512)
	MaxReply   int64         // bytes (256 MiB)
	MaxUses    int           // requests after which a child is replaced (10000)
}

// Pool hands requests to child processes. It is safe for concurrent use.
type Pool struct {
	o    Options
	idle chan *child // one slot per worker; nil means none is started

	mu     sync.Mutex
	closed bool
	spawn  *spawner
}

// NewPool returns a pool; children start when they are first needed.
func NewPool(o *Options) (*Pool, error) {
	p := &Pool{}
	if o != nil {
		p.o = *o
	}
	if p.o.Executable == "" {
		exe, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("find own executable: %w", err)
		}
		p.o.Executable = exe
	}
	setDefault(&p.o.Workers, 2)
	setDefault(&p.o.Timeout, time.Minute)
	setDefault(&p.o.CPU, 2*p.o.Timeout)
	setDefault(&p.o.MemoryMB, 512)
	setDefault(&p.o.MaxReply, 256<<20)
	setDefault(&p.o.MaxUses, 10000)
	p.idle = make(chan *child, p.o.Workers)
	for range p.o.Workers {
		p.idle <- nil
	}
	p.spawn = newSpawner()
	return p, nil
}

func setDefault[T ~int | ~int64](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}

// Do sends one request and returns the reply. It waits for a free child, then
// at most Timeout for the reply. Errors wrap one of the Err values of this
// package or ctx.Err().
func (p *Pool) Do(ctx context.Context, request []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var c *child
	var ok bool
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case c, ok = <-p.idle:
		if !ok {
			return nil, ErrClosed
		}
	}
	fresh := c == nil
	for {
		if c == nil {
			var err error
			if c, err = p.start(); err != nil {
				p.put(nil)
				return nil, err
			}
		}
		reply, err := c.do(ctx, &p.o, request)
		if err == nil {
			c.uses++
			if c.uses >= p.o.MaxUses || c.looked(len(request)+len(reply)) && c.rss() > int64(p.o.MemoryMB)<<20*3/4 {
				c.stop()
				c = nil
			}
			p.put(c)
			return reply, nil
		}
		c.stop()
		c = nil
		// A child that was killed while idle, by whomever, is no fault of this
		// request: it never read it.
		if !fresh && errors.Is(err, errIdleDeath) {
			fresh = true
			continue
		}
		p.put(nil)
		return nil, err
	}
}

// looked reports whether it is time to look at the memory of an idle child:
// what it has read since it was looked at last could have taken some.
func (c *child) looked(bytes int) bool {
	const often = 1 << 20
	if c.unseen += bytes; c.unseen < often {
		return false
	}
	c.unseen = 0
	return true
}

func (p *Pool) put(c *child) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		if c != nil {
			c.stop()
		}
		return
	}
	p.idle <- c
}

// Close ends the children. Requests under way finish or fail by themselves;
// their children end with them.
func (p *Pool) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	close(p.idle)
	for c := range p.idle {
		if c != nil {
			c.stop()
		}
	}
	p.spawn.close()
	return nil
}

type child struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	stderr *tail
	uses   int
	unseen int // bytes since its memory was looked at
	waited chan struct{}
}

// The environment variables by which a child learns its caps.
const (
	envMemory = "LORE_SANDBOX_MEMORY_MB"
	envCPU    = "LORE_SANDBOX_CPU_SECONDS"
)

func (p *Pool) start() (*child, error) {
	cmd := exec.Command(p.o.Executable, p.o.Args...)
	cmd.Env = append(baseEnv(),
		fmt.Sprintf("GOMEMLIMIT=%dMiB", p.o.MemoryMB*3/4),
		fmt.Sprintf("%s=%d", envMemory, p.o.MemoryMB),
		fmt.Sprintf("%s=%d", envCPU, int((p.o.CPU+time.Second-1)/time.Second)))
	cmd.Env = append(cmd.Env, p.o.Env...)
	cmd.Dir = os.TempDir()
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start sandbox: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start sandbox: %w", err)
	}
	c := &child{cmd: cmd, in: in, out: bufio.NewReaderSize(out, 64<<10), stderr: &tail{}, waited: make(chan struct{})}
	cmd.Stderr = c.stderr
	if err := p.spawn.start(cmd); err != nil {
		return nil, fmt.Errorf("start sandbox: %w", err)
	}
	if err := writeFrame(c.in, p.o.Setup); err != nil {
		c.stop()
		return nil, fmt.Errorf("start sandbox: %w: %s", err, c.stderr.String())
	}
	return c, nil
}

// baseEnv keeps what a Go program needs to start and nothing of the user's.
func baseEnv() []string {
	var env []string
	for _, k := range []string{"SystemRoot", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "GOCOVERDIR", "GORACE"} {
		if v, ok := os.LookupEnv(k); ok {
			env = append(env, k+"="+v)
		}
	}
	return env
}

// errIdleDeath says that the child was gone before it took the request.
var errIdleDeath = fmt.Errorf("%w before the request", ErrDied)

func (c *child) do(ctx context.Context, o *Options, request []byte) ([]byte, error) {
	type result struct {
		reply []byte
		err   error
	}
	done := make(chan result, 1)
	go func() {
		if err := writeFrame(c.in, request); err != nil {
			done <- result{err: errIdleDeath}
			return
		}
		reply, err := readFrame(c.out, o.MaxReply)
		done <- result{reply, err}
	}()
	timer := time.NewTimer(o.Timeout)
	defer timer.Stop()
	watch := time.NewTicker(watchInterval)
	defer watch.Stop()
	var why error
	cancelled := ctx.Done()
	for {
		select {
		case r := <-done:
			switch {
			case why != nil:
				return nil, why
			case r.err == nil:
				return r.reply, nil
			case errors.Is(r.err, ErrTooLarge), errors.Is(r.err, errIdleDeath):
				return nil, r.err
			}
			c.stop()
			return nil, c.death(o)
		case <-cancelled:
			cancelled = nil
			why = ctx.Err()
			c.kill()
		case <-timer.C:
			why = fmt.Errorf("%w: more than %s", ErrTimeout, o.Timeout)
			c.kill()
		case <-watch.C:
			if why == nil && c.rss() > int64(o.MemoryMB)<<20 {
				why = fmt.Errorf("%w: more than %d MB", ErrMemory, o.MemoryMB)
				c.kill()
			}
		}
	}
}

// watchInterval is how often the memory of a busy child is looked at.
const watchInterval = 50 * time.Millisecond

// death explains why the child ended by itself.
func (c *child) death(o *Options) error {
	msg := c.stderr.String()
	if strings.Contains(msg, cpuSpent) {
		return fmt.Errorf("%w: more than %s of a processor", ErrTimeout, o.CPU)
	}
	if strings.Contains(msg, "out of memory") || strings.Contains(msg, "cannot allocate memory") {
		return ErrMemory
	}
	state := "unknown state"
	if c.cmd.ProcessState != nil {
		state = c.cmd.ProcessState.String()
	}
	if line := firstLine(msg); line != "" {
		return fmt.Errorf("%w: %s: %s", ErrDied, state, line)
	}
	return fmt.Errorf("%w: %s", ErrDied, state)
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "")
	}
	return s
}

func (c *child) kill() { _ = c.cmd.Process.Kill() }

// stop ends the child and waits until it is gone. It may be called twice.
func (c *child) stop() {
	select {
	case <-c.waited:
		return
	default:
	}
	_ = c.in.Close()
	c.kill()
	_ = c.cmd.Wait()
	close(c.waited)
}

func writeFrame(w io.Writer, data []byte) error {
	if int64(len(data)) > 1<<32-1 {
		return ErrTooLarge
	}
	var head [4]byte
	binary.BigEndian.PutUint32(head[:], uint32(len(data)))
	if len(data) < 32<<10 {
		_, err := w.Write(append(head[:], data...))
		return err
	}
	if _, err := w.Write(head[:]); err != nil {
		return err
	}
	_, err := w.Write(data)
	return err
}

func readFrame(r io.Reader, limit int64) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := int64(binary.BigEndian.Uint32(head[:]))
	if limit > 0 && n > limit {
		return nil, fmt.Errorf("%w: %d bytes, at most %d are taken", ErrTooLarge, n, limit)
	}
	// Grows as bytes arrive: a length alone reserves no memory.
	var buf []byte
	if n <= 1<<20 {
		buf = make([]byte, n)
		_, err := io.ReadFull(r, buf)
		return buf, err
	}
	buf = make([]byte, 0, 1<<20)
	for int64(len(buf)) < n {
		want := min(int64(cap(buf)-len(buf)), n-int64(len(buf)))
		m, err := io.ReadFull(r, buf[len(buf):int64(len(buf))+want])
		buf = buf[:len(buf)+m]
		if err != nil {
			return nil, err
		}
		if len(buf) == cap(buf) && int64(len(buf)) < n {
			grown := make([]byte, len(buf), min(int64(cap(buf))*2, n))
			copy(grown, buf)
			buf = grown
		}
	}
	return buf, nil
}

// tail keeps the first and last bytes of what is written to it.
type tail struct {
	mu         sync.Mutex
	head, last []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(p)
	if room := 2048 - len(t.head); room > 0 {
		k := min(room, len(p))
		t.head = append(t.head, p[:k]...)
		p = p[k:]
	}
	t.last = append(t.last, p...)
	if len(t.last) > 2048 {
		t.last = t.last[len(t.last)-2048:]
	}
	return n, nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.head) + string(t.last)
}
