package qdrantstore

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/qdrant/go-client/qdrant"

	"github.com/lore-kb/lore/store"
)

// Bounds of what one intent covers.
const (
	groupDocuments = 64
	groupPoints    = 4096
	groupBytes     = 32 << 20 // of text
)

// A text longer than this is cut into parts of this size, each a record.
const partBytes = 512 << 10

// Put implements [store.Store].
func (s *Store) Put(ctx context.Context, docs []store.Document) error {
	if err := s.beginWrite(ctx, "put"); err != nil {
		return err
	}
	if err := s.checkDocuments(docs); err != nil {
		return fmt.Errorf("put: %w", err)
	}
	if err := s.lock(ctx); err != nil {
		return fmt.Errorf("put: %w", err)
	}
	defer s.unlock()
	if err := s.mend(ctx); err != nil {
		return fmt.Errorf("put: %w", err)
	}
	for len(docs) > 0 {
		n := groupSize(docs)
		if err := s.putGroup(ctx, docs[:n]); err != nil {
			return fmt.Errorf("put: %w", err)
		}
		docs = docs[n:]
	}
	return nil
}

// groupSize returns how many documents from the front are written together;
// none of them is there twice.
func groupSize(docs []store.Document) int {
	seen := make(map[string]bool, groupDocuments)
	points, bytes := 0, 0
	for i := range docs {
		points += len(docs[i].Points)
		bytes += len(docs[i].Text)
		if i > 0 && (i == groupDocuments || points > groupPoints || bytes > groupBytes || seen[docs[i].ID]) {
			return i
		}
		seen[docs[i].ID] = true
	}
	return len(docs)
}

func (s *Store) checkDocuments(docs []store.Document) error {
	dimension := s.model().Dimension
	for i := range docs {
		d := &docs[i]
		if err := checkID("document", d.ID); err != nil {
			return err
		}
		for j := range d.Points {
			p := &d.Points[j]
			if err := checkID("point", p.ID); err != nil {
				return err
			}
			if p.Dense != nil && len(p.Dense) != dimension {
				return fmt.Errorf("point %s of %s: vector of %d numbers, the collection has %d: %w", p.ID, d.Path, len(p.Dense), dimension, store.ErrDimension)
			}
			if len(p.Sparse.Indices) != len(p.Sparse.Values) {
				return fmt.Errorf("point %s of %s: %d sparse indices but %d values", p.ID, d.Path, len(p.Sparse.Indices), len(p.Sparse.Values))
			}
		}
	}
	return nil
}

// putGroup writes a few documents, none of them twice.
func (s *Store) putGroup(ctx context.Context, docs []store.Document) error {
	documents := make([]string, len(docs))
	for i := range docs {
		documents[i] = docs[i].ID
	}
	old, err := s.committed(ctx, documents)
	if err != nil {
		return err
	}
	var revisions, dead []string
	for i := range docs {
		d := &docs[i]
		revisions = append(revisions, revision(d.ID, d.Version))
		if c, ok := old[d.ID]; ok && c.version != d.Version {
			revisions = append(revisions, revision(d.ID, c.version))
			dead = append(dead, revision(d.ID, c.version))
		}
	}
	in := s.newIntent(documents, revisions)
	if err = s.enter(ctx, in); err == nil {
		err = s.write(ctx, docs, old, dead, in)
	}
	if err != nil {
		s.broken(ctx, in)
	}
	return err
}

func (s *Store) write(ctx context.Context, docs []store.Document, old map[string]commit, dead []string, in *intent) error {
	shared, err := s.sharedVectors(ctx, docs)
	if err != nil {
		return err
	}
	var points []*qdrant.PointStruct
	var parts, records []*qdrant.PointStruct
	for i := range docs {
		d := &docs[i]
		for j := range d.Points {
			points = append(points, pointStruct(&d.Points[j], shared))
		}
		r, p := recordsOf(d)
		records, parts = append(records, r), append(parts, p...)
	}
	for batch := range slices.Chunk(points, s.opts.Writers*s.opts.BatchPoints) {
		if err := s.upsert(ctx, s.points, batch); err != nil {
			return err
		}
		if err := s.renew(ctx, in); err != nil {
			return err
		}
	}
	if err := s.upsert(ctx, s.docs, parts); err != nil {
		return err
	}
	if err := s.renew(ctx, in); err != nil {
		return err
	}
	at := now().UnixNano()
	for _, r := range records {
		r.Payload[keyCommitted] = intValue(at)
	}
	if err := s.upsert(ctx, s.docs, records); err != nil {
		return err
	}
	if err := s.deleteDead(ctx, dead); err != nil {
		return err
	}
	for i := range docs {
		// The same version again, perhaps with fewer points or parts.
		d := &docs[i]
		if c, ok := old[d.ID]; ok && c.version == d.Version {
			if err := s.deleteSurplus(ctx, d); err != nil {
				return err
			}
		}
	}
	return s.deleteRecords(ctx, []string{in.ID})
}

// deleteSurplus deletes points of the document's own version that it no longer
// has.
func (s *Store) deleteSurplus(ctx context.Context, d *store.Document) error {
	filter := must(matchAny(keyRevision, []string{revision(d.ID, d.Version)}))
	if len(d.Points) > 0 {
		keep := make([]string, len(d.Points))
		for i := range d.Points {
			keep[i] = d.Points[i].ID
		}
		filter.MustNot = []*qdrant.Condition{qdrant.NewHasID(ids(keep)...)}
	}
	return s.deleteRevisions(ctx, s.points, filter)
}

func pointStruct(p *store.Point, shared map[string]sharedVector) *qdrant.PointStruct {
	vectors := map[string]*qdrant.Vector{sparseName: sparseVector(p.Sparse)}
	v := sharedVector{p.Dense, p.Detail}
	if v.dense == nil {
		v = shared[p.Digest]
	}
	values := pointPayload(p)
	if v.dense != nil {
		vectors[denseName] = qdrant.NewVectorDense(v.dense)
		fields(values).detail(v.detail)
	}
	return &qdrant.PointStruct{Id: qdrant.NewIDUUID(p.ID), Vectors: qdrant.NewVectorsMap(vectors), Payload: values}
}

func sparseVector(v store.SparseVector) *qdrant.Vector {
	if len(v.Indices) == 0 {
		return qdrant.NewVectorSparse([]uint32{fillerIndex}, []float32{0})
	}
	return qdrant.NewVectorSparse(v.Indices, v.Values)
}

// recordsOf returns the document's record and the parts of its text, if that is
// too long for the record.
func recordsOf(d *store.Document) (*qdrant.PointStruct, []*qdrant.PointStruct) {
	d.Chunks = len(d.Points)
	f := documentFields(&d.DocumentInfo)
	if d.Bytes == 0 {
		f[keyBytes] = intValue(int64(len(d.Text)))
	}
	if len(d.Text) <= partBytes {
		f.string(keyText, d.Text)
		return record(d.ID, f), nil
	}
	var parts []*qdrant.PointStruct
	for rest := d.Text; rest != ""; {
		var part string
		part, rest = cutText(rest)
		p := fields{}
		p.keyword(keyKind, kindText)
		p.keyword(keyRevision, revision(d.ID, d.Version))
		p[keyPart] = intValue(int64(len(parts)))
		p.string(keyText, part)
		parts = append(parts, record(partID(d.ID, d.Version, len(parts)), p))
	}
	f.int(keyParts, int64(len(parts)))
	return record(d.ID, f), parts
}

// cutText cuts off a part of a text, between two characters.
func cutText(text string) (part, rest string) {
	if len(text) <= partBytes {
		return text, ""
	}
	n := partBytes
	for n > partBytes-utf8.UTFMax && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n], text[n:]
}

func partID(documentID, version string, n int) string {
	return reservedID("text", documentID, version, strconv.Itoa(n))
}

// sharedVector is a dense vector with what is kept beside it.
type sharedVector struct {
	dense  store.Vector
	detail []byte
}

// sharedVectors returns the dense vectors that the collection, or another point
// of the same call, has for the digests of points that come without one.
func (s *Store) sharedVectors(ctx context.Context, docs []store.Document) (map[string]sharedVector, error) {
	if s.model().Dimension == 0 {
		return nil, nil
	}
	vectors, missing := map[string]sharedVector{}, map[string]bool{}
	for i := range docs {
		for _, p := range docs[i].Points {
			if p.Dense == nil {
				missing[p.Digest] = true
			}
		}
	}
	for i := range docs {
		for _, p := range docs[i].Points {
			if p.Dense != nil && missing[p.Digest] {
				vectors[p.Digest] = sharedVector{p.Dense, p.Detail}
			}
		}
	}
	var digests []string
	for d := range missing {
		if vectors[d].dense == nil && d != "" {
			digests = append(digests, d)
		}
	}
	slices.Sort(digests)
	for batch := range slices.Chunk(digests, 256) {
		// A digest may have many points; each round finds at least one more.
		for len(batch) > 0 {
			points, err := s.client.Scroll(ctx, &qdrant.ScrollPoints{CollectionName: s.points,
				Filter: must(matchAny(keyDigest, batch), qdrant.NewHasVector(denseName)), Limit: qdrant.PtrOf(uint32(256)),
				WithPayload: qdrant.NewWithPayloadInclude(keyDigest, keyDetail, keyDetailSize), WithVectors: qdrant.NewWithVectorsInclude(denseName)})
			if err != nil {
				return nil, s.fail(ctx, "look up vectors", err)
			}
			for _, p := range points {
				v, values := denseOf(p.GetVectors()), payload(p.GetPayload())
				if v == nil {
					continue
				}
				detail, err := values.detail()
				if err != nil {
					return nil, err
				}
				vectors[values.string(keyDigest)] = sharedVector{v, detail}
			}
			before := len(batch)
			batch = slices.DeleteFunc(slices.Clone(batch), func(d string) bool { return vectors[d].dense != nil })
			if len(batch) == before {
				break
			}
		}
	}
	return vectors, nil
}

func denseOf(v *qdrant.VectorsOutput) store.Vector {
	return v.GetVectors().GetVectors()[denseName].GetDenseVector().GetData()
}

func sparseOf(v *qdrant.VectorsOutput) store.SparseVector {
	sparse := v.GetVectors().GetVectors()[sparseName].GetSparseVector()
	return store.SparseVector{Indices: sparse.GetIndices(), Values: sparse.GetValues()}
}

// Mark implements [store.Store].
func (s *Store) Mark(ctx context.Context, list []string, st store.Status, reason string) error {
	if err := s.beginWrite(ctx, "mark"); err != nil {
		return err
	}
	list = slices.DeleteFunc(slices.Clone(list), func(id string) bool { return checkID("document", id) != nil })
	known, err := s.committed(ctx, list)
	if err != nil {
		return fmt.Errorf("mark: %w", err)
	}
	list = slices.DeleteFunc(list, func(id string) bool { _, ok := known[id]; return !ok })
	f := fields{}
	f.keyword(keyStatus, string(st))
	f.keyword(keyReason, reason)
	for batch := range slices.Chunk(list, 512) {
		if err := s.applied(ctx, "mark", func() (*qdrant.UpdateResult, error) {
			return s.client.SetPayload(ctx, &qdrant.SetPayloadPoints{CollectionName: s.docs, Payload: f, PointsSelector: qdrant.NewPointsSelectorIDs(ids(batch)), Wait: qdrant.PtrOf(true), Ordering: ordered()})
		}); err != nil {
			return err
		}
	}
	return nil
}

// Remove implements [store.Store].
func (s *Store) Remove(ctx context.Context, f store.Filter) (int, error) {
	if err := s.beginWrite(ctx, "remove"); err != nil {
		return 0, err
	}
	if f.Empty() && !f.All {
		return 0, fmt.Errorf("remove: %w", store.ErrEmptyFilter)
	}
	if err := s.lock(ctx); err != nil {
		return 0, fmt.Errorf("remove: %w", err)
	}
	defer s.unlock()
	if err := s.mend(ctx); err != nil {
		return 0, fmt.Errorf("remove: %w", err)
	}
	type row struct{ id, version string }
	var rows []row
	if err := s.scan(ctx, &f, []string{keyDocument, keyVersion}, func(id string, p payload) {
		rows = append(rows, row{id, p.string(keyVersion)})
	}); err != nil {
		return 0, fmt.Errorf("remove: %w", err)
	}
	removed := 0
	for group := range slices.Chunk(rows, 256) {
		var documents, revisions []string
		for _, r := range group {
			documents = append(documents, r.id)
			revisions = append(revisions, revision(r.id, r.version))
		}
		in := s.newIntent(documents, revisions)
		err := s.enter(ctx, in)
		if err == nil {
			// The record goes first: from then on no reader takes the points.
			if err = s.deleteRecords(ctx, documents); err == nil {
				removed += len(documents)
				if err = s.deleteDead(ctx, in.Revisions); err == nil {
					err = s.deleteRecords(ctx, []string{in.ID})
				}
			}
		}
		if err != nil {
			s.broken(ctx, in)
			return removed, fmt.Errorf("remove: %w", err)
		}
	}
	return removed, nil
}

// scan visits the records of the documents that f selects in order of ID. Keys
// are what visit reads.
func (s *Store) scan(ctx context.Context, f *store.Filter, keys []string, visit func(id string, p payload)) error {
	c := documentCondition(f)
	include := keys
	if c.refine {
		include = append(append(slices.Clone(keys), refineKeys...), keyDocument, keyStatus)
	}
	return s.scroll(ctx, &qdrant.ScrollPoints{CollectionName: s.docs, Filter: c.filter, Limit: qdrant.PtrOf(uint32(1000)),
		WithPayload: qdrant.NewWithPayloadInclude(include...)},
		func(points []*qdrant.RetrievedPoint) error {
			for _, p := range points {
				if c.refine {
					if d := documentOf(p.GetPayload()); !f.MatchDocument(&d) {
						continue
					}
				}
				visit(p.GetId().GetUuid(), p.GetPayload())
			}
			return nil
		})
}
