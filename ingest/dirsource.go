package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lore-kb/lore/store"
)

// DefaultMaxSize is the largest file that a folder lists for indexing, in bytes.
const DefaultMaxSize = 64 << 20

// ErrNoSource is returned when a place to index is not there.
var ErrNoSource = errors.New("no such file or folder")

// FolderOptions chooses what a folder lists. The zero value lists every file
// that is not hidden, ignored or larger than DefaultMaxSize; of recordings, which
// are never in memory as a whole, those up to 4 GiB.
//
// Globs follow the rules of .gitignore, with {a,b} for alternatives: without a
// slash inside they fit a name at any depth, with one a path from the folder; a
// folder that fits stands for everything in it.
type FolderOptions struct {
	Include []string // list only what one of these fits
	Exclude []string // list nothing that one of these fits
	Labels  map[string]string
	MaxSize int64
	// IgnoreLinks skips symbolic links. By default they are followed, unless
	// they form a loop or lead to what is listed anyway.
	IgnoreLinks bool
	// Apart are absolute paths that are never entered, such as the folder of
	// lore's own data.
	Apart []string
}

// Folder is a folder, or single files of one, as a Source.
//
// A single file belongs to the root of its folder: the folder's Include then
// names the file with a leading slash and nothing else of the folder is listed.
// Indexing the whole folder later finds the same documents under the same root.
type Folder struct {
	root    store.Root
	opts    FolderOptions
	dir     string // absolute, links resolved
	include []rule
	exact   []string // paths that Include names outright; they are listed even when hidden or ignored
	exclude []rule
	scope   string // path below which the listing is restricted; "" for all
	single  bool   // opened for one file
}

// OpenFolder returns the source for a folder or a single file. It fails with an
// error wrapping ErrNoSource when nothing is at path, and when a glob is invalid.
func OpenFolder(name string, opts *FolderOptions) (*Folder, error) {
	abs, err := filepath.Abs(name)
	if err != nil {
		return nil, fmt.Errorf("open folder %s: %w", name, err)
	}
	info, err := os.Stat(abs)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: %w", name, ErrNoSource)
	case err != nil:
		return nil, fmt.Errorf("open folder: %w", err)
	case !info.IsDir() && !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s: neither a file nor a folder", name)
	}
	var o FolderOptions
	if opts != nil {
		o = *opts
	}
	dir, scope := abs, ""
	if !info.IsDir() {
		if len(o.Include)+len(o.Exclude) > 0 {
			return nil, fmt.Errorf("%s is a single file: --include and --exclude need a folder", name)
		}
		dir, scope = filepath.Dir(abs), sound(filepath.Base(abs))
		o.Include = []string{"/" + escapeGlob(scope)}
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	f, err := newFolder(dir, o)
	if err != nil {
		return nil, err
	}
	f.scope, f.single = scope, scope != ""
	return f, nil
}

// OpenRoot returns the source of a remembered root. What Include, Exclude and
// Labels of opts say is replaced by what the root says. A folder that is gone is
// reported when it is listed.
func OpenRoot(root store.Root, opts *FolderOptions) (*Folder, error) {
	dir, ok := FilePath(root.URI)
	if !ok {
		return nil, fmt.Errorf("root %s: not a folder of this machine", root.URI)
	}
	var o FolderOptions
	if opts != nil {
		o = *opts
	}
	o.Include, o.Exclude, o.Labels = root.Include, root.Exclude, root.Labels
	return newFolder(dir, o)
}

func newFolder(dir string, o FolderOptions) (*Folder, error) {
	o.Include, o.Exclude, o.Labels = slices.Clone(o.Include), slices.Clone(o.Exclude), maps.Clone(o.Labels)
	if o.MaxSize <= 0 {
		o.MaxSize = DefaultMaxSize
	}
	f := &Folder{dir: dir, opts: o}
	for _, g := range o.Include {
		r, err := parseGlob(g)
		if err != nil {
			return nil, err
		}
		if name, ok := exactPath(g); ok {
			f.exact = append(f.exact, name)
		}
		f.include = append(f.include, r)
	}
	for _, g := range o.Exclude {
		r, err := parseGlob(g)
		if err != nil {
			return nil, err
		}
		f.exclude = append(f.exclude, r)
	}
	uri := FileURI(dir)
	f.root = store.Root{ID: store.RootID(uri), URI: uri, Include: o.Include, Exclude: o.Exclude, Labels: o.Labels}
	return f, nil
}

// Root implements Source.
func (f *Folder) Root() store.Root { return f.root }

// Scope is the path to which the listing is restricted: "" for the whole root.
func (f *Folder) Scope() string { return f.scope }

// Dir returns the folder's absolute path.
func (f *Folder) Dir() string { return f.dir }

// Items implements Source. The folder is walked before the first item.
func (f *Folder) Items(ctx context.Context) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		l, err := f.list(ctx)
		if err != nil {
			yield(Item{}, err)
			return
		}
		for _, it := range l.items {
			if !yield(it.Item, it.err) {
				return
			}
		}
	}
}

// Within returns the part of the remembered root outer that f stands for, or nil
// when f does not lie in it, or when outer leaves f out, so that both can be
// roots without a file being in two. A single file that outer leaves out, though
// it lists the folder around it, is added to outer's Include.
func (f *Folder) Within(outer store.Root) (*Folder, error) {
	if outer.ID == f.root.ID && !f.single {
		return nil, nil
	}
	o, err := OpenRoot(outer, &f.opts)
	if err != nil {
		return nil, nil // not a folder
	}
	rel, ok := relativeTo(o.dir, filepath.Join(f.dir, filepath.FromSlash(f.scope)))
	if !ok || rel == "" {
		return nil, nil
	}
	listed := o.covers(rel, f.single)
	if !listed && !(f.single && (outer.ID == f.root.ID || o.covers(path.Dir(rel), false))) {
		return nil, nil
	}
	if len(f.opts.Labels) > 0 && !maps.Equal(f.opts.Labels, outer.Labels) {
		return nil, fmt.Errorf("%s lies in %s, which is indexed already: labels belong to the whole; give them with %s", rel, o.dir, o.dir)
	}
	if !f.single && len(f.opts.Include)+len(f.opts.Exclude) > 0 {
		return nil, fmt.Errorf("%s lies in %s, which is indexed already: --include and --exclude belong to the whole; give them with %s", rel, o.dir, o.dir)
	}
	if !listed {
		opts := o.opts
		if len(opts.Include) == 0 {
			opts.Include = []string{"**"}
		}
		opts.Include = append(opts.Include, "/"+escapeGlob(rel))
		if o, err = newFolder(o.dir, opts); err != nil {
			return nil, err
		}
	}
	o.scope = rel
	return o, nil
}

// Covers returns the path under which f lists the documents of another
// remembered root that lies in it, and false when it lists none of them.
func (f *Folder) Covers(inner store.Root) (string, bool) {
	dir, ok := FilePath(inner.URI)
	if !ok || inner.ID == f.root.ID || f.scope != "" {
		return "", false
	}
	rel, ok := relativeTo(f.dir, dir)
	if !ok || rel == "" || !f.covers(rel, false) {
		return "", false
	}
	return rel, true
}

// covers reports whether the rules of f let it list rel or something in it.
func (f *Folder) covers(rel string, file bool) bool {
	for _, name := range f.exact {
		if name == rel || !file && strings.HasPrefix(name, rel+"/") {
			return true
		}
	}
	if f.exactOnly() {
		return false
	}
	if file && len(f.include) > 0 && !anyMatch(f.include, rel, false) {
		return false
	}
	return f.leftOut(rel, !file) == ""
}

// exactOnly reports whether f lists nothing but files that Include names.
func (f *Folder) exactOnly() bool {
	if len(f.include) == 0 || len(f.exact) < len(f.include) {
		return false
	}
	for _, name := range f.exact {
		if info, err := os.Stat(filepath.Join(f.dir, filepath.FromSlash(name))); err == nil && info.IsDir() {
			return false
		}
	}
	return true
}

// relativeTo returns the slash path of name below dir: "" for dir itself.
func relativeTo(dir, name string) (string, bool) {
	rel, err := filepath.Rel(dir, name)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return "", false
	}
	if rel == "." {
		return "", true
	}
	parts := strings.Split(filepath.ToSlash(rel), "/")
	for i := range parts {
		parts[i] = sound(parts[i])
	}
	return path.Join(parts...), true
}

// escapeGlob returns a glob that fits name alone.
func escapeGlob(name string) string {
	var b strings.Builder
	for _, r := range name {
		if strings.ContainsRune(`\*?[]{}`, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// exactPath returns the path that a glob with a leading slash and without
// wildcards names.
func exactPath(glob string) (string, bool) {
	rest, ok := strings.CutPrefix(glob, "/")
	if !ok || strings.HasSuffix(rest, "/") {
		return "", false
	}
	var b strings.Builder
	for i := 0; i < len(rest); i++ {
		c := rest[i]
		if strings.IndexByte("*?[{", c) >= 0 {
			return "", false
		}
		if c == '\\' && i+1 < len(rest) {
			i++
			c = rest[i]
		}
		b.WriteByte(c)
	}
	return b.String(), true
}

func openFile(name string) func(context.Context) (io.ReadCloser, error) {
	return func(context.Context) (io.ReadCloser, error) { return os.Open(name) }
}
