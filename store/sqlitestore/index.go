package sqlitestore

import (
	"context"
	"encoding/binary"
	"math"
	"slices"
	"sort"

	"github.com/lore-kb/lore/store"
)

// index is what a search needs of one generation of the collection, in memory.
type index struct {
	generation int64
	points     []indexed // in order of key
	byID       map[string]int
	byDigest   map[string]store.Vector
	df         map[uint32]int
}

type indexed struct {
	key    int64
	point  store.Point // without text; Dense is normalised
	doc    *row
	offset int
}

// current returns the index of the connection's snapshot.
func (s *Store) current(c *conn) (*index, error) {
	generation, err := c.int("SELECT value FROM meta WHERE name = 'generation'")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.index != nil && s.index.generation == generation {
		return s.index, nil
	}
	ix, err := loadIndex(c, generation)
	if err == nil {
		s.index = ix
	}
	return ix, err
}

func loadIndex(c *conn, generation int64) (*index, error) {
	ix := &index{generation: generation, byID: map[string]int{}, byDigest: map[string]store.Vector{}, df: map[uint32]int{}}
	err := c.query("SELECT "+rowColumns+fromRows+"WHERE d.chunks > 0 ORDER BY d.key", func(v []value) error {
		d, err := scanRow(c, v)
		if err != nil {
			return err
		}
		p, err := readPoints(c, &d)
		if err != nil {
			return err
		}
		var sparse []store.SparseVector
		if _, err := c.one("SELECT data FROM forward WHERE key = ?", func(v []value) error {
			sparse, err = decodeSparse(asBytes(v[0]), p.n)
			return err
		}, d.key); err != nil {
			return corrupt(c.file, err)
		}
		for i := range p.n {
			point, err := p.at(i)
			if err != nil {
				return corrupt(c.file, err)
			}
			point.Sparse = sparse[i]
			for _, t := range point.Sparse.Indices {
				ix.df[t]++
			}
			ix.byID[point.ID] = len(ix.points)
			ix.points = append(ix.points, indexed{key: d.key + int64(i), point: point, doc: &d, offset: i})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return ix, c.query("SELECT key, data FROM vectors", func(v []value) error {
		if i, ok := ix.find(asInt(v[0])); ok {
			p := &ix.points[i].point
			p.Dense = decodeVector(asBytes(v[1]))
			ix.byDigest[p.Digest] = p.Dense
		}
		return nil
	})
}

func (ix *index) find(key int64) (int, bool) {
	return slices.BinarySearchFunc(ix.points, key, func(p indexed, key int64) int { return int(p.key - key) })
}

func (ix *index) embedded(key int64) bool {
	i, ok := ix.find(key)
	return ok && ix.points[i].point.Dense != nil
}

// indexDocument makes the points of a document findable and returns how many
// have a vector.
func indexDocument(c *conn, ix *index, key int64, d *store.Document) (embedded int, err error) {
	if len(d.Points) == 0 {
		return 0, nil
	}
	var data []byte
	for i := range d.Points {
		p := &d.Points[i]
		data = encodeSparse(data, p.Sparse)
		v := p.Dense
		if v == nil {
			v = ix.byDigest[p.Digest]
		}
		if v == nil {
			continue
		}
		embedded++
		if err := putVector(c, key+int64(i), v); err != nil {
			return 0, err
		}
	}
	_, err = c.exec("INSERT INTO forward(key, data) VALUES(?, ?)", key, data)
	return embedded, err
}

func unindexDocument(c *conn, d *row) error {
	if _, err := c.exec("DELETE FROM forward WHERE key = ?", d.key); err != nil {
		return err
	}
	_, err := c.exec("DELETE FROM vectors WHERE key >= ? AND key < ?", d.key, d.key+int64(d.info.Chunks))
	return err
}

func setVectors(ctx context.Context, c *conn, ix *index, vectors []store.PointVector) error {
	set := map[int64]bool{}
	for _, v := range vectors {
		if err := ctx.Err(); err != nil {
			return err
		}
		i, ok := ix.byID[v.ID]
		if !ok || ix.points[i].point.Digest != v.Digest {
			continue
		}
		p := &ix.points[i]
		if err := putVector(c, p.key, v.Vector); err != nil {
			return err
		}
		if p.point.Dense != nil || set[p.key] {
			continue
		}
		set[p.key] = true
		if _, err := c.exec("UPDATE documents SET embedded = embedded + 1 WHERE key = ?", p.doc.key); err != nil {
			return err
		}
	}
	t := tally{embedded: int64(len(set))}
	return t.write(c)
}

func putVector(c *conn, key int64, v store.Vector) error {
	_, err := c.exec("INSERT INTO vectors(key, data) VALUES(?, ?) ON CONFLICT(key) DO UPDATE SET data = excluded.data", key, encodeVector(normalised(v)))
	return err
}

func normalised(v store.Vector) store.Vector {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	out := make(store.Vector, len(v))
	if sum == 0 {
		return out
	}
	f := 1 / math.Sqrt(sum)
	for i, x := range v {
		out[i] = float32(float64(x) * f)
	}
	return out
}

func encodeVector(v store.Vector) []byte {
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

func decodeVector(b []byte) store.Vector {
	v := make(store.Vector, len(b)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return v
}

func encodeSparse(b []byte, v store.SparseVector) []byte {
	b = putUint(b, len(v.Indices))
	for i, t := range v.Indices {
		b = binary.LittleEndian.AppendUint32(b, t)
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v.Values[i]))
	}
	return b
}

func decodeSparse(b []byte, n int) ([]store.SparseVector, error) {
	r := record{b: b}
	out := make([]store.SparseVector, n)
	for i := range out {
		k := r.count()
		data := r.bytes(8 * k)
		if r.err != nil {
			return nil, r.err
		}
		v := store.SparseVector{Indices: make([]uint32, k), Values: make([]float32, k)}
		for j := range k {
			v.Indices[j] = binary.LittleEndian.Uint32(data[8*j:])
			v.Values[j] = math.Float32frombits(binary.LittleEndian.Uint32(data[8*j+4:]))
		}
		out[i] = v
	}
	return out, nil
}

func (ix *index) idf(t uint32) float64 { return store.IDF(len(ix.points), ix.df[t]) }

// score ranks by plain comparison with every point.
func (ix *index) score(q *store.Query) []scored {
	var out []scored
	if q.Leg == store.LegDense {
		v := normalised(q.Dense)
		for i := range ix.points {
			p := &ix.points[i].point
			if p.Dense == nil || !q.Filter.MatchPayload(&p.Payload) {
				continue
			}
			var dot float64
			for j, x := range p.Dense {
				dot += float64(x) * float64(v[j])
			}
			out = append(out, scored{i, dot})
		}
		return out
	}
	idf := make([]float64, len(q.Sparse.Indices))
	for i, t := range q.Sparse.Indices {
		idf[i] = ix.idf(t)
	}
	for i := range ix.points {
		p := &ix.points[i].point
		var sum float64
		from := p.Sparse.Indices
		at := 0
		for j, t := range q.Sparse.Indices {
			k := sort.Search(len(from)-at, func(k int) bool { return from[at+k] >= t })
			if at += k; at < len(from) && from[at] == t {
				sum += float64(q.Sparse.Values[j]) * float64(p.Sparse.Values[at]) * idf[j]
			}
		}
		if sum > 0 && q.Filter.MatchPayload(&p.Payload) {
			out = append(out, scored{i, sum})
		}
	}
	return out
}
