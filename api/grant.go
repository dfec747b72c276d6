package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/lore-kb/lore/store"
)

// Scope is what a token may do. Each scope holds the ones before it.
type Scope string

// Scopes.
const (
	ScopeRead  Scope = "read"  // ask, search, read documents; conversations of one's own
	ScopeWrite Scope = "write" // and index, upload, remove
	ScopeAdmin Scope = "admin" // and remove collections, metrics and profiles
)

var scopes = []Scope{ScopeRead, ScopeWrite, ScopeAdmin}

// holds reports whether a scope holds another.
func (s Scope) holds(other Scope) bool {
	return slices.Index(scopes, s) >= slices.Index(scopes, other) && slices.Contains(scopes, other)
}

// grant is what the sender of a request may do and see.
type grant struct {
	id          string // of the token; "" where none is asked for, and for the server's own
	scope       Scope
	collections []string     // "" list: all
	limit       store.Filter // empty: every document
}

// everything is the grant of the server's own token, and of everyone where no
// token is asked for.
var everything = &grant{scope: ScopeAdmin}

// sees reports whether a collection exists for the grant.
func (g *grant) sees(collection string) bool {
	return len(g.collections) == 0 || slices.Contains(g.collections, collection)
}

// home is the collection of requests that name none.
func (g *grant) home(usual string) string {
	if g.sees(usual) {
		return usual
	}
	return g.collections[0]
}

func withGrant(ctx context.Context, g *grant) context.Context {
	return context.WithValue(ctx, grantKey, g)
}

// grantOf returns the grant of a request; one that came past the guard has the
// grant to nothing.
func grantOf(ctx context.Context) *grant {
	if g, ok := ctx.Value(grantKey).(*grant); ok {
		return g
	}
	return &grant{collections: []string{""}}
}

// wants returns the scope that a request needs.
func wants(r *http.Request) Scope {
	path := r.URL.Path
	under := func(root string) bool {
		return path == root || len(path) > len(root) && path[:len(root)] == root && path[len(root)] == '/'
	}
	switch {
	case under("/metrics"), under("/debug"), under("/v1/questions"), under("/v1/activity"), under("/v1/evals"):
		return ScopeAdmin
	case under("/v1/index"), under("/v1/jobs"):
		return ScopeWrite
	case r.Method == http.MethodGet, r.Method == http.MethodHead:
		return ScopeRead
	case r.Method == http.MethodDelete && (under("/v1/collections") || under("/v1/vector_stores") && strings.Count(path, "/") == 3):
		return ScopeAdmin // of a whole collection
	case under("/v1/vector_stores") && strings.HasSuffix(path, "/search"):
		return ScopeRead
	case under("/v1/documents"), under("/v1/collections"), under("/v1/files"), under("/v1/vector_stores"):
		return ScopeWrite
	}
	return ScopeRead
}
