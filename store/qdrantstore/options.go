package qdrantstore

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/lore-kb/lore/store"
)

// Options say what to open; the zero value is the collection "default" on this
// machine.
type Options struct {
	// Address is qdrant://HOST:PORT, qdrants:// or https:// for TLS, http://, or
	// HOST:PORT; the port is that of gRPC. Empty: localhost:6334. Several nodes of
	// a cluster are HOST:PORT,HOST:PORT: calls go to those that answer. What
	// follows a question mark sets what these options leave at zero; names and values
	// are in address.go and docs/SCALING.md.
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
	if a, err := parseAddress(o.Address); err == nil {
		o = a.fill(o)
	}
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
