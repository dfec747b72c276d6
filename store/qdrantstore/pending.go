package qdrantstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/lore-kb/lore/store"
)

// lackDense selects points that wait for their vector; the sentinel never gets
// one.
func lackDense(conditions ...*qdrant.Condition) *qdrant.Filter {
	return &qdrant.Filter{Must: conditions, MustNot: []*qdrant.Condition{qdrant.NewHasVector(denseName), isSentinel()}}
}

// Pending implements [store.Store]. The order is by the points' Date, newest
// first, as exact as the server keeps it: microseconds.
func (s *Store) Pending(ctx context.Context, limit int) ([]store.Point, error) {
	if err := s.begin(ctx, "pending"); err != nil {
		return nil, err
	}
	if limit <= 0 || s.opts.Model.Dimension == 0 || s.model().Dimension == 0 {
		return nil, nil
	}
	// Points of one moment come in no particular order, so the last moment of
	// the page is asked for again, by document.
	page, err := s.ordered(ctx, lackDense(), keyDate, qdrant.Direction_Desc, limit)
	if err != nil {
		return nil, err
	}
	if len(page) == limit {
		at := page[limit-1].Payload.Date
		page = slices.DeleteFunc(page, func(p store.Point) bool { return sameMoment(p.Payload.Date, at) })
		moment := timestamppb.New(at.Truncate(time.Microsecond))
		moments := qdrant.NewDatetimeRange(keyDate, &qdrant.DatetimeRange{Gte: moment, Lte: moment})
		rest, err := s.byDocument(ctx, moments, limit-len(page))
		if err != nil {
			return nil, err
		}
		page = append(page, rest...)
	}
	slices.SortFunc(page, func(a, b store.Point) int {
		return cmp.Or(b.Payload.Date.Compare(a.Payload.Date), strings.Compare(a.Payload.DocumentID, b.Payload.DocumentID),
			cmp.Compare(a.Payload.Ordinal, b.Payload.Ordinal), strings.Compare(a.ID, b.ID))
	})
	return page[:min(len(page), limit)], nil
}

func sameMoment(a, b time.Time) bool {
	return a.Truncate(time.Microsecond).Equal(b.Truncate(time.Microsecond))
}

// byDocument returns at least limit pending points under a condition, if there
// are as many: those whose documents come first, each document whole.
func (s *Store) byDocument(ctx context.Context, c *qdrant.Condition, limit int) ([]store.Point, error) {
	page, err := s.ordered(ctx, lackDense(c), keyOrder, qdrant.Direction_Asc, limit)
	if err != nil || len(page) < limit {
		return page, err
	}
	last := documentOrder(page[limit-1].Payload.DocumentID)
	page = slices.DeleteFunc(page, func(p store.Point) bool { return documentOrder(p.Payload.DocumentID) == last })
	document := page
	// A range is in doubles, which do not hold every number of 63 bits; a match
	// does.
	err = s.scroll(ctx, &qdrant.ScrollPoints{CollectionName: s.points, Filter: lackDense(c, qdrant.NewMatchInt(keyOrder, last)),
		Limit: qdrant.PtrOf(uint32(1000)), WithPayload: withoutDetail},
		func(points []*qdrant.RetrievedPoint) error {
			for _, p := range points {
				document = append(document, pointOf(p.GetId(), p.GetPayload()))
			}
			return nil
		})
	return document, err
}

func (s *Store) ordered(ctx context.Context, filter *qdrant.Filter, key string, direction qdrant.Direction, limit int) ([]store.Point, error) {
	points, err := s.client.Scroll(ctx, &qdrant.ScrollPoints{CollectionName: s.points, Filter: filter, Limit: qdrant.PtrOf(uint32(limit)),
		OrderBy: &qdrant.OrderBy{Key: key, Direction: direction.Enum()}, WithPayload: withoutDetail})
	if err != nil {
		return nil, s.fail(ctx, "pending", err)
	}
	out := make([]store.Point, len(points))
	for i, p := range points {
		out[i] = pointOf(p.GetId(), p.GetPayload())
	}
	return out, nil
}

// SetVectors implements [store.Store].
func (s *Store) SetVectors(ctx context.Context, vectors []store.PointVector) error {
	if err := s.beginWrite(ctx, "set vectors"); err != nil {
		return err
	}
	dimension := s.opts.Model.Dimension
	for i := range vectors {
		if n := len(vectors[i].Vector); n == 0 || n != dimension || n != s.model().Dimension {
			return fmt.Errorf("set vectors: point %s: vector of %d numbers, the store's model has %d: %w", vectors[i].ID, n, dimension, store.ErrDimension)
		}
		if err := vectors[i].CheckDetail(); err != nil {
			return fmt.Errorf("set vectors: %w", err)
		}
	}
	for batch := range slices.Chunk(vectors, s.opts.BatchPoints) {
		if err := s.setBatch(ctx, batch); err != nil {
			return fmt.Errorf("set vectors: %w", err)
		}
	}
	return nil
}

func (s *Store) setBatch(ctx context.Context, batch []store.PointVector) error {
	var list []string
	for i := range batch {
		if checkID("point", batch[i].ID) == nil {
			list = append(list, batch[i].ID)
		}
	}
	for n := 1; ; n++ {
		points, err := s.client.Get(ctx, &qdrant.GetPoints{CollectionName: s.points, Ids: ids(list), WithPayload: qdrant.NewWithPayloadInclude(keyDigest, keyDetailSize)})
		if err != nil {
			return s.fail(ctx, "look up points", err)
		}
		stored := make(map[string]payload, len(points))
		for _, p := range points {
			stored[p.GetId().GetUuid()] = p.GetPayload()
		}
		var updates []*qdrant.PointVectors
		var operations []*qdrant.PointsUpdateOperation // that the vectors come after
		var bare []string                              // points that lose their detail
		for i := range batch {
			v := &batch[i]
			if p, ok := stored[v.ID]; ok && p.string(keyDigest) == v.Digest {
				if len(v.Detail) > 0 {
					f := fields{}
					f.detail(v.Detail)
					operations = append(operations, qdrant.NewPointsUpdateSetPayload(&qdrant.PointsUpdateOperation_SetPayload{Payload: f, PointsSelector: qdrant.NewPointsSelectorIDs(ids([]string{v.ID}))}))
				} else if p.int(keyDetailSize) > 0 {
					bare = append(bare, v.ID)
				}
				updates = append(updates, &qdrant.PointVectors{Id: qdrant.NewIDUUID(v.ID),
					Vectors: qdrant.NewVectorsMap(map[string]*qdrant.Vector{denseName: qdrant.NewVectorDense(v.Vector)})})
			}
		}
		if len(updates) == 0 {
			return nil
		}
		if len(bare) > 0 {
			operations = append(operations, qdrant.NewPointsUpdateDeletePayload(&qdrant.PointsUpdateOperation_DeletePayload{Keys: []string{keyDetail, keyDetailSize}, PointsSelector: qdrant.NewPointsSelectorIDs(ids(bare))}))
		}
		if len(operations) > 0 {
			operations = append(operations, qdrant.NewPointsUpdateUpdateVectors(&qdrant.PointsUpdateOperation_UpdateVectors{Points: updates}))
		}
		err = s.applied(ctx, "write vectors", func() (*qdrant.UpdateResult, error) {
			// Not by the alias: a set of another model may be behind it by now.
			if len(operations) == 0 {
				return s.client.UpdateVectors(ctx, &qdrant.UpdatePointVectors{CollectionName: s.generation(), Points: updates, Wait: qdrant.PtrOf(true), Ordering: ordered()})
			}
			done, err := s.client.UpdateBatch(ctx, &qdrant.UpdateBatchPoints{CollectionName: s.generation(), Operations: operations, Wait: qdrant.PtrOf(true), Ordering: ordered()})
			for _, r := range done {
				if r.GetStatus() != qdrant.UpdateStatus_Completed {
					return r, err
				}
			}
			if len(done) == 0 {
				return nil, err
			}
			return done[0], err
		})
		if status.Code(err) == codes.NotFound && n < rereads {
			continue // one of them has gone since
		}
		return err
	}
}
