package ingest

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/lore-kb/lore/store"
)

func (b *bench) roots() []string {
	b.t.Helper()
	s, err := b.st.Settings(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	var out []string
	for _, r := range s.Roots {
		dir, _ := FilePath(r.URI)
		rel, ok := relativeTo(b.dir, dir)
		if !ok {
			rel = dir
		}
		out = append(out, strings.TrimSuffix(strings.Join(append([]string{"[" + rel + "]"}, r.Include...), " "), " "))
	}
	return out
}

func nested(t *testing.T) *bench {
	b := newBench(t)
	b.write("top.txt", "top")
	b.write("docs/a.txt", "alpha")
	b.write("docs/sub/b.txt", "beta")
	b.write(".hidden/c.txt", "gamma")
	return b
}

func TestRootsInnerThenOuter(t *testing.T) {
	b := nested(t)
	want(t, "1 new, 0 updated, 0 unchanged, 0 removed, 0 failed", summary(b.sync(b.folder("docs/sub", nil))))
	want(t, "1 new, 0 updated, 0 unchanged, 0 removed, 0 failed", summary(b.sync(b.folder(".hidden", nil))))
	b.e.texts = nil
	r := b.all()
	want(t, "3 new, 0 updated, 0 unchanged, 0 removed, 0 failed (1 renamed)", summary(r))
	want(t, []string{filepath.Join(b.dir, "docs/sub") + " is part of " + b.dir + " from now on"}, r.Warnings)
	want(t, []string{"alpha", "top"}, sorted(b.e.texts))
	want(t, []string{"c.txt ok 1/1", "docs/a.txt ok 1/1", "docs/sub/b.txt ok 1/1", "top.txt ok 1/1"}, b.ls())
	want(t, []string{"[.hidden]", "[]"}, b.roots())
	want(t, "0 new, 0 updated, 3 unchanged, 0 removed, 0 failed", summary(b.all()))
}

func TestRootsOuterThenInner(t *testing.T) {
	b := nested(t)
	b.all()
	b.write("docs/a.txt", "alpha changed")
	b.write("docs/sub/b.txt", "beta changed")
	r := b.sync(b.folder("docs/sub", nil))
	want(t, "0 new, 1 updated, 0 unchanged, 0 removed, 0 failed", summary(r)) // only what was asked for
	want(t, []string{"docs/a.txt ok 1/1", "docs/sub/b.txt ok 1/1", "top.txt ok 1/1"}, b.ls())
	want(t, []string{"[]"}, b.roots())
	want(t, []string{b.folder(".", nil).Root().ID, "docs/sub"}, []string{r.Root, r.Scope})
	b.remove("docs/sub/b.txt")
	if r := b.sync(b.folder("docs/sub", nil)); r.Removed != 0 || len(r.Warnings) != 1 {
		t.Errorf("empty part: %s, %q", summary(r), r.Warnings)
	}
	// One that the outer root leaves out is a root of its own.
	b.sync(b.folder(".hidden", nil))
	want(t, []string{"[]", "[.hidden]"}, b.roots())

	_, err := b.syncer().Sync(t.Context(), b.folder("docs", &FolderOptions{Include: []string{"*.md"}}))
	if err == nil || !strings.Contains(err.Error(), "lies in "+b.dir+", which is indexed already: --include") {
		t.Errorf("other options for a part: %v", err)
	}
	_, err = b.syncer().Sync(t.Context(), b.folder("docs", &FolderOptions{Labels: map[string]string{"a": "b"}}))
	if err == nil || !strings.Contains(err.Error(), "labels belong to the whole") {
		t.Errorf("other labels for a part: %v", err)
	}
}

func TestRootsSingleFiles(t *testing.T) {
	b := nested(t)
	b.write("docs/z.txt", "omega")
	b.sync(b.folder("docs/a.txt", nil))
	b.sync(b.folder("docs/z.txt", nil))
	want(t, []string{"a.txt ok 1/1", "z.txt ok 1/1"}, b.ls())
	want(t, []string{"[docs] /a.txt /z.txt"}, b.roots())
	// Both are synced from what is remembered.
	s, _ := b.st.Settings(t.Context())
	f, err := OpenRoot(s.Roots[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "0 new, 0 updated, 2 unchanged, 0 removed, 0 failed", summary(b.sync(f)))
	// The folder finds them.
	want(t, "1 new, 0 updated, 2 unchanged, 0 removed, 0 failed", summary(b.sync(b.folder("docs", nil))))
	want(t, []string{"[docs]"}, b.roots())
	// A file of a known folder adds nothing.
	want(t, "0 new, 0 updated, 1 unchanged, 0 removed, 0 failed", summary(b.sync(b.folder("docs/a.txt", nil))))
	want(t, []string{"[docs]"}, b.roots())
	// And a folder around them takes them over.
	want(t, "4 new, 0 updated, 0 unchanged, 0 removed, 0 failed (3 renamed)", summary(b.all()))
	want(t, []string{"[]"}, b.roots())
	want(t, 4, len(b.ls()))
}

func TestRootsSingleFileThatTheFolderLeavesOut(t *testing.T) {
	b := nested(t)
	b.write(".env.txt", "secret")
	b.all()
	want(t, "1 new, 0 updated, 0 unchanged, 0 removed, 0 failed", summary(b.sync(b.folder(".env.txt", nil))))
	if r := b.roots(); len(r) != 1 {
		t.Errorf("roots %q", r)
	}
	s, _ := b.st.Settings(t.Context())
	f, err := OpenRoot(s.Roots[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "0 new, 0 updated, 4 unchanged, 0 removed, 0 failed", summary(b.sync(f)))
	b.write("docs/.note.txt", "note")
	want(t, "1 new, 0 updated, 0 unchanged, 0 removed, 0 failed", summary(b.sync(b.folder("docs/.note.txt", nil))))
	want(t, []string{"[] ** /.env.txt /docs/.note.txt"}, b.roots())
	want(t, 5, len(b.ls()))
}

func TestRootsOverlapOfUnreadable(t *testing.T) {
	b := nested(t)
	b.sync(b.folder("docs", nil))
	b.x.broken = ErrTimeout
	b.all()
	want(t, []string{"alpha", "beta"}, []string{b.text("alpha"), b.text("beta")})
	want(t, []string{"[docs]", "[]"}, b.roots())
	b.x.broken = nil
	b.all()
	want(t, []string{"docs/a.txt ok 1/1", "docs/sub/b.txt ok 1/1", "top.txt ok 1/1"}, b.ls())
	want(t, []string{"[]"}, b.roots())
}

func (b *bench) text(word string) string {
	if len(b.search(word)) == 1 {
		return word
	}
	return ""
}

func TestOpenRootOfAnotherMachine(t *testing.T) {
	if _, err := OpenRoot(store.Root{URI: "https://example.org/"}, nil); err == nil {
		t.Error("an address was opened as a folder")
	}
}
