package qdranttest

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

type pointsService struct {
	qdrant.UnimplementedPointsServer
	db *database
}

func done() *qdrant.PointsOperationResponse {
	return &qdrant.PointsOperationResponse{Result: &qdrant.UpdateResult{Status: qdrant.UpdateStatus_Completed}}
}

// update runs a write with the database to itself.
func (s pointsService) update(name string, f func(*collection) error) (*qdrant.PointsOperationResponse, error) {
	s.db.mu.Lock()
	defer s.db.mu.Unlock()
	c, err := s.db.resolve(name)
	if err != nil {
		return nil, err
	}
	if err := f(c); err != nil {
		return nil, err
	}
	return done(), nil
}

// view runs a read.
func (s pointsService) view(name string, f func(*collection) error) error {
	s.db.mu.RLock()
	defer s.db.mu.RUnlock()
	c, err := s.db.resolve(name)
	if err != nil {
		return err
	}
	return f(c)
}

func (s pointsService) Upsert(_ context.Context, r *qdrant.UpsertPoints) (*qdrant.PointsOperationResponse, error) {
	return s.update(r.GetCollectionName(), func(c *collection) error { return c.upsert(r.GetPoints()) })
}

func (s pointsService) Delete(_ context.Context, r *qdrant.DeletePoints) (*qdrant.PointsOperationResponse, error) {
	return s.update(r.GetCollectionName(), func(c *collection) error {
		gone, _, err := c.selected(r.GetPoints())
		if err == nil {
			c.delete(gone)
		}
		return err
	})
}

// changeSelected changes the points of a selector. An ID that is not there is an
// error, though the others are changed.
func changeSelected(c *collection, selector *qdrant.PointsSelector, f func(*point)) error {
	found, missing, err := c.selected(selector)
	if err != nil {
		return err
	}
	for _, p := range found {
		c.change(p, f)
	}
	return noPoint(missing)
}

func noPoint(id string) error {
	if id == "" {
		return nil
	}
	return status.Errorf(codes.NotFound, "Not found: No point with id %s found", id)
}

func (s pointsService) SetPayload(_ context.Context, r *qdrant.SetPayloadPoints) (*qdrant.PointsOperationResponse, error) {
	return s.update(r.GetCollectionName(), func(c *collection) error {
		return changeSelected(c, r.GetPointsSelector(), func(p *point) {
			next := maps.Clone(p.payload)
			if next == nil {
				next = map[string]*qdrant.Value{}
			}
			maps.Copy(next, r.GetPayload())
			p.payload = next
		})
	})
}

func (s pointsService) OverwritePayload(_ context.Context, r *qdrant.SetPayloadPoints) (*qdrant.PointsOperationResponse, error) {
	return s.update(r.GetCollectionName(), func(c *collection) error {
		return changeSelected(c, r.GetPointsSelector(), func(p *point) { p.payload = maps.Clone(r.GetPayload()) })
	})
}

func (s pointsService) DeletePayload(_ context.Context, r *qdrant.DeletePayloadPoints) (*qdrant.PointsOperationResponse, error) {
	return s.update(r.GetCollectionName(), func(c *collection) error {
		return changeSelected(c, r.GetPointsSelector(), func(p *point) {
			next := maps.Clone(p.payload)
			for _, key := range r.GetKeys() {
				delete(next, key)
			}
			p.payload = next
		})
	})
}

func (s pointsService) UpdateVectors(_ context.Context, r *qdrant.UpdatePointVectors) (*qdrant.PointsOperationResponse, error) {
	return s.update(r.GetCollectionName(), func(c *collection) error {
		missing := ""
		for _, x := range r.GetPoints() {
			id, err := idOf(x.GetId())
			if err != nil {
				return err
			}
			dense, sparses, err := c.vectorsOf(x.GetVectors())
			if err != nil {
				return err
			}
			p := c.byID[id]
			if p == nil {
				missing = id
				continue
			}
			c.change(p, func(p *point) {
				maps.Copy(p.dense, dense)
				maps.Copy(p.sparse, sparses)
			})
		}
		return noPoint(missing)
	})
}

// DeleteVectors hides vectors but goes on counting their terms.
func (s pointsService) DeleteVectors(_ context.Context, r *qdrant.DeletePointVectors) (*qdrant.PointsOperationResponse, error) {
	return s.update(r.GetCollectionName(), func(c *collection) error {
		return changeSelected(c, r.GetPointsSelector(), func(p *point) {
			for _, name := range r.GetVectors().GetNames() {
				delete(p.dense, name)
				if v, ok := p.sparse[name]; ok && len(v.indices) > 0 {
					t := c.terms[name]
					t.ghosts++
					for _, index := range v.indices {
						t.ghostDF[index]++
					}
				}
				delete(p.sparse, name)
			}
		})
	})
}

func (s pointsService) UpdateBatch(ctx context.Context, r *qdrant.UpdateBatchPoints) (*qdrant.UpdateBatchResponse, error) {
	out, name := &qdrant.UpdateBatchResponse{}, r.GetCollectionName()
	for _, op := range r.GetOperations() {
		var err error
		switch v := op.GetOperation().(type) {
		case *qdrant.PointsUpdateOperation_Upsert:
			_, err = s.Upsert(ctx, &qdrant.UpsertPoints{CollectionName: name, Points: v.Upsert.GetPoints()})
		case *qdrant.PointsUpdateOperation_DeletePoints_:
			_, err = s.Delete(ctx, &qdrant.DeletePoints{CollectionName: name, Points: v.DeletePoints.GetPoints()})
		case *qdrant.PointsUpdateOperation_SetPayload_:
			_, err = s.SetPayload(ctx, &qdrant.SetPayloadPoints{CollectionName: name, Payload: v.SetPayload.GetPayload(), PointsSelector: v.SetPayload.GetPointsSelector()})
		case *qdrant.PointsUpdateOperation_DeletePayload_:
			_, err = s.DeletePayload(ctx, &qdrant.DeletePayloadPoints{CollectionName: name, Keys: v.DeletePayload.GetKeys(), PointsSelector: v.DeletePayload.GetPointsSelector()})
		case *qdrant.PointsUpdateOperation_UpdateVectors_:
			_, err = s.UpdateVectors(ctx, &qdrant.UpdatePointVectors{CollectionName: name, Points: v.UpdateVectors.GetPoints()})
		default:
			err = status.Errorf(codes.Unimplemented, "qdranttest: operation %T", op.GetOperation())
		}
		if err != nil {
			return nil, err
		}
		out.Result = append(out.Result, done().GetResult())
	}
	return out, nil
}

func (s pointsService) CreateFieldIndex(_ context.Context, r *qdrant.CreateFieldIndexCollection) (*qdrant.PointsOperationResponse, error) {
	return s.update(r.GetCollectionName(), func(c *collection) error {
		c.indexes[r.GetFieldName()] = r.GetFieldType()
		return nil
	})
}

func (s pointsService) DeleteFieldIndex(_ context.Context, r *qdrant.DeleteFieldIndexCollection) (*qdrant.PointsOperationResponse, error) {
	return s.update(r.GetCollectionName(), func(c *collection) error {
		delete(c.indexes, r.GetFieldName())
		return nil
	})
}

func (s pointsService) Get(_ context.Context, r *qdrant.GetPoints) (*qdrant.GetResponse, error) {
	out := &qdrant.GetResponse{}
	return out, s.view(r.GetCollectionName(), func(c *collection) error {
		for _, x := range r.GetIds() {
			id, err := idOf(x)
			if err != nil {
				return err
			}
			if p := c.byID[id]; p != nil {
				out.Result = append(out.Result, retrieved(p, withPayload(r.GetWithPayload(), true), r.GetWithVectors()))
			}
		}
		return nil
	})
}

func (s pointsService) Count(_ context.Context, r *qdrant.CountPoints) (*qdrant.CountResponse, error) {
	out := &qdrant.CountResponse{Result: &qdrant.CountResult{}}
	return out, s.view(r.GetCollectionName(), func(c *collection) error {
		if r.GetFilter() == nil {
			out.Result.Count = uint64(len(c.points))
			return nil
		}
		match, err := compile(r.GetFilter())
		if err != nil {
			return err
		}
		for _, p := range c.points {
			if match(p) {
				out.Result.Count++
			}
		}
		return nil
	})
}

func (s pointsService) Scroll(_ context.Context, r *qdrant.ScrollPoints) (*qdrant.ScrollResponse, error) {
	out := &qdrant.ScrollResponse{}
	return out, s.view(r.GetCollectionName(), func(c *collection) error {
		match, err := compile(r.GetFilter())
		if err != nil {
			return err
		}
		limit := 10
		if r.Limit != nil {
			limit = int(r.GetLimit())
		}
		if limit == 0 {
			return status.Error(codes.InvalidArgument, "Validation error: limit: must be 1 or larger")
		}
		payload := withPayload(r.GetWithPayload(), true)
		if order := r.GetOrderBy(); order != nil {
			if r.GetOffset() != nil {
				return status.Error(codes.InvalidArgument, "Cannot use an `offset` when using `order_by`")
			}
			list, err := c.ordered(order, match)
			if err != nil {
				return err
			}
			for _, p := range list[:min(len(list), limit)] {
				out.Result = append(out.Result, retrieved(p, payload, r.GetWithVectors()))
			}
			return nil
		}
		start := 0
		if r.GetOffset() != nil {
			id, err := idOf(r.GetOffset())
			if err != nil {
				return err
			}
			start, _ = c.find(id)
		}
		for _, p := range c.points[start:] {
			if !match(p) {
				continue
			}
			if len(out.Result) == limit {
				out.NextPageOffset = qdrant.NewIDUUID(p.id)
				break
			}
			out.Result = append(out.Result, retrieved(p, payload, r.GetWithVectors()))
		}
		return nil
	})
}

// ordered returns the points that have the key, in its order; points that share
// a value come in an order that nobody should count on.
func (c *collection) ordered(order *qdrant.OrderBy, match matcher) ([]*point, error) {
	t, ok := c.indexes[order.GetKey()]
	if !ok || t != qdrant.FieldType_FieldTypeInteger && t != qdrant.FieldType_FieldTypeDatetime {
		return nil, status.Errorf(codes.InvalidArgument, "Bad request: No range index for `order_by` key: `%s`. Please create one to use `order_by`.", order.GetKey())
	}
	type entry struct {
		at int64
		p  *point
	}
	var list []entry
	for _, p := range c.points {
		if !match(p) {
			continue
		}
		for _, v := range values(p.payload, order.GetKey()) {
			at, ok := v.GetIntegerValue(), true
			if t == qdrant.FieldType_FieldTypeDatetime {
				at, ok = datetime(v)
			}
			if ok {
				list = append(list, entry{at, p})
			}
		}
	}
	slices.SortFunc(list, func(a, b entry) int {
		n := cmp.Compare(a.at, b.at)
		if order.GetDirection() == qdrant.Direction_Desc {
			n = -n
		}
		return cmp.Or(n, strings.Compare(b.p.id, a.p.id))
	})
	out := make([]*point, len(list))
	for i, e := range list {
		out[i] = e.p
	}
	return out, nil
}

func (s pointsService) Facet(_ context.Context, r *qdrant.FacetCounts) (*qdrant.FacetResponse, error) {
	out := &qdrant.FacetResponse{}
	return out, s.view(r.GetCollectionName(), func(c *collection) error {
		t, ok := c.indexes[r.GetKey()]
		if !ok || t != qdrant.FieldType_FieldTypeKeyword && t != qdrant.FieldType_FieldTypeInteger {
			return status.Errorf(codes.InvalidArgument, "Bad request: No appropriate index for faceting: `%s`. Please create one to facet on this field.", r.GetKey())
		}
		match, err := compile(r.GetFilter())
		if err != nil {
			return err
		}
		texts, numbers := map[string]uint64{}, map[int64]uint64{}
		for _, p := range c.points {
			if !match(p) {
				continue
			}
			for _, v := range values(p.payload, r.GetKey()) {
				switch k := v.GetKind().(type) {
				case *qdrant.Value_StringValue:
					texts[k.StringValue]++
				case *qdrant.Value_IntegerValue:
					numbers[k.IntegerValue]++
				}
			}
		}
		if r.GetFilter() == nil {
			for v := range c.seen[r.GetKey()] {
				texts[v] += 0 // the server goes on listing values that are gone
			}
		}
		for _, v := range slices.Sorted(maps.Keys(texts)) {
			out.Hits = append(out.Hits, &qdrant.FacetHit{Value: &qdrant.FacetValue{Variant: &qdrant.FacetValue_StringValue{StringValue: v}}, Count: texts[v]})
		}
		for _, v := range slices.Sorted(maps.Keys(numbers)) {
			out.Hits = append(out.Hits, &qdrant.FacetHit{Value: &qdrant.FacetValue{Variant: &qdrant.FacetValue_IntegerValue{IntegerValue: v}}, Count: numbers[v]})
		}
		slices.SortStableFunc(out.Hits, func(a, b *qdrant.FacetHit) int { return cmp.Compare(b.GetCount(), a.GetCount()) })
		limit := 10
		if r.Limit != nil {
			limit = int(r.GetLimit())
		}
		out.Hits = out.Hits[:min(len(out.Hits), limit)]
		return nil
	})
}

// withPayload applies a selector; without one, whole says what is meant.
func withPayload(s *qdrant.WithPayloadSelector, whole bool) func(map[string]*qdrant.Value) map[string]*qdrant.Value {
	switch v := s.GetSelectorOptions().(type) {
	case *qdrant.WithPayloadSelector_Enable:
		whole = v.Enable
	case *qdrant.WithPayloadSelector_Include:
		return func(p map[string]*qdrant.Value) map[string]*qdrant.Value {
			out := map[string]*qdrant.Value{}
			for _, key := range v.Include.GetFields() {
				if x, ok := p[key]; ok {
					out[key] = x
				}
			}
			return out
		}
	case *qdrant.WithPayloadSelector_Exclude:
		return func(p map[string]*qdrant.Value) map[string]*qdrant.Value {
			out := maps.Clone(p)
			for _, key := range v.Exclude.GetFields() {
				delete(out, key)
			}
			return out
		}
	}
	return func(p map[string]*qdrant.Value) map[string]*qdrant.Value {
		if whole {
			return p
		}
		return nil
	}
}

func vectorsOutput(p *point, s *qdrant.WithVectorsSelector) *qdrant.VectorsOutput {
	wanted := func(string) bool { return s.GetEnable() }
	if include := s.GetInclude(); include != nil {
		wanted = func(name string) bool { return slices.Contains(include.GetNames(), name) }
	}
	out := map[string]*qdrant.VectorOutput{}
	for name, v := range p.dense {
		if wanted(name) {
			out[name] = &qdrant.VectorOutput{Vector: &qdrant.VectorOutput_Dense{Dense: &qdrant.DenseVector{Data: v}}}
		}
	}
	for name, v := range p.sparse {
		if wanted(name) {
			out[name] = &qdrant.VectorOutput{Vector: &qdrant.VectorOutput_Sparse{Sparse: &qdrant.SparseVector{Indices: v.indices, Values: v.values}}}
		}
	}
	if len(out) == 0 {
		return nil
	}
	return &qdrant.VectorsOutput{VectorsOptions: &qdrant.VectorsOutput_Vectors{Vectors: &qdrant.NamedVectorsOutput{Vectors: out}}}
}

func retrieved(p *point, payload func(map[string]*qdrant.Value) map[string]*qdrant.Value, vectors *qdrant.WithVectorsSelector) *qdrant.RetrievedPoint {
	return &qdrant.RetrievedPoint{Id: qdrant.NewIDUUID(p.id), Payload: payload(p.payload), Vectors: vectorsOutput(p, vectors)}
}
