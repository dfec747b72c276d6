package qdrantstore

import (
	"context"
	"fmt"
	"slices"

	"github.com/qdrant/go-client/qdrant"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// upsert writes points in requests of bounded size, several on the way at a
// time, and returns when all have been applied.
func (s *Store) upsert(ctx context.Context, collection string, points []*qdrant.PointStruct) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(s.opts.Writers)
	for len(points) > 0 && gctx.Err() == nil {
		n, size := 0, 0
		for n < len(points) && n < s.opts.BatchPoints {
			size += proto.Size(points[n])
			if n > 0 && size > s.opts.BatchBytes {
				break
			}
			n++
		}
		batch := points[:n]
		points = points[n:]
		g.Go(func() error { return s.upsertBatch(gctx, collection, batch) })
	}
	if err := g.Wait(); err != nil {
		return s.fail(ctx, "write points", err)
	}
	return s.fail(ctx, "write points", ctx.Err())
}

func (s *Store) upsertBatch(ctx context.Context, collection string, batch []*qdrant.PointStruct) error {
	return s.applied(ctx, "write points", func() (*qdrant.UpdateResult, error) {
		return s.client.Upsert(ctx, &qdrant.UpsertPoints{CollectionName: collection, Points: batch, Wait: qdrant.PtrOf(true), Ordering: ordered()})
	})
}

// ordered asks that writes of one document take effect in the order of their
// requests, whichever replica gets them.
func ordered() *qdrant.WriteOrdering {
	return &qdrant.WriteOrdering{Type: qdrant.WriteOrderingType_Medium}
}

// applied makes a write and repeats it while the server says only that it has
// taken note.
func (s *Store) applied(ctx context.Context, op string, write func() (*qdrant.UpdateResult, error)) error {
	for n := 1; ; n++ {
		result, err := write()
		if err != nil {
			return s.fail(ctx, op, err)
		}
		if result.GetStatus() == qdrant.UpdateStatus_Completed {
			return nil
		}
		if n == s.opts.Attempts {
			return s.fail(ctx, op, status.Error(codes.DeadlineExceeded, fmt.Sprintf("write left in state %s", result.GetStatus())))
		}
	}
}

// deleteRevisions deletes the points that filter selects and takes them out of the
// document frequencies.
func (s *Store) deleteRevisions(ctx context.Context, collection string, filter *qdrant.Filter) error {
	for {
		points, err := s.client.Scroll(ctx, &qdrant.ScrollPoints{CollectionName: collection, Filter: filter, Limit: qdrant.PtrOf(uint32(1000)),
			WithPayload: qdrant.NewWithPayload(false), WithVectors: qdrant.NewWithVectors(false)})
		if err != nil {
			return s.fail(ctx, "delete points", err)
		}
		if len(points) == 0 {
			return nil
		}
		gone := make([]*qdrant.PointId, len(points))
		for i, p := range points {
			gone[i] = p.GetId()
		}
		if collection != s.docs {
			if err := s.blank(ctx, collection, gone); err != nil {
				return err
			}
		}
		if err := s.applied(ctx, "delete points", func() (*qdrant.UpdateResult, error) {
			return s.client.Delete(ctx, &qdrant.DeletePoints{CollectionName: collection, Points: qdrant.NewPointsSelectorIDs(gone), Wait: qdrant.PtrOf(true), Ordering: ordered()})
		}); err != nil {
			return err
		}
	}
}

// blank empties the sparse vectors of points that are about to be deleted: the
// server goes on counting the terms of a deleted point, but not those of a
// vector that was emptied before.
func (s *Store) blank(ctx context.Context, collection string, points []*qdrant.PointId) error {
	for batch := range slices.Chunk(points, s.opts.BatchPoints) {
		vectors := make([]*qdrant.PointVectors, len(batch))
		for i, id := range batch {
			vectors[i] = &qdrant.PointVectors{Id: id, Vectors: qdrant.NewVectorsMap(map[string]*qdrant.Vector{sparseName: qdrant.NewVectorSparse(nil, nil)})}
		}
		_, err := s.client.UpdateVectors(ctx, &qdrant.UpdatePointVectors{CollectionName: collection, Points: vectors, Wait: qdrant.PtrOf(true), Ordering: ordered()})
		if err != nil && status.Code(err) != codes.NotFound { // someone else has deleted one of them
			return s.fail(ctx, "delete points", err)
		}
	}
	return nil
}

func (s *Store) deleteRecords(ctx context.Context, list []string) error {
	for batch := range slices.Chunk(list, 1000) {
		if err := s.applied(ctx, "delete records", func() (*qdrant.UpdateResult, error) {
			return s.client.Delete(ctx, &qdrant.DeletePoints{CollectionName: s.docs, Points: qdrant.NewPointsSelectorIDs(ids(batch)), Wait: qdrant.PtrOf(true), Ordering: ordered()})
		}); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) count(ctx context.Context, collection string, filter *qdrant.Filter) (int, error) {
	n, err := s.client.Count(ctx, &qdrant.CountPoints{CollectionName: collection, Filter: filter, Exact: qdrant.PtrOf(true)})
	if err != nil {
		return 0, s.fail(ctx, "count", err)
	}
	return int(n), nil
}

// scroll visits the points that filter selects in order of ID, page by page.
func (s *Store) scroll(ctx context.Context, request *qdrant.ScrollPoints, visit func([]*qdrant.RetrievedPoint) error) error {
	for {
		points, next, err := s.client.ScrollAndOffset(ctx, request)
		if err != nil {
			return s.fail(ctx, "read", err)
		}
		if err := visit(points); err != nil {
			return err
		}
		if next == nil {
			return nil
		}
		request.Offset = next
	}
}
