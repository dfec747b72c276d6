package qdrantstore

import (
	"strings"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/lore-kb/lore/store"
)

// condition is a store.Filter as the server understands it. It may select too
// much, never too little; refine says that it may.
type condition struct {
	filter *qdrant.Filter
	refine bool
}

// refineKeys are what the exact check of a candidate reads.
var refineKeys = []string{keyPath, keyMediaType, keyDate, keyRoot, keyLanguage, keyLabels}

// conditionOf translates what points and documents have in common.
func conditionOf(f *store.Filter) condition {
	c := condition{filter: &qdrant.Filter{}}
	must := func(x ...*qdrant.Condition) { c.filter.Must = append(c.filter.Must, x...) }
	anyOf := func(key string, values []string) {
		if len(values) > 0 {
			must(matchAny(key, values))
		}
	}
	anyOf(keyDocument, f.Documents)
	anyOf(keyRoot, f.Roots)
	anyOf(keyLanguage, f.Languages)
	if should, ok := c.paths(f.Paths); ok {
		must(should)
	}
	if should, ok := c.mediaTypes(f.MediaTypes); ok {
		must(should)
	}
	for k, v := range f.Labels {
		must(qdrant.NewMatchKeyword(keyPairs, encode(labelPair(k, v))))
	}
	if !f.After.IsZero() || !f.Before.IsZero() {
		// The server compares microseconds; what is left is decided here.
		r := &qdrant.DatetimeRange{}
		if !f.After.IsZero() {
			r.Gte = timestamppb.New(f.After)
			c.refine = c.refine || f.After.Nanosecond()%1000 != 0
		}
		if !f.Before.IsZero() {
			r.Lte = timestamppb.New(f.Before)
			c.refine = true
		}
		must(qdrant.NewDatetimeRange(keyDate, r))
	}
	return c
}

func (c *condition) paths(paths []string) (*qdrant.Condition, bool) {
	if len(paths) == 0 {
		return nil, false
	}
	var prefixes []string
	for _, p := range paths {
		if strings.ContainsAny(p, "*?[") {
			c.refine = true
			// Everything before the first segment with a wildcard is a prefix,
			// unless a backslash or a brace gives it another meaning.
			literal := p[:strings.IndexAny(p, "*?[")]
			slash := strings.LastIndexByte(literal, '/')
			if slash <= 0 || strings.ContainsAny(literal, `\{`) {
				return nil, false
			}
			prefixes = append(prefixes, literal[:slash])
			continue
		}
		if p == "" {
			return nil, false
		}
		prefixes = append(prefixes, strings.TrimSuffix(p, "/"))
	}
	return matchAny(keyPaths, prefixes), true
}

func (c *condition) mediaTypes(types []string) (*qdrant.Condition, bool) {
	if len(types) == 0 {
		return nil, false
	}
	should := &qdrant.Filter{}
	for _, t := range types {
		prefix, ok := strings.CutSuffix(t, "*")
		switch {
		case !ok || !strings.HasSuffix(prefix, "/"):
			should.Should = append(should.Should, qdrant.NewMatchKeyword(keyMediaType, encode(t)))
		case prefix == mediaMajor(prefix):
			should.Should = append(should.Should, qdrant.NewMatchKeyword(keyMediaMajor, encode(prefix)))
		default:
			c.refine = true
			should.Should = append(should.Should, qdrant.NewMatchKeyword(keyMediaMajor, encode(mediaMajor(prefix))))
		}
	}
	return qdrant.NewFilterAsCondition(should), true
}

// pointCondition translates f for points.
func pointCondition(f *store.Filter) condition { return conditionOf(f) }

// documentCondition translates f for documents' records.
func documentCondition(f *store.Filter) condition {
	c := conditionOf(f)
	c.filter.Must = append(c.filter.Must, qdrant.NewMatchKeyword(keyKind, kindDocument))
	if len(f.Statuses) > 0 {
		var statuses []string
		for _, s := range f.Statuses {
			statuses = append(statuses, string(s))
		}
		c.filter.Must = append(c.filter.Must, matchAny(keyStatus, statuses))
	}
	return c
}

func matchAny(key string, values []string) *qdrant.Condition {
	encoded := make([]string, len(values))
	for i, v := range values {
		encoded[i] = encode(v)
	}
	if len(encoded) == 1 {
		return qdrant.NewMatchKeyword(key, encoded[0])
	}
	return qdrant.NewMatchKeywords(key, encoded...)
}

func must(conditions ...*qdrant.Condition) *qdrant.Filter { return &qdrant.Filter{Must: conditions} }

func ids(list []string) []*qdrant.PointId {
	out := make([]*qdrant.PointId, len(list))
	for i, id := range list {
		out[i] = qdrant.NewIDUUID(id)
	}
	return out
}
