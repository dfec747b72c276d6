package sqlitestore

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lore-kb/lore/store"
)

// FuzzPoints decodes damaged points, which a checksum keeps away otherwise.
func FuzzPoints(f *testing.F) {
	d := testDocument("a.md", "v1", 3, 10)
	d.Points[1].Payload.Section = []string{"A", "B"}
	d.Points[1].Payload.PageBreaks = []int{70}
	d.Points[2].Payload.Labels = map[string]string{"a": "b"}
	words := learn(vocabularyTexts(50))
	words.id = 1
	words.encoder()
	of := func(int64) (*vocabulary, error) { return words, nil }
	for _, with := range []*vocabulary{nil, words} {
		f.Add(encodePoints(&d, with))
		for _, uri := range []string{d.URI, "file:///r/a", "x:"} {
			f.Add(append(appendURI([]byte(infoForm), uri, "file:///r/", d.Path), encodeInfo(&d.DocumentInfo, 100, with)...))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		info := store.DocumentInfo{Path: "a.md"}
		_ = decodeInfo(b, &info, 100, "file:///r/", of)
		p, err := decodePoints(b, &info, of)
		if err != nil {
			return
		}
		for i := range min(p.n, 100) {
			_, _ = p.at(i)
		}
	})
}

// FuzzSegment opens damaged segments.
func FuzzSegment(f *testing.F) {
	p := generatedPoints(f, 30)
	f.Add(append([]byte(nil), p.b...))
	f.Fuzz(func(t *testing.T, b []byte) {
		seg, err := openSegment("fuzz", b)
		if err != nil {
			return
		}
		if p, err := openPoints(seg); err == nil {
			_ = p.check(t.Context())
		}
		if v, err := openVectors(seg); err == nil {
			_ = v.check(t.Context())
		}
	})
}

func TestPointsKeepWhatDiffers(t *testing.T) {
	d := testDocument("a.md", "v1", 4, 5)
	d.Labels = map[string]string{"team": "legal"}
	p := &d.Points[2]
	p.ID = store.PointID("another", "v", 9)
	p.Digest = "not a hash"
	p.Payload.Title, p.Payload.URI, p.Payload.MediaType, p.Payload.Language = "T", "u:", "x/y", "zh"
	p.Payload.Date = d.Date.AddDate(1, 0, 0)
	p.Payload.Labels = map[string]string{"team": "sales"}
	p.Payload.Line, p.Payload.Page = -1, -2
	coded, err := decodePoints(encodePoints(&d, nil), &d.DocumentInfo, noWords)
	if err != nil {
		t.Fatal(err)
	}
	for i := range d.Points {
		got, err := coded.at(i)
		if err != nil {
			t.Fatal(err)
		}
		want := d.Points[i]
		want.Sparse, want.Payload.Text = store.SparseVector{}, ""
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("point %d (-want +got):\n%s", i, diff)
		}
	}
}

func TestTextRanges(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir, Options{Create: true})
	var words []string
	for i := range 9000 {
		words = append(words, string(rune('a'+i%26))+"词 ")
	}
	whole := strings.Join(words, "")
	d := textDocument("long.md", "v1", whole)
	putTest(t, s, d)
	for _, r := range [][2]int{{0, 0}, {0, 1}, {textBlock - 1, textBlock + 1}, {textBlock, 2 * textBlock}, {5, len(whole)}, {len(whole), len(whole)}, {textBlock + 7, textBlock + 9}} {
		if err := s.read(t.Context(), func(c *conn) error {
			row, _, err := document(c, d.ID)
			if err != nil {
				return err
			}
			got, err := text(c, row.place, r[0], r[1])
			if err == nil && got != whole[r[0]:r[1]] {
				t.Errorf("[%d, %d): %d bytes differ", r[0], r[1], len(got))
			}
			return err
		}); err != nil {
			t.Error(err)
		}
	}
}

// noWords has no vocabularies.
func noWords(int64) (*vocabulary, error) { return nil, errRecord }
