package qdrantstore

import (
	"context"
	"fmt"
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
	for name, indexes := range map[string]map[string]qdrant.FieldType{s.points: pointIndexes, s.docs: recordIndexes} {
		info, err := s.client.GetCollectionInfo(ctx, name)
		if err != nil {
			return nil, s.fail(ctx, "check", err)
		}
		if info.GetStatus() == qdrant.CollectionStatus_Red {
			report("see the server's log", "the server reports an error in %s (%s)", name, oneLine(info.GetOptimizerStatus().GetError()))
		}
		for key := range indexes {
			if _, ok := info.GetPayloadSchema()[key]; !ok {
				report("lore doctor --repair", "%s has no index of %s, so filters are slow", name, key)
			}
		}
		if name == s.points {
			if n, want := denseSize(info), s.model().Dimension; n != want {
				report("index again with --rebuild", "vectors have %d dimensions, the collection's model %d", n, want)
			}
		}
	}
	if n, err := s.count(ctx, s.points, must(qdrant.NewHasID(ids([]string{sentinelID})...))); err != nil {
		return nil, err
	} else if n != 1 {
		report("lore doctor --repair", "the point that document frequencies are measured by is missing")
	}
	found, err := s.revisionCounts(ctx)
	if err != nil {
		return nil, err
	}
	missing, surplus := 0, 0
	all := store.Filter{}
	if err := s.scan(ctx, &all, []string{keyVersion, keyChunks}, func(id string, p payload) {
		r := revision(id, p.string(keyVersion))
		if int64(found[r]) != p.int(keyChunks) {
			missing++
		}
		delete(found, r)
	}); err != nil {
		return nil, err
	}
	for _, n := range found {
		surplus += n
	}
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
	found, err := s.revisionCounts(ctx)
	if err != nil {
		return err
	}
	all := store.Filter{}
	if err := s.scan(ctx, &all, []string{keyVersion}, func(id string, p payload) {
		delete(found, revision(id, p.string(keyVersion)))
	}); err != nil {
		return err
	}
	dead := make([]string, 0, len(found))
	for r := range found {
		dead = append(dead, r)
	}
	slices.Sort(dead)
	return s.deleteDead(ctx, dead)
}

// revisionCounts returns how many points each revision has.
func (s *Store) revisionCounts(ctx context.Context) (map[string]int, error) {
	hits, err := s.client.Facet(ctx, &qdrant.FacetCounts{CollectionName: s.points, Key: keyRevision, Exact: qdrant.PtrOf(true), Limit: qdrant.PtrOf(uint64(1 << 24))})
	if err != nil {
		return nil, s.fail(ctx, "count revisions", err)
	}
	found := make(map[string]int, len(hits))
	for _, h := range hits {
		found[decode(h.GetValue().GetStringValue())] = int(h.GetCount())
	}
	return found, nil
}
