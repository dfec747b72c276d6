package store

import (
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
)

// MatchDocument reports whether f selects the document.
func (f *Filter) MatchDocument(d *DocumentInfo) bool {
	return (len(f.Documents) == 0 || slices.Contains(f.Documents, d.ID)) &&
		(len(f.Statuses) == 0 || slices.Contains(f.Statuses, d.Status)) &&
		f.match(d.Root, d.Path, d.MediaType, d.Language, d.Labels, d.Date)
}

// MatchPayload reports whether f selects the point with this payload.
func (f *Filter) MatchPayload(p *Payload) bool {
	return (len(f.Documents) == 0 || slices.Contains(f.Documents, p.DocumentID)) &&
		f.match(p.Root, p.Path, p.MediaType, p.Language, p.Labels, p.Date)
}

func (f *Filter) match(root, path, mediaType, language string, labels map[string]string, date time.Time) bool {
	if len(f.Roots) > 0 && !slices.Contains(f.Roots, root) ||
		len(f.Languages) > 0 && !slices.Contains(f.Languages, language) ||
		!f.After.IsZero() && date.Before(f.After) ||
		!f.Before.IsZero() && !date.Before(f.Before) {
		return false
	}
	for k, v := range f.Labels {
		if got, ok := labels[k]; !ok || got != v {
			return false
		}
	}
	return (len(f.Paths) == 0 || slices.ContainsFunc(f.Paths, func(p string) bool { return MatchPath(p, path) })) &&
		(len(f.MediaTypes) == 0 || slices.ContainsFunc(f.MediaTypes, func(m string) bool { return MatchMediaType(m, mediaType) }))
}

// MatchPath reports whether a value of Filter.Paths selects path. A glob has to
// match the whole path; a damaged one matches nothing. A prefix ends at a
// slash, at the "!/" after a container, or at the end of path; the empty prefix
// selects every path.
func MatchPath(pattern, path string) bool {
	if strings.ContainsAny(pattern, "*?[") {
		ok, err := doublestar.Match(pattern, path)
		return err == nil && ok
	}
	rest, ok := strings.CutPrefix(path, strings.TrimSuffix(pattern, "/"))
	return ok && (pattern == "" || rest == "" || rest[0] == '/' || strings.HasPrefix(rest, "!/"))
}

// MatchMediaType reports whether a value of Filter.MediaTypes selects mediaType.
func MatchMediaType(pattern, mediaType string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok && strings.HasSuffix(prefix, "/") {
		return strings.HasPrefix(mediaType, prefix)
	}
	return pattern == mediaType
}
