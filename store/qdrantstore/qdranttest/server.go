// Package qdranttest is a Qdrant server inside the test process.
//
// It serves the client's own stubs over loopback TCP, or over memory, and
// really computes: it filters, ranks dense vectors by cosine and sparse ones by
// their product with the inverse document frequency, in single precision and
// with vectors of deleted points still counted, as the server does. It can
// misbehave on demand (see [Fault]) and keeps nothing on disk.
package qdranttest

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
)

// Options of a server; the zero value is a plain one without a key.
type Options struct {
	APIKey  string
	TLS     *tls.Config
	Version string // "" is a recent one
	Memory  bool   // serve over memory, see Server.Dial, instead of TCP

	DeadReplicas int // that it says each collection has, beside one that serves
}

// Server is a running server. All methods are safe for concurrent use.
type Server struct {
	tb      testing.TB
	options Options
	data    *database

	mu      sync.Mutex
	address string
	grpc    *grpc.Server
	memory  *bufconn.Listener
	serving chan struct{} // closed when the running server has ended
	faults  []*Fault
	calls   map[string]int
}

// Start starts a server that ends with the test.
func Start(tb testing.TB) *Server { return StartWith(tb, Options{}) }

// StartWith is Start with options.
func StartWith(tb testing.TB, o Options) *Server {
	tb.Helper()
	s := &Server{tb: tb, options: o, data: newDatabase(), calls: map[string]int{}}
	s.Up()
	tb.Cleanup(s.Down)
	return s
}

// Join starts another server on the same data, as another node of a cluster.
// Faults are each server's own.
func (s *Server) Join() *Server {
	s.tb.Helper()
	other := &Server{tb: s.tb, options: s.options, data: s.data, calls: map[string]int{}}
	other.Up()
	s.tb.Cleanup(other.Down)
	return other
}

// Address is host:port of the server.
func (s *Server) Address() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.address
}

// Dial connects to a server over memory.
func (s *Server) Dial(ctx context.Context, _ string) (net.Conn, error) {
	s.mu.Lock()
	l := s.memory
	s.mu.Unlock()
	if l == nil {
		return nil, net.ErrClosed
	}
	return l.DialContext(ctx)
}

// Up starts serving, at the address that the server had before.
func (s *Server) Up() {
	s.tb.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.grpc != nil {
		return
	}
	var listener net.Listener
	if s.options.Memory {
		s.memory = bufconn.Listen(1 << 20)
		listener, s.address = s.memory, "memory:6334"
	} else {
		address := s.address
		if address == "" {
			address = "127.0.0.1:0"
		}
		var err error
		if listener, err = net.Listen("tcp", address); err != nil {
			s.tb.Fatalf("qdranttest: %v", err)
		}
		s.address = listener.Addr().String()
	}
	options := []grpc.ServerOption{grpc.ChainUnaryInterceptor(s.intercept), grpc.MaxRecvMsgSize(64 << 20), grpc.MaxSendMsgSize(64 << 20)}
	if s.options.TLS != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(s.options.TLS)))
	}
	server, done := grpc.NewServer(options...), make(chan struct{})
	qdrant.RegisterQdrantServer(server, healthService{version: s.options.Version})
	qdrant.RegisterCollectionsServer(server, collectionsService{db: s.data, dead: s.options.DeadReplicas})
	qdrant.RegisterPointsServer(server, pointsService{db: s.data})
	s.grpc, s.serving = server, done
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
}

// Down stops serving; calls under way break off. What was stored is kept.
func (s *Server) Down() {
	s.mu.Lock()
	server, done := s.grpc, s.serving
	s.grpc, s.memory = nil, nil
	s.mu.Unlock()
	if server != nil {
		server.Stop()
		<-done
	}
}

// Restart is Down and Up.
func (s *Server) Restart() {
	s.tb.Helper()
	s.Down()
	s.Up()
}

// Fault is how a call goes wrong.
type Fault struct {
	Method     string // such as "Upsert"; "" is any
	Collection string // the call's collection, or how it ends; "" is any
	Skip       int    // calls to let pass first
	Times      int    // calls to spoil; 0 is one, negative all

	Code       codes.Code // of the error; OK lets the call succeed, after Do and Delay
	Message    string
	RetryAfter string // seconds, sent along with the error

	Half    bool   // apply the first half of the points before the error
	LoseAck bool   // apply the whole call before the error
	Do      func() // called first, outside of any lock

	Delay time.Duration // before anything is applied; ends early with the call
}

// Inject adds a fault. Faults are looked up in the order of their injection; the
// first that fits a call is the one that counts.
func (s *Server) Inject(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Times == 0 {
		f.Times = 1
	}
	s.faults = append(s.faults, &f)
}

// ClearFaults removes all faults.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// Calls returns how many calls of a method have arrived.
func (s *Server) Calls(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[method]
}

// Vacuum makes the server forget the vectors of deleted points, as its optimizer
// does in time.
func (s *Server) Vacuum() { s.data.vacuum() }

// Points returns how many points a collection, or an alias's, holds; -1 when
// there is none.
func (s *Server) Points(collection string) int { return s.data.size(collection) }

func (s *Server) faultFor(method, collection string) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[method]++
	for _, f := range s.faults {
		if f.Method != "" && f.Method != method || !strings.HasSuffix(collection, f.Collection) || f.Times == 0 {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		if f.Times > 0 {
			f.Times--
		}
		return f
	}
	return nil
}

func (s *Server) intercept(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if key := s.options.APIKey; key != "" {
		md, _ := metadata.FromIncomingContext(ctx)
		if got := md.Get("api-key"); len(got) != 1 || got[0] != key {
			return nil, status.Error(codes.Unauthenticated, "Invalid API key or JWT")
		}
	}
	method := info.FullMethod[strings.LastIndexByte(info.FullMethod, '/')+1:]
	collection := ""
	if r, ok := req.(interface{ GetCollectionName() string }); ok {
		collection = r.GetCollectionName()
	}
	f := s.faultFor(method, collection)
	if f == nil {
		return handler(ctx, req)
	}
	if f.Do != nil {
		f.Do()
	}
	if f.Delay > 0 {
		t := time.NewTimer(f.Delay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return nil, status.FromContextError(ctx.Err()).Err()
		}
	}
	if f.Code == codes.OK {
		return handler(ctx, req)
	}
	if f.LoseAck {
		if _, err := handler(ctx, req); err != nil {
			return nil, err
		}
	}
	if f.Half {
		if half := halfOf(req); half != nil {
			if _, err := handler(ctx, half); err != nil {
				return nil, err
			}
		}
	}
	if f.RetryAfter != "" {
		_ = grpc.SetTrailer(ctx, metadata.Pairs("retry-after", f.RetryAfter))
	}
	message := f.Message
	if message == "" {
		message = "injected by the test"
	}
	return nil, status.Error(f.Code, message)
}

func halfOf(req any) any {
	switch r := req.(type) {
	case *qdrant.UpsertPoints:
		return &qdrant.UpsertPoints{CollectionName: r.CollectionName, Points: r.Points[:len(r.Points)/2]}
	case *qdrant.UpdatePointVectors:
		return &qdrant.UpdatePointVectors{CollectionName: r.CollectionName, Points: r.Points[:len(r.Points)/2]}
	case *qdrant.DeletePoints:
		if list := r.GetPoints().GetPoints().GetIds(); len(list) > 0 {
			return &qdrant.DeletePoints{CollectionName: r.CollectionName, Points: qdrant.NewPointsSelectorIDs(list[:len(list)/2])}
		}
	}
	return nil
}

type healthService struct {
	qdrant.UnimplementedQdrantServer
	version string
}

func (h healthService) HealthCheck(context.Context, *qdrant.HealthCheckRequest) (*qdrant.HealthCheckReply, error) {
	version := h.version
	if version == "" {
		version = "1.17.0"
	}
	return &qdrant.HealthCheckReply{Title: "qdrant - vector search engine", Version: version}, nil
}
