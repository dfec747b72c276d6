package qdrantstore

import (
	"context"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// keyInterceptor sends the API key with every call. The client's own setting
// does the same but logs a warning to the process's default logger.
func keyInterceptor(key string) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		if key != "" {
			ctx = metadata.AppendToOutgoingContext(ctx, "api-key", key)
		}
		return invoker(ctx, method, req, reply, cc, opts...)
	}
}

// retrier gives every call a deadline and further attempts. It is the only
// place that retries. Everything the store sends may be sent twice: points are
// written by ID and deleted by ID or filter.
type retrier struct {
	timeout  time.Duration
	attempts int
	backoff  time.Duration
	several  bool // nodes, so that another one may answer sooner
	gate     gate
}

func newRetrier(o Options, nodes int) *retrier {
	return &retrier{timeout: o.Timeout, attempts: o.Attempts, backoff: o.Backoff, several: nodes > 1}
}

// deadline of the attempt with this number, from 1. When there are other nodes to
// ask, the first attempt of a read may take a sixteenth of the timeout, 2 s by
// default, and the second a quarter, so that a node that has frozen holds up
// nobody for longer.
func (r *retrier) deadline(method string, n int) time.Duration {
	if !r.several || !reads(method) {
		return r.timeout
	}
	return r.timeout >> max(0, 2*(3-n))
}

// reads reports whether a call changes nothing.
func reads(method string) bool {
	switch method[strings.LastIndexByte(method, '/')+1:] {
	case "Get", "Scroll", "Query", "QueryBatch", "Count", "Facet", "HealthCheck", "List", "ListAliases", "CollectionExists":
		return true
	}
	return false
}

type attemptsKey struct{}

// withAttempts limits the attempts of the calls under ctx.
func withAttempts(ctx context.Context, n int) context.Context {
	return context.WithValue(ctx, attemptsKey{}, n)
}

const longestPause = 5 * time.Second

func (r *retrier) intercept(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	attempts := r.attempts
	if n, ok := ctx.Value(attemptsKey{}).(int); ok {
		attempts = min(attempts, n)
	}
	pause := r.backoff
	for n := 1; ; n++ {
		if err := r.gate.wait(ctx); err != nil {
			return status.FromContextError(err).Err()
		}
		var trailer metadata.MD
		attempt, cancel := context.WithTimeout(ctx, r.deadline(method, n))
		err := invoker(attempt, method, req, reply, cc, append(opts[:len(opts):len(opts)], grpc.Trailer(&trailer))...)
		cancel()
		if err == nil || ctx.Err() != nil || n >= min(attempts, attemptsFor(err)) {
			return err
		}
		if r.several && status.Code(err) == codes.Unavailable {
			cc.ResetConnectBackoff() // a node that was away may be back, and be the only one
		}
		wait := pause/2 + rand.N(pause/2+1)
		if status.Code(err) == codes.ResourceExhausted {
			if after, ok := retryAfter(trailer); ok {
				wait = after
			}
			r.gate.shut(wait) // every other call waits too: the server has said that it has enough
		} else if err := sleep(ctx, wait); err != nil {
			return status.FromContextError(err).Err()
		}
		pause = min(2*pause, longestPause)
	}
}

// attemptsFor is how often a call that fails with err is worth making.
func attemptsFor(err error) int {
	s := status.Convert(err)
	switch s.Code() {
	case codes.Unavailable:
		if p := wrongProtocol(s.Message()); p != "" && p != protocolTLS { // a restart may look like the last
			return 1
		}
		return 1 << 30
	case codes.ResourceExhausted:
		if strings.Contains(s.Message(), "larger than max") {
			return 1 // a message over the limit stays over it
		}
		return 1 << 30
	case codes.DeadlineExceeded, codes.Aborted, codes.Internal, codes.Canceled: // the last by the server
		return 3
	}
	return 1
}

func retryAfter(trailer metadata.MD) (time.Duration, bool) {
	for _, v := range trailer.Get("retry-after") {
		if n, err := strconv.Atoi(v); err == nil && n >= 0 {
			return min(time.Duration(n)*time.Second, time.Minute), true
		}
	}
	return 0, false
}

// gate holds calls back until a moment.
type gate struct {
	mu    sync.Mutex
	until time.Time
}

func (g *gate) shut(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if t := time.Now().Add(d); t.After(g.until) {
		g.until = t
	}
}

func (g *gate) wait(ctx context.Context) error {
	g.mu.Lock()
	d := time.Until(g.until)
	g.mu.Unlock()
	if d <= 0 {
		return nil
	}
	return sleep(ctx, d)
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
