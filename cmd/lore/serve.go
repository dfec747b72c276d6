package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"

	"github.com/spf13/cobra"

	"github.com/lore-kb/lore/api"
	"github.com/lore-kb/lore/model"
	"github.com/lore-kb/lore/retrieve"
	"github.com/lore-kb/lore/store"
	"github.com/lore-kb/lore/store/qdrantstore"
	"github.com/lore-kb/lore/store/sqlitestore"
)

func (p *program) serveCommand() *cobra.Command {
	var hosts []string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve a web page and an API",
		Long: `Serve a web page and an API.

On loopback, which is the default, no token is needed. Any other address needs
one, in LORE_TOKEN or --token; clients send it as Authorization: Bearer TOKEN.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.serve(cmd.Context(), hosts) },
	}
	for _, key := range []string{"addr", "token", "model", "language", "caution"} {
		settingFlag(cmd, key, "")
	}
	cmd.Flags().StringArrayVar(&hosts, "host", nil, "`NAME` besides localhost that clients reach this server by; may be given several times")
	return cmd
}

func (p *program) serve(ctx context.Context, hosts []string) error {
	if err := p.checkAddress(); err != nil {
		return err
	}
	server, err := p.server(ctx, hosts)
	if err != nil {
		return err
	}
	defer server.Close()
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", p.cfg.Addr)
	if err != nil {
		return fmt.Errorf("listen at %s: %w", p.cfg.Addr, unwrapped(err))
	}
	p.note("lore is at http://%s", listener.Addr())
	if err := server.Serve(ctx, listener); err != nil {
		return err
	}
	p.note("stopped")
	return nil
}

// server puts the server together.
func (p *program) server(ctx context.Context, hosts []string) (*api.Server, error) {
	generator, err := p.generator()
	if err != nil {
		return nil, err
	}
	embedder, err := p.readEmbedder(ctx)
	if err != nil {
		return nil, err
	}
	return api.New(api.Options{
		Open:     p.opener(embedder, generator),
		Names:    p.collectionNames,
		Default:  p.cfg.Collection,
		Embedder: embedder,
		Token:    p.cfg.Token,
		Hosts:    hosts,
		Version:  version,
		Log:      p.log,
	})
}

// checkAddress refuses to serve beyond loopback without a token.
func (p *program) checkAddress() error {
	host, _, err := net.SplitHostPort(p.cfg.Addr)
	if err != nil {
		return usagef("%s: %q is not an address of the form HOST:PORT", p.cfg.Origin("addr"), p.cfg.Addr)
	}
	ip := net.ParseIP(host)
	if host == "localhost" || (ip != nil && ip.IsLoopback()) || p.cfg.Token != "" {
		return nil
	}
	return usagef("%s is open to others: set a token with LORE_TOKEN first, or serve at 127.0.0.1", p.cfg.Addr)
}

// opener opens collections for the server.
func (p *program) opener(embedder model.Embedder, generator model.Generator) func(context.Context, string) (*api.Collection, error) {
	return func(ctx context.Context, name string) (*api.Collection, error) {
		var wanted store.Model
		if embedder != nil {
			info := embedder.Info()
			wanted = store.Model{Fingerprint: info.Fingerprint, Dimension: info.Dimension}
		}
		st, err := p.openNamed(ctx, name, reading, wanted)
		if err != nil {
			return nil, err
		}
		retriever := retrieve.New(st, &retrieve.Options{Embedder: embedder})
		return &api.Collection{Store: st, Retriever: retriever, Assistant: p.assistant(st, embedder, generator)}, nil
	}
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
