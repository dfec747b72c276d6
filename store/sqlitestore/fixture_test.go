package sqlitestore

import (
	"bytes"
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/lore-kb/lore/store"
)

var testModel = store.Model{Fingerprint: "test/24", Dimension: 24}

func openTest(t testing.TB, dir string, o Options) *Store {
	t.Helper()
	if o.Model == (store.Model{}) {
		o.Model = testModel
	}
	o.LockTimeout = -1
	s, err := Open(context.Background(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// testSparse weighs the words of a text.
func testSparse(text string) store.SparseVector {
	var v store.SparseVector
	for _, w := range strings.Fields(text) {
		h := fnv.New32a()
		h.Write([]byte(w))
		v.Indices = append(v.Indices, h.Sum32())
		v.Values = append(v.Values, 1)
	}
	v.Sort()
	n := float32(len(v.Indices))
	for i, tf := range v.Values {
		v.Values[i] = 2.2 * tf / (tf + 0.3 + n/40)
	}
	return v
}

func testVector(seed string, dim int) store.Vector {
	h := fnv.New64a()
	h.Write([]byte(seed))
	r := rand.New(rand.NewPCG(h.Sum64(), 1))
	c := rand.New(rand.NewPCG(h.Sum64()%20, 2))
	v := make(store.Vector, dim)
	for i := range v {
		v[i] = float32(c.NormFloat64() + 0.7*r.NormFloat64())
	}
	return v
}

// testDetail returns what is kept beside the vector of a seed; some have nothing.
func testDetail(seed string) []byte {
	h := fnv.New64a()
	h.Write([]byte(seed))
	return bytes.Repeat([]byte{byte(h.Sum64())}, int(h.Sum64()%50)*int(h.Sum64()%3))
}

// testDocument makes a document of a few generated points.
func testDocument(path, version string, points, words int) store.Document {
	h := fnv.New64a()
	h.Write([]byte(path + version))
	r := rand.New(rand.NewPCG(h.Sum64(), 3))
	texts := make([]string, points)
	for i := range texts {
		w := []string{"everywhere"}
		for range words {
			w = append(w, fmt.Sprint("w", int(1/(r.Float64()+0.0005))))
		}
		texts[i] = strings.Join(w, " ")
	}
	return textDocument(path, version, texts...)
}

func textDocument(path, version string, texts ...string) store.Document {
	root := store.RootID("file:///r")
	d := store.Document{DocumentInfo: store.DocumentInfo{
		ID: store.DocumentID("default", root, path), Root: root, Path: path, URI: "file:///r/" + path, Title: path, MediaType: "text/plain",
		Language: "en", Version: version, Status: store.StatusOK, Date: time.Unix(1_700_000_000, 0), Bytes: 0,
	}}
	d.Text = strings.Join(texts, "\n")
	d.Bytes = len(d.Text)
	at := 0
	for i, text := range texts {
		d.Points = append(d.Points, store.Point{
			ID: store.PointID(d.ID, version, i), Digest: store.Digest(text), Sparse: testSparse(text),
			Payload: store.Payload{DocumentID: d.ID, Version: version, Ordinal: i, Title: d.Title, URI: d.URI, Path: path, Root: root, MediaType: d.MediaType, Language: "en", Line: i + 1, Start: at, End: at + len(text), Date: d.Date, Text: text},
		})
		at += len(text) + 1
	}
	return d
}

func putTest(t testing.TB, s *Store, docs ...store.Document) {
	t.Helper()
	if err := s.Put(context.Background(), docs); err != nil {
		t.Fatal(err)
	}
}

// embedAll gives each pending point its vector.
func embedAll(ctx context.Context, s *Store, batch int) error {
	for {
		pending, err := s.Pending(ctx, batch)
		if err != nil || len(pending) == 0 {
			return err
		}
		var v []store.PointVector
		for _, p := range pending {
			v = append(v, store.PointVector{ID: p.ID, Digest: p.Digest, Vector: testVector(p.Digest, s.model.Dimension), Detail: testDetail(p.Digest + s.model.Fingerprint)})
		}
		if err := s.SetVectors(ctx, v); err != nil {
			return err
		}
	}
}

// content is everything that a collection answers, in one string.
func content(ctx context.Context, s *Store) (string, error) {
	var b strings.Builder
	for d, err := range s.Documents(ctx, store.Filter{}) {
		if err != nil {
			return "", err
		}
		text, err := s.Text(ctx, d.ID)
		if err != nil {
			return "", err
		}
		points, err := s.Points(ctx, d.ID, 0, 1<<20)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "%+v %s %d\n", d, store.Digest(text), len(points))
		for _, p := range points {
			fmt.Fprintf(&b, "  %s %s %+v\n", p.ID, p.Digest, p.Payload)
		}
	}
	for _, words := range []string{"everywhere", "w1 w2 w3", "w7 w19 everywhere", "w400"} {
		v := testSparse(words)
		for i := range v.Values {
			v.Values[i] = 1
		}
		hits, err := s.Search(ctx, store.Query{Leg: store.LegSparse, Sparse: v, Limit: 20})
		if err != nil {
			return "", err
		}
		for _, h := range hits {
			fmt.Fprintf(&b, "%s: %s %.9g\n", words, h.ID, h.Score)
		}
		hits, err = s.Search(ctx, store.Query{Leg: store.LegDense, Dense: testVector(words, s.model.Dimension), Limit: 20})
		if err != nil {
			return "", err
		}
		details, err := s.Details(ctx, hits)
		if err != nil {
			return "", err
		}
		for i, h := range hits {
			fmt.Fprintf(&b, "%s: %s %.9g\n", words, h.ID, h.Score)
			if details[i] != nil {
				fmt.Fprintf(&b, "  %x\n", details[i])
			}
		}
	}
	return b.String(), nil
}

func contentOf(t testing.TB, s *Store) string {
	t.Helper()
	out, err := content(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// clean fails the test if the collection has problems.
func clean(t testing.TB, s *Store) {
	t.Helper()
	problems, err := s.Check(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Error(p)
	}
}
