package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// listing is what a walk found.
type listing struct {
	items []listed
	dirs  []string // absolute paths of the folders that were entered
}

type listed struct {
	Item
	err error
}

// walker lists a folder.
type walker struct {
	f      *Folder
	ctx    context.Context
	out    listing
	linked map[string]bool // folders outside the root that a link led to
}

// list walks the folder, or its scope, and returns what is there in order of
// Path. A folder that cannot be read is an item with an error.
func (f *Folder) list(ctx context.Context) (*listing, error) {
	info, err := os.Stat(f.dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: %w", f.dir, ErrNoSource)
	case err != nil:
		return nil, fmt.Errorf("list folder: %w", err)
	case !info.IsDir():
		return nil, fmt.Errorf("%s is no folder any more: %w", f.dir, ErrNoSource)
	}
	w := &walker{f: f, ctx: ctx, linked: map[string]bool{}}
	switch {
	case f.exactOnly():
		w.out.dirs = append(w.out.dirs, f.dir)
	case f.scope == "":
		if err := w.folder(f.dir, "", f.rulesAbove(), []fs.FileInfo{info}); err != nil {
			return nil, err
		}
	default:
		if err := w.scope(info); err != nil {
			return nil, err
		}
	}
	if err := w.exact(); err != nil {
		return nil, err
	}
	sort.SliceStable(w.out.items, func(i, j int) bool { return w.out.items[i].Path < w.out.items[j].Path })
	return &w.out, nil
}

// folder lists dir, whose path below the root is rel. Above are its ancestors.
func (w *walker) folder(dir, rel string, rules []rule, above []fs.FileInfo) error {
	if err := w.ctx.Err(); err != nil {
		return fmt.Errorf("list folder %s: %w", w.f.dir, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		if rel == "" {
			return fmt.Errorf("list folder: %w", err)
		}
		w.out.items = append(w.out.items, listed{Item{Path: rel, URI: FileURI(dir)}, plainError(err)})
		return nil
	}
	w.out.dirs = append(w.out.dirs, dir)
	rules = append(slices.Clip(rules), readRules(dir, rel)...)
	seen := make(map[string]bool, len(entries))
	for _, e := range entries {
		name := sound(e.Name())
		if seen[name] {
			name = strings.ToValidUTF8(e.Name(), "\ufffd")
		}
		seen[name] = true
		if err := w.entry(filepath.Join(dir, e.Name()), path.Join(rel, name), e, rules, above); err != nil {
			return err
		}
	}
	return nil
}

// entry lists one entry of a folder, with what is in it.
func (w *walker) entry(abs, rel string, e fs.DirEntry, rules []rule, above []fs.FileInfo) error {
	if slices.Contains(w.f.opts.Apart, abs) {
		return nil
	}
	info, err := e.Info()
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) { // else removed since the folder was read
			w.out.items = append(w.out.items, listed{Item{Path: rel, URI: FileURI(abs)}, plainError(err)})
		}
		return nil
	}
	link := info.Mode()&fs.ModeSymlink != 0
	if link {
		if w.f.opts.IgnoreLinks {
			w.skip(rel, abs, SkipLinked)
			return nil
		}
		if info, err = os.Stat(abs); err != nil {
			w.skip(rel, abs, SkipSpecial) // leads nowhere, or in a circle
			return nil
		}
	}
	if reason := w.f.left(rules, rel, info.IsDir()); reason != "" {
		w.skip(rel, abs, reason)
		return nil
	}
	if link {
		if reason := w.link(abs, info, above); reason != "" {
			w.skip(rel, abs, reason)
			return nil
		}
	}
	if info.IsDir() {
		return w.folder(abs, rel, rules, append(slices.Clip(above), info))
	}
	if len(w.f.include) > 0 && !anyMatch(w.f.include, rel, false) {
		w.skip(rel, abs, SkipExcluded)
		return nil
	}
	w.file(abs, rel, info)
	return nil
}

// link says why the target of a link is not to be listed at the link's place.
func (w *walker) link(abs string, info fs.FileInfo, above []fs.FileInfo) SkipReason {
	if info.IsDir() {
		for _, a := range above {
			if os.SameFile(a, info) {
				return SkipLink
			}
		}
	}
	real, err := filepath.EvalSymlinks(abs)
	if err != nil {
		return SkipSpecial
	}
	if rel, ok := relativeTo(w.f.dir, real); ok {
		if rel == "" {
			return SkipLink
		}
		if w.f.leftOut(rel, info.IsDir()) == "" {
			return SkipTwice
		}
		return ""
	}
	if info.IsDir() {
		if w.linked[real] {
			return SkipTwice
		}
		w.linked[real] = true
	}
	return ""
}

// file lists a file.
func (w *walker) file(abs, rel string, info fs.FileInfo) {
	it := Item{Path: rel, URI: FileURI(abs), Size: info.Size(), ModTime: info.ModTime(), Open: openFile(abs)}
	switch {
	case !info.Mode().IsRegular():
		it.Skip = SkipSpecial
	case it.Size == 0:
		it.Skip = SkipEmpty
	case it.Size > w.f.opts.MaxSize && recordingName(rel) && it.Size <= maxRecording:
		it.Recording = true
	case it.Size > w.f.opts.MaxSize:
		it.Skip = SkipTooLarge
	}
	w.out.items = append(w.out.items, listed{Item: it})
}

func (w *walker) skip(rel, abs string, reason SkipReason) {
	w.out.items = append(w.out.items, listed{Item: Item{Path: rel, URI: FileURI(abs), Skip: reason}})
}

// scope lists only what lies at or below the folder's scope.
func (w *walker) scope(root fs.FileInfo) error {
	above, dir, rules := []fs.FileInfo{root}, w.f.dir, w.f.rulesAbove()
	rel := ""
	for _, name := range strings.Split(w.f.scope, "/") {
		rules = append(rules, readRules(dir, rel)...)
		e, real := find(dir, name)
		if e == nil {
			return nil
		}
		abs := filepath.Join(dir, real)
		rel = path.Join(rel, name)
		if rel == w.f.scope {
			return w.entry(abs, rel, e, rules, above)
		}
		info, err := os.Stat(abs)
		if err != nil || !info.IsDir() {
			return nil
		}
		above, dir = append(above, info), abs
	}
	return nil
}

// exact lists the files that Include names outright, unless the walk did.
func (w *walker) exact() error {
	if len(w.f.exact) == 0 {
		return nil
	}
	at := make(map[string]int, len(w.out.items))
	for i, it := range w.out.items {
		at[it.Path] = i
	}
	for _, rel := range w.f.exact {
		if w.f.scope != "" && rel != w.f.scope && !strings.HasPrefix(rel, w.f.scope+"/") {
			continue
		}
		i, ok := at[rel]
		if ok && w.out.items[i].Skip == "" {
			continue
		}
		abs := filepath.Join(w.f.dir, filepath.FromSlash(rel))
		info, err := os.Stat(abs)
		if err != nil {
			e, real := find(filepath.Dir(abs), path.Base(rel))
			if e == nil {
				continue
			}
			abs = filepath.Join(filepath.Dir(abs), real)
			if info, err = os.Stat(abs); err != nil {
				continue
			}
		}
		if info.IsDir() {
			continue
		}
		if ok {
			w.out.items = slices.Delete(w.out.items, i, i+1)
		}
		w.file(abs, rel, info)
		clear(at)
		for i, it := range w.out.items {
			at[it.Path] = i
		}
	}
	return nil
}

// find returns the entry of dir whose sound name is name, and its real name.
func find(dir, name string) (fs.DirEntry, string) {
	if info, err := os.Lstat(filepath.Join(dir, name)); err == nil {
		return fs.FileInfoToDirEntry(info), name
	}
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if sound(e.Name()) == name {
			return e, e.Name()
		}
	}
	return nil, ""
}

// left says why rel is not listed, apart from Include; folders above it are
// taken as listed.
func (f *Folder) left(rules []rule, rel string, dir bool) SkipReason {
	base := path.Base(rel)
	v := judge(rules, rel, dir)
	switch {
	case v == unhidden:
	case strings.HasPrefix(base, ".") || strings.HasPrefix(base, "~$"):
		return SkipHidden
	case v == ignored:
		return SkipIgnored
	}
	for i := range f.exclude {
		if f.exclude[i].match(rel, dir) {
			return SkipIgnored
		}
	}
	return ""
}

// leftOut is left for a path whose folders have not been judged yet.
func (f *Folder) leftOut(rel string, dir bool) SkipReason {
	rules, abs, at := f.rulesAbove(), f.dir, ""
	names := strings.Split(rel, "/")
	for i, name := range names {
		rules = append(rules, readRules(abs, at)...)
		abs, at = filepath.Join(abs, name), path.Join(at, name)
		if reason := f.left(rules, at, dir || i < len(names)-1); reason != "" {
			return reason
		}
	}
	return ""
}

// maxIgnoreFile bounds how much of an ignore file is read, in bytes.
const maxIgnoreFile = 1 << 20

// readRules reads the ignore files of the folder dir, at rel below the root.
func readRules(dir, rel string) []rule {
	var rules []rule
	for _, name := range ignoreFiles {
		rules = append(rules, parseIgnore(readSmall(filepath.Join(dir, name)), rel, name == ".loreignore")...)
	}
	return rules
}

// rulesAbove returns the rules that the git repository around the root, if there
// is one, sets from above it. They do not count when they would ignore the root
// itself: it was named by a person.
func (f *Folder) rulesAbove() []rule {
	top := f.dir
	for {
		if _, err := os.Lstat(filepath.Join(top, ".git")); err == nil {
			break
		}
		up := filepath.Dir(top)
		if up == top {
			return nil
		}
		top = up
	}
	rules := parseIgnore(readSmall(filepath.Join(top, ".git", "info", "exclude")), "", false)
	rel, ok := relativeTo(top, f.dir)
	if !ok || rel == "" {
		return rules
	}
	names := strings.Split(rel, "/")
	dir, base := top, ""
	for i, name := range names {
		rules = append(rules, parseIgnore(readSmall(filepath.Join(dir, ".gitignore")), base, false)...)
		dir, base = filepath.Join(dir, name), path.Join(names[:i+1]...)
		if judge(rules, base, true) == ignored {
			return nil
		}
	}
	// From here on paths are relative to the root.
	for i := range rules {
		r := &rules[i]
		r.above, _ = strings.CutPrefix(strings.TrimPrefix(rel, r.base), "/")
		r.base = ""
	}
	return rules
}

func readSmall(name string) string {
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		return ""
	}
	file, err := os.Open(name)
	if err != nil {
		return ""
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxIgnoreFile))
	if err != nil {
		return ""
	}
	return string(data)
}

// sound returns a file name as it stands in paths: composed (macOS hands out
// decomposed names) and valid UTF-8, other bytes written as %XX.
func sound(name string) string {
	if utf8.ValidString(name) {
		return norm.NFC.String(name)
	}
	var b strings.Builder
	for i := 0; i < len(name); {
		r, n := utf8.DecodeRuneInString(name[i:])
		if r == utf8.RuneError && n <= 1 {
			fmt.Fprintf(&b, "%%%02X", name[i])
		} else {
			b.WriteString(name[i : i+n])
		}
		i += n
	}
	return b.String()
}

// plainError returns what happened to a file without repeating its name.
func plainError(err error) error {
	if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
