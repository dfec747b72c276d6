package qdranttest_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/lore-kb/lore/store/qdrantstore/qdranttest"
)

const name = "books"

func id(n int) string { return uuid.NewSHA1(uuid.Nil, []byte{byte(n)}).String() }

func connect(t *testing.T, s *qdranttest.Server) *qdrant.Client {
	t.Helper()
	c, err := qdrant.NewClient(&qdrant.Config{Host: "passthrough:///memory", Port: 6334, PoolSize: 1, SkipCompatibilityCheck: true,
		GrpcOptions: []grpc.DialOption{grpc.WithContextDialer(s.Dial)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// start makes a server with a collection of five points: point n has the dense
// vector (1, n), the sparse weights {7: 1, n: 2}, and a few fields.
func start(t *testing.T) (*qdranttest.Server, *qdrant.Client) {
	t.Helper()
	s := qdranttest.StartWith(t, qdranttest.Options{Memory: true})
	c, ctx := connect(t, s), t.Context()
	must(t, c.CreateCollection(ctx, &qdrant.CreateCollection{CollectionName: name,
		VectorsConfig:       qdrant.NewVectorsConfigMap(map[string]*qdrant.VectorParams{"d": {Size: 2, Distance: qdrant.Distance_Cosine}}),
		SparseVectorsConfig: qdrant.NewSparseVectorsConfig(map[string]*qdrant.SparseVectorParams{"s": {Modifier: qdrant.Modifier_Idf.Enum()}})}))
	for key, kind := range map[string]qdrant.FieldType{"n": qdrant.FieldType_FieldTypeInteger, "tags": qdrant.FieldType_FieldTypeKeyword, "at": qdrant.FieldType_FieldTypeDatetime} {
		_, err := c.CreateFieldIndex(ctx, &qdrant.CreateFieldIndexCollection{CollectionName: name, FieldName: key, FieldType: kind.Enum()})
		must(t, err)
	}
	var points []*qdrant.PointStruct
	for n := range 5 {
		payload, err := qdrant.TryValueMap(map[string]any{"n": n, "tags": []any{"all", string(rune('a' + n%2))}, "at": time.Unix(int64(n), 0).UTC().Format(time.RFC3339)})
		must(t, err)
		points = append(points, &qdrant.PointStruct{Id: qdrant.NewID(id(n)), Payload: payload, Vectors: qdrant.NewVectorsMap(map[string]*qdrant.Vector{
			"d": qdrant.NewVectorDense([]float32{1, float32(n)}), "s": qdrant.NewVectorSparse([]uint32{7, uint32(100 + n)}, []float32{1, 2})})})
	}
	_, err := c.Upsert(ctx, &qdrant.UpsertPoints{CollectionName: name, Points: points})
	must(t, err)
	return s, c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func numbers[P interface {
	GetPayload() map[string]*qdrant.Value
}](points []P) []int {
	var out []int
	for _, p := range points {
		out = append(out, int(p.GetPayload()["n"].GetIntegerValue()))
	}
	return out
}

func TestDense(t *testing.T) {
	_, c := start(t)
	hits, err := c.Query(t.Context(), &qdrant.QueryPoints{CollectionName: name, Query: qdrant.NewQueryDense([]float32{0, 3}), Using: qdrant.PtrOf("d"),
		Limit: qdrant.PtrOf(uint64(3)), WithPayload: qdrant.NewWithPayload(true)})
	must(t, err)
	if got := numbers(hits); !slices.Equal(got, []int{4, 3, 2}) || math.Abs(float64(hits[0].GetScore())-4/math.Sqrt(17)) > 1e-6 {
		t.Errorf("hits %v, best %v", got, hits[0].GetScore())
	}
	_, err = c.Query(t.Context(), &qdrant.QueryPoints{CollectionName: name, Query: qdrant.NewQueryDense([]float32{1}), Using: qdrant.PtrOf("d")})
	if status.Code(err) != codes.InvalidArgument {
		t.Errorf("a vector of the wrong length: %v", err)
	}
}

// TestSparse scores with the frequencies of what is there and of what was
// deleted, until the server is vacuumed.
func TestSparse(t *testing.T) {
	s, c := start(t)
	idf := func(n, df float64) float64 { return math.Log(1 + (n-df+0.5)/(df+0.5)) }
	best := func(want float64) {
		t.Helper()
		hits, err := c.Query(t.Context(), &qdrant.QueryPoints{CollectionName: name, Query: qdrant.NewQuerySparse([]uint32{102, 7}, []float32{1, 1}), Using: qdrant.PtrOf("s")})
		must(t, err)
		if hits[0].GetId().GetUuid() != id(2) || math.Abs(float64(hits[0].GetScore())-want) > 1e-5 {
			t.Errorf("best %s with %v, want %v", hits[0].GetId().GetUuid(), hits[0].GetScore(), want)
		}
	}
	best(2*idf(5, 1) + idf(5, 5))
	_, err := c.Delete(t.Context(), &qdrant.DeletePoints{CollectionName: name, Points: qdrant.NewPointsSelector(qdrant.NewID(id(0)))})
	must(t, err)
	best(2*idf(5, 1) + idf(5, 5))
	s.Vacuum()
	best(2*idf(4, 1) + idf(4, 4))
	_, err = c.UpdateVectors(t.Context(), &qdrant.UpdatePointVectors{CollectionName: name, Points: []*qdrant.PointVectors{{Id: qdrant.NewID(id(1)),
		Vectors: qdrant.NewVectorsMap(map[string]*qdrant.Vector{"s": qdrant.NewVectorSparse(nil, nil)})}}})
	must(t, err)
	best(2*idf(3, 1) + idf(3, 3))
}

func TestFilters(t *testing.T) {
	_, c := start(t)
	at := func(n int) *qdrant.DatetimeRange {
		return &qdrant.DatetimeRange{Gte: qdrant.NewStartFromTimestamp(int64(n), 0).GetTimestamp()}
	}
	all := func(conditions ...*qdrant.Condition) *qdrant.Filter { return &qdrant.Filter{Must: conditions} }
	for what, x := range map[string]struct {
		filter *qdrant.Filter
		want   []int
	}{
		"none":     {nil, []int{0, 1, 2, 3, 4}},
		"keyword":  {all(qdrant.NewMatchKeyword("tags", "a")), []int{0, 2, 4}},
		"keywords": {all(qdrant.NewMatchKeywords("tags", "b", "x")), []int{1, 3}},
		"integers": {all(qdrant.NewMatchInts("n", 1, 4)), []int{1, 4}},
		"range":    {all(qdrant.NewRange("n", &qdrant.Range{Gt: qdrant.PtrOf(1.0), Lte: qdrant.PtrOf(3.0)})), []int{2, 3}},
		"datetime": {all(qdrant.NewDatetimeRange("at", at(3))), []int{3, 4}},
		"not":      {&qdrant.Filter{MustNot: []*qdrant.Condition{qdrant.NewMatchKeyword("tags", "a")}}, []int{1, 3}},
		"should":   {&qdrant.Filter{Should: []*qdrant.Condition{qdrant.NewMatchInt("n", 0), qdrant.NewHasID(qdrant.NewID(id(3)))}}, []int{0, 3}},
		"empty":    {all(qdrant.NewIsEmpty("nothing")), []int{0, 1, 2, 3, 4}},
		"vector":   {all(qdrant.NewHasVector("d")), []int{0, 1, 2, 3, 4}},
		"inner":    {all(qdrant.NewFilterAsCondition(&qdrant.Filter{Should: []*qdrant.Condition{qdrant.NewMatchInt("n", 2)}})), []int{2}},
		"min":      {&qdrant.Filter{MinShould: &qdrant.MinShould{MinCount: 2, Conditions: []*qdrant.Condition{qdrant.NewMatchInt("n", 2), qdrant.NewMatchKeyword("tags", "a"), qdrant.NewMatchKeyword("tags", "b")}}}, []int{2}},
	} {
		points, err := c.Scroll(t.Context(), &qdrant.ScrollPoints{CollectionName: name, Filter: x.filter, OrderBy: &qdrant.OrderBy{Key: "n"}})
		must(t, err)
		if got := numbers(points); !slices.Equal(got, x.want) {
			t.Errorf("%s: %v, want %v", what, got, x.want)
		}
		n, err := c.Count(t.Context(), &qdrant.CountPoints{CollectionName: name, Filter: x.filter})
		must(t, err)
		if int(n) != len(x.want) {
			t.Errorf("%s: count %d", what, n)
		}
	}
}

func TestScrollPages(t *testing.T) {
	_, c := start(t)
	var got []string
	var offset *qdrant.PointId
	for {
		points, next, err := c.ScrollAndOffset(t.Context(), &qdrant.ScrollPoints{CollectionName: name, Offset: offset, Limit: qdrant.PtrOf(uint32(2))})
		must(t, err)
		for _, p := range points {
			got = append(got, p.GetId().GetUuid())
		}
		if offset = next; next == nil {
			break
		}
	}
	if len(got) != 5 || !slices.IsSorted(got) {
		t.Errorf("pages give %v", got)
	}
}

func TestFacet(t *testing.T) {
	_, c := start(t)
	hits, err := c.Facet(t.Context(), &qdrant.FacetCounts{CollectionName: name, Key: "tags"})
	must(t, err)
	var got []string
	for _, h := range hits {
		got = append(got, h.GetValue().GetStringValue()+strings.Repeat("+", int(h.GetCount())))
	}
	if !slices.Equal(got, []string{"all+++++", "a+++", "b++"}) {
		t.Errorf("facet %v", got)
	}
	if _, err := c.Facet(t.Context(), &qdrant.FacetCounts{CollectionName: name, Key: "at"}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("facet without an index that serves: %v", err)
	}
}

func TestFusion(t *testing.T) {
	_, c := start(t)
	hits, err := c.Query(t.Context(), &qdrant.QueryPoints{CollectionName: name, WithPayload: qdrant.NewWithPayload(true),
		Prefetch: []*qdrant.PrefetchQuery{
			{Query: qdrant.NewQueryDense([]float32{0, 1}), Using: qdrant.PtrOf("d"), Limit: qdrant.PtrOf(uint64(2))},
			{Query: qdrant.NewQuerySparse([]uint32{103}, []float32{1}), Using: qdrant.PtrOf("s")}},
		Query: qdrant.NewQueryRRF(&qdrant.Rrf{K: qdrant.PtrOf(uint32(60))})})
	must(t, err)
	if got := numbers(hits); !slices.Equal(got, []int{3, 4}) || math.Abs(float64(hits[0].GetScore())-(1.0/60+1.0/61)) > 1e-6 {
		t.Errorf("fused %v, best %v", got, hits[0].GetScore())
	}
}

func TestAliases(t *testing.T) {
	_, c := start(t)
	must(t, c.CreateAlias(t.Context(), "current", name))
	n, err := c.Count(t.Context(), &qdrant.CountPoints{CollectionName: "current"})
	must(t, err)
	if n != 5 {
		t.Errorf("%d points behind the alias", n)
	}
	must(t, c.DeleteCollection(t.Context(), name))
	if aliases, err := c.ListAliases(t.Context()); err != nil || len(aliases) != 0 {
		t.Errorf("aliases %v, %v", aliases, err)
	}
}

// TestFaults looks at what a fault leaves applied.
func TestFaults(t *testing.T) {
	for _, x := range []struct {
		fault qdranttest.Fault
		code  codes.Code
		want  int
	}{
		{qdranttest.Fault{Code: codes.Unavailable}, codes.Unavailable, 5},
		{qdranttest.Fault{Code: codes.Unavailable, LoseAck: true}, codes.Unavailable, 9},
		{qdranttest.Fault{Code: codes.Internal, Half: true}, codes.Internal, 7},
		{qdranttest.Fault{Method: "Delete", Code: codes.Internal}, codes.OK, 9},
		{qdranttest.Fault{Skip: 1, Code: codes.Internal}, codes.OK, 9},
		{qdranttest.Fault{Collection: "shelf", Code: codes.Internal}, codes.OK, 9},
		{qdranttest.Fault{Delay: time.Hour}, codes.DeadlineExceeded, 5},
	} {
		s, c := start(t)
		s.Inject(x.fault)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		if x.fault.Delay > 0 {
			ctx, cancel = context.WithTimeout(t.Context(), 20*time.Millisecond)
		}
		var points []*qdrant.PointStruct
		for n := 5; n < 9; n++ {
			points = append(points, &qdrant.PointStruct{Id: qdrant.NewID(id(n)), Vectors: qdrant.NewVectorsMap(map[string]*qdrant.Vector{})})
		}
		_, err := c.Upsert(ctx, &qdrant.UpsertPoints{CollectionName: name, Points: points})
		cancel()
		if status.Code(err) != x.code || s.Points(name) != x.want {
			t.Errorf("%+v: error %v, %d points, want %s and %d", x.fault, err, s.Points(name), x.code, x.want)
		}
	}
}
