package qdrantstore

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	"github.com/lore-kb/lore/store"
)

// Oldest server that has what the store asks of it: filters by the presence of
// a vector, facets over integers, named sparse vectors with frequencies.
const (
	oldestMajor = 1
	oldestMinor = 13
)

// Largest message in either direction.
const messageBytes = 64 << 20

// connection is a client with its address and its habits.
type connection struct {
	client  *qdrant.Client
	target  string // host:port of each node, for messages
	options Options
	address address
	version string // of the server
}

// dial connects and makes sure that a Qdrant server answers.
func dial(ctx context.Context, o Options) (*connection, error) {
	a, err := parseAddress(o.Address)
	if err != nil {
		return nil, err
	}
	o = o.withDefaults()
	c := &connection{target: a.String(), options: o, address: a}
	useTLS := a.tls || o.TLS || o.TLSConfig != nil
	tlsConf := o.TLSConfig
	if tlsConf == nil {
		tlsConf = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	retry := newRetrier(o, len(a.nodes))
	options := []grpc.DialOption{
		grpc.WithChainUnaryInterceptor(keyInterceptor(o.APIKey), retry.intercept),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(messageBytes), grpc.MaxCallSendMsgSize(messageBytes)),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * time.Second},
			MinConnectTimeout: 5 * time.Second,
		}),
	}
	keepAlive := 30 // seconds
	if len(a.nodes) > 1 {
		keepAlive = 10 // what there is to gain is the other nodes; gRPC allows no less
	}
	host := a.nodes[0].host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	switch {
	case len(a.nodes) > 1:
		host = nodesScheme + ":///" + host
		options = append(options, grpc.WithResolvers(nodeList(a.nodes)), grpc.WithDefaultServiceConfig(nodesInTurn))
	case o.Dial != nil:
		host = "passthrough:///" + host
	}
	if o.Dial != nil {
		options = append(options, grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) { return o.Dial(ctx, address) }))
	}
	c.client, err = qdrant.NewClient(&qdrant.Config{
		Host: host, Port: a.nodes[0].port, UseTLS: useTLS, TLSConfig: tlsConf,
		PoolSize: 2, KeepAliveTime: keepAlive, KeepAliveTimeout: uint(keepAlive / 3),
		SkipCompatibilityCheck: true, // it has neither deadline nor context; health does the same below
		GrpcOptions:            options,
	})
	if err != nil {
		return nil, fmt.Errorf("qdrant at %s: %w", c.target, err)
	}
	if err := c.health(ctx); err != nil {
		c.client.Close()
		return nil, err
	}
	return c, nil
}

// health asks the server for its version.
func (c *connection) health(ctx context.Context) error {
	short, cancel := context.WithTimeout(withAttempts(ctx, 2), min(c.options.Timeout, 10*time.Second))
	defer cancel()
	reply, err := c.client.HealthCheck(short)
	if err != nil {
		return c.fail(ctx, "connect", err)
	}
	c.version = reply.GetVersion()
	major, minor, ok := parseVersion(c.version)
	if ok && (major < oldestMajor || major == oldestMajor && minor < oldestMinor) {
		return fmt.Errorf("qdrant at %s is version %s, too old; upgrade it to %d.%d or newer: %w", c.target, c.version, oldestMajor, oldestMinor, store.ErrUnavailable)
	}
	return nil
}

func parseVersion(v string) (major, minor int, ok bool) {
	parts := strings.SplitN(strings.TrimPrefix(v, "v"), ".", 3)
	if len(parts) < 2 {
		return 0, 0, false
	}
	major, err1 := strconv.Atoi(parts[0])
	minor, err2 := strconv.Atoi(parts[1])
	return major, minor, err1 == nil && err2 == nil
}

func (c *connection) close() error { return c.client.Close() }
