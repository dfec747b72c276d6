package retrieve

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/lore-kb/lore/analysis"
	"github.com/lore-kb/lore/store"
)

// mediaTypes are the names by which people call kinds of files.
var mediaTypes = map[string][]string{
	"md":       {"text/markdown"},
	"markdown": {"text/markdown"},
	"txt":      {"text/plain"},
	"text":     {"text/*"},
	"html":     {"text/html", "application/xhtml+xml"},
	"htm":      {"text/html", "application/xhtml+xml"},
	"pdf":      {"application/pdf"},
	"doc":      {"application/msword", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
	"docx":     {"application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
	"xls":      {"application/vnd.ms-excel", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
	"xlsx":     {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
	"ppt":      {"application/vnd.ms-powerpoint", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
	"pptx":     {"application/vnd.openxmlformats-officedocument.presentationml.presentation"},
	"csv":      {"text/csv"},
	"json":     {"application/json"},
	"xml":      {"application/xml", "text/xml"},
	"eml":      {"message/rfc822"},
	"mail":     {"message/rfc822", "application/mbox"},
	"epub":     {"application/epub+zip"},
	"rtf":      {"application/rtf", "text/rtf"},
	"image":    {"image/*"},
	"audio":    {"audio/*"},
	"video":    {"video/*"},
}

// MediaTypes returns the media types that a name such as pdf or docx stands for;
// a name with a slash, or an unknown one, stands for itself.
func MediaTypes(name string) []string {
	name = strings.ToLower(strings.TrimPrefix(name, "."))
	if m, ok := mediaTypes[name]; ok {
		return slices.Clone(m)
	}
	return []string{name}
}

// narrow joins a filter with the conditions in a question: both hold. f is not
// changed. What contradicts itself selects nothing.
func (r *Retriever) narrow(ctx context.Context, f store.Filter, in *analysis.Inline) (store.Filter, error) {
	if in.Empty() {
		return f, nil
	}
	possible := true
	if len(in.Types) > 0 {
		var types []string
		for _, t := range in.Types {
			types = append(types, MediaTypes(t)...)
		}
		if f.MediaTypes = common(f.MediaTypes, types, mediaTypeWithin); len(f.MediaTypes) == 0 {
			possible = false
		}
	}
	labels := maps.Clone(f.Labels)
	for key, value := range in.Labels {
		if other, ok := labels[key]; ok && other != value {
			possible = false
		}
		if labels == nil {
			labels = make(map[string]string)
		}
		labels[key] = value
	}
	f.Labels = labels
	if in.After.After(f.After) {
		f.After = in.After
	}
	if !in.Before.IsZero() && (f.Before.IsZero() || in.Before.Before(f.Before)) {
		f.Before = in.Before
	}
	switch {
	case !possible || len(in.Paths) == 0:
	case len(f.Paths) == 0:
		f.Paths = in.Paths
	case !slices.ContainsFunc(slices.Concat(f.Paths, in.Paths), isGlob):
		f.Paths = common(f.Paths, in.Paths, pathWithin)
		possible = len(f.Paths) > 0
	default:
		// Values of one condition are alternatives, so that globs which must hold
		// together are looked up.
		wanted := f
		f.Documents = nil
		for d, err := range r.store.Documents(ctx, wanted) {
			if err != nil {
				return f, err
			}
			if slices.ContainsFunc(in.Paths, func(p string) bool { return store.MatchPath(p, d.Path) }) {
				f.Documents = append(f.Documents, d.ID)
			}
		}
		possible = len(f.Documents) > 0
	}
	if !possible {
		f.Documents = []string{""} // no document has this ID
	}
	return f, nil
}

// common returns what both lists select, of each pair the one within the other;
// an empty first list selects everything.
func common(a, b []string, within func(inner, outer string) bool) []string {
	if len(a) == 0 {
		return b
	}
	var out []string
	for _, x := range a {
		for _, y := range b {
			switch {
			case within(y, x):
				out = append(out, y)
			case within(x, y):
				out = append(out, x)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func isGlob(path string) bool { return strings.ContainsAny(path, "*?[") }

func pathWithin(inner, outer string) bool {
	return store.MatchPath(outer, strings.TrimSuffix(inner, "/"))
}

func mediaTypeWithin(inner, outer string) bool {
	return inner == outer || store.MatchMediaType(outer, inner)
}
