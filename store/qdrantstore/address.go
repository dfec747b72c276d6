package qdrantstore

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Default ports of Qdrant.
const (
	grpcPort = 6334
	restPort = 6333
)

// endpoint is a node of an address.
type endpoint struct {
	host string
	port int
}

func (e endpoint) String() string { return net.JoinHostPort(e.host, strconv.Itoa(e.port)) }

// address is an address taken apart.
type address struct {
	nodes    []endpoint // at least one
	tls      bool
	settings url.Values
}

func (a address) String() string {
	names := make([]string, len(a.nodes))
	for i, n := range a.nodes {
		names[i] = n.String()
	}
	return strings.Join(names, ",")
}

// addressSettings are what an address may set behind a question mark, as in
// qdrant://a:6334,b:6334?shards=6&replicas=2, and what each is. Those of a new
// collection's layout say nothing of one that is there.
var addressSettings = map[string]string{
	"shards":            "parts of a new collection, on as many nodes",
	"replicas":          "copies of each part of a new collection",
	"write-consistency": "copies of a new collection that must have a write before it counts",
	"vectors":           "disk or memory: where a new collection keeps whole vectors",
	"payload":           "disk or memory: where a new collection keeps texts",
	"sparse":            "disk or memory: where a new collection keeps the index of words",
	"quantization":      "on or off: whether a new collection keeps an 8-bit copy of the vectors in memory",
	"timeout":           "of one attempt of a call, such as 30s",
	"attempts":          "of a call, when the server is away or has too much to do",
	"batch":             "points of one request",
	"writers":           "requests on the way at a time",
}

// parseAddress takes an address apart and checks its settings.
func parseAddress(text string) (address, error) {
	bad := func(why string, args ...any) (address, error) {
		return address{}, fmt.Errorf("qdrant address %q: %s; write qdrant://HOST:%d", text, fmt.Sprintf(why, args...), grpcPort)
	}
	rest := strings.TrimSpace(text)
	if rest == "" {
		return address{nodes: []endpoint{{"localhost", grpcPort}}}, nil
	}
	scheme, hosts, found := strings.Cut(rest, "://")
	if !found {
		scheme, hosts = "qdrant", rest
	}
	var a address
	switch scheme {
	case "qdrant", "http", "grpc":
	case "qdrants", "https", "grpcs":
		a.tls = true
	default:
		return bad("unknown scheme %q", scheme)
	}
	hosts, query, _ := strings.Cut(hosts, "?")
	hosts = strings.TrimSuffix(hosts, "/")
	if strings.ContainsAny(hosts, "/@#") {
		return bad("only hosts and ports are used")
	}
	for host := range strings.SplitSeq(hosts, ",") {
		e, why := parseNode(strings.TrimSpace(host))
		if why != "" {
			return bad("%s", why)
		}
		if !slices.Contains(a.nodes, e) {
			a.nodes = append(a.nodes, e)
		}
	}
	var err error
	if a.settings, err = url.ParseQuery(query); err != nil {
		return bad("what follows the question mark is not NAME=VALUE&NAME=VALUE")
	}
	for _, name := range slices.Sorted(maps.Keys(a.settings)) {
		if _, known := addressSettings[name]; !known {
			return address{}, fmt.Errorf("qdrant address %q: no setting %q; there are %s", text, name, strings.Join(slices.Sorted(maps.Keys(addressSettings)), ", "))
		}
		var o Options
		if why := set(&o, name, a.settings.Get(name)); why != "" {
			return address{}, fmt.Errorf("qdrant address %q: %s=%s: write %s", text, name, a.settings.Get(name), why)
		}
	}
	return a, nil
}

func parseNode(text string) (e endpoint, why string) {
	u, err := url.Parse("qdrant://" + text)
	switch {
	case err != nil:
		return e, "not an address"
	case u.Hostname() == "":
		return e, "no host"
	}
	e = endpoint{u.Hostname(), grpcPort}
	if p := u.Port(); p != "" {
		if e.port, err = strconv.Atoi(p); err != nil || e.port < 1 || e.port > 65535 {
			return e, "not a port"
		}
	}
	return e, ""
}

// fill sets the options that are zero to what the address says.
func (a address) fill(o Options) Options {
	for _, name := range slices.Sorted(maps.Keys(a.settings)) {
		set(&o, name, a.settings.Get(name))
	}
	return o
}

// set sets an option if it is zero; it says what a value looks like when this is
// none.
func set(o *Options, name, value string) (why string) {
	number := func(into *int) string {
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 {
			return "a whole number from 1"
		}
		if *into == 0 {
			*into = n
		}
		return ""
	}
	choice := func(into *bool, off, on string) string {
		if value != off && value != on {
			return off + " or " + on
		}
		*into = *into || value == on
		return ""
	}
	switch name {
	case "shards":
		return number(&o.Shards)
	case "replicas":
		return number(&o.Replicas)
	case "write-consistency":
		return number(&o.WriteConsistency)
	case "attempts":
		return number(&o.Attempts)
	case "batch":
		return number(&o.BatchPoints)
	case "writers":
		return number(&o.Writers)
	case "vectors":
		return choice(&o.Storage.VectorsInMemory, "disk", "memory")
	case "payload":
		return choice(&o.Storage.PayloadInMemory, "disk", "memory")
	case "sparse":
		return choice(&o.Storage.SparseInMemory, "disk", "memory")
	case "quantization":
		return choice(&o.Storage.NoQuantization, "on", "off")
	case "timeout":
		d, err := time.ParseDuration(value)
		if err != nil || d <= 0 {
			return "a time such as 30s"
		}
		if o.Timeout == 0 {
			o.Timeout = d
		}
	}
	return ""
}
