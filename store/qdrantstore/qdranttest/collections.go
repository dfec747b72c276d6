package qdranttest

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

type collectionsService struct {
	qdrant.UnimplementedCollectionsServer
	db   *database
	dead int // replicas
}

func (s collectionsService) CollectionClusterInfo(_ context.Context, r *qdrant.CollectionClusterInfoRequest) (*qdrant.CollectionClusterInfoResponse, error) {
	s.db.mu.RLock()
	defer s.db.mu.RUnlock()
	if _, err := s.db.resolve(r.GetCollectionName()); err != nil {
		return nil, err
	}
	out := &qdrant.CollectionClusterInfoResponse{PeerId: 1, ShardCount: 1, LocalShards: []*qdrant.LocalShardInfo{{State: qdrant.ReplicaState_Active}}}
	for n := range s.dead {
		out.RemoteShards = append(out.RemoteShards, &qdrant.RemoteShardInfo{PeerId: uint64(n + 2), State: qdrant.ReplicaState_Dead})
	}
	return out, nil
}

func (s collectionsService) CollectionExists(_ context.Context, r *qdrant.CollectionExistsRequest) (*qdrant.CollectionExistsResponse, error) {
	s.db.mu.RLock()
	defer s.db.mu.RUnlock()
	_, err := s.db.resolve(r.GetCollectionName())
	return &qdrant.CollectionExistsResponse{Result: &qdrant.CollectionExists{Exists: err == nil}}, nil
}

func (s collectionsService) List(context.Context, *qdrant.ListCollectionsRequest) (*qdrant.ListCollectionsResponse, error) {
	s.db.mu.RLock()
	defer s.db.mu.RUnlock()
	out := &qdrant.ListCollectionsResponse{}
	for _, name := range slices.Sorted(maps.Keys(s.db.collections)) {
		out.Collections = append(out.Collections, &qdrant.CollectionDescription{Name: name})
	}
	return out, nil
}

func (s collectionsService) Create(_ context.Context, r *qdrant.CreateCollection) (*qdrant.CollectionOperationResponse, error) {
	name := r.GetCollectionName()
	if name == "" || strings.ContainsAny(name, "<>:\"/\\|?*\x00\x1f") {
		return nil, status.Errorf(codes.InvalidArgument, "Validation error in body: collection_name: %q", name)
	}
	s.db.mu.Lock()
	defer s.db.mu.Unlock()
	if _, err := s.db.resolve(name); err == nil {
		return nil, status.Errorf(codes.AlreadyExists, "Wrong input: Collection `%s` already exists!", name)
	}
	s.db.collections[name] = newCollection(r)
	return &qdrant.CollectionOperationResponse{Result: true}, nil
}

func (s collectionsService) Update(_ context.Context, r *qdrant.UpdateCollection) (*qdrant.CollectionOperationResponse, error) {
	s.db.mu.RLock()
	defer s.db.mu.RUnlock()
	_, err := s.db.resolve(r.GetCollectionName())
	return &qdrant.CollectionOperationResponse{Result: err == nil}, err
}

func (s collectionsService) Delete(_ context.Context, r *qdrant.DeleteCollection) (*qdrant.CollectionOperationResponse, error) {
	s.db.mu.Lock()
	defer s.db.mu.Unlock()
	_, found := s.db.collections[r.GetCollectionName()]
	delete(s.db.collections, r.GetCollectionName())
	maps.DeleteFunc(s.db.aliases, func(_, target string) bool { return target == r.GetCollectionName() })
	return &qdrant.CollectionOperationResponse{Result: found}, nil
}

func (s collectionsService) Get(_ context.Context, r *qdrant.GetCollectionInfoRequest) (*qdrant.GetCollectionInfoResponse, error) {
	s.db.mu.RLock()
	defer s.db.mu.RUnlock()
	c, err := s.db.resolve(r.GetCollectionName())
	if err != nil {
		return nil, err
	}
	shards := c.config.GetShardNumber()
	if shards == 0 {
		shards = 1
	}
	info := &qdrant.CollectionInfo{
		Status: qdrant.CollectionStatus_Green, OptimizerStatus: &qdrant.OptimizerStatus{Ok: true}, SegmentsCount: 1,
		PointsCount: qdrant.PtrOf(uint64(len(c.points))), PayloadSchema: map[string]*qdrant.PayloadSchemaInfo{},
		Config: &qdrant.CollectionConfig{Metadata: c.config.GetMetadata(), Params: &qdrant.CollectionParams{
			ShardNumber: shards, OnDiskPayload: c.config.GetOnDiskPayload(), VectorsConfig: c.config.GetVectorsConfig(),
			SparseVectorsConfig: c.config.GetSparseVectorsConfig(), ReplicationFactor: c.config.ReplicationFactor,
			WriteConsistencyFactor: c.config.WriteConsistencyFactor,
		}},
	}
	for key, t := range c.indexes {
		info.PayloadSchema[key] = &qdrant.PayloadSchemaInfo{DataType: payloadType(t)}
	}
	return &qdrant.GetCollectionInfoResponse{Result: info}, nil
}

func payloadType(t qdrant.FieldType) qdrant.PayloadSchemaType {
	switch t {
	case qdrant.FieldType_FieldTypeKeyword:
		return qdrant.PayloadSchemaType_Keyword
	case qdrant.FieldType_FieldTypeInteger:
		return qdrant.PayloadSchemaType_Integer
	case qdrant.FieldType_FieldTypeDatetime:
		return qdrant.PayloadSchemaType_Datetime
	}
	return qdrant.PayloadSchemaType_UnknownType
}

func (s collectionsService) UpdateAliases(_ context.Context, r *qdrant.ChangeAliases) (*qdrant.CollectionOperationResponse, error) {
	s.db.mu.Lock()
	defer s.db.mu.Unlock()
	next := maps.Clone(s.db.aliases)
	for _, a := range r.GetActions() {
		switch v := a.GetAction().(type) {
		case *qdrant.AliasOperations_CreateAlias:
			target, alias := v.CreateAlias.GetCollectionName(), v.CreateAlias.GetAliasName()
			if _, ok := s.db.collections[target]; !ok {
				return nil, status.Errorf(codes.NotFound, "Not found: Collection `%s` doesn't exist!", target)
			}
			if _, ok := s.db.collections[alias]; ok {
				return nil, status.Errorf(codes.AlreadyExists, "Wrong input: Collection `%s` already exists!", alias)
			}
			next[alias] = target
		case *qdrant.AliasOperations_DeleteAlias:
			delete(next, v.DeleteAlias.GetAliasName())
		case *qdrant.AliasOperations_RenameAlias:
			target, ok := next[v.RenameAlias.GetOldAliasName()]
			if !ok {
				return nil, status.Errorf(codes.NotFound, "Not found: Alias %s does not exists!", v.RenameAlias.GetOldAliasName())
			}
			delete(next, v.RenameAlias.GetOldAliasName())
			next[v.RenameAlias.GetNewAliasName()] = target
		}
	}
	s.db.aliases = next
	return &qdrant.CollectionOperationResponse{Result: true}, nil
}

func (s collectionsService) ListAliases(context.Context, *qdrant.ListAliasesRequest) (*qdrant.ListAliasesResponse, error) {
	return s.list(func(string) bool { return true }), nil
}

func (s collectionsService) ListCollectionAliases(_ context.Context, r *qdrant.ListCollectionAliasesRequest) (*qdrant.ListAliasesResponse, error) {
	return s.list(func(target string) bool { return target == r.GetCollectionName() }), nil
}

func (s collectionsService) list(wanted func(target string) bool) *qdrant.ListAliasesResponse {
	s.db.mu.RLock()
	defer s.db.mu.RUnlock()
	out := &qdrant.ListAliasesResponse{}
	for _, alias := range slices.Sorted(maps.Keys(s.db.aliases)) {
		if target := s.db.aliases[alias]; wanted(target) {
			out.Aliases = append(out.Aliases, &qdrant.AliasDescription{AliasName: alias, CollectionName: target})
		}
	}
	return out
}
