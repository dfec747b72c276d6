package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/lore-kb/lore/ask"
	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/retrieve"
	"github.com/lore-kb/lore/store"
)

// asker answers questions; an *ask.Assistant is one.
type asker interface {
	Ask(ctx context.Context, q ask.Question, yield func(ask.Event) error) (*ask.Answer, error)
}

// retriever finds passages; a *retrieve.Retriever is one.
type retriever interface {
	Retrieve(ctx context.Context, q retrieve.Query) (*retrieve.Result, error)
}

// Collection is what the routes need of one collection.
type Collection struct {
	Name      string
	Store     store.Store
	Retriever retriever
	Assistant asker
}

// Options of a Server. Open is required.
type Options struct {
	// Open opens a collection; the server keeps it and closes its store. A name
	// that is not there gives an error wrapping store.ErrNoCollection.
	Open func(ctx context.Context, name string) (*Collection, error)
	// Names lists the collections; nil: only the default one is listed.
	Names   func(ctx context.Context) ([]string, error)
	Default string // collection of requests that name none; "" means "default"

	Embedder model.Embedder // served at /v1/embeddings; nil: not served
	Token    string         // asked of every request to /v1 and /mcp; "" means none
	Hosts    []string       // names besides loopback that the server answers for
	Version  string
	Log      *slog.Logger // nil: discarded

	MaxBody       int64         // bytes of a request; 0 means 1 MiB
	MaxConcurrent int           // requests at a time; 0 means 64
	Timeout       time.Duration // for one request; 0 means five minutes
}

// Server answers HTTP requests. It is safe for concurrent use.
type Server struct {
	options Options
	log     *slog.Logger
	handler http.Handler
	slots   chan struct{}

	mu   sync.Mutex
	open map[string]*Collection
}

// New returns a server. It opens nothing yet.
func New(o Options) (*Server, error) {
	if o.Open == nil {
		return nil, errors.New("api: Options.Open is missing")
	}
	if o.Default == "" {
		o.Default = "default"
	}
	if o.MaxBody <= 0 {
		o.MaxBody = 1 << 20
	}
	if o.MaxConcurrent <= 0 {
		o.MaxConcurrent = 64
	}
	if o.Timeout <= 0 {
		o.Timeout = 5 * time.Minute
	}
	s := &Server{options: o, log: o.Log, slots: make(chan struct{}, o.MaxConcurrent), open: map[string]*Collection{}}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	mux := http.NewServeMux()
	config := huma.DefaultConfig("lore", o.Version)
	config.Info.Description = "Answers from your own documents, every statement with a checked quote."
	config.CreateHooks = nil // no $schema fields and links in bodies
	config.DocsPath = ""
	config.OpenAPIPath = "/openapi"
	if o.Token != "" {
		config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer"}}
		config.Security = []map[string][]string{{"token": {}}}
	}
	routes := humago.New(mux, config)
	s.askRoutes(routes)
	s.searchRoutes(routes)
	s.documentRoutes(routes)
	s.collectionRoutes(routes)
	s.openaiRoutes(mux)
	s.mcpRoutes(mux)
	s.healthRoutes(mux)
	s.pageRoutes(mux)
	s.handler = s.guard(mux)
	return s, nil
}

// Handler returns the handler of all routes.
func (s *Server) Handler() http.Handler { return s.handler }

// Serve answers requests on a listener until ctx ends; then it takes no new ones
// and lets those under way finish for up to half a minute.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	graceful, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	err := server.Shutdown(graceful)
	if err != nil {
		server.Close()
	}
	<-ended
	return err
}

// Close closes the collections.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for name, c := range s.open {
		errs = append(errs, c.Store.Close())
		delete(s.open, name)
	}
	return errors.Join(errs...)
}

// collection returns an open collection; "" is the default one.
func (s *Server) collection(ctx context.Context, name string) (*Collection, error) {
	if name == "" {
		name = s.options.Default
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.open[name]; c != nil {
		return c, nil
	}
	c, err := s.options.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	c.Name = name
	s.open[name] = c
	return c, nil
}
