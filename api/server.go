package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/lore-kb/lore/ask"
	"github.com/lore-kb/lore/ingest"
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
	Token    string         // may do everything; "" means none
	Tokens   *Tokens        // others, with limits; from the first one on a token is asked for. Nil: none
	Hosts    []string       // names besides loopback that the server answers for
	Version  string
	Log      *slog.Logger // nil: discarded

	// Write opens a collection for writing, and makes it when create is set; Syncer
	// returns what syncs into it, and completes the options with what the program
	// knows. Without both the server only reads.
	Write  func(ctx context.Context, name string, create bool) (store.Store, error)
	Syncer func(collection string, st store.Store, o ingest.SyncOptions) *ingest.Syncer
	// Remove removes a collection that is open nowhere in this process. Nil: none
	// can be removed.
	Remove func(ctx context.Context, name string) error
	// Over returns a collection whose routes see it through another store than
	// Open's, one that shows a part of it. Nil: there are no tokens with limits.
	Over func(name string, st store.Store) *Collection

	Data       string   // absolute folder for uploads, conversations and feedback; "": there are none
	AllowPaths []string // folders below which clients may have paths indexed
	AllowURLs  []string // hosts that documents may be fetched from, see URLHost; none: no URLs are taken

	TrustedProxies []netip.Prefix // whose word on a client's address and scheme is taken
	Origins        []string       // of pages elsewhere that may use the server, such as https://intranet.example
	Tracer         *Tracer        // nil: nothing is traced

	MaxBody       int64         // bytes of a request; 0 means 1 MiB
	MaxUpload     int64         // bytes of an upload; 0 means 64 MiB
	MaxConcurrent int           // requests at a time; 0 means 20 a processor, 40 at least
	MaxStreams    int           // streams of events open at a time; 0 means 1024
	Timeout       time.Duration // for one request; 0 means five minutes
}

// Server answers HTTP requests. It is safe for concurrent use.
type Server struct {
	options Options
	log     *slog.Logger
	handler http.Handler
	slots   chan struct{} // requests that work
	streams chan struct{} // streams that are open
	turns   chan struct{} // streams that work

	metrics  *metrics
	recent   recent
	routes   []string   // patterns of all routes but the page's
	lines    sync.Mutex // held while a line is added to a file
	removing sync.Mutex // held while a collection is removed
	jobs     jobs
	rooted   chan struct{} // a job may have brought a new root
	fetcher  *http.Client  // of URLs

	mu     sync.Mutex
	open   map[string]*Collection
	leases map[string]*lease
	parts  map[string]*Collection        // by grant: what limited tokens see
	kept   map[string]*ask.Conversations // by folder
	busy   map[string]int                // requests under way, by token

	streaming map[string]int // streams, by token
}

// New returns a server. It opens nothing yet.
func New(o Options) (*Server, error) {
	if o.Open == nil {
		return nil, errors.New("api: Options.Open is missing")
	}
	if o.Tokens != nil && o.Over == nil {
		return nil, errors.New("api: Options.Tokens need Options.Over")
	}
	if o.Default == "" {
		o.Default = "default"
	}
	if o.MaxBody <= 0 {
		o.MaxBody = 1 << 20
	}
	if o.MaxUpload <= 0 {
		o.MaxUpload = ingest.DefaultMaxSize
	}
	if o.MaxConcurrent <= 0 {
		o.MaxConcurrent = max(40, 20*runtime.GOMAXPROCS(0))
	}
	if o.MaxStreams <= 0 {
		o.MaxStreams = 1024
	}
	if o.Timeout <= 0 {
		o.Timeout = 5 * time.Minute
	}
	s := &Server{options: o, log: o.Log, slots: make(chan struct{}, o.MaxConcurrent), open: map[string]*Collection{}, leases: map[string]*lease{},
		parts: map[string]*Collection{}, kept: map[string]*ask.Conversations{}, busy: map[string]int{}, streaming: map[string]int{}, rooted: make(chan struct{}, 1),
		streams: make(chan struct{}, o.MaxStreams), turns: make(chan struct{}, max(1, o.MaxConcurrent/2))}
	s.fetcher = s.newFetcher()
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if o.Data != "" && o.Write != nil {
		s.jobs.dir = filepath.Join(o.Data, jobsFolder)
	}
	s.jobs.failed = func(j *job, err error) *problem {
		p := explain(err)
		b, _ := j.state()
		s.log.Error("job failed", "job", b.ID, "kind", b.Kind, "collection", b.Collection, "code", p.Detail.Code, "error", err)
		return p
	}
	s.metrics = newMetrics(s)
	s.recent.began = time.Now().UTC()
	mux := &router{ServeMux: http.NewServeMux()}
	config := huma.DefaultConfig("lore", o.Version)
	config.Info.Description = "Answers from your own documents, every statement with a checked quote."
	config.CreateHooks = nil // no $schema fields and links in bodies
	config.DocsPath, config.SchemasPath = "", ""
	config.OpenAPIPath = "" // descriptionRoutes
	if o.Token != "" || o.Tokens != nil {
		config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer"}}
		config.Security = []map[string][]string{{"token": {}}}
	}
	routes := humago.New(mux, config)
	routes.UseMiddleware(noEmpty(routes))
	s.askRoutes(routes)
	s.searchRoutes(routes)
	s.whyNotRoutes(routes)
	s.questionRoutes(routes)
	s.activityRoutes(routes)
	s.documentRoutes(routes)
	s.collectionRoutes(routes)
	s.conversationRoutes(routes)
	s.jobRoutes(routes)
	s.uploadRoutes(mux, routes)
	s.openaiRoutes(mux)
	s.responseRoutes(mux)
	s.fileRoutes(mux)
	s.vectorStoreRoutes(mux)
	s.mcpRoutes(mux)
	s.metricRoutes(mux)
	s.healthRoutes(mux)
	s.descriptionRoutes(mux, routes)
	s.docsRoutes(mux, routes)
	s.pageRoutes(mux.ServeMux)
	mux.ServeMux.HandleFunc("/", s.noRoute(mux.ServeMux))
	s.routes = mux.patterns
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
		WriteTimeout:      s.options.Timeout + time.Minute, // streams set their own with each event
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

// Close ends all jobs and closes the collections.
func (s *Server) Close() error {
	s.jobs.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for name, l := range s.leases {
		errs = append(errs, l.Close())
		delete(s.leases, name)
	}
	for name, c := range s.open {
		errs = append(errs, c.Store.Close())
		delete(s.open, name)
	}
	return errors.Join(errs...)
}

// name resolves a collection's name for the sender of a request; "" is the
// default one. A collection that the sender may not see is not there.
func (s *Server) name(ctx context.Context, name string) (string, error) {
	g := grantOf(ctx)
	if name == "" {
		name = g.home(s.options.Default)
	}
	if !g.sees(name) || !collectionName(name) {
		return "", fmt.Errorf("collection %s: %w", name, store.ErrNoCollection)
	}
	return name, nil
}

// collection returns a collection as the sender of a request may see it; "" is
// the default one, which is empty before anything is indexed.
func (s *Server) collection(ctx context.Context, name string) (*Collection, error) {
	asked := name
	name, err := s.name(ctx, name)
	if err != nil {
		return nil, err
	}
	c, err := s.opened(ctx, name)
	if errors.Is(err, store.ErrNoCollection) && (asked == "" || name == s.options.Default) && s.options.Over != nil {
		c = s.options.Over(name, unindexed{name})
		c.Name = name
		return c, nil
	}
	if err != nil {
		return nil, err
	}
	return s.part(c, grantOf(ctx))
}

// partsKept bounds how many views of collections are kept.
const partsKept = 200

// part returns what a grant may see of a collection.
func (s *Server) part(c *Collection, g *grant) (*Collection, error) {
	if g.limit.Empty() {
		return c, nil
	}
	key, err := json.Marshal([]any{c.Name, g.limit.Paths, g.limit.Labels})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.parts[string(key)]; p != nil {
		return p, nil
	}
	if len(s.parts) >= partsKept {
		clear(s.parts)
	}
	p := s.options.Over(c.Name, &partStore{Store: c.Store, limit: g.limit})
	p.Name = c.Name
	s.parts[string(key)] = p
	return p, nil
}

// names lists the collections; the default one is there before it is indexed.
func (s *Server) names(ctx context.Context) ([]string, error) {
	if s.options.Names == nil {
		return []string{s.options.Default}, nil
	}
	names, err := s.options.Names(ctx)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(names, s.options.Default) && s.options.Over != nil {
		names = append(slices.Clone(names), s.options.Default)
		slices.Sort(names)
	}
	return names, nil
}

// namesFor lists the collections that the sender of a request may see.
func (s *Server) namesFor(ctx context.Context) ([]string, error) {
	names, err := s.names(ctx)
	g := grantOf(ctx)
	return slices.DeleteFunc(names, func(name string) bool { return !g.sees(name) }), err
}

// opened returns a collection as a whole.
func (s *Server) opened(ctx context.Context, name string) (*Collection, error) {
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
