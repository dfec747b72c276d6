package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/lore-kb/lore/api"
	"github.com/lore-kb/lore/ingest"
	"github.com/lore-kb/lore/ingest/extract"
	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/store"
	"github.com/lore-kb/lore/store/qdrantstore"
	"github.com/lore-kb/lore/store/sqlitestore"
)

func (p *program) serveCommand() *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve a web page and an API",
		Long: `Serve a web page and an API.

On loopback, which is the default, no token is needed. Any other address needs
one, in LORE_TOKEN or from "lore token create"; clients send it as Authorization: Bearer TOKEN.

Documents can be uploaded, and remembered folders brought up to date, by clients;
with --watch the server does that by itself. Vectors that are missing are made in
the background. The index is open for writing only while something is written, so
that "lore index" can run beside the server.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.serve(cmd.Context(), f) },
	}
	for _, key := range []string{"addr", "token", "model", "language", "caution", "reranker", "transcriber", "captioner", "password_file"} {
		settingFlag(cmd, key, "")
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.hosts, "host", nil, "`NAME` besides localhost that clients reach this server by; may be given several times")
	flags.BoolVar(&f.watch, "watch", false, "keep the remembered folders up to date while files change")
	flags.StringVar(&f.cert, "tls-cert", "", "speak TLS with the certificate in this `FILE`, in PEM; it is read again when it is renewed")
	flags.StringVar(&f.key, "tls-key", "", "`FILE` with the certificate's key")
	flags.StringVar(&f.logs, "log", "", "write every request and change to standard error, as `FORMAT` text or json")
	flags.StringArrayVar(&f.allowURLs, "allow-url", nil, "let clients have documents of this `HOST` fetched and indexed, such as docs.example.com or *.example.com; never from private addresses; may be given several times")
	flags.StringArrayVar(&f.proxies, "trusted-proxy", nil, "believe what proxies in this `NETWORK`, such as 10.0.0.0/8, say of a client's address and scheme; may be given several times")
	flags.StringArrayVar(&f.origins, "cors-origin", nil, "let pages of this `ORIGIN`, such as https://intranet.example, use the API from a browser; may be given several times")
	flags.BoolVar(&f.readOnly, "read-only", false, "take no uploads and no requests to index or remove")
	flags.StringArrayVar(&f.allowPaths, "allow-path", nil, "let clients have anything below this `FOLDER` indexed, without following links; may be given several times")
	return cmd
}

// serveFlags are the flags of `serve`.
type serveFlags struct {
	hosts, allowPaths, allowURLs []string
	proxies, origins             []string
	watch, readOnly              bool
	logs, cert, key              string
}

// gates checks the flags that say who may come in and what is fetched.
func (f *serveFlags) gates(o *api.Options) error {
	for _, host := range f.allowURLs {
		if err := api.URLHost(host); err != nil {
			return usagef("--allow-url: %w", err)
		}
	}
	for _, text := range f.proxies {
		network, err := netip.ParsePrefix(text)
		if address, e := netip.ParseAddr(text); e == nil {
			network, err = netip.PrefixFrom(address, address.BitLen()), nil
		}
		if err != nil {
			return usagef("--trusted-proxy %s: give an address or a network such as 10.0.0.0/8", text)
		}
		o.TrustedProxies = append(o.TrustedProxies, network.Masked())
	}
	for _, text := range f.origins {
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.User != nil || strings.Contains(text, "*") {
			return usagef("--cors-origin %s: give one origin by name, such as https://intranet.example", text)
		}
	}
	o.AllowURLs, o.Origins = f.allowURLs, f.origins
	return nil
}

func (p *program) serve(ctx context.Context, f serveFlags) error {
	if err := p.checkAddress(); err != nil {
		return err
	}
	for _, dir := range f.allowPaths {
		if !exists(dir) {
			return usagef("--allow-path %s: no such folder", dir)
		}
	}
	switch f.logs {
	case "":
	case "text":
		p.log = slog.New(slog.NewTextHandler(p.err, nil))
	case "json":
		p.log = slog.New(slog.NewJSONHandler(p.err, nil))
	default:
		return usagef("--log %s: the format is text or json", f.logs)
	}
	if (f.cert == "") != (f.key == "") {
		return usagef("--tls-cert and --tls-key belong together")
	}
	if f.watch && f.readOnly {
		return usagef("--watch writes: leave out --read-only")
	}
	server, err := p.server(ctx, f)
	if err != nil {
		return err
	}
	defer server.Close()
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", p.cfg.Addr)
	if err != nil {
		return fmt.Errorf("listen at %s: %w", p.cfg.Addr, unwrapped(err))
	}
	scheme := "http"
	if f.cert != "" {
		scheme = "https"
		if listener, err = secure(listener, f.cert, f.key); err != nil {
			return err
		}
	}
	p.note("lore is at %s://%s", scheme, listener.Addr())
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return server.Serve(ctx, listener) })
	switch {
	case f.watch:
		group.Go(func() error { return server.Watch(ctx) })
	case !f.readOnly:
		group.Go(func() error {
			if err := server.Fill(ctx); err != nil && ctx.Err() == nil {
				p.note("note: missing vectors are not made: %v", err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	p.note("stopped")
	return nil
}

// serveLockTimeout is how long a request waits for another process that writes.
const serveLockTimeout = 5 * time.Second

// server puts the server together.
func (p *program) server(ctx context.Context, f serveFlags) (*served, error) {
	generator, err := p.generator()
	if err != nil {
		return nil, err
	}
	embedder, err := p.readEmbedder(ctx)
	if err != nil {
		return nil, err
	}
	options := api.Options{
		Open:       p.opener(embedder, generator),
		Over:       func(_ string, st store.Store) *api.Collection { return p.collectionOver(st, embedder, generator) },
		Names:      p.collectionNames,
		Default:    p.cfg.Collection,
		Embedder:   embedder,
		Token:      p.cfg.Token,
		Tokens:     p.tokens(),
		Hosts:      f.hosts,
		AllowPaths: f.allowPaths,
		Data:       absolute(p.cfg.Data),
		Version:    version,
		Log:        p.log,
	}
	if err := f.gates(&options); err != nil {
		return nil, err
	}
	if options.Tracer, err = api.NewTracer(os.Getenv, version, p.log); err != nil {
		return nil, &exitError{exitUsage, err}
	}
	out := &served{tracer: options.Tracer}
	if !f.readOnly {
		transcriber, err := p.transcriber()
		if err != nil {
			return nil, errors.Join(err, out.Close())
		}
		if out.pool, err = p.readers(); err != nil {
			return nil, errors.Join(err, out.Close())
		}
		p.lockTimeout = serveLockTimeout
		options.Remove = p.removeCollection
		options.Write = func(ctx context.Context, name string, create bool) (store.Store, error) {
			how := writing
			if create {
				how = creating
			}
			return p.openNamed(ctx, name, how, modelOf(embedder))
		}
		options.Syncer = func(collection string, st store.Store, o ingest.SyncOptions) *ingest.Syncer {
			o.Collection, o.Embedder, o.Supported = collection, embedder, out.pool.Supported
			o.Transcriber, o.Recording = transcriber, extract.Recording
			return ingest.NewSyncer(st, out.pool, &o)
		}
	}
	if out.Server, err = api.New(options); err != nil {
		return nil, errors.Join(err, out.Close())
	}
	return out, nil
}

// served is a server with the processes that read files for it.
type served struct {
	*api.Server
	pool   *extract.Pool
	tracer *api.Tracer
}

// Close ends the server, then the readers.
func (s *served) Close() error {
	var errs []error
	if s.Server != nil {
		errs = append(errs, s.Server.Close())
	}
	if s.pool != nil {
		errs = append(errs, s.pool.Close())
	}
	errs = append(errs, s.tracer.Close())
	return errors.Join(errs...)
}

// removeCollection removes a collection from the store.
func (p *program) removeCollection(ctx context.Context, name string) error {
	if address, ok := p.qdrantAddress(); ok {
		return qdrantstore.RemoveCollection(ctx, qdrantstore.Options{Address: address, APIKey: p.cfg.QdrantKey, Collection: name})
	}
	return sqlitestore.RemoveCollection(ctx, p.cfg.Data, name)
}

// checkAddress refuses to serve beyond loopback without a token.
func (p *program) checkAddress() error {
	host, port, err := net.SplitHostPort(p.cfg.Addr)
	if err != nil {
		return usagef("%s: %q is not an address of the form HOST:PORT", p.cfg.Origin("addr"), p.cfg.Addr)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return usagef("%s: %q is not a port; give a number from 1 to 65535, such as 127.0.0.1:7331", p.cfg.Origin("addr"), port)
	}
	ip := net.ParseIP(host)
	if host == "localhost" || (ip != nil && ip.IsLoopback()) || p.cfg.Token != "" {
		return nil
	}
	if _, there, err := p.tokens().All(); there || err != nil {
		return err
	}
	return usagef("%s is open to others: make a token with `lore token create` or set LORE_TOKEN first, or serve at 127.0.0.1", p.cfg.Addr)
}

// opener opens collections for the server.
func (p *program) opener(embedder model.Embedder, generator model.Generator) func(context.Context, string) (*api.Collection, error) {
	return func(ctx context.Context, name string) (*api.Collection, error) {
		st, err := p.openNamed(ctx, name, reading, modelOf(embedder))
		if err != nil {
			return nil, err
		}
		return p.collectionOver(st, embedder, generator), nil
	}
}

// collectionOver is what the server needs of a collection, seen through a store.
func (p *program) collectionOver(st store.Store, embedder model.Embedder, generator model.Generator) *api.Collection {
	return &api.Collection{Store: st, Retriever: p.retriever(st, embedder), Assistant: p.assistant(st, embedder, generator)}
}

// modelOf is what a collection must have been embedded with.
func modelOf(embedder model.Embedder) store.Model {
	if embedder == nil {
		return store.Model{}
	}
	info := embedder.Info()
	return store.Model{Fingerprint: info.Fingerprint, Dimension: info.Dimension}
}

// collectionNames lists the collections of the store in order.
func (p *program) collectionNames(ctx context.Context) ([]string, error) {
	var names []string
	var err error
	if address, ok := p.qdrantAddress(); ok {
		names, err = qdrantstore.Collections(ctx, qdrantstore.Options{Address: address, APIKey: p.cfg.QdrantKey})
	} else {
		names, err = sqlitestore.Collections(p.cfg.Data)
	}
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	return names, nil
}

// unwrapped returns the innermost cause: net's errors repeat the address.
func unwrapped(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
