package qdrantstore_test

import (
	"fmt"
	"hash/fnv"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/qdrant/go-client/qdrant"

	"github.com/lore-kb/lore/store"
	"github.com/lore-kb/lore/store/qdrantstore"
	"github.com/lore-kb/lore/store/qdrantstore/qdranttest"
	"github.com/lore-kb/lore/store/storetest"
)

func open(t *testing.T, o qdrantstore.Options) *qdrantstore.Store {
	t.Helper()
	s, err := qdrantstore.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

const rootID = "5c56c793-69f3-4fbf-87e6-c4bf54c28c26"

// document makes a document with a point for each text.
func document(path, version string, texts ...string) store.Document {
	id := store.DocumentID("handbook", rootID, path)
	date := time.Date(2025, 2, 3, 4, 5, 6, 7, time.UTC)
	d := store.Document{DocumentInfo: store.DocumentInfo{ID: id, Root: rootID, Path: path, Version: version, Status: store.StatusOK, MediaType: "text/plain", Language: "en", Date: date},
		Text: strings.Join(texts, "\n")}
	d.Bytes = len(d.Text)
	at := 0
	for i, text := range texts {
		d.Points = append(d.Points, store.Point{ID: store.PointID(id, version, i), Digest: store.Digest(text), Sparse: terms(text),
			Payload: store.Payload{DocumentID: id, Version: version, Ordinal: i, Path: path, Root: rootID, MediaType: "text/plain", Language: "en",
				Start: at, End: at + len(text), Date: date, Text: text}})
		at += len(text) + 1
	}
	return d
}

// terms weighs the words of a text.
func terms(text string) store.SparseVector {
	var v store.SparseVector
	for _, w := range strings.Fields(text) {
		h := fnv.New32a()
		h.Write([]byte(w))
		v.Indices, v.Values = append(v.Indices, h.Sum32()), append(v.Values, 1)
	}
	v.Sort()
	for i, tf := range v.Values {
		v.Values[i] = 2.2 * tf / (tf + 1.2)
	}
	return v
}

// vector is a dense vector that depends on the seed alone.
func vector(seed string) store.Vector {
	v := make(store.Vector, storetest.Model.Dimension)
	h := fnv.New64a()
	h.Write([]byte(seed))
	x := h.Sum64()
	for i := range v {
		x = x*6364136223846793005 + 1442695040888963407
		v[i] = float32(int32(x>>32)) / (1 << 31)
	}
	return v
}

// texts are n texts of a document's version; all hold its path and "common".
func texts(path, version string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("common %s %s-%s chunk%d", path, path, version, i)
	}
	return out
}

// found returns the texts of the hits for words, sorted.
func found(t *testing.T, s store.Store, words string, limit int) []string {
	t.Helper()
	hits, err := s.Search(t.Context(), store.Query{Leg: store.LegSparse, Sparse: terms(words), Limit: limit})
	if err != nil {
		t.Fatal(err)
	}
	out := make([]string, len(hits))
	for i, h := range hits {
		out[i] = h.Payload.Text
	}
	slices.Sort(out)
	return out
}

func versions(t *testing.T, s store.Store) map[string]string {
	t.Helper()
	out := map[string]string{}
	for d, err := range s.Documents(t.Context(), store.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		out[d.Path] = d.Version
	}
	return out
}

// pointsOn is how many points of documents the server holds for collection
// "handbook", committed or not.
func pointsOn(server *qdranttest.Server) int { return server.Points("lore.handbook") - 1 }

// rawConfig is of a client that knows nothing of lore.
func rawConfig(t *testing.T, server *qdranttest.Server) *qdrant.Config {
	t.Helper()
	host, port, err := net.SplitHostPort(server.Address())
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return &qdrant.Config{Host: host, Port: n, SkipCompatibilityCheck: true}
}
