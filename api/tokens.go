package api

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lore-kb/lore/store"
)

// Token says what its bearer may do. The secret itself is not kept, only its
// hash: it is long and random, so that a plain hash is enough.
type Token struct {
	ID         string            `json:"id"`
	Name       string            `json:"name,omitempty"`
	Hash       string            `json:"sha256"`
	Scope      Scope             `json:"scope"`
	Collection string            `json:"collection,omitempty"` // "": all
	Paths      []string          `json:"paths,omitempty"`      // as store.Filter.Paths
	Labels     map[string]string `json:"labels,omitempty"`     // as store.Filter.Labels
	Created    time.Time         `json:"created"`
	Expires    time.Time         `json:"expires,omitzero"` // zero: never
}

// Expired reports whether the token is past its time.
func (t *Token) Expired(now time.Time) bool { return !t.Expires.IsZero() && !now.Before(t.Expires) }

func (t *Token) check() error {
	switch {
	case !slices.Contains(scopes, t.Scope):
		return fmt.Errorf("scope %q is not known; use read, write or admin", t.Scope)
	case t.Collection != "" && !collectionName(t.Collection):
		return fmt.Errorf("%q is not the name of a collection", t.Collection)
	case t.Scope != ScopeRead && len(t.Paths)+len(t.Labels) > 0:
		return errors.New("a token that is limited to some documents can only read")
	case t.Scope == ScopeAdmin && t.Collection != "":
		return errors.New("a token with the scope admin is for all collections")
	}
	return nil
}

func (t *Token) grant() *grant {
	g := &grant{id: t.ID, scope: t.Scope, limit: store.Filter{Paths: t.Paths, Labels: t.Labels}}
	if t.Collection != "" {
		g.collections = []string{t.Collection}
	}
	return g
}

// ErrNoToken is returned for an ID that no token has.
var ErrNoToken = errors.New("no such token")

// secretPrefix makes a leaked token recognisable.
const secretPrefix = "lore_"

// Tokens keeps tokens in a file that only its owner can read. Changes by other
// processes count from the next request on. It is safe for concurrent use.
type Tokens struct {
	File string

	mu   sync.Mutex
	seen fs.FileInfo // of the file that list was read from; nil: none
	list []Token
}

// All returns the tokens, oldest first, and whether the file is there: from the
// first token on one is asked for, even when all are revoked.
func (t *Tokens) All() ([]Token, bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.read(); err != nil {
		return nil, true, err
	}
	return slices.Clone(t.list), t.seen != nil, nil
}

// read reads the file unless it is the one that was read last; the caller holds
// mu.
func (t *Tokens) read() error {
	info, err := os.Stat(t.File)
	if errors.Is(err, fs.ErrNotExist) {
		t.seen, t.list = nil, nil
		return nil
	}
	if err != nil {
		return fmt.Errorf("read tokens: %w", err)
	}
	if t.seen != nil && os.SameFile(t.seen, info) && t.seen.Size() == info.Size() && t.seen.ModTime().Equal(info.ModTime()) {
		return nil
	}
	b, err := os.ReadFile(t.File)
	if err != nil {
		return fmt.Errorf("read tokens: %w", err)
	}
	var list []Token
	if err := json.Unmarshal(b, &list); err != nil {
		return fmt.Errorf("read tokens: %s: %w", t.File, err)
	}
	t.seen, t.list = info, list
	return nil
}

// write replaces the file as a whole; the caller holds mu.
func (t *Tokens) write(list []Token) error {
	if err := os.MkdirAll(filepath.Dir(t.File), 0o755); err != nil {
		return fmt.Errorf("write tokens: %w", err)
	}
	b, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return fmt.Errorf("write tokens: %w", err)
	}
	temporary, err := os.CreateTemp(filepath.Dir(t.File), ".tokens-*") // readable by the owner alone
	if err != nil {
		return fmt.Errorf("write tokens: %w", err)
	}
	_, err = temporary.Write(append(b, '\n'))
	err = errors.Join(err, temporary.Sync(), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), t.File)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write tokens: %w", err), os.Remove(temporary.Name()))
	}
	return t.read()
}

// Create adds a token and returns its secret, which is not to be had again. ID,
// Hash and Created are filled in.
func (t *Tokens) Create(token Token) (secret string, _ *Token, err error) {
	if err := token.check(); err != nil {
		return "", nil, err
	}
	var b [30]byte
	_, _ = rand.Read(b[:]) // never fails
	secret = secretPrefix + base64.RawURLEncoding.EncodeToString(b[6:])
	token.ID, token.Hash, token.Created = hex.EncodeToString(b[:6]), hashOf(secret), time.Now().UTC().Truncate(time.Second)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.read(); err != nil {
		return "", nil, err
	}
	return secret, &token, t.write(append(slices.Clone(t.list), token))
}

// Revoke removes a token by its ID or its name, or returns an error wrapping
// ErrNoToken.
func (t *Tokens) Revoke(id string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.read(); err != nil {
		return err
	}
	kept := slices.DeleteFunc(slices.Clone(t.list), func(other Token) bool { return other.ID == id || id != "" && other.Name == id })
	if len(kept) == len(t.list) {
		return fmt.Errorf("token %s: %w", id, ErrNoToken)
	}
	return t.write(kept)
}

// find returns the token with this secret, or nil. Every token is compared,
// whichever fits.
func (t *Tokens) find(secret string, now time.Time) (*Token, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.read(); err != nil {
		return nil, err
	}
	hash := hashOf(secret)
	var found *Token
	for i := range t.list {
		if subtle.ConstantTimeCompare([]byte(hash), []byte(strings.ToLower(t.list[i].Hash))) == 1 {
			found = &t.list[i]
		}
	}
	if found == nil || found.Expired(now) || found.check() != nil {
		return nil, nil
	}
	out := *found
	return &out, nil
}

func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
