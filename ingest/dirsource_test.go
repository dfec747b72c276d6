package ingest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// tree writes files; a name that ends in "/" is a folder, a text that starts
// with "->" a link.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if target, ok := strings.CutPrefix(text, "->"); ok {
			if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(target, p); err != nil {
				t.Skip("no symbolic links here")
			}
			continue
		}
		if strings.HasSuffix(name, "/") {
			if err := os.MkdirAll(p, 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		writeFile(t, p, text)
	}
	return dir
}

// items lists a source: what is to be indexed, and the rest with reasons.
func items(t *testing.T, src Source) (listed, skipped []string) {
	t.Helper()
	var order []string
	for it, err := range src.Items(t.Context()) {
		switch {
		case err != nil:
			skipped = append(skipped, it.Path+": "+err.Error())
		case it.Skip != "":
			skipped = append(skipped, it.Path+": "+string(it.Skip))
		default:
			listed = append(listed, it.Path)
		}
		order = append(order, it.Path)
	}
	if !slices.IsSorted(order) {
		t.Errorf("not in order: %q", order)
	}
	return listed, skipped
}

func TestFolderItems(t *testing.T) {
	const x = "text"
	tests := []struct {
		name    string
		files   map[string]string
		opts    FolderOptions
		want    []string
		skipped []string
	}{
		{
			name:    "hidden, empty, large",
			files:   map[string]string{"b.md": x, "a/z.md": x, "a-b.md": x, ".git/config": x, "a/.DS_Store": x, "~$plan.docx": x, "empty.md": "", "big.md": "0123456789"},
			opts:    FolderOptions{MaxSize: 9},
			want:    []string{"a-b.md", "a/z.md", "b.md"},
			skipped: []string{".git: hidden", "a/.DS_Store: hidden", "big.md: too large", "empty.md: empty", "~$plan.docx: hidden"},
		},
		{
			name: "ignore files",
			files: map[string]string{
				".gitignore": "# comment\n*.log\n!keep.log\n/build/\ndoc/*.tmp\ntrailing.md   \nfoo{1,2}.md\n\\!bang.md\n**/deep/**\n",
				"a.log":      x, "sub/b.log": x, "sub/keep.log": x, "build/out.md": x, "sub/build/out.md": x,
				"doc/a.tmp": x, "doc/sub/a.tmp": x, "trailing.md": x, "foo1.md": x, "!bang.md": x, "x/deep/a.md": x, "deep.md": x,
			},
			want:    []string{"deep.md", "doc/sub/a.tmp", "foo1.md", "sub/build/out.md", "sub/keep.log"},
			skipped: []string{"!bang.md: ignored", ".gitignore: hidden", "a.log: ignored", "build: ignored", "doc/a.tmp: ignored", "sub/b.log: ignored", "trailing.md: ignored", "x/deep/a.md: ignored"},
		},
		{
			name: "a nested file overrules, but not for what is in an ignored folder",
			files: map[string]string{
				".gitignore": "*.md\nvendor/\n", "docs/.gitignore": "!*.md\nsecret.md\n", "vendor/.gitignore": "!*\n",
				"a.md": x, "docs/b.md": x, "docs/sub/c.md": x, "docs/secret.md": x, "vendor/v.txt": x,
			},
			want:    []string{"docs/b.md", "docs/sub/c.md"},
			skipped: []string{".gitignore: hidden", "a.md: ignored", "docs/.gitignore: hidden", "docs/secret.md: ignored", "vendor: ignored"},
		},
		{
			name:    "two stars",
			files:   map[string]string{".gitignore": "/**\n!/a\n!/b/\n!/b/**\n", "a/x.md": x, "b/c/y.md": x, "c.md": x},
			want:    []string{"b/c/y.md"},
			skipped: []string{".gitignore: hidden", "a/x.md: ignored", "c.md: ignored"},
		},
		{
			name:    "brackets as git reads them",
			files:   map[string]string{".gitignore": "v[[:digit:]].md\n[]x].txt\n[!a-c]z\n[\n", "v1.md": x, "vx.md": x, "].txt": x, "a.txt": x, "az": x, "dz": x, "[": x},
			want:    []string{"[", "a.txt", "az", "vx.md"},
			skipped: []string{".gitignore: hidden", "].txt: ignored", "dz: ignored", "v1.md: ignored"},
		},
		{
			name:    ".loreignore counts more than .gitignore and brings hidden files back",
			files:   map[string]string{".gitignore": "*.pdf\n", ".loreignore": "!report.pdf\n!.github/\nold/\n", "report.pdf": x, "b.pdf": x, ".github/CONTRIBUTING.md": x, "old/a.md": x},
			want:    []string{".github/CONTRIBUTING.md", "report.pdf"},
			skipped: []string{".gitignore: hidden", ".loreignore: hidden", "b.pdf: ignored", "old: ignored"},
		},
		{
			name:    "include and exclude",
			files:   map[string]string{"a.md": x, "a.txt": x, "a.rst": x, "docs/b.md": x, "docs/draft/c.md": x, "docs/api/v1/d.html": x, "top/docs/e.html": x},
			opts:    FolderOptions{Include: []string{"*.{md,txt}", "docs/**/*.html"}, Exclude: []string{"draft/"}},
			want:    []string{"a.md", "a.txt", "docs/api/v1/d.html", "docs/b.md"},
			skipped: []string{"a.rst: excluded", "docs/draft: ignored", "top/docs/e.html: excluded"},
		},
		{
			name:    "include a folder",
			files:   map[string]string{"docs/b.md": x, "docs/sub/c.md": x, "src/d.md": x},
			opts:    FolderOptions{Include: []string{"/docs"}},
			want:    []string{"docs/b.md", "docs/sub/c.md"},
			skipped: []string{"src/d.md: excluded"},
		},
		{
			name: "links",
			files: map[string]string{
				"real/a.md": x, "loop": "->.", "real/up": "->..", "twice": "->real", "twice.md": "->real/a.md", "nowhere": "->gone",
				".store/v1/conf.md": x, "conf.md": "->.store/v1/conf.md",
			},
			want:    []string{"conf.md", "real/a.md"},
			skipped: []string{".store: hidden", "loop: link loop", "nowhere: not a regular file", "real/up: link loop", "twice: link to what is indexed anyway", "twice.md: link to what is indexed anyway"},
		},
		{
			name:    "links not followed",
			files:   map[string]string{"a.md": x, "b.md": "->a.md"},
			opts:    FolderOptions{IgnoreLinks: true},
			want:    []string{"a.md"},
			skipped: []string{"b.md: link not followed"},
		},
		{
			name:  "names",
			files: map[string]string{"手册/第一章.md": x, "cafe\u0301.md": x, "with space.md": x, "[x].md": x},
			want:  []string{"[x].md", "café.md", "with space.md", "手册/第一章.md"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := OpenFolder(tree(t, tt.files), &tt.opts)
			if err != nil {
				t.Fatal(err)
			}
			listed, skipped := items(t, f)
			want(t, tt.want, listed)
			want(t, tt.skipped, skipped)
		})
	}
}

func TestFolderLinksLeadOutside(t *testing.T) {
	outside := tree(t, map[string]string{"a.md": "text", "back": "->."})
	dir := tree(t, map[string]string{"one": "->" + outside, "two": "->" + outside, "three.md": "->" + outside + "/a.md"})
	f, err := OpenFolder(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	listed, skipped := items(t, f)
	want(t, []string{"one/a.md", "three.md"}, listed)
	want(t, []string{"one/back: link loop", "two: link to what is indexed anyway"}, skipped)
}

func TestFolderInsideARepository(t *testing.T) {
	top := tree(t, map[string]string{
		".git/info/exclude": "local.md\n", ".gitignore": "/docs/out/\n*.log\nbuild/\n", "docs/.gitignore": "tmp.md\n", "docs/local.md": "x",
		"docs/guide/a.md": "x", "docs/guide/a.log": "x", "docs/guide/tmp.md": "x", "docs/out/b.md": "x", "build/c.md": "x", "build/d.log": "x",
	})
	for name, wanted := range map[string][]string{
		"docs": {"guide/a.md"}, "docs/guide": {"a.md"}, "build": {"c.md", "d.log"}, "docs/out": {"b.md"},
	} {
		f, err := OpenFolder(filepath.Join(top, filepath.FromSlash(name)), nil)
		if err != nil {
			t.Fatal(err)
		}
		listed, _ := items(t, f)
		if d := fmt.Sprint(listed); d != fmt.Sprint(wanted) {
			t.Errorf("%s lists %s, not %s", name, d, wanted)
		}
	}
}

func TestFolderOfOneFile(t *testing.T) {
	dir := tree(t, map[string]string{"a [draft].md": "x", "b.md": "x", ".gitignore": "*.md"})
	f, err := OpenFolder(filepath.Join(dir, "a [draft].md"), nil)
	if err != nil {
		t.Fatal(err)
	}
	listed, skipped := items(t, f)
	want(t, []string{"a [draft].md"}, listed) // a file that is named is not ignored
	want(t, []string(nil), skipped)
	folder, err := OpenFolder(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if f.Root().ID != folder.Root().ID {
		t.Error("a file and its folder have different roots")
	}
	if _, err := OpenFolder(filepath.Join(dir, "b.md"), &FolderOptions{Include: []string{"*.md"}}); err == nil {
		t.Error("--include with a single file was taken")
	}
}

func TestFolderApart(t *testing.T) {
	dir := tree(t, map[string]string{"a.md": "x", "data/lore.db": "x"})
	f, err := OpenFolder(dir, &FolderOptions{Apart: []string{filepath.Join(dir, "data")}})
	if err != nil {
		t.Fatal(err)
	}
	listed, skipped := items(t, f)
	want(t, []string{"a.md"}, listed)
	want(t, []string(nil), skipped)
}

func TestOpenFolderErrors(t *testing.T) {
	dir := tree(t, map[string]string{"a.md": "x"})
	if _, err := OpenFolder(filepath.Join(dir, "gone"), nil); !errors.Is(err, ErrNoSource) || !strings.Contains(err.Error(), "gone") {
		t.Errorf("missing folder: %v", err)
	}
	if _, err := OpenFolder(dir, &FolderOptions{Include: []string{"a[.md"}}); err == nil || !strings.Contains(err.Error(), `"a[.md"`) {
		t.Errorf("bad pattern: %v", err)
	}
	f, err := OpenFolder(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for it, err := range f.Items(ctx) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v, %v", it, err)
		}
	}
}

func TestFolderUnreadable(t *testing.T) {
	if runtime.GOOS == "windows" || os.Getuid() == 0 {
		t.Skip("every folder can be read here")
	}
	dir := tree(t, map[string]string{"a.md": "x", "locked/b.md": "x"})
	if err := os.Chmod(filepath.Join(dir, "locked"), 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(dir, "locked"), 0o755) })
	f, err := OpenFolder(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	listed, skipped := items(t, f)
	want(t, []string{"a.md"}, listed)
	want(t, []string{"locked: permission denied"}, skipped)
}

func TestSoundNames(t *testing.T) {
	for name, wanted := range map[string]string{"e\u0301": "é", "a\xffb": "a%FFb", "手册": "手册"} {
		if got := sound(name); got != wanted {
			t.Errorf("%q became %q", name, got)
		}
	}
}

func TestFileURI(t *testing.T) {
	for path, uri := range map[string]string{
		"/a/b c.md": "file:///a/b%20c.md", "/手册/100%?#.md": "file:///手册/100%25%3F%23.md", "/a+b&c.md": "file:///a+b&c.md",
	} {
		if got := FileURI(path); got != uri {
			t.Errorf("%s became %s", path, got)
		}
		if got, ok := FilePath(uri); !ok || filepath.ToSlash(got) != path {
			t.Errorf("%s became %s", uri, got)
		}
	}
	for _, uri := range []string{"https://x/y", "file://host/x", "file:///%zz", ""} {
		if p, ok := FilePath(uri); ok {
			t.Errorf("%s became %s", uri, p)
		}
	}
}

func FuzzIgnore(f *testing.F) {
	f.Add("*.md\n!a.md\n/b/\n", "a/b.md")
	f.Add("[a-\n\\\n**\n", "x")
	f.Fuzz(func(t *testing.T, text, rel string) {
		judge(parseIgnore(text, "", true), rel, false)
		if r, err := parseGlob(text); err == nil {
			r.match(rel, true)
		}
		if name, ok := exactPath("/" + escapeGlob(rel)); ok && name != rel && utf8.ValidString(rel) {
			t.Errorf("%q became %q", rel, name)
		}
	})
}
