package qdrantstore

import (
	"context"
	"fmt"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// downNodes asks each node of an address of several, and returns an error of
// each that does not answer as it should.
func (c *connection) downNodes(ctx context.Context) ([]error, error) {
	if len(c.address.nodes) < 2 {
		return nil, nil
	}
	var down []error
	for _, n := range c.address.nodes {
		o := c.options
		o.Address = n.String()
		o.TLS = o.TLS || c.address.tls
		one, err := dial(ctx, o)
		if err == nil {
			_ = one.close()
			continue
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("check: %w", ctx.Err())
		}
		down = append(down, err)
	}
	return down, nil
}

// deadReplicas counts the copies of a collection's parts that do not serve, and
// all copies. A server that is no cluster has one copy of each, which serves.
func (s *Store) deadReplicas(ctx context.Context, collection string) (dead, all int, err error) {
	info, err := s.client.GetGrpcClient().Collections().CollectionClusterInfo(ctx, &qdrant.CollectionClusterInfoRequest{CollectionName: collection})
	if status.Code(err) == codes.Unimplemented || status.Code(err) == codes.PermissionDenied {
		return 0, 0, nil // an old server, or a key that may not ask
	}
	if err != nil {
		return 0, 0, s.fail(ctx, "check", err)
	}
	serves := func(state qdrant.ReplicaState) {
		all++
		if state == qdrant.ReplicaState_Dead {
			dead++
		}
	}
	for _, l := range info.GetLocalShards() {
		serves(l.GetState())
	}
	for _, r := range info.GetRemoteShards() {
		serves(r.GetState())
	}
	return dead, all, nil
}
