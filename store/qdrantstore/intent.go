package qdrantstore

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/qdrant/go-client/qdrant"

	"github.com/lore-kb/lore/store"
)

// intent says which revisions a writer is about to add or delete. It is written
// before the first of them changes and deleted after the last. What a writer
// leaves behind that dies in between is found by it: of the revisions named,
// those that no record commits go.
//
// Another writer may be at work. Its intent is left alone until its lease ends,
// or until its process is seen to be gone.
type intent struct {
	ID        string
	Owner     string
	Until     time.Time
	Documents []string
	Revisions []string
}

// lease is how long a writer may take between two signs of life. A write that
// takes longer renews it, and is given up rather than committed when it could
// not.
const lease = 2 * time.Minute

// Owners of this process, so that a handle that was closed is known to be gone.
var owners sync.Map

// newOwner names a handle: machine, process, and a number that no other has.
func newOwner() string {
	var b [8]byte
	_, _ = rand.Read(b[:])
	owner := strings.Join([]string{machine(), strconv.Itoa(os.Getpid()), hex.EncodeToString(b[:])}, " ")
	owners.Store(owner, true)
	return owner
}

// machine names what process numbers are unique in: the host and, on Linux, the
// process namespace, for containers may share their host's name.
func machine() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	namespace, _ := os.Readlink("/proc/self/ns/pid")
	return strings.Join(strings.Fields(host+namespace), "")
}

func forgetOwner(owner string) { owners.Delete(owner) }

// gone reports whether the intent's writer will not come back to it.
func (in *intent) gone() bool {
	if now().After(in.Until) {
		return true
	}
	parts := strings.Split(in.Owner, " ")
	if len(parts) != 3 || parts[0] != machine() {
		return false
	}
	pid, err := strconv.Atoi(parts[1])
	if err != nil {
		return false
	}
	if pid == os.Getpid() {
		_, alive := owners.Load(in.Owner)
		return !alive
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		return true // Windows looks for the process at once
	}
	defer func() { _ = p.Release() }()
	return errors.Is(p.Signal(syscall.Signal(0)), os.ErrProcessDone)
}

// declare records the intent.
func (s *Store) declare(ctx context.Context, in *intent) error {
	in.Until = now().Add(lease)
	return s.writeRecord(ctx, in.ID, kindIntent, in)
}

// enter declares the intent and makes sure that writing is allowed: not while
// sets of points change places, nor into the set of another model.
func (s *Store) enter(ctx context.Context, in *intent) error {
	for deadline := now().Add(s.opts.Timeout); ; {
		if err := s.declare(ctx, in); err != nil {
			return err
		}
		// Only now: who freezes the collection looks for intents afterwards, so
		// that one of the two sees the other.
		h, _, err := s.readHead(ctx)
		if err != nil {
			return err
		}
		if h.Frozen.over() || h.Frozen.Owner == s.owner {
			if h.Generation != s.generation() {
				if err := s.reload(ctx); err != nil {
					return err
				}
			}
			if have := s.model(); s.opts.Model.Fingerprint != "" && have != s.opts.Model {
				return &store.ModelMismatchError{Collection: s.opts.Collection, Stored: have, Want: s.opts.Model}
			}
			return nil
		}
		if err := s.deleteRecords(ctx, []string{in.ID}); err != nil {
			return err
		}
		if now().After(deadline) {
			return fmt.Errorf("collection %q is switching to another model; try again in a moment: %w", s.opts.Collection, store.ErrLocked)
		}
		if err := sleep(ctx, s.opts.Backoff); err != nil {
			return err
		}
	}
}

// renew prolongs the lease when half of it has passed. When it has run out,
// someone may have taken this writer for gone and deleted its points: then the
// write must not be committed.
func (s *Store) renew(ctx context.Context, in *intent) error {
	switch left := in.Until.Sub(now()); {
	case left <= 0:
		return errors.New("the server took so long that the write's lease ran out; nothing was changed, run it again")
	case left < lease/2:
		return s.declare(ctx, in)
	}
	return nil
}

// newIntent returns an intent of this handle.
func (s *Store) newIntent(documents, revisions []string) *intent {
	slices.Sort(revisions)
	return &intent{ID: reservedID("intent", s.owner), Owner: s.owner, Documents: documents, Revisions: slices.Compact(revisions)}
}

// broken settles an intent of this handle that was not brought to its end, or
// remembers it for the next write when that cannot be done now.
func (s *Store) broken(ctx context.Context, in *intent) {
	if ctx.Err() == nil && s.settle(withAttempts(ctx, 1), in) == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unclean = append(s.unclean, *in)
}

// mend settles what earlier writes of this handle have left and, now and then,
// what others have.
func (s *Store) mend(ctx context.Context) error {
	s.mu.Lock()
	unclean, overdue := s.unclean, now().Sub(s.recovered) > lease
	s.mu.Unlock()
	if overdue {
		if err := s.recover(ctx); err != nil {
			return err
		}
	}
	for i := range unclean {
		if err := s.settle(ctx, &unclean[i]); err != nil {
			return err
		}
	}
	s.mu.Lock()
	s.unclean = s.unclean[len(unclean):]
	s.mu.Unlock()
	return nil
}

// recover settles the intents of writers that are gone.
func (s *Store) recover(ctx context.Context) error {
	var found []intent
	err := s.scroll(ctx, &qdrant.ScrollPoints{CollectionName: s.docs, Filter: must(qdrant.NewMatchKeyword(keyKind, kindIntent)),
		Limit: qdrant.PtrOf(uint32(64)), WithPayload: qdrant.NewWithPayload(true)},
		func(points []*qdrant.RetrievedPoint) error {
			for _, p := range points {
				var in intent
				if err := json.Unmarshal([]byte(payload(p.GetPayload()).string(keyData)), &in); err != nil {
					continue // written by nobody we know; Check reports it
				}
				if in.ID == p.GetId().GetUuid() && in.gone() {
					found = append(found, in)
				}
			}
			return nil
		})
	if err != nil {
		return err
	}
	for i := range found {
		if err := s.settle(ctx, &found[i]); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recovered = now()
	return nil
}

// settle deletes what the intent names and no record commits.
func (s *Store) settle(ctx context.Context, in *intent) error {
	committed, err := s.committed(ctx, in.Documents)
	if err != nil {
		return err
	}
	var dead []string
	for _, r := range in.Revisions {
		id, version, _ := strings.Cut(r, "@")
		if c, ok := committed[id]; !ok || c.version != version {
			dead = append(dead, r)
		}
	}
	if err := s.deleteDead(ctx, dead); err != nil {
		return err
	}
	return s.deleteRecords(ctx, []string{in.ID})
}

// deleteDead deletes the points and text parts of revisions.
func (s *Store) deleteDead(ctx context.Context, revisions []string) error {
	for batch := range slices.Chunk(revisions, 256) {
		if err := s.deleteRevisions(ctx, s.points, must(matchAny(keyRevision, batch))); err != nil {
			return err
		}
		if err := s.deleteRevisions(ctx, s.docs, must(qdrant.NewMatchKeyword(keyKind, kindText), matchAny(keyRevision, batch))); err != nil {
			return err
		}
	}
	return nil
}

// commit is what a document's record says of its version.
type commit struct {
	version string
	at      time.Time
	parts   int
}

// committed reads the commits of documents; those that are not stored are
// missing from the result.
func (s *Store) committed(ctx context.Context, documents []string) (map[string]commit, error) {
	out := make(map[string]commit, len(documents))
	for batch := range slices.Chunk(documents, 512) {
		points, err := s.client.Get(ctx, &qdrant.GetPoints{CollectionName: s.docs, Ids: ids(batch),
			WithPayload: qdrant.NewWithPayloadInclude(keyVersion, keyCommitted, keyParts)})
		if err != nil {
			return nil, s.fail(ctx, "read records", err)
		}
		for _, p := range points {
			out[p.GetId().GetUuid()] = commitOf(p.GetPayload())
		}
	}
	return out, nil
}

func commitOf(values map[string]*qdrant.Value) commit {
	p := payload(values)
	return commit{version: p.string(keyVersion), at: time.Unix(0, p.int(keyCommitted)), parts: int(p.int(keyParts))}
}
