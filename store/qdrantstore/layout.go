package qdrantstore

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/qdrant/go-client/qdrant"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/lore-kb/lore/store"
)

// layoutVersion of what this package writes; a newer one is refused.
const layoutVersion = 1

// Kinds of records.
const (
	kindDocument = "document"
	kindText     = "text"
	kindSettings = "settings"
	kindHead     = "head"
	kindIntent   = "intent"
)

// Two reserved sparse indices, arbitrary numbers. Every set of points holds one
// sentinel with the first: a query for it tells how many vectors the server
// counts. A point without terms gets the second with the weight 0, so that every
// point has a sparse vector. A term that is hashed to one of them is found all
// the same.
const (
	sentinelIndex = 0x9e3779b1
	fillerIndex   = 0x85ebca77
)

var (
	headID     = reservedID("head")
	settingsID = reservedID("settings")
	sentinelID = reservedID("sentinel")
)

// head is the record that says what the collection is made of.
type head struct {
	Layout     int
	Generation string                 // the points in use, as the alias says too
	Models     map[string]store.Model // by set of points
	Next       string                 // points that are being built; "" when none are
	Previous   string                 // points that were in use before; "" when there are none
	Frozen     *freeze                // writers wait
}

const namePrefix = "lore."

// escapeName makes a collection's name fit for the server's file system; no two
// names become the same.
func escapeName(name string) string {
	var b strings.Builder
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-', c == '.':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func unescapeName(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func pointsAlias(collection string) string { return namePrefix + escapeName(collection) }
func docsName(collection string) string    { return pointsAlias(collection) + "~docs" }
func pointsName(collection string, n int) string {
	return pointsAlias(collection) + "~points-" + strconv.Itoa(n)
}

func pointsNumber(collection, physical string) int {
	n, _ := strconv.Atoi(strings.TrimPrefix(physical, pointsAlias(collection)+"~points-"))
	return n
}

// complete reports whether the collection is there: its records, and among them
// the head, with which a creation ends, or documents.
func (s *Store) complete(ctx context.Context) (bool, error) {
	exists, err := s.client.CollectionExists(ctx, s.docs)
	if err != nil || !exists {
		return false, s.fail(ctx, "look up collection", err)
	}
	if _, found, err := s.readHead(ctx); err != nil || found {
		return found, err
	}
	n, err := s.count(ctx, s.docs, must(qdrant.NewMatchKeyword(keyKind, kindDocument)))
	return n > 0, err
}

// create makes the collection: points, alias, records. Run again, it completes
// what broke off.
func (s *Store) create(ctx context.Context) error {
	physical, err := s.aliasTarget(ctx)
	if err != nil {
		return err
	}
	if physical != "" {
		// Left by a creation that broke off, or by a removal: then it is full or
		// of another model.
		n, err := s.count(ctx, physical, nil)
		if err != nil {
			return err
		}
		info, err := s.client.GetCollectionInfo(ctx, physical)
		if err != nil {
			return s.fail(ctx, "look up collection", err)
		}
		if n > 1 || denseSize(info) != s.opts.Model.Dimension {
			if err := s.client.DeleteCollection(ctx, physical); err != nil {
				return s.fail(ctx, "remove what is left of a collection", err)
			}
			physical = ""
		}
	}
	if physical == "" {
		physical = pointsName(s.opts.Collection, 1)
		if err := s.createPoints(ctx, physical, s.opts.Model); err != nil {
			return err
		}
		if err := s.client.CreateAlias(ctx, s.points, physical); err != nil && !alreadyThere(err) {
			return s.fail(ctx, "create collection", err)
		}
	}
	return s.createDocs(ctx)
}

// denseSize is the length of the dense vectors of a set of points; 0 when it
// takes none.
func denseSize(info *qdrant.CollectionInfo) int {
	return int(info.GetConfig().GetParams().GetVectorsConfig().GetParamsMap().GetMap()[denseName].GetSize())
}

// createPoints makes a set of points with its indexes and its sentinel. What is
// there already is kept.
func (s *Store) createPoints(ctx context.Context, name string, model store.Model) error {
	o := s.opts
	request := &qdrant.CreateCollection{
		CollectionName: name,
		VectorsConfig:  qdrant.NewVectorsConfigMap(map[string]*qdrant.VectorParams{}),
		SparseVectorsConfig: qdrant.NewSparseVectorsConfig(map[string]*qdrant.SparseVectorParams{
			sparseName: {Modifier: qdrant.Modifier_Idf.Enum(), Index: &qdrant.SparseIndexConfig{OnDisk: qdrant.PtrOf(!o.Storage.SparseInMemory)}},
		}),
		OnDiskPayload:     qdrant.PtrOf(!o.Storage.PayloadInMemory),
		ShardNumber:       qdrant.PtrOf(uint32(o.Shards)),
		ReplicationFactor: qdrant.PtrOf(uint32(o.Replicas)),
		// Vectors of deleted points count in document frequencies until their
		// segment is vacuumed, so that is done early.
		OptimizersConfig: &qdrant.OptimizersConfigDiff{DeletedThreshold: qdrant.PtrOf(0.1), VacuumMinVectorNumber: qdrant.PtrOf(uint64(1000))},
		Metadata:         map[string]*qdrant.Value{"lore_model": stringValue(model.Fingerprint), "lore_layout": intValue(layoutVersion)},
	}
	if o.WriteConsistency > 0 {
		request.WriteConsistencyFactor = qdrant.PtrOf(uint32(o.WriteConsistency))
	}
	if model.Dimension > 0 {
		dense := &qdrant.VectorParams{Size: uint64(model.Dimension), Distance: qdrant.Distance_Cosine, OnDisk: qdrant.PtrOf(!o.Storage.VectorsInMemory)}
		if !o.Storage.NoQuantization {
			dense.QuantizationConfig = qdrant.NewQuantizationScalar(&qdrant.ScalarQuantization{
				Type: qdrant.QuantizationType_Int8, Quantile: qdrant.PtrOf(float32(0.99)), AlwaysRam: qdrant.PtrOf(true)})
		}
		request.VectorsConfig = qdrant.NewVectorsConfigMap(map[string]*qdrant.VectorParams{denseName: dense})
	}
	if err := s.client.CreateCollection(ctx, request); err != nil && !alreadyThere(err) {
		return s.fail(ctx, "create points", err)
	}
	if err := s.createIndexes(ctx, name, pointIndexes); err != nil {
		return err
	}
	return s.putSentinel(ctx, name)
}

func (s *Store) putSentinel(ctx context.Context, points string) error {
	return s.upsert(ctx, points, []*qdrant.PointStruct{{
		Id: qdrant.NewIDUUID(sentinelID),
		Vectors: qdrant.NewVectorsMap(map[string]*qdrant.Vector{
			sparseName: qdrant.NewVectorSparse([]uint32{sentinelIndex}, []float32{1}),
		}),
	}})
}

func (s *Store) createDocs(ctx context.Context) error {
	o := s.opts
	request := &qdrant.CreateCollection{
		CollectionName:    s.docs,
		VectorsConfig:     qdrant.NewVectorsConfigMap(map[string]*qdrant.VectorParams{}),
		OnDiskPayload:     qdrant.PtrOf(true),
		ShardNumber:       qdrant.PtrOf(uint32(1)),
		ReplicationFactor: qdrant.PtrOf(uint32(o.Replicas)),
	}
	if o.WriteConsistency > 0 {
		request.WriteConsistencyFactor = qdrant.PtrOf(uint32(o.WriteConsistency))
	}
	if err := s.client.CreateCollection(ctx, request); err != nil && !alreadyThere(err) {
		return s.fail(ctx, "create records", err)
	}
	return s.createIndexes(ctx, s.docs, recordIndexes)
}

// Indexes by key.
var (
	pointIndexes = map[string]qdrant.FieldType{
		keyDocument: qdrant.FieldType_FieldTypeKeyword, keyRevision: qdrant.FieldType_FieldTypeKeyword, keyDigest: qdrant.FieldType_FieldTypeKeyword,
		keyRoot: qdrant.FieldType_FieldTypeKeyword, keyPaths: qdrant.FieldType_FieldTypeKeyword, keyMediaType: qdrant.FieldType_FieldTypeKeyword,
		keyMediaMajor: qdrant.FieldType_FieldTypeKeyword, keyLanguage: qdrant.FieldType_FieldTypeKeyword, keyPairs: qdrant.FieldType_FieldTypeKeyword,
		keyDate: qdrant.FieldType_FieldTypeDatetime, keyOrder: qdrant.FieldType_FieldTypeInteger, keyOrdinal: qdrant.FieldType_FieldTypeInteger,
	}
	recordIndexes = map[string]qdrant.FieldType{
		keyKind: qdrant.FieldType_FieldTypeKeyword, keyDocument: qdrant.FieldType_FieldTypeKeyword, keyRevision: qdrant.FieldType_FieldTypeKeyword,
		keyRoot: qdrant.FieldType_FieldTypeKeyword, keyPaths: qdrant.FieldType_FieldTypeKeyword, keyMediaType: qdrant.FieldType_FieldTypeKeyword,
		keyMediaMajor: qdrant.FieldType_FieldTypeKeyword, keyLanguage: qdrant.FieldType_FieldTypeKeyword, keyPairs: qdrant.FieldType_FieldTypeKeyword,
		keyStatus: qdrant.FieldType_FieldTypeKeyword, keyDate: qdrant.FieldType_FieldTypeDatetime, keyBytes: qdrant.FieldType_FieldTypeInteger,
	}
)

// indexParams are of an index that no search filters by: the graph of the vectors
// gets no further links for it, which would take longer to build than the graph
// itself where nearly every point has a value of its own, and its values need
// not lie in memory. nil, the server's defaults, for the others. Servers that do
// not know the setting build the links.
func indexParams(key string, storage Storage) *qdrant.PayloadIndexParams {
	graph, disk := qdrant.PtrOf(false), qdrant.PtrOf(!storage.PayloadInMemory)
	switch key {
	case keyDigest, keyRevision:
		return qdrant.NewPayloadIndexParamsKeyword(&qdrant.KeywordIndexParams{EnableHnsw: graph, OnDisk: disk})
	case keyOrder, keyOrdinal:
		return qdrant.NewPayloadIndexParamsInt(&qdrant.IntegerIndexParams{EnableHnsw: graph, OnDisk: disk, Lookup: qdrant.PtrOf(true), Range: qdrant.PtrOf(true)})
	}
	return nil
}

func (s *Store) createIndexes(ctx context.Context, name string, indexes map[string]qdrant.FieldType) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(s.opts.Writers)
	for _, key := range slices.Sorted(maps.Keys(indexes)) {
		g.Go(func() error {
			_, err := s.client.CreateFieldIndex(gctx, &qdrant.CreateFieldIndexCollection{
				CollectionName: name, FieldName: key, FieldType: indexes[key].Enum(), FieldIndexParams: indexParams(key, s.opts.Storage), Wait: qdrant.PtrOf(true)})
			return err
		})
	}
	return s.fail(ctx, "create indexes of "+name, g.Wait())
}

// aliasTarget returns what the alias points to, "" when there is none.
func (s *Store) aliasTarget(ctx context.Context) (string, error) {
	aliases, err := s.client.ListAliases(ctx)
	if err != nil {
		return "", s.fail(ctx, "look up collection", err)
	}
	for _, a := range aliases {
		if a.GetAliasName() == s.points {
			return a.GetCollectionName(), nil
		}
	}
	return "", nil
}

// reload reads what the collection is made of, and writes the head when there is
// none yet or when it names other points than the alias.
func (s *Store) reload(ctx context.Context) error {
	physical, err := s.aliasTarget(ctx)
	if err != nil {
		return err
	}
	if physical == "" {
		return fmt.Errorf("collection %q on %s has records but no points; remove it and index again: %w", s.opts.Collection, s.conn.target, store.ErrCorrupt)
	}
	h, found, err := s.readHead(ctx)
	if err != nil {
		return err
	}
	if h.Layout > layoutVersion {
		return fmt.Errorf("collection %q on %s has layout %d, this lore knows up to %d; use a newer lore: %w", s.opts.Collection, s.conn.target, h.Layout, layoutVersion, store.ErrNewerVersion)
	}
	info, err := s.client.GetCollectionInfo(ctx, s.points)
	if err != nil {
		return s.fail(ctx, "look up collection", err)
	}
	if !found {
		h = head{Layout: layoutVersion, Models: map[string]store.Model{}}
		if n := denseSize(info); n > 0 && n == s.opts.Model.Dimension {
			h.Models[physical] = s.opts.Model
		}
	}
	if h.Models == nil {
		h.Models = map[string]store.Model{}
	}
	if !s.opts.ReadOnly && h.Frozen.over() && (!found || h.Generation != physical || h.Frozen != nil) {
		if found && h.Generation != physical {
			// An exchange broke off before its last step: it is still to be made.
			h.Next = h.Generation
			if h.Previous == physical {
				h.Previous = ""
			}
		}
		h.Generation, h.Frozen = physical, nil
		if err := s.writeHead(ctx, h); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.head, s.physical, s.shards = h, physical, int(info.GetConfig().GetParams().GetShardNumber())
	return nil
}

func (s *Store) readHead(ctx context.Context) (head, bool, error) {
	var h head
	found, err := s.readRecord(ctx, headID, &h)
	return h, found, err
}

func (s *Store) writeHead(ctx context.Context, h head) error {
	b, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("write head: %w", err)
	}
	f := fields{}
	f.keyword(keyKind, kindHead)
	f.string(keyData, string(b))
	f.string(keyGeneration, h.Generation) // apart, for lookUp
	return s.upsert(ctx, s.docs, []*qdrant.PointStruct{record(headID, f)})
}

// readRecord decodes the data of a record that is not a document's.
func (s *Store) readRecord(ctx context.Context, id string, into any) (bool, error) {
	points, err := s.client.Get(ctx, &qdrant.GetPoints{CollectionName: s.docs, Ids: ids([]string{id}), WithPayload: qdrant.NewWithPayload(true)})
	if err != nil {
		return false, s.fail(ctx, "read record", err)
	}
	if len(points) == 0 {
		return false, nil
	}
	if err := json.Unmarshal([]byte(payload(points[0].GetPayload()).string(keyData)), into); err != nil {
		return false, fmt.Errorf("read record %s: %w: %w", id, store.ErrCorrupt, err)
	}
	return true, nil
}

func (s *Store) writeRecord(ctx context.Context, id, kind string, data any) error {
	b, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("write %s: %w", kind, err)
	}
	f := fields{}
	f.keyword(keyKind, kind)
	f.string(keyData, string(b))
	return s.upsert(ctx, s.docs, []*qdrant.PointStruct{record(id, f)})
}

// record is a point without vectors.
func record(id string, f fields) *qdrant.PointStruct {
	return &qdrant.PointStruct{Id: qdrant.NewIDUUID(id), Payload: f, Vectors: qdrant.NewVectorsMap(map[string]*qdrant.Vector{})}
}

func alreadyThere(err error) bool {
	s := status.Convert(err)
	return s.Code() == codes.AlreadyExists || s.Code() == codes.InvalidArgument && strings.Contains(s.Message(), "already exists")
}

func notThere(err error) bool { return status.Code(err) == codes.NotFound }

// Collections lists the collections on a server, sorted by name. Only the
// connection's part of o is used.
func Collections(ctx context.Context, o Options) ([]string, error) {
	conn, err := dial(ctx, o)
	if err != nil {
		return nil, err
	}
	defer conn.close()
	names, err := conn.client.ListCollections(ctx)
	if err != nil {
		return nil, conn.fail(ctx, "list collections", err)
	}
	var out []string
	for _, n := range names {
		if rest, ok := strings.CutPrefix(n, namePrefix); ok {
			if escaped, ok := strings.CutSuffix(rest, "~docs"); ok {
				out = append(out, unescapeName(escaped))
			}
		}
	}
	slices.Sort(out)
	return out, nil
}

// RemoveCollection deletes the collection o.Collection with all that is in it.
// It fails with [store.ErrNoCollection] when there is none.
func RemoveCollection(ctx context.Context, o Options) error {
	o = o.withDefaults()
	conn, err := dial(ctx, o)
	if err != nil {
		return err
	}
	defer conn.close()
	names, err := conn.client.ListCollections(ctx)
	if err != nil {
		return conn.fail(ctx, "list collections", err)
	}
	docs, found := docsName(o.Collection), false
	// The records go first: without them there is no collection, whatever else
	// is left by a removal that breaks off; creating it again finds the rest.
	slices.SortFunc(names, func(a, b string) int {
		if a == docs || b == docs {
			return map[bool]int{true: -1, false: 1}[a == docs]
		}
		return strings.Compare(a, b)
	})
	for _, n := range names {
		if n != docs && !strings.HasPrefix(n, pointsAlias(o.Collection)+"~points-") {
			continue
		}
		found = true
		if err := conn.client.DeleteCollection(ctx, n); err != nil && !notThere(err) {
			return conn.fail(ctx, "remove collection", err)
		}
	}
	if !found {
		return fmt.Errorf("collection %q on %s: %w", o.Collection, conn.target, store.ErrNoCollection)
	}
	return nil
}
