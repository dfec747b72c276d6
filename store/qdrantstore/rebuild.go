package qdrantstore

import (
	"context"
	"maps"

	"github.com/qdrant/go-client/qdrant"

	"github.com/lore-kb/lore/store"
)

// rebuild gives the collection another set of points, of model, and makes it
// the one in use; dense vectors are not carried over. Readers go on with the old
// set until the alias changes. Killed at any moment, it can be run again.
func (s *Store) rebuild(ctx context.Context, model store.Model) error {
	old := s.generation()
	name := pointsName(s.opts.Collection, pointsNumber(s.opts.Collection, old)+1)
	if err := s.dropPoints(ctx, name); err != nil { // left by an earlier try
		return err
	}
	if err := s.createPoints(ctx, name, model); err != nil {
		return err
	}
	if err := s.copyPoints(ctx, old, name); err != nil {
		return err
	}
	s.mu.Lock()
	h := head{Layout: layoutVersion, Generation: s.head.Generation, Models: maps.Clone(s.head.Models)}
	s.mu.Unlock()
	h.Models[name] = model
	if err := s.writeHead(ctx, h); err != nil {
		return err
	}
	if err := s.swap(ctx, name); err != nil {
		return err
	}
	delete(h.Models, old)
	h.Generation = name
	if err := s.writeHead(ctx, h); err != nil {
		return err
	}
	if err := s.dropPoints(ctx, old); err != nil {
		return err
	}
	return s.reload(ctx)
}

// dropPoints deletes a set of points, if there is one of this name.
func (s *Store) dropPoints(ctx context.Context, name string) error {
	exists, err := s.client.CollectionExists(ctx, name)
	if err != nil {
		return s.fail(ctx, "remove points", err)
	}
	if exists {
		if err := s.client.DeleteCollection(ctx, name); err != nil && !notThere(err) {
			return s.fail(ctx, "remove points", err)
		}
	}
	return nil
}

// swap makes a set of points the one in use, in one step.
func (s *Store) swap(ctx context.Context, name string) error {
	err := s.client.UpdateAliases(ctx, []*qdrant.AliasOperations{qdrant.NewAliasDelete(s.points), qdrant.NewAliasCreate(s.points, name)})
	return s.fail(ctx, "switch points", err)
}

// copyPoints writes the points of one set into another, without dense vectors.
func (s *Store) copyPoints(ctx context.Context, from, to string) error {
	return s.scroll(ctx, &qdrant.ScrollPoints{CollectionName: from, Limit: qdrant.PtrOf(uint32(s.opts.Writers * s.opts.BatchPoints)),
		Filter:      &qdrant.Filter{MustNot: []*qdrant.Condition{qdrant.NewHasID(ids([]string{sentinelID})...)}},
		WithPayload: qdrant.NewWithPayload(true), WithVectors: qdrant.NewWithVectorsInclude(sparseName)},
		func(points []*qdrant.RetrievedPoint) error {
			batch := make([]*qdrant.PointStruct, len(points))
			for i, p := range points {
				batch[i] = &qdrant.PointStruct{Id: p.GetId(), Payload: p.GetPayload(),
					Vectors: qdrant.NewVectorsMap(map[string]*qdrant.Vector{sparseName: sparseVector(sparseOf(p.GetVectors()))})}
			}
			return s.upsert(ctx, to, batch)
		})
}
