package sqlitestore

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lore-kb/lore/store"
)

// TestRecordsKeepWhatDiffers codes records that are unlike most in each field.
func TestRecordsKeepWhatDiffers(t *testing.T) {
	words := learn(vocabularyTexts(50))
	words.id = 7
	words.encoder()
	of := func(id int64) (*vocabulary, error) {
		if id != words.id {
			return nil, errRecord
		}
		return words, nil
	}
	usual := store.DocumentInfo{
		Path: "a b/c#d%.md", URI: "file:///r/a%20b/c%23d%25.md", Title: "a title of some words, which a vocabulary codes", MediaType: "text/markdown", Language: "zh",
		Version: store.Digest("v"), Content: store.Digest("c"), Size: 70, Bytes: 100,
		Date: time.Unix(1_700_000_000, 123).UTC(), ModTime: time.Unix(1_700_000_000, 123).UTC(), IndexedAt: time.Unix(1_800_000_000, 999_999_999).UTC(),
	}
	for name, change := range map[string]func(*store.DocumentInfo){
		"nothing":    func(*store.DocumentInfo) {},
		"URI":        func(d *store.DocumentInfo) { d.URI = "https://example.org/x" },
		"no URI":     func(d *store.DocumentInfo) { d.URI = "" },
		"near URI":   func(d *store.DocumentInfo) { d.URI = "file:///r/a%20b/c" },
		"other case": func(d *store.DocumentInfo) { d.URI = "file:///r/a%20b/c%23D%25.md?x" },
		"root alone": func(d *store.DocumentInfo) { d.URI = "file:///r/" },
		"media":      func(d *store.DocumentInfo) { d.MediaType = "x/y" },
		"last media": func(d *store.DocumentInfo) { d.MediaType = mediaTypes[len(mediaTypes)-1] },
		"no media":   func(d *store.DocumentInfo) { d.MediaType = "" },
		"language":   func(d *store.DocumentInfo) { d.Language = "fr" },
		"hashes":     func(d *store.DocumentInfo) { d.Version, d.Content = "v1", "" },
		"capitals":   func(d *store.DocumentInfo) { d.Version = "ABCDEF00112233445566778899AABBCC" },
		"sizes":      func(d *store.DocumentInfo) { d.Size, d.Bytes = -1, 99 },
		"times": func(d *store.DocumentInfo) {
			d.ModTime, d.IndexedAt = time.Time{}, time.Unix(-5, 7).UTC()
		},
		"no date":  func(d *store.DocumentInfo) { d.Date = time.Time{} },
		"title":    func(d *store.DocumentInfo) { d.Title = "" },
		"bytes":    func(d *store.DocumentInfo) { d.Title = "\xff\x00\x80" },
		"warnings": func(d *store.DocumentInfo) { d.Warnings = []string{"a", "", "page 3 has no text"} },
		"labels": func(d *store.DocumentInfo) {
			d.Labels = map[string]string{"team": "legal", "": "", "z": "a longer text, of some words"}
		},
	} {
		for _, with := range []*vocabulary{nil, words} {
			want := usual
			change(&want)
			for _, root := range []string{"", "file:///r/"} {
				coded := append(appendURI([]byte(infoForm), want.URI, root, want.Path), encodeInfo(&want, 100, with)...)
				if needsRoot(coded) != (coded[len(infoForm)] != uriWhole) || root == "" && needsRoot(coded) {
					t.Errorf("%s: root %q is needed: %v", name, root, needsRoot(coded))
				}
				got := store.DocumentInfo{Path: want.Path, Date: timeOf(sortableTime(want.Date))}
				if err := decodeInfo(coded, &got, 100, root, of); err != nil {
					t.Errorf("%s: %v", name, err)
				}
				if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("%s, root %q, words %v (-want +got):\n%s", name, root, with != nil, diff)
				}
				for n := range coded {
					_ = decodeInfo(coded[:n], &got, 100, root, of) // must not panic
				}
			}
		}
	}
}

// TestSections codes section paths that share parts, repeat and equal the title.
func TestSections(t *testing.T) {
	words := learn(vocabularyTexts(50))
	words.id = 1
	words.encoder()
	of := func(int64) (*vocabulary, error) { return words, nil }
	for _, n := range []int{1, 7, 8, 9, 16, 40} {
		d := testDocument("a.md", "v1", n, 5)
		d.Title = "the title"
		paths := [][]string{{"the title"}, {"the title", "first part"}, {"the title", "first part", ""}, nil, {"the title", "second part"}, {"other"}, {"other"}, {"the title"}}
		for i := range d.Points {
			p := &d.Points[i].Payload
			p.Title, p.Section, p.Line = d.Title, paths[i*i%len(paths)], 3*i-2*(i%5)
			if i%11 == 3 {
				p.Start -= min(p.Start, 3)
			}
			if i%6 == 5 {
				p.Page, p.PageBreaks = i, []int{p.Start + 1, p.Start + 2}
				p.Cues = []store.Cue{{Offset: p.Start - 1, Span: store.Span{From: 1, To: 2}}}
			}
		}
		for _, with := range []*vocabulary{nil, words} {
			b := encodePoints(&d, with)
			p, err := decodePoints(b, &d.DocumentInfo, of)
			if err != nil {
				t.Fatal(err)
			}
			for i := range d.Points {
				want := d.Points[i]
				want.Sparse, want.Payload.Text = store.SparseVector{}, ""
				got, err := p.at(i)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
					t.Fatalf("point %d of %d (-want +got):\n%s", i, n, diff)
				}
			}
			for k := range b {
				if p, err := decodePoints(b[:k], &d.DocumentInfo, of); err == nil {
					for i := range p.n {
						_, _ = p.at(i) // must not panic
					}
				}
			}
		}
	}
}

// TestRootURI puts documents whose URIs are and are not their root's and path.
func TestRootURI(t *testing.T) {
	dir := t.TempDir()
	s := openTest(t, dir, Options{Create: true})
	var docs []store.Document
	for i, uri := range []string{"file:///mail.mbox", "file:///r/1.md", "file:///r/2.mbox", "file:///r/3.md", "x:"} {
		d := textDocument(fmt.Sprint(i, ".md"), "v1", fmt.Sprint("everywhere ", i))
		d.URI = uri
		d.Points[0].Payload.URI = uri
		docs = append(docs, d)
	}
	// What a transaction sets that comes to nothing counts for nothing.
	other := docs[1]
	other.URI = "file:///other/1.md"
	bad := fmt.Errorf("not wanted")
	if err := s.write(t.Context(), func(tx *txn) error {
		p := prepare(&other, nil)
		if err := tx.put(&p); err != nil {
			t.Error(err)
		}
		return bad
	}); err != bad {
		t.Fatal(err)
	}
	putTest(t, s, docs...)
	check := func(s *Store) {
		t.Helper()
		i := 0
		for d, err := range s.Documents(t.Context(), store.Filter{}) {
			if err != nil || d.URI != docs[i].URI {
				t.Errorf("document %d has URI %q, want %q; %v", i, d.URI, docs[i].URI, err)
			}
			i++
		}
		if i != len(docs) {
			t.Errorf("%d documents, want %d", i, len(docs))
		}
		clean(t, s)
	}
	check(s)
	if err := s.SetSettings(t.Context(), store.Settings{Roots: []store.Root{{ID: "gone", URI: "file:///x"}, {ID: docs[0].Root, URI: "file:///r"}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.writer.exec("UPDATE roots SET uri = 'file:///q/'"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openTest(t, dir, Options{})
	if problems, err := s.Check(t.Context()); err != nil || len(problems) == 0 {
		t.Errorf("another URI of a root: %v, %v", problems, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	report, err := Repair(t.Context(), dir, Options{}, RepairOptions{})
	if err != nil || report.Kept != len(docs) || len(report.Removed) > 0 {
		t.Errorf("repair: %+v, %v", report, err)
	}
	check(openTest(t, dir, Options{}))
}

// TestDocumentsOfOnePath are in order of their IDs.
func TestDocumentsOfOnePath(t *testing.T) {
	s := openTest(t, t.TempDir(), Options{Create: true})
	var want []string
	for i := range 9 {
		d := textDocument("same.md", "v1", fmt.Sprint("everywhere ", i))
		if i > 0 && i < 8 {
			d.ID = store.DocumentID("another", d.Root, fmt.Sprint(i))
		} else if i == 8 {
			d = textDocument("tame.md", "v1", "everywhere")
		}
		for j := range d.Points {
			d.Points[j].Payload.DocumentID = d.ID
		}
		putTest(t, s, d)
		want = append(want, d.ID)
	}
	slices.Sort(want[:8])
	var got []string
	for d, err := range s.Documents(t.Context(), store.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, d.ID)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
