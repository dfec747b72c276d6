package retrieve

import (
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

// withInline joins a filter with the conditions in a question. f is not changed.
// Where both name values of one condition, those of the question count: they are
// the narrower wish.
func withInline(f store.Filter, in *analysis.Inline) store.Filter {
	if in.Empty() {
		return f
	}
	if len(in.Paths) > 0 {
		f.Paths = in.Paths
	}
	if len(in.Types) > 0 {
		f.MediaTypes = nil
		for _, t := range in.Types {
			f.MediaTypes = append(f.MediaTypes, MediaTypes(t)...)
		}
	}
	if len(in.Labels) > 0 {
		labels := maps.Clone(f.Labels)
		if labels == nil {
			labels = make(map[string]string)
		}
		maps.Copy(labels, in.Labels)
		f.Labels = labels
	}
	if in.After.After(f.After) {
		f.After = in.After
	}
	if !in.Before.IsZero() && (f.Before.IsZero() || in.Before.Before(f.Before)) {
		f.Before = in.Before
	}
	return f
}
