package qdrantstore_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/lore-kb/lore/store"
	"github.com/lore-kb/lore/store/qdrantstore"
	"github.com/lore-kb/lore/store/qdrantstore/qdranttest"
)

// cluster is three nodes and options that name them all.
func cluster(t *testing.T) ([]*qdranttest.Server, qdrantstore.Options) {
	nodes := []*qdranttest.Server{qdranttest.Start(t)}
	nodes = append(nodes, nodes[0].Join(), nodes[0].Join())
	o := options(nodes[0])
	o.Address = nodes[0].Address() + "," + nodes[1].Address() + "," + nodes[2].Address() + "?shards=3&replicas=2"
	return nodes, o
}

func problems(t *testing.T, s store.Checker) string {
	t.Helper()
	list, err := s.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, p := range list {
		lines = append(lines, p.String())
	}
	return strings.Join(lines, "\n")
}

// TestNodesFail takes each node of three away in turn: writing and searching go
// on, and doctor names the node.
func TestNodesFail(t *testing.T) {
	nodes, o := cluster(t)
	s := open(t, o)
	put(t, s, document("a", "1", texts("a", "1", 6)...))
	for i, n := range nodes {
		n.Down()
		version := string(rune('2' + i))
		put(t, s, document("a", version, texts("a", version, 5+i)...))
		if got := found(t, s, "common", 20); len(got) != 5+i {
			t.Errorf("without node %d: found %q", i, got)
		}
		if got := found(t, open(t, o), "common", 20); len(got) != 5+i {
			t.Errorf("without node %d: a new handle found %q", i, got)
		}
		if got := problems(t, s); !strings.Contains(got, n.Address()) || strings.Contains(got, "\n") {
			t.Errorf("without node %d: problems %q", i, got)
		}
		n.Up()
	}
	if got := problems(t, s); got != "" {
		t.Errorf("problems of a whole cluster: %q", got)
	}
	for _, n := range nodes {
		n.Down()
	}
	o.Attempts = 2
	_, err := qdrantstore.Open(t.Context(), o)
	if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), nodes[0].Address()+","+nodes[1].Address()) {
		t.Errorf("without any node: %v", err)
	}
}

// TestNodeDiesDuringWrite takes a node away in the middle of a write, with its
// answer lost.
func TestNodeDiesDuringWrite(t *testing.T) {
	for skip := range 4 {
		nodes, o := cluster(t)
		o.BatchPoints, o.Writers = 4, 2
		s := open(t, o)
		for _, n := range nodes[:2] {
			n.Inject(qdranttest.Fault{Method: "Upsert", Skip: skip, Code: codes.Unavailable, LoseAck: true, Do: func() { go n.Down() }})
		}
		put(t, s, document("a", "1", texts("a", "1", 40)...), document("b", "1", texts("b", "1", 30)...))
		if got := found(t, s, "common", 100); len(got) != 70 || pointsOn(nodes[2]) != 70 {
			t.Errorf("skip %d: found %d of 70; %d points on the server", skip, len(got), pointsOn(nodes[2]))
		}
	}
}

// TestNodeFreezes leaves the calls to a node unanswered: others are asked.
func TestNodeFreezes(t *testing.T) {
	nodes, o := cluster(t)
	o.Timeout = 3 * time.Second
	s := open(t, o)
	put(t, s, document("a", "1", texts("a", "1", 6)...))
	nodes[1].Inject(qdranttest.Fault{Times: -1, Delay: time.Hour})
	for range 6 {
		if got := found(t, s, "common", 20); len(got) != 6 {
			t.Errorf("found %q", got)
		}
	}
}

func TestDeadReplicas(t *testing.T) {
	server := qdranttest.StartWith(t, qdranttest.Options{DeadReplicas: 1})
	if got := problems(t, open(t, options(server))); strings.Count(got, "1 of 2 copies") != 2 {
		t.Errorf("problems %q", got)
	}
}
