package qdrantstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/qdrant/go-client/qdrant"
	"golang.org/x/sync/errgroup"

	"github.com/lore-kb/lore/store"
)

// pageDocuments is how many documents are read in full at a time.
const pageDocuments = 256

// Documents implements [store.Store]. The server orders by numbers only, so
// roots, paths and IDs of all selected documents are read first and sorted here:
// some 200 bytes of memory for each.
func (s *Store) Documents(ctx context.Context, f store.Filter) iter.Seq2[store.DocumentInfo, error] {
	return func(yield func(store.DocumentInfo, error) bool) {
		if err := s.begin(ctx, "documents"); err != nil {
			yield(store.DocumentInfo{}, err)
			return
		}
		type row struct{ root, path, id string }
		var rows []row
		if err := s.scan(ctx, &f, []string{keyRoot, keyPath}, func(id string, p payload) {
			rows = append(rows, row{p.string(keyRoot), p.string(keyPath), id})
		}); err != nil {
			yield(store.DocumentInfo{}, fmt.Errorf("documents: %w", err))
			return
		}
		slices.SortFunc(rows, func(a, b row) int {
			return cmp.Or(strings.Compare(a.root, b.root), strings.Compare(a.path, b.path), strings.Compare(a.id, b.id))
		})
		for page := range slices.Chunk(rows, pageDocuments) {
			list := make([]string, len(page))
			for i, r := range page {
				list[i] = r.id
			}
			infos, err := s.documentPage(ctx, list)
			if err != nil {
				yield(store.DocumentInfo{}, fmt.Errorf("documents: %w", err))
				return
			}
			for _, id := range list {
				d, ok := infos[id]
				if ok && f.MatchDocument(&d) && !yield(d, nil) {
					return
				}
			}
		}
	}
}

// documentPage reads documents in full, with the number of their embedded
// points; those that are gone by now are missing.
func (s *Store) documentPage(ctx context.Context, list []string) (map[string]store.DocumentInfo, error) {
	infos := make(map[string]store.DocumentInfo, len(list))
	embedded := map[string]int{}
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		points, err := s.client.Get(gctx, &qdrant.GetPoints{CollectionName: s.docs, Ids: ids(list), WithPayload: qdrant.NewWithPayloadInclude(documentKeys...)})
		for _, p := range points {
			infos[p.GetId().GetUuid()] = documentOf(p.GetPayload())
		}
		return err
	})
	if s.model().Dimension > 0 {
		g.Go(func() error {
			hits, err := s.client.Facet(gctx, &qdrant.FacetCounts{CollectionName: s.points, Key: keyRevision, Exact: qdrant.PtrOf(true),
				Filter: must(matchAny(keyDocument, list), qdrant.NewHasVector(denseName)), Limit: qdrant.PtrOf(uint64(4 * len(list)))})
			for _, h := range hits {
				embedded[decode(h.GetValue().GetStringValue())] = int(h.GetCount())
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, s.fail(ctx, "read documents", err)
	}
	for id, d := range infos {
		d.Embedded = embedded[revision(id, d.Version)]
		infos[id] = d
	}
	return infos, nil
}

// rereads bounds how often a read is repeated because a document changed under
// it.
const rereads = 64

// errRestless is returned when that many were not enough.
var errRestless = errors.New("documents change faster than they can be read; try again")

// Text implements [store.Store].
func (s *Store) Text(ctx context.Context, documentID string) (string, error) {
	if err := s.begin(ctx, "text"); err != nil {
		return "", err
	}
	missing := fmt.Errorf("text of document %s: %w", documentID, store.ErrNotFound)
	if checkID("document", documentID) != nil {
		return "", missing
	}
	for range rereads {
		points, err := s.client.Get(ctx, &qdrant.GetPoints{CollectionName: s.docs, Ids: ids([]string{documentID}),
			WithPayload: qdrant.NewWithPayloadInclude(keyKind, keyVersion, keyText, keyParts)})
		if err != nil {
			return "", s.fail(ctx, "text", err)
		}
		if len(points) == 0 || payload(points[0].GetPayload()).string(keyKind) != kindDocument {
			return "", missing
		}
		p := payload(points[0].GetPayload())
		n := int(p.int(keyParts))
		if n == 0 {
			return p.string(keyText), nil
		}
		text, whole, err := s.parts(ctx, documentID, p.string(keyVersion), n)
		if err != nil {
			return "", err
		}
		if whole {
			return text, nil
		}
		// Another version has been committed meanwhile; its record is read next.
	}
	return "", fmt.Errorf("text of document %s: parts are missing; index it again: %w", documentID, store.ErrCorrupt)
}

// Excerpt implements [store.Store].
func (s *Store) Excerpt(ctx context.Context, documentID string, start, end int) (string, error) {
	text, err := s.Text(ctx, documentID)
	if err != nil {
		return "", err
	}
	if err := store.CheckRange(start, end, len(text)); err != nil {
		return "", fmt.Errorf("text of document %s: %w", documentID, err)
	}
	return text[start:end], nil
}

func (s *Store) parts(ctx context.Context, documentID, version string, n int) (text string, whole bool, err error) {
	list := make([]string, n)
	for i := range list {
		list[i] = partID(documentID, version, i)
	}
	parts := make(map[string]string, n)
	for batch := range slices.Chunk(list, 16) {
		points, err := s.client.Get(ctx, &qdrant.GetPoints{CollectionName: s.docs, Ids: ids(batch), WithPayload: qdrant.NewWithPayloadInclude(keyText)})
		if err != nil {
			return "", false, s.fail(ctx, "text", err)
		}
		for _, p := range points {
			parts[p.GetId().GetUuid()] = payload(p.GetPayload()).string(keyText)
		}
	}
	var b strings.Builder
	for _, id := range list {
		part, ok := parts[id]
		if !ok {
			return "", false, nil
		}
		b.WriteString(part)
	}
	return b.String(), true, nil
}

// Points implements [store.Store].
func (s *Store) Points(ctx context.Context, documentID string, first, last int) ([]store.Point, error) {
	if err := s.begin(ctx, "points"); err != nil {
		return nil, err
	}
	if checkID("document", documentID) != nil || last < first {
		return nil, nil
	}
	var out []store.Point
	for round := 1; ; round++ {
		before, err := s.committed(ctx, []string{documentID})
		if err != nil {
			return nil, fmt.Errorf("points: %w", err)
		}
		c, ok := before[documentID]
		if !ok {
			return nil, nil
		}
		out = nil
		if err := s.scroll(ctx, &qdrant.ScrollPoints{CollectionName: s.points,
			Filter: must(matchAny(keyRevision, []string{revision(documentID, c.version)}),
				qdrant.NewRange(keyOrdinal, &qdrant.Range{Gte: qdrant.PtrOf(float64(first)), Lte: qdrant.PtrOf(float64(last))})),
			Limit: qdrant.PtrOf(uint32(1000)), WithPayload: withoutDetail},
			func(points []*qdrant.RetrievedPoint) error {
				for _, p := range points {
					out = append(out, pointOf(p.GetId(), p.GetPayload()))
				}
				return nil
			}); err != nil {
			return nil, fmt.Errorf("points: %w", err)
		}
		after, err := s.committed(ctx, []string{documentID})
		if err != nil {
			return nil, fmt.Errorf("points: %w", err)
		}
		if now, ok := after[documentID]; ok && now.version == c.version {
			break
		}
		if round == rereads {
			return nil, fmt.Errorf("points: %w", errRestless)
		}
	}
	slices.SortFunc(out, func(a, b store.Point) int {
		return cmp.Or(cmp.Compare(a.Payload.Ordinal, b.Payload.Ordinal), strings.Compare(a.ID, b.ID))
	})
	return out, nil
}

// Settings implements [store.Store].
func (s *Store) Settings(ctx context.Context) (store.Settings, error) {
	var out store.Settings
	if err := s.begin(ctx, "settings"); err != nil {
		return out, err
	}
	_, err := s.readRecord(ctx, settingsID, &out)
	return out, err
}

// SetSettings implements [store.Store].
func (s *Store) SetSettings(ctx context.Context, settings store.Settings) error {
	if err := s.beginWrite(ctx, "set settings"); err != nil {
		return err
	}
	return s.writeRecord(ctx, settingsID, kindSettings, settings)
}

// Stats implements [store.Store]. While a write is on its way, points of both
// versions of a document count.
func (s *Store) Stats(ctx context.Context) (store.Stats, error) {
	if err := s.begin(ctx, "stats"); err != nil {
		return store.Stats{}, err
	}
	if err := s.follow(ctx); err != nil {
		return store.Stats{}, err
	}
	st := store.Stats{Collection: s.opts.Collection, Model: s.model(), Languages: map[string]int{}}
	failed := qdrant.NewMatchKeyword(keyStatus, string(store.StatusFailed))
	document := qdrant.NewMatchKeyword(keyKind, kindDocument)
	g, gctx := errgroup.WithContext(ctx)
	count := func(into *int, collection string, filter *qdrant.Filter) {
		g.Go(func() error {
			n, err := s.count(gctx, collection, filter)
			*into = n
			return err
		})
	}
	notSentinel := &qdrant.Filter{MustNot: []*qdrant.Condition{isSentinel()}}
	count(&st.Documents, s.docs, &qdrant.Filter{Must: []*qdrant.Condition{document}, MustNot: []*qdrant.Condition{failed}})
	count(&st.Failed, s.docs, must(document, failed))
	count(&st.Points, s.points, notSentinel)
	if st.Model.Dimension > 0 {
		count(&st.Embedded, s.points, must(qdrant.NewHasVector(denseName)))
	}
	g.Go(func() error {
		hits, err := s.client.Facet(gctx, &qdrant.FacetCounts{CollectionName: s.points, Key: keyLanguage, Exact: qdrant.PtrOf(true), Limit: qdrant.PtrOf(uint64(1000))})
		for _, h := range hits {
			if h.GetCount() > 0 { // the server remembers values that are gone
				st.Languages[decode(h.GetValue().GetStringValue())] = int(h.GetCount())
			}
		}
		return err
	})
	g.Go(func() error {
		// Sizes with how many documents have each: one answer instead of a walk
		// over all records.
		hits, err := s.client.Facet(gctx, &qdrant.FacetCounts{CollectionName: s.docs, Key: keyBytes, Filter: must(document), Exact: qdrant.PtrOf(true), Limit: qdrant.PtrOf(uint64(1 << 24))})
		for _, h := range hits {
			st.Bytes += h.GetValue().GetIntegerValue() * int64(h.GetCount())
		}
		return err
	})
	if err := g.Wait(); err != nil {
		return store.Stats{}, s.fail(ctx, "stats", err)
	}
	return st, nil
}

// follow notices that the collection has got another set of points.
func (s *Store) follow(ctx context.Context) error {
	h, _, err := s.readHead(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	same := h.Generation == s.physical
	s.mu.Unlock()
	if same {
		return nil
	}
	return s.reload(ctx)
}
