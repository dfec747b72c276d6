package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// leg says what an engine is asked by.
type leg string

const (
	words   leg = "words"
	vectors leg = "vectors"
)

// engine is one way of searching.
type engine struct {
	name     string // unique
	leg      leg
	language string // that it is written in
	note     string
	exact    bool // its answers are what recall is counted by
	peer     bool // run by peers.py
	module   string
	index    func(ctx context.Context, s *settings, dir string) error
	open     func(ctx context.Context, s *settings, dir string) (searcher, error)
	// cost, when set, replaces the time that index took by what it says.
	cost func(dir string) (buildCost, bool)
}

// searcher answers questions with the numbers of the best ten chunks, best
// first.
type searcher interface {
	search(ctx context.Context, q *question) ([]int, error)
	Close() error
}

// limit is how many hits a question asks for.
const limit = 10

// engines in the order in which they run: exact answers first.
var engines = []engine{
	{name: "scan/words", leg: words, language: "Go", exact: true, note: "every chunk's term weights, one after the other", index: noIndex, open: openWordScan},
	{name: "lore/words", leg: words, language: "Go", note: "text, record and index of each document in one store", index: indexLoreWords, open: openLoreWords},
	{name: "bleve/words", leg: words, language: "Go", note: "scorch, BM25, stemmed, all words kept, text stored", index: indexBleve, open: openBleve},
	{name: "fts5/words", leg: words, language: "C as Go", note: "SQLite by modernc, fed with lore's own terms, text beside it", index: indexFTS5, open: openFTS5},
	{name: "tantivy/words", leg: words, language: "Rust", note: "Python package, one writer thread, stemmed, text stored", peer: true, module: "tantivy"},
	{name: "scan/vectors", leg: vectors, language: "Go", exact: true, note: "float32, a plain loop", index: noIndex, open: openVectorScan},
	{name: "lore/vectors", leg: vectors, language: "Go", note: "beside the words of lore/words; the time is of adding vectors", index: indexLoreVectors, open: openLoreVectors, cost: loreVectorCost},
	{name: "chromem/vectors", leg: vectors, language: "Go", note: "persistent, a file a document", index: indexChromem, open: openChromem},
	{name: "sqlite-vec/vectors", leg: vectors, language: "C as Go", note: "vec0 by modernc, float32, cosine; vectors alone", index: indexSQLiteVec, open: openSQLiteVec},
	{name: "faiss-flat/vectors", leg: vectors, language: "C++", note: "Python package, float32; vectors alone", peer: true, module: "faiss"},
	{name: "faiss-sq8/vectors", leg: vectors, language: "C++", note: "Python package, 8 bits a number; vectors alone", peer: true, module: "faiss"},
	{name: "qdrant/words", leg: words, language: "Rust", note: "lore's store on a server, whose memory and disk are not counted", index: indexQdrant, open: openQdrantWords, cost: qdrantCost("texts")},
	{name: "qdrant/vectors", leg: vectors, language: "Rust", note: "the same collection", index: noIndex, open: openQdrantVectors, cost: qdrantCost("vectors")},
}

func engineNames() []string {
	var out []string
	for _, e := range engines {
		out = append(out, e.name)
	}
	return out
}

// chooseEngines picks engines by name; empty means all, Qdrant only where it has
// an address.
func chooseEngines(list, qdrant string) ([]engine, error) {
	var wanted []string
	if list != "" {
		wanted = strings.Split(list, ",")
	}
	var out []engine
	for _, e := range engines {
		if list == "" && (qdrant != "" || !strings.HasPrefix(e.name, "qdrant/")) || slices.Contains(wanted, e.name) {
			out = append(out, e)
		}
	}
	for _, w := range wanted {
		if !slices.Contains(engineNames(), w) {
			return nil, fmt.Errorf("no engine %q; there are %s", w, strings.Join(engineNames(), ", "))
		}
	}
	return out, nil
}

// missing says why the engine cannot run here; "" when it can.
func (e *engine) missing(s *settings) string {
	if e.peer && !pythonHas(s.python, e.module) {
		return "the Python package " + e.module + " is not there"
	}
	if strings.HasPrefix(e.name, "qdrant/") && s.qdrant == "" {
		return "no -qdrant address"
	}
	return ""
}

func noIndex(context.Context, *settings, string) error { return nil }
