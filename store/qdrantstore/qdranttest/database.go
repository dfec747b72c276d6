package qdranttest

import (
	"maps"
	"math"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/google/uuid"
	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// database is all that a server holds. Payloads and vectors are replaced, never
// changed, so that answers may share them.
type database struct {
	mu          sync.RWMutex
	collections map[string]*collection
	aliases     map[string]string
}

func newDatabase() *database {
	return &database{collections: map[string]*collection{}, aliases: map[string]string{}}
}

type collection struct {
	config  *qdrant.CreateCollection
	dense   map[string]*qdrant.VectorParams
	sparse  map[string]*qdrant.SparseVectorParams
	indexes map[string]qdrant.FieldType
	seen    map[string]map[string]bool // keywords of points that are gone, by key

	points []*point // in order of ID
	byID   map[string]*point
	terms  map[string]*termIndex // by sparse vector
}

type point struct {
	id      string
	payload map[string]*qdrant.Value
	dense   map[string][]float32
	sparse  map[string]sparse
}

// sparse is a sparse vector in ascending order of indices.
type sparse struct {
	indices []uint32
	values  []float32
}

// termIndex is the inverted index of one sparse vector, and what is still
// counted of points that are gone.
type termIndex struct {
	postings map[uint32]map[*point]float32
	vectors  int // that are not empty
	ghosts   int
	ghostDF  map[uint32]int
}

func (t *termIndex) add(p *point, v sparse) {
	if len(v.indices) == 0 {
		return
	}
	t.vectors++
	for i, index := range v.indices {
		m := t.postings[index]
		if m == nil {
			m = map[*point]float32{}
			t.postings[index] = m
		}
		m[p] = v.values[i]
	}
}

func (t *termIndex) remove(p *point, v sparse) {
	if len(v.indices) == 0 {
		return
	}
	t.vectors--
	for _, index := range v.indices {
		delete(t.postings[index], p)
	}
}

// bury removes a point but goes on counting it.
func (t *termIndex) bury(p *point, v sparse) {
	if len(v.indices) == 0 {
		return
	}
	t.remove(p, v)
	t.ghosts++
	for _, index := range v.indices {
		t.ghostDF[index]++
	}
}

// idf is the factor of a term, in the precision of the server.
func (t *termIndex) idf(index uint32) float32 {
	n := float32(t.vectors + t.ghosts)
	df := float32(len(t.postings[index]) + t.ghostDF[index])
	return float32(math.Log(float64((n-df+0.5)/(df+0.5) + 1)))
}

func (db *database) resolve(name string) (*collection, error) {
	if target, ok := db.aliases[name]; ok {
		name = target
	}
	c, ok := db.collections[name]
	if !ok {
		return nil, status.Errorf(codes.NotFound, "Not found: Collection `%s` doesn't exist!", name)
	}
	return c, nil
}

func (db *database) vacuum() {
	db.mu.Lock()
	defer db.mu.Unlock()
	for _, c := range db.collections {
		for _, t := range c.terms {
			t.ghosts, t.ghostDF = 0, map[uint32]int{}
		}
	}
}

func (db *database) size(name string) int {
	db.mu.RLock()
	defer db.mu.RUnlock()
	c, err := db.resolve(name)
	if err != nil {
		return -1
	}
	return len(c.points)
}

func newCollection(r *qdrant.CreateCollection) *collection {
	c := &collection{config: r, dense: map[string]*qdrant.VectorParams{}, sparse: map[string]*qdrant.SparseVectorParams{},
		indexes: map[string]qdrant.FieldType{}, seen: map[string]map[string]bool{}, byID: map[string]*point{}, terms: map[string]*termIndex{}}
	maps.Copy(c.dense, r.GetVectorsConfig().GetParamsMap().GetMap())
	if p := r.GetVectorsConfig().GetParams(); p != nil {
		c.dense[""] = p
	}
	for name, p := range r.GetSparseVectorsConfig().GetMap() {
		c.sparse[name] = p
		c.terms[name] = &termIndex{postings: map[uint32]map[*point]float32{}, ghostDF: map[uint32]int{}}
	}
	return c
}

func idOf(id *qdrant.PointId) (string, error) {
	switch v := id.GetPointIdOptions().(type) {
	case *qdrant.PointId_Uuid:
		u, err := uuid.Parse(v.Uuid)
		if err != nil {
			return "", status.Errorf(codes.InvalidArgument, "Unable to parse UUID: %s", v.Uuid)
		}
		return u.String(), nil
	}
	return "", status.Error(codes.InvalidArgument, "qdranttest: only UUIDs are points' IDs here")
}

// find returns the position of an ID and whether it is there.
func (c *collection) find(id string) (int, bool) {
	i := sort.Search(len(c.points), func(i int) bool { return c.points[i].id >= id })
	return i, i < len(c.points) && c.points[i].id == id
}

// vectorsOf takes a point's vectors apart, checked against the configuration.
func (c *collection) vectorsOf(v *qdrant.Vectors) (map[string][]float32, map[string]sparse, error) {
	if v == nil {
		return nil, nil, status.Error(codes.InvalidArgument, "Expected some vectors")
	}
	named := v.GetVectors().GetVectors()
	if one := v.GetVector(); one != nil {
		named = map[string]*qdrant.Vector{"": one}
	}
	dense, sparses := map[string][]float32{}, map[string]sparse{}
	for name, vector := range named {
		if s, ok := vector.GetVector().(*qdrant.Vector_Sparse); ok {
			if _, ok := c.sparse[name]; !ok {
				return nil, nil, noVector(name)
			}
			x, err := sparseOf(s.Sparse.GetIndices(), s.Sparse.GetValues())
			if err != nil {
				return nil, nil, err
			}
			sparses[name] = x
			continue
		}
		data := vector.GetDense().GetData()
		params, ok := c.dense[name]
		if !ok {
			return nil, nil, noVector(name)
		}
		if err := checkDimension(params, data); err != nil {
			return nil, nil, err
		}
		if params.GetDistance() == qdrant.Distance_Cosine {
			data = normalised(data)
		}
		dense[name] = data
	}
	return dense, sparses, nil
}

func noVector(name string) error {
	return status.Errorf(codes.InvalidArgument, "Wrong input: Not existing vector name error: %s", name)
}

func checkDimension(params *qdrant.VectorParams, data []float32) error {
	if uint64(len(data)) != params.GetSize() {
		return status.Errorf(codes.InvalidArgument, "Wrong input: Vector dimension error: expected dim: %d, got %d", params.GetSize(), len(data))
	}
	return nil
}

func normalised(v []float32) []float32 {
	var sum float32
	for _, x := range v {
		sum += x * x
	}
	if sum < 1.2e-7 || math.Abs(float64(sum)-1) <= 1e-6 {
		return v
	}
	length := float32(math.Sqrt(float64(sum)))
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = x / length
	}
	return out
}

func sparseOf(indices []uint32, values []float32) (sparse, error) {
	if len(indices) != len(values) {
		return sparse{}, status.Error(codes.InvalidArgument, "Validation error: values: must be the same length as indices")
	}
	order := make([]int, len(indices))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return int(int64(indices[a]) - int64(indices[b])) })
	out := sparse{indices: make([]uint32, len(indices)), values: make([]float32, len(indices))}
	for i, j := range order {
		out.indices[i], out.values[i] = indices[j], values[j]
		if i > 0 && out.indices[i] == out.indices[i-1] {
			return sparse{}, status.Error(codes.InvalidArgument, "Validation error: indices: must be unique")
		}
	}
	return out, nil
}

func (c *collection) upsert(list []*qdrant.PointStruct) error {
	fresh := make([]*point, 0, len(list))
	for _, r := range list {
		id, err := idOf(r.GetId())
		if err != nil {
			return err
		}
		dense, sparses, err := c.vectorsOf(r.GetVectors())
		if err != nil {
			return err
		}
		fresh = append(fresh, &point{id: id, payload: maps.Clone(r.GetPayload()), dense: dense, sparse: sparses})
	}
	for _, p := range fresh {
		if old := c.byID[p.id]; old != nil {
			for name, t := range c.terms {
				t.remove(old, old.sparse[name])
			}
			i, _ := c.find(p.id)
			c.points[i] = p
		} else {
			i, _ := c.find(p.id)
			c.points = slices.Insert(c.points, i, p)
		}
		c.byID[p.id] = p
		for name, t := range c.terms {
			t.add(p, p.sparse[name])
		}
	}
	return nil
}

func (c *collection) delete(gone []*point) {
	dead := make(map[*point]bool, len(gone))
	for _, p := range gone {
		dead[p] = true
		delete(c.byID, p.id)
		for key, kind := range c.indexes {
			for _, v := range values(p.payload, key) {
				if kind == qdrant.FieldType_FieldTypeKeyword {
					if c.seen[key] == nil {
						c.seen[key] = map[string]bool{}
					}
					c.seen[key][v.GetStringValue()] = true
				}
			}
		}
		for name, t := range c.terms {
			t.bury(p, p.sparse[name])
		}
	}
	c.points = slices.DeleteFunc(c.points, func(p *point) bool { return dead[p] })
}

// change replaces a point by what f makes of a copy of it.
func (c *collection) change(p *point, f func(*point)) {
	next := &point{id: p.id, payload: p.payload, dense: maps.Clone(p.dense), sparse: maps.Clone(p.sparse)}
	f(next)
	for name, t := range c.terms {
		t.remove(p, p.sparse[name])
		t.add(next, next.sparse[name])
	}
	i, _ := c.find(p.id)
	c.points[i], c.byID[p.id] = next, next
}

// selected returns the points that a selector means, in order of ID. IDs that
// are not there come back as missing.
func (c *collection) selected(s *qdrant.PointsSelector) (found []*point, missing string, err error) {
	switch v := s.GetPointsSelectorOneOf().(type) {
	case *qdrant.PointsSelector_Points:
		for _, x := range v.Points.GetIds() {
			id, err := idOf(x)
			if err != nil {
				return nil, "", err
			}
			if p := c.byID[id]; p != nil {
				found = append(found, p)
			} else if missing == "" {
				missing = id
			}
		}
		slices.SortFunc(found, func(a, b *point) int { return strings.Compare(a.id, b.id) })
		return slices.Compact(found), missing, nil
	case *qdrant.PointsSelector_Filter:
		match, err := compile(v.Filter)
		if err != nil {
			return nil, "", err
		}
		for _, p := range c.points {
			if match(p) {
				found = append(found, p)
			}
		}
		return found, "", nil
	}
	return nil, "", status.Error(codes.InvalidArgument, "No PointsSelector")
}
