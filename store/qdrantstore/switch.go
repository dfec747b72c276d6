package qdrantstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/qdrant/go-client/qdrant"

	"github.com/lore-kb/lore/store"
)

// Switch gives the collection to another model: a second set of points is built
// beside the one in use, gets its vectors while the first answers, and takes its
// place in one step. Everything it does can be broken off and begun again.
type Switch struct {
	store  *Store
	target *Store // the same collection with the other set of points
	name   string
}

// freeze keeps writers out while sets of points change places.
type freeze struct {
	Owner string
	Until time.Time
}

func (f *freeze) over() bool { return f == nil || (&intent{Owner: f.Owner, Until: f.Until}).gone() }

var _ store.Switcher = (*Store)(nil)

// Switching implements [store.Switcher].
func (s *Store) Switching(ctx context.Context) (store.SwitchStatus, error) {
	var st store.SwitchStatus
	if err := s.begin(ctx, "model status"); err != nil {
		return st, err
	}
	if err := s.reload(ctx); err != nil {
		return st, err
	}
	h := s.lastHead()
	st.Current, st.Next, st.Previous = s.model(), h.Models[h.Next], h.Models[h.Previous]
	if h.Next == "" {
		return st, nil
	}
	n, err := s.count(ctx, h.Next, nil)
	if err != nil {
		return st, err
	}
	st.Points = max(n-1, 0)
	if st.Next.Dimension > 0 {
		st.Embedded, err = s.count(ctx, h.Next, must(qdrant.NewHasVector(denseName)))
	}
	return st, err
}

func (s *Store) lastHead() head {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.head
	h.Models = maps.Clone(h.Models)
	return h
}

// BeginSwitch implements [store.Switcher].
func (s *Store) BeginSwitch(ctx context.Context, model store.Model) (store.Switch, error) {
	if err := s.beginWrite(ctx, "model switch"); err != nil {
		return nil, err
	}
	if err := s.reload(ctx); err != nil {
		return nil, err
	}
	h := s.lastHead()
	switch {
	case model == s.model():
		return nil, fmt.Errorf("model switch: collection %q has model %s already", s.opts.Collection, model.Fingerprint)
	case h.Next != "" && h.Models[h.Next] != model:
		return nil, fmt.Errorf("model switch: a switch of collection %q to %s is under way; finish or abandon it first", s.opts.Collection, h.Models[h.Next].Fingerprint)
	case h.Next != "":
	case h.Previous != "" && h.Models[h.Previous] == model:
		h.Next, h.Previous = h.Previous, ""
	default:
		number := pointsNumber(s.opts.Collection, s.generation())
		for name := range h.Models {
			number = max(number, pointsNumber(s.opts.Collection, name))
		}
		h.Next = pointsName(s.opts.Collection, number+1)
		h.Models[h.Next] = model
	}
	// The name is noted before the set is made, so that no set is ever forgotten.
	if err := s.writeHead(ctx, h); err != nil {
		return nil, err
	}
	if err := s.createPoints(ctx, h.Next, model); err != nil {
		return nil, err
	}
	w := s.switchTo(h.Next, model)
	return w, w.Sync(ctx)
}

func (s *Store) switchTo(name string, model store.Model) *Switch {
	o := s.opts
	o.Model = model
	target := &Store{opts: o, conn: s.conn, client: s.client, points: name, docs: s.docs, owner: s.owner, writer: make(chan struct{}, 1),
		verified: newCommitWindow(1), physical: name, head: head{Models: map[string]store.Model{name: model}}}
	return &Switch{store: s, target: target, name: name}
}

// Pending is [store.Store.Pending] of the set that is being built.
func (w *Switch) Pending(ctx context.Context, limit int) ([]store.Point, error) {
	return w.target.Pending(ctx, limit)
}

// SetVectors is [store.Store.SetVectors] of the set that is being built.
func (w *Switch) SetVectors(ctx context.Context, vectors []store.PointVector) error {
	return w.target.SetVectors(ctx, vectors)
}

// Sync brings the new set up to date: the points of every committed version, and
// no others. Documents that changed since the last time wait for vectors again.
func (w *Switch) Sync(ctx context.Context) error {
	var stale []string
	err := w.store.revisions(ctx, w.name, func(r string, chunks, found int) {
		if chunks != found {
			stale = append(stale, r)
		}
	})
	if err != nil {
		return fmt.Errorf("model switch: %w", err)
	}
	for batch := range slices.Chunk(stale, 64) {
		if err := w.copy(ctx, batch); err != nil {
			return fmt.Errorf("model switch: %w", err)
		}
	}
	dead, err := w.store.uncommitted(ctx, w.name)
	if err != nil {
		return fmt.Errorf("model switch: %w", err)
	}
	for batch := range slices.Chunk(dead, 256) {
		if err := w.store.deleteRevisions(ctx, w.name, must(matchAny(keyRevision, batch))); err != nil {
			return fmt.Errorf("model switch: %w", err)
		}
	}
	return nil
}

// copy writes points of revisions into the new set, as far as they are not there.
func (w *Switch) copy(ctx context.Context, revisions []string) error {
	s := w.store
	return s.scroll(ctx, &qdrant.ScrollPoints{CollectionName: s.points, Filter: must(matchAny(keyRevision, revisions)),
		Limit: qdrant.PtrOf(uint32(s.opts.Writers * s.opts.BatchPoints)), WithPayload: qdrant.NewWithPayloadExclude(keyDetail, keyDetailSize), WithVectors: qdrant.NewWithVectorsInclude(sparseName)},
		func(points []*qdrant.RetrievedPoint) error {
			list := make([]*qdrant.PointId, len(points))
			for i, p := range points {
				list[i] = p.GetId()
			}
			there, err := s.client.Get(ctx, &qdrant.GetPoints{CollectionName: w.name, Ids: list, WithPayload: qdrant.NewWithPayload(false)})
			if err != nil {
				return s.fail(ctx, "read points", err)
			}
			known := make(map[string]bool, len(there))
			for _, p := range there {
				known[p.GetId().GetUuid()] = true // perhaps with a vector already
			}
			var batch []*qdrant.PointStruct
			for _, p := range points {
				if !known[p.GetId().GetUuid()] {
					batch = append(batch, &qdrant.PointStruct{Id: p.GetId(), Payload: p.GetPayload(),
						Vectors: qdrant.NewVectorsMap(map[string]*qdrant.Vector{sparseName: sparseVector(sparseOf(p.GetVectors()))})})
				}
			}
			return s.upsert(ctx, w.name, batch)
		})
}

// Commit makes the new set the one in use; the old one is kept for Rollback.
// Points without a vector keep waiting for it. Writers of other processes are
// held up for the moment that it takes. The handle belongs to the old model
// afterwards: open the collection again with the new one.
func (w *Switch) Commit(ctx context.Context) error {
	s := w.store
	if err := s.beginWrite(ctx, "model switch"); err != nil {
		return err
	}
	if err := s.lock(ctx); err != nil {
		return fmt.Errorf("model switch: %w", err)
	}
	defer s.unlock()
	// Most of the work before anyone is held up.
	if err := w.Sync(ctx); err != nil {
		return err
	}
	if err := s.reload(ctx); err != nil {
		return err
	}
	h := s.lastHead()
	if h.Next != w.name {
		return errors.New("model switch: it has been finished or abandoned by someone else; look at `lore model status`")
	}
	if !h.Frozen.over() && h.Frozen.Owner != s.owner {
		return fmt.Errorf("model switch: %s is completing it: %w", h.Frozen.Owner, store.ErrLocked)
	}
	h.Frozen = &freeze{Owner: s.owner, Until: now().Add(lease)}
	if err := s.writeHead(ctx, h); err != nil {
		return err
	}
	err := w.exchange(ctx, h)
	if err != nil {
		// Let the others write again; if that fails too, the lease does it.
		thaw, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.opts.Timeout)
		defer cancel()
		_ = s.thaw(withAttempts(thaw, 1))
		return fmt.Errorf("model switch: %w", err)
	}
	return nil
}

func (s *Store) thaw(ctx context.Context) error {
	h, found, err := s.readHead(ctx)
	if err != nil || !found || h.Frozen == nil || h.Frozen.Owner != s.owner {
		return err
	}
	physical, err := s.aliasTarget(ctx)
	if err != nil || h.Generation != physical {
		return err // reload puts that right
	}
	h.Frozen = nil
	return s.writeHead(ctx, h)
}

func (w *Switch) exchange(ctx context.Context, h head) error {
	s := w.store
	if err := s.quiet(ctx); err != nil {
		return err
	}
	if err := w.Sync(ctx); err != nil {
		return err
	}
	if h.Frozen.Until.Sub(now()) < lease/4 {
		return errors.New("the server is too slow to exchange the sets of points now; try again")
	}
	h.Generation, h.Previous, h.Next = w.name, h.Generation, ""
	if err := s.writeHead(ctx, h); err != nil {
		return err
	}
	err := s.client.UpdateAliases(ctx, []*qdrant.AliasOperations{qdrant.NewAliasDelete(s.points), qdrant.NewAliasCreate(s.points, w.name)})
	if err != nil {
		return s.fail(ctx, "switch points", err)
	}
	h.Frozen = nil
	if err := s.writeHead(ctx, h); err != nil {
		return err
	}
	return s.reload(ctx)
}

// quiet waits until no writer is at work, and settles what dead ones have left.
func (s *Store) quiet(ctx context.Context) error {
	if err := s.mend(ctx); err != nil {
		return err
	}
	for deadline := now().Add(s.opts.Timeout); ; {
		if err := s.recover(ctx); err != nil {
			return err
		}
		n, err := s.count(ctx, s.docs, must(qdrant.NewMatchKeyword(keyKind, kindIntent)))
		if err != nil || n == 0 {
			return err
		}
		if now().After(deadline) {
			return fmt.Errorf("another process goes on writing; try again when it is done: %w", store.ErrLocked)
		}
		if err := sleep(ctx, s.opts.Backoff); err != nil {
			return err
		}
	}
}

// Abandon ends the switch and deletes the set that was being built.
func (w *Switch) Abandon(ctx context.Context) error {
	s := w.store
	if err := s.beginWrite(ctx, "model switch"); err != nil {
		return err
	}
	if err := s.reload(ctx); err != nil {
		return err
	}
	h := s.lastHead()
	if h.Next != w.name {
		return nil
	}
	return s.drop(ctx, w.name)
}

// Rollback returns to the model before the last switch. Documents that changed
// since then wait for vectors of that model.
func (s *Store) Rollback(ctx context.Context) error {
	st, err := s.Switching(ctx)
	if err != nil {
		return err
	}
	if st.Previous == (store.Model{}) {
		return fmt.Errorf("model switch: collection %q has no earlier model to return to", s.opts.Collection)
	}
	w, err := s.BeginSwitch(ctx, st.Previous)
	if err != nil {
		return err
	}
	return w.Commit(ctx)
}

// DropPrevious deletes the set of points that Rollback would return to, if there
// is one.
func (s *Store) DropPrevious(ctx context.Context) error {
	if err := s.beginWrite(ctx, "model switch"); err != nil {
		return err
	}
	if err := s.reload(ctx); err != nil {
		return err
	}
	h := s.lastHead()
	if h.Previous == "" {
		return nil
	}
	return s.drop(ctx, h.Previous)
}

// drop deletes a set of points that is not in use and then forgets it.
func (s *Store) drop(ctx context.Context, name string) error {
	exists, err := s.client.CollectionExists(ctx, name)
	if err != nil {
		return s.fail(ctx, "remove points", err)
	}
	if exists {
		if err := s.client.DeleteCollection(ctx, name); err != nil && !notThere(err) {
			return s.fail(ctx, "remove points", err)
		}
	}
	h := s.lastHead()
	delete(h.Models, name)
	if h.Next == name {
		h.Next = ""
	}
	if h.Previous == name {
		h.Previous = ""
	}
	if err := s.writeHead(ctx, h); err != nil {
		return err
	}
	return s.reload(ctx)
}

// adopt compares the collection's model with the one asked for, and gives the
// model to a collection that has none yet: by a switch to it, since a set of
// points cannot be told later that it has dense vectors.
func (s *Store) adopt(ctx context.Context) error {
	want, have := s.opts.Model, s.model()
	switch {
	case want.Fingerprint == "" || want == have:
	case have.Fingerprint != "":
		return &store.ModelMismatchError{Collection: s.opts.Collection, Stored: have, Want: want}
	case !s.opts.ReadOnly:
		w, err := s.BeginSwitch(ctx, want)
		if err != nil {
			return err
		}
		if err := w.Commit(ctx); err != nil {
			return err
		}
	default:
		return nil
	}
	if h := s.lastHead(); !s.opts.ReadOnly && h.Previous != "" && h.Models[h.Previous].Fingerprint == "" {
		return s.DropPrevious(ctx)
	}
	return nil
}
