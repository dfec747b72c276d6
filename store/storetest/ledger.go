package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lore-kb/lore/store"
)

func testDocuments(t *testing.T, e *env) {
	ref := newReference()
	s := e.open()
	full := change(e.document("zoo/ape.md", "7", "one two", "three"), func(d *store.DocumentInfo) {
		d.Language = "zh"
		d.Status = store.StatusStale
		d.Reason = "could not be read"
		d.Warnings = []string{"page 3 has no text", "页码"}
		d.Labels = map[string]string{"team": "legal", "空": ""}
		d.ModTime = time.Date(2021, 2, 3, 4, 5, 6, 7_000_000, time.FixedZone("", 8*3600))
		d.Date = time.Date(1999, 12, 31, 23, 59, 59, 0, time.UTC)
		d.Size = 1 << 33
	})
	other := change(e.document("a.md", "1", "one"), func(d *store.DocumentInfo) {
		d.Root = store.RootID("file:///srv/wiki")
		d.ID = store.DocumentID(e.collection, d.Root, d.Path)
	})
	bare := store.Document{DocumentInfo: store.DocumentInfo{ID: store.DocumentID(e.collection, root, "bare"), Root: root, Path: "bare", Status: store.StatusOK}}
	docs := []store.Document{full, other, bare, e.document("zoo.md", "1", "one"), e.document("b.md", "1", "one", "two")}
	e.put(s, docs...)
	ref.put(docs...)
	e.sameAsReference(s, ref)

	n := 0
	for _, err := range s.Documents(t.Context(), store.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 2 {
			break
		}
	}
	if n != 2 {
		t.Errorf("iteration went on after it was stopped")
	}
	if got := e.documents(s, store.Filter{All: true}); len(got) != len(docs) {
		t.Errorf("Filter{All: true} lists %d documents, want %d", len(got), len(docs))
	}
}

// varied makes documents that differ in everything a filter asks for.
func varied(e *env, n int) []store.Document {
	r := rand.New(rand.NewPCG(5, 5))
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	var docs []store.Document
	for i := range n {
		path := pick("", "a/", "a/b/", "ab/", "mail.zip!/", "手册/") + fmt.Sprint(i) + pick(".md", ".html", ".txt")
		d := e.document(path, "1", "common alpha", "common beta", fmt.Sprint("common only", i))
		docs = append(docs, change(d, func(d *store.DocumentInfo) {
			d.Root = store.RootID(pick("file:///srv/handbook", "file:///srv/wiki"))
			d.ID = store.DocumentID(e.collection, d.Root, d.Path)
			d.MediaType = pick("text/html", "text/markdown", "application/pdf", "textual/x")
			d.Language = pick("en", "zh", "")
			d.Labels = map[string]string{"team": pick("legal", "sales"), "year": pick("2023", "2024")}
			d.Date = epoch.AddDate(0, 0, r.IntN(20))
		}))
	}
	return docs
}

func variedFilters(docs []store.Document) map[string]store.Filter {
	return map[string]store.Filter{
		"documents":      {Documents: []string{docs[3].ID, docs[8].ID, "nobody"}},
		"no document":    {Documents: []string{"nobody"}},
		"roots":          {Roots: []string{store.RootID("file:///srv/wiki")}},
		"both roots":     {Roots: []string{store.RootID("file:///srv/wiki"), root}},
		"prefix":         {Paths: []string{"a"}},
		"slash":          {Paths: []string{"a/b/"}},
		"whole path":     {Paths: []string{docs[2].Path}},
		"container":      {Paths: []string{"mail.zip"}},
		"han prefix":     {Paths: []string{"手册"}},
		"every path":     {Paths: []string{""}},
		"star":           {Paths: []string{"*.md"}},
		"two stars":      {Paths: []string{"**/*.html"}},
		"paths":          {Paths: []string{"ab", "*.txt"}},
		"damaged glob":   {Paths: []string{"[a"}},
		"media type":     {MediaTypes: []string{"text/html"}},
		"media types":    {MediaTypes: []string{"text/html", "application/pdf"}},
		"any text":       {MediaTypes: []string{"text/*"}},
		"language":       {Languages: []string{"zh"}},
		"no language":    {Languages: []string{""}},
		"languages":      {Languages: []string{"zh", "en"}},
		"label":          {Labels: map[string]string{"team": "legal"}},
		"two labels":     {Labels: map[string]string{"team": "legal", "year": "2024"}},
		"other value":    {Labels: map[string]string{"team": "leg"}},
		"unknown label":  {Labels: map[string]string{"colour": ""}},
		"after":          {After: epoch.AddDate(0, 0, 10)},
		"before":         {Before: epoch.AddDate(0, 0, 10)},
		"between":        {After: epoch.AddDate(0, 0, 5), Before: epoch.AddDate(0, 0, 9)},
		"nothing":        {After: epoch.AddDate(0, 0, 9), Before: epoch.AddDate(0, 0, 9)},
		"everything":     {All: true},
		"joined by and":  {Paths: []string{"a", "ab"}, Languages: []string{"en", "zh"}, MediaTypes: []string{"text/*"}},
		"all conditions": {Documents: ids(docs[:30]), Roots: []string{root}, Paths: []string{"**"}, MediaTypes: []string{"text/*"}, Languages: []string{"en", ""}, Labels: map[string]string{"team": "sales"}, After: epoch, Before: epoch.AddDate(0, 0, 19)},
	}
}

func ids(docs []store.Document) []string {
	var out []string
	for _, d := range docs {
		out = append(out, d.ID)
	}
	return out
}

func testDocumentFilters(t *testing.T, e *env) {
	ref := newReference()
	s := e.open()
	docs := varied(e, 40)
	docs[1].Status, docs[2].Status = store.StatusStale, store.StatusStale
	e.put(s, docs...)
	ref.put(docs...)
	filters := variedFilters(docs)
	filters["statuses"] = store.Filter{Statuses: []store.Status{store.StatusStale}}
	filters["no status"] = store.Filter{Statuses: []store.Status{store.StatusFailed}}
	filters["status and path"] = store.Filter{Statuses: []store.Status{store.StatusStale, store.StatusFailed}, Paths: []string{docs[1].Path}}
	for name, f := range filters {
		equal(t, name, e.documents(s, f), ref.documents(f))
	}
}

func testText(t *testing.T, e *env) {
	s := e.open()
	d := e.document("a.md", "1", "one two", "three")
	e.put(s, d)
	if got, err := s.Text(t.Context(), d.ID); err != nil || got != "one two\n\nthree" {
		t.Errorf("text %q, %v", got, err)
	}
	for _, r := range [][2]int{{0, 0}, {0, 7}, {4, 14}, {14, 14}} {
		if got, err := s.Excerpt(t.Context(), d.ID, r[0], r[1]); err != nil || got != "one two\n\nthree"[r[0]:r[1]] {
			t.Errorf("excerpt %v is %q, %v", r, got, err)
		}
	}
	for _, r := range [][2]int{{-1, 3}, {3, 2}, {0, 15}, {15, 16}} {
		if got, err := s.Excerpt(t.Context(), d.ID, r[0], r[1]); !errors.Is(err, store.ErrRange) {
			t.Errorf("excerpt %v is %q, %v, want ErrRange", r, got, err)
		}
	}
	if _, err := s.Excerpt(t.Context(), store.DocumentID(e.collection, root, "none"), 0, 0); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("excerpt of no document: %v", err)
	}
	if _, err := s.Text(t.Context(), store.DocumentID(e.collection, root, "none")); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("text of an unknown document: %v, want ErrNotFound", err)
	}
	if _, err := s.Remove(t.Context(), store.Filter{All: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Text(t.Context(), d.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("text of a removed document: %v, want ErrNotFound", err)
	}
}

// rich is a document whose points fill every field of a payload.
func rich(e *env) store.Document {
	d := e.document("talk.md", "1", "first words", "second words", "第三段 文字", "fourth")
	d.Labels = map[string]string{"team": "legal"}
	for i := range d.Points {
		p := &d.Points[i].Payload
		p.Labels = d.Labels
		p.Language = []string{"en", "", "zh", "en"}[i]
		p.Section = [][]string{{"A", "B"}, nil, {"第一章", "a / b", ""}, {"A"}}[i]
		p.Page = i
		p.Context = []string{"", "| name | price |", "", ""}[i]
		p.Cues = []store.Cue{{Offset: p.Start, Span: store.Span{From: time.Duration(i) * time.Second, To: time.Minute}}, {Offset: p.Start + 3, Span: store.Span{To: time.Duration(i)}}}
		p.Boxes = []store.Box{{Offset: p.Start, Page: i, Left: 100, Top: 200 * i, Width: 300, Height: 40}, {Offset: p.Start + 2, Page: i + 1, Left: 9999, Width: 1}}
		p.Time = store.Span{From: time.Duration(i) * 1500 * time.Millisecond, To: time.Duration(i) * 3 * time.Second}
	}
	d.Points[1].Payload.PageBreaks = []int{d.Points[1].Payload.Start + 2, d.Points[1].Payload.Start + 5}
	return d
}

func testPoints(t *testing.T, e *env) {
	s := e.open()
	d := rich(e)
	e.put(s, e.document("a.md", "1", "one"), d, e.document("z.md", "1", "one"))
	var want []store.Point
	for _, p := range d.Points {
		p.Dense, p.Sparse = nil, store.SparseVector{}
		want = append(want, p)
	}
	for _, c := range []struct{ first, last, from, to int }{
		{0, 3, 0, 4}, {0, 100, 0, 4}, {-5, 1, 0, 2}, {1, 2, 1, 3}, {3, 3, 3, 4}, {2, 1, 0, 0}, {4, 9, 0, 0}, {-3, -1, 0, 0},
	} {
		got, err := s.Points(t.Context(), d.ID, c.first, c.last)
		if err != nil {
			t.Fatal(err)
		}
		for i := range got {
			got[i].Dense, got[i].Sparse = nil, store.SparseVector{}
		}
		equal(t, fmt.Sprintf("points %d to %d", c.first, c.last), got, want[c.from:c.to])
	}
	if got, err := s.Points(t.Context(), store.DocumentID(e.collection, root, "none"), 0, 9); len(got) != 0 || err != nil && !errors.Is(err, store.ErrNotFound) {
		t.Errorf("points of an unknown document: %v, %v", got, err)
	}
}

func testReplace(t *testing.T, e *env) {
	ref := newReference()
	s := e.open()
	for _, d := range []store.Document{
		e.document("a.md", "1", "apple pear", "apple plum", "apple"),
		e.document("b.md", "1", "apple"),
		e.document("a.md", "2", "pear apple"),
		e.document("a.md", "2", "pear apple"),
		e.document("a.md", "3"),
		e.document("a.md", "1", "apple pear", "apple plum", "apple"),
		change(e.document("a.md", "1", "apple pear", "apple plum", "apple"), func(d *store.DocumentInfo) { d.Title = "Another" }),
	} {
		e.put(s, d)
		ref.put(d)
		e.sameAsReference(s, ref)
	}
	if err := s.Put(t.Context(), nil); err != nil {
		t.Errorf("put nothing: %v", err)
	}
}

// testReplaceAtomic reads while documents are replaced over and over. Every
// version of a document has the same number of points that hold the same word.
func testReplaceAtomic(t *testing.T, e *env) {
	s := e.open()
	const points, rounds = 5, 25
	version := func(path string, n int) store.Document {
		v := fmt.Sprint("v", n)
		texts := make([]string, points)
		for i := range texts {
			texts[i] = fmt.Sprint("shared ", v, " ", i)
		}
		return e.document(path, v, texts...)
	}
	e.put(s, version("a.md", 0), version("b.md", 0))
	e.embed(s)
	reader := e.openWith(OpenOptions{Collection: e.collection, Model: Model, ReadOnly: true})
	done := make(chan struct{})
	var wg sync.WaitGroup
	for i, h := range []store.Store{s, reader, reader} {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				if err := e.whole(h, (i+n)%3, points); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for n := 1; n <= rounds && !t.Failed(); n++ {
		e.put(s, version("a.md", n), version("b.md", n))
		e.embed(s)
	}
	close(done)
	wg.Wait()
}

// whole returns an error if a reader sees a hole or a mix of versions.
func (e *env) whole(s store.Store, what, points int) error {
	ctx := e.t.Context()
	switch what {
	case 0:
		q := store.Query{Leg: store.LegSparse, Sparse: question("shared"), Limit: 10 * points}
		hits, err := s.Search(ctx, q)
		if err != nil {
			return fmt.Errorf("search: %w", err)
		}
		versions := map[string]map[string]int{}
		for _, h := range hits {
			if versions[h.Payload.Path] == nil {
				versions[h.Payload.Path] = map[string]int{}
			}
			versions[h.Payload.Path][h.Payload.Version]++
			if !strings.Contains(h.Payload.Text, " "+h.Payload.Version+" ") {
				return fmt.Errorf("a point of version %s has text %q", h.Payload.Version, h.Payload.Text)
			}
		}
		for _, path := range []string{"a.md", "b.md"} {
			if len(versions[path]) != 1 {
				return fmt.Errorf("search sees versions %v of %s, want one", versions[path], path)
			}
			for v, n := range versions[path] {
				if n != points {
					return fmt.Errorf("search sees %d points of %s %s, want %d", n, path, v, points)
				}
			}
		}
	case 1:
		n := 0
		for d, err := range s.Documents(ctx, store.Filter{}) {
			if err != nil {
				return fmt.Errorf("documents: %w", err)
			}
			if n++; d.Chunks != points {
				return fmt.Errorf("document %s %s has %d chunks, want %d", d.Path, d.Version, d.Chunks, points)
			}
		}
		if n != 2 {
			return fmt.Errorf("%d documents, want 2", n)
		}
	default:
		id := store.DocumentID(e.collection, root, "a.md")
		got, err := s.Points(ctx, id, 0, 2*points)
		if err != nil {
			return fmt.Errorf("points: %w", err)
		}
		for _, p := range got {
			if p.Payload.Version != got[0].Payload.Version {
				return fmt.Errorf("points of versions %s and %s together", got[0].Payload.Version, p.Payload.Version)
			}
		}
		if len(got) != points {
			return fmt.Errorf("%d points, want %d", len(got), points)
		}
		if _, err := s.Text(ctx, id); err != nil {
			return fmt.Errorf("text: %w", err)
		}
	}
	return nil
}

func testFailed(t *testing.T, e *env) {
	ref := newReference()
	s := e.open()
	failed := func(reason string) store.Document {
		d := e.document("broken.pdf", reason)
		d.Status, d.Reason = store.StatusFailed, reason
		return d
	}
	for _, d := range []store.Document{e.document("a.md", "1", "apple"), failed("no text"), failed("encrypted")} {
		e.put(s, d)
		ref.put(d)
		e.sameAsReference(s, ref)
	}
	d := e.document("broken.pdf", "2", "readable apple")
	e.put(s, d)
	ref.put(d)
	e.sameAsReference(s, ref)
}

func testMark(t *testing.T, e *env) {
	ref := newReference()
	s := e.open()
	docs := []store.Document{e.document("a.md", "1", "apple"), e.document("b.md", "1", "pear"), e.document("c.md", "1", "plum")}
	e.put(s, docs...)
	ref.put(docs...)
	e.embed(s)
	ref.embed()
	mark := func(status store.Status, reason string, docs ...store.Document) {
		t.Helper()
		if err := s.Mark(t.Context(), append(ids(docs), store.DocumentID(e.collection, root, "unknown")), status, reason); err != nil {
			t.Fatal(err)
		}
		for _, d := range docs {
			d = ref.docs[d.ID]
			d.Status, d.Reason = status, reason
			ref.docs[d.ID] = d
		}
		e.sameAsReference(s, ref)
	}
	mark(store.StatusStale, "file is locked", docs[0], docs[2])
	mark(store.StatusFailed, "gone mad", docs[1])
	mark(store.StatusOK, "", docs[0], docs[1])
	mark(store.StatusOK, "")
	// A new version takes the mark away.
	e.put(s, docs[2])
	ref.put(docs[2])
	ref.embed()
	e.sameAsReference(s, ref)
}

func testRemove(t *testing.T, e *env) {
	ref := newReference()
	s := e.open()
	docs := varied(e, 40)
	docs[1].Status = store.StatusStale
	e.put(s, docs...)
	ref.put(docs...)
	for _, f := range []store.Filter{
		{Documents: []string{docs[3].ID, docs[8].ID, "nobody"}},
		{Documents: []string{docs[3].ID}},
		{Statuses: []store.Status{store.StatusStale}},
		{Paths: []string{"a/b", "*.txt"}},
		{Labels: map[string]string{"team": "legal", "year": "2024"}},
		{MediaTypes: []string{"application/*"}},
		{After: epoch.AddDate(0, 0, 15)},
		{Roots: []string{root}, Languages: []string{"zh"}},
		{All: true, Languages: []string{"en"}},
		{All: true},
		{All: true},
	} {
		want := ref.remove(f)
		got, err := s.Remove(t.Context(), f)
		if err != nil || got != want {
			t.Fatalf("remove %+v: %d, %v, want %d", f, got, err, want)
		}
		e.sameAsReference(s, ref)
	}
	// What was removed can come back.
	e.put(s, docs...)
	ref.put(docs...)
	e.sameAsReference(s, ref)
}

func testEmptyFilter(t *testing.T, e *env) {
	s := e.open()
	e.put(s, e.document("a.md", "1", "apple"))
	if n, err := s.Remove(t.Context(), store.Filter{}); n != 0 || !errors.Is(err, store.ErrEmptyFilter) {
		t.Errorf("remove with an empty filter: %d, %v, want ErrEmptyFilter", n, err)
	}
	if got := e.documents(s, store.Filter{}); len(got) != 1 {
		t.Errorf("%d documents are left, want 1", len(got))
	}
}

func testSettings(t *testing.T, e *env) {
	s := e.open()
	check := func(want store.Settings) {
		t.Helper()
		got, err := s.Settings(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "settings", got, want)
	}
	check(store.Settings{})
	full := store.Settings{
		Roots: []store.Root{
			{ID: store.RootID("file:///b"), URI: "file:///b", Include: []string{"*.md", "文/**"}, Exclude: []string{"x"}, Labels: map[string]string{"a": "b"}},
			{ID: store.RootID("file:///a"), URI: "file:///a"},
		},
		Centres: map[string]store.Centre{"model/3": {Means: map[string][]float32{"en/query": {0.25, -1, 1e-9}, "zh/passage": {0.1, 3e7, 0}}, OwnLanguage: 0.125}},
	}
	for _, want := range []store.Settings{full, {Roots: full.Roots[1:]}, full} {
		if err := s.SetSettings(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		check(want)
	}
	e.put(s, e.document("a.md", "1", "apple"))
	if _, err := s.Remove(t.Context(), store.Filter{All: true}); err != nil {
		t.Fatal(err)
	}
	check(full)
	e.close(s)
	s = e.openWith(OpenOptions{Collection: e.collection, ReadOnly: true})
	check(full)
}

func testStats(t *testing.T, e *env) {
	ref := newReference()
	s := e.open()
	e.sameAsReference(s, ref)
	d := rich(e)
	e.put(s, d)
	ref.put(d)
	e.sameAsReference(s, ref)
	if st := e.stats(s); st.Languages["zh"] != 1 || st.Languages["en"] != 2 || st.Languages[""] != 1 {
		t.Errorf("languages %v count points", st.Languages)
	}
}

func testUnicode(t *testing.T, e *env) {
	ref := newReference()
	s := e.open()
	var docs []store.Document
	for _, text := range []string{"企业 知识 库", "naïve Straße ﬁ", "🧑‍🚀 \U0010FFFF", "line\r\nbreak\ttab", "null\x00byte", "   ", "'; DROP TABLE points; --"} {
		docs = append(docs, change(e.document("dir 1/"+text+"/文.md", text, text, "tail "+text), func(d *store.DocumentInfo) {
			d.Title, d.Labels = text, map[string]string{text: text}
		}))
	}
	e.put(s, docs...)
	ref.put(docs...)
	e.sameAsReference(s, ref)
	for _, d := range docs {
		f := store.Filter{Labels: d.Labels}
		equal(t, d.Title, e.documents(s, f), ref.documents(f))
	}
}

// testHuge stores a document of a few megabytes and a point with many terms.
func testHuge(t *testing.T, e *env) {
	ref := newReference()
	s := e.open()
	r := rand.New(rand.NewPCG(8, 8))
	words := vocabulary(30_000)
	texts := []string{strings.Repeat("很长的一行", 60_000), passage(r, words, 60_000), ""}
	for range 1500 {
		texts = append(texts, passage(r, words, 200))
	}
	huge := e.document("huge.md", "1", texts...)
	docs := []store.Document{e.document("a.md", "1", "w1 w2"), huge, e.document("z.md", "1", "w2 w29999")}
	e.put(s, docs...)
	ref.put(docs...)
	e.sameAsReference(s, ref)
	last := huge.Points[len(huge.Points)-1]
	got, err := s.Points(t.Context(), huge.ID, last.Payload.Ordinal, last.Payload.Ordinal)
	if err != nil || len(got) != 1 || got[0].Payload.Text != last.Payload.Text {
		t.Errorf("last point of the huge document: %v, %v", got, err)
	}
}
