package sqlitestore

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/lore-kb/lore/store"
)

// TestIdentities keeps identifiers that follow from their document and others side
// by side, through merges in which points are left out.
func TestIdentities(t *testing.T) {
	version := store.Digest("v")
	var docs []pointDocument
	want := map[uint32]string{}
	key := uint32(1)
	for i := range 20 {
		d := testDocument(fmt.Sprint(i, ".md"), version, 1+i%4, 5)
		switch i % 5 {
		case 1:
			d = testDocument(fmt.Sprint(i, ".md"), "no digest", 1+i%4, 5)
		case 3:
			d.Points[len(d.Points)-1].ID = store.PointID("other", "x", i)
		}
		docs = append(docs, pointDocument{key, d.Points})
		for j := range d.Points {
			want[key+uint32(j)] = d.Points[j].ID
		}
		key += uint32(len(d.Points))
	}
	check := func(p *pointState) {
		t.Helper()
		if err := p.check(t.Context()); err != nil {
			t.Error(err)
		}
		for local := range uint32(p.n) {
			if id := p.id(local); formatUUID(id[:]) != want[p.key(local)] || !p.named(local, want[p.key(local)]) {
				t.Errorf("point %d is called %x, want %s", p.key(local), id, want[p.key(local)])
			}
		}
	}
	a, b := built(t, docs[:9]), built(t, docs[9:])
	check(a)
	check(b)
	follow := 0
	for i := range a.runKeys {
		if a.ids.follows(i) {
			follow++
		}
	}
	if follow != 5 || len(a.ids.data) >= 16*a.n {
		t.Errorf("identifiers of %d documents follow, in %d bytes", follow, len(a.ids.data))
	}
	// A whole document goes, and of another the first point.
	a.dead, b.dead = newBitset(a.n), newBitset(b.n)
	a.dead.setRange(a.runLocals[2], a.runLocals[3])
	b.dead.setRange(b.runLocals[5], b.runLocals[5]+1)
	var out bytes.Buffer
	n, _, err := mergePoints(&out, []*pointState{a, b}, func() error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	seg, err := openSegment("merged", out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	p, err := openPoints(seg)
	if err != nil {
		t.Fatal(err)
	}
	if p.n != n || n != a.n+b.n-int(a.runLocals[3]-a.runLocals[2])-1 {
		t.Errorf("%d points", p.n)
	}
	check(&pointState{pointSegment: p, cache: &selectionCache{}})
	var ids identities
	for _, locals := range [][]uint32{nil, p.runLocals[:len(p.runLocals)-1], append(p.runLocals[:len(p.runLocals):len(p.runLocals)], uint32(p.n)+1)} {
		if ids.open(p.section(secIDs), locals, true) {
			t.Errorf("identifiers fit %d documents", len(locals))
		}
	}
}

// TestEqualScores are in order of IDs.
func TestEqualScores(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{Create: true})
	var docs []store.Document
	for i := range 30 {
		docs = append(docs, textDocument(fmt.Sprint(i, ".md"), store.Digest(fmt.Sprint(i%3)), "everywhere the same"))
	}
	putTest(t, s, docs...)
	hits, err := s.Search(t.Context(), store.Query{Leg: store.LegSparse, Sparse: testSparse("everywhere"), Limit: 20})
	if err != nil || len(hits) != 20 {
		t.Fatal(len(hits), err)
	}
	for i := 1; i < len(hits); i++ {
		if hits[i-1].Score != hits[i].Score || hits[i-1].ID >= hits[i].ID {
			t.Errorf("hit %d: %v %s, then %v %s", i, hits[i-1].Score, hits[i-1].ID, hits[i].Score, hits[i].ID)
		}
	}
}
