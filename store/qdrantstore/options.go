package qdrantstore

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/lore-kb/lore/store"
)

// Options say what to open; the zero value is the collection "default" on this
// machine.
type Options struct {
	// Address is qdrant://HOST:PORT, qdrants:// or https:// for TLS, http://, or
	// HOST:PORT; the port is that of gRPC. Empty: localhost:6334.
	Address   string
	APIKey    string
	TLS       bool        // speak TLS whatever the address says
	TLSConfig *tls.Config // for a private authority; nil: the system's, TLS 1.2 or newer

	Collection string      // "default" when empty
	Model      store.Model // see store.Model
	Create     bool        // make the collection when there is none
	ReadOnly   bool

	Timeout  time.Duration // of one attempt of one call; 0: 30 s
	Attempts int           // of one call, when the server is away or overloaded; 0: 6
	Backoff  time.Duration // pause before the second attempt, doubled for each further one up to 5 s; 0: 200 ms

	// How a new collection is laid out; an existing one stays as it is.
	Shards           int // 0: 1. Several shards count document frequencies each for itself
	Replicas         int // 0: 1
	WriteConsistency int // replicas that must have a write before it counts; 0: the server's default
	Storage          Storage

	BatchPoints int // points of one request; 0: 256
	BatchBytes  int // of one request, roughly; 0: 8 MiB
	Writers     int // requests on the way at a time; 0: 4

	// Dial replaces the network; for tests.
	Dial func(ctx context.Context, address string) (net.Conn, error)
}

// Storage says what a new collection keeps in memory. The zero value suits a
// collection that is larger than memory: vectors, payload and sparse index on
// disk, an 8-bit copy of the vectors in memory, answers rescored exactly.
type Storage struct {
	VectorsInMemory bool
	PayloadInMemory bool
	SparseInMemory  bool
	NoQuantization  bool
}

func (o Options) withDefaults() Options {
	set := func(v *int, def int) {
		if *v <= 0 {
			*v = def
		}
	}
	if o.Collection == "" {
		o.Collection = "default"
	}
	set(&o.Attempts, 6)
	set(&o.Shards, 1)
	set(&o.Replicas, 1)
	set(&o.BatchPoints, 256)
	set(&o.BatchBytes, 8<<20)
	set(&o.Writers, 4)
	if o.Timeout <= 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Backoff <= 0 {
		o.Backoff = 200 * time.Millisecond
	}
	return o
}

// Default ports of Qdrant.
const (
	grpcPort = 6334
	restPort = 6333
)

// endpoint is an address taken apart.
type endpoint struct {
	host string
	port int
	tls  bool
}

func (e endpoint) String() string { return net.JoinHostPort(e.host, strconv.Itoa(e.port)) }

func parseAddress(address string) (endpoint, error) {
	e := endpoint{host: "localhost", port: grpcPort}
	rest := strings.TrimSpace(address)
	if rest == "" {
		return e, nil
	}
	bad := func(why string) (endpoint, error) {
		return endpoint{}, fmt.Errorf("qdrant address %q: %s; write qdrant://HOST:%d", address, why, grpcPort)
	}
	if !strings.Contains(rest, "://") {
		rest = "qdrant://" + rest
	}
	u, err := url.Parse(rest)
	if err != nil {
		return bad("not an address")
	}
	switch u.Scheme {
	case "qdrant", "http", "grpc":
	case "qdrants", "https", "grpcs":
		e.tls = true
	default:
		return bad(fmt.Sprintf("unknown scheme %q", u.Scheme))
	}
	if u.Hostname() == "" {
		return bad("no host")
	}
	if u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.User != nil {
		return bad("only host and port are used")
	}
	e.host = u.Hostname()
	if p := u.Port(); p != "" {
		if e.port, err = strconv.Atoi(p); err != nil || e.port < 1 || e.port > 65535 {
			return bad("not a port")
		}
	}
	return e, nil
}
