package qdrantstore

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/qdrant/go-client/qdrant"

	"github.com/lore-kb/lore/store"
)

var (
	_ store.Checker  = (*Store)(nil)
	_ store.Repairer = (*Store)(nil)
)

// Check looks for what is wrong: an old server, missing indexes, documents
// whose points are missing, points that no document commits, vectors that the
// server has not indexed. It reads counts, not texts.
func (s *Store) Check(ctx context.Context) ([]store.Problem, error) {
	if err := s.begin(ctx, "check"); err != nil {
		return nil, err
	}
	var out []store.Problem
	report := func(fix, what string, args ...any) {
		out = append(out, store.Problem{What: fmt.Sprintf(what, args...), Fix: fix})
	}
	if err := s.conn.health(ctx); err != nil {
		return nil, err
	}
	down, err := s.conn.downNodes(ctx)
	if err != nil {
		return nil, err
	}
	for _, d := range down {
		report("start it, or take it out of the address", "%v", d)
	}
	countable := true // points by revision
	for name, indexes := range map[string]map[string]qdrant.FieldType{s.points: pointIndexes, s.docs: recordIndexes} {
		info, err := s.client.GetCollectionInfo(ctx, name)
		if err != nil {
			return nil, s.fail(ctx, "check", err)
		}
		if info.GetStatus() == qdrant.CollectionStatus_Red {
			report("see the server's log", "the server reports an error in %s (%s)", name, oneLine(info.GetOptimizerStatus().GetError()))
		}
		dead, all, err := s.deadReplicas(ctx, name)
		if err != nil {
			return nil, err
		}
		if dead > 0 {
			report("the server mends them when the node that has them is back; see that it runs", "%d of %d copies of parts of %s are out of date or on a node that does not answer", dead, all, name)
		}
		for key := range indexes {
			if _, ok := info.GetPayloadSchema()[key]; !ok {
				report("lore doctor --repair", "%s has no index of %s, so filters are slow", name, key)
				countable = countable && (name != s.points || key != keyRevision)
			}
		}
		if name == s.points {
			if n, want := denseSize(info), s.model().Dimension; n != want {
				report("index again with --rebuild", "vectors have %d dimensions, the collection's model %d", n, want)
			}
		}
	}
	if n, err := s.count(ctx, s.points, must(isSentinel())); err != nil {
		return nil, err
	} else if n != 1 {
		report("lore doctor --repair", "the point that document frequencies are measured by is missing")
	}
	slices.SortFunc(out, func(a, b store.Problem) int { return strings.Compare(a.What, b.What) })
	if !countable {
		return out, nil
	}
	missing, committed := 0, 0
	if err := s.revisions(ctx, s.points, func(_ string, chunks, found int) {
		committed += found
		if chunks != found {
			missing++
		}
	}); err != nil {
		return nil, err
	}
	surplus, err := s.count(ctx, s.points, &qdrant.Filter{MustNot: []*qdrant.Condition{isSentinel()}})
	if err != nil {
		return nil, err
	}
	surplus -= committed
	if missing > 0 {
		report("index them again with --rebuild", "%d documents have fewer or more points than they should", missing)
	}
	if surplus > 0 {
		report("lore doctor --repair", "%d points belong to no document's committed version, left by a write that broke off or is still going on", surplus)
	}
	slices.SortFunc(out, func(a, b store.Problem) int { return strings.Compare(a.What, b.What) })
	return out, nil
}

// Repair puts right what Check reports and can be derived: indexes, the
// sentinel, points that nothing commits. Nothing else may write meanwhile.
func (s *Store) Repair(ctx context.Context) error {
	if err := s.beginWrite(ctx, "repair"); err != nil {
		return err
	}
	if err := s.lock(ctx); err != nil {
		return fmt.Errorf("repair: %w", err)
	}
	defer s.unlock()
	if err := s.createIndexes(ctx, s.points, pointIndexes); err != nil {
		return err
	}
	if err := s.createIndexes(ctx, s.docs, recordIndexes); err != nil {
		return err
	}
	if err := s.putSentinel(ctx, s.points); err != nil {
		return err
	}
	if err := s.recover(ctx); err != nil {
		return err
	}
	dead, err := s.uncommitted(ctx, s.points)
	if err != nil {
		return err
	}
	return s.deleteDead(ctx, dead)
}

// revisions visits the committed version of every document: how many points it
// has, and how many of them are in a set of points.
func (s *Store) revisions(ctx context.Context, points string, visit func(revision string, chunks, found int)) error {
	return s.scroll(ctx, &qdrant.ScrollPoints{CollectionName: s.docs, Filter: must(qdrant.NewMatchKeyword(keyKind, kindDocument)),
		Limit: qdrant.PtrOf(uint32(512)), WithPayload: qdrant.NewWithPayloadInclude(keyVersion, keyChunks)},
		func(page []*qdrant.RetrievedPoint) error {
			if len(page) == 0 {
				return nil
			}
			list := make([]string, len(page))
			for i, p := range page {
				list[i] = revision(p.GetId().GetUuid(), payload(p.GetPayload()).string(keyVersion))
			}
			hits, err := s.client.Facet(ctx, &qdrant.FacetCounts{CollectionName: points, Key: keyRevision, Exact: qdrant.PtrOf(true),
				Filter: must(matchAny(keyRevision, list)), Limit: qdrant.PtrOf(uint64(len(list)))})
			if err != nil {
				return s.fail(ctx, "count points", err)
			}
			found := make(map[string]int, len(hits))
			for _, h := range hits {
				found[decode(h.GetValue().GetStringValue())] = int(h.GetCount())
			}
			for i, p := range page {
				visit(list[i], int(payload(p.GetPayload()).int(keyChunks)), found[list[i]])
			}
			return nil
		})
}

// uncommitted returns the revisions in a set of points that no record commits,
// sorted.
func (s *Store) uncommitted(ctx context.Context, points string) ([]string, error) {
	seen, dead := map[string]bool{}, map[string]bool{}
	err := s.scroll(ctx, &qdrant.ScrollPoints{CollectionName: points, Filter: &qdrant.Filter{MustNot: []*qdrant.Condition{isSentinel()}},
		Limit: qdrant.PtrOf(uint32(4096)), WithPayload: qdrant.NewWithPayloadInclude(keyDocument, keyVersion)},
		func(page []*qdrant.RetrievedPoint) error {
			fresh := map[string][2]string{}
			var documents []string
			for _, p := range page {
				id, version := payload(p.GetPayload()).string(keyDocument), payload(p.GetPayload()).string(keyVersion)
				if r := revision(id, version); !seen[r] {
					seen[r] = true
					fresh[r] = [2]string{id, version}
					documents = append(documents, id)
				}
			}
			slices.Sort(documents)
			commits, err := s.committed(ctx, slices.Compact(documents))
			if err != nil {
				return err
			}
			for r, x := range fresh {
				if c, ok := commits[x[0]]; !ok || c.version != x[1] {
					dead[r] = true
				}
			}
			return nil
		})
	return slices.Sorted(maps.Keys(dead)), err
}

// isSentinel selects the sentinel alone.
func isSentinel() *qdrant.Condition { return qdrant.NewHasID(qdrant.NewIDUUID(sentinelID)) }
